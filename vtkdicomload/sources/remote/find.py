"""The files that a URL means: an object, or those below a folder; none of them is opened to find them."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from ..._util.threads import for_each
from ..._util.wording import describe_argument
from ...errors import NoDicomError
from ..archives.members import find_passed_over, sort_members
from .objects import RemoteFile
from .server import REQUESTS, GoneError, Info, Server
from .sharing import connect, keep_connections
from .urls import HTTP, find_site, is_upath, join_url, parse_address, strip_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..file import File
    from ..reasons import Skipped
    from .connection import Connection
    from .urls import Address


class Found(NamedTuple):
    """What a URL means."""

    name: str  # for messages
    files: tuple[File, ...]  # of a folder in natural order
    skipped: tuple[Skipped, ...]
    is_file: bool  # whether it is that of an object
    inside: str | None  # of an archive that the URL says to go into: the folder in it


@dataclass(frozen=True)
class Finder:
    """Finds the files of URLs.

    Attributes
    ----------
    options : mapping
        The ``storage_options`` of fsspec.
    recursive : bool
        Whether folders in a folder are gone into.
    """

    options: Mapping[str, Any] = field(repr=False)
    recursive: bool

    def find_each(self, urls: Sequence[Any]) -> list[Found]:
        """Find the files of many URLs, asked for at the same time; a file among them is not asked for over HTTP.

        Raises
        ------
        NoDicomError
            There is nothing at one, or its server does not list it.
        """
        return self._find_places([self.place(url) for url in urls], alone=False)

    def find(self, url: Any) -> Found:
        """Find the files of one URL; errors as `find_each`."""
        return self._find(*self.place(url), alone=True)

    def find_folders(self, url: Any, folders: Sequence[str]) -> list[Found]:
        """Find the files in folders of the folder of a URL, asked for at the same time; errors as `find_each`."""
        address, server = self.place(url)
        there = [
            address._replace(url=join_url(address.url, name) + "/", name=join_url(address.name, name), folder=True)
            for name in folders
        ]
        return self._find_places([(each, server) for each in there], alone=True)

    def place(self, url: Any) -> tuple[Address, Server]:
        """Take a URL apart, and say who has what is there. Nobody is asked."""
        own = dict(url.storage_options) if is_upath(url) else {}
        options = {**own, **self.options}
        address = parse_address(str(url))
        return address, Server(find_site(address.url), address.protocol, options)

    def _find_places(self, places: Sequence[tuple[Address, Server]], *, alone: bool) -> list[Found]:
        found: dict[int, Found] = {}

        def find(k: int) -> None:
            found[k] = self._find(*places[k], alone=alone)

        with keep_connections():
            for_each(len(places), find, lambda: None, REQUESTS)
        return [found[k] for k in range(len(places))]

    def _find(self, address: Address, server: Server, *, alone: bool) -> Found:
        try:
            with connect(server) as connection:
                key = connection.find_key(address.url)
                if address.protocol in HTTP:
                    found = self._find_over_http(address, server, connection, key, alone=alone)
                else:
                    found = self._find_in_store(address, server, connection, key)
        except OSError as error:
            what = "there is nothing at" if isinstance(error, GoneError) else "nothing can be listed at"
            raise NoDicomError(f"{what} {address.name}: {error.strerror}", files=[address.name]) from None
        return found._replace(inside=address.inside)

    # ------------------------------------------------------------------------------------------ two kinds of servers
    def _find_over_http(
        self, address: Address, server: Server, connection: Connection, key: str, *, alone: bool
    ) -> Found:
        file = RemoteFile(address.name, server=server, key=key)
        if not address.folder:
            if not alone or address.inside is not None:
                return _make_found_file(file)
            answer = connection.run(connection.fetch(key, 0, connection.expected))
            if not answer.is_page:
                return _make_found_file(file)
            key = answer.url
        listed = connection.run(connection.list_folder(key, recursive=self.recursive))
        top = urlsplit(key).path.rpartition("/")[0] if key.partition("?")[0].endswith("/") else urlsplit(key).path
        below = {
            link: (unquote(urlsplit(link).path.removeprefix(top)).strip("/"), strip_credentials(link))
            for link in listed
        }
        return self._make_found_folder(address, server, listed, below)

    def _find_in_store(self, address: Address, server: Server, connection: Connection, key: str) -> Found:
        if not address.folder:
            try:
                info = connection.run(connection.look_at(key))
                return _make_found_file(_make_listed_file(address.name, server, key, info))
            except OSError:
                pass  # it may be a folder, and some tell of no object alone
        listed = connection.run(connection.list_folder(key, recursive=self.recursive))
        if not listed:
            raise GoneError(0, "no such object or folder")
        if list(listed) == [key]:
            return _make_found_file(_make_listed_file(address.name, server, key, listed[key]))
        top = address.name.rstrip("/")
        below = {}
        for found in listed:
            relative = found.removeprefix(key).strip("/")
            below[found] = relative, posixpath.join(top, relative) if not top.endswith(":/") else f"{top}/{relative}"
        return self._make_found_folder(address, server, listed, below)

    def _make_found_folder(
        self, address: Address, server: Server, listed: Mapping[str, Info | None], below: Mapping[str, tuple[str, str]]
    ) -> Found:
        """The files among what was listed, by their names below the folder and for messages."""
        files, skipped = [], []
        for key, info in listed.items():
            relative, name = below[key]
            is_folder = key.partition("?")[0].endswith("/")
            passed = find_passed_over(relative + "/" * is_folder, name, recursive=self.recursive)
            if passed is not None:
                skipped.append(passed)
            else:
                files.append((relative, _make_listed_file(name, server, key, info)))
        return Found(address.name, sort_members(files), tuple(skipped), is_file=False, inside=None)


def _make_listed_file(name: str, server: Server, key: str, info: Info | None) -> RemoteFile:
    return RemoteFile(name, info.size if info is not None else None, server=server, key=key, listed=info)


def _make_found_file(file: RemoteFile) -> Found:
    return Found(file.name, (file,), (), is_file=True, inside=None)


def check_storage_options(options: Any) -> Mapping[str, Any]:
    """Take ``storage_options=`` as a mapping; TypeError where it is none."""
    from collections.abc import Mapping

    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise TypeError(f"storage_options must be a dictionary, as fsspec takes it, not {describe_argument(options)}")
    return options
