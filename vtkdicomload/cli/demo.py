"""``vtkdicomload demo``: show what the package does, on the shipped head CT."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from .exit_status import report_failure
from .printing import print_comparison, print_table
from .terminal import say


def demo(
    context: typer.Context,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder for the pictures.")] = Path(
        "vtkdicomload-demo"
    ),
) -> None:
    """Show what the package does, on a head CT that comes with it.

    Beside plain vtkDICOMImageReader.
    """
    with report_failure(context):
        from .._api.single import scan
        from ..data import HEAD
        from .demonstration import HEADINGS, run

        start = time.perf_counter()
        print_table(scan(os.fspath(HEAD)))
        made = run(output)
        say(f"\n{made.volume!r}\n")
        print_comparison(HEADINGS, made.theirs, made.ours)
        say("\nThe same pixels; only one image knows where they lie. The time of vtkdicomload includes its checks.")
        if made.trouble:
            say(f"no surface: {made.trouble}", stderr=True, style="yellow")
        say("\nPictures:")
        for path in made.files:
            say(f"  {path.resolve()}")
        say(f"\nAll of it took {time.perf_counter() - start:.1f} s. To paste into Python:")
        say("  import vtkdicomload as vdl")
        say(f"  volume = vdl.load({os.fspath(HEAD)!r})")
        say("  print(volume); volume.frames, volume.image  # numpy, vtkImageData: one memory")
