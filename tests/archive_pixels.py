"""Cases of values, and of pictures of many slices."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from archive import (
    AXIAL,
    COLUMNS,
    CORONAL,
    OBLIQUE,
    ORIGIN,
    PIXEL_SPACING,
    ROWS,
    STEP,
    Case,
    Image,
    Owed,
    even,
    images,
    made,
    owe,
    single,
    write_images,
)
from pydicom import Dataset
from pydicom.uid import JPEG2000Lossless, RLELossless
from synthetic import csa_header, write_series

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


def values() -> Iterator[Case]:
    kind = "values"
    slices = images(even())

    def narrow(dataset: Dataset, k: int) -> None:
        if k % 2:
            dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
            dataset.PixelData = np.full((ROWS, COLUMNS), 40 + k, np.uint8).tobytes()

    mixed = owe(slices)
    for k in (1, 3):
        mixed.frames[k] = 40 + k
    in_part = partial(write_images, slices=slices, edit=narrow)
    yield Case(kind, "slices of 8 and of 16 bits", in_part, "volume", (mixed,), warned=True)
    signs = images(even(), 0, PixelRepresentation=lambda k: k % 2)
    yield single(kind, "signed and unsigned slices", signs, warned=True)
    yield single(
        kind, "a modality LUT whose item is empty", images(even(), 0, ModalityLUTSequence=[Dataset()]), warned=True
    )
    slopes = images(even(), 0, RescaleSlope=lambda k: k + 1, RescaleIntercept=lambda k: -k)
    frames = np.array([image.pixels * (k + 1.0) - k for k, image in enumerate(slices)])
    owed = (Owed(frames, owe(slices).affine),)
    yield Case(kind, "a slope and intercept in each slice", made(slopes), "volume", owed, warned=False)
    for syntax in (RLELossless, JPEG2000Lossless):
        yield single(kind, f"guard: {syntax.name}", slices, common={"syntax": syntax}, warned=False)


def sheet(tiles: Sequence[Image], down: int, across: int) -> NDArray[np.uint16]:
    """Slices as the tiles of one image, from left to right and down."""
    stored = np.zeros((down * ROWS, across * COLUMNS), np.uint16)
    for k, tile in enumerate(tiles):
        r, c = divmod(k, across)
        stored[r * ROWS : (r + 1) * ROWS, c * COLUMNS : (c + 1) * COLUMNS] = tile.pixels
    return stored


def write_mosaic(folder: Path, slices: Sequence[Image], orientation: Sequence[float], sense: int, *, csa: bool) -> None:
    """Write a mosaic of Siemens whose slices follow each other along `sense` times row × column."""
    row, column = np.array(orientation[:3], float), np.array(orientation[3:], float)
    across = int(np.ceil(np.sqrt(len(slices))))
    stored = sheet(slices, across, across)
    # The position is that of the first slice, were it as large as the whole image.
    width, height = PIXEL_SPACING[1] * COLUMNS * (across - 1), PIXEL_SPACING[0] * ROWS * (across - 1)
    corner = ORIGIN - row * width / 2 - column * height / 2

    def edit(dataset: Dataset, _: int) -> None:
        dataset.ImageType, dataset.Modality = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"], "MR"
        dataset.SpacingBetweenSlices, dataset.PixelData = STEP, stored.tobytes()
        dataset.ImagePositionPatient = [f"{p:.9g}" for p in corner]
        if csa:
            normal = (np.cross(row, column) * sense).tolist()
            block = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
            block.add_new(0x10, "OB", csa_header(len(slices), normal, len(slices) - 1 if sense < 0 else 0))

    size = {"rows": stored.shape[0], "columns": stored.shape[1], "dtype": np.uint16}
    write_series(folder, count=1, orientation=orientation, edit=edit, **size)


def write_vframe(folder: Path, slices: Sequence[Image], orientation: Sequence[float], *, placed: bool) -> None:
    """Write a tiled image of United Imaging."""
    normal = np.cross(orientation[:3], orientation[3:])
    across = int(np.ceil(np.sqrt(len(slices))))
    stored = sheet(slices, -(-len(slices) // across), across)

    def edit(dataset: Dataset, _: int) -> None:
        dataset.ImageType, dataset.Modality = ["ORIGINAL", "PRIMARY", "M", "VFRAME"], "MR"
        dataset.PixelData = stored.tobytes()
        del dataset.ImagePositionPatient
        dataset.add_new(0x00650010, "LO", "Image Private Header")
        dataset.add_new(0x00651050, "DS", str(len(slices)))
        if placed:
            items = [Dataset() for _ in slices]
            for item, image in zip(items, slices, strict=True):
                item.ImagePositionPatient = [f"{p:.9g}" for p in ORIGIN + normal * image.place]
            dataset.add_new(0x00651051, "SQ", items)

    size = {"rows": stored.shape[0], "columns": stored.shape[1], "dtype": np.uint16}
    write_series(folder, count=1, orientation=orientation, edit=edit, **size)


def tiles() -> Iterator[Case]:
    kind = "tiles"
    for count, orientation, sense in (
        (5, AXIAL, 1),
        (5, AXIAL, -1),
        (7, OBLIQUE, -1),
        (2, CORONAL, -1),
        (10, CORONAL, 1),
    ):
        slices = images([sense * STEP * k for k in range(count)])
        owed, where = (owe(slices, orientation),), f"{count} from the {'feet' if sense > 0 else 'head'}"
        mosaic = partial(write_mosaic, slices=slices, orientation=orientation, sense=sense, csa=True)
        yield Case(kind, f"a mosaic of {where}", mosaic, "volume", owed, warned=False)
        vframe = partial(write_vframe, slices=slices, orientation=orientation, placed=True)
        yield Case(kind, f"a VFRAME image of {where}", vframe, "volume", owed, warned=False)
    unplaced = {
        "a mosaic without CSA header": partial(write_mosaic, sense=1, csa=False),
        "a VFRAME image without places": partial(write_vframe, placed=False),
    }
    for name, write in unplaced.items():
        build = partial(write, slices=images(even()), orientation=AXIAL)
        yield Case(kind, name, build, "refused", error=vdl.UnsupportedPixelDataError, says=("where its slices lie",))
