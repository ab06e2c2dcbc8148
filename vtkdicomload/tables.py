"""Scans and volumes in words and as HTML, for terminals and notebooks. No identity of a patient appears."""

from __future__ import annotations

import html
from collections import Counter
from typing import TYPE_CHECKING

from .examination import examine
from .geometry import opposite, toward

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .paths import Skipped
    from .scan import Scan
    from .series import Series
    from .volume import Volume

HEADINGS = ("", "#", "modality", "description", "slices×rows×columns", "spacing mm", "plane", "encoding", "loads")
_DAMAGED = 5  # files named one by one


def scan_rows(found: Scan) -> list[tuple[str, ...]]:
    """One row of words for each series, under `HEADINGS`."""
    return [_row(i, series) for i, series in enumerate(found)]


def _row(i: int, series: Series) -> tuple[str, ...]:
    examined = examine(series)
    spacing = "×".join(f"{s:.4g}" for s in examined.spacing) if examined.spacing else "–"
    return (
        str(i),
        "–" if series.number is None else str(series.number),
        series.modality or "–",
        (series.description or "–") + (f" [{series.label}]" if series.label else ""),
        f"{len(series.frames)}×{series.rows}×{series.columns}",
        spacing,
        series.plane,
        series.encoding,
        examined.words,
    )


def scan_text(found: Scan) -> str:
    """The table of a scan as plain text."""
    title = f"{len(found)} series in {found.source}"
    table = _columns([HEADINGS, *scan_rows(found)]) if found.series else []
    return "\n".join([title, *table, *footnotes(found)])


def footnotes(found: Scan) -> list[str]:
    """What a scan could not read or passed over, in a few lines."""
    lines = [f"damaged: {problem.error}" for problem in found.problems[:_DAMAGED]]
    more = len(found.problems) - _DAMAGED
    if more > 0:
        lines.append(f"damaged: {counted(more, 'more file')}, listed by .problems and info --json")
    return lines + passed_over(found.skipped)


def passed_over(skipped: Iterable[Skipped]) -> list[str]:
    """How many files were passed over, a line for each reason."""
    counts = Counter(file.reason for file in skipped)
    return [f"passed over: {counted(n, 'file')}, {reason}" for reason, n in counts.items()]


def counted(n: int, noun: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def scan_html(found: Scan) -> str:
    """The table of a scan as HTML."""
    head = "".join(f"<th>{html.escape(h)}</th>" for h in HEADINGS)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in scan_rows(found)
    )
    notes = "".join(f"<br>{html.escape(line)}" for line in footnotes(found))
    return (
        f"<p>{len(found)} series in {html.escape(found.source)}{notes}</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _view_axes(volume: Volume) -> tuple[str, str]:
    """Where the axes of `frames` and of `array` run to, in words."""
    direction = volume.frames_geometry.direction
    if direction is None:
        return "(z, y, x)", "(x, y from the bottom, z descending)"
    x, y, z = (toward(cosines) for cosines in direction.T)
    return f"(z→{z}, y→{y}, x→{x})", f"(i→{x}, j→{opposite(y)}, k→{opposite(z)})"


def volume_facts(volume: Volume) -> list[tuple[str, str]]:
    """What a person wants to know of a volume, as (name, words)."""
    frames_axes, array_axes = _view_axes(volume)
    geometry = volume.geometry
    spacing = " × ".join(f"{s:.6g}" for s in volume.spacing) + " mm"
    origin = "none in the files"
    if geometry.origin is not None:
        origin = "({:.6g}, {:.6g}, {:.6g}) mm LPS of array[0, 0, 0]".format(*geometry.origin)
    values = str(volume.dtype) + (f", {volume.units}" if volume.units else "")
    facts = [
        ("frames", f"{volume.frames.shape} {frames_axes}  the DICOM way, row 0 first"),
        ("array", f"{volume.array.shape} {array_axes}  VTK order, same memory"),
        ("values", values + f", {volume.photometric_interpretation}"),
        ("spacing", spacing + ("" if geometry.regular else ", not regular")),
        ("origin", origin),
        ("read by", volume.engine + "".join(f"; {check.name}: {check.result}" for check in volume.checks)),
    ]
    if volume.ignored:
        facts.append(("ignored", counted(len(volume.ignored), "file")))
    return facts


def volume_text(volume: Volume) -> str:
    """A volume in a few lines."""
    lines = [f"<Volume {volume.series.title}>"]
    lines += [f"  {name:8} {words}" for name, words in volume_facts(volume)]
    return "\n".join(lines)


def volume_html(volume: Volume) -> str:
    """A volume as HTML, with a picture of its middle slice."""
    from .pictures.sheets import middle_slice_png

    rows = "".join(
        f"<tr><th style='text-align:left'>{html.escape(name)}</th><td>{html.escape(words)}</td></tr>"
        for name, words in volume_facts(volume)
    )
    picture = middle_slice_png(volume)
    return (
        f"<p><b>{html.escape(volume.series.title)}</b></p>"
        f"<div style='display:flex;gap:1em'><img alt='middle slice' src='data:image/png;base64,{picture}'>"
        f"<table>{rows}</table></div>"
    )
