"""The command: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from . import chart, report
from .sections import SECTIONS, Bench
from .works import FULL, QUICK

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the report, and write it with its chart."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(given)
    names = [name for name in options.only or SECTIONS if name not in options.skip]
    rounds = options.rounds or (3 if options.quick else 9)
    bench = Bench(QUICK if options.quick else FULL, options.data, rounds, say=_say)
    sections = [bench.run(name) for name in names]
    words = report.markdown(sections, rounds, " ".join(["python -m benchmarks", *_without_places(given)]))
    print(words)
    page = options.write or options.data / "benchmarks.md"
    report.write(words, page)
    picture = page.parent / "images" / "benchmark.png"
    drawn = chart.draw(sections, picture)
    _say(f"written: {page}{f', {picture}' if drawn else ''}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller data, fewer rounds: under a minute")
    parser.add_argument("--only", action="append", choices=SECTIONS, help="this section (may be given again)")
    parser.add_argument("--skip", action="append", choices=SECTIONS, default=[], help="not this section")
    parser.add_argument("--rounds", type=_positive, help="timed runs of each peer (9; 3 with --quick)")
    place = Path(tempfile.gettempdir()) / "vtkdicomload-benchmarks"
    parser.add_argument("--data", type=Path, default=place, help="folder of the series, made once (%(default)s)")
    parser.add_argument(
        "--write",
        type=Path,
        help="page for the report, between its marks where it has them; the chart goes to images/ beside it",
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _without_places(given: Sequence[str]) -> list[str]:
    """The arguments without folders, which are of no interest to a reader."""
    kept: list[str] = []
    skip = False
    for word in given:
        if not skip and not word.startswith(("--data", "--write")):
            kept.append(word)
        skip = word in ("--data", "--write")
    return kept


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
