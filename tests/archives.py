"""An archive as they are: many small series, a few files cut short, foreign ones, a copy, UIDs that went wrong.

``python tests/archives.py FOLDER [SERIES [SLICES]]`` writes one of 1,000 series of 17 slices, unless it is there, loads
all stacks of it, and prints what came of them.
"""

from __future__ import annotations

import shutil
import sys
import time
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from synthetic import ROOT, write_series

import vtkdicomload as vdl

_PAGE = b"<html><body>503 Service Unavailable</body></html>"
_CUT, _FOREIGN, _COPIED, _TORN = 5, 3, 1, 1


@dataclass(frozen=True)
class Archive:
    """What `write_archive` has written, by SeriesInstanceUID."""

    folder: Path
    cut: frozenset[str]  # a file of theirs is cut short
    foreign: frozenset[str]  # a file in their folder has the suffix of DICOM, and a name and content of its own
    copied: frozenset[str]  # their folder is there twice
    torn: frozenset[str]  # each of their files has a FrameOfReferenceUID of its own
    good: frozenset[str]  # all others


def write_archive(folder: Path, series: int = 1000, slices: int = 17) -> Archive:
    """Write the archive, a patient a folder and a folder for each series in it."""
    uids = [f"{ROOT}.{seed}" for seed in range(series)]
    step = series // (_CUT + _FOREIGN + _COPIED + _TORN)
    odd = iter(uids[step // 2 :: step])
    kinds = [frozenset(next(odd) for _ in range(n)) for n in (_CUT, _FOREIGN, _COPIED, _TORN)]
    cut, foreign, copied, torn = kinds
    for seed, uid in enumerate(uids):
        place = folder / f"patient{seed // 8:03}" / f"series{seed:04}"
        if not place.exists():
            options = {"FrameOfReferenceUID": None} if uid in torn else {}
            edit = (lambda d, k, uid=uid: setattr(d, "FrameOfReferenceUID", f"{uid}.{k + 1}")) if uid in torn else None
            truth = write_series(place, count=slices, seed=seed, edit=edit, **options)
            last = truth.files[-1]
            if uid in cut:
                last.write_bytes(last.read_bytes()[:-40])
            if uid in foreign:
                (place / "page.dcm").write_bytes(_PAGE)
            if uid in copied:
                shutil.copytree(place, folder / "export again" / place.name)
    return Archive(folder, *kinds, frozenset(uids).difference(*kinds))


def load_stacks(folder: Path) -> tuple[Counter[tuple[str, str]], float]:
    """Count what becomes of the stacks of all series, by UID and by ``loaded``, ``warned`` or the kind of error."""
    begin = time.perf_counter()
    counts: Counter[tuple[str, str]] = Counter()
    stacks = [stack for series in vdl.scan(folder) for stack in series.stacks()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", vdl.DicomLoadWarning)
        for result in vdl.load_many(stacks):
            became = "warned" if result.warnings else "loaded"
            counts[result.source.uid, type(result.error).__name__ if result.error else became] += 1
    return counts, time.perf_counter() - begin


def _main() -> None:
    folder, *sizes = sys.argv[1:]
    archive = write_archive(Path(folder), *map(int, sizes))
    begin = time.perf_counter()
    found = vdl.scan(folder)
    print(f"scan: {len(found)} series in {time.perf_counter() - begin:.1f} s")
    counts, seconds = load_stacks(archive.folder)
    print(f"scan and load of every stack: {seconds:.1f} s")
    for name in ("good", "cut", "foreign", "copied", "torn"):
        members = getattr(archive, name)
        became = Counter({kind: 0 for _, kind in counts})
        for (uid, kind), n in counts.items():
            became[kind] += n if uid in members else 0
        print(f"{len(members)} {name}: {', '.join(f'{n} {kind}' for kind, n in became.items() if n)}")


if __name__ == "__main__":
    _main()
