# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import asyncio
import secrets
import threading
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from notalone.protocol.voice import Kind, nonce_from
from notalone.services import platform as services_platform
from notalone.services.call import Calls
from notalone.services.magnitude import Magnitude
from notalone.services.platform import (
    NoDatabase,
    StorageUnavailable,
    UnusableDatabaseURL,
    open_platform,
    run_platform,
)
from notalone.services.settings import Settings
from tests.conftest import TEXT, Clock
from tests.storage.contents import tally


def fresh_nonce() -> str:
    return nonce_from(secrets.token_bytes(16))


async def test_a_new_deployment_starts_empty_and_a_second_start_finds_what_was(
    settings: Settings, clock: Clock
) -> None:
    async with run_platform(settings, clock) as platform:
        assert platform.calls.all() == []
        assert platform.today() == date(2031, 5, 4)
        await platform.calls.load("metoo", {"en": TEXT})
        call, nonce = platform.calls.get("metoo"), fresh_nonce()
        code = await platform.voices.give(call, nonce, Kind.ME_TOO)
        ticket = platform.line.ask("metoo x").ticket
    async with run_platform(settings, clock) as platform:
        assert platform.calls.get("metoo") == call
        assert await platform.voices.give(call, nonce, Kind.ME_TOO) == code
        clock.now += 9
        assert platform.line.ask("metoo x", ticket).ticket == ticket
        assert await tally(platform.database) == {(call.id, 1): 1}


async def test_a_command_that_only_looks_makes_no_database(settings: Settings, clock: Clock) -> None:
    with pytest.raises(NoDatabase):
        async with open_platform(settings, clock, create=False):
            pytest.fail("it opened")
    async with open_platform(settings, clock) as platform:
        await platform.calls.load("metoo", {"en": TEXT})
    async with open_platform(settings, clock, create=False) as platform:
        assert [call.slug for call in platform.calls.all()] == ["metoo"]


async def test_two_workers_are_one_deployment(settings: Settings, clock: Clock) -> None:
    async with run_platform(settings, clock) as one, run_platform(settings, clock) as two:
        await one.calls.load("metoo", {"en": TEXT})
        await two.calls.refresh()
        nonces = [fresh_nonce() for _ in range(60)]
        codes = await asyncio.gather(
            *(each.voices.give(each.calls.get("metoo"), nonce, Kind.ME_TOO) for nonce in nonces for each in (one, two))
        )
        assert codes[::2] == codes[1::2]
        call = one.calls.get("metoo")
        assert await tally(one.database) == {(call.id, 1): 60}
        clock.now += settings.tick
        await asyncio.gather(one.magnitude.release(), two.magnitude.release())
        assert one.magnitude.published(call) == two.magnitude.published(call)
        assert one.magnitude.published(call).kinds["metoo"].number == 60
        ticket = one.line.ask("metoo x").ticket
        clock.now += 9
        assert two.line.ask("metoo x", ticket).ticket == ticket


async def test_a_call_closed_in_one_worker_is_closed_in_the_other(
    settings: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services_platform, "REFRESH_SECONDS", 0.05)
    async with run_platform(settings, clock) as one, run_platform(settings, clock) as two:
        await one.calls.load("metoo", {"en": TEXT})
        await until_all_open(two.calls, expected=[True])
        await one.calls.close("metoo")
        await until_all_open(two.calls, expected=[False])


async def until_all_open(calls: Calls, expected: list[bool]) -> None:
    async with asyncio.timeout(5):
        while [call.open for call in calls.all()] != expected:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("error", [StorageUnavailable("away"), ZeroDivisionError("a defect")])
async def test_calls_are_looked_at_again_after_a_failure(
    settings: Settings,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    async def fail(_: Calls) -> bool:
        raise error

    monkeypatch.setattr(services_platform, "REFRESH_SECONDS", 0.05)
    async with run_platform(settings, clock) as platform, open_platform(settings, clock) as other:
        with monkeypatch.context() as patched:
            patched.setattr(Calls, "refresh", fail)
            async with asyncio.timeout(5):
                while "those known stay" not in caplog.text:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        await other.calls.load("metoo", {"en": TEXT})
        await until_all_open(platform.calls, expected=[True])


async def test_the_rate_of_the_waiting_line_is_shared_by_the_workers(settings: Settings, clock: Clock) -> None:
    async with open_platform(replace(settings, workers=4, slow_rate=8), clock) as platform:
        waits = set[int]()
        while len(waits) < 3:
            platform.line.enter()
            waits.add(round(platform.line.ask("metoo x").seconds))
        # A step of a hundred at two a second, of which she waits half and the line goes down by the other half.
        assert waits == {0, 25, 50}


async def test_a_start_that_fails_leaves_nothing_running(
    settings: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: Magnitude) -> None:
        raise StorageUnavailable("away")

    async def start() -> None:
        async with run_platform(settings, clock):
            pytest.fail("it started")

    monkeypatch.setattr(Magnitude, "release", fail)
    before = threading.active_count()
    with pytest.raises(StorageUnavailable, match="away"):
        await start()
    assert len(asyncio.all_tasks()) == 1
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:  # noqa: ASYNC110 - threads have no event
        await asyncio.sleep(0.01)  # a thread that was told to end takes a moment on a busy machine
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("mysql://h/n", UnusableDatabaseURL),
        ("sqlite:////proc/nothing/notalone.db", StorageUnavailable),
        ("postgresql://notalone@/n?host=/nowhere", StorageUnavailable),
    ],
)
async def test_a_database_that_cannot_be_used_is_said(tmp_path: Path, url: str, error: type[Exception]) -> None:
    async def start() -> None:
        async with run_platform(Settings(data=tmp_path, database_url=url)):
            pytest.fail("it started")

    with pytest.raises(error):
        await start()
