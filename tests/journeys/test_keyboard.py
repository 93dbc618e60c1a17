# SPDX-License-Identifier: AGPL-3.0-or-later
"""She uses the keyboard alone: everything can be reached, in order, and she always sees where she is."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import Visit
from tests.server import Server

FOCUSED = """() => {
    const at = document.activeElement;
    if (!at || at === document.body) return null;
    const bar = document.querySelector(".bar").getBoundingClientRect();
    const top = at.closest(".bar, .skips") ? 0 : bar.bottom;
    const {outlineStyle, outlineWidth} = getComputedStyle(at);
    const {top: from, bottom: to, left, right, height} = at.getBoundingClientRect();
    const hit = (box) => {
        const there = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
        return there !== null && (at.contains(there) || there.contains(at));
    };
    const fits = height <= innerHeight - top;
    return {
        name: at.outerHTML.slice(0, 100),
        text: at.innerText,
        marked: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
        // Larger than the room there is: its beginning or its end must be there.
        seen: fits ? from >= top - 1 && to <= innerHeight + 1 : from < innerHeight && to > top,
        within: left >= -1 && right <= innerWidth + 1,
        free: !fits || [...at.getClientRects()].filter((box) => box.width && box.height).every(hit),
    };
}"""
ALL = """() => [...document.querySelectorAll("a, button, input:not([type=hidden]), summary, [tabindex='0']")]
    .filter((each) => each.checkVisibility()).length"""


def walk(page: Page, key: str, stops: int) -> list[Any]:
    """Where the focus comes by."""
    found = []
    for _ in range(stops):
        page.keyboard.press(key)
        found.append(page.evaluate(FOCUSED))
    return found


SCREENS = {
    "telephone": ({"width": 320, "height": 640}, 16),
    "telephone with large text": ({"width": 320, "height": 640}, 32),
    "desktop with large text": ({"width": 1280, "height": 720}, 32),
}


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("path", ["/en/call/metoo", "/ar/call/metoo/count", "/es/help", "/en/call/metoo/withdraw"])
def test_she_reaches_everything_and_sees_where_she_is(visit: Visit, place: Server, screen: str, path: str) -> None:
    viewport, text = SCREENS[screen]
    page = visit(viewport=viewport)
    page.context.new_cdp_session(page).send("Page.setFontSizes", {"fontSizes": {"standard": text}})
    page.goto(place.url + path)
    page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    stops = page.evaluate(ALL)
    there = walk(page, "Tab", stops)
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) is None, "there are more stops than things to stop at"
    back = walk(page, "Shift+Tab", stops)
    assert [each["name"] for each in back] == [each["name"] for each in reversed(there)]
    for each in there + back:
        assert each["marked"], each
        assert each["seen"], each
        assert each["within"], each
        assert each["free"], each


def test_the_first_two_stops_are_the_text_and_the_exit(page: Page, place: Server) -> None:
    page.goto(f"{place.url}/en/call/metoo")
    names = []
    for _ in range(3):
        page.keyboard.press("Tab")
        names.append(page.evaluate(FOCUSED)["text"])
    assert names == ["Skip to the text", "Exit this page", "Exit this page"]


def test_she_is_counted_by_keyboard_alone(page: Page, place: Server) -> None:
    page.goto(f"{place.url}/en/call/metoo")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Me too")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="I stand with you")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    # The answer is what she is told first, and the way on begins there.
    expect(page.get_by_role("heading", level=1)).to_have_text("You are counted")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED)["text"] == "Help: people you can talk to"


def test_what_is_folded_opens_by_keyboard(page: Page, place: Server) -> None:
    page.goto(f"{place.url}/en/call/metoo")
    summary = page.locator("summary").first
    summary.focus()
    page.keyboard.press("Enter")
    link = page.locator("details a").first
    expect(link).to_be_visible()
    link.focus()
    page.keyboard.press("Enter")
    expect(page.locator(str(link.get_attribute("href")))).to_be_in_viewport()
    below = page.locator(str(link.get_attribute("href"))).locator("h2").bounding_box()
    bar = page.locator(".bar").bounding_box()
    assert below is not None
    assert bar is not None
    assert below["y"] >= bar["y"] + bar["height"], "the heading that she jumped to is beneath the bar"
