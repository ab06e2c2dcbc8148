"""Objects of any other file system of fsspec: buckets, SFTP, memory, chains of these."""

from __future__ import annotations

import errno
import inspect
import os
from abc import abstractmethod
from collections import defaultdict
from datetime import datetime
from functools import partial
from queue import Empty, LifoQueue
from typing import TYPE_CHECKING, Any, ClassVar

from ..._util.log import logger
from ..._util.optional import require
from ..._util.threads import Pool
from ..._util.tracebacks import forget_frames
from ...errors import take_first_line
from .connection import Connection, gather_some
from .server import REQUESTS, Answer, GoneError, Info, make_gone_error, make_server_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .server import Server

_FEW = 8  # files of one folder that are asked for one by one rather than listed
# What differs once the bytes do, by the names that file systems give it; the first that is there counts.
_STAMPS = ("ETag", "etag", "generation", "md5Hash", "mtime", "last_modified", "LastModified", "updated", "created")
_S3, _GOOGLE, _AZURE = ("s3", "s3a"), ("gs", "gcs"), ("az", "abfs", "abfss")
_BUCKETS = (*_S3, *_GOOGLE, *_AZURE)  # whose file systems work in a loop that is not their own
_CONNECTIONS = 4  # to a server of files: some give no more to one user
# Extras of this package, by protocol.
_EXTRAS = {
    **dict.fromkeys(_S3, "s3"),
    **dict.fromkeys(_GOOGLE, "gcs"),
    **dict.fromkeys(_AZURE, "azure"),
    **dict.fromkeys(("sftp", "ssh"), "sftp"),
}


def open_store(server: Server) -> Connection:
    """Connect to a server by its file system in fsspec.

    Raises
    ------
    ImportError
        A library that it needs is not there; the message holds the command that installs it.
    ValueError
        There is no such protocol, or its options are wrong.
    """
    fsspec = require("fsspec", extra="remote")
    try:
        kind = fsspec.get_filesystem_class(server.protocol)
    except ImportError as error:
        extra = _EXTRAS.get(server.protocol)
        way = f'→ pip install "vtkdicomload[{extra}]"' if extra else f"({take_first_line(error)})"
        raise ImportError(f"the library for {server.protocol}:// is not installed {way}") from None
    except ValueError:
        raise ValueError(f"there is no file system for {server.protocol}://") from None
    if kind.async_impl and server.protocol in _BUCKETS and "::" not in server.url:
        return _AsyncStore(server)
    return _PlainStore(server)


class _Store(Connection):
    """A file system whose answers do not say which object they are of: it is asked before and after."""

    confirms: ClassVar[bool] = False
    _system: Any

    def find_key(self, url: str) -> str:
        """The path that the file system has for a URL."""
        key: str = self._system._strip_protocol(url.split("::")[-1])
        return key

    async def fetch(self, key: str, start: int, length: int | None, buffer: memoryview | None = None) -> Answer:
        """Fetch bytes; see `Connection.fetch`. An object that ends before them is no error."""
        limits = {} if length is None else {"start": start, "end": start + length}
        try:
            data = b"" if length == 0 else await self._ask("cat_file", key, **limits)
        except OSError as error:
            if error.errno != errno.EINVAL or length is None:
                raise
            data = b""  # how s3fs says that the object has no byte there
        has_ranges = length is None or len(data) <= length
        if length is not None and not has_ranges:  # it gives the whole object, whatever it is asked for
            data = data[start : start + length]
        if buffer is None:
            return Answer(data, len(data), has_ranges=has_ranges)
        buffer[: len(data)] = data
        return Answer(b"", len(data), has_ranges=has_ranges)

    async def look_at(self, key: str) -> Info:
        """Ask for its size and stamp."""
        described = await self._ask("info", key)
        if described.get("type") == "directory":
            raise make_gone_error("it is a folder")
        return _read_info(described)

    async def look_at_all(self, keys: Sequence[str]) -> list[Info | OSError]:
        """Ask by one listing a folder, or one by one where few files of it are wanted."""
        folders: dict[str, list[str]] = defaultdict(list)
        for key in dict.fromkeys(keys):
            folders[key.rpartition("/")[0]].append(key)
        found: dict[str, Info | OSError] = {}
        alone = [key for part in folders.values() if len(part) < _FEW for key in part]
        found.update(zip(alone, await gather_some(self._try_look, alone), strict=True))
        for folder, part in folders.items():
            if len(part) >= _FEW:
                listed = await self.list_folder(folder, recursive=False)
                found.update((key, listed.get(key) or make_gone_error()) for key in part)
        return [found[key] for key in keys]

    async def _try_look(self, key: str) -> Info | OSError:
        try:
            return await self.look_at(key)
        except OSError as error:
            return error

    async def list_folder(self, key: str, *, recursive: bool) -> dict[str, Info | None]:
        """List by `find` or `ls`; see `Connection.list_folder`."""
        try:
            listed = await self._ask("find" if recursive else "ls", key, detail=True)
        except GoneError:
            return {}
        return dict(_read_entries(listed.values() if recursive else listed))

    async def _ask(self, what: str, key: str, **options: Any) -> Any:
        """Call a method of the file system."""
        try:
            return await self._call(what, key, **options)
        except MemoryError:
            raise
        except Exception as error:
            raise _translate(error) from None

    @abstractmethod
    async def _call(self, what: str, key: str, **options: Any) -> Any:
        """Call a method of the file system, as fsspec names it."""


class _AsyncStore(_Store):
    """A file system that works in an event loop."""

    def __init__(self, server: Server) -> None:
        from fsspec.core import url_to_fs

        super().__init__()
        # At the end of the process adlfs closes itself once more, by a loop that it has where it is told of no other.
        is_told = server.protocol not in _AZURE
        options = {"use_listings_cache": False, **server.options, "asynchronous": is_told}
        if server.protocol in _S3:  # botocore keeps ten, and lets others wait
            options["config_kwargs"] = {"max_pool_connections": REQUESTS, **(options.get("config_kwargs") or {})}
        try:
            self._system, _ = url_to_fs(server.url, skip_instance_cache=True, **options)
        except BaseException:
            self._loop.close()
            raise

    def close(self) -> None:
        """Close its session."""
        self.run(self._end_session())
        self._loop.close()

    async def _end_session(self) -> None:
        """Close what holds connections: each library has another name for it."""
        system = self._system
        session = await system.set_session() if hasattr(system, "set_session") else None
        names = ("_session", "service_client", "credential")
        for one in [session] if session is not None else [getattr(system, name, None) for name in names]:
            close = getattr(one, "close", None)
            if close is not None and inspect.isawaitable(closed := close()):
                await closed

    async def _call(self, what: str, key: str, **options: Any) -> Any:
        return await getattr(self._system, f"_{what}")(key, **options)


class _PlainStore(_Store):
    """File systems of one server, each called by one thread at a time: few say that they take more."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._free = LifoQueue[Any]()
        self._may_connect = "::" not in server.url  # those that keep files on disk do so each for itself
        self._failure: Exception | None = None
        try:
            self._system = self._open_system()
            self._free.put(self._system)
        except (ImportError, TypeError, MemoryError):
            raise
        except Exception as error:
            if isinstance(error, ValueError) and not isinstance(error.__cause__, OSError):
                raise  # the options are wrong
            self._failure = forget_frames(error)  # every request says so
        self._pool = Pool(_CONNECTIONS if self._may_connect else 1)
        super().__init__()

    def _open_system(self) -> Any:
        from fsspec.core import url_to_fs

        return url_to_fs(self._server.url, skip_instance_cache=True, **self._server.options)[0]

    def find_key(self, url: str) -> str:
        """The path that the file system has for a URL."""
        return super().find_key(url) if self._failure is None else url

    def close(self) -> None:
        """Close the clients of those that have one."""
        self._loop.close()
        self._pool.shutdown()
        while not self._free.empty():
            system = self._free.get()
            client = getattr(system, "client", None)
            for one in (getattr(system, "ftp", None), client, getattr(client, "http", None)):
                close = getattr(one, "close", None)
                if close is not None:
                    close()

    async def _call(self, what: str, key: str, **options: Any) -> Any:
        return await self._loop.loop.run_in_executor(self._pool, partial(self._call_here, what, key, **options))

    def _call_here(self, what: str, key: str, **options: Any) -> Any:
        system = self._take_system()
        try:
            if what != "cat_file":
                system.invalidate_cache()
            return getattr(system, what)(key, **options)
        finally:
            self._free.put(system)

    def _take_system(self) -> Any:
        """Take a file system that nobody uses, or connect once more; where the server does not let that, wait."""
        if self._failure is not None:
            raise self._failure
        try:
            return self._free.get_nowait()
        except Empty:
            if self._may_connect:
                try:
                    return self._open_system()
                except Exception as error:
                    logger.debug("the server lets nobody connect once more: %s", type(error).__name__)
                    self._may_connect = False
            return self._free.get()


def _read_entries(listed: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, Info | None]]:
    for entry in listed:
        name = str(entry["name"])
        if entry.get("type") == "directory":
            yield name.rstrip("/") + "/", None
        elif not name.endswith("/"):  # an empty object that stands for a folder
            yield name, _read_info(entry)


def _read_info(described: Mapping[str, Any]) -> Info:
    stamp = next((described[name] for name in _STAMPS if described.get(name)), "")
    size = described.get("size")
    if isinstance(stamp, datetime):  # some file systems list a time in another form than they tell it of one file
        stamp = stamp.timestamp()
    written = f"{stamp:.6f}" if isinstance(stamp, float) else str(stamp).strip('"')
    return Info(None if size is None else int(size), written)


def _translate(error: Exception) -> OSError:
    """Make the error for what a file system raises. That may quote a signature, so that only its kind is told."""
    words, number = _find_words(error), getattr(error, "errno", None)
    if isinstance(error, (FileNotFoundError, NotADirectoryError)) or number == errno.ENOENT:
        return make_gone_error(words or "the server has no such object")
    if isinstance(error, PermissionError):
        return make_server_error(f"the server denies access{_bracket(words)}")
    if isinstance(error, OSError) and number == errno.EINVAL:
        return OSError(errno.EINVAL, "the server has no such bytes of it")
    if isinstance(error, ConnectionError) and number is not None:
        return make_server_error(f"the server cannot be reached ({os.strerror(number)})")
    return make_server_error(words or f"the server does not give it ({type(error).__name__})")


def _find_words(error: BaseException) -> str:
    """Say which answer of a server an error stands for, where it tells its status; never its own text."""
    causes = (error, error.__cause__, error.__context__)
    for cause in filter(None, causes):
        response = getattr(cause, "response", None)
        status, code = getattr(cause, "status", None), ""
        if type(cause).__module__ == "ftplib" and str(cause)[:3].isdigit():
            status = int(str(cause)[:3])
        if isinstance(response, dict):  # of botocore
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", status)
            code = str(response.get("Error", {}).get("Code", ""))
        status = next((s for s in (status, getattr(cause, "status_code", None)) if isinstance(s, int)), None)
        if status is not None:
            return f"the server answers {status}{_bracket(code if code.isalpha() else '')}"
    return ""


def _bracket(words: str) -> str:
    return f" ({words})" if words else ""
