# SPDX-License-Identifier: AGPL-3.0-or-later
"""She reads in her language, and is told where no native speaker has read it yet."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from notalone.web.pages.frame import LANGUAGES, direction
from tests.journeys.conftest import Visit
from tests.journeys.pages import Tour
from tests.journeys.scene import WORDS
from tests.server import Server

UNREAD = "No native speaker has read this site's own words in this language yet."


@pytest.mark.parametrize(("wanted", "given"), [("es-MX", "es"), ("ar-EG", "ar"), ("en-GB", "en"), ("fr-FR", "en")])
def test_she_is_met_in_her_language(visit: Visit, place: Server, wanted: str, given: str) -> None:
    page = visit(locale=wanted)
    page.goto(place.url)
    assert page.url == f"{place.url}/{given}/"


def test_every_page_says_its_language_and_direction(tour: Tour) -> None:
    for seen in tour:
        assert (seen.facts["lang"], seen.facts["dir"]) == (seen.lang, direction(seen.lang)), seen


def test_all_words_are_in_the_language_that_they_say(tour: Tour) -> None:
    assert {(seen.lang, seen.name): seen.facts["strangers"] for seen in tour if seen.facts["strangers"]} == {}


def test_words_that_no_native_speaker_read_say_so(tour: Tour) -> None:
    for seen in tour:
        note = WORDS[seen.lang](
            "No native speaker has read this site's own words in this language yet. "
            "If something sounds wrong, it is our mistake."
        )
        assert (note in seen.facts["footer"]) == (seen.lang != "en"), seen
        assert seen.lang == "en" or UNREAD not in note


def test_she_reads_in_spanish(visit: Visit, place: Server) -> None:
    page = visit(locale="es-ES")
    page.goto(f"{place.url}/es/call/metoo")
    expect(page.locator("html")).to_have_attribute("lang", "es")
    # The call has its own text in Spanish: nothing on the page is in another language but the names of languages.
    assert {each.get_attribute("lang") for each in page.locator("main [lang]").all()} <= {"es"}
    page.get_by_role("button", name="Yo también").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(WORDS["es"]("You are counted"))
    expect(page.locator("html")).to_have_attribute("lang", "es")


def test_she_reads_in_arabic(visit: Visit, place: Server) -> None:
    page = visit(locale="ar-EG", viewport={"width": 1000, "height": 800})
    page.goto(f"{place.url}/ar/call/metoo")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    # The call has its own text in Arabic.
    assert {each.get_attribute("lang") for each in page.locator("main [lang]").all()} <= {"ar"}
    # The first column is on the right, and the line still grows from left to right.
    ask, count = page.locator(".ask").bounding_box(), page.locator(".count").bounding_box()
    assert ask is not None
    assert count is not None
    assert ask["x"] > count["x"]
    start, end = page.locator(".from").first.bounding_box(), page.locator(".to").first.bounding_box()
    assert start is not None
    assert end is not None
    assert start["x"] < end["x"]

    page.get_by_role("button", name="أنا أيضًا").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(WORDS["ar"]("You are counted"))
    # Read from left to right, as the groups stand.
    code = page.locator(".code")
    expect(code).to_have_css("direction", "ltr")
    expect(code).to_have_text(re.compile(r"[0-9A-Z]{6}-[0-9A-Z]{6}-[0-9A-Z]{6}"))


def test_she_is_told_that_a_call_has_no_text_in_her_language(visit: Visit, place: Server) -> None:
    page = visit(locale="ar-EG")
    page.goto(f"{place.url}/ar/call/english")
    note = page.get_by_role("note").first
    told = WORDS["ar"]("The text of this page is not there in your language yet. You see it in: %(language)s.")
    expect(note).to_contain_text(told.partition("%")[0])
    # What is English says so, and runs from left to right.
    title = page.locator("h1")
    expect(title).to_have_attribute("lang", "en")
    expect(title).to_have_attribute("dir", "ltr")
    note.get_by_role("link", name=WORDS["ar"]("If you are under 18")).click()
    expect(page).to_have_url(f"{place.url}/ar/call/english/minors")
    page.get_by_role("note").first.get_by_role("link").click()
    expect(page).to_have_url(f"{place.url}/ar/help")


@pytest.mark.parametrize("page_of", ["", "/call/metoo", "/call/metoo/count", "/call/metoo/withdraw", "/help"])
def test_she_changes_the_language_and_stays_on_the_page(visit: Visit, place: Server, page_of: str) -> None:
    page = visit()
    page.goto(f"{place.url}/en{page_of or '/'}")
    for lang, name in (("es", "Español"), ("ar", "العربية"), ("en", "English")):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.locator("html")).to_have_attribute("lang", lang)
        assert page.url == f"{place.url}/{lang}{page_of or '/'}"


def test_no_answer_to_a_form_offers_a_language_in_which_it_would_be_lost(tour: Tour) -> None:
    for seen in tour:
        elsewhere = {f"/{lang}" for lang in LANGUAGES if lang != seen.lang}
        offered = any(link.startswith(tuple(elsewhere)) for link in seen.facts["links"])
        assert offered == (seen.name not in ("me too", "i stand with you", "taken back", "taken back before")), seen
