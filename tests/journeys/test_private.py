# SPDX-License-Identifier: AGPL-3.0-or-later
"""Nobody else is asked, and nothing of her visit is kept in the browser but what browsers keep by themselves."""

from __future__ import annotations

from http import HTTPStatus

from playwright.sync_api import Browser, Page, Route, expect

from notalone.web.headers import SECURITY
from tests.journeys.conftest import Visit
from tests.journeys.pages import Tour
from tests.server import Server


def test_no_page_asks_another_site_for_anything(tour: Tour, place: Server) -> None:
    # The tour ends with an error too if one tries.
    for seen in tour:
        assert seen.facts["loaded"], seen
        assert all(each.startswith(f"{place.url}/static/") for each in seen.facts["loaded"]), seen
        assert set(seen.facts["rels"]) == {"icon", "stylesheet"}, seen


def test_the_headers_are_on_every_page(tour: Tour) -> None:
    for seen in tour:
        for name, value in SECURITY:
            assert seen.headers[name.decode()] == value.decode(), seen
        assert not {"server", "set-cookie", "x-powered-by", "etag", "last-modified"} & seen.headers.keys(), seen


def test_the_rules_are_in_force(browser: Browser, place: Server) -> None:
    window = browser.new_context()
    page, complaints = window.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"{place.url}/en/call/metoo")
    page.evaluate(
        """() => {
            const put = (html) => document.body.insertAdjacentHTML("beforeend", html);
            put('<img src="https://elsewhere.example/a.png">');
            put('<p style="color: red">a</p>');
            put('<p onclick="alert(1)">b</p>');
            put('<form method="post" action="https://elsewhere.example/" id="away"><button></button></form>');
            document.querySelector("#away").submit();
            return new Promise((resume) => setTimeout(resume, 200));
        }"""
    )
    for rule in ("img-src", "style-src", "script-src", "form-action"):
        assert any(rule in each for each in complaints), rule
    window.close()


def test_no_page_is_kept(tour: Tour) -> None:
    for seen in tour:
        assert seen.headers["cache-control"] == "no-store", seen


def test_nothing_is_kept(tour: Tour) -> None:
    for seen in tour:
        assert seen.facts["kept"] == [0, 0, 0, 0, 0, 0], seen


def test_no_search_engine_is_asked_to_show_an_answer(tour: Tour) -> None:
    for seen in tour:
        answered = seen.path.endswith(("/voice", "/withdraw", "/start")) or seen.status >= HTTPStatus.BAD_REQUEST
        assert (seen.facts["robots"] == "noindex") == answered, seen


def test_her_address_bar_says_nothing_of_what_she_did(page: Page, place: Server) -> None:
    page.goto(f"{place.url}/en/call/metoo")
    entries = page.evaluate("history.length")
    page.get_by_role("button", name="Me too").click()
    expect(page.locator(".code")).to_be_visible()
    assert page.url == f"{place.url}/en/call/metoo/voice#said_here"
    assert page.evaluate("history.length") == entries + 1
    code = page.locator(".code").inner_text()
    page.goto(f"{place.url}/en/call/metoo/withdraw")
    page.get_by_label("Your voice code").fill(code)
    page.get_by_role("button").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your tap was undone")
    assert page.url == f"{place.url}/en/call/metoo/withdraw#said_here"


def test_both_taps_look_the_same_to_the_network(visit: Visit, place: Server) -> None:
    sizes = set()
    for name in ("Me too", "I stand with you"):
        page = visit()
        page.goto(f"{place.url}/en/call/metoo")
        with page.expect_response("**/voice") as answer:
            page.get_by_role("button", name=name).click()
        expect(page.locator(".code")).to_be_visible()
        measured = answer.value.request.sizes()
        sizes.add(
            (
                measured["requestBodySize"],
                measured["requestHeadersSize"],
                measured["responseHeadersSize"] + measured["responseBodySize"],
            )
        )
    assert len(sizes) == 1


def test_no_place_that_she_is_sent_to_learns_where_she_comes_from(page: Page, place: Server) -> None:
    asked: list[str | None] = []

    def answer(route: Route) -> None:
        asked.append(route.request.headers.get("referer"))
        route.fulfill(body="<title>Elsewhere</title>", content_type="text/html")

    page.context.route("https://**", answer)
    page.goto(f"{place.url}/en/help")
    page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    page.locator("article a[href^='https']").first.click()
    page.wait_for_url("https://**")
    assert asked == [None]
    assert page.evaluate("document.referrer") == ""
