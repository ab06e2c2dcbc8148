"""What is taken for granted about the frames of one volume, each a sentence for a DicomLoadWarning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .consistency import NUMBERS, some_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..headers.model import Frame, Header
    from .series_data import SeriesData


def taken_for_granted(series: SeriesData) -> list[str]:
    """What is assumed about the values of a stack and about its being one volume."""
    return _of_rescale(series.frames) + _of_mixtures(series.frames) + _of_ranks(series)


def _of_rescale(frames: Sequence[Frame]) -> list[str]:
    """What is assumed where RescaleSlope and RescaleIntercept are not both there, or not in all files."""
    grey = [f for f in frames if f.header.samples == 1 and not f.header.has_modality_lut]
    without = [f for f in grey if f.header.slope is None or f.header.intercept is None]
    blank = any("RescaleSlope" in f.header.blank or "RescaleIntercept" in f.header.blank for f in without)
    nowhere = all(f.header.slope is None and f.header.intercept is None for f in grey)
    if not without or (nowhere and not blank):
        return []
    return [
        f"RescaleSlope or RescaleIntercept is missing or empty in {len(without)} of {len(frames)} frames "
        f"({some_names(without)}): slope 1 and intercept 0 are taken for what is missing"
    ]


# What makes other values of the same tissue: where few of them alternate along the slices, two volumes may be mixed.
_SHARED: tuple[tuple[str, Callable[[Header], object]], ...] = (
    ("EchoTime", lambda h: h.echo_time),
    ("InversionTime", lambda h: h.inversion_time),
    ("DiffusionBValue", lambda h: h.diffusion_b_value),
)
# What one volume has one of, however few its slices are.
_UNITS: tuple[tuple[str, Callable[[Header], object]], ...] = (
    ("RescaleType", lambda h: h.rescale_type),
    ("Units", lambda h: h.units),
)


def _of_mixtures(frames: Sequence[Frame]) -> list[str]:
    few = len(frames) // 2
    counts = [(name, len({value(f.header) for f in frames}), few) for name, value in _SHARED]
    counts += [(name, len({value(f.header) for f in frames}), len(frames)) for name, value in _UNITS]
    return [
        f"{name} differs between the slices ({count} values): they are taken for one volume"
        for name, count, most in counts
        if 1 < count <= most
    ]


def _of_ranks(series: SeriesData) -> list[str]:
    # The time when an image was made says little of the volume it belongs to: slices may be reconstructed in any order.
    names = [name for name, value in series.labels if name in (*NUMBERS, "ContentTime") and " of " in value]
    if not names:
        return []
    return [f"the volumes of this series are told apart by the order of {names[0]} alone, nothing else says which"]
