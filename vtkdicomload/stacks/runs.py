"""Runs of frames: pictures of one plane or of none, such as a cine loop, whose third axis is no axis of the patient."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from ..headers.sop_classes import is_secondary_capture
from .along import get_locations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Floats
    from ..headers.model import Frame, Header

# What makes projections, echoes and views of a camera, none of which lies in a slice of the patient.
_MODALITIES = frozenset(
    "CR DX MG RG RF XA DF US IVUS IO PX ES XC GM SM OP RTIMAGE".split()  # noqa: SIM905 - a list would take a line each
)
_CLASSES = re.compile(
    r"1\.2\.840\.10008\.5\.1\.4\.1\.1\.(1|1\.[123](\.1)?|3|3\.1|6|6\.1|12\.\d(\.1)?|77\.1\.\d(\.1)?|481\.1)$"
)
_NUCLEAR = frozenset(("STATIC", "DYNAMIC", "GATED", "WHOLE BODY", "TOMO", "GATED TOMO"))  # PS3.3 C.8.4.9.1.1


def is_planar(header: Header) -> bool:
    """Tell whether an image has no place in the patient by its nature, and says nothing of slices."""
    if header.position is not None:
        return False
    if header.modality == "NM":
        return not _NUCLEAR.isdisjoint(header.image_type[2:3])
    if header.spacing_between_slices:
        return False
    if is_secondary_capture(header.sop_class_uid) or header.modality in ("OT", "SC"):
        return not header.slice_thickness  # the picture of a screen
    return header.modality in _MODALITIES or _CLASSES.match(header.sop_class_uid or "") is not None


def is_run(frames: Sequence[Frame]) -> bool:
    """Tell whether frames without a place follow each other in time or in angle, not in space."""
    if any(f.position is not None for f in frames) or get_locations(frames) is not None:
        return False
    header = frames[0].header
    timed = len({f.path for f in frames}) == 1 and find_frame_times(frames) is not None
    said = header.spacing_between_slices or header.slice_thickness
    return all(is_planar(f.header) for f in frames) or (timed and not said)


def find_frame_times(frames: Sequence[Frame]) -> Floats | None:
    """Find when each frame of one file was made, in ms after the first; None where nothing says so (PS3.3 C.7.6.5)."""
    header = frames[0].header
    count = header.number_of_frames
    if count == 1 or any(f.header.file is not header.file for f in frames):
        return None
    vector, numbers = header.frame_time_vector, np.arange(count, dtype=np.float64)
    times: Floats
    if vector is not None and len(vector) == count and min(vector) >= 0:
        times = np.cumsum(np.array(vector, np.float64))
    elif header.frame_time is not None and header.frame_time > 0:
        times = numbers * header.frame_time
    elif header.cine_rate is not None and header.cine_rate > 0:
        times = numbers * (1000 / header.cine_rate)
    else:
        return None
    of_frames: Floats = times[[f.index_in_file for f in frames]]
    of_frames -= of_frames[0]
    return of_frames
