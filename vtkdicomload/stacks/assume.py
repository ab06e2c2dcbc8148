"""Assumptions about a stack that has been divided: its values, and its being one whole volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._util.wording import count_noun, name_files_of, point_words
from ..headers.diffusion import find_b_value
from .assumptions import Assumption, AssumptionKind
from .consistency import NUMBERS, describe_bits, name_files
from .series_data import Rank
from .split_attributes import Sort, rank_values
from .uniform import is_uniform

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..headers.model import Frame, Header
    from .series_data import SeriesData
    from .split_attributes import Attribute


def list_assumptions(series: SeriesData) -> tuple[Assumption, ...]:
    """List what is assumed about the values of a stack and about its being one volume."""
    uniform = is_uniform(series)

    def ask(assume: Callable[[Sequence[Frame]], list[Assumption]]) -> list[Assumption]:
        told = assume(series.frames[:1] if uniform else series.frames)
        return assume(series.frames) if told and uniform else told  # with the numbers of all

    return (
        *series.assumptions,
        *ask(assume_structure),
        *_assume_whole(series),
        *ask(_assume_rescale),
        *ask(_assume_bits),
        *ask(_assume_one_volume),
        *_assume_ranks(series),
        *_tell_missing(series),
    )


def _assume_whole(series: SeriesData) -> list[Assumption]:
    told = []
    for kind, what, problems in (
        (AssumptionKind.DAMAGED_BESIDE, "damaged file", series.beside),
        (AssumptionKind.STRAYS_BESIDE, "file", series.strays),
    ):
        if problems:
            paths = [problem.path for problem in problems]
            told.append(Assumption(kind, {"files": count_noun(len(paths), what), "names": name_files_of(paths)}))
    return told


def _assume_rescale(frames: Sequence[Frame]) -> list[Assumption]:
    """List what is assumed where RescaleSlope and RescaleIntercept are not both there, or not in all files."""
    grey = [f for f in frames if f.header.samples == 1 and not f.header.has_modality_lut]
    without = [f for f in grey if f.header.slope is None or f.header.intercept is None]
    blank = any("RescaleSlope" in f.header.blank or "RescaleIntercept" in f.header.blank for f in without)
    nowhere = all(f.header.slope is None and f.header.intercept is None for f in grey)
    if not without or (nowhere and not blank):
        return []
    facts = {"without": len(without), "frames": len(frames), "names": name_files(without)}
    return [Assumption(AssumptionKind.NO_RESCALE, facts)]


def _assume_bits(frames: Sequence[Frame]) -> list[Assumption]:
    """Name slices of other bits or another sign than the rest."""
    said = describe_bits(frames)
    return [Assumption(AssumptionKind.MIXED_BITS, {"respect": said[0], "values": said[1]})] if said else []


# What makes other values of the same tissue: where few of them alternate along the slices, two volumes may be mixed.
_SHARED: tuple[tuple[str, Callable[[Header], object]], ...] = (
    ("EchoTime", lambda h: h.echo_time),
    ("InversionTime", lambda h: h.inversion_time),
    ("DiffusionBValue", find_b_value),
)
# What one volume has one of, however few its slices are.
_UNITS: tuple[tuple[str, Callable[[Header], object]], ...] = (
    ("RescaleType", lambda h: h.rescale_type),
    ("Units", lambda h: h.units),
)


def _assume_one_volume(frames: Sequence[Frame]) -> list[Assumption]:
    few = len(frames) // 2
    counts = [(name, _count_settings([value(f.header) for f in frames]), few) for name, value in _SHARED]
    counts += [(name, len({value(f.header) for f in frames}), len(frames)) for name, value in _UNITS]
    return [
        Assumption(AssumptionKind.MIXED_VALUES, {"attribute": name, "values": count})
        for name, count, most in counts
        if 1 < count <= most
    ]


def _count_settings(values: Sequence[object]) -> int:
    """Count the values of a setting; those that are written in other digits are one."""
    return (
        1 if values.count(values[0]) == len(values) else len(set(rank_values("", Sort.SETTING, values).codes.tolist()))
    )


def _assume_ranks(series: SeriesData) -> list[Assumption]:
    names = [name for name, value in series.labels if name in NUMBERS and isinstance(value, Rank)]
    return [Assumption(AssumptionKind.RANK_ALONE, {"attribute": names[0]})] if names else []


def assume_structure(frames: Sequence[Frame]) -> list[Assumption]:
    """List the deviations from the standard that leave one reading, with the files that have them."""
    found: dict[str, list[Frame]] = {}
    for frame in frames:
        for liberty in frame.header.liberties:
            found.setdefault(liberty.value, []).append(frame)
    all_files = len({frame.path for frame in frames}) if found else 0
    return [
        Assumption(
            AssumptionKind.LIBERTY,
            {
                "files": len({frame.path for frame in members}),
                "all_files": all_files,
                "names": name_files(members),
                "liberty": liberty,
            },
        )
        for liberty, members in found.items()
    ]


def _tell_missing(series: SeriesData) -> list[Assumption]:
    if not series.missing_places:
        return []
    missing = len(series.missing_places)
    place = point_words(series.missing_places[0])
    facts = {"missing": missing, "places": missing + len(series.frames), "place": place}
    return [Assumption(AssumptionKind.INCOMPLETE, facts)]


def assume_mixed(attributes: Sequence[Attribute]) -> tuple[Assumption, ...]:
    """List what is assumed where slices of one volume alternate in attributes, but for those told anyway."""
    told = [name for name, _ in (*_SHARED, *_UNITS)]
    mixed = {a.name: len(set(a.codes.tolist())) for a in attributes if a.name not in told}
    if not mixed:
        return ()
    names = ", ".join(mixed)
    facts = {"attribute": names if len(mixed) == 1 else f"each of {names}", "values": max(mixed.values())}
    return (Assumption(AssumptionKind.MIXED_VALUES, facts),)
