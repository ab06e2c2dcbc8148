"""``vtkdicomload info``: list the series at a path."""

from __future__ import annotations

import json
import os
from typing import Annotated, Any

import typer

from ..errors import DicomLoadError
from .exit_status import choose_wording, report_failure
from .options import Archives, Ignore, Paths, StorageOption, read_storage_options
from .printing import print_facts, print_table
from .terminal import say

_DETAILED = 8  # series that are described one by one


def info(
    context: typer.Context,
    paths: Paths,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON with stable keys, `error` among them where it failed.")
    ] = False,
    verify_pixels: Annotated[
        bool, typer.Option("--verify", help="Read the pixels too, every frame by two readers.")
    ] = False,
    with_files: Annotated[bool, typer.Option("--files", help="Name the files of each series in the JSON too.")] = False,
    series: Annotated[
        str | None,
        typer.Option(help='Describe this one only: a row, a UID, a folder, words, "largest", or "all" files as one.'),
    ] = None,
    ignore: Ignore = None,
    archives: Archives = False,
    storage_option: StorageOption = None,
) -> None:
    """List the series at PATH and the Python line that loads each.

    Of each, its geometry, encoding and checks, or why it is no volume.
    """
    options = read_storage_options(storage_option)
    with report_failure(context):
        if as_json:
            _print_json(context, paths, series, ignore, archives, options, with_files)
        elif with_files:
            raise typer.BadParameter("the files are named with --json", param_hint="--files")
        else:
            _print_list(paths, series, verify_pixels, ignore, archives, options)


def _print_list(
    paths: list[str],
    series: str | None,
    verify_pixels: bool,
    ignore: list[str] | None,
    archives: bool,
    storage_options: dict[str, Any],
) -> None:
    from . import listing
    from .finding import ALL, find_row, join_paths, list_series, require_something, verify

    source = join_paths(paths)
    found = list_series(source, ignore, archives=archives, storage_options=storage_options, as_one=series == ALL)
    asked = listing.Asked(source, series == ALL, ignore or (), archives)
    rows = range(len(found)) if series in (None, ALL) else [find_row(found, str(series))]
    require_something(found)
    if series is None:
        print_table(found)
    for row in rows[:_DETAILED]:
        say(f"\n[{row}] {found[row].title}", style="bold")
        print_facts(listing.describe_series(found, row, asked))
        if verify_pixels:
            print_facts(verify(found[row], ignore))
    if len(rows) > _DETAILED:
        say(f"\nand {len(rows) - _DETAILED} more: --series N describes one, --json all")
    if isinstance(source, str) and os.path.isfile(source) and [f for s in found for f in s.files] == [source]:
        for line in listing.list_beside(source, found):
            say(line)


def _print_json(
    context: typer.Context,
    paths: list[str],
    series: str | None,
    ignore: list[str] | None,
    archives: bool,
    storage_options: dict[str, Any],
    with_files: bool,
) -> None:
    """Print the list as JSON; what went wrong is a part of it, beside the message on stderr and the exit status."""
    from . import listing
    from .finding import ALL, find_row, join_paths, list_series, require_something

    source = join_paths(paths)
    report = listing.make_empty_json(source)
    try:
        found = list_series(source, ignore, archives=archives, storage_options=storage_options, as_one=series == ALL)
        asked = listing.Asked(source, series == ALL, ignore or (), archives)
        report = listing.scan_json(found, asked, with_files=with_files)
        if series not in (None, ALL):
            report["series"] = [report["series"][find_row(found, str(series))]]
        require_something(found)
    except (DicomLoadError, OSError) as error:
        said = error.reworded(choose_wording(context)) if isinstance(error, DicomLoadError) else error
        print(json.dumps({**report, "error": str(said)}, indent=2))
        raise
    print(json.dumps(report, indent=2))
