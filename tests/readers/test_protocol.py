"""Frames that are stored in words of other sizes, signs and slopes: each by its own header, in one type for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from compressed import scanned
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

from vtkdicomload import UnsupportedPixelDataError
from vtkdicomload.loading import second_reader
from vtkdicomload.readers.choose import choose
from vtkdicomload.readers.dtype import Conversion, ValueOverflow, choose_conversion, widen_conversion

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from synthetic import Truth

    from vtkdicomload.headers.model import Frame

    Write = Callable[..., Truth]

# Stored type, BitsStored, slope and intercept of each part of a volume; the type of its values and of its stored ones.
Part = tuple[str, int, float, float]
MIXED: dict[str, tuple[tuple[Part, ...], str, str]] = {
    "8 and 12 bits": ((("u1", 8, 1, 0), ("u2", 12, 1, 0)), "u2", "u2"),
    "8 and 16 bits, intercept": ((("u1", 8, 1, -1024), ("u2", 12, 1, -1024)), "i2", "u2"),
    "8 bits of another slope": ((("u1", 8, 16, 0), ("u2", 12, 1, 0)), "u2", "u2"),
    "8 bits signed and 16": ((("i1", 8, 1, 0), ("u2", 12, 1, 0)), "i2", "i2"),
    "unsigned of 12 bits and signed": ((("u2", 12, 1, -1024), ("i2", 16, 1, -1024)), "i2", "i2"),
    "unsigned of 12 bits and signed of 12": ((("u2", 12, 1, 0), ("i2", 12, 1, 0)), "i2", "i2"),
    "unsigned and signed of 16 bits": ((("u2", 16, 1, 0), ("i2", 16, 1, 0)), "i2", "i4"),
    "fractional slopes": ((("u1", 8, 0.5, 1), ("i2", 16, 0.25, -3)), "f4", "i2"),
    "one fractional slope": ((("u2", 16, 1, 0), ("u1", 8, 0.1, 0)), "f4", "u2"),
    "16 and 32 bits": ((("u2", 16, 1, 0), ("i4", 32, 1, 0)), "i4", "i4"),
    "16 and 32 bits, intercept": ((("u2", 16, 1, -7), ("i4", 32, 1, -7)), "i4", "i4"),
    "three kinds": ((("u1", 8, 1, 0), ("i2", 16, 2, -5), ("u2", 10, 3, 1)), "i2", "i2"),
    "signed and unsigned of 8 bits": ((("u1", 8, 1, 0), ("i1", 8, 1, 0)), "u1", "i2"),
}
ENGINES = ("direct", "codec", "vtk", "pydicom")


def written(series: Write, parts: Sequence[Part], syntaxes: Sequence[str]) -> tuple[list[Frame], list[Any], list[Any]]:
    """The frames of a volume whose parts take turns, their values and their stored values."""
    frames: list[Frame] = []
    values, stored = [], []
    for k, (dtype, bits, slope, intercept) in enumerate(parts):
        truth = series(
            f"part {k}",
            dtype=np.dtype(dtype),
            BitsStored=bits,
            HighBit=bits - 1,
            RescaleSlope=slope,
            RescaleIntercept=intercept,
            syntax=syntaxes[k % len(syntaxes)],
        )
        frames += scanned(truth.files)
        values += list(truth.frames)
        stored += list(truth.stored)
    order = [i + k * 5 for i in range(5) for k in range(len(parts))]
    return [frames[i] for i in order], [values[i] for i in order], [stored[i] for i in order]


def read(engine: str, frames: Sequence[Frame], conversion: Conversion) -> tuple[str, Any]:
    """What a reader makes of the frames, in a wider type where their values need it."""
    while True:
        reader = choose(engine, frames, conversion)
        out = np.empty((len(frames), frames[0].header.rows, frames[0].header.columns), conversion.dtype)
        try:
            reader.fill(frames, conversion, out, lambda: None)
        except ValueOverflow:
            conversion = widen_conversion(conversion)
            continue
        second_reader.verify(range(len(frames)), frames, conversion, out, reader)
        return reader.NAME, out


@pytest.mark.parametrize("engine", ["auto", *ENGINES])
@pytest.mark.parametrize("name", MIXED)
def test_native_frames_of_several_kinds_come_out_right(series: Write, name: str, engine: str) -> None:
    parts, dtype, stored_dtype = MIXED[name]
    frames, values, stored = written(series, parts, [ExplicitVRLittleEndian])
    for rescale, expected, kind in ((True, values, dtype), (False, stored, stored_dtype)):
        conversion = choose_conversion(frames, rescale=rescale)
        assert conversion.dtype == np.dtype(kind)
        try:
            _, found = read(engine, frames, conversion)
        except UnsupportedPixelDataError:
            assert engine in (
                "codec",
                "vtk",
            )  # nothing is compressed; VTK takes 8 bits for unsigned, and always rescales
            continue
        if conversion.dtype.kind == "f":
            np.testing.assert_allclose(found, np.array(expected, float), rtol=1e-6)
        else:
            np.testing.assert_array_equal(found, np.array(expected).astype(np.int64))


@pytest.mark.parametrize("engine", ["auto", "codec", "pydicom"])
@pytest.mark.parametrize("name", ["8 and 12 bits", "unsigned of 12 bits and signed", "unsigned and signed of 16 bits"])
@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless, RLELossless, ExplicitVRBigEndian])
def test_compressed_frames_of_several_kinds_come_out_right(series: Write, name: str, engine: str, syntax: str) -> None:
    parts, _, _ = MIXED[name]
    frames, values, stored = written(series, parts, [syntax, ExplicitVRLittleEndian])
    if engine == "codec" and syntax == ExplicitVRBigEndian:
        engine = "direct"
    for rescale, expected in ((True, values), (False, stored)):
        _, found = read(engine, frames, choose_conversion(frames, rescale=rescale))
        np.testing.assert_array_equal(found, np.array(expected).astype(np.int64))


def test_vtk_reads_frames_of_several_kinds_one_by_one(series: Write) -> None:
    frames, values, _ = written(series, (("u1", 8, 1, 0), ("u2", 12, 1, 0), ("i2", 12, 1, 0)), [ExplicitVRLittleEndian])
    name, found = read("vtk", frames, choose_conversion(frames, rescale=True))
    assert name == "vtk"
    np.testing.assert_array_equal(found, np.array(values))


def test_colour_of_8_and_16_bits_has_no_common_scale(series: Write) -> None:
    colour = [series(f"c{k}", dtype=t, SamplesPerPixel=3).files for k, t in enumerate(("u1", "u2"))]
    with pytest.raises(UnsupportedPixelDataError, match="colour of uint8 and of uint16 has no common scale"):
        choose_conversion(scanned([*colour[0], *colour[1]]), rescale=True)


def test_bits_above_those_of_each_file_are_cut_off(tmp_path: Path, series: Write) -> None:
    """A frame of 16 bits before one of 12 does not lend it its mask, or the other way."""
    whole = series("whole", dtype=np.uint16)
    high = series("high", dtype=np.uint16, edit=lambda d, k: setattr(d, "PixelData", with_overlay(d.PixelData)))
    frames = scanned([*whole.files, *high.files])
    twelve = {"bits_stored": 12, "high_bit": 11}
    frames[5:] = [f._replace(header=f.header._replace(**twelve)) for f in frames[5:]]
    conversion = choose_conversion(frames, rescale=True)
    for engine in ("direct", "pydicom"):
        reader = choose(engine, frames, conversion)
        out = np.empty((10, 6, 8), conversion.dtype)
        reader.fill(frames, conversion, out, lambda: None)
        np.testing.assert_array_equal(out[:5], whole.stored)
        np.testing.assert_array_equal(out[5:], high.stored & 0xFFF)


def with_overlay(data: bytes) -> bytes:
    return (np.frombuffer(data, "<u2") | 0x3000).astype("<u2").tobytes()
