"""The stacks of an index: a row for each, made of the rows of files; those of unchanged files are kept."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...headers.reading import HeaderReader
from ...stacks.prepare import prepare
from ...stacks.series_data import SeriesData
from ...stacks.split import split
from ..assess import assess
from ..outcomes import FileOutcome, read_outcomes
from ..rows import StackRow, describe_stack
from .arrow import pa, pq, replace_parquet
from .buckets import list_bucket_paths
from .charges import charge_damage
from .columns import SCHEMA_VERSION, find_kind, make_table
from .file_rows import Entry, list_entries, restore_frames
from .grouping import group_files, read_series
from .stack_row import IndexedStack, Location

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ...headers.model import Frame
    from ...sources.file import File
    from ...stacks.series_data import Problem
    from ..charging import SeriesKey
    from .grouping import GroupedFiles, SeriesRows
    from .patients import Patient, Patients

STACK_KINDS = {f.name: find_kind(str(f.type)) for f in fields(IndexedStack) if not f.metadata.get("private")}
_OF_ANY_STACK = [f.name for f in fields(StackRow)]
_SCHEMA = pa.schema([(name, kind.arrow) for name, kind in STACK_KINDS.items()])
_ABOUT = b"vtkdicomload"  # of the metadata: what is said of the whole index


class About(NamedTuple):
    """What an index says of itself."""

    root: str
    schema_version: int
    mode: str  # of naming patients
    buckets: dict[str, list[int]]  # size and time of the files that the stacks were made of


def find_stacks_path(index: str) -> str:
    """The Parquet file of the stacks."""
    return os.path.join(index, "stacks", "data.parquet")


def stamp_stacks(path: str) -> tuple[int, int]:
    """What tells that the file of the stacks was written again."""
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns


def read_about(index: str) -> About:
    """Read what an index says of itself.

    Raises
    ------
    FileNotFoundError
        There is no index, or it was never finished.
    ValueError
        The file of the stacks is none of an index.
    """
    path = find_stacks_path(index)
    if not os.path.exists(path):
        raise FileNotFoundError(f"there is no finished index at {index}: Index.build makes or finishes one")
    metadata = pq.read_schema(path).metadata or {}
    try:
        return About(**json.loads(metadata[_ABOUT]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is no file of an index") from error


def locate_index(index: str) -> Location:
    """Say where an index lies, and what it is of; errors as `read_about`, and a ValueError for another version."""
    about = read_about(index)
    if about.schema_version != SCHEMA_VERSION:
        raise ValueError(
            f"the index {index} has the columns of version {about.schema_version}, not {SCHEMA_VERSION}: build it again"
        )
    return Location(index, about.root, stamp_stacks(find_stacks_path(index)))


def count_stacks(index: str) -> int:
    """Count the rows of the stacks."""
    rows: int = pq.read_metadata(find_stacks_path(index)).num_rows
    return rows


def describe_index(index: str, root: str, mode: str) -> About:
    """Describe an index by its files as they are now."""
    status = {f"{bucket:02}": os.stat(path) for bucket, path in list_bucket_paths(index).items()}
    return About(root, SCHEMA_VERSION, mode, {b: [s.st_size, s.st_mtime_ns] for b, s in status.items()})


def update_stacks(index: str, root: str, patients: Patients) -> None:
    """Bring the stacks of an index up to date with its files; nothing is done where they are."""
    about = describe_index(index, root, patients.mode)
    old = _read_old(index, patients.mode)
    if old is not None and about == read_about(index):
        return
    grouped = group_files(list_bucket_paths(index))
    building = _Building(root, patients, grouped, old)
    for together in read_series(grouped):
        building.add(together)
    schema = _SCHEMA.with_metadata({_ABOUT: json.dumps(about._asdict())})
    with replace_parquet(find_stacks_path(index), schema) as writer:
        writer.write_table(building.sort().replace_schema_metadata(schema.metadata))


def _read_old(index: str, mode: str) -> Any:
    """The stacks as they were; None where there are none, or patients were named otherwise."""
    try:
        about = read_about(index)
    except (FileNotFoundError, ValueError):
        return None
    if (about.schema_version, about.mode) != (SCHEMA_VERSION, mode):
        return None
    return pq.read_table(find_stacks_path(index), partitioning=None)


def make_fingerprint(key: SeriesKey, entries: Iterable[Sequence[Any]], damage: Iterable[tuple[str, str]]) -> str:
    """A text that is another wherever the files of a series, or what is damaged beside them, are others."""
    lines = (repr(key), *(f"{path}\0{size}\0{time}" for path, size, time in entries), *map("\0".join, damage))
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()[:32]


class Charged(NamedTuple):
    """The damaged files that one series is charged with; see `Charges`."""

    own: tuple[Problem, ...]
    beside: tuple[Problem, ...]
    strays: tuple[Problem, ...]


def prepare_series(frames: Sequence[Frame], damage: Charged) -> SeriesData:
    """Make a series of its frames and damaged files."""
    own, beside, strays = damage
    return prepare(SeriesData(tuple(frames), problems=own, beside=beside, strays=strays))


class _Building:
    """The rows of stacks, as the series come."""

    def __init__(self, root: str, patients: Patients, grouped: GroupedFiles, old: Any) -> None:
        self._root, self._patients, self._grouped = root, patients, grouped
        self._charges = charge_damage(root, grouped)
        self._reader = HeaderReader()
        self._old = _SCHEMA.empty_table() if old is None else old
        self._known: dict[str, list[int]] = {}
        for row, fingerprint in enumerate(self._old["fingerprint"].to_pylist()):
            self._known.setdefault(fingerprint, []).append(row)
        self._tables: list[Any] = [_SCHEMA.empty_table()]
        self._numbers: list[int] = []  # of each row: which series it is of

    def add(self, together: Sequence[SeriesRows]) -> None:
        """Add the stacks of some series; those that are known are taken as they are."""
        kept: list[int] = []
        rows: list[dict[str, Any]] = []
        kept_numbers: list[int] = []
        new_numbers: list[int] = []
        for series in together:
            damage = [tuple(charged.get(series.key, ())) for charged in self._charges]
            told = [(problem.path, problem.error.what) for problems in damage for problem in problems]
            fingerprint = make_fingerprint(series.key, list_entries(series.table), told)
            if fingerprint in self._known:
                kept += self._known[fingerprint]
                kept_numbers += [series.number] * len(self._known[fingerprint])
            else:
                found = self._describe_series(series, Charged(*damage), fingerprint)
                rows += found
                new_numbers += [series.number] * len(found)
        if kept:
            self._tables.append(self._old.take(pa.array(kept)))
        if rows:
            columns = [[row[name] for row in rows] for name in STACK_KINDS]
            self._tables.append(make_table(columns, _SCHEMA, STACK_KINDS))
        self._numbers += kept_numbers + new_numbers

    def _describe_series(self, series: SeriesRows, damage: Charged, fingerprint: str) -> list[dict[str, Any]]:
        """Describe the stacks of one series."""
        frames, changed = read_frames(series.table, partial(Entry.open_at, root=self._root), self._reader)
        if not frames:  # its files have changed since they were read: the next run sees what they are
            return []
        prepared = prepare_series(frames, damage._replace(own=(*damage.own, *changed)))
        whose = self._patients.describe(frames[0].header.file)
        shared = {
            "damaged": [problem.path for problem in damage.own],
            "beside": [problem.path for problem in damage.beside],
            "strays": [problem.path for problem in damage.strays],
            "damage": [problem.error.what for problems in damage for problem in problems],
            "buckets": list(series.buckets),
            "fingerprint": fingerprint,
            "schema_version": SCHEMA_VERSION,
        }
        return [_describe(stack, row, whose, shared) for row, stack in enumerate(split(prepared))]

    def sort(self) -> Any:
        """The rows in the order of a scan: by study, SeriesNumber and first file."""
        table, numbers = pa.concat_tables(self._tables), np.array(self._numbers, np.int64)
        first = self._grouped.find_first_places()
        studies: dict[str | None, int] = {}
        for (study, _), place in zip(self._grouped.keys, first.tolist(), strict=True):
            studies[study] = min(place, studies.get(study, place))
        of_study = np.array([studies[study] for study, _ in self._grouped.keys], np.int64)
        said = np.array([np.inf if n is None else n for n in table["number"].to_pylist()])
        in_series = np.array(table["stack"].to_pylist(), np.int64)
        lowest = np.full(len(first), np.inf)
        np.minimum.at(lowest, numbers, said)
        order = np.lexsort((in_series, first[numbers], lowest[numbers], of_study[numbers]))
        ordered = numbers[order]
        rows = np.cumsum(np.diff(ordered, prepend=ordered[:1]) != 0)
        column = table.schema.get_field_index("series")
        return table.take(pa.array(order)).set_column(column, table.schema.field(column), pa.array(rows, pa.int64()))


def read_frames(
    table: Any, open_file: Callable[[Entry], File], reader: HeaderReader
) -> tuple[list[Frame], list[Problem]]:
    """Make the frames of the rows of files again, and read those of which the rows do not say all.

    Parameters
    ----------
    table : pyarrow.Table
        The rows.
    open_file : callable
        Gives the file of a row, which refuses to be read where it has changed.
    reader : HeaderReader
        Reads headers again.

    Returns
    -------
    frames : list of Frame
        In the order of the rows.
    changed : list of Problem
        Files that cannot be read as they were.
    """
    files = list(map(open_file, list_entries(table)))
    made = restore_frames(table, files)
    again = iter(read_outcomes([f for f, frame in zip(files, made, strict=True) if frame is None], reader))
    outcomes = [next(again) if frame is None else frame for frame in made]
    frames: list[Frame] = []
    changed: list[Problem] = []
    for outcome in outcomes:
        frames += outcome.frames if isinstance(outcome, FileOutcome) else (outcome,)
        if isinstance(outcome, FileOutcome) and outcome.problem:
            changed.append(outcome.problem)
    return frames, changed


def _describe(stack: SeriesData, row: int, whose: Patient, shared: dict[str, Any]) -> dict[str, Any]:
    assessed = assess(stack)
    described, geometry = describe_stack(stack, assessed, 0, row), assessed.geometry
    return {
        **{name: getattr(described, name) for name in _OF_ANY_STACK},
        "folder": stack.folder or ".",
        "origin": geometry and geometry.origin,
        "direction": None if geometry is None or geometry.direction is None else geometry.direction.ravel().tolist(),
        "warnings": list(dict.fromkeys(map(str, assessed.assumptions))),
        "patient": whose.key,
        "patient_id": whose.patient_id,
        "patient_name": whose.name,
        **shared,
    }
