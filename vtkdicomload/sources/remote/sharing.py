"""Connections to servers: made on use, shared by all threads of a process, closed once nobody uses them."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
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
        self.kept = 0  # who wants all of them to stay
        self.users: dict[Server, int] = {}
        self.connections: dict[Server, Connection] = {}

    def take_unused(self) -> list[Connection]:
        """Take out those that nobody uses."""
        if self.kept:
            return []
        unused = [server for server in self.connections if not self.users.get(server)]
        for server in unused:
            self.users.pop(server, None)
        return [self.connections.pop(server) for server in unused]


_shared = _Shared()


def _forget() -> None:
    """In a forked child, leave the connections to the parent: the threads behind them are not here."""
    global _shared  # noqa: PLW0603 - one for each process
    _shared = _Shared()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


@contextmanager
def connect(server: Server) -> Iterator[Connection]:
    """Give the connection to a server, which is closed when the last who uses it is through."""
    shared = _shared
    with shared.lock:
        connection = shared.connections.get(server)
        if connection is None:
            connection = shared.connections[server] = _make_connection(server)
        shared.users[server] = shared.users.get(server, 0) + 1
    try:
        yield connection
    finally:
        with shared.lock:
            shared.users[server] -= 1
            unused = shared.take_unused()
        for one in unused:
            one.close()


@contextmanager
def keep_connections() -> Iterator[None]:
    """Keep every connection that is made within until the end, to be used again."""
    shared = _shared
    with shared.lock:
        shared.kept += 1
    try:
        yield
    finally:
        with shared.lock:
            shared.kept -= 1
            unused = shared.take_unused()
        for one in unused:
            one.close()


def _make_connection(server: Server) -> Connection:
    from .http import HttpConnection
    from .stores import open_store

    return HttpConnection(server) if server.protocol in HTTP else open_store(server)
