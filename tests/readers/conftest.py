"""Frames without pixels, for the rules that need no more than a header."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from synthetic import raw_image

from vtkdicomload.headers.frames import make_frames
from vtkdicomload.headers.parser import read_header

if TYPE_CHECKING:
    from vtkdicomload.headers.model import Frame


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Frame:
    path = tmp_path_factory.mktemp("values") / "a.dcm"
    path.write_bytes(raw_image())
    return make_frames(read_header(path))[0]


@pytest.fixture(scope="module")
def frame(plain):
    """A frame with the given bits and transform; its file does not matter here."""

    def make(allocated=16, stored=None, signed=0, slope=1.0, intercept=0.0, **fields) -> Frame:
        stored = allocated if stored is None else stored
        bits = {"bits_allocated": allocated, "bits_stored": stored, "high_bit": stored - 1}
        header = plain.header._replace(**bits, pixel_representation=signed, slope=slope, intercept=intercept, **fields)
        return plain._replace(header=header, slope=float(slope), intercept=float(intercept))

    return make
