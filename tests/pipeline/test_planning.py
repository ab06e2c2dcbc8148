"""Steps of time: the volumes of a series in VTK's own time pipeline."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from synthetic import ROOT, in_vtk_order
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkDataObject
from vtkmodules.vtkCommonExecutionModel import vtkStreamingDemandDrivenPipeline as Pipeline
from vtkmodules.vtkFiltersGeneral import vtkTemporalStatistics

import vtkdicomload as vdl
from vtkdicomload import DICOMSeriesSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset
    from synthetic import Truth
    from vtkmodules.vtkCommonDataModel import vtkImageData

    Write = Callable[..., Truth]

TIMES = (300.0, 550.0, 800.0, 1050.0, 1300.0, 1550.0, 1800.0, 2050.0)


def values(image: vtkImageData, name: str | None = None) -> Any:
    """The scalars of an image, or an array by its name, as (z, y, x)."""
    data = image.GetPointData()
    array = data.GetScalars() if name is None else data.GetArray(name)
    return vtk_to_numpy(array).reshape(image.GetDimensions()[::-1])


@pytest.fixture
def truth(data: Path) -> list[Any]:
    """The frames of the eight phases, in VTK's order."""
    return [in_vtk_order(volume.frames) for volume in vdl.load_all(data / "asl_4d")]


@pytest.fixture
def source(data: Path) -> DICOMSeriesSource:
    return DICOMSeriesSource(directory_name=data / "asl_4d", time_dimension="time")


def test_the_volumes_are_announced_as_steps_of_time(source: DICOMSeriesSource) -> None:
    source.UpdateInformation()
    info = source.GetOutputInformation(0)
    assert info.Get(Pipeline.TIME_STEPS()) == TIMES == source.GetTimeSteps()
    assert info.Get(Pipeline.TIME_RANGE()) == (300, 2050)


def test_the_time_that_is_asked_for_is_served(source: DICOMSeriesSource, truth: list[Any]) -> None:
    source.Update()
    np.testing.assert_array_equal(values(source.GetOutput()), truth[0].transpose(2, 1, 0))
    for time, step in ((800, 2), (300, 0), (2050, 7), (1060, 3), (1299, 3), (0, 0), (9999, 7)):
        source.UpdateTimeStep(time)
        image = source.GetOutput()
        np.testing.assert_array_equal(values(image), truth[step].transpose(2, 1, 0))
        assert image.GetInformation().Get(vtkDataObject.DATA_TIME_STEP()) == TIMES[step]


@pytest.mark.parametrize("folder", ["asl_4d", "mosaic"])  # fractions and integers
def test_statistics_over_time_are_those_of_numpy(data: Path, folder: str) -> None:
    source = DICOMSeriesSource(directory_name=data / folder, time_dimension="any")
    source.SetOutputScalarTypeToDouble()
    statistics = vtkTemporalStatistics()
    statistics.SetInputConnection(source.GetOutputPort())
    statistics.Update()
    found = statistics.GetOutputDataObject(0)
    name = source.GetOutput().GetPointData().GetScalars().GetName()
    stack = np.stack([in_vtk_order(volume.frames) for volume in vdl.load_all(data / folder)]).astype(np.float64)
    for words, expected in (
        ("average", stack.mean(0)),
        ("minimum", stack.min(0)),
        ("maximum", stack.max(0)),
        ("stddev", stack.std(0)),
    ):
        array = values(found, f"{name}_{words}")
        np.testing.assert_allclose(array, expected.transpose(2, 1, 0), rtol=1e-6, atol=1e-5)


def test_a_part_of_a_step_is_read_in_part(source: DICOMSeriesSource, truth: list[Any]) -> None:
    source.UpdateTimeStep(1300, 0, 1, 0, (0, 79, 0, 79, 2, 3))
    np.testing.assert_array_equal(values(source.GetOutput()), truth[4].transpose(2, 1, 0)[2:4])


def test_both_geometries_have_time(source: DICOMSeriesSource, data: Path) -> None:
    source.SetGeometryToPatient()
    source.UpdateTimeStep(2050)
    volume = vdl.load(data / "asl_4d", stack=7)
    np.testing.assert_array_equal(values(source.GetOutput()), volume.frames)
    np.testing.assert_allclose(source.GetOutput().GetOrigin(), volume.origin)


def test_one_volume_has_no_time(series: Write, source: DICOMSeriesSource) -> None:
    source.UpdateInformation()
    source.SetDirectoryName(series().folder)
    source.SetTimeDimension("any")
    source.Update()
    info = source.GetOutputInformation(0)
    assert not info.Has(Pipeline.TIME_STEPS())
    assert not info.Has(Pipeline.TIME_RANGE())
    assert source.GetTimeSteps() == ()
    assert not source.GetOutput().GetInformation().Has(vtkDataObject.DATA_TIME_STEP())


def write_two_dimensions(series: Write) -> None:
    """Two echoes of magnitude and phase."""
    for v, (echo, component) in enumerate([(2.3, "MAGNITUDE"), (4.6, "MAGNITUDE"), (2.3, "PHASE"), (4.6, "PHASE")]):

        def edit(dataset: Dataset, k: int, v: int = v) -> None:
            dataset.SOPInstanceUID, dataset.InstanceNumber = f"{ROOT}.3.{v}.{k}", 5 * v + k + 1

        names = [f"{v}-{k}" for k in range(5)]
        series(names=names, edit=edit, EchoTime=echo, ComplexImageComponent=component, RescaleSlope=v + 1)


def test_a_dimension_that_does_not_tell_all_volumes_apart_is_refused(series: Write, tmp_path: Path) -> None:
    write_two_dimensions(series)
    source = DICOMSeriesSource(directory_name=tmp_path, time_dimension="echo")
    words = 'echo alone does not tell them apart → SetTimeDimension("volume")'
    with pytest.raises(vdl.DicomLoadError, match=re.escape(words)):
        source.Update()
    source.SetTimeDimension("volume")
    source.UpdateInformation()
    assert source.GetTimeSteps() == (0, 1, 2, 3)
    volumes = sorted(float(volume.frames.max()) for volume in vdl.load_all(tmp_path))
    seen = []
    for step in range(4):
        source.UpdateTimeStep(step)
        seen.append(float(values(source.GetOutput()).max()))
    assert sorted(seen) == volumes


def test_a_dimension_that_is_not_there_is_refused_with_the_one_that_is(source: DICOMSeriesSource) -> None:
    source.SetTimeDimension("echo")
    words = (
        'are 8 of time, echo alone does not tell them apart → SetTimeDimension("time") or SetTimeDimension("volume")'
    )
    with pytest.raises(vdl.DicomLoadError, match=re.escape(words)):
        source.Update()
    with pytest.raises(TypeError, match="SetTimeDimension takes the name of a dimension or None, not 3"):
        source.SetTimeDimension(3)


def test_without_a_dimension_several_volumes_are_refused_as_before(source: DICOMSeriesSource) -> None:
    source.SetTimeDimension(None)
    with pytest.raises(vdl.DuplicateSliceError):
        source.Update()
    assert source.GetTimeDimension() is None


def test_values_of_a_later_step_that_do_not_fit_widen_the_type_of_all(series: Write, tmp_path: Path) -> None:
    for t in (1, 2):

        def edit(dataset: Dataset, k: int, t: int = t) -> None:
            dataset.SOPInstanceUID, dataset.InstanceNumber = f"{ROOT}.3.{t}.{k}", 5 * t + k + 1
            dataset.PixelData = np.full(48, 60000 if t == 2 and k == 1 else 1, "<u2").tobytes()

        names = [f"{t}-{k}" for k in range(5)]
        series(names=names, edit=edit, dtype=np.uint16, TemporalPositionIdentifier=t, RescaleIntercept=-1024)
    source = DICOMSeriesSource(directory_name=tmp_path, time_dimension="any")
    source.UpdateTimeStep(1)
    assert values(source.GetOutput()).dtype == np.int16
    source.UpdateTimeStep(2)
    assert values(source.GetOutput()).dtype == np.int32
    assert values(source.GetOutput()).max() == 60000 - 1024
