"""What an index says of itself: what it is of, of which version, and of which files its stacks were made."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors import take_first_line
from .arrow import pa, pq
from .buckets import list_bucket_paths
from .columns import SCHEMA_VERSION
from .find_root import restore_root
from .stack_row import Location

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .root import Root

_KEY = b"vtkdicomload"  # of the metadata of the stacks


class About(NamedTuple):
    """What is said of the whole index."""

    root: str
    archives: bool
    is_file: bool
    schema_version: int
    mode: str  # of naming patients
    buckets: dict[str, list[int]]  # size and time of the files that the stacks were made of
    depth: int = 1  # of the folders that the root is divided by

    def write(self) -> dict[bytes, str]:
        """The same as metadata of a Parquet file."""
        return {_KEY: json.dumps(self._asdict())}


def find_stacks_path(index: str) -> str:
    """The Parquet file of the stacks."""
    return os.path.join(index, "stacks", "data.parquet")


def stamp_stacks(path: str) -> tuple[int, int]:
    """What tells that the file of the stacks was written again."""
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns


def describe_index(index: str, root: Root, mode: str) -> About:
    """Describe an index by its files as they are now."""
    status = {f"{bucket:02}": os.stat(path) for bucket, path in list_bucket_paths(index).items()}
    buckets = {bucket: [s.st_size, s.st_mtime_ns] for bucket, s in status.items()}
    return About(root.name, root.archives, root.is_file, SCHEMA_VERSION, mode, buckets, root.depth)


def read_about(index: str) -> About:
    """Read what an index says of itself.

    Raises
    ------
    FileNotFoundError
        There is no index, it was never finished, or its file of the stacks is damaged.
    ValueError
        It is of another version, or the file of the stacks is none of an index.
    """
    path = find_stacks_path(index)
    if not os.path.exists(path):
        raise FileNotFoundError(f"there is no finished index at {index}: Index.build makes or finishes one")
    try:
        said = (pq.read_schema(path).metadata or {}).get(_KEY)
    except pa.ArrowInvalid as error:
        words = f"{path} cannot be read: {take_first_line(error)}"
        raise FileNotFoundError(
            f"there is no whole index at {index}, as {words}: Index.build makes it again"
        ) from error
    known: dict[str, Any] = {} if said is None else json.loads(said)
    version = known.get("schema_version")
    if not isinstance(version, int):
        raise ValueError(f"{path} is no file of an index")
    if version != SCHEMA_VERSION:
        newer = version > SCHEMA_VERSION
        remedy = "update vtkdicomload, or build another" if newer else "build it again"
        raise OtherVersionError(
            f"the index {index} has the columns of version {version}, not {SCHEMA_VERSION}: {remedy}", newer
        )
    return About(**known)


class OtherVersionError(ValueError):
    """An index has the columns of another version of the package.

    Attributes
    ----------
    newer : bool
        Whether that is a later one than this.
    """

    def __init__(self, message: str, newer: bool) -> None:
        super().__init__(message)
        self.newer = newer


def locate_index(index: str, storage_options: Mapping[str, Any] | None) -> Location:
    """Say where an index lies, and what it is of; errors as `read_about`."""
    about = read_about(index)
    root = restore_root(
        about.root,
        archives=about.archives,
        is_file=about.is_file,
        depth=about.depth,
        storage_options=storage_options,
    )
    return Location(index, root, stamp_stacks(find_stacks_path(index)))


def count_stacks(index: str) -> int:
    """Count the rows of the stacks."""
    rows: int = pq.read_metadata(find_stacks_path(index)).num_rows
    return rows
