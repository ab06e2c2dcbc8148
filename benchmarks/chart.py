"""What was measured, as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .report import machine, today

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from .sections import Section

_OURS, _FLOOR, _PEER = "#d1495b", "#9aa5b1", "#30638e"
_DRAWN = ("warm", "cold", "scan", "memory")


def draw(sections: Sequence[Section], path: Path) -> bool:
    """Draw the sections that a chart can show; false where there is none of them."""
    from matplotlib.figure import Figure

    panels = [section for section in sections if section.name in _DRAWN and _bars(section)]
    if not panels:
        return False
    columns = min(2, len(panels))
    tallest = [max(len(_bars(p)) for p in panels[i : i + columns]) for i in range(0, len(panels), columns)]
    height = sum(0.32 * n + 1.0 for n in tallest) + 0.4
    figure = Figure(figsize=(6.6 * columns, height), layout="constrained")
    axes = figure.subplots(len(tallest), columns, squeeze=False, height_ratios=[n + 1.5 for n in tallest]).flat
    for section, place in zip(panels, axes, strict=False):
        _draw_bars(place, section)
    for place in list(axes)[len(panels) :]:
        place.set_visible(False)
    figure.supxlabel(f"{machine()}, {today()}", fontsize=8, color="#555555")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    return True


def _bars(section: Section) -> list[tuple[str, float]]:
    """Name and length of the bars of a section's first work, the shortest first."""
    work = section.rows[0].work if section.rows else ""
    rows = [row for row in section.rows if row.work == work]
    if section.name == "memory":
        bars = [(row.peer, row.memory) for row in rows]
    else:
        bars = [(row.peer, row.median) for row in rows]
    return sorted(((name, length) for name, length in bars if length), key=lambda bar: bar[1])


def _draw_bars(axes: Axes, section: Section) -> None:
    bars = _bars(section)
    memory = section.name == "memory"
    colours = [_OURS if n.startswith("vtkdicomload") else _FLOOR if n == "floor" else _PEER for n, _ in bars]
    lengths = [length if memory else length * 1000 for _, length in bars]
    drawn = axes.barh([name for name, _ in bars], lengths, color=colours)
    axes.bar_label(drawn, [f"{v:.2f} ×" if memory else f"{v:,.0f} ms" for v in lengths], padding=3, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, max(lengths) * 1.18)
    axes.tick_params(axis="y", length=0, labelsize=9)
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right", "left"]].set_visible(False)
    unit = "× the volume" if memory else "milliseconds"
    axes.set_title(f"{section.title}: {unit}\n{section.rows[0].work}", fontsize=10, loc="left")
