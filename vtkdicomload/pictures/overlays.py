"""Overlays of the planes of a volume: masks as contours or fill, another volume as a wash of colour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._util.wording import describe_argument
from ..conversions.grid import crop_grid, find_common_box, make_grid
from ..conversions.measure import check_mask, find_mask_box
from ..conversions.patient_space import require_same_place
from ..conversions.resampling import choose_order, resample_onto
from ..errors import GeometryError
from ..headers.objects.real_world_values import HOUNSFIELD
from ..headers.sop_classes import RT_DOSE
from ..loading.volume_data import VolumeData
from .windows import choose_window, find_colormap, write_units

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection

    from .._util.arrays import Floats, Pixels
    from ..conversions.grid import Box
    from ..conversions.patient_space import FrameOfReference
    from ..conversions.structures import Structure
    from ..stacks.geometry import Geometry
    from .planes import Plane
    from .windows import Wanted, Window

    Over = VolumeData | Pixels | Mapping[str, Pixels] | Iterable[tuple[Structure, Pixels]]
    Extent = tuple[float, float, float, float]
    Colour = tuple[float, float, float]

_COLOURS: tuple[Colour, ...] = (  # of Okabe and Ito, which the colour-blind tell apart too
    (0.90, 0.62, 0.00),
    (0.34, 0.71, 0.91),
    (0.00, 0.62, 0.45),
    (0.94, 0.89, 0.26),
    (0.80, 0.47, 0.65),
    (0.84, 0.37, 0.00),
    (0.00, 0.45, 0.70),
)
_WHITE: Colour = (1.0, 1.0, 1.0)
_OPACITY = 140  # of 255
_CLEAR = 0.1  # of the window: less of a dose or an uptake would veil the whole picture


class Key(NamedTuple):
    """One line of a legend: a colour and its name, or a bar of colours from one value to another."""

    name: str
    colour: Colour | None = None
    colormap: str = ""
    low: float = 0.0
    high: float = 0.0


class Overlay:
    """Something that is drawn over planes."""

    keys: tuple[Key, ...]
    of_masks = False  # which leave the colour map to what they are drawn over

    def paint(self, axes: Axes, plane: Plane, extent: Extent) -> None:
        """Draw the part of it that lies in a plane, whose picture has this extent on the axes."""
        raise NotImplementedError


class _CroppedMask(NamedTuple):
    """The part of a mask that holds anything: a hundred whole ones would take gigabytes."""

    voxels: Pixels  # (z, y, x), bool
    box: Box


@dataclass(frozen=True)
class MaskOverlay(Overlay):
    """Masks of a volume, along the edges of their voxels: labels have nothing between them to interpolate."""

    volume: VolumeData
    parts: tuple[_CroppedMask | None, ...]  # None of an empty mask
    keys: tuple[Key, ...]
    fill: bool
    of_masks = True

    def paint(self, axes: Axes, plane: Plane, extent: Extent) -> None:
        """Draw the masks in a plane, the first ones below."""
        for part, key in zip(self.parts, self.keys, strict=True):
            cut = None if part is None else self._cut(part, plane)
            if cut is None or not cut.pixels.any():
                continue
            own = cut.place_in(extent, plane)
            if self.fill:
                pixels = np.zeros((*cut.pixels.shape, 4), np.uint8)
                pixels[cut.pixels] = (*(round(255 * channel) for channel in key.colour or _WHITE), _OPACITY)
                axes.imshow(pixels, extent=own, aspect="auto", origin="upper", interpolation="nearest")
            else:
                axes.add_collection(draw_edges(trace_edges(cut.pixels, own), key.colour), autolim=False)

    def _cut(self, part: _CroppedMask, plane: Plane) -> _Cut | None:
        """The pixels of a plane that lie in a part of a mask; None where they lie apart."""
        (x0, x1), (y0, y1), (z0, z1) = part.box
        if plane.origin is None or plane.direction is None:
            if plane.number is None:
                raise GeometryError(
                    "the files hold no position or orientation, so the mask has no place in the picture"
                )
            inside = z0 <= plane.number < z1
            return _Cut(part.voxels[plane.number - z0], (x0, x1), (y0, y1)) if inside else None
        held = self.volume.replaced(part.voxels.view(np.uint8), crop_grid(self.volume.geometry, part.box))
        grid = make_plane_grid(plane)
        box = find_common_box(held.geometry, grid)
        if box is None:
            return None
        found = resample_onto(held, crop_grid(grid, box), order="nearest", background=0)[0] > 0
        return _Cut(found, *box[:2])


class _Cut(NamedTuple):
    """Some of the pixels of a picture."""

    pixels: Pixels
    columns: tuple[int, int]
    rows: tuple[int, int]

    def place_in(self, extent: Extent, plane: Plane) -> Extent:
        """Its extent on the axes of the picture of a plane."""
        left, right, bottom, top = extent
        rows, columns = plane.pixels.shape[:2]
        x0, x1 = (left + (right - left) * column / columns for column in self.columns)
        y0, y1 = (top + (bottom - top) * row / rows for row in self.rows)
        return x0, x1, y1, y0


@dataclass(frozen=True)
class WashOverlay(Overlay):
    """Another volume as translucent colour; clear where it is not known, and where there is next to nothing of it."""

    volume: VolumeData
    keys: tuple[Key, ...]
    labels: bool

    def paint(self, axes: Axes, plane: Plane, extent: Extent) -> None:
        """Draw the values in a plane: labels as they are, others interpolated in their true places."""
        background = 0.0 if self.labels else float("nan")
        values = resample_onto(self.volume, make_plane_grid(plane), background=background)[0].astype(np.float64)
        (key,) = self.keys
        part = (values - key.low) / (key.high - key.low)
        known = np.isfinite(part)
        pixels = find_colormap(key.colormap)(np.clip(np.where(known, part, 0), 0, 1), bytes=True)
        pixels[..., 3] = np.where(known & (values > 0 if self.labels else part >= _CLEAR), _OPACITY, 0)
        between = "nearest" if self.labels else "bilinear"  # as the values themselves
        axes.imshow(pixels, extent=extent, aspect="auto", origin="upper", interpolation=between)


def make_overlay(
    volume: VolumeData,
    over: Over,
    *,
    fill: bool = False,
    window: Wanted = None,
    colormap: str | None = None,
    frame_of_reference: FrameOfReference = "match",
) -> Overlay:
    """Make what is drawn over the planes of a volume.

    Parameters
    ----------
    volume : Volume
        Whose planes are drawn.
    over : Volume, numpy.ndarray, mapping, or iterable
        Another volume of the same frame of reference; a mask, bool (nz, ny, nx), of this one; masks by name; or
        what `Volume.masks_of` yields.
    fill : bool
        Masks as translucent fill, not as contours.
    window, colormap, frame_of_reference
        Of another volume, as of `Volume.plot`.

    Raises
    ------
    ValueError, TypeError
        No mask of this volume, nothing that can be drawn over it, no such colour map.
    GeometryError
        The other volume is not known to lie in the same place.
    """
    if isinstance(over, VolumeData):
        if fill:
            raise ValueError("fill= is for masks, a volume is drawn as a wash of its values")
        require_same_place(over.series, volume.series, frame_of_reference)
        return _make_wash(over, window, colormap)
    if window is not None:
        raise ValueError("overlay_window= is for a volume that is drawn over another, masks have no values")
    parts: list[_CroppedMask | None] = []
    keys: list[Key] = []
    for name, mask in _list_named(over):
        parts.append(_crop_mask(volume, mask))
        keys.append(_name_mask(name, len(keys)))
    return MaskOverlay(volume, tuple(parts), tuple(keys), fill)


def list_keys(volume: VolumeData, window: Window, overlay: Overlay | None) -> tuple[Key, ...]:
    """The lines of the legend of a picture: the colours of the volume itself, and what is drawn over it."""
    own: tuple[Key, ...] = ()
    if window.colormap:
        name = _write_whole_units(volume) or "values"
        own = (Key(name, colormap=window.colormap, low=window.low, high=window.low + window.width),)
    return (*own, *(() if overlay is None else overlay.keys))


def make_plane_grid(plane: Plane) -> Geometry:
    """The pixels of a plane as a grid of one slice."""
    if plane.origin is None or plane.direction is None:
        raise GeometryError("the files hold no position or orientation, so nothing is known to lie in the picture")
    rows, columns = plane.pixels.shape[:2]
    matrix = np.eye(4)
    matrix[:3, :3] = plane.direction * (*plane.spacing, 1.0)
    matrix[:3, 3] = plane.origin
    return make_grid(matrix, (columns, rows, 1))


def trace_edges(mask: Pixels, extent: Extent) -> Floats:
    """The edges between inside and outside of pixels, as straight lines (n, 2, 2) on the axes of a picture."""
    left, right, bottom, top = extent
    rows, columns = mask.shape
    padded = np.pad(mask.astype(np.int8), 1)
    along = _join_runs(np.diff(padded, axis=0)[:, 1:-1])  # above a row, from column to column
    down = _join_runs(np.diff(padded, axis=1)[1:-1].T)[..., ::-1]
    scale = ((right - left) / columns, (bottom - top) / rows)
    edges: Floats = np.concatenate([along, down]) * scale + (left, top)
    return edges


def draw_edges(edges: Floats, colour: Colour | None) -> PathCollection:
    """Lines (n, 2, 2) as one path: a hundred thousand of their own would take gigabytes."""
    from matplotlib.collections import PathCollection
    from matplotlib.path import Path

    path = Path(edges.reshape(-1, 2), np.tile([Path.MOVETO, Path.LINETO], len(edges)))
    lines = PathCollection([path], facecolors="none", edgecolors=[colour or _WHITE], linewidths=1.2)
    lines.set_snap(True)
    return lines


def _join_runs(marks: Pixels) -> Floats:
    """The runs of what is not 0 in each row, as lines (n, 2, 2) of column and row."""
    changes = np.diff(np.pad(marks != 0, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    row, first = np.nonzero(changes > 0)
    _, last = np.nonzero(changes < 0)
    runs: Floats = np.stack([np.column_stack([first, row]), np.column_stack([last, row])], axis=1).astype(np.float64)
    return runs


def _make_wash(other: VolumeData, window: Wanted, colormap: str | None) -> WashOverlay:
    if other.frames.ndim == 4:
        raise ValueError("a volume of colour cannot be drawn over another")
    labels = choose_order(other, "auto") == "nearest"
    if window is None and (labels or other.series.header.sop_class_uid == RT_DOSE):
        low, high = 0.0, float(np.fmax.reduce(other.frames, axis=None, initial=0)) or 1.0  # nothing known: any
    else:
        chosen = choose_window(other, window)
        low, high = chosen.low, chosen.low + chosen.width
    name = f"{other.series.title} {_write_whole_units(other)}".rstrip()
    chosen_map = colormap or _choose_colormap(other, labels)
    find_colormap(chosen_map)
    return WashOverlay(other, (Key(name, colormap=chosen_map, low=low, high=high),), labels)


def _write_whole_units(volume: VolumeData) -> str:
    """The units of the values, however long; empty where they are not sure."""
    return write_units(volume).strip() or (volume.units if volume.units and volume.units not in HOUNSFIELD else "")


def _choose_colormap(volume: VolumeData, labels: bool) -> str:
    if labels:
        return "tab10"
    if volume.series.header.sop_class_uid == RT_DOSE:
        return "turbo"
    return "hot" if volume.series.modality == "PT" else "inferno"


def _list_named(over: Any) -> Iterator[tuple[Any, Pixels]]:
    """The masks that are meant, each with its name or structure, as they come."""
    if isinstance(over, np.ndarray):
        yield "mask", over
        return
    if not isinstance(over, Iterable) or isinstance(over, (str, bytes)):
        raise TypeError(f"overlay must be a Volume, a mask, or masks by name, not {describe_argument(over)}")
    for pair in over.items() if isinstance(over, Mapping) else over:
        if not isinstance(pair, Sequence) or len(pair) != 2 or isinstance(pair, str):
            raise TypeError("an overlay of several masks is {name: mask}, or what volume.masks_of yields")
        yield pair[0], pair[1]


def _crop_mask(volume: VolumeData, mask: Any) -> _CroppedMask | None:
    """A copy of the part of a mask that holds anything, with all slices where they are uneven."""
    array = check_mask(volume, mask)
    box = find_mask_box(array)
    if box is None:
        return None
    x, y, z = box if volume.geometry.even else (*box[:2], (0, len(array)))
    return _CroppedMask(array[slice(*z), slice(*y), slice(*x)].copy(), (x, y, z))


def _name_mask(structure: Any, k: int) -> Key:
    """The line of a legend for a mask: the colour that the file wants, where it wants one."""
    colour = getattr(structure, "color", None)
    red, green, blue = _COLOURS[k % len(_COLOURS)] if colour is None else (channel / 255 for channel in colour)
    return Key(str(getattr(structure, "name", structure)), (red, green, blue))
