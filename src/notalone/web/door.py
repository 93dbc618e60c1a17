# SPDX-License-Identifier: AGPL-3.0-or-later
"""The voice door: where a tap is sent, and its answer.

Plain ASGI, because a viral day passes through here. Every answer has one size on the wire, whatever it says, so that
who watches the network cannot tell a voice from a mistake, or one kind from the other. The answer is the POST's own:
nothing is ever carried in an address.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol, cast

from notalone.protocol.voice import Kind, Malformed, checked_nonce, proof_holds
from notalone.services.call import Call, UnknownCall
from notalone.services.platform import Platform, StorageUnavailable
from notalone.services.voice import CallClosed, VoiceWithdrawn, WriterFailed
from notalone.services.waiting import Place
from notalone.web.headers import SECURITY, Header
from notalone.web.problems import Problem

if TYPE_CHECKING:
    from litestar.types import Message, Receive, Scope, Send

_log = logging.getLogger(__name__)

# Larger requests than any form of ours are refused before they are read.
BODY_BYTES = 1024
# Longer waits are answered with a ticket; a held connection costs us memory and her patience.
HOLD_SECONDS = 4.0
# A proxy has places for so many connections, and whoever reads a page needs one too.
HELD_MOST = 300


@dataclass(frozen=True, slots=True)
class Counted:
    call: Call
    kind: Kind
    code: str


@dataclass(frozen=True, slots=True)
class Waiting:
    call: Call
    kind: Kind
    nonce: str
    seconds: int
    ticket: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Not counted. `nonce` and `kind` are there where the same tap may be sent again."""

    problem: Problem
    call: Call | None = None
    kind: Kind | None = None
    nonce: str = ""
    proof: str = ""
    ticket: str = ""


Outcome = Counted | Waiting | Refused


class Words(Protocol):
    """How one kind of client speaks with the door: a form in one language, or JSON.

    `size`: of every answer, in bytes on the wire.
    """

    size: int

    def read(self, headers: Mapping[bytes, bytes], body: bytes) -> Mapping[str, str] | None:
        """The fields; None when it is no voice of ours."""
        ...

    def write(self, outcome: Outcome) -> tuple[HTTPStatus, list[Header], bytes]: ...


class VoiceDoor:
    """What a voice goes through, whether it came from a form or by the API."""

    def __init__(self, platform: Platform, own_host: bytes) -> None:
        """`own_host`: the host that visitors use."""
        self._platform = platform
        self._own_host = own_host
        # Who is in the line now, by call, kind and nonce.
        self._in_line: dict[tuple[int, Kind, str], asyncio.Task[Counted | Waiting]] = {}
        self._held = 0

    async def serve(self, scope: Scope, receive: Receive, send: Send, slug: str, words: Words) -> None:
        headers = dict(scope["headers"])
        body = await read_body(receive)
        extra: list[Header] = []
        if body is None:
            outcome: Outcome = Refused(Problem.TOO_LARGE)
            # Else the server would go on reading, to find the next request behind a body that may never end.
            extra.append((b"connection", b"close"))
        elif is_cross_site(headers, self._own_host):
            outcome = Refused(Problem.CROSS_SITE)
        elif (fields := words.read(headers, body)) is None:
            outcome = Refused(Problem.BAD_FORM)
        else:
            outcome = await self._answer_always(slug, fields)
        if isinstance(outcome, Waiting):
            extra.append((b"retry-after", str(outcome.seconds).encode()))
        try:
            answer = _answer(words, outcome, extra)
        except Exception:
            # Also a page that is too long for the one size, or that cannot be drawn.
            _log.exception("an answer of the voice door could not be written")
            answer = _answer(words, Refused(Problem.INTERNAL), [])
        for message in answer:
            await send(message)

    async def _answer_always(self, slug: str, fields: Mapping[str, str]) -> Outcome:
        try:
            return await self.answer(slug, fields)
        except Exception:
            # Also a defect is answered in the one size. The trace says where it is, and nothing of what was sent.
            _log.exception("an unexpected error at the voice door")
            return Refused(Problem.INTERNAL)

    async def answer(self, slug: str, fields: Mapping[str, str]) -> Outcome:
        try:
            call = self._platform.calls.get(slug)
            nonce = checked_nonce(fields.get("nonce", ""))
            kind = Kind.from_word(fields.get("kind", ""))
        except UnknownCall:
            return Refused(Problem.UNKNOWN_CALL)
        except Malformed:
            return Refused(Problem.BAD_FORM)
        try:
            if self._passes_by_the_line(call, nonce, fields):
                return await self._give(call, kind, nonce)
            return await self._give_in_line(call, kind, nonce, fields.get("ticket", ""))
        except UnknownCall:
            return Refused(Problem.UNKNOWN_CALL)
        except CallClosed:
            return Refused(Problem.CALL_CLOSED, call)
        except VoiceWithdrawn:
            return Refused(Problem.VOICE_WITHDRAWN, call)
        except (StorageUnavailable, WriterFailed) as error:
            problem = Problem.INTERNAL if isinstance(error, WriterFailed) else Problem.STORAGE_UNAVAILABLE
            proof, ticket = (_given_back(fields.get(name, "")) for name in ("proof", "ticket"))
            return Refused(problem, call, kind, nonce, proof, ticket)

    def _passes_by_the_line(self, call: Call, nonce: str, fields: Mapping[str, str]) -> bool:
        if not call.open:
            return True  # it will be told so, and must not make the line of others longer
        bits = self._platform.settings.pow_bits
        return bits == 0 or proof_holds(call.slug, nonce, fields.get("proof", ""), bits)

    async def _give_in_line(self, call: Call, kind: Kind, nonce: str, ticket: str) -> Counted | Waiting:
        """A voice that comes again while it waits is one in the line, and has one answer."""
        which = call.id, kind, nonce
        task = self._in_line.get(which)
        if task is not None and self._held >= HELD_MOST:
            return self._told_to_wait(call, kind, nonce, self._platform.line.ask(f"{call.slug} {nonce}", ticket))
        if task is None:
            task = self._in_line[which] = asyncio.create_task(self._stand_in_line(call, kind, nonce, ticket))
            task.add_done_callback(lambda _: self._in_line.pop(which))
        self._held += 1
        try:
            return await asyncio.shield(task)
        finally:
            self._held -= 1

    async def _stand_in_line(self, call: Call, kind: Kind, nonce: str, ticket: str) -> Counted | Waiting:
        # Counted before, by a tap whose answer she did not see: she must not read that she is not. Nor does it enter
        # the line: who could enter without adding a voice could feel for the next step until another's tap takes it.
        code = await self._platform.voices.find(call, nonce, kind)
        if code is not None:
            return Counted(call, kind, code)
        place = self._platform.line.ask(f"{call.slug} {nonce}", ticket)
        if place.seconds > HOLD_SECONDS or (place.seconds and self._held > HELD_MOST):
            return self._told_to_wait(call, kind, nonce, place)
        # Now and not once it is counted: thousands may be on their way to the disk together.
        self._platform.line.enter()
        await asyncio.sleep(place.seconds)
        return await self._give(call, kind, nonce)

    def _told_to_wait(self, call: Call, kind: Kind, nonce: str, place: Place) -> Waiting:
        return Waiting(call, kind, nonce, _rounded_up(max(place.seconds, 1.0)), place.ticket)

    async def _give(self, call: Call, kind: Kind, nonce: str) -> Counted:
        try:
            return Counted(call, kind, await self._platform.voices.give(call, nonce, kind))
        except CallClosed:
            if not call.open:
                raise
        # Closed since, or restored just now by another process: then it goes on under another id.
        await self._platform.calls.refresh()
        fresh = self._platform.calls.get(call.slug)
        return Counted(fresh, kind, await self._platform.voices.give(fresh, nonce, kind))


def _rounded_up(seconds: float) -> int:
    """A wait as it is said: in steps that grow, so that the pages that say it can be kept."""
    step = 5 if seconds <= 60 else 30 if seconds <= 600 else 300
    return math.ceil(seconds / step) * step


def _given_back(text: str) -> str:
    """A proof or a ticket, to stand in her form again; nothing where it can be neither."""
    return text if re.fullmatch(r"[0-9a-f]{0,40}", text) else ""


FORM_ANSWER_BYTES = 12_288
API_ANSWER_BYTES = 1_536
_NOT_KEPT: Header = (b"cache-control", b"no-store")


def _answer(words: Words, outcome: Outcome, extra: list[Header]) -> tuple[Message, Message]:
    """The outcome as an answer of exactly `words.size` bytes from the status line to the end of the body.

    The padding is spaces after the body, which HTML and JSON both allow. The Date header that the server adds has
    one length always, so it is left out of the sum. Raises ValueError for an answer that is too long.
    """
    status, its_headers, body = words.write(outcome)
    headers = [*SECURITY, _NOT_KEPT, *its_headers, *extra]
    room = padded_room(status, headers, words.size)
    if len(body) > room:
        raise ValueError(f"an answer of the voice door is {len(body) - room} bytes too long for its one size")
    headers.append((b"content-length", str(room).encode()))
    return (
        {"type": "http.response.start", "status": status, "headers": headers},
        {"type": "http.response.body", "body": body.ljust(room), "more_body": False},
    )


def padded_room(status: HTTPStatus, headers: list[Header], size: int) -> int:
    """How many bytes of body make the whole answer `size` bytes."""
    lines = len(f"HTTP/1.1 {status.value} {status.phrase}\r\n") + sum(
        len(name) + len(value) + 4 for name, value in headers
    )
    room = size - lines - len("content-length: \r\n\r\n")
    # The length of the length counts too; sizes are chosen so that it has as many digits as the size itself.
    return room - len(str(size))


async def read_body(receive: Receive) -> bytes | None:
    """The whole body; None when it is larger than any honest form, or broke off. The rest is left unread."""
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += cast(bytes, message.get("body", b""))
        more = bool(message.get("more_body", False))
        if len(body) > BODY_BYTES:
            return None
    return body


def is_cross_site(headers: Mapping[bytes, bytes], own: bytes) -> bool:
    """Whether the browser says that another site sent this POST. Browsers that say nothing are let in.

    Where it does not say `Sec-Fetch-Site` (before 2023, and over plain HTTP) it says the Origin; ours is the host that
    was asked, or `own`. Pages with a form let the browser name it (their `referrer` is `same-origin`), so "null" is not
    ours.
    """
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site not in (b"same-origin", b"none")
    origin = headers.get(b"origin")
    return origin is not None and origin.partition(b"://")[2] not in (headers.get(b"host"), own)
