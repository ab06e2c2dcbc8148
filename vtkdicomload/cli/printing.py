"""Tables and lines that the commands print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .terminal import clean, make_console, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..loading.comparison import Comparison
    from ..series import Scan

_PIPE_WIDTH = 120  # columns; a wider table is broken into pieces by whatever shows it


def print_table(found: Scan) -> None:
    """The table of a scan; where it is wider than the terminal or, in a pipe, than 120 columns, a line a series."""
    from rich.table import Table

    from ..catalog import tables

    say(f"{len(found)} series in {found.source}")
    rows = [[clean(cell) for cell in row] for row in tables.scan_rows(found)]
    output, lines = make_console(), [tables.HEADINGS, *rows]
    if rows and _measure_width(lines) <= (output.width if output.is_terminal else _PIPE_WIDTH):
        table = Table(*tables.HEADINGS, box=None, pad_edge=False, header_style="bold")
        for row in rows:
            table.add_row(*row)
        output.print(table)
    else:
        for which, number, modality, description, size, spacing, plane, encoding, loads in rows:
            say(f"[{which}] #{number} {modality} {description}: {size}, {spacing} mm, {plane}, {encoding}: {loads}")
    for line in tables.list_footnotes(found):
        say(line)


def _measure_width(rows: Sequence[Sequence[str]]) -> int:
    """Columns that a table takes where nothing is cut."""
    from rich.cells import cell_len

    return sum(max(map(cell_len, column)) + 2 for column in zip(*rows, strict=True)) - 2


def print_facts(lines: list[tuple[str, str]]) -> None:
    """Names and words in two columns."""
    for name, words in lines:
        say(f"    {name:10} {words}")


def print_comparison(headings: tuple[str, ...], theirs: tuple[str, ...], ours: tuple[str, ...]) -> None:
    """Say what two readers say, side by side under their names."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for cell in (headings[0], theirs[0], ours[0]):
        table.add_column(cell)
    for row in zip(headings[1:], theirs[1:], ours[1:], strict=True):
        table.add_row(*row)
    make_console().print(table)


def print_measured(measured: Comparison) -> None:
    """Say how long each way to load took, and whether its values are the same."""
    from rich.table import Table

    cores = f"{measured.cores} {'core' if measured.cores == 1 else 'cores'}"
    size, rounds = f"{measured.pixel_bytes / 1e6:.1f} MB of pixels", measured.rounds
    say(f"{measured.title}: {size}, {cores}, files in memory, median of {rounds}\n")
    table = Table("", "seconds", "× floor", "", box=None, pad_edge=False, header_style="bold")
    for row in measured.rows:
        took = ("–", "–") if row.seconds is None else (f"{row.seconds:.4f}", f"{row.ratio:.2f}")
        table.add_row(row.name, *took, clean(row.words))
    make_console().print(table)
