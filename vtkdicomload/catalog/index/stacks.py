"""The stacks of an index: a row for each, made of the rows of files; those of unchanged files are kept."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...headers.reading import HeaderReader
from ...sources.keeping import Keeping
from ...stacks.prepare import prepare
from ...stacks.series_data import SeriesData
from ...stacks.split import split
from ..assess import assess
from ..outcomes import FileOutcome, read_outcomes
from ..rows import StackRow, describe_stack
from .about import describe_index, find_stacks_path, read_about
from .arrow import pa, pq, replace_parquet
from .buckets import list_bucket_paths
from .charges import charge_damage
from .columns import SCHEMA_VERSION, find_kind, make_table
from .entry import make_readable
from .file_rows import list_entries, restore_frames
from .grouping import group_files, read_series
from .stack_row import IndexedStack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ...headers.model import Frame
    from ...sources.file import File
    from ...stacks.series_data import Problem
    from ..charging import SeriesKey
    from .entry import Entry
    from .grouping import GroupedFiles, SeriesRows
    from .patients import Patient, Patients
    from .root import Root

STACK_KINDS = {f.name: find_kind(str(f.type)) for f in fields(IndexedStack) if not f.metadata.get("private")}
_OF_ANY_STACK = [f.name for f in fields(StackRow)]
_SCHEMA = pa.schema([(name, kind.arrow) for name, kind in STACK_KINDS.items()])


def update_stacks(index: str, root: Root, patients: Patients) -> None:
    """Bring the stacks of an index up to date with its files; nothing is done where they are."""
    about = describe_index(index, root, patients.mode)
    old = _read_old(index, patients.mode)
    if old is not None and about == read_about(index):
        return
    grouped = group_files(list_bucket_paths(index))
    building = _Building(root, patients, grouped, old)
    for together in read_series(grouped):
        building.add(together)
    schema = _SCHEMA.with_metadata(about.write())
    with replace_parquet(find_stacks_path(index), schema) as writer:
        writer.write_table(building.sort().replace_schema_metadata(schema.metadata))


def _read_old(index: str, mode: str) -> Any:
    """The stacks as they were; None where there are none, or patients were named otherwise."""
    try:
        about = read_about(index)
    except (FileNotFoundError, ValueError):
        return None
    if about.mode != mode:
        return None
    return pq.read_table(find_stacks_path(index), partitioning=None)


def make_fingerprint(key: SeriesKey, entries: Iterable[Entry], damage: Iterable[tuple[str, str]]) -> str:
    """A text that is another wherever the files of a series, or what is damaged beside them, are others."""
    lines = (repr(key), *(f"{entry.path}\0{entry.size}\0{entry.stamp}" for entry in entries), *map("\0".join, damage))
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


class _NewSeries(NamedTuple):
    """A series of which the stacks are to be described."""

    rows: SeriesRows
    damage: Charged
    fingerprint: str


class _Building:
    """The rows of stacks, as the series come."""

    def __init__(self, root: Root, patients: Patients, grouped: GroupedFiles, old: Any) -> None:
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
        new: list[_NewSeries] = []
        for series in together:
            damage = Charged(*(tuple(charged.get(series.key, ())) for charged in self._charges))
            told = [(make_readable(p.path), make_readable(p.error.what)) for problems in damage for p in problems]
            fingerprint = make_fingerprint(series.key, series.entries, told)
            if fingerprint in self._known:
                kept += self._known[fingerprint]
                self._numbers += [series.number] * len(self._known[fingerprint])
            else:
                new.append(_NewSeries(series, damage, fingerprint))
        if kept:
            self._tables.append(self._old.take(pa.array(kept)))
        if new:
            self._add_new(new)

    def _add_new(self, new: Sequence[_NewSeries]) -> None:
        """Describe the stacks of some series; files that have to be read again are read together."""
        open_file = partial(self._root.restore_file, in_full=False)
        made = read_frames([series.rows.table for series in new], open_file, self._reader)
        first = [frames[0].header.file for frames, _ in made if frames]
        rows: list[dict[str, Any]] = []
        with Keeping.whole() as keeping:  # no archive is passed through for the patient of each of its series
            kept = keeping.keep_whole([file for file in first if not file.has_beginning])
            for series, (frames, changed) in zip(new, made, strict=True):
                if not frames:  # its files have changed since they were read: the next run sees what they are
                    continue
                file = frames[0].header.file
                found = self._describe_series(series, frames, changed, self._patients.describe(kept.get(file, file)))
                rows += found
                self._numbers += [series.rows.number] * len(found)
        if rows:
            columns = [[row[name] for row in rows] for name in STACK_KINDS]
            self._tables.append(make_table(columns, _SCHEMA, STACK_KINDS))

    def _describe_series(
        self, series: _NewSeries, frames: Sequence[Frame], changed: Sequence[Problem], whose: Patient
    ) -> list[dict[str, Any]]:
        """Describe the stacks of one series."""
        damage = series.damage
        prepared = prepare_series(frames, damage._replace(own=(*damage.own, *changed)))
        shared = {
            "damaged": [problem.path for problem in damage.own],
            "beside": [problem.path for problem in damage.beside],
            "strays": [problem.path for problem in damage.strays],
            "damage": [problem.error.what for problems in damage for problem in problems],
            "patient": whose.key,
            "patient_id": whose.patient_id,
            "patient_name": whose.name,
            "buckets": list(series.rows.buckets),
            "fingerprint": series.fingerprint,
            "schema_version": SCHEMA_VERSION,
        }
        return [_describe(stack, row, shared) for row, stack in enumerate(split(prepared))]

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
    tables: Sequence[Any], open_file: Callable[[Entry], File], reader: HeaderReader
) -> list[tuple[list[Frame], list[Problem]]]:
    """Make the frames of the rows of files again, and read those of which the rows do not say all.

    Parameters
    ----------
    tables : sequence of pyarrow.Table
        The rows, of any number of series.
    open_file : callable
        Gives the file of a row, which refuses to be read where it has changed.
    reader : HeaderReader
        Reads headers again.

    Returns
    -------
    list of (list of Frame, list of Problem)
        For each table the frames in the order of its rows, and the files that cannot be read as they were.
    """
    together = pa.concat_tables(tables)  # each column is taken once, which costs as much for few rows as for many
    files = list(map(open_file, list_entries(together)))
    frames = restore_frames(together, files)
    again = iter(read_outcomes([file for file, frame in zip(files, frames, strict=True) if frame is None], reader))
    outcomes = iter([next(again) if frame is None else frame for frame in frames])
    return [_sort_out([*islice(outcomes, len(table))]) for table in tables]


def _sort_out(outcomes: Sequence[Frame | FileOutcome]) -> tuple[list[Frame], list[Problem]]:
    """The frames of some files, and what is wrong with some of them."""
    frames: list[Frame] = []
    changed: list[Problem] = []
    for outcome in outcomes:
        frames += outcome.frames if isinstance(outcome, FileOutcome) else (outcome,)
        if isinstance(outcome, FileOutcome) and outcome.problem:
            changed.append(outcome.problem)
    return frames, changed


def _describe(stack: SeriesData, row: int, shared: dict[str, Any]) -> dict[str, Any]:
    assessed = assess(stack)
    described, geometry = describe_stack(stack, assessed, 0, row), assessed.geometry
    return {
        **{name: getattr(described, name) for name in _OF_ANY_STACK},
        "folder": stack.folder or ".",
        "origin": geometry and geometry.origin,
        "direction": None if geometry is None or geometry.direction is None else geometry.direction.ravel().tolist(),
        "warnings": list(dict.fromkeys(map(str, assessed.assumptions))),
        **shared,
    }
