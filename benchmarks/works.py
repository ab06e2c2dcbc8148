"""The works: which series the sections read. Plain descriptions, of which `data` makes files."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_PART = 10  # one of so many series of the archive is for all readers: pydicom takes half a minute for the whole
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
COMPRESSED = {
    "RLE": "1.2.840.10008.1.2.5",
    "JPEG Lossless": "1.2.840.10008.1.2.4.70",
    "JPEG-LS": "1.2.840.10008.1.2.4.80",
    "JPEG 2000": "1.2.840.10008.1.2.4.90",
    "HTJ2K": "1.2.840.10008.1.2.4.201",
}


class Work(NamedTuple):
    """One kind of series, or several series of that kind."""

    name: str  # of its folder
    title: str
    slices: int
    rows: int = 512
    columns: int = 512
    samples: int = 1
    dtype: str = "int16"  # of the stored values
    bits: int = 16  # stored
    slope: float = 1.0
    intercept: float = 0.0
    syntax: str = EXPLICIT_LITTLE
    series: int = 1
    large_header: bool = False  # over 100 KiB
    enhanced: bool = False  # all slices are frames of one file
    makers: int = 1  # in turn, whose headers have other elements; values of more than one differ in length

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame's stored values, before compression."""
        return self.rows * self.columns * self.samples * np.dtype(self.dtype).itemsize

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all series in a row: (slices, rows, columns) or (slices, rows, columns, samples)."""
        frame = (self.rows, self.columns, self.samples) if self.samples > 1 else (self.rows, self.columns)
        return (self.series * self.slices, *frame)


class Works(NamedTuple):
    """The works of a run."""

    ct: Work
    long_ct: Work
    formats: tuple[Work, ...]
    headers: tuple[Work, ...]
    small: tuple[Work, ...]
    enhanced: tuple[Work, ...]
    compressed: tuple[Work, ...]
    packed: tuple[Work, ...]  # into archives
    archives: tuple[Work, ...]  # that are loaded whole
    converted: Work
    shared: Work  # among workers
    tiny: Work  # for first use
    start: Work  # for the command line
    brief: bool = False  # leave out what takes longest


def _ct(slices: int, name: str = "", **changes: object) -> Work:
    work = Work(name or f"ct-{slices}", f"CT 512²×{slices} int16, intercept -1024", slices, intercept=-1024.0)
    return work._replace(**changes)  # type: ignore[arg-type]


def _formats(slices: int) -> tuple[Work, ...]:
    return (
        Work(f"ct12-{slices}", f"CT 512²×{slices}, 12 of 16 bits", slices, dtype="uint16", bits=12, intercept=-1024.0),
        Work(f"pet-{slices}", f"PET 256²×{slices}, slope 0.37", slices, 256, 256, slope=0.37),
        Work(f"mr-{slices}", f"MR 256²×{slices} uint16", slices, 256, 256, dtype="uint16"),
        Work(f"us-{slices}", f"8 bits 512²×{slices}", slices, dtype="uint8", bits=8),
        Work(f"rgb-{slices}", f"RGB 512²×{slices}", slices, samples=3, dtype="uint8", bits=8),
    )


def _compressed(slices: int, side: int = 512) -> tuple[Work, ...]:
    return tuple(
        Work(
            f"{title.lower().replace(' ', '-')}-{slices}",
            f"{title} {side}²×{slices}",
            slices,
            side,
            side,
            dtype="uint16",
            bits=12,
            intercept=-1024.0,
            syntax=syntax,
        )
        for title, syntax in COMPRESSED.items()
    )


def _headers(slices: int, side: int, series: int, slices_each: int) -> tuple[Work, ...]:
    rich = Work(f"headers-{slices}", f"{slices} headers of 250 elements", slices, side, side, intercept=-1024.0)
    large = rich._replace(name=f"large-headers-{slices}", title=f"{slices} headers of over 100 KiB", large_header=True)
    archive, part = (
        Work(
            f"archive-{count}",
            f"an archive of {count} series × {slices_each} headers of five makers",
            slices_each,
            32,
            32,
            intercept=-1024.0,
            series=count,
            makers=5,
        )
        for count in (series, max(series // _PART, 1))
    )
    return rich, large, part, archive


def _small(series: int, tiny: int) -> tuple[Work, ...]:
    return (
        Work(f"small-{series}", f"{series} series of 128²×24", 24, 128, 128, intercept=-1024.0, series=series),
        Work(f"four-{tiny}", f"{tiny} series of 256²×4", 4, 256, 256, intercept=-1024.0, series=tiny),
    )


def _enhanced(*frames: int, side: int = 86) -> tuple[Work, ...]:
    native = [
        Work(f"enhanced-{n}", f"Enhanced MR {side}²×{n}", n, side, side, dtype="uint16", bits=12, enhanced=True)
        for n in frames
    ]
    name, title = f"enhanced-j2k-{frames[0]}", f"{native[0].title}, JPEG 2000"
    return (*native, native[0]._replace(name=name, title=title, syntax=COMPRESSED["JPEG 2000"]))


def _archive(series: int, slices: int, side: int) -> Work:
    title = f"{series} series of {side}²×{slices}"
    return Work(f"bulk-{series}-{side}", title, slices, side, side, intercept=-1024.0, series=series)


_TINY = Work("tiny", "CT 64²×4", 4, 64, 64, intercept=-1024.0)
_START = Work("start-30", "CT 128²×30", 30, 128, 128, intercept=-1024.0)

FULL = Works(
    ct=_ct(400),
    long_ct=_ct(2000),
    formats=_formats(200),
    headers=_headers(400, 256, 1000, 17),
    small=_small(100, 250),
    enhanced=_enhanced(63, 500, 10_000),
    compressed=_compressed(100),
    packed=(_ct(200),),
    archives=(_archive(40, 100, 512), _archive(2000, 20, 128)),
    converted=_archive(40, 100, 256),
    shared=_compressed(20)[2]._replace(name="shared-12", title="12 series of JPEG-LS 512²×20", series=12),
    tiny=_TINY,
    start=_START,
)
QUICK = Works(
    ct=_ct(40),
    long_ct=_ct(100),
    formats=_formats(10)[1:2],
    headers=_headers(60, 64, 20, 17),
    small=_small(6, 12),
    enhanced=_enhanced(63, 200),
    compressed=_compressed(4),
    packed=(_ct(40),),
    archives=(_archive(4, 20, 512), _archive(20, 20, 128)),
    converted=_archive(4, 20, 256),
    shared=_compressed(4)[2]._replace(name="shared-4", title="4 series of JPEG-LS 512²×4", series=4),
    tiny=_TINY,
    start=_START,
    brief=True,
)
MINIMAL = Works(  # for the tests of this package
    ct=_ct(6, rows=64, columns=64, title="CT 64²×6"),
    long_ct=_ct(12, rows=64, columns=64, title="CT 64²×12"),
    formats=(_formats(2)[1]._replace(name="pet", title="PET 64²×2", rows=64, columns=64),),
    headers=_headers(3, 32, 6, 2),
    small=(Work("small-2", "2 series of 32²×3", 3, 32, 32, intercept=-1024.0, series=2),),
    enhanced=_enhanced(6, side=32)[:1],
    compressed=_compressed(3, 64)[:1],  # the one that pydicom decodes by itself
    packed=(_ct(6, rows=64, columns=64, title="CT 64²×6"),),
    archives=(_archive(2, 3, 32),),
    converted=_archive(2, 3, 16),
    shared=_compressed(3, 64)[2]._replace(name="shared-2", title="2 series of JPEG-LS 64²×3", series=2),
    tiny=_TINY,
    start=_START,
)
