"""Files that a server has only described: fetched before they are loaded, and compared with what it said of them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from .._util.memory import measure_usable_bytes
from ..errors import DicomLoadError, make_damaged_error
from ..errors.remedies import Step
from ..headers.frames import make_frames
from ..headers.parser import read_header
from ..headers.preamble import NotDicomError
from ..sources.file import read_whole
from ..sources.memory import KeptFile
from ..stacks.series_data import SeriesData

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..headers.model import Frame
    from ..sources.file import File
    from .options import Options

S = TypeVar("S", bound=SeriesData)

_SAME = ("sop_instance_uid", "study_uid", "series_uid", "rows", "columns", "number_of_frames")
_SAME_POSITION = 1e-4  # mm; servers round


def fetch_described(series: S, workers: int | None = None, progress: Callable[[int, int], None] | None = None) -> S:
    """Fetch the files of a series that its server has only described; the headers in the files are the ones that count.

    Parameters
    ----------
    series : SeriesData
        Another one is given back as it is.
    workers : int, optional
        Connections at a time.
    progress : callable, optional
        Called with (frames fetched, frames in all).

    Returns
    -------
    SeriesData
        With the files in memory; `release` lets go of them.

    Raises
    ------
    CorruptFileError
        A file cannot be fetched, cannot be read whole, or is not the one that was described.
    """
    if not series.is_described:
        return series
    of_file: dict[File, list[int]] = {}
    for k, frame in enumerate(series.frames):
        if frame.header.file.is_described:
            of_file.setdefault(frame.header.file, []).append(k)
    described = list(of_file)
    _refuse_size(described)
    frames, done = list(series.frames), len(series.frames) - sum(map(len, of_file.values()))
    with closing(read_whole([file.origin for file in described], measure_usable_bytes(), workers or 1)) as whole:
        for place, file, data, error in whole:
            if error is not None:
                raise error
            fetched = _read_fetched(KeptFile.of(file, data))
            said = make_frames(read_header(described[place]))
            _refuse_contradiction(file, fetched, said)
            for k in of_file[described[place]]:
                index = frames[k].index_in_file
                frames[k] = _settle_again(fetched[index], said[index], frames[k])
            done += len(of_file[described[place]])
            if progress is not None:
                progress(done, len(frames))
    return replace(series, frames=tuple(frames))


def fetch_first(series: S, options: Options) -> tuple[S, Options]:
    """Fetch a series before its volume is planned, and change the options for that: of the two, fetching is told."""
    fetched = fetch_described(series, options.workers, options.progress)
    return fetched, options if fetched is series else replace(options, progress=None)


def _refuse_size(files: Sequence[File]) -> None:
    """Refuse a series that does not fit into memory, before it is fetched."""
    needed, limit = sum(file.size or 0 for file in files), measure_usable_bytes()
    if needed > limit:
        raise DicomLoadError(
            f"{len(files)} files of the server take {needed / 2**20:.0f} MiB, more than the {limit / 2**20:.0f} MiB of "
            "three quarters of the available memory",
            files=[files[0].name],
            remedies=[Step.FREE_MEMORY],
        )


def _read_fetched(file: KeptFile) -> tuple[Frame, ...]:
    try:
        return make_frames(read_header(file))
    except NotDicomError as error:
        raise make_damaged_error(file.name, f"the server sent what is {error.reason}") from error


def _refuse_contradiction(file: File, fetched: tuple[Frame, ...], said: tuple[Frame, ...]) -> None:
    """Refuse a file that contradicts what its server said of it."""
    ours, theirs = fetched[0].header, said[0].header
    for name in _SAME:
        if getattr(ours, name) != getattr(theirs, name):
            what = "another one" if name.endswith("uid") else f"{getattr(ours, name)} and {getattr(theirs, name)}"
            raise file.changed(f"its {name} and that of the server's metadata differ: {what}")
    if len(fetched) != len(said):
        raise file.changed(f"it has {len(fetched)} frames, by the server's metadata {len(said)}")
    for frame, other in zip(fetched, said, strict=True):
        a, b = frame.position, other.position
        if (a is None) != (b is None) or (
            a is not None and b is not None and max(abs(x - y) for x, y in zip(a, b, strict=True)) > _SAME_POSITION
        ):
            raise file.changed(f"it lies at {_write_position(a)}, by the server's metadata at {_write_position(b)}")


def _write_position(position: tuple[float, ...] | None) -> str:
    return "no position" if position is None else "\\".join(f"{x:g}" for x in position)


def _settle_again(fetched: Frame, said: Frame, settled: Frame) -> Frame:
    """The frame of a fetched file, with what preparing the series has changed of the described one."""
    changed = {
        name: getattr(settled, name)
        for name in ("position", "orientation")
        if getattr(settled, name) != getattr(said, name)
    }
    header = fetched.header
    if settled.header.frame_of_reference_uid != said.header.frame_of_reference_uid:
        header = header._replace(frame_of_reference_uid=settled.header.frame_of_reference_uid)
    return fetched._replace(header=header, **changed)
