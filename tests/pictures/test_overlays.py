"""What is drawn over planes: where it lies, that labels stay labels, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from drawn import rendered
from matplotlib.collections import PathCollection
from pets import write_pet
from structure_sets import closed, rectangle, write_structure_set

import vtkdicomload as vdl
from vtkdicomload.pictures import planes
from vtkdicomload.pictures.overlays import make_overlay, make_plane_grid, trace_edges

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]

OBLIQUE = (0.8, 0.6, 0, -0.6, 0.8, 0)


@pytest.fixture
def ct(series: Write) -> vdl.Volume:
    return vdl.load(series("ct", count=12, rows=20, columns=24, gap=2.0).folder)


def drawn_lines(axes: Any) -> np.ndarray:
    (lines,) = [c for c in axes.collections if isinstance(c, PathCollection)]
    (path,) = lines.get_paths()
    return path.vertices.reshape(-1, 2, 2)


@pytest.mark.parametrize("name", ["axial", "coronal", "sagittal"])
@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), OBLIQUE])
def test_the_pixels_of_a_plane_are_a_grid_of_their_places(series: Write, name: Any, orientation: Any) -> None:
    volume = vdl.load(series(count=12, rows=20, columns=24, orientation=orientation).folder)
    plane = planes.plane(volume, name)
    again = volume.resampled(like=make_plane_grid(plane), order="nearest")
    np.testing.assert_array_equal(again.frames[0], plane.pixels)


def test_edges_are_those_of_pixels() -> None:
    """One pixel of four: its four sides, wherever the picture lies."""
    mask = np.zeros((2, 2), bool)
    mask[1, 0] = True
    sides = {frozenset(map(tuple, line)) for line in trace_edges(mask, (10, 14, 26, 20)).tolist()}
    corners = [(10, 23), (12, 23), (12, 26), (10, 26)]
    assert sides == {frozenset((a, b)) for a, b in zip(corners, corners[1:] + corners[:1], strict=True)}


def test_edges_enclose_the_area_of_a_mask() -> None:
    mask = np.random.default_rng(3).random((30, 40)) > 0.5
    edges = trace_edges(mask, (0, 40, 30, 0))
    lengths = np.abs(edges[:, 1] - edges[:, 0]).sum(axis=1)
    padded = np.pad(mask, 1).astype(int)
    assert lengths.sum() == sum(np.abs(np.diff(padded, axis=axis)).sum() for axis in (0, 1))
    assert not np.any(np.all(edges[:, 0] != edges[:, 1], axis=1))


def test_contours_lie_where_the_mask_does(ct: vdl.Volume) -> None:
    """Voxels x 4 … 9, y 5 … 8: their outer edges in LPS mm, in each of the three planes."""
    mask = np.zeros(ct.frames.shape, bool)
    mask[3:8, 5:9, 4:10] = True
    figure = ct.plot(overlay=mask)
    x, y, z = ct.origin or (0, 0, 0)
    sx, sy, sz = ct.spacing
    box = {"x": (x + 3.5 * sx, x + 9.5 * sx), "y": (y + 4.5 * sy, y + 8.5 * sy), "z": (z + 2.5 * sz, z + 7.5 * sz)}
    axial = drawn_lines(figure.axes[0])
    assert (axial[..., 0].min(), axial[..., 0].max()) == pytest.approx(box["x"])
    assert (axial[..., 1].min(), axial[..., 1].max()) == pytest.approx(box["y"])
    assert not figure.axes[1].collections  # the middle coronal plane runs beside it


def test_fill_is_the_mask_pixel_by_pixel(ct: vdl.Volume) -> None:
    mask = np.random.default_rng(1).random(ct.frames.shape) > 0.6
    figure = ct.plot(overlay={"noise": mask}, fill=True)
    image = figure.axes[0].images[1]
    assert image.get_interpolation() == "nearest"
    np.testing.assert_array_equal(image.get_array()[..., 3] > 0, mask[6])
    assert "noise" in [text.get_text() for text in figure.axes[-1].texts]


def test_structures_have_their_colours_and_names(ct: vdl.Volume, tmp_path: Path) -> None:
    lines = [closed(rectangle(-8, -16, -2, -8, z)) for z in range(30, 53, 2)]
    path = write_structure_set(tmp_path / "rs.dcm", {"left": lines, "right": lines})
    figure = ct.plot(overlay=ct.masks_of(path))
    first, second = figure.axes[0].collections
    assert first.get_edgecolors()[0][:3] == pytest.approx((10 / 255, 20 / 255, 30 / 255))
    assert second.get_edgecolors()[0][0] == pytest.approx(20 / 255)
    assert [text.get_text() for text in figure.axes[-1].texts] == ["left", "right"]
    assert rendered(figure).any()


def test_another_volume_is_a_wash_of_its_values(ct: vdl.Volume, tmp_path: Path) -> None:
    """PET on its own coarser grid: what is drawn are its values at the places of the CT's pixels."""
    write_pet(tmp_path / "pet", count=8, rows=16, columns=16, PixelSpacing=[1.0, 1.0], origin=(-10, -20, 30), gap=3.0)
    pet = vdl.load(tmp_path / "pet", rescale="suv-bw")
    top = float(pet.frames.max())
    figure = ct.plot(overlay=pet, overlay_window=(top / 2, top), colormap="gray")
    image = np.asarray(figure.axes[0].images[1].get_array())
    expected = pet.resampled(like=ct, background=float("nan")).frames[6]
    clear = ~(np.nan_to_num(expected, nan=-1) >= top / 10)
    np.testing.assert_array_equal(image[..., 3] == 0, clear)
    np.testing.assert_allclose(image[..., 0][~clear], 255 * (expected / top)[~clear], atol=2)
    words = " ".join(text.get_text() for text in figure.axes[-1].texts)
    assert "SUVbw g/ml" in words
    assert f"{top:.4g}" in words


def test_labels_are_never_interpolated(data: Path) -> None:
    ct = vdl.load(data / "highdicom" / "legacy_ct.dcm")
    with pytest.warns(vdl.DicomLoadWarning, match="put between empty ones"):
        labels = vdl.load(data / "highdicom" / "seg_labelmap.dcm", irregular="resample")
    figure = ct.plot(overlay=labels)
    for axes in figure.axes[:-1]:
        image = axes.images[1]
        assert image.get_interpolation() == "nearest"
        seen = np.unique(np.asarray(image.get_array())[..., :3].reshape(-1, 3), axis=0)
        assert len(seen) <= len(np.unique(labels.frames))


def test_another_frame_of_reference_is_refused_unless_told(ct: vdl.Volume, series: Write) -> None:
    other = vdl.load(series("other", seed=3, FrameOfReferenceUID="1.2.3").folder)
    with pytest.raises(vdl.GeometryError, match="different coordinate systems"):
        ct.plot(overlay=other)
    assert rendered(ct.plot(overlay=other, frame_of_reference="ignore")).any()


def test_a_mask_over_an_image_without_a_place(series: Write) -> None:
    options = {"ImagePositionPatient": None, "ImageOrientationPatient": None}
    with pytest.warns(vdl.DicomLoadWarning, match="no place in the patient"):
        volume = vdl.load(series(count=1, **options).folder)
    mask = np.zeros(volume.frames.shape, bool)
    mask[0, 2, 3] = True
    lines = drawn_lines(volume.plot(overlay=mask).axes[0])
    assert len(lines) == 4  # the sides of a pixel
    with pytest.raises(vdl.GeometryError, match="no position or orientation"):
        volume.plot(overlay=vdl.load(series("ct").folder), frame_of_reference="ignore")


@pytest.mark.parametrize(
    ("over", "error", "words"),
    [
        ("a path", TypeError, "overlay must be a Volume"),
        (3, TypeError, "overlay must be a Volume"),
        (np.zeros((2, 2), bool), ValueError, "a mask of this volume is bool"),
        ([1, 2], TypeError, "masks_of yields"),
    ],
)
def test_what_cannot_be_drawn_is_refused(ct: vdl.Volume, over: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make_overlay(ct, over)


def test_masks_have_no_window(ct: vdl.Volume) -> None:
    with pytest.raises(ValueError, match="masks have no values"):
        ct.plot(overlay=np.zeros(ct.frames.shape, bool), overlay_window=(1, 2))


def test_a_dose_of_which_nothing_is_known_is_clear(data: Path) -> None:
    dose = vdl.load(data / "rtdose_32bit")
    unknown = dose.replaced(np.full(dose.frames.shape, np.nan), dose.geometry)
    (key,) = make_overlay(dose, unknown).keys
    assert (key.low, key.high) == (0, 1)
    drawn = dose.plot(overlay=unknown).axes[0].images[-1].get_array()
    assert not np.any(drawn[..., 3])


def test_a_hundred_masks_are_kept_as_their_own_parts(ct: vdl.Volume) -> None:
    """Whole ones, and a line or a picture for each of their edges and planes, would take gigabytes."""
    mask = np.zeros(ct.frames.shape, bool)
    mask[3:8, 5:9, 4:10] = True
    overlay = make_overlay(ct, {str(k): np.roll(mask, k % 3, axis=1) for k in range(100)})
    held = sum(part.voxels.nbytes for part in overlay.parts)
    assert held == 100 * 5 * 4 * 6
    assert len(ct.plot(overlay={"it": mask}).axes[0].collections) == 1


@pytest.mark.parametrize("fill", [False, True])
def test_a_part_of_a_mask_is_drawn_where_the_whole_would_be(ct: vdl.Volume, fill: bool) -> None:
    mask = np.zeros(ct.frames.shape, bool)
    mask[3:8, 5:9, 4:10] = True
    both = mask.copy()
    both[-1, -1, -1] = both[0, 0, 0] = True  # far from the planes that are drawn
    parts, wholes = (rendered(ct.plot(overlay={"it": m}, fill=fill)) for m in (mask, both))
    np.testing.assert_array_equal(parts, wholes)


def test_masks_of_uneven_slices_are_drawn(series: Write) -> None:
    files = series("gap", count=8, rows=20, columns=24).files
    files[3].unlink()
    with pytest.warns(vdl.DicomLoadWarning):
        volume = vdl.load(files[0].parent, irregular="keep")
    mask = np.zeros(volume.frames.shape, bool)
    mask[volume.frames.shape[0] // 2, 5:9, 4:10] = True
    assert len(drawn_lines(volume.plot(overlay=mask).axes[0])) == 4


def test_an_error_of_a_mask_is_told_as_it_is(ct: vdl.Volume) -> None:
    def fail() -> Any:
        yield "it", np.zeros(ct.frames.shape, bool)
        raise vdl.CorruptFileError("a damaged segment")

    with pytest.raises(vdl.CorruptFileError, match="a damaged segment"):
        ct.plot(overlay=fail())


def test_options_without_a_use_are_refused(ct: vdl.Volume) -> None:
    with pytest.raises(ValueError, match="fill= is for masks"):
        ct.plot(overlay=ct, fill=True)
    for options in ({"fill": True}, {"overlay_window": (1, 2)}):
        with pytest.raises(ValueError, match="overlay= is missing"):
            ct.plot(**options)


def test_a_volume_without_a_place_is_no_wash(ct: vdl.Volume, series: Write) -> None:
    nowhere = {"ImagePositionPatient": None, "ImageOrientationPatient": None}
    with pytest.warns(vdl.DicomLoadWarning, match="no place in the patient"):
        other = vdl.load(series("nowhere", count=1, **nowhere).folder)
    with pytest.raises(vdl.GeometryError, match="has no position or orientation in the patient"):
        ct.plot(overlay=other, frame_of_reference="ignore")
