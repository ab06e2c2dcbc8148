"""The demonstration: the shipped head CT as pictures and a surface, beside plain vtkDICOMImageReader.

Run as ``python -m vtkdicomload.cli.demonstration surface.png`` it renders the surface alone: a process of its own, so
that a machine without OpenGL, or VTK's words about it, cannot spoil the rest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .._api.single import load
from ..data import HEAD
from ..errors import DicomLoadError
from ..stacks.geometry import Geometry, find_opposite, name_side
from ..volume import Volume

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from .._util.arrays import Floats
    from ..pictures.windows import Grey

_BONE = 1300  # of the stored values, which have no Hounsfield offset
_RENDER_SECONDS = 30
_SIDE = 920  # of the rendered picture, in pixels


class Facts(NamedTuple):
    """The facts that one reader's vtkImageData tells of itself, each under its heading in `HEADINGS`."""

    name: str
    slices: str
    rows: str
    origin: str
    direction: str
    spacing: str
    seconds: str

    def lines(self) -> tuple[str, str]:
        """The facts for a picture."""
        return (
            f"slices {self.slices}   rows {self.rows}   read in {self.seconds}",
            f"origin {self.origin}   direction {self.direction}   spacing {self.spacing}",
        )


HEADINGS = ("", "slices (k)", "rows (j)", "origin, LPS mm", "direction", "spacing", "time")


class Demo(NamedTuple):
    """The products of a run of the demo."""

    volume: Volume
    ours: Facts
    theirs: Facts
    files: tuple[Path, ...]
    trouble: str  # why there is no surface; empty where there is one


def run(folder: Path) -> Demo:
    """Make every picture of the demo in a folder.

    Parameters
    ----------
    folder : Path
        Made where it does not exist.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    from ..pictures import sheets
    from ..pictures.canvas import save

    folder.mkdir(parents=True, exist_ok=True)
    surface = folder / "surface.png"
    surface.unlink(missing_ok=True)
    with subprocess.Popen(  # noqa: S603 - this very module
        [sys.executable, "-m", "vtkdicomload.cli.demonstration", os.fspath(surface)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as rendering:
        try:
            volume, seconds = _time_load()
            plain, plain_seconds = _load_plain_volume(volume)
            ours = _list_facts("vtkdicomload", volume.geometry, _write_direction(volume), seconds)
            # vtkDICOMImageReader counts rows and slices from the other end.
            theirs = _list_facts(plain.engine, plain.geometry, _write_direction(volume) * [1, -1, -1], plain_seconds)
            compared = folder / "compared.png"
            save(_draw_comparison(volume, plain, ours, theirs), compared)
            _, words = rendering.communicate(timeout=_RENDER_SECONDS)
        except subprocess.TimeoutExpired:
            words = b"rendering took too long"
        finally:
            rendering.kill()
    rendered = rendering.returncode == 0 and surface.is_file()
    planes = folder / "head.png"
    beside = ("bone surface", _read_png(surface)) if rendered else None
    save(sheets.draw_volume(volume, title="Head CT, as vtkdicomload reads it", beside=beside), planes)
    files = (planes, compared, surface) if rendered else (planes, compared)
    return Demo(volume, ours, theirs, files, "" if rendered else _take_last_line(words))


def _take_last_line(words: bytes) -> str:
    lines = words.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "the renderer ended without a word"


def _time_load() -> tuple[Volume, float]:
    """The volume, and the time of loading it once the imports are done."""
    load(HEAD)
    start = time.perf_counter()
    volume = load(HEAD)
    return volume, time.perf_counter() - start


def _load_plain_volume(volume: Volume) -> tuple[Volume, float]:
    """Load the shipped folder by plain vtkDICOMImageReader, its image taken at its word, and time it."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOImage import vtkDICOMImageReader

    start = time.perf_counter()
    reader = vtkDICOMImageReader()
    reader.SetDirectoryName(os.fspath(HEAD))
    reader.Update()
    seconds = time.perf_counter() - start
    image = reader.GetOutput()
    nx, ny, nz = image.GetDimensions()
    pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(nz, ny, nx)
    matrix = image.GetDirectionMatrix()
    direction = np.array([[matrix.GetElement(r, c) for c in range(3)] for r in range(3)])
    geometry = Geometry((nx, ny, nz), image.GetSpacing(), image.GetOrigin(), direction)
    if not np.array_equal(pixels[::-1, ::-1], volume.frames):
        raise DicomLoadError(f"vtkDICOMImageReader gave other pixels for the demo's own series in {HEAD}")
    return Volume(pixels, geometry, volume.series, engine="vtkDICOMImageReader"), seconds


def _write_direction(volume: Volume) -> Floats:
    assert volume.direction is not None  # noqa: S101 - for the type checker: the shipped files hold an orientation
    return volume.direction


def _list_facts(name: str, said: Geometry, true: Floats, seconds: float) -> Facts:
    """Say what an image says of its geometry, held against the true direction matrix of its voxels."""
    assert said.direction is not None  # noqa: S101 - for the type checker: as above
    return Facts(
        name,
        _run_words(said.direction[:, 2], true[:, 2]),
        _run_words(said.direction[:, 1], true[:, 1]),
        "({:g}, {:g}, {:g})".format(*(said.origin or ())),
        _write_matrix(said.direction),
        " × ".join(f"{s:.4g}" for s in said.spacing) + " mm",
        f"{seconds:.3f} s",
    )


def _run_words(said: Floats, true: Floats) -> str:
    return f"{_run_of(true)}, " + (
        "as it says" if name_side(said) == name_side(true) else f"but it says {_run_of(said)}"
    )


def _run_of(column: Floats) -> str:
    end = name_side(column)
    return f"{find_opposite(end)} → {end}"


def _write_matrix(direction: Floats) -> str:
    """A direction matrix in a line, row by row."""
    return " | ".join(" ".join(f"{value + 0:.4g}" for value in row) for row in direction)


def _draw_comparison(volume: Volume, plain: Volume, ours: Facts, theirs: Facts) -> Figure:
    from ..pictures import sheets

    rows: Sequence[tuple[str, Sequence[str], Volume]] = (
        ("vtkDICOMImageReader, its image taken at its word", theirs.lines(), plain),
        ("vtkdicomload", ours.lines(), volume),
    )
    return sheets.draw_rows(rows, "One folder, one way of drawing, two readers")


def _read_png(path: Path) -> Grey:
    from matplotlib.image import imread

    colour: Grey = (np.asarray(imread(path))[..., :3] * 255).round().astype(np.uint8)
    return colour


def _render_surface(volume: Volume, path: Path) -> None:
    """Write a picture of the bone surface of a head, from the front, a little from the left and above."""
    from matplotlib.image import imsave

    from ..pictures.rendering import render

    rendered = render(volume, iso=_BONE, view=(0.4, -1.0, 0.1), size=(_SIDE, _SIDE))
    imsave(path, rendered.pixels, metadata={"Software": None})  # type: ignore[dict-item]  # None: no such entry


if __name__ == "__main__":
    try:
        _render_surface(load(HEAD), Path(sys.argv[1]))
    except DicomLoadError as trouble:
        sys.exit(str(trouble))
