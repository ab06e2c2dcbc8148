"""What an error offers is tried: every remedy that is an option leads to a volume, or to a refusal of another kind."""

from __future__ import annotations

import shutil
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from synthetic import ROOT, Truth
from test_traps import TRAPS, Trap

import vtkdicomload as vdl
from vtkdicomload.errors.remedies import GetAgain, LeaveOut, Remedy, SetOption, Step
from vtkdicomload.loading import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pydicom import Dataset

    Write = Callable[..., Truth]


def list_options(error: vdl.DicomLoadError) -> Iterator[dict[str, Any]]:
    """The options that the remedies of an error are, one for each value."""
    for remedy in error.remedies:
        if isinstance(remedy, SetOption):
            yield from ({remedy.option: value} for value in remedy.values)
        elif remedy.options:
            yield remedy.options


def try_remedies(source: Path, **given: Any) -> tuple[Remedy, ...]:
    """Go every way past the refusal of a source; those that there are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", vdl.DicomLoadWarning)
        with pytest.raises(vdl.DicomLoadError) as caught:
            vdl.load(source, **given)
        error = caught.value
        for options in list_options(error):
            try:
                again: type = type(vdl.load(source, **{**given, **options}))
            except vdl.DicomLoadError as other:
                again = type(other)
            assert again is not type(error), options
        if Step.LOAD_ALL in error.remedies:
            assert len(vdl.load_all(source)) > 1
    return error.remedies


@pytest.mark.parametrize("trap", [pytest.param(trap, id=f"{trap.kind}: {trap.name}") for trap in TRAPS])
def test_every_remedy_of_a_trap_goes_past_it(trap: Trap, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trap.build(tmp_path / "case")
        try:
            vdl.load(tmp_path / "case")
        except vdl.DicomLoadError:
            pass
        else:
            return
    try_remedies(tmp_path / "case")


def _at(places: list[float], **attributes: Callable[[int], object]) -> Callable[[Dataset, int], None]:
    def edit(dataset: Dataset, k: int) -> None:
        dataset.ImagePositionPatient = [-10, -20, places[k]]
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value(k))

    return edit


def test_of_stacks_with_gaps_none_is_offered(series: Write) -> None:
    places = [0, 0, 2.5, 2.5, 10, 10, 12.5, 12.5]
    folder = series(edit=_at(places, EchoTime=lambda k: k % 2 + 1), count=8).folder
    remedies = try_remedies(folder)
    assert not [r for r in remedies if r is Step.LOAD_ALL or isinstance(r, SetOption)]


def test_only_the_stacks_that_load_are_offered(series: Write) -> None:
    places = [0, 0, 2.5, 2.5, 5, 5, 10, 7.5]
    folder = series(edit=_at(places, EchoTime=lambda k: k % 2 + 1), count=8).folder
    assert try_remedies(folder) == (SetOption("stack", (1,)),)


def test_load_all_is_offered_where_all_load_only(series: Write, tmp_path: Path) -> None:
    series("in", seed=1)
    torn = series("in", seed=2, edit=_at([0, 2.5, 10, 12.5, 15]))
    assert try_remedies(tmp_path / "in") == (SetOption("series", (0, "largest")),)
    shutil.rmtree(torn.folder)
    series("in", seed=1)
    series("in", seed=2)
    assert Step.LOAD_ALL in try_remedies(tmp_path / "in")


@pytest.mark.parametrize("order", ["natural", "given"])
def test_nothing_is_resampled_in_another_order_than_that_of_places(series: Write, order: str) -> None:
    folder = series(edit=_at([0, 2.5, 10, 12.5, 15])).folder
    remedies = try_remedies(folder, order=order)
    assert not any("resample" in r.values for r in remedies if isinstance(r, SetOption))


@pytest.mark.parametrize("position", [True, False], ids=["with places", "without places"])
def test_two_images_of_one_place_or_name_are_no_copies(series: Write, position: bool) -> None:
    """Neither may be left out, and to take both makes a slice too many."""

    def edit(dataset: Dataset, k: int) -> None:
        dataset.SOPInstanceUID = f"{ROOT}.5.{min(k, 3)}"
        if position:
            dataset.ImagePositionPatient = [-10, -20, [30, 32.5, 35, 37.5, 37.5][k]]
        else:
            del dataset.ImagePositionPatient

    truth = series(edit=edit)
    with pytest.raises(vdl.DicomLoadError) as caught:
        vdl.load(truth.folder)
    assert not list(list_options(caught.value))


def test_a_damaged_slice_inside_is_to_be_had_again(series: Write) -> None:
    truth = series()
    truth.files[2].write_bytes(truth.files[2].read_bytes()[:-9])
    assert try_remedies(truth.folder) == (GetAgain((str(truth.files[2]),)),)
    assert LeaveOut((str(truth.files[2]),)) in try_remedies(truth.folder, irregular="resample")


def test_where_all_files_are_damaged_none_is_left_out(series: Write) -> None:
    truth = series(count=3)
    for path in truth.files:
        path.write_bytes(path.read_bytes()[:-9])
    assert try_remedies(truth.folder) == (GetAgain(tuple(map(str, truth.files))),)
    truth.files[1].unlink()
    truth.files[2].unlink()
    assert try_remedies(truth.folder) == (GetAgain((str(truth.files[0]),)),)


def test_no_more_memory_is_offered_than_there_is(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = series()
    monkeypatch.setattr(read, "_SMALL_BYTES", 0)
    monkeypatch.setattr(read, "measure_usable_bytes", lambda: 300)
    monkeypatch.setattr(read, "measure_available_bytes", lambda: 400)
    assert try_remedies(truth.folder) == (Step.FREE_MEMORY,)
    monkeypatch.setattr(read, "measure_available_bytes", lambda: 500)
    assert try_remedies(truth.folder) == (SetOption("max_bytes", (480,)),)


def test_segments_are_offered_by_their_labels(data: Path) -> None:
    path = data / "highdicom" / "seg_binary.dcm"
    assert try_remedies(path) == (SetOption("stack", ("Bone",)),)
    whole = vdl.load(path, stack="Bone")
    for part in ("bone", "Bon", "SegmentLabel Bone"):
        np.testing.assert_array_equal(vdl.load(path, stack=part).frames, whole.frames)
    with pytest.raises(vdl.DicomLoadError, match="fits 3 of 3 stacks"):
        vdl.load(path, stack="Segment")
