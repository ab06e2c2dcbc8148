"""Compressed streams: gzip, bzip2, xz and Zstandard, read from their beginning on."""

from __future__ import annotations

import sys
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, cast

from ..._util.optional import require
from ...errors import CorruptFileError, make_damaged_error
from ..stream import open_stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..file import File

Codec = Literal["gzip", "bzip2", "xz", "zstd"]

# First bytes of each.
_MAGIC: dict[bytes, Codec] = {
    b"\x1f\x8b\x08": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_BUFFER = 1 << 18


def find_codec(head: bytes) -> Codec | None:
    """Tell by its first bytes what a file is compressed with."""
    return next((codec for magic, codec in _MAGIC.items() if head.startswith(magic)), None)


def check_codec(codec: Codec) -> None:
    """Refuse what cannot be decompressed here: ImportError, with the command that installs what is missing."""
    if codec == "zstd":
        _import_zstd()


def _import_zstd() -> Any:
    return require("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd", extra="zstd")


@contextmanager
def open_decompressed(file: File, codec: Codec) -> Iterator[BinaryIO]:
    """Give the decompressed bytes of a file as a stream.

    Raises
    ------
    CorruptFileError
        The stream is damaged or cut short, also where the caller's reading meets that; the file is named.
    ImportError
        Zstandard, and no library for it is there; the message holds the command that installs one.
    """
    with open_stream(file, _BUFFER) as raw:
        try:
            with _decompress(raw, codec) as stream:
                yield stream
        except CorruptFileError:
            raise
        except Exception as error:
            if not isinstance(error, (EOFError, OSError, zlib.error)) and type(error).__name__ not in _ERRORS:
                raise
            what = "is cut short" if isinstance(error, EOFError) else "is damaged"
            raise make_damaged_error(file.name, f"its {codec} stream {what}") from error


_ERRORS = frozenset(("LZMAError", "ZstdError"))  # of modules that are imported on use


def _decompress(raw: BinaryIO, codec: Codec) -> BinaryIO:
    if codec == "gzip":
        import gzip

        return cast("BinaryIO", gzip.GzipFile(fileobj=raw, mode="rb"))
    if codec == "bzip2":
        import bz2

        return cast("BinaryIO", bz2.BZ2File(raw))
    if codec == "xz":
        import lzma

        return cast("BinaryIO", lzma.LZMAFile(raw))
    return cast("BinaryIO", _import_zstd().ZstdFile(raw))
