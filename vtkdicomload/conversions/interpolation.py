"""Common ground of every way of resampling: how values between voxels are made, of which type, and padding kept out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .vtk import wrap_scalars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Floats, Pixels
    from ..stacks.padding import PaddingRange

Order = Literal["nearest", "linear", "cubic", "bspline"]

# A reduction by f needs a Gaussian of sqrt(f² - 1) / (2 sqrt(2 ln 2)) voxels: Cardoso et al., Scale factor point spread
# function matching, MICCAI 2015.
_PER_FWHM = 1 / (2 * np.sqrt(2 * np.log(2)))
SMOOTH_RADIUS = 4.0  # of the Gaussian, in its sigmas
_LEAST_SIGMA = 0.05  # voxels: less smoothing changes nothing
_WIDEST = 8  # times the volume: a wider Gaussian makes the same mean of all of it


@dataclass(frozen=True)
class Sampling:
    """The way in which values between voxels are made.

    Attributes
    ----------
    order : {"nearest", "linear", "cubic", "bspline"}
        The interpolation.
    antialias : bool
        Whether to smooth before a reduction; never for ``"nearest"``.
    background : float
        The value outside the volume, and where most of what a value would be made of is padding.
    padding : PaddingRange or None
        The values of voxels that hold nothing and are kept out of every interpolation; NaN always is.
    """

    order: Order
    antialias: bool
    background: float
    padding: PaddingRange | None = None


def find_sigma(matrix: Floats, size: Sequence[int]) -> Floats:
    """The smoothing that a reduction needs along x, y, z of the stored volume, in its voxels; 0 where it needs none.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (4, 4)
        From indices of the result to those of the stored volume.
    size : sequence of int
        The number of stored voxels along x, y, z.
    """
    squares = (matrix[:3, :3] ** 2).sum(axis=1)  # squared voxels from one value of the result to the next
    sigma: Floats = np.minimum(np.sqrt(np.maximum(squares - 1, 0)) * _PER_FWHM, _WIDEST * np.asarray(size))
    sigma[sigma < _LEAST_SIGMA] = 0
    return sigma


def is_hole(values: Pixels, padding: PaddingRange | None) -> Pixels:
    """Tell which values are padding or no number."""
    holes = np.zeros(values.shape, bool) if padding is None else padding.covers(values)
    return holes | np.isnan(values) if values.dtype.kind == "f" else holes


def has_holes(frames: Pixels, padding: PaddingRange | None) -> bool:
    """Tell whether any value is padding or no number."""
    if padding is None and frames.dtype.kind != "f":
        return False
    return any(bool(is_hole(plane, padding).any()) for plane in frames)


def choose_float(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type that values are interpolated in: single precision holds all of 16 bits."""
    return np.dtype(np.float32 if dtype.itemsize <= 2 or dtype == np.float32 else np.float64)


def weigh(found: Pixels, background: float) -> Pixels:
    """Sums of values, and of the weights of what was no padding, (..., 2), as values: normalised convolution."""
    weights = found[..., 1]
    some = weights >= 0.5 - 1e-6
    values: Pixels = np.divide(found[..., 0], weights, out=np.full_like(weights, background), where=some)
    return values


def fit(values: Pixels, dtype: np.dtype[Any]) -> Pixels:
    """Values in another type: rounded where it holds whole numbers, and within its range."""
    if dtype.kind == "f":
        return values.astype(dtype, copy=False)
    limits = np.iinfo(dtype)
    fitted: Pixels = np.clip(np.rint(values), limits.min, limits.max).astype(dtype)
    return fitted


def smooth(values: Pixels, sigma: Floats) -> Pixels:
    """Floating-point values (z, y, x[, component]) smoothed by a Gaussian of `sigma` voxels along x, y, z."""
    from vtkmodules.vtkImagingGeneral import vtkImageGaussianSmooth

    gaussian = vtkImageGaussianSmooth(dimensionality=3)
    gaussian.SetStandardDeviations(*sigma.tolist())
    gaussian.SetRadiusFactors(SMOOTH_RADIUS, SMOOTH_RADIUS, SMOOTH_RADIUS)
    return run(gaussian, values)


def run(algorithm: Any, values: Pixels) -> Pixels:
    """Send values (z, y, x[, component]) through a filter of VTK that keeps their shape."""
    algorithm.SetInputData(wrap(values, (0, 0, 0)))
    algorithm.Update()
    return unwrap(algorithm.GetOutput(), values.shape)


def wrap(values: Pixels, first: tuple[int, int, int]) -> Any:
    """A vtkImageData over values (z, y, x[, component]) that lie where their indices say, from `first` (x, y, z) on."""
    from vtkmodules.vtkCommonDataModel import vtkImageData

    image = vtkImageData()
    nz, ny, nx = values.shape[:3]
    x, y, z = first
    image.SetExtent(x, x + nx - 1, y, y + ny - 1, z, z + nz - 1)
    image.GetPointData().SetScalars(wrap_scalars(np.ascontiguousarray(values)))
    return image


def unwrap(image: Any, shape: tuple[int, ...]) -> Pixels:
    """The values of a vtkImageData, over its memory."""
    from vtkmodules.util.numpy_support import vtk_to_numpy

    pixels: Pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(shape)
    return pixels
