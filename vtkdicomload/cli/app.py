"""The command line: ``vtkdicomload info``, ``show``, ``render``, ``surface``, ``demo``, ``decompress`` and ``bench``.

Exit status 0 where the command worked (for a listing or picture also if a series would not load: the reason is part of
it), 1 with one message on stderr where it did not (``info --json`` then has it on stdout too, as ``error``), 2 for a
wrong option, 130 after Ctrl-C.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..data import HEAD
from ..errors import DicomLoadError
from .finding import (
    chosen_from,
    found_at,
    listed,
    loaded,
    loaded_or_told,
    require_something,
    row_of,
    source_of,
    told_the_way,
    verified,
    way_past,
)
from .options import Ignore, Irregular, IrregularOption, Paths, SeriesOption, StackOption, View, WindowOption
from .printing import print_comparison, print_facts, print_measured, print_table
from .terminal import clean, in_options, progress_bar, quiet_matplotlib, say, survive_any_encoding, warnings_in_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..pictures.windows import Wanted
    from ..series import Scan, Series


_DETAILED = 8  # series that `info` describes one by one
app = typer.Typer(
    help="DICOM series as checked volumes: list them, look at them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line (the console script `vtkdicomload`)."""
    survive_any_encoding()
    quiet_matplotlib()
    try:
        app(prog_name="vtkdicomload")
    except KeyboardInterrupt:
        sys.exit(130)


def _version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        say(f"vtkdicomload {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def info(
    paths: Paths,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON with stable keys, `error` among them where it failed.")
    ] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Read the pixels too, every frame by two readers.")] = False,
    series: Annotated[str | None, typer.Option(help='Describe this one only: a row, a UID, or "largest".')] = None,
) -> None:
    """List the series at PATH and the Python line that loads each.

    Of each, its geometry, encoding and checks, or why it is no volume.
    """
    if as_json:
        _print_json(paths, series)
        return
    with _reported():
        from . import listing

        source = source_of(paths)
        found = listed(source)
        rows = range(len(found)) if series is None else [row_of(found, series)]
        require_something(found)
        if series is None:
            print_table(found)
        for row in rows[:_DETAILED]:
            say(f"\n[{row}] {found[row].title}", style="bold")
            print_facts(listing.series_lines(found, row, source))
            if verify:
                print_facts(verified(found[row]))
        if len(rows) > _DETAILED:
            say(f"\nand {len(rows) - _DETAILED} more: --series N describes one, --json all")
        if isinstance(source, str) and os.path.isfile(source):
            for line in listing.beside(source, found):
                say(line)


@app.command()
def show(
    paths: Paths,
    output: Annotated[Path, typer.Option("--output", "-o", help="The PNG to write.")] = Path("show.png"),
    series: SeriesOption = None,
    stack: StackOption = None,
    window: WindowOption = None,
    irregular: IrregularOption = Irregular.RAISE,
    ignore: Ignore = None,
) -> None:
    """Draw a series: three planes at true aspect and a montage.

    Of files that make no volume, what can be drawn, with the reason.
    """
    _require_png(output)
    with _reported():
        from ..pictures import sheets
        from ..pictures.canvas import save

        found = found_at(paths, ignore)
        if series is None and len(found) > 1:
            if window is not None:
                raise DicomLoadError(f"--window is for one series → --series 0 … {len(found) - 1}")
            _show_several(found, output)
            return
        chosen = chosen_from(found, series, stack)
        try:
            volume = loaded(chosen, irregular)
        except DicomLoadError as error:
            _show_refused(found, chosen, error, output, _window(window))
            return
        with _options_that_fit():
            figure = sheets.draw_volume(volume, window=_window(window))
        save(figure, output)
        say(f"{output}: {volume.series.title}")


@app.command()
def render(
    paths: Paths,
    output: Annotated[Path, typer.Option("--output", "-o", help="The PNG to write.")] = Path("render.png"),
    iso: Annotated[float | None, typer.Option(help="Draw the surface of this value, as of a CT in HU.")] = None,
    view: Annotated[View, typer.Option(help="The side of the patient to look from.")] = View.FRONT,
    series: SeriesOption = None,
    stack: StackOption = None,
    window: WindowOption = None,
    irregular: IrregularOption = Irregular.RAISE,
    ignore: Ignore = None,
) -> None:
    """Draw a series as a body, or the surface of a value in it.

    Seen from a side of the patient.
    """
    _require_png(output)
    with _reported():
        from ..pictures import rendering
        from ..pictures.canvas import save

        chosen = chosen_from(found_at(paths, ignore), series, stack)
        rendering.require_rendering()
        volume = loaded_or_told(chosen, irregular)
        with _options_that_fit():
            rendered = rendering.render(volume, iso=iso, view=view, window=_window(window))
        save(rendering.draw_rendering(rendered, f"{volume.series.title}, from the {view}"), output)
        say(f"{output}: {volume.series.title}, {rendered.words}, from the {view}")


@app.command()
def surface(
    paths: Paths,
    iso: Annotated[float, typer.Option(help="The value of the surface, as of a CT in HU.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="An .stl, .ply, .obj or .vtp.")] = Path("surface.stl"),
    series: SeriesOption = None,
    stack: StackOption = None,
    irregular: IrregularOption = Irregular.RAISE,
    ignore: Ignore = None,
) -> None:
    """Write the surface of a value as triangles in LPS mm."""
    from ..pictures import surfaces

    try:
        surfaces.surface_format(output)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--output") from error
    with _reported():
        volume = loaded_or_told(chosen_from(found_at(paths, ignore), series, stack), irregular)
        with _options_that_fit():
            made = surfaces.surface_of(volume, iso)
        surfaces.write_surface(made, output)
        say(f"{output}: {volume.series.title}, {surfaces.surface_words(volume, iso, made)}")


@app.command()
def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder for the pictures.")] = Path(
        "vtkdicomload-demo"
    ),
) -> None:
    """Show what the package does, on a head CT that comes with it.

    Beside plain vtkDICOMImageReader.
    """
    with _reported():
        start = time.perf_counter()
        from .._api import scan
        from . import demo as demonstration

        print_table(scan(os.fspath(HEAD)))
        made = demonstration.run(output)
        say(f"\n{made.volume!r}\n")
        print_comparison(demonstration.HEADINGS, made.theirs, made.ours)
        say("\nThe same pixels; only one image knows where they lie. The time of vtkdicomload includes its checks.")
        if made.trouble:
            say(f"no surface: {made.trouble}", stderr=True, style="yellow")
        say("\nPictures:")
        for path in made.files:
            say(f"  {path.resolve()}")
        say(f"\nAll of it took {time.perf_counter() - start:.1f} s. To paste into Python:")
        say("  import vtkdicomload as vdl")
        say(f"  volume = vdl.load({os.fspath(HEAD)!r})")
        say("  print(volume); volume.frames, volume.image  # numpy, vtkImageData: one memory")


@app.command()
def decompress(
    source: Annotated[str, typer.Argument(metavar="SRC", help="A folder, or a file.", show_default=False)],
    target: Annotated[str, typer.Argument(metavar="DST", help="The folder for the new files.", show_default=False)],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist in DST.")] = False,
    ignore: Ignore = None,
) -> None:
    """Write the images of SRC again uncompressed, to DST.

    As Explicit VR Little Endian, which every reader reads: all of them, or none.
    """
    with _reported():
        from ..convert.decompress import decompress as rewrite
        from ..convert.decompress import summary_words

        with progress_bar("writing") as progress:
            done = rewrite(source, target, overwrite=overwrite, ignore=ignore or (), progress=progress)
        total, *details = summary_words(done)
        say(f"{target}: {total}")
        for line in details:
            say(f"  {line}")


@app.command()
def bench(
    paths: Paths,
    series: SeriesOption = None,
    stack: StackOption = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds that count.")] = 5,
    ignore: Ignore = None,
) -> None:
    """Time the ways to load a series, side by side.

    And compare the values they give.
    """
    with _reported():
        from .._api import load
        from ..loading.comparison import compare

        chosen = chosen_from(found_at(paths, ignore), series, stack)
        with progress_bar("timing") as progress, told_the_way(chosen):
            measured = compare(chosen, load, rounds=rounds, progress=progress)
        print_measured(measured)


# ---------------------------------------------------------------------------------------------------- steps
@contextmanager
def _reported() -> Iterator[None]:
    """Turn what may go wrong into one message and an exit status."""
    try:
        with warnings_in_lines():
            yield
    except DicomLoadError as error:
        raise _failed(str(error)) from error
    except KeyboardInterrupt as interrupt:
        raise typer.Exit(130) from interrupt
    except BrokenPipeError as error:
        # The reader of the pipe has gone: nothing is left to say, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from error
    except OSError as error:
        raise _failed(f"{error.filename}: {error.strerror}" if error.filename else str(error)) from error
    except MemoryError as error:
        raise _failed("there is not enough memory") from error


def _failed(message: str) -> typer.Exit:
    say(f"error: {in_options(message)}", stderr=True, style="red")
    return typer.Exit(1)


def _window(words: str | None) -> Wanted:
    from ..pictures.windows import window_argument

    return None if words is None else window_argument(words)


@contextmanager
def _options_that_fit() -> Iterator[None]:
    """Turn what is wrong with an option's value, seen only with the volume, into an error of the command."""
    try:
        yield
    except (ValueError, TypeError) as error:
        if isinstance(error, DicomLoadError):
            raise
        raise DicomLoadError(str(error)) from error


def _require_png(output: Path) -> None:
    if output.suffix.lower() not in ("", ".png"):
        raise typer.BadParameter(f"pictures are written as PNG: {output} should end in .png", param_hint="--output")


def _print_json(paths: list[str], series: str | None) -> None:
    """The list as JSON; what went wrong is a part of it, beside the message on stderr and the exit status."""
    with _reported():
        from . import listing

        source = source_of(paths)
        report = listing.empty_json(source)
        try:
            found = listed(source)
            report = listing.scan_json(found, source)
            if series is not None:
                report["series"] = [report["series"][row_of(found, series)]]
            require_something(found)
        except (DicomLoadError, OSError) as error:
            print(json.dumps({**report, "error": str(error)}, indent=2))
            raise
        print(json.dumps(report, indent=2))


def _show_several(found: Scan, output: Path) -> None:
    from ..pictures import drawable, sheets
    from ..pictures.canvas import save

    reason = f"{len(found)} series, and none chosen → --series 0 … {len(found) - 1}"
    strips = drawable.overview(found)
    if len(strips) < len(found):
        reason += f"; {len(strips)} of them are shown"
    save(sheets.draw_strips(strips, f"{len(found)} series", reason, table=clean(repr(found))), output)
    _tell_refused(bool(strips), reason, output)


def _show_refused(found: Scan, chosen: Series, error: DicomLoadError, output: Path, window: Wanted) -> None:
    from ..pictures import drawable, sheets
    from ..pictures.canvas import save

    with _options_that_fit():
        strips = drawable.strips_of(chosen, window=window)
    save(sheets.draw_strips(strips, chosen.title, str(error), table=clean(repr(found))), output)
    _tell_refused(bool(strips), f"{error}{way_past(chosen, error)}", output)


def _tell_refused(drawn: bool, reason: str, output: Path) -> None:
    say(f"not one volume: {in_options(reason)}", stderr=True, style="yellow")
    what = "what can be drawn, with the reason" if drawn else "the table and the reason; nothing can be drawn"
    say(f"{output}: {what}")
    if not drawn:
        raise typer.Exit(1)
