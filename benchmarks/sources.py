"""The same series from archives and servers, beside the plain way to get its bytes from there."""

from __future__ import annotations

import gzip
import os
import tarfile
import tempfile
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .measure import Row, timed
from .orthanc import INSTALL, find_orthanc, run_orthanc
from .peers import DEFAULT, Peer, of_bytes, stack_datasets

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .data import Data

    Pixels = NDArray[Any]

_THREADS = max(2, min(os.cpu_count() or 1, 8))  # as `load` has by default
_CONNECTIONS = 8  # to a server
_LOCAL_HEADER = 30  # bytes of the head of a member of a zip, before its name
_KINDS = ("stored.zip", "deflated.zip", "tar.gz")

NOTE = (
    f"Archives are read and inflated whole in {_THREADS} threads, a compressed tar in one, by what is named; the bytes "
    "are not looked at. DICOMweb is Orthanc on this machine."
)
NO_SERVER = f"Orthanc is not installed here: {INSTALL}."


# ---------------------------------------------------------------------------------------------------- archives
def pack(data: Data) -> None:
    """Make the archives of a work beside its folder, where they are not there yet."""
    for kind in _KINDS:
        path = _archive(data, kind)
        if path.exists():
            continue
        part = path.with_name(f"{path.name}.part")
        if kind == "tar.gz":
            with gzip.open(part, "wb", compresslevel=6) as stream, tarfile.open(fileobj=stream, mode="w") as tar:
                for file in data.files:
                    tar.add(file, file.name)
        else:
            method = zipfile.ZIP_STORED if kind == "stored.zip" else zipfile.ZIP_DEFLATED
            with zipfile.ZipFile(part, "w", method) as archive:
                for file in data.files:
                    archive.write(file, file.name)
        part.rename(path)


def _archive(data: Data, kind: str) -> Path:
    return data.folder.with_name(f"{data.folder.name}.{kind}")


def _load_archive(data: Data, kind: str) -> list[Pixels]:
    import vtkdicomload

    return [vtkdicomload.load(_archive(data, kind)).frames]


def _inflate(data: Data, inflate: Callable[[bytes, int], bytes], kind: str = "deflated.zip") -> list[Pixels]:
    path = _archive(data, kind)
    with zipfile.ZipFile(path) as archive:
        members = sorted(archive.infolist(), key=lambda member: member.filename)
    with open(path, "rb", buffering=0) as file, ThreadPoolExecutor(_THREADS) as pool:

        def read(member: zipfile.ZipInfo) -> bytes:
            head = os.pread(file.fileno(), _LOCAL_HEADER, member.header_offset)
            behind = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
            start = member.header_offset + _LOCAL_HEADER + behind
            return inflate(os.pread(file.fileno(), member.compress_size, start), member.file_size)

        return _take_pixels(data, list(pool.map(read, members)))


def _take_as_it_is(stored: bytes, _: int) -> bytes:
    return stored


def _inflate_by_zlib(packed: bytes, _: int) -> bytes:
    return zlib.decompress(packed, -zlib.MAX_WBITS)


def _inflate_by_libdeflate(packed: bytes, size: int) -> bytes:
    return bytes(import_module("imagecodecs").deflate_decode(packed, raw=True, out=size))


def _untar(data: Data) -> list[Pixels]:
    with tarfile.open(_archive(data, "tar.gz"), "r:gz") as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr] # all files
    return _take_pixels(data, [files[name] for name in sorted(files)])


def _take_pixels(data: Data, files: list[bytes]) -> list[Pixels]:
    """The stored pixels, which end the files; without a copy."""
    return [np.array([np.frombuffer(file, np.uint8)[-data.work.frame_bytes :] for file in files])]


ARCHIVES = tuple(
    Peer(f"vtkdicomload, {kind}", "vtkdicomload", "vtkdicomload", partial(_load_archive, kind=kind)) for kind in _KINDS
)
_PLAIN = (
    Peer(
        "read the members",
        "numpy",
        "zipfile",
        partial(_inflate, inflate=_take_as_it_is, kind="stored.zip"),
        of_bytes,
    ),
    Peer("inflate by zlib", "numpy", "zlib", partial(_inflate, inflate=_inflate_by_zlib), of_bytes),
    Peer(
        "inflate by libdeflate",
        "imagecodecs",
        "imagecodecs",
        partial(_inflate, inflate=_inflate_by_libdeflate),
        of_bytes,
    ),
    Peer("gunzip and untar", "numpy", "tarfile", _untar, of_bytes),
)
# What each archive is compared with.
AIMS = {ARCHIVES[0].name: _PLAIN[0].name, ARCHIVES[1].name: _PLAIN[2].name, ARCHIVES[2].name: _PLAIN[3].name}


def time_archives(data: Data, rounds: int) -> list[Row]:
    """Time a work from its folder and from archives, and the plain inflating of these."""
    pack(data)
    return timed((DEFAULT, *ARCHIVES, *_PLAIN), [data], rounds)


# ---------------------------------------------------------------------------------------------------- DICOMweb
def _load_url(_data: Data, url: str) -> list[Pixels]:
    import vtkdicomload

    return [vtkdicomload.load(url).frames]


def _retrieve(_data: Data, url: str, threads: int) -> list[Pixels]:
    web = import_module("dicomweb_client.web")
    base, _, path = url.partition("/studies/")
    study, _, series = path.partition("/series/")
    client = web.DICOMwebClient(base)
    wanted = (("application/dicom", "*"),)
    if threads == 1:
        return [stack_datasets(client.retrieve_series(study, series, media_types=wanted))]
    uids = [item["00080018"]["Value"][0] for item in client.search_for_instances(study, series)]
    with ThreadPoolExecutor(threads) as pool:
        retrieved = pool.map(lambda uid: client.retrieve_instance(study, series, uid, media_types=wanted), uids)
        return [stack_datasets(list(retrieved))]


def time_dicomweb(data: Data, rounds: int) -> list[Row]:
    """Time a work from Orthanc; nothing where that is not installed."""
    program = find_orthanc()
    if program is None:
        return []
    with tempfile.TemporaryDirectory() as folder, run_orthanc(program, Path(folder)) as server:
        (study,) = server.store(data.files)
        series = import_module("pydicom").dcmread(data.files[0], stop_before_pixels=True).SeriesInstanceUID
        url = f"{study}/series/{series}"
        client = ("dicomweb-client", "dicomweb_client.web")
        sides = (
            Peer("vtkdicomload, DICOMweb", "vtkdicomload", "vtkdicomload", partial(_load_url, url=url)),
            Peer("dicomweb-client + pydicom + stack", *client, partial(_retrieve, url=url, threads=1)),
            Peer(
                f"dicomweb-client in {_CONNECTIONS} threads + pydicom + stack",
                *client,
                partial(_retrieve, url=url, threads=_CONNECTIONS),
            ),
        )
        return timed(sides, [data._replace(work=data.work._replace(title=f"{data.work.title}, DICOMweb"))], rounds)
