# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every page that a visitor can come to, and how she comes there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from playwright.sync_api import Page, Response

from notalone.protocol.voice import SALT_BYTES, Kind
from notalone.services.bundle import parse_text, read_bundle
from notalone.services.call import Call
from notalone.services.settings import Settings
from notalone.web.door import Refused, Waiting
from notalone.web.headers import SECURITY
from notalone.web.pages.frame import LANGUAGES
from notalone.web.problems import Problem
from notalone.web.site import Site
from tests.conftest import fresh_nonce
from tests.server import DEMO_CALL, Server
from tools.pictures import PATHS

# Goes to the page in a language, and gives the server's answer.
Way = Callable[[Page, Server, str], Response]


def _opened(path: str) -> Way:
    def go(page: Page, place: Server, lang: str) -> Response:
        answer = page.goto(place.url + path.format(lang=lang))
        assert answer is not None
        return answer

    return go


_POST = """([path, fields]) => {
    const form = document.createElement("form");
    Object.assign(form, {method: "post", action: path, hidden: true});
    for (const [name, value] of Object.entries(fields)) {
        const input = document.createElement("textarea");
        Object.assign(input, {name, value});
        form.append(input);
    }
    document.body.append(form);
    form.submit();
}"""


def _sent(path: str, fields: Callable[[Page, Server, str], Mapping[str, str]]) -> Way:
    """By a form of her own making, from a page of the site."""

    def go(page: Page, place: Server, lang: str) -> Response:
        values = fields(page, place, lang)
        page.goto(f"{place.url}/{lang}/safety")
        with page.expect_navigation() as navigation:
            page.evaluate(_POST, [path.format(lang=lang), values])
        assert navigation.value is not None
        return navigation.value

    return go


def _tap(slug: str = "quiet", kind: str = "metoo") -> Way:
    def go(page: Page, place: Server, lang: str) -> Response:
        page.goto(f"{place.url}/{lang}/call/{slug}")
        with page.expect_navigation() as navigation:
            page.locator(f"button[value={kind}]").click()
        assert navigation.value is not None
        return navigation.value

    return go


def _fields(**fields: str) -> Callable[[Page, Server, str], Mapping[str, str]]:
    return lambda page, place, lang: {"nonce": fresh_nonce(), "kind": "metoo", **fields}


def _only(**fields: str) -> Callable[[Page, Server, str], Mapping[str, str]]:
    return lambda page, place, lang: fields


def _code_of_a_new_voice(page: Page, place: Server, lang: str) -> Mapping[str, str]:
    _tap()(page, place, lang)
    return {"code": page.locator(".code").inner_text()}


def _code_used_before(page: Page, place: Server, lang: str) -> Mapping[str, str]:
    code = _code_of_a_new_voice(page, place, lang)
    _sent("/{lang}/call/quiet/withdraw", _only(**code))(page, place, lang)
    return code


def _form_of_a_voice_taken_back(page: Page, place: Server, lang: str) -> Mapping[str, str]:
    page.goto(f"{place.url}/{lang}/call/quiet")
    form = {"nonce": page.locator("[name=nonce]").input_value(), "kind": "metoo"}
    page.locator("button[value=metoo]").click()
    code = page.locator(".code").inner_text()
    _sent("/{lang}/call/quiet/withdraw", _only(code=code))(page, place, lang)
    return form


_PAGES: Mapping[str, tuple[int, Way]] = {
    **{name: (404 if name == "nothing" else 200, _opened(path)) for name, path in PATHS.items()},
    "call that is a rehearsal and shows no numbers yet": (200, _opened("/{lang}/call/quiet")),
    "its count": (200, _opened("/{lang}/call/quiet/count")),
    "its poster": (200, _opened("/{lang}/call/quiet/poster")),
    "closed call": (200, _opened("/{lang}/call/closed")),
    "its privacy": (200, _opened("/{lang}/call/closed/privacy")),
    "call in English alone": (200, _opened("/{lang}/call/english")),
    "its page for the young": (200, _opened("/{lang}/call/english/minors")),
    "poster in English alone": (200, _opened("/{lang}/call/english/poster")),
    "no such call": (404, _opened("/{lang}/call/nothing")),
    "me too": (201, _tap()),
    "i stand with you": (201, _tap(kind="stand")),
    "code mistyped": (400, _sent("/{lang}/call/metoo/withdraw", _only(code="ABC"))),
    "code of nobody": (404, _sent("/{lang}/call/metoo/withdraw", _only(code="0" * 18))),
    "taken back": (200, _sent("/{lang}/call/quiet/withdraw", _code_of_a_new_voice)),
    "taken back before": (200, _sent("/{lang}/call/quiet/withdraw", _code_used_before)),
    "form of a voice that was taken back": (410, _sent("/{lang}/call/quiet/voice", _form_of_a_voice_taken_back)),
    "tap on a closed call": (409, _sent("/{lang}/call/closed/voice", _fields())),
    "tap on no call": (404, _sent("/{lang}/call/nothing/voice", _fields())),
    "tap without a nonce": (400, _sent("/{lang}/call/metoo/voice", _only(kind="metoo"))),
    "form too large for the door": (413, _sent("/{lang}/call/metoo/voice", _fields(story="x" * 2000))),
    "form too large for the server": (413, _sent("/{lang}/call/metoo/withdraw", _only(code="x" * 20_000))),
    "form sent to a page": (405, _sent("/{lang}/help", _only(code="ABC"))),
}


@dataclass(frozen=True)
class Seen:
    """What one page is when one comes to it on the smallest screen."""

    lang: str
    name: str
    path: str = field(repr=False)
    status: int = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    facts: Any = field(repr=False)
    violations: Sequence[Any] = field(repr=False)


Tour = Sequence[Seen]


def every_page(page: Page, place: Server, lang: str) -> Iterator[tuple[str, Response]]:
    """Opens one page after the other; gives its name, by what she does or finds, and the server's answer."""
    for name, (status, go) in _PAGES.items():
        answer = go(page, place, lang)
        assert answer.status == status, name
        yield name, answer


def drawn_pages(page: Page, place: Server) -> Iterator[tuple[str, str]]:
    """The pages for what seldom happens, as the server would draw them: every problem, and the waiting line.

    Opens one after the other; gives language and name.
    """
    site = Site(Settings())
    headers = {name.decode(): value.decode() for name, value in SECURITY}
    for lang in LANGUAGES:
        for name, content in _drawn(site, lang):
            path = f"{place.url}/{lang}/drawn"
            page.route(
                path,
                lambda route, _, body=content: route.fulfill(
                    body=body, headers=headers, content_type="text/html; charset=utf-8"
                ),
            )
            page.goto(path)
            page.unroute(path)
            yield lang, name


def _drawn(site: Site, lang: str) -> Iterator[tuple[str, bytes]]:
    texts = {each: parse_text(source, each) for each, source in read_bundle(DEMO_CALL).items()}
    call = Call(1, "metoo", bytes(SALT_BYTES), 1, True, date(2031, 5, 4), None, texts)
    nonce = "A" * 22
    for problem in Problem:
        yield problem.name, site.problem(lang, problem)
    retry = Refused(Problem.STORAGE_UNAVAILABLE, call, Kind.ME_TOO, nonce)
    yield "tap while the storage is down", site.html(lang, retry)[1]
    for seconds in (5, 900):
        yield f"{seconds} s to wait", site.html(lang, Waiting(call, Kind.STAND_WITH_YOU, nonce, seconds, "0" * 40))[1]
