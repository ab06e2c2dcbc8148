"""Volumes in words: what they say is right, and nothing breaks their HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from html_cells import Cells

import vtkdicomload as vdl
from vtkdicomload import DicomLoadWarning
from vtkdicomload.loading import facts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]


def test_html_of_a_volume_holds_its_facts(series: Write) -> None:
    volume = vdl.load(series(SeriesDescription="<script>alert(1)</script>").folder)
    html = volume._repr_html_()
    assert "<script" not in html
    assert [tuple(row) for row in Cells(html).rows] == facts.list_facts(volume)


def test_facts_of_an_irregular_volume_say_so(series: Write) -> None:
    def jump(dataset: object, k: int) -> None:
        x, y, z = map(float, dataset.ImagePositionPatient)  # type: ignore[attr-defined]
        dataset.ImagePositionPatient = [x, y, z + (4 if k > 2 else 0)]  # type: ignore[attr-defined]

    truth = series(edit=jump)
    with pytest.warns(DicomLoadWarning):
        volume = vdl.load(truth.folder, irregular="keep", ignore=[truth.files[0]])
    said = dict(facts.list_facts(volume))
    assert said["spacing"].endswith("mm, uneven")
    assert said["ignored"] == "1 file"
    assert said["read by"].startswith("direct; zero guard: ")


def test_facts_name_type_units_and_colour(series: Write, data: Path) -> None:
    assert dict(facts.list_facts(vdl.load(series("a").folder)))["values"] == "int16, HU, MONOCHROME2"
    truth = series("b", dtype=np.uint8, Modality="MR", PhotometricInterpretation="MONOCHROME1")
    assert dict(facts.list_facts(vdl.load(truth.folder)))["values"] == "uint8, MONOCHROME1"
    assert dict(facts.list_facts(vdl.load(data / "rgb_stack")))["values"] == "uint8, RGB"


def test_facts_of_leaning_slices_say_how_far_they_are_apart(series: Write) -> None:
    def tilt(dataset: object, k: int) -> None:
        x, y, z = map(float, dataset.ImagePositionPatient)  # type: ignore[attr-defined]
        dataset.ImagePositionPatient = [x, y + 6 * k, z]  # type: ignore[attr-defined]

    with pytest.warns(DicomLoadWarning):
        volume = vdl.load(series(edit=tilt).folder, irregular="keep")
    said = dict(facts.list_facts(volume))
    assert said["spacing"] == "0.5 × 0.8 × 6.5 mm, sheared: the slices are 2.5 mm apart"  # 2.5² + 6² = 6.5²


def test_origin_is_that_of_the_first_voxel(series: Write) -> None:
    volume = vdl.load(series().folder)
    assert dict(facts.list_facts(volume))["origin"] == "(-10, -20, 30) mm LPS of frames[0, 0, 0]"
