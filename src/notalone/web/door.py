# SPDX-License-Identifier: AGPL-3.0-or-later
"""The voice door: where a tap is sent, and its answer.

Plain ASGI, because a viral day passes through here. Every answer has one size on the wire, whatever it says, so that
who watches the network cannot tell a voice from a mistake, or one kind from the other. The answer is the POST's own:
nothing is ever carried in an address.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol, cast
from urllib.parse import parse_qsl

from notalone.protocol.voice import Kind, Malformed, checked_nonce, proof_holds
from notalone.services.call import Call, UnknownCall
from notalone.services.platform import Platform
from notalone.services.voice import CallClosed, VoiceWithdrawn
from notalone.storage.database import StorageUnavailable
from notalone.web.problems import Problem

if TYPE_CHECKING:
    from litestar.types import Receive, Scope, Send

FIELDS = frozenset({"nonce", "kind", "proof", "ticket"})
BODY_BYTES = 1024
# Longer waits are answered with a ticket; a held connection costs us memory and her patience.
HOLD_SECONDS = 4.0


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


class VoiceDoor:
    """What a voice goes through, whether it came from a form or by the API."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def answer(self, slug: str, fields: Mapping[str, str], *, cross_site: bool) -> Outcome:
        if cross_site:
            return Refused(Problem.CROSS_SITE)
        try:
            call = self._platform.calls.get(slug)
            nonce = checked_nonce(fields.get("nonce", ""))
            kind = Kind.from_word(fields.get("kind", ""))
        except UnknownCall:
            return Refused(Problem.UNKNOWN_CALL)
        except Malformed:
            return Refused(Problem.BAD_FORM)
        waiting = await self._wait_in_line(call, kind, nonce, fields)
        if waiting is not None:
            return waiting
        try:
            return Counted(call, kind, await self._platform.voices.give(call, nonce, kind))
        except CallClosed:
            return Refused(Problem.CALL_CLOSED, call)
        except VoiceWithdrawn:
            return Refused(Problem.VOICE_WITHDRAWN, call)
        except StorageUnavailable:
            proof, ticket = (_given_back(fields.get(name, "")) for name in ("proof", "ticket"))
            return Refused(Problem.STORAGE_UNAVAILABLE, call, kind, nonce, proof, ticket)

    async def _wait_in_line(self, call: Call, kind: Kind, nonce: str, fields: Mapping[str, str]) -> Waiting | None:
        """None: she may go on."""
        bits = self._platform.settings.pow_bits
        if bits == 0 or proof_holds(call.slug, nonce, fields.get("proof", ""), bits):
            return None
        ticket = fields.get("ticket", "")
        form = f"{call.slug} {nonce}"
        seconds = self._platform.line.redeem(form, ticket) if ticket else None
        if seconds is None:
            place = self._platform.line.take(form)
            seconds, ticket = place.seconds, place.ticket
        if seconds > HOLD_SECONDS:
            return Waiting(call, kind, nonce, _rounded_up(seconds), ticket)
        if seconds > 0:
            await asyncio.sleep(seconds)
        return None


def _rounded_up(seconds: float) -> int:
    """A wait as it is said: in steps that grow, so that the pages that say it can be kept."""
    step = 5 if seconds <= 60 else 30 if seconds <= 600 else 300
    return math.ceil(seconds / step) * step


def _given_back(text: str) -> str:
    """A proof or a ticket, to stand in her form again; nothing where it can be neither."""
    return text if re.fullmatch(r"[0-9a-f]{0,40}", text) else ""


class Answers(Protocol):
    """Writes outcomes for people, in one language."""

    def html(self, lang: str, outcome: Outcome) -> tuple[HTTPStatus, bytes]: ...


class FormDoor:
    """`POST /{lang}/call/{slug}/voice`, for the form on the public page."""

    def __init__(self, door: VoiceDoor, answers: Answers, headers: list[tuple[bytes, bytes]]) -> None:
        self._door = door
        self._answers = answers
        self._headers = [*headers, (b"content-type", b"text/html; charset=utf-8"), (b"cache-control", b"no-store")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send, lang: str, slug: str) -> None:
        headers = dict(scope["headers"])
        body = await read_body(receive)
        fields = read_form(headers, body)
        if fields is None:
            outcome: Outcome = Refused(Problem.BAD_FORM)
        else:
            outcome = await self._door.answer(slug, fields, cross_site=is_cross_site(headers))
        status, html = self._answers.html(lang, outcome)
        extra = [*self._headers, (b"content-language", lang.encode())]
        if isinstance(outcome, Waiting):
            extra.append((b"retry-after", str(outcome.seconds).encode()))
        await send_padded(send, status, extra, html, FORM_ANSWER_BYTES)


FORM_ANSWER_BYTES = 12_288
API_ANSWER_BYTES = 1_536


async def send_padded(
    send: Send, status: HTTPStatus, headers: list[tuple[bytes, bytes]], body: bytes, size: int
) -> None:
    """Send an answer of exactly `size` bytes from the status line to the end of the body.

    The padding is spaces after the body, which HTML and JSON both allow. The Date header that the server adds has
    one length always, so it is left out of the sum.
    """
    room = padded_room(status, headers, size)
    if len(body) > room:
        raise ValueError(f"an answer of the voice door is {len(body) - room} bytes too long for its one size")
    headers = [*headers, (b"content-length", str(room).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body.ljust(room), "more_body": False})


def padded_room(status: HTTPStatus, headers: list[tuple[bytes, bytes]], size: int) -> int:
    """How many bytes of body make the whole answer `size` bytes."""
    lines = len(f"HTTP/1.1 {status.value} {status.phrase}\r\n") + sum(
        len(name) + len(value) + 4 for name, value in headers
    )
    room = size - lines - len("content-length: \r\n\r\n")
    # The length of the length counts too; sizes are chosen so that it has as many digits as the size itself.
    return room - len(str(size))


async def read_body(receive: Receive) -> bytes | None:
    """The whole body; None when it is larger than any honest form (the rest is read and dropped)."""
    body = b""
    more, too_large = True, False
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += cast(bytes, message.get("body", b""))
        more = bool(message.get("more_body", False))
        if len(body) > BODY_BYTES:
            body, too_large = b"", True
    return None if too_large else body


def read_form(
    headers: Mapping[bytes, bytes], body: bytes | None, known: frozenset[str] = FIELDS
) -> dict[str, str] | None:
    """The form's fields; None when it is not our form."""
    if (
        body is None
        or len(body) > BODY_BYTES
        or not headers.get(b"content-type", b"").startswith(b"application/x-www-form-urlencoded")
    ):
        return None
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=8)
    except ValueError:
        return None
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) and fields.keys() <= known else None


def is_cross_site(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the browser says that another site sent this. Browsers that say nothing are let in."""
    return headers.get(b"sec-fetch-site", b"none") not in (b"same-origin", b"none")
