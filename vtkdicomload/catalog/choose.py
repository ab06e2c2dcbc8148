"""Choosing one series of several and one stack of several, or showing the list."""

from __future__ import annotations

import operator
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, NamedTuple

from .._util.wording import describe_argument, size_words
from ..errors import DicomLoadError, MultipleSeriesError
from ..errors.remedies import SetOption, Step
from ..stacks.split import split
from .assess import assess
from .damage import make_all_damaged_error, refuse_problems
from .merge import merge_series
from .scan import S

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..stacks.series_data import Problem, SeriesData
    from .assess import Assessment
    from .scan import ScanData

_SHOWN = 12
_FEWEST_SLICES = 4  # of one series, each under a UID of its own


class Chosen(NamedTuple, Generic[S]):
    """The stack that is meant, and the damaged files of its series that are to be left out."""

    stack: S
    lost: tuple[Problem, ...]  # of the series itself
    beside: tuple[Problem, ...]  # of this or another series


def choose(found: ScanData[S], series: Any, stack: Any, *, leave_damaged: bool = False) -> Chosen[S]:
    """The one stack that is meant; `series` and `stack` are those of `load`.

    Parameters
    ----------
    leave_damaged : bool
        Leave the damaged files of the series out (``ignore="damaged"``).

    Raises
    ------
    CorruptFileError, MultipleSeriesError, DicomLoadError
        It has damaged files, or is not the only one.
    """
    if not found.series:
        raise make_all_damaged_error(found.problems)
    chosen = choose_series(found, series)
    if not leave_damaged:
        refuse_problems(chosen.problems)
        return Chosen(choose_stack(chosen, stack), (), ())
    whole = choose_stack(replace(chosen, problems=(), beside=()), stack)
    return Chosen(whole, chosen.problems, chosen.beside)


def list_strays(found: ScanData[Any]) -> tuple[str, ...]:
    """List the damaged files that belong to no series of the list, and may belong to none."""
    charged = {problem.path for series in found for problem in (*series.problems, *series.beside)}
    return tuple(problem.path for problem in found.problems if problem.path not in charged)


def list_untold_strays(found: ScanData[Any]) -> tuple[str, ...]:
    """List those of them of which no series tells when it is loaded: they lie in no folder of one."""
    told = {problem.path for series in found for problem in series.strays}
    return tuple(path for path in list_strays(found) if path not in told)


def choose_series(found: ScanData[S], choice: Any) -> S:
    """The series that `choice` names, or the only one; of ``"all"`` one of all files.

    Raises
    ------
    MultipleSeriesError
        Several, and none chosen; or the choice fits none or several.
    InconsistentSeriesError
        ``"all"``, and files are of different patients, studies, modalities or frames of reference.
    """
    if isinstance(choice, str) and choice == "all":
        return merge_series(found)
    if choice is None:
        if len(found) > 1:
            raise _make_several_error(found, f"{len(found)} series in {_shorten_source(found.source)}")
        return found[0]
    rows = match_series(found, choice)
    if len(rows) != 1:
        meant = " (a UID or its beginning, a folder, a description)" if isinstance(choice, str) else ""
        fitting = f"{len(rows)} of {len(found)} series in {_shorten_source(found.source)}"
        what = f"series {_show_choice(choice)}{meant} fits {fitting}"
        raise _make_several_error(found, what)
    return found[rows[0]]


def match_series(found: ScanData[S], choice: Any) -> list[int]:
    """The rows of a scan that a choice fits; a text by the first of `_WAYS_TO_NAME_A_SERIES` that fits any."""
    return _match_rows(list(found), choice, *_WAYS_TO_NAME_A_SERIES)


def choose_stack(series: S, choice: Any) -> S:
    """The stack of a series that `choice` names; the whole series where nothing is chosen.

    Raises
    ------
    DicomLoadError
        The choice fits none or several of the stacks.
    """
    if choice is None:
        return series
    stacks = split(series)
    rows = _match_rows(stacks, choice, _has_label, _holds_in_label)
    if len(rows) != 1:
        listed = _list_rows([f"{s.label or s.title} {_size(s)}" for s in stacks[:_SHOWN]], len(stacks))
        values = tuple(range(len(stacks))) if len(stacks) > 1 else (None,)
        raise DicomLoadError(
            f"stack {_show_choice(choice)} fits {len(rows)} of {len(stacks)} stacks: {listed}",
            files=series.files,
            remedies=[SetOption("stack", values)],
        )
    return stacks[rows[0]]


def _show_choice(choice: Any) -> str:
    """A row as it is; of anything else what it is, as it may be a patient's name."""
    if callable(choice):
        return "given as a callable"
    words = describe_argument(choice)
    return f"given as {words}" if isinstance(choice, str) else words


def _has_uid(series: SeriesData, text: str) -> bool:
    return text == series.uid


def _has_uid_that_begins(series: SeriesData, text: str) -> bool:
    return series.uid is not None and series.uid.startswith(text)


def _lies_in(series: SeriesData, text: str) -> bool:
    """Tell whether a text is the folder of a series, as a path or by its last parts."""
    wanted, folder = _split_path(text), _split_path(series.folder or "")
    return bool(wanted) and folder[-len(wanted) :] == wanted


def _split_path(path: str) -> list[str]:
    return [part for part in path.replace(os.sep, "/").split("/") if part not in ("", ".")]


def _has_description(series: SeriesData, text: str) -> bool:
    return text.casefold() == (series.description or "").casefold()


def _holds_in_title(series: SeriesData, text: str) -> bool:
    return text.casefold() in series.title.casefold()


# The ways in which a text may name a series; the first that fits any decides.
_WAYS_TO_NAME_A_SERIES = (_has_uid, _has_uid_that_begins, _lies_in, _has_description, _holds_in_title)


def _has_label(stack: SeriesData, text: str) -> bool:
    """Tell whether a text is the label of a stack, or one of its values."""
    labels = (stack.label, *(v.words for v in stack.labels), *(f"{v.attribute} {v.words}" for v in stack.labels))
    return text.lower() in (label.lower() for label in labels)


def _holds_in_label(stack: SeriesData, text: str) -> bool:
    """Tell whether a text is a part of the label of a stack."""
    return text.lower() in stack.label.lower()


def _match_rows(
    items: Sequence[SeriesData], choice: Any, *ways_to_name: Callable[[SeriesData, str], bool]
) -> list[int]:
    """Rows of the items that a row number, a text, ``"largest"`` or a callable names.

    A text fits by the first of the ways by which it fits any; the empty one fits none.
    """
    if not isinstance(choice, bool) and hasattr(choice, "__index__"):
        choice = operator.index(choice)  # NumPy's integers too
    if isinstance(choice, bool) or not (isinstance(choice, (int, str)) or callable(choice)):
        raise TypeError(f'choose by a row number, a text, "largest" or a callable, not {describe_argument(choice)}')
    if isinstance(choice, int):
        return [choice % len(items)] if items and -len(items) <= choice < len(items) else []
    if callable(choice):
        return [i for i, item in enumerate(items) if choice(item)]
    if choice == "largest":
        return [_find_largest(items)] if items else []
    fitting = ([i for i, item in enumerate(items) if fits(item, choice)] for fits in ways_to_name if choice)
    return next(filter(None, fitting), [])


def _find_largest(items: Sequence[SeriesData]) -> int:
    return max(range(len(items)), key=lambda i: _count_voxels(items[i]))


def _count_voxels(series: SeriesData) -> int:
    return len(series.frames) * series.rows * series.columns


def _make_several_error(found: ScanData[S], what: str) -> MultipleSeriesError:
    assessed = [assess(s) for s in found]
    listed = _list_rows([line(s, a) for s, a in zip(found[:_SHOWN], assessed, strict=False)], len(found))
    more = ", print(scan(p)) lists them" if len(found) > _SHOWN else ""
    largest, loadable = _find_largest(found.series), [i for i, a in enumerate(assessed) if a.error is None]
    row = max(loadable, key=lambda i: (_count_voxels(found[i]), -i)) if loadable else largest
    rows: tuple[int | str, ...] = (row, "largest") if row == largest else (row,)
    if _is_one_without_uids(found):
        rows = ("all", *rows)
    all_load = len(loadable) == len(found) or all(map(_stacks_load, assessed))
    return MultipleSeriesError(
        f"{what}: {listed}{more}",
        files=[s.files[0] for s in found],
        remedies=[SetOption("series", rows), *([Step.LOAD_ALL] if all_load else [])],
        scan=found,
    )


def _is_one_without_uids(found: ScanData[S]) -> bool:
    """Tell whether series of one slice each make one volume: de-identification may give every file a UID of its own."""
    if len(found) < _FEWEST_SLICES:
        return False
    kinds = {(s.header.study_uid, s.modality, s.rows, s.columns) for s in found}
    if len(kinds) > 1 or any(len(s.frames) > 1 or s.frames[0].position is None for s in found):
        return False
    try:
        return assess(merge_series(found)).error is None
    except DicomLoadError:
        return False


def _list_rows(shown: Sequence[str], count: int) -> str:
    """List rows by their numbers, and how many there are beside those that are shown."""
    more = [f"and {count - len(shown)} more"] if count > len(shown) else []
    return " | ".join([*(f"[{i}] {words}" for i, words in enumerate(shown)), *more])


def _stacks_load(assessed: Assessment) -> bool:
    """Tell whether a series would load, or all of its stacks."""
    stacks = getattr(assessed.error, "stacks", ())
    return assessed.error is None or (bool(stacks) and all(assess(stack).error is None for stack in stacks))


def line(series: SeriesData, assessed: Assessment) -> str:
    """Describe one series in a line: title, slices × rows × columns, spacing."""
    spacing = assessed.spacing
    return f"{series.title} {_size(series)}" + (f" {spacing[2]:.3g} mm" if spacing and len(series.frames) > 1 else "")


def _size(series: SeriesData) -> str:
    return size_words(len(series.frames), series.rows, series.columns)


def _shorten_source(source: str) -> str:
    return os.path.basename(os.path.normpath(source)) or source
