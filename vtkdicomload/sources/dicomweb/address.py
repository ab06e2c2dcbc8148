"""Addresses of studies, series and instances on a DICOMweb server (PS3.18 10.4.1)."""

from __future__ import annotations

import os
import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

_UID = r"([0-9][0-9.]{0,63})"
_RESOURCE = re.compile(rf"(https?://.+?)/studies/{_UID}(?:/series/{_UID}(?:/instances/{_UID})?)?/?\Z", re.IGNORECASE)


class Address(NamedTuple):
    """The address of a study, of a series of it, or of an instance of that."""

    service: str  # the part before ``/studies``, without credentials
    study: str
    series: str | None = None
    instance: str | None = None
    credentials: tuple[str, str] | None = None  # a user and a password that the address held

    def __repr__(self) -> str:
        return f"Address({self.url!r})"

    @property
    def path(self) -> str:
        """The part of the address behind that of the service."""
        parts = [f"studies/{self.study}"]
        if self.series is not None:
            parts.append(f"series/{self.series}")
        if self.instance is not None:
            parts.append(f"instances/{self.instance}")
        return "/".join(parts)

    @property
    def url(self) -> str:
        """The address without credentials."""
        return f"{self.service}/{self.path}"


def find_address(source: object) -> Address | None:
    """Tell whether a text is the address of something on a DICOMweb server; None where it is none.

    What ends in another way than with the UID of a study, series or instance is not: it may be a file on a web server.
    """
    if not isinstance(source, (str, bytes, os.PathLike)):
        return None
    found = _RESOURCE.match(os.fsdecode(source))
    if found is None:
        return None
    service, study, series, instance = found.groups()
    parts = urlsplit(service)
    credentials = None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return Address(bare, study, series, instance, credentials)
