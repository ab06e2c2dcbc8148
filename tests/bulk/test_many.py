"""`load_many`: what `load` gives for each source, read ahead within bounds, and nothing left running."""

from __future__ import annotations

import gc
import importlib
import itertools
import threading
import time
import warnings
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hangs import LAST_RESORT

import vtkdicomload as vdl
from vtkdicomload import DicomLoadWarning, Loaded, NoDicomError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from synthetic import Truth

    from vtkdicomload.loading.options import Options

    Write = Callable[..., Truth]

many = importlib.import_module("vtkdicomload.bulk.many")
running = importlib.import_module("vtkdicomload.bulk.running")


@pytest.fixture
def truths(series: Write) -> list[Truth]:
    """Four series of different sizes and types."""
    return [
        series("a", SeriesInstanceUID="1.2.1", count=3, rows=8, columns=9),
        series("b", SeriesInstanceUID="1.2.2", count=5, rows=12, columns=7),
        series("c", SeriesInstanceUID="1.2.3", count=2, rows=10, columns=10, dtype=np.uint8),
        series("d", SeriesInstanceUID="1.2.4", count=4, rows=6, columns=8),
    ]


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("vtkdicomload")]


def test_what_headers_have_in_common_is_learned_once(series: Write, caplog: pytest.LogCaptureFixture) -> None:
    folders = [series(f"{k}", SeriesInstanceUID=f"1.2.{k}", count=4).folder for k in range(5)]
    with caplog.at_level("DEBUG", "vtkdicomload"):
        results = list(vdl.load_many(folders))
    for result, folder in zip(results, folders, strict=True):
        np.testing.assert_array_equal(result.volume.frames, vdl.load(folder).frames)
        assert result.volume.series.files == vdl.scan(folder)[0].files
    assert sum("was parsed by itself" in record.message for record in caplog.records) == 1


@pytest.mark.parametrize("as_completed", [False, True])
@pytest.mark.parametrize(("workers", "ahead"), [(None, 1), (None, 2), (2, 2), (3, 8)])
def test_each_result_is_what_load_gives(
    truths: list[Truth], workers: int | None, ahead: int, as_completed: bool
) -> None:
    sources = [truth.folder for truth in truths]
    results = list(vdl.load_many(sources, workers=workers, ahead=ahead, as_completed=as_completed))
    assert sorted(r.index for r in results) == [0, 1, 2, 3]
    if not as_completed:
        assert [r.index for r in results] == [0, 1, 2, 3]
    for result in results:
        assert result.source == sources[result.index]
        assert result.error is None
        assert result.volume is not None
        assert result.series is result.volume.series
        np.testing.assert_array_equal(result.volume.frames, truths[result.index].frames)
    assert threads() == []


def test_the_series_of_a_scan(truths: list[Truth]) -> None:
    found = vdl.scan(truths[0].folder.parent)
    results = list(vdl.load_many(found))
    assert [r.source for r in results] == list(found)
    assert [r.volume.frames.shape for r in results if r.volume] == [s.load().frames.shape for s in found]


def test_an_error_is_a_result_with_its_source(truths: list[Truth], tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    first, second, third = vdl.load_many([truths[0].folder, missing, truths[1].folder])
    assert (second.source, second.index, second.volume, second.series) == (missing, 1, None, None)
    assert isinstance(second.error, NoDicomError)
    assert "nowhere" in str(second.error)
    assert first.error is third.error is None


def test_the_options_are_those_of_load(truths: list[Truth]) -> None:
    (result,) = vdl.load_many([truths[0].folder], engine="pydicom", verify="none", rescale=False)
    assert result.volume is not None
    assert result.volume.engine == "pydicom"
    assert result.volume.frames.flags.c_contiguous


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"engine": "fast"}, ValueError),
        ({"colour": 1}, TypeError),
        ({"ahead": 0}, ValueError),
        ({"ahead": 1.5}, TypeError),
        ({"workers": 0}, ValueError),
        ({"workers": 1.5}, TypeError),
        ({"tolerance": "much"}, TypeError),
    ],
)
def test_wrong_options_are_refused_before_a_source_is_taken(options: dict[str, Any], error: type[Exception]) -> None:
    taken: list[int] = []

    def sources() -> Iterator[str]:
        taken.append(1)
        yield "x"

    with pytest.raises(error):
        vdl.load_many(sources(), **options)
    assert taken == []


@pytest.mark.parametrize("source", ["folder", b"folder", None, 3])
def test_one_source_is_no_list_of_sources(source: Any) -> None:
    with pytest.raises(TypeError, match=r"several sources, not (a (str|bytes) of 6 \w+|None|3): load_many\(scan\("):
        vdl.load_many(source)


def test_a_source_that_is_none_ends_it(truths: list[Truth]) -> None:
    results = vdl.load_many([truths[0].folder, 3, truths[1].folder])
    assert next(results).error is None
    with pytest.raises(TypeError):
        next(results)
    assert threads() == []


@pytest.mark.parametrize("ahead", [1, 2, 3])
def test_no_more_than_ahead_are_in_the_making(truths: list[Truth], ahead: int) -> None:
    taken: list[int] = []

    def sources() -> Iterator[Path]:
        for k in range(12):
            taken.append(k)
            yield truths[k % 4].folder

    results = vdl.load_many(sources(), ahead=ahead)
    assert taken == []
    for k in range(5):
        assert next(results).index == k
        assert len(taken) == k + ahead
    results.close()
    assert threads() == []


def test_a_volume_is_let_go_when_the_caller_lets_it_go(truths: list[Truth]) -> None:
    results = vdl.load_many([t.folder for t in truths], ahead=1)
    kept = weakref.ref(next(results).volume)
    gc.collect()
    assert kept() is None
    results.close()


def test_warnings_are_said_where_the_result_is_taken(series: Write) -> None:
    plain, odd = series("plain"), series("odd", SeriesInstanceUID=None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        first, second = vdl.load_many([plain.folder, odd.folder])
    assert first.warnings == ()
    assert [str(w.message) for w in caught] == list(second.warnings)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert caught[0].category is DicomLoadWarning


def test_what_a_failing_load_had_to_say_is_not_lost(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any, **__: Any) -> Any:
        many.warn("something was assumed")
        raise NoDicomError("and then it failed")

    monkeypatch.setattr("vtkdicomload._api.many.load_volume", failing)
    with pytest.warns(DicomLoadWarning, match="something was assumed"):
        (result,) = vdl.load_many(["x"])
    assert result.warnings == ("something was assumed",)
    with pytest.warns(DicomLoadWarning, match="said as ever"):
        many.warn("said as ever")


@pytest.fixture
def slow_load(series: Write, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """`load` that counts how many run at once; "long" never ends, "short" not before `at_least` have run at once."""
    state: dict[str, Any] = {"running": 0, "most": 0, "begun": 0, "stopped": 0, "at_least": 1}
    lock = threading.Condition()
    volume = vdl.load(series("slow").folder)

    def load(source: Any, options: Options, *_: Any, **__: Any) -> Any:
        with lock:
            state["begun"] += 1
            state["running"] += 1
            state["most"] = max(state["most"], state["running"])
            lock.notify_all()
            lock.wait_for(lambda: source == "long" or state["most"] >= state["at_least"], LAST_RESORT)
        try:
            for done in range(5) if source == "short" else itertools.count():
                assert options.progress is not None
                options.progress(done, 10_000)
                time.sleep(0.002)
        except BaseException:
            state["stopped"] += 1
            raise
        finally:
            with lock:
                state["running"] -= 1
        return volume

    monkeypatch.setattr("vtkdicomload._api.many.load_volume", load)
    return state


@pytest.mark.parametrize(("workers", "most"), [(None, 1), (1, 1), (2, 2), (9, 3)])
def test_as_many_series_at_a_time_as_workers_say(slow_load: dict[str, Any], workers: int | None, most: int) -> None:
    slow_load["at_least"] = most
    assert len(list(vdl.load_many(["short"] * 9, workers=workers, ahead=3))) == 9
    assert slow_load["most"] == most


def test_closing_stops_what_is_being_read(slow_load: dict[str, Any]) -> None:
    results = vdl.load_many(["short", "long", "long", "long"], workers=2, ahead=3)
    assert isinstance(next(results), Loaded)
    results.close()  # type: ignore[attr-defined]
    assert threads() == []
    assert slow_load["stopped"] >= 1
    assert slow_load["running"] == 0
    assert slow_load["begun"] <= 3


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_error_of_the_caller_stops_the_reading(slow_load: dict[str, Any], error: type[BaseException]) -> None:
    def work() -> None:
        for _ in vdl.load_many(["short", "long", "long"]):
            raise error

    with pytest.raises(error):
        work()
    gc.collect()
    assert threads() == []


def test_ctrl_c_while_waiting_stops_the_reading(slow_load: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        next(vdl.load_many(["long", "long"]))
    assert threads() == []
    assert slow_load["stopped"] >= 1


def test_progress_is_called_and_its_exception_ends_the_reading(truths: list[Truth]) -> None:
    calls: list[tuple[int, int]] = []
    list(vdl.load_many([t.folder for t in truths], progress=lambda done, total: calls.append((done, total))))
    assert sorted(calls) == sorted((k + 1, len(t.frames)) for t in truths for k in range(len(t.frames)))

    def failing(done: int, total: int) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        list(vdl.load_many([truths[0].folder], progress=failing))
    assert threads() == []


def test_nothing_is_read_before_the_first_result_is_asked_for(slow_load: dict[str, Any]) -> None:
    results = vdl.load_many(["short", "short"])
    assert (slow_load["begun"], threads()) == (0, [])
    assert next(results).index == 0
    results.close()  # type: ignore[attr-defined]


def test_no_source_gives_no_result() -> None:
    assert list(vdl.load_many([])) == []


@pytest.mark.parametrize("make", [list, tuple, set, iter, lambda names: (n for n in names), dict.fromkeys])
def test_what_is_ignored_is_ignored_in_every_source(
    series: Callable[..., Truth], make: Callable[[list[str]], Any]
) -> None:
    """An iterator can be read once only, whatever number of sources there is."""
    names = [f"{k}.dcm" for k in range(5)]
    folders = [series(name, seed=seed, names=names).folder for seed, name in enumerate("ab", 1)]
    with pytest.warns(DicomLoadWarning, match=r"as ignore= says: 4\.dcm"):
        volumes = [result.volume for result in vdl.load_many(folders, ignore=make(["4.dcm"]))]
    assert [volume.frames.shape[0] for volume in volumes if volume] == [4, 4]
    for folder in folders:
        (folder / "4.dcm").write_bytes((folder / "4.dcm").read_bytes()[:-9])
    calls: dict[str, Callable[[], list[Any]]] = {
        "load": lambda: [vdl.load(folders[0], ignore=make(["damaged"]))],
        "load_all": lambda: vdl.load_all(folders[0], ignore=make(["damaged"])),
        "Series.load": lambda: [vdl.scan(folders[0])[0].load(ignore=make(["damaged"]))],
        "load_many": lambda: [result.volume for result in vdl.load_many(folders, ignore=make(["damaged"]))],
    }
    for call in calls.values():
        with pytest.warns(DicomLoadWarning, match=r"left out, damaged: 4\.dcm"):
            volumes = call()
        assert {volume.frames.shape[0] for volume in volumes} == {4}


def test_a_wrong_ignore_is_refused_before_the_first_source() -> None:
    with pytest.raises(TypeError, match="ignore must be paths"):
        vdl.load_many([], ignore=3)  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------------------- apply
@pytest.mark.parametrize(("workers", "as_completed"), [(None, False), (3, False), (3, True)])
def test_of_each_volume_the_result_of_a_function_is_kept(
    truths: list[Truth], workers: int | None, as_completed: bool
) -> None:
    sources = [truth.folder for truth in truths]
    how: dict[str, Any] = {"workers": workers, "ahead": 3, "as_completed": as_completed}
    results = list(vdl.load_many(sources, apply=lambda volume: volume.frames.sum(dtype=int), **how))
    assert sorted(result.index for result in results) == [0, 1, 2, 3]
    for result in results:
        truth, volume = truths[result.index], vdl.load(sources[result.index])
        assert (result.volume, result.series, result.error) == (None, None, None)
        assert result.result == truth.frames.sum(dtype=int)
        assert (result.shape, result.dtype, result.checks) == (volume.shape, volume.dtype, volume.checks)
        np.testing.assert_array_equal(result.affine, volume.affine)


def test_what_is_known_of_a_volume_stands_beside_it(truths: list[Truth]) -> None:
    (result,) = vdl.load_many([truths[0].folder])
    assert result.volume is not None
    assert result.result is None
    assert (result.shape, result.dtype) == (result.volume.shape, result.volume.dtype)


def test_an_exception_of_the_function_is_the_error_of_its_source_and_keeps_no_volume(truths: list[Truth]) -> None:
    seen: list[weakref.ref[Any]] = []

    def divide(volume: vdl.Volume) -> float:
        seen.append(weakref.ref(volume))
        return 1 / (len(volume.frames) - 5)

    first, second, third = vdl.load_many([truths[k].folder for k in range(3)], apply=divide)
    assert (first.result, second.result, third.result) == (-0.5, None, 1 / -3)
    assert isinstance(second.error, ZeroDivisionError)
    assert "return 1 / (len(volume.frames) - 5)" in second.error.__notes__[0]
    assert second.shape == (7, 12, 5)
    assert "(7, 12, 5)" in repr(second)
    gc.collect()
    assert [volume() for volume in seen] == [None] * 3


def test_what_the_function_warns_of_is_said_where_the_result_is_taken(truths: list[Truth]) -> None:
    with pytest.warns(DicomLoadWarning, match="half of it") as caught:
        (result,) = vdl.load_many([truths[0].folder], apply=lambda _: many.warn("half of it"))
    assert result.warnings == ("half of it",)
    assert caught[0].filename == __file__


def test_a_source_that_does_not_load_never_reaches_the_function(truths: list[Truth], tmp_path: Path) -> None:
    called: list[vdl.Volume] = []
    missing, found = vdl.load_many([tmp_path / "nowhere", truths[0].folder], apply=called.append)
    assert isinstance(missing.error, NoDicomError)
    assert found.error is None
    assert len(called) == 1


def test_what_is_no_function_is_refused(truths: list[Truth]) -> None:
    with pytest.raises(TypeError, match="apply must be callable, not a str of 4 characters"):
        vdl.load_many([truths[0].folder], apply="mean")  # type: ignore[call-overload]


def test_memory_is_filled_again_once_the_function_is_done(truths: list[Truth]) -> None:
    addresses = [
        result.result
        for result in vdl.load_many(
            [truths[0].folder] * 12, ahead=1, reuse=True, apply=lambda volume: volume.frames.ctypes.data
        )
    ]
    assert len(set(addresses)) <= 2
