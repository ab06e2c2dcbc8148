"""The options of `load`, checked once for every call that loads."""

from __future__ import annotations

from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, TypedDict, get_args

import numpy as np

from .._util.wording import describe_argument
from ..headers.objects.real_world_values import REAL_WORLD
from ..readers.requested_dtype import DTYPES
from ..stacks.tolerances import GAP_TOLERANCE

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from .._util.threads import Progress


Order = Literal["position", "natural", "given"]
Irregular = Literal["raise", "resample", "keep"]
Engine = Literal["auto", "direct", "codec", "vtk", "pydicom"]
Verify = Literal["probe", "all", "none"]
Scaling = Literal["real-world", "precise", "suv-bw", "suv-lbm", "suv-bsa"]
Rescale = bool | Scaling | str  # a text that is no Scaling is "real-world:LABEL"


class LoadOptions(TypedDict, total=False):
    """The options of `load` that every call that loads takes by name, for ``**options: Unpack[LoadOptions]``."""

    order: Order
    irregular: Irregular
    tolerance: float
    engine: Engine
    rescale: Rescale
    dtype: DTypeLike | None
    verify: Verify
    progress: Progress | None
    max_bytes: int | None
    slices: slice | None


@dataclass(frozen=True)
class Options:
    """The options of `load`, checked; shared by every call that loads. Their `dtype` is a numpy.dtype."""

    order: Order = "position"
    irregular: Irregular = "raise"
    tolerance: float = GAP_TOLERANCE
    engine: Engine = "auto"
    rescale: Rescale = True
    verify: Verify = "probe"
    workers: int | None = None
    progress: Progress | None = None
    max_bytes: int | None = None
    slices: slice | None = None
    dtype: DTypeLike | None = None

    def __post_init__(self) -> None:
        for name, allowed in (
            ("order", get_args(Order)),
            ("irregular", get_args(Irregular)),
            ("engine", get_args(Engine)),
            ("verify", get_args(Verify)),
        ):
            value = getattr(self, name)
            if not isinstance(value, str) or value not in allowed:
                raise ValueError(
                    f"{name} must be one of {', '.join(map(repr, allowed))}, not {describe_argument(value)}"
                )
        _check_rescale(self.rescale)
        if self.dtype is not None:
            object.__setattr__(self, "dtype", _settle_dtype(self.dtype))
        if self.irregular == "resample" and self.order != "position":
            raise ValueError(f'irregular="resample" needs order="position", not order={self.order!r}')
        _check_number("tolerance", self.tolerance, Real)
        if not 0 < self.tolerance < 1:
            raise ValueError(
                f"tolerance must lie between 0 and 1 (a part of the spacing), not {describe_argument(self.tolerance)}"
            )
        if self.workers is not None:
            check_count("workers", self.workers)
        if self.max_bytes is not None:
            _check_number("max_bytes", self.max_bytes, Real)
            if self.max_bytes < 1:
                raise ValueError(f"max_bytes must be positive, not {describe_argument(self.max_bytes)}")
        if self.slices is not None:
            _check_slices(self.slices)
        if self.progress is not None and not callable(self.progress):
            raise TypeError(f"progress must be callable, not {describe_argument(self.progress)}")


def _check_rescale(value: Any) -> None:
    """Refuse what says no way to make values of stored ones (ValueError)."""
    if not isinstance(value, str):
        return
    if value not in get_args(Scaling) and not value.startswith(f"{REAL_WORLD}:"):
        allowed = ", ".join(f'"{name}"' for name in (*get_args(Scaling), f"{REAL_WORLD}:LABEL"))
        raise ValueError(f"rescale must be True, False or one of {allowed}, not {describe_argument(value)}")


def _settle_dtype(value: Any) -> np.dtype[Any]:
    """The type that ``dtype=`` names; a ValueError where volumes have none of the kind."""
    given = describe_argument(value)
    try:
        dtype: np.dtype[Any] = np.dtype(value)
        given = given if dtype.names else str(dtype)
    except TypeError:
        dtype = np.dtype(object)
    if dtype not in DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(d.name for d in DTYPES)}, in native byte order, not {given}")
    return dtype


def check_count(name: str, value: Any) -> None:
    """Refuse what is no whole number (TypeError) or less than 1 (ValueError)."""
    _check_number(name, value, Integral)
    if value < 1:
        raise ValueError(f"{name} must be 1 or more, not {describe_argument(value)}")


def _check_number(name: str, value: Any, kind: type) -> None:
    """TypeError for what is no Real or, where `kind` says so, no Integral."""
    if isinstance(value, bool) or not isinstance(value, kind):
        raise TypeError(
            f"{name} must be a {'whole ' if kind is Integral else ''}number, not {describe_argument(value)}"
        )


def _check_slices(slices: Any) -> None:
    """Refuse what is no slice of whole numbers (TypeError) or leaves some out (ValueError)."""
    if not isinstance(slices, slice):
        raise TypeError(f"slices must be a slice, slice(100, 120), not {describe_argument(slices)}")
    for end in (slices.start, slices.stop, slices.step):
        if end is not None:
            _check_number("an end of slices", end, Integral)
    if slices.step not in (None, 1):
        raise ValueError(f"slices must have step 1, not {slices.step}: open(p)[::{slices.step}] leaves slices out")


def make_options(**options: Any) -> Options:
    """Check the options of `load` by name: TypeError for one that does not exist, ValueError for a wrong value."""
    known = [field.name for field in fields(Options)]
    unknown = [name for name in options if name not in known]
    if "out" in unknown:
        raise TypeError("out= is the memory of one volume: load(…, out=…) and Series.load(out=…) take it")
    if unknown:
        raise TypeError(f"there is no option {unknown[0]!r}; there are {', '.join(known)}")
    return Options(**options)
