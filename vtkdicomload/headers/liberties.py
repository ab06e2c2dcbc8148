"""Liberties: deviations of a file from the standard that leave one reading only, and are therefore read.

A parse takes at most one kind a file: of two, neither can be told from damage any more. What loads so is warned of.
"""

from __future__ import annotations

from enum import Enum


class Liberty(Enum):
    """The kinds of liberty. The value says what the file has, and how it is read."""

    SURPLUS_BYTES = "bytes behind the pixels belong to nothing, they are left out"
    OPEN_PIXEL_DATA = "the compressed pixel data ends without its delimiter, behind a whole fragment"
    OPEN_SEQUENCE = "a sequence behind the pixels is not closed"
    DELIMITER_LENGTH = "a delimiter has an undefined length, it is taken as empty"
    OTHER_VR_ENCODING = "the transfer syntax says explicit VR where VRs are implicit, or the reverse"
    IMPLICIT_META = "the file meta information is in implicit VR, it has to be explicit"
    COMMAND_ELEMENTS = "elements of a network message (group 0000) stand before the data set, they are passed over"
    UNKNOWN_VR = "elements have a VR that the standard does not know, and a length that fits"
    NO_SAMPLES_PER_PIXEL = "no SamplesPerPixel: it is 1 for every monochrome image"
    NUMBER_OF_FRAMES = "NumberOfFrames is 0, or written as a decimal number"
    TRAILING_BACKSLASH = "a backslash follows the last number of an attribute, it is left out"
    DECIMAL_COMMA = "numbers have a decimal comma, it is taken for a point"
    BINARY_NUMBERS = "numbers are doubles (VR FD) where decimal strings belong"
    TOP_LEVEL_ORIENTATION = "ImageOrientationPatient stands outside the functional groups, it is taken for every frame"
    SURPLUS_GROUP = "one per-frame functional group more than frames, it says nothing of its own and is left out"


class Liberties:
    """The liberties that one parse takes.

    Attributes
    ----------
    taken : tuple of Liberty
        Empty, or the one kind that was taken.
    """

    __slots__ = ("_allowed", "taken")

    def __init__(self, *, allowed: bool = True) -> None:
        self.taken: tuple[Liberty, ...] = ()
        self._allowed = allowed

    def take(self, liberty: Liberty) -> bool:
        """Take a liberty that fits, and tell whether the file may have it: alone, however often."""
        if self._allowed and not self.taken:
            self.taken = (liberty,)
        return self.taken == (liberty,)


STRICT = Liberties(allowed=False)
