"""A row a stack of an index."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..._util.public import public
from ..rows import StackRow

if TYPE_CHECKING:
    from ...headers.model import Triple
    from .root import Root


@dataclass(frozen=True, slots=True)
class Location:
    """Where an index lies, and what it is of.

    Attributes
    ----------
    index : str
        Its folder, an absolute path.
    root : Root
        What it is of.
    stamp : tuple of int or None
        Size and time of the file of the stacks that a row was read from.
    """

    index: str
    root: Root
    stamp: tuple[int, int] | None = None


@public
@dataclass(frozen=True, slots=True)
class IndexedStack(StackRow):
    """One stack of an index in plain values; `load` takes it. None means that the files do not say.

    Beside the attributes of a `StackRow`, of which the folder and the paths in the reason are below the root:

    Attributes
    ----------
    origin : tuple of float or None
        LPS position in mm of the centre of the first voxel.
    direction : tuple of float or None
        The direction matrix, nine numbers row by row.
    warnings : tuple of str
        What `load` would warn of, as far as headers tell.
    damaged : tuple of str
        Damaged files of its series, below the root.
    beside : tuple of str
        Damaged files that may be of its series or of another.
    strays : tuple of str
        Damaged files of its folder that are of no series there.
    damage : tuple of str
        What is wrong with each of these.
    patient : str or None
        The same for all series of a patient: HMAC-SHA256 of PatientID; None where the files have none, or the index
        was built with ``identity=True``.
    patient_id, patient_name : str or None
        PatientID and PatientName, where the index was built with ``identity=True``.
    buckets : tuple of int
        The buckets of ``files/`` that hold the rows of its files.
    fingerprint : str
        Of the rows of its files: paths, sizes and times.
    schema_version : int
        Of the columns.
    """

    origin: Triple | None
    direction: tuple[float, ...] | None
    warnings: tuple[str, ...]
    damaged: tuple[str, ...]
    beside: tuple[str, ...]
    strays: tuple[str, ...]
    damage: tuple[str, ...]
    patient: str | None
    patient_id: str | None = field(repr=False)
    patient_name: str | None = field(repr=False)
    buckets: tuple[int, ...]
    fingerprint: str
    schema_version: int
    location: Location = field(repr=False, compare=False, metadata={"private": True})
