"""From what a command is given to the series it names, and its volume."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from .._util.warnings import say_once, warn
from ..catalog.choose import choose_series, choose_stack, list_untold_strays, match_series
from ..catalog.damage import DAMAGED, describe_left_out, make_all_damaged_error, refuse_gaps
from ..catalog.find import find_series, make_no_image_error, match_ignored
from ..errors import DicomLoadError, MissingSliceError
from ..errors.remedies import SetOption
from ..series import Scan
from .terminal import show_progress

if TYPE_CHECKING:
    from ..catalog.find import Ignore
    from ..loading.options import Irregular
    from ..series import Series
    from ..volume import Volume

_SHOWN_ROWS = 12
ALL = "all"  # of --series: every file of the source as one series


def join_paths(paths: list[str]) -> str | list[str]:
    """The paths as `load` takes them."""
    return paths[0] if len(paths) == 1 else paths


def list_series(
    source: str | list[str],
    ignore: list[str] | None = None,
    *,
    archives: bool,
    storage_options: dict[str, Any],
    as_one: bool = False,
) -> Scan:
    """List all that is at a source, with a progress bar; without the files to ignore, which are warned of.

    Parameters
    ----------
    archives : bool
        Enter archives that lie in a folder.
    storage_options : dict
        What fsspec is told of the servers of URLs.
    as_one : bool
        List all files as one series.
    """
    from .._api.single import scan

    if ignore:
        found = _find_unignored(source, ignore, archives, storage_options)
    else:
        with show_progress("reading headers") as progress:
            found = scan(source, archives=archives, storage_options=storage_options, progress=progress)
    if as_one and found.series:
        found = _replace_series(found, (choose_series(found, ALL),))
    return _leave_damaged_out(found, ignore or [])


def _find_unignored(
    source: str | list[str], ignore: list[str] | None, archives: bool, storage_options: dict[str, Any]
) -> Scan:
    """Find the series at a source without the files that are named, which are warned of."""
    named = [name for name in ignore or () if name != DAMAGED]
    with show_progress("reading headers") as progress:
        found, ignored = find_series(
            source, named, None, archives=archives, storage_options=storage_options, progress=progress
        )
    for name in named:
        if not any(map(match_ignored([name]), ignored)):
            raise DicomLoadError(f"--ignore {name}: there is no such file")
    for sentence in describe_left_out(ignored):
        warn(sentence)
    return Scan.of(found)


def _leave_damaged_out(found: Scan, ignore: list[str]) -> Scan:
    """The same list with what its series are without their damaged files, where they have no gaps then."""
    if DAMAGED not in ignore:
        return found
    with say_once():
        return _replace_series(found, tuple(take_whole(part, ignore, may_have_gaps=True) for part in found))


def _replace_series(found: Scan, series: tuple[Series, ...]) -> Scan:
    return Scan(found.source, series, found.problems, found.skipped, found.files)


def take_whole(series: Series, ignore: list[str] | None, *, may_have_gaps: bool = False) -> Series:
    """A series without its damaged files, where these are to be ignored.

    Raises
    ------
    MissingSliceError
        It has gaps then; with `may_have_gaps` it stays what it is.
    """
    damaged = (*series.problems, *series.beside)
    if DAMAGED not in (ignore or ()) or not damaged:
        return series
    whole = replace(series, problems=(), beside=())
    try:
        refuse_gaps(whole, series.problems)
    except MissingSliceError:
        if not may_have_gaps:
            raise
        return series
    for sentence in describe_left_out((), [problem.path for problem in damaged]):
        warn(sentence)
    return whole


def choose_policy(ignore: list[str] | None) -> Ignore:
    """Choose what `load` is told to leave out, once the files that are named are left out."""
    return DAMAGED if DAMAGED in (ignore or ()) else ()


def require_something(found: Scan) -> None:
    """Raise what `load` raises for a source without any image."""
    if not found.series and not found.problems:
        raise make_no_image_error(found)


def find_at(paths: list[str], ignore: list[str] | None, *, archives: bool, storage_options: dict[str, Any]) -> Scan:
    """Find the series at the paths, at least one; where there are damaged files only, raise what is wrong with one."""
    found = _find_unignored(join_paths(paths), ignore, archives, storage_options)
    if not found.series:
        raise make_all_damaged_error(found.problems[:1])
    return found


def choose_series_of(found: Scan, series: str | None, stack: str | None, *, prefix: str = "--") -> Series:
    """The series, or stack of it, that the options name; there may be one only where they name none.

    `prefix` is what comes before ``series`` and ``stack`` in the names of the options.

    Damaged files of no series are warned of then, as by `load`.
    """
    if series is None and len(found) > 1:
        raise make_none_chosen_error(found, f"{len(found)} series, and none chosen")
    if series is None:
        for sentence in describe_left_out((), (), list_untold_strays(found)):
            warn(sentence)
    chosen = choose_series(found, ALL) if series == ALL else found[find_row(found, series or "0", f"{prefix}series")]
    return chosen if stack is None else _choose_stack_of(chosen, stack, f"{prefix}stack")


def make_none_chosen_error(found: Scan, what: str) -> DicomLoadError:
    """The error for a command that takes one series."""
    return DicomLoadError(what, remedies=[SetOption("series", tuple(range(len(found))))])


def find_row(found: Scan, wanted: str, option: str = "--series") -> int:
    """The row of a scan that an option names."""
    fitting = match_series(found, _parse_choice(wanted))
    if len(fitting) == 1:
        return fitting[0]
    rows = f"are rows 0 to {len(found) - 1}" if len(found) > 1 else "is row 0"
    several = f"{len(fitting)} series, rows {', '.join(map(str, fitting[:_SHOWN_ROWS]))}"
    raise DicomLoadError(f"{option} {wanted}: {several if fitting else 'no such series'}; there {rows}")


def _choose_stack_of(series: Series, wanted: str, option: str) -> Series:
    try:
        return choose_stack(series, _parse_choice(wanted))
    except DicomLoadError as error:
        stacks = series.stacks()
        if len(stacks) == 1:
            what, remedies = "there is one stack only", error.remedies
        else:
            listed = ", ".join(f"{i}{' ' + stack.label if stack.label else ''}" for i, stack in enumerate(stacks[:12]))
            what, remedies = f"there are {len(stacks)}: {listed}", ()
        raise DicomLoadError(f"{option} {wanted}: {what}", remedies=remedies) from error


def _parse_choice(words: str) -> int | str:
    """A row, or a text, as `load` takes it."""
    return int(words) if re.fullmatch(r"-?\d+", words) else words


def load_series(
    series: Series, irregular: str, ignore: list[str] | None = None, *, rescale: str | None = None
) -> Volume:
    """Load the volume of a series, with a progress bar; rescaled by the files unless told otherwise."""
    with show_progress("reading pixels") as progress:
        return series.load(
            progress=progress,
            irregular=cast("Irregular", irregular),
            ignore=choose_policy(ignore),
            rescale=True if rescale is None else rescale,
        )


def verify(series: Series, ignore: list[str] | None) -> list[tuple[str, str]]:
    """Tell what reading every frame twice has shown, or why that cannot be."""
    try:
        with show_progress("reading pixels") as progress:
            volume = series.load(progress=progress, verify="all", ignore=choose_policy(ignore))
    except DicomLoadError as error:
        return [("verified", f"no: {error}")]
    return [("verified", f"{check.name}: {check.result}") for check in volume.checks]
