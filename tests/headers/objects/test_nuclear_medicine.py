"""Nuclear medicine: reconstructions are volumes in their place, other frames have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK
from enhanced import group, multi_frame, without_place
from pydicom.uid import NuclearMedicineImageStorage
from synthetic import write_dataset

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ENERGY, DETECTOR, PHASE, INTERVAL = 0x00540010, 0x00540020, 0x00540030, 0x00540060
SLOT, SLICE, VIEW, TIME = 0x00540070, 0x00540080, 0x00540090, 0x00540100
CORONAL = (1, 0, 0, 0, 0, -1)


def _nuclear(
    path: Path,
    vectors: dict[str, Sequence[int]],
    pointers: Sequence[int],
    *,
    position: Sequence[float] | None = (-100, -90.5, 30),
    orientation: Sequence[float] | None = (1, 0, 0, 0, 1, 0),
    spacing: float | None = 4.0,
    **attributes: Any,
) -> np.ndarray:
    """Write a nuclear medicine image by PS3.3 C.8.4; returns its stored frames."""
    count = len(next(iter(vectors.values()))) if vectors else attributes.pop("count")
    d = multi_frame(count, NuclearMedicineImageStorage, "NM")
    d.ImageType = ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]
    d.PixelSpacing, d.SliceThickness, d.SpacingBetweenSlices = [2.5, 2], 4, spacing
    d.FrameIncrementPointer = list(pointers)
    detector = group(CollimatorType="PARA")
    if position is not None:
        detector[0].ImagePositionPatient = list(position)
    if orientation is not None:
        detector[0].ImageOrientationPatient = list(orientation)
    d.DetectorInformationSequence = detector
    for keyword, vector in vectors.items():
        setattr(d, keyword, list(vector))
    for keyword, value in attributes.items():
        setattr(d, keyword, value)
    write_dataset(path, d)
    stored: np.ndarray = d.pixel_array.reshape(count, d.Rows, d.Columns)
    return stored


def test_a_reconstruction_lies_where_simpleitk_puts_it(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    stored = _nuclear(path, {"SliceVector": range(1, 7)}, [SLICE])
    volume = vdl.load(path, verify="all")
    image = SimpleITK.ReadImage(str(path))
    np.testing.assert_array_equal(volume.frames, SimpleITK.GetArrayFromImage(image))
    np.testing.assert_array_equal(volume.frames, stored)
    for index in ((0, 0, 0), (6, 4, 5), (3, 1, 2)):
        place = image.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose(volume.geometry.to_patient(index), place, atol=1e-6)
    assert volume.spacing == (2.0, 2.5, 4.0)


@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), CORONAL, (0.6, 0.8, 0, 0, 0, -1)], ids=str)
@pytest.mark.parametrize("spacing", [3.5, -3.5])
def test_the_sign_of_the_spacing_is_the_direction_of_the_slices(
    tmp_path: Path, orientation: Sequence[float], spacing: float
) -> None:
    """PS3.3 C.8.4.15: behind the first slice along row × column where it is positive, else before it."""
    path = tmp_path / "1.dcm"
    stored = _nuclear(path, {"SliceVector": range(1, 6)}, [SLICE], spacing=spacing, orientation=orientation)
    volume = vdl.load(path)
    normal = np.cross(orientation[:3], orientation[3:])
    for frame in volume.series.frames:
        expected = np.array((-100, -90.5, 30)) + frame.index_in_file * spacing * normal
        np.testing.assert_allclose(frame.position, expected, atol=1e-9)
    np.testing.assert_array_equal(volume.frames, stored if spacing > 0 else stored[::-1])
    assert volume.spacing[2] == pytest.approx(3.5)
    np.testing.assert_allclose(volume.geometry.direction[:, 2], normal, atol=1e-9)


def test_a_gated_reconstruction_is_a_volume_for_each_slot(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    stored = _nuclear(
        path,
        {
            "RRIntervalVector": [1] * 12,
            "TimeSlotVector": [1] * 4 + [2] * 4 + [3] * 4,
            "SliceVector": [1, 2, 3, 4] * 3,
        },
        [INTERVAL, SLOT, SLICE],
        ImageType=["ORIGINAL", "PRIMARY", "RECON GATED TOMO", "EMISSION"],
    )
    with pytest.raises(vdl.DuplicateSliceError, match=r"3 volumes of 4 slices \(4 mm\).*told apart by TimeSlotVector"):
        vdl.load(path)
    for k, volume in enumerate(vdl.load_all(path)):
        assert volume.stack_labels == (("TimeSlotVector", k + 1),)
        np.testing.assert_array_equal(volume.frames, stored[4 * k : 4 * k + 4])
        np.testing.assert_allclose(volume.geometry.to_patient((0, 0, 1)), (-100, -90.5, 34))


@pytest.mark.parametrize(
    "missing", [{"position": None}, {"orientation": None}, {"spacing": None}], ids=lambda m: next(iter(m))
)
def test_a_reconstruction_without_a_place(tmp_path: Path, missing: dict[str, Any]) -> None:
    path = tmp_path / "1.dcm"
    stored = _nuclear(path, {"SliceVector": range(1, 7)}, [SLICE], **{"spacing": -4.0, **missing})
    (volume,) = without_place(path)
    np.testing.assert_array_equal(volume.frames, stored)
    assert volume.spacing == (2.0, 2.5, 4.0)


def test_a_dynamic_study_is_a_run_for_each_detector(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    stored = _nuclear(
        path,
        {
            "EnergyWindowVector": [1] * 6,
            "DetectorVector": [1, 1, 1, 2, 2, 2],
            "PhaseVector": [1] * 6,
            "TimeSliceVector": [1, 2, 3] * 2,
        },
        [ENERGY, DETECTOR, PHASE, TIME],
        ImageType=["ORIGINAL", "PRIMARY", "DYNAMIC", "EMISSION"],
    )
    with pytest.raises(vdl.DuplicateSliceError, match=r"2 volumes of 3 slices.*DetectorVector 1, DetectorVector 2"):
        vdl.load(path)
    first, second = vdl.load_all(path)
    assert {v.geometry.third_axis for v in (first, second)} == {"frames"}
    np.testing.assert_array_equal(first.frames, stored[:3])
    np.testing.assert_array_equal(second.frames, stored[3:])


@pytest.mark.parametrize(("pointer", "keyword"), [(VIEW, "AngularViewVector"), (DETECTOR, "DetectorVector")])
def test_projections_and_static_images_are_frames(tmp_path: Path, pointer: int, keyword: str) -> None:
    """Their detector's place is not that of the image."""
    path = tmp_path / "1.dcm"
    stored = _nuclear(path, {"EnergyWindowVector": [1] * 4, keyword: [1, 2, 3, 4]}, [ENERGY, pointer])
    (volume,) = without_place(path)
    np.testing.assert_array_equal(volume.frames, stored)


def test_windows_of_one_frame_each_are_not_divided(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    vectors = {"EnergyWindowVector": [1, 2], "DetectorVector": [1, 1]}
    stored = _nuclear(path, vectors, [ENERGY, DETECTOR])
    (volume,) = without_place(path)
    np.testing.assert_array_equal(volume.frames, stored)


def test_one_slice_takes_its_place_from_the_detector(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    _nuclear(path, {"SliceVector": [1]}, [SLICE])
    volume = vdl.load(path)
    np.testing.assert_allclose(volume.geometry.to_patient((0, 0, 0)), (-100, -90.5, 30))


def test_no_vectors_at_all(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    stored = _nuclear(path, {}, [0x00181063], count=3, FrameTime=100)
    (volume,) = without_place(path)
    np.testing.assert_array_equal(volume.frames, stored)


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"SliceVector": [1, 2, 3]}, "SliceVector holds 3 values for 5 frames"),
        ({"position": (1, 2)}, "ImagePositionPatient holds 2 values where 3 belong"),
        ({"orientation": (1, 0, 0)}, "ImageOrientationPatient holds 3 values where 6 belong"),
    ],
)
def test_what_does_not_describe_the_frames_is_refused(tmp_path: Path, attributes: dict[str, Any], words: str) -> None:
    path = tmp_path / "1.dcm"
    _nuclear(path, {"SliceVector": range(1, 6)}, [SLICE], **attributes)
    with pytest.raises(vdl.CorruptFileError, match=words) as caught:
        vdl.load(path)
    assert caught.value.files == (str(path),)
