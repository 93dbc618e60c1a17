# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import asyncio
import secrets

import pytest

from notalone.storage import key
from notalone.storage.database import Database, StorageUnavailable


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
    with pytest.raises(StorageUnavailable):
        await key.read_or_make(database, "line", b"first")
    await database.close()
