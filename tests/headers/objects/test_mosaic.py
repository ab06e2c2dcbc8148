"""Siemens mosaics: tiles are slices in their place by the CSA header, or the file is refused."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from enhanced import group, write_enhanced
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)
from synthetic import Edit, csa_header, write_series

import vtkdicomload as vdl
from vtkdicomload.conversions.decompress import decompress
from vtkdicomload.headers.csa import parse_csa
from vtkdicomload.headers.frames import make_frames
from vtkdicomload.headers.model import Csa
from vtkdicomload.headers.parser import read_header

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom import Dataset

OBLIQUE = (1.0, 0.0, 0.0, 0.0, 0.8, 0.6)
NORMAL = (0.0, -0.6, 0.8)
SLICES, ACROSS, STEP = 7, 3, 3.5


def csa(slices: int = SLICES, normal: Sequence[float] = NORMAL, first: int = 0) -> bytes:
    return csa_header(slices, normal, first)


def mosaic(header: bytes | None, **attributes: Any) -> Edit:
    """What makes one slice of `write_series` a mosaic."""

    def edit(d: Dataset, k: int) -> None:
        d.Modality, d.Manufacturer, d.ImageType = "MR", "SIEMENS", ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
        d.SpacingBetweenSlices = STEP
        d.AcquisitionNumber = d.InstanceNumber = k + 1
        if header is not None:
            block = d.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
            block.add_new(0x10, "OB", header + b"\0" * (4 * k))  # the length differs from file to file
        for keyword, value in attributes.items():
            setattr(d, keyword, value)

    return edit


def written(folder: Path, edit: Edit, *, count: int = 1, **options: Any) -> Any:
    """Mosaics of 3 × 3 tiles of 4 × 5 pixels, and those tiles, shape (files, slices, rows, columns)."""
    options = {"orientation": OBLIQUE, "gap": 0.0, "rows": 12, "columns": 15, **options}
    truth = write_series(folder, count=count, edit=edit, **options)
    tiles = truth.frames.reshape(count, ACROSS, 4, ACROSS, 5).swapaxes(2, 3).reshape(count, -1, 4, 5)
    return truth, tiles[:, :SLICES]


# ------------------------------------------------------------------------------------------------------------- right
@pytest.mark.filterwarnings("ignore:The DICOM readers are highly experimental:UserWarning")
def test_a_real_mosaic_lies_where_nibabel_puts_it(data: Path) -> None:
    from nibabel.nicom.dicomwrappers import wrapper_from_data

    path = data / "mosaic" / "1.dcm"
    volume = vdl.load(path, verify="all")
    wrapped = wrapper_from_data(pydicom.dcmread(path))
    theirs = np.asarray(wrapped.get_data())
    assert volume.shape == theirs.shape == (64, 64, 35)
    assert dict(volume.checks)["second reader"] == "35 of 35 frames equal to pydicom"
    # nibabel's first index goes down the rows.
    ours = np.linalg.inv(volume.affine) @ wrapped.affine
    np.testing.assert_allclose(ours, [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], atol=1e-5)
    np.testing.assert_array_equal(volume.array, theirs.transpose(1, 0, 2))


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless, JPEG2000Lossless]
)
@pytest.mark.parametrize("engine", ["auto", "pydicom"])
def test_tiles_are_slices_in_their_place(tmp_path: Path, syntax: str, engine: str) -> None:
    truth, tiles = written(tmp_path, mosaic(csa(), RescaleSlope=2, RescaleIntercept=-9), syntax=syntax)
    volume = vdl.load(tmp_path, engine=engine, verify="all")
    np.testing.assert_array_equal(volume.frames, tiles[0])
    assert dict(volume.checks)["second reader"].startswith("7 of 7")
    # The first slice lies in the middle of the whole image: 5 columns and 4 rows from its first pixel.
    dx, dy, _ = truth.spacing
    first = truth.positions[0] + np.array(OBLIQUE[:3]) * dx * 5 + np.array(OBLIQUE[3:]) * dy * 4
    positions = first + np.outer(np.arange(SLICES), NORMAL) * STEP
    np.testing.assert_allclose(volume.geometry.positions, positions)
    assert volume.spacing == pytest.approx((dx, dy, STEP))


def _tilt(plane: str, degrees: Sequence[float]) -> NDArray[np.float64]:
    """Row and column cosines of a plane, (2, 3), turned about x, y and z."""
    axes = {"axial": (0, 1), "coronal": (0, 2), "sagittal": (1, 2)}[plane]
    cosines = np.eye(3)[list(axes)] * [[1], [1 if plane == "axial" else -1]]
    for axis, angle in enumerate(np.radians(degrees)):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        turn = np.eye(3)
        turn[[u, u, v, v], [u, v, u, v]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        cosines = cosines @ turn.T
    return cosines


@pytest.mark.filterwarnings("ignore:The DICOM readers are highly experimental:UserWarning")
@settings(max_examples=60)
@given(
    plane=st.sampled_from(["axial", "coronal", "sagittal"]),
    degrees=st.one_of(st.just((0.0, 0.0, 0.0)), st.tuples(*[st.floats(-44, 44)] * 3)),
    from_the_head=st.booleans(),
    slices=st.integers(2, 17),
    tile=st.tuples(st.integers(2, 5), st.integers(2, 5)),
    spacing=st.tuples(*[st.floats(0.5, 9)] * 3),
    position=st.tuples(*[st.floats(-900, 900)] * 3),
)
def test_tiles_lie_where_nibabel_puts_them(
    tmp_path_factory: pytest.TempPathFactory,
    plane: str,
    degrees: tuple[float, ...],
    from_the_head: bool,
    slices: int,
    tile: tuple[int, int],
    spacing: tuple[float, ...],
    position: tuple[float, ...],
) -> None:
    from nibabel.nicom.dicomwrappers import MosaicWrapper

    row, column = _tilt(plane, degrees)
    normal = np.cross(row, column) * (-1 if from_the_head else 1)
    across = int(np.ceil(np.sqrt(slices)))
    header = csa(slices, normal.tolist(), slices - 1 if from_the_head else 0)

    def edit(d: Dataset, k: int) -> None:
        mosaic(header)(d, k)
        d.ImageOrientationPatient = [f"{c:.9g}" for c in (*row, *column)]
        d.ImagePositionPatient = [f"{p:.9g}" for p in position]
        d.PixelSpacing = [f"{s:.9g}" for s in spacing[:2]]
        d.SpacingBetweenSlices = f"{spacing[2]:.9g}"

    folder = tmp_path_factory.mktemp("mosaic")
    (path,) = write_series(folder, count=1, rows=tile[0] * across, columns=tile[1] * across, edit=edit).files
    volume, wrapped = vdl.load(folder), MosaicWrapper(pydicom.dcmread(path))
    theirs = np.asarray(wrapped.get_data()).transpose(2, 0, 1)
    order = np.arange(slices)[:: -1 if from_the_head else 1]  # of their slices, as ours ascend along row × column
    np.testing.assert_array_equal(volume.frames, theirs[order])
    for z in range(slices):
        for r, c in ((0, 0), (tile[0] - 1, 0), (0, tile[1] - 1)):
            there = (wrapped.affine @ [r, c, order[z], 1])[:3]
            np.testing.assert_allclose(volume.geometry.to_patient((c, r, z)), there, atol=1e-4)


def test_the_csa_header_says_which_way_the_slices_go(tmp_path: Path) -> None:
    _, tiles = written(tmp_path, mosaic(csa(normal=[-n for n in NORMAL])))
    np.testing.assert_array_equal(vdl.load(tmp_path).frames, tiles[0, ::-1])


def test_each_mosaic_of_a_run_is_a_volume(tmp_path: Path) -> None:
    _, tiles = written(tmp_path, mosaic(csa()), count=3)
    (series,) = vdl.scan(tmp_path)
    assert [stack.title.split()[-2:] for stack in series.stacks()] == [["AcquisitionNumber", str(k)] for k in (1, 2, 3)]
    with pytest.raises(vdl.DuplicateSliceError, match="3 volumes"):
        vdl.load(tmp_path)
    for k, volume in enumerate(vdl.load_all(tmp_path)):
        np.testing.assert_array_equal(volume.frames, tiles[k])


def test_headers_read_fast_are_those_read_strictly(tmp_path: Path) -> None:
    truth, _ = written(tmp_path, mosaic(csa()), count=4)
    (series,) = vdl.scan(tmp_path)
    strict = [f.header for path in truth.files for f in make_frames(read_header(path))]
    assert [f.header for f in series.frames] == strict


def test_a_blank_slice_of_a_mosaic_is_none_of_a_decoder(tmp_path: Path) -> None:
    def edit(d: Dataset, k: int) -> None:
        mosaic(csa())(d, k)
        pixels = np.frombuffer(d.PixelData, np.int16).reshape(d.Rows, d.Columns).copy()
        pixels[4:8, 5:10] = 0
        d.PixelData = pixels.tobytes()

    _, tiles = written(tmp_path, edit)
    volume = vdl.load(tmp_path)
    np.testing.assert_array_equal(volume.frames, tiles[0])
    assert [bool(tile.any()) for tile in tiles[0]] == [True] * 4 + [False] + [True] * 2
    assert dict(volume.checks)["zero guard"] == "1 of 7 slices are blank, as in the files"


def test_a_mosaic_is_decompressed_as_one_image(tmp_path: Path) -> None:
    _, tiles = written(tmp_path / "from", mosaic(csa()), syntax=RLELossless)
    decompress(tmp_path / "from", tmp_path / "to")
    (path,) = (tmp_path / "to").iterdir()
    assert pydicom.dcmread(path).pixel_array.shape == (12, 15)
    np.testing.assert_array_equal(vdl.load(tmp_path / "to").frames, tiles[0])


# ----------------------------------------------------------------------------------------------------------- refused
@pytest.mark.parametrize(
    ("header", "attributes", "options"),
    [
        (None, {}, {}),
        (b"SV09" + csa()[4:], {}, {}),
        (csa()[:300], {}, {}),
        (csa(slices=1), {}, {}),
        (csa(slices=17), {}, {}),  # 5 × 5 tiles do not fit into 12 × 15 pixels
        (csa(normal=(0, 0, 1)), {}, {}),
        (csa(normal=(0, 0)), {}, {}),
        (csa(normal=(float("nan"), 0, 0)), {}, {}),
        (csa(), {"SpacingBetweenSlices": None}, {}),
        (csa(), {"SpacingBetweenSlices": 0}, {}),
        (csa(), {}, {"orientation": (1, 0, 0, 1, 0, 0)}),
    ],
)
def test_a_mosaic_whose_slices_lie_nowhere_is_refused_by_name(
    tmp_path: Path, header: bytes | None, attributes: dict[str, Any], options: dict[str, Any]
) -> None:
    written(tmp_path, mosaic(header, **attributes), **options)
    with pytest.raises(vdl.UnsupportedPixelDataError, match=r"Siemens mosaic .* does not say where its slices lie"):
        vdl.load(tmp_path)


@pytest.mark.parametrize("frame_type", ["ORIGINAL PRIMARY M NONE", "ORIGINAL PRIMARY M ND MOSAIC"])
@pytest.mark.parametrize("step", [0.0, 0.4])  # mm: no motion, and what motion correction makes of it
def test_frames_at_one_place_are_mosaics_whatever_frame_type_says(tmp_path: Path, frame_type: str, step: float) -> None:
    _write_enhanced_mosaic(tmp_path / "1.dcm", frame_type, step)
    with pytest.raises(vdl.DicomLoadError):
        vdl.load(tmp_path)
    (series,) = vdl.scan(tmp_path)
    for stack in series.stacks():
        with pytest.raises(vdl.UnsupportedPixelDataError, match=r"Siemens mosaic .* does not say where its slices lie"):
            stack.load()


@pytest.mark.parametrize("frame_type", ["ORIGINAL PRIMARY M NONE", "ORIGINAL PRIMARY M ND MOSAIC"])
def test_frames_with_places_of_their_own_are_slices_whatever_image_type_says(tmp_path: Path, frame_type: str) -> None:
    stored = _write_enhanced_mosaic(tmp_path / "1.dcm", frame_type, 3.0)
    volume = vdl.load(tmp_path)
    np.testing.assert_array_equal(volume.frames, stored)
    assert volume.spacing[2] == pytest.approx(3.0)


def _write_enhanced_mosaic(path: Path, frame_type: str, step: float) -> NDArray[np.int64]:
    """Write an enhanced MR file of 5 frames, `step` mm apart, with the word MOSAIC in ImageType."""

    def edit(d: pydicom.Dataset) -> None:
        d.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
        d.SharedFunctionalGroupsSequence[0].MRImageFrameTypeSequence = group(FrameType=frame_type.split())

    def edit_frame(groups: pydicom.Dataset, k: int) -> None:
        groups.PlanePositionSequence[0].ImagePositionPatient = [-10, -20, 30 + step * k]

    return write_enhanced(path, range(5), edit=edit, edit_frame=edit_frame)


def test_a_plain_image_with_a_csa_header_is_a_slice(tmp_path: Path) -> None:
    truth = write_series(tmp_path, edit=mosaic(csa(), ImageType=["ORIGINAL", "PRIMARY", "M", "ND"]))
    np.testing.assert_array_equal(vdl.load(tmp_path).frames, truth.frames)


def test_a_real_mosaic_that_has_lost_the_word_is_one_by_its_width(data: Path, tmp_path: Path) -> None:
    dataset = pydicom.dcmread(data / "mosaic" / "1.dcm")
    assert dataset.Rows * dataset.PixelSpacing[0] > 650
    dataset.ImageType = [value for value in dataset.ImageType if value != "MOSAIC"]
    dataset.save_as(tmp_path / "1.dcm")
    volume, whole = vdl.load(tmp_path), vdl.load(data / "mosaic" / "1.dcm")
    np.testing.assert_array_equal(volume.frames, whole.frames)
    np.testing.assert_array_equal(volume.affine, whole.affine)
    del dataset.SpacingBetweenSlices
    dataset.save_as(tmp_path / "1.dcm")
    with pytest.raises(vdl.UnsupportedPixelDataError, match=r"Siemens mosaic .* does not say where its slices lie"):
        vdl.load(tmp_path)


def test_a_damaged_csa_header_says_nothing_or_the_truth() -> None:
    rng = random.Random(5)
    whole = csa()
    for _ in range(3000):
        damaged = bytearray(whole[: rng.randrange(4, len(whole) + 1)])
        for _ in range(rng.randrange(4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        assert isinstance(parse_csa(bytes(damaged)), Csa)
    assert parse_csa(whole) == Csa(SLICES, NORMAL)
