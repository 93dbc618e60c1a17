# SPDX-License-Identifier: AGPL-3.0-or-later
"""What goes wrong behind the voice door is answered by it all the same, in its one size."""

from __future__ import annotations

import secrets
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import msgspec
import pytest

from notalone.protocol.voice import nonce_from
from notalone.services.platform import Platform, StorageUnavailable
from notalone.services.settings import Settings
from notalone.services.voice import WriterFailed
from notalone.web.api.voices import ApiWords
from notalone.web.door import Counted, Outcome, VoiceDoor, Words
from notalone.web.headers import Header


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Without work, so that every tap goes through."""
    return replace(settings, pow_bits=0)


async def tap(platform: Platform, words: Words) -> tuple[int, int, bytes]:
    """Status, size on the wire, body."""
    body = msgspec.json.encode({"nonce": nonce_from(secrets.token_bytes(16)), "kind": "metoo"})
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope: Any = {"headers": [(b"content-type", b"application/json"), (b"host", b"here")]}
    await VoiceDoor(platform, b"here").serve(scope, receive, send, "metoo", words)
    start, end = sent
    line = f"HTTP/1.1 {start['status']} {HTTPStatus(start['status']).phrase}\r\n"
    size = len(line) + sum(len(name) + len(value) + 4 for name, value in start["headers"]) + 2 + len(end["body"])
    return start["status"], size, end["body"]


class TooLong(ApiWords):
    """A page that has grown beyond the one size."""

    def write(self, outcome: Outcome) -> tuple[HTTPStatus, list[Header], bytes]:
        status, headers, body = super().write(outcome)
        return (status, headers, body * 100) if isinstance(outcome, Counted) else (status, headers, body)


class Broken(ApiWords):
    """A page that cannot be drawn."""

    def write(self, outcome: Outcome) -> tuple[HTTPStatus, list[Header], bytes]:
        if isinstance(outcome, Counted):
            raise TypeError("no such text")
        return super().write(outcome)


@pytest.mark.parametrize("words", [TooLong(), Broken()], ids=["too long", "cannot be drawn"])
async def test_an_answer_that_cannot_be_written_is_a_problem_in_the_one_size(
    platform: Platform, words: Words, caplog: pytest.LogCaptureFixture
) -> None:
    right = await tap(platform, ApiWords())
    assert right[0] == 201
    wrong = await tap(platform, words)
    assert wrong[:2] == (500, right[1])
    assert b"never counted twice" in wrong[2]
    assert "could not be written" in caplog.text


@pytest.mark.parametrize(
    ("error", "status"), [(StorageUnavailable("away"), 503), (WriterFailed(), 500), (LookupError("a defect"), 500)]
)
async def test_what_fails_behind_the_door_is_a_problem_in_the_one_size(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    right = await tap(platform, ApiWords())

    async def fail(*_: object) -> str:
        raise error

    monkeypatch.setattr(type(platform.voices), "give", fail)
    answer = await tap(platform, ApiWords())
    assert answer[:2] == (status, right[1])
    assert b"never counted twice" in answer[2]
