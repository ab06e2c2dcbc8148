from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from drawn import ACQUISITIONS

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from synthetic import Truth

    from vtkdicomload.pictures.planes import Plane

    Write = Callable[..., Truth]

NAMES = ("axial", "coronal", "sagittal")
AXIS = {"axial": 2, "coronal": 1, "sagittal": 0}
ORIGIN = (-31.5, 12.25, 77.0)


def places(plane: Plane) -> NDArray[np.float64]:
    """LPS mm of every pixel, (rows, columns, 3), from the plane's own origin, direction and spacing."""
    assert plane.origin is not None
    assert plane.direction is not None
    rows, columns = np.mgrid[: plane.pixels.shape[0], : plane.pixels.shape[1]]
    right, down, _ = plane.direction.T
    return plane.origin + columns[..., None] * right * plane.spacing[0] + rows[..., None] * down * plane.spacing[1]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("acquired", ACQUISITIONS)
def test_every_pixel_is_the_voxel_at_its_place(series: Write, acquired: str, name: str) -> None:
    truth = series(orientation=ACQUISITIONS[acquired], origin=ORIGIN, count=5, rows=6, columns=8)
    volume = vdl.load(truth.folder)
    to_index = np.linalg.inv(truth.affine)
    last = None
    for index in range(volume.reorient("LPS").frames.shape[{"axial": 0, "coronal": 1, "sagittal": 2}[name]]):
        plane = volume.plane(name, index=index)
        at = np.rint(places(plane) @ to_index[:3, :3].T + to_index[:3, 3]).astype(int)
        assert np.array_equal(plane.pixels, truth.frames[at[..., 2], at[..., 1], at[..., 0]])
        assert plane.index == index
        assert name in plane.name
        assert plane.mm is not None
        assert last is None or plane.mm > last  # toward L, P and S
        last = plane.mm


@pytest.mark.parametrize("acquired", [n for n in ACQUISITIONS if n != "oblique"])
@pytest.mark.parametrize("name", NAMES)
def test_mm_is_the_patient_coordinate_and_finds_the_plane(series: Write, acquired: str, name: str) -> None:
    volume = vdl.load(series(orientation=ACQUISITIONS[acquired], origin=ORIGIN).folder)
    for index in (0, 1, 3):
        plane = volume.plane(name, index=index)
        assert np.allclose(places(plane)[..., AXIS[name]], plane.mm)
        assert plane.mm is not None
        for nudge in (-0.2, 0.0, 0.2):
            assert volume.plane(name, mm=plane.mm + nudge).index == index


@pytest.mark.parametrize("name", NAMES)
def test_extent_holds_the_centre_of_every_pixel(series: Write, name: str) -> None:
    volume = vdl.load(series(orientation=ACQUISITIONS["sagittal from the right"], origin=ORIGIN).folder)
    plane = volume.plane(name)
    across, down = {"axial": (0, 1), "coronal": (0, 2), "sagittal": (1, 2)}[name]
    rows, columns = plane.pixels.shape
    left, right, bottom, top = plane.extent
    for k in range(columns):
        assert left + (k + 0.5) * (right - left) / columns == pytest.approx(places(plane)[0, k, across])
    for k in range(rows):
        assert top + (k + 0.5) * (bottom - top) / rows == pytest.approx(places(plane)[k, 0, down])
    assert abs(right - left) == pytest.approx(plane.size[0])
    assert left < right  # to the left of the patient, or to the back
    assert (top > bottom) == (name != "axial")  # head up, front up


def test_the_default_is_the_middle_and_negative_counts_from_the_end(series: Write) -> None:
    volume = vdl.load(series(count=5).folder)
    assert volume.plane().index == 2
    assert volume.plane("axial", index=-1).index == 4
    assert volume.plane("coronal", index=np.int64(-6)).index == 0


def test_number_is_that_of_the_stored_slice(series: Write) -> None:
    volume = vdl.load(series(orientation=ACQUISITIONS["axial from below"], count=5).folder)
    for index in range(5):
        plane = volume.plane("axial", index=index)
        assert plane.number is not None
        assert np.array_equal(plane.pixels, volume.frames[plane.number, :, ::-1])
    assert volume.plane("coronal").number is None


def test_an_oblique_plane_says_so(series: Write) -> None:
    volume = vdl.load(series(orientation=ACQUISITIONS["oblique"]).folder)
    plane = volume.plane("axial")
    assert plane.name.startswith("oblique axial (1")
    assert plane.origin is not None
    assert plane.direction is not None
    assert plane.mm == pytest.approx(plane.origin @ plane.direction[:, 2])


def test_no_pixel_is_copied(series: Write) -> None:
    volume = vdl.load(series().folder)
    for name in NAMES:
        assert np.shares_memory(volume.plane(name).pixels, volume.frames)  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------------------- what is refused
@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (("axiel",), {}, "axial, coronal, sagittal, not a str of 5 characters"),
        ((), {"index": 1, "mm": 2.0}, "by index or by mm, not both"),
        ((), {"index": 5}, "there are 5 axial planes, 0 to 4: no index 5"),
        ((), {"index": -6}, "no index -6"),
        ((), {"mm": 28.7}, r"axial planes lie at 30 to 40 mm: there is none at 28.7 mm"),
        ((), {"mm": 41.3}, "none at 41.3 mm"),
        ((), {"mm": float("nan")}, "none at nan mm"),
    ],
)
def test_wrong_arguments(series: Write, arguments: tuple[Any, ...], options: dict[str, Any], words: str) -> None:
    volume = vdl.load(series(count=5, gap=2.5, origin=(0, 0, 30)).folder)
    with pytest.raises(ValueError, match=words):
        volume.plane(*arguments, **options)
    assert volume.plane(mm=28.8).index == 0  # within half a slice


def test_an_index_that_is_no_number(series: Write) -> None:
    with pytest.raises(TypeError):
        vdl.load(series().folder).plane(index=1.5)  # type: ignore[arg-type]


def test_irregular_slices_are_cut_one_way_only(series: Write) -> None:
    def uneven(dataset: Any, k: int) -> None:
        dataset.ImagePositionPatient[2] = [0, 2, 4, 9, 11][k]

    with pytest.warns(vdl.DicomLoadWarning):
        volume = vdl.load(series(edit=uneven).folder, irregular="keep")
    assert [volume.plane(mm=z).number for z in (0, 6, 7, 11)] == [0, 2, 3, 4]
    assert volume.plane(index=3).mm == 9
    with pytest.raises(vdl.GeometryError, match="resample"):
        volume.plane("coronal")


def test_without_orientation_there_is_no_plane(series: Write) -> None:
    with pytest.warns(vdl.DicomLoadWarning):
        volume = vdl.load(series(ImagePositionPatient=None, ImageOrientationPatient=None).folder)
    with pytest.raises(vdl.GeometryError, match="no position or orientation"):
        volume.plane()


def test_a_single_slice(data: Path) -> None:
    volume = vdl.load(next(iter(sorted((data / "small_ct").glob("*.dcm")))))
    assert volume.plane("axial").pixels.shape == volume.frames.shape[1:]
    assert volume.plane("coronal").pixels.shape[0] == 1
