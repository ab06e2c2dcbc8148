"""Servers of files on this machine that are no web servers: SFTP (asyncssh's) and FTP (pyftpdlib's)."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USER, PASSWORD = "ann", "WORD0FPASSING"


@contextmanager
def sftp_server(root: Path) -> Iterator[dict[str, Any]]:
    """Serve a folder by SFTP; yields the ``storage_options`` for it."""
    asyncssh = pytest.importorskip("asyncssh")
    asyncssh.set_log_level(logging.ERROR)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    connections: list[Any] = []

    class Login(asyncssh.SSHServer):  # type: ignore[misc, name-defined]
        def connection_made(self, conn: Any) -> None:
            connections.append(conn)

        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == (USER, PASSWORD)

    async def listen() -> Any:
        key = asyncssh.generate_private_key("ssh-ed25519")
        serve = lambda channel: asyncssh.SFTPServer(channel, chroot=str(root).encode())  # noqa: E731
        return await asyncssh.create_server(Login, "127.0.0.1", 0, server_host_keys=[key], sftp_factory=serve)

    async def close(listener: Any) -> None:
        listener.close()
        await listener.wait_closed()
        for connection in connections:
            connection.abort()
            await connection.wait_closed()

    listener = asyncio.run_coroutine_threadsafe(listen(), loop).result()
    try:
        yield {"username": USER, "password": PASSWORD, "port": listener.get_port()}
    finally:
        asyncio.run_coroutine_threadsafe(close(listener), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def ftp_server(root: Path, most: int = 100) -> Iterator[dict[str, Any]]:
    """Serve a folder by FTP, to so many connections at a time; yields the ``storage_options`` for it."""
    pytest.importorskip("pyftpdlib")
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.servers import FTPServer

    logging.getLogger("pyftpdlib").setLevel(logging.CRITICAL)

    class Handler(FTPHandler):  # type: ignore[misc]
        authorizer = DummyAuthorizer()
        auth_failed_timeout = 0

    Handler.authorizer.add_user(USER, PASSWORD, str(root), perm="elr")
    server = FTPServer(("127.0.0.1", 0), Handler)
    server.max_cons_per_ip = most
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            server.serve_forever(timeout=0.01, blocking=False, handle_exit=False)
        server.close_all()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield {"username": USER, "password": PASSWORD, "port": server.address[1]}
    finally:
        ended.set()
        thread.join()
