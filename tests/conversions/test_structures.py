"""The list of structures, against what pydicom reads."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pydicom
import pytest
from pydicom.data import get_testdata_file
from sources.servers import web_server
from structure_sets import circle, closed, write_structure_set
from synthetic import ROOT

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Truth


def test_a_real_structure_set_is_listed_as_pydicom_reads_it() -> None:
    path = get_testdata_file("rtstruct.dcm", download=False)
    data_set = pydicom.dcmread(path, force=True)
    found = vdl.structures(path)
    assert [(s.number, s.name) for s in found] == [
        (int(roi.ROINumber), str(roi.ROIName)) for roi in data_set.StructureSetROISequence
    ]
    for structure, lines in zip(found, data_set.ROIContourSequence, strict=True):
        kinds = [str(c.ContourGeometricType) for c in lines.ContourSequence]
        assert structure.kinds == {kind: kinds.count(kind) for kind in kinds}
        assert structure.count == len(kinds)
        assert structure.color == tuple(int(c) for c in lines.ROIDisplayColor)
    assert [s.type for s in found] == [str(o.RTROIInterpretedType) for o in data_set.RTROIObservationsSequence]
    assert repr(found[0]) == "<Structure 1 'patient' EXTERNAL: 3 CLOSED_PLANAR>"


def test_a_segmentation_is_listed(data: Path) -> None:
    path = data / "highdicom" / "seg_binary.dcm"
    data_set = pydicom.dcmread(path)
    found = vdl.structures(path)
    assert [(s.number, s.name) for s in found] == [(s.SegmentNumber, s.SegmentLabel) for s in data_set.SegmentSequence]
    frames = [
        g.SegmentIdentificationSequence[0].ReferencedSegmentNumber for g in data_set.PerFrameFunctionalGroupsSequence
    ]
    assert [s.kinds for s in found] == [{"BINARY": frames.count(s.number)} for s in found]
    assert {s.frame_of_reference_uid for s in found} == {data_set.FrameOfReferenceUID}
    assert found[0].series_uids == (data_set.ReferencedSeriesSequence[0].SeriesInstanceUID,)
    with_frames = vdl.structures(vdl.scan(path)[0])
    assert [repr(s) for s in with_frames] == [repr(s) for s in found]


def test_a_structure_set_is_found_among_images(series: Callable[..., Truth]) -> None:
    folder = series().folder
    write_structure_set(folder / "rs.dcm", {"it": [closed(circle((0, 0, 0), 3))]}, frame_of_reference="1.2.9")
    (structure,) = vdl.structures(folder)
    assert (structure.name, structure.frame_of_reference_uid) == ("it", "1.2.9")
    assert structure.series_uids == (f"{ROOT}.1",)
    shutil.copy(folder / "rs.dcm", folder / "again.dcm")
    with pytest.raises(vdl.DicomLoadError, match="2 structure sets and segmentations in") as error:
        vdl.structures(folder)
    assert [name.rsplit("/")[-1] for name in error.value.files] == ["again.dcm", "rs.dcm"]


def test_where_there_is_none_the_files_are_counted(series: Callable[..., Truth]) -> None:
    with pytest.raises(vdl.NoDicomError, match="no RT structure set and no segmentation in .*: 5 other files"):  # noqa: RUF043
        vdl.structures(series().folder)


def test_no_identity_in_words(tmp_path: Path) -> None:
    path = write_structure_set(tmp_path / "rs.dcm", {"it": [closed(circle((0, 0, 0), 3))]})
    assert "Secret" not in repr(vdl.structures(path))


def _undefine_lengths(data_set: pydicom.Dataset) -> None:
    for element in data_set:
        if element.VR == "SQ":
            element.is_undefined_length = True
            for item in element.value:
                item.is_undefined_length_sequence_item = True
                _undefine_lengths(item)


@pytest.mark.parametrize("defined", [True, False])
def test_a_structure_set_that_is_cut_is_refused_wherever_it_ends(tmp_path: Path, defined: bool) -> None:
    """Within an element, or where one begins; behind its contours it may end."""
    lines = [closed(circle((0, 0, z), 9, count=4)) for z in (0, 3)]
    path = write_structure_set(tmp_path / "rs.dcm", {"it": lines, "other": lines})
    if not defined:
        data_set = pydicom.dcmread(path)
        _undefine_lengths(data_set)
        data_set.save_as(path)
    content = path.read_bytes()
    whole = content.index(b"\x06\x30\x80\x00")
    for end in (
        *range(content.index(b"\x06\x30\x02\x00"), whole - 1, 7),
        content.index(b"\x06\x30\x39\x00"),
        whole - 1,
    ):
        path.write_bytes(content[:end])
        with pytest.raises(vdl.CorruptFileError, match=r"rs\.dcm.*(truncated|not closed|cut)"):
            vdl.structures(path)
    path.write_bytes(content[: content.index(b"\x06\x30\x20\x00")])
    with pytest.raises(vdl.CorruptFileError, match=r"ends before its ROIContourSequence .* it is truncated"):
        vdl.structures(path)
    path.write_bytes(content[:whole])
    assert [s.count for s in vdl.structures(path)] == [2, 2]


@pytest.mark.parametrize("part", [0.3, 0.9])
def test_a_segmentation_that_is_cut_is_refused_by_its_name(data: Path, tmp_path: Path, part: float) -> None:
    content = (data / "highdicom" / "seg_binary.dcm").read_bytes()
    path = tmp_path / "cut.dcm"
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(vdl.CorruptFileError, match=r"cut\.dcm"):
        vdl.structures(path)


def test_a_structure_set_without_regions_lists_none(tmp_path: Path) -> None:
    path = write_structure_set(tmp_path / "rs.dcm", {}, ApprovalStatus="UNAPPROVED")
    assert vdl.structures(path) == []


def test_a_structure_set_is_read_from_a_server_that_wants_a_login(tmp_path: Path) -> None:
    path = write_structure_set(tmp_path / "rs.dcm", {"it": [closed(circle((0, 0, 0), 3))]})
    with web_server() as web:
        url, web.login = web.put("rs.dcm", path.read_bytes()), "Bearer of it"
        options = {"headers": {"Authorization": web.login}}
        assert repr(vdl.structures(url, storage_options=options)) == repr(vdl.structures(path))
        assert vdl.contours_of(url, storage_options=options).GetNumberOfPoints() == 90
        for read in (vdl.structures, vdl.contours_of):
            with pytest.raises(vdl.DicomLoadError, match="401"):
                read(url)
