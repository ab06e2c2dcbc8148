"""Where objects are: plain data of which any process makes a connection, and what a server says of an object."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

REQUESTS = 32  # that a server is asked at the same time


@dataclass(frozen=True)
class Server:
    """A server, bucket or file system; the files there share it, and it pickles with what logs in.

    Attributes
    ----------
    url : str
        Its URL, with the user's name and password where that has them.
    protocol : str
        Of that.
    options : mapping
        The ``storage_options`` of fsspec.
    """

    url: str = field(repr=False)
    protocol: str
    options: Mapping[str, Any] = field(repr=False)

    def __hash__(self) -> int:
        return hash((self.url, self.protocol))


class Info(NamedTuple):
    """An object as its server describes it."""

    size: int | None  # bytes; None where the server does not say
    stamp: Hashable  # what differs once its bytes do; None where the answer does not say


class Answer(NamedTuple):
    """Bytes of an object; over HTTP what the same answer says of it, too."""

    data: bytes  # empty where a buffer was filled
    length: int  # how many bytes there were
    info: Info | None = None
    has_ranges: bool = True  # False where the server has answered with the whole object
    is_page: bool = False  # whether it is HTML
    url: str = ""  # of a page: that has answered, behind redirections


class GoneError(FileNotFoundError):
    """The server has no such object."""


def make_server_error(words: str) -> OSError:
    """Make the error of an object that a server does not give; `words` never hold what it was asked with."""
    return OSError(errno.EIO, words)


def make_gone_error(words: str = "the server answers 404 Not Found") -> GoneError:
    """Make the error of an object that is not there."""
    return GoneError(errno.ENOENT, words)
