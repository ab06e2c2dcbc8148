"""The damaged files of an index, and the series that each concerns: as a scan would find it, from Parquet."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from ...sources.reasons import Reason
from ..charging import NO_CHARGES, KnownImage, charge_problems
from ..damage import SUSPECT, classify_slice, find_lost_slices
from .arrow import list_values, pa, pc, pq
from .buckets import read_bucket
from .columns import KEY
from .entry import make_readable
from .file_rows import DAMAGED, IMAGE, SKIPPED, list_entries, read_path, restore_damaged

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from ...sources.file import File
    from ...stacks.series_data import Problem
    from ..charging import Charges, SeriesKey
    from .grouping import GroupedFiles
    from .root import Root

_SUSPECT = pa.array([reason.name for reason in SUSPECT])
_KNOWN = ("path", "path_bytes", "sop_class_uid", "modality", "rows", "columns")


def charge_damage(root: Root, grouped: GroupedFiles) -> Charges:
    """Find the damaged files of an index, and charge each to its series."""
    problems: list[Problem] = []
    foreign: set[str] = set()
    for path in grouped.paths.values():
        table = _read_others(path)
        for row in restore_damaged(table.filter(pc.equal(table["outcome"], DAMAGED))):
            problems.append(row.problem)
            if row.foreign:
                foreign.add(row.problem.path)
        suspects = table.filter(pc.and_(pc.equal(table["outcome"], SKIPPED), pc.is_in(table["reason"], _SUSPECT)))
        if len(suspects):
            problems += _find_lost(root, grouped, path, suspects)
    if not problems:
        return NO_CHARGES
    return charge_problems(_list_known_images(grouped, problems), problems, foreign)


def _read_others(path: str) -> Any:
    """Read the rows of a bucket that are no images."""
    return pq.read_table(path, filters=pc.field("outcome") != IMAGE, partitioning=None)


def _find_lost(root: Root, grouped: GroupedFiles, path: str, suspects: Any) -> list[Problem]:
    """Find the lost slices among files of a bucket that are no DICOM images."""
    reasons = [Reason[name] for name in list_values(suspects["reason"])]
    files: list[tuple[File, Reason]] = [
        (root.restore_file(entry, in_full=False), reason)
        for entry, reason in zip(list_entries(suspects), reasons, strict=True)
    ]
    images = read_bucket(path, (*KEY, "folder"))
    beside = pc.and_(
        pc.equal(images["outcome"], IMAGE), pc.is_in(images["folder"], suspects["folder"].combine_chunks())
    )
    kinds = {classify_slice(entry.path, entry.size) for entry in list_entries(images.filter(beside))}
    classes = _list_classes(grouped) if Reason.MAYBE_STRIPPED in reasons else ()
    return find_lost_slices(kinds, classes, files)


def _list_classes(grouped: GroupedFiles) -> Collection[tuple[str | None, str | None]]:
    """List SeriesInstanceUID and SOPClassUID of all images."""
    found: set[tuple[str | None, str | None]] = set()
    for path in grouped.paths.values():
        table = read_bucket(path, ("series_uid", "sop_class_uid", "outcome"))
        pairs = table.filter(pc.equal(table["outcome"], IMAGE)).group_by(["series_uid", "sop_class_uid"]).aggregate([])
        found.update(zip(pairs["series_uid"].to_pylist(), pairs["sop_class_uid"].to_pylist(), strict=True))
    return found


def _list_known_images(grouped: GroupedFiles, problems: Collection[Problem]) -> dict[SeriesKey, list[KnownImage]]:
    """List all series, with the images of those in the folders of damaged files that do not say whose they are."""
    images: dict[SeriesKey, list[KnownImage]] = {key: [] for key in grouped.keys}
    uids = {uid for _, uid in images}
    folders = {make_readable(os.path.dirname(p.path)) for p in problems if p.remnant.series_uid not in uids}
    if not folders:
        return images
    there = np.zeros(len(images) + 1, bool)  # and, last, for what is no image
    for bucket, path in grouped.paths.items():
        beside = pc.is_in(read_bucket(path, ("folder",))["folder"], pa.array(sorted(folders)))
        there[grouped.series[bucket][np.asarray(beside)]] = True
    there[-1] = False
    for bucket, path in grouped.paths.items():
        for number, image in _list_images(path, grouped.series[bucket], there):
            images[grouped.keys[number]].append(image)
    return images


def _list_images(path: str, series: Any, there: Any) -> Iterator[tuple[int, KnownImage]]:
    """List the images of a bucket that are of some series."""
    rows = np.flatnonzero(there[series])
    if len(rows):
        table = read_bucket(path, _KNOWN).take(pa.array(rows))
        columns = (list_values(table[name]) for name in _KNOWN)
        for number, text, raw, *rest in zip(series[rows].tolist(), *columns, strict=True):
            yield number, KnownImage(read_path(text, raw), *rest)
