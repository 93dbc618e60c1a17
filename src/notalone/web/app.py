# SPDX-License-Identifier: AGPL-3.0-or-later
"""The web application: the voice door in front, everything else behind it."""

from __future__ import annotations

import gc
import logging
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from litestar import Litestar, Request, Response, get
from litestar.config.compression import CompressionConfig
from litestar.enums import HttpMethod, ScopeType
from litestar.exceptions import MethodNotAllowedException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.params import FromPath

import notalone
from notalone.services.platform import run_platform
from notalone.services.settings import Settings, read_settings
from notalone.web.api.answers import problem_response
from notalone.web.api.calls import get_call, get_count, get_count_table, list_calls
from notalone.web.api.voices import ApiWords, give_voice, is_json, withdraw_voice
from notalone.web.dependencies import DEPENDENCIES, SiteHere
from notalone.web.documents import PACKED, PACKED_KEY, AnyRequest, document_response
from notalone.web.door import BODY_BYTES, VoiceDoor, is_cross_site
from notalone.web.form import FormWords
from notalone.web.headers import SECURITY
from notalone.web.problems import Problem, Stopped, problem_of
from notalone.web.routes import NOT_KEPT, PAGES, html
from notalone.web.site import Site, language_of
from notalone.web.source import source_route

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger(__name__)


class Application:
    """ASGI. Sends taps to the voice door and the rest to Litestar, whose answers it gives the security headers."""

    _DOOR = re.compile(r"/([a-z]{2})/call/([^/]+)/voice|/api/calls/([^/]+)/voices")

    def __init__(self, litestar: Litestar, site: Site) -> None:
        self._litestar: ASGIApp = litestar
        self._state = litestar.state
        self._forms = {lang: FormWords(site, lang) for lang in site.languages}
        self._api = ApiWords()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            found = self._DOOR.fullmatch(scope["path"]) if scope["method"] == HttpMethod.POST else None
            words = found and (self._forms.get(found[1]) if found[1] else self._api)
            if found and words:
                await self._state.door.serve(scope, receive, send, found[2] or found[3], words)
                return
            send = _with_security_headers(send)
            if scope["method"] == HttpMethod.HEAD:
                # As GET (RFC 9110, section 9.3.2); the HTTP server leaves the body out.
                scope = {**scope, "method": HttpMethod.GET}
        await self._litestar(scope, receive, send)


def _with_security_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *SECURITY]
        await send(message)

    return sending


def create_app(settings: Settings | None = None, clock: Callable[[], float] = time.time) -> Application:
    """The application with its own platform, opened when the server starts. Raises BadSetting."""
    settings = settings or read_settings()
    site = Site(settings)

    @asynccontextmanager
    async def platform_at_work(app: Litestar) -> AsyncIterator[None]:
        async with run_platform(settings, clock) as platform:
            app.state.platform = platform
            app.state.site = site
            app.state.door = VoiceDoor(platform, site.own_host)
            # What start-up made stays for good. Left to the collector, its 140,000 objects are walked again and again,
            # and every walk holds all visitors up for 70 ms and more.
            gc.collect()
            gc.freeze()
            yield

    litestar = Litestar(
        [
            *PAGES,
            list_calls,
            get_call,
            get_count,
            get_count_table,
            give_voice,
            withdraw_voice,
            health,
            static,
            source_route(settings),
        ],
        dependencies=DEPENDENCIES,
        lifespan=[platform_at_work],
        before_request=refuse_foreign,
        exception_handlers={Exception: answer_problem},
        openapi_config=OpenAPIConfig(
            title="Not Alone",
            version=notalone.__version__,
            description="Say that you are one of many, and see how many there are.",
            path="/api/openapi.json",
            render_plugins=[JsonRenderPlugin(path="/")],
        ),
        # Not the voice door, which is in front: a compressed answer has a size that tells what it says.
        compression_config=CompressionConfig(backend="gzip", gzip_compress_level=4, exclude_opt_key=PACKED_KEY),
        request_max_body_size=BODY_BYTES,
        logging_config=None,
    )
    # The structures refuse fields that they do not know; the description must say so too.
    for name in ("Voice", "Withdrawal"):
        litestar.openapi_schema.components.schemas[name].additional_properties = False
    return Application(litestar, site)


@get("/healthz", include_in_schema=False, media_type="text/plain")
async def health() -> str:
    """For a proxy or a supervisor: this worker answers."""
    return "ok\n"


@get("/static/{name:path}", include_in_schema=False, opt=PACKED)
async def static(request: AnyRequest, site: SiteHere, name: FromPath[str]) -> Response[bytes]:
    """Style, icon and scripts."""
    asset = site.assets.get(name.removeprefix("/"))
    if asset is None:
        raise Stopped(Problem.NOT_FOUND)
    # Kept for ever, but for one that was asked for by another's digest: while a new version is rolled out, a worker of
    # the old one may be asked.
    asked = f"{request.scope['path']}?{request.scope['query_string'].decode('latin-1')}"
    headers = {"cache-control": "public, max-age=31536000, immutable"} if asked == asset.url else NOT_KEPT
    return document_response(request, asset.document, asset.media_type, headers)


async def refuse_foreign(request: Request[Any, Any, Any]) -> None:
    """What another site made her browser send, or could have."""
    if request.method != HttpMethod.POST:
        return
    headers = dict(request.scope["headers"])
    if is_cross_site(headers, request.app.state.site.own_host):
        raise Stopped(Problem.CROSS_SITE)
    if request.scope["path"].startswith("/api/") and not is_json(headers):
        raise Stopped(Problem.BAD_FORM)


def answer_problem(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    problem = problem_of(error)
    if problem is Problem.INTERNAL:
        # The path and the body may say what somebody did; the trace does not.
        _log.error("an unexpected error", exc_info=error)
    path = request.scope["path"]
    if path.startswith("/api/"):
        response: Response[Any] = problem_response(problem)
    else:
        lang = language_of(path, request.headers.get("accept-language", ""))
        response = html(request.app.state.site.problem(lang, problem), problem.status)
    if isinstance(error, MethodNotAllowedException) and error.headers:
        response.headers.update(error.headers)
    return response
