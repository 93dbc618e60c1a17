# SPDX-License-Identifier: AGPL-3.0-or-later
"""One visitor at a server's doors: gives voices, takes them back, reads the count.

Patient, as a person's browser is: does the work that the door asks, waits in line, and sends the same voice again
when a connection broke, for the server counts it once however often it comes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Literal, TypeVar

import aiohttp
import msgspec

from notalone.client.wire import (
    Counted,
    NotOurs,
    Refused,
    Stumbled,
    Tap,
    Through,
    Waiting,
    address,
    body,
    media_type,
    read_answer,
    read_problem,
)
from notalone.protocol.voice import NONCE_BYTES, Kind, nonce_from, solve_proof

# The server itself holds a voice for up to 4 s in the waiting line, and up to 20 s while its database is busy.
ANSWER_SECONDS = 40.0
# How long a voice is sent again while no answer comes.
PATIENCE_SECONDS = 30.0
# Up to this much work the event loop does itself (about a millisecond); more goes to a thread.
_QUICK_BITS = 10
_JSON = "application/json"

T = TypeVar("T")


class DoorError(Exception):
    """Something did not work; whose doing it is, and what can be done."""

    def __init__(self, blame: Literal["network", "server", "request"], message: str, hint: str) -> None:
        super().__init__(message)
        self.blame = blame
        self.message = message
        self.hint = hint


class Unreachable(DoorError):
    """No answer came, or none that says anything. A voice may have been counted: the same nonce may be sent again."""


class NotNotAlone(DoorError):
    """What answered is not a Not Alone server, or one of another version."""


class Declined(DoorError):
    """The server understood and said no. Nothing was counted or changed by this request."""

    def __init__(self, refused: Refused) -> None:
        super().__init__("request", refused.reason, refused.advice)
        self.status = refused.status


@dataclass(frozen=True, slots=True)
class Given:
    """A voice that is on the server's disk. `code` is secret: it withdraws the voice."""

    nonce: str
    kind: Kind
    code: str


class CallDetails(msgspec.Struct, frozen=True):
    """What there is to know before giving a voice."""

    slug: str
    open: bool
    rehearsal: bool
    pow_bits: int


class CallSummary(msgspec.Struct, frozen=True):
    """One call in the server's list."""

    slug: str
    open: bool
    rehearsal: bool


class Count(msgspec.Struct, frozen=True):
    """What the public sees. A null number: fewer than `shown_from`."""

    numbers: dict[str, int | None]
    shown_from: int
    tick_seconds: int
    released_at: datetime
    next_release_at: datetime


class _Withdrawn(msgspec.Struct, frozen=True):
    before: bool


class Door:
    """One server's doors. Made by `open_door`."""

    def __init__(self, session: aiohttp.ClientSession, url: str, through: Through, lang: str, patience: float) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self._through = through
        self._lang = lang
        self._patience = patience
        self._bits: dict[str, int] = {}

    async def calls(self) -> list[CallSummary]:
        """Every call there. Raises Unreachable, NotNotAlone."""
        return await self._get("/api/calls", list[CallSummary])

    async def call(self, slug: str) -> CallDetails:
        """One call. Raises Declined (no such call), Unreachable, NotNotAlone."""
        details = await self._get(f"/api/calls/{slug}", CallDetails)
        self._bits[slug] = details.pow_bits
        return details

    async def count(self, slug: str) -> Count:
        """What is published now. Raises Declined, Unreachable, NotNotAlone."""
        return await self._get(f"/api/calls/{slug}/count.json", Count)

    async def give(self, slug: str, kind: Kind, nonce: str = "") -> Given:
        """Give a voice; with a nonce that was sent before, the same voice, which is counted once.

        Raises Declined, NotNotAlone, and Unreachable when `patience` seconds went by without an answer; then the
        voice may or may not have been counted, and giving the same nonce again settles it.
        """
        nonce = nonce or nonce_from(os.urandom(NONCE_BYTES))
        if slug not in self._bits:
            await self.call(slug)
        tap = Tap(slug, kind, nonce, await prove(slug, nonce, self._bits[slug]))
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + self._patience, 0.1
        while True:
            answer = await self._send(tap)
            if isinstance(answer, Counted):
                return Given(nonce, kind, answer.code)
            if isinstance(answer, Refused):
                raise Declined(answer)
            if isinstance(answer, Waiting):
                # A place in the line is a promise, not a failure: it costs no patience.
                deadline += answer.seconds
                tap = Tap(slug, kind, nonce, tap.proof, answer.ticket)
                await asyncio.sleep(answer.seconds)
                continue
            if loop.time() + pause > deadline:
                raise self._unreachable(answer.reason)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)

    async def withdraw(self, slug: str, code: str) -> bool:
        """Take the voice with this code back. False: it was withdrawn before.

        Raises Declined (no code, or no voice of this call has it), Unreachable, NotNotAlone.
        """
        content = msgspec.json.encode({"code": code})
        status, _, answer = await self._exchange("POST", f"/api/calls/{slug}/withdrawals", content, _JSON)
        return not self._decode(status, answer, _Withdrawn).before

    async def _send(self, tap: Tap) -> Counted | Waiting | Stumbled | Refused:
        path = address(self._through, tap.slug, self._lang)
        try:
            status, retry_after, content = await self._exchange(
                "POST", path, body(self._through, tap), media_type(self._through)
            )
        except Unreachable as broken:
            return Stumbled(broken.message)
        try:
            return read_answer(self._through, status, retry_after, content)
        except NotOurs as error:
            raise self._not_ours(str(error)) from error

    async def _get(self, path: str, shape: type[T]) -> T:
        status, _, content = await self._exchange("GET", path, None, _JSON)
        return self._decode(status, content, shape)

    async def _exchange(self, method: str, path: str, content: bytes | None, kind: str) -> tuple[int, str, bytes]:
        """Status, Retry-After, body."""
        headers = {"content-type": kind} if content is not None else {}
        try:
            async with self._session.request(
                method, self._url + path, data=content, headers=headers, allow_redirects=False
            ) as answer:
                return answer.status, answer.headers.get("retry-after", ""), await answer.read()
        except aiohttp.InvalidURL as error:
            raise DoorError("request", f"{self._url} is no address", "write it like https://example.org") from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise NotNotAlone(
                "server", f"{self._url} does not prove who it is", "check the address, and the server's certificate"
            ) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._unreachable(str(error) or "the connection broke") from error

    def _decode(self, status: int, content: bytes, shape: type[T]) -> T:
        if status != HTTPStatus.OK:
            problem = read_problem(status, content)
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise Unreachable("server", f"{self._url}: {problem.title}", "try again in a moment")
            raise Declined(Refused(status, problem.title, problem.detail))
        try:
            return msgspec.json.decode(content, type=shape)
        except msgspec.DecodeError as error:
            raise self._not_ours(str(error)) from error

    def _unreachable(self, reason: str) -> Unreachable:
        return Unreachable(
            "network", f"{self._url} gave no answer: {reason}", "is it running, and is the address right?"
        )

    def _not_ours(self, reason: str) -> NotNotAlone:
        hint = "check the address; if it is a Not Alone server, it is of another version"
        return NotNotAlone("server", f"{self._url} answered as no Not Alone server does: {reason}", hint)


@asynccontextmanager
async def open_door(
    url: str, through: Through = Through.API, lang: str = "en", patience: float = PATIENCE_SECONDS
) -> AsyncIterator[Door]:
    """The doors of the server at `url`. `patience`: seconds that a voice is sent again while no answer comes."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=ANSWER_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Door(session, url, through, lang, patience)


async def prove(slug: str, nonce: str, bits: int) -> str:
    """The proof of work that the door asks for; about 2**bits hashes."""
    if not bits:
        return ""
    if bits <= _QUICK_BITS:
        return solve_proof(slug, nonce, bits)
    return await asyncio.to_thread(solve_proof, slug, nonce, bits)
