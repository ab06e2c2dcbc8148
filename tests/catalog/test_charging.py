"""Whose a damaged file is: its own series', its neighbours', or any of its folder's; the others load as they are."""

from __future__ import annotations

import shutil
import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from archives import load_stacks, write_archive
from pydicom import dcmread, dcmwrite
from pydicom.uid import CTImageStorage, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless
from synthetic import ROOT, Truth

import vtkdicomload as vdl
from vtkdicomload.catalog.tables import scan_rows
from vtkdicomload.errors.remedies import GetAgain
from vtkdicomload.sources.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., Truth]

_TEXT = b"503 Service Unavailable"

# The ways to load the first series of a folder.
WAYS: dict[str, Callable[[Path], vdl.Volume]] = {
    "load": lambda p: vdl.load(p, series=0),
    "load, without the damaged": lambda p: vdl.load(p, series=0, ignore="damaged"),
    "scan": lambda p: vdl.scan(p)[0].load(),
    "stacks": lambda p: vdl.scan(p)[0].stacks()[0].load(),
    "load_many": lambda p: next(iter(vdl.load_many(vdl.scan(p)[:1]))).volume,
    "load_all": lambda p: vdl.load_all(p)[0],
}


class Case(NamedTuple):
    """A damaged file in a folder of series a and b, or of a alone: of which series it is."""

    name: str
    damage: str
    own: tuple[int, ...] = ()
    beside: tuple[int, ...] = ()
    series: int = 2  # that lie in the folder


# Files are a1.dcm … a5.dcm of series 1 and b1.dcm … b5.dcm of series 2; "of n" is the header of a slice of series n.
CASES = {
    "cut in its pixels": Case("z.dcm", "cut of 1", own=(1,)),
    "cut in its pixels, by the name of another": Case("b9.dcm", "cut of 1", own=(1,)),
    "cut in its pixels, in a folder of its own": Case("c/z.dcm", "cut of 2", own=(2,)),
    "cut in its header, behind the UID": Case("b3x.dcm", "header of 1", own=(1,)),
    "a UID that no file has, between slices of one series": Case("a3x.dcm", "cut of 7", own=(1,)),
    "a UID that no file has, where two series meet": Case("a9.dcm", "cut of 7", beside=(1, 2)),
    "a UID that no file has, beside one series": Case("z.dcm", "cut of 7", own=(1,), series=1),
    "a UID that no file has, in a folder of its own": Case("c/z.dcm", "cut of 7"),
    "cut before its UID, between slices of one series": Case("b2x.dcm", "start of 1", own=(2,)),
    "cut before its UID, where two series meet": Case("a9.dcm", "start of 1", beside=(1, 2)),
    "cut before its UID, behind all": Case("b9.dcm", "start of 1", own=(2,)),
    "cut before its UID, beside one series": Case("z.dcm", "start of 1", own=(1,), series=1),
    "cut before its UID, in a folder of its own": Case("c/z.dcm", "start of 1"),
    "empty, between slices of one series": Case("a2x.dcm", "empty", own=(1,)),
    "empty, where two series meet": Case("b0.dcm", "empty", beside=(1, 2)),
    "only zeros, beside one series": Case("z.dcm", "zeros", own=(1,), series=1),
    "text by the name of a slice": Case("a9.dcm", "text", own=(1,), series=1),
    "text by a name of its own": Case("page.dcm", "text", beside=(1,), series=1),
    "text in a folder of its own": Case("c/page.dcm", "text"),
    "text by no name of DICOM": Case("page.txt", "text"),
    "empty by no name of DICOM": Case("a9.txt", "empty"),
}


def _damage(what: str, series: Write, folder: Path) -> bytes:
    how, _, number = what.partition(" of ")
    if not number:
        return {"empty": b"", "zeros": bytes(4000), "text": _TEXT}[how]
    (truth,) = (series(f"../spare{number}", seed=int(number), count=1),)
    whole = truth.files[0].read_bytes()
    shutil.rmtree(truth.folder)
    uid = whole.index(f"{ROOT}.{number}".encode() + b"\0", whole.index(b"\x20\x00\x0e\x00"))
    return {"cut": whole[:-9], "header": whole[: uid + 80], "start": whole[: uid - 90]}[how]


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def test_a_damaged_file_concerns_its_series_and_no_other(case: Case, series: Write, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    truths = {n: series("in", seed=n, names=[f"{' ab'[n]}{k}.dcm" for k in range(1, 6)]) for n in (1, 2)[: case.series]}
    far = series("in/far", seed=5)
    bad = folder / case.name
    bad.parent.mkdir(exist_ok=True)
    bad.write_bytes(_damage(case.damage, series, folder))
    found = vdl.scan(folder)
    assert [s.number for s in found] == [*truths, 5]
    for listed in found:
        number = int(listed.number or 0)
        truth = truths.get(number, far)
        if number in case.own:
            assert [p.path for p in listed.problems] == [str(bad)]
            with pytest.raises(vdl.CorruptFileError, match=bad.name) as caught:
                listed.load()
            assert caught.value.remedies[0] == GetAgain((str(bad),))
            with pytest.warns(vdl.DicomLoadWarning, match=f"1 file left out, damaged: {bad.name}"):
                volume = listed.load(ignore="damaged")
            assert volume.ignored == (str(bad),)
        elif number in case.beside:
            with pytest.warns(
                vdl.DicomLoadWarning, match=rf"1 damaged file in its folder may be of it .*: {bad.name}$"
            ):
                volume = listed.load()
            assert volume.ignored == ()
            with pytest.warns(vdl.DicomLoadWarning, match=f"1 file left out, damaged: {bad.name}"):
                assert listed.load(ignore="damaged").ignored == (str(bad),)
        else:
            volume = listed.load()
        np.testing.assert_array_equal(volume.frames, truth.frames)
    loads = {row[1]: row[-1] for row in scan_rows(found)}
    assert loads == {str(n): "1 file damaged" if n in case.own else "ok" for n in (*truths, 5)}


# Two series or three in one folder, and one file of theirs that is cut before its UID: whose it is, if one's.
IN_TURN = {n: [f"{k}-{n}.dcm" for k in range(1, 6)] for n in (1, 2)}
IN_TURN_SHORT = {n: [f"{k}-{n}.dcm" for k in range(1, 3)] for n in (1, 2)}
ONE_AFTER_ANOTHER = {n: [f"IM{k:03}" for k in range(n * 5 - 4, n * 5 + 1)] for n in (1, 2)}
IN_BLOCKS = {n: [f"IM{k:03}" for k in (2 * n - 1, 2 * n, 2 * n + 3, 2 * n + 4, 2 * n + 7)] for n in (1, 2)}
ONE_INSIDE = {1: [f"IM{k}" for k in range(3, 8)], 2: [f"IM{k}" for k in (1, 2, 8, 9, 10)]}
SCOUT_FIRST = {1: ["IM1"], 2: [f"IM{k}" for k in range(2, 7)]}
THREE_IN_TURN = {n: [f"{k}-{n}" for k in range(1, 6)] for n in (1, 2, 3)}
RANDOM_NAMES = {n: [f"1.2.{(k * 7 + n * 5) * 7919 % 10007}" for k in range(5)] for n in (1, 2)}


@pytest.mark.parametrize(
    ("names", "lost", "owner"),
    [
        *((IN_TURN, name, None) for names in IN_TURN.values() for name in names),
        *((IN_TURN_SHORT, name, None) for names in IN_TURN_SHORT.values() for name in names),
        *((THREE_IN_TURN, name, None) for name in ("1-1", "3-1", "5-2", "5-3")),
        *((IN_BLOCKS, name, None) for names in IN_BLOCKS.values() for name in names),
        *((RANDOM_NAMES, name, None) for names in RANDOM_NAMES.values() for name in names),
        *((ONE_INSIDE, name, None) for names in ONE_INSIDE.values() for name in names),
        *((ONE_AFTER_ANOTHER, f"IM{k:03}", 1) for k in (1, 2, 3, 4)),
        *((ONE_AFTER_ANOTHER, f"IM{k:03}", None) for k in (5, 6)),
        *((ONE_AFTER_ANOTHER, f"IM{k:03}", 2) for k in (7, 8, 9, 10)),
        *((SCOUT_FIRST, f"IM{k}", 2) for k in (3, 4, 5, 6)),
        (SCOUT_FIRST, "IM2", None),
    ],
)
def test_neighbours_count_where_no_other_series_is_mixed_in(
    series: Write, names: dict[int, list[str]], lost: str, owner: int | None
) -> None:
    for n, own in names.items():
        folder = series("in", seed=n, names=own, count=len(own)).folder
    path = folder / lost
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"\x20\x00\x0d\x00")])
    for listed in vdl.scan(folder):
        charged = {"own": listed.problems, "beside": listed.beside}
        expected = {"own": owner == listed.number, "beside": owner is None}
        assert {name: [p.path for p in there] for name, there in charged.items()} == {
            name: [str(path)] * there for name, there in expected.items()
        }


def test_every_slice_of_one_series_but_one_is_lost_in_turn_with_another(series: Write) -> None:
    truths = {n: series("in", seed=n, names=names) for n, names in IN_TURN.items()}
    for path in truths[1].files[1:]:
        path.write_bytes(path.read_bytes()[:200])
    for listed in vdl.scan(truths[1].folder):
        with pytest.warns(vdl.DicomLoadWarning, match="4 damaged files in its folder"):
            listed.load()


# A damaged file with a readable UID that no other file has, or without one, beside a CT of 6 × 8: may it be of that?
STRANGE: dict[str, tuple[dict[str, object], bool, bool]] = {  # attributes; whether cut before its UID; may be of the CT
    "a slice": ({}, False, True),
    "a slice without UID": ({}, True, True),
    "another size": ({"rows": 7, "columns": 9}, False, False),
    "other rows": ({"rows": 7}, False, False),
    "other columns": ({"columns": 9}, False, False),
    "another modality": ({"Modality": "PT"}, False, False),
    "another modality, without UID": ({"Modality": "PT"}, True, False),
    "no modality": ({"Modality": None}, False, True),
    "another class": ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, False, False),
    "another class, without UID": ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, True, False),
}


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("kind", STRANGE)
def test_a_damaged_file_is_no_slice_of_a_series_of_another_class_modality_or_size(
    series: Write, kind: str, syntax: str
) -> None:
    attributes, cut_early, may_be = STRANGE[kind]
    truth = series("in", seed=1, syntax=syntax)
    (path,) = series("in", seed=2, count=1, names=["scout.dcm"], syntax=syntax, **attributes).files
    whole = path.read_bytes()
    study = b"\x20\x00\x0d\x00" if syntax == ExplicitVRLittleEndian else b"\0\x20\0\x0d"
    path.write_bytes(whole[: whole.index(study) if cut_early else -9])
    found = vdl.scan(truth.folder)
    assert [p.path for p in found.problems] == [str(path)]
    if may_be:
        with pytest.raises(vdl.CorruptFileError, match=r"scout\.dcm"):
            vdl.load(truth.folder)
        return
    for load in (found[0].load, lambda: vdl.load(truth.folder)):
        with pytest.warns(vdl.DicomLoadWarning, match=r"1 file left out, damaged and of no series .*: scout"):
            np.testing.assert_array_equal(load().frames, truth.frames)


@pytest.mark.parametrize("uid", ["1.3.46.670589.11.0.0.12.2", "1.2.840.10008.5.1.4.1.1.66", CTImageStorage])
def test_a_file_of_a_private_class_that_is_cut_is_no_slice_of_images_of_another_class(series: Write, uid: str) -> None:
    """Raw data beside its images, with the SeriesInstanceUID of these; of a standard class, it is passed over."""
    truth = series("in", seed=1)
    path = truth.folder / "raw"
    raw = dcmread(truth.files[0])
    raw.SOPClassUID = raw.file_meta.MediaStorageSOPClassUID = uid
    raw.PixelData = bytes(len(raw.PixelData))
    dcmwrite(path, raw)
    path.write_bytes(path.read_bytes()[:-9])
    if uid == CTImageStorage:
        with pytest.raises(vdl.CorruptFileError, match="raw"):
            vdl.load(truth.folder)
        return
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        np.testing.assert_array_equal(vdl.load(truth.folder).frames, truth.frames)
    said = ["1 file left out, damaged and of no series that is listed: raw"]
    assert [str(w.message) for w in heard] == (said if uid.startswith("1.3") else [])


def test_the_size_of_a_damaged_file_without_uid_proves_nothing(series: Write) -> None:
    truth = series()
    bad = dcmread(truth.files[-1])
    del bad.SeriesInstanceUID
    bad.Rows = 99
    dcmwrite(truth.files[-1], bad)
    with pytest.raises(vdl.CorruptFileError):
        vdl.load(truth.folder)


def test_of_two_series_in_turn_the_modality_of_a_damaged_file_tells_whose_it_is(series: Write) -> None:
    for n, modality in ((1, "CT"), (2, "PT")):
        truth = series("in", seed=n, names=IN_TURN[n], Modality=modality)
    path = truth.files[-1]
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"\x20\x00\x0d\x00")])
    ct, pet = vdl.scan(truth.folder)
    ct.load()
    assert [p.path for p in pet.problems] == [str(path)]


@pytest.mark.parametrize("suffix", ["", ".dcm"])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless])
def test_a_last_slice_that_is_cut_at_any_length_is_never_lost_without_a_word(
    series: Write, suffix: str, syntax: str
) -> None:
    truth = series(names=[f"{k}{suffix}" for k in range(1, 6)], syntax=syntax)
    last = truth.files[-1]
    whole = last.read_bytes()
    delimiter = 8 if syntax == RLELossless else 0  # without which the pixels are whole
    for length in (*range(150), *range(150, len(whole), 29), *range(len(whole) - 12, len(whole) - delimiter)):
        last.write_bytes(whole[:length])
        with pytest.raises(vdl.CorruptFileError) as caught:
            vdl.load(truth.folder)
        assert caught.value.files == (str(last),), length


def test_a_series_of_damaged_files_alone_is_no_hindrance_but_said(series: Write, tmp_path: Path) -> None:
    whole, lost = series("in", seed=1), series("in", seed=2, count=3)
    for path in lost.files:
        path.write_bytes(path.read_bytes()[:-9])
    for name, load in {"load alone": vdl.load, **WAYS}.items():
        with pytest.warns(vdl.DicomLoadWarning) as heard:
            np.testing.assert_array_equal(load(whole.folder).frames, whole.frames, err_msg=name)
        assert [str(w.message).partition(": ")[0] for w in heard] == [
            "3 files left out, damaged and of no series that is listed"
        ], name


@pytest.mark.parametrize("name", WAYS)
def test_a_damaged_file_of_no_series_is_said_once_in_its_folder_and_nowhere_else(series: Write, name: str) -> None:
    for n in (1, 2):
        truth = series("in/a", seed=n, names=IN_TURN[n], SeriesNumber=n)
    (scout,) = series("in/a", seed=3, count=1, names=["scout.dcm"], rows=9).files
    scout.write_bytes(scout.read_bytes()[:-9])
    apart = series("in/b", seed=4, SeriesNumber=3)
    assert [len(s.strays) for s in vdl.scan(apart.folder.parent)] == [1, 1, 0]
    with pytest.warns(vdl.DicomLoadWarning) as heard:
        frames = WAYS[name](truth.folder).frames
    said = {str(w.message) for w in heard}
    assert said == {"1 file left out, damaged and of no series that is listed: scout.dcm"}
    assert frames.shape == truth.frames.shape
    vdl.load(apart.folder.parent, series=2)


def test_a_report_that_is_cut_short_is_no_slice_that_is_lost(series: Write, data: Path) -> None:
    truth = series()
    report = (data / "not_images" / "sr_document.dcm").read_bytes()
    (truth.folder / "report.dcm").write_bytes(report[:-30])
    assert vdl.scan(truth.folder).problems == ()
    np.testing.assert_array_equal(vdl.load(truth.folder).frames, truth.frames)


def test_the_index_of_a_medium_is_no_slice_that_is_lost(series: Write) -> None:
    truth = series()
    for content in (bytes(128) + b"DICM", b""):
        (truth.folder / "DICOMDIR").write_bytes(content)
        with pytest.warns(vdl.DicomLoadWarning, match="of no series that is listed: DICOMDIR"):
            np.testing.assert_array_equal(vdl.load(truth.folder).frames, truth.frames)


def test_a_file_with_two_series_uids_is_charged_to_its_neighbours(series: Write) -> None:
    truth = series()
    whole = truth.files[0].read_bytes()
    at = whole.index(b"\x20\x00\x0e\x00")
    length = 8 + int.from_bytes(whole[at + 6 : at + 8], "little")
    again = whole[at : at + length].replace(f"{ROOT}.1".encode(), f"{ROOT}.2".encode())
    (truth.folder / "twice.dcm").write_bytes(whole[: at + length] + again + whole[at + length :])
    (found,) = vdl.scan(truth.folder)
    assert [p.path for p in found.problems] == [str(truth.folder / "twice.dcm")]


# ------------------------------------------------------------------------------------------------------ no pixels
@pytest.mark.parametrize(
    "uid",
    [
        "1.2.840.10008.5.1.4.1.1.66",
        "1.2.840.10008.5.1.4.1.1.4.2",
        "1.2.840.10008.5.1.4.1.1.11.1",
        "1.2.840.10008.5.1.4.1.1.88.33",
        "1.2.840.10008.5.1.4.1.1.91.1",
        "1.2.840.10008.5.1.4.1.1.481.3",
        "1.2.840.10008.5.1.4.1.1.481.5",
        "1.2.840.10008.5.1.4.1.1.481.12",
        "1.3.46.670589.11.0.0.12.1",
        "1.3.12.2.1107.5.9.1",
        "1.2.840.113619.4.27",
    ],
)
@pytest.mark.parametrize("same_series", [True, False])
def test_a_class_without_an_image_is_passed_over_whatever_it_declares(
    series: Write, uid: str, same_series: bool
) -> None:
    truth = series()
    other = dcmread(truth.files[2])
    del other.PixelData
    other.SOPClassUID = other.file_meta.MediaStorageSOPClassUID = uid
    if not same_series:
        other.SeriesInstanceUID = f"{ROOT}.77"
    dcmwrite(truth.folder / "other.dcm", other)
    found = vdl.scan(truth.folder)
    assert (found.problems, [s.reason for s in found.skipped]) == ((), [Reason.NO_PIXELS])
    np.testing.assert_array_equal(vdl.load(truth.folder).frames, truth.frames)


def test_a_private_class_of_which_others_are_images_has_lost_its_pixels(series: Write) -> None:
    truth = series(SOPClassUID="1.3.46.670589.99")
    stripped = dcmread(truth.files[-1])
    del stripped.PixelData
    dcmwrite(truth.files[-1], stripped)
    with pytest.raises(vdl.CorruptFileError, match="others of its class and series are images"):
        vdl.load(truth.folder)


# ------------------------------------------------------------------------------------------------------ gaps
@pytest.mark.parametrize(
    ("lost", "left"),
    [((2,), 400), ((1, 3), 400), ((1, 3), 0), ((1, 2, 3), -9), ((3,), -9)],
    ids=["one", "every second", "every second, empty", "all but the ends", "one of two of an even rest"],
)
def test_what_has_gaps_without_its_damaged_files_is_refused(series: Write, lost: tuple[int, ...], left: int) -> None:
    """However even the rest may be: without every second slice it has but twice the distance."""
    truth = series()
    for k in lost:
        truth.files[k].write_bytes(truth.files[k].read_bytes()[:left])
    for load in (vdl.load, vdl.load_all, lambda p, **o: vdl.scan(p)[0].load(**o)):
        with pytest.raises(vdl.MissingSliceError):
            load(truth.folder, ignore="damaged")
    (result,) = vdl.load_many(vdl.scan(truth.folder), ignore="damaged")
    assert isinstance(result.error, vdl.MissingSliceError)
    with pytest.raises(vdl.CorruptFileError) as caught:
        vdl.load(truth.folder)
    assert all(isinstance(remedy, GetAgain) for remedy in caught.value.remedies)


@pytest.mark.parametrize("lost", [(0,), (4,), (0, 1), (3, 4), (0, 4)])
def test_slices_that_are_lost_at_the_ends_are_said(series: Write, lost: tuple[int, ...]) -> None:
    truth = series()
    for k in lost:
        truth.files[k].write_bytes(truth.files[k].read_bytes()[:-9])
    paths = {str(truth.files[k]) for k in lost}
    kept = np.delete(truth.frames, lost, axis=0)
    sources = {
        "load": lambda: vdl.load(truth.folder, ignore="damaged"),
        "load_all": lambda: vdl.load_all(truth.folder, ignore="damaged")[0],
        "Series.load": lambda: vdl.scan(truth.folder)[0].load(ignore="damaged"),
        "by name": lambda: vdl.scan(truth.folder)[0].load(ignore=paths),
        "load_many": lambda: next(iter(vdl.load_many(vdl.scan(truth.folder), ignore="damaged"))).volume,
        "load_many by name": lambda: next(iter(vdl.load_many(vdl.scan(truth.folder), ignore=paths))).volume,
    }
    for load in sources.values():
        with pytest.warns(vdl.DicomLoadWarning, match=f"{len(lost)} files? left out"):
            volume = load()
        assert volume is not None
        assert set(volume.ignored) == paths
        np.testing.assert_array_equal(volume.frames, kept)


def test_a_file_named_damaged_is_left_out_by_its_path(series: Write) -> None:
    truth = series()
    shutil.copy(truth.files[-1], truth.folder / "damaged")
    with pytest.warns(vdl.DicomLoadWarning, match="left out, as ignore= says: damaged"):
        np.testing.assert_array_equal(vdl.load(truth.folder, ignore=truth.folder / "damaged").frames, truth.frames)


# ------------------------------------------------------------------------------------------------------ an archive
def test_an_archive_with_damage_gives_every_good_series_and_one_error_for_each_bad_one(tmp_path: Path) -> None:
    archive = write_archive(tmp_path, 30, 4)
    counts, _ = load_stacks(tmp_path)
    became = {uid: kind for uid, kind in counts if uid not in archive.copied | archive.torn}
    assert {uid for uid, kind in became.items() if kind == "loaded"} == archive.good
    assert {uid for uid, kind in became.items() if kind == "CorruptFileError"} == archive.cut
    assert {uid for uid, kind in became.items() if kind == "warned"} == archive.foreign
    assert all(counts[uid, kind] == 1 for uid, kind in became.items())
