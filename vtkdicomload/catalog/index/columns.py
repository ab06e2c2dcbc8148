"""The columns of an index: one place says which there are and of what type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ...headers.liberties import Liberty
from ...headers.model import Csa, Header
from .arrow import list_values, pa
from .entry import make_readable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SCHEMA_VERSION = 3


class Kind(NamedTuple):
    """The way from a value to a column and back; None where it goes as it is."""

    arrow: Any  # the type of the column
    store: Callable[[Any], Any] | None = None
    restore: Callable[[Any], Any] | None = None


def _make_tuple(values: list[Any] | None) -> tuple[Any, ...] | None:
    return None if values is None else tuple(values)


_NUMBERS = Kind(pa.list_(pa.float64()), restore=_make_tuple)
_TEXTS = Kind(pa.list_(pa.string()), restore=_make_tuple)
_CSA = pa.struct([("slices", pa.int64()), ("normal", pa.list_(pa.float64()))])

# By the annotation of a field; "| None" makes no difference: every column may be null.
_KINDS: Mapping[str, Kind] = {
    "bool": Kind(pa.bool_()),
    "int": Kind(pa.int64()),
    "float": Kind(pa.float64()),
    "str": Kind(pa.string()),
    "bytes": Kind(pa.binary()),
    "date": Kind(pa.date32()),
    "Triple": _NUMBERS,
    "tuple[float, float]": _NUMBERS,
    "tuple[float, float, float, float, float, float]": _NUMBERS,
    "tuple[float, ...]": _NUMBERS,
    "tuple[int, ...]": Kind(pa.list_(pa.int64()), restore=_make_tuple),
    "tuple[str, ...]": _TEXTS,
    "tuple[Liberty, ...]": Kind(
        pa.list_(pa.string()),
        lambda taken: None if taken is None else [liberty.name for liberty in taken],
        lambda names: None if names is None else tuple(Liberty[name] for name in names),
    ),
    "Csa": Kind(_CSA, restore=lambda v: None if v is None else Csa(v["slices"], tuple(v["normal"]))),
}


def find_kind(annotation: str) -> Kind:
    """The kind of column for a field of a class, by its annotation."""
    return _KINDS[annotation.removesuffix(" | None")]


def make_table(columns: Sequence[Sequence[Any]], schema: Any, kinds: Mapping[str, Kind]) -> Any:
    """A table of columns of values; those of a name among `kinds` are stored in its way."""
    stores = [kinds[field.name].store if field.name in kinds else None for field in schema]
    arrays = [
        _make_array(column if store is None else list(map(store, column)), field.type)
        for column, store, field in zip(columns, stores, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _make_array(values: Sequence[Any], kind: Any) -> Any:
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:  # names of files that are no UTF-8, also in sentences
        return pa.array(list(map(_make_readable, values)), kind)


def _make_readable(value: Any) -> Any:
    if isinstance(value, str):
        return make_readable(value)
    return list(map(_make_readable, value)) if isinstance(value, (list, tuple)) else value


def restore_values(column: Any, kind: Kind) -> list[Any]:
    """The values of a column as they were stored."""
    values = list_values(column)
    return values if kind.restore is None or column.null_count == len(column) else list(map(kind.restore, values))


# Of a header, all but the file, and what only files of several frames have: those are read again.
OF_FRAMES = ("stack", "dimensions")
HEADER_KINDS: Mapping[str, Kind] = {
    name: find_kind(hint.__forward_arg__)
    for name, hint in Header.__annotations__.items()
    if name not in ("file", *OF_FRAMES)
}

_ARCHIVE = pa.struct(
    [
        ("path", pa.string()),  # below the root
        ("size", pa.int64()),
        ("kind", pa.string()),  # the fields of `Placement`
        ("start", pa.int64()),
        ("packed", pa.int64()),
        ("checksum", pa.int64()),
        ("codec", pa.string()),
        ("entry", pa.int64()),
    ]
)

# What is said of a file beside its header.
_OF_FILE = {
    "schema_version": pa.int32(),
    "path": pa.string(),  # below the root, with /
    "path_bytes": pa.binary(),  # the same as the file system writes it, where that is no UTF-8
    "folder": pa.string(),
    "top": pa.string(),  # the folder in the root that it is listed below, which decides about its bucket
    "size": pa.int64(),
    "mtime_ns": pa.int64(),  # of a file on disk; without this and an ETag it is read in every run
    "etag": pa.string(),  # of an object: its ETag, or what else its server says of its version
    "archive": _ARCHIVE,  # of a file in one: where it lies there; its time or ETag is that of the archive
    "outcome": pa.string(),  # image, skipped or damaged; or archive, behind the rows of its files
    "reason": pa.string(),  # why it is passed over: a name of `Reason`
    "problem": pa.string(),  # what is wrong with it
    "class_uids": pa.list_(pa.string()),  # of a damaged file: every SOPClassUID that it says
    "reread": pa.bool_(),  # whether only its header says what its frames are
    "frames": pa.int64(),
}

FILES = pa.schema([*_OF_FILE.items(), *((name, kind.arrow) for name, kind in HEADER_KINDS.items())])
KEY = ("path", "path_bytes", "size", "mtime_ns", "etag", "archive", "outcome")  # what tells that a file has changed
