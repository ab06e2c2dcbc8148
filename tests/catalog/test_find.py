"""From a source to the one stack that is meant: ignored files, folders in folders, damage."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

import vtkdicomload as vdl
from vtkdicomload.catalog.choose import choose
from vtkdicomload.catalog.damage import refuse_problems
from vtkdicomload.catalog.find import find_series

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Truth

    from vtkdicomload.stacks.series_data import SeriesData

    Write = Callable[..., Truth]


def select(
    source: Any, series: Any, stack: Any, ignore: Any, workers: int | None, **options: bool
) -> tuple[SeriesData, tuple[str, ...]]:
    found, ignored = find_series(source, ignore, workers, **options)
    return choose(found, series, stack).stack, ignored


def test_the_one_series_and_what_was_ignored(series: Write) -> None:
    truth = series()
    chosen, ignored = select(truth.folder, None, None, [truth.files[4]], None)
    assert chosen.files == tuple(map(str, truth.files[:4]))
    assert ignored == (str(truth.files[4]),)


def test_a_file_is_ignored_however_its_path_is_spelt(series: Write) -> None:
    truth = series()
    last = truth.files[4]
    for ignore in (last, str(last), os.fsencode(last), last.name, [os.fsencode(last)], [last.name.encode()]):
        assert select(truth.folder, None, None, ignore, None)[1] == (str(last),)


def test_folders_in_a_folder_are_read_only_when_recursive(series: Write, tmp_path: Path) -> None:
    own, below = series(seed=1), series("below", seed=2)
    assert select(tmp_path, None, None, (), None, recursive=False)[0].uid == own.series_uid
    found, _ = find_series(tmp_path, (), None)
    assert [s.uid for s in found] == [own.series_uid, below.series_uid]
    with pytest.raises(vdl.MultipleSeriesError):
        select(tmp_path, None, None, (), None)
    assert select(tmp_path, 1, None, (), None)[0].uid == below.series_uid


def test_a_stack_is_chosen_from_the_series(data: Path) -> None:
    chosen, _ = select(data / "asl_4d", 0, 3, (), None)
    assert len(chosen.frames) == 6
    assert chosen.labels


def test_damage_is_refused_whichever_series_is_chosen(series: Write) -> None:
    truth = series()
    bad = truth.folder / "cut.dcm"
    bad.write_bytes(truth.files[0].read_bytes()[:-10])
    for choice in (None, 0, "largest"):
        with pytest.raises(vdl.CorruptFileError, match=r"cut\.dcm"):
            select(truth.folder, choice, None, (), None)
    assert select(truth.folder, None, None, "cut.dcm", None)[1] == (str(bad),)
    found, _ = find_series(truth.folder, (), None)
    with pytest.raises(vdl.CorruptFileError, match=r"cut\.dcm") as caught:
        refuse_problems(found.problems)
    assert caught.value is not found.problems[0].error
    refuse_problems(())


def test_a_scan_is_no_source(series: Write) -> None:
    with pytest.raises(TypeError, match="a Scan is a list of series"):
        find_series(vdl.scan(series().folder), (), None)
