"""Volumes as objects of other libraries: xarray, PyVista, SimpleITK and nibabel.

Index (x, y, z) of every result is that of ``frames[z, y, x]``, and its geometry that of `Volume.frames_geometry`; only
PyVista's follows `Volume.image`, whose memory it shares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._util.optional import require
from .._util.warnings import warn
from ..errors import GeometryError, UnsupportedPixelDataError
from ..errors.remedies import RESAMPLE, SaveAs, SetOption, Use
from ..stacks.geometry import NOWHERE, place_of, toward
from .vtk import image_of

if TYPE_CHECKING:
    import nibabel
    import pyvista
    import SimpleITK
    import xarray

    from .._util.arrays import Floats
    from ..loading.volume_data import VolumeData
    from ..stacks.geometry import Geometry, Place

# What VTK, ITK and NIfTI-1 all hold; `load` gives no other.
_NUMBERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
_RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])  # DT_RGB24 of NIfTI-1
_NIFTI_LONGEST = 32767  # dim[] of NIfTI-1 is int16
_SCANNER = 1  # NIFTI_XFORM_SCANNER_ANAT


def affine_of(volume: VolumeData) -> Floats | None:
    """Index (x, y, z, 1) of ``frames[z, y, x]`` → LPS mm; None where the files do not say where the volume lies.

    Raises
    ------
    GeometryError
        No affine describes the slices: uneven gaps, or an order that is not monotone in space.
    """
    geometry = volume.frames_geometry
    if geometry.affine is None and not geometry.regular:
        _places_along_normal(geometry)  # an error of its own where the order is not that of space
        raise GeometryError(
            "the gaps between the slices are uneven, no affine describes them", remedies=[RESAMPLE, Use("to_xarray()")]
        )
    return geometry.affine


def check_image(volume: VolumeData) -> None:
    """Refuse, or say in a warning, what a vtkImageData cannot hold of a volume; errors as of `to_pyvista`."""
    _check_numbers(volume, "VTK")
    _place_to_write(volume)


def to_xarray(volume: VolumeData) -> xarray.DataArray:
    """A DataArray over the memory of `frames` (`Volume.to_xarray`)."""
    xr = require("xarray", extra="xarray")
    geometry = volume.frames_geometry
    x, y, z = (np.arange(n) * step for n, step in zip(geometry.dimensions, geometry.spacing, strict=True))
    if not geometry.regular:
        z = _places_along_normal(geometry)
    letters = "xyz" if geometry.direction is None else [toward(cosines) for cosines in geometry.direction.T]
    coordinates = {
        name: (name, places, {"units": "mm", "long_name": f"distance toward {letter}"})
        for name, places, letter in zip("xyz", (x, y, z), letters, strict=True)
    }
    dims = ("z", "y", "x", "component")[: volume.frames.ndim]
    array: xarray.DataArray = xr.DataArray(volume.frames, coordinates, dims, name="frames", attrs=_attributes(volume))
    return array


def to_pyvista(volume: VolumeData) -> pyvista.ImageData:
    """A pyvista.ImageData over the memory of the volume (`Volume.to_pyvista`)."""
    pv = require("pyvista", extra="pyvista")
    check_image(volume)
    image: pyvista.ImageData = pv.ImageData(image_of(volume))
    return image


def to_sitk(volume: VolumeData) -> SimpleITK.Image:
    """A SimpleITK.Image with a copy of the pixels (`Volume.to_sitk`)."""
    sitk = require("SimpleITK", extra="sitk")
    _check_numbers(volume, "ITK")
    place = _place_to_write(volume)
    image: SimpleITK.Image = sitk.GetImageFromArray(volume.frames, isVector=volume.frames.ndim == 4)
    image.SetOrigin(place.origin)
    image.SetSpacing(place.spacing)
    image.SetDirection(place.direction)
    return image


def to_nibabel(volume: VolumeData) -> nibabel.Nifti1Image:
    """A nibabel.Nifti1Image over the memory of the volume (`Volume.to_nibabel`)."""
    nib = require("nibabel", extra="nibabel")
    _check_numbers(volume, "NIfTI")
    longest = max(volume.dimensions)
    if longest > _NIFTI_LONGEST:
        raise UnsupportedPixelDataError(f"an axis of {longest} voxels; NIfTI-1 holds {_NIFTI_LONGEST} at most")
    affine = affine_of(volume)
    ras = None if affine is None else np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    image: nibabel.Nifti1Image = nib.Nifti1Image(_nifti_voxels(volume), ras)
    if ras is None:
        image.header.set_zooms(volume.spacing)
    else:
        image.header.set_sform(ras, _SCANNER)
        if volume.frames_geometry.regular:
            # A quaternion says no shear: of sheared slices the sform alone is right.
            image.header.set_qform(ras, _SCANNER)
    image.header.set_xyzt_units("mm")
    return image


# ---------------------------------------------------------------------------------------------------- steps
def _place_to_write(volume: VolumeData) -> Place:
    """Where `frames` lies, for what must hold an origin: at 0, with a warning, where the files do not say.

    Raises
    ------
    GeometryError
        As `affine_of`.
    """
    affine = affine_of(volume)
    if affine is None:
        warn("the files do not say where the volume lies: its origin is written as 0, its direction as the identity")
        return NOWHERE._replace(spacing=volume.spacing)
    return place_of(affine)


def _nifti_voxels(volume: VolumeData) -> Any:
    """`frames` as (nx, ny, nz), colour as one structured value a voxel: a view."""
    frames = volume.frames
    if frames.ndim == 3:
        return frames.transpose(2, 1, 0)
    if frames.dtype != np.uint8:
        raise UnsupportedPixelDataError(
            f"NIfTI holds colour of 8 bits (uint8), not {frames.dtype}",
            remedies=[SaveAs((".nrrd", ".mha", ".vti", ".npz", ".zarr"))],
        )
    return frames.view(_RGB)[..., 0].transpose(2, 1, 0)


def _check_numbers(volume: VolumeData, holder: str) -> None:
    if volume.dtype.name not in _NUMBERS:
        raise UnsupportedPixelDataError(f"{holder} holds {', '.join(_NUMBERS)}, not {volume.dtype}")


def _places_along_normal(geometry: Geometry) -> Floats:
    """Where every slice of an irregular geometry lies along the normal, in mm from the first, ascending."""
    assert geometry.positions is not None  # noqa: S101 - for the type checker: irregular geometries have positions
    assert geometry.direction is not None  # noqa: S101 - and a direction
    places: Floats = (geometry.positions - geometry.positions[0]) @ geometry.direction[:, 2]
    if not np.all(np.diff(places) > 0):
        remedy = SetOption("order", ("position",), function="load")
        raise GeometryError("the slices do not follow each other in space", remedies=[remedy])
    return places


def _attributes(volume: VolumeData) -> dict[str, Any]:
    """What the coordinates do not say, in lists, numbers and words that JSON holds; what is unknown is left out."""
    geometry, series = volume.frames_geometry, volume.series
    uneven = geometry.affine is None and not geometry.regular
    said = {
        "units": volume.units,
        "modality": series.modality,
        "description": series.description,
        "photometric_interpretation": volume.photometric_interpretation,
        "window": None if volume.window is None else list(volume.window),
        "padding_value": volume.padding_value,
        "spacing": list(geometry.spacing),
        "affine": None if geometry.affine is None else geometry.affine.tolist(),
        "positions": geometry.positions.tolist() if uneven and geometry.positions is not None else None,
        "space": None if geometry.direction is None else "LPS",
    }
    return {name: value for name, value in said.items() if value is not None}
