"""Some frames among all those of one layout and orientation, and the pieces that they are divided into."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .series_data import Label

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .._util.arrays import Floats
    from ..headers.model import Frame
    from .split_attributes import Attribute, Indices


class Piece(NamedTuple):
    """Some of the frames, and what tells them apart from the others."""

    labels: tuple[Label, ...]
    members: Indices


class PlacedFrames(NamedTuple):
    """Frames of one layout and orientation: which ones, and of all frames what decides where they belong."""

    members: Indices
    frames: Sequence[Frame]
    along: Floats  # the normal, in mm
    places: Indices  # the number of each frame's place
    attributes: Sequence[Attribute]  # in which they differ, those of content first
    make_number: Callable[[], Attribute]

    @property
    def number(self) -> Attribute:
        """The number that the files give the frames; few rules ask for it."""
        return self.make_number()

    def count_in_places(self) -> Indices:
        """Count the frames in each place that has any."""
        counts = np.bincount(self.places[self.members])
        return counts[counts > 0]

    def group(self, chosen: Sequence[Attribute]) -> list[Indices]:
        """Group the frames by their combinations of values, in the order of the values."""
        combined = np.zeros(len(self.members), np.int64)
        for attribute in chosen:
            _, codes = np.unique(attribute.codes[self.members], return_inverse=True)
            combined = combined * (int(codes.max()) + 1) + codes
        return [self.members[combined == value] for value in np.unique(combined)]

    def divide(self, chosen: Sequence[Attribute], groups: Sequence[Indices]) -> list[Piece]:
        """Label groups by their values."""
        return [Piece(tuple(Label(a.name, a.values[int(group[0])]) for a in chosen), group) for group in groups]

    def shares_no_place(self, group: Indices) -> bool:
        """Tell whether all frames of a group lie in places of their own."""
        return len(set(self.places[group].tolist())) == len(group)

    def list_differing(self, most: int) -> list[Attribute]:
        """List the attributes of which these frames have 2 to `most` values."""
        return [a for a in self.attributes if 1 < len(set(a.codes[self.members].tolist())) <= most]
