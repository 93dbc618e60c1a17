# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy.exc import DBAPIError

from notalone.storage import key
from notalone.storage.database import Connection, Database, StorageUnavailable


async def test_the_first_key_stays(database: Database) -> None:
    assert await key.read_or_make(database, "line", b"first") == b"first"
    assert await key.read_or_make(database, "line", b"second") == b"first"
    assert await key.read_or_make(database, "other", b"second") == b"second"


async def test_workers_that_start_together_share_one_key(database_url: str, database: Database) -> None:
    workers = [Database(database_url) for _ in range(4)]
    keys = await asyncio.gather(*(key.read_or_make(each, "line", secrets.token_bytes(32)) for each in workers))
    assert len(set(keys)) == 1
    assert keys[0] == await key.read_or_make(database, "line", b"late")
    for each in workers:
        await each.close()


async def test_without_a_schema_there_is_no_key(database_url: str) -> None:
    database = Database(database_url)
    with pytest.raises(DBAPIError, match="server_key"):
        await key.read_or_make(database, "line", b"first")
    await database.close()


async def test_a_database_that_takes_no_key_is_said(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def read_only(_: Database) -> AsyncIterator[Connection]:
        raise StorageUnavailable("read only")
        yield

    with monkeypatch.context() as patched:
        patched.setattr(Database, "write", read_only)
        with pytest.raises(StorageUnavailable, match="read only"):
            await key.read_or_make(database, "line", b"first")
    assert await key.read_or_make(database, "line", b"second") == b"second"
