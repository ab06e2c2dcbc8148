"""Uniform frames, and what is asked of the frames of a series once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from slices import stack, write_slices

import vtkdicomload as vdl
from vtkdicomload.stacks import arrange, split
from vtkdicomload.stacks.uniform import are_uniform

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]

PLACES = np.arange(6) * 3.0


def _scan(folder: Path, **attributes: Any) -> vdl.Series:
    write_slices(folder, stack(1, PLACES, **attributes))
    (series,) = vdl.scan(folder)
    return series


OF_ONE_VOLUME: dict[str, dict[str, Any]] = {
    "nothing": {},
    "times": {"AcquisitionTime": lambda k: f"1000{k:02}", "ContentTime": lambda k: f"1001{k:02}"},
    "numbers": {"AcquisitionNumber": lambda k: k},
    "windows": {"WindowCenter": lambda k: 40 + k, "WindowWidth": lambda k: 400 + k},
}


@pytest.mark.parametrize("name", OF_ONE_VOLUME)
def test_files_that_differ_in_what_each_has_of_its_own_are_uniform(tmp_path: Path, name: str) -> None:
    assert are_uniform(_scan(tmp_path, **OF_ONE_VOLUME[name]).frames)


OF_SEVERAL: dict[str, Any] = {
    "EchoTime": lambda k: 5 + k % 2,
    "ImageType": lambda k: ["ORIGINAL", "PRIMARY", "MP"[k % 2]],
    "RescaleSlope": lambda k: 1 + k % 2,
    "PixelSpacing": lambda k: [1 + k % 2, 1],
    "BitsStored": lambda k: 16 - k % 2,
    "SliceThickness": lambda k: 3 + k % 2,
}


@pytest.mark.parametrize("name", OF_SEVERAL)
def test_files_that_differ_in_anything_else_are_not(tmp_path: Path, name: str) -> None:
    extra = {"RescaleIntercept": 0} if name == "RescaleSlope" else {}
    assert not are_uniform(_scan(tmp_path, **{name: OF_SEVERAL[name]}, **extra).frames)


def test_frames_of_which_some_have_no_place_are_not(tmp_path: Path) -> None:
    frames = _scan(tmp_path).frames
    first = frames[0]._replace(header=frames[0].header._replace(position=None))
    assert not are_uniform((first, *frames[1:]))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many frames `divide_by_places` was asked to divide, each time."""
    found: list[int] = []
    divide = split.divide_by_places

    def note(frames: Any, *rest: Any, **options: Any) -> Any:
        found.append(len(frames))
        return divide(frames, *rest, **options)

    monkeypatch.setattr(split, "divide_by_places", note)
    monkeypatch.setattr(arrange, "divide_by_places", note)
    return found


def test_how_a_series_divides_is_asked_once(tmp_path: Path, asked: list[int]) -> None:
    series = _scan(tmp_path)
    volumes = [one.load() for one in series.stacks()]
    series.load()
    assert series.stacks() == (series,)
    assert len(volumes) == 1
    assert asked == [6]
    other = replace(series, frames=series.frames[:5])
    assert other.load().frames.shape[0] == 5
    assert asked == [6, 5]


def test_doubts_of_a_series_are_told_by_the_stack_that_it_is(tmp_path: Path) -> None:
    """Its odd and even slices were measured at other times."""
    series = _scan(tmp_path, TriggerTime=lambda k: 100 * (k % 2))
    for _ in range(2):
        with pytest.warns(vdl.DicomLoadWarning, match=r"TriggerTime differs between the slices \(2 values\)"):
            series.stacks()[0].load()
