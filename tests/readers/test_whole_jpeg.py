"""JPEG data that is not enough for its rows, or too much, is refused, where libjpeg makes up pixels."""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pytest
from compressed import J2K_LOSSLESS, JPEG, LOSSLESS, SV1, decoded, j2k, ljpeg, padded, picture, write
from PIL import Image

from vtkdicomload import CorruptFileError
from vtkdicomload.readers.whole_jpeg import decode_whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Pixels = np.ndarray[Any, Any]


def smooth(rows: int = 96, columns: int = 112, dtype: Any = np.uint16, bits: int = 12) -> Pixels:
    """A picture with black corners, as a CT has them."""
    y, x = np.mgrid[:rows, :columns]
    noise = np.random.default_rng(3).normal(0, 1 << bits - 8, (rows, columns))
    values = (1 << bits - 1) + (1 << bits - 3) * (np.sin(x / 9) + np.cos(y / 13)) + noise
    values[(x - columns / 2) ** 2 + (y - rows / 2) ** 2 > (rows * 0.45) ** 2] = 0
    return values.clip(0, (1 << bits) - 1).astype(dtype)


def by_pillow(pixels: Pixels, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "jpeg", quality=90, **options)
    return stream.getvalue()


def zero(stream: bytes, at: int) -> bytes:
    return stream[:at] + bytes(64) + stream[at + 64 :]


def cut(stream: bytes, at: int) -> bytes:
    return stream[:at] + stream[at + 150 :]


def cut_to_the_end(stream: bytes, at: int) -> bytes:
    return stream[:at] + b"\xff\xd9"


def insert(stream: bytes, at: int) -> bytes:
    return stream[:at] + np.random.default_rng(at).integers(0, 255, 90, np.uint8).tobytes() + stream[at:]


DAMAGE = {"cut": cut, "cut to the end": cut_to_the_end, "inserted": insert}
# Those that move every pixel behind them: syntax, stream, pixels.
STREAMS: dict[str, Callable[[], tuple[str, bytes, Pixels]]] = {
    "lossless 1": lambda: (SV1, ljpeg(smooth()), smooth()),
    "lossless 6": lambda: (LOSSLESS, ljpeg(smooth(), 6), smooth()),
    "lossless 7, 8 bits": lambda: (LOSSLESS, ljpeg(smooth(dtype="u1", bits=8), 7), smooth(dtype="u1", bits=8)),
    "baseline": lambda: (JPEG, by_pillow(smooth(dtype="u1", bits=8)), smooth(dtype="u1", bits=8)),
    "baseline, optimised": lambda: (
        JPEG,
        by_pillow(smooth(dtype="u1", bits=8), optimize=True),
        smooth(dtype="u1", bits=8),
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", STREAMS)
def test_data_that_was_lost_or_added_is_noticed_nearly_always(tmp_path: Path, name: str, damage: str) -> None:
    """Where a block is lost the next ones may be as many by chance: most of 12 places, never all of them missed."""
    syntax, stream, pixels = STREAMS[name]()
    refused = 0
    for place in range(12):
        at = len(stream) // 3 + place * len(stream) // 24
        path = write(tmp_path / "x.dcm", syntax, [padded(DAMAGE[damage](stream, at))], pixels)
        try:
            decoded(path)
        except CorruptFileError as error:
            refused += str(path) in str(error)
    assert refused >= 9


def test_zeros_over_a_lossless_stream_are_noticed(tmp_path: Path) -> None:
    stream, pixels = ljpeg(smooth()), smooth()
    at = len(stream) // 2
    path = write(tmp_path / "x.dcm", SV1, [padded(zero(stream, at))], pixels)
    assert not np.array_equal(imagecodecs.jpeg8_decode(zero(stream, at)), pixels)  # without a word
    with pytest.raises(CorruptFileError, match="its coded data is damaged: some is left over behind its last row"):
        decoded(path)


def test_data_that_ends_early_is_said_to(tmp_path: Path) -> None:
    stream, pixels = ljpeg(smooth()), smooth()
    path = write(tmp_path / "x.dcm", SV1, [padded(cut_to_the_end(stream, len(stream) // 2))], pixels)
    with pytest.raises(CorruptFileError, match="its coded data is damaged: it ends before its last row"):
        decoded(path)


CONTENTS: dict[str, Callable[[tuple[int, ...], int], Pixels]] = {
    "black": lambda shape, top: np.zeros(shape, np.int64),
    "white": np.full,
    "grey": lambda shape, top: np.full(shape, (top + 1) // 2),  # what libjpeg makes up
    "grey below": lambda shape, top: (
        np.where(np.arange(shape[0])[:, None] > 4, (top + 1) // 2, top // 3)[
            (slice(None), slice(None), *(None,) * (len(shape) - 2))
        ]
        * np.ones(shape, np.int64)
    ),
    "noise": lambda shape, top: np.random.default_rng(1).integers(0, top + 1, shape),
    "ramp": lambda shape, top: np.arange(np.prod(shape)).reshape(shape) * 7 % (top + 1),
}


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_sound_lossless_streams_are_never_refused(content: str, bits: int) -> None:
    for predictor in range(1, 8):
        for shape in ((1, 40), (9, 4), (23, 17), (8, 64), (50, 33)):
            pixels = CONTENTS[content](shape, (1 << bits) - 1).astype(np.uint8 if bits == 8 else np.uint16)
            options = {"lossless": True, "predictor": predictor, "bitspersample": bits}
            stream = imagecodecs.jpeg8_encode(pixels, **options)
            np.testing.assert_array_equal(decode_whole(stream, imagecodecs.jpeg8_decode), pixels)


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"optimize": True},
        {"progressive": True},
        {"restart_marker_blocks": 5},
        {"subsampling": 1},
        {"subsampling": 2},
    ],
    ids=str,
)
def test_sound_lossy_streams_are_never_refused_or_changed(content: str, samples: int, options: dict[str, Any]) -> None:
    colour = {"colorspace": "YCBCR", "outcolorspace": "RGB"} if samples == 3 else {}
    decode = partial(imagecodecs.jpeg8_decode, **colour)
    for plane in ((1, 90), (9, 4), (23, 41), (8, 128), (50, 99)):
        shape = (*plane, 3) if samples == 3 else plane
        stream = by_pillow(CONTENTS[content](shape, 255).astype(np.uint8), **options)
        np.testing.assert_array_equal(decode_whole(stream, decode), decode(stream))


@pytest.mark.parametrize("shape", [(33, 40), (33, 40, 3)])
def test_sound_streams_of_another_encoder_are_never_refused(shape: tuple[int, ...]) -> None:
    pixels = picture(*shape[:2], samples=(len(shape) == 3 and 3) or 1, dtype=np.uint8)
    if pixels.ndim == 2:
        stream = bytes(imagecodecs.ljpeg_encode(pixels.astype(np.uint16) * 16, bitspersample=12))
        np.testing.assert_array_equal(decode_whole(stream, imagecodecs.jpeg8_decode), pixels.astype(np.uint16) * 16)
        return
    colour = {"colorspace": "RGB", "outcolorspace": "RGB"}
    decode = partial(imagecodecs.jpeg8_decode, **colour)
    np.testing.assert_array_equal(decode_whole(ljpeg(pixels, 4), decode), pixels)


@pytest.mark.parametrize("stream", [b"", b"\xff\xd8", b"\xff\xd8\xff\xc3", by_pillow(smooth(dtype="u1", bits=8))[:300]])
def test_what_is_no_whole_stream_is_for_the_decoder_to_refuse(stream: bytes) -> None:
    asked = []

    def decode(data: bytes) -> Any:
        asked.append(data)
        raise RuntimeError("no stream")

    with pytest.raises(RuntimeError, match="no stream"):
        decode_whole(stream, decode)
    assert asked[-1] == stream


def test_garbage_in_jpeg_2000_is_noticed_by_its_markers_more_often_than_not(tmp_path: Path) -> None:
    pixels = picture(200, 200, dtype=np.uint16)
    stream, rng, refused = j2k(pixels), np.random.default_rng(1), 0
    for at in range(400, len(stream) - 1000, (len(stream) - 1400) // 12):
        garbage = rng.integers(0, 256, 512, np.uint8).tobytes()
        path = write(tmp_path / "x.dcm", J2K_LOSSLESS, [padded(stream[:at] + garbage + stream[at + 512 :])], pixels)
        try:
            decoded(path)
        except CorruptFileError:
            refused += 1
    assert refused >= 5
