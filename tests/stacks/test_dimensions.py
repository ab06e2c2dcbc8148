"""Further dimensions: what they are called, what stands along them, and in which order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from synthetic import ROOT, write_series

import vtkdicomload as vdl
from vtkdicomload.stacks.dimensions import arrange_stacks, group_by_geometry
from vtkdicomload.stacks.geometry import Geometry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydicom import Dataset

    from vtkdicomload.stacks.dimensions import StackGrid

    Attributes = dict[str, Any]


def write_volumes(folder: Path, volumes: Sequence[Attributes], **options: Any) -> None:
    """Volumes of one series in one place, each with attributes of its own; a callable gives that of a slice."""
    for v, attributes in enumerate(volumes):

        def edit(dataset: Dataset, k: int, v: int = v, attributes: Attributes = attributes) -> None:
            dataset.SOPInstanceUID, dataset.InstanceNumber = f"{ROOT}.1.{v}.{k + 1}", v * 4 + k + 1
            dataset.PixelData = (np.frombuffer(dataset.PixelData, "<i2") + 1000 * v).tobytes()
            for keyword, value in attributes.items():
                setattr(dataset, keyword, value(k) if callable(value) else value)

        write_series(folder, count=4, names=[f"{v}-{k}" for k in range(4)], edit=edit, **options)


def arranged(folder: Path, volumes: Sequence[Attributes]) -> StackGrid:
    write_volumes(folder, volumes)
    (series,) = vdl.scan(folder)
    assert len(series.stacks()) == len(volumes)
    return arrange_stacks(series.stacks())


def values(grid: StackGrid) -> dict[str, Any]:
    return {c.name: (c.dimensions, c.values.tolist(), c.attributes.get("units")) for c in grid.coordinates}


MR = {"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}

ONE: dict[str, tuple[list[Attributes], str, list[Any], str | None]] = {
    "echo times": ([{"EchoTime": t} for t in (4.6, 2.3, 6.9)], "echo", [2.3, 4.6, 6.9], "ms"),
    "b-values": ([{"DiffusionBValue": b} for b in (1000, 0, 500)], "b_value", [0, 500, 1000], "s/mm²"),
    "time points": ([{"TemporalPositionIdentifier": t} for t in (1, 2, 3)], "time", [1, 2, 3], None),
    "inversion times": ([{"InversionTime": t} for t in (200, 100)], "inversion_time", [100, 200], "ms"),
    "flip angles": ([{"FlipAngle": a} for a in (5, 15)], "flip_angle", [5, 15], "degree"),
    "components": (
        [{"ComplexImageComponent": c} for c in ("MAGNITUDE", "PHASE")],
        "channel",
        ["MAGNITUDE", "PHASE"],
        None,
    ),
    "heart phases": (
        [{"TriggerTime": 100.0 * t, "CardiacNumberOfImages": 3} for t in range(3)],
        "phase",
        [0, 100, 200],
        "ms",
    ),
    "measured times": (
        [{"TriggerTime": lambda k, t=t: 500.0 * t + 10 * k, "NumberOfTemporalPositions": 3} for t in range(3)],
        "time",
        [0, 500, 1000],
        "ms",
    ),
    "acquisition times": (
        [{"AcquisitionTime": f"11590{t}.25"} for t in (7, 9)],
        "time",
        [0, 2000],
        "ms",
    ),
    "acquisitions": ([{"AcquisitionNumber": n} for n in (1, 2)], "acquisition", [1, 2], None),
    "energies": ([{"KVP": v} for v in (140, 80)], "kvp", [80, 140], "kV"),
}


@pytest.mark.parametrize("name", ONE)
def test_one_attribute_makes_one_dimension_in_ascending_order(tmp_path: Path, name: str) -> None:
    volumes, dimension, ascending, units = ONE[name]
    grid = arranged(tmp_path, [MR | volume for volume in volumes])
    assert (grid.names, grid.lengths) == ((dimension,), (len(volumes),))
    assert values(grid)[dimension] == ((dimension,), ascending, units)


def test_each_combination_of_two_attributes_makes_two_dimensions(tmp_path: Path) -> None:
    kinds = [MR | {"EchoTime": t, "ComplexImageComponent": c} for c in ("MAGNITUDE", "PHASE") for t in (2.3, 4.6, 6.9)]
    grid = arranged(tmp_path, kinds)
    assert dict(zip(grid.names, grid.lengths, strict=True)) == {"channel": 2, "echo": 3}
    found = values(grid)
    assert found["echo"] == (("echo",), [2.3, 4.6, 6.9], "ms")
    assert found["channel"] == (("channel",), ["MAGNITUDE", "PHASE"], None)
    (series,) = vdl.scan(tmp_path)
    stacks = series.stacks()
    for index, row in zip(np.ndindex(grid.lengths), grid.order, strict=True):
        at = dict(zip(grid.names, index, strict=True))
        header = stacks[row].header
        assert header.echo_time == (2.3, 4.6, 6.9)[at["echo"]]
        assert header.complex_component == ("MAGNITUDE", "PHASE")[at["channel"]]


def test_where_a_combination_is_missing_the_volumes_follow_each_other(tmp_path: Path) -> None:
    kinds = [{"EchoTime": 2.3, "FlipAngle": 5}, {"EchoTime": 4.6, "FlipAngle": 5}, {"EchoTime": 2.3, "FlipAngle": 15}]
    grid = arranged(tmp_path, [MR | kind for kind in kinds])
    assert (grid.names, grid.lengths, grid.order) == (("volume",), (3,), (0, 1, 2))
    assert values(grid)["echo"] == (("volume",), [2.3, 4.6, 2.3], "ms")
    assert values(grid)["flip_angle"] == (("volume",), [5, 5, 15], "degree")


def test_repeated_b_values_are_a_coordinate_of_the_volumes_beside_unit_vectors(tmp_path: Path) -> None:
    shells = [
        {"DiffusionBValue": 0.0},
        {"DiffusionBValue": 1000.0, "DiffusionGradientOrientation": [0.6, 0.0, 0.8]},
        {"DiffusionBValue": 1000.0, "DiffusionGradientOrientation": [0.0, 2.0, 0.0]},
        {"DiffusionBValue": 2000.0, "DiffusionGradientOrientation": [0.0, 1.0, 0.0]},
    ]
    grid = arranged(tmp_path, [MR | shell for shell in shells])
    assert (grid.names, grid.lengths) == (("volume",), (4,))
    found = values(grid)
    assert found["b_value"] == (("volume",), [0, 1000, 1000, 2000], "s/mm²")
    vectors = np.array([found[f"bvec_{axis}"][1] for axis in "xyz"]).T
    np.testing.assert_allclose(vectors, [[0, 0, 0], [0.6, 0, 0.8], [0, 1, 0], [0, 1, 0]])
    assert all(found[f"bvec_{axis}"][0] == ("volume",) for axis in "xyz")


def test_real_series_have_the_dimensions_that_their_notes_say(data: Path) -> None:
    (asl,) = vdl.scan(data / "asl_4d")
    grid = arrange_stacks(asl.stacks())
    assert (grid.names, grid.lengths) == (("time",), (8,))
    assert values(grid)["time"][1] == [300, 550, 800, 1050, 1300, 1550, 1800, 2050]


def test_times_that_the_labels_do_not_say_are_told_beside(tmp_path: Path) -> None:
    points = [{"TemporalPositionIdentifier": t, "AcquisitionTime": f"12000{t}.5"} for t in (1, 2, 3)]
    found = values(arranged(tmp_path, [MR | point for point in points]))
    assert found["acquisition_time"] == (("time",), [0, 1000, 2000], "ms")


# ------------------------------------------------------------------------------------------------- one geometry
def grid_at(origin: Sequence[float] = (0, 0, 0), **changed: Any) -> Geometry:
    x, y, z = map(float, origin)
    return replace(Geometry((8, 6, 4), (0.5, 0.8, 2.5), (x, y, z), np.eye(3)), **changed)


def test_volumes_on_one_grid_are_together() -> None:
    turned = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0.0]])
    others = {
        "beside": grid_at((1, 0, 0)),
        "longer": grid_at(dimensions=(8, 6, 5)),
        "finer": grid_at(spacing=(0.4, 0.8, 2.5)),
        "turned": grid_at(direction=turned),
        "uneven": grid_at(even=False),
        "a run": grid_at(third_axis="frames"),
    }
    geometries = [grid_at(), *others.values(), grid_at((1e-3, 0, 0))]
    groups = group_by_geometry(geometries)
    assert groups[0] == [0, len(geometries) - 1]
    assert groups[1:] == [[k] for k in range(1, len(others) + 1)]


def test_what_nothing_places_is_never_together() -> None:
    nowhere = grid_at(origin=(0, 0, 0))
    nowhere = replace(nowhere, origin=None, direction=None)
    assert group_by_geometry([nowhere, nowhere]) == [[0], [1]]


def test_uneven_slices_are_together_where_each_lies_in_one_place() -> None:
    places = np.array([[0, 0, 0], [0, 0, 2], [0, 0, 5], [0, 0, 7.0]])
    a, b = (grid_at(even=False, positions=p) for p in (places, places + np.array([0, 0, 1e-4])))
    c = grid_at(even=False, positions=places + np.outer([0, 1, 0, 0], [0, 0, 1]))
    assert group_by_geometry([a, b, c]) == [[0, 1], [2]]
