# SPDX-License-Identifier: AGPL-3.0-or-later
"""The site's own forms, as browsers send them; and the voice door in the words of the public page's form."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Protocol
from urllib.parse import parse_qsl

from notalone.web.door import BODY_BYTES, FORM_ANSWER_BYTES, Outcome
from notalone.web.headers import Header

_FIELDS = frozenset({"nonce", "kind", "proof", "ticket"})


def read_form(headers: Mapping[bytes, bytes], body: bytes, known: frozenset[str]) -> dict[str, str] | None:
    """The form's fields; None when it is not our form."""
    if len(body) > BODY_BYTES or not headers.get(b"content-type", b"").startswith(b"application/x-www-form-urlencoded"):
        return None
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=8)
    except ValueError:
        return None
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) and fields.keys() <= known else None


class Pages(Protocol):
    """Writes outcomes for people, in one language."""

    def html(self, lang: str, outcome: Outcome) -> tuple[HTTPStatus, bytes]: ...


class FormWords:
    """`POST /{lang}/call/{slug}/voice` (door.Words)."""

    size = FORM_ANSWER_BYTES

    def __init__(self, pages: Pages, lang: str) -> None:
        self._pages = pages
        self._lang = lang
        self._headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-language", lang.encode())]

    def read(self, headers: Mapping[bytes, bytes], body: bytes) -> Mapping[str, str] | None:
        return read_form(headers, body, _FIELDS)

    def write(self, outcome: Outcome) -> tuple[HTTPStatus, list[Header], bytes]:
        status, html = self._pages.html(self._lang, outcome)
        return status, self._headers, html
