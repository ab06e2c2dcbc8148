"""Kind, layout, pixel spacing, orientation, stack and run: all that the frames of one volume must share."""

from __future__ import annotations

import os
from operator import attrgetter, eq
from typing import TYPE_CHECKING, NoReturn

from .._util.wording import count_noun, name_files_of, size_words
from ..errors import InconsistentSeriesError
from ..errors.remedies import Remedy, SetOption, Step
from ..headers.orientation import is_same_orientation
from .along import find_places, measure_along
from .evenness import Evenness, judge_evenness
from .tolerances import SPACING_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from ..headers.model import Frame

    Respect = tuple[str, Callable[[Frame], str]]  # in which frames may differ: its name, and the value in words

# What counts the images of a series, and the frames of its files: they tell volumes apart where nothing else does.
NUMBERS = ("InstanceNumber", "frame number")
# What decides how the pixels of a frame lie in memory ...
_LAYOUT = attrgetter("rows", "columns", "samples", "photometric_interpretation", "pixel_tag", "palette_bits")
# ... but for what each frame may have of its own, where all of them lie in one even grid.
_BITS = attrgetter("bits_allocated", "pixel_representation")
# What the values of a frame mean: frames of two kinds make no volume, wherever they lie.
_KIND = attrgetter("segment", "segment_label", "modality")
_FEWEST = 3  # frames that make an even part of a series
_SHOWN, _EXAMPLES = 4, 2  # values that a message shows one by one, and of more


def _group(
    frames: Iterable[Frame], value: Callable[[Frame], object], same: Callable[[object, object], bool]
) -> list[list[Frame]]:
    """Group frames by a value that may differ within a tolerance, in order of first appearance."""
    frames = list(frames)
    values = [*map(value, frames)]
    if frames and values.count(values[0]) == len(frames):
        return [frames]
    found: list[tuple[object, list[Frame]]] = []
    exact: dict[Hashable, list[Frame]] = {}
    for frame, v in zip(frames, values, strict=True):
        members = exact.get(v)
        if members is None:
            members = next((m for first, m in found if first is v or same(first, v)), None)
            if members is None:
                members = []
                found.append((v, members))
            exact[v] = members
        members.append(frame)
    return [members for _, members in found]


def group_by_layout(frames: Iterable[Frame]) -> list[list[Frame]]:
    """Group frames by pixel layout; other bits or another sign divide them only where they make no one even grid."""
    groups = _group(frames, lambda f: _LAYOUT(f.header), eq)
    return [part for group in groups for part in _group_by_bits(group)]


def _group_by_bits(frames: list[Frame]) -> list[list[Frame]]:
    groups = _group(frames, lambda f: _BITS(f.header), eq)
    if len(groups) == 1 or len(group_by_orientation(frames)) > 1:
        return groups
    along = measure_along(frames)
    if along is None or len(find_places(along)) < len(frames):
        return groups
    return [frames] if len(frames) == 2 or judge_evenness(along) is Evenness.EVEN else groups


def group_by_kind(frames: Iterable[Frame]) -> list[list[Frame]]:
    """Group frames by segment and modality."""
    return _group(frames, lambda f: _KIND(f.header), eq)


def group_by_frame_of_reference(frames: Iterable[Frame]) -> list[list[Frame]]:
    """Group frames by frame of reference."""
    return _group(frames, lambda f: f.header.frame_of_reference_uid, eq)


def divide_by_frame_of_reference(frames: Iterable[Frame]) -> list[list[Frame]]:
    """Group frames by frame of reference; one group where one of them would be a slice or two of the others' grid."""
    frames = list(frames)
    groups = group_by_frame_of_reference(frames)
    of_one_plane = all(len(group_by_orientation(group)) == 1 for group in groups)
    as_planes = of_one_plane and len(groups) == len(group_by_orientation(frames))
    return groups if as_planes or min(map(len, groups), default=0) >= _FEWEST else [frames]


def group_by_series_number(frames: Iterable[Frame]) -> list[list[Frame]]:
    """Group frames by SeriesNumber; one group where that counts the frames, or nearly, or says what their UIDs say."""
    frames = list(frames)
    groups = _group(frames, lambda f: f.header.series_number, eq)
    if 2 * len(groups) > len(frames):
        return [frames]
    # Of several series that are read as one, each has a number of its own.
    of_uid = {f.header.series_uid: f.header.series_number for f in frames}
    return groups if any(f.header.series_number != of_uid[f.header.series_uid] for f in frames) else [frames]


def group_by_named_stack(frames: Iterable[Frame]) -> list[list[Frame]]:
    """Group frames by the stacks that multi-frame files name."""
    return _group(frames, lambda f: f.header.stack, eq)


def group_by_stack(frames: Iterable[Frame]) -> list[list[Frame]]:
    """Group frames by the stacks that multi-frame files name; one group where a stack would hold a single frame."""
    frames = list(frames)
    groups = group_by_named_stack(frames)
    return groups if min(map(len, groups), default=0) > 1 else [frames]


def group_by_run(frames: Iterable[Frame]) -> list[list[Frame]]:
    """Group frames by runs: those of a multi-frame file that nothing places are one, such as a cine loop."""
    frames = list(frames)
    if all(f.header.number_of_frames == 1 for f in frames):
        return [frames]
    placed = {f.path for f in frames if f.position is not None}

    def run(frame: Frame) -> str | None:
        return frame.path if frame.header.number_of_frames > 1 and frame.path not in placed else None

    return _group(frames, run, eq)


def group_by_pixel_spacing(frames: Iterable[Frame]) -> list[list[Frame]]:
    """Group frames by PixelSpacing, or by the ImagerPixelSpacing that is taken for it."""
    return _group(frames, lambda f: (f.header.pixel_spacing, find_detector_spacing(f)), _agree_in_spacing)


def find_detector_spacing(frame: Frame) -> tuple[float, float] | None:
    """ImagerPixelSpacing of a frame without PixelSpacing."""
    return frame.header.imager_pixel_spacing if frame.header.pixel_spacing is None else None


def group_by_orientation(frames: Iterable[Frame]) -> list[list[Frame]]:
    """Group frames by ImageOrientationPatient."""
    return _group(frames, lambda f: f.orientation, _agree_in_orientation)


def _agree_in_orientation(a: object, b: object) -> bool:
    return isinstance(a, tuple) and isinstance(b, tuple) and is_same_orientation(a, b)


def _agree_in_spacing(a: object, b: object) -> bool:
    return isinstance(a, tuple) and isinstance(b, tuple) and all(map(_equal_spacing, a, b))


def _equal_spacing(a: object, b: object) -> bool:
    if not isinstance(a, tuple) or not isinstance(b, tuple):
        return a == b
    return all(abs(x - y) <= SPACING_TOLERANCE * abs(x) for x, y in zip(a, b, strict=True))


# The layout in words.
_BITS_WORDS: tuple[Respect, ...] = (
    ("bits allocated", lambda f: str(f.header.bits_allocated)),
    ("signedness", lambda f: "signed" if f.header.pixel_representation else "unsigned"),
)
_LAYOUT_WORDS: tuple[Respect, ...] = (
    ("rows × columns", lambda f: size_words(f.header.rows, f.header.columns)),
    ("samples per pixel", lambda f: str(f.header.samples)),
    *_BITS_WORDS,
    ("photometric interpretation", lambda f: f.header.photometric_interpretation),
    ("pixel data element", lambda f: f"{f.header.pixel_tag:08x}"),
    ("bits of the palette", lambda f: str(f.header.palette_bits)),
)
KINDS: tuple[Respect, ...] = (
    ("SegmentNumber", lambda f: str(f.header.segment)),
    ("SegmentLabel", lambda f: str(f.header.segment_label)),
    ("Modality", lambda f: str(f.header.modality)),
)
FRAMES_OF_REFERENCE: tuple[Respect, ...] = (("FrameOfReferenceUID", lambda f: str(f.header.frame_of_reference_uid)),)


def describe_layouts(groups: Sequence[Sequence[Frame]]) -> str:
    """Say in which respect the layouts of groups differ, with the counts and the files of the smallest."""
    return _describe_first_difference(_LAYOUT_WORDS, groups)


def describe_kinds(groups: Sequence[Sequence[Frame]]) -> str:
    """Say in which respect groups mean different things."""
    return _describe_first_difference(KINDS, groups)


def describe_frames_of_reference(groups: Sequence[Sequence[Frame]]) -> str:
    """Say how the frames of reference of groups differ."""
    return _describe_first_difference(FRAMES_OF_REFERENCE, groups)


def describe_bits(frames: Sequence[Frame]) -> tuple[str, str] | None:
    """Say in which respect the bits of frames differ, and their values; None where they do not."""
    if len({_BITS(f.header) for f in frames}) == 1:
        return None
    groups = _group(frames, lambda f: _BITS(f.header), eq)
    what, words = next((name, words) for name, words in _BITS_WORDS if len({words(g[0]) for g in groups}) > 1)
    return what, _describe_values(groups, words)


def _describe_first_difference(respects: Sequence[Respect], groups: Sequence[Sequence[Frame]]) -> str:
    for what, words in respects:
        if len({words(group[0]) for group in groups}) > 1:
            return f"{what} differ: {_describe_values(groups, words)}"
    raise AssertionError("the groups do not differ")


def describe_pixel_spacings(groups: Sequence[Sequence[Frame]]) -> str:
    """Say how the pixel spacings of groups differ."""

    def words(frame: Frame) -> str:
        spacing = frame.header.pixel_spacing or find_detector_spacing(frame)
        return "no PixelSpacing" if spacing is None else f"{spacing[0]:g}\\{spacing[1]:g} mm"

    at_detector = all(group[0].header.pixel_spacing is None for group in groups)
    return f"{'ImagerPixelSpacing' if at_detector else 'PixelSpacing'} differs: {_describe_values(groups, words)}"


def describe_orientations(groups: Sequence[Sequence[Frame]]) -> str:
    """Say how the orientations of groups differ."""

    def words(frame: Frame) -> str:
        if frame.orientation is None:
            return "no ImageOrientationPatient"
        return "\\".join(f"{v:.4g}" for v in frame.orientation)

    return f"orientation differs: {_describe_values(groups, words)}"


def _describe_values(groups: Sequence[Sequence[Frame]], words: Callable[[Frame], str]) -> str:
    counts: dict[str, list[Frame]] = {}
    for group in groups:
        counts.setdefault(words(group[0]), []).extend(group)
    ranked = sorted(counts.items(), key=lambda item: -len(item[1]))
    shown = ranked if len(ranked) <= _SHOWN else ranked[:_EXAMPLES]
    parts = ", ".join(f"{value} in {count_noun(len(members), 'frame')}" for value, members in shown)
    few = ranked[-1][1]
    if len(shown) < len(ranked):
        return f"{len(ranked)} values, such as {parts} ({name_files(few)})"
    return f"{parts} ({name_files(few)})"


def name_files(frames: Sequence[Frame], most: int = 3) -> str:
    """Name the files of a few of the frames."""
    return name_files_of([f.path for f in frames], most)


def frame_name(frame: Frame) -> str:
    """Name the file of a frame, with the number of the frame where the file holds several."""
    name = os.path.basename(frame.path)
    return name if frame.header.number_of_frames == 1 else f"{name} frame {frame.index_in_file + 1}"


def list_paths(frames: Iterable[Frame]) -> list[str]:
    """List the files of frames, each once, in order."""
    return list(dict.fromkeys(f.path for f in frames))


def refuse_inconsistent(
    what: str, groups: Sequence[Sequence[Frame]], stacks: Sequence[object], loading: Sequence[int]
) -> NoReturn:
    """Refuse groups of frames that cannot share a volume, naming the files of the smallest.

    Parameters
    ----------
    what : str
        The message.
    groups : sequence of sequence of Frame
        What cannot be together.
    stacks : sequence of SeriesData
        What the series divides into.
    loading : sequence of int
        Which of them load.
    """
    smallest = min(groups, key=len)
    few = list_paths(smallest)
    raise InconsistentSeriesError(what, files=few, remedies=list_choices(len(stacks), loading), stacks=stacks)


def list_choices(count: int, loading: Sequence[int]) -> tuple[Remedy, ...]:
    """List what chooses one of several stacks: those that load, and all where all do."""
    if not loading:
        return ()
    chosen = SetOption("stack", tuple(loading if len(loading) == count else loading[:_SHOWN]))
    return (chosen, Step.LOAD_ALL) if len(loading) == count else (chosen,)
