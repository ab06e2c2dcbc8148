"""Instances on a DICOMweb server are files: listed from metadata, fetched whole, let go of."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sources.contract import ChangingFileContract

import vtkdicomload as vdl
from vtkdicomload.sources.dicomweb.instances import DescribedFile, InstanceFile
from vtkdicomload.sources.dicomweb.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from sources.dicomweb.pacs import Pacs
    from synthetic import Truth

    from vtkdicomload.sources.file import File

    Write = Callable[..., Truth]


class TestContract(ChangingFileContract):
    @pytest.fixture
    def make(self, pacs: Pacs) -> Callable[[str, bytes], File]:
        def made(name: str, content: bytes) -> File:
            path = f"studies/1/series/2/instances/{name}"
            pacs.instances[path] = content
            return InstanceFile.at(Server(pacs.url), path)

        return made

    @pytest.fixture
    def remove(self, pacs: Pacs) -> Callable[[Any], None]:
        return lambda file: pacs.instances.pop(file.path)


def test_the_pixels_of_a_described_file_are_no_zeros(pacs: Pacs, series: Write) -> None:
    (found,) = vdl.scan(pacs.store(series("written").files))
    header = found.frames[0].header
    assert isinstance(header.file, DescribedFile)
    assert header.file.read_at(0, header.pixel_offset)[128:132] == b"DICM"
    with pytest.raises(vdl.CorruptFileError, match="its pixels were not fetched yet"):
        header.file.read_at(header.pixel_offset, 10)


def test_one_of_several_stacks_is_fetched_and_no_more(pacs: Pacs, series: Write) -> None:
    def two_echoes(dataset: Any, k: int) -> None:
        dataset.EchoTime = 5 + 10 * (k % 2)
        dataset.ImagePositionPatient[2] = 2.0 * (k // 2)

    truth = series("written", count=8, edit=two_echoes)
    url = pacs.store(truth.files)
    volume = vdl.load(url, stack=1)
    assert volume.frames.shape[0] == 4
    assert sum("/instances/" in path for path in pacs.asked) == 4
    assert all(frame.header.echo_time == 15 for frame in volume.series.frames)


def test_the_bytes_are_let_go_of_and_fetched_again_where_they_are_asked_for(pacs: Pacs, series: Write) -> None:
    truth = series("written")
    volume = vdl.load(pacs.store(truth.files))
    file = volume.series.frames[0].header.file
    assert isinstance(file, InstanceFile)
    assert file.size == truth.files[0].stat().st_size
    np.testing.assert_array_equal(volume.series.load().frames, truth.frames)
    pacs.instances[file.path] = pacs.instances[file.path][:-2] + b"\7\7"
    with pytest.raises(vdl.CorruptFileError, match="changed since it was scanned"):
        volume.series.load()


def test_a_described_series_pickles_and_is_loaded_elsewhere(pacs: Pacs, series: Write) -> None:
    truth = series("written")
    (found,) = vdl.scan(pacs.store(truth.files))
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.load().frames, truth.frames)
