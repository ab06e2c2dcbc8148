"""Names of the volumes of a series, and the order in which they come: that of their acquisition."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ..headers.diffusion import find_b_value
from .evenness import LEAST
from .series_data import Label, Rank
from .split_attributes import B_VALUE, DIRECTION, IMAGE_TYPE, Sort, rank_values
from .split_places import find_gap, number_places
from .tolerances import WHOLE_GAP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Floats
    from ..headers.model import Frame
    from .split_attributes import Attribute, Indices
    from .split_pieces import Piece, PlacedFrames

_KINDS = (IMAGE_TYPE, "ComplexImageComponent")  # volumes of one kind stay together
_DIFFUSION = (B_VALUE, DIRECTION)


def label_diffusion(frames: PlacedFrames, pieces: Sequence[Piece]) -> list[Piece]:
    """Put b-value and gradient direction first, in which the pieces differ or by which they were told apart."""
    found = [a for a in frames.attributes if a.name in _DIFFUSION and a.sort is Sort.CONTENT]
    told = {label.attribute for piece in pieces for label in piece.labels}
    found = [a for a in found if a.name in told or _differ(a, pieces)]
    if not found or any(len(np.unique(a.codes[p.members])) > 1 for a in found for p in pieces):
        return list(pieces)
    names = [a.name for a in found]
    # One b-value of all is told too, where directions are.
    one = None if B_VALUE in names else find_b_value(frames.frames[0].header)
    return [
        piece._replace(
            labels=(
                *(() if one is None else (Label(B_VALUE, one),)),
                *(Label(a.name, a.values[int(piece.members[0])]) for a in found),
                *(label for label in piece.labels if label.attribute not in names),
            )
        )
        for piece in pieces
    ]


def _differ(attribute: Attribute, pieces: Sequence[Piece]) -> bool:
    return len({int(attribute.codes[piece.members[0]]) for piece in pieces}) > 1


def sort_by_acquisition(frames: PlacedFrames, pieces: Sequence[Piece]) -> list[Piece]:
    """Sort pieces in the order of acquisition, those of one kind together.

    What a piece is called goes first where that is a time or a number, then its AcquisitionNumber and AcquisitionTime,
    then its lowest InstanceNumber.
    """
    headers = [f.header for f in frames.frames]
    columns: list[list[Any]] = [[h.acquisition_number for h in headers], [h.acquisition_time for h in headers]]
    acquired = [rank_values("", Sort.COUNT, column).codes for column in columns if None not in column]
    ordered = {a.name: a for a in (*frames.attributes, frames.number) if a.tells_order}
    told = [{label.attribute for label in piece.labels} for piece in pieces]
    called = [ordered[name] for name in ordered if all(name in names for names in told)]
    keys = [
        (
            *(_rank_label(attribute, piece) for attribute in called),
            *(int(codes[piece.members].min()) for codes in (*acquired, frames.number.codes)),
        )
        for piece in pieces
    ]
    kinds = [tuple(label.words for label in piece.labels if label.attribute in _KINDS) for piece in pieces]
    first = {kind: min(key for key, k in zip(keys, kinds, strict=True) if k == kind) for kind in set(kinds)}
    return [pieces[k] for k in sorted(range(len(pieces)), key=lambda k: (first[kinds[k]], kinds[k], keys[k]))]


def _rank_label(attribute: Attribute, piece: Piece) -> int:
    """Rank a piece by what it is called."""
    value = next(label.value for label in piece.labels if label.attribute == attribute.name)
    return value.number if isinstance(value, Rank) else int(attribute.codes[piece.members[0]])


def make_unique(labels: Sequence[tuple[Label, ...]]) -> list[tuple[Label, ...]]:
    """Number the stacks that share a label, so that each has one that chooses it."""
    counts = Counter(map(_spell, labels))
    seen: Counter[str] = Counter()
    unique = []
    for own in labels:
        words = _spell(own)
        seen[words] += 1
        number = (Label("stack", Rank(seen[words], counts[words])),) if counts[words] > 1 else ()
        unique.append((*own, *number))
    return unique


def _spell(labels: tuple[Label, ...]) -> str:
    return ", ".join(f"{label.attribute} {label.words}" for label in labels)


def _is_alike(a: float | None, b: float | None) -> bool:
    return a is None or b is None or abs(a - b) <= WHOLE_GAP * max(a, b)


def find_missing_places(frames: Sequence[Frame], along: Floats, parts: Sequence[Indices]) -> list[Indices]:
    """For each part, a frame of every place that it lacks and others of the same grid have.

    Others of the same grid share half of the places of the smaller, and have about the same SliceThickness or gap;
    slabs, beds and volumes beside each other do not.
    """
    places = number_places(along)
    lies = np.zeros((len(parts), int(places.max()) + 1), bool)
    for row, part in zip(lies, parts, strict=True):
        row[places[part]] = True
    sizes = lies.sum(axis=1)
    if (sizes == lies.any(axis=0).sum()).all():
        return [np.zeros(0, np.int64)] * len(parts)
    shared = lies.astype(np.int64) @ lies.T.astype(np.int64)
    thickness = [frames[int(part[0])].header.slice_thickness for part in parts]
    gaps = [find_gap(along[part]) if len(part) >= LEAST else 0.0 for part in parts]
    same = np.array([[_is_alike(a, b) for a in thickness] for b in thickness])
    same |= np.array([[a > 0 and _is_alike(a, b) for a in gaps] for b in gaps])
    alike = same & (2 * shared >= np.minimum.outer(sizes, sizes)) & (shared > 0)
    lacking = (alike.astype(np.int64) @ lies.astype(np.int64) > 0) & ~lies
    _, first = np.unique(places, return_index=True)
    return [first[row] for row in lacking]
