"""Dividing a series into its volumes: what tells them apart, what they are called, and that each one is right."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from enhanced import multi_frame
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, UltrasoundMultiFrameImageStorage
from synthetic import ROOT, Truth, write_dataset, write_series

import vtkdicomload as vdl
from vtkdicomload.headers.diffusion import find_b_value, find_gradient_direction
from vtkdicomload.headers.parser import read_header
from vtkdicomload.stacks.series_data import Label, Rank

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pydicom import Dataset

Attributes = dict[str, Any]


def _write(
    folder: Path,
    volumes: Sequence[Attributes],
    shuffled: bool = False,
    private: Callable[[Dataset, int], None] = lambda dataset, v: None,
    **options: Any,
) -> list[Truth]:
    """Volumes of one series at the same positions, each with attributes of its own, in one folder."""
    truths = []
    for v, attributes in enumerate(volumes):
        names = [f"{(v * 31 + k * 17) % 97:03}" if shuffled else f"{v}-{k}" for k in range(4)]

        def edit(dataset: Dataset, k: int, v: int = v, attributes: Attributes = attributes) -> None:
            dataset.SOPInstanceUID = f"{ROOT}.1.{v}.{k + 1}"
            dataset.InstanceNumber = v * 4 + k + 1
            dataset.PixelData = (np.frombuffer(dataset.PixelData, "<i2") + 1000 * v).tobytes()
            for keyword, value in attributes.items():
                setattr(dataset, keyword, value(k) if callable(value) else value)
            private(dataset, v)

        truths.append(write_series(folder, count=4, names=names, edit=edit, **options))
    return truths


def _words(labels: Sequence[Label]) -> tuple[tuple[str, str], ...]:
    return tuple((label.attribute, label.words) for label in labels)


def _assert_divided(folder: Path, truths: Sequence[Truth], labels: Sequence[Sequence[tuple[str, str]]]) -> None:
    """The stacks are these truths with these labels, in this order, by every way to get at them."""
    (found,) = vdl.scan(folder)
    stacks = found.stacks()
    assert [_words(s.labels) for s in stacks] == [tuple(of_stack) for of_stack in labels]
    volumes = vdl.load_all(folder)
    for k, truth in enumerate(truths):
        for volume in (
            volumes[k],
            stacks[k].load(),
            vdl.load(folder, stack=k),
            vdl.load(folder, stack=stacks[k].label),
        ):
            np.testing.assert_array_equal(volume.frames, truth.frames)
            np.testing.assert_allclose(volume.geometry.affine, truth.affine, atol=1e-6)
            assert _words(volume.stack_labels) == tuple(labels[k])
    assert sorted(f for s in stacks for f in s.files) == sorted(found.files)


ONE: dict[str, tuple[list[Attributes], list[str]]] = {
    "EchoTime": ([{"EchoTime": t} for t in (4.6, 9.2, 13.8)], ["4.6", "9.2", "13.8"]),
    "EchoNumbers": ([{"EchoNumbers": n} for n in (1, 2)], ["1", "2"]),
    "TemporalPositionIdentifier": (
        [{"TemporalPositionIdentifier": n} for n in (1, 2, 10)],
        ["1", "2", "10"],
    ),
    "AcquisitionNumber": ([{"AcquisitionNumber": n} for n in (9, 10)], ["9", "10"]),
    "ImageType": (
        [{"ImageType": ["ORIGINAL", "PRIMARY", t]} for t in ("M", "P")],
        ["ORIGINAL\\PRIMARY\\M", "ORIGINAL\\PRIMARY\\P"],
    ),
    "TriggerTime": ([{"TriggerTime": t} for t in (0, 55.5, 111)], ["0", "55.5", "111"]),
    "AcquisitionTime": ([{"AcquisitionTime": t} for t in ("101500", "101530.5")], ["101500", "101530.5"]),
    "ContentTime": ([{"ContentTime": t} for t in ("090000", "100000")], ["090000", "100000"]),
    "InversionTime": ([{"InversionTime": t} for t in (100, 260.5)], ["100", "260.5"]),
    "FlipAngle": ([{"FlipAngle": a} for a in (3, 15)], ["3", "15"]),
    "ComplexImageComponent": (
        [{"ComplexImageComponent": c} for c in ("MAGNITUDE", "PHASE")],
        ["MAGNITUDE", "PHASE"],
    ),
    "DiffusionGradientOrientation": (
        [{"DiffusionGradientOrientation": list(d)} for d in ((-0.6, 0.8, 0.0), (0.0, 0.6, 0.8), (1.0, 0.0, 0.0))],
        ["-0.6\\0.8\\0", "0\\0.6\\0.8", "1\\0\\0"],
    ),
    "DiffusionBValue": ([{"DiffusionBValue": b} for b in (0.0, 500.0, 1000.0)], ["0", "500", "1000"]),
}


@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian], ids=["explicit", "implicit"])
@pytest.mark.parametrize("name", ONE)
def test_one_attribute_tells_the_volumes_apart(tmp_path: Path, name: str, syntax: str | None) -> None:
    volumes, values = ONE[name]
    truths = _write(tmp_path, volumes, **({"syntax": syntax} if syntax else {}))
    _assert_divided(tmp_path, truths, [[(name, value)] for value in values])
    with pytest.raises(vdl.DuplicateSliceError) as caught:
        vdl.load(tmp_path)
    count = len(values)
    ways = "stack=0 or 1" if count == 2 else f"stack=0 … {count - 1}"
    shown = ", ".join(f"{name} {value}" for value in values)
    assert str(caught.value) == (
        f"{count} volumes of 4 slices (2.5 mm) in one series, told apart by {name} ({shown}) → {ways}, or load_all(p)"
    )
    assert [s.label for s in caught.value.stacks] == [f"{name} {value}" for value in values]
    assert sorted(caught.value.files) == sorted(str(p) for t in truths for p in t.files)


def _siemens(d: Dataset, b: float) -> None:
    block = d.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", int(b))
    block.add_new(0x0E, "FD", [0.6, 0.0, 0.8])


def _ge(d: Dataset, b: float) -> None:
    d.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x39, "IS", [1_000_000_000 + int(b), 8, 0, 0])


def _ge_of_old(d: Dataset, b: float) -> None:
    d.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x39, "IS", [int(b), 8, 0, 0])


def _philips(d: Dataset, b: float) -> None:
    d.private_block(0x2001, "Philips Imaging DD 001", create=True).add_new(0x03, "FL", float(b))


@pytest.mark.parametrize("maker", [_siemens, _ge, _ge_of_old, _philips])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_the_makers_own_b_values(tmp_path: Path, maker: Callable[[Dataset, float], None], syntax: str) -> None:
    values = (0, 800, 1500)
    truths = _write(tmp_path, [{}] * 3, private=lambda d, v: maker(d, values[v]), syntax=syntax)
    _assert_divided(tmp_path, truths, [[("DiffusionBValue", b)] for b in map(str, values)])


def test_private_data_of_another_maker_is_no_b_value(tmp_path: Path) -> None:
    def edit(d: Dataset, k: int) -> None:
        d.InstanceNumber = k + 1
        d.private_block(0x0019, "ACME", create=True).add_new(0x0C, "IS", k % 2)

    write_series(tmp_path, count=4, gap=0, edit=edit)
    (series,) = vdl.scan(tmp_path)
    assert {name for stack in series.stacks() for name, _ in stack.labels} == {"InstanceNumber"}


def test_the_standards_b_value_goes_before_the_makers(tmp_path: Path) -> None:
    truth = write_series(tmp_path, count=1, DiffusionBValue=5.0, edit=lambda d, k: _siemens(d, 9))
    header = read_header(truth.files[0])
    assert (find_b_value(header), find_gradient_direction(header)) == (5, (0.6, 0, 0.8))


@pytest.mark.parametrize("name", ["EchoTime", "ImageType"])
def test_file_names_do_not_matter(tmp_path: Path, name: str) -> None:
    volumes, values = ONE[name]
    _assert_divided(tmp_path, _write(tmp_path, volumes, shuffled=True), [[(name, value)] for value in values])


def test_two_attributes_together(tmp_path: Path) -> None:
    kinds = [("ORIGINAL", "PRIMARY", t) for t in ("M", "P")]
    pairs = list(product(kinds, (1, 2)))
    truths = _write(tmp_path, [{"ImageType": list(t), "EchoNumbers": e} for t, e in pairs])
    labels = [[("ImageType", "\\".join(t)), ("EchoNumbers", str(e))] for t, e in pairs]
    _assert_divided(tmp_path, truths, labels)
    with pytest.raises(
        vdl.DuplicateSliceError, match=r"4 volumes of 4 slices .* told apart by ImageType and EchoNumbers"
    ):
        vdl.load(tmp_path)


def test_three_attributes_together(tmp_path: Path) -> None:
    triples = list(product(("M", "P"), (1, 2), (1, 2)))
    volumes = [
        {"ImageType": ["ORIGINAL", "PRIMARY", t], "EchoNumbers": e, "AcquisitionNumber": a} for t, e, a in triples
    ]
    labels = [
        [("ImageType", f"ORIGINAL\\PRIMARY\\{t}"), ("EchoNumbers", str(e)), ("AcquisitionNumber", str(a))]
        for t, e, a in triples
    ]
    truths = _write(tmp_path, volumes)
    order = [0, 2, 1, 3, 4, 6, 5, 7]  # of acquisition, magnitude and phase each by itself
    _assert_divided(tmp_path, [truths[v] for v in order], [labels[v] for v in order])


def test_an_attribute_that_only_some_volumes_have(tmp_path: Path) -> None:
    truths = _write(tmp_path, [{}, {"DiffusionBValue": 800.0}])
    _assert_divided(tmp_path, truths, [[("DiffusionBValue", "none")], [("DiffusionBValue", "800")]])


def test_the_fewest_attributes_are_taken(tmp_path: Path) -> None:
    """Time runs from slice to slice, but the echo explains the volumes."""
    volumes = [
        {"EchoTime": t, "AcquisitionTime": lambda k, v=v: f"10{v}{k}00", "TriggerTime": lambda k, v=v: 10 * k + v}
        for v, t in enumerate((5, 10))
    ]
    _assert_divided(tmp_path, _write(tmp_path, volumes), [[("EchoTime", "5")], [("EchoTime", "10")]])


def test_rank_within_each_position(tmp_path: Path) -> None:
    """No value is shared by the slices of a volume: the first, second … at each position belong together."""
    truths = _write(tmp_path, [{"TriggerTime": lambda k, v=v: 100 * v + 7 * k} for v in range(3)])
    _assert_divided(tmp_path, truths, [[("TriggerTime", f"{v + 1} of 3")] for v in range(3)])


def test_rank_of_the_instance_number_is_the_last_resort(tmp_path: Path) -> None:
    truths = _write(tmp_path, [{}, {}])
    with pytest.warns(vdl.DicomLoadWarning, match="told apart by the order of InstanceNumber alone"):
        _assert_divided(tmp_path, truths, [[("InstanceNumber", "1 of 2")], [("InstanceNumber", "2 of 2")]])


def test_the_rank_of_times_that_the_numbers_of_files_contradict_is_not_taken(tmp_path: Path) -> None:
    """Two volumes whose slices were reconstructed in another order at every other position."""
    volumes = [{"ContentTime": lambda k, v=v: f"10000{2 * k + (v + k) % 2}"} for v in range(2)]
    truths = _write(tmp_path, volumes)
    with pytest.warns(vdl.DicomLoadWarning, match="told apart by the order of InstanceNumber alone"):
        np.testing.assert_array_equal(vdl.load(tmp_path, stack=0).frames, truths[0].frames)


def test_diffusion_directions_go_before_numbers(tmp_path: Path) -> None:
    """A volume without diffusion, then two directions of one b-value; every slice has its own time and number."""
    shells: list[Attributes] = [{"DiffusionBValue": 0.0}]
    shells += [
        {"DiffusionBValue": 1000.0, "DiffusionGradientOrientation": d} for d in ([0.6, 0.8, 0.0], [0.8, -0.6, 0.0])
    ]
    truths = _write(tmp_path, [{**s, "AcquisitionTime": lambda k, v=v: f"10{v}{k}00"} for v, s in enumerate(shells)])
    values = [("0", "none"), ("1000", "0.6\\0.8\\0"), ("1000", "0.8\\-0.6\\0")]
    labels = [[("DiffusionBValue", b), ("DiffusionGradientOrientation", direction)] for b, direction in values]
    _assert_divided(tmp_path, truths, labels)


def test_what_an_attribute_explains_in_part_is_divided_by_it_first(tmp_path: Path) -> None:
    """Two volumes without diffusion differ in nothing but their number; the third has a b-value and is called by it."""
    shells: list[Attributes] = [{"DiffusionBValue": 0.0}, {"DiffusionBValue": 1000.0}, {"DiffusionBValue": 0.0}]
    truths = _write(tmp_path, shells)
    labels = [
        [("DiffusionBValue", "0"), ("InstanceNumber", "1 of 2")],
        [("DiffusionBValue", "1000")],
        [("DiffusionBValue", "0"), ("InstanceNumber", "2 of 2")],
    ]
    with pytest.warns(vdl.DicomLoadWarning, match="order of InstanceNumber alone"):
        _assert_divided(tmp_path, truths, labels)


def test_kinds_with_times_of_their_own(tmp_path: Path) -> None:
    """Magnitude and phase in time: the time of each slice differs, its rank within each kind tells the volumes."""
    kinds = [("ORIGINAL", "PRIMARY", t) for t in ("M", "P")]
    volumes = [{"ImageType": list(t), "TriggerTime": lambda k, v=v: 100 * v + 7 * k} for t in kinds for v in range(2)]
    labels = [[("ImageType", "\\".join(t)), ("TriggerTime", f"{v + 1} of 2")] for t in kinds for v in range(2)]
    _assert_divided(tmp_path, _write(tmp_path, volumes), labels)


def test_images_of_one_place_without_anything_else_are_divided_by_rank(tmp_path: Path) -> None:
    write_series(tmp_path, count=3, ImagePositionPatient=[0, 0, 0])
    assert [s.label for s in vdl.scan(tmp_path)[0].stacks()] == [f"InstanceNumber {k} of 3" for k in (1, 2, 3)]


def test_an_incomplete_volume_is_divided_by_value(tmp_path: Path) -> None:
    truths = _write(tmp_path, [{"EchoTime": 5}, {"EchoTime": 10}])
    truths[1].files[3].unlink()
    stacks = vdl.scan(tmp_path)[0].stacks()
    assert [len(s.frames) for s in stacks] == [4, 3]
    with pytest.warns(vdl.DicomLoadWarning, match=r"1 of 4 slices are missing .* the first at \(-10, -20, 37.5\) mm"):
        np.testing.assert_array_equal(stacks[1].load().frames, truths[1].frames[:3])


@pytest.mark.parametrize("gone", [1, 2])
def test_a_hole_in_one_volume_is_an_error_of_that_volume(tmp_path: Path, gone: int) -> None:
    truths = _write(tmp_path, [{"EchoTime": 5}, {"EchoTime": 10}])
    truths[1].files[gone].unlink()
    np.testing.assert_array_equal(vdl.load(tmp_path, stack=0).frames, truths[0].frames)
    for load in (lambda: vdl.load(tmp_path, stack=1), lambda: vdl.load_all(tmp_path)):
        with pytest.raises(vdl.MissingSliceError):
            load()


# ------------------------------------------------------------------------------------------ what cannot share a volume
def test_orientations_are_divided_and_named(tmp_path: Path) -> None:
    planes = {"axial": (1, 0, 0, 0, 1, 0), "coronal": (1, 0, 0, 0, 0, -1), "sagittal": (0, 1, 0, 0, 0, -1)}
    truths = [
        write_series(tmp_path / plane, count=3, orientation=orientation, origin=(0, 0, 0))
        for plane, orientation in planes.items()
    ]
    _assert_divided(tmp_path, truths, [[("plane", plane)] for plane in planes])
    with pytest.raises(vdl.DuplicateSliceError, match=r"3 volumes of 3 slices .* told apart by plane \(axial, coronal"):
        vdl.load(tmp_path)


def test_sizes_and_pixel_spacings_are_divided_and_named(tmp_path: Path) -> None:
    truths = [
        write_series(tmp_path / "a", count=3),
        write_series(tmp_path / "b", count=3, PixelSpacing=[1.5, 1]),
        write_series(tmp_path / "c", count=3, rows=4, columns=4),
    ]
    _assert_divided(
        tmp_path,
        truths,
        [
            [("rows × columns", "6×8"), ("PixelSpacing", "0.8\\0.5")],
            [("rows × columns", "6×8"), ("PixelSpacing", "1.5\\1")],
            [("rows × columns", "4×4")],
        ],
    )


def test_orientations_with_echoes_each(tmp_path: Path) -> None:
    for v, orientation in enumerate([(1, 0, 0, 0, 1, 0), (1, 0, 0, 0, 0, -1)]):
        _write(tmp_path / str(v), [{"EchoTime": 5}, {"EchoTime": 10}], orientation=orientation)
    assert [s.label for s in vdl.scan(tmp_path)[0].stacks()] == [
        "axial, EchoTime 5",
        "axial, EchoTime 10",
        "coronal, EchoTime 5",
        "coronal, EchoTime 10",
    ]
    assert len(vdl.load_all(tmp_path)) == 4


# ---------------------------------------------------------------------------------------------- what is not divided
def test_exact_copies_are_one_volume(tmp_path: Path) -> None:
    truth = write_series(tmp_path / "a")
    write_series(tmp_path / "b")
    (found,) = vdl.scan(tmp_path)
    assert found.stacks() == (found,)
    assert found.files == tuple(map(str, truth.files))
    with pytest.warns(vdl.DicomLoadWarning, match="5 of 10 files are copies of others"):
        (volume,) = vdl.load_all(tmp_path)
    np.testing.assert_array_equal(volume.frames, truth.frames)


def test_images_of_other_uids_in_one_place_are_not_divided(tmp_path: Path) -> None:
    """Equal pixels alone make no copy: which of two images is the right one, nothing says."""
    write_series(tmp_path / "a")
    write_series(tmp_path / "b", edit=lambda d, k: setattr(d, "SOPInstanceUID", f"{ROOT}.2.{k + 1}"))
    (found,) = vdl.scan(tmp_path)
    assert found.stacks() == (found,)
    for load in (vdl.load, vdl.load_all):
        with pytest.raises(vdl.DuplicateSliceError, match="5 of 10 slices lie at the position of another") as caught:
            load(tmp_path)
        assert "ignore=" not in str(caught.value)


def test_one_double_slice_is_not_divided(tmp_path: Path) -> None:
    """One position of five has two images: no attribute makes two volumes of them."""
    write_series(tmp_path, edit=lambda d, k: setattr(d, "ImagePositionPatient", [0, 0, min(k, 3)]))
    (found,) = vdl.scan(tmp_path)
    assert found.stacks() == (found,)


def test_attributes_that_vary_along_one_volume_do_not_divide_it(tmp_path: Path) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        dataset.AcquisitionTime, dataset.EchoTime, dataset.AcquisitionNumber = f"10000{k}", 5 + k, k
        dataset.ImageType = ["ORIGINAL", "PRIMARY", f"T{k}"]

    truth = write_series(tmp_path, edit=edit)
    (found,) = vdl.scan(tmp_path)
    assert found.stacks() == (found,)
    np.testing.assert_array_equal(vdl.load(tmp_path).frames, truth.frames)


def test_frames_without_positions_are_not_divided(tmp_path: Path) -> None:
    write_series(tmp_path, edit=lambda d, k: d.pop("ImagePositionPatient") and setattr(d, "EchoTime", k % 2))
    (found,) = vdl.scan(tmp_path)
    assert found.stacks() == (found,)


# ------------------------------------------------------------------------------------------------------- a real 4-D
def test_a_real_4d_series(data: Path) -> None:
    with pytest.raises(vdl.DuplicateSliceError) as caught:
        vdl.load(data / "asl_4d")
    assert str(caught.value) == (
        "8 volumes of 6 slices (6.6 mm) in one series, told apart by TriggerTime → stack=0 … 7, or load_all(p)"
    )
    datasets = [pydicom.dcmread(p) for p in sorted((data / "asl_4d").iterdir())]
    z = sorted({float(d.ImagePositionPatient[2]) for d in datasets})
    at = {place: sorted((d for d in datasets if d.ImagePositionPatient[2] == place), key=_trigger) for place in z}
    volumes = vdl.load_all(data / "asl_4d")
    assert len(volumes) == 8
    for v, volume in enumerate(volumes):
        truth = [at[p][v].pixel_array * float(at[p][v].RescaleSlope) + float(at[p][v].RescaleIntercept) for p in z]
        np.testing.assert_allclose(volume.frames, truth, rtol=1e-6)
        assert volume.stack_labels == (("TriggerTime", Rank(v + 1, 8)),)
        assert volume.spacing[2] == pytest.approx(6.6, abs=1e-4)


def _trigger(dataset: Dataset) -> float:
    return float(dataset.TriggerTime)


def test_every_series_of_the_data_in_one_call(data: Path, tmp_path: Path) -> None:
    for name in ("asl_4d", "small_ct", "rgb_stack", "slope_per_slice"):
        (tmp_path / name).symlink_to(data / name)
    volumes = vdl.load_all(tmp_path)
    assert len(volumes) == 11
    assert sorted(len(v.frames) for v in volumes) == [4, 4, *[6] * 8, 17]
    assert [v.series.number for v in volumes] == [s.number for s in vdl.scan(tmp_path) for _ in s.stacks()]


# ------------------------------------------------------------------------------------------------- runs of frames
def _runs(folder: Path, numbers: Sequence[int | None], **attributes: Any) -> dict[str, np.ndarray[Any, Any]]:
    """Cine runs of one series, as an ultrasound examination has them: stored frames by the name of the file."""
    stored = {}
    for k, number in enumerate(numbers):
        d = multi_frame(3 + k, UltrasoundMultiFrameImageStorage, "US")
        d.SOPInstanceUID, d.PixelSpacing = f"{ROOT}.3.1.{k}", [0.5, 0.5]
        d.InstanceNumber = number
        d.PixelData = (np.frombuffer(d.PixelData, "<u2") + 1000 * k).tobytes()
        for keyword, value in attributes.items():
            setattr(d, keyword, value)
        write_dataset(folder / f"run{k + 1}.dcm", d)
        stored[f"run{k + 1}.dcm"] = np.frombuffer(d.PixelData, "<u2").reshape(3 + k, d.Rows, d.Columns)
    return stored


@pytest.mark.parametrize(
    ("numbers", "name", "labels"),
    [
        ([2, 7, 9], "InstanceNumber", ["2", "7", "9"]),
        ([1, 1, 1], "file", ["run1.dcm", "run2.dcm", "run3.dcm"]),
        ([1, None, 3], "file", ["run1.dcm", "run2.dcm", "run3.dcm"]),
    ],
)
@pytest.mark.filterwarnings("ignore:no :vtkdicomload.DicomLoadWarning")
def test_every_run_of_frames_is_a_stack(
    tmp_path: Path, numbers: list[int | None], name: str, labels: list[str]
) -> None:
    stored = _runs(tmp_path, numbers)
    words = rf"3 volumes of 3 to 5 slices in one series, told apart by {name} \({name} {labels[0]}, "
    with pytest.raises(vdl.DuplicateSliceError, match=words) as caught:
        vdl.load(tmp_path)
    assert [_words(s.labels) for s in caught.value.stacks] == [((name, label),) for label in labels]
    for k, frames in enumerate(stored.values()):
        np.testing.assert_array_equal(vdl.load(tmp_path, stack=k).frames, frames)
    assert [v.frames.shape[0] for v in vdl.load_all(tmp_path)] == [3, 4, 5]


@pytest.mark.filterwarnings("ignore:no :vtkdicomload.DicomLoadWarning")
def test_single_images_beside_a_run_of_frames_are_a_stack_of_their_own(tmp_path: Path) -> None:
    frames = _runs(tmp_path, [5])["run1.dcm"]
    for k in (1, 2):
        still = multi_frame(1, UltrasoundMultiFrameImageStorage, "US")
        still.SOPInstanceUID, still.InstanceNumber, still.PixelSpacing = f"{ROOT}.3.2.{k}", k, [0.5, 0.5]
        write_dataset(tmp_path / f"still{k}.dcm", still)
    of_run, of_stills = vdl.scan(tmp_path)[0].stacks()
    run = of_run.load()
    with pytest.warns(vdl.DicomLoadWarning, match="2 images without a place in the patient, in the order of InstanceN"):
        stills = of_stills.load()
    np.testing.assert_array_equal(run.frames, frames)
    assert stills.frames.shape[0] == 2
    with pytest.raises(vdl.DuplicateSliceError, match="2 volumes of 2 to 3 slices"):
        vdl.load(tmp_path)


# ------------------------------------------------------------------------------------------------------------ labels
def test_labels_are_values_and_have_words(tmp_path: Path) -> None:
    _write(tmp_path, [{"EchoTime": 2.5}, {"EchoTime": 10}])
    labels = [s.labels for s in vdl.scan(tmp_path)[0].stacks()]
    assert labels == [(("EchoTime", 2.5),), (("EchoTime", 10.0),)]
    assert [label.words for (label,) in labels] == ["2.5", "10"]


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "none"), (2.50, "2.5"), (3, "3"), ((0.0, -0.6, 0.8), r"0\-0.6\0.8"), (Rank(2, 3), "2 of 3")],
)
def test_words_of_a_label(value: object, words: str) -> None:
    assert Label("EchoTime", value).words == words
