# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whose fault it is: an outage, which passes or is the operator's to mend, or a defect of ours."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from notalone.storage.database import Database, StorageUnavailable, engine_faults
from tests.storage.contents import add_call

RELEASE = "INSERT INTO release (call_id, kind, tick, number) VALUES (:call, 1, 600, :number)"


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("SELEKT 1", {}),
        ("SELECT 1 FROM no_such_table", {}),
        ("SELECT no_such_column FROM call", {}),
        ("INSERT INTO publication (id, tick) VALUES (1, 0)", {}),  # there is one
        ("UPDATE publication SET tick = NULL", {}),
        (RELEASE, {"call": 77, "number": 60}),  # of no call
        (RELEASE, {"call": 1, "number": 2**70}),
        (RELEASE, {"call": 1, "number": object()}),
    ],
)
async def test_a_statement_that_can_never_work_is_no_outage(
    database: Database, statement: str, values: dict[str, object]
) -> None:
    """Whoever is told to try again in a moment would try for ever."""

    async def execute() -> None:
        async with database.write() as connection:
            await connection.execute(text(statement), values)

    try:
        await execute()
    except StorageUnavailable as error:
        pytest.fail(f"taken for an outage: {error}")
    except (DBAPIError, OverflowError):
        return
    pytest.fail("it worked")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("SELECT pg_terminate_backend(pg_backend_pid())", "administrator command"),
        ("SET LOCAL statement_timeout = 20; SELECT pg_sleep(5)", "statement timeout"),
        ("SET TRANSACTION READ ONLY; UPDATE publication SET tick = 9", "read-only"),  # a primary that became a replica
        (
            "CREATE ROLE guest; GRANT USAGE ON SCHEMA public TO guest; SET LOCAL ROLE guest; SELECT 1 FROM call",
            "permission denied",
        ),
    ],
)
async def test_what_postgresql_cannot_do_just_now_is_an_outage(
    make_url: Callable[[str], str], statement: str, said: str
) -> None:
    database = Database(make_url("postgresql"))
    await database.upgrade()

    async def execute() -> None:
        async with database.write() as connection:
            for part in statement.split(";"):
                await connection.execute(text(part))

    with pytest.raises(StorageUnavailable, match=said):
        await execute()
    await add_call(database, "one")
    await database.close()


@pytest.mark.parametrize(
    ("pragma", "said"), [("query_only = ON", "readonly"), ("max_page_count = 1", "full"), ("busy_timeout = 1", "lock")]
)
async def test_what_sqlite_cannot_do_just_now_is_an_outage(
    make_url: Callable[[str], str], pragma: str, said: str
) -> None:
    database = Database(make_url("sqlite"))
    await database.upgrade()
    other = sqlite3.connect(database.sqlite_path, isolation_level=None)
    if said == "lock":
        other.execute("BEGIN IMMEDIATE")

    async def fill() -> None:
        async with database.read() as connection:
            await connection.execute(text(f"PRAGMA {pragma}"))
        async with database.write() as connection:
            await connection.execute(text("INSERT INTO server_key VALUES ('large', zeroblob(100000))"))

    with pytest.raises(StorageUnavailable, match=said):
        await fill()
    other.close()
    await database.close()


def overwrite(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[:100] + b"dear diary" * 1000 + whole[10_100:])


async def test_a_file_that_was_damaged_under_us_is_an_outage(make_url: Callable[[str], str]) -> None:
    database = Database(make_url("sqlite"))
    await database.upgrade()
    await database.close()
    overwrite(Path(database.sqlite_path))

    async def read() -> None:
        async with database.read() as connection:
            await connection.execute(text("SELECT * FROM call"))

    with pytest.raises(StorageUnavailable, match="malformed"):
        await read()
    await database.close()


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.AdminShutdownError("shutting down"),
        asyncpg.CannotConnectNowError("starting up"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.DiskFullError("disk full"),
        asyncpg.TooManyConnectionsError("too many connections"),
        asyncpg.DeadlockDetectedError("deadlock detected"),
        asyncpg.LockNotAvailableError("canceling statement due to lock timeout"),
        asyncpg.InvalidPasswordError("password authentication failed"),
        asyncpg.InvalidCachedStatementError("cached statement plan is invalid"),  # the schema was upgraded meanwhile
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError("unexpected message"),
        asyncpg.exceptions.ClientConfigurationError("invalid port"),
        ConnectionResetError("reset by peer"),
        TimeoutError("too slow"),
    ],
)
def test_what_may_pass_is_an_outage(error: Exception) -> None:
    with pytest.raises(StorageUnavailable, match=str(error)) as unavailable, engine_faults():
        raise error
    assert unavailable.value.__cause__ is error


def with_code(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("x")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (with_code(sqlite3.SQLITE_NOTADB), "something else"),
        (with_code(sqlite3.SQLITE_CANTOPEN_ISDIR), "is it a file"),
        (with_code(sqlite3.SQLITE_READONLY_DIRECTORY), "may this user write there?"),
        (with_code(sqlite3.SQLITE_FULL), "make room"),
        (with_code(sqlite3.SQLITE_BUSY), "another command"),
        (with_code(sqlite3.SQLITE_CORRUPT), "restore the newest backup"),
        (PermissionError(errno.EACCES, "Permission denied", "/srv/x"), "may this user write there?"),
        (OSError(errno.ENOSPC, "No space left on device", "/srv/x"), "make room"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), "is PostgreSQL running"),  # its socket
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed"), "is PostgreSQL running"),
        (TimeoutError(), "is PostgreSQL running"),
        (asyncpg.InvalidPasswordError("x"), "user and password"),
        (asyncpg.InvalidCatalogNameError("x"), "createdb"),
        (asyncpg.InsufficientPrivilegeError("x"), "own the database"),
        (asyncpg.DiskFullError("x"), "make room"),
        (asyncpg.TooManyConnectionsError("x"), "PostgreSQL's own log"),
    ],
)
def test_each_cause_has_its_own_hint(error: Exception, hint: str) -> None:
    with pytest.raises(StorageUnavailable) as unavailable, engine_faults():
        raise error
    assert hint in unavailable.value.hint
    assert str(unavailable.value)


def test_the_file_is_named() -> None:
    with pytest.raises(StorageUnavailable, match=r"^/srv/x: no$"), engine_faults(Path("/srv/x")):
        raise sqlite3.DatabaseError("no")
    with pytest.raises(StorageUnavailable, match=r"^/srv: Permission denied$"), engine_faults(Path("/srv/x")):
        raise PermissionError(errno.EACCES, "Permission denied", "/srv")


@pytest.mark.parametrize(
    "error", [asyncpg.UndefinedTableError("x"), asyncpg.UniqueViolationError("x"), ZeroDivisionError(), ValueError()]
)
def test_a_defect_of_ours_passes_as_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as passed, engine_faults():
        raise error
    assert passed.value is error
