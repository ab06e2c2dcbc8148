"""Exceptions that are kept rather than raised on."""

from __future__ import annotations

from typing import TypeVar

_E = TypeVar("_E", bound=BaseException)


def forget_frames(error: _E) -> _E:
    """Let go of the frames that an exception and its causes went through, and of all that was in them."""
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error
