# SPDX-License-Identifier: AGPL-3.0-or-later
"""A page with the browser's tests in it, and a depositor there whom trustees in Python answer."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page

from notalone.protocol.escrow import Record, read_record
from tests.protocol.trustees import source
from tests.protocol.world import Person, World, person
from tests.server import ROOT

PLACE = "http://127.0.0.1:9/"
TRUSTEES = (1, 3)


def script() -> str:
    command = [str(ROOT / ".venv" / "bin" / "node"), "tests/page.ts"]
    return subprocess.run(command, cwd=ROOT / "browser", capture_output=True, text=True, check=True).stdout


@contextmanager
def page_with_tests(browser: Browser) -> Iterator[Page]:
    """Without any network. What it can be asked to do is in browser/tests/page/main.ts."""
    window = browser.new_context()
    window.route(
        "**", lambda route: route.fulfill(body="<!doctype html><title>tests</title>", content_type="text/html")
    )
    page = window.new_page()
    page.goto(PLACE)
    page.add_script_tag(content=script())
    yield page
    window.close()


def deposit_in(page: Page, world: World, who: int, email: str, threshold: int) -> tuple[Record, float]:
    """By this person in this page. The milliseconds that the page took, without the trustees."""
    asked = {
        "first": world.descriptor.hash.hex(),
        "versions": [bytes(world.signed).hex()],
        "depositor": _told(person(who), who),
        "email": email,
        "trustees": TRUSTEES,
    }
    questions = page.evaluate("asked => tests.ask(asked)", asked)
    answers = [
        (index, world.answered(index, bytes.fromhex(sealed)).hex())
        for index, sealed in zip(TRUSTEES, questions, strict=True)
    ]
    handle = {"mailbox": bytes(32).hex(), "recipient": person(who).depositor.recipient, "readers": [world.reader]}
    sealed = page.evaluate("told => tests.seal(told)", {"answers": answers, "threshold": threshold, **handle})
    return read_record(world.descriptor, bytes.fromhex(sealed["record"])), sealed["milliseconds"]


def _told(her: Person, number: int) -> dict[str, str]:
    """As `person` draws it: the seed first."""
    return {
        "credential": bytes(her.depositor.credential).hex(),
        "seed": source(10_000 + number)(32).hex(),
        "hidden": her.depositor.hidden.hex(),
        "recipient": her.depositor.recipient,
    }
