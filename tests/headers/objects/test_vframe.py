"""Tiled images of United Imaging: tiles are slices where the items of (0065,1051) put them, or the file is refused."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)
from synthetic import Edit, write_series

import vtkdicomload as vdl
from vtkdicomload.conversions.decompress import decompress
from vtkdicomload.headers.frames import make_frames
from vtkdicomload.headers.parser import read_header

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

OBLIQUE = (0.8, 0.6, 0.0, 0.0, 0.0, -1.0)
NORMAL = np.cross(OBLIQUE[:3], OBLIQUE[3:])
FIRST = np.array([-90.0, 12.5, 40.25])
STEP = 4.2
TILE = (4, 5)


def grid(count: int) -> tuple[int, int]:
    """Tiles down and across, as the maker describes them."""
    across = math.ceil(math.sqrt(count))
    return math.ceil(count / across), across


def places(count: int, step: float = STEP) -> NDArray[np.float64]:
    return FIRST + np.outer(np.arange(count) * step, NORMAL)


def tiled(
    where: Sequence[Sequence[float]] | None,
    *,
    count: int | str | None = None,
    creator: str | None = "Image Private Header",
    **attributes: Any,
) -> Edit:
    """What makes a slice of `write_series` an image of tiles that lie `where`."""

    def edit(d: Dataset, k: int) -> None:
        d.Modality, d.Manufacturer, d.ImageType = "MR", "UIH", ["ORIGINAL", "PRIMARY", "M", "VFRAME"]
        d.InstanceNumber = k + 1
        del d.ImagePositionPatient, d.AcquisitionNumber
        if creator:
            d.add_new(0x00650010, "LO", creator)
        number = (0 if where is None else len(where)) if count is None else count
        if number != "":
            d.add_new(0x00651050, "DS", str(number))
        if where is not None:
            items = []
            for i, place in enumerate(where):
                item = Dataset()
                # Every second tile was acquired in the second half of the repetition.
                item.AcquisitionTime = f"1337{k * 8 + i % 2 * 4:02d}.{i:03d}"
                item.ImagePositionPatient = [f"{p:.9g}" for p in place]
                items.append(item)
            d.add_new(0x00651051, "SQ", items)
        for keyword, value in attributes.items():
            setattr(d, keyword, value)

    return edit


def written(folder: Path, tiles: int, edit: Edit, *, count: int = 1, **options: Any) -> NDArray[np.float64]:
    """The tiles of the images that were written, shape (files, slices, rows, columns)."""
    down, across = grid(tiles)
    options = {"orientation": OBLIQUE, "rows": down * TILE[0], "columns": across * TILE[1], **options}
    truth = write_series(folder, count=count, edit=edit, gap=0.0, **options)
    cut = truth.frames.reshape(count, down, TILE[0], across, TILE[1]).swapaxes(2, 3)
    return cut.reshape(count, -1, *TILE)[:, :tiles]


# ------------------------------------------------------------------------------------------------------------- right
@pytest.mark.parametrize("count", [2, 3, 5, 6, 7, 20])
@pytest.mark.parametrize("engine", ["auto", "pydicom"])
def test_tiles_are_slices_where_their_items_put_them(tmp_path: Path, count: int, engine: str) -> None:
    tiles = written(tmp_path, count, tiled(places(count), RescaleSlope=2, RescaleIntercept=-9))
    volume = vdl.load(tmp_path, engine=engine, verify="all")
    np.testing.assert_array_equal(volume.frames, tiles[0])
    np.testing.assert_allclose(volume.geometry.positions, places(count), atol=1e-6)
    assert volume.spacing == pytest.approx((0.5, 0.8, STEP))
    assert dict(volume.checks)["second reader"].startswith(f"{count} of {count}")


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless, JPEG2000Lossless]
)
def test_every_encoding_says_the_same(tmp_path: Path, syntax: str) -> None:
    tiles = written(tmp_path, 7, tiled(places(7)), syntax=syntax)
    volume = vdl.load(tmp_path)
    np.testing.assert_array_equal(volume.frames, tiles[0])
    np.testing.assert_allclose(volume.geometry.positions, places(7), atol=1e-6)


@pytest.mark.parametrize("order", [[6, 5, 4, 3, 2, 1, 0], [0, 2, 4, 6, 1, 3, 5]])
def test_tiles_may_come_in_any_order(tmp_path: Path, order: list[int]) -> None:
    tiles = written(tmp_path, 7, tiled(places(7)[order]))
    volume = vdl.load(tmp_path)
    np.testing.assert_array_equal(volume.frames, tiles[0][np.argsort(order)])
    np.testing.assert_allclose(volume.geometry.positions, places(7), atol=1e-6)


def test_the_private_attributes_suffice_where_the_image_type_was_changed(tmp_path: Path) -> None:
    tiles = written(tmp_path, 5, tiled(places(5), ImageType=["DERIVED", "SECONDARY"]))
    np.testing.assert_array_equal(vdl.load(tmp_path).frames, tiles[0])


def test_one_tile_is_a_slice_in_its_place(tmp_path: Path) -> None:
    tiles = written(tmp_path, 1, tiled(places(1)))
    volume = vdl.load(tmp_path)
    np.testing.assert_array_equal(volume.frames, tiles[0])
    assert volume.origin == pytest.approx(tuple(FIRST))


def test_each_image_of_a_run_is_a_volume(tmp_path: Path) -> None:
    tiles = written(tmp_path, 5, tiled(places(5)), count=3)
    with pytest.raises(vdl.DuplicateSliceError, match="3 volumes"):
        vdl.load(tmp_path)
    volumes = vdl.load_all(tmp_path)
    assert [v.frames.tolist() for v in volumes] == tiles.tolist()


def test_diffusion_weighting_is_that_of_the_maker(tmp_path: Path) -> None:
    def edit(d: Dataset, k: int) -> None:
        tiled(places(5))(d, k)
        d.add_new(0x00651009, "FD", [1.25, 929.75, 929.75][k])
        d.add_new(0x00651037, "FD", [[0.0, 0, 0], [0.6, 0.0, 0.8], [0.0, 1.0, 0.0]][k])

    tiles = written(tmp_path, 5, edit, count=3)
    (series,) = vdl.scan(tmp_path)
    values = {(f.header.b_value, f.header.diffusion_direction) for f in series.frames}
    assert values == {(1.25, (0, 0, 0)), (929.75, (0.6, 0, 0.8)), (929.75, (0, 1, 0))}
    loaded = [v.frames.tolist() for v in vdl.load_all(tmp_path)]
    assert all(t.tolist() in loaded for t in tiles)
    assert len(loaded) == 3


def test_each_tile_has_its_own_time(tmp_path: Path) -> None:
    written(tmp_path, 5, tiled(places(5)))
    (series,) = vdl.scan(tmp_path)
    times = [f.header.acquisition_time for f in series.frames]
    assert times == ["133700.000", "133704.001", "133700.002", "133704.003", "133700.004"]


def test_headers_read_fast_are_those_read_strictly(tmp_path: Path) -> None:
    written(tmp_path, 5, tiled(places(5)), count=4)
    (series,) = vdl.scan(tmp_path)
    strict = [f.header for path in series.files for f in make_frames(read_header(path))]
    assert sorted(map(repr, strict)) == sorted(repr(f.header) for f in series.frames)


def test_it_is_decompressed_as_one_image(tmp_path: Path) -> None:
    tiles = written(tmp_path / "from", 5, tiled(places(5)), syntax=RLELossless)
    decompress(tmp_path / "from", tmp_path / "to")
    (path,) = (tmp_path / "to").iterdir()
    assert pydicom.dcmread(path).pixel_array.shape == (8, 15)
    np.testing.assert_array_equal(vdl.load(tmp_path / "to").frames, tiles[0])


def test_the_same_tags_of_another_maker_are_its_own_matter(tmp_path: Path) -> None:
    edit = tiled(places(5), creator="ANOTHER MAKER", ImageType=["ORIGINAL", "PRIMARY"], ImagePositionPatient=[1, 2, 3])
    truth = write_series(tmp_path, count=1, edit=edit)
    np.testing.assert_array_equal(vdl.load(tmp_path).frames, truth.frames)


# ----------------------------------------------------------------------------------------------------------- refused
@pytest.mark.parametrize(
    "edit",
    [
        tiled(None, count=""),  # VFRAME in ImageType alone
        tiled(None, count=5),
        tiled(None, count=5, ImageType=["DERIVED", "SECONDARY"]),
        tiled(places(5), count=""),
        tiled(places(5), count="2.5"),
        tiled(places(5), creator=None),
        tiled(places(5), ImageOrientationPatient=None),
        tiled(places(5), PixelSpacing=None),
    ],
)
def test_an_image_whose_slices_lie_nowhere_is_refused_by_name(tmp_path: Path, edit: Edit) -> None:
    written(tmp_path, 5, edit)
    with pytest.raises(vdl.UnsupportedPixelDataError, match=r"tiled image of United Imaging .* where its slices lie"):
        vdl.load(tmp_path)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (tiled(places(5), count=6), "5 places for 6 tiles"),
        (tiled(places(4), count=5), "4 places for 5 tiles"),
        (tiled(places(26)), "8 × 15 pixels are no 5 × 6 tiles"),
        (tiled([*places(4), (1, 2)]), "2 values where 3 belong"),
        (tiled([*places(4), ()]), "ImagePositionPatient is missing or empty"),
    ],
)
def test_places_that_do_not_fit_the_image_are_damage(tmp_path: Path, edit: Edit, message: str) -> None:
    written(tmp_path, 5, edit)
    with pytest.raises(vdl.CorruptFileError, match=message):
        vdl.load(tmp_path)


def test_uneven_places_are_named(tmp_path: Path) -> None:
    uneven = places(7)
    uneven[3:] += NORMAL * STEP
    written(tmp_path, 7, tiled(uneven))
    with pytest.raises(vdl.MissingSliceError):
        vdl.load(tmp_path)
