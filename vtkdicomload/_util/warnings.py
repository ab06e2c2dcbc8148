"""Warnings: other libraries are kept silent, what is odd in a file is said by this package, in its own words."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import DicomLoadWarning

if TYPE_CHECKING:
    from collections.abc import Iterator

_filters = threading.RLock()  # whoever takes a warning, such as a window that shows it, may load in its turn


def _unlock() -> None:
    global _filters  # noqa: PLW0603 - a thread that held the lock is not there in a forked child
    _filters = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock)


@contextmanager
def silence_warnings() -> Iterator[None]:
    """Let no warning out; the filters belong to the whole process, hence one thread at a time."""
    with _filters, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def hush(algorithm: Any, *events: str) -> None:
    """Keep events of one VTK algorithm, such as ErrorEvent, off stderr; its result shows whether it failed."""
    for speaker in (algorithm, algorithm.GetExecutive()):
        for event in events:
            speaker.AddObserver(event, lambda *_: None)


class _Collecting(threading.local):
    """The sentences of the thread that collects them; None where it does not."""

    sentences: list[str] | None = None


_collecting = _Collecting()


@contextmanager
def collect_warnings() -> Iterator[list[str]]:
    """Collect what this thread would warn of, for another thread to say where its caller sees it."""
    sentences: list[str] = []
    _collecting.sentences = sentences
    try:
        yield sentences
    finally:
        _collecting.sentences = None


class _Telling(threading.local):
    """The sentences that this thread has said and does not say again; None where it says all."""

    said: set[str] | None = None


_telling = _Telling()


@contextmanager
def say_once() -> Iterator[None]:
    """Say each sentence once in this thread, as of a series that several of its stacks would say."""
    before, _telling.said = _telling.said, set()
    try:
        yield
    finally:
        _telling.said = before


_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep
_VTK = os.sep + os.path.join("vtkmodules", "util", "")  # between a VTK algorithm of ours and its caller


def warn(sentence: str) -> None:
    """Issue a DicomLoadWarning that points at the first line outside this package."""
    if _telling.said is not None:
        if sentence in _telling.said:
            return
        _telling.said.add(sentence)
    if _collecting.sentences is not None:
        _collecting.sentences.append(sentence)
        return
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and (
        frame.f_code.co_filename.startswith(_PACKAGE) or _VTK in frame.f_code.co_filename
    ):
        level, frame = level + 1, frame.f_back
    with _filters:  # while others are silenced, so would we be
        warnings.warn(sentence, DicomLoadWarning, stacklevel=level)
