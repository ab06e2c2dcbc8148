"""A volume as a nibabel.Nifti1Image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._util.optional import require
from ..errors import UnsupportedPixelDataError
from ..errors.remedies import SaveAs
from .holding import check_numbers

if TYPE_CHECKING:
    import nibabel

    from ..loading.volume_data import VolumeData

_RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])  # DT_RGB24 of NIfTI-1
_LONGEST = 32767  # dim[] of NIfTI-1 is int16
_GZIP_LEVEL = 6  # that of gzip and dcm2niix
_SCANNER = 1  # NIFTI_XFORM_SCANNER_ANAT
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def to_nibabel(volume: VolumeData) -> nibabel.Nifti1Image:
    """A nibabel.Nifti1Image over the memory of the volume (`Volume.to_nibabel`)."""
    nib = require("nibabel", extra="nibabel")
    check_numbers(volume, "NIfTI")
    longest = max(volume.dimensions)
    if longest > _LONGEST:
        raise UnsupportedPixelDataError(f"an axis of {longest} voxels; NIfTI-1 holds {_LONGEST} at most")
    volume.geometry.require_even()
    ras = None if volume.affine is None else _LPS_TO_RAS @ volume.affine
    image: nibabel.Nifti1Image = nib.Nifti1Image(_structure_colour(volume), ras)
    if ras is None:
        image.header.set_zooms(volume.spacing)
    else:
        image.header.set_sform(ras, _SCANNER)
        if not volume.geometry.leans:
            # A quaternion says no shear: of sheared slices the sform alone is right.
            image.header.set_qform(ras, _SCANNER)
    image.header.set_xyzt_units("mm")
    return image


def write_image(image: nibabel.Nifti1Image, path: str) -> None:
    """Write an image as ``.nii``, or as ``.nii.gz`` as small as dcm2niix makes it."""
    if not path.endswith(".gz"):
        image.to_filename(path)
        return
    # zlib takes three times as long for the same size; one member, as some readers know no more.
    import imagecodecs

    packed = imagecodecs.gzip_encode(image.to_bytes(), level=_GZIP_LEVEL)
    with open(path, "xb") as file:
        file.write(packed)


def _structure_colour(volume: VolumeData) -> Any:
    """The pixels as (nx, ny, nz), colour as one structured value a voxel: a view."""
    if volume.frames.ndim == 3:
        return volume.array
    if volume.dtype != np.uint8:
        raise UnsupportedPixelDataError(
            f"NIfTI holds colour of 8 bits (uint8), not {volume.dtype}",
            remedies=[SaveAs((".nrrd", ".mha", ".vti", ".npz", ".zarr"))],
        )
    return volume.frames.view(_RGB)[..., 0].transpose(2, 1, 0)
