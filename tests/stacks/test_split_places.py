"""Volumes of one series against where their slices lie: beside each other, one after the other, or in one place."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from enhanced import group, write_enhanced
from slices import Slice, list_volumes, stack, write_slices
from synthetic import write_series

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pydicom import Dataset

Z = np.arange(8) * 3.0
HALF, PART, MICRONS = 1.5, 0.9, 0.03


def _load_stacks(folder: Path) -> list[tuple[str, list[int], int]]:
    """Every stack that loads, by every way to get at it: its label, the volumes its slices are of, and their number."""
    (series,) = vdl.scan(folder)
    found = []
    for k, one in enumerate(series.stacks()):
        frames = one.load().frames
        for other in (vdl.load(folder, stack=k), vdl.load(folder, stack=one.label) if one.label else one.load()):
            np.testing.assert_array_equal(other.frames, frames)
        found.append((one.label, list_volumes(frames), len(frames)))
    return found


def _assert_volumes(folder: Path, volumes: Sequence[int], count: int = 8) -> list[str]:
    """Each stack is one volume, they come in this order, and `load` offers them and no interpolation; their labels."""
    with pytest.raises(vdl.DuplicateSliceError) as caught:
        vdl.load(folder)
    assert len(caught.value.stacks) == len(volumes)
    assert "resample" not in str(caught.value)
    found = _load_stacks(folder)
    assert [(v, n) for _, v, n in found] == [([v], count) for v in volumes]
    labels = [label for label, _, _ in found]
    assert len(set(labels)) == len(volumes)
    return labels


def _siemens(b: int) -> Callable[[Dataset], None]:
    return lambda d: d.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0C, "IS", b)


CONTENT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "ImageType": ({"ImageType": ["ORIGINAL", "PRIMARY", "M"]}, {"ImageType": ["ORIGINAL", "PRIMARY", "P"]}),
    "ComplexImageComponent": ({"ComplexImageComponent": "REAL"}, {"ComplexImageComponent": "IMAGINARY"}),
    "EchoNumbers": ({"EchoNumbers": 1}, {"EchoNumbers": 2}),
    "EchoTime": ({"EchoTime": 5}, {"EchoTime": 7.38}),
    "FlipAngle": ({"FlipAngle": 3}, {"FlipAngle": 17}),
    "DiffusionBValue": ({"DiffusionBValue": 0.0}, {"DiffusionBValue": 1000.0}),
    "private DiffusionBValue": ({"private": _siemens(0)}, {"private": _siemens(1000)}),
    "DiffusionGradientOrientation": (
        {"DiffusionGradientOrientation": [1.0, 0.0, 0.0]},
        {"DiffusionGradientOrientation": [0.0, 0.6, -0.8]},
    ),
    "TemporalPositionIdentifier": ({"TemporalPositionIdentifier": 1}, {"TemporalPositionIdentifier": 2}),
    "StackID": ({"StackID": "1"}, {"StackID": "2"}),
    "KVP": ({"KVP": 80}, {"KVP": 140}),
    "ConvolutionKernel": ({"ConvolutionKernel": "B30f"}, {"ConvolutionKernel": ["B60f", "2"]}),
    "SliceThickness": ({"SliceThickness": 3}, {"SliceThickness": 5}),
    "time slice": (
        {"ImageIndex": lambda k: k + 1, "NumberOfSlices": 8, "NumberOfTimeSlices": 2},
        {"ImageIndex": lambda k: k + 9, "NumberOfSlices": 8, "NumberOfTimeSlices": 2},
    ),
    "time slot": (
        {"ImageIndex": lambda k: k + 1, "NumberOfSlices": 8, "NumberOfTimeSlots": 2, "NumberOfRRIntervals": 1},
        {"ImageIndex": lambda k: k + 9, "NumberOfSlices": 8, "NumberOfTimeSlots": 2, "NumberOfRRIntervals": 1},
    ),
    "R-R interval": (
        {"ImageIndex": lambda k: k + 1, "NumberOfSlices": 8, "NumberOfTimeSlots": 1, "NumberOfRRIntervals": 2},
        {"ImageIndex": lambda k: k + 9, "NumberOfSlices": 8, "NumberOfTimeSlots": 1, "NumberOfRRIntervals": 2},
    ),
}
OTHERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "InversionTime": ({"InversionTime": 100}, {"InversionTime": 900}),
    "ImageType, its first words": ({"ImageType": ["ORIGINAL", "PRIMARY"]}, {"ImageType": ["DERIVED", "PRIMARY"]}),
    "TriggerTime": ({"TriggerTime": 0}, {"TriggerTime": 400.5}),
    "FrameReferenceTime": ({"FrameReferenceTime": 500}, {"FrameReferenceTime": 1500}),
    "AcquisitionNumber": ({"AcquisitionNumber": 1}, {"AcquisitionNumber": 2}),
    "AcquisitionTime": ({"AcquisitionTime": "100000"}, {"AcquisitionTime": "100130.25"}),
    "ContentTime": ({"ContentTime": "100000"}, {"ContentTime": "100130.25"}),
}
REST: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "EchoTrainLength": ({"EchoTrainLength": 1}, {"EchoTrainLength": 7}),
    "ProtocolName": ({"ProtocolName": "JOHN DOE A"}, {"ProtocolName": "JOHN DOE B"}),
    "a private element": ({"private": _siemens(0)}, {"private": _siemens(1000)}),
    "ScanOptions": ({"ScanOptions": "FS"}, {}),
}
ALL = {**CONTENT, **OTHERS}


def _pair(name: str, offset: float) -> list[Slice]:
    first, second = {**ALL, **REST}[name]
    return [*stack(1, Z, **first), *stack(2, Z + offset, **second)]


@pytest.mark.parametrize("offset", [0.0, PART, MICRONS, -PART])
@pytest.mark.parametrize("name", ALL)
def test_volumes_in_one_place_and_beside_each_other_are_divided_by_any_attribute(
    tmp_path: Path, name: str, offset: float
) -> None:
    write_slices(tmp_path, _pair(name, offset))
    for label in _assert_volumes(tmp_path, [1, 2]):
        assert name.removeprefix("private ").split(",")[0] in label


@pytest.mark.parametrize("offset", [HALF, -HALF])
@pytest.mark.parametrize("name", CONTENT)
def test_volumes_half_a_slice_beside_each_other_are_divided_by_their_content(
    tmp_path: Path, name: str, offset: float
) -> None:
    write_slices(tmp_path, _pair(name, offset))
    _assert_volumes(tmp_path, [1, 2])


@pytest.mark.parametrize("name", OTHERS)
def test_odd_and_even_slices_of_other_times_are_one_volume_with_a_warning(tmp_path: Path, name: str) -> None:
    write_slices(tmp_path, _pair(name, HALF))
    with pytest.warns(vdl.DicomLoadWarning, match=rf"{name.split(',')[0]} differs between the slices \(2 values\)"):
        volume = vdl.load(tmp_path)
    np.testing.assert_array_equal(volume.frames[:, 0, 0], [v + k for k in range(8) for v in (100, 200)])
    assert volume.spacing[2] == HALF


@pytest.mark.parametrize("name", ALL)
def test_ranges_that_follow_each_other_evenly_are_one_volume(tmp_path: Path, name: str) -> None:
    first, second = ALL[name]
    write_slices(tmp_path, [*stack(1, Z, **first), *stack(2, Z + 24, **second)])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*differs between the slices", vdl.DicomLoadWarning)
        volume = vdl.load(tmp_path)
    np.testing.assert_array_equal(volume.frames[:, 0, 0], [*range(100, 108), *range(200, 208)])


@pytest.mark.parametrize("name", ["AcquisitionNumber", "AcquisitionTime", "KVP", "FrameReferenceTime", "StackID"])
@pytest.mark.parametrize("step", [25.0, 31.0, 15.0, 16.0])
def test_beds_and_slabs_are_stacks_of_their_own_and_none_is_incomplete(tmp_path: Path, name: str, step: float) -> None:
    """With a gap that is no whole number of slices, or overlapping by some places, or beside them."""
    values = {"AcquisitionTime": ["100000", "100100", "100200"], "StackID": ["1", "2", "3"]}.get(name, [80, 120, 140])
    write_slices(tmp_path, [s for v in range(3) for s in stack(v, Z + step * v, **{name: values[v]})])
    _assert_volumes(tmp_path, [0, 1, 2])


def test_slabs_of_two_echoes_each(tmp_path: Path) -> None:
    slices = [
        s
        for slab in range(3)
        for echo in (1, 2)
        for s in stack(2 * slab + echo, np.arange(12) + 9.0 * slab, AcquisitionNumber=slab, EchoTime=5 * echo)
    ]
    write_slices(tmp_path, slices)
    _assert_volumes(tmp_path, [1, 2, 3, 4, 5, 6], 12)


@pytest.mark.parametrize("name", REST)
@pytest.mark.parametrize("offset", [0.0, PART, MICRONS])
def test_the_rest_of_the_header_is_asked_last(tmp_path: Path, name: str, offset: float) -> None:
    write_slices(tmp_path, _pair(name, offset))
    for label in _assert_volumes(tmp_path, [1, 2]):
        assert "JOHN" not in label


@pytest.mark.filterwarnings("ignore:the slices are not evenly spaced")
@pytest.mark.parametrize("name", REST)
@pytest.mark.parametrize("lost", [[0], [3], [7], [0, 1], [2, 5]])
def test_the_rest_of_the_header_tells_volumes_apart_that_lack_slices(
    tmp_path: Path, name: str, lost: list[int]
) -> None:
    first, second = REST[name]
    write_slices(tmp_path, [*stack(1, Z, **first), *stack(2, np.delete(Z, lost), **second)], SliceThickness=3)
    with pytest.raises(vdl.DuplicateSliceError, match="2 volumes of"):
        vdl.load(tmp_path)
    with pytest.warns(vdl.DicomLoadWarning, match=f"{len(lost)} of 8 slices are missing that other stacks"):
        volumes = [stack.load(irregular="keep") for stack in vdl.scan(tmp_path)[0].stacks()]
    assert [list_volumes(v.frames) for v in volumes] == [[1], [2]]


@pytest.mark.parametrize("name", REST)
@pytest.mark.parametrize("step", [21.0, 18.0, 22.8, 19.5])
def test_the_rest_of_the_header_tells_slabs_apart(tmp_path: Path, name: str, step: float) -> None:
    """That overlap by places, or lie beside each other's."""
    first, second = REST[name]
    write_slices(tmp_path, [*stack(1, Z, **first), *stack(2, Z + step, **second)])
    _assert_volumes(tmp_path, [1, 2])


@pytest.mark.parametrize("name", ["RepetitionTime", "AcquisitionDateTime"])
@pytest.mark.parametrize("count", [3, 4])
def test_no_number_of_files_tells_volumes_apart_where_each_place_lost_another(
    tmp_path: Path, name: str, count: int
) -> None:
    values = [500, 1000, 2000, 3000] if name == "RepetitionTime" else [f"2020010110{v}000" for v in range(4)]
    slices = [Slice(z, 100 * v + k, {name: values[v]}) for k, z in enumerate(Z) for v in range(count) if v != k % count]
    write_slices(tmp_path, slices)
    for load in (vdl.load, vdl.load_all):
        with pytest.raises(vdl.DuplicateSliceError, match=f"{name} does not say which"):
            load(tmp_path)


@pytest.mark.parametrize("lost", [[3], [2, 5]])
def test_the_rest_of_the_header_forbids_to_interpolate_between_volumes(tmp_path: Path, lost: list[int]) -> None:
    first, second = REST["EchoTrainLength"]
    write_slices(tmp_path, [*stack(1, Z, **first), *stack(2, np.delete(Z + PART, lost), **second)])
    with pytest.raises(vdl.MissingSliceError, match="by EchoTrainLength they may be several volumes") as caught:
        vdl.load(tmp_path)
    assert [r.options for r in caught.value.remedies] == [{"irregular": "keep"}]


_OF_FRAMES: dict[str, Callable[[Dataset, int], None]] = {
    "NumberOfAverages": lambda own, v: setattr(own, "MRAveragesSequence", group(NumberOfAverages=v)),
    "RepetitionTime": lambda own, v: setattr(
        own, "MRTimingAndRelatedParametersSequence", group(RepetitionTime=500.0 * v)
    ),
    "FrameAcquisitionDateTime": lambda own, v: setattr(
        own.FrameContentSequence[0], "FrameAcquisitionDateTime", f"202001011{v}0000"
    ),
}


@pytest.mark.parametrize("name", _OF_FRAMES)
@pytest.mark.parametrize("offset", [0.0, 0.3, 0.6, 6.0, 7.4])
@pytest.mark.parametrize("in_turn", [True, False])
def test_functional_groups_that_nobody_looks_at_tell_volumes_of_one_file_apart(
    tmp_path: Path, name: str, offset: float, in_turn: bool
) -> None:
    frames = [(v, k) for v in (1, 2) for k in range(8)]
    frames = sorted(frames, key=lambda frame: frame[1]) if in_turn else frames
    stored = write_enhanced(
        tmp_path / "1.dcm",
        [k + offset * (v - 1) for v, k in frames],
        edit_frame=lambda own, i: _OF_FRAMES[name](own, frames[i][0]),
    )
    with pytest.raises(vdl.DuplicateSliceError) as caught:
        vdl.load(tmp_path)
    assert "resample" not in str(caught.value)
    volumes = vdl.load_all(tmp_path)
    assert len(volumes) == 2
    for v, volume in enumerate(volumes, 1):
        np.testing.assert_array_equal(volume.frames, stored[[frames.index((v, k)) for k in range(8)]])
    assert all(name in stack.label for stack in vdl.scan(tmp_path)[0].stacks())


@pytest.mark.parametrize("name", _OF_FRAMES)
def test_frames_of_which_each_place_lost_another_are_refused(tmp_path: Path, name: str) -> None:
    frames = [(v, k) for k in range(8) for v in (1, 2, 3) if v != 1 + k % 3]
    write_enhanced(
        tmp_path / "1.dcm",
        [k for _, k in frames],
        edit_frame=lambda own, i: _OF_FRAMES[name](own, frames[i][0]),
    )
    with pytest.raises(vdl.DuplicateSliceError, match=f"{name} does not say which"):
        vdl.load(tmp_path)


@pytest.mark.parametrize(("name", "values"), [("SeriesNumber", (3, 4)), ("SliceThickness", (3, 2))])
@pytest.mark.parametrize("kept", [[1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3, 4]])
def test_a_shorter_one_of_two_series_or_thicknesses_on_one_grid_is_told(
    tmp_path: Path, name: str, values: tuple[int, int], kept: list[int]
) -> None:
    write_slices(tmp_path, [*stack(1, Z, **{name: values[0]}), *stack(2, Z[kept], **{name: values[1]})])
    with pytest.warns(vdl.DicomLoadWarning, match=f"{8 - len(kept)} of 8 slices are missing that other stacks"):
        assert sorted(len(v.frames) for v in vdl.load_all(tmp_path)) == [len(kept), 8]


@pytest.mark.parametrize("offset", [0.0, PART, HALF])
def test_frames_of_reference_of_every_slice_mean_nothing_beside_each_other(tmp_path: Path, offset: float) -> None:
    slices = [
        s
        for v in (1, 2)
        for s in stack(v, Z + offset * v, EchoTime=5 * v, FrameOfReferenceUID=lambda k, v=v: f"1.2.9.{100 * v + k}")
    ]
    write_slices(tmp_path, slices)
    with pytest.warns(vdl.DicomLoadWarning, match="FrameOfReferenceUID"):
        _assert_volumes(tmp_path, [1, 2])


def test_text_is_numbered_and_never_shown(tmp_path: Path) -> None:
    write_slices(tmp_path, _pair("ProtocolName", 0))
    assert _assert_volumes(tmp_path, [1, 2]) == ["ProtocolName 1 of 2", "ProtocolName 2 of 2"]


def test_dates_and_rescale_stand_back(tmp_path: Path) -> None:
    """They would divide in another way than EchoTrainLength, which goes first."""
    slices = [
        Slice(z, 100 * v + k, {"EchoTrainLength": v, "AcquisitionDate": f"2020010{1 + (v + k // 2) % 2}"})
        for v in (1, 2)
        for k, z in enumerate(Z)
    ]
    write_slices(tmp_path, slices)
    assert _assert_volumes(tmp_path, [1, 2]) == ["EchoTrainLength 1", "EchoTrainLength 2"]


def test_dates_divide_where_nothing_else_does(tmp_path: Path) -> None:
    write_slices(tmp_path, [*stack(1, Z, AcquisitionDate="20200101"), *stack(2, Z, AcquisitionDate="20200102")])
    assert _assert_volumes(tmp_path, [1, 2]) == ["AcquisitionDate 1 of 2", "AcquisitionDate 2 of 2"]


def test_attributes_that_divide_in_different_ways_are_both_named(tmp_path: Path) -> None:
    slices = [
        Slice(z, 100 * v + k, {"EchoTrainLength": v, "NumberOfAverages": 1 + (v + k) % 2})
        for v in (1, 2)
        for k, z in enumerate(Z)
    ]
    write_slices(tmp_path, slices)
    with pytest.raises(vdl.DuplicateSliceError, match="NumberOfAverages and EchoTrainLength do not say") as caught:
        vdl.load(tmp_path)
    assert "ignore" not in str(caught.value)
    with pytest.raises(vdl.DuplicateSliceError):
        vdl.load_all(tmp_path)


# --------------------------------------------------------------------------------------------------------- one volume
def test_one_derived_slice_in_a_place_of_its_own_is_told(tmp_path: Path) -> None:
    kinds = ["DERIVED" if k == 4 else "ORIGINAL" for k in range(8)]
    write_slices(tmp_path, stack(1, Z, ImageType=lambda k: [kinds[k], "PRIMARY", "M"]))
    with pytest.warns(vdl.DicomLoadWarning, match="ImageType differs between the slices"):
        assert len(vdl.load(tmp_path).frames) == 8


def test_slices_of_one_time_each_are_one_volume(tmp_path: Path) -> None:
    order = [0, 4, 1, 5, 2, 6, 3, 7]
    write_slices(tmp_path, stack(1, Z, AcquisitionTime=lambda k: f"1000{order[k]:02}", AcquisitionNumber=lambda k: k))
    assert len(vdl.load(tmp_path).frames) == 8


def test_slices_that_were_acquired_together_are_one_volume(tmp_path: Path) -> None:
    """Three slices a time, far from each other: simultaneous multi-slice."""
    write_slices(tmp_path, stack(1, np.arange(24) * 2.0, AcquisitionTime=lambda k: f"1000{k % 8:02}"))
    assert len(vdl.load(tmp_path).frames) == 24


def test_rotations_of_a_tube_are_one_volume(tmp_path: Path) -> None:
    write_slices(tmp_path, stack(1, np.arange(40.0), AcquisitionTime=lambda k: f"1000{k // 4:02}"))
    assert len(vdl.load(tmp_path).frames) == 40


def test_a_setting_in_other_digits_is_the_same(tmp_path: Path) -> None:
    write_slices(
        tmp_path, stack(1, Z, EchoTime=lambda k: ("4.6", "4.60001")[k % 2], FlipAngle=lambda k: 30 + k % 2 / 1e5)
    )
    assert len(vdl.load(tmp_path).frames) == 8


def test_a_thickness_that_wobbles_is_one_volume(tmp_path: Path) -> None:
    write_slices(tmp_path, stack(1, Z, SliceThickness=lambda k: 2.5 if k in (0, 3, 4) else 2.4))
    assert len(vdl.load(tmp_path).frames) == 8


def test_a_missing_slice_is_one_also_where_slices_share_times(tmp_path: Path) -> None:
    places = np.delete(np.arange(40.0), 20)
    write_slices(tmp_path, stack(1, places, AcquisitionTime=lambda k: f"1000{int(places[k]) // 4:02}"))
    with pytest.raises(vdl.MissingSliceError, match="1 slice missing"):
        vdl.load(tmp_path)


# ------------------------------------------------------------------------------------------------------------- unclear
@pytest.mark.parametrize(
    ("slices", "named"),
    [
        ([*stack(1, Z, AcquisitionNumber=1), *stack(2, np.delete(Z + PART, 4), AcquisitionNumber=2)], "Acquisition"),
        ([*stack(1, Z, AcquisitionNumber=1), *stack(2, np.delete(Z + HALF, 4), AcquisitionNumber=2)], "Acquisition"),
        ([*stack(1, Z, ImageType=["A", "B", "M"]), *stack(2, [1, 7.4], ImageType=["A", "B", "P"])], "ImageType"),
        ([*stack(1, Z), *stack(2, Z + PART)], "their places"),
    ],
    ids=["beside, with a hole", "half a slice beside, with a hole", "two slices beside", "nothing else differs"],
)
def test_uneven_slices_that_may_be_two_volumes_are_never_interpolated(
    tmp_path: Path, slices: list[Slice], named: str
) -> None:
    write_slices(tmp_path, slices)
    for irregular in ("raise", "resample"):
        with pytest.raises(vdl.MissingSliceError, match=rf"by {named}.* they may be several volumes") as caught:
            vdl.load(tmp_path, irregular=irregular)
        assert [r.options for r in caught.value.remedies] == [{"irregular": "keep"}]
    with pytest.warns(vdl.DicomLoadWarning):
        assert len(vdl.load(tmp_path, irregular="keep").frames) == len(slices)


def test_a_hole_in_one_of_two_kinds_beside_each_other_is_told_of_that_one(tmp_path: Path) -> None:
    kinds = (["ORIGINAL", "PRIMARY", "M"], ["ORIGINAL", "PRIMARY", "P"])
    write_slices(tmp_path, [*stack(1, Z, ImageType=kinds[0]), *stack(2, np.delete(Z + HALF, 4), ImageType=kinds[1])])
    with pytest.raises(vdl.DuplicateSliceError, match="2 volumes of 7 to 8 slices"):
        vdl.load(tmp_path)
    assert list_volumes(vdl.load(tmp_path, stack=0).frames) == [1]
    with pytest.raises(vdl.MissingSliceError, match="1 slice missing in 7"):
        vdl.load(tmp_path, stack=1)


# ---------------------------------------------------------------------------------------------------------- incomplete
@pytest.mark.parametrize("name", ["TemporalPositionIdentifier", "AcquisitionNumber", "EchoTime", "KVP", "TriggerTime"])
@pytest.mark.parametrize("kept", [[0, 1, 2, 3, 4, 5], [2, 3, 4, 5, 6, 7], [0, 2, 4, 6], [0, 1], [3]])
def test_an_incomplete_volume_is_named_by_every_way(tmp_path: Path, name: str, kept: list[int]) -> None:
    write_slices(
        tmp_path,
        [*stack(1, Z, **{name: 1}), *stack(2, Z, **{name: 2}), *stack(3, Z[kept], **{name: 3})],
        SliceThickness=3,
    )
    words = f"{8 - len(kept)} of 8 slices are missing that other stacks"
    with pytest.warns(vdl.DicomLoadWarning, match=words):
        assert [len(v.frames) for v in vdl.load_all(tmp_path)] == [8, 8, len(kept)]
    stacks = vdl.scan(tmp_path)[0].stacks()
    for load in (stacks[2].load, lambda: vdl.load(tmp_path, stack=2)):
        with pytest.warns(vdl.DicomLoadWarning, match=words):
            assert list_volumes(load().frames) == [3]
    assert [len(s.load().frames) for s in stacks[:2]] == [8, 8]


@pytest.mark.parametrize(
    "name",
    ["EchoTime", "InversionTime", "TemporalPositionIdentifier", "EchoNumbers", "TriggerTime", "AcquisitionNumber"],
)
@pytest.mark.parametrize("places", [3, 4, 6])
def test_no_volume_is_made_of_slices_of_two_where_each_place_lost_another(
    tmp_path: Path, name: str, places: int
) -> None:
    slices = [
        Slice(z, 100 * v + k, {name: 10 * v}) for k, z in enumerate(Z[:places]) for v in range(4) if v != (3 - k) % 4
    ]
    write_slices(tmp_path, slices)
    with pytest.raises(vdl.DuplicateSliceError):
        vdl.load(tmp_path)
    for one in vdl.scan(tmp_path)[0].stacks():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", vdl.DicomLoadWarning)
            try:
                assert len(list_volumes(one.load().frames)) == 1
            except vdl.MissingSliceError:
                continue


def test_values_that_overlap_in_part_are_divided_by_value(tmp_path: Path) -> None:
    slices = [
        Slice(0, 100, {"EchoTime": 20}),
        Slice(0, 200, {"EchoTime": 40}),
        Slice(3, 101, {"EchoTime": 20}),
        Slice(3, 301, {"EchoTime": 60}),
    ]
    write_slices(tmp_path, slices, SliceThickness=3)
    whole, *rest = vdl.scan(tmp_path)[0].stacks()
    assert list_volumes(whole.load().frames) == [1]
    for one in rest:
        with pytest.warns(vdl.DicomLoadWarning, match="1 of 2 slices are missing"):
            one.load()


def test_a_thinner_grid_lacks_nothing_of_a_finer_one(tmp_path: Path) -> None:
    write_slices(
        tmp_path, [*stack(1, np.arange(16.0), SliceThickness=1), *stack(2, np.arange(4) * 5.0, SliceThickness=5)]
    )
    assert [(v, n) for _, v, n in _load_stacks(tmp_path)] == [([1], 16), ([2], 4)]


# --------------------------------------------------------------------------------------------------------------- ranks
_BEATS = (160, 162.4, 161, 158, 159.3, 163, 160.5, 161.5)


def _cine(phases: Callable[[int], list[int]], **attributes: Any) -> list[Slice]:
    """Trigger 0 everywhere, and other values a heartbeat; slice by slice."""
    return [
        Slice(z, 100 * v + k, {"TriggerTime": v * _BEATS[k], **attributes}) for k, z in enumerate(Z) for v in phases(k)
    ]


@pytest.mark.parametrize("attributes", [{}, {"CardiacNumberOfImages": 5}, {"NumberOfTemporalPositions": 5}])
def test_an_ordinary_cine(tmp_path: Path, attributes: dict[str, Any]) -> None:
    write_slices(tmp_path, _cine(lambda _: list(range(5)), **attributes))
    assert _assert_volumes(tmp_path, range(5)) == [f"TriggerTime {v + 1} of 5" for v in range(5)]


def test_a_cine_whose_files_are_numbered_at_random_goes_by_its_count(tmp_path: Path) -> None:
    slices = _cine(lambda _: list(range(5)), CardiacNumberOfImages=5)
    write_slices(tmp_path, [slices[k] for k in np.random.default_rng(1).permutation(len(slices))])
    _assert_volumes(tmp_path, range(5))


def test_a_cine_of_which_each_place_lost_another_phase_is_refused(tmp_path: Path) -> None:
    write_slices(tmp_path, _cine(lambda k: [v for v in range(5) if v != k % 5], CardiacNumberOfImages=5))
    for load in (vdl.load, vdl.load_all):
        with pytest.raises(vdl.DuplicateSliceError):
            load(tmp_path)


def test_settings_of_other_values_at_every_place_go_by_rank(tmp_path: Path) -> None:
    write_slices(
        tmp_path,
        [Slice(z, 100 * v + k, {"InversionTime": 400 * v + 37 * k}) for k, z in enumerate(Z) for v in range(3)],
    )
    assert _assert_volumes(tmp_path, range(3)) == [f"InversionTime {v + 1} of 3" for v in range(3)]


# ----------------------------------------------------------------------------------------------------- order and labels
def _shell(v: int, b: float, direction: list[float] | None, offset: float = 0, **attributes: Any) -> list[Slice]:
    told = {} if direction is None else {"DiffusionGradientOrientation": direction}
    return stack(v, Z + offset, DiffusionBValue=b, **told, **attributes)


_SHELLS: list[tuple[float, list[float] | None]] = [
    (500.0, [1.0, 0.0, 0.0]),
    (1500.0, [1.0, 0.0, 0.0]),
    (0.0, None),
    (500.0, [0.0, 1.0, 0.0]),
    (1500.0, [0.0, 1.0, 0.0]),
]


@pytest.mark.parametrize("numbered", [True, False])
def test_diffusion_comes_in_the_order_of_acquisition(tmp_path: Path, numbered: bool) -> None:
    slices = [
        s
        for v, (b, direction) in enumerate(_SHELLS)
        for s in _shell(v, b, direction, **({"AcquisitionNumber": v + 1} if numbered else {}))
    ]
    write_slices(tmp_path, slices)
    labels = _assert_volumes(tmp_path, range(5))
    assert labels[:3] == [
        r"DiffusionBValue 500, DiffusionGradientOrientation 1\0\0",
        r"DiffusionBValue 1500, DiffusionGradientOrientation 1\0\0",
        "DiffusionBValue 0, DiffusionGradientOrientation none",
    ]


def test_the_one_b_value_of_all_directions_is_told(tmp_path: Path) -> None:
    write_slices(tmp_path, [*_shell(0, 800.0, [0.0, 0.0, 1.0]), *_shell(1, 800.0, [1.0, 0.0, 0.0])])
    assert _assert_volumes(tmp_path, [0, 1]) == [
        r"DiffusionBValue 800, DiffusionGradientOrientation 0\0\1",
        r"DiffusionBValue 800, DiffusionGradientOrientation 1\0\0",
    ]


def test_diffusion_that_is_numbered_by_place_comes_in_the_order_of_its_times(tmp_path: Path) -> None:
    slices = [s for v, shell in enumerate(_SHELLS) for s in _shell(v, *shell, AcquisitionTime=f"10{v:02}00")]
    write_slices(tmp_path, sorted(slices, key=lambda s: (s.z, -s.value)))
    _assert_volumes(tmp_path, range(5))


def test_repeats_are_numbered(tmp_path: Path) -> None:
    shells = [(0.0, None), (1000.0, [1.0, 0.0, 0.0]), (0.0, None), (1000.0, [1.0, 0.0, 0.0])]
    write_slices(tmp_path, [s for v, shell in enumerate(shells) for s in _shell(v, *shell, AcquisitionNumber=v + 1)])
    assert _assert_volumes(tmp_path, range(4)) == [
        "DiffusionBValue 0, DiffusionGradientOrientation none, AcquisitionNumber 1",
        r"DiffusionBValue 1000, DiffusionGradientOrientation 1\0\0, AcquisitionNumber 2",
        "DiffusionBValue 0, DiffusionGradientOrientation none, AcquisitionNumber 3",
        r"DiffusionBValue 1000, DiffusionGradientOrientation 1\0\0, AcquisitionNumber 4",
    ]


def test_kinds_stay_together_in_the_order_of_the_first(tmp_path: Path) -> None:
    slices = [
        s
        for v, (kind, time) in enumerate([("P", 1), ("M", 1), ("P", 2), ("M", 2)])
        for s in stack(v, Z, ImageType=["ORIGINAL", "PRIMARY", kind], TemporalPositionIdentifier=time)
    ]
    write_slices(tmp_path, slices)
    _assert_volumes(tmp_path, [0, 2, 1, 3])


def test_series_numbers_under_one_uid_are_series(tmp_path: Path) -> None:
    write_slices(tmp_path, [*stack(1, Z, SeriesNumber=7), *stack(2, Z + 24, SeriesNumber=3)])
    assert _assert_volumes(tmp_path, [1, 2]) == ["SeriesNumber 7", "SeriesNumber 3"]


def test_a_slice_of_another_series_number_is_in_no_volume_of_the_others(tmp_path: Path) -> None:
    write_slices(tmp_path, [*stack(1, Z, SeriesNumber=7), *stack(2, [24], SeriesNumber=8)], SliceThickness=3)
    with pytest.raises(vdl.DuplicateSliceError, match="told apart by SeriesNumber"):
        vdl.load(tmp_path)
    assert [(v, n) for _, v, n in _load_stacks(tmp_path)] == [([1], 8), ([2], 1)]


def test_series_numbers_that_count_the_slices_divide_nothing(tmp_path: Path) -> None:
    write_slices(tmp_path, stack(1, Z, SeriesNumber=lambda k: k + 1))
    assert len(vdl.load(tmp_path).frames) == 8


def test_two_attributes_beside_each_other(tmp_path: Path) -> None:
    """Four volumes a quarter of a slice beside each other, told apart by two attributes together."""
    slices = [
        s
        for v, (kind, time) in enumerate([("M", 1), ("M", 2), ("P", 1), ("P", 2)])
        for s in stack(v, Z + 0.75 * v, ImageType=["A", "B", kind], TemporalPositionIdentifier=time)
    ]
    write_slices(tmp_path, slices)
    _assert_volumes(tmp_path, range(4))


def test_frame_reference_times_of_a_dynamic_pet_with_scrambled_numbers(tmp_path: Path) -> None:
    slices = [s for v in range(3) for s in stack(v, Z, FrameReferenceTime=500 + 1000 * v)]
    write_slices(tmp_path, [slices[k] for k in np.random.default_rng(2).permutation(len(slices))])
    _assert_volumes(tmp_path, range(3))


def test_volumes_side_by_side_are_divided_by_their_place(tmp_path: Path) -> None:
    order = np.random.default_rng(4).permutation(10)

    def edit(dataset: Dataset, k: int) -> None:
        side, index = divmod(int(order[k]), 5)
        dataset.ImagePositionPatient = [60.0 * side, 0, 2.5 * index]
        dataset.PixelData = np.full((6, 8), 10 * side + index, np.int16).tobytes()

    write_series(tmp_path, count=10, edit=edit)
    volumes = vdl.load_all(tmp_path)
    assert [volume.stack_labels[0].words for volume in volumes] == ["1 of 2", "2 of 2"]
    for side, volume in enumerate(volumes):
        np.testing.assert_array_equal(volume.frames[:, 0, 0], 10 * side + np.arange(5))
        assert volume.origin == (60 * side, 0, 0)
