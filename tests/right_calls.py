"""Calls that a type checker has to accept; never run."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pydicom
from vtkmodules.vtkCommonCore import vtkStringArray

import vtkdicomload as vdl

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def is_axial(series: vdl.Series) -> bool:
    return series.plane == "axial"


def load_from_every_source(path: Path) -> list[vdl.Volume]:
    sources: list[Path | str | bytes | list[Path] | tuple[str, ...] | vdl.Series] = [
        *(path, str(path), bytes(path), [path], (str(path),), vdl.scan(path)[0])
    ]
    volumes = [vdl.load(source) for source in sources]
    content = path.read_bytes()
    volumes += [vdl.load(memoryview(content)), vdl.load(io.BytesIO(content)), vdl.load(pydicom.dcmread(path))]
    with path.open("rb") as file:
        volumes += [vdl.load([content, file, pydicom.dcmread(path), path, str(path)])]
    return [*volumes, vdl.load(vtkStringArray()), vdl.load(file for file in path.iterdir())]


def load_from_an_index(path: Path) -> list[vdl.Volume | None]:
    index = vdl.Index.build(path, path.with_suffix(".index"), patient_key=b"secret")
    volumes: list[vdl.Volume | None] = [index["1.2.3"].load(), *map(vdl.load, index)]
    return [*volumes, *(loaded.volume for loaded in vdl.load_many(row for row in index if row.loads))]


def choose(path: Path) -> None:
    vdl.load(path, series=0)
    vdl.load(path, series=np.int64(0), stack=np.int64(1))
    vdl.load(path, series="largest", stack=is_axial)
    vdl.load(path, series=lambda series: series.modality == "CT")
    vdl.load(path, ignore=path)
    vdl.load(path, ignore="damaged", series="all")
    vdl.load(path, ignore=[path, "name", b"name"])
    vdl.load(path, ignore=lambda name: name.endswith(".bak"))


def give_every_option(path: Path) -> None:
    vdl.load(
        path,
        order="natural",
        irregular="keep",
        tolerance=0.05,
        engine="pydicom",
        rescale="real-world",
        verify="all",
        workers=2,
        progress=print,
        max_bytes=1 << 30,
        dtype="float32",
        out=np.empty((4, 8, 8), np.float32),
    )
    for dtype in (np.float32, np.dtype("int32"), float, "<i4", None):
        vdl.load_all(path, dtype=dtype)
    vdl.scan(path)[0].load(out=np.memmap(path, np.int16, shape=(4, 8, 8)))
    vdl.load_many([path], dtype=np.int16, reuse=True)
    vdl.load(path, rescale="suv-lbm").at_patient()
    vdl.load_all(path, workers=2, order="given", ignore=(), rescale="precise")
    vdl.load(path, archives=True)
    vdl.load_all(path, archives=True)
    vdl.load_many([path], archives=True)
    vdl.scan(path, recursive=False, archives=True, workers=2, progress=print)
    vdl.scan(path)[0].stacks()[0].load(irregular="resample", ignore=[path])
    vdl.load(path, slices=slice(10, 20))
    image = vdl.open(path, series=0, stack="axial", chunks={"z": 32}, dtype="int32", order="natural", workers=2)
    print(vdl.affine_of(image[1:]).shape, vdl.Volume.from_xarray(image[0]).affine)


def use_results(path: Path) -> NDArray[np.float64] | None:
    volume: vdl.Volume = vdl.load(path)
    for loaded in vdl.load_many(vdl.scan(path), ahead=3, as_completed=True, stack=0, rescale=False):
        if loaded.volume is not None:
            volume = loaded.volume
    for measured in vdl.load_many([path], apply=lambda v: v.spacing[2], workers=2, engine="direct"):
        thickness: float | None = measured.result
        print(thickness, measured.shape, measured.checks)
    frames, grid = vdl.to_grid(vdl.load_many([path]), spacing=1, shape=(64, 64, 32), align="centre")
    part = volume.resampled(like=volume.crop(mm=(None, (0, 50), None)), order="bspline", background=float("nan"))
    part = part.pad(1, (1, 2, 3)).resampled(spacing=(1, 1, 2.5)).resampled(matrix=np.eye(4), shape=(4, 4, 4))
    print(frames.shape, grid.spacing, volume.plane((0, 0.5, 1), (1, 2, 3)).mm, part.projection("mean", slab=10).extent)
    for structure, mask in volume.masks_of(path, ["liver", 3], frame_of_reference="ignore"):
        print(structure.name, structure.color, mask.sum(), volume.measure_mask(mask), volume.surface_of(mask))
    print(
        vdl.dvh(volume, volume.mask_of(path)).dose_at(ml=2),
        vdl.structures(path)[0].kinds,
        vdl.contours_of(path, "liver"),
        volume.mask_of(path, threshold=0.5).shape,
    )
    x, y, z = volume.spacing
    print(volume.frames.shape, volume.array.dtype, x * y * z, volume.checks[0].name, volume.plane("axial", mm=0.0).mm)
    return volume.affine
