"""Facts that a person wants to know of a volume, in words. No identity of a patient appears."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._util.wording import count_noun
from ..stacks.geometry import name_side
from ..stacks.spacing import says_pixel_size

if TYPE_CHECKING:
    from ..stacks.geometry import Geometry
    from .volume_data import VolumeData


def list_facts(volume: VolumeData) -> list[tuple[str, str]]:
    """Say what a person wants to know of a volume, as (name, words)."""
    geometry = volume.geometry
    ends = (
        ("", "", "") if geometry.direction is None else [f"→{name_side(cosines)}" for cosines in geometry.direction.T]
    )
    x, y, z = (f"{name}{end}" for name, end in zip("xyz", ends, strict=True))
    origin = "none in the files"
    if geometry.origin is not None:
        origin = "({:.6g}, {:.6g}, {:.6g}) mm LPS of frames[0, 0, 0]".format(*geometry.origin)
    values = str(volume.dtype) + (f", {volume.units}" if volume.units else "")
    facts = [
        ("frames", f"{volume.frames.shape} ({z}, {y}, {x})"),
        ("array", f"{volume.array.shape} ({x}, {y}, {z}), same memory"),
        ("values", values + f", {volume.photometric_interpretation}"),
        ("spacing", _describe_spacing(volume) + _describe_fault(geometry)),
        ("origin", origin),
        ("read by", volume.engine + "".join(f"; {check.name}: {check.result}" for check in volume.checks)),
    ]
    if volume.ignored:
        facts.append(("ignored", count_noun(len(volume.ignored), "file")))
    return facts


def _describe_spacing(volume: VolumeData) -> str:
    """The distances of pixels and slices, as far as the files say them."""
    distances = volume.spacing[: 2 if volume.geometry.third_axis == "frames" else 3]
    words = " × ".join(f"{distance:.6g}" for distance in distances)
    return f"{words} mm" if has_scale(volume) else f"{words} pixels, whose size the files do not say"


def has_scale(volume: VolumeData) -> bool:
    """Tell whether the files give the size of a pixel in mm."""
    return says_pixel_size(volume.series.header, volume.geometry)


def _describe_fault(geometry: Geometry) -> str:
    """The fault of slices on no even, upright grid, in words."""
    if not geometry.even:
        return ", uneven"
    return f", sheared: the slices are {geometry.slice_distance:.6g} mm apart" if geometry.leans else ""


def write_facts(volume: VolumeData) -> str:
    """A volume in a few lines."""
    lines = [f"<Volume {volume.series.title}>"]
    lines += [f"  {name:8} {words}" for name, words in list_facts(volume)]
    return "\n".join(lines)
