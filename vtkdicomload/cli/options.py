"""The arguments and options that commands share."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from ..pictures.windows import Wanted


class Irregular(StrEnum):
    """The ways of `load` with slices on no regular grid."""

    RAISE = "raise"
    RESAMPLE = "resample"
    KEEP = "keep"


class OntoGrid(StrEnum):
    """The ways of `load` with slices on no regular grid where a body is to be drawn."""

    RAISE = "raise"
    RESAMPLE = "resample"


class Place(StrEnum):
    """The ways of `Volume.resampled` and `Volume.mask_of` with another frame of reference."""

    MATCH = "match"
    IGNORE = "ignore"


class View(StrEnum):
    """The views of `rendering.render` that have names."""

    FRONT = "front"
    BACK = "back"
    LEFT = "left"
    RIGHT = "right"
    HEAD = "head"
    FEET = "feet"


Paths = Annotated[list[str], typer.Argument(metavar="PATH", help="A folder, or files.", show_default=False)]
SeriesOption = Annotated[
    str | None,
    typer.Option("--series", help='A row of `info`, a UID, a folder, words, "largest", or "all" files as one.'),
]
StackOption = Annotated[str | None, typer.Option("--stack", help="A stack of the series: its row or label.")]
Ignore = Annotated[
    list[str] | None, typer.Option(metavar="FILE", help='Leave a file out; repeatable. "damaged": the damaged ones.')
]
Archives = Annotated[bool, typer.Option("--archives", help="Enter archives and compressed files in a folder too.")]
StorageOption = Annotated[
    list[str] | None,
    typer.Option(
        "--storage-option",
        metavar="KEY=VALUE",
        help="Tell fsspec of the server of a URL; repeatable. Keep secrets in the environment: others may see it.",
    ),
]
JsonLines = Annotated[bool, typer.Option("--json", help="Print a line of JSON for each outcome, for programs.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Stacks at the same time; by default one a core.")]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--client", metavar="tcp://HOST:PORT", help="Work on the cluster of the dask scheduler at this address."
    ),
]
IrregularOption = Annotated[
    Irregular,
    typer.Option(help="Missing slices, uneven gaps, a tilt: refuse, interpolate onto a regular grid, or keep as is."),
]
GridOption = Annotated[
    OntoGrid, typer.Option(help="Missing slices, uneven gaps, a tilt: refuse, or interpolate onto a regular grid.")
]
WindowOption = Annotated[
    str | None,
    typer.Option("--window", metavar="NAME|C,W", help='"bone", "lung" … of CT, "percentiles", or center and width.'),
]
RescaleOption = Annotated[
    str | None, typer.Option("--rescale", metavar="HOW", help='"suv-bw" of PET, "precise" of Philips, "real-world" …')
]


def require_png(output: Path) -> None:
    """Refuse another suffix than that of a PNG, before anything is read."""
    if output.suffix.lower() not in ("", ".png"):
        raise typer.BadParameter(f"pictures are written as PNG: {output} should end in .png", param_hint="--output")


def read_storage_options(words: list[str] | None) -> dict[str, Any]:
    """The values of ``--storage-option`` as `load` takes them; what is JSON is read as that."""
    options: dict[str, Any] = {}
    for word in words or ():
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise typer.BadParameter("written as KEY=VALUE", param_hint="--storage-option")
        try:
            options[key] = json.loads(value)
        except ValueError:
            options[key] = value
    return options


def read_window(words: str | None) -> Wanted:
    """The value of ``--window`` as `Volume.plot` takes it."""
    from ..pictures.windows import parse_window

    return None if words is None else parse_window(words)
