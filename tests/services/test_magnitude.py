# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import text

from notalone.services.magnitude import SHOWN_FROM, Magnitude, Point, Shown
from notalone.storage import magnitude as stored
from notalone.storage.backup import add_rows, raise_tick
from notalone.storage.call import remove
from notalone.storage.database import Connection, Database
from tests.conftest import Clock
from tests.services.releases import ME_TOO, STAND, TICK, count, numbers, shown, stored_releases
from tests.storage.contents import add_call


@pytest.fixture
async def magnitude(database: Database, clock: Clock) -> Magnitude:
    return Magnitude(database, TICK, clock)


# ---- what is shown ----


async def test_before_anything_was_published(magnitude: Magnitude, database: Database) -> None:
    published = shown(magnitude, await add_call(database, "one"))
    assert published.kinds == {"metoo": Shown(None), "stand": Shown(None)}
    assert published.series == ()


async def test_numbers_are_shown_from_fifty_on(magnitude: Magnitude, database: Database, clock: Clock) -> None:
    call = await add_call(database, "one")
    for total, expected in [(0, None), (1, None), (49, None), (50, 50), (51, 51), (2**40, 2**40)]:
        await count(database, {(call, ME_TOO): total})
        clock.now += TICK
        await magnitude.release()
        assert numbers(shown(magnitude, call)) == (expected, None)


async def test_each_kind_has_its_own_number_and_no_sum_is_told(
    magnitude: Magnitude, database: Database, clock: Clock
) -> None:
    """From a sum and one part, the hidden part could be told."""
    call = await add_call(database, "one")
    await count(database, {(call, ME_TOO): 120, (call, STAND): 7})
    await magnitude.release()
    published = shown(magnitude, call)
    assert numbers(published) == (120, None)
    assert published.series == (Point(int(clock.now), 120, None),)
    assert "127" not in repr(published)
    assert await stored_releases(database) == [(call, ME_TOO, int(clock.now), 120)]


async def test_calls_do_not_mix(magnitude: Magnitude, database: Database) -> None:
    one, two, three = [await add_call(database, slug) for slug in ("one", "two", "three")]
    await count(database, {(one, ME_TOO): 60, (two, STAND): 70})
    await magnitude.release()
    assert [numbers(shown(magnitude, call)) for call in (one, two, three)] == [(60, None), (None, 70), (None, None)]


async def test_the_moment_is_told_by_the_tick(magnitude: Magnitude, database: Database, clock: Clock) -> None:
    clock.now += 599.9
    await magnitude.release()
    published = shown(magnitude, await add_call(database, "one"))
    assert published.released_at == magnitude.released_at == int(Clock().now)
    assert published.next_release_at == published.released_at + TICK
    assert published.tick_seconds == TICK


@pytest.mark.parametrize(("before", "after"), [(600, 86400), (86400, 600), (600, 900), (900, 600)])
async def test_the_next_moment_is_a_tick_also_when_their_length_was_changed(
    database: Database, clock: Clock, before: int, after: int
) -> None:
    call = await add_call(database, "one")
    clock.now = Clock().now + 600  # 12:10
    await Magnitude(database, before, clock).release()
    changed = Magnitude(database, after, clock)
    await changed.release()
    told = shown(changed, call).next_release_at
    await count(database, {(call, ME_TOO): 60})
    for moment, number in ((told - 1, None), (told, 60)):
        clock.now = moment
        await changed.release()
        assert numbers(shown(changed, call)) == (number, None)


# ---- when it changes ----


async def test_nothing_changes_between_two_ticks(magnitude: Magnitude, database: Database, clock: Clock) -> None:
    call = await add_call(database, "one")
    await count(database, {(call, ME_TOO): 60})
    await magnitude.release()
    for total, later in [(61, 1), (70, 300), (10, 599.9)]:
        await count(database, {(call, ME_TOO): total})
        clock.now = Clock().now + later
        await magnitude.release()
        assert numbers(shown(magnitude, call)) == (60, None)
    assert len(await stored_releases(database)) == 1


async def test_a_clock_that_was_set_back_redraws_nothing(
    magnitude: Magnitude, database: Database, clock: Clock
) -> None:
    call = await add_call(database, "one")
    await count(database, {(call, ME_TOO): 60})
    await magnitude.release()
    before = await stored_releases(database)
    await count(database, {(call, ME_TOO): 90})
    clock.now -= 10 * TICK
    await magnitude.release()
    assert await stored_releases(database) == before
    assert numbers(shown(magnitude, call)) == (60, None)


async def test_numbers_of_a_clock_that_was_ahead_stand_still_until_they_are_dated_back(
    magnitude: Magnitude, database: Database, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    call, other = await add_call(database, "one"), await add_call(database, "two")
    await count(database, {(call, ME_TOO): 60, (other, ME_TOO): 70})
    await magnitude.release()
    now = clock.now
    for ahead, number in ((10, 80), (20, 90)):
        clock.now = now + ahead * 365 * 86_400
        await count(database, {(call, ME_TOO): number})
        await magnitude.release()
        assert not magnitude.ahead
    assert caplog.text == ""
    worker = Magnitude(database, TICK, clock)
    await worker.release()
    clock.now = now + TICK
    await count(database, {(call, ME_TOO): 100})
    await magnitude.release()
    assert magnitude.ahead
    assert numbers(shown(magnitude, call)) == (90, None)
    assert "later than now" in caplog.text
    await magnitude.date_back()
    assert not magnitude.ahead
    assert numbers(shown(magnitude, call)) == (90, None)
    assert [each.at for each in shown(magnitude, call).series] == [now, now + TICK]
    clock.now += TICK
    for each in (worker, magnitude):
        await each.release()
        assert numbers(shown(each, call)) == (100, None)
        assert [(p.at, p.metoo) for p in shown(each, call).series] == [
            (now, 60),
            (now + TICK, 90),
            (now + 2 * TICK, 100),
        ]
        assert [(p.at, p.metoo) for p in shown(each, other).series] == [(now, 70)]


async def test_dating_back_changes_nothing_that_is_not_ahead(
    magnitude: Magnitude, database: Database, clock: Clock
) -> None:
    call = await add_call(database, "one")
    await count(database, {(call, ME_TOO): 60})
    await magnitude.release()
    before = await stored_releases(database)
    await magnitude.date_back()
    assert await stored_releases(database) == before
    assert numbers(shown(magnitude, call)) == (60, None)


async def test_a_restart_in_mid_tick_shows_what_was_published(
    magnitude: Magnitude, database: Database, clock: Clock
) -> None:
    call = await add_call(database, "one")
    await count(database, {(call, ME_TOO): 60})
    await magnitude.release()
    await count(database, {(call, ME_TOO): 61})
    clock.now += 5
    restarted = Magnitude(database, TICK, clock)
    await restarted.release()
    assert shown(restarted, call) == shown(magnitude, call)


async def test_a_quiet_tick_leaves_no_row(magnitude: Magnitude, database: Database, clock: Clock) -> None:
    """Else the rows would tell when the first few came, and when nobody did."""
    call = await add_call(database, "one")
    for total in (0, 1, 20, 49, 3, 60, 60, 60, 60):
        await count(database, {(call, ME_TOO): total, (call, STAND): 0})
        clock.now += TICK
        await magnitude.release()
    assert [row[3] for row in await stored_releases(database)] == [60]


async def test_below_fifty_again_nothing_is_shown_nor_can_be_told(
    magnitude: Magnitude, database: Database, clock: Clock
) -> None:
    call = await add_call(database, "one")
    for total in (50, 49, 1, 30, 49, 0, 20):
        await count(database, {(call, ME_TOO): total})
        clock.now += TICK
        await magnitude.release()
    assert [row[3] for row in await stored_releases(database)] == [50, None]
    published = shown(magnitude, call)
    assert numbers(published) == (None, None)
    assert [(point.metoo, point.stand) for point in published.series] == [(50, None), (None, None)]


totals = st.lists(st.tuples(st.integers(0, 60) | st.integers(45, 53), st.integers(40, 60)), min_size=2, max_size=8)


@given(history=totals)
@hypothesis_settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_public_learns_the_same_from_histories_that_differ_below_fifty(
    database: Database, history: list[tuple[int, int]]
) -> None:
    """Whatever is below the limit, everything that is stored and shown is what it would be with nobody there."""
    clock = Clock()
    magnitude = Magnitude(database, TICK, clock)
    true, hidden = [await add_call(database, secrets.token_hex(8)) for _ in range(2)]
    async with database.read() as connection:
        clock.now = max(clock.now, await connection.scalar(text("SELECT tick FROM publication")) or 0)
    for me_too, stand in history:
        clock.now += TICK
        await count(database, {(true, ME_TOO): me_too, (true, STAND): stand})
        await count(
            database,
            {
                (hidden, kind): number if number >= SHOWN_FROM else 0
                for kind, number in ((ME_TOO, me_too), (STAND, stand))
            },
        )
        await magnitude.release()
        assert shown(magnitude, true) == shown(magnitude, hidden)
        assert numbers(shown(magnitude, true)) == tuple(n if n >= SHOWN_FROM else None for n in (me_too, stand))
    rows = await stored_releases(database)
    assert [row[1:] for row in rows if row[0] == true] == [row[1:] for row in rows if row[0] == hidden]


@given(history=totals)
@hypothesis_settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_series_has_a_point_for_every_change_with_both_kinds(
    database: Database, history: list[tuple[int, int]]
) -> None:
    clock = Clock()
    magnitude = Magnitude(database, TICK, clock)
    call = await add_call(database, secrets.token_hex(8))
    async with database.read() as connection:
        clock.now = max(clock.now, await connection.scalar(text("SELECT tick FROM publication")) or 0)
    expected: list[Point] = []
    for me_too, stand in history:
        clock.now += TICK
        await count(database, {(call, ME_TOO): me_too, (call, STAND): stand})
        await magnitude.release()
        point = Point(int(clock.now), *(n if n >= SHOWN_FROM else None for n in (me_too, stand)))
        before = expected[-1] if expected else Point(0, None, None)
        if (point.metoo, point.stand) != (before.metoo, before.stand):
            expected.append(point)
        assert shown(magnitude, call).series == tuple(expected)


# ---- several workers ----


@asynccontextmanager
async def workers(url: str, clock: Clock, number: int) -> AsyncIterator[list[Magnitude]]:
    databases = [Database(url) for _ in range(number)]
    try:
        yield [Magnitude(each, TICK, clock) for each in databases]
    finally:
        for each in databases:
            await each.close()


async def test_workers_that_race_for_ticks_publish_each_once_and_show_the_same(
    database_url: str, database: Database, clock: Clock
) -> None:
    call = await add_call(database, "one")
    async with workers(database_url, clock, 4) as several:
        for n in range(6):
            clock.now += TICK
            # The number goes on while they race: who reads later must not write another one for the same tick.
            await count(database, {(call, ME_TOO): 60 + 10 * n})
            await asyncio.gather(*(each.release() for each in several), count(database, {(call, ME_TOO): 65 + 10 * n}))
            assert len(await stored_releases(database)) == n + 1
            await asyncio.gather(*(each.release() for each in several))
            assert all(shown(each, call) == shown(several[0], call) for each in several)


async def test_a_worker_that_published_last_long_ago_repeats_no_number(
    database_url: str, database: Database, clock: Clock
) -> None:
    """What it knows is older than what the other published since."""
    call = await add_call(database, "one")
    async with workers(database_url, clock, 2) as (one, two):
        for worker, total in [(two, 60), (one, 70), (one, 80), (two, 80), (two, 60), (one, 60)]:
            clock.now += TICK
            await count(database, {(call, ME_TOO): total})
            await worker.release()
    assert [row[3] for row in await stored_releases(database)] == [60, 70, 80, 60]


# ---- what is read again ----


async def test_a_long_series_is_read_once(
    magnitude: Magnitude, database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    async def watched(connection: Connection, after: int = -1) -> list[stored.StoredRelease]:
        found = await releases(connection, after)
        read.append(len(found))
        return found

    releases = stored.releases
    monkeypatch.setattr(stored, "releases", watched)
    call = await add_call(database, "one")
    for n in range(20):
        clock.now += TICK
        await count(database, {(call, ME_TOO): 60 + n, (call, STAND): 90 + n})
        await magnitude.release()
    assert len(shown(magnitude, call).series) == 20
    assert max(read) == 2


@dataclass(frozen=True)
class Step:
    """A tick, and what happens to the releases until the next."""

    first: int = 0  # which worker publishes
    numbers: tuple[int, int] = (50, 50)
    deletes: bool = False
    restores: tuple[tuple[int, int, int], ...] = ()  # which call, kind, how many ticks ago


ago = st.tuples(st.integers(0, 1), st.sampled_from([ME_TOO, STAND]), st.integers(-1, 6))
steps = st.builds(
    Step,
    st.integers(0, 1),
    st.tuples(st.integers(48, 52), st.integers(48, 52)),
    st.booleans(),
    st.lists(ago, max_size=4).map(tuple),
)


@given(history=st.lists(steps, max_size=8))
@hypothesis_settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whoever_reads_what_is_new_knows_what_one_who_reads_it_all_knows(
    database_url: str, database: Database, history: list[Step]
) -> None:
    """Whichever worker publishes, and whatever restores and deleted calls change between, before or after."""
    clock = Clock()
    async with database.read() as connection:
        clock.now = max(clock.now, await stored.last_tick(connection)) + 10 * TICK
    calls = [await add_call(database, secrets.token_hex(8)) for _ in range(2)]
    async with workers(database_url, clock, 2) as several:
        for step in history:
            clock.now += TICK
            me_too, stand = step.numbers
            await count(database, {(calls[0], ME_TOO): me_too, (calls[0], STAND): stand, (calls[1], ME_TOO): stand})
            await several[step.first].release()
            if step.deletes:
                async with database.write() as connection:
                    await remove(connection, calls[1])
                calls[1] = await add_call(database, secrets.token_hex(8))
            await restore(database, calls, int(clock.now), step)
            for worker in several:
                await worker.release()
            fresh = Magnitude(database, TICK, clock)
            await fresh.release()
            for call in calls:
                assert shown(several[0], call) == shown(several[1], call) == shown(fresh, call)


async def restore(database: Database, calls: list[int], now: int, step: Step) -> None:
    """Releases of a backup: those that are not here."""
    rows = [
        {"call_id": calls[at], "kind": kind, "tick": now - ticks * TICK, "number": 1000 + ticks}
        for at, kind, ticks in step.restores
    ]
    if rows:
        async with database.write() as connection:
            await add_rows(connection, "release", rows)
            await raise_tick(connection, max(row["tick"] for row in rows))


# ---- at work ----
