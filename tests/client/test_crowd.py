# SPDX-License-Identifier: AGPL-3.0-or-later
"""A crowd before a real server, also when the network between them fails."""

from __future__ import annotations

import asyncio
import time

import pytest

from notalone.client.crowd import Crowd, Outcome, Target
from notalone.client.curve import Curve, steady
from notalone.client.door import open_door
from notalone.client.wire import Through
from notalone.protocol.voice import Kind
from tests.client.faulty import network
from tests.client.test_door import published
from tests.server import Server, free_port


async def come(url: str, slug: str, curve: Curve, through: Through = Through.FORM, connections: int = 8) -> Outcome:
    async with open_door(url, through, patience=2) as door:
        target = Target(url, slug, through, "en", 4)
        return await Crowd(target, curve, door, connections=connections, stand=0.25, sample=20).run()


@pytest.mark.parametrize("through", Through)
async def test_all_come_and_each_is_known_again(place: Server, through: Through) -> None:
    outcome = await come(place.url, "open", steady(400, 0.5), through)
    assert outcome.accepted == {Kind.ME_TOO: 150, Kind.STAND_WITH_YOU: 50}
    assert (outcome.sent, outcome.sent_again, outcome.stopped) == (200, 0, "")
    assert len(outcome.sample) == 20
    async with open_door(place.url) as door:
        for given in outcome.sample:
            assert await door.give("open", given.kind, given.nonce) == given


async def test_it_follows_the_curve(place: Server) -> None:
    began = time.monotonic()
    outcome = await come(place.url, "open", steady(50, 2))
    assert time.monotonic() - began >= 1.9
    assert outcome.elapsed == pytest.approx(2, abs=1)
    assert outcome.percentile(50) <= outcome.percentile(99) <= outcome.percentile(100) < 2
    assert outcome.fullest_second() >= 50


async def test_answers_lost_on_the_way_lose_no_voice_and_double_none(place: Server) -> None:
    async with open_door(place.url) as door:
        before = await published(door, "open", Kind.ME_TOO) or 0
        async with network(place.port, lose_every=7) as (between, url):
            outcome = await come(url, "open", steady(400, 0.5))
        assert between.lost > 20
        assert outcome.sent_again >= between.lost // 2
        assert outcome.accepted == {Kind.ME_TOO: 150, Kind.STAND_WITH_YOU: 50}
        assert await published(door, "open", Kind.ME_TOO) == before + 150


async def test_a_refusal_is_counted_as_one(place: Server) -> None:
    outcome = await come(place.url, "shut", steady(20, 0.5))
    assert outcome.refused == {"the call is closed": 10}
    assert not outcome.accepted


async def test_stopped_it_still_takes_the_answers_that_are_due(place: Server) -> None:
    async with open_door(place.url, Through.FORM) as door:
        crowd = Crowd(Target(place.url, "open", Through.FORM, "en", 4), steady(100, 60), door, connections=4)
        running = asyncio.create_task(crowd.run())
        await asyncio.sleep(0.5)
        crowd.stop("enough")
        outcome = await asyncio.wait_for(running, 5)
    assert outcome.stopped == "enough"
    assert 0 < outcome.accepted.total() == outcome.sent < 6000


async def test_a_server_that_falls_silent_ends_the_day() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as broken:
        url = f"http://127.0.0.1:{broken.sockets[0].getsockname()[1]}"
        async with open_door(url, Through.FORM, patience=0.3) as door:
            door._bits["open"] = 0
            crowd = Crowd(Target(url, "open", Through.FORM, "en", 0), steady(100, 60), door, connections=4)
            outcome = await asyncio.wait_for(crowd.run(), 20)
    assert "gave no answer" in outcome.stopped
    assert 0 < outcome.unanswered.total() <= 4
    assert not outcome.accepted


async def test_nobody_there_is_said_at_once() -> None:
    with pytest.raises(ConnectionRefusedError):
        await come(f"http://127.0.0.1:{free_port()}", "open", steady(10, 1))
