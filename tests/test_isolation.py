"""Loads beside each other, in children, under a signal, and of files that change: nothing leaks, hangs or mixes."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hangs import run_in_fork
from pydicom.uid import ExplicitVRLittleEndian, RLELossless
from synthetic import Truth, raw_image

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., Truth]

ENGINES = ("auto", "direct", "vtk", "pydicom")


# ---------------------------------------------------------------------------------------------------------- silence
@pytest.mark.parametrize("engine", ENGINES)
def test_a_good_load_says_nothing(series: Write, capfd: pytest.CaptureFixture[str], engine: str) -> None:
    truth = series(RescaleIntercept=-1024)
    vdl.load(truth.folder, engine=engine, verify="all")
    vdl.load(truth.files[0], engine=engine, verify="all")
    assert capfd.readouterr() == ("", "")


BAD: dict[str, Callable[[bytes], bytes]] = {
    "truncated": lambda data: data[:-5],
    "cut in the header": lambda data: data[:400],
    "empty": lambda data: b"",
    "no pixels": lambda data: data[: data.index(b"\xe0\x7f\x10\0")],
    "text": lambda data: b"no DICOM at all",
    "a length out of the file": lambda data: data.replace(b"\x28\0\x10\0US\2\0", b"\x28\0\x10\0US\xff\xff"),
    "a required value empty": lambda data: data.replace(b"\x28\0\x10\0US\2\0\6\0", b"\x28\0\x10\0US\0\0"),
    "a VR that is none": lambda data: data.replace(b"\x28\0\x10\0US", b"\x28\0\x10\0Z1"),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("how", BAD)
def test_a_bad_file_says_nothing_but_its_error(
    series: Write, capfd: pytest.CaptureFixture[str], engine: str, how: str
) -> None:
    truth = series()
    data = truth.files[2].read_bytes()
    truth.files[2].write_bytes(BAD[how](data))
    assert truth.files[2].read_bytes() != data
    for source in (truth.folder, truth.files[2]):
        with pytest.raises(vdl.DicomLoadError):
            vdl.load(source, engine=engine)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("engine", ["auto", "codec", "pydicom"])
def test_a_bad_code_stream_says_nothing_but_its_error(
    series: Write, capfd: pytest.CaptureFixture[str], engine: str
) -> None:
    truth = series(syntax=RLELossless)
    data = truth.files[2].read_bytes()
    truth.files[2].write_bytes(data[:-60] + bytes(60 - 8) + data[-8:])
    with pytest.raises(vdl.DicomLoadError):
        vdl.load(truth.folder, engine=engine)
    assert capfd.readouterr() == ("", "")


def test_real_series_say_nothing(data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("small_ct", "rgb_stack", "comp_j2k", "slope_per_slice", "enh_mr_phase"):
        vdl.load(data / name, verify="all")
    assert capfd.readouterr() == ("", "")


# --------------------------------------------------------------------------------------------------- side by side
@pytest.mark.parametrize("options", [{}, {"engine": "vtk"}, {"engine": "pydicom"}, {"workers": 4, "verify": "all"}])
def test_threads_load_at_once_and_get_their_own(series: Write, options: dict[str, Any]) -> None:
    truths = [series(f"{n}", seed=n, count=5 + n, RescaleIntercept=-n) for n in range(1, 5)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            volumes = list(pool.map(lambda t: vdl.load(t.folder, **options), truths * 2))
            for volume, truth in zip(volumes, truths * 2, strict=True):
                np.testing.assert_array_equal(volume.frames, truth.frames)
                assert volume.series.uid == truth.series_uid


def test_who_is_warned_may_load(series: Write, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = series(PixelSpacing=None, ImagePositionPatient=None)
    heard: list[tuple[str, tuple[int, ...]]] = []

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        heard.append((str(message), vdl.load(data / "enh_mr_phase", engine="pydicom").shape))

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "showwarning", show)
        vdl.load(odd.folder)
    assert heard[0][0].startswith("no PixelSpacing")
    assert {shape for _, shape in heard} == {(64, 64, 33)}


def test_threads_load_compressed_series_at_once(series: Write) -> None:
    truths = [series(f"{n}", seed=n, count=5 + n, syntax=RLELossless) for n in range(1, 4)]
    with ThreadPoolExecutor(3) as pool:
        for volume, truth in zip(pool.map(lambda t: vdl.load(t.folder), truths), truths, strict=True):
            np.testing.assert_array_equal(volume.frames, truth.frames)


def test_threads_share_one_scan(series: Write) -> None:
    truth = series()
    (found,) = vdl.scan(truth.folder)
    with ThreadPoolExecutor(4) as pool:
        for volume in pool.map(lambda _: found.load(), range(12)):
            np.testing.assert_array_equal(volume.frames, truth.frames)


def _load_in_child(folder: str) -> vdl.Volume | vdl.DicomLoadError:
    try:
        return vdl.load(folder)
    except vdl.DicomLoadError as error:
        return error


def test_processes_load_at_once_and_volumes_and_errors_come_back(series: Write, tmp_path: Path) -> None:
    """Two spawned processes; a Volume and two kinds of errors are pickled on their way home."""
    one, two, bad = series("1", seed=1), series("2", seed=2, count=9), series("bad", seed=3)
    bad.files[2].unlink()
    sources = [one.folder, two.folder, bad.folder, tmp_path]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        results = pool.map(_load_in_child, map(str, sources), chunksize=1)
    for volume, truth in zip(results[:2], (one, two), strict=True):
        assert isinstance(volume, vdl.Volume)
        np.testing.assert_array_equal(volume.frames, truth.frames)
        np.testing.assert_array_equal(volume.array, truth.array)
        np.testing.assert_allclose(volume.geometry.affine, truth.affine, atol=1e-6)
        assert volume.image.GetScalarRange() == (truth.frames.min(), truth.frames.max())
    missing, several = results[2:]
    assert isinstance(missing, vdl.MissingSliceError)
    assert missing.gaps == pytest.approx((2.5, 5, 2.5))
    assert missing.files == (str(bad.files[1]), str(bad.files[3]))
    assert isinstance(several, vdl.MultipleSeriesError)
    assert [s.uid for s in several.scan] == [t.series_uid for t in (one, two, bad)]


def _exit_code_of_a_fork(truth: Truth, options: dict[str, Any]) -> int:
    """0 where a child forked now loads the truth."""
    return run_in_fork(lambda: np.array_equal(vdl.load(truth.folder, **options).frames, truth.frames))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("options", [{"workers": 4}, {"engine": "vtk"}, {"engine": "pydicom"}])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_a_child_forked_after_a_load_loads_again(series: Write, options: dict[str, Any], syntax: str) -> None:
    if syntax == RLELossless and options.get("engine") == "vtk":
        options = {}
    truth = series(count=20, syntax=syntax)
    vdl.load(truth.folder, **options)
    assert _exit_code_of_a_fork(truth, options) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_forked_during_a_load_loads(series: Write) -> None:
    """Another thread is in the middle of a load, pydicom's filters and pools in use, when the process forks."""
    truth = series(count=40, syntax=RLELossless)
    loading, stop = threading.Event(), threading.Event()

    def busy() -> None:
        while not stop.is_set():
            vdl.load(truth.folder, engine="pydicom", progress=lambda *_: loading.set())

    thread = threading.Thread(target=busy)
    thread.start()
    codes = []
    try:
        while len(codes) < 5 and not any(codes):
            loading.clear()
            loading.wait()
            codes.append(_exit_code_of_a_fork(truth, {}))
    finally:
        stop.set()
        thread.join()
    assert codes == [0] * 5, "a child forked during a load hangs or fails"


# -------------------------------------------------------------------------------------------------------- pickling
@pytest.mark.parametrize("samples", [1, 3])
def test_a_volume_survives_pickling(series: Write, samples: int) -> None:
    truth = series(dtype=np.uint8, SamplesPerPixel=samples)
    volume = vdl.load(truth.folder)
    assert volume.image is not None
    again = pickle.loads(pickle.dumps(volume))
    np.testing.assert_array_equal(again.frames, truth.frames)
    assert again.frames.strides == volume.frames.strides
    assert (again.engine, again.checks, again.ignored) == (volume.engine, volume.checks, volume.ignored)
    assert again.image.GetDimensions() == volume.image.GetDimensions()


# ------------------------------------------------------------------------------------------- files that change
def _vanish(path: Path) -> None:
    path.unlink()


def _shrink(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def _grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0\0")


def _replace(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(raw_image())
    other.replace(path)


def _same_size(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    stat = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000_000))


def _become_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


CHANGES = (_vanish, _shrink, _grow, _replace, _same_size, _become_a_pipe, _become_a_folder)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changed_since_the_scan(series: Write, change: Callable[[Path], None], engine: str) -> None:
    truth = series()
    (found,) = vdl.scan(truth.folder)
    change(truth.files[1])
    with pytest.raises(vdl.CorruptFileError, match=r"1-2\.dcm") as caught:
        found.load(engine=engine)
    assert str(truth.files[1]) in caught.value.files


@pytest.mark.parametrize("engine", ["auto", "pydicom"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_compressed_file_that_changed(series: Write, change: Callable[[Path], None], engine: str) -> None:
    truth = series(syntax=RLELossless)
    (found,) = vdl.scan(truth.folder)
    change(truth.files[1])
    with pytest.raises(vdl.CorruptFileError, match=r"1-2\.dcm"):
        found.load(engine=engine)


def test_a_file_that_vanishes_during_the_load(series: Write) -> None:
    truth = series(count=20)

    def remove(done: int, total: int) -> None:
        if done == 1 and truth.files[10].exists():  # not read yet, from whichever end
            truth.files[10].unlink()

    with pytest.raises(vdl.CorruptFileError, match=r"1-11\.dcm"):
        vdl.load(truth.folder, engine="direct", workers=1, progress=remove)


def test_a_folder_that_vanishes(series: Write) -> None:
    truth = series("gone")
    (found,) = vdl.scan(truth.folder)
    shutil.rmtree(truth.folder)
    with pytest.raises(vdl.CorruptFileError):
        found.load()


def test_a_new_file_makes_vtk_read_by_name(series: Write) -> None:
    """A folder that no longer holds exactly the files of the series is not handed to VTK as a folder."""
    truth = series()
    (found,) = vdl.scan(truth.folder)
    shutil.copy(truth.files[0], truth.folder / "late.dcm")
    volume = found.load(engine="vtk")
    np.testing.assert_array_equal(volume.frames, truth.frames)
    assert "by string array" in dict(volume.checks)["vtk"]


# --------------------------------------------------------------------------------------------------------- Ctrl-C
_CHILD = """
import sys
import vtkdicomload as vdl

def progress(done, total):
    print(done, flush=True)
    sys.stdin.readline()

try:
    vdl.load(sys.argv[1], engine=sys.argv[2], workers=int(sys.argv[3]), progress=progress)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.exit(7)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a child there")
@pytest.mark.parametrize(("engine", "workers"), [("auto", 1), ("auto", 4), ("pydicom", 1)])
def test_ctrl_c_ends_a_long_load_at_once(series: Write, engine: str, workers: int) -> None:
    """At once: not one more slice is told of, and nothing else either."""
    truth = series(count=400, rows=2, columns=2)
    command = [sys.executable, "-c", _CHILD, str(truth.folder), engine, str(workers)]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, text=True, **pipes) as child:  # type: ignore[call-overload]
        try:
            assert child.stdout.readline() == "1\n"
            child.send_signal(signal.SIGINT)
            out, err = child.communicate()
        finally:
            child.kill()
    assert (out, err) == ("interrupted\n", "")
    assert child.returncode == 7
