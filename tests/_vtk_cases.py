"""Small DICOM files as raw bytes, mutations of them, and plain vtkDICOMImageReader in a process that may die.

Run as a script it is that process: ``_vtk_cases.py LIST OUT`` reads every file of LIST and writes what came out.
"""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from hangs import LOOPING, limit_cpu

from vtkdicomload.headers.elements import LONG_VRS, SHORT_VRS
from vtkdicomload.headers.transfer_syntaxes import EXPLICIT_LITTLE as EXPLICIT
from vtkdicomload.headers.transfer_syntaxes import IMPLICIT_LITTLE as IMPLICIT

if TYPE_CHECKING:
    import random

LONG, SHORT = (frozenset(vr.decode() for vr in vrs) for vrs in (LONG_VRS, SHORT_VRS))
UNDEFINED = 0xFFFFFFFF
CPU_SECONDS = 30  # for VTK to read one small file
PIXELS, SLOPE, INTERCEPT, BITS, STORED, HIGH, SIGNED = (
    *(0x7FE00010, 0x00281053, 0x00281052),
    *(0x00280100, 0x00280101, 0x00280102, 0x00280103),
)


class Raw(NamedTuple):
    """An element to write; `length` overrides that of the value."""

    tag: int
    vr: str
    value: bytes
    length: int | None = None


def raw(tag: int, vr: str, value: str | bytes | int | float) -> Raw:
    """An element of a value as one would write it down."""
    if isinstance(value, str):
        value = value.encode("latin-1")
    elif isinstance(value, int):
        value = struct.pack({"US": "<H", "SS": "<h", "UL": "<I", "AT": "<I"}[vr], value)
    elif isinstance(value, float):
        value = struct.pack({"FL": "<f", "FD": "<d"}[vr], value)
    if len(value) % 2:
        value += b"\0" if vr in ("UI", "OB", "UN") else b" "
    return Raw(tag, vr, value)


def encoded(element: Raw, *, explicit: bool = True) -> bytes:
    """The bytes of one element."""
    tag, vr, value, length = element
    length = len(value) if length is None else length
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if not explicit or tag >> 16 == 0xFFFE:
        return head + struct.pack("<I", length) + value
    if vr in LONG:
        return head + vr.encode() + b"\0\0" + struct.pack("<I", length) + value
    return head + vr.encode() + struct.pack("<H", length & 0xFFFF) + value


def sequence(
    tag: int,
    items: list[list[Raw]],
    *,
    explicit: bool = True,
    undefined: bool = True,
    open_items: bool | None = None,
    vr: str = "SQ",
) -> Raw:
    """A sequence of undefined length or of a defined one; `open_items` the same of its items, if it differs."""
    inner = explicit and vr != "UN"
    open_items = undefined if open_items is None else open_items
    body = b""
    for item in items:
        content = b"".join(encoded(e, explicit=inner) for e in item)
        head = Raw(0xFFFEE000, "", content, UNDEFINED if open_items else None)
        body += encoded(head) + (encoded(Raw(0xFFFEE00D, "", b"")) if open_items else b"")
    end = encoded(Raw(0xFFFEE0DD, "", b"")) if undefined else b""
    return Raw(tag, vr, body + end, UNDEFINED if undefined else None)


class Case(NamedTuple):
    """A file to write."""

    elements: list[Raw]
    syntax: str = EXPLICIT
    tail: bytes = b""
    meta: tuple[Raw, ...] = (raw(0x00020001, "OB", b"\0\1"), raw(0x00020012, "UI", "1.2.3"))
    preamble: bytes = bytes(128) + b"DICM"

    @property
    def explicit(self) -> bool:
        return self.syntax != IMPLICIT

    def file(self) -> bytes:
        """All its bytes."""
        syntax = (raw(0x00020010, "UI", self.syntax),) if self.syntax else ()
        meta = b"".join(encoded(e) for e in sorted((*self.meta, *syntax)))
        group = encoded(raw(0x00020000, "UL", len(meta)))
        body = b"".join(encoded(e, explicit=self.explicit) for e in self.elements)
        return self.preamble + group + meta + body + self.tail

    def having(self, *elements: Raw, drop: tuple[int, ...] = ()) -> Case:
        """The same with these elements in place of those of their tags, in the order of tags."""
        replaced = {e.tag: e for e in (*self.elements, *elements)}
        return self._replace(elements=[replaced[t] for t in sorted(replaced) if t not in drop])


def image(pixels: np.ndarray[Any, Any] | None = None, *, syntax: str = EXPLICIT, vr: str = "OW", **keys: Any) -> Case:
    """A plain single image; `keys` are ``t00281053="2"`` for a number as text, and None to leave an element out."""
    if pixels is None:
        pixels = (np.arange(12, dtype=np.uint16) * 37 + 100).reshape(3, 4)
    bits = pixels.itemsize * 8
    elements = [
        raw(0x00080005, "CS", "ISO_IR 100"),
        raw(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2"),
        raw(0x00080018, "UI", "1.2.3.4.5"),
        raw(0x00080060, "CS", "CT"),
        raw(0x00100010, "PN", "Doe^Jane"),
        raw(0x00180050, "DS", "2.5"),
        raw(0x0020000D, "UI", "1.2.3"),
        raw(0x0020000E, "UI", "1.2.3.1"),
        raw(0x00200010, "SH", "7"),
        raw(0x00200013, "IS", "3"),
        raw(0x00200032, "DS", "-10\\-20.5\\30"),
        raw(0x00200037, "DS", "1\\0\\0\\0\\1\\0"),
        raw(0x00280002, "US", 1),
        raw(0x00280004, "CS", "MONOCHROME2"),
        raw(0x00280010, "US", pixels.shape[0]),
        raw(0x00280011, "US", pixels.shape[1]),
        raw(0x00280030, "DS", "0.5\\0.75"),
        raw(BITS, "US", bits),
        raw(STORED, "US", bits),
        raw(HIGH, "US", bits - 1),
        raw(SIGNED, "US", int(pixels.dtype.kind == "i")),
        raw(INTERCEPT, "DS", "0"),
        raw(SLOPE, "DS", "1"),
        Raw(PIXELS, vr, pixels.tobytes() + b"\0" * (pixels.nbytes % 2)),
    ]
    case = Case(elements, syntax)
    given = {int(k[1:], 16): v for k, v in keys.items()}
    written = [raw(t, "IS" if t == 0x00200013 else "DS", v) if isinstance(v, str) else v for t, v in given.items() if v]
    empty = [Raw(t, "DS", b"") for t, v in given.items() if v == ""]
    return case.having(*written, *empty, drop=tuple(t for t, v in given.items() if v is None))


def stored_bits(bits: int) -> dict[str, Raw]:
    """Keys of `image` for BitsStored."""
    return {"t00280101": raw(STORED, "US", bits), "t00280102": raw(HIGH, "US", bits - 1)}


def seeds() -> list[Case]:
    """Valid files of many kinds, all safe for VTK."""
    values = np.arange(20).reshape(4, 5) * 211
    reference = [raw(0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2"), raw(0x00081155, "UI", "1.2.3.9")]
    icon = [raw(0x00280010, "US", 2), raw(0x00280011, "US", 2), Raw(PIXELS, "OW", bytes(8))]
    optional = {
        "t00181120": "0",
        "t00201041": "-12.5",
        "t00080008": raw(0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL"),
        "t00189087": raw(0x00189087, "FD", 1000.0),
        "t00209165": raw(0x00209165, "AT", 0x00200032),
        "t00280120": raw(0x00280120, "US", 0),
        "t00291010": raw(0x00291010, "OB", bytes(range(32))),
        "t00291011": raw(0x00291011, "UN", b"anything"),
        "t00281050": "40\\400",
    }

    def nested(explicit: bool) -> dict[str, Raw]:
        return {
            "t00081140": sequence(0x00081140, [reference, reference], explicit=explicit),
            "t00082112": sequence(
                0x00082112, [[sequence(0x00081199, [reference], explicit=explicit)]], explicit=explicit
            ),
            "t00091001": sequence(0x00091001, [reference], explicit=explicit, vr="UN"),
            "t00400275": sequence(0x00400275, [[raw(0x00400007, "LO", "x")], []], explicit=explicit),
            "t00880200": sequence(0x00880200, [icon], explicit=explicit, undefined=False),
            "t00889001": sequence(0x00889001, [icon, icon], explicit=explicit, open_items=False),
        }

    return [
        image(values.astype(np.int16), t00281052="-1024", **optional),
        image(values.astype(np.uint16), syntax=IMPLICIT, **stored_bits(12), **optional),
        image(values.astype(np.int16), t00281052="-1024", **stored_bits(13), **nested(True)),
        image(values.astype(np.uint16), syntax=IMPLICIT, **nested(False)),
        image((np.arange(9) * 28).astype(np.uint8).reshape(3, 3), vr="OB"),
        image(values.astype(np.uint16), t00281053="0.5", t00281052="-3"),
        image(values.astype(np.uint16), t00281053="2", t00281052="-4096", **stored_bits(12)),
        image(values.astype(np.uint16), t00281053="0.120634920634920"),
        image((values * 15).astype(np.uint16), **nested(True))._replace(tail=bytes(16)),
        image(values.astype(np.uint16), tFFFCFFFC=raw(0xFFFCFFFC, "OB", bytes(10)), t00281053=None, t00281052=None),
        image((values - 2000).astype(np.int16), syntax=IMPLICIT, t00281053="-3", t00281052="7"),
        image((np.arange(12) * 20).astype(np.uint8).reshape(4, 3), syntax=IMPLICIT, t00281053="0.25"),
    ]


# ---------------------------------------------------------------------------------------------------------- mutations
LISTENED = (
    *(0x00020010, 0x00100010, 0x00180050, 0x00181120, 0x0020000D, 0x0020000E, 0x00200010, 0x00200013, 0x00200032),
    *(0x00200037, 0x00201041, 0x00280002, 0x00280004, 0x00280010, 0x00280011, 0x00280030, BITS, SIGNED, INTERCEPT),
    *(SLOPE, PIXELS, 0x08000000, 0x00280008, 0x00283000, 0x52009229, 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD),
)
NUMBERS = (
    *("", " ", ".5", "-.5", "5.", "+1", "1e3", "1E-2", "1e39", "1e-46", "1e-400", "0e99", "1,5", "nan", "inf", "0x10"),
    *("-0", "00", "010", "08", " 1", "1 ", "1  ", "1\0", "\0", "1 2", "1\\2", "1\\2\\3", "1 \\2", "1\\ 2", "\\", "1\\"),
    *("0", "1", "2", "-1", "0.5", "0.1", "-0.25", "3.75", "1000", "-1024", "-1024.0", "65535", "65536", "100000"),
    *("16777217", "1.00000001", "8388609.3", "2147483647", "2147483648", "-2147483649", "99999999999", "1e2147483648"),
    *("1\\0\\0\\0\\1\\0", "1\\0\\0\\0\\1", "0\\1\\0\\0\\0\\-1", "1e0\\.0\\0\\0\\1\\0", "0.7\\0.7", "1\n2", "1d0"),
)
TEXTS = (
    "MONOCHROME1",
    "MONOCHROME2",
    "monochrome2",
    "MONOCHROME2 \0",
    "RGB",
    "RGB ",
    "PALETTE COLOR",
    EXPLICIT,
    IMPLICIT,
)


def mutant(case: Case, rng: random.Random) -> bytes:
    """The bytes of a file that differs from `case` in one to three ways."""
    case = case._replace(elements=list(case.elements))
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        case = rng.choice(_STRUCTURAL)(case, rng)
    data = bytearray(case.file())
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
        rng.choice(_BYTEWISE)(data, rng)
    return bytes(data)


def _replaced(case: Case, rng: random.Random, change: Any) -> Case:
    i = rng.randrange(len(case.elements))
    case.elements[i] = change(case.elements[i])
    return case


def _number(case: Case, rng: random.Random) -> Case:
    texts = [i for i, e in enumerate(case.elements) if e.vr in ("DS", "IS")]
    if texts:
        i = rng.choice(texts)
        case.elements[i] = raw(case.elements[i].tag, case.elements[i].vr, rng.choice(NUMBERS))
    return case


def _text(case: Case, rng: random.Random) -> Case:
    return _replaced(case, rng, lambda e: raw(e.tag, e.vr, rng.choice(TEXTS + NUMBERS)))


def _word(case: Case, rng: random.Random) -> Case:
    words = [i for i, e in enumerate(case.elements) if e.vr == "US"]
    if words:
        i = rng.choice(words)
        value = rng.choice((0, 1, 2, 3, 4, 5, 7, 8, 11, 12, 15, 16, 17, 32, 255, 256, 65535))
        case.elements[i] = raw(case.elements[i].tag, "US", value)
    return case


def _vr(case: Case, rng: random.Random) -> Case:
    return _replaced(
        case, rng, lambda e: e._replace(vr=rng.choice([*sorted(LONG), *sorted(SHORT), "AW", "ZZ", "os", "\0\0"]))
    )


def _tag(case: Case, rng: random.Random) -> Case:
    return _replaced(case, rng, lambda e: e._replace(tag=rng.choice(LISTENED)))


def _length(case: Case, rng: random.Random) -> Case:
    spelled = struct.unpack("<H", rng.choice((b"LO", b"US", b"OW", b"UT", b"ZZ", b"os")))[0]
    wrong = (
        0,
        1,
        2,
        4,
        12,
        65535,
        65534,
        1 << 16,
        0x7FFFFFFF,
        0x80000000,
        0xFFFFFFFE,
        UNDEFINED,
        spelled,
        spelled | 1 << 16,
    )
    return _replaced(
        case, rng, lambda e: e._replace(length=rng.choice((*wrong, len(e.value) + 2, max(0, len(e.value) - 2))))
    )


def _long_value(case: Case, rng: random.Random) -> Case:
    size = rng.choice((256, 20300, struct.unpack("<H", b"US")[0] - 1, 21582, 70000))
    tag = rng.choice((0x00091002, 0x00291012, 0x00081030, 0x00100010, 0x0020000D))
    case.elements.append(Raw(tag, rng.choice(("LO", "OB", "UN", "OW", "UT")), bytes(rng.choices(b"ab\0 \\1", k=size))))
    case.elements.sort(key=lambda e: e.tag)
    return case


def _twice(case: Case, rng: random.Random) -> Case:
    case.elements.insert(rng.randrange(len(case.elements) + 1), rng.choice(case.elements))
    return case


def _dropped(case: Case, rng: random.Random) -> Case:
    if len(case.elements) > 1:
        case.elements.pop(rng.randrange(len(case.elements)))
    return case


def _moved(case: Case, rng: random.Random) -> Case:
    element = case.elements.pop(rng.randrange(len(case.elements)))
    case.elements.insert(rng.randrange(len(case.elements) + 1), element)
    return case


def _wrapped(case: Case, rng: random.Random) -> Case:
    inside = [_different(e, rng) for e in rng.sample(case.elements, k=min(2, len(case.elements)))]
    vr, undefined = rng.choice((("SQ", True), ("SQ", False), ("UN", True), ("OB", True)))
    tag = rng.choice((0x00081140, 0x00091003, 0x00880200, 0x00409096, 0x00283010, 0xFFFCFFFC))
    case.elements.append(sequence(tag, [inside], explicit=case.explicit, undefined=undefined, vr=vr))
    case.elements.sort(key=lambda e: e.tag)
    return case


def _different(element: Raw, rng: random.Random) -> Raw:
    if element.vr == "US":
        return raw(element.tag, "US", rng.choice((0, 1, 2, 3, 8, 9)))
    texts = {"DS": ("3", "0.5", "-7", "9\\9"), "IS": ("4",), "UI": ("1.9",), "CS": ("RGB ",)}.get(element.vr)
    return raw(element.tag, element.vr, rng.choice(texts)) if texts else element._replace(value=element.value[:8])


def _added(case: Case, rng: random.Random) -> Case:
    """An element of any VR, anywhere among the others."""
    tag = rng.choice((0x00080070, 0x00091020, 0x00181030, 0x00204000, 0x00280106, 0x00281055, 0x00291020))
    value = rng.choice((b"", bytes(2), b"ab", bytes(8), b"abcdefgh", b"1.5 ", encoded(raw(SLOPE, "DS", "5"))))
    added = Raw(tag, rng.choice([*sorted(LONG), *sorted(SHORT)]), value)
    return case._replace(elements=sorted([*case.elements, added], key=lambda e: e.tag))


def _pixels(case: Case, rng: random.Random) -> Case:
    kinds = ((0, 0xFF), (0, 1), (0x7F, 0x80), (0xFF,), (0,), range(256))

    def noisy(e: Raw) -> Raw:
        return e._replace(value=bytes(rng.choices(rng.choice(kinds), k=len(e.value)))) if e.tag == PIXELS else e

    return case._replace(elements=[noisy(e) for e in case.elements])


def _ended(case: Case, rng: random.Random) -> Case:
    tails = (bytes(1), bytes(7), bytes(8), bytes(4096), b"\0\0\0\1", encoded(raw(SLOPE, "DS", "3")), b"trailing")
    return case._replace(tail=case.tail + rng.choice(tails))


def _relabelled(case: Case, rng: random.Random) -> Case:
    others = (
        EXPLICIT,
        IMPLICIT,
        "1.2.840.10008.1.2.2",
        "1.2.840.113619.5.2",
        "1.2.840.10008.1.2.4.70",
        "",
        EXPLICIT + " ",
    )
    return case._replace(syntax=rng.choice(others))


def _meta(case: Case, rng: random.Random) -> Case:
    extra = (
        raw(0x00020002, "UI", "1.2"),
        raw(0x00020102, "OB", bytes(20)),
        raw(0x00020013, "UT", "x"),
        raw(0x00020010, "UI", IMPLICIT),
        sequence(0x00020102, [[]], vr="UN"),
        raw(0x00020016, "AE", "A"),
    )
    preamble = rng.choice(
        (case.preamble, case.preamble, b"DICM" + case.preamble[4:], bytes(132), b"II*\0" + case.preamble[4:])
    )
    return case._replace(meta=(*case.meta, rng.choice(extra)), preamble=preamble)


def _flip(data: bytearray, rng: random.Random) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _poke(data: bytearray, rng: random.Random) -> None:
    if data:
        data[rng.randrange(min(len(data), 128), len(data)) if len(data) > 128 else 0] = rng.choice(
            b"\0\xff\x7f\x80 \\.+-eALO1"
        )


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data) + 1) :]


def _inserted(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = bytes(rng.choices(range(256), k=rng.choice((1, 2, 4, 8))))


def _deleted(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data) + 1)
    del data[at : at + rng.choice((1, 2, 4, 8))]


_STRUCTURAL = (
    *[_number] * 3,
    *[_word, _wrapped, _pixels] * 2,
    *(_text, _vr, _tag, _length, _long_value, _twice, _dropped, _moved, _added, _ended, _relabelled, _meta),
)
_BYTEWISE = (_flip, _flip, _poke, _poke, _cut, _inserted, _deleted)


# ------------------------------------------------------------------------------------------- a process that may die
def read_with_vtk(paths: list[Path], folder: Path) -> list[np.ndarray[Any, Any] | str]:
    """What plain vtkDICOMImageReader makes of each file: (ny, nx) with row 0 first, or what happened instead.

    The process is spawned anew after each death, so that every death has the name of its file.
    """
    results: list[np.ndarray[Any, Any] | str] = []
    listing, out = folder / "list.pickle", folder / "out.pickle"
    environment = {**os.environ, "MALLOC_PERTURB_": "165"}  # uninitialised memory must not look like zeros
    while len(results) < len(paths):
        listing.write_bytes(pickle.dumps([os.fspath(p) for p in paths[len(results) :]]))
        command = [sys.executable, __file__, os.fspath(listing), os.fspath(out)]
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        results += _unpickled(out)
        if len(results) < len(paths):
            results.append("hung" if done.returncode == LOOPING else f"died ({done.returncode})")
    return results


def _unpickled(path: Path) -> list[Any]:
    results = []
    with path.open("rb") as file:
        while True:
            try:
                results.append(pickle.load(file))
            except (EOFError, pickle.UnpicklingError):
                return results


def _worker(listing: str, out: str) -> None:
    with open(out, "wb", buffering=0) as file:
        from vtkmodules.util.numpy_support import vtk_to_numpy
        from vtkmodules.vtkIOImage import vtkDICOMImageReader

        for path in pickle.loads(Path(listing).read_bytes()):
            limit_cpu(CPU_SECONDS)
            reader = vtkDICOMImageReader()
            reader.SetFileName(path)
            reader.GetExecutive().Update()
            scalars = reader.GetOutput().GetPointData().GetScalars()
            shape = reader.GetOutput().GetDimensions()
            if scalars is None or shape[2] != 1:
                result: Any = f"no image, dimensions {shape}"
            else:
                result = vtk_to_numpy(scalars).reshape(shape[1], shape[0])[::-1].copy()
            file.write(pickle.dumps(result))


if __name__ == "__main__":
    _worker(*sys.argv[1:])
