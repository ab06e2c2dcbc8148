"""The command line: ``vtkdicomload info``, ``show``, ``render``, ``convert``, ``verify``, ``index`` and others.

Each command is a module; what they have in common is how they end: `vtkdicomload.cli.exit_status`. All of them are
imported for any one, so each imports what it works with when it runs.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from .bench import bench
from .convert import convert
from .decompress import decompress
from .demo import demo
from .exit_status import INTERRUPTED
from .index import index
from .info import info
from .render import render
from .show import show
from .surface import surface
from .terminal import quiet_matplotlib, say, survive_any_encoding
from .verify import verify

app = typer.Typer(
    help="DICOM series as checked volumes: list them, look at them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line (the console script `vtkdicomload`)."""
    survive_any_encoding()
    quiet_matplotlib()
    try:
        app(prog_name="vtkdicomload")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _print_version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        say(f"vtkdicomload {__version__}")
        raise typer.Exit


@app.callback()
def _take_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


for command in (info, show, render, surface, convert, verify, index, demo, decompress, bench):
    app.command()(command)
