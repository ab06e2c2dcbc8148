"""Files that can only be read whole are held in memory for the readers, a batch at a time, each file once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom.uid import JPEGLSLossless, RLELossless
from sources.packing import compress, write_archive

import vtkdicomload as vdl
from vtkdicomload.loading import filling
from vtkdicomload.sources.archives.deflated import DeflatedMember
from vtkdicomload.sources.archives.solid import SolidMember

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]


@pytest.fixture
def mixed(series: Write, tmp_path: Path) -> Callable[..., tuple[Truth, list[Any]]]:
    """A series of nine slices, some of which lie in each kind of archive, in memory and on disk."""

    def write(**options: Any) -> tuple[Truth, list[Any]]:
        truth = series("written", count=9, **options)
        content = [path.read_bytes() for path in truth.files]
        (tmp_path / "8.gz").write_bytes(compress(content[8], "gz"))
        return truth, [
            write_archive(tmp_path / "a.zip", "deflated.zip", {"5": content[5], "0": content[0]}),
            truth.files[1],
            write_archive(tmp_path / "b.tar.gz", "tar.gz", {"2": content[2], "7": content[7], "3": content[3]}),
            content[4],
            write_archive(tmp_path / "c.zip", "stored.zip", {"6": content[6]}),
            tmp_path / "8.gz",
        ]

    return write


@pytest.mark.parametrize("batch", [1, 100, 1 << 25])
@pytest.mark.parametrize("workers", [1, 3, None])
@pytest.mark.parametrize("syntax", [None, RLELossless, JPEGLSLossless])
def test_slices_from_everywhere_make_one_volume(
    mixed: Callable[..., tuple[Truth, list[Any]]],
    monkeypatch: pytest.MonkeyPatch,
    batch: int,
    workers: int | None,
    syntax: str | None,
) -> None:
    truth, source = mixed(RescaleSlope=2, RescaleIntercept=-7, **({"syntax": syntax} if syntax else {}))
    monkeypatch.setattr(filling, "_BATCH_BYTES", batch)
    calls: list[tuple[int, int]] = []
    volume = vdl.load(source, verify="all", workers=workers, progress=lambda *done: calls.append(done))
    np.testing.assert_array_equal(volume.frames, truth.frames)
    assert calls == [(k + 1, 9) for k in range(9)]
    assert sum(int(words.split()[0]) for words in volume.checks[-1].result.split(", ")) == 9


def test_each_file_is_read_once_for_pixels_and_every_check(
    mixed: Callable[..., tuple[Truth, list[Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    truth, source = mixed()
    (found,) = vdl.scan(source)
    monkeypatch.setattr("vtkdicomload.stacks.split_alternate._FEWEST", 99)  # it reads a few headers before
    read: list[str] = []
    for kind in (DeflatedMember, SolidMember):
        real = kind.read_whole
        monkeypatch.setattr(
            kind, "read_whole", lambda files, *more, real=real: read.extend(f.name for f in files) or real(files, *more)
        )
    np.testing.assert_array_equal(found.load(verify="all").frames, truth.frames)
    assert sorted(name[-1] for name in read) == ["0", "2", "3", "5", "7"]


def test_values_that_do_not_fit_are_read_again_in_a_wider_type(mixed: Callable[..., tuple[Truth, list[Any]]]) -> None:
    truth, source = mixed(dtype=np.uint16, BitsStored=16, HighBit=15, RescaleIntercept=-40_000)
    expected = vdl.load(truth.folder)
    volume = vdl.load(source)
    assert volume.dtype == expected.dtype
    np.testing.assert_array_equal(volume.frames, expected.frames)


def test_a_damaged_member_ends_it_with_its_name(mixed: Callable[..., tuple[Truth, list[Any]]], tmp_path: Path) -> None:
    _, source = mixed(rows=64, columns=64)
    (found,) = vdl.scan(source)
    write_archive(tmp_path / "b.tar.gz", "tar.gz", {"2": b"x"})
    with pytest.raises(vdl.CorruptFileError, match=r"b\.tar\.gz/\d changed since it was scanned: .*→ load again"):
        found.load()


def test_an_exception_from_progress_leaves_nothing_behind(mixed: Callable[..., tuple[Truth, list[Any]]]) -> None:
    _, source = mixed()

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        vdl.load(source, progress=stop)
