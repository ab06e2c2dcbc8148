"""The instances of a study or series on a DICOMweb server, listed from its metadata: none of them is fetched."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from ..._util.threads import for_each
from ...errors import NoDicomError
from ...errors.remedies import Use
from .answers import ServerError
from .instances import DescribedFile, InstanceFile
from .metadata import describe
from .server import CONNECTIONS, Server

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .address import Address
    from .server import Connection

_SOP_INSTANCE, _SERIES, _NUMBER = "00080018", "0020000E", "00200013"
# Position and orientation, never empty in a file: Orthanc cannot read them where ISO_IR 13 has a yen for a backslash.
_PLACE = ("00200032", "00200037")
_SOP_CLASS = "00080016"
_PIXELS = ("7FE00008", "7FE00009", "7FE00010")
_STANDARD, _RAW_DATA = "1.2.840.10008.", "1.2.840.10008.5.1.4.1.1.66"  # how its classes begin, and one without pixels
_LOG_IN = 'storage_options={"client": a DICOMwebClient that is logged in}'


def list_instances(
    address: Address, storage_options: Mapping[str, Any] | None = None
) -> tuple[DescribedFile | InstanceFile, ...]:
    """List the instances of a study or series, or the one instance, each with the header that its metadata makes.

    Parameters
    ----------
    address : Address
        Of any of these.
    storage_options : mapping, optional
        As for `Server.at`.

    Returns
    -------
    tuple of DescribedFile or InstanceFile
        The series as the server lists them, each in order of its InstanceNumbers. An instance whose place the server
        could not read, or that may have no pixels, is to be fetched for its header.

    Raises
    ------
    NoDicomError
        The server does not give it; the message holds its answer.
    ValueError, TypeError
        Options that are none.
    """
    server = Server.at(address, storage_options)
    try:
        with server.connect() as connection:
            series = [address.series] if address.series else connection.list_series(address.study)
            listed: list[list[DescribedFile | InstanceFile]] = [[]] * len(series)

            def read(k: int) -> None:
                listed[k] = _list_series(server, connection, address._replace(series=series[k]))

            for_each(len(series), read, lambda: None, CONNECTIONS)
    except ServerError as error:
        remedies = [Use(_LOG_IN)] if error.status in (401, 403) else []
        raise NoDicomError(
            f"{address.url} cannot be read: {error.strerror}", files=[address.url], remedies=remedies
        ) from None
    return tuple(file for files in listed for file in files)


def _list_series(server: Server, connection: Connection, address: Address) -> list[DescribedFile | InstanceFile]:
    found = connection.retrieve_metadata(address)
    found.sort(key=lambda metadata: (_read_number(metadata), _read_text(metadata, _SOP_INSTANCE)))
    return [_describe(server, connection, address, metadata, len(found)) for metadata in found]


def _describe(
    server: Server, connection: Connection, address: Address, metadata: dict[str, Any], listed: int
) -> DescribedFile | InstanceFile:
    instance, series = _read_text(metadata, _SOP_INSTANCE), _read_text(metadata, _SERIES) or address.series
    if not instance:
        raise ServerError("the server's metadata holds an instance without SOPInstanceUID")
    file = InstanceFile.at(server, address._replace(series=series, instance=instance).path, listed)
    if any(tag in metadata and not _read_text(metadata, tag) for tag in _PLACE) or _may_lack_pixels(metadata):
        return file
    header, pixel_bytes = describe(metadata, connection.fetch_bulk)
    return DescribedFile(file.name, len(header) + pixel_bytes, zlib.crc32(header), file, header)


def _may_lack_pixels(metadata: Mapping[str, Any]) -> bool:
    """Tell whether it may be raw data that has attributes of an image; some servers mention pixels of no instance."""
    sop_class = _read_text(metadata, _SOP_CLASS)
    is_suspect = sop_class == _RAW_DATA or not sop_class.startswith(_STANDARD)
    return is_suspect and not any(tag in metadata for tag in _PIXELS)


def _read_text(metadata: Mapping[str, Any], tag: str) -> str:
    try:
        return str(metadata[tag]["Value"][0])
    except (LookupError, TypeError):
        return ""


def _read_number(metadata: Mapping[str, Any]) -> float:
    try:
        return float(_read_text(metadata, _NUMBER))
    except ValueError:
        return float("inf")
