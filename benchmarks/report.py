"""What was measured, as Markdown."""

from __future__ import annotations

import datetime as dt
import os
import platform
import re
from pathlib import Path
from typing import TYPE_CHECKING

from . import peers, scans
from .measure import SAME
from .targets import base, targets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .measure import Row
    from .sections import Section

_BEGIN, _END = "<!-- measured: begin -->", "<!-- measured: end -->"
_BASES = ((peers.FLOOR.name, "floor"), (peers.DEFAULT.name, "vtkdicomload"), (scans.SCAN.name, "vtkdicomload"))


def machine() -> str:
    """The processor, its cores, the memory, the system and the interpreter; no names."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parts = [_processor(), f"{cores} cores"]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        parts.append(f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB")
    return ", ".join([*parts, platform.system(), f"Python {platform.python_version()}"])


def today() -> dt.date:
    """The date, in UTC."""
    return dt.datetime.now(tz=dt.UTC).date()


def _processor() -> str:
    try:
        words = Path("/proc/cpuinfo").read_text()
    except OSError:
        words = ""
    named = re.search(r"^model name\s*:\s*(.+)$", words, re.MULTILINE)
    return named[1] if named else platform.processor() or platform.machine()


def markdown(sections: Sequence[Section], rounds: int, command: str) -> str:
    """Everything that a run measured."""
    parts = [
        f"`{command}`, {today()}: {machine()}. Medians of {rounds} runs after one that was checked and discarded; "
        "peers took turns.",
        _versions(sections),
        *(_section(section) for section in sections),
    ]
    aims = targets(sections)
    if aims:
        lines = _table(("work", "aim", "measured"), [list(aim) for aim in aims])
        parts += ["### Aims", lines]
    return "\n\n".join(parts) + "\n"


def _versions(sections: Sequence[Section]) -> str:
    rows = [row for section in sections for row in section.rows if row.version and row.peer != peers.FLOOR.name]
    known = {row.peer.split(",")[0]: row.version for row in rows if not row.peer.startswith("import ")}
    named = ", ".join(f"{peer} {version}" for peer, version in known.items())
    return f"Versions: {named or ', '.join(sorted({f'{r.peer} {r.version}' for r in rows}))}."


def _section(section: Section) -> str:
    parts = [f"### {section.title}"]
    for work in dict.fromkeys(row.work for row in section.rows):
        rows = [row for row in section.rows if row.work == work]
        if work not in ("import", "start", section.title):
            parts.append(f"**{work}**")
        measured_memory = any(row.memory is not None for row in rows)
        parts.append(_memory_table(rows) if measured_memory or section.name == "memory" else _time_table(rows))
    if section.note:
        parts.append(section.note)
    return "\n\n".join(parts)


def _time_table(rows: Sequence[Row]) -> str:
    by_peer = {row.peer: base(row) for row in rows}
    bases = [(peer, title) for peer, title in _BASES if by_peer.get(peer)]
    lines = []
    for row in rows:
        cells = [row.peer, _milliseconds(row.median), _spread(row)]
        for peer, _ in bases:
            below = by_peer[peer]
            cells.append(f"{row.median / below:.2f}" if row.median and below else "")
        lines.append([*cells, "" if row.outcome == SAME else row.outcome])
    return _table(("reader", "median", "least … most", *(f"÷ {title}" for _, title in bases), "remark"), lines)


def _memory_table(rows: Sequence[Row]) -> str:
    lines = [
        [row.peer, "" if row.memory is None else f"{row.memory:.2f}", "" if row.outcome == SAME else row.outcome]
        for row in rows
    ]
    return _table(("reader", "× the volume", "remark"), lines)


def _milliseconds(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds * 1000:.0f} ms"


def _spread(row: Row) -> str:
    return "" if row.median is None else f"{_milliseconds(min(row.seconds))} … {_milliseconds(max(row.seconds))}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; a last column that is empty throughout is left out."""
    if not any(row[-1] for row in rows):
        head, rows = head[:-1], [row[:-1] for row in rows]
    lines = [head, ["---"] * len(head), *([cell.replace("|", "/") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write(words: str, page: Path) -> None:
    """Put the report into a page: between its two marks where it has them, else as the whole page."""
    page.parent.mkdir(parents=True, exist_ok=True)
    old = page.read_text(encoding="utf-8") if page.is_file() else ""
    begin, end = old.find(_BEGIN), old.find(_END)
    if 0 <= begin < end:
        words = f"{old[: begin + len(_BEGIN)]}\n\n{words}\n{old[end:]}"
    page.write_text(words, encoding="utf-8")
