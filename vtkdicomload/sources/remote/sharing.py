"""Connections to servers: made on use, shared by all threads of a process, closed once nobody uses them."""

from __future__ import annotations

import atexit
import os
import threading
from collections import Counter
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from .urls import HTTP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .connection import Connection
    from .server import Server


class _Shared:
    """The connections of this process, by server, and how many use each."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users: Counter[Server | None] = Counter()  # None: who wants all of them to stay
        self.connections: dict[Server, Connection] = {}

    def take_unused(self) -> list[Connection]:
        """Take out those that nobody uses."""
        if self.users[None]:
            return []
        unused = [server for server in self.connections if not self.users[server]]
        for server in unused:
            del self.users[server]
        return [self.connections.pop(server) for server in unused]


_shared = _Shared()
_left: list[_Shared] = []  # that are another's now: what takes them apart would reach the sockets of a parent


def _forget() -> None:
    """In a forked child, leave the connections to the parent: the threads behind them are not here."""
    global _shared  # noqa: PLW0603 - one for each process
    _left.append(_shared)
    _shared = _Shared()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


@atexit.register
def _close_all() -> None:
    """At the end of the process, close what is open still: afterwards there is no thread to do it."""
    last = _shared
    _forget()
    for connection in last.connections.values():
        connection.close()


@contextmanager
def connect(server: Server) -> Iterator[Connection]:
    """Give the connection to a server, which is closed when the last who uses it is through."""
    with _use(server) as shared:
        yield shared.connections[server]


def keep_connections() -> AbstractContextManager[object]:
    """Keep every connection that is made within until the end, to be used again."""
    return _use(None)


@contextmanager
def _use(server: Server | None) -> Iterator[_Shared]:
    """Use the connection to a server, which is made where there is none, or all that there are."""
    shared = _shared
    with shared.lock:
        if server is not None and server not in shared.connections:
            shared.connections[server] = _make_connection(server)
        shared.users[server] += 1
    try:
        yield shared
    finally:
        if shared is _shared:  # else they are the parent's, or closed
            with shared.lock:
                shared.users[server] -= 1
                unused = shared.take_unused()
            for one in unused:
                one.close()


def _make_connection(server: Server) -> Connection:
    from .http import HttpConnection
    from .stores import open_store

    return HttpConnection(server) if server.protocol in HTTP else open_store(server)
