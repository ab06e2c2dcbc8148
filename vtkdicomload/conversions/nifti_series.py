"""Several volumes of one grid as one four-dimensional NIfTI file, with what stands beside it."""

from __future__ import annotations

import os
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from .._util.atomic import Staged, name_file
from ..errors import GeometryError, UnsupportedPixelDataError
from ..errors.remedies import SetOption
from .files import suffix_of
from .nibabel import to_nibabel, write_nifti
from .sidecar import list_gradients, read_parameters, write_sidecar
from .whole import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..loading.volume_data import VolumeData

_NEAR = 1e-3  # mm by which corresponding voxels of volumes of one grid may differ
_ONE_EACH = SetOption("per", ("stack",), function="convert")


def save_nifti(volumes: Sequence[VolumeData], path: str) -> None:
    """Write one volume, or several of one grid as a time series, with what stands beside it by custom.

    Parameters
    ----------
    volumes : sequence of VolumeData
        In the order of the fourth axis.
    path : str
        Beside it come ``.json`` and, of diffusion, ``.bval`` and ``.bvec``. It ends in ``.nii`` or ``.nii.gz``.

    Raises
    ------
    GeometryError
        They do not lie on one grid.
    UnsupportedPixelDataError
        NIfTI does not hold their pixels.
    """
    refuse_several_grids(volumes)
    suffix = suffix_of(path)
    stem = path[: -len(suffix)]
    said = list(map(read_parameters, volumes))
    beside = {f"{stem}.json": write_sidecar(said)}
    gradients = list_gradients(volumes)
    if gradients is not None and any(b > 0 for b in gradients[0]):
        b_values, vectors = gradients
        beside[f"{stem}.bval"] = " ".join(f"{b:g}" for b in b_values) + "\n"
        beside[f"{stem}.bvec"] = "".join(" ".join(f"{x + 0:.8g}" for x in axis) + "\n" for axis in vectors.T)
    with Staged() as staged:
        for name, text in beside.items():
            with name_file(name), open(staged.new(name), "w", encoding="utf-8") as file:
                file.write(text)
        with write_whole(os.path.realpath(path), suffix) as unfinished:
            if len(volumes) == 1:
                write_nifti(to_nibabel(volumes[0]).header, [volumes[0].frames], unfinished)
            else:
                _write_time_series(volumes, unfinished, said[0].get("RepetitionTime"))
        staged.commit()


def refuse_several_grids(volumes: Sequence[VolumeData]) -> None:
    """Refuse volumes that differ in shape or lie elsewhere than the first."""
    first = volumes[0]
    for volume in volumes[1:]:
        what = None
        if volume.frames.shape != first.frames.shape:
            what = "differ in shape"
        elif (volume.affine is None) != (first.affine is None):
            what = "have a place in part only"
        elif volume.affine is not None and first.affine is not None:
            corners = np.array([(*corner, 1) for corner in product(*((0, n - 1) for n in first.dimensions))])
            if np.abs(corners @ (volume.affine - first.affine).T).max() > _NEAR:
                what = "do not lie in one place"
        if what:
            raise GeometryError(f"its {len(volumes)} volumes {what}: they make no one file", remedies=[_ONE_EACH])


def _write_time_series(volumes: Sequence[VolumeData], path: str, repetition_time: Any) -> None:
    first = volumes[0]
    if first.frames.ndim == 4:
        raise UnsupportedPixelDataError("NIfTI holds no time series of colour", remedies=[_ONE_EACH])
    dtype = np.result_type(*(volume.dtype for volume in volumes))
    header = to_nibabel(first).header
    header.set_data_shape((*first.array.shape, len(volumes)))
    header.set_data_dtype(dtype)
    header["pixdim"][4] = repetition_time if isinstance(repetition_time, float) else 1.0
    header.set_xyzt_units("mm", "sec")
    write_nifti(header, (volume.frames.astype(dtype, copy=False) for volume in volumes), path)
