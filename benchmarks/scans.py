"""The peers that read headers only: every attribute that vtkdicomload reads, of every file."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from .peers import Peer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .data import Data


def _vtkdicomload_scan(data: Data) -> Any:
    import vtkdicomload

    return vtkdicomload.scan(data.folder)


def _scanned(found: Any, _: Data) -> Iterable[tuple[float, ...]]:
    for series in found:
        for frame in series.frames:
            header = frame.header
            yield series.number, header.instance_number, *frame.position, header.rows, frame.intercept


def _pydicom_scan(data: Data, *, specific: bool) -> list[dict[str, Any]]:
    """Every attribute that vtkdicomload reads, of every file."""
    import pydicom

    from vtkdicomload.headers.attributes import FIELDS

    result = []
    for path in data.files:
        wanted = list(FIELDS) if specific else None
        dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=wanted)
        result.append({f.keyword: dataset[tag].value if tag in dataset else None for tag, f in FIELDS.items()})
    return result


def _from_pydicom_scan(read: list[dict[str, Any]], _: Data) -> Iterable[tuple[float, ...]]:
    for d in read:
        yield d["SeriesNumber"], d["InstanceNumber"], *d["ImagePositionPatient"], d["Rows"], d["RescaleIntercept"]


SCAN = Peer("vtkdicomload.scan", "vtkdicomload", "vtkdicomload", _vtkdicomload_scan, _scanned, headers=True)
SCANS = (
    SCAN,
    *(
        Peer(name, "pydicom", "pydicom", partial(_pydicom_scan, specific=specific), _from_pydicom_scan, headers=True)
        for name, specific in (("pydicom, specific_tags", True), ("pydicom, stop_before_pixels", False))
    ),
)
