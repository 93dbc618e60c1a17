# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the browser's tests show in Node holds in Chromium, and a deposit from there opens with one from Python."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from notalone.protocol.matching import candidates, search
from tests.journeys.protocol import deposit_in, page_with_tests
from tests.journeys.scene import FIGURES
from tests.protocol.trustees import ESCROW
from tests.protocol.vectors import vectors
from tests.protocol.world import named, person, placed, world

# Of these files every case is one of the browser's, except for what a browser never does.
NOUNS = ("seals", "sharing", "dleq", "descriptor", "trustees", "escrow")
PYTHON_ALONE = {("trustees", "trustees"), ("trustees", "asked"), ("escrow", "depositors"), ("escrow", "refused")}


@pytest.fixture
def tests_in(browser: Browser) -> Iterator[Page]:
    with page_with_tests(browser) as page:
        yield page


def test_every_vector_holds_in_chromium(tests_in: Page) -> None:
    found = tests_in.evaluate("tests.run()")
    assert found["failed"] == []
    said = {name.split(": ", 1)[-1] for name in found["passed"]}
    cases = {
        case["why"]
        for noun in NOUNS
        for group, some in vectors(noun).items()
        if isinstance(some, list) and (noun, group) not in PYTHON_ALONE
        for case in some
    }
    assert len(cases) > 200
    assert cases <= said
    FIGURES.append(f"in Chromium: {len(found['passed'])} tests of the protocol passed")


def test_a_deposit_from_the_browser_opens_with_one_from_python(tests_in: Page) -> None:
    here = world(5)
    record, milliseconds = deposit_in(tests_in, here, 31, "Him@Example.org", threshold=2)
    assert record.credential == person(31).depositor.credential
    about_him, about_another = (here.deposit(person(32), [named(each)], 2) for each in ("him", "another"))
    for other, opens in ((about_him, 2), (about_another, 0)):
        [new], stored = placed(record), placed(other)
        steps = search(ESCROW, here.descriptor.highest, new, candidates(new, stored), (), set())
        assert sum(len(each.keys) for each in steps if each is not None and each.level == 2) == opens
    FIGURES.append(f"in Chromium: one deposit of one identifier, 2 trustees, levels to 5: {milliseconds:.0f} ms")
