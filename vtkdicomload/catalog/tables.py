"""Scans and volumes in words and as HTML, for terminals and notebooks. No identity of a patient appears."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from .._util.wording import count_noun
from .assess import assess

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..sources.reasons import Skipped
    from ..stacks.series_data import SeriesData
    from .scan import ScanData

HEADINGS = ("", "#", "modality", "description", "slices×rows×columns", "spacing mm", "plane", "encoding", "loads")
_DAMAGED = 5  # files named one by one


def scan_rows(found: ScanData[Any]) -> list[tuple[str, ...]]:
    """One row of words for each series, under `HEADINGS`."""
    return [_make_row(i, series) for i, series in enumerate(found)]


def _make_row(i: int, series: SeriesData) -> tuple[str, ...]:
    assessed = assess(series)
    spacing = "×".join(f"{s:.4g}" for s in assessed.spacing) if assessed.spacing else "–"
    return (
        str(i),
        "–" if series.number is None else str(series.number),
        series.modality or "–",
        (series.description or "–") + (f" [{series.label}]" if series.label else ""),
        f"{len(series.frames)}×{series.rows}×{series.columns}",
        spacing,
        series.plane,
        series.encoding,
        assessed.words,
    )


def scan_text(found: ScanData[Any]) -> str:
    """The table of a scan as plain text."""
    title = f"{len(found)} series in {found.source}"
    table = _align_columns([HEADINGS, *scan_rows(found)]) if found.series else []
    return "\n".join([title, *table, *list_footnotes(found)])


def list_footnotes(found: ScanData[Any]) -> list[str]:
    """Say what a scan could not read or passed over, in a few lines."""
    lines = [f"damaged: {problem.error.message}" for problem in found.problems[:_DAMAGED]]
    more = len(found.problems) - _DAMAGED
    if more > 0:
        lines.append(f"damaged: {count_noun(more, 'more file')}, listed by .problems and info --json")
    return lines + list_passed_over(found.skipped)


def list_passed_over(skipped: Iterable[Skipped]) -> list[str]:
    """Count how many files were passed over, a line for each reason."""
    counts = Counter(file.words for file in skipped)
    return [f"passed over: {count_noun(n, 'file')}, {reason}" for reason, n in counts.items()]


def _align_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def scan_html(found: ScanData[Any]) -> str:
    """The table of a scan as HTML."""
    import html  # here: its table of entities costs more than the rest of this module

    head = "".join(f"<th>{html.escape(h)}</th>" for h in HEADINGS)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in scan_rows(found)
    )
    notes = "".join(f"<br>{html.escape(line)}" for line in list_footnotes(found))
    return (
        f"<p>{len(found)} series in {html.escape(found.source)}{notes}</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
