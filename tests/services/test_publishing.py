# SPDX-License-Identifier: AGPL-3.0-or-later
"""When numbers are published: at ticks, and soon after one that failed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from notalone.protocol.voice import Kind
from notalone.services import magnitude as services_magnitude
from notalone.services.magnitude import Magnitude, Point
from notalone.services.platform import Platform
from notalone.storage import magnitude as stored
from notalone.storage.database import Database, StorageUnavailable
from tests.conftest import Clock, fresh_nonce
from tests.services.releases import ME_TOO, TICK, count, numbers, shown
from tests.storage.contents import add_call


@pytest.fixture
async def magnitude(database: Database, clock: Clock) -> Magnitude:
    return Magnitude(database, TICK, clock)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_the_platform_publishes_at_the_next_tick(platform: Platform, clock: Clock) -> None:
    call = platform.calls.get("metoo")
    nonces = [fresh_nonce() for _ in range(50)]
    await asyncio.gather(*(platform.voices.give(call, nonce, Kind.ME_TOO) for nonce in nonces))
    magnitude = Magnitude(platform.database, 1, clock)
    clock.now += 1.97  # at 0.97 of a tick of one second, its task looks 33 times a second
    await magnitude.start()
    assert numbers(magnitude.published(call)) == (50, None)
    codes = await asyncio.gather(*(platform.voices.give(call, nonce, Kind.STAND_WITH_YOU) for nonce in nonces))
    await asyncio.sleep(0.1)
    assert numbers(magnitude.published(call)) == (50, None)
    clock.now += 1
    await until(lambda: numbers(magnitude.published(call)) == (50, 50))
    await platform.voices.withdraw(call, codes[0])
    clock.now += 1
    await until(lambda: numbers(magnitude.published(call)) == (50, None))
    await magnitude.stop()
    assert [point.at for point in magnitude.published(call).series] == [int(Clock().now) + n for n in (1, 2, 3)]


@pytest.mark.parametrize("error", [StorageUnavailable("away"), ZeroDivisionError("a defect")])
async def test_a_tick_that_failed_is_taken_up_by_the_next(
    database: Database,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    async def fail() -> None:
        raise error

    call = await add_call(database, "one")
    magnitude = Magnitude(database, 1, clock)
    clock.now += 0.97
    await magnitude.start()
    await count(database, {(call, ME_TOO): 60})
    with monkeypatch.context() as patched:
        patched.setattr(magnitude, "release", fail)
        await until(lambda: "could not be published" in caplog.text)
    clock.now += 1
    await until(lambda: numbers(shown(magnitude, call)) == (60, None))
    await magnitude.stop()


async def test_a_missed_tick_is_tried_again_soon(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_: Database, __: int) -> bool:
        raise StorageUnavailable("away")

    monkeypatch.setattr(services_magnitude, "RETRY_SECONDS", 0.01)
    call = await add_call(database, "one")
    magnitude = Magnitude(database, TICK, clock)
    clock.now += TICK - 0.03
    await magnitude.start()
    await count(database, {(call, ME_TOO): 60})
    clock.now += 0.03
    with monkeypatch.context() as patched:
        patched.setattr(stored, "take_tick", fail)
        await until(lambda: caplog.text.count("trying again") > 2)
        assert numbers(shown(magnitude, call)) == (None, None)
    await until(lambda: numbers(shown(magnitude, call)) == (60, None))
    await magnitude.stop()
    assert shown(magnitude, call).series == (Point(int(clock.now), 60, None),)


async def test_how_soon_a_missed_tick_is_tried_again(
    magnitude: Magnitude, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Less and less often, but never later than the next tick; and at ticks once all is well."""
    fails = [StorageUnavailable("away")] * 14 + [ZeroDivisionError("a defect")] + [None] * 2
    pauses: list[float] = []

    async def release() -> None:
        if error := fails.pop(0):
            raise error

    async def sleep(seconds: float) -> None:
        if not fails:
            raise asyncio.CancelledError
        pauses.append(seconds)
        clock.now += seconds

    monkeypatch.setattr(magnitude, "release", release)
    monkeypatch.setattr("notalone.services.magnitude.asyncio.sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await magnitude._release_at_ticks()
    assert pauses == [600, 5, 10, 20, 40, 60, 60, 60, 60, 60, 60, 60, 60, 45, 60, 540, 600]


async def test_one_that_never_started_stops(magnitude: Magnitude) -> None:
    await magnitude.stop()
