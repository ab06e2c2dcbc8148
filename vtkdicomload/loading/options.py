"""The options of `load`, checked once for every call that loads."""

from __future__ import annotations

from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from ..headers.objects.real_world_values import chosen_label
from ..readers.choose import ENGINES
from ..stacks.geometry import GAP_TOLERANCE
from ..stacks.order import ORDERS
from .checks import VERIFY

if TYPE_CHECKING:
    from .._util.threads import Progress


@dataclass(frozen=True)
class Options:
    """The options of `load`, checked; shared by every call that loads."""

    order: str = "position"
    irregular: str = "raise"
    tolerance: float = GAP_TOLERANCE
    engine: str = "auto"
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
            ("verify", VERIFY),
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


def check_options(options: dict[str, Any]) -> None:
    """Refuse options that `load` does not have, before anything is read: TypeError, or ValueError for a wrong value."""
    chosen = ("series", "stack", "ignore")
    options_from({name: value for name, value in options.items() if name not in chosen})


def options_from(options: dict[str, Any]) -> Options:
    """The options of `load` by name, checked."""
    known = [field.name for field in fields(Options)]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise TypeError(f"there is no option {unknown[0]!r}; there are {', '.join(known)}")
    return Options(**options)
