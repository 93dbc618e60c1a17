# SPDX-License-Identifier: AGPL-3.0-or-later
"""What goes over the wire to the voice door and comes back, by the form as a browser sends it or by the API.

No I/O: whoever has a connection of any make can use it (spec/http.md).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus

import msgspec

from notalone.protocol.voice import Kind, Malformed, read_code


class Through(Enum):
    """Which of the two doors. Both lead to the same voice."""

    FORM = "form"
    API = "api"


@dataclass(frozen=True, slots=True)
class Tap:
    """One voice on its way. Sending it again is the same voice, for the nonce is the same."""

    slug: str
    kind: Kind
    nonce: str
    proof: str = ""
    ticket: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """On the server's disk. `code` withdraws it; 18 characters as `protocol.voice.read_code` returns it."""

    code: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not counted yet: to be sent again after so many seconds, with this ticket."""

    seconds: int
    ticket: str


@dataclass(frozen=True, slots=True)
class Stumbled:
    """The server could not just now. The same tap may be sent again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Not counted, and the same tap never will be."""

    status: int
    reason: str
    advice: str


Answer = Counted | Waiting | Stumbled | Refused


class NotOurs(ValueError):
    """The answer is none that a Not Alone server gives."""


class _VoiceCounted(msgspec.Struct):
    call: str
    kind: str
    code: str


class ProblemDetails(msgspec.Struct):
    """RFC 9457. `ticket` comes when the voice has to wait."""

    title: str
    status: int
    detail: str = ""
    ticket: str = ""


def address(through: Through, slug: str, lang: str) -> str:
    """The path that a tap is posted to."""
    return f"/{lang}/call/{slug}/voice" if through is Through.FORM else f"/api/calls/{slug}/voices"


def media_type(through: Through) -> str:
    return "application/x-www-form-urlencoded" if through is Through.FORM else "application/json"


def body(through: Through, tap: Tap) -> bytes:
    """What is posted. No field needs escaping: nonces, proofs and tickets are plain by construction."""
    fields = (("nonce", tap.nonce), ("proof", tap.proof), ("ticket", tap.ticket), ("kind", tap.kind.word))
    if through is Through.FORM:
        return "&".join(f"{name}={value}" for name, value in fields).encode("ascii")
    return msgspec.json.encode(dict(fields))


_CODE_ON_PAGE = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{6}(?:-[0-9A-HJKMNP-TV-Z]{6}){2}\b")
_TICKET_ON_PAGE = re.compile(r'<input[^>]*\bname="ticket"[^>]*\bvalue="([0-9a-f]+)"')


def read_answer(through: Through, status: int, retry_after: str, content: bytes) -> Answer:
    """What the door said. Raises NotOurs."""
    if status == HTTPStatus.CREATED:
        return Counted(_code(through, content))
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        ticket = _ticket(through, content)
        return Waiting(_seconds(retry_after), ticket) if ticket else Stumbled("the server could not store it just now")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        # Also what a proxy in front says while the server behind it starts again.
        return Stumbled(f"the server answered {status}")
    if status < HTTPStatus.BAD_REQUEST:
        raise NotOurs(f"status {status}")
    return _refused(through, status, content)


def _code(through: Through, content: bytes) -> str:
    try:
        if through is Through.API:
            return read_code(msgspec.json.decode(content, type=_VoiceCounted).code)
        found = _CODE_ON_PAGE.search(content.decode())
        return read_code(found[0] if found else "")
    except (msgspec.DecodeError, UnicodeDecodeError, Malformed):
        raise NotOurs("it says that the voice was counted, and gives no code") from None


def _ticket(through: Through, content: bytes) -> str:
    if through is Through.API:
        return read_problem(503, content).ticket
    found = _TICKET_ON_PAGE.search(content.decode(errors="replace"))
    return found[1] if found else ""


def _seconds(retry_after: str) -> int:
    # A proxy may write a date instead (RFC 9110, 10.2.3); then a short wait does, for the door says again how long.
    return int(retry_after) if retry_after.isdecimal() else 5


# The pages say these in the visitor's language; here they are for whoever runs the client.
_REASONS = {
    400: ("the request has the wrong form", "the client and the server may be of different versions"),
    403: ("the server takes it for another site's", "send it to the address that visitors use"),
    404: ("there is no such call there", "see the list of calls at /api/calls"),
    409: ("the call is closed", "it can be read, but it takes no more voices"),
    410: ("this voice was withdrawn", "a withdrawn voice is never counted again"),
    413: ("the request is too large", "the client and the server may be of different versions"),
}


def _refused(through: Through, status: int, content: bytes) -> Refused:
    reason, advice = _REASONS.get(status, (f"the server answered {status}", "look at what stands between you and it"))
    if through is Through.API and status not in _REASONS:
        problem = read_problem(status, content)
        reason, advice = problem.title, problem.detail
    return Refused(status, reason, advice)


def read_problem(status: int, content: bytes) -> ProblemDetails:
    """The problem in an answer of the API; where there is none, one that says the status."""
    try:
        return msgspec.json.decode(content, type=ProblemDetails)
    except msgspec.DecodeError:
        return ProblemDetails(f"the server answered {status}", status)
