# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import asyncio
import sqlite3
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from notalone.storage import database as storage_database
from notalone.storage.database import (
    Database,
    NoDatabase,
    StorageUnavailable,
    UnusableDatabaseURL,
    parse_url,
)
from notalone.storage.schema import call
from tests.storage.contents import add_call, voices

# ---- the URL ----


@pytest.mark.parametrize(
    ("url", "driver", "database"),
    [
        ("sqlite:///data/notalone.db", "sqlite+aiosqlite", "data/notalone.db"),
        ("sqlite:////srv/notalone.db", "sqlite+aiosqlite", "/srv/notalone.db"),
        ("postgresql://notalone@db.example.org/voices", "postgresql+asyncpg", "voices"),
        ("postgres://notalone:secret@db.example.org:5433/voices", "postgresql+asyncpg", "voices"),
        ("postgresql://notalone@/voices?host=/run/postgresql", "postgresql+asyncpg", "voices"),
    ],
)
def test_a_url_chooses_the_engine(url: str, driver: str, database: str) -> None:
    parsed = parse_url(url)
    assert (parsed.drivername, parsed.database) == (driver, database)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "notalone.db",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",  # each connection would have a database of its own, gone with it
        "sqlite:///file::memory:?cache=shared&uri=true",
        "sqlite+pysqlite:///notalone.db",
        "mysql://notalone@localhost/voices",
        "postgresql+psycopg://notalone@localhost/voices",
        "postgresql://notalone@localhost:not-a-port/voices",
        "http://example.org",
    ],
)
def test_what_is_no_url_of_ours_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(UnusableDatabaseURL) as refused:
        parse_url(url)
    assert str(refused.value) == UnusableDatabaseURL.__doc__  # it repeats nothing: there may be a password in it


async def test_the_url_for_postgresql_programs_keeps_the_password() -> None:
    database = Database("postgresql://notalone:se%40cret@db.example.org/voices?host=%2Frun%2Fpostgresql")
    assert database.libpq_url == "postgresql://notalone:se%40cret@db.example.org/voices?host=%2Frun%2Fpostgresql"
    await database.close()


# ---- the file ----


async def test_nobody_else_on_the_machine_can_read_the_file(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/data/notalone.db")
    await database.upgrade()
    await add_call(database, "one")
    files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "data").iterdir()}
    assert files == {"notalone.db": 0o600, "notalone.db-wal": 0o600, "notalone.db-shm": 0o600}
    await database.close()


async def test_a_file_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    """The operator may have given it to a group."""
    file = tmp_path / "notalone.db"
    file.touch()
    file.chmod(0o660)
    database = Database(f"sqlite:///{file}")
    await database.upgrade()
    assert stat.S_IMODE(file.stat().st_mode) == 0o660
    await database.close()


@pytest.mark.parametrize("file", ["/proc/nothing/notalone.db", "/dev/null/notalone.db"])
async def test_a_folder_that_cannot_be_made(file: str) -> None:
    async def open_it() -> None:
        await Database(f"sqlite:///{file}").upgrade()

    with pytest.raises(StorageUnavailable):
        await open_it()


async def test_a_file_that_is_no_database_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "notalone.db"
    file.write_bytes(b"dear diary" * 1000)
    with pytest.raises(StorageUnavailable, match="not a database"):
        Database(f"sqlite:///{file}")
    assert file.read_bytes() == b"dear diary" * 1000


@pytest.mark.parametrize("left", ["no folder", "no file", "an empty file"])
def test_a_file_that_is_not_to_be_made_is_not_made(tmp_path: Path, left: str) -> None:
    """A slip in a name would pass for a server without calls, and a backup of that for one of all voices."""
    file = tmp_path / "data" / "notalone.db"
    if left != "no folder":
        file.parent.mkdir()
    if left == "an empty file":
        file.touch()
    there = sorted(tmp_path.rglob("*"))
    with pytest.raises(NoDatabase, match=f"there is no database of Not Alone at {file}") as refused:
        Database(f"sqlite:///{file}", create=False)
    assert "is NOTALONE_DATA right" in refused.value.hint
    assert sorted(tmp_path.rglob("*")) == there
    assert left != "an empty file" or file.stat().st_size == 0


async def test_a_new_file_that_another_process_is_switching_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite itself does not wait there, whatever its timeout."""
    file = tmp_path / "notalone.db"
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("CREATE TABLE theirs (id INTEGER)")
    other.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr(storage_database, "BUSY_SECONDS", 0)
    pauses: list[float] = []

    def wait(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            other.execute("COMMIT")

    monkeypatch.setattr("notalone.storage.database.time.sleep", wait)
    database = Database(f"sqlite:///{file}")
    assert len(pauses) == 3
    await database.upgrade()
    await database.close()
    other.execute("BEGIN EXCLUSIVE")
    other.close()


def test_a_file_that_stays_locked_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "notalone.db"
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("CREATE TABLE theirs (id INTEGER)")
    other.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr(storage_database, "BUSY_SECONDS", 0)
    monkeypatch.setattr("notalone.storage.database.time.sleep", lambda _: None)
    with pytest.raises(StorageUnavailable, match="locked"):
        Database(f"sqlite:///{file}")
    other.close()


async def test_a_connection_that_cannot_be_prepared_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(f"sqlite:///{tmp_path}/notalone.db")
    before = threading.active_count()
    with monkeypatch.context() as patched:
        patched.setattr(storage_database, "SQLITE_PRAGMAS", ("nonsense nonsense",))
        with pytest.raises(DBAPIError, match="syntax error"):
            await add_call(database, "one")
    assert threading.active_count() == before
    await database.upgrade()
    await add_call(database, "one")
    await database.close()


# ---- the schema ----


async def test_many_that_start_at_once_upgrade_once(database_url: str) -> None:
    databases = [Database(database_url) for _ in range(6)]
    await asyncio.gather(*(database.upgrade() for database in databases))
    async with databases[0].read() as connection:
        assert (await connection.execute(text("SELECT id, tick FROM publication"))).all() == [(1, 0)]
        assert await connection.scalar(text("SELECT count(*) FROM alembic_version")) == 1
    for database in databases:
        await database.close()


async def test_a_database_that_is_there_is_opened_without_making_one(database: Database, database_url: str) -> None:
    await add_call(database, "one")
    again = Database(database_url, create=False)
    await again.upgrade()
    async with again.read() as connection:
        assert await connection.scalar(text("SELECT slug FROM call")) == "one"
    await again.close()


async def test_what_holds_nothing_of_ours_is_left_so_where_none_is_to_be_made(database_url: str) -> None:
    database = Database(database_url)
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE theirs (id INTEGER)"))
    careful = Database(database_url, create=False)
    with pytest.raises(NoDatabase, match="there is no database of Not Alone at "):
        await careful.upgrade()
    kind = "sqlite_master" if database.is_sqlite else "information_schema.tables WHERE table_schema = 'public'"
    async with database.read() as connection:
        assert await connection.scalar(text(f"SELECT count(*) FROM {kind}")) == 1  # noqa: S608
    await careful.close()
    await database.close()


async def test_a_database_of_a_newer_version_is_left_alone(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageUnavailable, match="9999") as refused:
        await database.upgrade()
    assert refused.value.hint == "a newer version was at work on it; install that one"
    async with database.read() as connection:
        assert await connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


async def test_an_upgrade_that_fails_leaves_the_schema_as_it_was(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing in between: the next start begins where this one did."""
    from alembic.operations import Operations

    def fail(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    database = Database(database_url)
    with monkeypatch.context() as patched:
        patched.setattr(Operations, "bulk_insert", fail)
        with pytest.raises(StorageUnavailable, match="the disk is full"):
            await database.upgrade()
    kind = "sqlite_master" if database.is_sqlite else "information_schema.tables WHERE table_schema = 'public'"
    async with database.read() as connection:
        assert await connection.scalar(text(f"SELECT count(*) FROM {kind}")) == 0  # noqa: S608
    await database.upgrade()
    await add_call(database, "one")
    await database.close()


async def test_tables_of_another_program_are_left_alone_and_told(database_url: str) -> None:
    database = Database(database_url)
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE call (phone TEXT)"))
    with pytest.raises(StorageUnavailable, match="already exists") as refused:
        await database.upgrade()
    assert refused.value.hint == "another program keeps its tables there; give Not Alone a database of its own"
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT phone FROM call"))).all() == []
    await database.close()


# ---- transactions ----


async def test_reading_sees_one_moment(database: Database) -> None:
    await add_call(database, "one")
    counting = text("SELECT count(*) FROM call")
    async with database.read() as connection:
        assert await connection.scalar(counting) == 1
        await add_call(database, "two")
        assert await connection.scalar(counting) == 1
    async with database.read() as connection:
        assert await connection.scalar(counting) == 2


async def test_writing_is_all_or_nothing(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as connection:
            await connection.execute(
                text(
                    "INSERT INTO voice (call_id, id, kind) VALUES (1, '1', 1)".replace("'1'", VALUE[database.is_sqlite])
                )
            )
            await connection.execute(text("INSERT INTO no_such_table VALUES (1)"))

    with pytest.raises(DBAPIError, match="no_such_table"):
        await fail()
    assert await voices(database) == {}


VALUE = {True: "x'31'", False: r"'\x31'"}


async def test_references_are_checked(database: Database) -> None:
    async def add_release() -> None:
        async with database.write() as connection:
            await connection.execute(text("INSERT INTO release (call_id, kind, tick, number) VALUES (77, 1, 600, 60)"))

    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        await add_release()


async def test_what_was_written_is_synced_whatever_the_server_is_set_to(database: Database) -> None:
    """A withdrawal answered, or a number published, must not be undone by a power failure."""
    if database.is_sqlite:
        async with database.read() as connection:
            assert await connection.scalar(text("PRAGMA synchronous")) == 2
            assert await connection.scalar(text("PRAGMA journal_mode")) == "wal"
            assert await connection.scalar(text("PRAGMA secure_delete")) == 1
        return
    async with database.write() as connection:
        await connection.execute(text(f'ALTER DATABASE "{database.url.database}" SET synchronous_commit = off'))
    await database.engine.dispose()
    async with database.write() as connection:
        assert await connection.scalar(text("SHOW synchronous_commit")) == "on"


async def test_a_pool_that_is_used_up_is_storage_unavailable(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were it another error, it would end the tasks that publish numbers and look for changed calls."""
    pool = database.engine.sync_engine.pool
    monkeypatch.setattr(pool, "_timeout", 0.1)
    monkeypatch.setattr(pool, "_max_overflow", 0)
    size = pool.size()  # type: ignore[attr-defined]
    held = [database.read() for _ in range(size)]
    for each in held:
        await each.__aenter__()
    with pytest.raises(StorageUnavailable):
        await add_call(database, "one")
    for each in held:
        await each.__aexit__(None, None, None)
    await add_call(database, "one")


async def test_writers_of_sqlite_wait_without_a_connection(make_url: Callable[[str], str]) -> None:
    """One that waits inside SQLite can stop the process: see Database._turn."""
    database = Database(make_url("sqlite"))
    await database.upgrade()
    async with database.write():
        others = [asyncio.create_task(add_call(database, f"call-{n}")) for n in range(5)]
        await asyncio.sleep(0.05)
        assert database.engine.pool.checkedout() == 1  # type: ignore[attr-defined]
        assert not any(other.done() for other in others)
    await asyncio.gather(*others)
    await database.close()


async def test_a_writer_who_waits_too_long_for_another_process_gives_up(
    database_url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a large restore goes on, nobody who takes her voice back is kept before an empty page."""
    monkeypatch.setattr(storage_database, "BUSY_SECONDS", 0.2)
    other = Database(database_url)
    await add_call(database, "one")
    async with database.write() as connection:
        await connection.execute(text("UPDATE call SET revision = 7"))
        async with asyncio.timeout(5):
            with pytest.raises(StorageUnavailable, match=r"(?i)lock"):
                await raise_revision(other)
    await raise_revision(other)
    await other.close()


async def raise_revision(database: Database) -> None:
    async with database.write() as connection:
        now: int = (await connection.execute(select(call.c.revision).with_for_update())).scalar_one()
        await asyncio.sleep(0.005)
        await connection.execute(text("UPDATE call SET revision = :next"), {"next": now + 1})


async def test_writers_take_turns(database: Database) -> None:
    """Each reads and writes what it read: none may be lost."""
    await add_call(database, "one")
    await asyncio.gather(*(raise_revision(database) for _ in range(8)))
    async with database.read() as connection:
        assert await connection.scalar(text("SELECT revision FROM call")) == 9
