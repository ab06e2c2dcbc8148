"""Public classes name the package as their module, so that pickles do not depend on where in it they are written."""

from __future__ import annotations

from typing import TypeVar

_T = TypeVar("_T", bound=type)


def public(kind: _T) -> _T:
    """Mark a class as public: ``__module__`` is the package."""
    kind.__module__ = __name__.split(".")[0]
    return kind
