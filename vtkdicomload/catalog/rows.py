"""A scan as a table of plain values: one row a stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._util.public import public
from ..stacks.spacing import says_pixel_size
from .assess import assess

if TYPE_CHECKING:
    from datetime import date

    from ..stacks.geometry import Geometry
    from ..stacks.series_data import SeriesData
    from .assess import Assessment
    from .scan import ScanData


@public
@dataclass(frozen=True, slots=True)
class StackRow:
    """One stack of a scan in plain values. None means that the files do not say, or that nothing fits.

    Attributes
    ----------
    series, stack : int
        Rows of the scan and of `Series.stacks`: ``scan[series].stacks()[stack]``.
    folder : str or None
        The innermost folder, archive or prefix that holds all of its files.
    study_uid, series_uid, frame_of_reference_uid : str or None
        Of its first frame.
    date : datetime.date or None
        StudyDate.
    modality, description : str or None
        Modality and SeriesDescription.
    number : int or None
        SeriesNumber.
    label : str
        What tells it apart from the other stacks of its series; empty where it is the only one.
    files, frames, rows, columns : int
        How many there are.
    spacing_x, spacing_y, spacing_z : float or None
        Along a row, along a column and from slice to slice in mm.
    plane : str
        axial, coronal, sagittal, with ``oblique`` before it; ``mixed`` or ``unknown``.
    transfer_syntax : str
        Its UID; of the most files where they differ.
    encoding : str
        The same in words.
    loads : bool
        Whether `load` would return a volume, as far as headers tell.
    refusal : str or None
        The kind of reason why not, in a word such as ``UNEVEN``.
    reason : str or None
        Why not, in a sentence.
    """

    series: int
    stack: int
    folder: str | None
    study_uid: str | None
    series_uid: str | None
    frame_of_reference_uid: str | None
    date: date | None
    modality: str | None
    description: str | None
    number: int | None
    label: str
    files: int
    frames: int
    rows: int
    columns: int
    spacing_x: float | None
    spacing_y: float | None
    spacing_z: float | None
    plane: str
    transfer_syntax: str
    encoding: str
    loads: bool
    refusal: str | None
    reason: str | None


def list_stack_rows(found: ScanData[Any]) -> list[StackRow]:
    """List every stack of a scan, by series."""
    rows = ((i, k, stack) for i, series in enumerate(found) for k, stack in enumerate(series.stacks()))
    return [describe_stack(stack, assess(stack), i, k) for i, k, stack in rows]


def describe_stack(stack: SeriesData, assessed: Assessment, series_row: int, stack_row: int) -> StackRow:
    """Describe a stack by what was assessed of it."""
    x, y, z = _list_known_spacing(stack, assessed.geometry)
    return StackRow(
        series=series_row,
        stack=stack_row,
        folder=stack.folder,
        study_uid=stack.header.study_uid,
        series_uid=stack.uid,
        frame_of_reference_uid=stack.header.frame_of_reference_uid,
        date=stack.date,
        modality=stack.modality,
        description=stack.description,
        number=stack.number,
        label=stack.label,
        files=len(stack.files),
        frames=len(stack.frames),
        rows=stack.rows,
        columns=stack.columns,
        spacing_x=x,
        spacing_y=y,
        spacing_z=z,
        plane=stack.plane,
        transfer_syntax=stack.transfer_syntax,
        encoding=stack.encoding,
        loads=assessed.error is None,
        refusal=assessed.refusal.name if assessed.refusal else None,
        reason=assessed.error.message if assessed.error else None,
    )


def _list_known_spacing(
    stack: SeriesData, geometry: Geometry | None
) -> tuple[float | None, float | None, float | None]:
    """List the spacing along x, y and the slices as far as the files say it."""
    if geometry is None:
        return None, None, None
    x, y, z = geometry.spacing
    along_slices = None if geometry.third_axis == "frames" else z
    return (x, y, along_slices) if says_pixel_size(stack.header, geometry) else (None, None, along_slices)
