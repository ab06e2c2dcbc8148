"""What a person wants to know of a volume, in words. No identity of a patient appears."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._util.wording import counted
from ..stacks.geometry import opposite, toward

if TYPE_CHECKING:
    from .volume_data import VolumeData


def _view_axes(volume: VolumeData) -> tuple[str, str]:
    """Where the axes of `frames` and of `array` run to, in words."""
    direction = volume.frames_geometry.direction
    if direction is None:
        return "(z, y, x)", "(x, y from the bottom, z descending)"
    x, y, z = (toward(cosines) for cosines in direction.T)
    return f"(z→{z}, y→{y}, x→{x})", f"(i→{x}, j→{opposite(y)}, k→{opposite(z)})"


def volume_facts(volume: VolumeData) -> list[tuple[str, str]]:
    """What a person wants to know of a volume, as (name, words)."""
    frames_axes, array_axes = _view_axes(volume)
    geometry = volume.geometry
    spacing = " × ".join(f"{s:.6g}" for s in volume.spacing) + " mm"
    origin = "none in the files"
    if geometry.origin is not None:
        origin = "({:.6g}, {:.6g}, {:.6g}) mm LPS of array[0, 0, 0]".format(*geometry.origin)
    values = str(volume.dtype) + (f", {volume.units}" if volume.units else "")
    facts = [
        ("frames", f"{volume.frames.shape} {frames_axes}  the DICOM way, row 0 first"),
        ("array", f"{volume.array.shape} {array_axes}  VTK order, same memory"),
        ("values", values + f", {volume.photometric_interpretation}"),
        ("spacing", spacing + ("" if geometry.regular else ", not regular")),
        ("origin", origin),
        ("read by", volume.engine + "".join(f"; {check.name}: {check.result}" for check in volume.checks)),
    ]
    if volume.ignored:
        facts.append(("ignored", counted(len(volume.ignored), "file")))
    return facts


def volume_text(volume: VolumeData) -> str:
    """A volume in a few lines."""
    lines = [f"<Volume {volume.series.title}>"]
    lines += [f"  {name:8} {words}" for name, words in volume_facts(volume)]
    return "\n".join(lines)
