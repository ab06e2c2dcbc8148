"""The end of a command: what may go wrong becomes one message on stderr and an exit status.

====== =================================================================================================
status the command
====== =================================================================================================
0      worked; for a listing or picture also if a series would not load: the reason is part of it
1      did not, and says why (``info --json`` has that on stdout too, as ``error``)
2      was given a wrong option
130    was stopped by Ctrl-C
====== =================================================================================================
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from enum import EnumType
from functools import partial
from typing import TYPE_CHECKING, get_type_hints

import typer

from ..errors import DicomLoadError
from ..errors.wording import word_for_shell
from .terminal import say, show_warnings_in_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..errors.wording import Wording

FAILED = 1
INTERRUPTED = 130


@contextmanager
def report_failure(context: typer.Context) -> Iterator[None]:
    """Turn what may go wrong in a command into one message and an exit status."""
    try:
        with show_warnings_in_lines():
            yield
    except DicomLoadError as error:
        raise _fail(str(error.reworded(choose_wording(context)))) from error
    except KeyboardInterrupt as interrupt:
        raise typer.Exit(INTERRUPTED) from interrupt
    except BrokenPipeError as error:
        # The reader of the pipe has gone: nothing is left to say, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(FAILED) from error
    except OSError as error:
        raise _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error)) from error
    except MemoryError as error:
        raise _fail("there is not enough memory") from error


def _fail(message: str) -> typer.Exit:
    say(f"error: {message}", stderr=True, style="red")
    return typer.Exit(FAILED)


def choose_wording(context: typer.Context) -> Wording:
    """The words of the shell, with the options that the command has."""
    options = frozenset(name for parameter in context.command.params for name in parameter.opts)
    kinds = get_type_hints(context.command.callback)
    choices = {
        name: tuple(map(str, kind))
        for parameter in context.command.params
        for name in parameter.opts
        if isinstance(kind := kinds.get(parameter.name or ""), EnumType)
    }
    return partial(word_for_shell, options=options, choices=choices)


@contextmanager
def refuse_unfit_options() -> Iterator[None]:
    """Turn what is wrong with an option's value, seen only with the volume, into an error of the command."""
    try:
        yield
    except ValueError as error:
        if isinstance(error, DicomLoadError):
            raise
        raise DicomLoadError(str(error)) from error
