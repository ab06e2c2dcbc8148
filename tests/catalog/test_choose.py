"""Choosing a series and a stack, and the messages that show the choice."""

from __future__ import annotations

import ast
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from slices import stack, write_slices
from synthetic import ROOT, Truth

import vtkdicomload as vdl
from vtkdicomload.catalog import assess
from vtkdicomload.errors.remedies import SetOption
from vtkdicomload.stacks import arrange

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset

    from vtkdicomload.stacks.series_data import SeriesData

    Write = Callable[..., Truth]


@pytest.fixture
def three(series: Write, tmp_path: Path) -> dict[int, Truth]:
    """A scout and two stacks in one study, by series number."""
    return {
        2: series("study/a", seed=2, count=1, rows=512, columns=888, SeriesDescription="scout"),
        4: series("study/b", seed=4, count=40, rows=52, columns=51, gap=0.7, SeriesDescription="axial"),
        5: series(
            *("study/c",),
            **{"seed": 5, "count": 21, "rows": 12, "columns": 13, "gap": 0.8, "SeriesDescription": "coronal"},
            orientation=(1, 0, 0, 0, 0, -1),
        ),
    }


def test_several_series_are_an_error_that_shows_them_and_the_way_on(three: dict[int, Truth], tmp_path: Path) -> None:
    with pytest.raises(vdl.MultipleSeriesError) as caught:
        vdl.load(tmp_path / "study")
    assert str(caught.value) == (
        "3 series in study: [0] #2 CT scout 1×512×888 | [1] #4 CT axial 40×52×51 0.7 mm | "
        "[2] #5 CT coronal 21×12×13 0.8 mm "
        '→ series=0 or "largest", or load_all(p)'
    )
    assert [s.number for s in caught.value.scan] == [2, 4, 5]
    assert len(caught.value.files) == 3


@pytest.mark.parametrize(
    ("choice", "number"),
    [
        (0, 2),
        (1, 4),
        (2, 5),
        (-1, 5),
        (f"{ROOT}.4", 4),
        ("study/b", 4),
        ("b", 4),
        ("Axial", 4),
        ("#4 CT", 4),
        ("coro", 5),
        ("largest", 2),  # 512 × 888 pixels in its one slice
        (lambda s: s.description == "coronal", 5),
        (lambda s: len(s.frames) > 30, 4),
    ],
)
def test_a_series_is_chosen_by_row_text_size_or_callable(
    three: dict[int, Truth], tmp_path: Path, choice: Any, number: int
) -> None:
    volume = vdl.load(tmp_path, series=choice)
    np.testing.assert_array_equal(volume.frames, three[number].frames)
    assert volume.series.number == number


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (3, "series 3 fits 0 of 3 series"),
        (-4, "series -4 fits 0 of 3"),
        (
            "1.2.3",
            "series given as a str of 5 characters (a UID or its beginning, a folder, a description) fits 0 of 3",
        ),
        (lambda s: s.modality == "CT", "fits 3 of 3"),
        (lambda s: False, "fits 0 of 3"),
    ],
)
def test_a_choice_that_fits_none_or_several_shows_the_list(
    three: dict[int, Truth], tmp_path: Path, choice: Any, words: str
) -> None:
    with pytest.raises(vdl.MultipleSeriesError, match=re.escape(words)) as caught:
        vdl.load(tmp_path, series=choice)
    assert "[1] #4 CT axial 40×52×51 0.7 mm" in str(caught.value)
    assert len(caught.value.scan) == 3


def test_the_beginning_of_a_uid_chooses_where_it_is_that_of_one(series: Write, tmp_path: Path) -> None:
    for seed, uid in enumerate(("1.2.30.7", "1.2.30.75", "1.2.31.8"), start=1):
        series(str(seed), seed=seed, SeriesInstanceUID=uid)
    found = vdl.scan(tmp_path)
    assert {text: vdl.load(tmp_path, series=text).series.uid for text in ("1.2.31", "1.2.30.75", "1.2.30.7")} == {
        "1.2.31": "1.2.31.8",
        "1.2.30.75": "1.2.30.75",
        "1.2.30.7": "1.2.30.7",  # whole: it is not taken for the beginning of another
    }
    for text in ("1.2.30", "1.2.30.", "", "2.30"):
        with pytest.raises(vdl.MultipleSeriesError, match=f"fits {2 if text.startswith('1') else 0} of {len(found)}"):
            vdl.load(tmp_path, series=text)


def test_a_folder_of_several_series_is_no_choice(series: Write, tmp_path: Path) -> None:
    series("study/a", seed=1)
    series("study/a", seed=2)
    series("study/ab", seed=3, SeriesDescription="a")
    with pytest.raises(vdl.MultipleSeriesError, match="fits 2 of 3"):
        vdl.load(tmp_path, series="a")
    assert vdl.load(tmp_path, series="study/ab").series.number == 3


@pytest.mark.parametrize("choice", [1.0, True, [0], b"1.2", ("a",)])
def test_a_choice_of_another_kind_is_a_type_error(three: dict[int, Truth], tmp_path: Path, choice: Any) -> None:
    with pytest.raises(TypeError, match='a row number, a text, "largest" or a callable'):
        vdl.load(tmp_path, series=choice)


def test_the_only_series_may_be_chosen_too(series: Write) -> None:
    truth = series()
    for choice in (0, -1, truth.series_uid, "largest", lambda s: True):
        np.testing.assert_array_equal(vdl.load(truth.folder, series=choice).frames, truth.frames)
    with pytest.raises(vdl.MultipleSeriesError, match="fits 0 of 1 series"):
        vdl.load(truth.folder, series=1)


def test_a_long_list_is_cut(series: Write, tmp_path: Path) -> None:
    for n in range(1, 15):
        series(f"s{n}", seed=n, count=1, rows=2, columns=2)
    with pytest.raises(vdl.MultipleSeriesError, match=r"and 2 more, print\(scan\(p\)\) lists them") as caught:
        vdl.load(tmp_path)
    assert "[11]" in str(caught.value)
    assert "[12]" not in str(caught.value)


def test_a_damaged_file_hinders_its_own_series_only(three: dict[int, Truth], tmp_path: Path) -> None:
    bad = tmp_path / "study" / "cut.dcm"
    bad.write_bytes(three[4].files[0].read_bytes()[:-7])
    with pytest.raises(vdl.CorruptFileError, match=r"cut\.dcm"):
        vdl.load(tmp_path, series=1)
    for row, number in ((0, 2), (2, 5), ("largest", 2)):
        np.testing.assert_array_equal(vdl.load(tmp_path, series=row).frames, three[number].frames)
    with pytest.raises(vdl.MultipleSeriesError) as caught:
        vdl.load(tmp_path)
    assert caught.value.remedies == (SetOption("series", (0, "largest")),)  # load_all would stop at the second
    with pytest.warns(vdl.DicomLoadWarning, match=r"left out, as ignore= says: cut\.dcm"):
        np.testing.assert_array_equal(vdl.load(tmp_path, series=1, ignore=[bad]).frames, three[4].frames)


# ------------------------------------------------------------------------------------------------------------- stacks
@pytest.fixture
def planes(series: Write, tmp_path: Path) -> dict[str, Truth]:
    """An axial and a coronal stack under one SeriesInstanceUID."""
    return {
        "axial": series("p/a", names=[f"a{k}" for k in range(5)]),
        "coronal": series("p/c", names=[f"c{k}" for k in range(4)], count=4, orientation=(1, 0, 0, 0, 0, -1)),
    }


@pytest.mark.parametrize(
    ("choice", "plane"),
    [
        (0, "axial"),
        (1, "coronal"),
        (-1, "coronal"),
        ("axial", "axial"),
        ("plane coronal", "coronal"),
        ("largest", "axial"),
        (lambda s: s.plane == "coronal", "coronal"),
    ],
)
def test_a_stack_is_chosen_by_row_label_size_or_callable(
    planes: dict[str, Truth], tmp_path: Path, choice: Any, plane: str
) -> None:
    volume = vdl.load(tmp_path, stack=choice)
    np.testing.assert_array_equal(volume.frames, planes[plane].frames)
    assert volume.stack_labels == (("plane", plane),)


@pytest.mark.parametrize("choice", [2, -3, "sagittal", lambda s: True])
def test_a_stack_that_fits_none_or_several_shows_the_list(
    planes: dict[str, Truth], tmp_path: Path, choice: Any
) -> None:
    with pytest.raises(vdl.DicomLoadError, match=r"fits [02] of 2 stacks: \[0\] axial 5×6×8 \| \[1\] coronal 4×6×8"):
        vdl.load(tmp_path, stack=choice)


def test_a_long_list_of_stacks_says_how_many_more_there_are(tmp_path: Path) -> None:
    write_slices(tmp_path, [s for v in range(14) for s in stack(v, range(3), EchoTime=v + 1)])
    with pytest.raises(vdl.DicomLoadError, match=r"\[11\] EchoTime 12 3×3×4 \| and 2 more →"):
        vdl.load(tmp_path, stack="none of them")


@pytest.mark.parametrize("choice", [1.0, False, [0]])
def test_a_stack_of_another_kind_is_a_type_error(planes: dict[str, Truth], tmp_path: Path, choice: Any) -> None:
    with pytest.raises(TypeError, match="choose by"):
        vdl.load(tmp_path, stack=choice)


def test_several_stacks_and_none_chosen_say_how_to_choose(planes: dict[str, Truth], tmp_path: Path) -> None:
    with pytest.raises(vdl.DuplicateSliceError) as caught:
        vdl.load(tmp_path)
    assert str(caught.value) == (
        "2 volumes of 4 to 5 slices (2.5 mm) in one series, told apart by plane (axial, coronal) → "
        "stack=0 or 1, or load_all(p)"
    )
    assert [s.label for s in caught.value.stacks] == ["axial", "coronal"]


def test_load_all_takes_no_choice(planes: dict[str, Truth], tmp_path: Path) -> None:
    for option in ({"series": 0}, {"stack": 0}):
        with pytest.raises(TypeError):
            vdl.load_all(tmp_path, **option)


def test_the_calls_of_the_message_work(three: dict[int, Truth], tmp_path: Path) -> None:
    with pytest.raises(vdl.MultipleSeriesError) as caught:
        vdl.load(tmp_path)
    calls = re.findall(r"load\(p, (series=[^)]*)\)", str(caught.value))
    for call in calls:
        name, _, value = call.partition("=")
        assert vdl.load(tmp_path, **{name: ast.literal_eval(value)}).series.number == 2
    assert [v.series.number for v in vdl.load_all(tmp_path)] == [2, 4, 5]


def test_a_list_of_many_series_arranges_each_of_them_once_and_each_of_their_stacks_twice_at_most(
    series: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """25 series of 6 slices; of each fifth two echoes lie in three places."""

    def echoes(dataset: Dataset, k: int) -> None:
        dataset.EchoTime = k % 2 + 1
        dataset.ImagePositionPatient = [0, 0, k // 2]

    for n in range(25):
        series(f"study/{n}", seed=n, count=6, **({"edit": echoes} if n % 5 == 0 else {}))
    found = vdl.scan(tmp_path / "study")
    assert len(found) == 25
    calls: Counter[frozenset[str]] = Counter()

    def counted(chosen: SeriesData, **options: Any) -> arrange.Arrangement:
        calls[frozenset(chosen.files)] += 1
        return arranged(chosen, **options)

    arranged = arrange.arrange
    monkeypatch.setattr(arrange, "arrange", counted)
    monkeypatch.setattr(assess, "arrange", counted)
    with pytest.raises(vdl.MultipleSeriesError, match="25 series in study"):
        vdl.load(tmp_path / "study")
    assert Counter(map(len, calls)) == {6: 25, 3: 5 * 2}
    # For the spacing that they share, and for whether load_all is a way on.
    assert {calls[files] for files in calls if len(files) == 6} == {1}
    assert {calls[files] for files in calls if len(files) == 3} == {2}
