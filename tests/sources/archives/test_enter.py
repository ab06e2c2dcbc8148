"""Zip and tar archives and compressed files are read without unpacking them, and give what their folders give."""

from __future__ import annotations

import io
import os
import pickle
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom.uid import JPEGLSLossless
from sources.contract import ChangingFileContract, FileContract, opened
from sources.packing import KINDS, compress, make_tar, write_archive

import vtkdicomload as vdl
from vtkdicomload.sources import keeping
from vtkdicomload.sources.archives import enter, solid, tar
from vtkdicomload.sources.archives.compressed import CompressedFile
from vtkdicomload.sources.archives.deflated import DeflatedMember
from vtkdicomload.sources.archives.names import clean_name
from vtkdicomload.sources.archives.solid import SolidMember
from vtkdicomload.sources.file import Request, read_many, read_whole
from vtkdicomload.sources.resolve import find_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom import Dataset
    from synthetic import Truth

    from vtkdicomload.sources.file import File

    Write = Callable[..., Truth]
    Make = Callable[[str, bytes], File]
    Pack = Callable[..., tuple[Truth, Path]]

pytestmark = pytest.mark.filterwarnings("ignore:.*left out:vtkdicomload.DicomLoadWarning")  # as the test says


# ------------------------------------------------------------------------------------------------- the contract
class ArchiveContract(ChangingFileContract):
    """A file in an archive of its own."""

    kind = ""

    @pytest.fixture
    def make(self, tmp_path: Path) -> Make:
        def made(name: str, content: bytes) -> File:
            path = write_archive(tmp_path / f"{name}.{self.kind}", self.kind, {f"folder/{name}": content})
            (file,) = find_files(path).files
            return file

        return made

    @pytest.fixture
    def remove(self) -> Callable[[Any], None]:
        return lambda file: os.unlink(file.archive.local_path)


class TestStoredZip(ArchiveContract):
    kind = "stored.zip"


class TestDeflatedZip(ArchiveContract):
    kind = "deflated.zip"


class TestTar(ArchiveContract):
    kind = "tar"


class TestSolidTar(ArchiveContract):
    kind = "tar.gz"


class TestZstandardTar(ArchiveContract):
    kind = "tar.zst"


class TestCompressedFile(ChangingFileContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> Make:
        def made(name: str, content: bytes) -> File:
            path = tmp_path / name
            before = path.stat().st_mtime_ns if path.exists() else 0
            path.write_bytes(compress(content, "gz"))
            os.utime(path, ns=(before + 1, before + 1))
            (file,) = find_files(path).files
            return file

        return made

    @pytest.fixture
    def remove(self) -> Callable[[Any], None]:
        return lambda file: os.unlink(file.archive.local_path)


class TestZipInMemory(FileContract):
    @pytest.fixture
    def make(self) -> Make:
        def made(name: str, content: bytes) -> File:
            written = io.BytesIO()
            with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(name, content)
            (file,) = find_files(written).files
            return file

        return made


# ------------------------------------------------------------------------------------------------- volumes
@pytest.fixture
def packed(series: Write, tmp_path: Path) -> Pack:
    """Pack a series of two folders, named so that their natural order is not that of the archive."""

    def write(kind: str, **options: Any) -> tuple[Truth, Path]:
        truth = series("written", names=[f"IM{k}" for k in range(8, 13)], **options)
        members = {f"study/{path.name}": path.read_bytes() for path in reversed(truth.files)}
        return truth, write_archive(tmp_path / f"a study.{kind}", kind, members)

    return write


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_is_a_source_like_the_folder_in_it(packed: Pack, kind: str, tmp_path: Path) -> None:
    truth, path = packed(kind)
    (found,) = vdl.scan(path)
    assert found.files == tuple(f"{path}/study/IM{k}" for k in range(8, 13))
    for volume in (
        vdl.load(path),
        vdl.load([path]),
        vdl.load(str(path), verify="all"),
        found.load(),
        *vdl.load_all(path),
    ):
        np.testing.assert_array_equal(volume.frames, truth.frames)
        np.testing.assert_array_equal(volume.affine, truth.affine)
        assert "equal to pydicom" in volume.checks[-1].result
    assert vdl.load(path, ignore=["IM8"]).frames.shape[0] == 4
    assert found.dataset(2).SOPInstanceUID == found.frames[2].header.sop_instance_uid
    (result,) = vdl.load_many([path])
    assert result.volume is not None
    source = vdl.DICOMSeriesSource(source=path)
    source.Update()
    source.SetGeometryToPatient()
    with pytest.raises(vdl.UnsupportedPixelDataError, match="VTK reads files on disk only"):
        vdl.load(path, engine="vtk")
    assert sorted(os.listdir(tmp_path)) == sorted(["written", path.name]), "something was unpacked"


@pytest.mark.parametrize("name", ["enh_mr_phase", "seg_1bit", "rtdose_32bit", "mosaic", "comp_j2k"])
@pytest.mark.parametrize("kind", ["stored.zip", "deflated.zip", "tar", "tar.gz"])
def test_real_series_are_what_their_folders_are(data: Path, tmp_path: Path, kind: str, name: str) -> None:
    files = sorted(path for path in (data / name).rglob("*") if path.is_file())
    assert files
    members = {str(path.relative_to(data / name)): path.read_bytes() for path in files}
    path = write_archive(tmp_path / f"a.{kind}", kind, members)
    expected, found = vdl.scan(data / name), vdl.scan(path)
    assert [len(s.frames) for s in found] == [len(s.frames) for s in expected]
    for ours, theirs in zip(found, expected, strict=True):
        for a, b in zip(ours.stacks(), theirs.stacks(), strict=True):
            one, other = a.load(irregular="keep"), b.load(irregular="keep")
            assert one.frames.dtype == other.frames.dtype
            np.testing.assert_array_equal(one.frames, other.frames)
            np.testing.assert_array_equal(one.origin or 0, other.origin or 0)


@pytest.mark.parametrize("encapsulated", [False, True])
@pytest.mark.parametrize("kind", ["deflated.zip", "tar.xz"])
def test_a_file_without_ranges_is_unpacked_once_for_all_its_frames(
    series: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encapsulated: bool, kind: str
) -> None:
    from pydicom import dcmread
    from pydicom.encaps import encapsulate, generate_frames

    (path,) = series("written", count=1, **({"syntax": JPEGLSLossless} if encapsulated else {})).files
    dataset = dcmread(path)
    dataset.NumberOfFrames = 6
    if encapsulated:
        (stream,) = generate_frames(dataset.PixelData, number_of_frames=1)
        dataset.PixelData = encapsulate([stream] * 6)
    else:
        dataset.PixelData *= 6
    dataset.save_as(path)
    (found,) = vdl.scan(write_archive(tmp_path / f"a.{kind}", kind, {"x.dcm": path.read_bytes()}))
    member = type(found.frames[0].header.file)
    reads: list[int] = []
    real = member.read_whole
    monkeypatch.setattr(member, "read_whole", lambda files, *more: reads.append(len(files)) or real(files, *more))
    monkeypatch.setattr(member, "open", None if member is SolidMember else member.open)
    with pytest.warns(vdl.DicomLoadWarning, match="no ImagePositionPatient"):
        volume = found.load(verify="all")
    assert reads == [1]
    np.testing.assert_array_equal(volume.frames, dataset.pixel_array)


def _blank(dataset: Dataset, _: int) -> None:
    dataset.PixelData = bytes(len(dataset.PixelData))


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note each pass through a compressed archive behind the one that lists it."""
    found: list[str] = []
    real = solid.open_decompressed
    monkeypatch.setattr(solid, "open_decompressed", lambda file, codec: found.append(codec) or real(file, codec))
    return found


def test_a_solid_archive_is_loaded_in_the_pass_that_lists_it(packed: Pack, passes: list[str]) -> None:
    truth, path = packed("tar.gz")
    volume = vdl.load(path, verify="all")
    np.testing.assert_array_equal(volume.frames, truth.frames)
    (again,) = vdl.load_all(path)
    np.testing.assert_array_equal(again.frames, truth.frames)
    assert passes == []
    assert isinstance(volume.series.frames[0].header.file, SolidMember)  # what was kept was let go of
    np.testing.assert_array_equal(volume.series.load().frames, truth.frames)
    assert passes == ["gzip"]


def test_of_a_scan_the_headers_are_in_the_pass_that_lists_an_archive(packed: Pack, passes: list[str]) -> None:
    truth, path = packed("tar.gz")
    (found,) = vdl.scan(path)
    assert passes == []
    np.testing.assert_array_equal(found.load().frames, truth.frames)
    assert passes == ["gzip"]


def test_blank_slices_of_a_solid_archive_take_no_pass_of_their_own(
    series: Write, tmp_path: Path, passes: list[str]
) -> None:
    truth = series("written", count=8, edit=_blank)
    path = write_archive(tmp_path / "a.tar.gz", "tar.gz", {p.name: p.read_bytes() for p in truth.files})
    volume = vdl.scan(path)[0].load(verify="all")
    assert not volume.frames.any()
    assert vdl.Check("zero guard", "8 of 8 slices are blank, as in the files") in volume.checks
    assert passes == ["gzip"]


def test_a_solid_archive_that_memory_does_not_hold_is_passed_through_again(
    packed: Pack, passes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    truth, path = packed("tar.gz")
    size = truth.files[0].stat().st_size
    monkeypatch.setattr(keeping, "_BEGINNING", 200)  # as if the headers were longer than what is kept
    for room, count in ((0, 2), (size // 2, 2), (3 * size, 2), (100 * size, 0)):
        monkeypatch.setattr(keeping, "measure_usable_bytes", lambda room=room: 4 * room)
        passes.clear()
        np.testing.assert_array_equal(vdl.load(path, verify="all").frames, truth.frames)
        assert passes == ["gzip"] * count, "once for the headers, and once for the pixels"


def test_a_compressed_file_is_unpacked_once(series: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = series("written")
    for file in truth.files:
        (tmp_path / f"{file.name}.gz").write_bytes(compress(file.read_bytes(), "gz"))
    unpacked: list[str] = []
    real = CompressedFile.open_in
    monkeypatch.setattr(CompressedFile, "open_in", lambda file, at: unpacked.append(file.name) or real(file, at))
    paths = sorted(tmp_path.glob("*.gz"))
    np.testing.assert_array_equal(vdl.load(paths).frames, truth.frames)
    assert sorted(unpacked) == list(map(str, paths))


def test_members_of_a_solid_archive_are_read_in_its_order(packed: Pack) -> None:
    _, path = packed("tar.bz2")
    files = [opened(file) for file in find_files(path).files]
    assert [file.name[-4:] for file in files] == ["/IM8", "/IM9", "IM10", "IM11", "IM12"]
    with closing(read_whole(files, 1 << 20, 2)) as whole:
        assert [read.place for read in whole] == [4, 3, 2, 1, 0]
    requests = [Request(file, 128, memoryview(bytearray(4))) for file in files]
    assert list(read_many(requests, 1 << 20)) == [4, 3, 2, 1, 0]
    assert all(request.buffer == b"DICM" for request in requests)


_CHILD = """
import pickle, sys
import numpy as np
from vtkdicomload.loading.read import read
with open(sys.argv[1], "rb") as file:
    plan = pickle.load(file)
np.save(sys.argv[2], read(plan).pixels)
"""


@pytest.mark.parametrize("kind", KINDS[:4])
def test_a_plan_of_an_archive_is_read_by_another_process_in_another_folder(
    packed: Pack, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vtkdicomload.loading.options import Options
    from vtkdicomload.loading.plan import plan_volume

    truth, path = packed(kind)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    plan = plan_volume(vdl.scan(path.name)[0], Options())
    state = pickle.dumps(plan)
    assert len(state) < 100_000
    Path("plan").write_bytes(state)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, map(os.path.abspath, sys.path)))}
    command = [sys.executable, "-c", _CHILD, str(tmp_path / "plan"), str(tmp_path / "made.npy")]
    subprocess.run(command, cwd="elsewhere", env=environment, check=True)
    np.testing.assert_array_equal(np.load("made.npy"), truth.frames)


def test_what_was_kept_of_a_solid_archive_is_not_pickled(packed: Pack) -> None:
    _, path = packed("tar.gz")
    for file in find_files(path).files:
        assert isinstance(file, SolidMember)
        assert file.kept
        again = pickle.loads(pickle.dumps(file))
        assert again == file
        assert not again.kept
        assert not opened(file).kept  # type: ignore[attr-defined]
        assert again.read_at(0, file.size) == file.kept


# ------------------------------------------------------------------------------------------------- in a folder
def test_archives_in_a_folder_are_entered_when_asked_for(packed: Pack, tmp_path: Path) -> None:
    truth, path = packed("deflated.zip")
    (tmp_path / "in").mkdir()
    path.rename(tmp_path / "in" / "a study.zip")
    (tmp_path / "in" / "IM99.dcm.gz").write_bytes(compress(truth.files[0].read_bytes(), "gz"))
    found = vdl.scan(tmp_path / "in")
    assert [(s.path, s.reason) for s in found.skipped] == [(f"{tmp_path}/in/a study.zip", vdl.Reason.ARCHIVE)]
    assert [p.path for p in found.problems] == [f"{tmp_path}/in/IM99.dcm.gz"]
    found = vdl.scan(tmp_path / "in", archives=True)
    assert [name.removeprefix(f"{tmp_path}/in/") for name in found.files] == [
        "IM99.dcm.gz",
        *(f"a study.zip/study/IM{k}" for k in range(8, 13)),
    ]
    volume = vdl.load(tmp_path / "in", archives=True, ignore="IM99.dcm.gz")
    np.testing.assert_array_equal(volume.frames, truth.frames)
    (volume,) = vdl.load_all(tmp_path / "in", archives=True, ignore="IM99.dcm.gz")
    (result,) = vdl.load_many([tmp_path / "in"], archives=True, ignore="IM99.dcm.gz")
    assert result.volume is not None
    source = vdl.DICOMSeriesSource(directory_name=tmp_path / "in", recursive=True, archives=True, ignore="IM99.dcm.gz")
    source.Update()
    assert source.GetOutput().GetDimensions() == truth.frames.shape[::-1]


def test_folders_in_an_archive_are_walked_unless_told_otherwise(packed: Pack) -> None:
    _, path = packed("stored.zip")
    found = vdl.scan(path, recursive=False)
    assert not len(found)
    assert {s.reason for s in found.skipped} == {vdl.Reason.FOLDER}


def test_what_is_hidden_in_an_archive_is_passed_over(series: Write, tmp_path: Path) -> None:
    truth = series("written")
    members = {f"a/{path.name}": path.read_bytes() for path in truth.files}
    members |= {"__MACOSX/a/._1-1.dcm": b"\0\5\x16\7", "a/.DS_Store": b"x", ".hidden/1.dcm": members["a/1-1.dcm"]}
    for kind in ("deflated.zip", "tar.gz"):
        found = vdl.scan(write_archive(tmp_path / f"a.{kind}", kind, members))
        assert [s.reason for s in found.skipped] == [vdl.Reason.HIDDEN] * 3
        np.testing.assert_array_equal(found[0].load().frames, truth.frames)


def test_an_archive_without_a_suffix_is_one_by_its_bytes(packed: Pack, tmp_path: Path) -> None:
    for kind in KINDS:
        truth, path = packed(kind)
        path.rename(tmp_path / "download")
        np.testing.assert_array_equal(vdl.load(tmp_path / "download").frames, truth.frames)


def test_a_zip_behind_other_bytes_is_read(packed: Pack) -> None:
    truth, path = packed("deflated.zip")
    path.write_bytes(b"#!/bin/sh\nexec unzip $0\n" + path.read_bytes())  # unpacks itself
    np.testing.assert_array_equal(vdl.load(path).frames, truth.frames)


# ------------------------------------------------------------------------------------------------- names
@pytest.mark.parametrize("encoding", ["utf-8", "cp437"])
def test_names_in_a_zip_are_read_in_their_encoding(series: Write, tmp_path: Path, encoding: str) -> None:
    (path,) = series("written", count=1).files
    name = "Schädel/Aufnähme 1.dcm"
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("X" * len(name.encode(encoding)))
        archive.writestr(info, path.read_bytes())
    data = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(data.replace(info.filename.encode(), name.encode(encoding)))  # no flag says which
    (found,) = vdl.scan(tmp_path / "a.zip")
    assert found.files == (f"{tmp_path}/a.zip/{name}",)


def test_a_name_in_the_extra_field_of_info_zip_is_believed(series: Write, tmp_path: Path) -> None:
    (path,) = series("written", count=1).files
    raw, name = b"caf\x82.dcm", "北京.dcm"
    info = zipfile.ZipInfo(raw.decode("ascii", "replace").replace("\ufffd", "X"))
    value = struct.pack("<BI", 1, zlib.crc32(raw)) + name.encode()
    info.extra = struct.pack("<HH", 0x7075, len(value)) + value
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, path.read_bytes())
    data = (tmp_path / "a.zip").read_bytes().replace(b"cafX.dcm", raw)
    (tmp_path / "a.zip").write_bytes(data)
    assert vdl.scan(tmp_path / "a.zip")[0].files == (f"{tmp_path}/a.zip/{name}",)


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("../../etc/1.dcm", "etc/1.dcm"),
        ("/abs/1.dcm", "abs/1.dcm"),
        ("C:\\data\\a\\1.dcm", "data/a/1.dcm"),
        ("./a//b/./1.dcm", "a/b/1.dcm"),
        ("a/..", "a"),
        ("..", ""),
    ],
)
def test_no_name_leads_out_of_its_archive(name: str, clean: str) -> None:
    assert clean_name(name) == clean


def test_of_two_members_of_one_name_the_later_counts_as_when_it_is_unpacked(series: Write, tmp_path: Path) -> None:
    first, second = (series(f"s{k}", seed=k, count=1) for k in (1, 2))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(first.files[0], "1.dcm")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.write(second.files[0], "1.dcm")
    with tarfile.open(tmp_path / "a.tar", "w") as tar_file:
        for truth in (first, second):
            tar_file.add(truth.files[0], "1.dcm")
    for path in (tmp_path / "a.zip", tmp_path / "a.tar"):
        np.testing.assert_array_equal(vdl.load(path).frames, second.frames)


def test_links_in_a_tar_lead_to_its_members(series: Write, tmp_path: Path) -> None:
    truth = series("written")
    for mode in ("w", "w:gz"):
        path = tmp_path / "a.tar"
        with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
            for file in truth.files[:4]:
                archive.add(file, f"a/{file.name}")
            for kind, name, target in [
                (tarfile.SYMTYPE, "b/5.dcm", "../a/5.dcm"),
                (tarfile.LNKTYPE, "b/6.dcm", "b/5.dcm"),
                (tarfile.SYMTYPE, "b/nothing", "nowhere"),
                (tarfile.FIFOTYPE, "b/pipe", ""),
            ]:
                info = tarfile.TarInfo(name)
                info.type, info.linkname = kind, target
                archive.addfile(info)
            archive.add(truth.files[4], "a/5.dcm")
        found = vdl.scan(path)
        assert sorted(s.reason.name for s in found.skipped) == ["LINK_TO_NOTHING", "NOT_REGULAR"]
        assert {name.rpartition("a.tar/")[2] for name in found.files} >= {"a/5.dcm", "b/5.dcm"}
        volume = vdl.load(path, ignore=[f"{path}/b/5.dcm", f"{path}/b/6.dcm"])
        np.testing.assert_array_equal(volume.frames, truth.frames)


# ------------------------------------------------------------------------------------------------- damage
@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_that_is_cut_short_is_named(packed: Pack, kind: str) -> None:
    _, path = packed(kind, rows=64, columns=48)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    found = vdl.scan(path)
    assert found.problems[-1].path in (str(path), f"{path}/study/(rest)")
    with pytest.raises(vdl.CorruptFileError) as caught:
        vdl.load(path)
    assert "a study" in str(caught.value)


def test_a_tar_without_an_end_may_lack_files(packed: Pack) -> None:
    truth, path = packed("tar")
    with tarfile.open(path) as archive:
        end = archive.getmembers()[3].offset
    path.write_bytes(path.read_bytes()[:end])  # just before the last file but one
    with pytest.raises(vdl.CorruptFileError, match=r"study/\(rest\): it has no end: it is truncated") as caught:
        vdl.load(path)
    _, leave_out = caught.value.remedies
    np.testing.assert_array_equal(vdl.load(path, **leave_out.options).frames, truth.frames[2:])


@pytest.mark.parametrize("kind", ["", "gz", "zst"])
def test_a_tar_whose_list_stops_before_its_end_may_lack_files(series: Write, tmp_path: Path, kind: str) -> None:
    truth = series("written")
    data = bytearray(make_tar({path.name: path.read_bytes() for path in truth.files}))
    whole = bytes(data)
    path = tmp_path / f"a.tar.{kind}".rstrip(".")
    data[whole.index(b"1-4.dcm") + 150] ^= 1  # the checksum of its header
    for content in (bytes(data), whole + make_tar({"6.dcm": b"x"})):
        path.write_bytes(compress(content, kind))
        with pytest.raises(vdl.CorruptFileError, match="goes on behind what can be listed of it, files may be missing"):
            vdl.load(path)


@pytest.mark.parametrize("place", [28, 32])  # the lengths of name and comment
def test_a_zip_that_lists_fewer_files_than_it_says_is_refused(series: Write, tmp_path: Path, place: int) -> None:
    truth = series("written")
    path = write_archive(tmp_path / "a.zip", "stored.zip", {p.name: p.read_bytes() for p in truth.files})
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\1\2", data.index(b"PK\1\2") + 1)
    (length,) = struct.unpack_from("<H", data, entry + place)
    data[entry + place : entry + place + 2] = struct.pack("<H", length + 46 + 7)  # over the next one
    path.write_bytes(data)
    with zipfile.ZipFile(path) as archive:
        assert len(archive.infolist()) < 5
    with pytest.raises(vdl.CorruptFileError, match="it is no whole zip archive"):
        vdl.load(path)


@pytest.mark.parametrize("kind", ["deflated.zip", "tar.gz", "tar.xz", "tar.bz2"])
def test_changed_bytes_of_an_archive_are_found(packed: Pack, kind: str) -> None:
    _, path = packed(kind, rows=64, columns=48)
    (found,) = vdl.scan(path)
    data = bytearray(path.read_bytes())
    status = path.stat()
    for place in range(len(data) // 3, len(data) // 3 + 40):
        data[place] ^= 0x55
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # the disk, not its owner, has changed them
    if kind.endswith("zip"):  # of a stream, only its end says whether it is whole
        with pytest.raises(vdl.CorruptFileError) as caught:
            found.load()
        assert caught.value.files[0] in found.files
    with pytest.raises(vdl.CorruptFileError):
        vdl.load(path)


def test_a_member_of_another_checksum_is_refused(series: Write, tmp_path: Path) -> None:
    truth = series("written", rows=300, columns=300)
    path = write_archive(tmp_path / "a.zip", "deflated.zip", {p.name: p.read_bytes() for p in truth.files})
    data = bytearray(path.read_bytes())
    crc = struct.pack("<I", zlib.crc32(truth.files[1].read_bytes()))
    place = data.rindex(crc)
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(vdl.CorruptFileError, match=r"1-2\.dcm: its checksum is not that of the archive"):
        vdl.load(path)
    member = opened(find_files(path).files[1])
    with member.open() as handle, pytest.raises(vdl.CorruptFileError, match="its checksum"):
        handle.read_at(10, handle.size - 10)


def test_an_encrypted_member_is_named_and_the_others_are_read(series: Write, tmp_path: Path) -> None:
    truth = series("written")
    path = write_archive(tmp_path / "a.zip", "stored.zip", {p.name: p.read_bytes() for p in truth.files})
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(vdl.CorruptFileError, match=r"1-5\.dcm: it is encrypted → unpack it first"):
        vdl.load(path)
    np.testing.assert_array_equal(vdl.load(path, ignore="1-5.dcm").frames, truth.frames[:4])


def test_a_member_packed_by_another_method_is_named(series: Write, tmp_path: Path) -> None:
    (path,) = series("written", count=1).files
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.write(path, "1.dcm")
    with pytest.raises(vdl.CorruptFileError, match="packed by method 14 of zip, which is not read → unpack"):
        vdl.load(tmp_path / "a.zip")


def test_a_member_in_the_middle_of_nowhere_is_refused(series: Write, tmp_path: Path) -> None:
    (path,) = series("written", count=1).files
    archive = write_archive(tmp_path / "a.zip", "deflated.zip", {"1.dcm": path.read_bytes()})
    data = bytearray(archive.read_bytes())
    at = data.rindex(b"PK\1\2")
    data[at + 42 : at + 46] = struct.pack("<I", 7)
    archive.write_bytes(data)
    with pytest.raises(vdl.CorruptFileError, match=r"1\.dcm: it does not lie in a\.zip where that says"):
        vdl.load(archive)


# ------------------------------------------------------------------------------------------------- bombs
def test_a_member_that_says_it_inflates_to_more_than_can_be_is_refused(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "a.zip", "deflated.zip", {"1.dcm": bytes(128) + b"DICM" + bytes(100_000)})
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\1\2")
    data[at + 24 : at + 28] = struct.pack("<I", 1 << 30)
    path.write_bytes(data)
    with pytest.raises(vdl.CorruptFileError, match=r"1\.dcm: it is said to inflate from \d+ to 1073741824 bytes"):
        vdl.load(path)


def test_a_member_that_inflates_to_more_or_less_than_it_says_is_refused(series: Write, tmp_path: Path) -> None:
    (path,) = series("written", count=1).files
    content = path.read_bytes()
    for size in (len(content) - 2, len(content) + 2):
        archive = write_archive(tmp_path / "a.zip", "deflated.zip", {"1.dcm": content})
        data = bytearray(archive.read_bytes())
        for signature, place in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
            at = data.rindex(signature)
            data[at + place : at + place + 4] = struct.pack("<I", size)
        archive.write_bytes(data)
        (member,) = find_files(archive).files
        assert isinstance(member, DeflatedMember)
        (read,) = member.read_whole([member], 1 << 20, 1)
        assert read.error is not None
        with pytest.raises(vdl.CorruptFileError, match=r"1\.dcm: (it inflates to|its checksum)"):
            member.read_at(0, size)


def test_members_that_lie_in_one_another_are_refused(tmp_path: Path) -> None:
    members = {f"{k}.dcm": bytes(range(256)) * 40 for k in range(10)}
    path = write_archive(tmp_path / "a.zip", "stored.zip", members)
    data = bytearray(path.read_bytes())
    start = data.index(b"PK\1\2")
    directory = data[start:]
    kernel = data[: data.index(b"PK\3\4", 4)]  # the first member alone
    at = 0
    while directory[at : at + 4] == b"PK\1\2":
        directory[at + 42 : at + 46] = bytes(4)
        name, extra, comment = struct.unpack_from("<HHH", directory, at + 28)
        at += 46 + name + extra + comment
    directory[at + 16 : at + 20] = struct.pack("<I", len(kernel))
    path.write_bytes(kernel + directory)
    with pytest.raises(
        vdl.CorruptFileError, match=r"its files take \d+ bytes, and it has \d+: they lie in one another"
    ):
        vdl.load(path)


@pytest.mark.parametrize("kind", ["deflated.zip", "tar.gz", "gz"])
def test_what_does_not_fit_into_memory_is_refused_with_its_size(
    series: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    from vtkdicomload.sources.archives import compressed, deflated

    (path,) = series("written", count=1, rows=100, columns=100).files
    for module, name in ((deflated, "_WORTH_IMPORTING"), (solid, "_SMALL")):
        monkeypatch.setattr(module, name, 1000)
    for module in (deflated, solid, compressed):
        monkeypatch.setattr(module, "measure_usable_bytes", lambda: 4096)
    monkeypatch.setattr(keeping, "measure_usable_bytes", lambda: 0)
    archive = tmp_path / f"a.{kind}"
    if kind == "gz":
        archive.write_bytes(compress(path.read_bytes(), "gz"))
    else:
        write_archive(archive, kind, {"1.dcm": path.read_bytes()})
    with pytest.raises(vdl.CorruptFileError, match=r"unpacks to \d+ MiB or more, there are 0 MiB .* → unpack it first"):
        vdl.load(archive)


def test_an_endless_stream_is_refused_before_it_is_passed_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tar, "_SMALL", 100_000)
    monkeypatch.setattr(tar, "_MOST_TIMES", 10)
    monkeypatch.setattr(tar, "_STREAM_BUFFER", 1 << 16)
    members = [make_tar({"1.dcm": bytes(1 << 20)}), make_tar({"notes": b"notes"}) + bytes(1 << 22)]
    for content in members:
        (tmp_path / "a.tar.gz").write_bytes(compress(content, "gz"))
        with pytest.raises(vdl.CorruptFileError, match=r"unpacks from \d+ to more than \d+ bytes.* → unpack it first"):
            vdl.load(tmp_path / "a.tar.gz")


def test_of_a_large_member_only_the_beginning_is_inflated_for_its_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_archive(tmp_path / "a.zip", "deflated.zip", {"1.dcm": bytes(64 << 20)})
    (member,) = find_files(path).files
    with member.open() as handle:
        assert handle.read_at(0, 132) == bytes(132)
        assert len(handle._data) < 1 << 20  # type: ignore[attr-defined]


# ------------------------------------------------------------------------------------------------- what is missing
def test_without_a_library_for_zstandard_the_error_names_the_extra(
    packed: Pack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, path = packed("tar.zst")
    for name in ("compression.zstd", "backports.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'pip install "vtkdicomload\[zstd\]"'):
        vdl.load(path)
    found = vdl.scan(tmp_path, archives=True)  # the rest of a folder is read all the same
    assert len(found) == 1
    assert [p.path for p in found.problems] == [str(path)]
    assert "vtkdicomload[zstd]" in str(found.problems[0].error)


def test_nothing_of_an_archive_is_in_the_representation_of_its_files(packed: Pack) -> None:
    for kind in KINDS:
        _, path = packed(kind)
        for file in find_files(path).files:
            assert "DICM" not in repr(file)


def test_what_is_named_as_an_archive() -> None:
    assert all(map(enter.is_named_as_archive, ("a.ZIP", "a.tar.gz", "a.tgz", "a.dcm.gz", "a.tar.zst")))
    assert not any(map(enter.is_named_as_archive, ("a.dcm", "a", "a.nii.gz", "zip")))


def test_several_files_of_a_zip_are_inflated_whole_in_threads(packed: Pack) -> None:
    truth, path = packed("deflated.zip")
    files = find_files(path).files
    for with_libdeflate in (False, True):
        for file, written in zip(files, truth.files, strict=True):
            assert isinstance(file, DeflatedMember)
            with file.open() as handle:
                assert handle.inflate_whole(with_libdeflate=with_libdeflate) == written.read_bytes()
    assert {read.data for read in read_whole(files, 1, 3)} == {path.read_bytes() for path in truth.files}
