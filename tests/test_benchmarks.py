"""The machinery of the benchmarks on tiny data: what is made, what is checked, what is said. No time is judged."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any

import dask
import numpy as np
import odd_peers
import pytest
from pydicom import dcmread, dcmwrite
from zarr.core.sync import cleanup_resources

from benchmarks import bulk, headers, lazy, measure, peers, report, scans, sources, web
from benchmarks.__main__ import main
from benchmarks.chart import draw
from benchmarks.data import digest, prepared
from benchmarks.measure import DIFFERENT, SAME, Row
from benchmarks.memory import drop_from_cache
from benchmarks.pixels import stored_frame
from benchmarks.sections import Bench, Section
from benchmarks.targets import targets
from benchmarks.works import FULL, MINIMAL, Work

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.data import Data


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("series")


def _odd_peer(name: str, run: Callable[[Data], object]) -> peers.Peer:
    return peers.Peer(name, "numpy", "numpy", run)


class Here:
    """A worker that is this process: to start one for each peer of each section takes long."""

    def __init__(self, peer: peers.Peer) -> None:
        self._peer = peer

    def ask(self, command: str, data: Data) -> Any:
        return measure.COMMANDS[command](self._peer, data)

    def dismiss(self) -> None:
        pass

    close = dismiss


# ---------------------------------------------------------------------------------------------------- sections
@pytest.mark.parametrize("name", ["enhanced", "reuse", "formats", "small", "compressed", "memory", "sources", "http"])
def test_every_reader_returns_the_same_volume(root: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name not in ("memory", "http"):  # that of fresh processes, and what keeps its connections until it ends
        monkeypatch.setattr(measure, "Worker", Here)
    section = Bench(MINIMAL, root, 1, others=()).run(name)
    assert {row.outcome for row in section.rows} == {SAME}
    kept = [row for row in section.rows if row.memory is not None]
    assert bool(kept) == (name in ("memory", "sources", "http"))
    assert len(kept) == len(section.rows) or name != "memory"
    assert all(len(row.seconds) == 1 for row in section.rows if row.memory is None)


def test_every_lazy_reader_gives_the_same_volume(root: Path) -> None:
    data = prepared(MINIMAL.ct, root)
    with ThreadPoolExecutor(2) as pool, dask.config.set(pool=pool):  # those of dask's own pool would stay
        for peer in {*(peer for sides in lazy.PARTS.values() for peer in sides), lazy.ZARR}:
            assert peer.missing() == ""
            for _ in range(2):  # the first may open what the second reads
                assert peer.checksum(peer.run(data), data) == data.digest, peer.name
    cleanup_resources()


def test_whole_archives_are_loaded_converted_and_indexed(root: Path) -> None:
    (loaded,) = (prepared(work, root) for work in MINIMAL.archives)
    converted, indexed = prepared(MINIMAL.converted, root), prepared(MINIMAL.headers[-1], root)
    converters = [peer for pair in bulk.CONVERTERS.values() for peer in pair]
    for data, sides in ((loaded, [*bulk.LOADERS[:3], bulk.ONE_AT_A_TIME]), (converted, converters)):
        for peer in sides:
            assert peer.checksum(peer.run(data), data) == data.digest, peer.name
    for _ in range(2):
        assert bulk.INDEX.checksum(bulk.INDEX.run(indexed), indexed) == indexed.headers


def test_processes_and_workers_load_the_same_volumes(root: Path) -> None:
    data = prepared(MINIMAL.shared, root)
    rows = measure.timed((bulk.POOL, *bulk.WORKERS), [data], 1)
    assert [(row.peer, row.outcome, len(row.seconds)) for row in rows] == [
        (peer.name, SAME, 1) for peer in (bulk.POOL, *bulk.WORKERS)
    ]


def test_every_scan_reads_the_same_headers(root: Path) -> None:
    section = Bench(MINIMAL, root, 1).run("scan")
    assert {(row.peer, row.outcome) for row in section.rows} == {(scan.name, SAME) for scan in scans.SCANS}


def test_import_is_measured_in_fresh_processes() -> None:
    (row,) = measure.import_times([peers.DEFAULT], 1)
    assert (row.peer, row.outcome, len(row.seconds)) == ("import vtkdicomload", SAME, 1)


def test_commands_are_started_in_turns(root: Path) -> None:
    section = Bench(MINIMAL, root, 1).run("start")
    assert [(row.outcome, len(row.seconds)) for row in section.rows] == [(SAME, 1)] * 3
    assert [target.work for target in targets([section])] == [measure.HELP, measure.INFO]
    (row,) = measure.start_times({"a fault": ["-c", "raise SystemExit(3)"]}, 1)
    assert (row.outcome, row.median) == ("failed: exit status 3", None)


# ---------------------------------------------------------------------------------------------------- peers that fail
def test_a_peer_that_fails_says_why_and_has_no_time(root: Path) -> None:
    data = prepared(MINIMAL.tiny, root)
    sides = (
        peers.DEFAULT,
        _odd_peer("backwards", odd_peers.read_backwards),
        _odd_peer("crash", odd_peers.crash),
        _odd_peer("error", odd_peers.fail),
        peers.Peer("absent", "no-such-distribution", "no_such_module", odd_peers.fail),
        peers.DEFAULT._replace(name="old", needs="no_such_function"),
    )
    rows = measure.timed(sides, [data], 1)
    assert [row.outcome for row in rows] == [
        SAME,
        DIFFERENT,
        "failed: its process ended with code 3",
        "failed: ValueError: no such luck",
        "not installed (pip install no-such-distribution)",
        "this version has no no_such_function",
    ]
    assert [row.median is None for row in rows] == [False, *[True] * 5]
    (row,) = measure.peak_memory(sides[1:2], data, data)
    assert (row.outcome, row.memory) == (DIFFERENT, None)


@pytest.mark.parametrize(
    "spoil",
    [lambda v: v[:, ::-1], lambda v: v.swapaxes(1, 2), lambda v: v + 1, lambda v: v + 0.3, lambda v: v[1:]],
    ids=["rows", "transposed", "shifted", "fractions", "short"],
)
def test_the_checksum_tells_volumes_apart(root: Path, spoil: Callable[[NDArray[np.int16]], object]) -> None:
    data = prepared(MINIMAL.tiny, root)
    (volume,) = peers.DEFAULT.run(data)
    assert digest([volume], data.work) == data.digest == digest([volume.astype(np.float32)], data.work)
    assert digest([spoil(volume)], data.work) != data.digest


# ---------------------------------------------------------------------------------------------------- data
def test_data_is_the_same_every_time(tmp_path: Path) -> None:
    first, again = (prepared(MINIMAL.small[0], tmp_path / name) for name in ("a", "b"))
    assert first[2:] == again[2:]
    assert [f.read_bytes() for f in first.files] == [f.read_bytes() for f in again.files]


def test_data_is_made_once(tmp_path: Path) -> None:
    said: list[str] = []
    data = prepared(MINIMAL.tiny, tmp_path, said.append)
    assert prepared(MINIMAL.tiny, tmp_path, said.append) == data
    assert len(said) == 1
    prepared(MINIMAL.tiny._replace(slices=3), tmp_path, said.append)
    assert len(said) == 2


def test_headers_are_as_rich_as_a_scanners(root: Path) -> None:
    rich, large, _, archive = (prepared(work, root) for work in MINIMAL.headers)
    dataset = dcmread(rich.files[0])
    assert len(dataset) == 250
    assert any(e.tag.is_private and e.VR == "SQ" and e.is_undefined_length for e in dataset)
    assert large.header_bytes > 100 << 10
    layouts = {tuple((e.tag, len(str(e.value))) for e in dcmread(path) if e.VR != "SQ") for path in archive.files}
    sequences = {tuple(e.tag for e in dcmread(path)) for path in archive.files}
    assert len(sequences) == archive.work.makers < len(layouts)


@pytest.mark.parametrize("work", [FULL.ct, *FULL.formats], ids=lambda work: work.name)
def test_phantom_fills_its_range_and_varies(work: Work) -> None:
    work = work._replace(rows=64, columns=64)
    frame, other = (stored_frame(work, 0, k) for k in (work.slices // 2, 0))
    assert frame.dtype == work.dtype
    assert len(np.unique(frame)) > 40
    assert (frame != other).any()


# ---------------------------------------------------------------------------------------------------- report
def test_dropping_from_the_cache_says_what_stayed(root: Path) -> None:
    part = drop_from_cache(prepared(MINIMAL.tiny, root).files)
    assert part is None or 0 <= part <= 1


def test_the_command_writes_table_and_chart(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.__main__.QUICK", MINIMAL)
    monkeypatch.setattr("benchmarks.__main__.Bench", partial(Bench, others=()))
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- measured: begin -->\nold\n<!-- measured: end -->\nafter\n")
    main(["--quick", "--only", "scan", "--rounds", "1", "--data", str(root), "--write", str(page)])
    words = page.read_text()
    assert words.startswith("before\n")
    assert words.endswith("after\n")
    assert "old" not in words
    assert "different volume" not in words
    assert "`python -m benchmarks --quick --only scan --rounds 1`" in words
    assert capsys.readouterr().out.strip() in words
    assert (tmp_path / "images" / "benchmark.png").stat().st_size > 1000


def test_targets_are_ratios_of_one_run(tmp_path: Path) -> None:
    def row(peer: peers.Peer, milliseconds: float, work: str = "CT", memory: float | None = None) -> Row:
        return Row(peer.name, "1", work, SAME, (milliseconds / 1000,) * 3, memory)

    sides = dict(zip((p for p in peers.CORE), (10, 20, 30, 100, 150, 400), strict=True))
    sections = [
        Section("warm", "Warm", [row(peer, ms) for peer, ms in sides.items()]),
        Section("growth", "Growth", [row(peer, ms * k, f"CT {k}") for k in (1, 5) for peer, ms in sides.items()]),
        Section("memory", "Memory", [row(peer, 0, memory=1.02) for peer in sides]),
        Section("import", "Import", [row(peers.DEFAULT, 55, "import")]),
    ]
    measured = [target.measured for target in targets(sections)]
    assert measured == ["2.00 ×", "3.00 ×", "5.00 ×", "7.50 ×", "20.00 ×", "1.00 ×", "1.00 ×", "1.02 ×", "55 ms"]
    words = report.markdown(sections, 3, "python -m benchmarks")
    assert "| vtkdicomload | 20.0 ms | 20.0 ms … 20.0 ms | 2.00 | 1.00 |" in words
    assert draw(sections, tmp_path / "chart.png")
    assert not draw(sections[3:], tmp_path / "none.png")


def test_aims_of_archives_and_servers_are_ratios_too() -> None:
    def row(peer: str, work: str, milliseconds: float = 0, memory: float | None = None, files: int = 0) -> Row:
        return Row(peer, "1", work, SAME, (milliseconds / 1000,) if milliseconds else (), memory, files)

    many, slow = bulk.LOADERS[1].name, [peer.name for peer in bulk.LOADERS]
    (ours, theirs), one_two = bulk.CONVERTERS[".nii"], [peer.name for peer in bulk.WORKERS]
    rows = [row(name, "A", 100 if name == many else 300) for name in slow]
    rows += [row(bulk.ONE_AT_A_TIME.name, f"A, {bulk.VOLUMES}", memory=2.5)]
    rows += [row(ours.name, "B, to .nii", 100), row(theirs.name, "B, to .nii", 400)]
    rows += [row(name, "C", ms) for name, ms in zip(one_two, (180, 100), strict=True)]
    rows += [row(bulk.SECOND_RUN, "D", 100, files=10_000)]
    measured = [target.measured for target in targets([Section("bulk", "", rows)])]
    assert measured == ["3.00 ×"] * 3 + ["2.50 ×", "4.00 ×", "1.80 ×", "10 µs"]
    rows = [row(name, "A", ms) for name, ms in ((web.OURS, 120), (web.PLAIN, 100), (web.ALONE, 2400))]
    rows += [row(web.OURS, "M", memory=1.1), row(peers.DEFAULT.name, "M", memory=1.0)]
    assert [target.measured for target in targets([Section("http", "", rows)])] == ["1.20 ×", "20.00 ×", "1.10 ×"]
    aims = sources.AIMS.items()
    rows = [row(name, "A", ms) for pair in aims for name, ms in zip(pair, (110, 100), strict=True)]
    rows += [row(name, "M", memory=1.05) for name in sources.AIMS] + [row(peers.DEFAULT.name, "M", memory=1.0)]
    assert [target.measured for target in targets([Section("sources", "", rows)])] == ["1.10 ×"] * 3 + ["1.05 ×"] * 3


@pytest.mark.parametrize("work", [MINIMAL.headers[-1], MINIMAL.compressed[0]], ids=lambda work: work.name)
def test_files_are_written_as_pydicom_writes_them(root: Path, work: Work) -> None:
    folders = prepared(work, root).folders
    for series, k in ((0, 0), (work.series - 1, work.slices - 1)):
        written = folders[series] / f"IM-0001-{headers.instance_number(work, k):04d}.dcm"
        dataset = headers.header(work, series, k)
        dataset.file_meta = headers.file_meta(work, series, k)
        dataset["PixelData"] = dcmread(written)["PixelData"]
        whole = BytesIO()
        dcmwrite(whole, dataset, enforce_file_format=True)
        assert whole.getvalue() == written.read_bytes()
