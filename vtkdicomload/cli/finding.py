"""From what a command is given to the series it names, and its volume."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from ..catalog.choose import choose_series, choose_stack
from ..catalog.damage import make_damage_error
from ..catalog.find import find_series, make_no_image_error, match_ignored
from ..errors import DicomLoadError, MultipleSeriesError
from ..errors.remedies import SetOption
from ..series import Scan
from .terminal import show_progress

if TYPE_CHECKING:
    from ..loading.options import Irregular
    from ..series import Series
    from ..volume import Volume


def join_paths(paths: list[str]) -> str | list[str]:
    """The paths as `load` takes them."""
    return paths[0] if len(paths) == 1 else paths


def list_series(source: str | list[str], *, archives: bool) -> Scan:
    """List all that is at a source, with a progress bar."""
    from .._api import scan

    with show_progress("reading headers") as progress:
        return scan(source, archives=archives, progress=progress)


def require_something(found: Scan) -> None:
    """Raise what `load` raises for a source without any image."""
    if not found.series and not found.problems:
        raise make_no_image_error(found)


def find_at(paths: list[str], ignore: list[str] | None, *, archives: bool) -> Scan:
    """Find the series at the paths, at least one; where there are damaged files only, raise what is wrong with one."""
    with show_progress("reading headers") as progress:
        found, ignored = find_series(join_paths(paths), ignore or (), None, archives=archives, progress=progress)
    for name in ignore or ():
        if not any(map(match_ignored(name), ignored)):
            raise DicomLoadError(f"--ignore {name}: there is no such file")
    if not found.series:
        raise make_damage_error(found.problems[:1])
    return Scan.of(found)


def choose_series_of(found: Scan, series: str | None, stack: str | None) -> Series:
    """The series, or stack of it, that the options name; there may be one only where they name none."""
    if series is None and len(found) > 1:
        raise make_none_chosen_error(found, f"{len(found)} series, and none chosen")
    chosen = found[find_row(found, series or "0")]
    return chosen if stack is None else _choose_stack_of(chosen, stack)


def make_none_chosen_error(found: Scan, what: str) -> DicomLoadError:
    """The error for a command that takes one series."""
    return DicomLoadError(what, remedies=[SetOption("series", tuple(range(len(found))))])


def find_row(found: Scan, wanted: str) -> int:
    """The row of a scan that an option names."""
    try:
        return found.series.index(choose_series(found, _parse_choice(wanted)))
    except MultipleSeriesError as error:
        rows = f"are rows 0 to {len(found) - 1}" if len(found) > 1 else "is row 0"
        fitting = "several series" if sum(series.uid == wanted for series in found) > 1 else "no such series"
        raise DicomLoadError(f"--series {wanted}: {fitting}; there {rows}") from error


def _choose_stack_of(series: Series, wanted: str) -> Series:
    try:
        return choose_stack(series, _parse_choice(wanted))
    except DicomLoadError as error:
        stacks = series.stacks()
        if len(stacks) == 1:
            what, remedies = "there is one stack only", error.remedies
        else:
            listed = ", ".join(f"{i}{' ' + stack.label if stack.label else ''}" for i, stack in enumerate(stacks[:12]))
            what, remedies = f"there are {len(stacks)}: {listed}", ()
        raise DicomLoadError(f"--stack {wanted}: {what}", remedies=remedies) from error


def _parse_choice(words: str) -> int | str:
    """A row, or a text, as `load` takes it."""
    return int(words) if re.fullmatch(r"-?\d+", words) else words


def load_series(series: Series, irregular: str) -> Volume:
    """Load the volume of a series, with a progress bar."""
    with show_progress("reading pixels") as progress:
        return series.load(progress=progress, irregular=cast("Irregular", irregular))


def verify(series: Series) -> list[tuple[str, str]]:
    """Tell what reading every frame twice has shown, or why that cannot be."""
    try:
        with show_progress("reading pixels") as progress:
            volume = series.load(progress=progress, verify="all")
    except DicomLoadError as error:
        return [("verified", f"no: {error}")]
    return [("verified", f"{check.name}: {check.result}") for check in volume.checks]
