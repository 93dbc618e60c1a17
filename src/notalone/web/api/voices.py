# SPDX-License-Identifier: AGPL-3.0-or-later
"""Give a voice and take it back."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from litestar import Response, post
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody

from notalone.protocol.voice import read_code
from notalone.web.api.answers import PROBLEM_TYPE, details, problem_responses
from notalone.web.dependencies import PlatformHere, Slug
from notalone.web.door import API_ANSWER_BYTES, Counted, Outcome, Waiting
from notalone.web.headers import Header
from notalone.web.problems import Problem, Stopped

_JSON: Header = (b"content-type", b"application/json")
_PROBLEM: Header = (b"content-type", PROBLEM_TYPE.encode())


class Voice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One voice. Sending it again changes nothing and answers the same."""

    nonce: Annotated[
        str,
        msgspec.Meta(
            pattern="^[A-Za-z0-9_-]{21}[AQgw]$", description="16 random bytes as base64url; fresh for every voice"
        ),
    ]
    kind: Annotated[Literal["metoo", "stand"], msgspec.Meta(description="me too, or: I stand with you")]
    proof: Annotated[
        str,
        msgspec.Meta(max_length=8, description="proof of work, 8 hex digits; without it the voice may have to wait"),
    ] = ""
    ticket: Annotated[str, msgspec.Meta(max_length=64, description="from an earlier answer that asked to wait")] = ""


class VoiceCounted(msgspec.Struct, frozen=True):
    """A voice that is on disk."""

    call: str
    kind: str
    code: str


class Withdrawal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Take a voice back by its code."""

    code: Annotated[
        str,
        msgspec.Meta(
            max_length=64,
            description="the 18 letters and digits that came with the voice, however they are grouped",
        ),
    ]


class Withdrawn(msgspec.Struct, frozen=True):
    """The voice is no longer counted. `before`: it was withdrawn earlier already."""

    before: bool


@post(
    "/api/calls/{slug:str}/voices",
    operation_id="giveVoice",
    summary="Give a voice",
    tags=["voices"],
    responses={
        201: ResponseSpec(VoiceCounted, description="Counted, and on disk"),
        **problem_responses(
            Problem.BAD_FORM,
            Problem.CROSS_SITE,
            Problem.UNKNOWN_CALL,
            Problem.CALL_CLOSED,
            Problem.VOICE_WITHDRAWN,
            Problem.TOO_LARGE,
            Problem.WAITING,
            Problem.STORAGE_UNAVAILABLE,
        ),
    },
)
async def give_voice(slug: Slug, data: JSONBody[Voice]) -> Response[bytes]:
    """Described here, and served by the voice door, in front of all this (web/app.py)."""
    raise Stopped(Problem.NOT_FOUND)


class ApiWords:
    """`POST /api/calls/{slug}/voices` (door.Words)."""

    size = API_ANSWER_BYTES

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(Voice)
        self._encoder = msgspec.json.Encoder()

    def read(self, headers: Mapping[bytes, bytes], body: bytes) -> Mapping[str, str] | None:
        if not is_json(headers):
            return None
        try:
            voice = self._decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return {"nonce": voice.nonce, "kind": voice.kind, "proof": voice.proof, "ticket": voice.ticket}

    def write(self, outcome: Outcome) -> tuple[HTTPStatus, list[Header], bytes]:
        if isinstance(outcome, Counted):
            counted = VoiceCounted(outcome.call.slug, outcome.kind.word, outcome.code)
            return HTTPStatus.CREATED, [_JSON], self._encoder.encode(counted)
        if isinstance(outcome, Waiting):
            problem, ticket = Problem.WAITING, outcome.ticket
            return problem.status, [_PROBLEM], self._encoder.encode(details(problem, ticket))
        return outcome.problem.status, [_PROBLEM], self._encoder.encode(details(outcome.problem))


def is_json(headers: Mapping[bytes, bytes]) -> bool:
    """A form of another site can carry JSON under another type, and old browsers do not tell whose it is."""
    return headers.get(b"content-type", b"").partition(b";")[0].strip().lower() == b"application/json"


@post(
    "/api/calls/{slug:str}/withdrawals",
    operation_id="withdrawVoice",
    summary="Take a voice back",
    tags=["voices"],
    status_code=200,
    responses=problem_responses(
        Problem.BAD_CODE,
        Problem.CROSS_SITE,
        Problem.UNKNOWN_CALL,
        Problem.UNKNOWN_CODE,
        Problem.TOO_LARGE,
        Problem.STORAGE_UNAVAILABLE,
    ),
)
async def withdraw_voice(platform: PlatformHere, slug: Slug, data: JSONBody[Withdrawal]) -> Response[Withdrawn]:
    call = platform.calls.get(slug)
    withdrawn_now = await platform.voices.withdraw(call, read_code(data.code))
    return Response(Withdrawn(before=not withdrawn_now), headers={"cache-control": "no-store"})
