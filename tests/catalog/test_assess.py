"""What a list promises of a series before its pixels are read is what `load` then does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from synthetic import Truth, write_dataset

import vtkdicomload as vdl
from vtkdicomload.catalog.assess import Refusal, assess

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset

    Write = Callable[..., Truth]


def _lean(dataset: Dataset, k: int) -> None:
    dataset.ImagePositionPatient = [-10, -20 + k, 30 + 2.5 * k]


def _hole(dataset: Dataset, k: int) -> None:
    if k > 2:
        dataset.ImagePositionPatient = [-10, -20, 32.5 + 2.5 * k]


def _pair(dataset: Dataset, k: int) -> None:
    if k == 3:
        dataset.ImagePositionPatient = [-10, -20, 30]


def _echoes(dataset: Dataset, k: int) -> None:
    dataset.EchoTime = k % 2 + 1
    dataset.ImagePositionPatient = [0, 0, k // 2]


def _wider(dataset: Dataset, k: int) -> None:
    if k == 1:
        dataset.Rows, dataset.Columns = dataset.Columns, dataset.Rows


FAULTY: dict[str, tuple[dict[str, Any], str, Refusal, type[vdl.DicomLoadError]]] = {
    "tilt": ({"edit": _lean}, "slices lean 21.8°", Refusal.SHEARED, vdl.ShearedSeriesError),
    "hole": ({"edit": _hole}, "missing slices, uneven gaps", Refusal.UNEVEN, vdl.MissingSliceError),
    "pair": ({"edit": _pair}, "slices at one position", Refusal.SAME_POSITION, vdl.DuplicateSliceError),
    "echoes": ({"edit": _echoes, "count": 6}, "2 volumes in one", Refusal.SEVERAL_VOLUMES, vdl.DuplicateSliceError),
    "rows": ({"edit": _wider}, "frames do not go together", Refusal.INCONSISTENT, vdl.InconsistentSeriesError),
    "orientation": (
        {"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]},
        "positions cannot be used",
        Refusal.UNPLACED,
        vdl.GeometryError,
    ),
    "palette": (
        {"dtype": np.uint8, "PhotometricInterpretation": "PALETTE COLOR"},
        "PALETTE COLOR with 1 samples of 8 bits is not read",
        Refusal.UNSUPPORTED,
        vdl.UnsupportedPixelDataError,
    ),
    "mosaic": (
        {"ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]},
        "a Siemens mosaic is not read",
        Refusal.UNSUPPORTED,
        vdl.UnsupportedPixelDataError,
    ),
}


@pytest.mark.parametrize("case", FAULTY)
def test_the_error_of_the_list_is_the_error_of_load(series: Write, case: str) -> None:
    options, words, refusal, kind = FAULTY[case]
    truth = series(**options)
    (found,) = vdl.scan(truth.folder)
    assessed = assess(found)
    assert (assessed.refusal, assessed.words) == (refusal, words)
    with pytest.raises(vdl.DicomLoadError) as caught:
        found.load()
    assert type(caught.value) is type(assessed.error) is kind
    assert caught.value.message == assessed.error.message
    assert set(caught.value.remedies) <= set(assessed.error.remedies) or caught.value.remedies  # those that are true
    assert words in repr(vdl.scan(truth.folder))


def test_a_good_series_is_ok_with_the_geometry_of_its_volume(series: Write) -> None:
    truth = series()
    (found,) = vdl.scan(truth.folder)
    assessed = assess(found)
    assert (assessed.refusal, assessed.words, assessed.error, assessed.assumptions) == (None, "ok", None, ())
    assert assessed.spacing == truth.spacing
    assert assessed.geometry is not None
    np.testing.assert_allclose(assessed.geometry.affine, truth.affine, atol=1e-6)


def test_what_is_assumed_is_what_load_warns_of(series: Write) -> None:
    (found,) = vdl.scan(series(PixelSpacing=None).folder)
    (assumed,) = assess(found).assumptions
    with pytest.warns(vdl.DicomLoadWarning) as warned:
        found.load()
    assert [str(w.message) for w in warned] == [str(assumed)]


def test_an_irregular_series_still_shows_its_spacing(series: Write) -> None:
    (found,) = vdl.scan(series(edit=_hole).folder)
    spacing = assess(found).spacing
    assert spacing is not None
    np.testing.assert_allclose(spacing, (0.5, 0.8, 2.5))


def test_a_compressed_series_that_is_not_decoded(series: Write, tmp_path: Path) -> None:
    from pydicom import dcmread
    from pydicom.encaps import encapsulate

    truth = series(count=1)
    dataset = dcmread(truth.files[0])
    dataset.PixelData = encapsulate([b"\0\0\1\xb3" + bytes(60)])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    write_dataset(truth.files[0], dataset, "1.2.840.10008.1.2.4.100")
    (found,) = vdl.scan(tmp_path)
    assert assess(found).words == "compressed, not decoded"
    with pytest.raises(vdl.CompressedPixelDataError, match=r"MPEG-2 \(1\.2\.840\.10008\.1\.2\.4\.100\)"):
        found.load()


def test_a_damaged_file_beside_the_series_is_said(series: Write) -> None:
    truth = series()
    (truth.folder / "cut.dcm").write_bytes(truth.files[0].read_bytes()[:-9])
    (found,) = vdl.scan(truth.folder)
    assessed = assess(found)
    assert assessed.words == "1 file damaged"
    assert isinstance(assessed.error, vdl.CorruptFileError)


def test_no_pixel_data_is_touched(series: Write) -> None:
    truth = series()
    (found,) = vdl.scan(truth.folder)
    for path in truth.files:
        path.unlink()
    assert assess(found).words == "ok"
