"""`convert`: every stack as a whole file, resumed after whatever stopped it; values and places are those of `load`."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813
import zarr
from enhanced import group, write_enhanced
from full_disk import largest_file
from hangs import LAST_RESORT
from sources.servers import s3_server
from typer.testing import CliRunner
from zarr.core.sync import cleanup_resources

import vtkdicomload as vdl
from vtkdicomload import DicomLoadWarning
from vtkdicomload.bulk.naming import name_stacks
from vtkdicomload.cli import app as cli

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom import Dataset
    from synthetic import Truth

    Write = Callable[..., Truth]

conversion = importlib.import_module("vtkdicomload.bulk.conversion")
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@pytest.fixture
def archive(series: Write, tmp_path: Path) -> Path:
    """Two series that load, one of two stacks, and one that lacks a slice."""
    series("in/a", seed=1, SeriesDescription="first one")
    series("in/b", seed=2, SeriesDescription="gap").files[2].unlink()
    for k in (1, 2):
        series("in/c", seed=2 + k, SeriesInstanceUID="1.2.3", SeriesNumber=9, TemporalPositionIdentifier=k)
    return tmp_path / "in"


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / conversion.NAME).read_text().splitlines()]


@pytest.mark.parametrize("form", ["nii.gz", "nii", "nrrd", "mha", "vti", "npz"])
def test_every_stack_is_a_file_of_its_own_and_says_what_was_refused(archive: Path, tmp_path: Path, form: str) -> None:
    done = vdl.convert(archive, tmp_path / "out", format=form)
    assert [outcome.status for outcome in done] == ["written", "refused", "written", "written"]
    assert not done.whole
    assert "1 slice missing in 4" in str(done[1].reason)
    assert "3 written, 1 refused" in repr(done)
    assert all(os.path.exists(outcome.path) is (outcome.status == "written") for outcome in done)
    assert len({outcome.path for outcome in done}) == 4
    assert [line["status"] for line in lines(tmp_path / "out")].count("written") == 3


@pytest.mark.parametrize("name", ["small_ct", "asl_4d", "mono1", "enh_mr_phase", "comp_rle"])
def test_values_and_places_of_real_series_are_those_of_load(data: Path, tmp_path: Path, name: str) -> None:
    done = vdl.convert(data / name, tmp_path, format="nii.gz")
    stacks = vdl.scan(data / name).stacks()
    assert done.count("written") == len(stacks)
    for outcome, stack in zip(done, stacks, strict=True):
        volume, image = stack.load(), nib.load(outcome.path)
        np.testing.assert_array_equal(np.asarray(image.dataobj), volume.array)
        if volume.affine is not None:
            np.testing.assert_allclose(image.affine, LPS_TO_RAS @ volume.affine, atol=1e-4)


def test_a_series_of_several_stacks_is_one_file_of_four_dimensions(archive: Path, tmp_path: Path) -> None:
    done = vdl.convert(archive, tmp_path / "out", format="nii", per="series")
    assert [outcome.status for outcome in done] == ["written", "refused", "written"]
    image = nib.load(done[2].path)
    volumes = [stack.load() for stack in vdl.scan(archive)[2].stacks()]
    assert image.shape == (*volumes[0].array.shape, 2)
    for k, volume in enumerate(volumes):
        np.testing.assert_array_equal(np.asarray(image.dataobj)[..., k], volume.array)
    assert sitk.ReadImage(done[2].path).GetSize() == image.shape


def test_stacks_that_lie_elsewhere_make_no_one_file(series: Write, tmp_path: Path) -> None:
    series("in", seed=1, SeriesInstanceUID="1.2.3", names=list("12345"))
    series("in", seed=2, SeriesInstanceUID="1.2.3", names=list("67890"), orientation=(1, 0, 0, 0, 0, -1))
    (outcome,) = vdl.convert(tmp_path / "in", tmp_path / "out", format="nii", per="series")
    assert outcome.status == "refused"
    assert "do not lie in one place" in str(outcome.reason)
    assert 'per="stack"' in str(outcome.reason)
    assert vdl.convert(tmp_path / "in", tmp_path / "out", format="nii").whole


def diffusion(series: Write, folder: str) -> np.ndarray[Any, Any]:
    """Write an oblique diffusion series of a b = 0 and six directions; the directions in LPS."""
    rng = np.random.default_rng(5)
    directions = rng.normal(size=(6, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    row = np.array([np.cos(0.3), np.sin(0.3), 0])
    column = np.array([-np.sin(0.3) * np.cos(0.4), np.cos(0.3) * np.cos(0.4), np.sin(0.4)])
    for v in range(7):

        def edit(dataset: Any, k: int, v: int = v) -> None:
            dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
            dataset.InstanceNumber, dataset.AcquisitionNumber = v * 4 + k + 1, v + 1
            dataset.AcquisitionTime = f"1000{2.5 * v:07.4f}"
            dataset.EchoTime, dataset.RepetitionTime, dataset.MagneticFieldStrength = 80, 2500, 3
            dataset.PatientPosition, dataset.FrameOfReferenceUID, dataset.StudyInstanceUID = "HFS", "1.2.5", "1.2.4"
            dataset.add_new(0x00189087, "FD", 1000.0 if v else 0.0)
            if v:
                dataset.add_new(0x00189089, "FD", directions[v - 1].tolist())

        series(
            folder,
            **{"seed": v + 1, "SeriesInstanceUID": "1.2.3", "SeriesNumber": 4, "Modality": "MR", "count": 4},
            **{"rows": 12, "columns": 10, "dtype": np.uint16, "Manufacturer": "SIEMENS", "SeriesDescription": "dwi"},
            orientation=np.round([*row, *column], 8).tolist(),
            edit=edit,
        )
    return directions


def read_gradients(path: Path) -> tuple[Any, Any]:
    """b-values and directions in RAS, by FSL's rule: the first axis is turned where the voxels are right-handed."""
    stem = str(path).removesuffix(".nii")
    axes = nib.load(path).affine[:3, :3]
    axes = axes / np.linalg.norm(axes, axis=0)
    turned = np.array([-1.0 if np.linalg.det(axes) > 0 else 1.0, 1.0, 1.0])
    return np.loadtxt(f"{stem}.bval"), (axes @ (np.loadtxt(f"{stem}.bvec") * turned[:, None])).T


def test_diffusion_has_the_gradients_and_values_of_dcm2niix(series: Write, tmp_path: Path) -> None:
    directions = diffusion(series, "in")
    (outcome,) = vdl.convert(tmp_path / "in", tmp_path / "ours", format="nii", per="series")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    command = [sys.executable, "-m", "dcm2niix", "-z", "n", "-f", "x", "-o", str(theirs), str(tmp_path / "in")]
    subprocess.run(command, check=True, capture_output=True)
    b_values, vectors = read_gradients(outcome.path)
    their_b_values, their_vectors = read_gradients(theirs / "x.nii")
    np.testing.assert_array_equal(b_values, [0, *[1000] * 6])
    np.testing.assert_array_equal(their_b_values, b_values)
    np.testing.assert_allclose(vectors[1:], directions * [-1, -1, 1], atol=1e-6)
    np.testing.assert_allclose(vectors, their_vectors, atol=1e-5)
    one, other = (nib.as_closest_canonical(nib.load(path)) for path in (outcome.path, theirs / "x.nii"))
    np.testing.assert_array_equal(np.asarray(one.dataobj), np.asarray(other.dataobj))
    np.testing.assert_allclose(one.affine, other.affine, atol=1e-4)
    assert one.header.get_zooms()[3] == 2.5
    said = json.loads(Path(outcome.path).with_suffix(".json").read_text())
    their_words = json.loads((theirs / "x.json").read_text())
    for word in ("EchoTime", "RepetitionTime", "MagneticFieldStrength", "SeriesNumber", "Modality", "SliceThickness"):
        assert said[word] == their_words[word], word


def test_texts_of_several_values_are_as_dcm2niix_has_them(series: Write, tmp_path: Path) -> None:
    said = {"Modality": "MR", "ScanningSequence": ["SE", "IR"], "SoftwareVersions": ["5.7", "5.7.1"]}
    series("in", ImageType=["ORIGINAL", "PRIMARY", "M"], **said)
    (outcome,) = vdl.convert(tmp_path / "in", tmp_path / "out", format="nii")
    written = json.loads(Path(outcome.path).with_suffix(".json").read_text())
    assert (written["ScanningSequence"], written["SoftwareVersions"]) == ("SE\\IR", "5.7\\5.7.1")
    assert written["ImageType"] == ["ORIGINAL", "PRIMARY", "M"]
    assert written["ImageOrientationPatientDICOM"] == [1, 0, 0, 0, 1, 0]


NUMBERS = ("SeriesNumber", "SliceThickness", "EchoTime", "RepetitionTime", "FlipAngle", "ImageOrientationPatientDICOM")


@pytest.mark.parametrize("found", ["in the files", "shared by frames", "of each frame"])
def test_parameters_in_functional_groups_are_those_of_dcm2niix(data: Path, tmp_path: Path, found: str) -> None:
    source = data / "enh_mr_phase"
    if found != "in the files":
        source = tmp_path / "in"
        source.mkdir()

        def edit(dataset: Dataset) -> None:
            dataset.Manufacturer, dataset.EchoTime = "SIEMENS", None
            dataset.SharedFunctionalGroupsSequence[0].MRTimingAndRelatedParametersSequence = group(
                RepetitionTime=2500, FlipAngle=35, GradientEchoTrainLength=7
            )
            if found == "shared by frames":
                dataset.SharedFunctionalGroupsSequence[0].MREchoSequence = group(EffectiveEchoTime=31.5)

        def edit_frame(groups: Dataset, _: int) -> None:
            if found == "of each frame":
                groups.MREchoSequence = group(EffectiveEchoTime=31.5)

        write_enhanced(source / "x.dcm", range(4), edit=edit, edit_frame=edit_frame)
    (outcome,) = vdl.convert(source, tmp_path / "ours", format="nii")
    said = json.loads(Path(outcome.path).with_suffix(".json").read_text())
    (tmp_path / "theirs").mkdir()
    command = [sys.executable, "-m", "dcm2niix", "-z", "n", "-f", "x", "-o", str(tmp_path / "theirs"), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    (beside,) = (tmp_path / "theirs").glob("*.json")
    theirs = json.loads(beside.read_text())
    for word in NUMBERS:
        assert said[word] == pytest.approx(theirs[word], rel=1e-5, abs=1e-6), word


def test_parameters_of_a_converted_object_are_those_of_its_files(data: Path, tmp_path: Path) -> None:
    path = data / "highdicom" / "legacy_mr.dcm"
    (outcome, *_) = vdl.convert(path, tmp_path, format="nii")
    said = json.loads(Path(outcome.path).with_suffix(".json").read_text())
    dataset = pydicom.dcmread(path)
    shared = dataset.SharedFunctionalGroupsSequence[0].UnassignedSharedConvertedAttributesSequence[0]
    first = dataset.PerFrameFunctionalGroupsSequence[0].UnassignedPerFrameConvertedAttributesSequence[0]
    assert said["RepetitionTime"] == pytest.approx(shared.RepetitionTime / 1000)
    assert said["EchoTime"] == pytest.approx(first.EchoTime / 1000)


def test_no_identity_is_in_the_names_the_sidecar_or_the_manifest(series: Write, tmp_path: Path) -> None:
    series("in", PatientName="Secret^Name", PatientID="ID4711", PatientBirthDate="19630412")
    vdl.convert(tmp_path / "in", tmp_path / "out", format="nii")
    for path in (tmp_path / "out").iterdir():
        words = path.name.encode() + path.read_bytes()
        assert not any(secret in words for secret in (b"Secret", b"ID4711", b"19630412")), path.name


# ---------------------------------------------------------------------------------------------------- resuming
def test_a_second_run_keeps_what_the_first_has_written(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = vdl.convert(archive, out, format="nii")
    before = {name: (out / name).stat().st_mtime_ns for name in names(out) if name != conversion.NAME}
    second = vdl.convert(archive, out, format="nii")
    assert [o.status for o in second] == ["kept", "refused", "kept", "kept"]
    assert [o.path for o in second] == [o.path for o in first]
    assert {name: (out / name).stat().st_mtime_ns for name in before} == before
    assert vdl.convert(archive, out, format="nii", resume=False).count("written") == 3


@pytest.mark.parametrize("how", [{"irregular": "resample"}, {"rescale": False}, {"grid": 2.0}, {"per": "series"}])
def test_what_would_be_made_in_another_way_is_made_again(archive: Path, tmp_path: Path, how: dict[str, Any]) -> None:
    vdl.convert(archive, tmp_path / "out", format="nii")
    expected = pytest.warns(DicomLoadWarning, match="^#2 CT gap: irregular") if "irregular" in how else nullcontext()
    with expected:
        again = vdl.convert(archive, tmp_path / "out", format="nii", **how)
    assert again.count("kept") == 0
    assert again.count("written") >= 2


@pytest.mark.parametrize("harm", ["changed source", "cut target", "lost target", "torn manifest"])
def test_what_was_harmed_since_is_made_again(series: Write, tmp_path: Path, harm: str) -> None:
    whole, other = series("in/a", seed=1), series("in/b", seed=2)
    out = tmp_path / "out"
    first = vdl.convert(tmp_path / "in", out, format="nii", workers=1)
    target = tmp_path / first[0].path
    match harm:
        case "changed source":
            os.utime(whole.files[0], ns=(1, 1))
        case "cut target":
            target.write_bytes(target.read_bytes()[:-1])
        case "lost target":
            target.unlink()
        case "torn manifest":  # of the last entry; the first series is converted first by one worker
            (out / conversion.NAME).write_text((out / conversion.NAME).read_text()[:-20])
    second = vdl.convert(tmp_path / "in", out, format="nii")
    again = ["kept", "written"] if harm == "torn manifest" else ["written", "kept"]
    assert [o.status for o in second] == again
    np.testing.assert_array_equal(np.asarray(nib.load(second[0].path).dataobj), whole.array)
    np.testing.assert_array_equal(np.asarray(nib.load(second[1].path).dataobj), other.array)


@pytest.mark.parametrize("harm", ["lost slice", "damaged files"])
def test_a_file_of_images_that_are_refused_now_is_named(series: Write, tmp_path: Path, harm: str) -> None:
    whole = series("in/a", seed=1)
    series("in/b", seed=2)
    out = tmp_path / "out"
    first = vdl.convert(tmp_path / "in", out, format="nii")
    assert first.outdated == ()
    if harm == "lost slice":
        whole.files[2].unlink()
    else:
        for path in whole.files:
            path.write_bytes(path.read_bytes()[:-10])
    planned = vdl.convert(tmp_path / "in", out, format="nii", dry_run=True)
    assert planned.outdated == ((first[0].path,) if harm == "damaged files" else ())
    again = vdl.convert(tmp_path / "in", out, format="nii")
    assert again.outdated == (first[0].path,)
    assert f"out of date: {first[0].path}" in repr(again)
    assert not again.whole
    command = ["convert", str(tmp_path / "in"), str(out), "--format", "nii", "--json"]
    said = [json.loads(line) for line in CliRunner().invoke(cli.app, command).stdout.splitlines()]
    assert {"status": "outdated", "path": first[0].path} in said
    assert vdl.convert(tmp_path / "in" / "b", out, format="nii").outdated == ()


def test_a_file_of_images_that_are_divided_otherwise_now_is_named(series: Write, tmp_path: Path) -> None:
    truth = series("in", seed=1, SeriesInstanceUID="1.2.3", TemporalPositionIdentifier=1)
    out = tmp_path / "out"
    (first,) = vdl.convert(tmp_path / "in", out, format="nii")
    series("in", seed=2, SeriesInstanceUID="1.2.3", TemporalPositionIdentifier=2, names=list("abcde"))
    assert vdl.convert(tmp_path / "in", out, format="nii").outdated == ()  # it is still what its images make
    os.utime(truth.files[0], ns=(1, 1))
    again = vdl.convert(tmp_path / "in", out, format="nii")
    assert (again.outdated, again.whole) == ((first.path,), True)


def test_a_manifest_leads_to_no_file_outside(series: Write, tmp_path: Path) -> None:
    series("in")
    out = tmp_path / "out"
    (first,) = vdl.convert(tmp_path / "in", out, format="nii")
    manifest = out / conversion.NAME
    name = os.path.basename(first.path)
    for outside in (f"../{name}", f"a/../../{name}", str(tmp_path / name)):
        manifest.write_text(manifest.read_text().replace(json.dumps(name), json.dumps(outside)))
        for path in (first.path, f"{first.path.removesuffix('.nii')}.json"):
            os.unlink(path)
        (again,) = vdl.convert(tmp_path / "in", out, format="nii", resume=False)
        assert again.path == first.path
    assert {path.name for path in tmp_path.iterdir()} == {"in", "out"}


def test_a_manifest_that_is_no_text_is_passed_over(series: Write, tmp_path: Path) -> None:
    series("in")
    vdl.convert(tmp_path / "in", tmp_path / "out", format="nii")
    manifest = tmp_path / "out" / conversion.NAME
    manifest.write_bytes(b"\xff\xfe\0\n" + manifest.read_bytes())
    assert vdl.convert(tmp_path / "in", tmp_path / "out", format="nii").count("kept") == 1


def test_a_killed_run_leaves_whole_files_only_and_the_next_one_goes_on(series: Write, tmp_path: Path) -> None:
    for k in range(1, 9):
        series(f"in/{k}", seed=k, rows=64, columns=64)
    out = tmp_path / "out"
    script = f"""
        import vtkdicomload as vdl
        def wait(done, total):
            if done == 3:
                print("three", flush=True)
                input()
        vdl.convert({str(tmp_path / "in")!r}, {str(out)!r}, format="nii", workers=1, progress=wait)
    """
    run = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    assert run.stdin is not None
    assert run.stdout.readline() == "three\n"
    with pytest.raises(BlockingIOError, match=f"process {run.pid} on .* a conversion here since"):
        vdl.convert(tmp_path / "in", out, format="nii")
    run.send_signal(signal.SIGKILL)
    run.wait(LAST_RESORT)
    run.stdout.close()
    run.stdin.close()
    for name in names(out):
        if name.endswith(".nii"):
            nib.load(out / name).get_fdata()
    done = vdl.convert(tmp_path / "in", out, format="nii")
    assert done.whole
    assert done.count("kept") >= 3
    assert {os.path.basename(outcome.path) for outcome in done} == {n for n in names(out) if n.endswith(".nii")}
    assert not [name for name in names(out) if name.startswith(".")]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # nibabel leaves its file open
def test_a_full_disk_ends_the_run_and_the_next_one_goes_on(series: Write, tmp_path: Path) -> None:
    series("in/a", seed=1)
    series("in/b", seed=2, rows=200, columns=200)
    out = tmp_path / "out"
    with largest_file(100_000), pytest.raises(OSError, match=r"File too large|No space"):
        vdl.convert(tmp_path / "in", out, format="nii", workers=1)
    gc.collect()
    assert len([name for name in names(out) if name.endswith(".nii")]) == 1
    assert not (out / conversion._LOCK).exists()
    assert [o.status for o in vdl.convert(tmp_path / "in", out, format="nii")] == ["kept", "written"]


def test_stopping_it_stops_it(series: Write, tmp_path: Path) -> None:
    for k in range(1, 6):
        series(f"in/{k}", seed=k)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        vdl.convert(tmp_path / "in", tmp_path / "out", format="nii", workers=1, progress=stop)
    assert not (tmp_path / "out" / conversion._LOCK).exists()
    assert vdl.convert(tmp_path / "in", tmp_path / "out", format="nii").whole


def test_a_file_of_another_hand_is_never_replaced(series: Write, tmp_path: Path) -> None:
    series("in")
    (planned,) = vdl.convert(tmp_path / "in", tmp_path / "out", format="nii", dry_run=True)
    assert planned.status == "planned"
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / os.path.basename(planned.path)).write_text("mine")
    with pytest.raises(FileExistsError, match="no conversion has made it"):
        vdl.convert(tmp_path / "in", tmp_path / "out", format="nii")
    assert (tmp_path / "out" / os.path.basename(planned.path)).read_text() == "mine"


# ---------------------------------------------------------------------------------------------------- names
@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{modality}_{number}_{description}", "CT_4_head-neck-1"),
        ("{number:03}", "004"),
        ("{modality}/{date}/{folder}", "CT/2020-02-01/in"),
        ("{uid}", "1.2.3"),
        ("{description}_{label}_{plane}", "head-neck-1_axial"),
        ("../{description}", "unnamed/head-neck-1"),
        ("/etc/{number}", "etc/4"),
    ],
)
def test_names_come_from_a_template(series: Write, tmp_path: Path, template: str, expected: str) -> None:
    said = {"SeriesDescription": " head/neck: #1 ", "StudyDate": "20200201", "SeriesInstanceUID": "1.2.3"}
    series("in", seed=4, **said)
    (outcome,) = vdl.convert(tmp_path / "in", tmp_path / "out", format="nii", name=template)
    assert outcome.path == str(tmp_path / "out" / f"{expected}.nii")
    assert os.path.exists(outcome.path)


def test_the_hash_of_a_uid_has_the_digits_that_are_asked_for(series: Write, tmp_path: Path) -> None:
    series("in/a", seed=1, SeriesInstanceUID="1.2.3")
    series("in/b", seed=2, SeriesInstanceUID="1.2.4")
    done = vdl.convert(tmp_path / "in", tmp_path / "out", format="nii", name="{uid:8}", dry_run=True)
    stems = [os.path.basename(outcome.path).removesuffix(".nii") for outcome in done]
    assert stems == ["a0d78e9e", "5c9b5a2d"] or all(len(stem) == 8 for stem in stems)
    assert len(set(stems)) == 2


def test_names_that_are_alike_are_numbered_and_stay_what_they_are(series: Write, tmp_path: Path) -> None:
    for k in (1, 2, 3):
        series(f"in/{k}", seed=k)
    out = tmp_path / "out"
    first = vdl.convert(tmp_path / "in", out, format="nii", name="{modality}")
    assert [os.path.basename(o.path) for o in first] == ["CT.nii", "CT_2.nii", "CT_3.nii"]
    series("in/0", seed=9, SeriesNumber=0)
    second = vdl.convert(tmp_path / "in", out, format="nii", name="{modality}")
    assert [(os.path.basename(o.path), o.status) for o in second] == [
        ("CT_4.nii", "written"),
        *(("CT.nii", "kept"), ("CT_2.nii", "kept"), ("CT_3.nii", "kept")),
    ]


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{patient}", "no field {patient}"),
        ("{}", "no field {}"),
        ("{uid.real}", "no field {uid.real}"),
        ("{uid:x}", "a number of digits"),
        ("{uid:999}", "a number of digits"),
        ("{number:e}", "is a width"),
        ("{description:>99999999}", "takes no format"),
        ("{modality", "no template"),
        ("", "must be a template"),
        ("a\0b", "must be a template"),
        ("//", "must be a template"),
        (7, "must be a template"),
    ],
)
def test_a_wrong_template_is_said_before_anything_is_read(tmp_path: Path, template: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        vdl.convert(tmp_path / "missing", tmp_path / "out", name=template)


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"format": "bmp"}, ValueError, "the suffix says the format"),
        ({"format": None}, TypeError, "a suffix such as"),
        ({"per": "study"}, ValueError, 'per must be "stack" or "series"'),
        ({"per": "series", "format": "nrrd"}, ValueError, "four dimensions"),
        ({"workers": 0}, ValueError, "workers must be 1 or more"),
        ({"irregular": "guess"}, ValueError, "irregular must be one of"),
        ({"nonsense": 1}, TypeError, "there is no option"),
    ],
)
def test_wrong_options_are_said_before_anything_is_read(
    tmp_path: Path, options: dict[str, Any], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        vdl.convert(tmp_path / "missing", tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("target", "kind", "words"),
    [
        ("", FileNotFoundError, "target is an empty path"),
        (None, TypeError, "target must be a path, not None"),
        (b"out", None, ""),
    ],
)
def test_a_target_is_a_path(series: Write, tmp_path: Path, target: Any, kind: Any, words: str) -> None:
    series("in")
    with contextlib.chdir(tmp_path):
        expected = nullcontext() if kind is None else pytest.raises(kind, match=words)
        with expected:
            assert vdl.convert("in", target, format="nii").whole
    assert {path.name for path in tmp_path.iterdir()} == ({"in"} if kind else {"in", "out"})


def test_a_relative_source_is_the_same_from_elsewhere(series: Write, tmp_path: Path) -> None:
    series("in")
    with contextlib.chdir(tmp_path):
        vdl.convert("in", "out", format="nii")
    assert vdl.convert(tmp_path / "in", tmp_path / "out", format="nii").count("kept") == 1


def test_a_function_that_is_none_is_said_before_anything_is_read(tmp_path: Path) -> None:
    for work in (vdl.verify, lambda source, **options: vdl.convert(source, tmp_path / "out", **options)):
        with pytest.raises(TypeError, match="on_outcome must be callable, not 3"):
            work(tmp_path / "missing", on_outcome=3)


def test_some_series_of_a_scan_or_some_rows_of_an_index_are_a_source(archive: Path, tmp_path: Path) -> None:
    found = vdl.scan(archive)
    done = vdl.convert(found[:2], tmp_path / "out", format="nii")
    assert [(outcome.status, outcome.title) for outcome in done] == [
        ("written", found[0].title),
        ("refused", found[1].title),
    ]
    rows = [row for row in vdl.Index.build(archive, tmp_path / "index") if row.loads]
    again = vdl.convert(rows, tmp_path / "out", format="nii")
    assert [outcome.status for outcome in again] == ["kept", "written", "written"]
    assert [outcome.status for outcome in vdl.verify([*found[2:], rows[0]])] == ["equal"] * 3
    with pytest.raises(TypeError, match="source must be"):
        vdl.convert([found[0], archive], tmp_path / "out")  # type: ignore[list-item]


def test_a_grid_is_that_of_every_file(archive: Path, tmp_path: Path) -> None:
    reference = vdl.scan(archive)[0].load()
    done = vdl.convert(archive, tmp_path / "out", format="nii", grid=reference.resampled(spacing=1.5))
    shapes = {nib.load(o.path).shape for o in done if o.status == "written"}
    assert shapes == {reference.resampled(spacing=1.5).array.shape}
    for outcome in vdl.convert(archive, tmp_path / "mm", format="nii", grid=1):
        if outcome.status == "written":
            np.testing.assert_allclose(nib.load(outcome.path).header.get_zooms(), 1)


def test_several_at_a_time_give_the_same(archive: Path, tmp_path: Path) -> None:
    for workers in (1, 4):
        vdl.convert(archive, tmp_path / str(workers), format="nii", workers=workers)
    one, four = tmp_path / "1", tmp_path / "4"
    assert names(one) == names(four)
    for name in names(one) - {conversion.NAME}:
        assert (one / name).read_bytes() == (four / name).read_bytes()


def test_a_scan_is_a_source(archive: Path, tmp_path: Path) -> None:
    done = vdl.convert(vdl.scan(archive), tmp_path / "out", format="nii")
    assert done.count("written") == 3
    assert vdl.convert(vdl.scan(archive)[0], tmp_path / "one", format="nii").whole


def test_a_name_fits_into_what_a_file_system_takes(series: Write, tmp_path: Path) -> None:
    words = "検査" * 30
    for k in (1, 2):
        series("in", seed=k, SeriesInstanceUID="1.2.3", SeriesDescription=words, **stacks_of(k))
    done = vdl.convert(tmp_path / "in", tmp_path / "out", format="nii", name="{description}{description}{description}")
    assert done.whole
    assert len({outcome.path for outcome in done}) == 2
    assert all(os.path.exists(outcome.path) for outcome in done)


def stacks_of(k: int) -> dict[str, Any]:
    return {"TemporalPositionIdentifier": k, "SpecificCharacterSet": "ISO_IR 192"}


def test_many_names_that_are_alike_are_numbered_at_once(series: Write, tmp_path: Path) -> None:
    stack = vdl.scan(series("in").folder).stacks()[0]
    names = name_stacks([stack] * 5000, "{modality}", {"ct_3"})
    assert names[:4] == ["CT", "CT_2", "CT_4", "CT_5"]
    assert len(set(names)) == 5000


# ---------------------------------------------------------------------------------------------------- one target, twice
def test_several_formats_in_one_folder_do_not_disturb_each_other(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = {form: vdl.convert(archive, out, format=form) for form in ("nii.gz", "nii", "npz")}
    for form, done in first.items():
        again = vdl.convert(archive, out, format=form)
        assert (again.count("kept"), again.count("refused")) == (3, 1)
        assert [outcome.path for outcome in again] == [outcome.path for outcome in done]
    stems = {form: [outcome.path.removesuffix(f".{form}") for outcome in done] for form, done in first.items()}
    assert stems["nii"] == stems["nii.gz"] == stems["npz"]


def test_another_template_makes_other_names(series: Write, tmp_path: Path) -> None:
    series("in/a", seed=1)
    series("in/b", seed=2)
    out = tmp_path / "out"
    for name, status in (("{number}", "written"), ("{modality}_{number}", "written"), ("{modality}_{number}", "kept")):
        done = vdl.convert(tmp_path / "in", out, format="npz", name=name)
        assert [outcome.status for outcome in done] == [status] * 2
    assert {name for name in names(out) if name.endswith(".npz")} == {"1.npz", "2.npz", "CT_1.npz", "CT_2.npz"}
    assert vdl.convert(tmp_path / "in", out, format="npz", name="{number}").whole


@pytest.mark.parametrize("beside", [".json", ".bval", ".bvec"])
def test_what_stands_beside_a_file_is_of_no_other_hand(series: Write, tmp_path: Path, beside: str) -> None:
    series("in")
    out = tmp_path / "out"
    out.mkdir()
    (out / f"CT{beside}").write_text("mine")
    for dry_run in (True, False):
        with pytest.raises(FileExistsError, match="no conversion has made it"):
            vdl.convert(tmp_path / "in", out, format="nii", name="{modality}", dry_run=dry_run)
    assert names(out) - {conversion.NAME} == {f"CT{beside}"}
    assert vdl.convert(tmp_path / "in", out, format="nrrd", name="{modality}").whole


def test_an_ome_zarr_store_is_a_format(series: Write, tmp_path: Path) -> None:
    truth = series("in")
    out = tmp_path / "out"
    with ThreadPoolExecutor(2) as pool, dask.config.set(scheduler="threads", pool=pool):  # those of dask's own stay
        (outcome,) = vdl.convert(tmp_path / "in", out, format="ome.zarr", name="{number}")
    assert outcome.path == str(out / "1.ome.zarr")
    group = zarr.open_group(outcome.path, mode="r")
    (meta,) = group.attrs["ome"]["multiscales"]
    np.testing.assert_array_equal(group[meta["datasets"][0]["path"]][...], truth.frames)
    (plain,) = vdl.convert(tmp_path / "in", out, format="zarr", name="{number}")
    assert (plain.status, plain.path) == ("written", str(out / "1.zarr"))
    assert vdl.convert(tmp_path / "in", out, format="ome.zarr", name="{number}").count("kept") == 1
    cleanup_resources()


def test_a_bucket_is_a_source(series: Write, tmp_path: Path) -> None:
    import boto3

    truth = series("in")
    with s3_server() as options:
        keys = {"aws_access_key_id": options["key"], "aws_secret_access_key": options["secret"]}
        client = boto3.client("s3", endpoint_url=options["endpoint_url"], region_name="us-east-1", **keys)
        client.create_bucket(Bucket="bucket")
        for path in truth.files:
            client.put_object(Bucket="bucket", Key=f"study/{path.name}", Body=path.read_bytes())
        client.close()
        source = "s3://bucket/study"
        (outcome,) = vdl.convert(source, tmp_path / "out", format="nii", storage_options=options)
        np.testing.assert_array_equal(np.asarray(nib.load(outcome.path).dataobj), truth.array)
        again = vdl.convert(source, tmp_path / "out", format="nii", storage_options=options)
        assert again.count("kept") == 1
    assert options["secret"] not in (tmp_path / "out" / conversion.NAME).read_text()


def test_each_outcome_is_told_as_it_comes(archive: Path, tmp_path: Path) -> None:
    told: list[str] = []

    def tell(outcome: Any) -> None:
        told.append(outcome.status)
        written = [name for name in names(tmp_path / "out") if name.endswith(".nii")]
        assert len(written) == told.count("written") + told.count("kept")

    done = vdl.convert(archive, tmp_path / "out", format="nii", workers=1, on_outcome=tell)
    assert told == [outcome.status for outcome in done]
    told.clear()
    vdl.convert(archive, tmp_path / "dry", format="nii", dry_run=True, on_outcome=lambda o: told.append(o.status))
    assert told == ["planned"] * 4


# ---------------------------------------------------------------------------------------------------- the command
def test_the_command_says_what_it_does_and_fails_where_something_is_refused(archive: Path, tmp_path: Path) -> None:
    def run(*arguments: object) -> Any:
        return CliRunner().invoke(cli.app, ["convert", *map(str, arguments)])

    out = tmp_path / "out"
    dry = run(archive, out, "--dry-run", "--format", "nii")
    assert dry.exit_code == 0
    assert dry.stdout.count("planned: ") == 4
    assert not out.exists()
    done = run(archive, out, "--format", "nii")
    assert done.exit_code == 1
    assert "3 written, 1 refused" in done.stdout
    assert "1 slice missing in 4" in done.stdout
    resampled = run(archive, out, "--format", "nii", "--irregular", "resample")
    assert resampled.exit_code == 0
    assert "4 written" in resampled.stdout
    assert run(archive, out, "--name", "{nobody}").exit_code == 2
    assert run(tmp_path / "missing", out).exit_code == 1


def test_the_command_prints_a_line_of_json_for_each_outcome(archive: Path, tmp_path: Path) -> None:
    (archive / "c" / "broken.dcm").write_bytes(bytes(128) + b"DICM" + b"\x02\x00")
    (archive / "d").mkdir()
    (archive / "d" / "broken.dcm").write_bytes(bytes(128) + b"DICM" + b"\x02\x00")
    said = CliRunner().invoke(cli.app, ["convert", str(archive), str(tmp_path / "out"), "--format", "nii", "--json"])
    assert said.exit_code == 1
    lines = [json.loads(line) for line in said.stdout.splitlines()]
    assert sorted(line["status"] for line in lines if "title" in line).count("written") >= 1
    assert [line["path"] for line in lines if line["status"] == "damaged"] == [str(archive / "d" / "broken.dcm")]


def test_the_time_of_a_lock_of_a_dead_process_does_not_matter(series: Write, tmp_path: Path) -> None:
    series("in")
    out = tmp_path / "out"
    out.mkdir()
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    host = os.uname().nodename
    lock = {"host": host, "pid": int(dead.stdout), "since": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(0))}
    (out / conversion._LOCK).write_text(json.dumps(lock))
    assert vdl.convert(tmp_path / "in", out, format="nii").whole
    (out / conversion._LOCK).write_text(json.dumps({**lock, "host": "elsewhere"}))
    with pytest.raises(BlockingIOError, match=r"on elsewhere .* since 1970"):
        vdl.convert(tmp_path / "in", out, format="nii")
