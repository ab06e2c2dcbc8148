"""What is taken for granted about the frames of one volume, each a sentence for a DicomLoadWarning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .consistency import NUMBERS, some_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..headers.header import Frame
    from ..series import Series


def taken_for_granted(series: Series) -> list[str]:
    """What is assumed about the values of a stack and about its being one volume."""
    return _of_rescale(series.frames) + _of_echoes(series.frames) + _of_ranks(series)


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


def _of_echoes(frames: Sequence[Frame]) -> list[str]:
    echoes = {f.header.echo_time for f in frames}
    if not 1 < len(echoes) <= len(frames) // 2:
        return []
    return [f"EchoTime differs between the slices ({len(echoes)} values): they are taken for one volume"]


def _of_ranks(series: Series) -> list[str]:
    names = [name for name, _ in series.labels if name in NUMBERS]
    if not names:
        return []
    return [f"the volumes of this series are told apart by the order of {names[0]} alone, nothing else says which"]
