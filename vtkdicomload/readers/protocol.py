"""The protocol of every reader: a module with a name, a refusal, and one way to fill a buffer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .._util.arrays import Pixels
    from ..headers.model import Frame
    from .dtype import Conversion


class Reader(Protocol):
    """Reads a checked list of frames; the frames of one list share their pixel layout.

    A reader knows nothing of positions, order or VTK images of the result: it puts frame *k* at ``out[k]``.
    """

    @property
    def NAME(self) -> str:  # noqa: N802 - a module constant
        """The word for ``engine=``."""
        ...

    def refusal(self, frames: Sequence[Frame], conversion: Conversion) -> str | None:
        """Say why this reader is not right for one of the frames, naming its file; None where it is right for all."""
        ...

    def fill(
        self,
        frames: Sequence[Frame],
        conversion: Conversion,
        out: Pixels,
        step: Callable[[], None],
        workers: int | None = None,
    ) -> tuple[str, ...]:
        """Put the values of every frame into `out`.

        Parameters
        ----------
        frames : sequence of Frame
            Frames for which `refusal` is None.
        conversion : Conversion
            How stored values become those of the volume.
        out : numpy.ndarray, shape (frames, rows, columns) or (frames, rows, columns, 3)
            Row 0 is the first stored row. Any strides.
        step : callable
            Called after each frame; an exception from it ends the reading.
        workers : int, optional
            Threads, for a reader that uses them.

        Returns
        -------
        tuple of str
            What the reader itself verified, in words.

        Raises
        ------
        ValueOverflow
            The values do not fit the dtype of the conversion.
        CorruptFileError
            A file vanished or shrank since it was scanned.
        """
        ...
