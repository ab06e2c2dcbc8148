"""The parts of an answer come out as they were sent, however they come, and an answer that is cut is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtkdicomload.sources.dicomweb.answers import CutShortError, ServerError, read_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

BOUNDARY = "0f1e-2d3c"
KIND = f'multipart/related; type="application/octet-stream"; boundary={BOUNDARY}'
HEAD = "Content-Type: application/octet-stream; transfer-syntax=1.2.840.10008.1.2.5"


def body(contents: list[bytes], head: str = HEAD) -> bytes:
    lines = f"{head}\r\n" if head else ""
    parts = (f"--{BOUNDARY}\r\n{lines}\r\n".encode() + content + b"\r\n" for content in contents)
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def contents(data: bytes, size: int = 7, kind: str = KIND) -> list[bytes]:
    return [b"".join(part.content) for part in read_parts(kind, cut(data, size))]


# What may be taken for an end: line breaks, dashes and a part of the boundary.
PIECES = st.lists(st.sampled_from([b"\r\n", b"--", b"\r\n--0f1e", b"-", b"\0", b"abc"]), max_size=8).map(b"".join)


@given(st.lists(PIECES, max_size=4), st.integers(1, 80))
def test_parts_come_out_as_they_were_sent(sent: list[bytes], size: int) -> None:
    assert contents(body(sent), size) == sent


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (KIND.replace(BOUNDARY, f'"{BOUNDARY}"'), body([b"one", b"two"])),
        (KIND.upper().replace(BOUNDARY.upper(), BOUNDARY), body([b"one", b"two"])),
        (KIND, b"what comes before\r\n" + body([b"one", b"two"]) + b"what comes behind"),
        (KIND, body([b"one", b"two"], head="")),
        (KIND, body([b"one", b"two"]).replace(b"3c\r\n", b"3c  \r\n")),
    ],
    ids=["quoted", "in capitals", "between other bytes", "without heads", "with spaces behind the boundary"],
)
def test_parts_may_be_written_in_several_ways(kind: str, data: bytes) -> None:
    assert contents(data, kind=kind) == [b"one", b"two"]


@pytest.mark.parametrize("size", [1, 1000])
def test_an_answer_that_is_cut_anywhere_is_told(size: int) -> None:
    whole = body([b"one", b"two"])
    for end in range(len(whole) - len(b"\r\n")):
        with pytest.raises(CutShortError):
            contents(whole[:end], size)


def test_what_came_before_the_cut_was_whole() -> None:
    parts = read_parts(KIND, cut(body([b"one", b"two"])[:-20], 9))
    assert b"".join(next(parts).content) == b"one"
    with pytest.raises(CutShortError):
        b"".join(next(parts).content)


def test_a_part_that_is_not_read_is_passed_over() -> None:
    parts = read_parts(KIND, cut(body([b"one" * 99, b"two"]), 10))
    assert [next(part.content)[:3] for part in parts] == [b"one", b"two"]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (HEAD, ("application/octet-stream", "1.2.840.10008.1.2.5", "")),
        ('content-type: IMAGE/JLS; Transfer-Syntax="1.2"\r\nX: y', ("image/jls", "1.2", "")),
        (
            "Content-Location: http://a/frames/3\r\nContent-Type: application/dicom",
            ("application/dicom", "", "http://a/frames/3"),
        ),
        ("Content-Length: 3", ("text/plain", "", "")),
    ],
)
def test_what_a_part_says_of_itself(head: str, expected: tuple[str, str, str]) -> None:
    (part,) = ((p.media_type, p.transfer_syntax, p.location) for p in read_parts(KIND, cut(body([b"one"], head), 5)))
    assert part == expected


def test_an_answer_without_parts_is_one() -> None:
    kind = 'application/octet-stream; transfer-syntax="1.2.840.10008.1.2.5"'
    (part,) = read_parts(kind, cut(b"all of it", 2))
    assert (part.transfer_syntax, b"".join(part.content)) == ("1.2.840.10008.1.2.5", b"all of it")


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("multipart/related", body([b"one"]), "does not say where its parts end"),
        (KIND, f"--{BOUNDARY}".encode() + b"x" * 70_000, "does not begin as one"),
    ],
)
def test_what_is_no_multipart_body_is_refused(kind: str, data: bytes, words: str) -> None:
    with pytest.raises(ServerError, match=words):
        contents(data, kind=kind, size=1000)
