"""The coordinate system that two things share, or not: FrameOfReferenceUID (PS3.3 C.7.4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from .._util.wording import describe_argument
from ..errors import GeometryError
from ..errors.remedies import SetOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..stacks.series_data import SeriesData

FrameOfReference = Literal["match", "ignore"]
IGNORE = SetOption("frame_of_reference", ("ignore",), "once you know that both lie in one place")


def find_frame_of_reference(series: SeriesData) -> str | None:
    """The FrameOfReferenceUID of a series; None where the files hold none, or several."""
    uids = {frame.header.frame_of_reference_uid for frame in series.frames}
    return uids.pop() if len(uids) == 1 else None


def require_drawn_on(
    series: SeriesData, uids: Sequence[str | None], series_uids: Sequence[str], path: str, choice: FrameOfReference
) -> str | None:
    """Refuse structures that are not known to lie where a series does.

    Parameters
    ----------
    series : SeriesData
        Of the volume.
    uids : sequence of str or None
        The FrameOfReferenceUIDs that the structures lie in; None where one is not known.
    series_uids : sequence of str
        The series that they were drawn on.
    path : str
        Their file.
    choice : {"match", "ignore"}
        Whether to look.

    Returns
    -------
    str or None
        What has to be told: they were drawn on the series, in words of another frame of reference, or in its frame of
        reference on another series.

    Raises
    ------
    GeometryError
        Their FrameOfReferenceUIDs differ, or one of them is not known, and they were not drawn on the series.
    """
    check_frame_of_reference(choice)
    own = find_frame_of_reference(series)
    if choice == "ignore":
        return None
    if own is not None and set(uids) == {own}:
        if series.uid is None or not series_uids or series.uid in series_uids:
            return None
        return f"{path} was drawn on another series than {series.title}, in the same FrameOfReferenceUID"
    theirs = ", ".join(dict.fromkeys(uid or "missing" for uid in uids))
    words = f"their FrameOfReferenceUID is {theirs}, that of {series.title} {own or 'unknown'}"
    if series.uid is not None and series.uid in series_uids:
        return f"{path} was drawn on this series, and is taken to lie where it does: {words}"
    raise GeometryError(
        f"the structures of {path} are not known to lie in {series.title}: {words}, and they were drawn on "
        f"{'another series' if series_uids else 'a series that they do not name'}",
        files=[path, series.files[0]],
        remedies=[IGNORE],
    )


def check_frame_of_reference(choice: FrameOfReference) -> None:
    """Refuse another word for `frame_of_reference` (ValueError)."""
    if choice not in get_args(FrameOfReference):
        raise ValueError(f'frame_of_reference must be "match" or "ignore", not {describe_argument(choice)}')


def require_same_place(series: SeriesData, other: SeriesData, choice: FrameOfReference) -> None:
    """Refuse two series that are not known to lie in one coordinate system.

    Parameters
    ----------
    series, other : SeriesData
        Of the volumes that shall lie on one grid.
    choice : {"match", "ignore"}
        Whether to look.

    Raises
    ------
    GeometryError
        Their FrameOfReferenceUIDs differ, or one of them is not known.
    """
    check_frame_of_reference(choice)
    own, others = find_frame_of_reference(series), find_frame_of_reference(other)
    if choice == "ignore" or (own is not None and own == others) or series is other:
        return
    if own is None or others is None:
        unknown = series if own is None else other
        what = f"{unknown.title} has no FrameOfReferenceUID of its own, so it is not known to lie where the other does"
    else:
        uids = f"FrameOfReferenceUID {own} and {others}"
        what = f"{series.title} and {other.title} lie in different coordinate systems ({uids})"
    raise GeometryError(what, files=[series.files[0], other.files[0]], remedies=[IGNORE])
