"""What a connection to a server does for all threads of a process, and the thread that its requests run in."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from .server import Answer, Info

_T = TypeVar("_T")

THREADS = 32  # requests at the same time
_FIRST_READ = 1 << 16
_SPARE = 1024  # bytes that the next header may be longer than the latest
_LONGEST_READ = 1 << 20


class Connection(ABC):
    """A connection to one server, for all threads.

    Attributes
    ----------
    expected : int
        The bytes that the beginning of the next file is read with: those that the latest header took, and some more.
    confirms : bool
        Whether each answer says which object it is of.
    """

    confirms: ClassVar[bool]

    def __init__(self) -> None:
        self.expected = _FIRST_READ

    def expect(self, used: int) -> None:
        """Learn how many bytes of its beginning a file was read for."""
        self.expected = min(used + _SPARE, _LONGEST_READ)

    @abstractmethod
    def find_key(self, url: str) -> str:
        """What the server knows the object of a URL by."""

    @abstractmethod
    def fetch(self, key: str, start: int, length: int | None, buffer: memoryview | None = None) -> Answer:
        """Fetch bytes of an object, fewer where it ends before.

        Parameters
        ----------
        key : str
            What the server knows it by.
        start, length : int
            Which bytes; all of them where the length is None.
        buffer : memoryview, optional
            Filled with them, in the place of `Answer.data`.

        Raises
        ------
        GoneError
            There is no such object.
        OSError
            The server does not give it; the message says what it answers.
        """

    @abstractmethod
    def look_at(self, key: str) -> Info:
        """Ask what an object is like now; errors as `fetch`."""

    @abstractmethod
    def look_at_all(self, keys: Sequence[str]) -> list[Info | OSError]:
        """Ask what many objects are like now; for each that, or why not."""

    @abstractmethod
    def list_folder(self, key: str, *, recursive: bool) -> dict[str, Info | None]:
        """List what lies below a folder, by its key; a folder that was not gone into ends with a slash.

        Returns
        -------
        dict
            The object itself where there is one of that key; empty where there is nothing.

        Raises
        ------
        OSError
            The server does not list it.
        """

    @abstractmethod
    def close(self) -> None:
        """Close what is open."""


class Loop:
    """An event loop in a thread of its own: it works where the caller's thread runs one, as in a notebook."""

    def __init__(self) -> None:
        import asyncio

        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="vtkdicomload", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine, and wait for what it gives."""
        import asyncio

        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """End the thread, once what was asked for has ended."""
        self.run(_end_others())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


async def _end_others() -> None:
    import asyncio

    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    # What was closed is taken apart by callbacks.
    await asyncio.sleep(0)
    await asyncio.get_running_loop().shutdown_asyncgens()
    await asyncio.get_running_loop().shutdown_default_executor()
