"""`client=`: the same results from the workers of a dask cluster, whatever becomes of a worker."""

from __future__ import annotations

import importlib
import json
import os
import re
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import cluster_run
import numpy as np
import pytest
from conftest import DATA
from hangs import LAST_RESORT
from synthetic import write_series

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthetic import Truth

    Write = Callable[..., Truth]

conversion = importlib.import_module("vtkdicomload.bulk.conversion")
ROOT = Path(vdl.__file__).parents[1]
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}


def write_archive(root: Path) -> None:
    """Series that load, one that lacks a slice, many small ones, and one that ends its worker among others."""
    for k, name in enumerate("abc"):
        write_series(root / "in" / name, seed=k + 1)
    write_series(root / "in" / "gap", seed=4).files[2].unlink()
    for k in range(12):
        write_series(root / "many" / str(k), seed=10 + k)
    for k, name in enumerate(("p", "q", "deadly", "r", "s")):
        write_series(root / "deadly" / name, seed=30 + k)
    (root / "opened").mkdir()
    for name in ("asl_4d", "comp_rle"):
        (root / "opened" / name).symlink_to(DATA / name)


def check_that_a_client_that_is_open_is_not_picked_up(said: dict[str, Any], root: Path) -> None:
    assert said["run_ambient"] is True


def check_that_volumes_stay_where_they_are_unless_they_are_asked_for(said: dict[str, Any], root: Path) -> None:
    neither, both = said["run_refusals"]
    assert "apply=f" in neither
    assert "gather=True" in neither
    assert "not both" in both
    assert said["run_gather"] is True


def check_that_paths_go_out_and_summaries_come_back(said: dict[str, Any], root: Path) -> None:
    assert said["run_apply"] is True


def check_that_a_lazy_array_is_what_is_loaded(said: dict[str, Any], root: Path) -> None:
    assert said["run_open"] == [[8, 6, 80, 80], [2, 256, 256]]


def check_that_errors_come_back_with_all_that_they_hold(said: dict[str, Any], root: Path) -> None:
    gaps, kind, broken, note, other_note = said["run_errors"]
    assert gaps is True
    assert kind == "ZeroDivisionError"
    assert "in divide" in note
    assert broken == "BrokenError: nothing in there"
    assert "in break_down" in other_note


def check_that_what_cannot_be_sent_is_said(said: dict[str, Any], root: Path) -> None:
    result, kind, function = said["run_unsendable"]
    assert "what apply= has returned, a lock, cannot be sent: cannot pickle '_thread.lock' object" in result
    assert kind == "MissingSliceError"
    assert "apply= cannot be sent to the workers: cannot pickle '_thread.lock' object" in function


def check_that_a_client_that_is_closed_is_refused_before_anything_is_made(said: dict[str, Any], root: Path) -> None:
    words, made = said["run_closed"]
    assert words == ["client is closed, by its owner or because its scheduler has ended"] * 3
    assert made is False


def check_that_so_many_tasks_are_in_flight_under_plain_keys_and_let_go_at_once(
    said: dict[str, Any], root: Path
) -> None:
    most, keys, left = said["run_flight"]
    assert 2 <= most <= 4 * 2
    assert keys
    assert all(re.fullmatch(r"vtkdicomload-[0-9a-f]{8}-\d+", key) for key in keys)
    assert left == 0


def check_that_no_credential_is_logged_where_a_task_fails(said: dict[str, Any], root: Path) -> None:
    assert "not" in said["run_secret"]
    assert "Compute Failed" in said["log"]
    assert cluster_run.SECRET not in said["log"]


def check_that_stopping_lets_all_tasks_go_and_the_next_run_goes_on(said: dict[str, Any], root: Path) -> None:
    assert said["run_interrupted"] == [3, 0]


def check_that_files_are_those_of_a_conversion_here(said: dict[str, Any], root: Path) -> None:
    statuses, again = said["run_convert"]
    assert sorted(statuses) == ["refused", "written", "written", "written"]
    assert sorted(again) == ["kept", "kept", "kept", "refused"]
    here, there = ({path.name: path for path in (root / name).iterdir()} for name in ("here", "there"))
    assert here.keys() == there.keys()
    for name in here.keys() - {conversion.NAME}:
        assert here[name].read_bytes() == there[name].read_bytes()


def check_that_a_verification_is_that_of_one_here_and_is_written_down_here(said: dict[str, Any], root: Path) -> None:
    statuses, lines = said["run_verify"]
    assert sorted(statuses) == ["equal", "equal", "equal", "refused"]
    assert lines == 4


def check_that_a_worker_killed_in_the_middle_costs_nothing(said: dict[str, Any], root: Path) -> None:
    killed, statuses = said["run_killed"]
    assert killed == 1
    assert statuses == ["written"] * 12
    entries = [json.loads(line) for line in (root / "killed" / conversion.NAME).read_text().splitlines()]
    assert sum(entry["status"] == "written" for entry in entries) == 12


def check_that_what_ends_its_worker_is_refused_a_third_beginning_and_others_are_not(
    said: dict[str, Any], root: Path
) -> None:
    outcomes, left = said["run_deadly"]
    assert [status for status, _ in outcomes] == ["written", "written", "refused", "written", "written"]
    assert "2 workers died while they were at it" in outcomes[2][1]
    assert left == []


def check_that_the_death_of_a_worker_is_a_result_with_the_name_of_the_series(said: dict[str, Any], root: Path) -> None:
    errors, results = said["run_deadly_function"]
    assert results == [True, True, False, True, True]
    assert "#32 CT series 32: the workers that were at it died" in errors[2]


def check_that_an_index_is_that_of_one_here_though_a_worker_was_killed(said: dict[str, Any], root: Path) -> None:
    assert said["run_index"] == [1, True, 0, []]


CHECKS = (
    check_that_a_client_that_is_open_is_not_picked_up,
    check_that_volumes_stay_where_they_are_unless_they_are_asked_for,
    check_that_paths_go_out_and_summaries_come_back,
    check_that_a_lazy_array_is_what_is_loaded,
    check_that_errors_come_back_with_all_that_they_hold,
    check_that_what_cannot_be_sent_is_said,
    check_that_a_client_that_is_closed_is_refused_before_anything_is_made,
    check_that_so_many_tasks_are_in_flight_under_plain_keys_and_let_go_at_once,
    check_that_no_credential_is_logged_where_a_task_fails,
    check_that_stopping_lets_all_tasks_go_and_the_next_run_goes_on,
    check_that_files_are_those_of_a_conversion_here,
    check_that_a_verification_is_that_of_one_here_and_is_written_down_here,
    check_that_a_worker_killed_in_the_middle_costs_nothing,
    check_that_what_ends_its_worker_is_refused_a_third_beginning_and_others_are_not,
    check_that_an_index_is_that_of_one_here_though_a_worker_was_killed,
    check_that_the_death_of_a_worker_is_a_result_with_the_name_of_the_series,
)


def test_the_rules_hold_on_a_cluster_of_two_processes(tmp_path: Path) -> None:
    write_archive(tmp_path)
    command = [sys.executable, cluster_run.__file__, str(tmp_path)]  # one cluster for all: it takes seconds to start
    run = subprocess.run(
        command, capture_output=True, text=True, check=False, env=ENVIRONMENT, cwd="/", timeout=LAST_RESORT
    )
    assert run.returncode == 0, run.stderr
    said = {**json.loads(run.stdout.splitlines()[-1]), "log": run.stdout + run.stderr}
    for check in CHECKS:
        check(said, tmp_path)


# ---------------------------------------------------------------------------------------------------- memory
class Small:
    """A client of a worker that has little memory; nothing is to be sent to it."""

    asynchronous = False

    def scheduler_info(self, n_workers: int) -> dict[str, Any]:
        return {"workers": {"tcp://1": {"memory_limit": 400, "nthreads": 1}}}

    def submit(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("sent")


def test_a_volume_that_no_worker_has_memory_for_is_not_sent(series: Write) -> None:
    found = vdl.scan(series("in", count=5, rows=6, columns=8).folder)
    assert found[0].load().frames.nbytes == 480
    client: Any = Small()
    (done,) = vdl.load_many(found, client=client, apply=np.sum)
    assert "its volume needs 0 MiB, more than the 0 MiB that a worker has" in str(done.error)
    assert done.source is found[0]


# ---------------------------------------------------------------------------------------------------- commands
def start(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dask", *arguments]
    return subprocess.Popen(command, env=ENVIRONMENT, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


# One process for all: to start one takes seconds.
COMMANDS = f"""
import sys
from distributed import Client
from vtkdicomload.cli.app import main

with Client(scheduler_file=sys.argv.pop(), timeout={LAST_RESORT}) as client:
    client.wait_for_workers(2)
    address = client.scheduler.address
for line in ("convert in out --format nii", "verify in"):
    sys.argv[1:] = [*line.split(), "--client", address]
    try:
        main()
    except SystemExit as end:
        assert not end.code, line
"""


def test_commands_work_on_a_cluster_of_commands(series: Write, tmp_path: Path) -> None:
    for k in range(3):
        series(f"in/{k}", seed=k + 1)
    beside = str(tmp_path / "scheduler.json")
    running = [start("scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", beside)]
    worker = ("worker", "--scheduler-file", beside, "--nthreads", "1", "--no-nanny", "--no-dashboard")
    running += [start(*worker, "--local-directory", str(tmp_path / name)) for name in "xy"]
    try:
        command = [sys.executable, "-c", COMMANDS, beside]
        run = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT, cwd=tmp_path)
    finally:
        for process in running:
            process.kill()
            process.wait()
    assert run.returncode == 0, run.stderr
    assert len(list((tmp_path / "out").glob("*.nii"))) == 3
    assert "3 equal" in run.stdout


def answer_with_words(listener: socket.socket) -> None:
    """Answer as a server of another kind does."""
    with suppress(OSError):
        while True:
            caller, _ = listener.accept()
            with caller:
                caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize("where", ["nowhere", "no address", "another server"])
def test_an_address_where_no_scheduler_answers_is_said(series: Write, tmp_path: Path, where: str) -> None:
    series("in")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        other = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        address = {"nowhere": "tcp://127.0.0.1:1", "no address": "nonsense", "another server": other}[where]
        answering = Thread(target=answer_with_words, args=(listener,))
        answering.start()
        command = [sys.executable, "-m", "vtkdicomload", "verify", "in", "--client", address]
        settings = ENVIRONMENT | {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s"}
        run = subprocess.run(
            command, capture_output=True, text=True, check=False, env=settings, cwd=tmp_path, timeout=LAST_RESORT
        )
        listener.shutdown(socket.SHUT_RDWR)
    answering.join(LAST_RESORT)
    assert run.returncode == 1
    (said,) = run.stderr.splitlines()
    assert said.startswith(f"error: there is no scheduler of dask at '{address}'")
