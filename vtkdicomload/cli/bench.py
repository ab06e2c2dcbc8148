"""``vtkdicomload bench``: time the ways to load a series."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from .exit_status import report_failure
from .options import Archives, Ignore, Paths, SeriesOption, StackOption, StorageOption, read_storage_options
from .printing import print_measured
from .terminal import show_progress


def bench(
    context: typer.Context,
    paths: Paths,
    series: SeriesOption = None,
    stack: StackOption = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds that count.")] = 5,
    ignore: Ignore = None,
    archives: Archives = False,
    storage_option: StorageOption = None,
) -> None:
    """Time the ways to load a series, side by side.

    And compare the values they give.
    """
    options = read_storage_options(storage_option)
    with report_failure(context):
        from .._api.single import load
        from .._util.warnings import warn
        from ..catalog.damage import describe_left_out
        from ..loading.comparison import compare
        from .finding import ALL, choose_series_of, find_at, take_whole

        chosen = take_whole(
            choose_series_of(
                find_at(paths, ignore, archives=archives, storage_options=options),
                series,
                stack,
            ),
            ignore,
        )
        for sentence in describe_left_out((), (), [problem.path for problem in chosen.strays]):
            warn(sentence)  # the loads that are timed say nothing
        with show_progress("timing") as progress:
            measured = compare(
                chosen, partial(load, series=ALL) if series == ALL else load, rounds=rounds, progress=progress
            )
        print_measured(measured)
