# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which address shows which page."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from http import HTTPStatus

from litestar import Response, Router, get, post
from litestar.enums import MediaType
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from notalone.protocol.voice import Malformed, read_code
from notalone.services.call import Call
from notalone.services.platform import StorageUnavailable
from notalone.services.voice import UnknownCode
from notalone.web.dependencies import Lang, PlatformHere, SiteHere, Slug
from notalone.web.documents import PACKED, AnyRequest, document_response
from notalone.web.form import read_form
from notalone.web.pages.call import minors_page, privacy_page
from notalone.web.pages.frame import LANGUAGES, Frame
from notalone.web.pages.help import help_page
from notalone.web.pages.home import home_page
from notalone.web.pages.magnitude import count_page
from notalone.web.pages.poster import poster_page
from notalone.web.pages.safety import safety_page
from notalone.web.pages.voice import start_page, voice_page, withdraw_page, withdrawn_page
from notalone.web.problems import Problem, Stopped
from notalone.web.site import Site, language_of

# No browser and no proxy keeps a page: what a shared computer remembers of a visit can hurt.
NOT_KEPT = {"cache-control": "no-store"}


def html(page: str | bytes, status: HTTPStatus = HTTPStatus.OK) -> Response[str | bytes]:
    """A page for one visitor."""
    return Response(page, status_code=status, media_type=MediaType.HTML, headers=NOT_KEPT)


def checked(lang: str) -> str:
    """The language, if the site has it."""
    if lang not in LANGUAGES:
        raise Stopped(Problem.NOT_FOUND)
    return lang


@get("/", include_in_schema=False)
async def front(request: AnyRequest) -> Redirect:
    lang = language_of("", request.headers.get("accept-language", ""))
    return Redirect(f"/{lang}/", status_code=303, headers={**NOT_KEPT, "vary": "accept-language"})


async def page_for(
    request: AnyRequest, frame: Frame, version: Hashable, make: Callable[[Frame], str]
) -> Response[bytes]:
    """A page that is the same for everybody, made once for each version of what it shows."""
    site: Site = request.app.state.site
    document = await site.documents.get((frame.lang, frame.path), version, lambda: make(frame))
    return document_response(request, document, MediaType.HTML, NOT_KEPT)


@get("/", opt=PACKED)
async def home(request: AnyRequest, site: SiteHere, platform: PlatformHere, lang: Lang) -> Response[bytes]:
    calls = platform.calls.all()
    version = tuple((each.slug, each.revision) for each in calls)
    return await page_for(request, site.frame(checked(lang), "/"), version, lambda frame: home_page(frame, calls))


@get("/help", opt=PACKED)
async def help_for(request: AnyRequest, site: SiteHere, platform: PlatformHere, lang: Lang) -> Response[bytes]:
    today = platform.today()
    frame = site.frame(checked(lang), "/help")
    return await page_for(request, frame, today, lambda frame: help_page(frame, site.help.entries(today)))


@get("/safety", opt=PACKED)
async def safety(request: AnyRequest, site: SiteHere, lang: Lang) -> Response[bytes]:
    return await page_for(request, site.frame(checked(lang), "/safety"), None, safety_page)


@get("/call/{slug:str}")
async def call(site: SiteHere, platform: PlatformHere, lang: Lang, slug: Slug) -> Response[str | bytes]:
    its = platform.calls.get(slug)
    return html(site.call(checked(lang), its, platform.magnitude.published(its)))


@get("/call/{slug:str}/count", opt=PACKED)
async def count(request: AnyRequest, site: SiteHere, platform: PlatformHere, lang: Lang, slug: Slug) -> Response[bytes]:
    its = platform.calls.get(slug)
    published = platform.magnitude.published(its)
    frame = site.call_frame(checked(lang), its, "/count")
    version = (its.revision, published.released_at)
    return await page_for(request, frame, version, lambda frame: count_page(frame, its, published))


@get("/call/{slug:str}/poster", opt=PACKED)
async def poster(
    request: AnyRequest, site: SiteHere, platform: PlatformHere, lang: Lang, slug: Slug
) -> Response[bytes]:
    its = platform.calls.get(slug)
    url = f"{site.settings.public_url}/{checked(lang)}/call/{its.slug}"
    frame = site.call_frame(lang, its, "/poster")
    return await page_for(request, frame, its.revision, lambda frame: poster_page(frame, its, url))


# What a call has to say beside its public page. `voice` is the door's address opened as a page: nothing is there, and
# nothing was sent again.
_CALL_PAGES: dict[str, Callable[[Frame, Call], str]] = {
    "privacy": privacy_page,
    "minors": minors_page,
    "voice": voice_page,
    "start": start_page,
    "withdraw": withdraw_page,
}


@get([f"/call/{{slug:str}}/{name}" for name in _CALL_PAGES], opt=PACKED)
async def call_words(
    request: AnyRequest, site: SiteHere, platform: PlatformHere, lang: Lang, slug: Slug
) -> Response[bytes]:
    its = platform.calls.get(slug)
    name = request.scope["path"].rpartition("/")[2]
    frame = site.call_frame(checked(lang), its, f"/{name}")
    return await page_for(request, frame, its.revision, lambda frame: _CALL_PAGES[name](frame, its))


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
    except StorageUnavailable:
        # The code is hers alone: a page without it would make her type it again, or lose it.
        page = withdraw_page(frame, its, Problem.STORAGE_UNAVAILABLE, typed)
        return html(page, Problem.STORAGE_UNAVAILABLE.status)
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
            poster,
            call_words,
            take_back,
        ],
        include_in_schema=False,
    ),
]
