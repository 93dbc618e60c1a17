# SPDX-License-Identifier: AGPL-3.0-or-later
"""A crowd: many visitors at once, each on a connection of its own, who come as a curve says.

Made to weigh little beside the server under it, on the same machine: the common case, a voice that is sent and
counted, goes over bare kept-open connections. Whatever else happens is left to `door.Door`, which is patient.
"""

from __future__ import annotations

import asyncio
import os
import random
import ssl
import time
from array import array
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import cast
from urllib.parse import urlsplit

import httptools

from notalone.client.curve import Curve
from notalone.client.door import ANSWER_SECONDS, Declined, Door, DoorError, Given, prove
from notalone.client.wire import Counted, NotOurs, Tap, Through, address, body, media_type, read_answer
from notalone.protocol.voice import NONCE_BYTES, Kind, nonce_from

# How often the crowd looks at the clock; the curve is followed in steps of this.
_STEP_SECONDS = 0.005


class BrokenConnection(ConnectionError):
    """The connection ended before the answer did."""


@dataclass
class Outcome:
    """What became of a crowd's voices. `seconds` arrays run in the order of the answers."""

    accepted: Counter[Kind] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    # Sent, and nobody knows whether counted: no answer ever came.
    unanswered: Counter[Kind] = field(default_factory=Counter)
    # Voices that a broken connection, a busy server or the waiting line made us send more than once.
    sent_again: int = 0
    latencies: array[float] = field(default_factory=lambda: array("f"))
    # The moment of each answer, since the beginning.
    moments: array[float] = field(default_factory=lambda: array("f"))
    sample: list[Given] = field(default_factory=list)
    sent: int = 0
    elapsed: float = 0.0
    behind: float = 0.0
    most_behind: float = 0.0
    # Why it ended before the curve did; empty when it did not.
    stopped: str = ""

    def percentile(self, percent: float) -> float:
        """Latency in seconds; 0 when nothing was answered."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0

    def fullest_second(self) -> int:
        """Most answers in one second."""
        return max(Counter(map(int, self.moments)).values(), default=0)


@dataclass(frozen=True)
class Target:
    """Where a crowd goes."""

    url: str
    slug: str
    through: Through
    lang: str
    pow_bits: int


class Crowd:
    """Sends what `curve` says to `target`. `stand`: the share of voices that say "I stand with you"."""

    def __init__(
        self, target: Target, curve: Curve, door: Door, *, connections: int, stand: float = 0.0, sample: int = 0
    ) -> None:
        self.outcome = Outcome()
        self._target = target
        self._curve = curve
        self._door = door
        self._connections = connections
        self._stand = stand
        self._sample = sample
        self._due = asyncio.Semaphore(0)
        self._over = asyncio.Event()
        self._began = 0.0

    async def run(self) -> Outcome:
        """Until the curve ends, or `stop`; then waits for the answers that are due."""
        visitors = [Visitor(self._target) for _ in range(self._connections)]
        await visitors[0].open()
        self._began = time.perf_counter()
        watching = asyncio.create_task(self._end_silent_ones(visitors))
        try:
            async with asyncio.TaskGroup() as group:
                senders = [group.create_task(self._send_while_due(each)) for each in visitors]
                await self._follow_the_curve(senders)
        finally:
            watching.cancel()
            self.outcome.elapsed = self._now()
            for each in visitors:
                each.close()
        return self.outcome

    def stop(self, reason: str) -> None:
        """Send no more; what was sent is still waited for."""
        self.outcome.stopped = self.outcome.stopped or reason
        self._over.set()

    def _now(self) -> float:
        # Not the loop's clock, which goes in milliseconds and stands still within one round of events.
        return time.perf_counter() - self._began

    async def _follow_the_curve(self, senders: list[asyncio.Task[None]]) -> None:
        allowed, total = 0, self._curve.total
        while self.outcome.sent < total and not self._over.is_set():
            now = self._now()
            due = self._curve.by(now)
            for _ in range(due - allowed):
                self._due.release()
            allowed = due
            sent = self.outcome.sent
            self.outcome.behind = max(0.0, now - self._curve.when(sent + 1)) if sent < due else 0.0
            self.outcome.most_behind = max(self.outcome.most_behind, self.outcome.behind)
            await asyncio.sleep(_STEP_SECONDS)
        self._over.set()
        for _ in senders:
            self._due.release()

    async def _end_silent_ones(self, visitors: list[Visitor]) -> None:
        # One timer for all: one for each request would cost as much as the request.
        while True:
            await asyncio.sleep(1)
            for each in visitors:
                each.end_if_silent(ANSWER_SECONDS)

    async def _send_while_due(self, visitor: Visitor) -> None:
        while True:
            await self._due.acquire()
            if self._over.is_set():
                return
            number = self.outcome.sent
            self.outcome.sent = number + 1
            stands = int((number + 1) * self._stand) > int(number * self._stand)
            await self._give(visitor, Kind.STAND_WITH_YOU if stands else Kind.ME_TOO)

    async def _give(self, visitor: Visitor, kind: Kind) -> None:
        target = self._target
        nonce = nonce_from(os.urandom(NONCE_BYTES))
        tap = Tap(target.slug, kind, nonce, await prove(target.slug, nonce, target.pow_bits))
        sent_at = self._now()
        try:
            status, content = await visitor.exchange(tap)
        except OSError:
            status, content = 0, b""
        if status != HTTPStatus.CREATED:
            await self._give_patiently(kind, nonce, sent_at)
            return
        self._count(kind, sent_at)
        if self._is_sampled():
            self._keep(nonce, kind, content)

    async def _give_patiently(self, kind: Kind, nonce: str, sent_at: float) -> None:
        self.outcome.sent_again += 1
        try:
            await self._door.give(self._target.slug, kind, nonce)
        except Declined as error:
            self.outcome.refused[error.message] += 1
        except DoorError as error:
            self.outcome.unanswered[kind] += 1
            # The one voice was waited for with all patience; the rest of the day would fare no better.
            self.stop(error.message)
        else:
            self._count(kind, sent_at)

    def _count(self, kind: Kind, sent_at: float) -> None:
        now = self._now()
        self.outcome.accepted[kind] += 1
        self.outcome.latencies.append(now - sent_at)
        self.outcome.moments.append(now)

    def _is_sampled(self) -> bool:
        return random.random() * len(self.outcome.latencies) < self._sample  # noqa: S311

    def _keep(self, nonce: str, kind: Kind, content: bytes) -> None:
        """A fair sample of all that were accepted, whenever it ends (reservoir sampling)."""
        try:
            answer = read_answer(self._target.through, HTTPStatus.CREATED, "", content)
        except NotOurs as error:
            self.stop(f"{self._target.url} answered as no Not Alone server does: {error}")
            return
        assert isinstance(answer, Counted)
        given, sample = Given(nonce, kind, answer.code), self.outcome.sample
        if len(sample) < self._sample:
            sample.append(given)
        else:
            sample[random.randrange(self._sample)] = given  # noqa: S311


class Visitor:
    """One at the door, whose connection is opened when it is first needed, and again when it broke."""

    def __init__(self, target: Target) -> None:
        place = urlsplit(target.url)
        self._through = target.through
        self._host, self._secure = place.hostname or "", place.scheme == "https"
        self._port = place.port or (443 if self._secure else 80)
        self._head = (
            f"POST {place.path.rstrip('/')}{address(target.through, target.slug, target.lang)} HTTP/1.1\r\n"
            f"host: {place.netloc}\r\nsec-fetch-site: same-origin\r\n"
            f"content-type: {media_type(target.through)}\r\ncontent-length: "
        ).encode("ascii")
        self._wire: _Wire | None = None

    async def open(self) -> None:
        """Raises OSError."""
        context = ssl.create_default_context() if self._secure else None
        loop = asyncio.get_running_loop()
        _, self._wire = await loop.create_connection(_Wire, self._host, self._port, ssl=context)

    async def exchange(self, tap: Tap) -> tuple[int, bytes]:
        """Status and body. Raises OSError, also when the connection broke under the request."""
        if self._wire is None or self._wire.ended:
            await self.open()
        assert self._wire is not None  # opened above
        content = body(self._through, tap)
        return await self._wire.exchange(b"%b%d\r\n\r\n%b" % (self._head, len(content), content))

    def end_if_silent(self, seconds: float) -> None:
        """Give up on an answer that is waited for longer than this."""
        if self._wire is not None and self._wire.silent_for() > seconds:
            self._wire.end()

    def close(self) -> None:
        if self._wire is not None:
            self._wire.end()


class _Wire(asyncio.Protocol):
    """One TCP or TLS connection, one request on it at a time."""

    def __init__(self) -> None:
        self.ended = False
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._asked_at = 0.0

    def exchange(self, request: bytes) -> asyncio.Future[tuple[int, bytes]]:
        self._answer = self._loop.create_future()
        self._asked_at = self._loop.time()
        self._transport.write(request)
        return self._answer

    def silent_for(self) -> float:
        """Seconds since a request that is not answered yet; 0: none is."""
        return self._loop.time() - self._asked_at if self._answer is not None else 0.0

    def end(self, error: Exception | None = None) -> None:
        self.ended = True
        self._transport.abort()
        self._settle(error or BrokenConnection("ended here"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.end(BrokenConnection(f"that is not HTTP: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self._settle(BrokenConnection(str(exc or "closed by the server")))

    def on_body(self, part: bytes) -> None:
        self._parts.append(part)

    def on_message_complete(self) -> None:
        content = b"".join(self._parts)
        self._parts = []
        self.ended = not self._parser.should_keep_alive()
        self._settle((self._parser.get_status_code(), content))

    def _settle(self, result: tuple[int, bytes] | Exception) -> None:
        answer, self._answer = self._answer, None
        if answer is None or answer.done():
            return
        if isinstance(result, Exception):
            answer.set_exception(result)
        else:
            answer.set_result(result)
