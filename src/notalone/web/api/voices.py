# SPDX-License-Identifier: AGPL-3.0-or-later
"""Give a voice and take it back."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import Response, post
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody

from notalone.protocol.voice import read_code
from notalone.web.api.answers import VoiceCounted, problem_responses, voice_response
from notalone.web.dependencies import DoorHere, PlatformHere, Slug
from notalone.web.problems import Problem


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
async def give_voice(door: DoorHere, slug: Slug, data: JSONBody[Voice]) -> Response[bytes]:
    fields = {"nonce": data.nonce, "kind": data.kind, "proof": data.proof, "ticket": data.ticket}
    return voice_response(await door.answer(slug, fields, cross_site=False))


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
