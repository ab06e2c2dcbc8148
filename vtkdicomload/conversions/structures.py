"""The structures at a source: regions of an RT structure set, or segments of a segmentation object."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from .._util.public import public
from .._util.wording import count_noun
from ..catalog.damage import refuse_problems
from ..catalog.find import find_series
from ..errors import DicomLoadError, NoDicomError
from ..errors.remedies import LeaveOut
from ..headers.objects.segments import read_segment_set
from ..headers.objects.structure_set import read_structure_set
from ..headers.remnant import read_remnant
from ..headers.sop_classes import LABEL_MAP, SEGMENTATION, STRUCTURE_SET
from ..loading.described import fetch_described
from ..sources.resolve import find_files
from ..stacks.series_data import SeriesData

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..headers.objects.segments import SegmentSet
    from ..headers.objects.structure_set import Region, StructureSet
    from ..sources.file import File
    from ..sources.resolve import Source

_SHOWN = 12


@public
@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """One region of interest of an RT structure set, or one segment of a segmentation object.

    Attributes
    ----------
    number : int
        ROINumber or SegmentNumber.
    name : str
        ROIName or SegmentLabel.
    type : str or None
        RTROIInterpretedType (``ORGAN``, ``PTV`` …), or the meaning of the segmented property type.
    color : tuple of int, or None
        Red, green and blue, 0 to 255, to display it.
    kinds : mapping of str to int
        How many contours there are of each ContourGeometricType, or frames of the SegmentationType.
    frame_of_reference_uid : str or None
        The coordinate system that it lies in.
    series_uids : tuple of str
        The series that it was drawn on.
    """

    number: int
    name: str
    type: str | None
    color: tuple[int, int, int] | None
    kinds: Mapping[str, int]
    frame_of_reference_uid: str | None
    series_uids: tuple[str, ...]

    @property
    def count(self) -> int:
        """The number of its contours or frames."""
        return sum(self.kinds.values())

    def __repr__(self) -> str:
        kinds = ", ".join(f"{n} {kind}" for kind, n in self.kinds.items()) or "empty"
        return f"<Structure {self.number} {self.name!r}{f' {self.type}' if self.type else ''}: {kinds}>"


class RegionSource(NamedTuple):
    """An RT structure set."""

    said: StructureSet

    @property
    def path(self) -> str:
        """Its file."""
        return self.said.path

    @property
    def structures(self) -> tuple[Structure, ...]:
        """Its regions."""
        return tuple(self._describe(region) for region in self.said.regions)

    def _describe(self, region: Region) -> Structure:
        uids = self.said.frame_of_reference_uids
        uid = region.frame_of_reference_uid or (uids[0] if len(uids) == 1 else None)
        kinds = Counter(contour.kind for contour in region.contours)
        return Structure(region.number, region.name, region.type, region.color, dict(kinds), uid, self.said.series_uids)


class SegmentSource(NamedTuple):
    """The segmentation objects of a series, as their frames and what each file says of its segments."""

    series: SeriesData
    said: tuple[SegmentSet, ...]

    @property
    def path(self) -> str:
        """The first file."""
        return self.said[0].path

    @property
    def structures(self) -> tuple[Structure, ...]:
        """Its segments, of one file after another."""
        return tuple(
            Structure(
                segment.number,
                segment.label,
                segment.type,
                segment.color,
                {said.kind: len(frames.frames)},
                frames.header.frame_of_reference_uid,
                said.series_uids,
            )
            for said, segment_number, frames in self.parts
            for segment in said.segments
            if segment.number == segment_number
        )

    @property
    def background(self) -> tuple[int, ...]:
        """The rows of its structures that are what lies outside of the others, in a label map."""
        return tuple(
            row
            for row, (said, number, _) in enumerate(self.parts)
            if any(segment.number == number and segment.is_background for segment in said.segments)
        )

    @property
    def parts(self) -> tuple[tuple[SegmentSet, int, SeriesData], ...]:
        """Of every segment that has frames what its file says, its number, and its frames."""
        found = []
        for said in self.said:
            own = tuple(f for f in self.series.frames if f.path == said.path)
            for segment in said.segments:
                frames = tuple(f for f in own if said.kind == "LABELMAP" or f.header.segment == segment.number)
                if frames:
                    found.append((said, segment.number, replace(self.series, frames=frames, labels=())))
        return tuple(found)


def structures(source: Source | SeriesData, *, storage_options: Mapping[str, Any] | None = None) -> list[Structure]:
    """List the structures of an RT structure set or a segmentation object; no pixel is read.

    Parameters
    ----------
    source : path-like, sequence of path-like, or Series
        The file, a folder or files with one of them among others, or a `Series` of segmentations.
    storage_options : mapping, optional
        Of the server of a URL, as of `scan`.

    Returns
    -------
    list of Structure
        Numbers, names, types, colours, how many contours or frames each has, and the series they were drawn on.

    Raises
    ------
    DicomLoadError
        There is none, there are several, or it cannot be read.
    """
    return list(read_structures(source, storage_options).structures)


def read_structures(source: Any, storage_options: Mapping[str, Any] | None = None) -> RegionSource | SegmentSource:
    """Read the one RT structure set or segmentation that a source means.

    Parameters
    ----------
    source : path-like, sequence of path-like, vtkStringArray, or Series
        A file, or a folder or files with one of them among others; a `Series` of segmentations.
    storage_options : mapping, optional
        Of the server of a URL, as of `scan`.

    Raises
    ------
    NoDicomError, DicomLoadError
        There is none, or there are several.
    CorruptFileError
        It cannot be read.
    """
    if isinstance(source, SeriesData):
        return _make_segment_source(fetch_described(source))
    found = find_files(source, storage_options=storage_options)
    kinds = {file: _find_kind(file) for file in found.files}
    chosen = [file for file, kind in kinds.items() if kind]
    if not chosen:
        raise NoDicomError(
            f"no RT structure set and no segmentation in {found.name}: {count_noun(len(found.files), 'other file')}",
            files=[file.name for file in found.files[:_SHOWN]],
        )
    if len(chosen) > 1:
        names = [file.name for file in chosen]
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        raise DicomLoadError(
            f"{len(names)} structure sets and segmentations in {found.name}: {', '.join(names[:_SHOWN])}{more}; "
            "give the file of one",
            files=names,
        )
    (file,) = chosen
    if kinds[file] == STRUCTURE_SET:
        return RegionSource(read_structure_set(file.origin))
    series, _ = find_series([file.origin], (), None)
    refuse_problems(series.problems)
    return _make_segment_source(series[0])


def _make_segment_source(series: SeriesData) -> SegmentSource:
    other = [f for f in series.frames if f.header.sop_class_uid not in (SEGMENTATION, LABEL_MAP)]
    if other:
        raise DicomLoadError(
            f"{series.title} is no segmentation", files=[other[0].path], remedies=[LeaveOut((other[0].path,))]
        )
    files = dict.fromkeys(frame.header.file for frame in series.frames)
    return SegmentSource(series, tuple(read_segment_set(file) for file in files))


def _find_kind(file: File) -> str | None:
    """The SOP class of a structure set or segmentation, also of a damaged one; None of any other file."""
    said = read_remnant(file).sop_class_uids
    return next((uid for uid in said if uid in (STRUCTURE_SET, SEGMENTATION, LABEL_MAP)), None)


def choose_structures(structures: Sequence[Structure], names: Sequence[str | int], path: str) -> list[int]:
    """The rows of the structures that names or numbers mean; case, blanks and underscores are forgiven.

    Raises
    ------
    ValueError
        A name fits none, or several; the message lists those there are.
    """
    return [_choose(structures, name, path) for name in names]


def _choose(structures: Sequence[Structure], name: str | int, path: str) -> int:
    if isinstance(name, str):
        rows = [i for i, s in enumerate(structures) if s.name == name]
        rows = rows or [i for i, s in enumerate(structures) if _fold_label(s.name) == _fold_label(name)]
    else:
        rows = [i for i, s in enumerate(structures) if s.number == name]
    if len(rows) == 1:
        return rows[0]
    what = f"{name!r} fits {len(rows)} of {count_noun(len(structures), 'structure')} in {path}"
    raise ValueError(f"{what}: {list_structures(structures)}")


def list_structures(structures: Sequence[Structure]) -> str:
    """The numbers and names of structures, for a message."""
    return ", ".join(f"{s.number} {s.name!r}" for s in structures) or "there are none"


def _fold_label(name: str) -> str:
    return "".join(name.casefold().replace("_", " ").split())
