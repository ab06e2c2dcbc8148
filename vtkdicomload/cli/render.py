"""``vtkdicomload render``: draw a series as a body, or a surface in it."""

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
    View,
    WindowOption,
    read_storage_options,
    read_window,
    require_png,
)
from .terminal import say


def render(
    context: typer.Context,
    paths: Paths,
    output: Annotated[Path, typer.Option("--output", "-o", help="The PNG to write.")] = Path("render.png"),
    iso: Annotated[float | None, typer.Option(help="Draw the surface of this value, as of a CT in HU.")] = None,
    view: Annotated[
        View | None,
        typer.Option(help="The side of the patient to look from: by default the front.", show_default=False),
    ] = None,
    series: SeriesOption = None,
    stack: StackOption = None,
    window: WindowOption = None,
    irregular: GridOption = OntoGrid.RAISE,
    ignore: Ignore = None,
    archives: Archives = False,
    storage_option: StorageOption = None,
) -> None:
    """Draw a series as a body, or the surface of a value in it.

    Seen from a side of the patient; as stored, from the first slice, where the files do not say which side is which;
    colour and single slices flat.
    """
    require_png(output)
    options = read_storage_options(storage_option)
    with report_failure(context):
        from ..pictures import rendering, sheets
        from ..pictures.canvas import save
        from .finding import choose_series_of, find_at, load_series

        chosen = choose_series_of(
            find_at(paths, ignore, archives=archives, storage_options=options),
            series,
            stack,
        )
        rendering.require_rendering()
        volume = load_series(chosen, irregular, ignore)
        title = volume.series.title
        with refuse_unfit_options():
            colour = volume.frames.ndim == 4
            if (colour or volume.frames.shape[0] == 1) and iso is None and view is None:
                save(sheets.draw_volume(volume, window=read_window(window)), output)
                say(f"{output}: {title}, {'colour' if colour else 'one slice'}, drawn flat")
                return
            rendered = rendering.render(volume, iso=iso, view=view, window=read_window(window))
        save(rendering.draw_rendering(rendered, f"{title}, from the {rendered.side}"), output)
        say(f"{output}: {title}, {rendered.words}, from the {rendered.side}")
