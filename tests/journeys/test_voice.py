# SPDX-License-Identifier: AGPL-3.0-or-later
"""She taps, is counted once, and can take her voice back."""

from __future__ import annotations

import re
import time
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, Page, expect

from notalone.protocol.voice import proof_holds
from tests.journeys.conftest import Visit
from tests.journeys.scene import await_numbers, await_tick, give, hard_work, numbers, posts, settled_numbers
from tests.server import Server

CODE = re.compile(r"[0-9A-Z]{6}-[0-9A-Z]{6}-[0-9A-Z]{6}")
ME_TOO = "Me too"
STAND = "I stand with you"


def open_call(page: Page, place: Server, slug: str = "metoo", lang: str = "en") -> None:
    page.goto(f"{place.url}/{lang}/call/{slug}")


def tap(page: Page, name: str = ME_TOO) -> str:
    """Tap, and be counted; her code."""
    page.get_by_role("button", name=name).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are counted")
    return code_on(page)


def code_on(page: Page) -> str:
    code = page.locator(".code").inner_text()
    assert CODE.fullmatch(code)
    return code


def one_more(before: dict[str, int | None], kind: str, by: int = 1) -> dict[str, int | None]:
    number = before[kind]
    assert number is not None
    return {**before, kind: number + by}


def test_she_taps_me_too_and_is_counted(page: Page, slow_place: Server) -> None:
    give(slow_place, "metoo", "metoo", 49)
    shown: dict[str, set[str]] = {}

    def look() -> str:
        """The number on the page, remembered by the tick that it belongs to."""
        while True:
            before = slow_place.get_json("/api/calls/metoo/count.json")["released_at"]
            open_call(page, slow_place)
            number = page.locator(".number.metoo strong").inner_text()
            # Where a tick came between, nobody can say to which of the two the number belongs.
            if slow_place.get_json("/api/calls/metoo/count.json")["released_at"] == before:
                shown.setdefault(before, set()).add(number)
                return number

    await_tick(slow_place)
    assert look() == "fewer than 50"
    expect(page.locator(".honest").first).to_have_text("Not shown yet, to keep people safe.")
    tap(page)
    expect(page.locator("main")).to_contain_text("You said: me too. You are not alone")
    expect(page.locator("main")).not_to_contain_text("50")
    deadline = time.monotonic() + 20
    while look() != "50":
        assert time.monotonic() < deadline
    # Within a tick the page never said two things: nobody who watches it sees the moment of her tap.
    assert all(len(each) == 1 for each in shown.values())
    assert len(shown) > 1


def test_she_taps_without_any_script(visit: Visit, place: Server) -> None:
    page = visit(java_script_enabled=False)
    before = settled_numbers(place)
    open_call(page, place)
    tap(page)
    await_numbers(place, one_more(before, "metoo"))


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_the_answer_is_what_a_screen_reader_reads_first(visit: Visit, place: Server, script: bool) -> None:
    page = visit(java_script_enabled=script)
    open_call(page, place)
    code = tap(page)
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_be_focused()
    expect(heading).to_be_in_viewport()
    page.goto(f"{place.url}/en/call/metoo/withdraw")
    for typed, answer in (("ABC", page.locator(".problem")), (code, heading)):
        page.get_by_label("Your voice code").fill(typed)
        page.get_by_role("button", name="Undo my tap").click()
        expect(answer).to_be_focused()
        expect(answer).to_be_in_viewport()


def test_he_stands_with_her(page: Page, place: Server) -> None:
    before = settled_numbers(place)
    open_call(page, place)
    tap(page, STAND)
    expect(page.locator("main")).to_contain_text("You said: I stand with you.")
    await_numbers(place, one_more(before, "stand"))


def test_she_taps_twice_or_reloads_and_is_counted_once(page: Page, place: Server) -> None:
    before = settled_numbers(place)
    open_call(page, place)
    page.get_by_role("button", name=ME_TOO).dblclick()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are counted")
    code = code_on(page)
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are counted")
    assert code_on(page) == code
    await_numbers(place, one_more(before, "metoo"))
    await_tick(place)
    assert numbers(place) == one_more(before, "metoo")


def test_without_script_a_double_tap_is_counted_once(visit: Visit, place: Server) -> None:
    page = visit(java_script_enabled=False)
    before = settled_numbers(place)
    open_call(page, place)
    page.get_by_role("button", name=ME_TOO).dblclick()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are counted")
    await_numbers(place, one_more(before, "metoo"))
    await_tick(place)
    assert numbers(place) == one_more(before, "metoo")


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_she_takes_her_voice_back(visit: Visit, place: Server, script: bool) -> None:
    page = visit(java_script_enabled=script)
    before = settled_numbers(place)
    open_call(page, place)
    code = tap(page)
    await_numbers(place, one_more(before, "metoo"))

    page.locator("main").get_by_role("link", name="Undo your tap").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Before you go on: how to leave quickly")
    page.get_by_role("link", name="Go on: undo your tap").click()
    field, button = page.get_by_label("Your voice code"), page.get_by_role("button", name="Undo my tap")

    field.fill(code[:-1])
    button.click()
    expect(page.get_by_role("alert")).to_contain_text("This is not a whole voice code. It has 18 letters and digits.")
    expect(field).to_have_value(code[:-1])
    expect(field).to_have_attribute("aria-invalid", "true")

    field.fill("000000-000000-000000")
    button.click()
    expect(page.get_by_role("alert")).to_contain_text("No tap on this page has this code.")
    page.get_by_role("alert").get_by_role("link").click()
    expect(field).to_be_focused()

    # As somebody copies it from paper.
    field.fill(f" {code.lower().replace('-', ' ').replace('0', 'o')} ")
    button.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your tap was undone")
    await_numbers(place, before)

    page.goto(f"{place.url}/en/call/metoo/withdraw")
    field.fill(code)
    button.click()
    expect(page.locator("main")).to_contain_text("This tap was undone before.")
    await_tick(place)
    assert numbers(place) == before


def test_a_withdrawn_form_is_not_counted_again(visit: Visit, place: Server) -> None:
    page, other = visit(), visit()
    before = settled_numbers(place)
    open_call(page, place)
    code = tap(page)
    other.goto(f"{place.url}/en/call/metoo/withdraw")
    other.get_by_label("Your voice code").fill(code)
    other.get_by_role("button").click()
    expect(other.get_by_role("heading", level=1)).to_have_text("Your tap was undone")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("This tap was undone")
    await_tick(place)
    await_tick(place)
    assert numbers(place) == before
    page.get_by_role("link", name="Back to #MeToo").click()
    tap(page)
    await_numbers(place, one_more(before, "metoo"))


def test_an_early_double_tap_is_sent_once(page: Page, place: Server) -> None:
    hard_work(page, 18)
    sent = posts(page)
    open_call(page, place)
    button = page.get_by_role("button", name=ME_TOO)
    button.dblclick()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are counted")
    assert len(sent) == 1
    form = {name: values[0] for name, values in parse_qs(sent[0], keep_blank_values=True).items()}
    assert form["kind"] == "metoo"
    assert proof_holds("metoo", form["nonce"], form["proof"], 18)


def test_on_a_weak_telephone_the_tap_goes_without_proof_after_a_while(page: Page, place: Server) -> None:
    hard_work(page, 60)
    sent = posts(page)
    open_call(page, place)
    page.get_by_role("button", name=ME_TOO).click(no_wait_after=True)
    expect(page.get_by_role("button", name=ME_TOO)).to_have_attribute("aria-busy", "true")
    # Who does not see the button hears it.
    expect(page.locator("form [role=status]")).to_have_text("Your tap is being sent. This can take a few seconds.")
    # She had hit the wrong button first, and then taps twice.
    page.get_by_role("button", name=STAND).dblclick(no_wait_after=True)
    expect(page.get_by_role("button", name=ME_TOO)).to_have_attribute("aria-busy", "false")
    expect(page.get_by_role("button", name=STAND)).to_have_attribute("aria-busy", "true")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are counted")
    assert len(sent) == 1
    assert "proof=&" in sent[0]
    assert "kind=stand" in sent[0]


def test_she_goes_back_and_the_page_is_as_before_her_tap(
    visit: Visit, remembering_browser: Browser, place: Server
) -> None:
    page = visit(remembering_browser)
    before = settled_numbers(place)
    open_call(page, place)
    nonce = page.locator("[name=nonce]").input_value()
    code = tap(page)
    page.go_back(wait_until="commit")
    button = page.get_by_role("button", name=ME_TOO)
    expect(button).not_to_have_attribute("aria-busy", "true")
    expect(page.locator("form [role=status]")).to_have_text("")
    assert page.locator("[name=nonce]").input_value() == nonce, "the browser did not keep the page"
    button.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are counted")
    assert code_on(page) == code
    await_numbers(place, one_more(before, "metoo"))
    await_tick(place)
    assert numbers(place) == one_more(before, "metoo")


def test_she_opens_the_address_of_the_answer(page: Page, place: Server) -> None:
    page.goto(f"{place.url}/en/call/metoo/voice")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing more to see here")
    page.locator("main").get_by_role("link", name="Back to #MeToo").click()
    tap(page)


def test_another_site_cannot_tap_for_her(page: Page, place: Server) -> None:
    before = settled_numbers(place)
    form = f"""<form method="post" action="{place.url}/en/call/metoo/voice">
        <input name="nonce" value="AAAAAAAAAAAAAAAAAAAAAA"><button name="kind" value="metoo">Win</button></form>"""
    page.route("http://prizes.example/", lambda route: route.fulfill(body=form, content_type="text/html"))
    page.goto("http://prizes.example/")
    page.get_by_role("button").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Another site sent this")
    await_tick(place)
    await_tick(place)
    assert numbers(place) == before
