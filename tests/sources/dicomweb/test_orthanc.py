"""Real series give the same volumes from Orthanc as from their folders."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from dicomweb_client import DICOMwebClient

import vtkdicomload as vdl
from benchmarks.orthanc import INSTALL, Orthanc, find_orthanc, run_orthanc

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


def test_a_client_of_the_caller_asks_orthanc(server: Orthanc, data: Path) -> None:
    server.clear()
    (url,) = server.store(sorted((data / "small_ct").iterdir()))
    client = DICOMwebClient(f"{server.url}/dicom-web")
    (found,) = vdl.scan(url, storage_options={"client": client})
    assert (found.encoding, len(found.frames)) == ("unknown until fetched", 17)
    np.testing.assert_array_equal(found.load().frames, vdl.load(data / "small_ct").frames)
    client._session.close()
