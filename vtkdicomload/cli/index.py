"""``vtkdicomload index``: what the headers of an archive say, in Parquet files."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import DicomLoadError
from .exit_status import report_failure
from .options import Archives, Scheduler, StorageOption, read_storage_options
from .terminal import make_console, say, show_progress

if TYPE_CHECKING:
    from .._api.index import Index
    from ..catalog.index.counts import Counts


def index(
    context: typer.Context,
    root: Annotated[
        str, typer.Argument(metavar="ROOT", help="A folder, an archive or the URL of one.", show_default=False)
    ],
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="The folder for the index, outside of ROOT.", show_default=False)
    ],
    identity: Annotated[
        bool, typer.Option("--identity", help="Write PatientID and PatientName; else a key for each patient.")
    ] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads that read headers; by default one.")] = None,
    client: Scheduler = None,
    archives: Archives = False,
    storage_option: StorageOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON with stable keys.")] = False,
) -> None:
    """Write what the headers in ROOT say as Parquet files, to PATH.

    A row a file, and a row a stack. A second run opens only files that are new or have changed, and goes on where the
    first was stopped. Paths and descriptions are written; they may name patients. The exit status is 0 where the index
    is whole.
    """
    with report_failure(context):
        from .._api.index import Index
        from ..bulk.cluster import connect

        with connect(client) as connected, show_progress("indexing") as progress:
            try:
                built = Index.build(
                    root,
                    path,
                    archives=archives,
                    storage_options=read_storage_options(storage_option),
                    identity=identity,
                    workers=workers,
                    client=connected,
                    progress=progress,
                )
            except (ValueError, ImportError) as error:
                raise error if isinstance(error, DicomLoadError) else DicomLoadError(str(error)) from error
        if as_json:
            summary = {"path": built.path, "root": built.root, "files_read": built.files_read}
            print(json.dumps({**summary, **asdict(built.counts)}, indent=2))
        else:
            _print_summary(built, built.counts)


def _print_summary(built: Index, counts: Counts) -> None:
    from rich.table import Table

    say(f"{built.path}: index of {built.root}, {built.files_read} files read")
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(justify="right")
    for number, words in (
        (counts.files, "files"),
        (counts.images, "with images"),
        (counts.skipped, "passed over"),
        (counts.damaged, "damaged"),
        (counts.series, "series"),
        (counts.stacks, "stacks"),
        (counts.loads, "that load"),
    ):
        table.add_row(str(number), words)
    make_console().print(table)
