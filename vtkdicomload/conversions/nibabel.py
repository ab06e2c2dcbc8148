"""A volume as a nibabel.Nifti1Image."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from .._util.optional import require
from ..errors import UnsupportedPixelDataError
from ..errors.remedies import SaveAs
from .holding import check_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import nibabel

    from .._util.arrays import Pixels
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


def write_nifti(header: nibabel.Nifti1Header, parts: Iterable[Pixels], path: str) -> None:
    """Write ``.nii``, or ``.nii.gz`` as small as dcm2niix makes it.

    Parameters
    ----------
    header : nibabel.Nifti1Header
        Of what is written, but for what says that it is one file.
    parts : iterable of numpy.ndarray
        The pixels as they lie in the file, (nz, ny, nx) or (nz, ny, nx, 3): one of each volume.
    path : str
        A file that is not there yet.
    """
    head = _encode_header(header)
    # Written as they lie in memory: nibabel copies them slice by slice.
    pixels = (np.ascontiguousarray(part).data.cast("B") for part in parts)
    with open(path, "xb") as file:
        if path.endswith(".gz"):
            whole = list(pixels)
            file.writelines(_pack(head, whole[0] if len(whole) == 1 else b"".join(whole)))
        else:
            file.write(head)
            for part in pixels:
                file.write(part)


def _encode_header(header: nibabel.Nifti1Header) -> bytes:
    header = header.copy()
    header["magic"] = header.single_magic
    header.set_slope_inter(1, 0)
    stream = BytesIO()
    header.write_to(stream)
    return stream.getvalue()


def _pack(header: bytes, pixels: Any) -> Iterator[bytes]:
    """The pieces of a gzip file of one member, as some readers know no more: RFC 1952, RFC 1951."""
    # zlib takes three times as long as libdeflate for the same size.
    import imagecodecs

    yield b"\x1f\x8b\x08" + bytes(6) + b"\xff"
    # libdeflate takes one buffer: the header goes before, in a stored block, which is not the last one.
    yield struct.pack("<BHH", 0, len(header), len(header) ^ 0xFFFF) + header
    yield bytes(imagecodecs.deflate_encode(pixels, level=_GZIP_LEVEL, raw=True))
    checksum = imagecodecs.deflate_crc32(pixels, imagecodecs.deflate_crc32(header))
    yield struct.pack("<II", checksum, (len(header) + len(pixels)) % 2**32)


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
