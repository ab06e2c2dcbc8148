"""What is aimed at, beside what was measured: information, not a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from . import bulk, measure, peers, scans, sources, web

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .measure import Row
    from .sections import Section

_OURS, _ONE, _OUT, _FLOOR = peers.DEFAULT.name, peers.ONE_WORKER.name, peers.OUT.name, peers.FLOOR.name

_STARTS = {measure.HELP: 0.2, measure.INFO: 0.35}  # seconds


class Target(NamedTuple):
    """One line of the table of aims."""

    work: str
    wanted: str
    measured: str


def targets(sections: Sequence[Section]) -> list[Target]:
    """The aims that the sections of a run say something about."""
    found = {section.name: section.rows for section in sections}
    result: list[Target] = []
    if "warm" in found:
        result += _warm(found["warm"])
    if "reuse" in found:
        (work,) = _works(found["reuse"])
        result.append(Target(work, f"{_OUT} ≤ 0.9 × floor", _times(_ratio(found["reuse"], work, _OUT, _FLOOR))))
    if "cold" in found:
        result += _cold(found["cold"])
    if "small" in found:
        result += _small(found["small"])
    if "growth" in found:
        result += _growth(found["growth"])
    if "scan" in found:
        ours = scans.SCAN.name
        result += [
            Target(
                f"scan, {work}",
                f"≥ {12 if 'archive' in work else 15} × {name}",
                _times(_ratio(found["scan"], work, name, ours)),
            )
            for work in _works(found["scan"])
            for name in (p.name for p in scans.SCANS[1:])
            if any(row.peer == name and row.work == work for row in found["scan"])
        ]
    if "enhanced" in found:
        result += [
            Target(work, f"> 1 × {name}", _times(_ratio(found["enhanced"], work, name, _OURS)))
            for work in _works(found["enhanced"])
            for name in (peers.SIMPLEITK.name, peers.HIGHDICOM_OBJECT.name)
        ]
    if "compressed" in found:
        for work in _works(found["compressed"]):
            share = _ratio(found["compressed"], work, peers.DECODERS.name, _OURS)
            result.append(Target(work, f"{peers.DECODERS.name} ≥ 0.9 × {_OURS}", _times(share)))
            for name, wanted in ((_ONE, "≥ 1.7 ×"), (peers.PYDICOM.name, "≥ 2 ×"), (peers.SIMPLEITK.name, "> 1 ×")):
                ratio = _ratio(found["compressed"], work, name, _OURS)
                result.append(Target(work, f"{wanted} {name}", _times(ratio)))
    if "memory" in found:
        rows = {row.peer: row for row in found["memory"]}
        result.append(Target("peak memory", "≤ 1.05 × the volume", _times(rows[_OURS].memory)))
    if "sources" in found:
        result += _sources(found["sources"])
    if "bulk" in found:
        result += _bulk(found["bulk"])
    if "http" in found:
        result += _http(found["http"])
    if "start" in found:
        for row in found["start"]:
            if row.peer in _STARTS:
                measured = "–" if row.median is None else f"{row.median:.2f} s"
                result.append(Target(row.peer, f"≤ {_STARTS[row.peer]} s", measured))
    if "import" in found:
        seconds = found["import"][0].median
        measured = "–" if seconds is None else f"{seconds * 1000:.0f} ms"
        result.append(Target("import vtkdicomload", "≤ 60 ms above numpy", measured))
    return result


def _warm(rows: Sequence[Row]) -> Iterator[Target]:
    (work,) = _works(rows)
    for name in (_OURS, _ONE):
        wanted = f"{name} ≤ 1.35 × floor" if name == _OURS else f"{name}, × floor"
        yield Target(work, wanted, _times(_ratio(rows, work, name, _FLOOR)))
    for name, times in ((peers.VTK.name, 5), (peers.SIMPLEITK.name, 10), (peers.PYDICOM.name, 15)):
        yield Target(work, f"≥ {times} × {name}", _times(_ratio(rows, work, name, _OURS)))


def _cold(rows: Sequence[Row]) -> Iterator[Target]:
    (work,) = _works(rows)
    for name in dict.fromkeys(row.peer for row in rows if row.peer not in (_FLOOR, _OURS, _ONE)):
        yield Target(f"{work}, cold", f"≥ 2 × {name}", _times(_ratio(rows, work, name, _OURS)))


def _small(rows: Sequence[Row]) -> Iterator[Target]:
    for work in _works(rows):
        yield Target(work, f"{_OURS} ≤ 1.5 × {peers.VTK.name}", _times(_ratio(rows, work, _OURS, peers.VTK.name)))
        many = peers.LOAD_MANY.name
        yield Target(work, f"{many} ≤ 1.2 × {_OURS}", _times(_ratio(rows, work, many, _OURS)))


def _growth(rows: Sequence[Row]) -> Iterator[Target]:
    short, long = _works(rows)
    for name in (_OURS, _ONE):
        few, many = (_ratio(rows, work, name, _FLOOR) for work in (short, long))
        ratio = many / few if few and many else None
        wanted = "≤ 1.1 × that of the shorter" if name == _OURS else "× that of the shorter"
        yield Target(long, f"{name}: ratio to its floor {wanted}", _times(ratio))


def _sources(rows: Sequence[Row]) -> Iterator[Target]:
    for work in _works(rows):
        for ours, plain in sources.AIMS.items():
            if any(row.peer == plain and row.work == work for row in rows):
                yield Target(work, f"{ours} ≤ 1.3 × {plain}", _times(_ratio(rows, work, ours, plain)))
        local = _memory(rows, work, _OURS)
        for ours in sources.AIMS if local else ():
            packed = _memory(rows, work, ours)
            share = packed / local if packed and local else None
            yield Target(work, f"{ours} ≤ 1.1 × that of a folder", _times(share))


def _bulk(rows: Sequence[Row]) -> Iterator[Target]:
    for work in _works(rows):
        names = {row.peer for row in rows if row.work == work}
        if peers.LOAD_MANY.name in names and _OURS in names:
            for name in (_OURS, peers.SIMPLEITK.name, bulk.POOL.name):
                yield Target(work, f"> 1 × {name}", _times(_ratio(rows, work, name, peers.LOAD_MANY.name)))
        if bulk.VOLUMES in work:
            yield Target(work, "≤ 3", _times(_memory(rows, work, bulk.ONE_AT_A_TIME.name)))
    for suffix, (ours, theirs) in bulk.CONVERTERS.items():
        for work in (work for work in _works(rows) if work.endswith(f"to {suffix}")):
            wanted = "≥ 3 ×" if suffix == ".nii" else "> 1 ×"
            yield Target(work, f"{wanted} {theirs.name}", _times(_ratio(rows, work, theirs.name, ours.name)))
    one, two = (peer.name for peer in bulk.WORKERS)
    for row in rows:
        if row.peer == two:
            yield Target(row.work, f"≥ 1.7 × {one}", _times(_ratio(rows, row.work, one, two)))
        if row.peer == bulk.SECOND_RUN:
            each = None if row.median is None else row.median / row.files
            yield Target(row.work, f"{row.peer} ≤ 15 µs a file", "–" if each is None else f"{each * 1e6:.0f} µs")


def _http(rows: Sequence[Row]) -> Iterator[Target]:
    for work in _works(rows):
        remote = _memory(rows, work, web.OURS)
        if remote:
            yield Target(work, f"{web.OURS} ≤ 1.3", _times(remote))
            continue
        yield Target(work, f"{web.OURS} ≤ 1.3 × {web.PLAIN}", _times(_ratio(rows, work, web.OURS, web.PLAIN)))
        yield Target(work, f"≥ 10 × {web.ALONE}", _times(_ratio(rows, work, web.ALONE, web.OURS)))


def _memory(rows: Sequence[Row], work: str, peer: str) -> float | None:
    return next((row.memory for row in rows if (row.work, row.peer) == (work, peer)), None)


def base(row: Row) -> float | None:
    """What others are divided by: of the floor its least run, since noise only adds to it; else the median."""
    return min(row.seconds) if row.peer == _FLOOR and row.median else row.median


def _works(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.work for row in rows))


def _ratio(rows: Sequence[Row], work: str, above: str, below: str) -> float | None:
    chosen = {row.peer: row for row in rows if row.work == work}
    upper = chosen[above].median if above in chosen else None
    lower = base(chosen[below]) if below in chosen else None
    return upper / lower if upper and lower else None


def _times(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.2f} ×"
