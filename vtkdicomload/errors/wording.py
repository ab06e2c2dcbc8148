"""Remedies in words, each where it is read: in Python, in a shell, in a VTK pipeline.

A wording takes the remedies of an error and gives the words of each; None for one that there is no way to say there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from .remedies import (
    BuildIndex,
    GetAgain,
    Install,
    LeaveOut,
    LoadFile,
    LoadFolder,
    Remedy,
    SaveAs,
    SetOption,
    Step,
    TrustReader,
    Unpack,
    Use,
)

Wording = Callable[[Sequence[Remedy]], list[str | None]]

_NAMED = 8  # files that a message names one by one
_TRUSTED = "once you know which is right"
_SHELL_OPTIONS = frozenset(("--ignore", "--series", "--stack", "--irregular", "--overwrite", "--archives"))
_VTK_METHODS = {
    "series": "SetSeries",
    "stack": "SetStack",
    "time_dimension": "SetTimeDimension",
    "ignore": "SetIgnore",
    "order": "SetOrder",
    "irregular": "SetIrregular",
    "tolerance": "SetTolerance",
    "engine": "SetEngine",
    "verify": "SetVerify",
    "rescale": "SetRescale",
    "max_bytes": "SetMaxBytes",
    "archives": "SetArchives",
}


def compose_message(what: str, remedies: Sequence[Remedy], wording: Wording) -> str:
    """Add the ways past an error to what is wrong: ``what → this, or that``."""
    words = [way for way in wording(remedies) if way]
    if not words:
        return what
    *first, last = words
    return f"{what} → {', '.join(first)}, or {last}" if first else f"{what} → {last}"


# ---------------------------------------------------------------------------------------------------- three wordings
def word_for_python(remedies: Sequence[Remedy]) -> list[str | None]:
    """Say remedies as arguments and calls of this package: ``ignore=[…]``, ``stack=0 … 3``, ``load_all(p)``."""
    return [_say_in_python(remedy, row) for row, remedy in enumerate(remedies)]


def _say_in_python(remedy: Remedy, row: int) -> str | None:
    match remedy:
        case LeaveOut(files):
            return f"ignore={list(files)!r}" if len(files) <= _NAMED else f"ignore=error.remedies[{row}].files"
        case SetOption(option, (None,)):
            return f"leave {option}= out"
        case SetOption(option, values, note, function):
            words = f"{option}={_list_values(values, _write_literal)}"
            return (f"{function}(…, {words})" if function else words) + _bracket(note)
        case TrustReader(engine):
            return f'engine={_write_literal(engine)}, verify="none" {_TRUSTED}'
        case Step.LOAD_ALL:
            return "load_all(p)"
        case LoadFolder(path) | LoadFile(path):
            return f"load({path!r})"
        case Step.SCAN_AGAIN:
            return "load again"
        case Step.EXPAND_HOME:
            return "load(os.path.expanduser(p))"
        case Step.EXPAND_WILDCARDS:
            return "load(sorted(glob.glob(p)))"
    return _say_anywhere(remedy)


def word_for_shell(
    remedies: Sequence[Remedy],
    options: Collection[str] = _SHELL_OPTIONS,
    windows: bool = os.name == "nt",
    choices: Mapping[str, Collection[str]] | None = None,
) -> list[str | None]:
    """Say remedies as options of a command, as the shell of the system takes them: ``--ignore x``, ``--stack 0 … 3``.

    Parameters
    ----------
    remedies : sequence of Remedy
        What goes past an error.
    options : collection of str
        The options that the command has.
    windows : bool
        Whether the shell is that of Windows.
    choices : mapping of str to collection of str, optional
        The only values that some of the options take.
    """
    allowed = (_keep_choices(remedy, choices or {}) for remedy in remedies)
    say = partial(_say_in_shell, options=options, quoted=partial(quote, windows=windows))
    return [None if remedy is None else say(remedy) for remedy in allowed]


def _keep_choices(remedy: Remedy, choices: Mapping[str, Collection[str]]) -> Remedy | None:
    """A remedy with those of its values that a command takes; None where it takes none."""
    if not isinstance(remedy, SetOption) or (name := _name_in_shell(remedy.option)) not in choices:
        return remedy
    values = tuple(value for value in remedy.values if value in choices[name])
    return replace(remedy, values=values) if values else None


def _name_in_shell(option: str) -> str:
    return f"--{option.replace('_', '-')}"


def _say_in_shell(remedy: Remedy, options: Collection[str], quoted: Callable[[Sequence[str]], str]) -> str | None:
    match remedy:
        case LeaveOut(files):
            if "--ignore" not in options:
                return None
            parts = [part for path in files for part in ("--ignore", path)]
            return quoted(parts) if len(files) <= _NAMED else "an --ignore for each"
        case SetOption(option, values, note):
            name = _name_in_shell(option)
            if name not in options:
                return None
            if values == (None,):
                return f"leave {name} out"
            words = name if values[0] is True else f"{name} {_list_values(values, lambda v: quoted([str(v)]))}"
            return words + _bracket(note)
        case LoadFolder(path) | LoadFile(path):
            return f"{quoted([path])} in its place"
        case BuildIndex(root, index, archives):
            return quoted(["vtkdicomload", "index", root, index, *["--archives"] * archives])
        case Step.SCAN_AGAIN:
            return "run it again"
        case Step.EXPAND_HOME | Step.EXPAND_WILDCARDS:
            return "without the quotes"
        case TrustReader() | Step.LOAD_ALL | Step.RAW_PATH:
            return None
    return _say_anywhere(remedy)


def word_for_vtk(remedies: Sequence[Remedy]) -> list[str | None]:
    """Say remedies as methods of `DICOMSeriesSource`: ``SetIgnore([…])``, ``SetStack(0)``."""
    return [_say_in_vtk(remedy, row) for row, remedy in enumerate(remedies)]


def _say_in_vtk(remedy: Remedy, row: int) -> str | None:
    match remedy:
        case LeaveOut(files):
            return (
                f"SetIgnore({list(files)!r})"
                if len(files) <= _NAMED
                else f"SetIgnore(GetError().remedies[{row}].files)"
            )
        case SetOption(option, values, note):
            method = _VTK_METHODS.get(option)
            return method and _list_values(values, lambda v: f"{method}({_write_literal(v)})") + _bracket(note)
        case TrustReader(engine):
            return f'SetEngine({_write_literal(engine)}) and SetVerify("none") {_TRUSTED}'
        case LoadFolder(folder):
            return f"SetDirectoryName({folder!r})"
        case LoadFile(file):
            return f"SetFileName({file!r})"
        case Step.SCAN_AGAIN:
            return "Update() again"
        case Step.LOAD_IMAGES:
            return "SetDirectoryName of the folder of the images"
        case Step.EXPAND_HOME:
            return "os.path.expanduser of the name"
        case Step.EXPAND_WILDCARDS:
            return "SetFileNames(sorted(glob.glob(name)))"
        case Step.LOAD_ALL:
            return None
    return _say_anywhere(remedy)


# ---------------------------------------------------------------------------------------------------- parts of them
def _say_anywhere(remedy: Remedy) -> str:
    """Words that are the same wherever they are read."""
    match remedy:
        case GetAgain(files):
            return f"get the file{'s' * (len(files) > 1)} again"
        case Unpack(_, command):
            return quote(command) or "unpack it first"
        case Install(packages, "pip"):
            return " ".join((sys.executable, "-m pip install", *packages))
        case Install(packages, installer):
            return " ".join((installer, "install", *packages))
        case SaveAs(suffixes):
            return f"{', '.join(suffixes[:-1])} or {suffixes[-1]}" if len(suffixes) > 1 else suffixes[0]
        case BuildIndex(root, index, archives):
            return f"Index.build({root!r}, {index!r}{', archives=True' * archives})"
        case Use(what):
            return what
        case Step():
            return remedy.value
    raise TypeError(f"{remedy!r} has no words")


def quote(words: Sequence[str], windows: bool = os.name == "nt") -> str:
    """A command or a part of one, as the shell takes it."""
    if windows:
        from subprocess import list2cmdline

        return list2cmdline(words)
    import shlex

    return shlex.join(words)


def _list_values(values: Sequence[Any], say: Callable[[Any], str]) -> str:
    """Say values one may choose from; numbers that follow each other as the first and the last."""
    said = [say(value) for value in values]
    if len(values) > 2 and list(values) == list(range(len(values))):
        return f"{said[0]} … {said[-1]}"
    if len(said) > _NAMED:
        return f"{said[0]}, {said[1]} … ({len(said)} values)"
    return f"{', '.join(said[:-1])} or {said[-1]}" if len(said) > 1 else said[0]


def _write_literal(value: Any) -> str:
    """A value as Python writes it, plain text in double quotes."""
    plain = isinstance(value, str) and value.isprintable() and not set(value) & {'"', "\\"}
    return f'"{value}"' if plain else repr(value)


def _bracket(note: str) -> str:
    return f" ({note})" if note else ""
