"""Addresses on a DICOMweb server are told from other URLs, and lose their credentials."""

from __future__ import annotations

import pytest

from vtkdicomload.sources.dicomweb.address import find_address

BASE = "https://pacs.example.org:8443/orthanc/dicom-web"


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("studies/1.2.3", ("1.2.3", None, None)),
        ("studies/1.2.3/", ("1.2.3", None, None)),
        ("studies/1.2.3/series/4.5", ("1.2.3", "4.5", None)),
        ("studies/1.2.3/series/4.5/instances/6.7", ("1.2.3", "4.5", "6.7")),
    ],
)
def test_studies_series_and_instances_are_found(path: str, parts: tuple[str | None, ...]) -> None:
    found = find_address(f"{BASE}/{path}")
    assert found is not None
    assert (found.study, found.series, found.instance) == parts
    assert (found.service, found.path, found.credentials) == (BASE, path.rstrip("/"), None)
    assert found.url == f"{BASE}/{path}".rstrip("/")


@pytest.mark.parametrize(
    "source",
    [
        f"{BASE}/studies",
        f"{BASE}/studies/1.2.3/series",
        f"{BASE}/studies/1.2.3/series/4.5/instances/6.dcm",
        f"{BASE}/studies/1.2.3/series/4.5/instances/6.7/frames/1",
        f"{BASE}/studies/../series/4.5",
        f"{BASE}/studies/{'1' * 65}",
        "https://example.org/a.zip",
        "s3://bucket/studies/1.2.3",
        "studies/1.2.3",
        "/data/studies/1.2.3/series/4.5",
        "C:\\studies\\1.2.3",
        b"not a text",
        b"https://x",
        None,
        3,
    ],
)
def test_everything_else_is_none(source: object) -> None:
    assert find_address(source) is None


def test_credentials_are_taken_out_and_shown_nowhere() -> None:
    found = find_address("https://ann:p%40ss@pacs.example.org/web/studies/1.2")
    assert found is not None
    assert found.credentials == ("ann", "p@ss")
    assert (found.service, found.url) == (
        "https://pacs.example.org/web",
        "https://pacs.example.org/web/studies/1.2",
    )
    assert "p@ss" not in repr(found) + str(found)
    assert "ann" not in repr(found)
