"""Mutated files: the truth, what pydicom reads, a DicomLoadError, or a warning; never anything else, never a crash.

``pytest tests/test_fuzz.py --fuzz 5000`` runs more of them, ``--fuzz-seed 2`` others.
"""

from __future__ import annotations

import os
import random
import struct
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from fuzzing import KINDS, Case, judge, mutated, run, write_bases, write_cases
from hangs import limit_cpu

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path

GOOD = ("truth", "as pydicom", "error", "warned")


def test_mutated_files(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    count, seed = pytestconfig.getoption("--fuzz"), pytestconfig.getoption("--fuzz-seed")
    cases = write_cases(tmp_path, write_bases(tmp_path), count, seed)
    outcomes = run(cases)
    bad = [f"{c.number} {c.base}, {c.kind}, {c.engine}: {outcomes[c.number]}" for c in cases]
    bad = [line for line, c in zip(bad, cases, strict=True) if outcomes[c.number] not in GOOD]
    assert len(outcomes) == count
    assert not bad, "\n".join(bad)
    counts = Counter(outcomes.values())
    # All of them refused would be no test.
    assert counts["truth"] > count / 20
    assert counts["error"] > count / 5


def test_rle_headers_that_lie(tmp_path: Path) -> None:
    """Segment counts and offsets (PS3.5 G.5) that leave the stream, in a process that may die of them."""
    base = next(b for b in write_bases(tmp_path) if b.name == "RLE")
    data = base.files[base.victim].read_bytes()
    header = data.index(struct.pack("<II", 2, 64), data.index(b"\xe0\x7f\x10\0"))
    cases = []
    for place, numbers in {0: (0, 1, 3, 15, 16, 0xFFFFFFFF), 4: (0, 63, 65, 10**4), 8: (0, 64, 10**4)}.items():
        for number in (*numbers, 0xB600004C, 0x80000000, 0xFFFFFFF0):
            victim = tmp_path / f"{place}-{number}.dcm"
            victim.write_bytes(data[: header + place] + struct.pack("<I", number) + data[header + place + 4 :])
            files = [str(f) for f in base.files]
            unmutated = tuple(files)
            files[base.victim] = str(victim)
            cases += [Case(len(cases), "RLE", f"{number:#x} at {place}", tuple(files), unmutated, "auto")]
    outcomes = run(cases)
    assert {c.kind: outcomes[c.number] for c in cases if outcomes[c.number] not in GOOD} == {}


# ----------------------------------------------------------------------------------------------- the harness itself
def test_the_bases_load_as_pydicom_reads_them(tmp_path: Path) -> None:
    for base in write_bases(tmp_path):
        files = tuple(map(str, base.files))
        for engine in ("auto", "pydicom"):
            assert judge(Case(0, base.name, "none", files, files, engine)) == "truth"


def test_mutations_are_of_every_kind_and_repeat_with_their_seed(tmp_path: Path) -> None:
    for base in write_bases(tmp_path):
        data = base.files[base.victim].read_bytes()
        first, second = random.Random(3), random.Random(3)
        runs = [[mutated(data, base, rng) for _ in range(150)] for rng in (first, second)]
        assert runs[0] == runs[1]
        assert {kind for kind, _ in runs[0]} == set(KINDS)
        assert sum(new != data for _, new in runs[0]) > 120


def _case(number: int) -> Case:
    return Case(number, "none", "none", (), (), "auto")


def _deadly(cases: Sequence[Case], pipe: Connection) -> None:
    """Dies of case 3, hangs at case 5."""
    for case in cases:
        limit_cpu(0.1)
        if case.number == 3:
            os.abort()
        while case.number == 5:
            pass
        pipe.send((case.number, "error"))


def test_a_crash_and_a_hang_are_traced_to_their_case() -> None:
    outcomes = run([_case(n) for n in range(8)], work=_deadly)
    assert outcomes.pop(3).startswith("CRASH")
    assert outcomes.pop(5).startswith("HANG")
    assert outcomes == dict.fromkeys((0, 1, 2, 4, 6, 7), "error")


@pytest.mark.parametrize("wrong", ["value", "shape", "exception", "warning"])
def test_the_judge_notices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    base = write_bases(tmp_path)[0]
    files = tuple(map(str, base.files))
    good = vdl.load(files)

    def load(*_: object, **__: object) -> SimpleNamespace:
        if wrong == "exception":
            raise KeyError("x")
        if wrong == "warning":
            import warnings

            warnings.warn("odd", RuntimeWarning, stacklevel=2)
        frames = good.frames[:, :, ::-1] if wrong == "value" else good.frames[1:] if wrong == "shape" else good.frames
        return SimpleNamespace(frames=frames, geometry=good.geometry)

    monkeypatch.setattr(vdl, "load", load)
    outcome = judge(Case(0, base.name, "none", files, files, "auto"))
    assert outcome.split(" ")[0] == ("SILENT" if wrong in ("value", "shape") else "FOREIGN")
