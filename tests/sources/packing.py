"""Archives of files, as other programs write them."""

from __future__ import annotations

import io
import os
import struct
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

KINDS = ("stored.zip", "deflated.zip", "tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst")


def write_archive(path: Path, kind: str, members: Mapping[str, bytes]) -> Path:
    """Write an archive of one of the `KINDS`; its time of modification differs from that of what it replaces."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    if kind.endswith("zip"):
        method = zipfile.ZIP_STORED if kind == "stored.zip" else zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(path, "w", method, compresslevel=1) as opened:
            for name, content in members.items():
                opened.writestr(name, content)
    else:
        path.write_bytes(compress(make_tar(members), kind.partition(".")[2]))
    os.utime(path, ns=(before + 1, before + 1))
    return path


def make_tar(members: Mapping[str, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return written.getvalue()


def compress(data: bytes, suffix: str) -> bytes:
    """Compress as a suffix says; nothing for none."""
    if suffix == "gz":
        import gzip

        return gzip.compress(data, 1, mtime=0)
    if suffix == "bz2":
        import bz2

        return bz2.compress(data, 1)
    if suffix == "xz":
        import lzma

        return lzma.compress(data, preset=0)
    if suffix == "zst":
        import imagecodecs

        return imagecodecs.zstd_encode(data, 1)
    return data


@dataclass(frozen=True)
class ZipEntry:
    """A member of a zip archive with whatever its directory says of it, right or wrong."""

    name: bytes
    content: bytes
    flags: int = 0
    extra: bytes = b""
    method: int = zipfile.ZIP_STORED
    part: int = 0


def make_zip(entries: Sequence[ZipEntry], *, comment: bytes = b"", parts: int = 1) -> bytes:
    """A zip archive, byte by byte: `zipfile` and `zip` write no foreign names."""
    written, directory = bytearray(), bytearray()
    for e in entries:
        size, place = len(e.content), len(written)
        facts = struct.pack("<4H3I2H", e.flags, e.method, 0, 33, zlib.crc32(e.content), size, size, len(e.name), 0)
        written += struct.pack("<4sH", b"PK\3\4", 20) + facts + e.name + e.content
        facts = facts[:-2] + struct.pack("<4HII", len(e.extra), 0, e.part, 0, 0, place)
        directory += struct.pack("<4s2H", b"PK\1\2", 20, 20) + facts + e.name + e.extra
    counts = (parts - 1, parts - 1, len(entries), len(entries), len(directory), len(written), len(comment))
    return bytes(written + directory + struct.pack("<4s4H2IH", b"PK\5\6", *counts) + comment)


def make_unicode_path(written: bytes, name: bytes) -> bytes:
    """The extra field of Info-ZIP that holds a name in UTF-8."""
    value = struct.pack("<BI", 1, zlib.crc32(written)) + name
    return struct.pack("<HH", 0x7075, len(value)) + value
