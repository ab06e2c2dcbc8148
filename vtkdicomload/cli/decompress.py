"""``vtkdicomload decompress``: write files again uncompressed."""

from __future__ import annotations

from typing import Annotated

import typer

from .exit_status import report_failure
from .options import Archives, Ignore, StorageOption, read_storage_options
from .terminal import say, show_progress


def decompress(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SRC", help="A folder, or a file.", show_default=False)],
    target: Annotated[str, typer.Argument(metavar="DST", help="The folder for the new files.", show_default=False)],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist in DST.")] = False,
    ignore: Ignore = None,
    archives: Archives = False,
    storage_option: StorageOption = None,
) -> None:
    """Write the images of SRC again uncompressed, to DST.

    As Explicit VR Little Endian, which every reader reads: all of them, or none.
    """
    options = read_storage_options(storage_option)
    with report_failure(context):
        from ..conversions import decompress as work

        with show_progress("writing") as progress:
            done = work.decompress(
                source,
                target,
                overwrite=overwrite,
                ignore=ignore or (),
                archives=archives,
                storage_options=options,
                progress=progress,
            )
        total, *details = work.summarize(done)
        say(f"{target}: {total}")
        for line in details:
            say(f"  {line}")
