"""Series whose files are kept in memory from their headers to their pixels, and let go of after that."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from ..sources.memory import KeptFile
from ..sources.resolve import retrieve_source
from ..stacks.series_data import SeriesData

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..sources.file import File
    from ..sources.keeping import Keeping
    from .options import Options

S = TypeVar("S", bound=SeriesData)


def keep_files(series: S, keeping: Keeping) -> S:
    """Keep the files that have no beginning of their own: a scanned series has its headers read again to divide it."""
    files = dict.fromkeys(frame.header.file for frame in series.frames if not frame.header.file.has_beginning)
    kept = keeping.keep_whole([file for file in files if not file.is_described])
    return _replace_files(series, kept) if kept else series


def retrieve_first(
    source: Any, storage_options: Mapping[str, Any] | None, keeping: Keeping, options: Options
) -> tuple[Any, Options]:
    """Fetch a source all of whose pixels are wanted, where that takes less than to have it described before.

    Returns
    -------
    source : Files or what was given
        As it is to be searched for series.
    options : Options
        With the progress of the rest: of the two, fetching is told.
    """
    retrieved = retrieve_source(source, storage_options, keeping, options.progress)
    return (source, options) if retrieved is None else (retrieved, replace(options, progress=None))


def release(series: S) -> S:
    """Let go of the bytes of files that were kept in memory: what reads them later reads the files themselves."""
    origins: dict[File, File] = {
        frame.header.file: frame.header.file.origin
        for frame in series.frames
        if isinstance(frame.header.file, KeptFile)
    }
    return _replace_files(series, origins) if origins else series


def _replace_files(series: S, files: Mapping[File, File]) -> S:
    headers = {id(frame.header): frame.header for frame in series.frames}
    replaced = {key: header._replace(file=files.get(header.file, header.file)) for key, header in headers.items()}
    return replace(series, frames=tuple(f._replace(header=replaced[id(f.header)]) for f in series.frames))
