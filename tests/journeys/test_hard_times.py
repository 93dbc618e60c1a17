# SPDX-License-Identifier: AGPL-3.0-or-later
"""The call is closed, everybody comes at once, the database is away: she always reads what it means for her."""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import fresh_nonce
from tests.journeys.conftest import Visit
from tests.journeys.scene import posts, settled_numbers
from tests.postgres import Cluster, cluster
from tests.server import DEMO_CALL, Server, server


def heading(page: Page) -> str:
    return page.get_by_role("heading", level=1).inner_text()


def test_a_closed_call_can_be_read(page: Page, place: Server) -> None:
    page.goto(f"{place.url}/en/call/closed")
    expect(page.get_by_role("note").first).to_contain_text("You can no longer tap here.")
    expect(page.get_by_role("note").first).to_contain_text("You can still read it, and you can still undo your tap.")
    expect(page.locator("button")).to_have_count(0)
    expect(page.locator("#what-is")).to_be_visible()
    page.get_by_role("link", name="How it grew: table, CSV and JSON").click()
    expect(page.get_by_role("note").first).to_contain_text("You can no longer tap here.")
    page.get_by_role("link", name="Undo your tap").click()
    page.get_by_role("link", name="Go on: undo your tap").click()
    expect(page.get_by_role("button", name="Undo my tap")).to_be_visible()


def test_the_call_closes_while_she_reads(visit: Visit, place: Server) -> None:
    early, late = visit(), visit()
    for page in (early, late):
        page.goto(f"{place.url}/en/call/closing")
    early.get_by_role("button", name="Me too").click()
    code = early.locator(".code").inner_text()
    place.run("call", "close", "closing", "--yes")
    late.get_by_role("button", name="Me too").click()
    expect(late.get_by_role("heading", level=1)).to_have_text("You can no longer tap here")
    expect(late.locator("main")).to_contain_text("your tap was not counted")
    late.get_by_role("link", name="Back to #MeToo").click()
    expect(late.locator("#what-is")).to_be_visible()
    # Who was in time is counted, sees the same answer again, and can still go.
    early.reload()
    assert early.locator(".code").inner_text() == code
    early.goto(f"{place.url}/en/call/closing/withdraw")
    early.get_by_label("Your voice code").fill(code)
    early.get_by_role("button").click()
    expect(early.get_by_role("heading", level=1)).to_have_text("Your tap was undone")


def send_without_proof(place: Server) -> int:
    form = {"nonce": fresh_nonce(), "kind": "metoo", "proof": "", "ticket": ""}
    data = urllib.parse.urlencode(form).encode()
    try:
        with urllib.request.urlopen(f"{place.url}/en/call/quiet/voice", data, timeout=30) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code


def test_many_people_at_once(visit: Visit, slow_place: Server) -> None:
    hurried = visit()
    page = visit(java_script_enabled=False)
    for each in (page, hurried):
        each.goto(f"{slow_place.url}/en/call/quiet")
    with ThreadPoolExecutor(12) as crowd:
        answers: set[int] = set()
        deadline = time.monotonic() + 60
        while 503 not in answers:
            assert time.monotonic() < deadline
            answers |= set(crowd.map(lambda _: send_without_proof(slow_place), range(48)))
    assert answers == {201, 503}
    page.get_by_role("button", name="Me too").click()
    assert heading(page) == "Many people are here at once"
    expect(page.locator("main")).to_contain_text("You are not counted yet, but your place is kept.")
    # Whose browser does the work passes by the line.
    sent = posts(hurried)
    hurried.get_by_role("button", name="Me too").click()
    expect(hurried.get_by_role("heading", level=1)).to_have_text("You are counted")
    assert len(sent) == 1
    assert "proof=&" not in sent[0]
    found = re.search(r"Please wait (\d+) seconds", page.locator("main").inner_text())
    assert found
    deadline = time.monotonic() + int(found[1]) + 5
    # She presses too early, again and again, and loses nothing.
    while heading(page) == "Many people are here at once":
        assert time.monotonic() < deadline
        page.get_by_role("button", name="Me too").click()
    assert heading(page) == "You are counted"
    expect(page.locator(".code")).to_be_visible()


@pytest.fixture
def frail_place(tmp_path: Path) -> Iterator[tuple[Server, Cluster]]:
    """A server whose database can be taken away."""
    with (
        cluster() as postgres,
        server(
            tmp_path, DEMO_CALL, database_url=postgres.fresh_url(), workers=1, tick=1, pow_bits=8, slow_rate=1000
        ) as running,
    ):
        yield running, postgres
        if not (postgres.data / "postmaster.pid").exists():
            postgres.start()


def test_the_database_is_away_and_comes_back(page: Page, frail_place: tuple[Server, Cluster]) -> None:
    place, postgres = frail_place
    sent = posts(page)
    page.goto(f"{place.url}/en/call/metoo")
    postgres.stop("immediate")

    # The call can be read all the same, and a tap is not lost.
    page.goto(f"{place.url}/en/call/metoo")
    button = page.get_by_role("button", name="Me too")
    button.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("We could not write this down just now", timeout=40_000)
    expect(page.locator("main")).to_contain_text("The fault is ours, not yours. We can't be sure that it was kept.")

    # To take a voice back is not possible either, and that is said too.
    other = page.context.new_page()
    other.goto(f"{place.url}/en/call/metoo/withdraw")
    other.get_by_label("Your voice code").fill("0" * 18)
    other.get_by_role("button").click()
    expect(other.get_by_role("alert")).to_contain_text("We could not write this down just now", timeout=40_000)
    expect(other.get_by_label("Your voice code")).to_have_value("0" * 18)

    postgres.start()
    button.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are counted", timeout=40_000)
    nonces = {urllib.parse.parse_qs(each)["nonce"][0] for each in sent}
    assert len(nonces) == 1, "she was asked to send another form"
    code = page.locator(".code").inner_text()
    page.reload()
    assert page.locator(".code").inner_text() == code
    assert settled_numbers(place) == {"metoo": None, "stand": None}
    # The form is still there.
    other.get_by_label("Your voice code").fill(code)
    other.get_by_role("button").click()
    expect(other.get_by_role("heading", level=1)).to_have_text("Your tap was undone")
