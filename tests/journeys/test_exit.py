# SPDX-License-Identifier: AGPL-3.0-or-later
"""She leaves quickly, and nothing on the screen or in "back" tells what she read."""

from __future__ import annotations

import re
import time
from base64 import b64decode
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, CDPSession, Page, Request, Route, expect

from notalone.web.pages.frame import LANGUAGES
from tests.journeys.conftest import Visit
from tests.journeys.pages import Tour
from tests.journeys.scene import EXIT_URL, WORDS, hard_work, posts, settled_numbers
from tests.server import Server

Leave = Callable[[Page], object]


def by_the_button(page: Page) -> None:
    page.locator("#exit").click(no_wait_after=True)


def by_shift(page: Page) -> None:
    for _ in range(3):
        page.keyboard.press("Shift")


def by_the_first_links(page: Page) -> None:
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")


WAYS_OUT = pytest.mark.parametrize("leave", [by_the_button, by_shift, by_the_first_links], ids=lambda way: way.__name__)


@WAYS_OUT
def test_she_leaves_quickly(page: Page, place: Server, leave: Leave) -> None:
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))
    page.goto(f"{place.url}/en/call/metoo")
    leave(page)
    page.wait_for_url(EXIT_URL)
    assert page.title() == "Weather"
    # The weather is not told where she comes from.
    assert "referer" not in next(each for each in asked if each.url == EXIT_URL).all_headers()
    assert page.evaluate("document.referrer") == ""


@pytest.mark.parametrize("leave", [by_the_button, by_the_first_links], ids=lambda way: way.__name__)
def test_she_leaves_quickly_without_any_script(visit: Visit, place: Server, leave: Leave) -> None:
    page = visit(java_script_enabled=False)
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))
    page.goto(f"{place.url}/en/call/metoo")
    leave(page)
    page.wait_for_url(EXIT_URL)
    assert "referer" not in next(each for each in asked if each.url == EXIT_URL).all_headers()


def test_every_page_can_be_left(tour: Tour) -> None:
    for seen in tour:
        words = WORDS[seen.lang]("Exit this page")
        assert seen.facts["exits"] == [[words, EXIT_URL, "nofollow noreferrer"]] * 2, seen
        assert seen.facts["exit_stays_in_sight"], seen


def test_the_exit_is_explained_before_any_page_that_asks_for_more_than_a_tap(tour: Tour, place: Server) -> None:
    for seen in tour:
        asking = [link for link in seen.facts["links"] if link.endswith("/withdraw")]
        assert bool(asking) == (seen.name == "start" or seen.path.endswith("/withdraw")), seen


def test_she_is_told_how_often_she_pressed(page: Page, place: Server) -> None:
    page.goto(f"{place.url}/en/call/metoo")
    told = page.locator("#exit-presses")
    page.keyboard.press("Shift")
    expect(told).to_have_text("Press Shift 2 more times to exit.")
    expect(told).to_be_visible()
    page.keyboard.press("Shift")
    expect(told).to_have_text("Press Shift 1 more time to exit.")
    page.keyboard.press("ArrowDown")
    expect(told).to_have_text("")
    assert page.url.startswith(place.url)


def test_presses_that_are_far_apart_do_not_add_up(page: Page, place: Server) -> None:
    page.clock.install()
    page.goto(f"{place.url}/en/call/metoo")
    for _ in range(4):
        page.keyboard.press("Shift")
        expect(page.locator("#exit-presses")).to_have_text("Press Shift 2 more times to exit.")
        page.clock.run_for(5100)
        expect(page.locator("#exit-presses")).to_have_text("")
    assert page.url.startswith(place.url)


def test_capital_letters_and_shortcuts_do_not_make_her_leave(page: Page, place: Server) -> None:
    page.goto(f"{place.url}/en/call/metoo/withdraw")
    field = page.get_by_label("Your voice code")
    field.press_sequentially("ABC")
    for letter in "DEFG":
        page.keyboard.down("Shift")
        page.keyboard.press(letter)
        page.keyboard.up("Shift")
    expect(field).to_have_value("ABCDEFG")
    for keys in ("Shift+Tab", "Shift+ArrowLeft", "Control+Shift+ArrowLeft", "Shift+Tab"):
        page.keyboard.press(keys)
    page.keyboard.down("Shift")
    page.mouse.click(5, 400)
    page.keyboard.up("Shift")
    assert page.locator("#exit-presses").text_content() == ""
    assert page.url.startswith(place.url)


def test_she_leaves_while_typing(page: Page, place: Server) -> None:
    page.goto(f"{place.url}/en/call/metoo/withdraw")
    page.get_by_label("Your voice code").press_sequentially("abc")
    by_shift(page)
    page.wait_for_url(EXIT_URL)


class SlowNetwork:
    """The exit's address does not answer until it is told to."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._held: list[Route] = []
        page.route(EXIT_URL, lambda route: self._held.append(route))

    def await_request(self) -> None:
        deadline = time.monotonic() + 10
        while not self._held:
            assert time.monotonic() < deadline, "she did not leave"
            self._page.wait_for_timeout(20)

    def answer(self) -> None:
        self._held[0].fulfill(body="<title>Weather</title>", content_type="text/html")
        self._page.wait_for_url(EXIT_URL)


def screen(eye: CDPSession) -> bytes:
    """A picture, taken from outside: the page itself answers no question while it is being left."""
    return b64decode(eye.send("Page.captureScreenshot")["data"])


@WAYS_OUT
def test_the_page_is_empty_before_the_network_answers(page: Page, place: Server, leave: Leave) -> None:
    network, eye = SlowNetwork(page), page.context.new_cdp_session(page)
    pictures = []
    # Two pages that have nothing in common look the same once she has left them.
    for path in ("/en/call/metoo", "/en/help"):
        page.goto(place.url + path)
        before = screen(eye)
        leave(page)
        network.await_request()
        pictures.append(screen(eye))
        assert pictures[-1] != before, f"{path} is still on the screen"
        network.answer()
        network = SlowNetwork(page)
    assert pictures[0] == pictures[1], "the screen tells which page it was"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_nothing_is_left_to_read_at_the_very_moment(page: Page, place: Server, lang: str) -> None:
    network = SlowNetwork(page)
    page.goto(f"{place.url}/{lang}/call/metoo/withdraw")
    page.locator("#voice_code").fill("ABC")
    left = page.evaluate(
        """() => {
            const field = document.querySelector("#voice_code");
            document.querySelector("#exit").click();
            return [field.value, document.body.innerText, document.title, document.querySelectorAll("body *").length];
        }"""
    )
    assert left == ["", WORDS[lang]("Leaving this page."), WORDS[lang]("Notes"), 1]
    network.await_request()
    network.answer()


@pytest.mark.parametrize("remembering", [False, True], ids=["asks again", "keeps pages"])
@WAYS_OUT
def test_back_does_not_show_the_page_again(
    visit: Visit, browser: Browser, remembering_browser: Browser, place: Server, remembering: bool, leave: Leave
) -> None:
    page = visit(remembering_browser if remembering else browser)
    page.route("http://search.example/", lambda route: route.fulfill(body="<h1>Search</h1>", content_type="text/html"))
    page.goto("http://search.example/")
    page.goto(f"{place.url}/en/call/metoo")
    leave(page)
    page.wait_for_url(EXIT_URL)
    page.go_back(wait_until="commit")
    expect(page.get_by_role("heading")).to_have_text("Search")
    page.go_forward(wait_until="commit")
    page.wait_for_url(EXIT_URL, wait_until="commit")


@pytest.mark.parametrize("remembering", [False, True], ids=["asks again", "keeps pages"])
def test_her_code_is_not_shown_again_after_she_left(
    visit: Visit, browser: Browser, remembering_browser: Browser, place: Server, remembering: bool
) -> None:
    page = visit(remembering_browser if remembering else browser)
    page.goto(f"{place.url}/en/call/metoo")
    page.get_by_role("button", name="Me too").click()
    expect(page.locator(".code")).to_be_visible()
    # A page that is left before its script is there is left by a plain link, which "back" undoes.
    page.wait_for_load_state()
    by_the_button(page)
    page.wait_for_url(EXIT_URL)
    # What she had opened before is there, as the safety page says; the answer to her tap is not.
    page.go_back(wait_until="commit")
    expect(page.get_by_role("heading", level=1)).to_have_text("#MeToo")
    page.go_forward(wait_until="commit")
    page.wait_for_url(EXIT_URL, wait_until="commit")


@pytest.mark.parametrize("remembering", [False, True], ids=["asks again", "keeps pages"])
def test_what_she_typed_is_gone_when_she_comes_back(
    visit: Visit, browser: Browser, remembering_browser: Browser, place: Server, remembering: bool
) -> None:
    page = visit(remembering_browser if remembering else browser)
    page.goto(f"{place.url}/en/call/metoo/start")
    page.get_by_role("link", name="Go on: undo your tap").click()
    field = page.get_by_label("Your voice code")
    # Until its script is there, the page can be left by its links alone.
    page.wait_for_load_state()
    field.fill("ABCDEF")
    by_shift(page)
    page.wait_for_url(EXIT_URL)
    page.go_back(wait_until="commit")
    page.get_by_role("link", name="Go on: undo your tap").click()
    expect(field).to_have_value("")


def test_leaving_while_a_tap_is_held_sends_nothing(page: Page, place: Server) -> None:
    before = settled_numbers(place)
    hard_work(page, 60)
    network, sent = SlowNetwork(page), posts(page)
    page.goto(f"{place.url}/en/call/metoo")
    button = page.get_by_role("button", name="Me too")
    button.click(no_wait_after=True)
    expect(button).to_have_attribute("aria-busy", "true")
    by_the_button(page)
    network.await_request()
    # Longer than a tap is held; the page is still there, waiting for a slow network.
    page.wait_for_timeout(5000)
    network.answer()
    assert sent == []
    assert settled_numbers(place) == before


def test_titles_and_icon_say_nothing(tour: Tour, page: Page, place: Server) -> None:
    for seen in tour:
        assert seen.facts["title"] == WORDS[seen.lang]("Notes"), seen
        # What other programs would show of a link to the page.
        assert seen.facts["tellers"] == [], seen
    (icon,) = {seen.facts["icon"] for seen in tour}
    answer = page.request.get(icon)
    assert answer.headers["content-type"] == "image/svg+xml"
    assert not {"<text", "<title", "<desc"} & set(re.findall("<[a-z]+", answer.text()))
