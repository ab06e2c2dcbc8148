"""``vtkdicomload show``: draw a series, or what can be drawn of one that makes no volume."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import DicomLoadError
from .exit_status import FAILED, choose_wording, refuse_unfit_options, report_failure
from .options import (
    Archives,
    Ignore,
    Irregular,
    IrregularOption,
    Paths,
    Place,
    RescaleOption,
    SeriesOption,
    StackOption,
    StorageOption,
    WindowOption,
    read_storage_options,
    read_window,
    require_png,
)
from .terminal import clean, say

if TYPE_CHECKING:
    from ..pictures.windows import Wanted
    from ..series import Scan, Series


def show(
    context: typer.Context,
    paths: Paths,
    output: Annotated[Path, typer.Option("--output", "-o", help="The PNG to write.")] = Path("show.png"),
    series: SeriesOption = None,
    stack: StackOption = None,
    window: WindowOption = None,
    irregular: IrregularOption = Irregular.RAISE,
    ignore: Ignore = None,
    archives: Archives = False,
    storage_option: StorageOption = None,
    rescale: RescaleOption = None,
    colormap: Annotated[
        str | None, typer.Option(metavar="NAME", help="A colour map of matplotlib in the place of grey, with a bar.")
    ] = None,
    overlay: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="Draw over it: contours or segments as outlines, an image or dose as a wash."
        ),
    ] = None,
    overlay_series: Annotated[
        str | None, typer.Option(help="Which series of images or segments there, as --series; no structure set.")
    ] = None,
    overlay_stack: Annotated[str | None, typer.Option(help="Which stack of that series, as --stack.")] = None,
    fill: Annotated[bool, typer.Option("--fill", help="Fill what contours and segments outline.")] = False,
    threshold: Annotated[
        float | None, typer.Option(metavar="FRACTION", help="What a voxel of a fractional segmentation has to reach.")
    ] = None,
    frame_of_reference: Annotated[
        Place,
        typer.Option(help="An overlay that is not known to lie in one place with the series: refuse, or take it."),
    ] = Place.MATCH,
) -> None:
    """Draw a series: three planes at true aspect and a montage.

    Of files that make no volume, what can be drawn, with the reason.
    """
    require_png(output)
    if overlay is None:
        _refuse_without_overlay(
            overlay_series=overlay_series is not None,
            overlay_stack=overlay_stack is not None,
            fill=fill,
            threshold=threshold is not None,
            frame_of_reference=frame_of_reference is Place.IGNORE,
        )
    options = read_storage_options(storage_option)
    with report_failure(context):
        from ..loading.options import make_options
        from ..pictures import sheets
        from ..pictures.canvas import save
        from .finding import choose_series_of, find_at, load_series, make_none_chosen_error
        from .overlaying import OverlayOptions, read_overlay

        with refuse_unfit_options():
            make_options(rescale=True if rescale is None else rescale)
        found = find_at(paths, ignore, archives=archives, storage_options=options)
        if series is None and len(found) > 1:
            for name, value in (("window", window), ("overlay", overlay), ("colormap", colormap), ("rescale", rescale)):
                if value is not None:
                    raise make_none_chosen_error(found, f"--{name} is for one series")
            _show_several(context, found, output)
            return
        chosen = choose_series_of(found, series, stack)
        try:
            volume = load_series(chosen, irregular, ignore, rescale=rescale)
        except DicomLoadError as error:
            _show_refused(context, found, chosen, error, output, read_window(window))
            _tell_unused_options(overlay=overlay, colormap=colormap)
            return
        with refuse_unfit_options():
            over = None
            if overlay is not None:
                over = read_overlay(
                    volume,
                    OverlayOptions(
                        overlay,
                        overlay_series,
                        overlay_stack,
                        options,
                        irregular,
                        colormap,
                        fill,
                        threshold,
                        str(frame_of_reference),
                    ),
                )
            own = colormap if over is None or over.of_masks else None
            figure = sheets.draw_volume(volume, window=read_window(window), colormap=own, overlay=over)
        save(figure, output)
        say(f"{output}: {volume.series.title}")


def _refuse_without_overlay(**given: bool) -> None:
    """Refuse options that are given though nothing is drawn over."""
    for name, is_given in given.items():
        if is_given:
            option = f"--{name.replace('_', '-')}"
            raise typer.BadParameter("it is for what is drawn over, and --overlay is missing", param_hint=option)


def _tell_unused_options(**given: str | None) -> None:
    """Tell of options that only a volume is drawn with."""
    names = [f"--{name}" for name, value in given.items() if value is not None]
    if names:
        say(f"left out, as they are for one volume: {', '.join(names)}", stderr=True, style="yellow")


def _show_several(context: typer.Context, found: Scan, output: Path) -> None:
    from ..pictures import drawable, sheets
    from ..pictures.canvas import save
    from .finding import make_none_chosen_error

    strips = drawable.draw_overview(found)
    what = f"{len(found)} series, and none chosen"
    if len(strips) < len(found):
        what += f"; {len(strips)} of them are shown"
    reason = str(make_none_chosen_error(found, what).reworded(choose_wording(context)))
    save(sheets.draw_strips(strips, f"{len(found)} series", reason, table=clean(repr(found))), output)
    _tell_refused(bool(strips), reason, output)


def _show_refused(
    context: typer.Context, found: Scan, chosen: Series, error: DicomLoadError, output: Path, window: Wanted
) -> None:
    from ..pictures import drawable, sheets
    from ..pictures.canvas import save

    reason = str(error.reworded(choose_wording(context)))
    with refuse_unfit_options():
        strips = drawable.draw_series(chosen, window=window)
    save(sheets.draw_strips(strips, chosen.title, reason, table=clean(repr(found))), output)
    _tell_refused(bool(strips), reason, output)


def _tell_refused(drawn: bool, reason: str, output: Path) -> None:
    say(f"not one volume: {reason}", stderr=True, style="yellow")
    what = "what can be drawn, with the reason" if drawn else "the table and the reason; nothing can be drawn"
    say(f"{output}: {what}")
    if not drawn:
        raise typer.Exit(FAILED)
