"""From what a command is given to the series it names, and its volume."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from ..catalog.choose import choose_series, choose_stack
from ..catalog.find import find_series, ignored_by, no_image
from ..errors import CorruptFileError, DicomLoadError, MissingSliceError, MultipleSeriesError, ShearedSeriesError
from ..series import Scan
from .terminal import progress_bar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..loading.options import Irregular
    from ..series import Series
    from ..volume import Volume


def source_of(paths: list[str]) -> str | list[str]:
    """The paths as `load` takes them."""
    return paths[0] if len(paths) == 1 else paths


def listed(source: str | list[str]) -> Scan:
    """All that is at a source, with a progress bar."""
    from .._api import scan

    with _shell_hint(source), progress_bar("reading headers") as progress:
        return scan(source, progress=progress)


def require_something(found: Scan) -> None:
    """Raise what `load` raises for a source without any image."""
    if not found.series and not found.problems:
        raise no_image(found)


def found_at(paths: list[str], ignore: list[str] | None) -> Scan:
    """The series at the paths, at least one; where there are damaged files only, what is wrong with the first."""
    source = source_of(paths)
    with _shell_hint(source), progress_bar("reading headers") as progress:
        found, ignored = find_series(source, ignore or (), None, progress=progress)
    for name in ignore or ():
        if not any(map(ignored_by(name), ignored)):
            raise DicomLoadError(f"--ignore {name}: there is no such file")
    if not found.series:
        raise DicomLoadError(str(found.problems[0].error))
    return Scan.of(found)


@contextmanager
def _shell_hint(source: str | list[str]) -> Iterator[None]:
    """Add a word to an error where a shell would have expanded the path."""
    try:
        yield
    except DicomLoadError as error:
        first = source if isinstance(source, str) else source[0]
        if not os.path.exists(first) and (first.startswith("~") or any(c in first for c in "*?[")):
            raise DicomLoadError(f"{error}; in a shell: without the quotes") from error
        raise


def chosen_from(found: Scan, series: str | None, stack: str | None) -> Series:
    """The series, or stack of it, that the options name; there may be one only where they name none."""
    if series is None and len(found) > 1:
        raise DicomLoadError(f"{len(found)} series, and none chosen → --series 0 … {len(found) - 1}")
    chosen = found[row_of(found, series or "0")]
    return chosen if stack is None else _stack(chosen, stack)


def row_of(found: Scan, wanted: str) -> int:
    """The row of a scan that an option names."""
    try:
        return found.series.index(choose_series(found, _choice(wanted)))
    except MultipleSeriesError as error:
        rows = f"are rows 0 to {len(found) - 1}" if len(found) > 1 else "is row 0"
        fitting = "several series" if sum(series.uid == wanted for series in found) > 1 else "no such series"
        raise DicomLoadError(f"--series {wanted}: {fitting}; there {rows}") from error


def _stack(series: Series, wanted: str) -> Series:
    try:
        return choose_stack(series, _choice(wanted))
    except DicomLoadError as error:
        stacks = series.stacks()
        if len(stacks) == 1:
            raise DicomLoadError(f"--stack {wanted}: there is one stack only → leave --stack out") from error
        listed = ", ".join(f"{i}{' ' + stack.label if stack.label else ''}" for i, stack in enumerate(stacks[:12]))
        raise DicomLoadError(f"--stack {wanted}: there are {len(stacks)}: {listed}") from error


def _choice(words: str) -> int | str:
    """A row, or a text, as `load` takes it."""
    return int(words) if re.fullmatch(r"-?\d+", words) else words


def loaded(series: Series, irregular: str) -> Volume:
    """The volume of a series, with a progress bar."""
    with progress_bar("reading pixels") as progress:
        return series.load(progress=progress, irregular=cast("Irregular", irregular))


def loaded_or_told(series: Series, irregular: str) -> Volume:
    """The volume, or the error with the option that goes past it."""
    with told_the_way(series):
        return loaded(series, irregular)


@contextmanager
def told_the_way(series: Series) -> Iterator[None]:
    """Add the option that goes past an error of `load`."""
    try:
        yield
    except DicomLoadError as error:
        raise DicomLoadError(f"{error}{way_past(series, error)}", files=error.files) from error


def way_past(series: Series, error: DicomLoadError) -> str:
    """What goes past an error of `load` on the command line, where the error itself does not say it."""
    if isinstance(error, CorruptFileError):
        return ""
    stacks = len(series.stacks())
    if stacks > 1:
        return f"; here: --stack 0 … {stacks - 1}"
    if isinstance(error, MissingSliceError | ShearedSeriesError):
        return "; here: --irregular resample"
    return ""


def verified(series: Series) -> list[tuple[str, str]]:
    """What reading every frame twice has shown, or why that cannot be."""
    try:
        with progress_bar("reading pixels") as progress:
            volume = series.load(progress=progress, verify="all")
    except DicomLoadError as error:
        return [("verified", f"no: {error}")]
    return [("verified", f"{check.name}: {check.result}") for check in volume.checks]
