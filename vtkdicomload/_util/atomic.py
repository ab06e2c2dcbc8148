"""Writing several files as if at once: all of them appear, whole, or none."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType


_UNFINISHED = re.compile(r"\.[0-9a-z_]{8,16}\.part\Z")


def remove_unfinished(folders: Iterable[str]) -> None:
    """Remove what a killed process has left of files that it did not end; nobody may be writing there."""
    for folder in set(folders):
        with contextlib.suppress(FileNotFoundError):
            for entry in list(os.scandir(folder)):
                if _UNFINISHED.match(entry.name):
                    shutil.rmtree(entry.path) if entry.is_dir() else os.unlink(entry.path)


@contextmanager
def name_file(path: str) -> Iterator[None]:
    """Give a full disk the name of the file that is being written: the system says it only where one is opened."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), path) from error


class Staged:
    """New files under other names until all of them are whole; without a `commit` nothing of them is left."""

    def __init__(self) -> None:
        self._files: dict[str, str] = {}  # temporary → final
        self._folders: list[str] = []

    def __enter__(self) -> Staged:
        return self

    def new(self, path: str) -> str:
        """A path in the same folder for what will be `path`; hidden, so that no scan takes it for a file."""
        folder = os.path.dirname(path)
        missing = []
        while folder and not os.path.isdir(folder):
            missing.append(folder)
            folder = os.path.dirname(folder)
        for part in reversed(missing):
            self._folders.append(part)
            os.mkdir(part)
        temporary = os.path.join(os.path.dirname(path), f".{secrets.token_hex(8)}.part")
        self._files[temporary] = path
        return temporary

    def commit(self) -> int:
        """Give every file its name; their bytes in all."""
        size = 0
        for temporary, path in list(self._files.items()):
            size += os.path.getsize(temporary)
            os.replace(temporary, path)
            del self._files[temporary]
        self._folders.clear()
        return size

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for temporary in self._files:
            if os.path.exists(temporary):
                os.unlink(temporary)
        for folder in reversed(self._folders):
            # A folder into which others have written since stays.
            if os.path.isdir(folder) and not os.listdir(folder):
                os.rmdir(folder)
