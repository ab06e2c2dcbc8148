"""The vtk reader: both classical ways give what pydicom gives, nothing reaches stderr, and every failure has a name."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
import SimpleITK
from _vtk_cases import Raw, image, raw, stored_bits

from vtkdicomload.errors import CorruptFileError
from vtkdicomload.headers.frames import make_frames
from vtkdicomload.headers.orientation import compute_normal
from vtkdicomload.headers.parser import read_header
from vtkdicomload.readers import vtk
from vtkdicomload.readers.dtype import Conversion, ValueOverflow, choose_conversion
from vtkdicomload.sources.local import as_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vtkdicomload.headers.model import Frame

Pixels = np.ndarray[Any, Any]
AXIAL = "1\\0\\0\\0\\1\\0"
CORONAL = "1\\0\\0\\0\\0\\-1"
OBLIQUE = "0.8\\0.6\\0\\0\\0\\-1"


def place(k: int, orientation: str, gap: float = 2.5) -> str:
    """ImagePositionPatient of slice `k`, ascending along row × column."""
    normal = compute_normal([float(c) for c in orientation.split("\\")])
    return "\\".join(f"{x:.6f}" for x in np.array([-100.0, 50.5, -30.25]) + normal * gap * k)


def write(folder: Path, names: Iterable[str], orientation: str = AXIAL, dtype: type = np.int16, **keys: Any) -> None:
    """Files of one series in the order of their positions; pixels differ from slice to slice, and in all directions."""
    folder.mkdir(parents=True, exist_ok=True)
    for k, name in enumerate(names):
        pixels = (np.arange(20).reshape(4, 5) * 7 + 11 * k).astype(dtype)
        case = image(pixels, t00200032=place(k, orientation), t00200037=orientation, **keys)
        (folder / name).write_bytes(case.file())


def scanned(files: Iterable[Path]) -> list[Frame]:
    """The frames of files, ascending along the normal."""
    frames = [make_frames(read_header(f))[0] for f in files]
    return sorted(frames, key=lambda f: float(compute_normal(f.orientation or ()) @ np.array(f.position)))


def expected(frames: list[Frame]) -> Pixels:
    """What pydicom reads, after the modality transform."""
    slices = []
    for frame in frames:
        dataset = pydicom.dcmread(frame.path)
        values = dataset.pixel_array.astype(np.float64)
        slices.append(values * float(dataset.get("RescaleSlope", 1)) + float(dataset.get("RescaleIntercept", 0)))
    return np.stack(slices)


def filled(frames: list[Frame], conversion: Conversion | None = None) -> tuple[Pixels, str]:
    """What the reader fills, and what it says it verified."""
    conversion = conversion or choose_conversion(frames, rescale=True)
    assert vtk.refusal(frames, conversion) is None
    out = np.full((len(frames), frames[0].header.rows, frames[0].header.columns), 77, conversion.dtype)
    steps: list[int] = []
    (said,) = vtk.fill(frames, conversion, out, lambda: steps.append(1))
    assert len(steps) == len(frames)
    return out, said


def test_importing_the_reader_does_not_import_vtk() -> None:
    code = "import sys, vtkdicomload.readers.vtk; print([m for m in sys.modules if m.startswith('vtkmodules')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ast.literal_eval(done.stdout) == []


NAMINGS = {
    "in order": ["a", "b", "c", "d"],
    "reversed": ["d", "c", "b", "a"],
    "natural": ["im1", "im2", "im10", "im11"],
    "hidden and blank": [".a", "b b", "ü", "z.dcm"],
}


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("orientation", [AXIAL, CORONAL, OBLIQUE])
def test_both_ways_give_what_pydicom_gives(naming: str, orientation: str, tmp_path: Path, capfd: Any) -> None:
    folder = tmp_path / "series"
    write(folder, NAMINGS[naming], orientation, t00281052="-1024")
    frames = scanned(folder.iterdir())
    out, said = filled(frames)
    assert said == "extent, spacing and scalars of 4 files agree with vtkDICOMImageReader (by directory)"
    np.testing.assert_array_equal(out, expected(frames))
    (folder / "notes.txt").write_text("not an image")
    again, said = filled(frames)
    assert said == "extent, spacing and scalars of 4 files agree with vtkDICOMImageReader (by string array)"
    np.testing.assert_array_equal(again, out)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("folder", ["mr_plain4", "small_ct"])
def test_real_series(folder: str, data: Path, capfd: Any) -> None:
    files = sorted(p for p in (data / folder).iterdir() if p.is_file() and p.name != "IMG0013.dcm")
    frames = scanned(files)
    out, said = filled(frames)
    # small_ct has one file more, whose position VTK cannot parse.
    assert f"({'by string array' if folder == 'small_ct' else 'by directory'})" in said
    np.testing.assert_array_equal(out, expected(frames))
    for frame, values in zip(frames, out, strict=True):
        np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(frame.path))[0], values)
    assert capfd.readouterr().err == ""


def test_the_demo_series_by_directory(ct_head: Path) -> None:
    frames = scanned(p for p in ct_head.iterdir() if p.is_file())
    out, said = filled(frames)
    assert said.endswith("(by directory)")
    np.testing.assert_array_equal(out, expected(frames))


def test_a_relative_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, ["a", "b"])
    monkeypatch.chdir(tmp_path)
    frames = scanned([Path("b"), Path("a")])
    out, said = filled(frames)
    assert said.endswith("(by directory)")
    np.testing.assert_array_equal(out, expected(frames))


def test_one_file_of_many_is_read_by_its_name(tmp_path: Path) -> None:
    write(tmp_path, ["a", "b", "c"])
    frames = scanned(tmp_path.iterdir())[1:2]
    out, said = filled(frames)
    assert said == "extent, spacing and scalars of 1 file agree with vtkDICOMImageReader (by string array)"
    np.testing.assert_array_equal(out, expected(frames))


def test_frames_in_another_order_than_that_of_positions_go_where_they_belong(tmp_path: Path) -> None:
    write(tmp_path, ["a", "b", "c"])
    frames = scanned(tmp_path.iterdir())
    shuffled = [frames[2], frames[0], frames[1]]
    out, said = filled(shuffled)
    assert said.endswith("(by string array)")
    np.testing.assert_array_equal(out, expected(shuffled))


def test_a_file_given_twice_is_put_in_both_places(tmp_path: Path) -> None:
    write(tmp_path, ["a", "b"])
    (first, second) = scanned(tmp_path.iterdir())
    out, _ = filled([second, first, second])
    np.testing.assert_array_equal(out, expected([second, first, second]))


APART: dict[str, dict[str, Any]] = {
    "slope": {"t00281053": "3"},
    "intercept": {"t00281052": "-5"},
    "sign": {"t00280103": raw(0x00280103, "US", 0)},
    "series": {"t0020000E": raw(0x0020000E, "UI", "1.2.3.2")},
    "spacing": {"t00280030": "0.5\\0.76"},
    "no position": {"t00200032": None},
    "position that single precision does not separate": {"t00200032": "-100\\50.5\\-30.250001"},
}


@pytest.mark.parametrize("difference", APART)
def test_files_that_vtk_would_mix_up_are_read_one_by_one(difference: str, tmp_path: Path) -> None:
    write(tmp_path, ["a", "b"])
    other = np.arange(20, dtype=np.int16).reshape(4, 5)
    keys = {"t00200032": "-100\\50.5\\-30.5", "t00200037": AXIAL, **APART[difference]}
    (tmp_path / "c").write_bytes(image(other, **keys).file())
    frames = [make_frames(read_header(tmp_path / name))[0] for name in "cab"]
    out, said = filled(frames)
    assert said.endswith("(by string array)")
    np.testing.assert_array_equal(out, expected(frames))


def test_fractional_slopes_and_unsigned_values(tmp_path: Path) -> None:
    write(tmp_path, ["a", "b"], dtype=np.uint16, t00281053="0.120634920634920")
    frames = scanned(tmp_path.iterdir())
    out, _ = filled(frames)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, expected(frames), rtol=2.5e-7)


def test_8_bits(tmp_path: Path) -> None:
    write(tmp_path, ["a", "b"], dtype=np.uint8)
    frames = scanned(tmp_path.iterdir())
    out, _ = filled(frames)
    assert out.dtype == np.uint8
    np.testing.assert_array_equal(out, expected(frames))


def test_stored_values_where_nothing_is_rescaled(tmp_path: Path) -> None:
    write(tmp_path, ["a", "b"])
    frames = scanned(tmp_path.iterdir())
    out, _ = filled(frames, choose_conversion(frames, rescale=False))
    np.testing.assert_array_equal(out, expected(frames))


@pytest.mark.parametrize("dtype", [np.int32, np.float64])
def test_wider_conversions_hold_the_same_values(dtype: type, tmp_path: Path) -> None:
    write(tmp_path, ["a", "b"], t00281053="2")
    frames = scanned(tmp_path.iterdir())
    out, _ = filled(frames, Conversion(np.dtype(dtype), rescale=True, checked=dtype is np.int32))
    assert out.dtype == dtype
    np.testing.assert_array_equal(out, expected(frames))


def test_values_that_do_not_fit_the_conversion_overflow(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(image(np.full((3, 4), 60000, np.uint16)).file())
    frames = list(make_frames(read_header(path)))
    conversion = Conversion(np.dtype(np.int16), rescale=True, checked=True)
    assert vtk.refusal(frames, conversion) is None
    with pytest.raises(ValueOverflow):
        vtk.fill(frames, conversion, np.empty((1, 3, 4), np.int16), lambda: None)


@pytest.mark.parametrize("way", ["directory", "string array"])
@pytest.mark.parametrize("strides", ["vtk", "dicom", "every second"])
def test_any_strides(way: str, strides: str, tmp_path: Path) -> None:
    write(tmp_path / "series", ["a", "b", "c"])
    if way == "string array":
        (tmp_path / "series" / "more").touch()
    frames = scanned(p for p in (tmp_path / "series").iterdir() if p.name != "more")
    conversion = choose_conversion(frames, rescale=True)
    out = {
        "vtk": np.zeros((3, 4, 5), np.int16)[::-1, ::-1],
        "dicom": np.zeros((3, 4, 5), np.int16),
        "every second": np.zeros((6, 8, 10), np.int16)[::2, ::2, ::2],
    }[strides]
    (said,) = vtk.fill(frames, conversion, out, lambda: None)
    assert f"by {way}" in said
    np.testing.assert_array_equal(out, expected(frames))


# ----------------------------------------------------------------------------------------------------------- refusals
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "structure": ({"t00281053": "2."}, "not written plainly"),
    "values": ({"t00281053": "30000"}, "do not fit VTK's int16"),
    "garbage": ({**stored_bits(4)}, "BitsStored 4"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_refusal_names_the_file_and_the_reason(kind: str, tmp_path: Path) -> None:
    keys, words = REFUSED[kind]
    write(tmp_path, ["a", "b"])
    pixels = np.full((4, 5), 100, np.int16)
    (tmp_path / "b").write_bytes(image(pixels, t00200032=place(1, AXIAL), **keys).file())
    frames = scanned(tmp_path.iterdir())
    said = vtk.refusal(frames, choose_conversion(frames, rescale=True))
    assert said is not None
    assert said.startswith(f"{tmp_path / 'b'}: ")
    assert words in said
    assert "Doe" not in said


def test_stored_values_of_a_rescaled_file_are_refused(tmp_path: Path) -> None:
    write(tmp_path, ["a", "b"], t00281052="-1024")
    frames = scanned(tmp_path.iterdir())
    said = vtk.refusal(frames, choose_conversion(frames, rescale=False))
    assert said == f"{tmp_path / 'a'}: VTK always rescales, stored values are asked for"


def test_a_fraction_in_another_type_than_float32_is_refused(tmp_path: Path) -> None:
    write(tmp_path, ["a", "b"], dtype=np.uint16, t00281053="0.5")
    frames = scanned(tmp_path.iterdir())
    said = vtk.refusal(frames, Conversion(np.dtype(np.float64), rescale=True, checked=False))
    assert said is not None
    assert "float32" in said


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="file names are text there")
def test_a_name_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff.dcm"
    with open(path, "wb") as file:
        file.write(image().file())
    frames = make_frames(read_header(os.fsdecode(path)))
    assert "cannot open its name" in (vtk.refusal(frames, choose_conversion(frames, rescale=True)) or "")


# ----------------------------------------------------------------------------------------------------------- failures
def _unlink(path: Path) -> None:
    path.unlink()


def _shrink(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _touch(path: Path) -> None:
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))


CHANGES: list[tuple[Callable[[Path], None], str]] = [
    (_unlink, "vanished"),
    (_shrink, "changed"),
    (_empty, "0 bytes now"),
    (_touch, "it was written again"),
]


@pytest.mark.parametrize(("change", "words"), CHANGES)
@pytest.mark.parametrize("way", ["directory", "string array"])
def test_a_file_that_changed_is_named(
    change: Callable[[Path], None], words: str, way: str, tmp_path: Path, capfd: Any
) -> None:
    write(tmp_path, ["a", "b", "c"])
    frames = scanned(tmp_path.iterdir())
    if way == "string array":
        (tmp_path / "more").touch()
    conversion = choose_conversion(frames, rescale=True)
    assert vtk.refusal(frames, conversion) is None
    change(tmp_path / "b")
    with pytest.raises(CorruptFileError, match=words) as caught:
        vtk.fill(frames, conversion, np.empty((3, 4, 5), np.int16), lambda: None)
    assert caught.value.files == (os.fspath(tmp_path / "b"),)
    assert os.fspath(tmp_path / "b") in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_an_exception_from_step_ends_the_reading(tmp_path: Path) -> None:
    write(tmp_path, ["a", "b", "c"])
    frames = scanned(tmp_path.iterdir())

    def stop() -> None:
        raise KeyboardInterrupt

    for more in (False, True):
        if more:
            (tmp_path / "more").touch()
        with pytest.raises(KeyboardInterrupt):
            vtk.fill(frames, choose_conversion(frames, rescale=True), np.empty((3, 4, 5), np.int16), stop)


# Files that are not safe, but only make VTK fail or differ: what the reader would say if one slipped through.
FAILING: dict[str, tuple[dict[str, Any], str]] = {
    "no pixels that VTK reads": (
        {"t00280100": raw(0x00280100, "US", 32)},
        "Unable to get PixelData|There was a problem retrieving",
    ),
    "another size": ({"t00280010": raw(0x00280010, "US", 2)}, "extent is"),
    "another type": ({"t00281053": "0.5"}, "output is float, not int16"),
    "another spacing": ({"t00280030": "0.5 \\0.75"}, "pixel spacing is 0×0 mm, not 0.75×0.5"),
}


@pytest.mark.parametrize("kind", FAILING)
def test_what_vtk_says_is_held_against_the_header(kind: str, tmp_path: Path, capfd: Any) -> None:
    keys, words = FAILING[kind]
    path = tmp_path / "a"
    path.write_bytes(image(np.zeros((4, 5), np.int16)).file())
    (frame,) = make_frames(read_header(path))
    path.write_bytes(image(np.zeros((4, 5), np.int16), **keys).file())
    with as_file(path).open() as now:
        unnoticed = frame.header._replace(file=now.file)
    with pytest.raises(CorruptFileError) as caught:
        vtk.fill(
            [frame._replace(header=unnoticed)],
            Conversion(np.dtype(np.int16), rescale=True, checked=False),
            np.empty((1, 4, 5), np.int16),
            lambda: None,
        )
    assert re.search(words, str(caught.value))
    assert "0x" not in str(caught.value), "the address of a VTK object"
    assert "Doe" not in str(caught.value)
    assert caught.value.files == (os.fspath(path),)
    assert capfd.readouterr() == ("", "")


def test_the_distance_of_slices_is_held_against_the_headers(tmp_path: Path) -> None:
    write(tmp_path, ["a", "b", "c"])
    frames = scanned(tmp_path.iterdir())
    far = frames[2]._replace(position=(-100.0, 50.5, 30.0))
    with pytest.raises(CorruptFileError, match=r"slice spacing is 2\.5 mm, not 57\.75"):
        vtk.fill(
            [*frames[:2], far],
            choose_conversion(frames, rescale=True),
            np.empty((3, 4, 5), np.int16),
            lambda: None,
        )


def test_a_folder_that_vanished(tmp_path: Path) -> None:
    folder = tmp_path / "series"
    write(folder, ["a", "b"])
    frames = scanned(folder.iterdir())
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    with pytest.raises(CorruptFileError, match="vanished"):
        vtk.fill(frames, choose_conversion(frames, rescale=True), np.empty((2, 4, 5), np.int16), lambda: None)


def test_empty_values_that_vtk_takes_do_not_stop_the_reader(tmp_path: Path) -> None:
    write(tmp_path, ["a", "b"], t00100010=Raw(0x00100010, "PN", b""), t00200010=Raw(0x00200010, "SH", b""))
    frames = scanned(tmp_path.iterdir())
    np.testing.assert_array_equal(filled(frames)[0], expected(frames))
