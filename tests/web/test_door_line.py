# SPDX-License-Identifier: AGPL-3.0-or-later
"""How the voice door uses the waiting line."""

from __future__ import annotations

import asyncio

import pytest

from notalone.services.platform import Platform
from notalone.services.waiting import STEP, WaitingLine
from notalone.web import door as web_door
from notalone.web.door import Counted, Outcome, VoiceDoor, Waiting
from tests.conftest import fresh_nonce


@pytest.fixture
def door(platform: Platform) -> VoiceDoor:
    return VoiceDoor(platform, b"here")


@pytest.fixture
def entered(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One item for each that entered the line."""
    entries: list[None] = []
    enter = platform.line.enter

    def counted(_: WaitingLine) -> None:
        entries.append(None)
        enter()

    monkeypatch.setattr(WaitingLine, "enter", counted)
    return entries


def tap(door: VoiceDoor, nonce: str) -> asyncio.Task[Outcome]:
    """Without a proof."""
    return asyncio.create_task(door.answer("metoo", {"nonce": nonce, "kind": "metoo"}))


async def test_one_voice_that_comes_many_times_at_once_is_one_in_the_line(door: VoiceDoor, entered: list[None]) -> None:
    """A copy that comes while the first one waits is not known yet, and would pass for another person."""
    nonce = fresh_nonce()
    answers = await asyncio.gather(*(tap(door, nonce) for _ in range(250)))
    codes = {each.code for each in answers if isinstance(each, Counted)}
    assert len(answers) == 250
    assert all(isinstance(each, Counted) for each in answers)
    assert len(codes) == 1
    assert len(entered) == 1
    assert isinstance(await tap(door, nonce), Counted)
    assert len(entered) == 1


async def test_so_many_connections_are_held_and_no_more(
    door: VoiceDoor, platform: Platform, entered: list[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_door, "HELD_MOST", 5)
    for _ in range(5 * STEP):
        platform.line.enter()
    entered.clear()
    others = [tap(door, fresh_nonce()) for _ in range(20)]
    answered, held = await asyncio.wait(others, timeout=2, return_when=asyncio.FIRST_EXCEPTION)
    told = [each.result() for each in answered]
    assert len(held) <= 5
    assert len(entered) == len(held)
    assert all(isinstance(each, Waiting) and each.seconds >= 5 for each in told)
    assert len(told) >= 15
    for each in held:
        each.cancel()


async def test_copies_are_held_no_more_than_others(
    door: VoiceDoor, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_door, "HELD_MOST", 5)
    nonce = fresh_nonce()
    answers = await asyncio.gather(*(tap(door, nonce) for _ in range(20)))
    assert sum(isinstance(each, Counted) for each in answers) == 5
    assert sum(isinstance(each, Waiting) and each.seconds >= 5 for each in answers) == 15
    assert isinstance(await tap(door, nonce), Counted)
