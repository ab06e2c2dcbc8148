"""The table of `archive_cases`: every case against the whole contract of loading."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
from archive import Case, Owed, volume_of
from archive_cases import cases

import vtkdicomload as vdl
from vtkdicomload.errors.remedies import LeaveOut, SetOption

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

CASES = cases()


def assert_owed(volume: vdl.Volume, owed: Owed) -> None:
    np.testing.assert_array_equal(volume.frames, owed.frames)
    np.testing.assert_array_equal(volume.array, owed.frames.transpose(2, 1, 0))
    if owed.affine is not None:
        assert volume.affine is not None
        np.testing.assert_allclose(volume.affine, owed.affine, atol=1e-4)


def find_owed(volume: vdl.Volume, owed: Sequence[Owed]) -> int:
    """The number of the owed volume that this one is."""
    equal = [k for k, o in enumerate(owed) if np.array_equal(volume.frames, o.frames)]
    assert len(equal) == 1, f"a volume of the slices {[int(f.flat[0]) for f in volume.frames]}"
    assert_owed(volume, owed[equal[0]])
    return equal[0]


def load_stacks(folder: Path) -> Iterator[vdl.Volume | vdl.DicomLoadError]:
    for series in vdl.scan(folder):
        for stack in series.stacks():
            try:
                yield stack.load()
            except vdl.DicomLoadError as error:
                yield error


def refuse(case: Case, folder: Path) -> vdl.DicomLoadError:
    with pytest.raises(case.error) as caught:
        vdl.load(folder, **case.options)
    return caught.value


def check_volume(case: Case, folder: Path) -> list[str]:
    assert_owed(vdl.load(folder, **case.options), case.owed[0])
    return []


def check_volumes(case: Case, folder: Path) -> list[str]:
    error = refuse(case, folder)
    assert not any("resample" in remedy.options.values() for remedy in error.remedies), error.remedies
    volumes = vdl.load_all(folder)
    found = [find_owed(volume, case.owed) for volume in volumes]
    assert sorted(found) == list(range(len(case.owed)))
    assert found == sorted(found) or not case.ordered, f"in the order {found}"
    offered = [r for r in error.remedies if isinstance(r, SetOption) and r.option == "stack"]
    assert offered, error.remedies
    for choice in offered[0].values[:2]:
        assert find_owed(vdl.load(folder, stack=choice), case.owed) == found[choice]
    labels = [stack.label for series in vdl.scan(folder) for stack in series.stacks()]
    assert len(set(labels)) == len(labels) == len(volumes), labels
    assert all(any(word in label for label in labels) for word in case.labels), labels
    return [str(error), *labels]


def check_series(case: Case, folder: Path) -> list[str]:
    words = []
    found = vdl.scan(folder)
    assert len(found) == len(case.owed)
    for series, owed in zip(sorted(found, key=lambda s: s.number or 0), case.owed, strict=True):
        if owed is None:
            with pytest.raises(case.error) as caught:
                series.load()
            words.append(str(caught.value))
        else:
            assert_owed(series.load(), owed)
    return words


def check_unmixed(case: Case, folder: Path) -> list[str]:
    error = refuse(case, folder)
    for remedy in error.remedies:
        assert "resample" not in remedy.options.values()
        assert not isinstance(remedy, LeaveOut)
    for result in load_stacks(folder):
        assert isinstance(result, vdl.DicomLoadError) or len(volume_of(result.frames)) == 1
    return [str(error)]


def check_told(case: Case, folder: Path) -> list[str]:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        results = list(load_stacks(folder))
    refused = [str(r) for r in results if isinstance(r, vdl.DicomLoadError)]
    assert heard or refused
    volumes = [r for r in results if isinstance(r, vdl.Volume)]
    assert all(len(volume_of(volume.frames)) == 1 for volume in volumes) or "overlaps" in case.name
    return [*refused, *(str(w.message) for w in heard)]


def check_refused(case: Case, folder: Path) -> list[str]:
    return [str(refuse(case, folder))]


CHECKS = {
    "volume": check_volume,
    "volumes": check_volumes,
    "series": check_series,
    "unmixed": check_unmixed,
    "told": check_told,
    "refused": check_refused,
}


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_archive(tmp_path: Path, case: Case) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, of what it is made to write here
        case.build(tmp_path / "in")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        words = CHECKS[case.outcome](case, tmp_path / "in")
    assert {w.category for w in caught} <= {vdl.DicomLoadWarning}
    heard = [str(w.message) for w in caught]
    if case.warned is not None:
        assert bool(heard) == case.warned, heard
    assert not case.says or any(word in line for line in (*heard, *words) for word in case.says), (heard, words)
    assert not any(word in line for line in (*heard, *words) for word in case.hidden), (heard, words)


def test_cases_have_names_of_their_own() -> None:
    assert len({case.id for case in CASES}) == len(CASES)
