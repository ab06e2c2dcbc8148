"""Odd and even slices of one grid: two volumes half a slice beside each other, or one, by the rest of their headers."""

from __future__ import annotations

import tarfile
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from enhanced import group, write_enhanced
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from slices import list_volumes, stack, write_slices
from synthetic import ROOT, write_series

import vtkdicomload as vdl
from vtkdicomload.stacks import header_columns

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset

Z = np.arange(8) * 3.0


def _private(value: str) -> Callable[[Dataset], None]:
    return lambda d: d.private_block(0x0019, "ACME 1.0", create=True).add_new(0x10, "DS", value)


def _radiopharmaceutical(name: str) -> Callable[[Dataset], None]:
    return lambda d: setattr(
        d, "RadiopharmaceuticalInformationSequence", group(Radiopharmaceutical=name, RadionuclideTotalDose=1e8)
    )


SETTINGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "RepetitionTime": ({"RepetitionTime": 500}, {"RepetitionTime": 2500}),
    "EchoTrainLength": ({"EchoTrainLength": 1}, {"EchoTrainLength": 7}),
    "ScanOptions": ({"ScanOptions": "FS"}, {}),
    "ContrastBolusAgent": ({}, {"ContrastBolusAgent": "Gd"}),
    "ReconstructionDiameter": ({"ReconstructionDiameter": 500}, {"ReconstructionDiameter": 250}),
    "ProtocolName": ({"ProtocolName": "JOHN DOE A"}, {"ProtocolName": "JOHN DOE B, longer"}),
    "SeriesDescription": ({"SeriesDescription": "JOHN water"}, {"SeriesDescription": "JOHN fat"}),
    "Radiopharmaceutical": ({"private": _radiopharmaceutical("JOHN")}, {"private": _radiopharmaceutical("JOHNSON")}),
}
# By which the odd and even slices of one volume may differ, as they were measured in two packs.
OTHERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "(0019,1010)": ({"private": _private("1")}, {"private": _private("2")}),
    "AcquisitionDateTime": ({"AcquisitionDateTime": "20200101120000"}, {"AcquisitionDateTime": "20200101120100"}),
    "IrradiationEventUID": ({"IrradiationEventUID": f"{ROOT}.1"}, {"IrradiationEventUID": f"{ROOT}.22"}),
    "WindowCenter": ({"WindowCenter": 40}, {"WindowCenter": 400}),
    "HeartRate": ({"HeartRate": 60}, {"HeartRate": 61}),
}


def _write_pair(folder: Path, values: tuple[dict[str, Any], dict[str, Any]], places: Any = Z) -> None:
    slices = [*stack(1, places, **values[0]), *stack(2, places + 1.5, **values[1])]
    write_slices(folder, slices, SliceThickness=3)


def _assert_divided(folder: Path, volumes: int = 2) -> None:
    with pytest.raises(vdl.DuplicateSliceError, match=f"{volumes} volumes of") as caught:
        vdl.load(folder)
    assert "resample" not in str(caught.value)
    assert "JOHN" not in str(caught.value)
    assert [list_volumes(v.frames) for v in vdl.load_all(folder)] == [[v] for v in range(1, volumes + 1)]


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("count", [3, 8, 20])
def test_odd_and_even_slices_of_other_settings_are_two_volumes(tmp_path: Path, name: str, count: int) -> None:
    _write_pair(tmp_path, SETTINGS[name], np.arange(count) * 3.0)
    _assert_divided(tmp_path)


@pytest.mark.parametrize("name", OTHERS)
def test_odd_and_even_slices_of_two_packs_are_one_volume_with_a_warning(tmp_path: Path, name: str) -> None:
    _write_pair(tmp_path, OTHERS[name])
    with pytest.warns(vdl.DicomLoadWarning) as heard:
        volume = vdl.load(tmp_path)
    assert [str(w.message).startswith(f"{name} differs between the slices (2 values)") for w in heard] == [True]
    assert volume.frames[:, 0, 0].tolist() == [100 * v + k for k in range(8) for v in (1, 2)]


@pytest.mark.parametrize("count", [3, 4])
def test_three_and_four_volumes_between_each_other(tmp_path: Path, count: int) -> None:
    gap = 12.0 / count
    slices = [s for v in range(count) for s in stack(v + 1, np.arange(6) * 12 + v * gap, RepetitionTime=500 * (v + 1))]
    write_slices(tmp_path, slices)
    _assert_divided(tmp_path, count)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("name", ["RepetitionTime", "Radiopharmaceutical"])
def test_in_any_encoding_and_header_of_any_length(tmp_path: Path, syntax: str, name: str) -> None:
    first, second = SETTINGS[name]

    def edit(d: Dataset, k: int) -> None:
        d.ImageComments = "x" * (k % 5)
        for keyword, value in (first, second)[k % 2].items():
            value(d) if keyword == "private" else setattr(d, keyword, value)

    write_series(tmp_path, count=10, edit=edit, syntax=syntax)
    with pytest.raises(vdl.DuplicateSliceError, match=f"2 volumes of 5 slices .* told apart by {name}"):
        vdl.load(tmp_path)


def test_in_a_compressed_archive(tmp_path: Path) -> None:
    """Which is passed through from its beginning for every file that is asked."""
    (tmp_path / "in").mkdir()
    _write_pair(tmp_path / "in", SETTINGS["RepetitionTime"])
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "in", "in")
    _assert_divided(tmp_path / "a.tar.gz")


def test_a_volume_that_lacks_a_slice_is_divided_from_the_other_all_the_same(tmp_path: Path) -> None:
    first, second = SETTINGS["RepetitionTime"]
    write_slices(tmp_path, [*stack(1, Z, **first), *stack(2, np.delete(Z + 1.5, 3), **second)], SliceThickness=3)
    with pytest.raises(vdl.DuplicateSliceError, match="2 volumes of 7 to 8 slices"):
        vdl.load(tmp_path)
    good, short = vdl.scan(tmp_path)[0].stacks()
    assert list_volumes(good.load().frames) == [1]
    with pytest.raises(vdl.MissingSliceError, match="1 slice missing"):
        short.load()


@pytest.mark.parametrize(
    "values",
    [
        lambda k: {},
        lambda k: {"RepetitionTime": (500, 500, 2500, 2500)[k % 4]},  # pairs of rows of a detector
        lambda k: {"RepetitionTime": 500 if k < 8 else 2500},
        lambda k: {"RepetitionTime": (500, 2500)[k % 2] if k != 7 else 500},
        lambda k: {"RepetitionTime": ("500", "500.01")[k % 2]},
        lambda k: {"SmallestImagePixelValue": k % 2},
        lambda k: {"XRayTubeCurrent": (101, 102, 103, 102, 101)[k % 5]},
    ],
    ids=["nothing", "pairs", "halves", "not quite", "other digits", "pixels", "modulated"],
)
def test_what_does_not_alternate_is_no_reason_to_divide(
    tmp_path: Path, values: Callable[[int], dict[str, Any]]
) -> None:
    write_slices(tmp_path, [s for k in range(16) for s in stack(k, [1.5 * k], **values(k))])
    assert vdl.load(tmp_path).frames[:, 0, 0].tolist() == [100 * k for k in range(16)]


@pytest.mark.parametrize("in_one_file", [True, False])
def test_frames_of_enhanced_files(tmp_path: Path, in_one_file: bool) -> None:
    def edit_frame(v: int) -> Callable[[Dataset, int], None]:
        return lambda own, _: setattr(own, "MRAveragesSequence", group(NumberOfAverages=v))

    if in_one_file:
        write_enhanced(tmp_path / "1.dcm", np.arange(12) / 2, edit_frame=lambda own, k: edit_frame(1 + k % 2)(own, k))
    else:
        for v in (1, 2):
            own = {"SOPInstanceUID": f"{ROOT}.7.{v}"}
            write_enhanced(tmp_path / f"{v}.dcm", np.arange(6) + v / 2, edit_frame=edit_frame(v), **own)
    with pytest.raises(vdl.DuplicateSliceError, match=r"2 volumes of 6 slices .* told apart by NumberOfAverages"):
        vdl.load(tmp_path)


@pytest.mark.parametrize("of_one", [True, False])
def test_frames_of_two_enhanced_files_between_each_other(tmp_path: Path, of_one: bool) -> None:
    """Each is an image by itself, but where both say that they are parts of one."""
    for v in (1, 2):
        own = {"SOPInstanceUID": f"{ROOT}.7.{v}", "InstanceNumber": v}
        if of_one:
            own |= {"ConcatenationUID": f"{ROOT}.8", "InConcatenationNumber": v}
        write_enhanced(tmp_path / f"{v}.dcm", np.arange(6) + v / 2, **own)
    if of_one:
        assert len(vdl.load(tmp_path).frames) == 12
        return
    with pytest.raises(vdl.DuplicateSliceError, match=r"2 volumes of 6 slices .* told apart by InstanceNumber"):
        vdl.load(tmp_path)


def test_few_headers_are_read_of_an_ordinary_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_slices(tmp_path, stack(1, np.arange(40) * 3.0, AcquisitionTime=lambda k: f"1000{k:02}"))
    (series,) = vdl.scan(tmp_path)
    asked: list[int] = []
    whole = header_columns.compare_frames

    def count(frames: Any, members: Any) -> Any:
        asked.append(len(members))
        return whole(frames, members)

    monkeypatch.setattr("vtkdicomload.stacks.split_alternate.compare_frames", count)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        series.load()
    assert asked == [5]
