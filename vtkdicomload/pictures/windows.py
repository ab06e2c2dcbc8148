"""Windows, the values of a volume that are drawn black and white: by name, from the file, or from the values."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .._util.wording import describe_argument
from ..headers.objects.real_world_values import HOUNSFIELD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.colors import Colormap
    from numpy.typing import NDArray

    from .._util.arrays import Pixels
    from ..loading.volume_data import VolumeData

    Grey = NDArray[np.uint8]
    Wanted = str | Sequence[float] | None

# (center, width) in HU, the customary ones: radiopaedia.org/articles/windowing-ct; soft tissue is its abdomen.
CT_WINDOWS = {
    "abdomen": (50.0, 400.0),
    "bone": (400.0, 1800.0),
    "brain": (40.0, 80.0),
    "liver": (30.0, 150.0),
    "lung": (-600.0, 1500.0),
    "mediastinum": (50.0, 350.0),
    "soft tissue": (50.0, 400.0),
    "spine": (50.0, 250.0),
    "stroke": (40.0, 40.0),
    "temporal bone": (600.0, 2800.0),
}
_PERCENTILES = "percentiles"
_INVERTED = ", inverted"
_COLORMAPS = ("hot", "inferno", "turbo", "viridis", "gray_r")
_AIR = -1024  # HU
_LONGEST_UNITS = 13  # characters in a caption: "SUVbsa cm2/ml"
_SAMPLES = 200_000  # voxels that are enough for a percentile


class Window(NamedTuple):
    """The values that are black and white.

    Attributes
    ----------
    center, width : float
        In the units of the volume.
    words : str
        The window as a caption.
    inverted : bool
        Whether small values are bright (MONOCHROME1).
    bits : int
        Bits of colour, which is not windowed; 0 for grey.
    colormap : str
        A colour map of matplotlib to draw the values in; empty for grey.
    """

    center: float
    width: float
    words: str
    inverted: bool = False
    bits: int = 0
    colormap: str = ""

    @property
    def low(self) -> float:
        """The largest value that is black, or white where `inverted`."""
        return self.center - self.width / 2

    def grey(self, pixels: Pixels) -> Grey:
        """The pixels as uint8 brightness, or uint8 RGB."""
        if self.bits:
            colour: Grey = np.clip(pixels >> max(self.bits - 8, 0), 0, 255).astype(np.uint8)
            return colour
        scaled = (np.nan_to_num(pixels.astype(np.float32)) - np.float32(self.low)) * np.float32(255 / self.width)
        if self.inverted:
            scaled = 255 - scaled
        brightness: Grey = np.clip(scaled, 0, 255).astype(np.uint8)
        return find_colormap(self.colormap)(brightness, bytes=True)[..., :3] if self.colormap else brightness


def choose_display(volume: VolumeData, wanted: Wanted = None, colormap: str | None = None) -> Window:
    """The window to draw planes of a volume with: of PET in inverted grey, as nuclear medicine looks at it.

    Parameters
    ----------
    volume, wanted
        As for `choose_window`, with its errors.
    colormap : str, optional
        A colour map of matplotlib in the place of grey.
    """
    window = choose_window(volume, wanted)
    if colormap is not None:
        if window.bits:
            raise ValueError("colour is shown as it is stored: colormap= is for grey values")
        find_colormap(colormap)
        words = f"{window.words.removesuffix(_INVERTED)}, {colormap}"
        return window._replace(words=words, inverted=False, colormap=colormap)
    if volume.series.modality != "PT" or window.inverted or window.bits:
        return window
    return window._replace(words=window.words + _INVERTED, inverted=True)


def find_colormap(name: str) -> Colormap:
    """A colour map of matplotlib by its name; ValueError where there is none."""
    from matplotlib import colormaps

    if not isinstance(name, str) or name not in colormaps:
        some = ", ".join(repr(known) for known in _COLORMAPS)
        raise ValueError(
            f"matplotlib has no colour map of that name ({describe_argument(name)}); it has {some} and others"
        )
    return colormaps[name]


def choose_window(volume: VolumeData, wanted: Wanted = None) -> Window:
    """The window to show a volume with.

    Parameters
    ----------
    volume : Volume
        What to show.
    wanted : str, (center, width) or None
        A name of `CT_WINDOWS` for a CT in Hounsfield units, ``"percentiles"`` for the 1st to 99.5th percentile of the
        values, or numbers in the units of the volume. None: the file's own window where it shows something, else
        percentiles.

    Raises
    ------
    ValueError
        There is no such window, it does not fit the volume, or the volume is colour.
    TypeError
        `wanted` is neither a name nor two numbers.
    """
    if volume.frames.ndim == 4:
        if wanted is not None:
            raise ValueError("colour is shown as it is stored: window= is for grey values")
        header = volume.series.header
        whole = volume.dtype.itemsize == 1 or header.photometric_interpretation == "PALETTE COLOR"
        bits = volume.dtype.itemsize * 8 if whole else header.bits_stored  # of a palette's indices, not of its colours
        return Window(0, 1, "colour, no window", bits=bits)
    inverted = volume.photometric_interpretation == "MONOCHROME1"
    sample = _sample_values(volume)
    center, width, why = _choose_window(volume, wanted, sample)
    words = f"window center {center:.4g}, width {width:.4g}{write_units(volume)} ({why})"
    words += _INVERTED if inverted else ""
    return Window(center, width, words, inverted)


def explain_no_hounsfield(volume: VolumeData) -> str:
    """Say why the values of a volume are no Hounsfield units; empty where they are."""
    header = volume.series.header
    if header.modality != "CT":
        return f"its modality is {header.modality}, not CT" if header.modality else "the files give no modality"
    if volume.units not in HOUNSFIELD:
        return "it holds stored values" if not volume.rescaled else f"its units are {volume.units}"
    sample = _sample_values(volume)
    said = header.rescale_type in HOUNSFIELD or header.units in HOUNSFIELD
    if not said and sample.size and sample.min() >= 0:
        # Air is -1000 HU: some CT lack the intercept, and some files are CT by name alone.
        return f"its values begin at {sample.min():g}, and no file says that they are HU"
    return ""


def write_units(volume: VolumeData) -> str:
    """The units of the values, after a blank, for a number in a caption; empty where they are not sure or too long."""
    if volume.units in HOUNSFIELD:
        return "" if explain_no_hounsfield(volume) else " HU"
    return f" {volume.units}" if volume.units and len(volume.units) <= _LONGEST_UNITS else ""


def parse_window(words: str) -> str | tuple[float, float]:
    """A window as the command line gives it: a name, or ``CENTER,WIDTH``."""
    try:
        center, width = map(float, words.split(","))
    except ValueError:
        return words
    return center, width


def _choose_window(volume: VolumeData, wanted: Wanted, sample: Pixels) -> tuple[float, float, str]:
    """Center, width, and where they come from."""
    if isinstance(wanted, str):
        name = " ".join(wanted.lower().replace("-", " ").replace("_", " ").split())
        return _measure_percentiles(sample) if name == _PERCENTILES else (*_find_preset(volume, name, wanted), name)
    if wanted is not None:
        return *_parse_window_numbers(wanted), "as given"
    given = volume.window
    return (*given, "from the file") if given and _shows_something(sample, *given) else _measure_percentiles(sample)


def _find_preset(volume: VolumeData, name: str, wanted: str) -> tuple[float, float]:
    if name not in CT_WINDOWS:
        listed = ", ".join(CT_WINDOWS)
        raise ValueError(
            f"there is no window of that name ({describe_argument(wanted)}); for CT there are {listed}; "
            f"for every volume {_PERCENTILES}, "
            "or center and width, as 40,400"
        )
    fault = explain_no_hounsfield(volume)
    if fault:
        raise ValueError(
            f"the window {wanted!r} is in Hounsfield units, which {volume.series.title} does not hold ({fault}) → "
            f'window="{_PERCENTILES}" or window=(center, width)'
        )
    return CT_WINDOWS[name]


def _parse_window_numbers(wanted: Sequence[float]) -> tuple[float, float]:
    try:
        center, width = (float(number) for number in wanted)
    except (TypeError, ValueError):
        raise TypeError(f"window must be a name or (center, width), not {describe_argument(wanted)}") from None
    if not (np.isfinite(center) and np.isfinite(width) and width > 0):
        raise ValueError(f"a window needs a finite center and a width above 0, not {center:g} and {width:g}")
    return center, width


def _measure_percentiles(sample: Pixels) -> tuple[float, float, str]:
    low, high = (float(p) for p in np.percentile(sample, [1, 99.5])) if sample.size else (0.0, 1.0)
    if high <= low and sample.size:
        low, high = float(sample.min()), float(sample.max())
    width = high - low if high > low else 1.0
    return low + width / 2, width, "1st to 99.5th percentile"


def _sample_values(volume: VolumeData) -> Pixels:
    """Some values from everywhere in the volume, without padding and other fillings."""
    step = max(1, int(np.ceil((volume.frames.size / _SAMPLES) ** (1 / 3))))
    nz = volume.frames.shape[0]
    values = volume.frames[:: min(step, max(1, nz // 8)), ::step, ::step].ravel()
    if volume.padding_range is not None:
        kept = values[~volume.padding_range.covers(values)]
        values = kept if kept.size else values
    if volume.units in HOUNSFIELD and np.any(values >= _AIR):
        values = values[values >= _AIR]  # below lies what some scanners fill the corners with
    return values[np.isfinite(values)] if values.dtype.kind == "f" else values


def _shows_something(sample: Pixels, center: float, width: float) -> bool:
    """Tell whether a window leaves neither one flat grey nor only black and white."""
    if not sample.size:
        return False
    low, high = center - width / 2, center + width / 2
    inside = float(np.mean((sample > low) & (sample < high)))
    first, last = (float(p) for p in np.percentile(sample, [0.1, 99.9]))
    return inside > 0.02 and (last - first) > 0.05 * width
