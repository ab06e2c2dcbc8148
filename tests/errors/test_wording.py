"""Every remedy has words wherever it makes sense, and nothing but the data of an error is looked at."""

from __future__ import annotations

import ast
import itertools
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import vtkdicomload
from vtkdicomload import DicomLoadError
from vtkdicomload.errors.remedies import (
    BuildIndex,
    GetAgain,
    Install,
    LeaveOut,
    LoadFile,
    LoadFolder,
    Remedy,
    SaveAs,
    SetOption,
    Step,
    TrustReader,
    Unpack,
    Use,
)
from vtkdicomload.errors.wording import compose_message, word_for_python, word_for_shell, word_for_vtk

WORDINGS = (word_for_python, word_for_shell, word_for_vtk)
ONE_OF_EACH: tuple[Remedy, ...] = (
    LeaveOut(("a.dcm",)),
    SetOption("stack", (0, 1, 2)),
    TrustReader("direct"),
    LoadFolder("a"),
    LoadFile("a.zip"),
    GetAgain(("a.dcm",)),
    Unpack("a.zip"),
    Install(("x",)),
    SaveAs((".vti",)),
    Use("to_xarray()"),
    BuildIndex("a", "a.index"),
    *Step,
)


def test_every_kind_of_remedy_is_tried() -> None:
    assert {type(remedy) for remedy in ONE_OF_EACH} == set(Remedy.__subclasses__())


@pytest.mark.parametrize("wording", WORDINGS)
@pytest.mark.parametrize("remedy", ONE_OF_EACH, ids=repr)
def test_every_remedy_has_words_or_is_left_out(wording: Any, remedy: Remedy) -> None:
    (words,) = wording([remedy])
    assert words is None or words.strip()
    if wording is word_for_python:
        assert words


@pytest.mark.parametrize(
    ("values", "python", "shell", "vtk"),
    [
        ((3,), "stack=3", "--stack 3", "SetStack(3)"),
        ((0, 1), "stack=0 or 1", "--stack 0 or 1", "SetStack(0) or SetStack(1)"),
        (tuple(range(8)), "stack=0 … 7", "--stack 0 … 7", "SetStack(0) … SetStack(7)"),
        (
            (2, 5, "axial"),
            'stack=2, 5 or "axial"',
            "--stack 2, 5 or axial",
            'SetStack(2), SetStack(5) or SetStack("axial")',
        ),
        ((None,), "leave stack= out", "leave --stack out", "SetStack(None)"),
    ],
)
def test_a_choice_of_values(values: tuple[Any, ...], python: str, shell: str, vtk: str) -> None:
    remedy = SetOption("stack", values)
    assert [wording([remedy]) for wording in WORDINGS] == [[python], [shell], [vtk]]


def test_what_a_value_brings_with_it_stands_in_brackets() -> None:
    remedy = SetOption("order", ("natural",), "takes them all")
    assert word_for_python([remedy]) == ['order="natural" (takes them all)']
    assert word_for_shell([remedy]) == [None]  # no command has it
    assert word_for_vtk([remedy]) == ['SetOrder("natural") (takes them all)']


def test_a_switch_of_a_command_is_named_alone() -> None:
    remedy = SetOption("overwrite", (True,))
    assert (word_for_python([remedy]), word_for_shell([remedy])) == (["overwrite=True"], ["--overwrite"])
    assert word_for_vtk([remedy]) == [None]


def test_ways_past_are_listed_behind_what_is_wrong() -> None:
    remedies = (SetOption("stack", (0, 1)), Step.LOAD_ALL, Step.FREE_MEMORY)
    assert compose_message("x", (), word_for_python) == "x"
    assert compose_message("x", remedies[:1], word_for_python) == "x → stack=0 or 1"
    assert compose_message("x", remedies, word_for_python) == "x → stack=0 or 1, load_all(p), or free some memory"
    assert compose_message("x", [Step.LOAD_ALL], word_for_vtk) == "x"
    assert str(DicomLoadError("x", remedies=remedies).reworded(word_for_vtk)) == (
        "x → SetStack(0) or SetStack(1), or free some memory"
    )


def test_a_command_is_offered_its_own_options_only() -> None:
    remedies = (LeaveOut(("a",)), SetOption("irregular", ("keep",)))
    assert word_for_shell(remedies, {"--ignore"}) == ["--ignore a", None]


NAMES = ("a.dcm", "a b.dcm", "it's.dcm", "a\"b'c.dcm", "a\\b], c.dcm", "\udcff.dcm", "', '", "a\nb")


@pytest.mark.parametrize("files", list(itertools.combinations(NAMES, 2)), ids=repr)
def test_any_names_are_written_so_that_they_are_read_again(files: tuple[str, ...]) -> None:
    (shell,) = word_for_shell([LeaveOut(files)], windows=False)
    assert shlex.split(str(shell)) == [word for file in files for word in ("--ignore", file)]
    (python,) = word_for_python([LeaveOut(files)])
    assert ast.literal_eval(str(python).removeprefix("ignore=")) == list(files)
    (vtk,) = word_for_vtk([LeaveOut(files)])
    assert ast.literal_eval(str(vtk).removeprefix("SetIgnore")) == list(files)


def test_the_shell_of_windows_has_quotes_of_its_own() -> None:
    assert word_for_shell([LeaveOut(("C:\\a b.dcm",))], windows=True) == ['--ignore "C:\\a b.dcm"']


@given(st.text(max_size=8))
def test_any_text_is_written_so_that_it_is_read_again(text: str) -> None:
    (words,) = word_for_python([SetOption("stack", (text,))])
    assert ast.literal_eval(str(words).removeprefix("stack=")) == text


def test_many_files_are_referred_to() -> None:
    remedies = (Step.LOAD_ALL, LeaveOut(tuple(map(str, range(9)))))
    error = DicomLoadError("x", remedies=remedies)
    assert str(error) == "x → load_all(p), or ignore=error.remedies[1].files"
    assert eval("error.remedies[1].files", {"error": error}) == remedies[1].files  # type: ignore[attr-defined]
    assert word_for_vtk(remedies)[1] == "SetIgnore(GetError().remedies[1].files)"
    assert word_for_shell(remedies)[1] == "an --ignore for each"


# ------------------------------------------------------------------------------------------------------- nothing parses
READS = ("split", "partition", "startswith", "endswith", "find", "index", "replace", "removeprefix", "count")


def _is_text_of_error(node: ast.AST) -> bool:
    """``str(error)``, ``str(reason)``, ``error.message`` or the words of a Skipped."""
    if isinstance(node, ast.Attribute):
        return node.attr in ("message", "words") and isinstance(node.value, ast.Name) and node.value.id == "error"
    name = node.args[0] if isinstance(node, ast.Call) and len(node.args) == 1 else None
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "str"
        and isinstance(name, (ast.Name, ast.Attribute))
        and ("error" in ast.dump(name) or "reason" in ast.dump(name))
    )


def parsed_lines(source: str) -> list[int]:
    """The lines that read the text of an error."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        read = isinstance(node, ast.Attribute) and node.attr in READS and _is_text_of_error(node.value)
        compared = isinstance(node, ast.Compare) and any(map(_is_text_of_error, [node.left, *node.comparators]))
        if read or compared or (isinstance(node, ast.Name) and node.id == "literal_eval"):
            lines.append(node.lineno)
    return lines


@pytest.mark.parametrize(
    "line",
    [
        "str(error).split(' (')",
        "str(caught.error) == 'empty'",
        "'empty' in str(reason)",
        "error.message.find('x')",
        "literal_eval(found[1])",
    ],
)
def test_what_parses_a_message_is_found(line: str) -> None:
    assert parsed_lines(line) == [1]


def test_no_message_is_parsed() -> None:
    files = sorted(Path(vtkdicomload.__file__).parent.rglob("*.py"))
    assert len(files) > 50
    assert {path.name: lines for path in files if (lines := parsed_lines(path.read_text(encoding="utf-8")))} == {}
