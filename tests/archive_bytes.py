"""Cases that are made byte by byte: deviations of structure, and damage beside good series."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from archive import ORIGIN, Case, Image, even, images, owe, write_images
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless
from synthetic import ROOT, UNDEFINED, Raw, padded, raw_element, raw_image

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Change = Raw | tuple[int, None]

RAW_DATA, PRESENTATION_STATE = "1.2.840.10008.5.1.4.1.1.66", "1.2.840.10008.5.1.4.1.1.11.1"
SPECTROSCOPY, PRIVATE_OF_PHILIPS = "1.2.840.10008.5.1.4.1.1.4.2", "1.3.46.670589.11.0.0.12.1"
ENHANCED_SURFACE = "1.2.840.10008.5.1.4.1.1.68.1"
# Key objects, a plan, a PDF, tracts, an ECG, a blending state, and private classes of Siemens, GE, Fuji and Philips.
PIXEL_LESS = (
    *("1.2.840.10008.5.1.4.1.1.88.59", "1.2.840.10008.5.1.4.1.1.481.5", "1.2.840.10008.5.1.4.1.1.104.1"),
    *("1.2.840.10008.5.1.4.1.1.66.6", "1.2.840.10008.5.1.4.1.1.9.1.1", "1.2.840.10008.5.1.4.1.1.11.12"),
    *("1.3.12.2.1107.5.9.1", "1.2.840.113619.4.27", "1.2.392.200036.9125.1.1.1", "1.3.46.670589.5.0.10.1"),
)


# ------------------------------------------------------------------------------------------------------- structure
def slice_elements(image: Image) -> list[Change]:
    """What stands in the file of a slice besides the elements that all share."""
    place = ORIGIN + np.array((0, 0, image.place))
    return [
        (0x00080018, "UI", padded(f"{ROOT}.8.{image.index + 1}".encode())),
        (0x00200013, "IS", padded(str(image.index + 1).encode(), b" ")),
        (0x00200032, "DS", padded("\\".join(f"{p:g}" for p in place).encode(), b" ")),
        (0x00280010, "US", struct.pack("<H", image.pixels.shape[0])),
        (0x00280011, "US", struct.pack("<H", image.pixels.shape[1])),
        (0x00280030, "DS", b"0.8\\0.5 "),
        (0x00280101, "US", b"\x10\0"),
        (0x00280102, "US", b"\x0f\0"),
        (0x00281052, None),
        (0x00281053, None),
        (0x7FE00010, "OW", image.pixels.tobytes()),
    ]


def deviating(
    *changes: Change | Callable[[Image], Change],
    only: int | None = None,
    finish: Callable[[bytes], bytes] = bytes,
    **options: Any,
) -> Callable[[Path], None]:
    """A series whose files, or the one of slice `only`, are written in another way; `finish` changes their bytes."""

    def build(folder: Path) -> None:
        folder.mkdir()
        for image in images(even()):
            deviates = only in (None, image.index)
            own = [c(image) if callable(c) else c for c in changes] if deviates else []
            content = raw_image(*slice_elements(image), *own, **(options if deviates else {}))
            (folder / f"{image.index}.dcm").write_bytes(finish(content) if deviates else content)

    return build


def surplus(tail: bytes) -> Callable[[Image], Change]:
    """More bytes in the element of the pixels than they take."""
    return lambda image: (0x7FE00010, "OW", image.pixels.tobytes() + tail)


def position(spelling: Callable[[str], str]) -> Callable[[Image], Change]:
    """ImagePositionPatient in another spelling."""
    return lambda i: (0x00200032, "DS", padded(spelling(f"-10\\-20\\{30 + i.place:g}").encode(), b" "))


def sequence(*, item_end: bytes, end: bytes) -> bytes:
    """A sequence of undefined length with one item, by hand."""
    inner = raw_element((0x00081155, "UI", b"1.2.3\0"))
    head = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, UNDEFINED) + struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED)
    return head + inner + item_end + end


_ITEM_END, _END = struct.pack("<HHI", 0xFFFE, 0xE00D, 0), struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
_END_UNDEFINED = struct.pack("<HHI", 0xFFFE, 0xE0DD, UNDEFINED)
_UNCLOSED_BEHIND = struct.pack("<HH2sHI", 0xFFFA, 0xFFFA, b"SQ", 0, UNDEFINED) + struct.pack(
    "<HHI", 0xFFFE, 0xE000, UNDEFINED
)


def insert(what: bytes) -> Callable[[bytes], bytes]:
    """Put bytes before the modality."""
    return lambda content: content.replace(b"\x08\0\x60\0CS", what + b"\x08\0\x60\0CS", 1)


def _without_samples() -> Change:
    return (0x00280002, None)


def _one_frame(text: bytes) -> Change:
    return (0x00280008, "IS", padded(text, b" "))


# Each leaves one reading, and is no more than one liberty.
LIBERTIES: dict[str, Callable[[Path], None]] = {
    "two zeros behind the pixels": deviating(surplus(bytes(2))),
    "zeros of several rows behind the pixels": deviating(surplus(bytes(60))),
    "half a row of other bytes behind the pixels": deviating(surplus(b"\7" * 8)),
    "zeros behind the pixels of one file": deviating(surplus(bytes(10)), only=2),
    "no SamplesPerPixel": deviating(_without_samples()),
    "no SamplesPerPixel in one file": deviating(_without_samples(), only=3),
    "NumberOfFrames 1.0": deviating(_one_frame(b"1.0")),
    "NumberOfFrames 0": deviating(_one_frame(b"0")),
    "a trailing backslash": deviating(position(lambda text: text + "\\")),
    "a decimal comma in the position": deviating(position(lambda text: text.replace("\\", ",0\\") + ",0")),
    "a decimal comma in the spacing": deviating((0x00280030, "DS", b"0,8\\0,5 ")),
    "elements of group 0000": deviating((0x00000002, "UI", b"1.2.3\0"), (0x00000100, "US", b"\1\0")),
    "VR ??": deviating((0x00091010, "??", b"what")),
    "a delimiter of undefined length": deviating(finish=insert(sequence(item_end=_ITEM_END, end=_END_UNDEFINED))),
    "a sequence that is not closed at the end": deviating(tail=_UNCLOSED_BEHIND),
    "explicit in words, implicit in deed": deviating(explicit=False, syntax=ExplicitVRLittleEndian),
    "implicit in words, explicit in deed": deviating(explicit=True, syntax=ImplicitVRLittleEndian),
}
# What may be read in two ways, or in none.
REFUSED: dict[str, Callable[[Path], None]] = {
    "a whole frame more": deviating(lambda i: (0x7FE00010, "OW", i.pixels.tobytes() * 2)),
    "more than a row of other bytes behind the pixels": deviating(surplus(b"\7" * 18)),
    "a decimal comma beside a point": deviating((0x00280030, "DS", b"0,8\\0.5 ")),
    "a comma between the values": deviating((0x00280030, "DS", b"0.8,0.5 ")),
    "a sequence that is not closed before the pixels": deviating(finish=insert(sequence(item_end=_ITEM_END, end=b""))),
    "two liberties in one file": deviating(_without_samples(), surplus(bytes(60))),
    "an unknown VR whose length does not fit": deviating((0x00091010, "??", b"what", 60000)),
    "pixels cut short": deviating(lambda i: (0x7FE00010, "OW", i.pixels.tobytes()[:-2])),
}


def structure() -> Iterator[Case]:
    kind = "structure"
    owed = (owe(images(even())),)
    for name, build in LIBERTIES.items():
        yield Case(kind, name, build, "volume", owed, warned=True)
    for name, build in REFUSED.items():
        yield Case(kind, f"refused: {name}", build, "refused", error=vdl.CorruptFileError)

    def without_delimiter(folder: Path) -> None:
        write_images(folder, images(even()), syntax=RLELossless)
        for path in folder.iterdir():
            path.write_bytes(path.read_bytes()[:-8])

    yield Case(kind, "compressed pixels without a delimiter at the end", without_delimiter, "volume", owed, warned=True)


# ---------------------------------------------------------------------------------------------------------- damage
def two_series(folder: Path, *, mixed: bool) -> None:
    """Two series, their files in one folder one after another, or in turn."""
    for seed in (1, 2):
        names = [f"{k}-{seed}.dcm" if mixed else f"{seed}-{k}.dcm" for k in range(5)]
        write_images(folder, images(even(), seed - 1), seed=seed, names=names)


def beside(change: Callable[[Path], None], *, mixed: bool = False) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        two_series(folder, mixed=mixed)
        change(folder)

    return build


def cut(name: str, size: int) -> Callable[[Path], None]:
    """Cut a file short, behind its UIDs or before."""

    def change(folder: Path) -> None:
        path = folder / name
        path.write_bytes(path.read_bytes()[:size])

    return change


def add_cut(name: str, size: int) -> Callable[[Path], None]:
    """Add a file that was cut short."""

    def change(folder: Path) -> None:
        (folder / name).write_bytes((folder / "1-0.dcm").read_bytes()[:size])

    return change


def pixel_less(sop_class: str) -> Callable[[Path], None]:
    """Write an object that legally has Rows and Columns and no pixels beside the slices."""

    def build(folder: Path) -> None:
        write_images(folder, images(even()))
        content = raw_image(
            (0x00080016, "UI", padded(sop_class.encode())), (0x7FE00010, None), (0x0020000E, "UI", f"{ROOT}.1".encode())
        )
        (folder / "XX_0001.dcm").write_bytes(content)

    return build


def nested(change: Callable[[Path], None]) -> Callable[[Path], None]:
    """Three series in folders of their own, the last one compressed."""

    def build(folder: Path) -> None:
        for v, place in enumerate(("p1/s1", "p1/s2", "p2/s3")):
            syntax = RLELossless if v == 2 else ExplicitVRLittleEndian
            write_images(folder / place, images(even(), v), seed=v + 1, syntax=syntax)
        change(folder)

    return build


def _put(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: _write(folder / name, content)


def _replace(name: str, old: bytes, new: bytes) -> Callable[[Path], None]:
    return lambda folder: _write(folder / name, (folder / name).read_bytes().replace(old, new, 1))


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def damage_contained() -> Iterator[Case]:
    kind = "damage contained"
    one, other = owe(images(even(), 0)), owe(images(even(), 1))
    both = one, other
    late, early = -20, 200
    yield Case(kind, "a file cut short", beside(cut("2-3.dcm", late)), "series", (one, None), warned=False)
    unnamed = beside(cut("2-3.dcm", early))
    yield Case(kind, "no UID, neighbours of one series", unnamed, "series", (one, None), warned=False)
    for size in (early, 0):
        name = f"{size} bytes of a file, neighbours of two"
        yield Case(kind, name, beside(add_cut("1-9.dcm", size)), "series", both, warned=True, says=("1-9.dcm",))

    # Its neighbours are of the other series, and its own would be a slice shorter without a word.
    shortened = owe(images(even(4), 1))
    in_turn = beside(cut("4-2.dcm", early), mixed=True)
    yield Case(kind, "no UID, in turn with another series", in_turn, "series", (one, shortened), warned=True)

    def another_folder(folder: Path) -> None:
        write_images(folder / "a", images(even()), seed=1)
        write_images(folder / "b", images(even(), 1), seed=2)
        cut("3.dcm", early)(_numbered(folder / "b"))

    def _numbered(folder: Path) -> Path:
        (folder / "2-4.dcm").rename(folder / "3.dcm")
        return folder

    yield Case(kind, "no UID, in a folder of its own series", another_folder, "series", (one, None), warned=False)
    owed = (one,)
    for sop_class in (RAW_DATA, PRESENTATION_STATE, SPECTROSCOPY, PRIVATE_OF_PHILIPS, ENHANCED_SURFACE):
        yield Case(kind, f"an object without pixels, {sop_class}", pixel_less(sop_class), "volume", owed, warned=False)

    for sop_class in PIXEL_LESS:
        yield Case(kind, f"an object without pixels, {sop_class}", pixel_less(sop_class), "volume", owed, warned=False)
    three = tuple(owe(images(even(), v)) for v in range(3))
    second_lost = (three[0], None, three[2])
    for name, (change, then, warned) in {
        "an empty file in a nested folder": (_put("p1/s2/2-9.dcm", b""), second_lost, False),
        "an empty file above all folders": (_put("x.dcm", b""), three, None),
        "notes beside slices": (_put("p1/s2/notes.txt", b"Secret"), three, False),
        "the index of a medium, cut short": (_put("p1/s2/DICOMDIR", bytes(128) + b"DICM"), three, True),
        "what a Mac puts beside files": (_put("p1/s2/._2-1.dcm", b"\0\5\x16\7" + bytes(100)), three, False),
        "pictures of a folder": (_put("p1/s2/Thumbs.db", b"\xd0\xcf\x11\xe0" + bytes(300)), three, False),
        "a VR destroyed": (_replace("p1/s2/2-3.dcm", b"\x28\0\x10\0US", b"\x28\0\x10\0\1\2"), second_lost, False),
        "a compressed file cut short": (cut("p2/s3/3-4.dcm", -60), (*three[:2], None), False),
    }.items():
        yield Case(kind, f"three folders: {name}", nested(change), "series", then, warned=warned)

    def short(folder: Path) -> None:
        write_images(folder, images(even(6)))
        cut("1-6.dcm", late)(folder)

    yield Case(kind, "a file cut short at the end", short, "refused", error=vdl.CorruptFileError)
    ignored = {"ignore": "damaged"}
    yield Case(
        kind,
        '… left out by ignore="damaged"',
        short,
        "volume",
        (one,),
        warned=True,
        options=ignored,
        says=("1-6.dcm",),
    )
