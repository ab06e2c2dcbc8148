"""The attributes of one file as pydicom reads them: for what is too rare and deep for `header`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from .._util.warnings import silenced
from ..sources.stream import path_or_stream
from .attributes import DETECTORS, FUNCTIONAL_GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pydicom

    from ..sources.file import File


def read_attributes(file: File) -> pydicom.Dataset:
    """Read everything a file says, patient attributes too, without its pixels."""
    import pydicom

    with path_or_stream(file) as readable:
        return pydicom.dcmread(readable, stop_before_pixels=True, force=True)


@contextmanager
def data_set_of(file: File) -> Iterator[pydicom.Dataset]:
    """The data set of a file without its pixels.

    A context, because pydicom parses and warns when a value is asked for: within it nothing is heard of that.
    """
    import pydicom

    with silenced():
        data_set = read_attributes(file)
        for tag in {*FUNCTIONAL_GROUPS, DETECTORS} & data_set.keys():
            raw = data_set.get_item(tag)
            # pydicom knows a UN of a public attribute by its VR only up to 64 KiB.
            if isinstance(raw, pydicom.dataelem.RawDataElement) and raw.VR == "UN":
                data_set[tag] = raw._replace(VR="SQ")
        yield data_set
