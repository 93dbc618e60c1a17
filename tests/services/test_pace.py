# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import asyncio

import pytest

from notalone.services.pace import CROWD, WINDOW_SECONDS, Pace
from tests.conftest import Clock


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> list[float]:
    """For how long somebody slept. The clock goes on by as much."""
    seconds: list[float] = []

    async def sleep(some: float) -> None:
        seconds.append(some)
        clock.now += some

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return seconds


@pytest.fixture
def pace(clock: Clock) -> Pace:
    """A crowd of exactly CROWD."""
    clock.now = 1000 * WINDOW_SECONDS + 0.001
    return Pace(clock, lambda: 0)


async def test_in_quiet_times_a_group_waits_for_the_edge(pace: Pace, clock: Clock, slept: list[float]) -> None:
    await pace.turn()
    assert slept == [pytest.approx(0.024)]
    clock.now += 0.005
    await pace.turn()
    assert slept[1:] == [pytest.approx(0.020)]


async def test_after_a_window_with_a_crowd_nobody_waits(pace: Pace, clock: Clock, slept: list[float]) -> None:
    pace.count(CROWD)
    assert not pace.crowded
    clock.now += WINDOW_SECONDS
    await pace.turn()
    pace.count(CROWD - 1)
    await pace.turn()
    assert slept == []
    clock.now += WINDOW_SECONDS
    await pace.turn()
    assert len(slept) == 1


def test_a_crowd_is_forgotten_when_a_window_was_empty(pace: Pace, clock: Clock) -> None:
    pace.count(1000)
    clock.now += 2 * WINDOW_SECONDS
    assert not pace.crowded


def test_a_crowd_may_come_in_several_groups(pace: Pace, clock: Clock) -> None:
    for _ in range(CROWD):
        pace.count(1)
    clock.now += WINDOW_SECONDS
    assert pace.crowded


def test_how_many_are_a_crowd_is_drawn_anew_for_every_window(clock: Clock) -> None:
    noise = iter([0, 5, -1000, 0])
    pace = Pace(clock, lambda: next(noise))
    crowded = []
    for new in (CROWD, 1, CROWD, 0):
        crowded.append(pace.crowded)
        pace.count(new)
        clock.now += WINDOW_SECONDS
    assert crowded == [False, False, True, True]


async def test_by_itself_it_waits_no_longer_than_a_window() -> None:
    async with asyncio.timeout(5):
        await Pace().turn()
