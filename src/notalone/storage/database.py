# SPDX-License-Identifier: AGPL-3.0-or-later
"""Open a database, bring its schema up to date, and hand out connections.

One URL chooses the engine: `sqlite:///path/file.db` or `postgresql://user@host/name`.
"""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import alembic.command
import asyncpg
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import event, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine import Connection as SyncConnection
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

# What the functions of this layer take; the services pass it through and never look inside.
Connection = AsyncConnection

# How long a writer waits for another process (`restore`, `call load`) before it gives up.
BUSY_SECONDS = 20
# How long PostgreSQL may take to say hello.
CONNECT_SECONDS = 5


class StorageUnavailable(Exception):
    """Nothing could be stored or read just now. Nothing was half-written; the same request may be sent again.

    `hint` is for the operator: what to look at, or nothing.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class NoDatabase(StorageUnavailable):
    """There is no database there, and none was to be made."""


class UnusableDatabaseURL(ValueError):
    """The database URL is not one of `sqlite:///FILE` and `postgresql://USER@HOST/NAME`."""


# All that comes out of the drivers, and of the pool and the network between us and the database.
ENGINE_ERRORS = (
    DBAPIError,
    PoolTimeoutError,
    sqlite3.DatabaseError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # A connection that was cut off in the middle of an answer may no longer know where it stands.
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
_DEFECTS = (
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.DataError,
    sqlite3.NotSupportedError,
    asyncpg.SyntaxOrAccessError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DataError,
    asyncpg.FeatureNotSupportedError,
    ValueError,  # a parameter that asyncpg could not write
)
# Kinds of the above, but the operator's to mend, or gone once they were met.
_NO_DEFECTS = (
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.exceptions.ClientConfigurationError,
)


# By SQLite's primary code.
_SQLITE_HINTS = {
    sqlite3.SQLITE_NOTADB: "that file is something else and was left as it is; is NOTALONE_DATA right?",
    sqlite3.SQLITE_CANTOPEN: "is it a file, and may this user read it? commands run as the server's user",
    sqlite3.SQLITE_PERM: "may this user write there? commands run as the server's user",
    sqlite3.SQLITE_READONLY: "may this user write there? commands run as the server's user",
    sqlite3.SQLITE_FULL: "its disk is full; make room",
    sqlite3.SQLITE_IOERR: "look at the disk: is it full, or does it fail?",
    sqlite3.SQLITE_BUSY: "another command is at work on it; try again when that is done",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; move it away and restore the newest backup",
}
# The first that fits.
_POSTGRESQL_HINTS: tuple[tuple[type[Exception], str], ...] = (
    (asyncpg.InvalidAuthorizationSpecificationError, "are user and password in NOTALONE_DATABASE_URL right?"),
    (asyncpg.InvalidCatalogNameError, "make it with createdb, or mend its name in NOTALONE_DATABASE_URL"),
    (asyncpg.InsufficientPrivilegeError, "the user in NOTALONE_DATABASE_URL has to own the database"),
    (asyncpg.DiskFullError, "its disk is full; make room"),
    (asyncpg.LockNotAvailableError, "another command is at work on it; try again when that is done"),
    (asyncpg.PostgresError, "PostgreSQL's own log may say more"),
    (OSError, "is PostgreSQL running, and does NOTALONE_DATABASE_URL lead to it?"),  # TimeoutError is one
)


@contextmanager
def engine_faults(file: Path | None = None) -> Iterator[None]:
    """Raises StorageUnavailable where the database is at fault. `file`: what the work is on, to be named.

    Where our statement is, its error passes as it is: whoever is told to try again in a moment would try for ever.
    """
    try:
        yield
    except ENGINE_ERRORS as error:
        cause = _cause(error)
        if _is_defect(cause):
            raise
        raise _unavailable(cause, file) from error


def _cause(error: BaseException) -> BaseException:
    return error.driver_exception if isinstance(error, DBAPIError) else error


def _unavailable(cause: BaseException, file: Path | None = None) -> StorageUnavailable:
    if isinstance(cause, OSError) and cause.filename is not None:
        hint = "its disk is full; make room" if cause.errno == errno.ENOSPC else _SQLITE_HINTS[sqlite3.SQLITE_PERM]
        return StorageUnavailable(f"{cause.filename}: {cause.strerror}", hint)
    if isinstance(cause, sqlite3.Error):
        hint = _SQLITE_HINTS.get((getattr(cause, "sqlite_errorcode", None) or 0) & 0xFF, "")
        return StorageUnavailable(f"{file}: {cause}" if file else str(cause), hint)
    hint = next((text for kind, text in _POSTGRESQL_HINTS if isinstance(cause, kind)), "")
    said = isinstance(cause, OSError) and cause.strerror
    return StorageUnavailable(said or str(cause) or "it did not answer in time", hint)


def _is_defect(error: BaseException) -> bool:
    if isinstance(error, sqlite3.OperationalError):
        # SQLite's word for a statement that it does not understand; a full disk, a lock and the like have their own.
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    return isinstance(error, _DEFECTS) and not isinstance(error, _NO_DEFECTS)


def parse_url(text: str) -> URL:
    """The URL with the driver that we use for its engine."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise UnusableDatabaseURL(UnusableDatabaseURL.__doc__) from None
    # One in memory, named so or by a parameter, would be another one for every connection.
    if url.drivername == "sqlite" and url.database and url.database != ":memory:" and not url.query:
        return url.set(drivername="sqlite+aiosqlite")
    if url.drivername in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+asyncpg")
    raise UnusableDatabaseURL(UnusableDatabaseURL.__doc__)


class Database:
    """A pool of connections for everything but the group commit of voices (storage/voice.py).

    Making one raises UnusableDatabaseURL, and StorageUnavailable where there can be no SQLite file. Without `create`,
    what is not there is not made: a name with a slip in it would pass for a server without calls.
    """

    def __init__(self, url: str, *, create: bool = True) -> None:
        self.url = parse_url(url)
        self._create = create
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        # SQLite has one writer. Were the others to wait inside SQLite, each would hold its connection's mutex; one
        # cursor of that connection met by the garbage collector would then stop the whole process until they gave up.
        self._turn: AbstractAsyncContextManager[object] = asyncio.Lock() if self.is_sqlite else nullcontext()
        if self.is_sqlite:
            _open_sqlite_file(Path(self.sqlite_path), create)
            self.engine = create_async_engine(self.url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self.engine.sync_engine, "begin", _begin_sqlite)
        else:
            # A withdrawal, or a published number, is no more to be undone by a power failure than a voice is.
            session = {"synchronous_commit": "on", "lock_timeout": f"{BUSY_SECONDS * 1000:.0f}"}
            arguments = {"timeout": CONNECT_SECONDS, "server_settings": session}
            self.engine = create_async_engine(
                self.url,
                connect_args=arguments,
                hide_parameters=True,
                pool_size=4,
                pool_pre_ping=True,
                pool_recycle=300,
            )

    @property
    def sqlite_path(self) -> str:
        """The file of an SQLite database."""
        assert self.url.database is not None  # parse_url refuses a URL without one
        return self.url.database

    @property
    def libpq_url(self) -> str:
        """The PostgreSQL URL as asyncpg and the PostgreSQL programs read it, password included."""
        return self.url.set(drivername="postgresql").render_as_string(hide_password=False)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One snapshot, however many statements. Raises StorageUnavailable."""
        # SQLite reads from one snapshot anyway.
        options = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        async with _transaction(self.engine.execution_options(**options), writes=False) as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction, durable when the block ends. Raises StorageUnavailable."""
        async with self._turn, _transaction(self.engine, writes=True) as connection:
            yield connection

    async def upgrade(self, revision: str = "head") -> None:
        """Bring the schema to `revision` (the newest unless told). Safe to run again, and by two at once.

        Raises StorageUnavailable; NoDatabase where there is no schema at all and none is to be made.
        """
        try:
            async with self._turn, self.engine.execution_options(writes=True).begin() as connection:
                if not self._create and not await connection.run_sync(_has_schema):
                    raise _none_at(self.url.database)
                await connection.run_sync(_upgrade, revision)
        except CommandError as error:
            hint = "a newer version was at work on it; install that one"
            raise StorageUnavailable(f"its schema is not of this version of Not Alone ({error})", hint) from error
        except ENGINE_ERRORS as error:
            cause = _cause(error)
            if _is_defect(cause):
                # Whatever it is: a statement that is refused here met tables that another program made.
                hint = "another program keeps its tables there; give Not Alone a database of its own"
                raise StorageUnavailable(str(cause), hint) from error
            raise _unavailable(cause) from error

    async def close(self) -> None:
        await self.engine.dispose()


@asynccontextmanager
async def _transaction(engine: AsyncEngine, *, writes: bool) -> AsyncIterator[AsyncConnection]:
    with engine_faults():
        async with engine.execution_options(writes=writes).begin() as connection:
            yield connection


def _none_at(place: object) -> NoDatabase:
    return NoDatabase(
        f"there is no database of Not Alone at {place}",
        'is NOTALONE_DATA right, or NOTALONE_DATABASE_URL? "notalone serve" and "notalone call load" make a new one',
    )


def _open_sqlite_file(path: Path, create: bool) -> None:
    """What is made is an empty database for the eyes of its owner only. One that is there keeps its mode."""
    with engine_faults(path):
        if not create and not (path.exists() and path.stat().st_size):
            raise _none_at(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Never opened once it is there: closing it would release the locks that SQLite holds on it in this process.
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
            _switch_to_wal(connection)


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """The file remembers it. Whoever finds another process just switching is refused at once, whatever the timeout."""
    pauses = iter((0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0))
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            pause = next(pauses, None)
            if pause is None:
                raise
            time.sleep(pause)
        else:
            return


def _prepare_sqlite(connection: Any, _record: object) -> None:
    try:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in SQLITE_PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()  # the pool does not know it yet
        raise


# FULL: a commit returns after the log was synced; NORMAL would lose the last commits when the power fails.
SQLITE_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON")


def _begin_sqlite(connection: SyncConnection) -> None:
    # A transaction that reads first and writes later cannot wait for another writer; one that says so first can.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _has_schema(connection: SyncConnection) -> bool:
    return inspect(connection).has_table("alembic_version")


def _upgrade(connection: SyncConnection, revision: str) -> None:
    if connection.dialect.name == "postgresql":
        # Two machines that start at once: the second waits, then finds nothing to do.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(5043417)")
    config = alembic_config()
    config.attributes["connection"] = connection
    alembic.command.upgrade(config, revision)
