# SPDX-License-Identifier: AGPL-3.0-or-later
"""Problems as the API says them (RFC 9457)."""

from __future__ import annotations

import msgspec
from litestar import Response
from litestar.openapi import ResponseSpec

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
