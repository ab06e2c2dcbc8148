"""Files that a server has only described: fetched before they are loaded, and compared with what it said of them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from .._util.memory import measure_usable_bytes
from .._util.threads import for_each
from .._util.warnings import warn
from ..errors import DicomLoadError, make_damaged_error
from ..errors.remedies import Step
from ..headers.frames import make_frames
from ..headers.parser import read_header
from ..headers.preamble import NotDicomError
from ..readers.choose import check_supported, choose, explain_unsupported
from ..readers.colour import PALETTE
from ..sources.dicomweb.instances import DescribedFile
from ..sources.dicomweb.server import CONNECTIONS
from ..sources.file import read_whole
from ..sources.memory import KeptFile
from ..stacks.assume import assume_structure
from ..stacks.series_data import SeriesData
from .begun import begin_file
from .plan import settle_conversion
from .scaling import scale_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from ..headers.model import Frame, Header
    from ..sources.file import File
    from .options import Options
    from .plan import Plan

S = TypeVar("S", bound=SeriesData)

_SAME = ("sop_instance_uid", "study_uid", "series_uid", "rows", "columns", "number_of_frames")
# What the type of values that is chosen before they are fetched depends on, beside the modality transform.
_SAME_WORDS = (
    "pixel_tag", "samples", "photometric_interpretation", "bits_allocated", "bits_stored", "pixel_representation",
)  # fmt: skip
_SAME_POSITION = 1e-4  # mm; servers round
_LEAST_BEGUN_BYTES = 16 << 20  # of multi-frame files: of smaller ones a server gives all as soon as a few frames


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
    frames, files = list(series.frames), _list_described(series.frames)
    _refuse_size(files)
    done = len(frames) - sum(map(len, files.values()))
    with closing(_fetch_origins(series.frames, measure_usable_bytes(), workers)) as fetched:
        for own in fetched:
            for k, frame in own.items():
                frames[k] = frame
            done += len(own)
            if progress is not None:
                progress(done, len(frames))
    return replace(series, frames=tuple(frames))


def _fetch_origins(frames: Sequence[Frame], limit_bytes: int, workers: int | None) -> Generator[dict[int, Frame]]:
    """Fetch the described files of frames, and yield the frames of each, by their places, as it comes."""
    of_file = _list_described(frames)
    files = list(of_file)
    with closing(read_whole([file.origin for file in files], limit_bytes, workers or 1)) as whole:
        for index, file, data, error in whole:
            if error is not None:
                raise error
            own = {k: frames[k] for k in of_file[files[index]]}
            yield _settle_fetched(own, _read_fetched(KeptFile.of(file, data)))


def fetch_first(series: S, options: Options) -> tuple[S, Options]:
    """Fetch a series before its volume is planned, and change the options for that: of the two, fetching is told."""
    fetched = fetch_described(series, options.workers, options.progress)
    return fetched, options if fetched is series else replace(options, progress=None)


def begin_described(series: S, options: Options) -> tuple[S, Options]:
    """Fetch of a series no more than its volume takes to be planned, where a part of that will be read.

    Of large multi-frame files the headers are fetched, where their server gives single frames too. Single-frame files
    wait, unless the options ask for more than a server says of them. All others are fetched whole.

    Returns
    -------
    series : SeriesData
        As `fetch_described` gives it; `fetch_waiting` fetches what waits.
    options : Options
        Without progress, where it was told already.

    Raises
    ------
    CorruptFileError
        As `fetch_described`.
    """
    if not series.is_described:
        return series, options
    frames = list(series.frames)
    every = _list_described(frames)
    files = {file: places for file, places in every.items() if _may_begin(frames[places[0]].header)}
    named = list(files)

    def begin(k: int) -> None:
        begun = begin_file(named[k])
        if begun is not None:
            for place, frame in _settle_fetched({p: frames[p] for p in files[named[k]]}, begun).items():
                frames[place] = frame

    if sum(file.size or 0 for file in named) > _LEAST_BEGUN_BYTES:
        for_each(len(named), begin, lambda: None, options.workers or CONNECTIONS)
        series = replace(series, frames=tuple(frames))
    if all(_may_wait(frame.header, options) for frame in frames if frame.header.file.is_described):
        return series, options
    return fetch_first(series, options)


def _may_begin(header: Header) -> bool:
    """Tell whether the frames of a described file may be bytes by themselves."""
    return header.number_of_frames > 1 and header.bits_allocated % 8 == 0 and not header.is_tile


def _may_wait(header: Header, options: Options) -> bool:
    """Tell whether a volume can be planned by what a server says of a file."""
    plain = options.engine == "auto" and isinstance(options.rescale, bool)
    looked_up = header.has_modality_lut or header.photometric_interpretation == PALETTE
    usual = explain_unsupported(header) is None and not header.is_tile
    return plain and not looked_up and usual and header.number_of_frames == 1


def fetch_waiting(plan: Plan, frames: Sequence[Frame]) -> Plan:
    """Fetch the files of some frames of a plan that have waited for that, and give it just these frames.

    What has to be assumed of the files alone is warned of.

    Raises
    ------
    CorruptFileError
        As `fetch_described`; or the values are others than what was described has.
    UnsupportedPixelDataError
        No reader is right for them.
    """
    fetched = fetch_described(replace(plan.series, frames=tuple(frames)), plan.options.workers)
    return _plan_fetched(plan, frames, fetched.frames)


def fetch_waiting_parts(plan: Plan, frames: Sequence[Frame], limit_bytes: int) -> Generator[tuple[list[int], Plan]]:
    """Do what `fetch_waiting` does for so many bytes of files at a time, and yield the places of their frames too."""
    part = {k: frame for k, frame in enumerate(frames) if not frame.header.file.is_described}
    held_bytes = 0

    def plan_part() -> tuple[list[int], Plan]:
        return list(part), _plan_fetched(plan, [frames[k] for k in part], tuple(part.values()))

    with closing(_fetch_origins(frames, limit_bytes, plan.options.workers)) as fetched:
        for own in fetched:
            part.update(own)
            held_bytes += next(iter(own.values())).header.file.size or 0
            if held_bytes >= limit_bytes:
                yield plan_part()
                part, held_bytes = {}, 0
    if part:
        yield plan_part()


def _plan_fetched(plan: Plan, said: Sequence[Frame], fetched: tuple[Frame, ...]) -> Plan:
    """The plan of frames that were described when it was made, and were fetched since."""
    series = replace(plan.series, frames=fetched)
    scaled = scale_frames(fetched, series, plan.options.rescale)
    for assumption in (*assume_structure(fetched), *scaled.assumptions):
        warn(str(assumption))
    series = replace(series, frames=scaled.frames)
    names = (*_SAME_WORDS, "has_modality_lut") if plan.options.rescale else _SAME_WORDS
    for frame, own in zip(said, scaled.frames, strict=True):
        _refuse_other(own.header, frame.header, names)
    check_supported(scaled.frames)
    planned, settled = settle_conversion(said, plan.options), settle_conversion(scaled.frames, plan.options)
    if (settled.dtype, settled.rescale) != (planned.dtype, planned.rescale):
        what = f"its values are {settled.dtype}, by the server's metadata {planned.dtype}"
        raise series.header.file.changed(what)
    conversion = plan.conversion._replace(checked=plan.conversion.checked or settled.checked)
    reader = choose(plan.options.engine, scaled.frames, conversion)
    return replace(plan, series=series, conversion=conversion, reader=reader)


def _list_described(frames: Sequence[Frame]) -> dict[DescribedFile, list[int]]:
    """The described files of frames, and the places of these."""
    of_file: dict[DescribedFile, list[int]] = {}
    for k, frame in enumerate(frames):
        file = frame.header.file
        if isinstance(file, DescribedFile) and file.is_described:
            of_file.setdefault(file, []).append(k)
    return of_file


def _settle_fetched(described: dict[int, Frame], fetched: tuple[Frame, ...]) -> dict[int, Frame]:
    """The frames of a fetched file in the place of those that were described, unless they contradict these."""
    said = make_frames(read_header(next(iter(described.values())).header.file))
    _refuse_contradiction(fetched[0].header.file, fetched, said)
    return {
        k: _settle_again(fetched[frame.index_in_file], said[frame.index_in_file], frame)
        for k, frame in described.items()
    }


def _refuse_size(described: Iterable[DescribedFile]) -> None:
    """Refuse a series that does not fit into memory, before it is fetched."""
    files, limit = list(described), measure_usable_bytes()
    needed = sum(file.size or 0 for file in files)
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
    _refuse_other(fetched[0].header, said[0].header, _SAME)
    if len(fetched) != len(said):
        raise file.changed(f"it has {len(fetched)} frames, by the server's metadata {len(said)}")
    for frame, other in zip(fetched, said, strict=True):
        a, b = frame.position, other.position
        if (a is None) != (b is None) or (
            a is not None and b is not None and max(abs(x - y) for x, y in zip(a, b, strict=True)) > _SAME_POSITION
        ):
            raise file.changed(f"it lies at {_write_position(a)}, by the server's metadata at {_write_position(b)}")


def _refuse_other(ours: Header, theirs: Header, names: Sequence[str]) -> None:
    for name in names:
        if getattr(ours, name) != getattr(theirs, name):
            what = "another one" if name.endswith("uid") else f"{getattr(ours, name)} and {getattr(theirs, name)}"
            raise ours.file.changed(f"its {name} and that of the server's metadata differ: {what}")


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
