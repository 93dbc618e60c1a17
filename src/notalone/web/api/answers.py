# SPDX-License-Identifier: AGPL-3.0-or-later
"""How the API answers: problems as RFC 9457 says, and the voice door's answers in their one size."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Response
from litestar.openapi import ResponseSpec

from notalone.web.door import API_ANSWER_BYTES, Counted, Outcome, Waiting, padded_room
from notalone.web.headers import SECURITY
from notalone.web.problems import Problem

PROBLEM_TYPE = "application/problem+json"


class ProblemDetails(msgspec.Struct, frozen=True):
    """RFC 9457, section 3.1. `ticket` comes with the problem `waiting` only."""

    type: str
    title: str
    status: int
    detail: str
    ticket: str | msgspec.UnsetType = msgspec.UNSET


def details(problem: Problem, ticket: str | msgspec.UnsetType = msgspec.UNSET) -> ProblemDetails:
    return ProblemDetails(problem.type, problem.title, problem.status.value, problem.detail, ticket)


def problem_response(problem: Problem) -> Response[bytes]:
    return Response(
        msgspec.json.encode(details(problem)),
        status_code=problem.status,
        media_type=PROBLEM_TYPE,
        headers={"cache-control": "no-store"},
    )


def problem_responses(*problems: Problem) -> dict[int, ResponseSpec]:
    """The same for the API description."""
    by_status: dict[int, list[str]] = {}
    for problem in problems:
        by_status.setdefault(problem.status.value, []).append(problem.title)
    return {
        status: ResponseSpec(
            ProblemDetails, description="; ".join(titles), media_type=PROBLEM_TYPE, generate_examples=False
        )
        for status, titles in by_status.items()
    }


class VoiceCounted(msgspec.Struct, frozen=True):
    """A voice that is on disk."""

    call: str
    kind: str
    code: str


def voice_response(outcome: Outcome) -> Response[bytes]:
    """The outcome in the voice door's one size."""
    if isinstance(outcome, Counted):
        counted = VoiceCounted(outcome.call.slug, outcome.kind.word, outcome.code)
        return _padded(HTTPStatus.CREATED, "application/json", {}, counted)
    if isinstance(outcome, Waiting):
        extra = {"retry-after": str(outcome.seconds)}
        return _padded(Problem.WAITING.status, PROBLEM_TYPE, extra, details(Problem.WAITING, outcome.ticket))
    return _padded(outcome.problem.status, PROBLEM_TYPE, {}, details(outcome.problem))


def _padded(status: HTTPStatus, media_type: str, extra: Mapping[str, str], content: Any) -> Response[bytes]:
    headers = {"cache-control": "no-store", **extra}
    on_the_wire = [
        *SECURITY,
        *((name.encode(), value.encode()) for name, value in headers.items()),
        (b"content-type", media_type.encode()),
    ]
    body = msgspec.json.encode(content).ljust(padded_room(status, on_the_wire, API_ANSWER_BYTES))
    return Response(body, status_code=status, media_type=media_type, headers=headers)
