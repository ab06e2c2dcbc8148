"""The words of `vtkdicomload info` about a scan, the Python line that loads a series, and JSON."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._api.single import scan
from .._util.wording import count_noun
from ..catalog.assess import assess
from ..catalog.damage import DAMAGED
from ..errors.remedies import LeaveOut, SetOption
from ..errors.wording import word_for_python
from ..loading.options import Options
from ..loading.true_remedies import keep_true_remedies
from ..sources.folders import find_whole_folder
from ..sources.remote.urls import hide_credentials
from ..stacks.geometry import find_opposite, name_side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Floats
    from ..catalog.assess import Assessment
    from ..errors import DicomLoadError
    from ..errors.remedies import Remedy
    from ..series import Scan, Series
    from ..stacks.geometry import Geometry

_NAMED = 4  # files named in a line; more are called by what finds them


class Asked(NamedTuple):
    """What a list was asked for, which the line that loads a series repeats."""

    source: Any
    as_one: bool = False  # whether the series is all files of the source
    ignore: Sequence[str] = ()  # what is left out of it
    archives: bool = False  # whether those in a folder are entered


def describe_series(found: Scan, row: int, asked: Asked) -> list[tuple[str, str]]:
    """One series as (name, words): whether it loads, where it lies, how it is stored, what was checked."""
    series = found[row]
    assessed = _assess_truly(found, row)
    loads = "yes" if assessed.is_sure else assessed.words
    lines = [("loads", loads if assessed.error is None else f"no: {assessed.error}")]
    if assessed.geometry is not None:
        lines += _list_geometry(assessed.geometry, series)
    elif assessed.error is not None:
        lines.append(("frames", f"{len(series.frames)} of {series.rows} × {series.columns}, {series.plane}"))
    if series.folder:
        lines.append(("folder", series.folder))
    lines.append(("encoding", _describe_encoding(series)))
    if assessed.error is None:
        lines.append(("checks", _describe_checks(series, assessed)))
    lines += [("assumed", str(assumption)) for assumption in assessed.assumptions]
    line = _write_python_line(found, row, asked, assessed.error)
    if line:
        lines.append(("python", line))
    return lines


def _assess_truly(found: Scan, row: int) -> Assessment:
    """Assess a series, with the remedies that go past its refusal only."""
    assessed = assess(found[row])
    if assessed.error is not None:
        keep_true_remedies(assessed.error, found[row], Options(), alone=len(found) == 1)
    return assessed


def _list_geometry(geometry: Geometry, series: Series) -> list[tuple[str, str]]:
    """Plane, dimensions, spacing, origin and direction of `volume.frames`."""
    nx, ny, nz = geometry.dimensions
    lines = [("plane", series.plane + ("" if geometry.regular else ", slices on no regular grid"))]
    size = f"{nz} {'slice' if nz == 1 else 'slices'} × {ny} rows × {nx} columns"
    if geometry.direction is not None:
        x, y, z = (f"{find_opposite(name_side(c))} → {name_side(c)}" for c in geometry.direction.T)
        size += f"   (slices {z}, rows {y}, columns {x})"
    lines.append(("frames", size))
    lines.append(("spacing", " × ".join(f"{s:.6g}" for s in geometry.spacing) + " mm (x, y, slices)"))
    if geometry.origin is not None:
        lines.append(("origin", "({:.6g}, {:.6g}, {:.6g}) mm LPS of frames[0, 0, 0]".format(*geometry.origin)))
    if geometry.direction is not None:
        words = ", ".join(f"{name} ({_write_numbers(c)})" for name, c in zip("xyz", geometry.direction.T, strict=True))
        lines.append(("direction", words))
    return lines


def _write_numbers(column: Floats) -> str:
    return ", ".join(f"{value + 0:.6g}" for value in np.round(column, 9))


def _describe_encoding(series: Series) -> str:
    """Transfer syntax and stored values in words."""
    header = series.header
    sign = "signed" if header.pixel_representation else "unsigned"
    bits = f"{header.bits_stored} of {header.bits_allocated} bits, {sign}"
    return f"{series.encoding}, {header.photometric_interpretation}, {bits}"


def _describe_checks(series: Series, assessed: Assessment) -> str:
    """Say what the headers alone have shown; the pixels are checked when they are loaded."""
    if len(series.frames) == 1:
        return "one frame, header whole"
    words = f"{count_noun(len(series.files), 'header')} whole; one size, encoding, pixel spacing and orientation"
    geometry = assessed.geometry
    if geometry is not None and geometry.positions is not None and geometry.direction is not None:
        gaps = np.diff(geometry.positions @ geometry.direction[:, 2])
        low, high = float(gaps.min()), float(gaps.max())
        even = f"all {low:.4g} mm" if high - low < 5e-4 * high else f"{low:.4g} to {high:.4g} mm"
        words += f"; no slice missing or double, gaps {even}, no tilt"
    return words


def _write_python_line(found: Scan, row: int, asked: Asked, error: DicomLoadError | None) -> str:
    """The Python line that loads a series, ready to paste; the nearest one that works where it needs an option."""
    options = [_write_source(asked.source)]
    if asked.archives:
        options.append("archives=True")
    if asked.as_one or len(found) > 1:
        options.append('series="all"' if asked.as_one else f"series={_name_row(found, row)!r}")
    left_out = list(asked.ignore)
    if error is not None:
        match _find_remedy(error):
            case None:
                return ""
            case LeaveOut(files) | SetOption("ignore", files):
                left_out += files
            case remedy:
                options += filter(None, word_for_python([remedy]))
    if left_out:
        options.append('ignore="damaged"' if set(left_out) == {DAMAGED} else f"ignore={left_out!r}")
    return f"import vtkdicomload as vdl; volume = vdl.load({', '.join(options)})"


def _name_row(found: Scan, row: int) -> str | int:
    """The SeriesInstanceUID of a series, which stays what it is when files are added; its row where that is no name."""
    uid = found[row].uid
    return uid if uid and sum(series.uid == uid for series in found) == 1 else row


def _write_source(source: Any) -> str:
    """A source as Python writes it."""
    source = hide_credentials(source)
    if isinstance(source, str):
        return repr(source)
    folder = find_whole_folder(source) if len(source) > _NAMED else None
    return repr(folder or list(source))


def _find_remedy(error: DicomLoadError) -> Remedy | None:
    """The first way past a refusal that one option of `load` goes, with one value; None where there is none."""
    for remedy in error.remedies:
        match remedy:
            case LeaveOut(files) if len(files) <= _NAMED:
                return remedy
            case SetOption("stack" | "irregular" | "ignore", (value, *_)):
                return SetOption(remedy.option, (value,))
    return None


def list_beside(path: str, found: Scan) -> list[str]:
    """For one file of a folder full: how many files of its series lie beside it, and what loads them."""
    if len(found) != 1 or found[0].uid is None or len(found[0].files) != 1:
        return []
    folder = os.path.dirname(path) or "."
    around = scan(folder, recursive=False)
    same = [series for series in around if series.uid == found[0].uid]
    total = sum(len(series.files) for series in same)
    if total < 2:
        return []
    choice = f", series={found[0].uid!r}" if len(around) > 1 else ""
    return [
        f"this is 1 of {total} files of its series beside it; the folder is loaded with",
        f"import vtkdicomload as vdl; volume = vdl.load({folder!r}{choice})",
    ]


# ---------------------------------------------------------------------------------------------------- JSON
def scan_json(found: Scan, asked: Asked, *, with_files: bool = False) -> dict[str, Any]:
    """A scan as plain data for ``info --json``. Keys are added, never renamed or taken away.

    Returns
    -------
    dict
        ``version`` of the package; ``source`` as given; ``series``, a list of `_make_series_json`; ``problems`` and
        ``skipped``, lists of ``{"path", "reason"}``: damaged files, and files that hold no DICOM image. Where the
        command fails there is ``error`` too, the message, and as much of the rest as was found.
    """
    return {
        **make_empty_json(asked.source),
        "series": [_make_series_json(found, row, asked, with_files) for row in range(len(found))],
        "problems": [{"path": problem.path, "reason": problem.error.message} for problem in found.problems],
        "skipped": [{"path": skipped.path, "reason": skipped.words} for skipped in found.skipped],
    }


def make_empty_json(source: Any) -> dict[str, Any]:
    """`scan_json` of a source of which nothing is known."""
    from .. import __version__

    return {"version": __version__, "source": hide_credentials(source), "series": [], "problems": [], "skipped": []}


def _make_series_json(found: Scan, row: int, asked: Asked, with_files: bool) -> dict[str, Any]:
    """One series as plain data.

    Returns
    -------
    dict
        ``row`` (to choose it with), ``number``, ``modality``, ``description``, ``date`` (StudyDate, ISO 8601), ``uid``,
        ``study_uid``, ``frame_of_reference_uid``, ``folder``, ``slices``, ``rows``, ``columns``; of `volume.frames`
        ``spacing`` [x, y, slices] in mm, ``origin`` in LPS mm, ``direction`` (3 × 3, row by row; its columns are the
        axes x, y, slices), null where they are not known; ``regular``, ``plane``, ``encoding``, ``transfer_syntax``,
        ``files`` (how many); ``loads`` and, where it does not, ``reason`` and ``refusal``, its kind in a word;
        ``assumptions``; ``stacks``, what a series of several volumes divides into, each with ``label``, ``slices``,
        ``plane``, ``spacing``, ``loads``, ``reason``; ``python``, the line that loads it. With ``--files`` there is
        ``paths``, the names of its files.
    """
    series = found[row]
    assessed = _assess_truly(found, row)
    geometry, error = assessed.geometry, assessed.error
    stacks = series.stacks() if error is not None else (series,)
    return {
        "row": row,
        "number": series.number,
        "modality": series.modality,
        "description": series.description,
        "date": series.date.isoformat() if series.date else None,
        "uid": series.uid,
        "study_uid": series.header.study_uid,
        "frame_of_reference_uid": series.header.frame_of_reference_uid,
        "folder": series.folder,
        "slices": len(series.frames),
        "rows": series.rows,
        "columns": series.columns,
        "spacing": list(geometry.spacing) if geometry else None,
        "origin": list(geometry.origin) if geometry and geometry.origin else None,
        "direction": geometry.direction.tolist() if geometry and geometry.direction is not None else None,
        "regular": geometry.regular if geometry else None,
        "plane": series.plane,
        "encoding": series.encoding,
        "transfer_syntax": series.transfer_syntax,
        "files": len(series.files),
        "loads": error is None,
        "refusal": assessed.refusal.name if assessed.refusal else None,
        "reason": None if error is None else str(error),
        "assumptions": list(map(str, assessed.assumptions)),
        "stacks": [_make_stack_json(i, stack) for i, stack in enumerate(stacks)] if len(stacks) > 1 else [],
        "python": _write_python_line(found, row, asked, error) or None,
        **({"paths": list(series.files)} if with_files else {}),
    }


def _make_stack_json(row: int, stack: Series) -> dict[str, Any]:
    assessed = assess(stack)
    return {
        "stack": row,
        "label": stack.label,
        "slices": len(stack.frames),
        "plane": stack.plane,
        "spacing": list(assessed.spacing) if assessed.spacing else None,
        "loads": assessed.error is None,
        "reason": assessed.error.message if assessed.error else None,
    }
