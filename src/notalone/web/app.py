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
from litestar.datastructures import CacheControlHeader
from litestar.enums import HttpMethod, ScopeType
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.static_files import create_static_files_router

import notalone
from notalone.services.platform import run_platform
from notalone.services.settings import Settings, read_settings
from notalone.web.api.answers import problem_response, voice_response
from notalone.web.api.calls import get_call, get_count, get_count_table, list_calls
from notalone.web.api.voices import give_voice, withdraw_voice
from notalone.web.dependencies import DEPENDENCIES
from notalone.web.door import FormDoor, Refused, VoiceDoor, is_cross_site
from notalone.web.headers import SECURITY
from notalone.web.problems import Problem, Stopped, problem_of
from notalone.web.routes import PAGES, html
from notalone.web.site import STATIC, Site, language_of

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger(__name__)

# Larger requests than any form of ours are refused before they are read.
REQUEST_BYTES = 16_384


class Application:
    """ASGI. Sends taps to the voice door and the rest to Litestar, whose answers it gives the security headers."""

    _DOOR = re.compile(r"/([a-z]{2})/call/([a-z0-9][a-z0-9-]{1,39})/voice")

    def __init__(self, litestar: Litestar, site: Site) -> None:
        self._litestar: ASGIApp = litestar
        self._state = litestar.state
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            found = self._DOOR.fullmatch(scope["path"]) if scope["method"] == HttpMethod.POST else None
            if found is not None and found[1] in self._site.languages:
                await self._state.form_door(scope, receive, send, found[1], found[2])
                return
            send = _with_security_headers(send)
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
            app.state.door = VoiceDoor(platform)
            app.state.form_door = FormDoor(app.state.door, site, list(SECURITY))
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
            create_static_files_router(
                path="/static",
                directories=[STATIC],
                include_in_schema=False,
                # Each address holds a digest of the file (pages/frame.py).
                cache_control=CacheControlHeader(public=True, max_age=31_536_000, immutable=True),
            ),
        ],
        dependencies=DEPENDENCIES,
        lifespan=[platform_at_work],
        before_request=refuse_cross_site,
        exception_handlers={Exception: answer_problem},
        openapi_config=OpenAPIConfig(
            title="Not Alone",
            version=notalone.__version__,
            description="Say that you are one of many, and see how many there are.",
            path="/api/openapi.json",
            render_plugins=[JsonRenderPlugin(path="/")],
        ),
        # Not the voice doors: a compressed answer has a size that tells what it says.
        compression_config=CompressionConfig(backend="gzip", gzip_compress_level=4, exclude=["/voices$"]),
        request_max_body_size=REQUEST_BYTES,
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


async def refuse_cross_site(request: Request[Any, Any, Any]) -> None:
    if request.method == "POST" and is_cross_site(dict(request.scope["headers"])):
        raise Stopped(Problem.CROSS_SITE)


def answer_problem(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    problem = problem_of(error)
    if problem is Problem.INTERNAL:
        # The path and the body may say what somebody did; the trace does not.
        _log.error("an unexpected error", exc_info=error)
    path = request.scope["path"]
    if not path.startswith("/api/"):
        lang = language_of(path, request.headers.get("accept-language", ""))
        return html(request.app.state.site.problem(lang, problem), problem.status)
    if request.method == "POST" and path.endswith("/voices"):
        return voice_response(Refused(problem))
    return problem_response(problem)
