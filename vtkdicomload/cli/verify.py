"""``vtkdicomload verify``: every stack at a path read by two readers, and what they say."""

from __future__ import annotations

from typing import Annotated

import typer

from .exit_status import FAILED, report_failure
from .options import (
    Archives,
    Ignore,
    Irregular,
    IrregularOption,
    JsonLines,
    Scheduler,
    StorageOption,
    Workers,
    read_storage_options,
)
from .terminal import show_progress


def verify(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="ROOT", help="A folder, a file, an archive or a URL.", show_default=False)
    ],
    record: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write down what is found there; the next run goes on by it.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Read again what an earlier run has found equal.")] = False,
    json: JsonLines = False,
    irregular: IrregularOption = Irregular.RAISE,
    workers: Workers = None,
    client: Scheduler = None,
    ignore: Ignore = None,
    archives: Archives = False,
    storage_option: StorageOption = None,
) -> None:
    """Read every stack at ROOT by two readers, and compare them.

    It says where they differ, and where there was no second one. With --record a run that was stopped goes on where it
    was. The exit status is 0 where all stacks are equal.
    """
    with report_failure(context):
        from .._api.bulk import verify as work
        from ..bulk.cluster import connect
        from .printing import print_outcomes_as_json, print_verification

        with connect(client) as connected, show_progress("verifying") as progress:
            done = work(
                source,
                record=record,
                resume=not fresh,
                workers=workers,
                client=connected,
                ignore=ignore or (),
                archives=archives,
                storage_options=read_storage_options(storage_option),
                irregular=irregular.value,
                progress=progress,
            )
        if json:
            print_outcomes_as_json(done)
        else:
            print_verification(done)
    if not done.whole:
        raise typer.Exit(FAILED)
