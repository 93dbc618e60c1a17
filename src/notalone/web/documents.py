# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is the same for everybody: made when what it shows changes, kept as bytes, given to many."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from litestar import Request, Response
from litestar.datastructures import State

from notalone.web.prepared import Latest

AnyRequest = Request[Any, Any, State]
# For handlers whose answers are packed already.
PACKED = {"packed": True}


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
            return asyncio.ensure_future(asyncio.to_thread(lambda: Document.of(make())))

        made = self._making.get(name, version, begin)
        try:
            # Who stops waiting does not stop it for the others.
            return await asyncio.shield(made)
        except Exception:
            self._making.forget(name)
            raise


def document_response(
    request: AnyRequest, document: Document, media_type: str, headers: Mapping[str, str]
) -> Response[bytes]:
    """The document as this client takes it. Its handler is marked by `opt=PACKED`."""
    headers = {**headers, "vary": "accept-encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(document.body, media_type=media_type, headers=headers)
    return Response(document.packed, media_type=media_type, headers={**headers, "content-encoding": "gzip"})
