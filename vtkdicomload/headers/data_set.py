"""The attributes of one file as pydicom reads them: for what is too rare and deep for `header`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from .._util.warnings import silenced
from .attributes import DETECTORS, FUNCTIONAL_GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pydicom


def read_attributes(path: str) -> pydicom.Dataset:
    """Everything a file says, patient attributes too, without its pixels."""
    import pydicom

    return pydicom.dcmread(path, stop_before_pixels=True, force=True)


@contextmanager
def data_set_of(path: str) -> Iterator[pydicom.Dataset]:
    """The data set of a file without its pixels.

    A context, because pydicom parses and warns when a value is asked for: within it nothing is heard of that.
    """
    import pydicom

    with silenced():
        data_set = read_attributes(path)
        for tag in {*FUNCTIONAL_GROUPS, DETECTORS} & data_set.keys():
            raw = data_set.get_item(tag)
            # pydicom knows a UN of a public attribute by its VR only up to 64 KiB.
            if isinstance(raw, pydicom.dataelem.RawDataElement) and raw.VR == "UN":
                data_set[tag] = raw._replace(VR="SQ")
        yield data_set
