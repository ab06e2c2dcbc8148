"""The whitelist: safe implies that vtkDICOMImageReader reads right and does not crash; every known trap is refused.

As a script, ``python tests/readers/test_vtk_safety.py 20000 [SEED]`` looks for counter-examples among so many mutants.
"""

from __future__ import annotations

import os
import random
import struct
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from _vtk_cases import (
    BITS,
    HIGH,
    IMPLICIT,
    PIXELS,
    SIGNED,
    SLOPE,
    STORED,
    Case,
    Raw,
    encoded,
    image,
    mutant,
    raw,
    read_with_vtk,
    seeds,
    sequence,
    stored_bits,
)

from vtkdicomload.errors import DicomLoadError
from vtkdicomload.headers.frames import make_frames
from vtkdicomload.headers.parser import read_header
from vtkdicomload.headers.preamble import NotDicomError
from vtkdicomload.readers.dtype import find_stored_dtype, predict_vtk_dtype
from vtkdicomload.readers.vtk_safety import explain_unsafe_file, explain_unsafe_values
from vtkdicomload.sources.local import LocalFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from vtkdicomload.headers.model import Header

MUTANTS = 600  # in the suite; a long run as a script
BATCH = 500

Pixels = np.ndarray[Any, Any]
Seen = dict[str, tuple[Path, Pixels | str]]


def reason(path: Path) -> str | None:
    """Why VTK must not read a file, or would read its values wrong."""
    header = read_header(path)
    return explain_unsafe_file(header) or explain_unsafe_values(make_frames(header)[0])


def truth(path: Path) -> Pixels:
    """What pydicom and the modality transform make of a file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns of legal oddities
        return rescaled(pydicom.dcmread(path))


def truth_without_pydicom(path: Path) -> Pixels:
    """The same from the stored words, for damage that pydicom stumbles over and that lies outside the image."""
    header = read_header(path)
    words = np.frombuffer(
        path.read_bytes(), find_stored_dtype(header), header.rows * header.columns, header.pixel_offset
    )
    stored = words.reshape(header.rows, header.columns).astype(np.float64)
    return stored * (1.0 if header.slope is None else header.slope) + (header.intercept or 0.0)


def rescaled(dataset: pydicom.Dataset) -> Pixels:
    """The values of a dataset in float64."""
    values: Pixels = dataset.pixel_array.astype(np.float64)
    return values * float(dataset.get("RescaleSlope") or 1) + float(dataset.get("RescaleIntercept") or 0)


def same(seen: Pixels | str, path: Path) -> str | None:
    """How the array that VTK gave differs from the truth."""
    try:
        expected = truth(path)
    except Exception:
        expected = truth_without_pydicom(path)
    if isinstance(seen, str):
        return f"VTK {seen}"
    if seen.shape != expected.shape:
        return f"VTK gives {seen.shape}, pydicom {expected.shape}"
    header = read_header(path)
    if seen.dtype != predict_vtk_dtype(make_frames(header)[0]):
        return f"VTK gives {seen.dtype}"
    tolerance = 2.5e-7 if seen.dtype.kind == "f" else 0.0  # a place of float32
    return None if np.allclose(seen, expected, rtol=tolerance, atol=0) else "VTK gives other values"


def counter_examples(count: int, seed: int, folder: Path) -> tuple[int, list[str]]:
    """How many of `count` mutants are safe, and which of those are not read right; these files stay in `folder`."""
    rng, cases, found, safe = random.Random(seed), seeds(), [], 0
    for start in range(0, count, BATCH):
        paths = []
        for i in range(start, min(start + BATCH, count)):
            path = folder / f"{seed}_{i}.dcm"
            path.write_bytes(mutant(rng.choice(cases), rng))
            try:
                fault = reason(path)
            except (DicomLoadError, NotDicomError):
                fault = "not read"
            if fault is None:
                paths.append(path)
            else:
                path.unlink()
        safe += len(paths)
        for path, seen in zip(paths, read_with_vtk(paths, folder), strict=True):
            difference = same(seen, path)
            if difference is None:
                path.unlink()
            else:
                found.append(f"{path.name}: {difference}")
    return safe, found


def test_what_is_safe_is_read_right_whatever_was_mutated(tmp_path: Path) -> None:
    safe, found = counter_examples(MUTANTS, 20, tmp_path)
    assert not found
    assert safe > MUTANTS // 10, "too few mutants are safe for this test to mean anything"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """The file of each of `SEEN` and what VTK makes of it, all in one process as long as none of them kills it."""
    folder = tmp_path_factory.mktemp("seen")
    paths = [folder / f"{number}.dcm" for number in range(len(SEEN))]
    for path, case in zip(paths, SEEN.values(), strict=True):
        path.write_bytes(case.file())
    return dict(zip(SEEN, zip(paths, read_with_vtk(paths, folder), strict=True), strict=True))


@pytest.mark.parametrize("number", range(len(seeds())))
def test_valid_files_are_safe_and_read_right(number: int, seen: Seen) -> None:
    path, pixels = seen[f"seed {number}"]
    assert reason(path) is None
    assert same(pixels, path) is None


def test_a_death_of_the_reading_process_has_the_name_of_its_file(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.dcm", tmp_path / "bad.dcm"
    good.write_bytes(image().file())
    bad.write_bytes(image(t00280010=Raw(0x00280010, "US", b"")).file())
    first, second, third = read_with_vtk([good, bad, good], tmp_path)
    assert isinstance(second, str)
    assert "died" in second
    np.testing.assert_array_equal(first, truth(good))
    np.testing.assert_array_equal(third, truth(good))


SMALL = np.arange(12, dtype=np.int16).reshape(3, 4)
UNSIGNED = SMALL.astype(np.uint16)
DEEP = [raw(0x00081155, "UI", "1.2.3.9")]

# id: (file, words of the reason); None where scanning refuses the file already
TRAPS: dict[str, tuple[Case, str | None]] = {
    "big endian": (image()._replace(syntax="1.2.840.10008.1.2.2"), None),
    "compressed": (
        image(
            t7FE00010=Raw(
                PIXELS,
                "OB",
                encoded(Raw(0xFFFEE000, "", bytes(4))) * 2 + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0),
                0xFFFFFFFF,
            )
        )._replace(syntax="1.2.840.10008.1.2.4.70"),
        "transfer syntax",
    ),
    "preamble begins with DICM": (image()._replace(preamble=b"DICM" + bytes(124) + b"DICM"), "preamble"),
    "no preamble": (image()._replace(preamble=b""), "preamble"),
    "transfer syntax with a space": (image()._replace(syntax="1.2.840.10008.1.2.1 "), "(0002,0010)"),
    "two transfer syntaxes": (
        image()._replace(meta=(raw(0x00020010, "UI", "1.2.840.10008.1.2.1"),)),
        "(0002,0010) follows (0002,0010)",
    ),
    "newer VR in the meta group": (image()._replace(meta=(raw(0x00020026, "UR", "x"),)), "VR UR"),
    "multi-frame": (
        image(UNSIGNED, t00280008=raw(0x00280008, "IS", "2"), t7FE00010=Raw(PIXELS, "OW", bytes(48))),
        "multi-frame",
    ),
    "functional groups": (image(t52009230=sequence(0x52009230, [DEEP], undefined=False)), "multi-frame"),
    "Modality LUT": (image(t00283000=sequence(0x00283000, [DEEP], undefined=False)), "Modality LUT"),
    "32 bits": (image(SMALL.astype(np.uint32)), "32-bit"),
    "float pixels": (
        image(SMALL.astype(np.float32), t7FE00010=None, t7FE00008=Raw(0x7FE00008, "OF", bytes(48))),
        "32-bit",
    ),
    "int8": (image(SMALL.astype(np.int8), vr="OB"), "signed 8-bit"),
    "RGB": (
        image(
            np.zeros((3, 4), np.uint8),
            t00280002=raw(0x00280002, "US", 3),
            t00280004=raw(0x00280004, "CS", "RGB"),
            t00280006=raw(0x00280006, "US", 0),
            t7FE00010=Raw(PIXELS, "OB", bytes(36)),
        ),
        "RGB",
    ),
    "palette": (image(np.zeros((3, 4), np.uint8), t00280004=raw(0x00280004, "CS", "PALETTE COLOR")), "PALETTE"),
    "high bit": (image(UNSIGNED, t00280101=raw(STORED, "US", 12), t00280102=raw(HIGH, "US", 15)), "HighBit"),
    "pixel VR UN": (image(vr="UN"), "VR UN"),
    "garbage above BitsStored": (image(UNSIGNED + 0x1000, **stored_bits(12)), "BitsStored"),
    "not sign-extended": (image(np.full((3, 4), 0x0FFF, np.int16), **stored_bits(12)), "BitsStored"),
    "pixel data too short": (image(t7FE00010=Raw(PIXELS, "OW", bytes(22))), None),
    "pixel data twice": (
        (lambda c: c._replace(elements=[*c.elements, c.elements[-1]]))(image()),
        None,
    ),
    "VR UT": (image(t00081160=raw(0x00204000, "UT", "text")), "VR UT"),
    **{
        f"VR {vr}": (image(t00091010=raw(0x00091010, vr, bytes(8))), f"VR {vr}")
        for vr in ("OD", "OF", "OL", "OV", "SV", "UC", "UR", "UV")
    },
    "VR AW": (image(t00091010=raw(0x00091010, "AW", bytes(8))), "departs from the standard"),
    "implicit length spells LO": (
        image(syntax=IMPLICIT, t00091010=Raw(0x00091010, "", bytes(20300))),
        "the length 20300 of (0009,1010)",
    ),
    "item length spells US": (
        image(t00091010=sequence(0x00091010, [[Raw(0x00091011, "OB", bytes(0x5355 - 12))]], open_items=False)),
        "the length 21333 of (fffe,e000)",
    ),
    "length in UN spells LO": (
        image(t00091010=sequence(0x00091010, [[Raw(0x00091011, "", bytes(20300))]], vr="UN")),
        "the length 20300 of (0009,1011)",
    ),
    "nested slope": (image(t00409096=sequence(0x00409096, [[raw(SLOPE, "DS", "5")]])), "nested (0028,1053)"),
    "nested slope in UN": (
        image(t00409096=sequence(0x00409096, [[raw(SLOPE, "DS", "5")]], vr="UN")),
        "nested (0028,1053)",
    ),
    "nested series UID": (
        image(t00081115=sequence(0x00081115, [[raw(0x0020000E, "UI", "1.2")]])),
        "nested (0020,000e)",
    ),
    "nested icon": (image(t00880200=sequence(0x00880200, [[Raw(PIXELS, "OW", bytes(8))]])), "nested (7fe0,0010)"),
    "deeply nested": (
        image(t00081115=sequence(0x00081115, [[sequence(0x00081199, [[raw(0x00280010, "US", 9)]])]])),
        "nested (0028,0010)",
    ),
    "slope behind the pixels": (
        (lambda c: c._replace(elements=[e for e in c.elements if e.tag != SLOPE] + [raw(SLOPE, "DS", "2")]))(image()),
        "(0028,1053) follows (7fe0,0010)",
    ),
    "photometric interpretation as a name": (
        image(t00280004=raw(0x00280004, "PN", "MONOCHROME2")),
        "(0028,0004) has the VR PN",
    ),
    "no file meta information": (image()._replace(meta=(), syntax="", preamble=bytes(128) + b"DICM"), None),
    "elements out of order": (
        (lambda c: c._replace(elements=[raw(0x00100010, "PN", "A"), *c.elements]))(image()),
        "(0008,0005) follows (0010,0010)",
    ),
    "switch of byte order": (image(t08000000=raw(0x08000000, "UL", 0)), "(0800,0000)"),
    **{
        f"empty {tag[1:]}": (image(**{tag: Raw(int(tag[1:], 16), "IS" if tag == "t00200013" else "DS", b"")}), "empty")
        for tag in (
            "t00180050",
            "t00181120",
            "t00200013",
            "t00200032",
            "t00200037",
            "t00201041",
            "t00281052",
            "t00281053",
        )
    },
    "empty spacing": (image(t00280030=""), None),
    "no series UID": (image(t0020000E=None), "no SeriesInstanceUID"),
    "no HighBit": (image(t00280102=None), "no HighBit"),
    "padded series UID": (image(t0020000E=raw(0x0020000E, "UI", "1.2.3  ")), "(0020,000e)"),
    **{
        f"{spelled!r} in {tag}": (image(**{tag: spelled}), "not written plainly")
        for tag, spelled in (
            ("t00281053", ".5"),
            ("t00281053", "2."),
            ("t00281053", "+2"),
            ("t00281052", "-.5"),
            ("t00280030", ".5\\.5"),
            ("t00280030", "0.5 \\0.5"),
            ("t00200032", "-.5\\0\\0"),
            ("t00200032", "+1\\0\\0"),
            ("t00200037", "1.\\0\\0\\0\\1\\0"),
            ("t00181120", ".0"),
            ("t00181120", "none"),
            ("t00180050", ".5"),
            ("t00200013", "one"),
            ("t00200013", "+1"),
        )
    },
    "instance number beyond int32": (image(t00200013="2147483648"), "beyond 32 bits"),
    "tilt beyond float": (image(t00181120="1e39"), "single precision"),
    "tilt below float": (image(t00181120="1e-46"), "single precision"),
    "tilt that Python takes for 0": (image(t00181120="1e-400"), "single precision"),
    "slope that single precision takes for 1": (image(UNSIGNED, t00281053="1.00000001"), "single precision"),
    "slope beyond single precision": (image(UNSIGNED, t00281053="16777217"), "single precision"),
    "fraction and intercept": (image(UNSIGNED, t00281053="0.1", t00281052="-50"), "single precision"),
    "fraction of signed pixels": (image(SMALL, t00281053="0.5"), "signed pixels as unsigned"),
    "fractional intercept of signed pixels": (image(SMALL, t00281052="0.5"), "signed pixels as unsigned"),
    "slope 0": (image(t00281053="0"), None),
    "slope text": (image(t00281053="abc"), None),
    "uint8 - 1024": (image(np.zeros((3, 4), np.uint8), t00281052="-1024"), "uint8"),
    "uint8 × 2": (image(np.full((3, 4), 200, np.uint8), t00281053="2"), "uint8"),
    "uint16 - 1024 beyond int16": (image(np.full((3, 4), 40000, np.uint16), t00281052="-1024"), "int16"),
    "int16 × 20": (image(np.full((3, 4), 2000, np.int16), t00281053="20"), "int16"),
    "uint16 + 100000": (image(UNSIGNED, t00281052="100000"), "uint16"),
    "trailing bytes": (image()._replace(tail=bytes(5)), "5 bytes follow"),
    "an endless run of trailing zeros": (image()._replace(tail=bytes((16 << 20) + 8)), "bytes follow"),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_traps_are_refused_with_the_reason(trap: str, tmp_path: Path) -> None:
    case, words = TRAPS[trap]
    path = tmp_path / "a.dcm"
    path.write_bytes(case.file())
    if words is None:
        with pytest.raises((DicomLoadError, NotDicomError)):
            read_header(path)
        return
    given = reason(path)
    assert given is not None
    assert words in given
    assert "Doe" not in given, "a patient's name in a reason"


SAFE: dict[str, Case] = {
    "empty names and IDs": image(
        t00100010=Raw(0x00100010, "PN", b""), t0020000D=Raw(0x0020000D, "UI", b""), t00200010=Raw(0x00200010, "SH", b"")
    ),
    "plain exponents": image(UNSIGNED, t00281053="2.5e1", t00280030="5e-1\\7.5E-1", t00200032="1e+02\\-1.5e-016\\0e9"),
    "spaces in front": image(UNSIGNED, t00281053="  2", t00280030=" 0.5\\ 0.75", t00200013=" 08"),
    "zeros and signs": image(SMALL, t00281052="-0", t00281053="01.00", t00200032="-0\\-0.0\\00"),
    "16 bits as OB": image(UNSIGNED, vr="OB"),
    "8 bits as OW": image(np.arange(12, dtype=np.uint8).reshape(3, 4) + 200, vr="OW"),
    "odd number of 8-bit pixels": image(np.arange(9, dtype=np.uint8).reshape(3, 3) * 28, vr="OB"),
    "all of uint16": image(np.array([[0, 1, 32767], [32768, 40000, 65535]], np.uint16)),
    "all of int16": image(np.array([[-32768, -1, 0], [1, 4711, 32767]], np.int16)),
    "beyond int16 after the slope": image(np.full((3, 4), 20000, np.uint16), t00281053="3"),
    "back into range": image(np.full((3, 4), 40000, np.uint16), t00281053="2", t00281052="-65536"),
    "fractional slope": image(UNSIGNED * 1000, t00281053="0.120634920634920"),
    "fractional intercept": image(UNSIGNED * 1000, t00281052="0.5"),
    "fractional slope of 8 bits": image(np.arange(12, dtype=np.uint8).reshape(3, 4) + 200, t00281053="-0.75"),
    "MONOCHROME1": image(UNSIGNED, t00280004=raw(0x00280004, "CS", "MONOCHROME1")),
    "trailing zeros": image()._replace(tail=bytes(8000)),
    "trailing padding element": image(tFFFCFFFC=raw(0xFFFCFFFC, "OB", bytes(20))),
    "no rescale, spacing, position": image(
        t00281052=None, t00281053=None, t00280030=None, t00200032=None, t00200037=None, t00180050=None
    ),
    "defined lengths hide what is nested": image(
        t00880200=sequence(0x00880200, [[Raw(PIXELS, "OW", bytes(8)), raw(SLOPE, "DS", "7")]], undefined=False)
    ),
}


def test_what_looks_odd_but_is_right_is_safe_and_read_right(seen: Seen) -> None:
    for name in SAFE:
        path, pixels = seen[name]
        assert reason(path) is None, name
        assert same(pixels, path) is None, name


@pytest.mark.parametrize("folder", ["small_ct", "mr_plain4", "mono1"])
def test_plain_real_files_are_safe_and_read_right(folder: str, data: Path, tmp_path: Path) -> None:
    files = sorted(p for p in (data / folder).iterdir() if p.is_file())
    # One file of small_ct spells a position "-.707001", which VTK's scan does not take.
    refused = {p.name: reason(p) for p in files if reason(p) is not None}
    assert set(refused) == ({"IMG0013.dcm"} if folder == "small_ct" else set())
    assert all("(0020,0032)" in (why or "") for why in refused.values())
    safe = [p for p in files if p.name not in refused]
    assert safe
    for path, seen in zip(safe, read_with_vtk(safe, tmp_path), strict=True):
        assert same(seen, path) is None


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(bytes(8))


def _touch(path: Path) -> None:
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_bytes(b"nothing of the kind")


@pytest.mark.parametrize("change", [_append, _touch, _empty, _text, Path.unlink])
def test_a_file_that_changed_since_its_scan_is_refused(change: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(image().file())
    header: Header = read_header(path)
    assert explain_unsafe_file(header) is None
    change(path)
    assert explain_unsafe_file(header) == "it changed since it was scanned"


def test_values_of_a_file_that_shrank_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(image().file())
    (frame,) = make_frames(read_header(path))
    path.write_bytes(path.read_bytes()[:-4])
    assert explain_unsafe_values(frame) == "its pixels cannot be read"


def test_a_file_of_2_gib_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(image().file())
    large = LocalFile(str(path), 1 << 31)
    assert "2 GiB" in (explain_unsafe_file(read_header(path)._replace(file=large)) or "")


CHOSEN: list[tuple[dict[str, Any], type]] = [
    ({}, np.uint16),
    ({"t00281052": "-1"}, np.int16),
    ({"t00281053": "-1"}, np.int16),
    ({"t00280103": raw(SIGNED, "US", 1)}, np.int16),
    ({"t00281053": "0.5"}, np.float32),
    ({"t00281052": "0.5"}, np.float32),
    ({"t00280100": raw(BITS, "US", 8), **stored_bits(8), "t7FE00010": Raw(PIXELS, "OB", bytes(12))}, np.uint8),
]


@pytest.mark.parametrize("number", range(len(CHOSEN)))
def test_vtk_dtype_is_the_one_that_vtk_chooses(number: int, seen: Seen) -> None:
    path, pixels = seen[f"type {number}"]
    _, expected = CHOSEN[number]
    assert predict_vtk_dtype(make_frames(read_header(path))[0]) == expected
    assert not isinstance(pixels, str)
    assert pixels.dtype == expected


SEEN = {
    **{f"seed {number}": case for number, case in enumerate(seeds())},
    **SAFE,
    **{f"type {number}": image(UNSIGNED, **keys) for number, (keys, _) in enumerate(CHOSEN)},
}


def main(count: int, seed: int) -> int:
    """Look for counter-examples; they stay where the last line says."""
    folder, begin = Path(tempfile.mkdtemp(prefix="mutants-")), time.monotonic()
    safe, found = counter_examples(count, seed, folder)
    print(*found, sep="\n")
    print(f"{count} mutants, {safe} safe, {len(found)} counter-examples in {time.monotonic() - begin:.0f} s: {folder}")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
