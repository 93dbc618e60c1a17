# SPDX-License-Identifier: AGPL-3.0-or-later
"""On a screen 320 px wide everything is there, nothing has to be scrolled sideways, and fingers find what they want."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from notalone.web.pages.frame import LANGUAGES
from tests.journeys.conftest import SMALLEST, Visit
from tests.journeys.inspection import FACTS
from tests.journeys.pages import Tour
from tests.server import Server

LARGE = (
    "/",
    "/help",
    "/safety",
    *(f"/call/metoo{page}" for page in ("", "/count", "/minors", "/start", "/withdraw", "/poster")),
)


def test_no_page_is_wider_than_the_screen(tour: Tour) -> None:
    for seen in tour:
        assert seen.facts["width"] == SMALLEST["width"], seen
        assert seen.facts["beyond"] == [], seen


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("screen", [SMALLEST, {"width": 640, "height": 320}], ids=["upright", "on its side"])
def test_large_text_fits_too(visit: Visit, place: Server, lang: str, screen: ViewportSize) -> None:
    page = visit(viewport=screen)
    for text in (24, 32):
        page.context.new_cdp_session(page).send("Page.setFontSizes", {"fontSizes": {"standard": text}})
        for path in LARGE:
            page.goto(f"{place.url}/{lang}{path}")
            facts = page.evaluate(FACTS)
            assert facts["width"] == screen["width"], (path, text)
            assert facts["beyond"] == [], (path, text)
            assert facts["exit_stays_in_sight"], (path, text)
            bar = page.locator(".bar").bounding_box()
            assert bar is not None
            assert bar["height"] <= screen["height"] / 4, (path, text)
        page.goto(f"{place.url}/{lang}/call/quiet")
        page.locator("[value=metoo]").click()
        expect(page.locator(".code")).to_be_visible()
        assert page.evaluate(FACTS)["beyond"] == [], text


def test_nothing_is_too_small_for_a_finger(tour: Tour) -> None:
    assert {(seen.lang, seen.name): seen.facts["small"] for seen in tour if seen.facts["small"]} == {}


def test_nothing_moves(tour: Tour) -> None:
    assert not any(seen.facts["moving"] for seen in tour)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_her_two_taps_and_the_exit_are_large(visit: Visit, place: Server, lang: str) -> None:
    page = visit(viewport=SMALLEST, has_touch=True, is_mobile=True)
    page.goto(f"{place.url}/{lang}/call/metoo")
    boxes = [page.locator(each).bounding_box() for each in ("[value=metoo]", "[value=stand]", "#exit")]
    assert all(box and box["width"] >= 44 and box["height"] >= 44 for box in boxes), boxes
    # Two fingers apart: nobody says the one when she means the other.
    first, second, _ = boxes
    assert first is not None
    assert second is not None
    assert second["y"] - (first["y"] + first["height"]) >= 24
    page.locator("[value=metoo]").tap()
    page.wait_for_url("**/voice#said_here")


def test_her_first_tap_is_on_the_first_screen(visit: Visit, place: Server) -> None:
    page: Page = visit(viewport={"width": 360, "height": 740})
    page.goto(f"{place.url}/en/call/metoo")
    box = page.locator("[value=metoo]").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 740
