"""A row of an index held to the stack of a scan."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import vtkdicomload as vdl


def load(source: Any, **options: Any) -> tuple[Any, str, list[str]]:
    """What comes of a source: a volume, or the words of an error; and warnings."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            volume, error = vdl.load(source, **options), ""
        except vdl.DicomLoadError as refused:
            volume, error = None, str(refused)
    return volume, error, [str(warning.message) for warning in told]


def check_same(row: Any, stack: Any) -> bool:
    """Hold a row to its stack, and tell whether both load."""
    (volume, *words), (expected, *expected_words) = load(row), load(stack)
    assert words == expected_words
    if volume is None or expected is None:
        assert volume is expected
        return False
    assert volume.frames.dtype == expected.frames.dtype
    np.testing.assert_array_equal(volume.frames, expected.frames)
    assert repr(volume.geometry) == repr(expected.geometry)
    np.testing.assert_array_equal(volume.geometry.positions, expected.geometry.positions)
    assert volume.series.frames == expected.series.frames  # every attribute of every header, files and stamps too
    return True


def check_index(index: vdl.Index, found: vdl.Scan) -> list[bool]:
    """Hold every row of an index to a scan of the same, and tell which load."""
    counts = index.counts
    assert counts.files == len(found.files)
    assert counts.damaged == len(found.problems)
    return [check_same(row, stack) for row, stack in zip(index, found.stacks(), strict=True)]
