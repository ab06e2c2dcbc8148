"""URLs as sources: which text is one, and how it is named where its credentials must not be seen."""

from __future__ import annotations

import os
import re
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

_SCHEME = r"[A-Za-z][A-Za-z0-9+.\-]+"  # two characters or more: one is a drive of Windows
_URL = re.compile(rf"(?:{_SCHEME}::)*{_SCHEME}://")
_LOCAL = ("file", "local")
HTTP = ("http", "https")
# What is entered here rather than by fsspec: archives are read in the order that is cheapest for them.
_ARCHIVES = ("zip", "tar")


class Address(NamedTuple):
    """A URL, taken apart."""

    url: str  # that fsspec takes, with all that it holds
    protocol: str  # the outermost one
    name: str  # for messages: without user, password and query
    inside: str | None = None  # of an archive: the folder or file in it, "" for all; None where it is no archive
    folder: bool = False  # whether it ends with a slash


def is_url(source: Any) -> bool:
    """Tell whether a source is the text of a URL, or a UPath that is no path on disk."""
    if isinstance(source, str):
        return _URL.match(source) is not None
    return is_upath(source)


def is_upath(source: Any) -> bool:
    """Tell whether a source is a UPath of another file system than the disk, without importing its library."""
    return (
        not isinstance(source, os.PathLike)
        and hasattr(source, "storage_options")
        and isinstance(getattr(source, "protocol", None), str)
        and isinstance(getattr(source, "path", None), str)
    )


def find_local_path(url: str) -> str | None:
    """The path of a ``file://`` URL; None where it is another one."""
    scheme, _, rest = url.partition("://")
    if scheme.lower() not in _LOCAL:
        return None
    host, slash, path = rest.partition("/")
    return unquote(slash + path) if host in ("", "localhost") and path else unquote(rest)


def parse_address(url: str) -> Address:
    """Take a URL apart; an archive in it, as in ``zip://a::s3://bucket/study.zip``, is one to go into."""
    first, *rest = url.split("::")
    outer = first.partition("://")
    if rest and outer[0].lower() in _ARCHIVES:
        return parse_address("::".join(rest))._replace(inside=outer[2].strip("/"))
    protocol = (outer[0] if outer[1] or rest else url.partition("://")[0]).lower()
    return Address(url, protocol, strip_credentials(url), None, _split(url.split("::")[-1]).path.endswith("/"))


def strip_credentials(url: str) -> str:
    """Name a URL without what may be secret: user, password, query and fragment."""
    parts = _split(url.split("::")[-1])
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def hide_credentials(source: Any) -> Any:
    """A source as it may be shown: a URL without its credentials, anything else as it is."""
    if isinstance(source, (list, tuple)):
        return type(source)(map(hide_credentials, source)) if type(source) in (list, tuple) else source
    return "::".join((*str(source).split("::")[:-1], strip_credentials(str(source)))) if is_url(source) else source


def keep_login(url: str, asked: str) -> str:
    """The URL that has answered, with the user and password of the one that was asked, where it is the same server."""
    login, at, host = urlsplit(asked).netloc.rpartition("@")
    parts = urlsplit(url)
    return parts._replace(netloc=login + at + host).geturl() if at and parts.netloc == host else url


def _split(url: str) -> SplitResult:
    """Split a URL as its protocol means it: only those of HTTP have queries and fragments."""
    scheme, _, rest = url.partition("://")
    if scheme.lower() in HTTP:
        return urlsplit(url)
    # A key of a bucket may hold any character; some servers are told of a signature behind a question mark.
    netloc, slash, path = rest.partition("/")
    return SplitResult(scheme.lower(), netloc, slash + path.partition("?")[0], "", "")


def find_site(url: str) -> str:
    """The part of a URL that decides what connection it takes: protocols, user and host."""
    chain = url.split("::")
    return "::".join((*chain[:-1], f"{_split(chain[-1]).scheme}://{_split(chain[-1]).netloc}"))


def join_url(url: str, name: str) -> str:
    """The URL of what has a name in the folder of a URL, without the query of that."""
    bare = url.partition("?")[0] if url.partition("://")[0].lower() in HTTP else url
    return f"{bare.rstrip('/')}/{name}" if not bare.endswith("://") else f"{bare}{name}"
