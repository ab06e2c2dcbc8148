"""The value of ``--overlay``: structures to outline, or another volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from ..errors import DicomLoadError, NoDicomError
from ..errors.remedies import LeaveOut, SetOption
from .finding import choose_series_of, find_at, load_series

if TYPE_CHECKING:
    from ..conversions.patient_space import FrameOfReference
    from ..errors.remedies import Remedy
    from ..pictures.overlays import Overlay
    from ..series import Series
    from ..volume import Volume


class MaskOptions(NamedTuple):
    """How structures are drawn: filled or outlined, and fractional segments from which fraction on."""

    fill: bool
    threshold: float | None


def read_overlay(
    volume: Volume, path: str, masks: MaskOptions, irregular: str, frame_of_reference: str, colormap: str | None
) -> Overlay:
    """What lies at a path, to be drawn over a volume.

    Parameters
    ----------
    volume : Volume
        Whose planes are drawn.
    path : str
        An RT structure set, a segmentation, or one series of images.
    masks : MaskOptions
        How structures are drawn.
    irregular, colormap : str, str or None
        Of a series of images.
    frame_of_reference : {"match", "ignore"}
        As for `Volume.plot`.
    """
    from ..conversions.structures import read_structures
    from ..pictures.overlays import make_overlay

    place = cast("FrameOfReference", str(frame_of_reference))
    try:
        read_structures(path)
    except NoDicomError:
        return make_overlay(volume, _load_other(path, irregular), colormap=colormap, frame_of_reference=place)
    named = volume.masks_of(path, threshold=masks.threshold, frame_of_reference=place)
    return make_overlay(volume, named, fill=masks.fill)


def _load_other(path: str, irregular: str) -> Volume:
    """The one series of images at a path; the remedies of an error are those that are options for it."""
    try:
        found = find_at([path], None, archives=False, storage_options={})
        if len(found) > 1:
            raise DicomLoadError(f"{len(found)} series, and one can be drawn", remedies=_offer_folders(list(found)))
        return load_series(choose_series_of(found, None, None), irregular)
    except DicomLoadError as error:
        own = [remedy for remedy in error.remedies if _fits_overlay(remedy)]
        raise DicomLoadError(f"--overlay {path}: {error.message}", files=error.files, remedies=own) from error


def _offer_folders(several: list[Series]) -> list[Remedy]:
    """Offer the folder of each series, where it is a folder of its own."""
    folders = [series.folder for series in several if series.folder is not None]
    return [SetOption("overlay", tuple(folders))] if len(set(folders)) == len(several) else []


def _fits_overlay(remedy: Remedy) -> bool:
    """Tell whether a remedy is not an option for the series that is drawn over."""
    if isinstance(remedy, SetOption):
        return remedy.option in ("irregular", "overlay")
    return not isinstance(remedy, LeaveOut)
