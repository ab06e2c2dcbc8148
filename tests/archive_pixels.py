"""Cases of values, and of pictures of many slices."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

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
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)
from synthetic import ROOT, csa_header, write_series

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
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
    yield from _lookup_tables(kind)
    yield from _spellings(kind)
    for syntax in (RLELossless, JPEG2000Lossless):
        yield single(kind, f"guard: {syntax.name}", slices, common={"syntax": syntax}, warned=False)


# The stored value that the first entry is for, the entries, what the descriptor says of their bits, its VR, the dtype
# of the pixels, RescaleSlope and RescaleIntercept beside it.
TABLES: dict[str, tuple[int, NDArray[np.int64], int, str, Any, tuple[int, int] | None]] = {
    "of 12 bits": (0, np.arange(256) * 16 % 4096, 12, "US", np.uint8, None),
    "from 30 on": (30, np.arange(60) * 5 + 1, 16, "US", np.uint8, None),
    "of one entry": (10, np.array([777]), 16, "US", np.uint8, None),
    "of signed values, SS": (-50, np.arange(100) * 7, 16, "SS", np.int16, None),
    "of signed values, US": (-50, np.arange(100) * 7, 16, "US", np.int16, None),
    "of 65,536 entries": (0, np.arange(65536) * 7 % 65536, 16, "US", np.uint16, None),
    "that falls": (0, np.arange(255, -1, -1), 8, "US", np.uint8, None),
    "beside the identity": (0, np.arange(256) * 2, 16, "US", np.uint8, (1, 0)),
    "beside another rescale": (0, np.arange(256) * 2, 16, "US", np.uint8, (2, -5)),
}


def _lookup_tables(kind: str) -> Iterator[Case]:
    for name, (first, entries, bits, vr, dtype, rescale) in TABLES.items():
        step = 1300 if len(entries) > 256 else 3
        stored = np.arange(ROWS * COLUMNS).reshape(1, ROWS, COLUMNS) * step + np.arange(5)[:, None, None]
        pixels = (stored - (60 if dtype == np.int16 else 0)).astype(dtype)
        frames = entries[np.clip(pixels.astype(int) - first, 0, len(entries) - 1)].astype(np.float64)
        item = Dataset()
        descriptor = [len(entries) & 0xFFFF, first & 0xFFFF if vr == "US" else first, bits]
        item.add_new("LUTDescriptor", vr, descriptor)
        item.add_new("LUTData", "OW", entries.astype("<u2").tobytes())
        more = {"RescaleSlope": None, "RescaleIntercept": None}
        if rescale is not None:
            more = dict(zip(more, rescale, strict=True))
        build = partial(_write_pixels, pixels=pixels, ModalityLUTSequence=[item], **more)
        owed = Owed(frames, owe(images(even())).affine)
        yield Case(kind, f"a modality LUT {name}", build, "volume", (owed,), warned=name == "beside another rescale")


def _write_pixels(folder: Path, pixels: NDArray[Any], **attributes: Any) -> None:
    """Write slices of some pixels."""

    def edit(dataset: Dataset, k: int) -> None:
        bits = pixels.dtype.itemsize * 8
        dataset.BitsAllocated = dataset.BitsStored = bits
        dataset.HighBit, dataset.PixelRepresentation = bits - 1, int(pixels.dtype.kind == "i")
        dataset.PixelData = pixels[k].tobytes()
        for keyword, value in attributes.items():
            if value is None:
                dataset.pop(keyword, None)
            else:
                setattr(dataset, keyword, value)

    write_images(folder, images(even(len(pixels))), edit=edit)


def _spellings(kind: str) -> Iterator[Case]:
    plain = owe(images(even()))
    for name, slope, intercept, frames in (
        ("a negative slope", -2, 7, plain.frames * -2 + 7),
        ("exponents", "1E-3", "-1.5E+1", (plain.frames * 1e-3 - 15).astype(np.float32)),
    ):
        build = partial(write_images, slices=images(even()), RescaleSlope=slope, RescaleIntercept=intercept)
        yield Case(kind, name, build, "volume", (Owed(frames.astype(np.float64), plain.affine),), warned=False)
    stored = plain.frames.astype(np.uint16) % 4096
    for syntax in (
        ExplicitVRLittleEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
        JPEGLSLossless,
        JPEG2000Lossless,
    ):
        for signed in (0, 1):
            owed = Owed((stored.astype(int) ^ 0x800) - 0x800 if signed else stored.astype(float), plain.affine)

            def draw(dataset: Dataset, k: int, signed: int = signed) -> None:
                dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, signed
                dataset.PixelData = (stored[k] | (stored[k] & 1) << 15 | (stored[k] & 2) << 11).tobytes()

            build = partial(write_images, slices=images(even()), edit=draw, syntax=syntax)
            name = f"overlays above {'signed ' if signed else ''}12 bits, {syntax.name}"
            yield Case(kind, name, build, "volume", (owed,))


def sheet(tiles: Sequence[Image], down: int, across: int) -> NDArray[np.uint16]:
    """Slices as the tiles of one image, from left to right and down."""
    stored = np.zeros((down * ROWS, across * COLUMNS), np.uint16)
    for k, tile in enumerate(tiles):
        r, c = divmod(k, across)
        stored[r * ROWS : (r + 1) * ROWS, c * COLUMNS : (c + 1) * COLUMNS] = tile.pixels
    return stored


def write_mosaic(
    folder: Path, slices: Sequence[Image], orientation: Sequence[float], sense: int, *, csa: bool, **common: Any
) -> None:
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
    write_series(folder, count=1, orientation=orientation, edit=edit, **size, **common)


def write_vframe(
    folder: Path, slices: Sequence[Image], orientation: Sequence[float], *, placed: bool, **common: Any
) -> None:
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
    write_series(folder, count=1, orientation=orientation, edit=edit, **size, **common)


def over_time(write: Callable[..., None], volumes: Sequence[Sequence[Image]], **options: Any) -> Callable[[Path], None]:
    """A tiled image for each time point."""

    def build(folder: Path) -> None:
        for v, slices in enumerate(volumes):
            number = {"InstanceNumber": v + 1, "AcquisitionNumber": v + 1, "SOPInstanceUID": f"{ROOT}.77.{v}"}
            write(folder, slices, names=[f"{v}.dcm"], **number, **options)

    return build


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
    for times, count, orientation, sense in ((3, 6, AXIAL, 1), (2, 5, OBLIQUE, -1), (4, 2, CORONAL, 1)):
        volumes = [images([sense * STEP * k for k in range(count)], v) for v in range(times)]
        owed = tuple(owe(slices, orientation) for slices in volumes)
        mosaics = over_time(write_mosaic, volumes, orientation=orientation, sense=sense, csa=True)
        yield Case(kind, f"{times} mosaics of {count}", mosaics, "volumes", owed, ordered=True)
        vframes = over_time(write_vframe, volumes, orientation=orientation, placed=True)
        yield Case(kind, f"{times} VFRAME images of {count}", vframes, "volumes", owed, ordered=True)
    slices = images(even(7))
    any_order = [slices[i] for i in np.random.default_rng(3).permutation(7)]
    vframe = partial(write_vframe, slices=any_order, orientation=AXIAL, placed=True)
    yield Case(kind, "a VFRAME image whose tiles are in any order", vframe, "volume", (owe(slices),), warned=False)
    unplaced = {
        "a mosaic without CSA header": partial(write_mosaic, sense=1, csa=False),
        "a VFRAME image without places": partial(write_vframe, placed=False),
    }
    for name, write in unplaced.items():
        build = partial(write, slices=images(even()), orientation=AXIAL)
        yield Case(kind, name, build, "refused", error=vdl.UnsupportedPixelDataError, says=("where its slices lie",))
