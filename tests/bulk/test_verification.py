"""`verify`: every frame of every stack read by two readers; what differs, or could not be compared, is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

import vtkdicomload as vdl
from vtkdicomload.cli import app as cli
from vtkdicomload.readers import direct
from vtkdicomload.series import load_volume

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from synthetic import Truth

    Write = Callable[..., Truth]


@pytest.fixture
def archive(series: Write, data: Path, tmp_path: Path) -> Path:
    """A series that loads, one that lacks a slice, and one of which no second reader is right."""
    series("in/a", seed=1, SeriesDescription="first one")
    series("in/b", seed=2).files[2].unlink()
    (tmp_path / "in" / "c").symlink_to(data / "seg_1bit", target_is_directory=True)
    return tmp_path / "in"


def statuses(done: vdl.Verification) -> list[str]:
    return [outcome.status for outcome in done]


def count_loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The titles of the stacks that are loaded from now on."""
    loaded: list[str] = []

    def noted(stack: Any, *arguments: Any, **options: Any) -> vdl.Volume:
        loaded.append(stack.title)
        return load_volume(stack, *arguments, **options)

    monkeypatch.setattr("vtkdicomload._api.bulk.load_volume", noted)
    return loaded


def test_each_stack_is_equal_unverified_or_refused_with_the_reason(archive: Path) -> None:
    done = vdl.verify(archive)
    assert set(statuses(done)) == {"equal", "refused", "unverified"}
    assert not done.whole
    by_folder = {Path(str(outcome.folder)).name: outcome for outcome in done}
    assert (by_folder["a"].status, by_folder["a"].reason) == ("equal", None)
    assert by_folder["b"].status == "refused"
    assert "1 slice missing in 4" in str(by_folder["b"].reason)
    assert by_folder["c"].status == "unverified"
    assert "VTK reads the first frame of a multi-frame file only" in str(by_folder["c"].reason)
    assert vdl.verify(archive / "a").whole


def test_every_frame_is_read_twice(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    fill = direct.fill

    def lie(frames: Any, conversion: Any, out: np.ndarray, *others: Any, **more: Any) -> Any:
        done = fill(frames, conversion, out, *others, **more)
        read.append(len(frames))
        out[-1].flat[3] += 1  # the last frame is one that a probe of the middle does not see
        return done

    monkeypatch.setattr(direct, "fill", lie)
    vdl.load(archive / "a", engine="direct")
    (outcome,) = vdl.verify(archive / "a", workers=1)
    assert outcome.status == "different"
    assert "two readers disagree about" in str(outcome.reason)
    assert read


@pytest.mark.parametrize("name", ["small_ct", "asl_4d", "comp_rle", "enh_mr_phase", "rtdose_32bit"])
def test_real_series_are_equal(data: Path, name: str) -> None:
    assert vdl.verify(data / name).whole


def test_a_second_run_reads_only_what_was_not_settled(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = tmp_path / "record.jsonl"
    first = vdl.verify(archive, record=record)
    loaded = count_loads(monkeypatch)
    second = vdl.verify(archive, record=record)
    assert list(second) == list(first)
    assert len(loaded) == statuses(first).count("refused") == 1
    vdl.verify(archive, record=record, resume=False)
    assert len(loaded) == 1 + len(first)
    changed = next((archive / "a").iterdir())
    changed.write_bytes(changed.read_bytes())
    vdl.verify(archive, record=record)
    assert "first one" in loaded[-1] or "first one" in loaded[-2]
    before = len(loaded)
    vdl.verify(archive, record=record, dtype="float64")
    assert len(loaded) == before + len(first)


def test_a_stopped_run_goes_on_where_it_was(series: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for k in range(1, 6):
        series(f"in/{k}", seed=k)
    record = tmp_path / "record.jsonl"

    def stop(done: int, total: int) -> None:
        assert total == 5
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        vdl.verify(tmp_path / "in", record=record, workers=1, progress=stop)
    assert not (tmp_path / "record.jsonl.lock").exists()
    record.write_text(record.read_text()[:-20])  # and was killed while it wrote the third
    loaded = count_loads(monkeypatch)
    assert vdl.verify(tmp_path / "in", record=record).whole
    assert len(loaded) == 3


def test_nothing_is_written_unless_asked_for(archive: Path) -> None:
    before = sorted(path.name for path in archive.rglob("*"))
    vdl.verify(archive)
    assert sorted(path.name for path in archive.rglob("*")) == before


def test_a_damaged_file_of_no_series_is_said(archive: Path) -> None:
    (archive / "a" / "x").mkdir()
    (archive / "a" / "x" / "y.dcm").write_bytes((bytes(128) + b"DICM") * 3)
    done = vdl.verify(archive / "a")
    assert statuses(done) == ["equal"]
    assert not done.whole
    assert "y.dcm" in repr(done)


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"verify": "none"}, TypeError, "verify="),
        ({"workers": 0}, ValueError, "workers must be 1 or more"),
        ({"client": "tcp://x"}, TypeError, "client must be a distributed.Client"),
        ({"nonsense": 1}, TypeError, "there is no option"),
    ],
)
def test_wrong_options_are_said(tmp_path: Path, options: dict[str, Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        vdl.verify(tmp_path / "missing", **options)


def test_the_command_has_a_table_lines_of_json_and_a_status(archive: Path, tmp_path: Path) -> None:
    def run(*arguments: object) -> Any:
        return CliRunner().invoke(cli.app, ["verify", *map(str, arguments)])

    record = tmp_path / "record.jsonl"
    done = run(archive, "--record", record)
    assert done.exit_code == 1
    assert "1 slice missing in 4" in done.stdout
    assert done.stdout.splitlines()[-1].startswith(f"{archive}: ")
    lines = [json.loads(line) for line in run(archive, "--record", record, "--json").stdout.splitlines()]
    assert sorted(line["status"] for line in lines) == sorted(statuses(vdl.verify(archive)))
    good = run(archive / "a")
    assert good.exit_code == 0
    assert "pixels" in good.stdout
    assert "1 equal" in good.stdout
    assert run(tmp_path / "missing").exit_code == 1
