"""Flat pictures of a volume as plain arrays: upright, with their size in mm, the sides of the patient and a window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from .errors import GeometryError
from .geometry import opposite, toward

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .readers.values import Pixels
    from .volume import Volume

    Grey = NDArray[np.uint8]
    PlaneName = Literal["axial", "coronal", "sagittal"]

# Where columns, rows and slices run to in the radiological view of each plane: left of the patient on the right.
VIEWS: dict[PlaneName, str] = {"axial": "LPS", "coronal": "LIP", "sagittal": "PIL"}
_PATIENT_AXIS = {"L": 0, "P": 1, "S": 2, "I": 2}
OBLIQUE_DEGREES = 1.0
AIR = -1024  # HU
_SAMPLES = 200_000  # voxels that are enough for a percentile


class Letters(NamedTuple):
    """The sides of the patient around a picture: R, L, A, P, H or F."""

    left: str
    right: str
    top: str
    bottom: str


class Plane(NamedTuple):
    """One picture: what to draw and how large it is.

    Attributes
    ----------
    name : str
        ``axial``, ``coronal`` or ``sagittal``, with ``oblique`` and the angle where it leans; ``as stored``.
    pixels : numpy.ndarray, shape (rows, columns) or (rows, columns, 3)
        Row 0 is the top of the picture.
    spacing : tuple of float
        Distance in mm of columns and of rows.
    letters : Letters or None
        The sides of the patient; None where the files do not say.
    number : int or None
        The slice of `volume.frames` where the picture is one; None where it cuts through several or no list is kept.
    """

    name: str
    pixels: Pixels
    spacing: tuple[float, float]
    letters: Letters | None
    number: int | None

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in mm."""
        rows, columns = self.pixels.shape[:2]
        return columns * self.spacing[0], rows * self.spacing[1]


class Window(NamedTuple):
    """Which values are black and white.

    Attributes
    ----------
    center, width : float
        In the units of the volume.
    words : str
        The window as a caption.
    inverted : bool
        Whether small values are bright (MONOCHROME1).
    bits : int
        BitsStored of colour, which is not windowed; 0 for grey.
    """

    center: float
    width: float
    words: str
    inverted: bool = False
    bits: int = 0

    def grey(self, pixels: Pixels) -> Grey:
        """The pixels as uint8 brightness, or uint8 RGB."""
        if self.bits:
            colour: Grey = np.clip(pixels >> max(self.bits - 8, 0), 0, 255).astype(np.uint8)
            return colour
        low = self.center - self.width / 2
        scaled = (np.nan_to_num(pixels.astype(np.float32)) - np.float32(low)) * np.float32(255 / self.width)
        if self.inverted:
            scaled = 255 - scaled
        brightness: Grey = np.clip(scaled, 0, 255).astype(np.uint8)
        return brightness


def window_of(volume: Volume) -> Window:
    """The window to show a volume with: the file's own where it shows something, else robust percentiles."""
    if volume.frames.ndim == 4:
        bits = volume.series.header.bits_stored
        return Window(0, 1, "colour, no window", bits=bits if volume.dtype.itemsize > 1 else 8)
    inverted = volume.photometric_interpretation == "MONOCHROME1"
    sample = _sample(volume)
    low, high = (float(p) for p in np.percentile(sample, [1, 99.5])) if sample.size else (0.0, 1.0)
    given = volume.window
    if given is not None and _shows_something(sample, *given):
        center, width, why = *given, "from the file"
    else:
        if high <= low and sample.size:
            low, high = float(sample.min()), float(sample.max())
        width = high - low if high > low else 1.0
        center, why = low + width / 2, "1st to 99.5th percentile"
    # US is "unspecified" in RescaleType (PS3.3 C.11.1.1.2), and a free text is too long for a caption.
    units = f" {volume.units}" if volume.units and volume.units != "US" and len(volume.units) <= 8 else ""
    words = f"window center {center:.4g}, width {width:.4g}{units} ({why})" + (", inverted" if inverted else "")
    return Window(center, width, words, inverted)


def _sample(volume: Volume) -> Pixels:
    step = max(1, int(np.ceil((volume.frames.size / _SAMPLES) ** (1 / 3))))
    nz = volume.frames.shape[0]
    values = volume.frames[:: min(step, max(1, nz // 8)), ::step, ::step].ravel()
    if volume.padding_value is not None:
        kept = values[values != volume.padding_value]
        values = kept if kept.size else values
    if volume.units == "HU" and np.any(values >= AIR):
        values = values[values >= AIR]  # below lies what some scanners fill the corners with
    return values[np.isfinite(values)] if values.dtype.kind == "f" else values


def _shows_something(sample: Pixels, center: float, width: float) -> bool:
    """Whether a window leaves neither one flat grey nor only black and white."""
    if not sample.size:
        return False
    low, high = center - width / 2, center + width / 2
    inside = float(np.mean((sample > low) & (sample < high)))
    first, last = (float(p) for p in np.percentile(sample, [0.1, 99.9]))
    return inside > 0.02 and (last - first) > 0.05 * width


def orthogonal_planes(volume: Volume) -> tuple[Plane, ...]:
    """The middle axial, coronal and sagittal plane of a volume.

    Returns
    -------
    tuple of Plane
        Three; only the middle stored slice for a single slice, for slices on no regular grid, and (as stored, without
        letters) where the files hold no position or orientation.
    """
    nz = volume.frames.shape[0]
    if volume.frames_geometry.direction is None or not volume.frames_geometry.regular or nz == 1:
        return acquired_planes(volume, [nz // 2])
    planes = []
    for name in VIEWS:
        view = _view(volume, name)
        k = view.frames.shape[0] // 2
        planes.append(_plane(view, name, k, None))
    return tuple(planes)


def acquired_planes(volume: Volume, indices: list[int]) -> tuple[Plane, ...]:
    """The stored slices ``volume.frames[k]`` for every k of `indices`, upright where their direction is known."""
    found = _acquired_view(volume)
    if found is None:
        sx, sy, _ = volume.frames_geometry.spacing
        return tuple(Plane("as stored", volume.frames[k], (sx, sy), None, k) for k in indices)
    name, view = found
    backwards = _slice_axis(view) @ _slice_axis(volume) < 0
    last = volume.frames.shape[0] - 1
    return tuple(_plane(view, name, last - k if backwards else k, k) for k in indices)


def evenly(total: int, count: int) -> list[int]:
    """At most `count` indices, evenly from the first to the last of `total`."""
    if total <= count:
        return list(range(total))
    return [round(i) for i in np.linspace(0, total - 1, count)]


def upward(volume: Volume) -> str:
    """Where the slices of `volume.frames` run to, as in ``F → H``; empty where that is not known or not one way."""
    geometry = volume.frames_geometry
    direction, positions = geometry.direction, geometry.positions
    if direction is None or volume.frames.shape[0] == 1:
        return ""
    if not geometry.regular and (positions is None or not np.all(np.diff(positions @ direction[:, 2]) > 0)):
        return ""
    end = toward(direction[:, 2])
    return f"{opposite(end)} → {end}"


def _slice_axis(volume: Volume) -> NDArray[np.float64]:
    direction = volume.frames_geometry.direction
    assert direction is not None  # noqa: S101 - for the type checker: reoriented volumes have one
    return direction[:, 2]


def _view(volume: Volume, name: PlaneName) -> Volume:
    return volume.reorient(VIEWS[name])


def _acquired_view(volume: Volume) -> tuple[PlaneName, Volume] | None:
    """The upright view whose slices are the stored ones; None where the files hold no position or orientation."""
    if volume.frames_geometry.direction is None:
        return None
    for name in VIEWS:
        try:
            view = _view(volume, name)
        except GeometryError:
            continue  # slices on no regular grid cannot be cut another way
        if abs(_slice_axis(view) @ _slice_axis(volume)) > 0.999:
            return name, view
    return None


def _plane(view: Volume, name: PlaneName, k: int, number: int | None) -> Plane:
    direction, (sx, sy, _) = view.frames_geometry.direction, view.frames_geometry.spacing
    assert direction is not None  # noqa: S101 - for the type checker: reoriented volumes have one
    right, bottom = toward(direction[:, 0]), toward(direction[:, 1])
    along = [float(abs(direction[_PATIENT_AXIS[side], column])) for column, side in enumerate(VIEWS[name])]
    degrees = float(np.degrees(np.arccos(min(1.0, *along))))
    words = f"oblique {name} ({degrees:.0f}°)" if degrees > OBLIQUE_DEGREES else name
    return Plane(words, view.frames[k], (sx, sy), Letters(opposite(right), right, opposite(bottom), bottom), number)
