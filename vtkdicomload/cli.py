"""The command line: ``vtkdicomload info``, ``show``, ``demo``, ``decompress`` and ``bench``.

Exit status 0 where the command worked (for a listing or picture also if a series would not load: the reason is part of
it), 1 with one message on stderr where it did not, 2 for a wrong option, 130 after Ctrl-C.
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

from .errors import DicomLoadError
from .terminal import clean, console, progress_bar, quiet_matplotlib, say, survive_any_encoding, warnings_in_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .comparison import Comparison
    from .scan import Scan
    from .series import Series
    from .volume import Volume

_DETAILED = 8  # series that `info` describes one by one
app = typer.Typer(
    help="DICOM series as checked volumes: list them, look at them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
Paths = Annotated[list[str], typer.Argument(metavar="PATH", help="A folder, or files.", show_default=False)]


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
        from . import __version__

        say(f"vtkdicomload {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    pass


@app.command()
def info(
    paths: Paths,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON with stable keys.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Read the pixels too, every frame by two readers.")] = False,
    series: Annotated[str | None, typer.Option(help="Describe this row only.")] = None,
) -> None:
    """List the series at PATH: geometry, encoding, checks, and the Python line that loads each."""
    with _reported():
        from . import listing

        source = _source(paths)
        found = _scanned(source)
        rows = range(len(found)) if series is None else [_row(found, series)]
        if as_json:
            print(json.dumps(listing.scan_json(found, source), indent=2))
        _require_something(found, source)
        if as_json:
            return
        _print_table(found)
        for row in rows[:_DETAILED]:
            say(f"\n[{row}] {found[row].title}", style="bold")
            _print_facts(listing.series_lines(found, row, source))
            if verify:
                _print_facts(_verified(found[row]))
        if len(rows) > _DETAILED:
            say(f"\nand {len(rows) - _DETAILED} more: --series N describes one, --json all")
        if isinstance(source, str) and os.path.isfile(source):
            for line in listing.beside(source, found):
                say(line)


@app.command()
def show(
    paths: Paths,
    output: Annotated[Path, typer.Option("--output", "-o", help="The PNG to write.")] = Path("show.png"),
    series: Annotated[str | None, typer.Option(help='A row of `info`, a UID, or "largest".')] = None,
    stack: Annotated[str | None, typer.Option(help="A stack of the series: its row or label.")] = None,
) -> None:
    """Draw a series: three planes at true aspect and a montage; or what can be drawn, and why it is no volume."""
    if output.suffix.lower() not in ("", ".png"):
        raise typer.BadParameter(f"pictures are written as PNG: {output} should end in .png", param_hint="--output")
    with _reported():
        from . import pictures

        found = _found(paths)
        if series is None and len(found) > 1:
            _show_several(found, output)
            return
        chosen = found[0 if series is None else _row(found, series)]
        if stack is not None:
            chosen = _stack(chosen, stack)
        try:
            volume = _loaded(chosen)
        except DicomLoadError as error:
            _show_refused(found, chosen, error, output)
            return
        pictures.save(pictures.draw_volume(volume), output)
        say(f"{output}: {volume.series.title}")


@app.command()
def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder for the pictures.")] = Path(
        "vtkdicomload-demo"
    ),
) -> None:
    """Show what the package does on a real head CT that comes with it, beside plain vtkDICOMImageReader."""
    with _reported():
        start = time.perf_counter()
        from . import demo as demonstration
        from .scan import scan

        _print_table(scan(os.fspath(demonstration.HEAD)))
        made = demonstration.run(output)
        say(f"\n{made.volume!r}\n")
        _print_comparison(demonstration.HEADINGS, made.theirs, made.ours)
        say("\nThe same pixels; only one image knows where they lie. The time of vtkdicomload includes its checks.")
        if made.trouble:
            say(f"no surface: VTK could not render here ({made.trouble})", stderr=True, style="yellow")
        say("\nPictures:")
        for path in made.files:
            say(f"  {path.resolve()}")
        say(f"\nAll of it took {time.perf_counter() - start:.1f} s. To paste into Python:")
        say("  import vtkdicomload as vdl")
        say(f"  volume = vdl.load({os.fspath(demonstration.HEAD)!r})")
        say("  print(volume); volume.frames, volume.image  # numpy, vtkImageData: one memory")


@app.command()
def decompress(
    source: Annotated[str, typer.Argument(metavar="SRC", help="A folder, or a file.", show_default=False)],
    target: Annotated[str, typer.Argument(metavar="DST", help="The folder for the new files.", show_default=False)],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist in DST.")] = False,
    ignore: Annotated[list[str] | None, typer.Option(metavar="FILE", help="Leave a file out; repeatable.")] = None,
) -> None:
    """Write the images of SRC again as Explicit VR Little Endian, which every reader reads: all of them, or none."""
    with _reported():
        from .decompress import decompress as rewrite
        from .decompress import summary_words

        with progress_bar("writing") as progress:
            done = rewrite(source, target, overwrite=overwrite, ignore=ignore or (), progress=progress)
        say(f"{target}: {summary_words(done)[0]}")
        for line in summary_words(done)[1:]:
            say(f"  {line}")


@app.command()
def bench(
    paths: Paths,
    series: Annotated[str | None, typer.Option(help='A row of `info`, a UID, or "largest".')] = None,
    stack: Annotated[str | None, typer.Option(help="A stack of the series: its row or label.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds that count.")] = 5,
) -> None:
    """Time the ways to load a series of yours, side by side, and compare the values they give."""
    with _reported():
        from .comparison import compare

        found = _found(paths)
        if series is None and len(found) > 1:
            raise DicomLoadError(f"{len(found)} series, and none chosen → --series 0 … {len(found) - 1}")
        chosen = found[_row(found, series or "0")]
        if stack is not None:
            chosen = _stack(chosen, stack)
        with progress_bar("timing") as progress:
            measured = compare(chosen, rounds=rounds, progress=progress)
        _print_measured(measured)


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
    say(f"error: {message}", stderr=True, style="red")
    return typer.Exit(1)


def _source(paths: list[str]) -> str | list[str]:
    return paths[0] if len(paths) == 1 else paths


def _scanned(source: str | list[str]) -> Scan:
    from .scan import scan

    try:
        with progress_bar("reading headers") as progress:
            return scan(source, progress=progress)
    except DicomLoadError as error:
        first = source if isinstance(source, str) else source[0]
        if first.startswith("~") or any(c in first for c in "*?["):
            raise DicomLoadError(f"{error}; in a shell: without the quotes") from error
        raise


def _require_something(found: Scan, source: str | list[str]) -> None:
    """Raise what `load` says of a source without any image."""
    if not found.series and not found.problems:
        from .load import load

        load(source)


def _found(paths: list[str]) -> Scan:
    """The series at the paths, at least one; where there are damaged files only, what is wrong with the first."""
    source = _source(paths)
    found = _scanned(source)
    _require_something(found, source)
    if not found.series:
        raise DicomLoadError(str(found.problems[0].error))
    return found


def _loaded(series: Series) -> Volume:
    with progress_bar("reading pixels") as progress:
        return series.load(progress=progress)


def _verified(series: Series) -> list[tuple[str, str]]:
    """What reading every frame twice has shown, or why that cannot be."""
    try:
        with progress_bar("reading pixels") as progress:
            volume = series.load(progress=progress, verify="all")
    except DicomLoadError as error:
        return [("verified", f"no: {error}")]
    return [("verified", f"{check.name}: {check.result}") for check in volume.checks]


def _row(found: Scan, wanted: str) -> int:
    """The row of a scan that an option names."""
    if wanted == "largest" and found.series:
        return max(range(len(found)), key=lambda i: len(found[i].frames) * found[i].rows * found[i].columns)
    rows = [i for i, series in enumerate(found) if wanted in (str(i), series.uid)]
    if not rows:
        there = f"row 0 to {len(found) - 1}" if len(found) > 1 else "row 0 only"
        raise DicomLoadError(f"--series {wanted}: no such series ({there}, or a UID)")
    return rows[0]


def _stack(series: Series, wanted: str) -> Series:
    stacks = series.stacks()
    rows = [i for i, stack in enumerate(stacks) if wanted in (str(i), stack.label)]
    if not rows:
        listed = ", ".join(f"{i}{' ' + stack.label if stack.label else ''}" for i, stack in enumerate(stacks[:12]))
        raise DicomLoadError(f"--stack {wanted}: there {'is' if len(stacks) == 1 else 'are'} {len(stacks)}: {listed}")
    return stacks[rows[0]]


def _show_several(found: Scan, output: Path) -> None:
    from . import drawable, pictures

    reason = f"{len(found)} series, and none chosen → --series 0 … {len(found) - 1}"
    strips = drawable.overview(found)
    if len(strips) < len(found):
        reason += f"; {len(strips)} of them are shown"
    pictures.save(pictures.draw_strips(strips, f"{len(found)} series", reason, table=clean(repr(found))), output)
    _tell_refused(bool(strips), reason, output)


def _show_refused(found: Scan, chosen: Series, error: DicomLoadError, output: Path) -> None:
    from . import drawable, pictures

    strips = drawable.strips_of(chosen)
    pictures.save(pictures.draw_strips(strips, chosen.title, str(error), table=clean(repr(found))), output)
    several = len(chosen.stacks())
    _tell_refused(bool(strips), str(error) + (f"; here: --stack 0 … {several - 1}" if several > 1 else ""), output)


def _tell_refused(drawn: bool, reason: str, output: Path) -> None:
    say(f"not one volume: {reason}", stderr=True, style="yellow")
    what = "what can be drawn, with the reason" if drawn else "the table and the reason; nothing can be drawn"
    say(f"{output}: {what}")
    if not drawn:
        raise typer.Exit(1)


# ---------------------------------------------------------------------------------------------------- words
def _print_table(found: Scan) -> None:
    """The table of a scan; on a terminal too narrow for it, one series below the other."""
    from rich.table import Table

    from . import listing, tables

    say(f"{len(found)} series in {found.source}")
    rows = [[clean(cell) for cell in row] for row in tables.scan_rows(found)]
    output, lines = console(), [tables.HEADINGS, *rows]
    if rows and _natural_width(lines) <= output.width:
        table = Table(*tables.HEADINGS, box=None, pad_edge=False, header_style="bold")
        for row in rows:
            table.add_row(*row)
        output.print(table)
    else:
        for number, *cells in rows:
            say(f"[{number}] " + ", ".join(f"{n} {c}" for n, c in zip(tables.HEADINGS[1:], cells, strict=True)))
    for line in listing.skipped_words(found):
        say(line)


def _natural_width(rows: Sequence[Sequence[str]]) -> int:
    """Columns that a table takes where nothing is cut."""
    from rich.cells import cell_len

    return sum(max(map(cell_len, column)) + 2 for column in zip(*rows, strict=True)) - 2


def _print_facts(lines: list[tuple[str, str]]) -> None:
    for name, words in lines:
        say(f"    {name:10} {words}")


def _print_comparison(headings: tuple[str, ...], theirs: tuple[str, ...], ours: tuple[str, ...]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for cell in (headings[0], theirs[0], ours[0]):
        table.add_column(cell)
    for row in zip(headings[1:], theirs[1:], ours[1:], strict=True):
        table.add_row(*row)
    console().print(table)


def _print_measured(measured: Comparison) -> None:
    from rich.table import Table

    cores = f"{measured.cores} {'core' if measured.cores == 1 else 'cores'}"
    size, rounds = f"{measured.pixel_bytes / 1e6:.1f} MB of pixels", measured.rounds
    say(f"{measured.title}: {size}, {cores}, files in memory, median of {rounds}\n")
    table = Table("", "seconds", "× floor", "", box=None, pad_edge=False, header_style="bold")
    for row in measured.rows:
        took = ("–", "–") if row.seconds is None else (f"{row.seconds:.4f}", f"{row.ratio:.2f}")
        table.add_row(row.name, *took, clean(row.words))
    console().print(table)
