"""Tables and lines that the commands print."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .terminal import clean, make_console, open_terminal, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _typeshed import DataclassInstance

    from ..bulk.verification import Verification
    from ..loading.comparison import Comparison
    from ..series import Scan

_PIPE_WIDTH = 120  # columns; a wider table is broken into pieces by whatever shows it


def print_table(found: Scan) -> None:
    """The table of a scan; where it is wider than the terminal or, in a pipe, than 120 columns, a line a series."""
    from ..catalog import tables

    say(f"{len(found)} series in {found.source}")
    rows = [[clean(cell) for cell in row] for row in tables.scan_rows(found)]
    if not _print_rows(tables.HEADINGS, rows):
        for which, number, modality, description, size, spacing, plane, encoding, loads in rows:
            say(f"[{which}] #{number} {modality} {description}: {size}, {spacing} mm, {plane}, {encoding}: {loads}")
    for line in tables.list_footnotes(found):
        say(line)


def print_verification(done: Verification) -> None:
    """The table of a verification; where it is too wide, a line a stack. Below it, how many there are of each kind."""
    rows = [[clean(word or "") for word in (one.status, one.title, one.folder, one.reason)] for one in done]
    if not _print_rows(("pixels", "stack", "folder", "reason"), rows):
        for status, title, folder, reason in rows:
            say(f"{status}: {title} in {folder}" + (f": {reason}" if reason else ""))
    for path in done.damaged:
        say(f"damaged, of no series: {path}")
    counts = Counter(one.status for one in done)
    say(f"{done.where}: {', '.join(f'{n} {status}' for status, n in counts.items())}")


def print_outcome_as_json(outcome: DataclassInstance) -> None:
    """A line of JSON for an outcome."""
    print_as_json(asdict(outcome))


def print_as_json(described: dict[str, Any]) -> None:
    """A line of JSON, which whoever reads the pipe has at once."""
    say(json.dumps(described))
    sys.stdout.flush()


def _print_rows(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Print a table, unless there are no rows or they are wider than the terminal or, in a pipe, than 120 columns."""
    output, widths = open_terminal(), _measure_widths([headings, *rows])
    if not rows or sum(widths) + 2 * (len(widths) - 1) > (_PIPE_WIDTH if output is None else output.width):
        return False
    say(_align(headings, widths), style="bold")
    for row in rows:
        say(_align(row, widths))
    return True


def _measure_widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """Measure how wide each column of a table is on a terminal."""
    return [max(map(_measure_text, column)) for column in zip(*rows, strict=True)]


def _align(row: Sequence[str], widths: Sequence[int]) -> str:
    """Write a row of a table in columns of these widths."""
    cells = (cell + " " * (width - _measure_text(cell)) for cell, width in zip(row, widths, strict=True))
    return "  ".join(cells).rstrip()


def _measure_text(text: str) -> int:
    """Measure how many columns a text takes on a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def print_facts(lines: list[tuple[str, str]]) -> None:
    """Names and words in two columns."""
    for name, words in lines:
        say(f"    {name:10} {words}")


def print_comparison(headings: tuple[str, ...], theirs: tuple[str, ...], ours: tuple[str, ...]) -> None:
    """Say what two readers say, side by side under their names."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for cell in (headings[0], theirs[0], ours[0]):
        table.add_column(cell)
    for row in zip(headings[1:], theirs[1:], ours[1:], strict=True):
        table.add_row(*row)
    make_console().print(table)


def print_measured(measured: Comparison) -> None:
    """Say how long each way to load took, and whether its values are the same."""
    from rich.table import Table

    cores = f"{measured.cores} {'core' if measured.cores == 1 else 'cores'}"
    size, rounds = f"{measured.pixel_bytes / 1e6:.1f} MB of pixels", measured.rounds
    say(f"{measured.title}: {size}, {cores}, files in memory, median of {rounds}\n")
    table = Table("", "seconds", "× floor", "", box=None, pad_edge=False, header_style="bold")
    for row in measured.rows:
        took = ("–", "–") if row.seconds is None else (f"{row.seconds:.4f}", f"{row.ratio:.2f}")
        table.add_row(row.name, *took, clean(row.words))
    make_console().print(table)
