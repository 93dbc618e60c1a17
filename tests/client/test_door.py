# SPDX-License-Identifier: AGPL-3.0-or-later
"""The client and a real server."""

from __future__ import annotations

import asyncio

import pytest

from notalone.client import door as client
from notalone.client.door import Declined, Door, DoorError, NotNotAlone, Unreachable, open_door
from notalone.client.wire import Answer, Through, Waiting, read_answer
from notalone.protocol.voice import Kind
from tests.client.faulty import network
from tests.server import Server, free_port


async def published(door: Door, slug: str, kind: Kind) -> int | None:
    """What the public sees after the next tick but one, when all that was given by now is in it."""
    due = (await door.count(slug)).next_release_at
    async with asyncio.timeout(30):
        while (count := await door.count(slug)).released_at <= due:  # noqa: ASYNC110 - only the server knows when
            await asyncio.sleep(0.1)
    return count.numbers[kind.word]


@pytest.mark.parametrize("through", Through)
async def test_a_voice_is_given_once_and_withdrawn_once(place: Server, through: Through) -> None:
    async with open_door(place.url, through) as door:
        given = await door.give("open", Kind.ME_TOO)
        assert await door.give("open", Kind.ME_TOO, given.nonce) == given
        assert await door.withdraw("open", given.code) is True
        assert await door.withdraw("open", given.code) is False
        with pytest.raises(Declined) as caught:
            await door.give("open", Kind.ME_TOO, given.nonce)
    assert caught.value.status == 410
    assert caught.value.blame == "request"


@pytest.mark.parametrize("through", Through)
async def test_a_lost_answer_is_asked_for_again_and_counts_once(place: Server, through: Through) -> None:
    async with network(place.port, lose_every=2) as (between, url), open_door(url, through) as door:
        door_bits = await door.call("open")
        given = [await door.give("open", Kind.STAND_WITH_YOU) for _ in range(4)]
        between.lose_every = 0
        again = [await door.give("open", each.kind, each.nonce) for each in given]
    assert door_bits.pow_bits == 4
    assert between.lost >= 4
    assert again == given


async def test_without_proof_it_waits_in_line_with_its_ticket(place: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_proof(slug: str, nonce: str, bits: int) -> str:
        return ""

    answers: list[Answer] = []

    def noticed(through: Through, status: int, retry_after: str, content: bytes) -> Answer:
        answers.append(read_answer(through, status, retry_after, content))
        return answers[-1]

    monkeypatch.setattr(client, "prove", no_proof)
    monkeypatch.setattr(client, "read_answer", noticed)
    async with (
        open_door(place.url, Through.FORM, patience=1) as form,
        open_door(place.url, Through.API, patience=1) as api,
    ):
        # Two hundred or so go through at once, the others after some seconds.
        given = await asyncio.gather(*(door.give("open", Kind.ME_TOO) for door in (form, api) * 150))
    assert len({each.code for each in given}) == 300
    assert any(isinstance(answer, Waiting) for answer in answers)


async def test_closed_and_unknown_calls_are_declined(place: Server) -> None:
    async with open_door(place.url, Through.FORM) as door:
        with pytest.raises(Declined, match="closed"):
            await door.give("shut", Kind.ME_TOO)
        for ask in (door.call, door.count):
            with pytest.raises(Declined) as caught:
                await ask("nothing")
            assert caught.value.status == 404
        with pytest.raises(Declined, match="no such call"):
            await door.give("nothing", Kind.ME_TOO)
        for code in ("short", "0" * 18):
            with pytest.raises(Declined):
                await door.withdraw("open", code)


async def test_the_list_says_which_calls_are_open(place: Server) -> None:
    async with open_door(place.url) as door:
        assert {call.slug: call.open for call in await door.calls()} == {"open": True, "shut": False}
        assert not any(call.rehearsal for call in await door.calls())


async def test_nobody_there_is_the_networks_doing() -> None:
    async with open_door(f"http://127.0.0.1:{free_port()}", patience=0.2) as door:
        with pytest.raises(Unreachable) as caught:
            await door.call("open")
        assert caught.value.blame == "network"
        door._bits["open"] = 0
        with pytest.raises(Unreachable):
            await door.give("open", Kind.ME_TOO)


async def test_an_address_that_is_none() -> None:
    async with open_door("example") as door:
        with pytest.raises(DoorError) as caught:
            await door.calls()
    assert caught.value.blame == "request"


@pytest.mark.parametrize("content", [b"<h1>Hello</h1>", b"{}", b'{"slug": 5}'])
async def test_some_other_server_is_told_apart(content: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(content), content))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as other:
        url = f"http://127.0.0.1:{other.sockets[0].getsockname()[1]}"
        async with open_door(url, patience=0.2) as door:
            with pytest.raises(NotNotAlone):
                await door.call("open")
            door._bits["open"] = 0
            with pytest.raises(NotNotAlone):
                await door.give("open", Kind.ME_TOO)
