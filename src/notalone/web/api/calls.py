# SPDX-License-Identifier: AGPL-3.0-or-later
"""Calls and their published count."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime

import msgspec
from litestar import Response, get
from litestar.enums import MediaType
from litestar.openapi import ResponseSpec

from notalone.services.call import Call
from notalone.services.magnitude import SHOWN_FROM, Published
from notalone.services.platform import Platform
from notalone.web.api.answers import problem_responses
from notalone.web.dependencies import PlatformHere, SiteHere, Slug
from notalone.web.documents import PACKED, AnyRequest, document_response
from notalone.web.problems import Problem

# 400: the name could not be one.
_NO_SUCH_CALL = problem_responses(Problem.BAD_FORM, Problem.UNKNOWN_CALL)


class CallSummary(msgspec.Struct, frozen=True):
    """One call in the list."""

    slug: str
    open: bool
    rehearsal: bool
    languages: list[str]
    titles: dict[str, str]
    loaded_on: date
    closed_on: date | None


class CallDetails(msgspec.Struct, frozen=True):
    """What a client needs to give a voice. `pow_bits`: the work asked (0: none)."""

    slug: str
    open: bool
    rehearsal: bool
    asks: dict[str, str]
    pow_bits: int


class Count(msgspec.Struct, frozen=True):
    """What is published. A null number: fewer than `shown_from`, not shown, to keep people safe."""

    call: str
    numbers: dict[str, int | None]
    shown_from: int
    noise: str
    checked: str
    tick_seconds: int
    released_at: datetime
    next_release_at: datetime
    series: list[CountPoint]


class CountPoint(msgspec.Struct, frozen=True):
    """What the public saw from `at` on."""

    at: datetime
    metoo: int | None
    stand: int | None


@get("/api/calls", operation_id="listCalls", summary="Every call", tags=["calls"])
async def list_calls(platform: PlatformHere) -> list[CallSummary]:
    return [_summary(call) for call in platform.calls.all()]


@get("/api/calls/{slug:str}", operation_id="getCall", summary="One call", tags=["calls"], responses=_NO_SUCH_CALL)
async def get_call(platform: PlatformHere, slug: Slug) -> CallDetails:
    call = platform.calls.get(slug)
    asks = {lang: text.ask for lang, text in call.texts.items()}
    return CallDetails(call.slug, call.open, call.rehearsal, asks, platform.settings.pow_bits)


@get(
    "/api/calls/{slug:str}/count.json",
    operation_id="getCount",
    summary="How many, and how it grew",
    tags=["count"],
    responses={200: ResponseSpec(Count, description="What is published"), **_NO_SUCH_CALL},
    opt=PACKED,
)
async def get_count(request: AnyRequest, site: SiteHere, platform: PlatformHere, slug: Slug) -> Response[bytes]:
    call = platform.calls.get(slug)
    published = platform.magnitude.published(call)
    document = await site.documents.get(
        ("count.json", slug), _version(call, published), lambda: msgspec.json.encode(_count(call, published))
    )
    return document_response(request, document, MediaType.JSON, _cache(platform, published))


@get(
    "/api/calls/{slug:str}/count.csv",
    operation_id="getCountTable",
    summary="The same series as CSV; an empty number means: fewer than 50, not shown",
    tags=["count"],
    media_type="text/csv",
    responses=_NO_SUCH_CALL,
    opt=PACKED,
)
async def get_count_table(request: AnyRequest, site: SiteHere, platform: PlatformHere, slug: Slug) -> Response[bytes]:
    call = platform.calls.get(slug)
    published = platform.magnitude.published(call)
    document = await site.documents.get(("count.csv", slug), _version(call, published), lambda: _table(published))
    headers = {**_cache(platform, published), "content-disposition": 'attachment; filename="count.csv"'}
    return document_response(request, document, "text/csv", headers)


def _summary(call: Call) -> CallSummary:
    titles = {lang: text.title for lang, text in call.texts.items()}
    return CallSummary(call.slug, call.open, call.rehearsal, list(call.texts), titles, call.loaded_on, call.closed_on)


def _count(call: Call, published: Published) -> Count:
    return Count(
        call=call.slug,
        numbers={kind: shown.number for kind, shown in published.kinds.items()},
        shown_from=SHOWN_FROM,
        noise="none",
        checked="taps, not checked people: one person can tap more than once",
        tick_seconds=published.tick_seconds,
        released_at=_moment(published.released_at),
        next_release_at=_moment(published.next_release_at),
        series=[CountPoint(_moment(p.at), p.metoo, p.stand) for p in published.series],
    )


def _version(call: Call, published: Published) -> tuple[int, int]:
    # A call that was deleted and loaded anew has the same name and another revision.
    return call.revision, published.released_at


def _table(published: Published) -> str:
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\r\n")
    rows.writerow(["at", "metoo", "stand"])
    rows.writerows([_moment(p.at).isoformat(), p.metoo, p.stand] for p in published.series)
    return table.getvalue()


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _cache(platform: Platform, published: Published) -> dict[str, str]:
    # A number changes at ticks only, so anyone may keep it until the next.
    # No longer than a tick, if the clock was wrong when the numbers were published.
    left = min(max(0, int(published.next_release_at - platform.clock())), published.tick_seconds)
    return {"cache-control": f"public, max-age={left}"}
