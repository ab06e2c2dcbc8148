"""The value of ``--overlay``: structures to outline, or another volume."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from ..errors import DicomLoadError, NoDicomError
from ..errors.remedies import LeaveOut, SetOption
from ..headers.sop_classes import LABEL_MAP, SEGMENTATION
from .finding import choose_series_of, find_at, load_series

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..conversions.patient_space import FrameOfReference
    from ..errors.remedies import Remedy
    from ..pictures.overlays import Overlay
    from ..series import Series
    from ..volume import Volume

_PREFIX = "--overlay-"


class OverlayOptions(NamedTuple):
    """The options of what is drawn over a series.

    Attributes
    ----------
    path : str
        An RT structure set, segmentations, or series of images.
    series, stack : str or None
        Which of the series there, and which stack of it.
    storage_options : dict
        What fsspec is told of the server of a URL.
    irregular, colormap : str, str or None
        Of images.
    fill, threshold : bool, float or None
        Of structures.
    frame_of_reference : {"match", "ignore"}
        As for `Volume.plot`.
    """

    path: str
    series: str | None
    stack: str | None
    storage_options: dict[str, Any]
    irregular: str
    colormap: str | None
    fill: bool
    threshold: float | None
    frame_of_reference: str


def read_overlay(volume: Volume, options: OverlayOptions) -> Overlay:
    """Read what is to be drawn over a volume."""
    from ..conversions.structures import read_structures
    from ..pictures.overlays import make_overlay

    place = cast("FrameOfReference", options.frame_of_reference)
    source: str | Series = options.path
    if options.series is None and options.stack is None:
        try:
            read_structures(options.path, options.storage_options)
        except NoDicomError:
            source = _choose_images(options)
    else:
        source = _choose_images(options)
    if isinstance(source, str) or source.header.sop_class_uid in (SEGMENTATION, LABEL_MAP):
        named = volume.masks_of(
            source,
            threshold=options.threshold,
            frame_of_reference=place,
            storage_options=options.storage_options,
        )
        return make_overlay(volume, named, fill=options.fill)
    if options.threshold is not None:
        raise DicomLoadError(f"--threshold is for segments, and --overlay {options.path} is an image")
    with _tell_what_fits(options):
        other = load_series(source, options.irregular)
    return make_overlay(volume, other, fill=options.fill, colormap=options.colormap, frame_of_reference=place)


def _choose_images(options: OverlayOptions) -> Series:
    """The series, or stack of it, that is meant."""
    with _tell_what_fits(options):
        found = find_at([options.path], None, archives=False, storage_options=options.storage_options)
        return choose_series_of(found, options.series, options.stack, prefix=_PREFIX)


@contextmanager
def _tell_what_fits(options: OverlayOptions) -> Iterator[None]:
    """Tell of an error that it is of the overlay, with those of its remedies that are options for it."""
    try:
        yield
    except DicomLoadError as error:
        own = [fit for remedy in error.remedies if (fit := _turn_to_overlay(remedy)) is not None]
        raise DicomLoadError(f"--overlay {options.path}: {error.message}", files=error.files, remedies=own) from error


def _turn_to_overlay(remedy: Remedy) -> Remedy | None:
    """A remedy as one for what is drawn over; None where there is no such option."""
    if isinstance(remedy, SetOption):
        if remedy.option in ("series", "stack"):
            return replace(remedy, option=f"overlay_{remedy.option}")
        return remedy if remedy.option == "irregular" else None
    return None if isinstance(remedy, LeaveOut) else remedy
