"""The sections: which peers do which works, and under what conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from . import bulk, lazy, measure, peers, scans, sources, web
from .data import Data, prepared
from .memory import drop_from_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from .measure import Row
    from .peers import Peer
    from .works import Work, Works

_DECODERS = (
    "The decoders alone are those of imagecodecs that vtkdicomload uses, in as many threads, their streams in memory. "
    "pydicom uses the fastest decoder that is installed. GDCM, which is SimpleITK's decoder and pydicom's fastest for "
    "JPEG 2000, decodes one JPEG 2000 frame in as many threads as there are cores."
)

_LONG_ROUNDS = 2


class Section(NamedTuple):
    """What a section measured."""

    name: str
    title: str
    rows: list[Row]
    note: str = ""


class Bench:
    """One run of the benchmarks: its works, where they lie, how often each is timed."""

    def __init__(
        self,
        works: Works,
        root: Path,
        rounds: int,
        others: Sequence[Peer] = peers.OTHERS,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._works = works
        self._root = root
        self._rounds = rounds
        self._others = tuple(others)
        self._say = say
        # Starting the other readers again and again is what takes long.
        self._patient = () if works.brief else self._others
        self._left_out = "The other readers are left to the full run." if works.brief else ""

    def _data(self, *works: Work) -> list[Data]:
        return [prepared(work, self._root, self._say) for work in works]

    def _chosen(self, *wanted: Peer) -> tuple[Peer, ...]:
        """Those of the optional peers that this run has."""
        return tuple(peer for peer in wanted if peer in self._others)

    def run(self, name: str) -> Section:
        """One section by its name, one of `SECTIONS`."""
        self._say(f"section {name}")
        section: Section = getattr(self, f"_{name}")()
        return section

    def _warm(self) -> Section:
        rows = measure.timed((*peers.CORE, *self._others), self._data(self._works.ct), self._rounds)
        return Section("warm", "One series, warm cache", rows)

    def _reuse(self) -> Section:
        sides = (peers.FLOOR, peers.OUT, *peers.CORE[1:])
        rows = measure.timed(sides, self._data(self._works.ct), self._rounds)
        note = "`out=` fills an array that earlier runs have touched; the floor and the others take fresh memory."
        return Section("reuse", "One series into memory that is used again, warm cache", rows, note)

    def _cold(self) -> Section:
        left: list[float | None] = []
        rows = measure.timed(
            (*peers.CORE, *self._chosen(peers.DICOMSDL)),
            self._data(self._works.ct),
            self._rounds,
            lambda data: left.append(drop_from_cache(data.files)),
        )
        known = [part for part in left if part is not None]
        if len(known) < len(left) or not left:
            note = "This system does not drop files from its cache: these figures are warm ones."
        else:
            note = f"Before each run the files were dropped from the page cache; at most {max(known):.1%} stayed in it."
        return Section("cold", "One series, cold cache", rows, note)

    def _formats(self) -> Section:
        rows = measure.timed(peers.CORE, self._data(*self._works.formats), self._rounds)
        return Section("formats", "Other formats, warm cache", rows)

    def _scan(self) -> Section:
        data = self._data(*self._works.headers)
        *all_read, whole = data
        rows = measure.timed(scans.SCANS, all_read, self._rounds) + measure.timed((scans.SCAN,), [whole], self._rounds)
        sizes = ", ".join(f"{d.work.title}: {d.header_bytes / 1024:.1f} KiB each" for d in all_read)
        note = f"All read the same attributes. {sizes}. The larger archive is read by vtkdicomload alone."
        return Section("scan", "Headers only", rows, note)

    def _small(self) -> Section:
        sides = (peers.FLOOR, peers.LOAD_MANY, *peers.CORE[1:], *self._chosen(peers.DICOMSDL))
        return Section(
            "small",
            "Many small series, one after another",
            measure.timed(sides, self._data(*self._works.small), self._rounds),
        )

    def _enhanced(self) -> Section:
        others = (peers.HIGHDICOM_OBJECT,) if self._others else ()
        sides = (peers.DEFAULT, peers.SIMPLEITK_OBJECT, *others)
        rows = measure.timed(sides, self._data(*self._works.enhanced), self._rounds)
        return Section("enhanced", "Enhanced multi-frame objects", rows)

    def _compressed(self) -> Section:
        ours = (peers.DECODERS, peers.DEFAULT, peers.ONE_WORKER)
        sides = (*ours, peers.SIMPLEITK, peers.PYDICOM, *self._chosen(peers.DICOMSDL))
        rows = measure.timed(sides, self._data(*self._works.compressed), self._rounds)
        return Section("compressed", "Compressed series", rows, _DECODERS)

    def _memory(self) -> Section:
        sides = tuple(p for p in (*peers.CORE, *self._patient) if p.name != "dcm2niix")  # which is another process
        rows = measure.peak_memory(sides, *self._data(self._works.ct, self._works.tiny))
        note = (
            "Peak resident memory of a fresh process above what it had after a first small series, as a multiple of "
            "the volume."
        )
        return Section("memory", "Peak memory", rows, f"{note} {self._left_out}".strip())

    def _import(self) -> Section:
        sides = {p.module: p for p in (peers.DEFAULT, *peers.CORE, *self._patient) if p is not peers.FLOOR}
        rows = measure.import_times(list(sides.values()), self._rounds)
        return Section("import", "Import, once numpy is there", rows, self._left_out)

    def _start(self) -> Section:
        folder, *_ = self._data(self._works.start)[0].folders
        lines = {
            measure.HELP: ["-m", "vtkdicomload", "--help"],
            measure.INFO: ["-m", "vtkdicomload", "info", str(folder)],
            "python -c 'import numpy, typer, rich.table'": ["-c", "import numpy, typer, rich.table"],
        }
        rows = measure.start_times(lines, self._rounds)
        return Section("start", "Start of the command line", rows, f"The folder holds {self._works.start.title}.")

    def _growth(self) -> Section:
        sides = (peers.FLOOR, peers.DEFAULT, peers.ONE_WORKER, peers.VTK)
        rows = measure.timed(sides, self._data(self._works.ct, self._works.long_ct), self._rounds)
        return Section("growth", "Growth with the number of slices, warm cache", rows)

    def _sources(self) -> Section:
        rows = [row for work in self._works.packed for row in sources.time_archives(self._data(work)[0], self._rounds)]
        tiny, work = self._data(self._works.tiny, self._works.ct)
        sources.pack(tiny)
        sources.pack(work)
        titled = work._replace(work=work.work._replace(title=f"{work.work.title}, peak memory × the volume"))
        rows += measure.peak_memory((peers.DEFAULT, *sources.ARCHIVES), titled, tiny)
        web = sources.time_dicomweb(work, self._rounds)
        note = sources.NOTE if web else f"{sources.NOTE} {sources.NO_SERVER}"
        return Section("sources", "Archives and servers", [*rows, *web], note)

    def _lazy(self) -> Section:
        work, tiny = self._data(self._works.long_ct, self._works.tiny)
        rows = [*lazy.measure_parts(work, self._rounds), *lazy.measure_memory(work, tiny)]
        return Section("lazy", "A series that is opened, and read in parts", rows, lazy.NOTE)

    def _bulk(self) -> Section:
        works = self._works
        archives = self._data(*works.archives)
        converted, shared, indexed, tiny = self._data(works.converted, works.shared, works.headers[-1], works.tiny)
        rounds = min(self._rounds, _LONG_ROUNDS)  # a run takes ten seconds and more
        rows = bulk.measure_archives(archives, converted, shared, indexed, tiny, rounds)
        return Section("bulk", "Whole archives, warm cache", rows, bulk.NOTE)

    def _http(self) -> Section:
        work, tiny = self._data(self._works.ct, self._works.tiny)
        rows = web.measure_http(work, tiny, self._rounds)
        return Section("http", "A web server", rows, web.NOTE)


SECTIONS = (
    "warm",
    "reuse",
    "cold",
    "formats",
    "scan",
    "small",
    "enhanced",
    "compressed",
    "memory",
    "import",
    "start",
    "growth",
    "sources",
    "lazy",
    "bulk",
    "http",
)
