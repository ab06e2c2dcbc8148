"""Calls that a type checker has to refuse, each marked by the error it gives; never run.

mypy's `warn_unused_ignores` reports a mark whose call it accepts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import vtkdicomload as vdl

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


def load_with_wrong_options(path: Path) -> None:
    vdl.load(path, order="sorted")  # type: ignore[arg-type]
    vdl.load(path, irregular="interpolate")  # type: ignore[arg-type]
    vdl.load(path, engine="gdcm")  # type: ignore[arg-type]
    vdl.load(path, verify=True)  # type: ignore[arg-type]
    vdl.load(path, tolerance="2 %")  # type: ignore[arg-type]
    vdl.load(path, workers=2.0)  # type: ignore[arg-type]
    vdl.load(path, max_bytes="1 GB")  # type: ignore[arg-type]
    vdl.load(path, rescale=1.5)  # type: ignore[arg-type]
    vdl.load(path, progress=lambda done: None)  # type: ignore[arg-type, misc]
    vdl.load(path, dtype=32)  # type: ignore[arg-type]
    vdl.load(path, out=bytearray(8))  # type: ignore[arg-type]
    vdl.load(path, sort=True)  # type: ignore[call-arg]
    vdl.load(path, 0)  # type: ignore[call-arg]


def load_from_wrong_sources(path: Path) -> None:
    vdl.load(None)  # type: ignore[arg-type]
    vdl.load(3)  # type: ignore[arg-type]
    vdl.load([path, 3])  # type: ignore[list-item]
    vdl.load(vdl.scan(path))  # type: ignore[arg-type]
    vdl.scan(path, recursive="yes")  # type: ignore[arg-type]
    vdl.load_many(path)  # type: ignore[call-overload]


def is_axial(label: str) -> bool:
    return label == "axial"


def choose_wrongly(path: Path) -> None:
    vdl.load(path, series=1.0)  # type: ignore[arg-type]
    vdl.load(path, series=is_axial)  # type: ignore[arg-type]
    vdl.load(path, stack=("axial",))  # type: ignore[arg-type]
    vdl.load(path, ignore=3)  # type: ignore[arg-type]
    vdl.load(path, ignore=lambda: True)  # type: ignore[arg-type, misc]


def load_several_with_wrong_options(path: Path, array: NDArray[np.int16]) -> None:
    vdl.load_all(path, order="sorted")  # type: ignore[arg-type]
    vdl.load_all(path, series=0)  # type: ignore[call-arg]
    vdl.load_many([path], verify="twice")  # type: ignore[call-overload]
    vdl.load_many([path], ahead="2")  # type: ignore[call-overload]
    vdl.load_many([path], apply="mean")  # type: ignore[call-overload]
    vdl.load_many([path], reuse="yes")  # type: ignore[call-overload]
    vdl.load_all(path, out=array)  # type: ignore[call-arg]
    vdl.scan(path)[0].load(engine="gdcm")  # type: ignore[arg-type]
    vdl.scan(path)[0].load(sort=True)  # type: ignore[call-arg]
    vdl.open(path, reader="direct")  # type: ignore[call-arg]
    vdl.open(path, chunks=1.5)  # type: ignore[arg-type]


def misread_results(path: Path) -> None:
    volume = vdl.load(path)
    print(volume.pixels)  # type: ignore[attr-defined]
    spacing: float = volume.spacing  # type: ignore[assignment]
    affine: np.ndarray = volume.affine  # type: ignore[assignment]
    volume.plane("oblique")  # type: ignore[arg-type]
    volume.projection("median")  # type: ignore[arg-type]
    volume.resampled(spacing=1, order="sinc")  # type: ignore[arg-type]
    volume.resampled(like=path)  # type: ignore[arg-type]
    volume.mask_of(path, frame_of_reference="guess")  # type: ignore[arg-type]
    vdl.to_grid([volume], spacing=1, align="corner")  # type: ignore[arg-type]
    volume.image_as("itk")  # type: ignore[arg-type]
    for loaded in vdl.load_many([path]):
        print(loaded.volume.frames)  # type: ignore[union-attr]
    print(spacing, affine)
