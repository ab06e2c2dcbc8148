"""for_each: every k once, the first exception out, and no thread that outlives the call."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hangs import LAST_RESORT

from vtkdicomload._util import threads
from vtkdicomload._util.threads import choose_threads, for_each, read_in_threads

WORKERS = (None, 1, 2, 3, 8)


@pytest.fixture
def end_of_work(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set once `for_each` tells its pool to end, be it after an exception or because all is done."""
    event = threading.Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            event.set()
            super().shutdown(wait, cancel_futures=cancel_futures)

    monkeypatch.setattr(threads, "ThreadPoolExecutor", Pool)
    return event


def ours() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith("vtkdicomload")]


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("count", [1, 2, 7, 100])
def test_every_k_is_worked_on_once_and_counted(count: int, workers: int | None) -> None:
    done: list[int] = []
    steps: list[int] = []
    for_each(count, done.append, lambda: steps.append(len(done)), workers)
    assert sorted(done) == list(range(count))
    assert len(steps) == count
    assert all(before >= k + 1 for k, before in enumerate(steps))


@pytest.mark.parametrize("workers", WORKERS)
def test_nothing_to_do_is_done(workers: int | None) -> None:
    for_each(0, pytest.fail, pytest.fail, workers)


@pytest.mark.parametrize("workers", [2, 8])
def test_results_do_not_depend_on_the_order_of_work(workers: int) -> None:
    out = [0] * 50

    def work(k: int) -> None:
        time.sleep(0.003 * ((k * 7) % 5 == 0))
        out[k] = k * k

    for_each(50, work, lambda: None, workers)
    assert out == [k * k for k in range(50)]


def test_steps_are_taken_in_the_calling_thread() -> None:
    seen: set[threading.Thread] = set()
    workers: set[threading.Thread] = set()
    work = workers.add
    for_each(40, lambda _: work(threading.current_thread()), lambda: seen.add(threading.current_thread()), 4)
    assert seen == {threading.current_thread()}
    assert threading.current_thread() not in workers


def test_as_many_threads_as_asked_for_work_at_once() -> None:
    meeting = threading.Barrier(4)  # breaks unless four wait for each other
    for_each(4, lambda _: [meeting.wait(LAST_RESORT)], lambda: None, 4)  # type: ignore[arg-type, return-value]


def test_there_are_no_more_threads_than_work() -> None:
    most = 0

    def work(_: int) -> None:
        nonlocal most
        most = max(most, len(ours()))
        time.sleep(0.01)

    for_each(3, work, lambda: None, 50)
    assert 1 <= most <= 3
    assert not ours()


@pytest.mark.parametrize("error", [ValueError("k"), KeyboardInterrupt(), SystemExit(3), MemoryError()])
@pytest.mark.parametrize("workers", [1, 2, 8])
def test_an_exception_of_the_work_comes_out(workers: int, error: BaseException, end_of_work: threading.Event) -> None:
    begun: list[int] = []

    def work(k: int) -> None:
        begun.append(k)
        if k == 5:
            raise error
        if k > 5:
            end_of_work.wait()

    with pytest.raises(type(error)) as caught:
        for_each(500, work, lambda: None, workers)
    assert caught.value is error
    assert len(begun) <= 6 + workers
    assert not ours()


@pytest.mark.parametrize("error", [RuntimeError("enough"), KeyboardInterrupt()])
@pytest.mark.parametrize("workers", [1, 2, 8])
def test_an_exception_of_the_step_ends_the_work(
    workers: int, error: BaseException, end_of_work: threading.Event
) -> None:
    begun: list[int] = []
    steps = 0

    def work(k: int) -> None:
        begun.append(k)
        if k >= 100:
            end_of_work.wait()

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps == 3:
            raise error

    with pytest.raises(type(error)) as caught:
        for_each(500, work, step, workers)
    assert caught.value is error
    assert steps == 3
    assert len(begun) <= 100 + workers
    assert not ours()


def test_of_several_exceptions_one_comes_out() -> None:
    def work(k: int) -> None:
        raise ValueError(str(k))

    with pytest.raises(ValueError, match=r"^\d+$"):
        for_each(30, work, lambda: pytest.fail("nothing was done"), 4)


def test_calls_do_not_disturb_each_other() -> None:
    results: dict[int, list[int]] = {}

    def one(name: int) -> None:
        mine: list[int] = []
        for_each(60, mine.append, lambda: None, 3)
        results[name] = sorted(mine)

    callers = [threading.Thread(target=one, args=(name,)) for name in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert all(found == list(range(60)) for found in results.values())
    assert sorted(results) == [0, 1, 2, 3]


def test_work_may_call_for_each_itself() -> None:
    sums: list[int] = []

    def outer(k: int) -> None:
        inner: list[Any] = []
        for_each(5, inner.append, lambda: None, 2)
        sums.append(k + len(inner))

    for_each(6, outer, lambda: None, 2)
    assert sorted(sums) == [5, 6, 7, 8, 9, 10]


@pytest.fixture(params=[0, 1, 2])
def _few_threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that gives none, one or two threads."""
    start, left = threading.Thread.start, [None] * request.param

    def start_few(thread: threading.Thread) -> None:
        if not left:
            raise RuntimeError("can't start new thread")
        left.pop()
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_few)


@pytest.mark.usefixtures("_few_threads")
def test_where_the_system_gives_no_more_threads_this_one_does_what_is_left() -> None:
    done: list[int] = []
    steps: list[int] = []
    for_each(60, done.append, lambda: steps.append(len(done)), 4)
    assert sorted(done) == list(range(60))
    assert len(steps) == 60
    assert not ours()

    def fail(k: int) -> None:
        raise ZeroDivisionError(k)

    with pytest.raises(ZeroDivisionError):
        for_each(60, fail, lambda: None, 4)


@pytest.mark.usefixtures("_few_threads")
def test_where_the_system_gives_no_more_threads_this_one_reads_what_is_left() -> None:
    read = Counter[int]()

    def note(index: int) -> int:
        read[index] += 1
        return index

    assert sorted(read_in_threads([3] * 60, note, 10, 4)) == list(range(60))
    assert set(read.values()) == {1}
    assert not ours()
    with pytest.raises(ZeroDivisionError):
        list(read_in_threads([3] * 60, lambda index: index // 0, 10, 4))


@pytest.mark.parametrize(("blocks", "wanted"), [(8, 8), (0, None)])
def test_files_from_storage_are_read_in_more_threads(
    monkeypatch: pytest.MonkeyPatch, blocks: int, wanted: int | None
) -> None:
    fetched = iter([100, 100 + blocks])
    monkeypatch.setattr(threads, "_count_blocks", lambda: next(fetched))
    done: list[int] = []
    assert choose_threads(lambda: done.append(1)) == wanted
    assert done == [1]


def test_where_the_system_does_not_tell_files_come_from_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.delattr(resource, "RUSAGE_THREAD", raising=False)
    assert choose_threads(lambda: None) is None


def test_the_exception_of_the_first_file_comes_out() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        choose_threads(fail)
