"""Real-world values: what stored values stand for by RealWorldValueMappingSequence (PS3.3 C.7.6.16.2.11)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from .consistency import paths_of
from .errors import UnsupportedPixelDataError
from .functional_groups import first_item, numbers_of
from .quiet import quiet_pydicom

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pydicom

    from .header import Frame

REAL_WORLD = "real-world"


class Mapping(NamedTuple):
    """One item of RealWorldValueMappingSequence: stored values times slope plus intercept."""

    label: str  # LUTLabel
    units: str  # CodeValue of MeasurementUnitsCodeSequence, of UCUM
    slope: float
    intercept: float


def chosen_label(rescale: bool | str) -> str | None:
    """The label after ``real-world:``; empty where none is given, None where real-world values are not asked for."""
    if isinstance(rescale, bool):
        return None
    name, _, label = rescale.partition(":")
    if name != REAL_WORLD:
        raise ValueError(f'rescale must be True, False, "real-world" or "real-world:LABEL", not {rescale!r}')
    return label.strip()


def mapped(frames: Sequence[Frame], label: str = "") -> tuple[Frame, ...]:
    """The frames with a real-world mapping in the place of their modality transform.

    Parameters
    ----------
    frames : sequence of Frame
        Of any files.
    label : str
        LUTLabel or units of the mapping, where there are several.

    Raises
    ------
    UnsupportedPixelDataError
        A frame has no mapping, several and none was chosen, or only a lookup table.
    """
    files: dict[str, list[list[Any]]] = {}
    result = []
    for frame in frames:
        if frame.path not in files:
            files[frame.path] = _items_of_frames(frame)
        mapping = _one(frame, files[frame.path][frame.index_in_file], label)
        # Slope and intercept of the header stay those of the file: that is how a reader that applies them itself knows.
        header = frame.header._replace(
            units=mapping.units, rescale_type=None, has_modality_lut=False, window_center=None, window_width=None
        )
        result.append(frame._replace(header=header, slope=mapping.slope, intercept=mapping.intercept))
    units = {frame.header.units: frame for frame in result}
    if len(units) > 1:
        raise UnsupportedPixelDataError(
            f"real-world values have different units: {', '.join(map(str, units))} → rescale=True or False",
            files=paths_of(units.values()),
        )
    return tuple(result)


def _items_of_frames(frame: Frame) -> list[list[Any]]:
    """The mappings of every frame of a file: its own, those of all frames, or those of a single-frame image."""
    import pydicom

    name = "RealWorldValueMappingSequence"
    with quiet_pydicom():
        try:
            d: pydicom.Dataset = pydicom.dcmread(frame.path, stop_before_pixels=True, force=True)
            shared = first_item(d, "SharedFunctionalGroupsSequence")
            common = list((None if shared is None else shared.get(name)) or d.get(name) or [])
            each = list(d.get("PerFrameFunctionalGroupsSequence") or [{}] * frame.header.number_of_frames)
            return [list(own.get(name) or common) for own in each]
        except Exception as error:
            raise _refused(frame, f"its real-world value mapping cannot be read ({type(error).__name__})") from error


def _one(frame: Frame, items: list[Any], label: str) -> Mapping:
    """The mapping of a frame that is asked for."""
    if not items:
        raise _refused(frame, "it has no RealWorldValueMappingSequence")
    found = [(item, _names(item)) for item in items]
    fitting = [(item, names) for item, names in found if not label or label in names]
    if len(fitting) != 1:
        listed = ", ".join(repr(names[0] or names[1]) for _, names in found)
        example = next((names[0] or names[1] for _, names in found), "")
        raise _refused(
            frame,
            f"{len(fitting)} of its {len(items)} real-world value mappings ({listed}) fit",
            f'rescale="{REAL_WORLD}:{example}"',
        )
    item, (name, units) = fitting[0]
    if item.get("RealWorldValueSlope") is None or item.get("RealWorldValueIntercept") is None:
        raise _refused(frame, f"its real-world value mapping {name!r} is a lookup table, which is not read")
    try:
        slope, intercept = (
            numbers_of(keyword, item.get(keyword), 1) for keyword in ("RealWorldValueSlope", "RealWorldValueIntercept")
        )
    except (TypeError, ValueError) as error:
        raise _refused(frame, f"its real-world value mapping cannot be used: {error}") from error
    if slope == 0 or not units:
        raise _refused(frame, "its RealWorldValueSlope is 0" if slope == 0 else "its real-world values have no units")
    return Mapping(name, units, slope, intercept)


def _names(item: Any) -> tuple[str, str]:
    code = first_item(item, "MeasurementUnitsCodeSequence")
    return str(item.get("LUTLabel") or ""), "" if code is None else str(code.get("CodeValue") or "")


def _refused(frame: Frame, what: str, way: str = "rescale=True or False") -> UnsupportedPixelDataError:
    return UnsupportedPixelDataError(f"{os.path.basename(frame.path)}: {what} → {way}", files=[frame.path])
