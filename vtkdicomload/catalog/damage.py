"""Damaged files: which ones may be lost slices, and where they are refused."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..errors import CorruptFileError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..stacks.series_data import Problem

IGNORE_PROBLEMS = "ignore=[p.path for p in scan(p).problems]"


def refuse_problems(problems: Sequence[Problem]) -> None:
    """A damaged file may be a slice of any series of its source: it is never dropped unless ``ignore=`` names it."""
    if not problems:
        return
    if len(problems) == 1:
        raise _again(problems[0])
    paths = [p.path for p in problems]
    names = ", ".join(os.path.basename(p) for p in paths[:3]) + (
        f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    )
    raise CorruptFileError(
        f"{len(problems)} files cannot be read ({names}), the first because: {problems[0].error} → "
        f"{IGNORE_PROBLEMS} leaves them all out",
        files=paths,
    )


def _again(problem: Problem) -> CorruptFileError:
    """The error of a scan, raised afresh so that it does not gather tracebacks."""
    return CorruptFileError(str(problem.error), files=problem.error.files)
