"""``vtkdicomload render``: draw a series as a body, or a surface in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .exit_status import refuse_unfit_options, report_failure
from .finding import choose_series_of, find_at, load_series
from .options import (
    Archives,
    GridOption,
    Ignore,
    OntoGrid,
    Paths,
    SeriesOption,
    StackOption,
    View,
    WindowOption,
    read_window,
    require_png,
)
from .terminal import say


def render(
    context: typer.Context,
    paths: Paths,
    output: Annotated[Path, typer.Option("--output", "-o", help="The PNG to write.")] = Path("render.png"),
    iso: Annotated[float | None, typer.Option(help="Draw the surface of this value, as of a CT in HU.")] = None,
    view: Annotated[View, typer.Option(help="The side of the patient to look from.")] = View.FRONT,
    series: SeriesOption = None,
    stack: StackOption = None,
    window: WindowOption = None,
    irregular: GridOption = OntoGrid.RAISE,
    ignore: Ignore = None,
    archives: Archives = False,
) -> None:
    """Draw a series as a body, or the surface of a value in it.

    Seen from a side of the patient.
    """
    require_png(output)
    with report_failure(context):
        from ..pictures import rendering
        from ..pictures.canvas import save

        chosen = choose_series_of(find_at(paths, ignore, archives=archives), series, stack)
        rendering.require_rendering()
        volume = load_series(chosen, irregular, ignore)
        with refuse_unfit_options():
            rendered = rendering.render(volume, iso=iso, view=view, window=read_window(window))
        save(rendering.draw_rendering(rendered, f"{volume.series.title}, from the {view}"), output)
        say(f"{output}: {volume.series.title}, {rendered.words}, from the {view}")
