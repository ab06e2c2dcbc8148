"""Mutations of valid series, and a judge of what `load` makes of them.

A load is good if it gives the truth of the unmutated series, or what pydicom reads from the mutated files (the mutation
changed stored values), or a DicomLoadError, or a result with a DicomLoadWarning. The mutated file lies in the middle of
a stack, so that leaving it out makes a gap. Loads run in spawned processes under limits of time and memory; a process
that dies is bisected down to the case that killed it.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import re
import struct
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from hangs import LAST_RESORT, LOOPING, limit_cpu
from pydicom import Dataset, dcmread
from pydicom.uid import (
    UID,
    EnhancedCTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from synthetic import write_dataset, write_series

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path

    from numpy.typing import NDArray

SECONDS, MEMORY = 20, 4 << 30  # of processor time a case, and bytes
_SPECIAL = (0, 1, 2, 0xFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_TEXTS = (
    b"1e9999",
    b"nan",
    b"-",
    b"\\\\\\",
    b"0\\0\\0",
    b"1,5",
    b"9" * 16,
    b" " * 16,
    b"\xff" * 8,
    b"A1",
    b".",
    b"1\\2",
)
KINDS = (
    *("flip", "flips", "byte", "header byte", "pixel byte", "length", "truncate", "insert", "delete", "tag"),
    *("swap", "double", "drop", "text", "garbage", "zeros"),
)


# ------------------------------------------------------------------------------------------------------------- bases
class Base(NamedTuple):
    """A valid series, and the file of it that is mutated."""

    name: str
    files: tuple[Path, ...]
    victim: int
    implicit: bool = False
    big_endian: bool = False


def _nested(dataset: Dataset, _: int) -> None:
    item = Dataset()
    item.RescaleSlope, item.ImagePositionPatient, item.PixelSpacing = 7, [9, 9, 9], [9, 9]
    item.is_undefined_length_sequence_item = True
    dataset.ReferencedImageSequence = [item]
    dataset["ReferencedImageSequence"].is_undefined_length = True
    dataset.RequestAttributesSequence = [item]


def _slopes(dataset: Dataset, k: int) -> None:
    dataset.RescaleSlope, dataset.RescaleIntercept = 0.5 * (k + 1), k


def _garbage_above(dataset: Dataset, _: int) -> None:
    dataset.PixelData = (np.frombuffer(dataset.PixelData, "<u2") & 0x0FFF | 0x5000).astype("<u2").tobytes()


def _enhanced(folder: Path) -> Path:
    def one(**attributes: Any) -> list[Dataset]:
        item = Dataset()
        for keyword, value in attributes.items():
            setattr(item, keyword, value)
        return [item]

    d = dcmread(write_series(folder / "source", count=1, dtype=np.uint16).files[0])
    d.SOPClassUID, d.NumberOfFrames = EnhancedCTImageStorage, 5
    d.PixelData = np.arange(240, dtype="<u2").tobytes()
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"):
        delattr(d, name)
    del d.RescaleSlope, d.RescaleIntercept
    d.SharedFunctionalGroupsSequence = one(
        PlaneOrientationSequence=one(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
        PixelMeasuresSequence=one(PixelSpacing=[0.8, 0.5]),
        PixelValueTransformationSequence=one(RescaleSlope=2, RescaleIntercept=-10),
    )
    d.PerFrameFunctionalGroupsSequence = [
        one(PlanePositionSequence=one(ImagePositionPatient=[0, 0, 2.5 * k]))[0] for k in range(5)
    ]
    write_dataset(folder / "enhanced.dcm", d, ExplicitVRLittleEndian)
    return folder / "enhanced.dcm"


def write_bases(folder: Path) -> list[Base]:
    """Valid series of every structure that loading knows, each in a folder of its own."""
    options: dict[str, dict[str, Any]] = {
        "explicit": {"RescaleIntercept": -1024},
        "implicit": {"syntax": ImplicitVRLittleEndian},
        "nested": {"edit": _nested},
        "slope per slice": {"edit": _slopes},
        "12 bits": {"dtype": np.uint16, "BitsStored": 12, "HighBit": 11, "edit": _garbage_above},
        "RLE": {"syntax": RLELossless},
        "big endian": {"syntax": ExplicitVRBigEndian},
        "RGB": {"dtype": np.uint8, "SamplesPerPixel": 3},
    }
    bases = []
    for name, chosen in options.items():
        files = write_series(folder / name, **chosen).files
        syntax = chosen.get("syntax")
        bases.append(Base(name, files, 2, syntax == ImplicitVRLittleEndian, syntax == ExplicitVRBigEndian))
    return [*bases, Base("enhanced", (_enhanced(folder),), 0)]


# --------------------------------------------------------------------------------------------------------- mutations
def _elements(data: bytes, base: Base) -> list[tuple[int, int, int, int]]:
    """(start, start of the value, end, width of the length field) of the top-level elements, group 2 included."""
    found, at = [], 132
    while at + 8 <= len(data):
        meta = data[at : at + 2] == b"\2\0"
        order = ">" if base.big_endian and not meta else "<"
        if base.implicit and not meta:
            width, head = 4, 8
            (length,) = struct.unpack_from("<I", data, at + 4)
        elif data[at + 4 : at + 6] in (b"OB", b"OW", b"SQ", b"UN", b"UT", b"OF", b"OD"):
            width, head = 4, 12
            (length,) = struct.unpack_from(order + "I", data, at + 8)
        else:
            width, head = 2, 8
            (length,) = struct.unpack_from(order + "H", data, at + 6)
        end = at + head + length
        if length == 0xFFFFFFFF:
            delimiter = b"\xfe\xff\xdd\xe0\0\0\0\0"
            end = data.find(delimiter, at) + 8
        if end > len(data) or end <= at:
            break
        found.append((at, at + head, end, width))
        at = end
    return found


def mutated(data: bytes, base: Base, rng: random.Random) -> tuple[str, bytes]:
    """One mutation of a file: its kind, and the new bytes."""
    kind = rng.choice(KINDS)
    elements = _elements(data, base)
    start, value, end, width = rng.choice(elements)
    pixels = elements[-1][0]
    new = bytearray(data)
    order = ">" if base.big_endian and start > elements[0][0] + 200 else "<"
    if kind in ("flip", "flips"):
        for _ in range(1 if kind == "flip" else 4):
            new[rng.randrange(128, len(new))] ^= 1 << rng.randrange(8)
    elif kind == "byte":
        new[rng.randrange(128, len(new))] = rng.randrange(256)
    elif kind == "header byte":
        new[rng.randrange(128, pixels)] = rng.choice((0, 1, 2, 8, 16, 32, 48, 0x5C, 0x80, 0xFE, 0xFF))
    elif kind == "pixel byte":
        new[rng.randrange(pixels, len(new))] = rng.randrange(256)
    elif kind == "length":
        number = rng.choice((*_SPECIAL, len(data), end - value + 1, end - value + 2, max(0, end - value - 2)))
        packed = struct.pack(order + ("I" if width == 4 else "H"), number & (0xFFFFFFFF if width == 4 else 0xFFFF))
        new[value - width : value] = packed
    elif kind == "truncate":
        del new[rng.choice((rng.randrange(len(new)), start, value, end, len(new) - rng.randint(1, 9))) :]
    elif kind == "insert":
        at = rng.choice((start, value, rng.randrange(len(new))))
        new[at:at] = rng.randbytes(rng.choice((1, 2, 8, 100)))
    elif kind == "delete":
        at = rng.choice((start, value, rng.randrange(len(new))))
        del new[at : at + rng.choice((1, 2, 8, 100))]
    elif kind == "tag":
        other = rng.choice(elements)[0]
        new[start : start + 4] = data[other : other + 4]
    elif kind == "swap":
        a, b = sorted((rng.randrange(len(elements)), rng.randrange(len(elements))))
        first, second = elements[a], elements[b]
        if a != b:
            new = bytearray(
                data[: first[0]]
                + data[second[0] : second[2]]
                + data[first[2] : second[0]]
                + data[first[0] : first[2]]
                + data[second[2] :]
            )
    elif kind == "double":
        new[end:end] = data[start:end]
    elif kind == "drop":
        del new[start:end]
    elif kind == "text":
        new[value:end] = rng.choice(_TEXTS)[: end - value].ljust(end - value)
    elif kind == "garbage":
        at = rng.randrange(128, len(new))
        new[at : at + 64] = rng.randbytes(min(64, len(new) - at))
    else:
        at = rng.randrange(128, len(new))
        new[at : at + 200] = bytes(min(200, len(new) - at))
    return kind, bytes(new)


@dataclass(frozen=True)
class Case:
    """One mutation, its files, and the reader that shall load them."""

    number: int
    base: str
    kind: str
    files: tuple[str, ...]
    unmutated: tuple[str, ...]
    engine: str


def write_cases(folder: Path, bases: Sequence[Base], count: int, seed: int) -> list[Case]:
    """`count` mutations, the same for the same seed."""
    rng = random.Random(seed)
    cases = []
    for number in range(count):
        base = bases[number % len(bases)]
        kind, data = mutated(base.files[base.victim].read_bytes(), base, rng)
        victim = folder / f"{number}.dcm"
        victim.write_bytes(data)
        files = [str(f) for f in base.files]
        files[base.victim] = str(victim)
        engine = rng.choice(("auto", "auto", "auto", "vtk", "pydicom"))
        cases.append(Case(number, base.name, kind, tuple(files), tuple(map(str, base.files)), engine))
    return cases


# ------------------------------------------------------------------------------------------------------------- judge
class _Read(NamedTuple):
    frames: NDArray[np.float64]
    affine: NDArray[np.float64]


def _by_pydicom(files: Sequence[str]) -> _Read:
    """A series by pydicom and numpy alone; any exception where it cannot be read."""
    images: list[tuple[NDArray[Any], Any, Any, Any]] = []
    for path in files:
        d = dcmread(path, force=True)
        # Padding other than NUL: pydicom then knows no such syntax, and reads the file rightly once it is gone.
        d.file_meta.TransferSyntaxUID = UID(re.sub(r"[^0-9.]", "", str(d.file_meta.TransferSyntaxUID)))
        pixels = d.pixel_array
        groups = d.get("PerFrameFunctionalGroupsSequence")
        if groups is None:
            images.append((_scaled(pixels, d), d.ImagePositionPatient, d.ImageOrientationPatient, d.PixelSpacing))
            continue
        for frame, group in zip(pixels, groups, strict=True):
            shared = d.SharedFunctionalGroupsSequence[0]
            transform, measures, plane = (
                (group.get(name) or shared.get(name))[0]
                for name in ("PixelValueTransformationSequence", "PixelMeasuresSequence", "PlaneOrientationSequence")
            )
            position = group.PlanePositionSequence[0].ImagePositionPatient
            images.append((_scaled(frame, transform), position, plane.ImageOrientationPatient, measures.PixelSpacing))
    row, column = np.array(images[0][2], np.float64).reshape(2, 3)
    normal = np.cross(row, column)
    images.sort(key=lambda image: float(np.dot(np.array(image[1], np.float64), normal)))
    first, last = (np.array(images[i][1], np.float64) for i in (0, -1))
    dy, dx = (float(s) for s in images[0][3])
    affine = np.eye(4)
    affine[:3] = np.column_stack([row * dx, column * dy, (last - first) / max(1, len(images) - 1), first])
    return _Read(np.array([image[0] for image in images], np.float64), affine)


def _scaled(pixels: NDArray[Any], d: Dataset) -> NDArray[np.float64]:
    slope, intercept = d.get("RescaleSlope", 1), d.get("RescaleIntercept", 0)
    spare = d.BitsAllocated - d.BitsStored if "BitsAllocated" in d else 0
    if spare > 0:
        pixels = pixels << spare >> spare
    return pixels * float(1 if slope is None else slope) + float(0 if intercept is None else intercept)


def _same(volume: Any, truth: _Read) -> bool:
    affine = volume.geometry.affine
    return (
        volume.frames.shape == truth.frames.shape
        and bool(np.allclose(volume.frames, truth.frames, rtol=1e-6, atol=1e-6))
        and affine is not None
        and bool(np.allclose(affine, truth.affine, rtol=1e-4, atol=1e-3))
    )


def judge(case: Case) -> str:
    """What came of a case: ``truth``, ``as pydicom``, ``error``, ``warned``; else what is wrong."""
    import vtkdicomload as vdl

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            volume = vdl.load(case.files, engine=case.engine)
        except vdl.DicomLoadError:
            return "error"
        except Exception as error:
            return f"FOREIGN {type(error).__name__}: {error}"
    if foreign := [w for w in caught if not issubclass(w.category, vdl.DicomLoadWarning)]:
        return f"FOREIGN warning {foreign[0].category.__name__}: {foreign[0].message}"
    if caught:
        return "warned"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if _same(volume, _by_pydicom(case.unmutated)):
            return "truth"
        try:
            read = _by_pydicom(case.files)
        except Exception as error:
            return f"SILENT {type(error).__name__} of pydicom: {error}"
    return "as pydicom" if _same(volume, read) else "SILENT result that differs"


# --------------------------------------------------------------------------------------------------------- processes
def _work(cases: Sequence[Case], pipe: Connection) -> None:
    """Judge cases in a process of their own, under its limits, and send what came of each."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError):
        pass  # no such limits on this system
    for case in cases:
        limit_cpu(SECONDS)
        pipe.send((case.number, judge(case)))
    pipe.close()


def run(cases: Sequence[Case], *, work: Callable[..., None] = _work) -> dict[int, str]:
    """What came of each case, by number. Of cases that kill or hang their process it says so."""
    outcomes: dict[int, str] = {}
    waiting = [list(cases)]
    while waiting:
        batch = waiting.pop()
        fault = _run_batch(batch, work, outcomes)
        rest = [case for case in batch if case.number not in outcomes]
        if not rest:
            continue
        if len(batch) == 1:
            outcomes[batch[0].number] = fault
        elif len(rest) < len(batch):
            # The first one without an answer, after others that may have spoilt its memory: alone it must die again.
            waiting += [rest[1:], rest[:1]] if len(rest) > 1 else [rest]
        else:
            waiting += [batch[len(batch) // 2 :], batch[: len(batch) // 2]]
    return outcomes


def _run_batch(batch: Sequence[Case], work: Callable[..., None], outcomes: dict[int, str]) -> str:
    """Run cases in one spawned process; what ended it, where it did not end by itself."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=work, args=(list(batch), there))
    before = os.environ.get("MALLOC_PERTURB_")
    os.environ["MALLOC_PERTURB_"] = "165"  # so that memory that was never written does not look like zeros
    try:
        child.start()
    finally:
        os.environ.pop("MALLOC_PERTURB_") if before is None else os.environ.update(MALLOC_PERTURB_=before)
    there.close()
    waits = False
    try:
        while not (waits := not here.poll(LAST_RESORT // 2)):
            number, outcome = here.recv()
            outcomes[number] = outcome
    except EOFError:
        pass
    finally:
        here.close()
        if waits:
            child.kill()
        child.join()
    return "HANG" if waits or child.exitcode == LOOPING else f"CRASH with exit code {child.exitcode}"


def main() -> None:
    """``python fuzzing.py COUNT [SEED]``: a run with a summary and every failure."""
    import sys
    import tempfile
    from collections import Counter
    from pathlib import Path

    count, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    cases = write_cases(folder, write_bases(folder), count, seed)
    outcomes = run(cases)
    print(Counter(o if o.islower() or " pydicom" in o[:10] else o.split(" ")[0] for o in outcomes.values()))
    for case in cases:
        if outcomes[case.number].split(" ")[0].isupper():
            print(case, outcomes[case.number])


if __name__ == "__main__":
    main()
