"""Hangs without a clock: a loop is seen by the processor time that it takes, whatever else the machine has to do."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds of wall time after which a test, or a process that it forked, has hung: the last resort, for what waits for
# ever and takes no processor time. No test comes near it, not on a machine with much else to do either.
LAST_RESORT = 600

LOOPING = -getattr(signal, "SIGPROF", 0)  # the return code of a process that `limit_cpu` ended


def limit_cpu(seconds: float) -> None:
    """End this process (by SIGPROF) once it has taken so many seconds of processor time from now on."""
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, seconds)


def run_in_fork(work: Callable[[], bool]) -> int:
    """The return code of a child forked now: 0 where `work` is true there, -SIGALRM where it hangs."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(LAST_RESORT // 2)  # before its parent gives up
            code = 0 if work() else 2
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def list_threads() -> list[str]:
    """The threads beside this one, without fsspec's, which stays until the process ends."""
    others = [thread.name for thread in threading.enumerate() if thread is not threading.current_thread()]
    return [name for name in others if name != "fsspecIO"]
