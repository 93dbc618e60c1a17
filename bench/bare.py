# SPDX-License-Identifier: AGPL-3.0-or-later
"""The voice door with nothing behind it: the same answer, of the same size and headers, and no work at all.

What is between this and the voice door is ours; what this costs is the web server's.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from notalone.web.door import API_ANSWER_BYTES, FORM_ANSWER_BYTES, padded_room
from notalone.web.headers import SECURITY

if TYPE_CHECKING:
    from litestar.types import Receive, Scope, Send


def _answer(content_type: bytes, size: int, *extra: tuple[bytes, bytes]) -> tuple[list[tuple[bytes, bytes]], bytes]:
    headers = [*SECURITY, (b"content-type", content_type), (b"cache-control", b"no-store"), *extra]
    room = padded_room(HTTPStatus.CREATED, headers, size)
    body = b"AAAAAA-AAAAAA-AAAAAA" if size == FORM_ANSWER_BYTES else b'{"code":"AAAAAAAAAAAAAAAAAA"}'
    return [*headers, (b"content-length", str(room).encode())], body.ljust(room)


_FORM = _answer(b"text/html; charset=utf-8", FORM_ANSWER_BYTES, (b"content-language", b"en"))
_API = _answer(b"application/json", API_ANSWER_BYTES)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body", False):
        pass
    headers, body = _API if scope["path"].startswith("/api/") else _FORM
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
