"""``vtkdicomload surface``: write the surface of a value as triangles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .exit_status import refuse_unfit_options, report_failure
from .options import (
    Archives,
    GridOption,
    Ignore,
    OntoGrid,
    Paths,
    SeriesOption,
    StackOption,
    StorageOption,
    read_storage_options,
)
from .terminal import say


def surface(
    context: typer.Context,
    paths: Paths,
    iso: Annotated[float, typer.Option(help="The value of the surface, as of a CT in HU.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="An .stl, .ply, .obj or .vtp.")] = Path("surface.stl"),
    series: SeriesOption = None,
    stack: StackOption = None,
    irregular: GridOption = OntoGrid.RAISE,
    ignore: Ignore = None,
    archives: Archives = False,
    storage_option: StorageOption = None,
) -> None:
    """Write the surface of a value as triangles in LPS mm.

    Where the files do not say where that is, from the first voxel, as it says.
    """
    from ..pictures import surfaces
    from .finding import choose_series_of, find_at, load_series

    try:
        surfaces.find_surface_format(output)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--output") from error
    options = read_storage_options(storage_option)
    with report_failure(context):
        volume = load_series(
            choose_series_of(
                find_at(paths, ignore, archives=archives, storage_options=options),
                series,
                stack,
            ),
            irregular,
            ignore,
        )
        with refuse_unfit_options():
            made = surfaces.extract_surface(volume, iso)
        surfaces.write_surface(made, output)
        say(f"{output}: {volume.series.title}, {surfaces.describe_surface(volume, iso, made)}")
