"""Items by the strict walk: stepped over or walked they are the same, and their values are those that pydicom reads."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from enhanced import group, write_enhanced
from pydicom import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from vtkdicomload.errors import CorruptFileError
from vtkdicomload.headers import alike as alike_items
from vtkdicomload.headers.alike import AlikeItems, PassedItem
from vtkdicomload.headers.attributes import FUNCTIONAL_GROUPS
from vtkdicomload.headers.data_set import Attributes, UnusableAttribute, open_data_set
from vtkdicomload.headers.elements import Source, walk
from vtkdicomload.headers.items import open_items
from vtkdicomload.headers.liberties import Liberties
from vtkdicomload.headers.objects.enhanced import is_classic, read_functional_groups
from vtkdicomload.headers.parser import WALKED, read_header
from vtkdicomload.headers.preamble import NotDicomError, open_data_set_of
from vtkdicomload.sources.memory import MemoryFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vtkdicomload.headers.elements import Element
    from vtkdicomload.headers.model import Header

_CONTENT, _STACK_ID, _IN_STACK, _POSITION, _PLACE = 0x00209111, 0x00209056, 0x00209057, 0x00200032, 0x00209113


# ---------------------------------------------------------------------------------------------------- files
def _describe(groups: Dataset, k: int) -> None:
    """Groups whose values have lengths of their own; every seventh frame, and one of five, holds other elements."""
    content = groups.FrameContentSequence[0]
    content.StackID, content.InStackPositionNumber = str(1 + k % 2), 1 + k // 2
    content.DimensionIndexValues = [1 + k % 2, 1 + k // 2]
    groups.PixelValueTransformationSequence = group(
        RescaleSlope=f"{1 + k % 3 / 7:.{k % 9 + 1}f}", RescaleIntercept=-k, RescaleType="US"
    )
    groups.FrameVOILUTSequence = group(WindowCenter=[40 + k, 300], WindowWidth=[400, 2000])
    groups.MREchoSequence = group(EffectiveEchoTime=12.5 + k % 2)
    groups.MRDiffusionSequence = group(
        DiffusionBValue=float(k), DiffusionGradientDirectionSequence=group(DiffusionGradientOrientation=[0.0, 1.0, k])
    )
    groups.MRImageFrameTypeSequence = group(FrameType=["ORIGINAL", "PRIMARY", "M"], ComplexImageComponent="MAGNITUDE")
    if k % 7 == 3:
        groups.DerivationImageSequence = [*group(DerivationDescription="x" * k), *group(DerivationDescription="y")]
    if k % 5 == 4:
        del groups.FrameVOILUTSequence


def _write(
    path: Path, count: int = 40, syntax: str = ExplicitVRLittleEndian, undefined: float = 1, **options: Any
) -> Path:
    """An enhanced file; that part of its sequences and items has an undefined length."""
    rng = np.random.default_rng(count)

    def edit(dataset: Dataset) -> None:
        for element in dataset.iterall():
            if element.VR == "SQ":
                element.is_undefined_length = rng.random() < undefined
                for item in element.value:
                    item.is_undefined_length_sequence_item = rng.random() < undefined

    write_enhanced(
        path,
        rng.permutation(count).tolist(),
        dimensions=[(_STACK_ID, _CONTENT), (_IN_STACK, _CONTENT), (_POSITION, _PLACE)][: options.pop("dimensions", 2)],
        edit_frame=_describe,
        edit=edit,
        SpecificCharacterSet="ISO_IR 192",
    )
    if syntax != ExplicitVRLittleEndian:
        dataset = pydicom.dcmread(path)
        assert list(dataset.iterall())  # parsed, to be written in another way
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
        order = {"implicit_vr": syntax == ImplicitVRLittleEndian, "little_endian": syntax != ExplicitVRBigEndian}
        pydicom.dcmwrite(path, dataset, enforce_file_format=True, **order)
    return path


# ---------------------------------------------------------------------------------------------------- the walk
def _visit(data: bytes, *, steps_over: bool) -> tuple[list[tuple[int, ...]], str, int]:
    """Tag, offset and length of all that is visited, or stepped over; the error; how many items were stepped over."""
    source = Source(MemoryFile.of(data, "1.dcm").open())
    data_set = open_data_set_of(source)
    visited: list[Element] = []
    liberties = Liberties()
    alike = AlikeItems(source, data_set.encoding, FUNCTIONAL_GROUPS[1], visited, WALKED, liberties)
    error = ""
    steps = walk(
        source,
        data_set.start,
        data_set.encoding,
        enter=WALKED,
        liberties=liberties,
        step_over=alike.step_over if steps_over else None,
    )
    try:
        visited.extend(steps)
    except CorruptFileError as raised:
        error = str(raised)
    found: list[tuple[int, ...]] = []
    passed = list(alike.passed)
    for k, element in enumerate(visited):
        while passed and passed[0].before <= k:
            found += _list_passed(passed.pop(0))
        found.append((element.tag, element.offset, element.length))
    for item in passed:
        found += _list_passed(item)
    return found, error, len(alike.passed)


def _list_passed(item: PassedItem) -> list[tuple[int, ...]]:
    starts, ends = (places[item.row].tolist() for places in item.rows)
    return [
        (e.tag, start, -1 if e.length < 0 else end - start)
        for e, start, end in zip(item.layout.elements, starts, ends, strict=True)
    ]


@pytest.mark.parametrize("undefined", [0, 0.4, 1])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_what_is_stepped_over_is_what_a_walk_visits(tmp_path: Path, syntax: str, undefined: float) -> None:
    data = _write(tmp_path / "1.dcm", 60, syntax, undefined).read_bytes()
    walked, stepped = (_visit(data, steps_over=steps_over) for steps_over in (False, True))
    assert stepped[:2] == walked[:2]
    assert not stepped[1]
    assert stepped[2] > 30 or undefined == 0.4


def test_items_are_stepped_over_in_several_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = _write(tmp_path / "1.dcm", 60).read_bytes()
    monkeypatch.setattr(alike_items, "_FIRST_WINDOW", 4000)
    monkeypatch.setattr(alike_items, "_LONGEST_WINDOW", 4000)
    walked, stepped = (_visit(data, steps_over=steps_over) for steps_over in (False, True))
    assert stepped[:2] == walked[:2]
    assert stepped[2] > 20


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("undefined", [0, 0.4, 1])
def test_damage_is_found_as_by_a_walk(tmp_path: Path, syntax: str, undefined: float) -> None:
    data = _write(tmp_path / "1.dcm", 24, syntax, undefined).read_bytes()
    first, last = data.index(b"\0\x52\x30\x92"), data.rindex(b"\xe0\x7f\x10\0")
    rng = np.random.default_rng(7)
    errors = 0
    for _ in range(150):
        damaged = bytearray(data)
        for _ in range(rng.integers(1, 4)):
            at = int(rng.integers(first, last))
            kind = rng.integers(4)
            if kind == 0:
                damaged[at] ^= 1 << int(rng.integers(8))
            elif kind == 1:
                damaged[at : at + 4] = b"\xff\xff\xff\xff"
            elif kind == 2:
                del damaged[at : at + int(rng.integers(1, 40))]
            else:
                damaged[at:at] = damaged[at : at + int(rng.integers(1, 40))]
        walked, stepped = (_visit(bytes(damaged), steps_over=steps_over) for steps_over in (False, True))
        assert stepped[1] == walked[1]
        if not walked[1]:
            assert stepped[0] == walked[0]
        errors += bool(walked[1])
    assert 10 < errors < 150


# ---------------------------------------------------------------------------------------------------- values
class _Asked(Attributes):
    """A data set of pydicom, every value of which is parsed anew."""

    _numbers = itertools.count()

    def written(self, tag: int) -> bytes | None:
        return str(next(self._numbers)).encode() if tag in self.tags() else None

    def items(self, sequence: str | int) -> list[Any]:
        return [_Asked(item._data_set) for item in super().items(sequence)]


def _read_by_pydicom(header: Header) -> list[Header]:
    with open_data_set(header.file) as attributes:
        return read_functional_groups(header, _Asked(attributes._data_set))  # type: ignore[arg-type]


def _read_by_items(header: Header) -> list[Header]:
    with open_items(header) as item:
        return read_functional_groups(header, item)


@pytest.mark.parametrize("undefined", [0, 0.4, 1])
@pytest.mark.parametrize(
    "syntax",
    [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
)
def test_frames_are_those_that_pydicom_reads(tmp_path: Path, syntax: str, undefined: float) -> None:
    header = read_header(_write(tmp_path / "1.dcm", 40, syntax, undefined))
    frames = _read_by_items(header)
    assert len({frame.position for frame in frames}) == len(frames) == 40
    assert frames == _read_by_pydicom(header)


def test_frames_of_real_files_are_those_that_pydicom_reads(data: Path) -> None:
    compared = 0
    for path in sorted(p for p in data.rglob("*") if p.is_file()):
        try:
            header = read_header(path)
        except (CorruptFileError, NotDicomError):
            continue
        if header.functional_groups and not is_classic(header):
            assert _read_by_items(header) == _read_by_pydicom(header), path
            compared += 1
    assert compared > 10


def _put(sequence: str, keyword: str, vr: str, value: Any) -> Callable[[Dataset], None]:
    def put(groups: Dataset) -> None:
        (item,) = groups[sequence].value
        item[keyword] = pydicom.DataElement(keyword, vr, value, validation_mode=0)

    return put


_ODD: dict[str, Callable[[Dataset], None]] = {
    "no number": _put("PixelValueTransformationSequence", "RescaleSlope", "LO", "one"),
    "a number with an underscore": _put("PixelValueTransformationSequence", "RescaleIntercept", "DS", "1_0"),
    "no position": lambda groups: groups.PlanePositionSequence[0].pop("ImagePositionPatient"),
    "an empty position": _put("PlanePositionSequence", "ImagePositionPatient", "DS", ""),
    "two numbers of three": _put("PlanePositionSequence", "ImagePositionPatient", "DS", ["1", "2"]),
    "a position in another VR": _put("PlanePositionSequence", "ImagePositionPatient", "FD", [1.0, 2.0, 3.0]),
    "an empty sequence": lambda groups: setattr(groups, "PlanePositionSequence", []),
    "no item of a group": lambda groups: setattr(groups, "MRDiffusionSequence", []),
    "a group that is no sequence": lambda groups: groups.__setitem__(
        "FrameVOILUTSequence", pydicom.DataElement("FrameVOILUTSequence", "LO", "a window")
    ),
    "text in another charset": _put("FrameContentSequence", "StackID", "SH", "Größe"),
    "a number for a text": _put("FrameContentSequence", "StackID", "US", 3),
    "one index of two": _put("FrameContentSequence", "DimensionIndexValues", "UL", 3),
    "a slope of zero": _put("PixelValueTransformationSequence", "RescaleSlope", "DS", "0"),
    "a slope that is not finite": _put("PixelValueTransformationSequence", "RescaleSlope", "DS", "1e999"),
}


@pytest.mark.parametrize("name", _ODD)
def test_odd_values_are_read_or_refused_as_by_pydicom(tmp_path: Path, name: str) -> None:
    path = _write(tmp_path / "1.dcm", 12)
    dataset = pydicom.dcmread(path)
    _ODD[name](dataset.PerFrameFunctionalGroupsSequence[5])
    dataset.save_as(path)
    header = read_header(path)
    results: list[object] = []
    for read in (_read_by_items, _read_by_pydicom):
        try:
            results.append(read(header))
        except UnusableAttribute as error:
            results.append(str(error))
    assert results[0] == results[1]
