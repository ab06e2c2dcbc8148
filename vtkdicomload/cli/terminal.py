"""Words for a terminal or a pipe: any encoding and width, no stray control codes, progress only where someone looks."""

from __future__ import annotations

import codecs
import logging
import os
import sys
import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console
    from rich.progress import Progress, TaskID

_ASCII = {
    "×": "x",
    "→": "->",
    "–": "-",
    "…": "...",
    "°": " degrees",
    "·": ".",
    "±": "+/-",
    "²": "2",
    "µ": "u",
    "•": "*",
}
_PROGRESS_AFTER = 0.7  # seconds; shorter work needs no bar
_UNWRAPPED = 10_000  # columns of a pipe: a table is never broken into pieces there


def survive_any_encoding() -> None:
    """Let stdout and stderr write every text, signs that their encoding lacks in other words."""
    codecs.register_error("vtkdicomload", _replace_signs)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="vtkdicomload")


def _replace_signs(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(_ASCII.get(c) or ascii(c)[1:-1] for c in signs), error.end


def clean(words: str) -> str:
    """Words without control codes, which a file could smuggle to the terminal."""
    return "".join(c if c.isprintable() or c == "\n" or "\ud800" <= c <= "\udfff" else ascii(c)[1:-1] for c in words)


def make_console(*, stderr: bool = False) -> Console:
    """A console that takes every text as it is; as wide as needed where no person reads it."""
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    return (
        made
        if made.is_terminal
        else Console(stderr=stderr, highlight=False, markup=False, emoji=False, width=_UNWRAPPED, color_system=None)
    )


def open_terminal(*, stderr: bool = False) -> Console | None:
    """The console where a person may look; None where output goes into a pipe or file, found without importing rich."""
    stream = sys.stderr if stderr else sys.stdout
    if not (stream.isatty() or os.environ.get("FORCE_COLOR") or os.environ.get("TTY_COMPATIBLE")):
        return None
    made = make_console(stderr=stderr)
    return made if made.is_terminal else None


def say(words: str, *, stderr: bool = False, style: str | None = None) -> None:
    """Print lines as they are: the terminal wraps them, nothing else does."""
    output = None if style is None else open_terminal(stderr=stderr)
    if output is None:
        print(clean(words), file=sys.stderr if stderr else sys.stdout)
    else:
        output.print(clean(words), style=style, soft_wrap=True)


def quiet_matplotlib() -> None:
    """Keep matplotlib's words about its font cache and its folders off the terminal."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)


@contextmanager
def show_warnings_in_lines() -> Iterator[None]:
    """Show every warning as one line on stderr."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        say(f"warning: {' '.join(str(message).split())}", stderr=True, style="yellow")

    from ..errors import DicomLoadWarning

    with warnings.catch_warnings():
        warnings.simplefilter("always", DicomLoadWarning)
        warnings.showwarning = show
        yield


@contextmanager
def show_progress(words: str) -> Iterator[Callable[[int, int], None] | None]:
    """A callback ``(done, total)`` that shows a bar on stderr once work takes long; None where it is no terminal."""
    output = open_terminal(stderr=True)
    if output is None:
        yield None
        return
    bar = _LateBar(output, words)
    try:
        yield bar.step
    finally:
        bar.stop()


class _LateBar:
    """A progress bar that appears only when work lasts, and leaves nothing behind."""

    def __init__(self, output: Console, words: str) -> None:
        self._output, self._words, self._since = output, words, time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def step(self, done: int, total: int) -> None:
        if self._bar is None:
            if done >= total or time.monotonic() - self._since < _PROGRESS_AFTER:
                return
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            # A pipe for the output of the command is no part of the terminal that shows the bar.
            redirected = sys.stdout.isatty()
            self._bar = Progress(*columns, console=self._output, transient=True, redirect_stdout=redirected)
            self._task = self._bar.add_task(self._words, total=total)
            self._bar.start()
        if self._task is not None:
            self._bar.update(self._task, completed=done, total=total)

    def stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
