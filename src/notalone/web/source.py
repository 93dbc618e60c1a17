# SPDX-License-Identifier: AGPL-3.0-or-later
"""`/source`: the source of what runs here. Every page links to it, as the licence asks (AGPL, section 13)."""

from __future__ import annotations

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from notalone.services.settings import Settings
from notalone.services.source import pack
from notalone.web.documents import PACKED

# The name tells as little as the titles of pages do: it stays in a list of downloads.
_HEADERS = {"cache-control": "no-store", "content-disposition": 'attachment; filename="source.tar.gz"'}


def source_route(settings: Settings) -> HTTPRouteHandler:
    """Gives the source as a file, packed now, or leads to where the operator publishes it. Raises OSError."""
    if settings.source_url:

        @get("/source", include_in_schema=False)
        async def published() -> Redirect:
            return Redirect(settings.source_url, status_code=303)

        return published

    packed = pack()

    @get("/source", include_in_schema=False, opt=PACKED)
    async def offered() -> Response[bytes]:
        return Response(packed, media_type="application/gzip", headers=_HEADERS)

    return offered
