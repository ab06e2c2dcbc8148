"""Bytes of files that have to be passed through are kept within limits, and let go of."""

from __future__ import annotations

import pickle

from vtkdicomload.sources.keeping import Keeping
from vtkdicomload.sources.memory import KeptFile, MemoryFile


def test_the_room_is_for_whole_files_then_for_beginnings_then_for_none() -> None:
    keeping = Keeping(limit_bytes=300_000, longest=200_000)
    assert [keeping.take(size) for size in (100_000, 250_000, 10, 10)] == [100_000, 200_000, 0, 0]
    keeping = Keeping(limit_bytes=200_000, longest=200_000)
    assert [keeping.take(size) for size in (100_000, 150_000, 150_000)] == [100_000, 65_536, 0]
    keeping = Keeping()
    assert keeping.take(1 << 30) == 1 << 16


def test_a_file_that_was_let_go_of_is_read_again() -> None:
    origin = MemoryFile.of(b"0123456789", "a")
    with Keeping.whole() as keeping:
        kept = keeping.keep(origin, b"9876543210")  # so that one sees which is read
        assert isinstance(kept, KeptFile)
        assert kept.read_at(0, 3) == b"987"
        assert kept.origin is origin
    assert kept.read_at(0, 3) == b"012"


def test_the_bytes_are_not_pickled() -> None:
    origin = MemoryFile.of(b"x", "a")
    kept = KeptFile.of(origin, bytes(100_000))
    assert len(pickle.dumps(kept)) < 1000
    assert pickle.loads(pickle.dumps(kept)) == origin
