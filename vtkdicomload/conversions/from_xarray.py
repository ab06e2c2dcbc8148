"""A volume of an xarray.DataArray: of a part of one that was read, or of what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .._util.wording import describe_argument, size_words
from ..headers.attributes import PIXEL_DATA
from ..headers.model import Frame, Header
from ..headers.transfer_syntaxes import EXPLICIT_LITTLE
from ..loading.volume_data import VolumeData
from ..sources.memory import MemoryFile
from ..stacks.series_data import SeriesData
from .coordinates import COMPONENT, FRAME_OF_REFERENCE, PATIENT, RUN, geometry_of

if TYPE_CHECKING:
    import xarray

    from .._util.arrays import Pixels
    from ..stacks.geometry import Geometry

V = TypeVar("V", bound=VolumeData)

_ENGINE = "xarray"
_NO_FILE = MemoryFile.of(b"", "an xarray.DataArray")


def make_volume(kind: type[V], array: xarray.DataArray) -> V:
    """A volume of an array with dimensions z, y and x, in any order (`Volume.from_xarray`).

    Raises
    ------
    GeometryError
        The coordinates are missing, not even or no numbers.
    ValueError
        There are other dimensions than z, y, x and component, longer than one.
    TypeError
        It is no array of xarray, or one of no numbers.
    """
    geometry = geometry_of(array)
    pixels = _lay_out_frames(array, geometry)
    frames = tuple(_place_frame(header, position) for header, position in _make_headers(array, geometry, pixels))
    return kind(pixels, geometry, SeriesData(frames), engine=_ENGINE)


def _lay_out_frames(array: xarray.DataArray, geometry: Geometry) -> Pixels:
    """The values of an array as `Volume.frames`."""
    if not hasattr(array, "dims") or not hasattr(array, "transpose") or not hasattr(array, "dtype"):
        raise TypeError(f"one array of xarray is needed, not {describe_argument(array)}")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"a volume has numbers, not values of {array.dtype}")
    third = "z" if geometry.third_axis == "slices" else next(name for name in RUN if name in array.dims)
    wanted = (third, "y", "x", COMPONENT)
    more = {str(dim): size for dim, size in array.sizes.items() if dim not in wanted and size > 1}
    if more:
        several = " × ".join(f"{size} of {dim}" for dim, size in more.items())
        raise ValueError(f"the array has {several}: isel or sel chooses one volume, isel({next(iter(more))}=0)")
    flat = array.isel({dim: 0 for dim in array.dims if dim not in wanted}, drop=True)
    present = [dim for dim in wanted if dim in flat.dims]
    nx, ny, nz = geometry.dimensions
    values = np.asarray(flat.transpose(*present).values)
    components = values.shape[-1:] if COMPONENT in present else ()
    if components and components != (3,):
        raise ValueError(f"colour has three components, not {size_words(*components)}: isel(component=0) takes one")
    pixels: Pixels = np.ascontiguousarray(values).reshape(nz, ny, nx, *components)
    return pixels


def _make_headers(array: xarray.DataArray, geometry: Geometry, pixels: Pixels) -> list[tuple[Header, Any]]:
    """A header for every slice, with what the attributes of the array say."""
    said, direction = array.attrs, geometry.direction
    padding = said.get("padding_value")
    center, width = said.get("window", (None, None))
    space = array.coords[PATIENT].attrs if PATIENT in array.coords else {}
    orientation: Any = None if direction is None else tuple(direction[:, :2].T.ravel().tolist())
    header = Header._make([None] * len(Header._fields))._replace(
        file=_NO_FILE,
        transfer_syntax=EXPLICIT_LITTLE,
        pixel_tag=PIXEL_DATA,
        pixel_vr=b"OW",
        pixel_offset=0,
        pixel_length=0,
        encapsulated=False,
        functional_groups=False,
        blank=(),
        liberties=(),
        image_type=(),
        frame_of_reference_uid=space.get(FRAME_OF_REFERENCE),
        modality=said.get("modality"),
        series_description=said.get("description"),
        photometric_interpretation=said.get("photometric_interpretation", "MONOCHROME2"),
        units=said.get("units"),
        window_center=None if center is None else float(center),
        window_width=None if width is None else float(width),
        padding_value=padding,
        padding_limit=next((end for end in said.get("padding_range", ()) if end != padding), None),
        pixel_spacing=(geometry.spacing[1], geometry.spacing[0]),
        orientation=orientation,
        rows=pixels.shape[1],
        columns=pixels.shape[2],
        samples=1 if pixels.ndim == 3 else 3,
        planar_configuration=0,
        bits_allocated=8 * pixels.dtype.itemsize,
        bits_stored=8 * pixels.dtype.itemsize,
        high_bit=8 * pixels.dtype.itemsize - 1,
        pixel_representation=int(pixels.dtype.kind != "u"),
        number_of_frames=1,
        has_modality_lut=False,
        on_slide=False,
        stack=(),
        dimensions=(),
        vframes=False,
        tiles_across=1,
        tiles_down=1,
    )
    positions: list[Any] = [None] * len(pixels) if geometry.positions is None else geometry.positions.tolist()
    return [(header._replace(position=p and tuple(p)), p and tuple(p)) for p in positions]


def _place_frame(header: Header, position: Any) -> Frame:
    return Frame(header, 0, position, header.orientation, 1.0, 0.0, -1, 0)
