"""Archives of files, as other programs write them."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
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
