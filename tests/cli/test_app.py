from __future__ import annotations

import gzip
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from enhanced import multi_frame
from matplotlib.image import imread
from pets import write_pet
from pydicom.data import get_testdata_file
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    NuclearMedicineImageStorage,
    UltrasoundMultiFrameImageStorage,
    XRayAngiographicImageStorage,
)
from rich.console import Console
from sources.servers import web_server
from structure_sets import closed, rectangle, write_structure_set
from synthetic import write_dataset
from typer.testing import CliRunner

import vtkdicomload as vdl
from vtkdicomload.cli import app as cli
from vtkdicomload.cli import listing, printing, terminal
from vtkdicomload.pictures import rendering

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result
    from pydicom import Dataset
    from synthetic import Truth

    Write = Callable[..., Truth]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(a) for a in arguments])


def script(*arguments: object, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A run of its own, its output a pipe."""
    return subprocess.run(
        [sys.executable, "-m", "vtkdicomload", *map(os.fsencode, map(str, arguments))],
        capture_output=True,
        env={**os.environ, **environment},
        check=False,
    )


_IN_TURN = """
import sys
from itertools import groupby
from vtkdicomload.cli.app import main

lines = [list(line) for between, line in groupby(sys.argv[1:], ";".__eq__) if not between]
for line in lines:
    sys.argv[1:] = line
    try:
        main()
    except SystemExit as end:
        if end.code:
            sys.exit(f"{line}: {end.code}")
    sys.stdout.flush()
    sys.stdout.buffer.write(b"\\0")
"""


def scripts(*lines: tuple[object, ...], **environment: str) -> tuple[list[bytes], bytes]:
    """The output of several commands in turn in one process, its output a pipe, and its errors; no command fails."""
    arguments = [os.fsencode(str(argument)) for line in lines for argument in (*line, ";")]
    done = subprocess.run(
        [sys.executable, "-c", _IN_TURN, *arguments],
        capture_output=True,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *outputs, rest = done.stdout.split(b"\0")
    assert (len(outputs), rest) == (len(lines), b"")
    return outputs, done.stderr


def python_lines(output: str) -> list[str]:
    return [line[line.index("import vtkdicomload") :] for line in output.splitlines() if "import vtkdicomload" in line]


# ---------------------------------------------------------------------------------------------------- imports
_LIBRARIES = {
    *("numpy", "numpy.ma", "pydicom", "vtkmodules", "imagecodecs", "matplotlib", "rich.console", "natsort", "fsspec"),
    "concurrent.futures.process",
}


@pytest.mark.parametrize(
    ("line", "needed"),
    [(("--help",), set()), (("--version",), set()), (("info", "--help"), set()), (("info",), {"numpy"})],
)
def test_a_command_imports_what_it_works_with(series: Write, line: tuple[str, ...], needed: set[str]) -> None:
    arguments = [*line, str(series().folder)] if line == ("info",) else list(line)
    code = f"""
import sys
from vtkdicomload.cli.app import main
sys.argv[1:] = {arguments!r}
try:
    main()
except SystemExit:
    pass
print(*sys.modules, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = _LIBRARIES & set(done.stderr.split())
    assert imported == needed


# ---------------------------------------------------------------------------------------------------- info
def test_info_lists_geometry_encoding_checks_and_the_line(series: Write) -> None:
    written = series(count=5)
    result = run("info", written.folder)
    assert result.exit_code == 0, result.output
    for words in (
        "1 series in",
        "5 slices × 6 rows × 8 columns",
        "0.5 × 0.8 × 2.5 mm",
        "(-10, -20, 30) mm LPS of frames[0, 0, 0]",
        "x (1, 0, 0), y (0, 1, 0), z (0, 0, 1)",
        "Explicit VR Little Endian",
        "5 headers whole",
        "gaps all 2.5 mm",
    ):
        assert words in result.stdout
    assert result.stderr == ""


def test_info_counts_the_header_of_a_file_of_many_frames_once(data: Path) -> None:
    for name in ("mosaic", "enh_mr_phase"):
        assert "checks     1 header whole; " in run("info", data / name).stdout


def test_the_line_of_info_loads_the_series(series: Write) -> None:
    written = series("a folder's [bold] name")
    (line,) = python_lines(run("info", written.folder).stdout)
    names: dict[str, Any] = {}
    exec(line, names)  # what a user pastes
    assert np.array_equal(names["volume"].frames, written.frames)


def test_the_lines_of_several_series_choose(series: Write) -> None:
    first, second = series("study/a", seed=1), series("study/b", seed=2, count=7)
    lines = python_lines(run("info", first.folder.parent).stdout)
    for line, written in zip(lines, (first, second), strict=True):
        names: dict[str, Any] = {}
        exec(line, names)  # what a user pastes
        assert np.array_equal(names["volume"].frames, written.frames)


def test_info_of_a_refused_series_says_why_and_the_line_goes_past_it(series: Write) -> None:
    for seed in (1, 2):
        written = series(seed=seed, SeriesInstanceUID="1.2.3", AcquisitionNumber=seed)
    result = run("info", written.folder)
    assert result.exit_code == 0
    assert "loads      no: 2 volumes of 5 slices" in result.stdout
    (line,) = python_lines(result.stdout)
    assert "stack=0" in line
    names: dict[str, Any] = {}
    exec(line, names)  # what a user pastes
    assert names["volume"].frames.shape == (5, 6, 8)


def test_info_of_a_damaged_file_is_a_listing_and_the_line_leaves_it_out(series: Write) -> None:
    written = series()
    written.files[4].write_bytes(written.files[4].read_bytes()[:-9])
    result = run("info", written.folder)
    assert result.exit_code == 0
    assert "damaged: " in result.stdout
    assert "loads      no: " in result.stdout
    (line,) = python_lines(result.stdout)
    names: dict[str, Any] = {}
    with pytest.warns(vdl.DicomLoadWarning, match="left out"):
        exec(line, names)  # what a user pastes
    assert np.array_equal(names["volume"].frames, written.frames[:4])


def test_verify_reads_every_frame_twice(series: Write) -> None:
    result = run("info", series().folder, "--verify")
    assert result.exit_code == 0
    assert "5 of 5 frames equal to" in result.stdout


def test_many_series_are_described_up_to_a_number(series: Write) -> None:
    for seed in range(10):
        written = series(seed=seed, count=1)
    result = run("info", written.folder)
    assert "and 2 more: --series N" in result.stdout
    assert "[9]" in run("info", written.folder, "--series", "9").stdout


def test_files_of_a_folder_give_the_folder_in_the_line(series: Write) -> None:
    written = series()
    (line,) = python_lines(run("info", *written.files).stdout)
    assert repr(str(written.folder)) in line


# ---------------------------------------------------------------------------------------------------- JSON
KEYS = {
    "row", "number", "modality", "description", "uid", "slices", "rows", "columns", "spacing", "origin", "direction",
    "regular", "plane", "encoding", "transfer_syntax", "files", "loads", "reason", "assumptions", "stacks", "python",
    "date", "study_uid", "frame_of_reference_uid", "folder", "refusal",
}  # fmt: skip


def test_json_has_stable_keys(series: Write) -> None:
    written = series("a")
    (written.folder / "notes.txt").write_text("no image")
    result = run("info", written.folder, "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert set(found) == {"version", "source", "series", "problems", "skipped"}
    assert found["version"] == vdl.__version__
    assert [Path(s["path"]).name for s in found["skipped"]] == ["notes.txt"]
    (one,) = found["series"]
    assert set(one) == KEYS
    volume = vdl.load(written.folder)
    assert one["loads"] is True
    assert one["reason"] is None
    assert (one["slices"], one["rows"], one["columns"]) == volume.frames.shape
    assert one["spacing"] == pytest.approx(volume.spacing)
    assert one["origin"] == pytest.approx(volume.geometry.origin)
    assert np.array_equal(one["direction"], volume.geometry.direction)
    assert one["transfer_syntax"] == "1.2.840.10008.1.2.1"
    assert one["uid"] == written.series_uid
    assert one["plane"] == "axial"


def test_json_names_the_files_on_request(series: Write) -> None:
    written = series("a")
    (one,) = json.loads(run("info", written.folder, "--json", "--files").stdout)["series"]
    assert set(one) == {*KEYS, "paths"}
    assert one["paths"] == list(map(str, written.files))
    assert one["folder"] == str(written.folder)
    assert run("info", written.folder, "--files").exit_code == 2


def test_a_series_is_named_by_its_uid_or_its_folder(series: Write, tmp_path: Path) -> None:
    first, second = series("study/a", seed=1), series("study/b", seed=2)
    said = run("info", tmp_path / "study", "--series", "study/b").stdout
    assert f"folder     {second.folder}" in said
    assert f"series='{second.series_uid}')" in said
    for line, written in zip(
        re.findall(r"import vtkdicomload.*", run("info", tmp_path / "study").stdout), (first, second), strict=True
    ):
        names: dict[str, Any] = {}
        exec(line, names)  # what a user pastes
        assert (names["volume"].frames == written.frames).all()


def test_json_of_a_refused_series_and_a_damaged_file(series: Write) -> None:
    for seed in (1, 2):
        written = series(seed=seed, SeriesInstanceUID="1.2.3", AcquisitionNumber=seed)
    written.files[0].write_bytes(written.files[0].read_bytes()[:-9])
    found = json.loads(run("info", written.folder, "--json").stdout)
    (one,) = found["series"]
    assert one["loads"] is False
    assert one["reason"]
    assert [s["slices"] for s in one["stacks"]] == [5, 4]
    assert [p["path"] for p in found["problems"]] == [str(written.files[0])]


@pytest.mark.parametrize("name", ["small_ct", "asl_4d", "mono1", "comp_rle", "enh_mr_phase", "rgb_stack", "seg_1bit"])
def test_json_of_real_series_is_json(data: Path, name: str) -> None:
    result = run("info", data / name, "--json")
    assert result.exit_code == 0
    assert all(set(one) == KEYS for one in json.loads(result.stdout)["series"])


def test_json_of_an_error_says_it(series: Write, tmp_path: Path) -> None:
    done = script("info", tmp_path / "missing", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert set(found) == {"version", "source", "series", "problems", "skipped", "error"}
    assert found["series"] == []
    assert done.stderr.decode() == f"error: {found['error']}\n"
    assert "there is nothing at" in found["error"]
    wrong = run("info", series("in").folder, "--json", "--series", "7")
    assert wrong.exit_code == 1
    assert json.loads(wrong.stdout)["error"].startswith("--series 7: no such series")
    assert len(json.loads(wrong.stdout)["series"]) == 1


def test_json_of_one_series(series: Write) -> None:
    first, _ = series("study/a", seed=1), series("study/b", seed=2)
    found = json.loads(run("info", first.folder.parent, "--json", "--series", "1").stdout)
    assert [one["row"] for one in found["series"]] == [1]
    assert "error" not in found


# ---------------------------------------------------------------------------------------------------- show
def test_show_writes_a_picture(data: Path, tmp_path: Path) -> None:
    result = run("show", data / "small_ct", "-o", tmp_path / "out.png")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("option", [[], ["--fill"], ["--colormap", "viridis"]])
def test_show_draws_structures_over_a_series(series: Write, tmp_path: Path, option: list[str]) -> None:
    written = series("ct", count=12, rows=20, columns=24)
    lines = [closed(rectangle(-8, -16, -2, -8, z)) for z in (30, 32.5, 35)]
    structures = write_structure_set(tmp_path / "rs.dcm", {"it": lines})
    plain, over = tmp_path / "plain.png", tmp_path / "over.png"
    for path, options in ((plain, []), (over, ["--overlay", structures, *option])):
        result = run("show", written.folder, "-o", path, *options)
        assert result.exit_code == 0, result.output
    assert plain.read_bytes() != over.read_bytes()


def test_show_draws_uptake_over_a_series(series: Write, tmp_path: Path) -> None:
    written = series("ct", count=5, rows=6, columns=8)
    write_pet(tmp_path / "pet")
    result = run("show", written.folder, "--overlay", tmp_path / "pet", "-o", tmp_path / "over.png")
    assert result.exit_code == 0, result.output
    result = run("show", tmp_path / "pet", "--rescale", "suv-bw", "--colormap", "hot", "-o", tmp_path / "pet.png")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("kind", ["contours", "another volume"])
def test_show_offers_the_way_past_another_frame_of_reference(series: Write, tmp_path: Path, kind: str) -> None:
    written = series("ct", count=12, rows=20, columns=24)
    if kind == "contours":
        lines = [closed(rectangle(-8, -16, -2, -8, z)) for z in (30, 32.5, 35)]
        over = write_structure_set(tmp_path / "rs.dcm", {"it": lines}, frame_of_reference=None, series="1.2.3")
    else:
        over = series("other", seed=2, FrameOfReferenceUID=None).folder
    refused = run("show", written.folder, "--overlay", over, "-o", tmp_path / "out.png")
    assert refused.exit_code == 1
    assert "→ --frame-of-reference ignore (once you know that both lie in one place)" in refused.stderr
    told = ["--frame-of-reference", "ignore"]
    result = run("show", written.folder, "--overlay", over, *told, "-o", tmp_path / "out.png")
    assert result.exit_code == 0, result.output


def test_show_tells_that_an_overlay_is_left_out(series: Write, tmp_path: Path) -> None:
    """It is drawn over a volume, and there is none."""
    gap = series("gap", count=8).folder
    sorted(gap.iterdir())[3].unlink()
    drawn = ["--overlay", series("other", seed=2).folder, "--colormap", "hot", "-o", tmp_path / "out.png"]
    result = run("show", gap, *drawn)
    assert result.exit_code == 0, result.output
    assert "1 slice missing" in result.stderr
    assert "left out, as they are for one volume: --overlay, --colormap" in result.stderr


def test_show_reads_an_overlay_with_the_storage_options(series: Write, tmp_path: Path) -> None:
    written = series("ct", count=12, rows=20, columns=24)
    lines = [closed(rectangle(-8, -16, -2, -8, z)) for z in (30, 32.5, 35)]
    structures = write_structure_set(tmp_path / "rs.dcm", {"it": lines})
    image = series("other", seed=2, count=1).files[0]
    with web_server() as web:
        web.login = "Bearer of it"
        for path, named in ((structures, []), (image, ["--overlay-series", "0"])):
            draw = [
                "show",
                written.folder,
                "-o",
                tmp_path / "out.png",
                "--overlay",
                web.put(path.name, path.read_bytes()),
            ]
            refused = run(*draw, *named)
            assert refused.exit_code == 1
            assert "401" in refused.stderr
            result = run(*draw, *named, "--storage-option", f"headers={json.dumps({'Authorization': web.login})}")
            assert result.exit_code == 0, result.output


def test_show_offers_for_an_overlay_what_goes_past_its_own_error(series: Write, tmp_path: Path) -> None:
    written = series("ct", count=12, rows=20, columns=24)
    series("over/a", seed=2), series("over/b", seed=3)
    several = run("show", written.folder, "--overlay", tmp_path / "over", "-o", tmp_path / "out.png")
    assert several.exit_code == 1
    assert "over: 2 series, and none chosen → --overlay-series 0 or 1" in several.stderr
    gap = series("gap", seed=4, count=8).folder
    sorted(gap.iterdir())[3].unlink()
    uneven = run("show", written.folder, "--overlay", gap, "-o", tmp_path / "out.png")
    assert uneven.exit_code == 1
    assert "→ --irregular resample" in uneven.stderr
    result = run("show", written.folder, "--overlay", gap, "--irregular", "resample", "-o", tmp_path / "out.png")
    assert result.exit_code == 0, result.output


def test_show_draws_the_series_and_stack_of_an_overlay_that_are_named(series: Write, tmp_path: Path) -> None:
    written = series("ct", count=12, rows=20, columns=24)
    for seed in (1, 2):
        series("over/two", seed=seed, SeriesInstanceUID="1.2.3", AcquisitionNumber=seed, SeriesDescription="two")
    series("over/one", seed=3)
    draw = ["show", written.folder, "--overlay", tmp_path / "over", "-o", tmp_path / "out.png"]
    stacks = run(*draw, "--overlay-series", "two")
    assert stacks.exit_code == 1
    assert "→ --overlay-stack 0 or 1\n" in stacks.stderr
    pictures = set()
    for chosen in (["one"], ["two", "--overlay-stack", "0"], ["two", "--overlay-stack", "1"]):
        result = run(*draw, "--overlay-series", *chosen)
        assert result.exit_code == 0, result.output
        pictures.add((tmp_path / "out.png").read_bytes())
    assert len(pictures) == 3
    none = run(*draw, "--overlay-series", "9")
    assert "--overlay-series 9: no such series; there are rows 0 to 1" in none.stderr
    none = run(*draw, "--overlay-series", "two", "--overlay-stack", "4")
    assert "--overlay-stack 4: there are 2: 0" in none.stderr


def test_show_draws_one_segment_of_several(data: Path, tmp_path: Path) -> None:
    draw = ["show", data / "highdicom" / "legacy_ct.dcm", "--overlay", data / "highdicom" / "seg_binary.dcm"]
    pictures = set()
    for number, chosen in enumerate(([], ["--overlay-stack", "Bone"], ["--overlay-stack", "Marrow", "--fill"])):
        path = tmp_path / f"{number}.png"
        assert run(*draw, *chosen, "-o", path).exit_code == 0
        pictures.add(path.read_bytes())
    assert len(pictures) == 3


@pytest.mark.parametrize(
    "option",
    [
        ["--overlay-series", "0"],
        ["--overlay-stack", "0"],
        ["--fill"],
        ["--threshold", "0.5"],
        ["--frame-of-reference", "ignore"],
    ],
)
def test_show_refuses_options_for_what_is_not_drawn_over(data: Path, tmp_path: Path, option: list[str]) -> None:
    result = run("show", data / "small_ct", "-o", tmp_path / "out.png", *option)
    assert result.exit_code == 2
    assert "--overlay is missing" in " ".join(result.stderr.replace("│", " ").split())


def test_show_draws_fractional_segments_from_a_threshold_on(data: Path, tmp_path: Path) -> None:
    ct, fractions = data / "small_ct", data / "highdicom" / "seg_fractional.dcm"
    told = ["--frame-of-reference", "ignore", "-o", tmp_path / "out.png"]
    refused = run("show", ct, "--overlay", fractions, *told)
    assert refused.exit_code == 1
    assert "a threshold is needed: 0.5" in refused.stderr
    assert run("show", ct, "--overlay", fractions, "--threshold", "0.5", *told).exit_code == 0
    image = run("show", ct, "--overlay", ct, "--threshold", "0.5", *told)
    assert image.exit_code == 1
    assert "--threshold is for segments" in image.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--rescale", "suv"], "rescale must be True, False or one of"),
        (["--colormap", "none"], "matplotlib has no colour map"),
        (["--overlay", "nowhere"], "nowhere"),
    ],
)
def test_show_refuses_what_it_cannot_draw(series: Write, tmp_path: Path, options: list[str], words: str) -> None:
    result = run("show", series().folder, "-o", tmp_path / "out.png", *options)
    assert result.exit_code != 0
    assert words in result.stderr
    assert not (tmp_path / "out.png").exists()


def test_show_of_a_refused_series_draws_and_says_why(series: Write, tmp_path: Path) -> None:
    for seed in (1, 2):
        written = series(seed=seed, SeriesInstanceUID="1.2.3", AcquisitionNumber=seed)
    result = run("show", written.folder, "-o", tmp_path / "out.png")
    assert result.exit_code == 0
    assert "2 volumes of 5 slices" in result.stderr
    assert "→ --stack 0 or 1\n" in result.stderr
    assert (tmp_path / "out.png").is_file()
    assert run("show", written.folder, "--stack", "1", "-o", tmp_path / "b.png").stderr == ""


def test_show_of_several_series_is_an_overview(series: Write, tmp_path: Path) -> None:
    first, second = series("study/a", seed=1), series("study/b", seed=2)
    result = run("show", first.folder.parent, "-o", tmp_path / "out.png")
    assert result.exit_code == 0
    assert "2 series, and none chosen → --series 0 or 1" in result.stderr
    for choice in ("0", second.series_uid, "largest"):
        chosen = run("show", first.folder.parent, "--series", choice, "-o", tmp_path / "out.png")
        assert (chosen.exit_code, chosen.stderr) == (0, "")


def test_show_of_what_cannot_be_drawn_writes_the_reason(series: Write, tmp_path: Path) -> None:
    result = run("show", series(HighBit=3).folder, "-o", tmp_path / "out.png")
    assert result.exit_code == 1
    assert "HighBit 3" in result.stderr
    assert (tmp_path / "out.png").is_file()


@pytest.mark.parametrize("options", [("--series", "9"), ("--stack", "x"), ("--ignore", "x.dcm")])
def test_a_choice_that_does_not_exist(series: Write, tmp_path: Path, options: tuple[str, str]) -> None:
    result = run("show", series().folder, *options, "-o", tmp_path / "out.png")
    assert result.exit_code == 1
    assert result.stderr.startswith((f"error: {' '.join(options)}: there", f"error: {' '.join(options)}: no such"))


def test_files_are_ignored_by_name_or_path(series: Write, tmp_path: Path) -> None:
    written = series()
    files = ("--ignore", written.files[-1], "--ignore", written.files[0].name)
    said = run("show", written.folder, *files, "-o", tmp_path / "out.png").stderr
    assert said == "warning: 2 files left out, as ignore= says: 1-1.dcm, 1-5.dcm\n"


@pytest.mark.parametrize(
    "given", [("--ignore", "damaged"), ("--ignore", "b4.dcm"), ("--ignore", "damaged", "--ignore", "b0.dcm"), ()]
)
@pytest.mark.parametrize("of", ["one series", "a series of two", "all as one"])
@pytest.mark.parametrize("as_json", [False, True])
def test_the_python_line_of_info_runs_as_it_is_printed(
    series: Write, given: tuple[str, ...], of: str, as_json: bool
) -> None:
    names = [f"b{k}.dcm" for k in range(5)]
    edit = (lambda d, k: setattr(d, "SeriesInstanceUID", f"1.2.{k + 1}")) if of == "all as one" else None
    written = series("in", names=names, seed=2, edit=edit)
    if of == "a series of two":
        series("in", names=[f"a{k}.dcm" for k in range(5)], seed=1)
    written.files[4].write_bytes(written.files[4].read_bytes()[:-9])
    options = ("--series", "all") if of == "all as one" else ("--series", "1") if of == "a series of two" else ()
    result = run("info", written.folder, *given, *options, *(["--json"] if as_json else []))
    assert result.exit_code == 0
    printed = re.search(r"import vtkdicomload as vdl; volume = vdl\.load\(.*\)", result.stdout)
    assert printed
    names_there: dict[str, Any] = {}
    line = json.loads(result.stdout)["series"][0]["python"] if as_json else printed[0]
    with pytest.warns(vdl.DicomLoadWarning, match="left out"):
        exec(line, names_there)
    first = 1 if "b0.dcm" in given else 0
    np.testing.assert_array_equal(names_there["volume"].frames, written.frames[first:4])


def test_a_damaged_file_of_no_series_is_said_by_commands_too(series: Write, tmp_path: Path) -> None:
    folder = series("in", seed=1).folder
    (scout,) = series("in", seed=2, count=1, rows=9, names=["scout.dcm"]).files
    scout.write_bytes(scout.read_bytes()[:-9])
    for command in (
        ("show", "-o", tmp_path / "a.png"),
        ("surface", "--iso", "0", "-o", tmp_path / "a.stl"),
        ("bench",),
    ):
        done = run(*command, folder)
        sentence = "warning: 1 file left out, damaged and of no series that is listed: scout.dcm\n"
        assert (done.exit_code, done.stderr) == (0, sentence)


def test_many_copies_are_left_out_in_one_line(series: Write, tmp_path: Path) -> None:
    written = series("a", count=9)
    shutil.copytree(written.folder, written.folder / "b")
    result = run("show", written.folder, "-o", tmp_path / "out.png")
    assert result.exit_code == 0
    assert result.stderr == (
        "warning: 9 of 18 files are copies of others, byte for byte (1-1.dcm, 1-2.dcm, 1-3.dcm and 6 more): the first "
        "of each is taken\n"
    )


def test_an_output_that_cannot_be_written(series: Write, tmp_path: Path) -> None:
    result = run("show", series().folder, "-o", tmp_path / "missing" / "out.png")
    assert result.exit_code == 1
    assert result.stderr == f"error: {tmp_path / 'missing' / 'out.png'}: No such file or directory\n"


def test_warnings_are_one_line_each(series: Write, tmp_path: Path) -> None:
    folder = series(ImagePositionPatient=None, ImageOrientationPatient=None).folder
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        result = run("show", folder, "-o", tmp_path / "out.png")
    assert result.exit_code == 0
    assert result.stderr
    assert all(line.startswith("warning: ") for line in result.stderr.splitlines())


def uneven(dataset: Any, k: int) -> None:
    dataset.ImagePositionPatient[2] = [0, 2, 4, 9, 11][k]


def test_show_with_a_window(series: Write, tmp_path: Path) -> None:
    folder = series().folder
    for window in ("bone", "-600,1500", "percentiles"):
        assert run("show", folder, "--window", window, "-o", tmp_path / f"{window}.png").exit_code == 0
    result = run("show", folder, "--window", "bones", "-o", tmp_path / "out.png")
    assert result.exit_code == 1
    assert result.stderr.startswith(
        "error: there is no window of that name (a str of 5 characters); for CT there are abdomen"
    )
    assert result.stderr.endswith("or center and width, as 40,400\n")
    assert not (tmp_path / "out.png").exists()


def test_show_with_a_window_needs_one_series(series: Write, tmp_path: Path) -> None:
    first, _ = series("study/a", seed=1), series("study/b", seed=2)
    result = run("show", first.folder.parent, "--window", "bone", "-o", tmp_path / "out.png")
    assert result.exit_code == 1
    assert "--window is for one series → --series 0 or 1" in result.stderr


def test_show_of_irregular_slices(series: Write, tmp_path: Path) -> None:
    folder = series("in", edit=uneven).folder
    refused = run("show", folder, "-o", tmp_path / "out.png", "--window", "brain")
    assert refused.exit_code == 0
    assert "→ --irregular resample or keep\n" in refused.stderr
    for irregular in ("resample", "keep"):
        result = run("show", folder, "--irregular", irregular, "-o", tmp_path / f"{irregular}.png")
        assert result.exit_code == 0
        assert "not one volume" not in result.stderr
        assert (tmp_path / f"{irregular}.png").is_file()
    assert run("show", folder, "--irregular", "guess").exit_code == 2


def test_show_and_bench_leave_files_out(series: Write, tmp_path: Path) -> None:
    written = series("in")
    written.files[4].write_bytes(written.files[4].read_bytes()[:-9])
    written.files[0].write_bytes(written.files[0].read_bytes()[:-9])
    out = tmp_path / "out.png"
    one = ("--ignore", written.files[4])
    both = (*one, "--ignore", written.files[0].name)  # a name alone, as `load` takes it
    assert "not one volume" in run("show", written.folder, *one, "-o", out).stderr
    said = run("show", written.folder, *both, "-o", out).stderr
    assert said == "warning: 2 files left out, as ignore= says: 1-1.dcm, 1-5.dcm\n"
    for command in (("show", written.folder, "-o", out), ("bench", written.folder, "--rounds", "1")):
        done = run(*command, "--ignore", "damaged")
        assert (done.exit_code, done.stderr) == (0, "warning: 2 files left out, damaged: 1-1.dcm, 1-5.dcm\n")
    assert run("bench", written.folder, *one, "--rounds", "1").exit_code == 1
    assert run("bench", written.folder, *both, "--rounds", "1").exit_code == 0
    every = [word for path in written.files for word in ("--ignore", path)]
    result = run("show", written.folder, *every, "-o", out)
    assert result.exit_code == 1
    assert "are ignored" in result.stderr


# ---------------------------------------------------------------------------------------------------- render, surface
def test_render_draws_a_body_and_a_surface(ct_head: Path, tmp_path: Path) -> None:
    # In processes of their own: what VTK draws depends on what was imported before.
    first = script("render", ct_head, "-o", tmp_path / "a.png")
    if b"VTK cannot render here" in first.stderr:
        pytest.skip("VTK finds no OpenGL here")
    assert (first.returncode, first.stderr) == (0, b"")
    others = {"b": ("--iso", "1300", "--view", "left"), "c": ("--window", "1500,800")}
    outputs, errors = scripts(*(("render", ct_head, "-o", tmp_path / f"{k}.png", *o) for k, o in others.items()))
    assert errors == b""
    assert outputs[1].decode().endswith("window center 1500, width 800 (as given), from the front\n")
    for name in ("a", *others):
        picture = imread(tmp_path / f"{name}.png")[..., 0]
        assert picture[200:-100, 100:-100].std() > 0.1, name


def test_surface_is_written_and_described(ct_head: Path, tmp_path: Path) -> None:
    result = run("surface", ct_head, "--iso", "1300", "-o", tmp_path / "bone.ply")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "surface at 1300: 75166 triangles, x 26.5 to 174.3" in result.stdout
    assert result.stdout.endswith(" in LPS mm\n")
    assert (tmp_path / "bone.ply").read_bytes().startswith(b"ply")


@pytest.mark.parametrize("command", [("render",), ("surface", "--iso", "0")], ids=["render", "surface"])
def test_render_and_surface_say_what_goes_past_a_refusal(
    series: Write, tmp_path: Path, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "require_rendering", lambda: None)
    out = ("-o", tmp_path / ("out.stl" if command[0] == "surface" else "out.png"))
    irregular = series("irregular", edit=uneven).folder
    assert "→ --irregular resample\n" in run(*command, irregular, *out).stderr
    assert run(*command, irregular, "--irregular", "keep", *out).exit_code == 2  # of uneven slices no body is drawn
    for seed in (1, 2):
        stacked = series("stacked", seed=seed, SeriesInstanceUID="1.2.3", AcquisitionNumber=seed).folder
    assert "→ --stack 0 or 1\n" in run(*command, stacked, *out).stderr
    (stacked / "cut.dcm").touch()  # no stack goes past a damaged file
    assert "--ignore" in run(*command, stacked, *out).stderr
    assert "--stack" not in run(*command, stacked, *out).stderr
    study = series("study/a", seed=3).folder.parent
    series("study/b", seed=4)
    assert run(*command, study, *out).stderr == "error: 2 series, and none chosen → --series 0 or 1\n"
    if command[0] == "surface":
        colour = series("colour", dtype=np.uint8, SamplesPerPixel=3, PhotometricInterpretation="RGB").folder
        assert "is colour" in run(*command, colour, *out).stderr
    damaged = series("damaged")
    damaged.files[2].write_bytes(b"")
    assert damaged.files[2].name in run(*command, damaged.folder, *out).stderr
    assert not out[1].exists()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dtype": np.uint8, "SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "colour, drawn flat"),
        ({"count": 1}, "one slice, drawn flat"),
    ],
)
def test_render_draws_what_has_no_body_flat(
    series: Write, tmp_path: Path, options: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "require_rendering", lambda: None)
    result = run("render", series("in", **options).folder, "-o", tmp_path / "a.png")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.endswith(f"{words}\n")
    assert imread(tmp_path / "a.png")[..., 0].std() > 0.05


def _run_of_frames(sop_class: str, modality: str, **attributes: Any) -> Dataset:
    """Twelve frames of a ball, with a mark at row 0 and column 0 of each, that nothing places."""
    d = multi_frame(12, sop_class, modality)
    z, y, x = np.mgrid[:12, :40, :48]
    pixels = np.where(np.hypot(np.hypot((z - 6) * 3, y - 20), x - 24) < 15, 1000, 0).astype("<u2")
    pixels[:, :4, :4] = 2000
    d.Rows, d.Columns, d.PixelData = 40, 48, pixels.tobytes()
    for keyword, value in attributes.items():
        setattr(d, keyword, value)
    return d


UNPLACED = {
    "projection run": (XRayAngiographicImageStorage, "XA", {"ImagerPixelSpacing": [0.3, 0.3], "FrameTime": 40}),
    "cine": (UltrasoundMultiFrameImageStorage, "US", {"FrameTime": 33}),
    "dental cone beam": (CTImageStorage, "CT", {"PixelSpacing": [0.4, 0.4], "SliceThickness": 0.4}),
    "dynamic nuclear study": (
        NuclearMedicineImageStorage,
        "NM",
        {"PixelSpacing": [4, 4], "FrameIncrementPointer": 0x00540100, "TimeSliceVector": list(range(1, 13))},
    ),
    "reconstruction": (
        NuclearMedicineImageStorage,
        "NM",
        {"PixelSpacing": [4, 4], "SpacingBetweenSlices": 4, "SliceVector": list(range(1, 13))},
    ),
}


@pytest.mark.parametrize("kind", UNPLACED)
def test_what_has_no_place_in_the_patient_is_listed_drawn_and_surfaced_as_it_is_loaded(
    tmp_path: Path, kind: str
) -> None:
    sop_class, modality, attributes = UNPLACED[kind]
    write_dataset(tmp_path / "1.dcm", _run_of_frames(sop_class, modality, **attributes))
    shown = run("show", tmp_path / "1.dcm", "-o", tmp_path / "a.png")
    assert shown.exit_code == 0
    assert shown.stdout.startswith(f"{tmp_path / 'a.png'}: #3 {modality}")
    assert imread(tmp_path / "a.png")[..., 0].std() > 0.05
    surfaced = run("surface", tmp_path / "1.dcm", "--iso", "500", "-o", tmp_path / "a.stl")
    assert surfaced.exit_code == 0
    assert "from the first voxel along columns, rows and slices: it has no place in the patient" in surfaced.stdout
    (listed,) = json.loads(run("info", tmp_path / "1.dcm", "--json").stdout)["series"]
    assert (listed["loads"], listed["slices"], listed["origin"]) == (True, 12, None)


@pytest.mark.parametrize("attributes", [{"ImagerPixelSpacing": [0.2, 0.2]}, {}], ids=["with", "without"])
def test_a_radiograph_is_listed_drawn_and_surfaced(tmp_path: Path, attributes: dict[str, Any]) -> None:
    d = _run_of_frames(ComputedRadiographyImageStorage, "CR", **attributes)
    d.NumberOfFrames, d.PixelData = 1, d.PixelData[5 * 40 * 48 * 2 : 6 * 40 * 48 * 2]
    write_dataset(tmp_path / "1.dcm", d)
    assert run("show", tmp_path / "1.dcm", "-o", tmp_path / "a.png").exit_code == 0
    surfaced = run("surface", tmp_path / "1.dcm", "--iso", "500", "-o", tmp_path / "a.stl")
    assert surfaced.exit_code == 0
    assert ("in mm from" if attributes else "in pixels, whose size the files do not say") in surfaced.stdout
    (listed,) = json.loads(run("info", tmp_path / "1.dcm", "--json").stdout)["series"]
    assert listed["loads"]


def test_surface_of_irregular_slices_and_of_what_is_left(series: Write, tmp_path: Path) -> None:
    written = series("in", edit=uneven)
    options = ("--iso", "0", "-o", tmp_path / "a.stl")
    assert run("surface", written.folder, *options, "--irregular", "resample").exit_code == 0
    assert run("surface", written.folder, *options, "--ignore", written.files[3]).exit_code == 1
    left = ("--ignore", written.files[3], "--ignore", written.files[4])
    assert run("surface", written.folder, *options, *left).exit_code == 0


def test_an_iso_value_outside_the_range(series: Write, tmp_path: Path) -> None:
    result = run("surface", series("in").folder, "--iso", "9000", "-o", tmp_path / "a.stl")
    assert result.exit_code == 1
    assert "no surface at 9000 HU: the values of #1 CT series 1 run from -80 to 159 HU" in result.stderr
    assert not (tmp_path / "a.stl").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("surface", "--iso", "1", "-o", "a.png"), "written as .stl, .ply, .obj, .vtp"),
        (("surface", "-o", "a.stl"), "--iso"),
        (("render", "-o", "a.jpg"), "written as PNG"),
        (("render", "--view", "sideways"), "sideways"),
        (("render", "--iso", "much"), "number"),
    ],
)
def test_wrong_options_of_render_and_surface(series: Write, arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments, series().folder)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.replace("│", " ").split())


# ---------------------------------------------------------------------------------------------------- hints
def hint(path: object) -> str:
    """The one line on stderr for a source that is none; the same from both commands."""
    results = [run("info", path), run("show", path)]
    for result in results:
        assert result.exit_code == 1
        assert result.stdout == ""
        assert result.stderr.startswith("error: ")
        assert "Traceback" not in result.stderr
        assert result.stderr.count("\n") == 1
    assert results[0].stderr == results[1].stderr
    return results[0].stderr


def test_the_line_for_a_series_in_an_archive_of_a_folder_loads_it(series: Write, tmp_path: Path) -> None:
    truth = series("written")
    (tmp_path / "inbox").mkdir()
    with zipfile.ZipFile(tmp_path / "inbox" / "scan.zip", "w") as archive:
        for path in truth.files:
            archive.write(path, path.name)
    result = run("info", tmp_path / "inbox", "--archives", "--json")
    names: dict[str, Any] = {}
    exec(json.loads(result.stdout)["series"][0]["python"], names)
    np.testing.assert_array_equal(names["volume"].frames, truth.frames)


def test_hint_for_a_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "scan.zip", "w") as archive:
        archive.writestr("notes.txt", b"these are notes")
    assert hint(tmp_path) == "error: scan.zip is a zip archive → --archives\n"
    assert "scan.zip: 1 not DICOM" in hint(tmp_path / "scan.zip")


@pytest.mark.parametrize("name", ["t1.nii", "t1.nii.gz"])
def test_hint_for_nifti(tmp_path: Path, name: str) -> None:
    header = b"\x5c\x01\0\0" + bytes(400)
    (tmp_path / name).write_bytes(gzip.compress(header) if name.endswith("gz") else header)
    assert f"{name} is a NIfTI" in hint(tmp_path / name)


def test_a_dicomdir_without_its_files_is_told_as_damage(tmp_path: Path) -> None:
    source = get_testdata_file("DICOMDIR")
    assert isinstance(source, str)
    shutil.copy(source, tmp_path / "DICOMDIR")
    assert "DICOMDIR lists it, and it is not there" in run("info", tmp_path / "DICOMDIR").stdout.replace("\n", " ")
    result = run("show", tmp_path / "DICOMDIR")
    assert result.exit_code == 1
    assert "it is not there" in result.stderr


def test_hint_for_an_unexpanded_home_and_wildcard() -> None:
    assert "~ is expanded by the shell only" in hint("~/scans")
    assert "without the quotes" in hint("~/scans")
    assert "wildcards are expanded by the shell only" in hint("scans/*.dcm")


def test_hint_for_a_windows_path_with_an_escape() -> None:
    assert "escape of Python" in hint("C:\new\table")


def test_hint_for_a_name_like_it(tmp_path: Path) -> None:
    (tmp_path / "ct_head").mkdir()
    assert "did you mean" in hint(tmp_path / "ct_hea")


def test_hint_for_one_file_of_a_folder_full(ct_head: Path) -> None:
    result = run("info", ct_head / "CTHead10.dcm")
    assert result.exit_code == 0
    assert "this is 1 of 93 files of its series beside it; the folder is loaded with" in result.stdout
    assert f"vdl.load({str(ct_head)!r})" in result.stdout
    assert "beside it" not in run("info", ct_head).stdout


def test_hint_for_one_file_among_several_series_names_the_series(series: Write) -> None:
    written = series(seed=1)
    series(seed=2)
    lines = python_lines(run("info", written.files[0]).stdout)
    assert f"vdl.load({str(written.folder)!r}, series={written.series_uid!r})" in lines[-1]


def test_an_empty_folder(tmp_path: Path) -> None:
    assert "it is empty" in hint(tmp_path)
    found = run("info", tmp_path, "--json")
    assert found.exit_code == 1
    assert json.loads(found.stdout)["series"] == []


# ---------------------------------------------------------------------------------------------------- identity
SECRETS = ("Secret^Person", "Secret", "Person", "ID-12345", "19630102", "1963")


def test_no_identity_in_any_output(series: Write, tmp_path: Path) -> None:
    person = {"PatientName": "Secret^Person", "PatientID": "ID-12345", "PatientBirthDate": "19630102"}
    good = series("study/good", seed=1, **person)
    series("study/stacked", seed=2, SeriesInstanceUID="1.2.3", **person)
    stacked = series("study/stacked", seed=3, SeriesInstanceUID="1.2.3", **person)
    uneven = series("study/uneven", seed=4, **person)
    uneven.files[2].unlink()
    texts = []
    for folder in (good.folder, stacked.folder, uneven.folder, good.folder.parent):
        output = tmp_path / f"{folder.name}.png"
        results = (run("info", folder), run("info", folder, "--json"), run("show", folder, "-o", output))
        texts += [result.stdout + result.stderr for result in results]
        texts.append(output.read_bytes().decode("latin-1"))
        found = vdl.scan(folder)
        texts += [repr(found), found._repr_html_(), *map(repr, found)]
    texts.append(run("info", good.folder, "--verify").output)
    volume = vdl.load(good.folder)
    texts += [repr(volume), volume._repr_html_()]
    root = str(tmp_path)
    for text in texts:
        for secret in SECRETS:
            assert secret not in text.replace(root, ""), secret


# ---------------------------------------------------------------------------------------------------- terminals
def test_piped_output_has_no_control_codes(data: Path, tmp_path: Path) -> None:
    outputs, errors = scripts(("info", data / "small_ct"), ("show", data / "asl_4d", "-o", tmp_path / "a.png"))
    assert b"\x1b" not in b"".join(outputs) + errors
    assert b"Traceback" not in errors
    table = outputs[0].decode().splitlines()
    assert table[2].split()[-1] == "ok"  # one line a series, not wrapped


@pytest.mark.parametrize(
    "environment",
    [{"LANG": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"PYTHONIOENCODING": "ascii"}],
)
@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes")
def test_any_encoding_and_any_file_name(data: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    folder = os.fsencode(tmp_path) + b"/odd [red]\xff\xc3\xa9"
    shutil.copytree(os.fsencode(data / "small_ct"), folder)
    outputs, errors = scripts(
        ("info", os.fsdecode(folder)),
        ("info", os.fsdecode(folder), "--json"),
        ("show", os.fsdecode(folder), "-o", os.fsdecode(folder + b".png")),
        ("show", data / "asl_4d", "-o", tmp_path / "b.png"),
        **environment,
    )
    assert all(outputs)
    assert b"Traceback" not in errors
    assert os.path.isfile(folder + b".png")


def test_an_error_in_a_pipe_is_one_line() -> None:
    done = script("info", "/nowhere/at/all", LANG="C")
    assert done.returncode == 1
    assert done.stdout == b""
    assert done.stderr.startswith(b"error: there is nothing at '/nowhere/at/all'")
    assert done.stderr.count(b"\n") == 1


def test_control_codes_of_a_file_do_not_reach_the_terminal(series: Write) -> None:
    output = run("info", series(SeriesDescription="evil\x1b[2J\x07").folder).output
    assert "\x1b" not in output
    assert "\x07" not in output


def test_a_terminal_too_narrow_for_the_table(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = Console(file=io.StringIO(), width=50, force_terminal=True, color_system=None)
    monkeypatch.setattr(printing, "open_terminal", lambda: narrow)
    result = run("info", series().folder)
    assert "[0] #1 CT series 1: 5×6×8, 0.5×0.8×2.5 mm, axial, Explicit VR Little Endian: ok" in result.stdout
    assert narrow.file.getvalue() == ""  # type: ignore[attr-defined]


def test_a_wide_table_in_a_pipe_is_a_line_a_series(series: Write) -> None:
    written = series("a", SeriesDescription="a long description of what was done with the patient and why")
    outputs, _ = scripts(("info", written.folder), ("info", series("b").folder))
    lines, narrow = (output.decode().splitlines() for output in outputs)
    assert lines[1].startswith("[0] #1 CT a long description of what was done")
    assert lines[1].endswith("5×6×8, 0.5×0.8×2.5 mm, axial, Explicit VR Little Endian: ok")
    assert max(map(len, narrow[:3])) <= 120


def test_progress_appears_late_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    output = Console(file=io.StringIO(), width=80, force_terminal=True)
    monkeypatch.setattr(terminal, "open_terminal", lambda **_: output)
    with terminal.show_progress("reading") as step:
        assert step is not None
        step(1, 10)
        assert output.file.getvalue() == ""  # type: ignore[attr-defined]
        monkeypatch.setattr(terminal, "_PROGRESS_AFTER", 0)
        step(2, 10)
        step(3, 10)
    assert "reading" in output.file.getvalue()  # type: ignore[attr-defined]


def test_no_progress_in_a_pipe() -> None:
    with terminal.show_progress("reading") as step:
        assert step is None


def test_interrupt_is_quiet(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(listing, "describe_series", interrupted)
    result = run("info", series().folder)
    assert result.exit_code == 130
    assert result.stderr == ""


def test_version_and_help() -> None:
    assert run("--version").stdout == f"vtkdicomload {vdl.__version__}\n"
    assert "info" in run("--help").stdout
    for command in ("info", "show", "render", "surface", "demo"):
        assert run(command, "--help").exit_code == 0
    assert run("info").exit_code == 2


def test_the_help_tells_each_command_whole() -> None:
    """Lines that do not fit are cut short with three dots."""
    assert "..." not in run("--help").stdout.replace("[ARGS]...", "")


# ---------------------------------------------------------------------------------------------------- decompress
def test_decompress_writes_and_sums_up(data: Path, tmp_path: Path) -> None:
    result = run("decompress", data / "comp_rle", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    first, second = result.stdout.splitlines()
    assert first == f"{tmp_path / 'out'}: 2 files written, 0.1 MB before, 0.3 MB now"
    assert second == "  2 files of RLE Lossless"
    assert np.array_equal(vdl.load(tmp_path / "out").array, vdl.load(data / "comp_rle").array)


def test_decompress_again_asks_for_overwrite(data: Path, tmp_path: Path) -> None:
    assert run("decompress", data / "comp_rle", tmp_path / "out").exit_code == 0
    again = run("decompress", data / "comp_rle", tmp_path / "out")
    assert again.exit_code == 1
    assert "exist already → --overwrite, or another folder" in again.stderr
    assert run("decompress", data / "comp_rle", tmp_path / "out", "--overwrite").exit_code == 0


def test_decompress_leaves_a_damaged_file_out_when_asked(series: Write, tmp_path: Path) -> None:
    written = series("in")
    written.files[2].write_bytes(written.files[2].read_bytes()[:-9])
    result = run("decompress", written.folder, tmp_path / "out")
    assert result.exit_code == 1
    assert written.files[2].name in result.stderr
    assert not (tmp_path / "out").exists()
    result = run("decompress", written.folder, tmp_path / "out", "--ignore", written.files[2])
    assert result.exit_code == 0
    assert "4 files written" in result.stdout
    assert "passed over: 1 file, ignored" in result.stdout


# ---------------------------------------------------------------------------------------------------- bench
def test_bench_prints_a_small_table(series: Write) -> None:
    result = run("bench", series().folder, "--rounds", "1")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert "MB of pixels" in result.stdout
    for words in ("floor: read of the pixel bytes", "vtkdicomload.load, workers=1", "same values"):
        assert words in result.stdout
    for secret in ("Secret", "SECRET-ID", "1970"):
        assert secret not in result.output


def test_bench_of_several_series_asks_for_one(series: Write) -> None:
    series("study/a", seed=1)
    folder = series("study/b", seed=2).folder.parent
    result = run("bench", folder)
    assert result.exit_code == 1
    assert result.stderr == "error: 2 series, and none chosen → --series 0 or 1\n"
    assert run("bench", folder, "--series", "1", "--rounds", "1").exit_code == 0


def test_bench_of_a_stack_and_of_what_does_not_load(series: Write, tmp_path: Path) -> None:
    for seed in (1, 2):
        written = series(seed=seed, SeriesInstanceUID="1.2.3", AcquisitionNumber=seed)
    assert "2 volumes of 5 slices" in run("bench", written.folder).stderr
    result = run("bench", written.folder, "--stack", "1", "--rounds", "1")
    assert result.exit_code == 0
    assert "not run: no folder holds just these files" in result.stdout
    assert run("bench", tmp_path / "missing").exit_code == 1


def test_bench_of_a_damaged_series(series: Write) -> None:
    written = series()
    written.files[2].write_bytes(written.files[2].read_bytes()[:-9])
    for path in (written.folder, written.files[2]):
        result = run("bench", path)
        assert (result.exit_code, result.stdout) == (1, "")
        assert written.files[2].name in result.stderr
    assert run("bench", "--help").exit_code == run("decompress", "--help").exit_code == 0


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("surface", ("--iso", "0", "--irregular", "resample", "-o", "out.stl")),
        ("show", ("--irregular", "keep", "-o", "out.png")),
        ("decompress", ("out",)),
    ],
    ids=["surface", "show", "decompress"],
)
def test_the_way_past_damaged_files_is_pasted_into_the_command(
    series: Write, tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    """The files that a remedy leaves out are options here, quoted for the shell."""
    written = series("it's a study", count=8)
    command = (name, written.folder, *(tmp_path / o if o.startswith("out") else o for o in options))
    written.files[2].write_bytes(b"")
    said = run(*command).stderr.splitlines()[0]
    way = ["--ignore", str(written.files[2])]
    assert shlex.split(said.rpartition("→ get the file again, or ")[2]) == way
    assert run(*command, *way).exit_code == 0
    written.files[3].write_bytes(b"")
    said = run(*command).stderr.splitlines()[0]
    assert said.endswith("→ get the files again, or --ignore damaged")
    again = ("--overwrite",) if name == "decompress" else ()
    assert run(*command, "--ignore", "damaged", *again).exit_code == 0


@pytest.mark.parametrize("command", [("show", "-o", "out.png"), ("bench",)], ids=["show", "bench"])
@pytest.mark.parametrize("left", [0, 300])
def test_where_every_file_is_damaged_the_first_is_named(
    series: Write, tmp_path: Path, command: tuple[str, ...], left: int
) -> None:
    truth = series(count=1)
    truth.files[0].write_bytes(truth.files[0].read_bytes()[:left])
    name, *options = command
    result = run(name, truth.folder, *(tmp_path / o if o.endswith("png") else o for o in options))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {truth.files[0]}: ")
    assert not (tmp_path / "out.png").exists()


def test_a_picture_that_is_no_png_is_refused_before_anything_is_read(series: Write, tmp_path: Path) -> None:
    result = run("show", series().folder, "-o", tmp_path / "out.jpg")
    assert result.exit_code == 2
    assert "written as PNG" in " ".join(result.stderr.replace("│", " ").split())
    assert not (tmp_path / "out.jpg").exists()
