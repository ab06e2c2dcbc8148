"""What headers differ in, held against pydicom."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from enhanced import group, write_enhanced
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from synthetic import write_dataset, write_series

from vtkdicomload.headers.comparing import compare_headers
from vtkdicomload.headers.parser import read_header
from vtkdicomload.headers.raw_values import list_sequences, read_raw_values

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]
NOTHING: frozenset[int] = frozenset()


def _edit(d: Dataset, k: int) -> None:
    rng = np.random.default_rng(k)
    d.ImageComments = "x" * (k % 5)
    d.RepetitionTime = 500 + 2000 * (k % 2)
    d.SeriesDescription = ("short", "a much longer one")[k % 2]
    d.ProtocolName = ("", "named")[k % 2]
    d.private_block(0x0019, "ACME 1.0", create=True).add_new(0x10, "OB", rng.bytes(40))
    d.private_block(0x0019, "ACME 1.0").add_new(0x11, "UN", rng.bytes(2 * (k % 3)))
    d.private_block(0x0019, "ACME 1.0").add_new(0x12, "UT", "y" * 700 * (k + 1))
    d.ReferencedImageSequence = group(ReferencedSOPInstanceUID=f"1.2.{10**k}")
    d.RequestAttributesSequence = group(ScheduledProcedureStepID="S" * (k + 1))
    d["RequestAttributesSequence"].is_undefined_length = True
    d.MRDiffusionSequence = group(DiffusionBValue=float(k % 2), DiffusionDirectionality="NONE" + " X" * (k % 2))


def _list_by_pydicom(files: Any, tags: Any = None) -> set[tuple[bytes, ...]]:
    """List the values, as written, of the elements in which files differ: of those that hold no sequence nor bulk."""
    columns: dict[tuple[int, ...], list[bytes]] = {}

    def add(dataset: Dataset, path: tuple[int, ...]) -> None:
        for tag in sorted(dataset.keys()):
            if tag.group in (2, 0x7FE0):
                continue
            raw = copy.copy(dataset.get_item(tag))
            element = dataset[tag]
            if element.VR == "SQ":
                for item in element.value:
                    add(item, (*path, tag))
            elif element.VR != "OB":
                columns.setdefault((*path, tag), []).append(raw.value or b"")

    for file in files:
        add(dcmread(file), ())
    return {tuple(column) for column in columns.values() if len(set(column)) > 1}


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_values_that_differ_are_those_of_pydicom(tmp_path: Path, syntax: str) -> None:
    truth = write_series(tmp_path, count=5, edit=_edit, syntax=syntax)
    headers = [read_header(file) for file in truth.files]
    compared = compare_headers(headers, list_sequences())
    assert compared is not None
    columns = [tuple(compared.list_values(k)) for k in range(compared.differs.shape[1])]
    # Private ones have no VR in implicit VR: pydicom knows none for these either.
    bulk = {c for c in columns if {len(v) for v in c} == {40}} if syntax == ImplicitVRLittleEndian else set()
    assert set(columns) - bulk == _list_by_pydicom(truth.files) - bulk
    assert compared.differs.tolist() == [[c[row] != c[0] for c in columns] for row in range(5)]


def _lack(d: Dataset) -> None:
    del d.RepetitionTime


def _add(d: Dataset) -> None:
    d.EchoTime = 5


def _repeat(d: Dataset) -> None:
    d.ReferencedImageSequence = [*d.ReferencedImageSequence, Dataset()]


def _empty(d: Dataset) -> None:
    d.ReferencedImageSequence = [Dataset()]


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("edit", [_lack, _add, _repeat, _empty])
def test_files_with_other_elements_are_not_compared(
    tmp_path: Path, edit: Callable[[Dataset], None], undefined: bool
) -> None:
    for k in range(2):
        d = Dataset()
        d.SOPClassUID, d.SOPInstanceUID, d.RepetitionTime = "1.2.840.10008.5.1.4.1.1.4", f"1.2.{k}", 500
        d.ReferencedImageSequence = group(ReferencedSOPInstanceUID="1.2.3")
        d.Rows, d.Columns, d.SamplesPerPixel, d.PhotometricInterpretation = 2, 2, 1, "MONOCHROME2"
        d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 16, 15, 0
        d.PixelData = bytes(8)
        if k:
            edit(d)
        d["ReferencedImageSequence"].is_undefined_length = undefined
        write_dataset(tmp_path / f"{k}.dcm", d)
    headers = [read_header(tmp_path / f"{k}.dcm") for k in (0, 1)]
    assert compare_headers(headers, list_sequences()) is None
    assert compare_headers(headers[1:], list_sequences()) is not None


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("undefined", [False, True])
def test_values_of_each_frame_of_an_enhanced_file(tmp_path: Path, syntax: str, undefined: bool) -> None:
    """Whether its items are walked or stepped over; some have other lengths or elements."""

    def edit_frame(own: Dataset, k: int) -> None:
        own.FrameContentSequence[0].FrameComments = "x" * (k // 4)
        if k % 7 == 3:
            own.MREchoSequence = group(EffectiveEchoTime=float(k))
        own.is_undefined_length_sequence_item = undefined

    write_enhanced(tmp_path / "1.dcm", range(20), edit_frame=edit_frame)
    write_dataset(tmp_path / "2.dcm", dcmread(tmp_path / "1.dcm"), syntax)
    header, dataset = read_header(tmp_path / "2.dcm"), dcmread(tmp_path / "2.dcm")
    for frames in ([0, 1, 2], [19, 3, 11]):
        with header.file.open() as handle:
            read = read_raw_values(header, frames, handle=handle, enter=list_sequences())
        for k, values in zip(frames, read, strict=True):
            expected = {
                (sequence.tag, element.tag): sequence[0].get_item(element.tag).value
                for sequence in dataset.PerFrameFunctionalGroupsSequence[k]
                for element in copy.deepcopy(sequence[0])
            }
            found = {path: value.data for path, value in values.items() if len(path) == 2}
            assert found == {path: value for path, value in expected.items() if value}
