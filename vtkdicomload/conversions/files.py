"""Writing a volume as one file of another format: whole, or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np

from .._util.names import is_utf8
from .._util.optional import require
from .._util.warnings import hush, silence_warnings
from ..sources.hints import looks_like_path
from .coordinates import FRAME_OF_REFERENCE, PATIENT
from .holding import check_numbers, place_to_write
from .nibabel import to_nibabel, write_nifti
from .ome_zarr import plan_store
from .sitk import to_sitk
from .vtk import make_image
from .whole import check_target, write_whole
from .xarray import to_xarray

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..loading.volume_data import VolumeData

_NRRD_HEADER = 1 << 16  # bytes in which SimpleITK's header ends
_BY_CPP = (".vti", ".mha", ".nrrd")


def save(volume: VolumeData, path: str | os.PathLike[str]) -> None:
    """Write a volume in the format that the suffix names (`Volume.save`)."""
    given = os.path.abspath(os.fsdecode(path))
    suffix, target = suffix_of(given), os.path.realpath(given)
    check_target(target, suffix)
    if suffix in _BY_CPP and not is_utf8(target):
        raise OSError(errno.EILSEQ, "its path is not UTF-8, as VTK and ITK need it → .nii, .npz or .zarr", target)
    volume.geometry.require_even()
    with write_whole(target, suffix) as unfinished:
        _WRITERS[suffix](volume, unfinished)


def suffix_of(path: str) -> str:
    """The suffix of a path that says the format, in lower case.

    Raises
    ------
    ValueError
        It is none of those that are written.
    """
    name = os.path.basename(path)
    for suffix in _WRITERS:
        if name.lower().endswith(suffix):
            return suffix
    shown = repr(name) if looks_like_path(path) else "the path"
    raise ValueError(f"the suffix says the format: {shown} should end in {', '.join(_WRITERS)}")


# ---------------------------------------------------------------------------------------------------- formats
def _write_vti(volume: VolumeData, path: str) -> None:
    from vtkmodules.vtkIOXML import vtkXMLImageDataWriter

    check_numbers(volume, "VTK")
    place_to_write(volume)
    writer = vtkXMLImageDataWriter()
    hush(writer, "ErrorEvent")
    writer.SetInputData(make_image(volume))
    writer.SetFileName(path)
    writer.SetHeaderTypeToUInt64()
    writer.SetCompressorTypeToNone()
    writer.EncodeAppendedDataOff()
    # VTK 9.4 does not see a full disk.
    if not writer.Write() or not _ends_with(path, b"</VTKFile>\n"):
        code = writer.GetErrorCode() or errno.ENOSPC
        raise OSError(code, os.strerror(code))


def _ends_with(path: str, words: bytes) -> bool:
    with open(path, "rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - len(words)))
        return file.read() == words


def _write_nifti(volume: VolumeData, path: str) -> None:
    write_nifti(to_nibabel(volume).header, [volume.frames], path)


def _write_itk(volume: VolumeData, path: str) -> None:
    sitk = require("SimpleITK", extra="sitk")
    image = to_sitk(volume)
    try:
        sitk.WriteImage(image, path)
    except RuntimeError as error:
        if shutil.disk_usage(os.path.dirname(path)).free < volume.frames.nbytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path) from error
        raise OSError(f"SimpleITK could not write it: {str(error).strip().splitlines()[-1].strip()}") from error


def _write_nrrd(volume: VolumeData, path: str) -> None:
    _write_itk(volume, path)
    # ITK does not see a disk that is full when the file is closed.
    with open(path, "rb") as file:
        pixels_at = file.read(_NRRD_HEADER).index(b"\n\n") + 2
    if os.path.getsize(path) != pixels_at + volume.frames.nbytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _write_npz(volume: VolumeData, path: str) -> None:
    arrays: dict[str, Any] = {"frames": volume.frames, "spacing": np.array(volume.spacing)}
    if volume.affine is not None:
        arrays |= {"affine": volume.affine, "origin": np.array(volume.origin), "direction": volume.direction}
    if volume.units is not None:
        arrays["units"] = np.array(volume.units)
    with open(path, "xb") as file:
        np.savez(file, **arrays)


def _write_zarr(volume: VolumeData, path: str) -> None:
    zarr = require("zarr", extra="zarr")
    array = to_xarray(volume)
    if PATIENT in array.coords:
        array.coords[PATIENT].attrs.pop(FRAME_OF_REFERENCE, None)  # no UID of the files is written
    array.to_dataset().to_zarr(path, zarr_format=3, consolidated=False)
    with silence_warnings():
        # xarray warns where consolidated metadata is missing, zarr where it is written.
        zarr.consolidate_metadata(path)


def _write_ome_zarr(volume: VolumeData, path: str) -> None:
    plan_store(to_xarray(volume))(path)


# The longer of two suffixes first.
_WRITERS: dict[str, Callable[[VolumeData, str], None]] = {
    ".vti": _write_vti,
    ".nii": _write_nifti,
    ".nii.gz": _write_nifti,
    ".mha": _write_itk,
    ".nrrd": _write_nrrd,
    ".npz": _write_npz,
    ".ome.zarr": _write_ome_zarr,
    ".zarr": _write_zarr,
}
