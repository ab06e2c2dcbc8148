"""Bytes of files that were scanned before, and whether they are still the same files."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from ..errors import CorruptFileError
from ..errors.remedies import Step
from ..headers.elements import READ_FLAGS

if TYPE_CHECKING:
    from ..headers.model import Header


def check_unchanged(header: Header) -> None:
    """Refuse a file that is not the one that was scanned.

    Raises
    ------
    CorruptFileError
        It vanished, or its kind, size or time of modification differ.
    """
    try:
        _check_stamp(header, os.stat(header.path))
    except OSError as error:
        raise _gone(header, error) from error


def _gone(header: Header, error: OSError) -> CorruptFileError:
    return changed(header, "it vanished" if isinstance(error, FileNotFoundError) else error.strerror or "unreadable")


def _check_stamp(header: Header, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise changed(header, "it is no regular file any more")
    if status.st_size != header.size:
        raise changed(header, f"{status.st_size} bytes now, {header.size} when it was scanned")
    if status.st_mtime_ns != header.modified_ns:
        raise changed(header, "it was written again")


def bytes_of(header: Header, offset: int, length: int) -> bytes:
    """Bytes of a scanned file; a CorruptFileError where it is not the one that was scanned."""
    buffer = bytearray(length)
    read_into(memoryview(buffer), header, offset)
    return bytes(buffer)


def read_into(wanted: memoryview, header: Header, offset: int) -> None:
    """Fill a buffer with the bytes at an offset of a scanned file; errors as `check_unchanged`."""
    try:
        fd = os.open(header.path, READ_FLAGS)
        try:
            _check_stamp(header, os.fstat(fd))
            got = _read_at(fd, wanted, offset)
        finally:
            os.close(fd)
    except OSError as error:
        raise _gone(header, error) from error
    if got < len(wanted):
        raise changed(header, f"{got} of {len(wanted)} bytes of pixel data could be read")


def _read_at(fd: int, wanted: memoryview, offset: int) -> int:
    """Read at an offset, in as many calls as the system needs; where `preadv` does not exist, seek first."""
    got = 0
    if hasattr(os, "preadv"):
        while got < len(wanted) and (n := os.preadv(fd, [wanted[got:]], offset + got)):
            got += n
        return got
    with open(fd, "rb", buffering=0, closefd=False) as file:
        file.seek(offset)
        while got < len(wanted) and (n := file.readinto(wanted[got:])):
            got += n
    return got


def changed(header: Header, what: str) -> CorruptFileError:
    """The error for a file that is not the one that was scanned."""
    what = f"changed since it was scanned: {what}"
    return CorruptFileError(f"{header.path} {what}", files=[header.path], remedies=[Step.SCAN_AGAIN], what=f"it {what}")
