"""A server for the tests of this folder, which does not make them wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sources.dicomweb.pacs import Pacs, run_pacs

from vtkdicomload.sources.dicomweb import server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pacs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pacs]:
    """Run a DICOMweb server of this machine."""
    monkeypatch.setattr(server, "_FIRST_WAIT", 0.001)
    with run_pacs() as running:
        yield running
