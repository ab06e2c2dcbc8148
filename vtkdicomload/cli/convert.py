"""``vtkdicomload convert``: every stack at a path as a file of another format."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from .bulk_options import BulkOptions, share_options
from .exit_status import FAILED, report_failure
from .options import GridOption, OntoGrid
from .terminal import say


class Format(StrEnum):
    """The formats that are written."""

    NII_GZ = "nii.gz"
    NII = "nii"
    NRRD = "nrrd"
    MHA = "mha"
    VTI = "vti"
    NPZ = "npz"
    ZARR = "zarr"
    OME_ZARR = "ome.zarr"


class Per(StrEnum):
    """The content of one file."""

    STACK = "stack"
    SERIES = "series"


@share_options
def convert(
    context: typer.Context,
    shared: BulkOptions,
    source: Annotated[
        str, typer.Argument(metavar="SRC", help="A folder, a file, an archive or a URL.", show_default=False)
    ],
    target: Annotated[str, typer.Argument(metavar="DST", help="The folder for the new files.", show_default=False)],
    format: Annotated[Format, typer.Option(help="The format of the new files.")] = Format.NII_GZ,  # noqa: A002
    per: Annotated[Per, typer.Option(help="One file a stack, or of NIfTI one 4-D file a series.")] = Per.STACK,
    name: Annotated[
        str | None, typer.Option(help="The names, such as {modality}_{number}_{description}_{uid:8}; / makes folders.")
    ] = None,
    spacing: Annotated[float | None, typer.Option(help="Interpolate onto voxels of this size in mm.")] = None,
    irregular: GridOption = OntoGrid.RAISE,
    fresh: Annotated[bool, typer.Option("--fresh", help="Make again what an earlier run has made.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be written, and write nothing.")] = False,
) -> None:
    """Write every stack at SRC as a file in DST.

    A second run goes on where the first was stopped. DST/conversion.jsonl says what was made of which files, what was
    refused and why. The exit status is 0 where nothing was refused.
    """
    with report_failure(context):
        from .._api.bulk import convert as work
        from ..bulk.naming import DEFAULT_TEMPLATE, check_template
        from .printing import print_as_json

        try:
            check_template(name or DEFAULT_TEMPLATE)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--name") from error
        done = shared.run(
            work,
            "converting",
            source,
            target=target,
            format=format.value,
            per=per.value,
            name=name or DEFAULT_TEMPLATE,
            grid=spacing,
            resume=not fresh,
            dry_run=dry_run,
            irregular=irregular.value,
        )
        if shared.json:
            for path in done.outdated:
                print_as_json({"status": "outdated", "path": path})
        else:
            if dry_run:
                for outcome in done:
                    say(f"{outcome.status}: {outcome.path}")
            say(repr(done))
    if not done.whole:
        raise typer.Exit(FAILED)
