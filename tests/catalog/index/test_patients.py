"""Whose a series is: nobody's name where it was not asked for, and one key for all series of a patient."""

from __future__ import annotations

import hashlib
import hmac
import stat
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

import vtkdicomload as vdl

if TYPE_CHECKING:
    from pathlib import Path

SECRETS = ("Secret", "ID471", "SECRET")


def list_texts(value: Any) -> list[str]:
    """Every text among the values of a table."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in list_texts(each)]
    if isinstance(value, (list, tuple)):
        return [text for each in value for text in list_texts(each)]
    return [value.decode("latin-1") if isinstance(value, bytes) else str(value)]


def test_no_identity_is_in_any_file(archive: Path, tmp_path: Path) -> None:
    index = vdl.Index.build(archive, tmp_path / "index")
    files = [path for path in (tmp_path / "index").rglob("*") if path.is_file()]
    assert len(files) == 5
    for path in files:
        texts = list_texts(pq.read_table(path, partitioning=None).to_pydict())  # packed in the file
        texts += [path.read_bytes().decode("latin-1"), str(pq.read_schema(path).metadata)]
        assert not [text for text in texts for secret in SECRETS if secret in text], path
    assert not [secret for secret in SECRETS if secret in repr([*index])]


def test_the_series_of_a_patient_have_one_key(archive: Path, tmp_path: Path) -> None:
    index = vdl.Index.build(archive, tmp_path / "index", patient_key="a secret")
    by_uid = {row.series_uid: row.patient for row in index}
    of_scan = {series.uid: series.dataset().get("PatientID") for series in vdl.scan(archive)}
    expected = {
        uid: number and hmac.new(b"a secret", number.encode(), hashlib.sha256).hexdigest()
        for uid, number in of_scan.items()
    }
    assert by_uid == expected
    assert len(set(by_uid.values())) == 3
    assert not (tmp_path / "index.key").exists()


def test_the_random_key_is_beside_the_index_and_for_its_owner_alone(archive: Path, tmp_path: Path) -> None:
    first = [row.patient for row in vdl.Index.build(archive, tmp_path / "index")]
    key = tmp_path / "index.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(key.read_bytes()) == 32
    assert [row.patient for row in vdl.Index.build(archive, tmp_path / "index")] == first
    other = [row.patient for row in vdl.Index.build(archive, tmp_path / "other")]
    assert set(first).intersection(other) <= {None}
    key.write_bytes(b"short")
    with pytest.raises(ValueError, match="has 5 bytes, not the 32 of a key"):
        vdl.Index.build(archive, tmp_path / "index")


def test_another_key_makes_other_keys_of_patients_without_reading_files(archive: Path, tmp_path: Path) -> None:
    index = vdl.Index.build(archive, tmp_path / "index", patient_key="one")
    again = vdl.Index.build(archive, tmp_path / "index", patient_key=b"two")
    assert again.files_read == 0
    assert not {row.patient for row in index if row.patient} - {row.patient for row in again}
    assert [row.patient for row in vdl.Index.build(archive, tmp_path / "index", patient_key="two")] == [
        row.patient for row in again
    ]


def test_identity_is_written_where_it_is_asked_for(archive: Path, tmp_path: Path) -> None:
    index = vdl.Index.build(archive, tmp_path / "index", identity=True)
    found = {(row.patient_id, row.patient_name) for row in index}
    assert found == {*((f"ID471{k % 2}", f"Secret^Name{k}") for k in (1, 2, 3)), ("SECRET-ID", "Secret^Name")}
    assert not (tmp_path / "index.key").exists()
    assert "Secret" not in repr([*index])
    assert not any(row.patient for row in index)


def test_a_key_beside_identity_is_refused(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="would not be used"):
        vdl.Index.build(archive, tmp_path / "index", identity=True, patient_key="x")
    with pytest.raises(ValueError, match="patient_key must be"):
        vdl.Index.build(archive, tmp_path / "index", patient_key="")
