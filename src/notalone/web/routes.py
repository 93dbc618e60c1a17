# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which address shows which page."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.datastructures import State
from litestar.enums import MediaType
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from notalone.protocol.voice import Malformed, read_code
from notalone.services.voice import UnknownCode
from notalone.web.dependencies import Lang, PlatformHere, SiteHere, Slug
from notalone.web.door import read_form
from notalone.web.pages.call import minors_page, privacy_page
from notalone.web.pages.frame import LANGUAGES
from notalone.web.pages.help import help_page
from notalone.web.pages.home import home_page
from notalone.web.pages.poster import poster_page
from notalone.web.pages.safety import safety_page
from notalone.web.pages.voice import start_page, voice_page, withdraw_page, withdrawn_page
from notalone.web.problems import Problem, Stopped
from notalone.web.site import language_of

AnyRequest = Request[Any, Any, State]


def html(page: str | bytes, status: HTTPStatus = HTTPStatus.OK) -> Response[str | bytes]:
    """A page that no browser and no proxy keeps: what a shared computer remembers of a visit can hurt."""
    return Response(page, status_code=status, media_type=MediaType.HTML, headers={"cache-control": "no-store"})


def checked(lang: str) -> str:
    """The language, if the site has it."""
    if lang not in LANGUAGES:
        raise Stopped(Problem.NOT_FOUND)
    return lang


@get("/", include_in_schema=False)
async def front(request: AnyRequest) -> Redirect:
    lang = language_of("", request.headers.get("accept-language", ""))
    headers = {"vary": "accept-language", "cache-control": "no-store"}
    return Redirect(f"/{lang}/", status_code=303, headers=headers)


@get("/")
async def home(site: SiteHere, platform: PlatformHere, lang: Lang) -> Response[str | bytes]:
    return html(home_page(site.frame(checked(lang), "/"), platform.calls.all()))


@get("/help")
async def help_for(site: SiteHere, platform: PlatformHere, lang: Lang) -> Response[str | bytes]:
    return html(help_page(site.frame(checked(lang), "/help"), site.help.entries(platform.today())))


@get("/safety")
async def safety(site: SiteHere, lang: Lang) -> Response[str | bytes]:
    return html(safety_page(site.frame(checked(lang), "/safety")))


@get("/call/{slug:str}")
async def call(site: SiteHere, platform: PlatformHere, lang: Lang, slug: Slug) -> Response[str | bytes]:
    its = platform.calls.get(slug)
    return html(site.call(checked(lang), its, platform.magnitude.published(its)))


@get("/call/{slug:str}/count")
async def count(site: SiteHere, platform: PlatformHere, lang: Lang, slug: Slug) -> Response[str | bytes]:
    its = platform.calls.get(slug)
    return html(site.count(checked(lang), its, platform.magnitude.published(its)))


@get("/call/{slug:str}/privacy")
async def privacy(site: SiteHere, platform: PlatformHere, lang: Lang, slug: Slug) -> Response[str | bytes]:
    its = platform.calls.get(slug)
    return html(privacy_page(site.call_frame(checked(lang), its, "/privacy"), its))


@get("/call/{slug:str}/minors")
async def minors(site: SiteHere, platform: PlatformHere, lang: Lang, slug: Slug) -> Response[str | bytes]:
    its = platform.calls.get(slug)
    return html(minors_page(site.call_frame(checked(lang), its, "/minors"), its))


@get("/call/{slug:str}/poster")
async def poster(site: SiteHere, platform: PlatformHere, lang: Lang, slug: Slug) -> Response[str | bytes]:
    its = platform.calls.get(slug)
    url = f"{site.settings.public_url}/{checked(lang)}/call/{its.slug}"
    return html(poster_page(site.call_frame(lang, its, "/poster"), its, url))


@get("/call/{slug:str}/voice")
async def voice(site: SiteHere, platform: PlatformHere, lang: Lang, slug: Slug) -> Response[str | bytes]:
    """The door's address, opened as a page: nothing is here, and nothing was sent again."""
    its = platform.calls.get(slug)
    return html(voice_page(site.call_frame(checked(lang), its), its))


@get("/call/{slug:str}/start")
async def start(site: SiteHere, platform: PlatformHere, lang: Lang, slug: Slug) -> Response[str | bytes]:
    its = platform.calls.get(slug)
    return html(start_page(site.call_frame(checked(lang), its, "/start"), its))


@get("/call/{slug:str}/withdraw")
async def withdraw(site: SiteHere, platform: PlatformHere, lang: Lang, slug: Slug) -> Response[str | bytes]:
    its = platform.calls.get(slug)
    return html(withdraw_page(site.call_frame(checked(lang), its, "/withdraw"), its))


@post("/call/{slug:str}/withdraw")
async def take_back(
    request: AnyRequest, site: SiteHere, platform: PlatformHere, lang: Lang, slug: Slug
) -> Response[str | bytes]:
    its = platform.calls.get(slug)
    frame = site.call_frame(checked(lang), its, "/withdraw")
    fields = read_form(dict(request.scope["headers"]), await request.body(), frozenset({"code"}))
    if fields is None:
        raise Stopped(Problem.BAD_FORM)
    typed = fields.get("code", "")
    try:
        now = await platform.voices.withdraw(its, read_code(typed))
    except Malformed:
        return html(withdraw_page(frame, its, Problem.BAD_CODE, typed), Problem.BAD_CODE.status)
    except UnknownCode:
        return html(withdraw_page(frame, its, Problem.UNKNOWN_CODE, typed), Problem.UNKNOWN_CODE.status)
    return html(withdrawn_page(frame, its, again=not now))


PAGES: list[ControllerRouterHandler] = [
    front,
    Router(
        "/{lang:str}",
        route_handlers=[
            home,
            help_for,
            safety,
            call,
            count,
            privacy,
            minors,
            poster,
            voice,
            start,
            withdraw,
            take_back,
        ],
        include_in_schema=False,
    ),
]
