from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK
from drawn import ACQUISITIONS
from full_disk import largest_file
from vtkmodules.util.numpy_support import vtk_to_numpy

import vtkdicomload as vdl
from vtkdicomload.pictures import surfaces

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from synthetic import Truth

    Write = Callable[..., Truth]
    Floats = NDArray[np.float64]

ORIGIN = np.array((-70.0, 110.0, -345.5))
RADIUS = 9.0


def ball(write: Write, acquired: str, **options: Any) -> tuple[Truth, Floats]:
    """A series whose values are 1000 at the centre of a ball and fall by 50 a mm, and that centre in LPS mm."""
    orientation = np.array(ACQUISITIONS[acquired], float)
    row, column, normal = orientation[:3], orientation[3:], np.cross(orientation[:3], orientation[3:])
    centre = ORIGIN + row * 12.0 + column * 15.0 + normal * 14.0

    def paint(dataset: Any, k: int) -> None:
        y, x = np.mgrid[:40, :50]
        points = ORIGIN + x[..., None] * row * 0.5 + y[..., None] * column * 0.8 + k * 1.5 * normal
        values = 1000 - 50 * np.linalg.norm(points - centre, axis=-1)
        dataset.PixelData = np.rint(values).astype("<i2").tobytes()

    size = {"count": 20, "rows": 40, "columns": 50, "gap": 1.5}
    return write(origin=tuple(ORIGIN), orientation=tuple(orientation), edit=paint, **size, **options), centre


VALUE = 1000 - 50 * RADIUS


def stl_triangles(path: Path) -> Floats:
    """The corners of a binary STL, (n, 3, 3), read by its definition."""
    data = path.read_bytes()
    (count,) = np.frombuffer(data, "<u4", 1, 80)
    kind = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    triangles = np.frombuffer(data, kind, count, 84)
    assert len(data) == 84 + 50 * count
    corners: Floats = triangles["corners"].astype(np.float64)
    return corners


def enclosed(corners: Floats) -> float:
    """The volume within closed triangles, positive where they face outward."""
    a, b, c = corners.transpose(1, 0, 2) - corners.mean(axis=(0, 1))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


def corners_of(surface: Any) -> Floats:
    points = vtk_to_numpy(surface.GetPoints().GetData()).astype(np.float64)
    result: Floats = points[vtk_to_numpy(surface.GetPolys().GetConnectivityArray()).reshape(-1, 3)]
    return result


@pytest.mark.parametrize("acquired", ACQUISITIONS)
def test_a_ball_lies_where_it_is_in_the_patient(series: Write, tmp_path: Path, acquired: str) -> None:
    truth, centre = ball(series, acquired)
    surfaces.write_surface(surfaces.extract_surface(vdl.load(truth.folder), VALUE), tmp_path / "ball.stl")
    corners = stl_triangles(tmp_path / "ball.stl")
    distances = np.linalg.norm(corners.reshape(-1, 3) - centre, axis=1)
    assert np.abs(distances - RADIUS).max() < 0.1
    assert enclosed(corners) == pytest.approx(4 / 3 * np.pi * RADIUS**3, rel=0.02)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.filterwarnings("ignore::vtkdicomload.DicomLoadWarning")
def test_triangles_and_normals_face_outward_in_left_handed_volumes_too(series: Write, backwards: bool) -> None:
    names = [f"{k:02d}.dcm" for k in range(20)]
    truth, centre = ball(series, "oblique", names=names[::-1] if backwards else names)
    volume = vdl.load(truth.folder, order="natural")
    handed = volume.image.GetDirectionMatrix().Determinant()
    assert (handed < 0) == backwards
    surface = surfaces.extract_surface(volume, VALUE)
    corners = corners_of(surface)
    assert enclosed(corners) == pytest.approx(4 / 3 * np.pi * RADIUS**3, rel=0.02)
    points = vtk_to_numpy(surface.GetPoints().GetData()) - centre
    normals = vtk_to_numpy(surface.GetPointData().GetNormals())
    assert np.einsum("ij,ij->i", points / RADIUS, normals).min() > 0.95


def test_the_surface_of_the_head_has_its_value_where_simpleitk_looks(ct_head: Path) -> None:
    surface = surfaces.extract_surface(vdl.load(ct_head), 1300)
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(ct_head)))
    image = SimpleITK.Cast(reader.Execute(), SimpleITK.sitkFloat64)
    points = vtk_to_numpy(surface.GetPoints().GetData()).astype(np.float64)
    found = [image.EvaluateAtPhysicalPoint(p, SimpleITK.sitkLinear) for p in points[::200].tolist()]
    assert len(found) > 100
    assert np.abs(np.array(found) - 1300).max() < 1


@pytest.mark.parametrize("kind", surfaces.FORMATS)
def test_every_format_holds_the_same_triangles(series: Write, tmp_path: Path, kind: str) -> None:
    from vtkmodules.vtkIOGeometry import vtkOBJReader
    from vtkmodules.vtkIOPLY import vtkPLYReader
    from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

    truth, _ = ball(series, "sagittal")
    surface = surfaces.extract_surface(vdl.load(truth.folder), VALUE)
    path = tmp_path / f"ball{kind.upper()}"
    surfaces.write_surface(surface, path)
    if kind == ".stl":  # VTK's reader of STL merges points and drops triangles that have no area
        assert np.allclose(stl_triangles(path), corners_of(surface))
        return
    readers = {".ply": vtkPLYReader, ".obj": vtkOBJReader, ".vtp": vtkXMLPolyDataReader}
    reader = readers[kind](file_name=str(path))
    reader.Update()
    assert np.allclose(corners_of(reader.GetOutput()), corners_of(surface), atol=2e-3)


def test_nothing_but_the_file_is_left(triangles: Any, tmp_path: Path) -> None:
    path = tmp_path / "ball.STL"
    surfaces.write_surface(triangles, path)
    assert [p.name for p in tmp_path.iterdir() if p.is_file() and p.suffix != ".dcm"] == [path.name]


def test_words_say_value_units_and_place(series: Write) -> None:
    truth, centre = ball(series, "axial")
    volume = vdl.load(truth.folder)
    words = surfaces.describe_surface(volume, VALUE, surfaces.extract_surface(volume, VALUE))
    assert words.startswith("surface at 550 HU: ")
    assert "triangles, x " in words
    assert words.endswith(" in LPS mm")
    assert f"z {centre[2] - RADIUS:.1f} to {centre[2] + RADIUS:.1f}" in words


# ---------------------------------------------------------------------------------------------------- what is refused
@pytest.mark.parametrize("value", [1001, -32768, 1e9, float("nan"), float("inf")])
def test_a_value_that_no_voxel_reaches(series: Write, value: float) -> None:
    volume = vdl.load(ball(series, "axial")[0].folder)
    low, high = volume.frames.min(), volume.frames.max()
    with pytest.raises(ValueError, match=f"no surface at .* run from {low} to {high} HU"):
        surfaces.extract_surface(volume, value)


def test_a_value_that_is_no_number(series: Write) -> None:
    with pytest.raises(ValueError, match="could not convert"):
        surfaces.extract_surface(vdl.load(series().folder), "bone")  # type: ignore[arg-type]


def test_colour_is_refused(data: Path) -> None:
    with pytest.raises(ValueError, match="is colour"):
        surfaces.extract_surface(vdl.load(data / "rgb_stack"), 10)


def test_a_single_row_is_refused(series: Write) -> None:
    with pytest.raises(ValueError, match="8 × 1 × 5 voxels: a body needs two"):
        surfaces.extract_surface(vdl.load(series(rows=1).folder), 10)


@pytest.mark.parametrize("acquired", ["axial", "oblique"])
def test_a_single_slice_is_a_slab_of_its_thickness(series: Write, acquired: str) -> None:
    def paint(dataset: Any, _: int) -> None:
        y, x = np.mgrid[:40, :50]
        dataset.PixelData = np.rint(1000 - 50 * np.hypot(x - 24, y - 20)).astype("<i2").tobytes()

    orientation = np.array(ACQUISITIONS[acquired], float)
    origin = tuple(ORIGIN)
    truth = series(count=1, rows=40, columns=50, edit=paint, orientation=tuple(orientation), origin=origin)
    corners = corners_of(surfaces.extract_surface(vdl.load(truth.folder), 1000 - 50 * 9.0)).reshape(-1, 3)
    row, column = orientation[:3], orientation[3:]
    along = (corners - ORIGIN) @ np.cross(row, column)
    assert (along.min(), along.max()) == pytest.approx((-1, 1), abs=1e-4)  # SliceThickness 2
    across = np.hypot((corners - ORIGIN) @ row / 0.5 - 24, (corners - ORIGIN) @ column / 0.8 - 20)
    assert np.abs(across - 9).max() < 0.1


def test_irregular_slices_are_refused_with_the_way_past(series: Write) -> None:
    def uneven(dataset: Any, k: int) -> None:
        dataset.ImagePositionPatient[2] = [0, 2, 4, 9, 11][k]

    with pytest.warns(vdl.DicomLoadWarning):
        volume = vdl.load(series(edit=uneven).folder, irregular="keep")
    with pytest.raises(vdl.GeometryError, match=r'→ load\(…, irregular="resample"\)'):
        surfaces.extract_surface(volume, 10)


@pytest.mark.parametrize("spacing", [[0.8, 0.5], None])
def test_what_has_no_place_in_the_patient_lies_at_its_voxels_and_says_so(
    series: Write, spacing: list[float] | None
) -> None:
    placed, centre = ball(series, "axial")

    def unplaced(dataset: Any, k: int) -> None:
        dataset.PixelData = placed.stored[k].astype("<i2").tobytes()

    options = {"ImagePositionPatient": None, "ImageOrientationPatient": None, "SpacingBetweenSlices": 1.5}
    truth = series("unplaced", count=20, rows=40, columns=50, edit=unplaced, PixelSpacing=spacing, **options)
    with pytest.warns(vdl.DicomLoadWarning):
        volume = vdl.load(truth.folder)
    surface = surfaces.extract_surface(volume, VALUE)
    scale = np.array([1, 1, 1] if spacing else [2, 1.25, 1])  # pixels are 0.5 × 0.8 mm
    corners = corners_of(surface).reshape(-1, 3) / scale
    assert np.abs(np.linalg.norm(corners - (centre - ORIGIN), axis=1) - RADIUS).max() < 0.1
    words = surfaces.describe_surface(volume, VALUE, surface)
    unit = "in mm" if spacing else "in pixels, whose size the files do not say,"
    assert words.endswith(f"{unit} from the first voxel along columns, rows and slices: it has no place in the patient")


@pytest.fixture
def triangles(series: Write) -> Any:
    return surfaces.extract_surface(vdl.load(ball(series, "axial")[0].folder), VALUE)


@pytest.mark.parametrize("name", ["ball", "ball.png", "ball.stl.gz"])
def test_another_ending_is_refused(triangles: Any, tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"written as \.stl, \.ply, \.obj, \.vtp"):
        surfaces.write_surface(triangles, tmp_path / name)


def test_a_folder_that_is_not_there(triangles: Any, tmp_path: Path) -> None:
    path = tmp_path / "missing" / "ball.stl"
    with pytest.raises(FileNotFoundError) as caught:
        surfaces.write_surface(triangles, path)
    assert caught.value.filename == str(path)


def test_a_link_is_written_through(triangles: Any, tmp_path: Path) -> None:
    link, file = tmp_path / "link.stl", tmp_path / "file"
    file.write_bytes(b"old")
    link.symlink_to(file)
    surfaces.write_surface(triangles, link)
    assert link.is_symlink()
    assert file.stat().st_size == 84 + 50 * triangles.GetNumberOfCells()


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are Unicode there")
def test_a_folder_whose_name_is_not_utf8(triangles: Any, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"k\xff")
    folder.mkdir()
    with pytest.raises(OSError, match="not UTF-8"):
        surfaces.write_surface(triangles, folder / "ball.stl")
    assert not list(folder.iterdir())


@pytest.mark.parametrize("kind", surfaces.FORMATS)
def test_a_full_disk_leaves_the_old_file(
    triangles: Any, tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"ball{kind}"
    path.write_text("old")
    with largest_file(20_000), pytest.raises(OSError, match="No space left"):
        surfaces.write_surface(triangles, path)
    assert path.read_text() == "old"
    assert [name for name in os.listdir(tmp_path) if not name.endswith(".dcm")] == [path.name]
    assert capfd.readouterr().err == ""


def test_smoothing_moves_points_by_less_than_a_voxel(triangles: Any) -> None:
    smooth = surfaces.smooth_surface(triangles)
    assert smooth.GetNumberOfCells() == triangles.GetNumberOfCells()
    moved = vtk_to_numpy(smooth.GetPoints().GetData()) - vtk_to_numpy(triangles.GetPoints().GetData())
    assert np.linalg.norm(moved, axis=1).max() < 1.5


def test_a_surface_too_large_to_smooth_comes_back(triangles: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surfaces, "_MOST_SMOOTHED", 10)
    assert surfaces.smooth_surface(triangles) is triangles
