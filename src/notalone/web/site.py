# SPDX-License-Identifier: AGPL-3.0-or-later
"""The visitor's site: each page rendered when what it shows changes, and the answers of the voice door."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from http import HTTPStatus
from mimetypes import guess_type
from pathlib import Path
from urllib.parse import urlsplit

from babel import negotiate_locale

from notalone.protocol.voice import NONCE_BYTES, Kind, nonce_from, written
from notalone.services.call import Call
from notalone.services.help import read_directory
from notalone.services.magnitude import Published
from notalone.services.settings import Settings
from notalone.web.documents import Document, Documents
from notalone.web.door import Counted, Outcome, Refused, Waiting
from notalone.web.pages.call import call_page
from notalone.web.pages.frame import ASSETS, LANGUAGES, Frame, asset_urls
from notalone.web.pages.problem import Retry, problem_page
from notalone.web.pages.voice import receipt_page, waiting_page
from notalone.web.prepared import Latest, Prepared
from notalone.web.problems import Problem

STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages load. `url`: its address, with a digest of it."""

    url: str
    document: Document
    media_type: str


def _asset(path: str, url: str) -> Asset:
    media_type, _ = guess_type(path)
    assert media_type is not None  # style, icon and scripts have types that everybody knows
    return Asset(url, Document.of((STATIC / path).read_bytes()), media_type)


class Site:
    """What the pages of one server have in common."""

    languages = LANGUAGES

    def __init__(self, settings: Settings) -> None:
        """Raises HelpError, and OSError if the browser scripts were not built."""
        self.settings = settings
        self.help = read_directory(settings.help_directory)
        self.own_host = urlsplit(settings.public_url).netloc.encode()
        self._asset_urls = asset_urls(STATIC)
        self.assets = {path: _asset(path, self._asset_urls[name]) for name, path in ASSETS.items()}
        self.documents = Documents()
        self._prepared = Latest[Prepared]()

    def frame(self, lang: str, path: str) -> Frame:
        """The surroundings of the page at `/{lang}{path}`."""
        return Frame(lang, path, self._asset_urls, self.settings.exit_url)

    def call_frame(self, lang: str, call: Call, page: str = "") -> Frame:
        return self.frame(lang, f"/call/{call.slug}{page}")

    def call(self, lang: str, call: Call, published: Published) -> bytes:
        """The public page with a fresh nonce: whoever gets it can be counted once with it."""

        def page() -> Prepared:
            return Prepared(
                lambda nonce: call_page(self.call_frame(lang, call), call, published, nonce, self.settings.pow_bits), 1
            )

        version = (call.revision, published.released_at)
        prepared = self._prepared.get(("call", call.slug, lang), version, page)
        return prepared.fill(nonce_from(secrets.token_bytes(NONCE_BYTES)))

    def html(self, lang: str, outcome: Outcome) -> tuple[HTTPStatus, bytes]:
        """What the voice door answers (form.Pages)."""
        if isinstance(outcome, Counted):
            return HTTPStatus.CREATED, self._receipt(lang, outcome.call, outcome.kind).fill(written(outcome.code))
        if isinstance(outcome, Waiting):
            page = self._waiting(lang, outcome.call, outcome.kind, outcome.seconds)
            return Problem.WAITING.status, page.fill(outcome.nonce, outcome.ticket)
        return outcome.problem.status, self._refused(lang, outcome).fill(outcome.nonce, outcome.proof, outcome.ticket)

    def problem(self, lang: str, problem: Problem) -> bytes:
        """The page of a problem that has nothing to do with one call."""
        return self._refused(lang, Refused(problem)).fill("", "", "")

    def _receipt(self, lang: str, call: Call, kind: Kind) -> Prepared:
        def page(code: str) -> str:
            return receipt_page(self.call_frame(lang, call), call, kind, code)

        return self._prepared.get(("receipt", call.slug, lang, kind), call.revision, lambda: Prepared(page, 1))

    def _waiting(self, lang: str, call: Call, kind: Kind, seconds: int) -> Prepared:
        def page(nonce: str, ticket: str) -> str:
            return waiting_page(self.call_frame(lang, call), call, kind, nonce, seconds, ticket)

        name = ("waiting", call.slug, lang, kind, seconds)
        return self._prepared.get(name, call.revision, lambda: Prepared(page, 2))

    def _refused(self, lang: str, refused: Refused) -> Prepared:
        call, kind = refused.call, refused.kind
        frame = self.frame(lang, "/") if call is None else self.call_frame(lang, call)

        def page(nonce: str, proof: str, ticket: str) -> str:
            retry = None if kind is None else Retry(kind, nonce, proof, ticket)
            return problem_page(frame, refused.problem, call, retry)

        name = ("refused", refused.problem, call and call.slug, kind, lang)
        return self._prepared.get(name, call and call.revision, lambda: Prepared(page, 3))


def language_of(path: str, accept_language: str) -> str:
    """The language of an address, or else the best of those that the browser asks for, or else English."""
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    if first in LANGUAGES:
        return first
    wanted = [part.partition(";")[0].strip().replace("-", "_") for part in _by_weight(accept_language)]
    return negotiate_locale(wanted, LANGUAGES) or next(
        (lang.partition("_")[0] for lang in wanted if lang.partition("_")[0] in LANGUAGES), "en"
    )


def _by_weight(accept_language: str) -> list[str]:
    """The parts of an Accept-Language header (RFC 9110, section 12.5.4), the most wanted first."""

    def weight(part: str) -> float:
        _, _, text = part.partition("q=")
        try:
            return float(text) if text else 1.0
        except ValueError:
            return 0.0

    return sorted(accept_language.split(",")[:20], key=weight, reverse=True)
