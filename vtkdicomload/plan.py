"""One volume before its pixels are read, and the reading of all of its slices or some."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import guard
from .errors import DicomLoadError
from .geometry import GAP_TOLERANCE
from .headers.real_world import chosen_label, mapped
from .memory import usable_bytes
from .readers import ENGINES, check_supported, choose
from .readers.values import ValueOverflow, conversion_for, pixel_shape, wider
from .slices.order import ORDERS, arrange
from .slices.regularity import may_omit
from .slices.resample import complete, resample, upright_grid
from .threads import stepper
from .volume import LAYOUTS, allocate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .geometry import Geometry
    from .guard import Check
    from .readers.protocol import Reader
    from .readers.values import Conversion, Pixels
    from .series import Series

    Progress = Callable[[int, int], None]

_ALL = slice(None)


@dataclass(frozen=True)
class Options:
    """The options of `load`, checked; shared by every call that loads."""

    order: str = "position"
    irregular: str = "raise"
    tolerance: float = GAP_TOLERANCE
    engine: str = "auto"
    layout: str = "vtk"
    rescale: bool | str = True
    verify: str = "probe"
    workers: int | None = None
    progress: Progress | None = None
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        for name, allowed in (
            ("order", ORDERS),
            ("irregular", ("raise", "resample", "keep")),
            ("engine", ENGINES),
            ("layout", LAYOUTS),
            ("verify", guard.VERIFY),
        ):
            value = getattr(self, name)
            if value not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, not {value!r}")
        chosen_label(self.rescale)
        if self.irregular == "resample" and self.order != "position":
            raise ValueError(f'irregular="resample" needs order="position", not order={self.order!r}')
        _check_number("tolerance", self.tolerance, Real)
        if not 0 < self.tolerance < 1:
            raise ValueError(f"tolerance must lie between 0 and 1 (a part of the spacing), not {self.tolerance!r}")
        if self.workers is not None:
            check_count("workers", self.workers)
        if self.max_bytes is not None:
            _check_number("max_bytes", self.max_bytes, Real)
            if self.max_bytes < 1:
                raise ValueError(f"max_bytes must be positive, not {self.max_bytes!r}")
        if self.progress is not None and not callable(self.progress):
            raise TypeError(f"progress must be callable, not {self.progress!r}")


def check_count(name: str, value: Any) -> None:
    """Refuse what is no whole number (TypeError) or less than 1 (ValueError)."""
    _check_number(name, value, Integral)
    if value < 1:
        raise ValueError(f"{name} must be 1 or more, not {value!r}")


def _check_number(name: str, value: Any, kind: type) -> None:
    """TypeError for what is no Real or, where `kind` says so, no Integral."""
    if isinstance(value, bool) or not isinstance(value, kind):
        raise TypeError(f"{name} must be a {'whole ' if kind is Integral else ''}number, not {value!r}")


@dataclass(frozen=True, eq=False)
class Plan:
    """All that is known of a volume from headers alone: its slices, where they lie, their type, and who reads them.

    Attributes
    ----------
    series : Series
        The stored slices in their places: ``series.frames[k]`` is the k-th.
    stored : Geometry
        Where the stored slices lie.
    geometry : Geometry
        Where the slices of the volume lie (`Volume.frames_geometry`): another one where they are to be interpolated.
    conversion : Conversion
        How stored values become those of the volume.
    reader : Reader
        Who reads them.
    options : Options
        The options of `load`.
    assumptions : tuple of str
        What was taken for granted, each a sentence for a DicomLoadWarning.
    """

    series: Series
    stored: Geometry
    geometry: Geometry
    conversion: Conversion
    reader: Reader
    options: Options
    assumptions: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of `Volume.frames`: (nz, ny, nx) or (nz, ny, nx, 3)."""
        return (*self.geometry.dimensions[::-1], *pixel_shape(self.series.header)[2:])

    @property
    def resampled(self) -> bool:
        """Whether the slices of the volume are interpolated between the stored ones."""
        return self.geometry is not self.stored


class Reading(NamedTuple):
    """Pixels, laid out as `Volume.frames`, and what was verified about them."""

    pixels: Pixels
    checks: tuple[Check, ...]


def plan_volume(series: Series, options: Options) -> Plan:
    """Work out the volume that one stack makes; no pixel is read.

    Raises
    ------
    UnsupportedPixelDataError, InconsistentSeriesError, GeometryError
        It makes none, or none under these options.
    """
    check_supported(series.frames)
    arrangement = arrange(series, order=options.order, irregular=options.irregular, tolerance=options.tolerance)
    frames, stored = arrangement.frames, arrangement.geometry
    label = chosen_label(options.rescale)
    if label is not None:
        frames = mapped(frames, label)
    geometry = upright_grid(stored) if options.irregular == "resample" and not stored.regular else stored
    conversion = conversion_for(frames, rescale=bool(options.rescale))
    reader = choose(options.engine, frames, conversion)
    assumptions = (*arrangement.assumptions, *_more_assumptions(series, stored, geometry))
    return Plan(replace(series, frames=frames), stored, geometry, conversion, reader, options, assumptions)


def with_conversion(plan: Plan, conversion: Conversion) -> Plan:
    """The same volume with values of another type."""
    if conversion == plan.conversion:
        return plan
    reader = choose(plan.options.engine, plan.series.frames, conversion)
    return replace(plan, conversion=conversion, reader=reader)


def read_whole(plan: Plan) -> tuple[Plan, Reading]:
    """Every slice of a volume, once more in a wider type where the values do not fit; the plan that fitted, first."""
    while True:
        with suppress(ValueOverflow):
            return plan, read(plan)
        plan = with_conversion(plan, wider(plan.conversion))


def read(plan: Plan, chosen: slice = _ALL) -> Reading:
    """The chosen slices of a volume: read, guarded and verified. Interpolated volumes are read whole.

    Parameters
    ----------
    plan : Plan
        From `plan_volume`.
    chosen : slice
        Which of the slices of `Volume.frames`, with step 1.

    Raises
    ------
    ValueOverflow
        The values do not fit the type of the plan.
    DicomLoadError
        As `load`.
    """
    if not plan.resampled:
        return _read_stored(plan, chosen)
    stored, checks = _read_stored(plan, _ALL)
    slices = f"{len(stored)} stored slices {_how(plan.series)} of {plan.geometry.dimensions[2]}"
    return Reading(_on_a_grid(stored, plan)[chosen], (*checks, guard.Check("resampled", slices)))


def _read_stored(plan: Plan, chosen: slice) -> Reading:
    frames, conversion, reader, options = plan.series.frames[chosen], plan.conversion, plan.reader, plan.options
    out = _allocated(plan, (len(frames), *pixel_shape(frames[0].header)))
    verified = reader.fill(frames, conversion, out, stepper(len(frames), options.progress), options.workers)
    checks = [guard.Check(reader.NAME, words) for words in verified]
    checks.append(guard.check_zeros(frames, conversion, out, reader))
    guard.check_mapped(frames, out)
    checks.append(guard.verify(options.verify, frames, conversion, out, reader))
    return Reading(out, tuple(checks))


def _on_a_grid(stored: Pixels, plan: Plan) -> Pixels:
    """The stored slices brought onto the regular upright grid of the plan."""
    out = _allocated(plan, plan.shape)
    if may_omit(plan.series.frames):
        complete(stored, plan.stored, plan.geometry, out)
        return out
    first = plan.series.frames[0]
    padding = first.header.padding_value
    if padding is not None and plan.options.rescale:
        padding = padding * first.slope + first.intercept
    background = float(stored.min() if padding is None else padding)
    if stored.dtype.kind in "iu":
        limits = np.iinfo(stored.dtype)
        background = min(max(background, float(limits.min)), float(limits.max))
    resample(stored, plan.stored, plan.geometry, out, background)
    return out


def _how(series: Series) -> str:
    return "put between empty ones on a grid" if may_omit(series.frames) else "interpolated onto a regular grid"


def _more_assumptions(series: Series, stored: Geometry, geometry: Geometry) -> Iterable[str]:
    if series.uid is None and len(series.files) > 1:
        yield f"no SeriesInstanceUID: {len(series.files)} files are taken for one series"
    if geometry is not stored:
        before, after = ("×".join(map(str, g.dimensions)) for g in (stored, geometry))
        yield f"irregular slices ({before}) were {_how(series)} ({after})"
    elif not geometry.regular and geometry.affine is None:
        yield (
            "the slices are not evenly spaced: the volume has no affine, and volume.image is right at its first slice "
            "only; geometry.positions says where they lie"
        )
    elif not geometry.regular:
        yield "the slices lean: the volume has a sheared affine, VTK filters that take spacing only will not see it"


def _allocated(plan: Plan, shape: tuple[int, ...]) -> Pixels:
    """The buffer of a volume; a DicomLoadError where it is larger than it may be, or cannot be had."""
    dtype, max_bytes = plan.conversion.dtype, plan.options.max_bytes
    needed = dtype.itemsize
    for n in shape:
        needed *= n
    limit = usable_bytes() if max_bytes is None else max_bytes
    files = [plan.series.frames[0].path]
    words = f"the volume of {'×'.join(map(str, shape))} {dtype} needs {needed / 2**20:.0f} MiB"
    if needed > limit:
        what = "three quarters of the available memory" if max_bytes is None else "max_bytes"
        raise DicomLoadError(
            f"{words}, more than the {limit / 2**20:.0f} MiB of {what} → max_bytes={needed}", files=files
        )
    try:
        return allocate(shape, dtype, plan.options.layout)
    except MemoryError as error:
        raise DicomLoadError(f"{words}, which the system does not give → free some memory", files=files) from error
