"""Several volumes on one grid, as one array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np

from .._util.wording import describe_argument
from ..errors import DicomLoadError, GeometryError
from ..errors.remedies import SetOption
from ..loading.volume_data import VolumeData
from ..stacks.geometry import Geometry
from .grid import check_counts, check_lengths, define_grid, locate_slices, make_grid
from .patient_space import check_frame_of_reference
from .resampling import require_comparable, resample_onto

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .._util.arrays import Floats, Pixels
    from .patient_space import FrameOfReference
    from .resampling import OrderChoice

Align = Literal["patient", "centre"]


class OnGrid(NamedTuple):
    """Several volumes on one grid.

    Attributes
    ----------
    frames : numpy.ndarray
        (n, z, y, x), or (n, z, y, x, 3) of colour.
    geometry : Geometry
        Of each of them; without an origin where each lies about its own middle.
    """

    frames: Pixels
    geometry: Geometry


def put_on_grid(
    volumes: Iterable[VolumeData],
    *,
    like: VolumeData | Geometry | None,
    spacing: float | Sequence[float] | None,
    shape: Sequence[int] | None,
    align: Align,
    order: OrderChoice,
    antialias: bool,
    background: float | None,
    frame_of_reference: FrameOfReference,
) -> OnGrid:
    """Bring volumes onto one grid (`vtkdicomload.to_grid`)."""
    check_frame_of_reference(frame_of_reference)
    if align not in get_args(Align):
        raise ValueError(f'align must be "patient" or "centre", not {describe_argument(align)}')
    grid = _centred_grid(like, spacing, shape) if align == "centre" else None
    reference = like.series if isinstance(like, VolumeData) else None
    rows = _Rows()
    for number, volume in enumerate(volumes):
        try:
            if align == "patient":
                if reference is None and like is None:
                    reference = volume.series
                if reference is not None:
                    require_comparable(volume, reference, frame_of_reference)
                grid = grid or define_grid(volume.geometry, like=like, spacing=spacing, shape=shape)
            assert grid is not None  # noqa: S101 - for the type checker: it is made above
            own = grid if align == "patient" else make_grid(_place_about(volume.geometry, grid), grid.dimensions)
            rows.append(resample_onto(volume, own, order=order, antialias=antialias, background=background))
        except (DicomLoadError, ValueError) as error:
            error.add_note(f"in volume {number} of those to bring onto one grid")
            raise
        del volume  # the next one shall not have to lie in memory beside it
    if grid is None or rows.count == 0:
        raise ValueError("there is no volume to bring onto a grid")
    return OnGrid(rows.finish(), grid)


class _Rows:
    """An array that grows by one volume after another, in place: `count` of them are there."""

    def __init__(self) -> None:
        self.count = 0
        self._memory: Pixels | None = None

    def append(self, pixels: Pixels) -> None:
        """Take one more volume, in a type that holds all of them."""
        if self._memory is None:
            self._memory = np.empty((1, *pixels.shape), pixels.dtype)
        if self._memory.shape[1:] != pixels.shape:
            raise ValueError("colour and grey volumes do not go into one array")
        common = np.result_type(self._memory.dtype, pixels.dtype)
        if common != self._memory.dtype:
            self._memory = self._memory.astype(common)
        if self.count == len(self._memory):
            self._memory.resize((self.count + max(1, self.count // 2), *pixels.shape), refcheck=False)
        self._memory[self.count] = pixels
        self.count += 1

    def finish(self) -> Pixels:
        """The volumes that were taken."""
        assert self._memory is not None  # noqa: S101 - for the type checker: there is one volume or more
        if self.count < len(self._memory):
            self._memory.resize((self.count, *self._memory.shape[1:]), refcheck=False)
        return self._memory


def _centred_grid(like: Any, spacing: float | Sequence[float] | None, shape: Sequence[int] | None) -> Geometry:
    """The grid about the middle of each volume, along the patient's axes; it has no one place."""
    if like is not None or spacing is None or shape is None:
        raise ValueError('align="centre" needs spacing= and shape=, and no like=')
    return Geometry(check_counts("shape", shape), check_lengths("spacing", spacing), None, np.eye(3))


def _place_about(geometry: Geometry, grid: Geometry) -> Floats:
    """The matrix of a grid along the patient's axes about the middle of a volume."""
    if geometry.origin is None or geometry.direction is None:
        raise GeometryError(
            "the files hold no position or orientation, so the patient's axes are not known",
            remedies=[SetOption("align", ("patient",))],
        )
    nx, ny, _ = geometry.dimensions
    places = locate_slices(geometry)
    across = geometry.direction[:, :2] @ (np.array([nx - 1, ny - 1]) * geometry.spacing[:2])
    matrix = np.diag([*grid.spacing, 1.0])
    matrix[:3, 3] = (places[0] + places[-1] + across) / 2 - (np.array(grid.dimensions) - 1) / 2 * grid.spacing
    return matrix
