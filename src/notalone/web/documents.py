# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is the same for everybody: made when what it shows changes, kept as bytes, given to many."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from litestar import Request, Response
from litestar.datastructures import State

from notalone.web.prepared import Latest

AnyRequest = Request[Any, Any, State]
# For handlers whose answers are packed already.
PACKED_KEY = "packed"
PACKED = {PACKED_KEY: True}
# RFC 9110, section 12.5.3; with a weight of 0 it is refused.
_TAKES_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))")


@dataclass(frozen=True, slots=True)
class Document:
    """The same for everybody. `packed`: by gzip, for those who take it."""

    body: bytes
    packed: bytes

    @classmethod
    def of(cls, text: str | bytes) -> Document:
        body = text.encode() if isinstance(text, str) else text
        return cls(body, gzip.compress(body, 6, mtime=0))


class Documents:
    """Documents by name and version. A long one takes a tenth of a second to make: a thread makes it, and taps that
    come meanwhile do not wait for it."""

    def __init__(self) -> None:
        self._making = Latest[asyncio.Future[Document]]()

    async def get(self, name: Hashable, version: Hashable, make: Callable[[], str | bytes]) -> Document:
        """However many ask for it at once, it is made once."""

        def begin() -> asyncio.Future[Document]:
            made = asyncio.ensure_future(asyncio.to_thread(lambda: Document.of(make())))
            made.add_done_callback(lambda made: self._forget_failed(name, made))
            return made

        # Who stops waiting does not stop it for the others.
        return await asyncio.shield(self._making.get(name, version, begin))

    def _forget_failed(self, name: Hashable, made: asyncio.Future[Document]) -> None:
        if made.cancelled() or made.exception() is not None:
            self._making.forget(name, made)


def document_response(
    request: AnyRequest, document: Document, media_type: str, headers: Mapping[str, str]
) -> Response[bytes]:
    """The document as this client takes it. Its handler is marked by `opt=PACKED`."""
    headers = {**headers, "vary": "accept-encoding"}
    if not _TAKES_GZIP.search(request.headers.get("accept-encoding", "")):
        return Response(document.body, media_type=media_type, headers=headers)
    return Response(document.packed, media_type=media_type, headers={**headers, "content-encoding": "gzip"})
