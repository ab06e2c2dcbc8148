"""Faults of modality lookup tables that leave one reading: no entries, larger ones than stated, a rescale beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..readers.modality_lut import ModalityLut, read_modality_lut
from ..stacks.assumptions import Assumption, AssumptionKind
from ..stacks.consistency import list_paths, name_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..headers.model import Frame


def check_modality_luts(frames: tuple[Frame, ...]) -> tuple[tuple[Frame, ...], tuple[Assumption, ...]]:
    """Take from frames the modality LUTs that are empty, and list what is assumed about these and others.

    Raises
    ------
    CorruptFileError
        A lookup table cannot be used.
    """
    looked_up = [f for f in frames if f.header.has_modality_lut]
    if not looked_up:
        return frames, ()
    luts = {f.path: read_modality_lut(f.header) for f in {f.path: f for f in looked_up}.values()}
    plain = tuple(
        f._replace(header=f.header._replace(has_modality_lut=False))
        if f.header.has_modality_lut and luts[f.path] is None
        else f
        for f in frames
    )

    def assume(kind: AssumptionKind, chosen: Callable[[Frame, ModalityLut | None], bool]) -> list[Assumption]:
        few = [f for f in looked_up if chosen(f, luts[f.path])]
        bits = {lut.bits for lut in (luts[f.path] for f in few) if lut is not None}
        facts = {"count": len(list_paths(few)), "names": name_files(few), "bits": max(bits, default=0)}
        return [Assumption(kind, facts)] if few else []

    empty = assume(AssumptionKind.EMPTY_MODALITY_LUT, lambda _, lut: lut is None)
    beyond = assume(AssumptionKind.MODALITY_LUT_BITS, lambda _, lut: lut is not None and lut.exceeds_bits)
    # PS3.3 C.11.1: a file has one of both; an identity is no contradiction.
    both = assume(
        AssumptionKind.MODALITY_LUT_AND_RESCALE, lambda f, lut: lut is not None and (f.slope, f.intercept) != (1, 0)
    )
    return plain, (*empty, *beyond, *both)
