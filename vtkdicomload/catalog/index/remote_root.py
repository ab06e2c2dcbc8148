"""A folder on a server as the root of an index, or an archive there: what it lists says what has changed."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ...errors import NoDicomError
from ...sources.reasons import Reason
from ...sources.remote.find import Finder
from ...sources.remote.objects import RemoteFile, look_at_each
from ...sources.remote.server import REQUESTS, Info
from ...sources.remote.sharing import connect
from ...sources.remote.urls import HTTP, join_url
from .entry import Entry
from .root import ROOT_ITSELF, Root, Tops, sort_tops

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...sources.file import File
    from ...sources.remote.find import Found
    from ...sources.remote.server import Server


@dataclass(frozen=True)
class RemoteRoot(Root):
    """A folder or an object on a server.

    Attributes
    ----------
    url : str
        Its URL, maybe with credentials.
    options : mapping
        The ``storage_options`` of fsspec.
    """

    url: str = field(default="", repr=False, compare=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def _server(self) -> Server:
        return Finder(self.options, recursive=True).place(self.url)[1]

    @cached_property
    def _key(self) -> str:
        """What the server knows the root by."""
        address, server = Finder(self.options, recursive=True).place(self.url)
        with connect(server) as connection:
            return connection.find_key(address.url)

    def list_tops(self) -> Tops:
        """List the folders in it; errors as `Finder.find`."""
        if self.is_file:
            return Tops((ROOT_ITSELF,))
        names = level = [ROOT_ITSELF]
        for _ in range(self.depth):
            level = self.list_subfolders(level)
            names = [*names, *level]
        return Tops(tuple(sort_tops(names)))

    def list_subfolders(self, folders: Sequence[str]) -> list[str]:
        """List the folders in some folders; see `Root.list_subfolders`."""
        return [
            self._find_path(passed.path).strip("/")
            for found in self._list_folders(folders, recursive=False)
            for passed in found.skipped
            if passed.reason is Reason.FOLDER
        ]

    def count_files(self, tops: Tops) -> int:
        """Count the files, by listing them."""
        return sum(len(found.files) for found in self._list_tops(tops.names))

    def walk(self, tops: Tops, names: Sequence[str]) -> Iterator[list[Entry]]:
        """Yield the files as their folders list them; see `Root.walk`.

        Over HTTP, where folders list no more than names, each file is asked for its stamp.
        """
        for found in self._list_tops(names):
            entries = list(map(self._make_entry, found.files, _describe_each(found.files)))
            for _, listed in groupby(entries, lambda entry: entry.path.rpartition("/")[0]):
                yield [*listed]

    def _list_tops(self, names: Sequence[str]) -> Iterator[Found]:
        yield from self._list_folders([name for name in names if self.is_divided(name)], recursive=False)
        yield from self._list_folders([name for name in names if not self.is_divided(name)], recursive=True)

    def _list_folders(self, folders: Sequence[str], *, recursive: bool) -> Iterator[Found]:
        finder = Finder(self.options, recursive=recursive)
        if ROOT_ITSELF in folders:
            yield finder.find(self.url)
        below = [folder for folder in folders if folder]
        for start in range(0, len(below), REQUESTS):
            yield from finder.find_folders(self.url, below[start : start + REQUESTS])

    def _make_entry(self, file: File, info: Info | OSError) -> Entry:
        path = self._find_path(file.name)
        if isinstance(info, OSError):
            return Entry(path, None, None)
        return Entry(path, info.size, str(info.stamp) or None, self.enters(path))

    def _find_path(self, name: str) -> str:
        """The path of a name below the root."""
        if self.is_file:
            return posixpath.basename(self.name) + name.removeprefix(self.name)
        start = f"{self.name.rstrip('/')}/"
        if not name.startswith(start):
            raise NoDicomError(f"{self.name} lists what lies elsewhere: index the folder {name}", files=[name])
        return name.removeprefix(start)

    def _locate(self, name: str, path: str, size: int | None, stamp: int | str | None) -> RemoteFile:
        if self.is_file:
            key = self._key
        elif self._server.protocol in HTTP:
            key = join_url(self._key, path)
        else:
            key = f"{self._key.rstrip('/')}/{path}"
        return RemoteFile(name, size, stamp, self._server, key)


def _describe_each(files: Sequence[File]) -> list[Info | OSError]:
    """Say what files are like: by what was listed, or by asking for each."""
    remote = [file for file in files if isinstance(file, RemoteFile)]
    asked = iter(look_at_each([file for file in remote if file.listed is None]))
    return [file.listed if file.listed is not None else next(asked) for file in remote]
