# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from notalone.storage import magnitude as stored
from notalone.storage.database import Database
from tests.storage.contents import add_call

ME_TOO, STAND = 1, 2


async def test_before_the_first_tick(database: Database) -> None:
    async with database.read() as connection:
        assert await stored.last_tick(connection) == 0
        assert await stored.totals(connection) == {}
        assert await stored.counts(connection) == {}
        assert await stored.releases(connection) == []


async def test_a_tick_is_taken_once_and_never_an_older_one(database: Database) -> None:
    async with database.write() as connection:
        assert [await stored.take_tick(connection, tick) for tick in (600, 600, 0, 599, 1200, 600)] == [
            True, False, False, False, True, False,
        ]  # fmt: skip
        assert await stored.last_tick(connection) == 1200


async def test_of_many_workers_one_takes_the_tick(database_url: str, database: Database) -> None:
    workers = [Database(database_url) for _ in range(5)]

    async def take(worker: Database) -> bool:
        async with worker.write() as connection:
            taken = await stored.take_tick(connection, 600)
            await asyncio.sleep(0.02)  # the others come while this one is at it
            return taken

    assert sorted(await asyncio.gather(*map(take, workers))) == [False] * 4 + [True]
    for worker in workers:
        await worker.close()


async def test_a_worker_that_fails_after_taking_the_tick_leaves_it_to_another(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as connection:
            assert await stored.take_tick(connection, 600)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.write() as connection:
        assert await stored.take_tick(connection, 600)


async def test_totals_are_the_sum_of_the_shards(database: Database) -> None:
    one, two = await add_call(database, "one"), await add_call(database, "two")
    rows = [
        (one, ME_TOO, 0, -3),
        (one, ME_TOO, 7, 50),
        (one, ME_TOO, 15, 5),
        (one, STAND, 3, 1),
        (two, ME_TOO, 0, 2**40),
    ]
    async with database.write() as connection:
        for call, kind, shard, number in rows:
            await connection.execute(
                text("INSERT INTO tally (call_id, kind, shard, number) VALUES (:call, :kind, :shard, :number)"),
                {"call": call, "kind": kind, "shard": shard, "number": number},
            )
        assert await stored.totals(connection) == {(one, ME_TOO): 52, (one, STAND): 1, (two, ME_TOO): 2**40}


async def test_all_in_order_or_the_later_ones(database: Database) -> None:
    one, two = await add_call(database, "one"), await add_call(database, "two")
    async with database.write() as connection:
        await stored.add_releases(connection, 1200, {(one, STAND): 60})
        await stored.add_releases(connection, 600, {(one, ME_TOO): 50, (one, STAND): None, (two, ME_TOO): 2**33})
        await stored.add_releases(connection, 1800, {})
        await stored.add_releases(connection, 2400, {(one, ME_TOO): None})
        assert [each.tick for each in await stored.releases(connection)] == [600, 600, 600, 1200, 2400]
        assert (await stored.releases(connection))[3] == stored.StoredRelease(one, STAND, 1200, 60)
        for after, ticks in [(0, [600, 600, 600, 1200, 2400]), (600, [1200, 2400]), (1199, [1200, 2400]), (2400, [])]:
            assert [each.tick for each in await stored.releases(connection, after)] == ticks
        assert await stored.counts(connection) == {one: 4, two: 1}


async def test_what_was_published_cannot_be_published_otherwise(database: Database) -> None:
    one = await add_call(database, "one")

    async def publish(number: int) -> None:
        async with database.write() as connection:
            await stored.add_releases(connection, 600, {(one, ME_TOO): number})

    await publish(50)
    with pytest.raises(IntegrityError):
        await publish(51)
    async with database.read() as connection:
        assert await stored.releases(connection) == [stored.StoredRelease(one, ME_TOO, 600, 50)]
