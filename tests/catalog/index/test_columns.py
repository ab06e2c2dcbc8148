"""The columns of an index: all that a header holds, and another version wherever they change."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from vtkdicomload.catalog.index.columns import FILES, OF_FRAMES, SCHEMA_VERSION, find_kind
from vtkdicomload.catalog.index.entry import Entry
from vtkdicomload.catalog.index.file_rows import make_rows, restore_frames
from vtkdicomload.catalog.index.local_root import LocalRoot
from vtkdicomload.catalog.index.stacks import STACK_KINDS
from vtkdicomload.catalog.outcomes import read_outcomes
from vtkdicomload.headers.frames import make_frame
from vtkdicomload.headers.model import Header
from vtkdicomload.headers.reading import HeaderReader
from vtkdicomload.sources.local import LocalFile

if TYPE_CHECKING:
    from pathlib import Path


def test_every_attribute_of_a_header_has_a_column() -> None:
    missing = set(Header._fields) - set(FILES.names)
    assert missing == {"file", *OF_FRAMES}
    assert len(set(FILES.names)) == len(FILES.names)
    assert find_kind("float | None") == find_kind("float")


def test_other_columns_are_another_version() -> None:
    files = [(field.name, str(field.type)) for field in FILES]
    stacks = [(name, str(kind.arrow)) for name, kind in STACK_KINDS.items()]
    known = {3: "f32e79ababbafcc1"}
    assert hashlib.sha256(repr((files, stacks)).encode()).hexdigest()[:16] == known[SCHEMA_VERSION]


def test_every_single_frame_file_is_its_row_again(data: Path) -> None:
    files = [LocalFile(str(path)) for path in sorted(data.rglob("*.dcm"))]
    outcomes = read_outcomes(files, HeaderReader())
    table = make_rows(
        LocalRoot(str(data), archives=False, is_file=False), [Entry(file.name, 0, 0) for file in files], outcomes
    )
    images = [row for row, outcome in enumerate(outcomes) if outcome.frames]
    frames = [outcomes[row].frames for row in images]
    restored = restore_frames(table.take(images), [of_file[0].header.file for of_file in frames])
    assert [(frame,) for frame in restored if frame] == [f for f, frame in zip(frames, restored, strict=True) if frame]
    assert [frame for frame in restored if frame] == [make_frame(frame.header) for frame in restored if frame]
    assert sum(frame is not None for frame in restored) > 60
