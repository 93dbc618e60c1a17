# SPDX-License-Identifier: AGPL-3.0-or-later
"""One client's connection: how much it may send, and how long it may take.

A server that waits for as long as a client likes can be filled up by one machine. Nobody is limited by address here,
and nothing is kept or logged: each connection is looked at by itself, and a crowd is many connections.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from http import HTTPStatus
from typing import Any, ClassVar, cast
from weakref import WeakSet

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from notalone.web.headers import SECURITY

_WORDS = {
    HTTPStatus.BAD_REQUEST: b"This is not HTTP as it must be. Nothing was counted or changed.\n",
    HTTPStatus.REQUEST_TIMEOUT: b"The request did not arrive in time. Nothing was counted or changed. Try again.\n",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: b"The request is too large. Nothing was counted or changed.\n",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: b"The headers are too large. Nothing was counted or changed.\n",
}


class RequestRefused(Exception):
    """`status` says why."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status)
        self.status = status


class Connection(HttpToolsProtocol):
    """uvicorn's own connection, with limits. Seconds and bytes are attributes of the class.

    A request has `head_seconds` from its first byte for its line and headers, and `body_seconds` for all of it; a new
    connection has `head_seconds` for its first byte. Between two requests uvicorn's keep-alive timeout rules.

    Whole requests that arrive in one piece, as nearly all do, are neither timed nor measured: nothing waits for them.
    The others write down when they are due, and one sweep a second over all connections ends those that are late.
    """

    # Browsers send less than 2 kB, and no proxy adds as much again.
    head_bytes = 16_384
    # Several times what any address takes. Up to here the application refuses in its own words.
    body_bytes = 65_536
    # Browsers and proxies send the next request when they have the answer. Each one that is queued costs 2 kB.
    pipelined = 8
    head_seconds = 10.0
    body_seconds = 30.0
    # For an answer that the kernel's own buffer did not hold. No page is so long that the worst network needs it.
    answer_seconds = 60.0
    sweep_seconds = 1.0

    # Slots, because uvicorn's attributes fill up what Python's quick dictionaries of attributes hold.
    __slots__ = ("_ahead", "_answer_due", "_awaited", "_bytes", "_due", "_refusal", "_since")

    _swept: ClassVar[WeakSet[ServerState]] = WeakSet()

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._due: float | None = None
        self._answer_due: float | None = None
        # The request that has been waited for, by its scope, which is made anew with the first byte of each.
        self._awaited: object = None
        self._since = 0.0
        self._bytes = 0
        self._refusal: HTTPStatus | None = None
        # Requests that have had others queued behind them.
        self._ahead: tuple[RequestResponseCycle, ...] = ()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._since = self.loop.time()
        self._due = self._since + self.head_seconds
        if self.server_state not in self._swept:
            self._swept.add(self.server_state)
            _sweep(self.loop, cast("set[Connection]", self.connections), self.sweep_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        # uvicorn tells only the newest request, and an older one that goes on answering is an error in the log.
        for cycle in self._ahead:
            cycle.disconnected = True
            cycle.message_event.set()
        # uvicorn leaves the timer of a connection that broke, and the timer holds all the rest in memory.
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None:
            return
        if len(data) > self.head_bytes:
            # One read can hold a quarter of a megabyte of headers; the limits are looked at between pieces.
            for start in range(0, len(data), self.head_bytes):
                self.data_received(data[start : start + self.head_bytes])
            return
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # No other protocol is spoken here. The request is answered as if it had not asked for one.
            pass
        except httptools.HttpParserError as error:
            # Not logged, as uvicorn would: a line for each would keep the moments, and let anybody fill the disk.
            refused = error.__context__
            self._end(refused.status if isinstance(refused, RequestRefused) else HTTPStatus.BAD_REQUEST)
            return
        cycle = self.cycle
        if cycle is None or cycle.more_body or cycle.response_complete or cycle.scope is not self.scope:
            self._await_rest(len(data))
        else:
            self._due = None

    def on_headers_complete(self) -> None:
        if self._awaited is self.scope or self.pipeline:
            self._check_head()
        before = self.cycle
        # By its name: super() would cost more than all the limits do.
        HttpToolsProtocol.on_headers_complete(self)
        if self.pipeline:
            self._ahead = (*self._ahead[-self.pipelined :], before)

    def _check_head(self) -> None:
        """Raises RequestRefused, before the application hears of the request."""
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > self.head_bytes:
            raise RequestRefused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if len(self.pipeline) >= self.pipelined:
            raise RequestRefused(HTTPStatus.BAD_REQUEST)

    def _await_rest(self, size: int) -> None:
        """Something came, and no request is whole by it."""
        if self._awaited is not self.scope:
            # What came together with the first byte may belong to the request before, and is one piece at most.
            self._awaited, self._since, self._bytes = self.scope, self.loop.time(), 0
        else:
            self._bytes += size
        if self._in_body():
            # Whatever it is called, also what comes after the body: trailers are headers that are kept too.
            self._due = self._since + self.body_seconds
            if self._bytes > self.head_bytes + self.body_bytes:
                self._end(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            self._due = self._since + self.head_seconds
            if self._bytes > self.head_bytes:
                self._end(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _in_body(self) -> bool:
        """Whether the newest request has all its headers."""
        return self.cycle is not None and self.cycle.scope is self.scope

    def _owes_answer(self) -> bool:
        """Whether a whole request is still to be answered."""
        cycle = self.cycle
        return bool(self.pipeline) or (cycle is not None and not cycle.response_complete and not cycle.more_body)

    def _end(self, status: HTTPStatus) -> None:
        """Read no more and close, once all that was asked is answered.

        Says why, if the client waits for the answer to the request that it did not finish.
        """
        self._refusal = status
        cycle = self.cycle
        if self._owes_answer():
            cycle.keep_alive = False
            # Behind what is answered may be a request without its body, which waits for it.
            self._due = 0.0
            return
        # Before the first byte nothing may be said: a request that is on its way would take it for its answer.
        awaited = self.scope is not None
        if self._in_body():
            awaited = cycle.more_body and not cycle.response_started
        self._due = None
        if awaited:
            self.transport.write(self._answer(status))
        self.transport.close()

    def _answer(self, status: HTTPStatus) -> bytes:
        words = _WORDS[status]
        headers = [
            *self.server_state.default_headers,
            *SECURITY,
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(words)).encode()),
            (b"cache-control", b"no-store"),
            (b"connection", b"close"),
        ]
        return STATUS_LINE[status] + b"".join(b"%b: %b\r\n" % header for header in headers) + b"\r\n" + words

    def check(self, now: float) -> None:
        """End this connection if the client is late, with a request or with reading an answer."""
        if not self.transport.get_write_buffer_size():
            self._answer_due = None
        elif self._answer_due is None:
            self._answer_due = now + self.answer_seconds
        elif self._answer_due <= now:
            # Closing would wait until all of it is read.
            self.transport.abort()
        # A whole request is answered, also when the next one is late.
        if self._due is not None and self._due <= now and not (self._owes_answer() or self.transport.is_closing()):
            self._end(self._refusal or HTTPStatus.REQUEST_TIMEOUT)


def _sweep(loop: asyncio.AbstractEventLoop, connections: Collection[Connection], seconds: float) -> None:
    # Armed before it works, so that no error ends it for good.
    loop.call_later(seconds, _sweep, loop, connections, seconds)
    now = loop.time()
    for connection in tuple(connections):
        connection.check(now)
