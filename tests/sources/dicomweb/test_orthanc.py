"""Real series give the same volumes from Orthanc as from their folders."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from dicomweb_client import DICOMwebClient
from enhanced import write_enhanced
from pydicom import Dataset, dcmread
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

import vtkdicomload as vdl
from benchmarks.orthanc import INSTALL, Orthanc, find_orthanc, run_orthanc
from vtkdicomload.loading import described
from vtkdicomload.sources.dicomweb import server as web

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERIES = (
    "asl_4d",
    "comp_j2k",
    "comp_rle",
    "enh_mr_phase",
    "mono1",
    "mosaic",
    "mr_plain4",
    "mr_small_slope",
    "rgb_stack",
    "rtdose_32bit",
    "seg_1bit",
    "slope_per_slice",
    "small_ct",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    program = find_orthanc()
    if program is None:
        pytest.skip(f"Orthanc and its DICOMweb plug-in are not installed: {INSTALL}")
    with run_orthanc(program, tmp_path_factory.mktemp("orthanc")) as running:
        yield running


def load_stacks(found: vdl.Scan) -> dict[tuple[str | None, str], Any]:
    """Every stack as a volume, or the kind of its error."""
    loaded: dict[tuple[str | None, str], Any] = {}
    for series in found:
        for stack in series.stacks():
            try:
                loaded[series.uid, stack.label] = stack.load(irregular="keep")
            except vdl.DicomLoadError as error:
                loaded[series.uid, stack.label] = type(error)
    return loaded


def test_real_series_are_what_their_folders_are(server: Orthanc, data: Path) -> None:
    for name in SERIES:
        server.clear()
        urls = server.store(path for path in sorted((data / name).rglob("*")) if path.is_file())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is assumed of each
            expected = load_stacks(vdl.scan(data / name))
            found = load_stacks(vdl.scan(urls))
        assert found.keys() == expected.keys(), name
        for key, ours in found.items():
            theirs = expected[key]
            if isinstance(theirs, type):
                assert ours == theirs, name
                continue
            assert ours.frames.dtype == theirs.frames.dtype
            np.testing.assert_array_equal(ours.frames, theirs.frames, err_msg=name)
            np.testing.assert_array_equal(ours.geometry.affine, theirs.geometry.affine, err_msg=name)


MULTI_FRAME = ((None, 1), (None, 3), (RLELossless, 3), (JPEGLSLossless, 1), (JPEG2000Lossless, 3))


@pytest.mark.parametrize(("syntax", "samples"), MULTI_FRAME, ids=str)
def test_of_a_multi_frame_object_just_the_frames_that_are_asked_for_come(
    server: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, syntax: str | None, samples: int
) -> None:
    taken: list[int] = []
    read_chunks = web._read_chunks

    def count(response: Any, chunk_bytes: int) -> Iterator[bytes]:
        for chunk in read_chunks(response, chunk_bytes):
            taken.append(len(chunk))
            yield chunk

    shape = (30, 256, 256, 3) if samples == 3 else (30, 256, 256)
    values = np.random.default_rng(1).integers(0, 250, shape, np.uint8)

    def fill(d: Dataset) -> None:
        d.Rows, d.Columns, d.SamplesPerPixel, d.PhotometricInterpretation = 256, 256, samples, "MONOCHROME2"
        d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelData = 8, 8, 7, values.tobytes()
        if samples > 1:
            d.PhotometricInterpretation, d.PlanarConfiguration = "RGB", 0

    write_enhanced(tmp_path / "a.dcm", range(30), edit=fill)
    if syntax is not None:
        d = dcmread(tmp_path / "a.dcm")
        d.compress(syntax, generate_instance_uid=False)
        d.save_as(tmp_path / "a.dcm")
    server.clear()
    (url,) = server.store([tmp_path / "a.dcm"])
    monkeypatch.setattr(web, "_read_chunks", count)
    monkeypatch.setattr(described, "_LEAST_BEGUN_BYTES", 0)
    array = vdl.open(url, verify="all")
    frame = (tmp_path / "a.dcm").stat().st_size / 30
    assert sum(taken) < 5 * frame  # its header, and twice the first frame
    for part in (slice(20, 24), [3, 29, 0], slice(9, 10)):
        taken.clear()
        np.testing.assert_array_equal(array[part], values[part])
        assert sum(taken) < (len(array[part]) + 3) * frame
    np.testing.assert_array_equal(array, values)


def test_frames_that_orthanc_does_not_give_come_with_the_whole(
    server: Orthanc, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(described, "_LEAST_BEGUN_BYTES", 0)
    for path in (data / "seg_1bit" / "seg_23x38x3.dcm", data / "compressed" / "fragmented_jpeg_lossless_57.dcm"):
        server.clear()
        (url,) = server.store([path])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # places that are not known
            np.testing.assert_array_equal(vdl.open(url)[1], vdl.load(path).frames[1])


def test_a_client_of_the_caller_asks_orthanc(server: Orthanc, data: Path) -> None:
    server.clear()
    (url,) = server.store(sorted((data / "small_ct").iterdir()))
    client = DICOMwebClient(f"{server.url}/dicom-web")
    (found,) = vdl.scan(url, storage_options={"client": client})
    assert (found.encoding, len(found.frames)) == ("unknown until fetched", 17)
    np.testing.assert_array_equal(found.load().frames, vdl.load(data / "small_ct").frames)
    client._session.close()
