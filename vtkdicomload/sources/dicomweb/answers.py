"""What a DICOMweb server answers: why it does not, and the parts of a body as they come (RFC 2046 5.1, PS3.18 8.6)."""

from __future__ import annotations

import errno
from email.message import Message
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

_LONGEST_PART_HEAD = 1 << 16  # bytes of what a part says of itself


class ServerError(OSError):
    """The server does not give what was asked for; `strerror` says why, in words without an address.

    Attributes
    ----------
    status : int or None
        The HTTP status of its answer; None where there was none.
    may_pass : bool
        Whether it may give it when it is asked again.
    """

    def __init__(self, words: str, status: int | None = None, *, may_pass: bool = False) -> None:
        super().__init__(errno.ENOENT if status == 404 else errno.EIO, words)
        self.status, self.may_pass = status, may_pass


class CutShortError(ServerError):
    """The server's answer ends before its end."""

    def __init__(self) -> None:
        super().__init__("the server's answer is cut short")


class Part(NamedTuple):
    """A part of an answer, or all of one that has no parts."""

    media_type: str
    transfer_syntax: str  # empty where it does not say
    location: str  # of what it holds; empty where it does not say
    content: Iterator[bytes]  # as it comes


def read_parts(content_type: str, chunks: Iterator[bytes]) -> Generator[Part]:
    """Read the parts of an answer.

    Parameters
    ----------
    content_type : str
        What the answer says that it is.
    chunks : iterator of bytes
        Its body, as it comes.

    Yields
    ------
    Part
        The next part. What of its content was not read is passed over.

    Raises
    ------
    ServerError
        It is no multipart body, or ends before its end.
    """
    head = _read_head(f"Content-Type: {content_type}")
    if not head.get_content_type().startswith("multipart/"):
        yield _make_part(head, chunks)
        return
    boundary = _find_parameter(head, "boundary")
    if not boundary:
        raise ServerError("the server's answer does not say where its parts end")
    body = _Body(boundary.encode("latin-1", "replace"), chunks)
    for _ in body.read_content():  # before the first part
        pass
    while (words := body.read_head()) is not None:
        part = _make_part(_read_head(words), body.read_content())
        yield part
        for _ in part.content:
            pass


def _read_head(words: str) -> Message:
    head = Message()
    for line in words.split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            head[name.strip()] = value.strip()
    return head


def _make_part(head: Message, content: Iterator[bytes]) -> Part:
    location = str(head.get("Content-Location", ""))
    return Part(head.get_content_type(), _find_parameter(head, "transfer-syntax"), location, content)


def _find_parameter(head: Message, name: str) -> str:
    found = head.get_param(name, "")
    return found.strip() if isinstance(found, str) else ""


class _Body:
    """A multipart body as it comes."""

    def __init__(self, boundary: bytes, chunks: Iterator[bytes]) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._chunks = chunks
        self._held, self._at = b"\r\n", 0  # before the first delimiter there need be no line break

    def read_content(self) -> Generator[bytes]:
        """Read up to the next delimiter, and pass over that."""
        kept = len(self._delimiter) - 1  # bytes that may begin one
        while (end := self._held.find(self._delimiter, self._at)) < 0:
            if len(self._held) - self._at > kept:
                yield self._take(len(self._held) - kept)
            self._hold_more()
        if end > self._at:
            yield self._take(end)
        self._at += len(self._delimiter)

    def read_head(self) -> str | None:
        """Read what the next part says of itself; None behind the last one."""
        while len(self._held) - self._at < 2:
            self._hold_more()
        if self._held.startswith(b"--", self._at):
            return None
        while (end := self._held.find(b"\r\n\r\n", self._at)) < 0:
            if len(self._held) - self._at > _LONGEST_PART_HEAD:
                raise ServerError("a part of the server's answer does not begin as one")
            self._hold_more()
        return self._take(end + 4).decode("latin-1")

    def _take(self, end: int) -> bytes:
        taken, self._at = self._held[self._at : end], end
        return taken

    def _hold_more(self) -> None:
        chunk = next(self._chunks, None)
        if chunk is None:
            raise CutShortError
        self._held, self._at = self._held[self._at :] + chunk, 0
