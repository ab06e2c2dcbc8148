"""Stored values that look like a patient's to a codec: a smooth phantom with noise, the same on every machine."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from .works import COMPRESSED, EXPLICIT_LITTLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .works import Work

_AIR, _TOP = -1000.0, 1600.0  # of the phantom, in Hounsfield units
_NOISE = 12.0


def stored_frame(work: Work, series: int, k: int) -> NDArray[Any]:
    """The stored values of slice `k`, counted along the normal, of one series of a work.

    Returns
    -------
    numpy.ndarray, shape (rows, columns) or (rows, columns, samples), of the stored dtype
    """
    rng = np.random.default_rng([zlib.crc32(work.name.encode()), series, k])
    shape = (work.rows, work.columns)
    values = _phantom(shape, 2 * (k + 0.5) / work.slices - 1) + rng.standard_normal(shape, np.float32) * _NOISE
    # CT keeps its units; other formats use a quarter of their range, as real ones do.
    low, high = (24.0, 2624.0) if work.intercept else (0.0, 2.0 ** (work.bits - (work.bits > 8) * 2) - 1)
    stored = np.clip((values - _AIR) / (_TOP - _AIR) * (high - low) + low, 0, high).astype(work.dtype)
    if work.samples == 1:
        return stored
    return np.stack([stored // (1 + c) for c in range(work.samples)], axis=-1)


def _phantom(shape: tuple[int, int], z: float) -> NDArray[np.float32]:
    """A body with lungs, a spine and soft tissue in Hounsfield units; `z` runs from -1 to 1."""
    y = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :]
    radius = 1.0 - 0.15 * z * z
    values = np.full(shape, _AIR, np.float32)
    body = (x / 0.85) ** 2 + (y / 0.6) ** 2 < radius
    tissue = 40 + 25 * np.sin(4 * x + 2 * z) * np.cos(5 * y - z)
    values[body] = tissue[body]
    for side in (-0.38, 0.38):
        lung = ((x - side) / 0.3) ** 2 + ((y + 0.05) / 0.38) ** 2 < radius * (1 - abs(z))
        values[lung] = -820 + 60 * np.cos(7 * (x + y) + 3 * z)[lung]
    spine = x**2 + (y - 0.36) ** 2
    values += np.where(body, 700 * np.exp(-spine / 0.008), 0).astype(np.float32)
    return values


def encoded(frame: NDArray[Any], work: Work) -> bytes:
    """One frame of stored values as it stands in a file of the work's transfer syntax, without loss."""
    if work.syntax == EXPLICIT_LITTLE:
        return frame.astype(frame.dtype.newbyteorder("<"), copy=False).tobytes()
    import imagecodecs

    if work.syntax == COMPRESSED["RLE"]:
        return _rle(frame)
    if work.syntax == COMPRESSED["JPEG Lossless"]:
        return bytes(imagecodecs.jpeg_encode(frame, lossless=True, predictor=1, bitspersample=work.bits))
    if work.syntax == COMPRESSED["JPEG-LS"]:
        return bytes(imagecodecs.jpegls_encode(frame, level=0))
    if work.syntax == COMPRESSED["JPEG 2000"]:
        return bytes(imagecodecs.jpeg2k_encode(frame, level=0, codecformat="j2k", reversible=True, mct=False))
    return bytes(imagecodecs.htj2k_encode(frame, reversible=True))


def _rle(frame: NDArray[Any]) -> bytes:
    """PS3.5 annex G: one PackBits segment a byte, the most significant first; each row packed by itself."""
    import imagecodecs

    planes = frame.astype(frame.dtype.newbyteorder(">")).view(np.uint8).reshape(*frame.shape, -1)
    segments = []
    for plane in np.moveaxis(planes, -1, 0):
        packed = b"".join(imagecodecs.packbits_encode(row.tobytes()) for row in plane)
        segments.append(packed + b"\0" * (len(packed) % 2))
    offsets = np.zeros(16, "<u4")
    offsets[0] = len(segments)
    offsets[1 : len(segments) + 1] = 64 + np.cumsum([0, *map(len, segments[:-1])])
    return offsets.tobytes() + b"".join(segments)
