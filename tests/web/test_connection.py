# SPDX-License-Identifier: AGPL-3.0-or-later
"""The limits of a connection, by raw bytes from a real server with a small application behind it."""

from __future__ import annotations

import asyncio
import gc
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from notalone.web.connection import Connection
from notalone.web.headers import SECURITY
from tests.server import DEMO_CALL, server

LARGE = 32_000_000


@dataclass
class Place:
    """A server in a thread, and what its application saw."""

    port: int = 0
    # Path and body of every request that came whole; nothing for those whose client went away.
    seen: list[tuple[str, bytes]] = field(default_factory=list)
    answer: threading.Event = field(default_factory=threading.Event)
    live: Callable[[], int] = lambda: 0

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/unread":
            await self.say(send, b"unread")
            return
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            more = message["more_body"]
        self.seen.append((scope["path"], body))
        if scope["path"] == "/held":
            await asyncio.to_thread(self.answer.wait)
        await self.say(send, b"x" * LARGE if scope["path"] == "/large" else scope["path"].encode() + b" " + body)

    @staticmethod
    async def say(send: Any, text: bytes) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]})
        await send({"type": "http.response.body", "body": text})


@contextmanager
def serving(keep_alive: float = 60, **limits: float) -> Iterator[Place]:
    """Serve with these limits, e.g. `head_seconds=0.2`."""
    place = Place()
    limited = type("Limited", (Connection,), {"sweep_seconds": 0.02, "__slots__": (), **limits})
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place.port = listener.getsockname()[1]
        config = uvicorn.Config(
            place.app,
            interface="asgi3",
            access_log=False,
            http=limited,
            loop="uvloop",
            ws="none",
            lifespan="off",
            log_config=None,
            timeout_keep_alive=keep_alive,  # type: ignore[arg-type]
        )
        running = uvicorn.Server(config)
        place.live = lambda: len(running.server_state.connections)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            until(lambda: running.started)
            yield place
        finally:
            place.answer.set()
            running.should_exit = True
            thread.join(20)
    assert not thread.is_alive()


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Client(socket.socket):
    """A client that says bytes and hears bytes."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.settimeout(20)
        self.connect(("127.0.0.1", place.port))
        self.heard = b""

    def hear(self) -> tuple[int, bytes]:
        """Status and body of the next answer; (0, b"") when the server closed without one."""
        while b"\r\n\r\n" not in self.heard:
            if not self._more():
                assert self.heard == b""
                return 0, b""
        head, _, self.heard = self.heard.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        while length is not None and len(self.heard) < int(length[1]):
            assert self._more()
        size = int(length[1]) if length is not None else 0
        body, self.heard = self.heard[:size], self.heard[size:]
        return int(head.split()[1]), body

    def _more(self) -> bool:
        try:
            got = self.recv(65536)
        except ConnectionResetError:
            got = b""
        self.heard += got
        return bool(got)

    def is_closed(self) -> bool:
        """Waits for it."""
        return self.hear() == (0, b"")


def sent_until_refused(client: Client, piece: bytes, pause: float = 0) -> int:
    """How many bytes it sent of 160 MB before the server ended it."""
    sent = 0
    try:
        while sent < 160_000_000:
            sent += client.send(piece)
            time.sleep(pause)
    except (BrokenPipeError, ConnectionResetError):
        return sent
    pytest.fail("the server took all of it")


def get(path: str = "/", extra: bytes = b"") -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: here\r\n".encode() + extra + b"\r\n"


def post(body: bytes, path: str = "/", extra: bytes = b"") -> bytes:
    return f"POST {path} HTTP/1.1\r\nhost: here\r\ncontent-length: {len(body)}\r\n".encode() + extra + b"\r\n" + body


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """With the limits that people get."""
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def hasty() -> Iterator[Place]:
    with serving(head_seconds=0.4, body_seconds=0.8) as running:
        yield running


# Whom the limits must not touch


def test_one_connection_serves_a_whole_visit(place: Place) -> None:
    with Client(place) as she:
        for _ in range(3):
            she.sendall(get("/page"))
            assert she.hear() == (200, b"/page ")
            she.sendall(post(b"kind=metoo"))
            assert she.hear() == (200, b"/ kind=metoo")


def test_she_may_read_for_longer_than_a_request_may_take(hasty: Place) -> None:
    with Client(hasty) as she:
        she.sendall(get())
        assert she.hear()[0] == 200
        time.sleep(1.2)
        she.sendall(post(b"kind=metoo"))
        assert she.hear() == (200, b"/ kind=metoo")


def test_on_a_slow_line_every_byte_may_come_by_itself(place: Place) -> None:
    with Client(place) as she:
        she.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = post(b"kind")
        for sent in range(len(request)):
            she.sendall(request[sent : sent + 1])
            # Half of the last header, and the body.
            time.sleep(0.1 if sent > len(request) - 16 else 0.001)
        assert she.hear() == (200, b"/ kind")
        she.sendall(get())
        assert she.hear()[0] == 200


def test_requests_sent_without_waiting_are_answered_in_order(place: Place) -> None:
    with Client(place) as she:
        she.sendall(get("/1") + post(b"body", "/2") + get("/3") + get("/4")[:20])
        assert [she.hear() for _ in range(3)] == [(200, b"/1 "), (200, b"/2 body"), (200, b"/3 ")]
        she.sendall(get("/4")[20:])
        assert she.hear() == (200, b"/4 ")


def test_who_asks_whether_to_go_on_is_told_so(place: Place) -> None:
    whole = post(b"kind=metoo", extra=b"expect: 100-continue\r\n")
    with Client(place) as she:
        she.sendall(whole[:-10])
        assert she.hear() == (100, b"")
        she.sendall(whole[-10:])
        assert she.hear() == (200, b"/ kind=metoo")


def test_headers_and_bodies_up_to_the_limit_are_taken(place: Place) -> None:
    with Client(place) as she:
        she.sendall(get(extra=b"x: " + b"a" * 16_000 + b"\r\n"))
        assert she.hear()[0] == 200
        she.sendall(post(b"b" * 60_000, extra=b"x: " + b"a" * 16_000 + b"\r\n"))
        assert she.hear() == (200, b"/ " + b"b" * 60_000)
        # What came in one piece with the end of the request before is not counted twice.
        both = post(b"b" * 10_000) + get("/after", b"x: " + b"a" * 15_000 + b"\r\n")
        for start in range(0, len(both), 11_000):
            she.sendall(both[start : start + 11_000])
            time.sleep(0.05)
        assert [she.hear()[1][:6] for _ in range(2)] == [b"/ bbbb", b"/after"]


def test_who_asks_for_another_protocol_is_answered_in_this_one(place: Place) -> None:
    with Client(place) as she:
        she.sendall(get(extra=b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: a\r\n"))
        assert she.hear()[0] == 200


# Too much


@pytest.mark.parametrize(
    "more", [b"a" * 10_000, b"a: b\r\n" * 1_000, b"a" * 15], ids=["one header", "many headers", "drops"]
)
def test_headers_without_end_are_refused(place: Place, more: bytes) -> None:
    before = len(place.seen)
    with Client(place) as attacker:
        attacker.sendall(b"GET / HTTP/1.1\r\nhost: here\r\nx: y\r\nz: ")
        # Some of it the kernel took.
        assert sent_until_refused(attacker, more) < 16_000_000
    assert len(place.seen) == before


@pytest.mark.parametrize("size", [17_000, 40_000])
def test_headers_that_are_too_large_are_refused_before_the_application_sees_them(place: Place, size: int) -> None:
    before = len(place.seen)
    for parts in (1, 2, 50):
        request = get(extra=b"x: " + b"a" * size + b"\r\n")
        with Client(place) as she:
            she.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                for start in range(0, len(request), len(request) // parts + 1):
                    she.sendall(request[start : start + len(request) // parts + 1])
            except (BrokenPipeError, ConnectionResetError):
                continue
            assert she.hear() in [(431, b"The headers are too large. Nothing was counted or changed.\n"), (0, b"")]
    assert len(place.seen) == before


def test_a_refusal_carries_the_security_headers(place: Place) -> None:
    with Client(place) as she:
        she.sendall(get(extra=b"x: " + b"a" * 17_000 + b"\r\n"))
        until(lambda: she._more() or b"\r\n\r\n" in she.heard)
        for name, value in [*SECURITY, (b"cache-control", b"no-store"), (b"connection", b"close")]:
            assert b"\r\n" + name + b": " + value + b"\r\n" in she.heard


@pytest.mark.parametrize("begin", [b"content-length: 999999999", b"transfer-encoding: chunked"])
def test_a_body_without_end_is_refused(place: Place, begin: bytes) -> None:
    piece = (b"400\r\n" + b"b" * 1024 + b"\r\n") if b"chunked" in begin else b"b" * 1024
    before = len(place.seen)
    with Client(place) as attacker:
        attacker.sendall(b"POST / HTTP/1.1\r\nhost: here\r\n" + begin + b"\r\n\r\n")
        assert sent_until_refused(attacker, piece) < 16_000_000
    assert len(place.seen) == before


def test_what_follows_a_body_without_end_is_refused(place: Place) -> None:
    with Client(place) as attacker:
        attacker.sendall(b"POST / HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n")
        assert sent_until_refused(attacker, b"trailer: " + b"t" * 1000 + b"\r\n") < 16_000_000


def test_more_than_was_announced_is_dropped_and_the_answer_arrives(place: Place) -> None:
    with Client(place) as she:
        she.sendall(post(b"kind=metoo") + b"\0\0 and more of it")
        assert she.hear() == (200, b"/ kind=metoo")
        assert she.is_closed()


def test_of_many_requests_without_waiting_the_first_are_answered(place: Place) -> None:
    with Client(place) as attacker:
        attacker.sendall(get("/many") * 5_000)
        answers = 0
        while attacker.hear() == (200, b"/many "):
            answers += 1
        assert answers == 1 + Connection.pipelined


# Too slow


def test_who_says_nothing_is_left_without_a_word(hasty: Place) -> None:
    began = time.monotonic()
    with Client(hasty) as nobody:
        assert nobody.is_closed()
    assert time.monotonic() - began > 0.3


@pytest.mark.parametrize("half", [b"G", b"GET / HTTP/1.1\r\nhost: he", get()[:-2]])
def test_half_a_head_is_ended(hasty: Place, half: bytes) -> None:
    with Client(hasty) as attacker:
        attacker.sendall(half)
        assert attacker.hear()[0] == 408
        assert attacker.is_closed()


def test_a_byte_at_a_time_gains_no_time(hasty: Place) -> None:
    began = time.monotonic()
    with Client(hasty) as attacker:
        attacker.sendall(b"GET / HTTP/1.1\r\nx: ")
        sent_until_refused(attacker, b"a", pause=0.02)
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    "half",
    [
        post(b"kind=metoo")[:-3],
        post(b"kind=metoo", extra=b"expect: 100-continue\r\n")[:-10],
        b"POST / HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n1\r\nb\r\n",
    ],
    ids=["half a body", "no body", "chunks"],
)
def test_a_body_that_never_ends_is_ended_and_never_seen(hasty: Place, half: bytes) -> None:
    before = len(hasty.seen)
    with Client(hasty) as attacker:
        attacker.sendall(half)
        status, _ = attacker.hear()
        if status == 100:
            status, _ = attacker.hear()
        assert status == 408
        assert attacker.is_closed()
    assert len(hasty.seen) == before


def test_empty_lines_are_no_request(hasty: Place) -> None:
    for first in (b"", get()):
        with Client(hasty) as attacker:
            attacker.sendall(first)
            assert not first or attacker.hear()[0] == 200
            attacker.sendall(b"\r\n")
            assert attacker.is_closed()


def test_a_body_sent_after_its_answer_gains_no_time(place: Place, hasty: Place) -> None:
    whole = post(b"b" * 100, "/unread")
    with Client(hasty) as attacker:
        attacker.sendall(whole[:-100])
        assert attacker.hear() == (200, b"unread")
        attacker.sendall(whole[-100:-50])
        assert attacker.is_closed()
    with Client(place) as she:
        she.sendall(whole[:-100])
        assert she.hear() == (200, b"unread")
        she.sendall(whole[-100:])
        she.sendall(get("/next"))
        assert she.hear() == (200, b"/next ")


def test_half_a_request_behind_a_whole_one_does_not_cost_its_answer() -> None:
    with serving(head_seconds=0.3, body_seconds=0.3) as place:
        no_chunk = b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n?"
        for behind, last in ((get()[:-2], 408), (post(b"b")[:-1], 408), (no_chunk, 400), (b"\0", 0)):
            place.answer.clear()
            with Client(place) as she:
                she.sendall(get())
                assert she.hear()[0] == 200
                she.sendall(post(b"kind=metoo", "/held") + behind)
                time.sleep(0.6)
                place.answer.set()
                assert she.hear() == (200, b"/held kind=metoo")
                assert she.hear()[0] == last
                assert last == 0 or she.is_closed()


def test_who_does_not_read_the_answer_does_not_hold_it() -> None:
    with serving(answer_seconds=0.2) as place, Client(place) as attacker:
        attacker.sendall(get("/large"))
        until(lambda: place.live() == 1)
        until(lambda: place.live() == 0)


def test_who_reads_the_answer_slowly_gets_it() -> None:
    with serving(head_seconds=0.3, body_seconds=0.3) as place, Client(place) as she:
        she.sendall(get("/large"))
        time.sleep(0.6)
        assert she.hear() == (200, b"x" * LARGE)


# What stays


def kept_connections() -> list[object]:
    gc.collect()
    return [each for each in gc.get_objects() if isinstance(each, Connection)]


def test_nothing_is_left_of_connections_that_ended(hasty: Place) -> None:
    broken = struct.pack("ii", 1, 0)
    for request in (get(), get() * 2, get("/held"), get("/held") * 3, post(b"b")[:-1], get()[:-2], b""):
        with Client(hasty) as attacker:
            attacker.sendall(request)
            time.sleep(0.05)
            attacker.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, broken)
    hasty.answer.set()
    until(lambda: hasty.live() == 0)
    until(lambda: not kept_connections())


def test_nothing_about_them_is_logged(hasty: Place, caplog: pytest.LogCaptureFixture) -> None:
    hasty.answer.clear()
    bad = [b"\x16\x03\x01\x00\n\n", get()[:-2], post(b"b")[:-1], get("/held") * 2, get() + b"\0", get() * 100]
    bad += [get(extra=b"x: " + b"a" * 17_000 + b"\r\n"), get(extra=b"connection: upgrade\r\nupgrade: websocket\r\n")]
    with caplog.at_level("WARNING"):
        for request, goes_first in zip(bad * 2, cycle([True, False])):
            with Client(hasty) as attacker:
                attacker.sendall(request)
                if not goes_first and b"/held" not in request:
                    attacker.hear()
        hasty.answer.set()
        until(lambda: hasty.live() == 0)
    assert [record.getMessage() for record in caplog.records] == []


def test_the_server_that_people_get_has_these_limits(tmp_path: Path) -> None:
    with server(tmp_path, DEMO_CALL, pow_bits=0) as running, Client(Place(port=running.port)) as attacker:
        attacker.sendall(get(extra=b"x: " + b"a" * 17_000 + b"\r\n"))
        assert attacker.hear()[0] == 431
