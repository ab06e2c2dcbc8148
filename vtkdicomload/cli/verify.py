"""``vtkdicomload verify``: every stack at a path read by two readers, and what they say."""

from __future__ import annotations

from typing import Annotated

import typer

from .bulk_options import BulkOptions, share_options
from .exit_status import FAILED, report_failure
from .options import Irregular, IrregularOption


@share_options
def verify(
    context: typer.Context,
    shared: BulkOptions,
    source: Annotated[
        str, typer.Argument(metavar="ROOT", help="A folder, a file, an archive or a URL.", show_default=False)
    ],
    record: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write down what is found there; the next run goes on by it.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Read again what an earlier run has found equal.")] = False,
    irregular: IrregularOption = Irregular.RAISE,
) -> None:
    """Read every stack at ROOT by two readers, and compare them.

    It says where they differ, and where there was no second one. With --record a run that was stopped goes on where it
    was. The exit status is 0 where all stacks are equal.
    """
    with report_failure(context):
        from .._api.bulk import verify as work
        from .printing import print_verification

        done = shared.run(work, "verifying", source, record=record, resume=not fresh, irregular=irregular.value)
        if not shared.json:
            print_verification(done)
    if not done.whole:
        raise typer.Exit(FAILED)
