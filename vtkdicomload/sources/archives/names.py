"""Names of the members of archives: the encoding they are written in, and what they are called here."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

# What has no encoding stated is in the first of these that reads all of it as letters, else in the code page of MS-DOS.
# A backslash behind another byte than ASCII is half of a character, in the encodings that have such.
_LETTERS_OF_CP437 = re.compile(rb"(?:[\x00-\x7f]|[\x80-\x9a\xa0-\xa5\xe1](?!\\))*")
_LETTERS_OF_LATIN_1 = re.compile(rb"(?:[\x00-\x7f]|[\xc0-\xff](?![\x80-\xff\\]))*")
_LETTERS_OF_EAST_ASIA = re.compile("[\0-\x7f\u3000-\u30ff\u3400-\u9fff\uff01-\uff5e]*")
_EAST_ASIAN = ("cp932", "gbk")

_UNPRINTABLE = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")
_DRIVE = re.compile("[A-Za-z]:")
_NAMELESS = "(nameless)"


def decode_names(written: Sequence[bytes]) -> list[str]:
    """Decode names that do not say how they are encoded; those of one archive in the same way."""
    together = b"/".join(written)
    encoding = "ascii" if together.isascii() else _find_encoding(together)
    return [name.decode(encoding) for name in written]


def _find_encoding(written: bytes) -> str:
    if _try_decoding(written, "utf-8") is not None:
        return "utf-8"
    if _LETTERS_OF_CP437.fullmatch(written):
        return "cp437"
    if _LETTERS_OF_LATIN_1.fullmatch(written):
        return "latin-1"
    for encoding in _EAST_ASIAN:
        text = _try_decoding(written, encoding)
        if text is not None and _LETTERS_OF_EAST_ASIA.fullmatch(text):
            return encoding
    return "cp437"


def _try_decoding(written: bytes, encoding: str) -> str | None:
    try:
        return written.decode(encoding)
    except UnicodeDecodeError:
        return None


class MemberNames:
    """Names as paths below the archive, of which no two are the same: a second one of a name gets a number."""

    def __init__(self) -> None:
        self._given: dict[Hashable, str] = {}
        self._taken: set[str] = set()

    def give(self, key: Hashable, name: str) -> str:
        """The name of a member that is written so; of what has the same key it is the same."""
        if key not in self._given:
            clean = clean_name(name) or _NAMELESS
            numbered = (f"{clean}#{number}" for number in itertools.count(2))
            self._given[key] = next(one for one in itertools.chain((clean,), numbered) if one not in self._taken)
            self._taken.add(self._given[key])
        return self._given[key]


def clean_name(name: str) -> str:
    """The name of a member as a path below the archive: no root, no drive, no way out of it, nothing unprintable."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return _UNPRINTABLE.sub("\ufffd", "/".join(parts[1:] if parts and _DRIVE.fullmatch(parts[0]) else parts))
