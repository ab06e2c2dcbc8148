"""The logger: reasons of choices at DEBUG, no word without a listener, never who the patient is."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from compressed import JPEG_XL, jpegxl, picture, write
from pydicom.uid import RLELossless
from synthetic import ROOT, Truth

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset

    Write = Callable[..., Truth]

SAME_SERIES = {"SeriesInstanceUID": f"{ROOT}.77"}


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """What the package has logged so far, at any level."""
    caplog.set_level(1, logger="vtkdicomload")

    def text() -> str:
        records = [r for r in caplog.records if r.name == "vtkdicomload"]
        assert {r.levelno for r in records} <= {logging.DEBUG}
        return "\n".join(r.getMessage() for r in records)

    return text


def test_a_load_tells_why_its_reader_was_chosen(series: Write, said: Callable[[], str]) -> None:
    truth = series(syntax=RLELossless)
    vdl.load(truth.folder, workers=2)
    assert "direct is not the reader: " in said()
    assert "its pixel data is not native" in said()
    assert "codec reads 5 frames as int16" in said()
    assert "5 pieces of work in 2 threads" in said()
    assert "second reader: 1 of 5 frames equal to pydicom" in said()


def test_it_tells_why_there_is_no_second_reader(tmp_path: Path, said: Callable[[], str]) -> None:
    syntax, pixels = JPEG_XL[0], picture()
    with pytest.warns(vdl.DicomLoadWarning, match="no second reader"):
        vdl.load(write(tmp_path / "x.dcm", syntax, [jpegxl(pixels)], pixels))
    assert f"second reader: none: pydicom has no decoder for transfer syntax {syntax}" in said()


def test_it_tells_which_header_fitted_no_template(series: Write, said: Callable[[], str]) -> None:
    def other_element(dataset: Dataset, k: int) -> None:
        if k == 3:
            dataset.ImageComments = "Secret"

    truth = series(count=8, edit=other_element)
    vdl.scan(truth.folder)
    assert f"{truth.files[0]} was parsed by itself: no template fits it" in said()
    assert f"{truth.files[1]} was parsed" not in said()
    assert f"{truth.files[3]} was parsed by itself: no template fits it" in said()


def test_it_tells_what_was_passed_over_and_what_is_damaged(series: Write, said: Callable[[], str]) -> None:
    truth = series()
    (truth.folder / ".hidden").write_bytes(b"")
    (truth.folder / "notes.txt").write_text("Secret^Name")
    truth.files[1].write_bytes(truth.files[1].read_bytes()[:-9])
    with pytest.warns(vdl.DicomLoadWarning, match="left out"):
        vdl.load(truth.folder, ignore=truth.files[1:])
    with pytest.raises(vdl.CorruptFileError):
        vdl.load(truth.folder)
    assert f"{truth.folder / '.hidden'} is passed over: hidden" in said()
    assert f"{truth.folder / 'notes.txt'} is passed over: not DICOM" in said()
    assert f"{truth.files[1]} is passed over: it is ignored" in said()
    assert f"{truth.files[1]} is damaged" in said()


def test_it_tells_what_divides_a_series_but_no_value(series: Write, said: Callable[[], str]) -> None:
    for echo in (1, 2):
        truth = series(
            names=[f"{echo}-{k}.dcm" for k in range(5)],
            EchoTime=f"{echo}7.125",
            seed=echo,
            SeriesNumber=1,
            **SAME_SERIES,
        )
    assert len(vdl.load_all(truth.folder)) == 2
    assert "10 frames are divided into 2 stacks by EchoTime" in said()
    assert "7.125" not in said()


def test_it_tells_that_a_type_was_widened(series: Write, said: Callable[[], str]) -> None:
    def fill_up(dataset: Dataset, k: int) -> None:
        dataset.PixelData = np.full(len(dataset.PixelData) // 2, 0x7FFF, "<i2").tobytes()

    vdl.load(series(RescaleIntercept=1, edit=fill_up).folder)
    assert "the values do not fit int16, they are read again as int32" in said()


def test_no_identity_is_logged(series: Write, said: Callable[[], str], tmp_path: Path) -> None:
    for seed, options in enumerate(({}, {"syntax": RLELossless}, {"SeriesDescription": "Secret^Name"})):
        truth = series(seed=seed + 1, PatientAddress="Secret Street", **options)
        for engine in ("auto", "pydicom"):
            vdl.load(truth.files, engine=engine, verify="all")
        damaged = tmp_path / f"{seed}.dcm"
        damaged.write_bytes(truth.files[0].read_bytes().replace(b"-10\\-20", b"Secret"))
        vdl.scan(damaged)
    assert "reads 5 frames" in said()
    assert "secret" not in said().lower()
    assert "19700102" not in said()


def test_nothing_is_shown_without_a_listener(series: Write) -> None:
    code = f"import vtkdicomload; vtkdicomload.load({str(series().folder)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
