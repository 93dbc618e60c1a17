# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from notalone.storage import voice as stored
from notalone.storage.database import Database
from notalone.storage.voice import Group, NotNew, PostgresVoiceWriter, SqliteVoiceWriter, VoiceWriter, voice_writer
from tests.storage.contents import add_call, assert_tally_agrees, close_call, tally, voices

ME_TOO, STAND = 1, 2
ids = [bytes([n]) * 16 for n in range(256)]


@pytest.fixture
async def writer(database: Database) -> AsyncIterator[VoiceWriter]:
    async with opened(database) as one:
        yield one


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[VoiceWriter]:
    writer = voice_writer(database)
    await writer.open()
    try:
        yield writer
    finally:
        await writer.close()


async def withdraw(database: Database, call_id: int, id: bytes) -> int | None:
    async with database.write() as connection:
        return await stored.withdraw(connection, call_id, id)


# ---- one group ----


async def test_a_group_of_mixed_kinds_and_calls_is_counted(database: Database, writer: VoiceWriter) -> None:
    one, two = await add_call(database, "one"), await add_call(database, "two")
    group = {(one, ME_TOO): ids[:5], (one, STAND): ids[5:7], (two, STAND): ids[7:8]}
    assert await writer.commit(group) == {}
    assert await tally(database) == {(one, ME_TOO): 5, (one, STAND): 2, (two, STAND): 1}
    there = await assert_tally_agrees(database)
    assert there == {(call, id): kind for (call, kind), some in group.items() for id in some}


@pytest.mark.parametrize("group", [{}, {(1, ME_TOO): []}, {(1, ME_TOO): [], (7, STAND): []}])
async def test_an_empty_group_is_nothing(database: Database, writer: VoiceWriter, group: Group) -> None:
    await add_call(database, "one")
    assert await writer.commit(group) == {}
    assert await voices(database) == {}
    assert await tally(database) == {}


async def test_an_id_twice_in_a_group_is_one_voice(database: Database, writer: VoiceWriter) -> None:
    call = await add_call(database, "one")
    assert await writer.commit({(call, ME_TOO): [ids[1], ids[2], ids[1], ids[1]]}) == {}
    assert await writer.commit({(call, ME_TOO): [ids[1], ids[3], ids[1], ids[3]]}) == {ids[1]: NotNew.KNOWN}
    assert await tally(database) == {(call, ME_TOO): 3}


async def test_an_id_in_two_groups_is_one_voice(database: Database, writer: VoiceWriter) -> None:
    call = await add_call(database, "one")
    assert await writer.commit({(call, ME_TOO): ids[:3]}) == {}
    assert await writer.commit({(call, ME_TOO): ids[1:4]}) == dict.fromkeys(ids[1:3], NotNew.KNOWN)
    assert await writer.commit({(call, ME_TOO): ids[1:4]}) == dict.fromkeys(ids[1:4], NotNew.KNOWN)
    assert await tally(database) == {(call, ME_TOO): 4}
    await assert_tally_agrees(database)


@pytest.mark.parametrize("size", [999, 1000, 5000])
async def test_a_large_group(database: Database, writer: VoiceWriter, size: int) -> None:
    call = await add_call(database, "one")
    many = [secrets.token_bytes(16) for _ in range(size)]
    assert await writer.commit({(call, ME_TOO): many}) == {}
    assert await writer.commit({(call, ME_TOO): [*many[1:], ids[0]]}) == dict.fromkeys(many[1:], NotNew.KNOWN)
    assert await tally(database) == {(call, ME_TOO): size + 1}
    assert set(await assert_tally_agrees(database)) == {(call, id) for id in [*many, ids[0]]}


@pytest.mark.parametrize("id", [bytes(16), b"\xff" * 16, b"\0" * 15 + b"1", b"'; DROP TABLE--", b"1" * 16, b"\n" * 16])
async def test_any_sixteen_bytes_are_an_id(database: Database, writer: VoiceWriter, id: bytes) -> None:
    id = id.ljust(16)
    call = await add_call(database, "one")
    await writer.commit({(call, STAND): [ids[7], id, ids[9]]})
    assert (await assert_tally_agrees(database))[call, id] == STAND


async def test_a_closed_and_an_unknown_call_take_nothing_and_the_others_do(
    database: Database, writer: VoiceWriter
) -> None:
    closed, open_ = await add_call(database, "closed", closed=True), await add_call(database, "open")
    others = await writer.commit({(closed, ME_TOO): ids[:2], (open_, ME_TOO): ids[2:4], (99, ME_TOO): ids[4:5]})
    assert others == dict.fromkeys([ids[0], ids[1], ids[4]], NotNew.CALL_CLOSED)
    assert await tally(database) == {(open_, ME_TOO): 2}
    await assert_tally_agrees(database)


async def test_a_retry_after_the_call_closed_is_answered_as_accepted(database: Database, writer: VoiceWriter) -> None:
    """The first answer was lost on its way; meanwhile the call was closed. The voice is in: she must hear so."""
    call = await add_call(database, "one")
    await writer.commit({(call, ME_TOO): ids[:1]})
    await close_call(database, call)
    assert await writer.commit({(call, ME_TOO): ids[:2]}) == {ids[0]: NotNew.KNOWN, ids[1]: NotNew.CALL_CLOSED}
    assert await tally(database) == {(call, ME_TOO): 1}


async def test_what_was_withdrawn_is_not_counted_again(database: Database, writer: VoiceWriter) -> None:
    call = await add_call(database, "one")
    await writer.commit({(call, ME_TOO): ids[:3]})
    assert await withdraw(database, call, ids[1]) == ME_TOO
    known = dict.fromkeys([ids[0], ids[2]], NotNew.KNOWN)
    assert await writer.commit({(call, ME_TOO): ids[:4]}) == {**known, ids[1]: NotNew.WITHDRAWN}
    assert await tally(database) == {(call, ME_TOO): 3}
    assert (await assert_tally_agrees(database))[call, ids[1]] == stored.WITHDRAWN


@given(
    steps=st.lists(
        st.dictionaries(
            st.tuples(st.integers(0, 3), st.sampled_from([ME_TOO, STAND])),
            st.lists(st.integers(0, 11), max_size=12),
            max_size=4,
        )
        | st.tuples(st.integers(0, 3), st.sampled_from([ME_TOO, STAND]), st.integers(0, 11))
        | st.integers(0, 3),
        max_size=12,
    )
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_sequence_of_groups_withdrawals_and_closings(
    database: Database,
    writer: VoiceWriter,
    steps: Sequence[dict[tuple[int, int], list[int]] | tuple[int, int, int] | int],
) -> None:
    calls = [await add_call(database, secrets.token_hex(8)) for _ in range(3)] + [
        2**31 - 1 if not database.is_sqlite else 99_999_999
    ]
    rows, open_ = dict[tuple[int, bytes], int](), set(calls[:3])
    for step in steps:
        if isinstance(step, dict):
            group = {(calls[c], kind): [id_in(calls[c], kind, n) for n in some] for (c, kind), some in step.items()}
            given_ids = [(call, kind, id) for (call, kind), some in group.items() for id in some]
            expected = {}
            for call, _, id in given_ids:
                if (call, id) in rows:
                    expected[id] = NotNew.KNOWN if rows[call, id] else NotNew.WITHDRAWN
                elif call not in open_:
                    expected[id] = NotNew.CALL_CLOSED
            rows |= {(call, id): kind for call, kind, id in given_ids if id not in expected}
            assert await writer.commit(group) == expected
        elif isinstance(step, tuple):
            call, id = calls[step[0]], id_in(calls[step[0]], step[1], step[2])
            assert await withdraw(database, call, id) == rows.get((call, id))
            if (call, id) in rows:
                rows[call, id] = stored.WITHDRAWN
        elif calls[step] in open_:
            await close_call(database, calls[step])
            open_.remove(calls[step])
    there = await assert_tally_agrees(database)
    assert {key: kind for key, kind in there.items() if key[0] in calls} == rows


def id_in(call: int, kind: int, n: int) -> bytes:
    """As real ones: another call or kind has other ids."""
    return call.to_bytes(8, "big") + kind.to_bytes(4, "big") + n.to_bytes(4, "big")


# ---- withdrawing ----


async def test_a_withdrawal_says_what_there_was(database: Database, writer: VoiceWriter) -> None:
    call, other = await add_call(database, "one"), await add_call(database, "two")
    await writer.commit({(call, STAND): ids[:1]})
    async with database.read() as connection:
        assert await stored.kind_of(connection, call, ids[0]) == STAND
        assert await stored.kind_of(connection, other, ids[0]) is None
    assert await withdraw(database, other, ids[0]) is None
    assert await withdraw(database, call, ids[0]) == STAND
    assert await withdraw(database, call, ids[0]) == stored.WITHDRAWN
    assert await tally(database) == {}


async def test_withdrawn_by_many_at_once_it_is_taken_out_once(database: Database, writer: VoiceWriter) -> None:
    call = await add_call(database, "one")
    await writer.commit({(call, ME_TOO): ids[:4]})
    answers = await asyncio.gather(*(withdraw(database, call, ids[n % 2]) for n in range(8)))
    assert sorted(answer or 0 for answer in answers) == [0] * 6 + [ME_TOO] * 2
    assert await tally(database) == {(call, ME_TOO): 2}
    await assert_tally_agrees(database)


async def test_a_withdrawal_that_fails_half_way_never_was(database: Database, writer: VoiceWriter) -> None:
    call = await add_call(database, "one")
    await writer.commit({(call, ME_TOO): ids[:2]})

    async def fail_half_way() -> None:
        async with database.write() as connection:
            await stored.withdraw(connection, call, ids[0])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_half_way()
    assert await tally(database) == {(call, ME_TOO): 2}
    await assert_tally_agrees(database)


# ---- many at once ----


@asynccontextmanager
async def several(database: Database, number: int) -> AsyncIterator[list[VoiceWriter]]:
    async with AsyncExitStack() as stack:
        writers = [await stack.enter_async_context(opened(database)) for _ in range(number)]
        for writer in writers:
            if isinstance(writer, PostgresVoiceWriter):
                writer._shard = 0  # the case that must be right: all of them add to the same rows
        yield writers


async def test_writers_with_the_same_voices_count_each_once(database: Database) -> None:
    """A visitor's retry may reach another worker. Whatever the order of the groups, none waits for ever."""
    calls = [await add_call(database, f"call-{n}") for n in range(4)]
    pool = [(call, kind, id_in(call, kind, n)) for call in calls for kind in (ME_TOO, STAND) for n in range(60)]
    new: list[bytes] = []

    async def work(writer: VoiceWriter) -> None:
        for _ in range(25):
            group: dict[tuple[int, int], list[bytes]] = {}
            for call, kind, id in secrets.SystemRandom().sample(pool, 40):
                group.setdefault((call, kind), []).append(id)
            new.extend(set().union(*group.values()).difference(await writer.commit(group)))

    async def take_back() -> None:
        for call, _, id in pool[::10]:
            await withdraw(database, call, id)

    async with several(database, 4) as writers, asyncio.timeout(20):
        await asyncio.gather(*map(work, writers[:3]))
        assert sorted(new) == sorted(id for _, id in await voices(database))  # told of each once
        # What is withdrawn meanwhile is refused or was counted and taken out: never both.
        await asyncio.gather(work_until_refused(writers[3], pool), take_back())
    await assert_tally_agrees(database)


async def work_until_refused(writer: VoiceWriter, pool: Sequence[tuple[int, int, bytes]]) -> None:
    for at in range(0, len(pool), 20):
        group: dict[tuple[int, int], list[bytes]] = {}
        for call, kind, id in pool[at : at + 20]:
            group.setdefault((call, kind), []).append(id)
        others = await writer.commit(group)
        assert set(others.values()) <= {NotNew.KNOWN, NotNew.WITHDRAWN}


async def test_writers_of_mixed_groups_never_wait_in_a_circle(make_url: Callable[[str], str]) -> None:
    """PostgreSQL would break the circle after a second by failing one of them."""
    database = Database(make_url("postgresql"))
    await database.upgrade()
    calls = [await add_call(database, f"call-{n}") for n in range(12)]
    keys = [(call, kind) for call in calls for kind in (ME_TOO, STAND)]
    chance = random.Random(5)  # noqa: S311

    async def work(writer: VoiceWriter) -> None:
        for _ in range(60):
            some = chance.sample(keys, chance.randint(1, len(keys)))
            group = {key: [secrets.token_bytes(16) for _ in range(chance.choice([1, 1, 3, 40]))] for key in some}
            assert await writer.commit(group) == {}

    before = await circles(database)
    async with several(database, 5) as writers:
        await asyncio.gather(*map(work, writers))
    await assert_tally_agrees(database)
    assert await circles(database) == before
    await database.close()


async def circles(database: Database) -> int:
    async with database.read() as connection:
        counted = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int((await connection.execute(counted)).scalar_one())


# ---- what durable means ----


async def test_the_sqlite_writer_syncs_every_commit(tmp_path: object, make_url: Callable[[str], str]) -> None:
    database = Database(make_url("sqlite"))
    await database.upgrade()
    async with opened(database) as writer:
        assert isinstance(writer, SqliteVoiceWriter)
        connection = writer._connection
        assert connection is not None
        values = {
            name: await writer._run(lambda name=name: connection.execute(f"PRAGMA {name}").fetchone()[0])  # type: ignore[misc]
            for name in ("synchronous", "journal_mode", "foreign_keys", "secure_delete")
        }
    assert values == {"synchronous": 2, "journal_mode": "wal", "foreign_keys": 1, "secure_delete": 1}
    await database.close()


async def test_the_postgresql_writer_syncs_every_commit_whatever_the_server_is_set_to(
    make_url: Callable[[str], str],
) -> None:
    database = Database(make_url("postgresql"))
    await database.upgrade()
    async with opened(database) as writer:
        assert isinstance(writer, PostgresVoiceWriter)
        assert writer._connection is not None
        name = await writer._connection.fetchval("SELECT current_database()")
        await writer._connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    async with opened(database) as writer:
        assert isinstance(writer, PostgresVoiceWriter)
        assert writer._connection is not None
        assert await writer._connection.fetchval("SHOW synchronous_commit") == "on"
    await database.close()
