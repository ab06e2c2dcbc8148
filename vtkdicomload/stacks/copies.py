"""Files that are copies of others, and files whose SOPInstanceUIDs are no identity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._util.names import natural_key
from ..errors import CorruptFileError
from ..headers.transfer_syntaxes import EXPLICIT_LITTLE, IMPLICIT_LITTLE
from .assumptions import Assumed, Assumption, AssumptionKind
from .consistency import name_files

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from ..headers.model import Frame, Header

_CHUNK = 1 << 24  # bytes that are compared at a time
_LITTLE = (IMPLICIT_LITTLE, EXPLICIT_LITTLE)


def leave_out_copies(frames: tuple[Frame, ...]) -> Assumed[tuple[Frame, ...]]:
    """Leave out the files that have the SOPInstanceUID, the pixels, the place and all values of another.

    Pixels are read of files with one SOPInstanceUID only, and only where their headers say the same.
    """
    twins = find_twins(frames)
    if not twins:
        return Assumed(frames)
    of_file: dict[str, list[Frame]] = {}
    for frame in frames:
        of_file.setdefault(frame.path, []).append(frame)
    key = natural_key()
    copies: list[Frame] = []
    for members in twins:
        alike: dict[Hashable, list[Header]] = {}
        for first in sorted(members, key=lambda f: key(f.path)):
            firsts = alike.setdefault(tuple(_strip_storage(f) for f in of_file[first.path]), [])
            if any(have_equal_pixels(header, first.header) for header in firsts):
                copies.append(first)
            else:
                firsts.append(first.header)
    left_out = {f.path for f in copies}
    kept = tuple(f for f in frames if f.path not in left_out)
    if not copies:
        return Assumed(frames)
    facts = {"copies": len(copies), "files": len(of_file), "names": name_files(copies)}
    return Assumed(kept, (Assumption(AssumptionKind.COPIES, facts),))


def find_twins(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Find the files that share a SOPInstanceUID; the first frame of each."""
    if len({f.header.sop_instance_uid for f in frames}) == len(frames):
        return []
    firsts = [f for f in frames if f.index_in_file == 0 and f.header.sop_instance_uid]
    uids: dict[str | None, list[Frame]] = {}
    for frame in firsts:
        uids.setdefault(frame.header.sop_instance_uid, []).append(frame)
    return [members for members in uids.values() if len(members) > 1]


def _strip_storage(frame: Frame) -> Hashable:
    """Strip from what a frame says where and how its bytes lie."""
    header = frame.header
    return header._replace(
        file=None,  # type: ignore[arg-type]
        transfer_syntax="little endian" if header.transfer_syntax in _LITTLE else header.transfer_syntax,
        pixel_vr=b"",
        pixel_offset=0,
        blank=(),
    )


def have_equal_pixels(a: Header, b: Header) -> bool:
    """Tell whether the stored pixel data of two files are equal, byte for byte."""
    try:
        return a.pixel_length == b.pixel_length and all(
            x == y for x, y in zip(_read_pixels(a), _read_pixels(b), strict=True)
        )
    except (CorruptFileError, OSError, ValueError):
        return False


def _read_pixels(header: Header) -> Iterator[bytes]:
    """Read the stored pixel data of a file chunk by chunk; the whole file where it is deflated."""
    with header.file.open() as handle:
        whole = not header.native and not header.encapsulated
        start, end = (0, handle.size) if whole else (header.pixel_offset, header.pixel_offset + header.pixel_length)
        for place in range(start, end, _CHUNK):
            yield handle.read_at(place, min(_CHUNK, end - place))
