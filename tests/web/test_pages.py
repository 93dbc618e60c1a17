# SPDX-License-Identifier: AGPL-3.0-or-later
"""The visitor's pages as a browser reads them: each in each language, without a server."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from html.parser import HTMLParser

import msgspec
import pytest

from notalone.protocol.voice import Kind
from notalone.services.bundle import Section, parse_text
from notalone.services.call import Call
from notalone.services.help import SHIPPED, Entry, read_directory
from notalone.services.magnitude import Point, Published, Shown
from notalone.web.pages.call import call_page, minors_page, privacy_page
from notalone.web.pages.frame import LANGUAGES, Frame, translations
from notalone.web.pages.help import help_page
from notalone.web.pages.home import home_page
from notalone.web.pages.magnitude import count_page
from notalone.web.pages.poster import poster_page, render_poster
from notalone.web.pages.problem import Retry, problem_page
from notalone.web.pages.safety import safety_page
from notalone.web.pages.voice import (
    receipt_page,
    start_page,
    voice_page,
    waiting_page,
    withdraw_page,
    withdrawn_page,
)
from notalone.web.problems import Problem
from tests.server import DEMO_CALL

ASSETS = {
    "style.css": "/static/style.css?v=1",
    "icon.svg": "/static/icon.svg?v=1",
    "exit.js": "/static/built/exit.js?v=1",
    "voice.js": "/static/built/voice.js?v=1",
}
EXIT = "https://weather.example.org/"
HOLE = "holeabcdef"
TICK = 600
NOW = 1_900_000_200
VOID = {"meta", "link", "input", "br", "wbr", "hr", "path"}
# Every answer of the door is padded to 12 kB, headers and all. This leaves room for a longer language.
DOOR_BYTES = 7_000


def demo() -> Call:
    texts = {path.stem: parse_text(path.read_text(), path.stem) for path in sorted(DEMO_CALL.glob("*.md"))}
    return Call(1, "metoo", b"", 1, True, date(2030, 1, 2), None, texts)


CALL = demo()
CLOSED = replace(CALL, open=False, closed_on=date(2030, 2, 3))
REHEARSAL = replace(CALL, texts={lang: replace(text, rehearsal=True) for lang, text in CALL.texts.items()})
# As long as a bundle may make it, in characters of four bytes.
LONG_TEXT = replace(
    CALL.texts["en"],
    lang="zh-Hant",
    title="𠀀" * 80,
    operator="𠀀" * 200,
    contact="mailto:" + "a" * 180 + "@example.org",
)
# A call that nobody has translated for most of its readers.
ENGLISH = replace(CALL, texts={"en": CALL.texts["en"]})
LONGEST = replace(CALL, slug="s" * 40, texts={"zh-Hant": LONG_TEXT}, open=False, closed_on=date(2030, 12, 31))


EVERY_MINUTE = ("The numbers change every minute.", "The numbers change every %(num)s minutes.")


def published(*numbers: tuple[int | None, int | None]) -> Published:
    series = tuple(Point(NOW - TICK * (len(numbers) - n), *both) for n, both in enumerate(numbers))
    last = numbers[-1] if numbers else (None, None)
    return Published({"metoo": Shown(last[0]), "stand": Shown(last[1])}, series, TICK, NOW, NOW + TICK)


GROWN = published((None, None), (60, None), (900, 55), (12_345, 678))


def entries() -> list[Entry]:
    listed = read_directory(SHIPPED).entries(date(2035, 1, 1))
    return [msgspec.structs.replace(each, stale=n % 2 == 0) for n, each in enumerate(listed)]


def frame(lang: str, path: str = "/call/metoo") -> Frame:
    return Frame(lang, path, ASSETS, EXIT)


Render = Callable[[Frame], str]

DOOR: dict[str, Render] = {
    **{f"receipt {kind.word}": lambda f, k=kind: receipt_page(f, CALL, k, HOLE) for kind in Kind},  # type: ignore[misc]
    "waiting": lambda f: waiting_page(f, CALL, Kind.ME_TOO, "n" * 22, 37, "t" * 40),
    "storage unavailable": lambda f: problem_page(
        f, Problem.STORAGE_UNAVAILABLE, CALL, Retry(Kind.STAND_WITH_YOU, "n" * 22)
    ),
    **{f"problem {each.name}": lambda f, p=each: problem_page(f, p) for each in Problem},  # type: ignore[misc]
    "closed": lambda f: problem_page(f, Problem.CALL_CLOSED, CLOSED),
}
OF_CALL: dict[str, Render] = {
    "call": lambda f: call_page(f, CALL, GROWN, HOLE, 16),
    "english call": lambda f: call_page(f, ENGLISH, GROWN, HOLE, 16),
    "english minors": lambda f: minors_page(f, ENGLISH),
    "few": lambda f: call_page(f, CALL, published(), HOLE, 16),
    "closed call": lambda f: call_page(f, CLOSED, GROWN, HOLE, 16),
    "few, closed": lambda f: call_page(f, CLOSED, published(), HOLE, 16),
    "no count, closed": lambda f: count_page(f, CLOSED, published()),
    "count": lambda f: count_page(f, CALL, GROWN),
    "no count": lambda f: count_page(f, CALL, published()),
    "privacy": lambda f: privacy_page(f, CALL),
    "minors": lambda f: minors_page(f, CALL),
    "voice": lambda f: voice_page(f, CALL),
    "start": lambda f: start_page(f, CALL),
    "withdraw": lambda f: withdraw_page(f, CALL),
    "unknown code": lambda f: withdraw_page(f, CALL, Problem.UNKNOWN_CODE, "ABC"),
    "bad code": lambda f: withdraw_page(f, CALL, Problem.BAD_CODE, "ABC"),
    "code not stored": lambda f: withdraw_page(f, CALL, Problem.STORAGE_UNAVAILABLE, "ABC"),
    "withdrawn": lambda f: withdrawn_page(f, CALL),
    "withdrawn again": lambda f: withdrawn_page(f, CALL, again=True),
    "poster": lambda f: poster_page(f, CALL, "https://example.org/en/call/metoo"),
    "poster for here": lambda f: poster_page(f, CALL, "http://127.0.0.1:8000/en/call/metoo"),
}
PAGES: dict[str, Render] = {
    "home": lambda f: home_page(f, [CALL, CLOSED, REHEARSAL]),
    "no calls": lambda f: home_page(f, []),
    "help": lambda f: help_page(f, entries()),
    "no help": lambda f: help_page(f, []),
    "safety": safety_page,
    **OF_CALL,
    **DOOR,
}
# What nobody should find by searching, and no page links to in another language.
PERSONAL = {
    "voice",
    "start",
    "withdraw",
    "unknown code",
    "bad code",
    "code not stored",
    "withdrawn",
    "withdrawn again",
    *DOOR,
}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    words: str = ""
    inside: tuple[str, ...] = ()


@dataclass
class Seen(HTMLParser):
    """A page as read: its elements in order. Fails on what a browser would have to repair."""

    html: str
    elements: list[Element] = field(default_factory=list)
    open: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        each = Element(tag, {name: value or "" for name, value in attrs}, "", tuple(one.tag for one in self.open))
        self.elements.append(each)
        if tag not in VOID:
            self.open.append(each)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for each in self.open:
            each.words += data

    def all(self, tag: str) -> list[Element]:
        return [each for each in self.elements if each.tag == tag]

    def only(self, tag: str) -> Element:
        (found,) = self.all(tag)
        return found

    @property
    def words(self) -> str:
        return " ".join(self.only("body").words.split())


def say(lang: str, sentence: str) -> str:
    return translations(lang).gettext(sentence)


@pytest.fixture(params=LANGUAGES)
def lang(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=PAGES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_page_is_whole_and_neutral(name: str, lang: str) -> None:
    page = Seen(PAGES[name](frame(lang)))
    root = page.only("html").attributes
    assert (root["lang"], root["dir"]) == (lang, "rtl" if lang == "ar" else "ltr")
    # The title and the icon stand in tabs, in histories, on screens that others see.
    assert page.only("title").words == say(lang, "Notes")
    metas = {each.attributes.get("name"): each.attributes.get("content") for each in page.all("meta")}
    assert metas.keys() <= {None, "viewport", "color-scheme", "referrer", "robots"}
    # "same-origin" tells our own server alone, and lets it see that a form is its own.
    assert metas["referrer"] == ("same-origin" if page.all("form") else "no-referrer")
    assert metas.get("robots") == ("noindex" if name in PERSONAL else None)
    assert len(page.all("h1")) == 1
    ids = [each.attributes["id"] for each in page.elements if "id" in each.attributes]
    assert len(ids) == len(set(ids))
    for each in page.elements:
        for attribute in ("aria-labelledby", "aria-describedby", "for"):
            assert set(each.attributes.get(attribute, "").split()) <= set(ids)
        if each.attributes.get("href", "").startswith("#"):
            assert each.attributes["href"][1:] in ids


def test_every_page_can_be_left_at_once(name: str, lang: str) -> None:
    page = Seen(PAGES[name](frame(lang)))
    exits = [each for each in page.all("a") if "data-exit" in each.attributes]
    assert [each.attributes["href"] for each in exits] == [EXIT, EXIT]
    assert all(each.attributes["rel"] == "nofollow noreferrer" for each in exits)
    assert all(each.words == say(lang, "Exit this page") for each in exits)
    # The first is for the keyboard, beside the skip link; the second is the button.
    assert page.all("a")[1] is exits[0]
    assert exits[1].attributes["id"] == "exit"
    (status,) = [each for each in page.elements if each.attributes.get("id") == "exit-presses"]
    assert (status.attributes["role"], status.words) == ("status", "")
    assert all(status.attributes[f"data-{key}"] for key in ("one", "two", "leaving"))


def test_no_page_loads_or_runs_anything_from_elsewhere(name: str, lang: str) -> None:
    page = Seen(PAGES[name](frame(lang)))
    for each in page.elements:
        assert "style" not in each.attributes
        assert not [attribute for attribute in each.attributes if attribute.startswith("on")]
        assert each.tag not in {"style", "img", "iframe", "object", "video", "audio", "base"}
    scripts = [each.attributes["src"] for each in page.all("script")]
    assert scripts == [ASSETS["exit.js"], *([ASSETS["voice.js"]] if name in ("call", "english call", "few") else [])]
    assert not any(each.words for each in page.all("script"))
    assert {each.attributes["href"] for each in page.all("link")} == {ASSETS["style.css"], ASSETS["icon.svg"]}
    for each in page.all("a"):
        if not re.match(r"[/#]", each.attributes["href"]):
            assert re.match(r"https://|mailto:|tel:", each.attributes["href"])
            if each.attributes["href"].startswith("https:"):
                assert "noreferrer" in each.attributes["rel"]


def test_help_and_safety_stand_in_one_place(name: str, lang: str) -> None:
    page = Seen(PAGES[name](frame(lang)))
    header = [each.attributes["href"] for each in page.all("a") if "header" in each.inside]
    assert header[:3] == [f"/{lang}/", f"/{lang}/help", f"/{lang}/safety"]


def test_every_page_leads_to_the_source_of_what_runs(name: str, lang: str) -> None:
    footer = [each.attributes["href"] for each in Seen(PAGES[name](frame(lang))).all("a") if "footer" in each.inside]
    assert footer[-1] == "/source"


def test_other_languages_are_a_link_away_where_the_page_can_be_had_again(lang: str) -> None:
    others = [other for other in LANGUAGES if other != lang]

    def offered(html: str) -> list[str]:
        return [each.attributes["href"] for each in Seen(html).all("a") if "hreflang" in each.attributes]

    assert offered(safety_page(frame(lang, "/safety"))) == [f"/{other}/safety" for other in others]
    # Who follows a link away from her code has lost it.
    assert offered(receipt_page(frame(lang), CALL, Kind.ME_TOO, HOLE)) == []
    assert offered(PAGES["waiting"](frame(lang))) == []


@pytest.mark.parametrize("name", DOOR)
def test_answers_of_the_door_are_small(name: str, lang: str) -> None:
    assert len(DOOR[name](frame(lang)).encode()) < DOOR_BYTES


def test_answers_of_the_door_are_small_for_the_longest_call(lang: str) -> None:
    around = Frame(lang, "/call/" + "s" * 40, ASSETS, "https://" + "e" * 200)
    for html in (
        *(receipt_page(around, LONGEST, kind, "X" * 20) for kind in Kind),
        waiting_page(around, LONGEST, Kind.ME_TOO, "n" * 22, 10**6, "t" * 40),
        problem_page(around, Problem.STORAGE_UNAVAILABLE, LONGEST, Retry(Kind.ME_TOO, "n" * 22)),
        *(problem_page(around, problem, LONGEST) for problem in Problem),
    ):
        assert len(html.encode()) < DOOR_BYTES


def test_the_form_carries_what_the_door_reads(lang: str) -> None:
    html = call_page(frame(lang), CALL, GROWN, HOLE, 16)
    page = Seen(html)
    assert html.count(HOLE) == 1
    form = page.only("form").attributes
    assert form == {
        "id": "voice",
        "method": "post",
        "action": f"/{lang}/call/metoo/voice#said_here",
        "data-slug": "metoo",
        "data-bits": "16",
    }
    hidden = {each.attributes["name"]: each.attributes["value"] for each in page.all("input")}
    assert hidden == {"nonce": HOLE, "proof": "", "ticket": ""}
    assert [each.attributes["value"] for each in page.all("button")] == ["metoo", "stand"]
    assert ["loud" in each.attributes.get("class", "") for each in page.all("button")] == [True, False]


def test_a_closed_call_is_read_and_not_answered(lang: str) -> None:
    html = call_page(frame(lang), CLOSED, GROWN, HOLE, 16)
    assert HOLE not in html
    assert not Seen(html).all("form")
    words = Seen(html).words
    # Before the ask: nobody should read a question that she can no longer answer.
    assert words.index(say(lang, "You can no longer tap here.")) < words.index(CALL.text(lang).ask)
    for page in (html, count_page(frame(lang), CLOSED, GROWN)):
        assert translations(lang).ngettext(*EVERY_MINUTE, 10) % {"num": 10} not in Seen(page).words
    assert translations(lang).ngettext(*EVERY_MINUTE, 10) % {"num": 10} in Seen(PAGES["call"](frame(lang))).words


def test_the_receipt_shows_the_code_once_and_keeps_the_kinds_apart(lang: str) -> None:
    pages = {kind: Seen(receipt_page(frame(lang), CALL, kind, HOLE)) for kind in Kind}
    for page in pages.values():
        assert page.html.count(HOLE) == 1
        assert page.only("code").words == HOLE
        assert page.only("code").attributes["dir"] == "ltr"
        assert page.only("h1").words == say(lang, "You are counted")
    assert pages[Kind.ME_TOO].words != pages[Kind.STAND_WITH_YOU].words


def test_a_tap_can_be_sent_again(lang: str) -> None:
    waiting = Seen(waiting_page(frame(lang), CALL, Kind.STAND_WITH_YOU, "n" * 22, 37, "t" * 40))
    failed = Seen(problem_page(frame(lang), Problem.STORAGE_UNAVAILABLE, CALL, Retry(Kind.STAND_WITH_YOU, "n" * 22)))
    for page, ticket in ((waiting, "t" * 40), (failed, "")):
        assert page.only("form").attributes["action"] == f"/{lang}/call/metoo/voice#said_here"
        hidden = {each.attributes["name"]: each.attributes["value"] for each in page.all("input")}
        assert hidden == {"nonce": "n" * 22, "proof": "", "ticket": ticket}
        assert page.only("button").attributes == {"name": "kind", "value": "stand"}
    assert "37" in waiting.words


def test_a_rehearsal_says_so_on_every_page_of_its_call(lang: str) -> None:
    banner = say(lang, "This is a rehearsal.")
    for html in (
        call_page(frame(lang), REHEARSAL, GROWN, HOLE, 16),
        count_page(frame(lang), REHEARSAL, GROWN),
        privacy_page(frame(lang), REHEARSAL),
        receipt_page(frame(lang), REHEARSAL, Kind.ME_TOO, HOLE),
        start_page(frame(lang), REHEARSAL),
        withdraw_page(frame(lang), REHEARSAL),
        poster_page(frame(lang), REHEARSAL, "https://example.org"),
        home_page(frame(lang), [REHEARSAL]),
    ):
        assert banner in Seen(html).words
    assert banner not in Seen(PAGES["call"](frame(lang))).words


def test_texts_that_no_native_speaker_read_say_so(lang: str) -> None:
    of_call = say(lang, "No native speaker has read this text yet.")
    of_site = "No native speaker has read this site's own words in this language yet."
    of_site = say(lang, f"{of_site} If something sounds wrong, it is our mistake.")
    words = Seen(PAGES["call"](frame(lang))).words
    assert (of_call in words) is not CALL.text(lang).reviewed
    assert (of_site in words) is (lang != "en")


def test_a_text_in_another_language_is_marked() -> None:
    page = Seen(PAGES["english call"](frame("ar")))
    (ask,) = [each for each in page.all("p") if each.words == CALL.texts["en"].ask]
    assert (ask.attributes["lang"], ask.attributes["dir"]) == ("en", "ltr")
    for lang in ("es", "ar"):
        assert not [each for each in Seen(PAGES["call"](frame(lang))).all("p") if "lang" in each.attributes]


def test_who_cannot_read_the_text_finds_help_in_her_language() -> None:
    for html in (PAGES["english call"](frame("ar")), PAGES["english minors"](frame("ar", "/call/metoo/minors"))):
        page = Seen(html)
        (note,) = [each for each in page.all("p") if each.attributes.get("class") == "notice"]
        assert say("ar", "Help: people you can talk to") in note.words
    linked = [
        each.attributes["href"] for each in Seen(PAGES["english call"](frame("ar"))).all("a") if "main" in each.inside
    ]
    assert linked[:2] == ["/ar/help", "/ar/call/metoo/minors"]


def test_what_can_hurt_is_folded_beside_the_tap(lang: str) -> None:
    page = Seen(PAGES["call"](frame(lang)))
    quotes = next(each.words for each in page.all("p") if "Thrasher" in each.words or "ثراشر" in each.words)
    folded = [each for each in page.all("details") if quotes in each.words]
    assert len(folded) == 1
    note = say(lang, "This part quotes people who spoke against %(title)s. You can skip it.") % {"title": "#MeToo"}
    assert note in folded[0].words
    assert sum(quotes in each.words for each in page.all("p")) == 1


def test_footnotes_are_named_and_lead_back(lang: str) -> None:
    for name in ("call", "english call"):
        page = Seen(PAGES[name](frame(lang)))
        notes = [each.attributes for each in page.elements if each.attributes.get("role") == "doc-endnotes"]
        assert len(notes) == len([each for each in page.all("ol") if each.attributes.get("class") == "notes"]) > 5
        assert len({each["aria-label"] for each in notes}) == len(notes)
        back = [each.attributes for each in page.all("a") if each.attributes.get("role") == "doc-backlink"]
        assert back
        assert all(each["aria-label"].startswith(say(lang, "Back to the text")) for each in back)


def test_the_answer_to_a_form_is_what_is_read_first(lang: str) -> None:
    for name in (*DOOR, "withdrawn", "withdrawn again", "unknown code", "bad code", "code not stored"):
        page = Seen(PAGES[name](frame(lang)))
        (said,) = [each for each in page.elements if each.attributes.get("id") == "said_here"]
        assert said.attributes["tabindex"] == "-1"
        assert (said.tag == "h1") is ("code" not in name or "problem" in name)
    assert Seen(PAGES["withdraw"](frame(lang))).only("form").attributes["action"].endswith("/withdraw#said_here")


def test_what_people_wrote_stays_text() -> None:
    hostile = '"><script>alert(1)</script>'
    sections = tuple(Section(id, hostile, "<p>words</p>") for id in ("about", "privacy", "minors"))
    texts = dict.fromkeys(("title", "ask", "summary", "operator", "me_too", "stand"), hostile)
    text = replace(CALL.texts["en"], **texts, sections=sections)  # type: ignore[arg-type]
    call = replace(CALL, texts={"en": text})
    for html in (
        call_page(frame("en"), call, GROWN, HOLE, 16),
        privacy_page(frame("en"), call),
        home_page(frame("en"), [call]),
        withdraw_page(frame("en"), call, Problem.BAD_CODE, hostile),
        poster_page(frame("en"), call, hostile),
        render_poster(text, "en", hostile),
    ):
        assert hostile in html.replace("&#34;", '"').replace("&gt;", ">").replace("&lt;", "<")
        assert not [each for each in Seen(html).all("script") if each.words or "src" not in each.attributes]


def test_a_wrong_code_is_named_and_can_be_mended(lang: str) -> None:
    page = Seen(withdraw_page(frame(lang), CALL, Problem.UNKNOWN_CODE, "7" * 99))
    (entry,) = [each for each in page.all("input") if each.attributes["name"] == "code"]
    assert entry.attributes["aria-invalid"] == "true"
    assert entry.attributes["autocomplete"] == "off"
    assert entry.attributes["value"] == "7" * 40
    (alert,) = [each for each in page.elements if each.attributes.get("role") == "alert"]
    assert say(lang, "No tap on this page has this code. Please check each letter and digit.") in alert.words
    again = Seen(withdraw_page(frame(lang), CALL, Problem.STORAGE_UNAVAILABLE, "ABC"))
    (entry,) = [each for each in again.all("input") if each.attributes["name"] == "code"]
    assert (entry.attributes["value"], entry.attributes.get("aria-invalid")) == ("ABC", None)
    (alert,) = [each for each in again.elements if each.attributes.get("role") == "alert"]
    assert say(lang, "We could not write this down just now") in alert.words
    with pytest.raises(ValueError, match="page of its own"):
        withdraw_page(frame(lang), CALL, Problem.CALL_CLOSED)


def test_what_was_read_long_ago_stands_behind_a_warning(lang: str) -> None:
    page = Seen(PAGES["help"](frame(lang)))
    (behind,) = [each for each in page.all("section") if say(lang, "Check before you call") in each.words]
    assert "details" not in behind.inside
    assert len([each for each in page.all("details") if each.words in behind.words]) == len(page.all("details")) > 1
    for entry in entries():
        shown = [each for each in page.all("article") if entry.name in each.words]
        assert shown, entry.name
        assert all(("details" in each.inside) is entry.stale for each in shown)
        assert all(entry.source.title in each.words and str(entry.assured_date.year) in each.words for each in shown)
        links = {each.attributes["href"] for each in page.all("a")}
        assert {entry.source.url, *(phone.address for phone in entry.phones)} <= links


def test_children_and_young_people_find_theirs_first(lang: str) -> None:
    page = Seen(PAGES["help"](frame(lang)))
    for part in page.all("section"):
        if "main" in part.inside and part.words.strip():
            first, *others = [each.words for each in page.all("h3") if each.words in part.words]
            assert first == say(lang, "For children and young people")
            assert others
    young = [each for each in entries() if each.young]
    assert len(young) > 3
    for entry in young:
        # Among the first, with its country, and in its country.
        assert len([each for each in page.all("article") if entry.name in each.words]) > 1


def test_a_number_in_a_sentence_stays_on_one_line(lang: str) -> None:
    assert "116\u00a0111" in next(
        each.words for each in Seen(PAGES["help"](frame(lang))).all("p") if "116" in each.words
    )
