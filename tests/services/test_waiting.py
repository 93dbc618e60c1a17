# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notalone.protocol.voice import nonce_from
from notalone.services.waiting import BURST_SECONDS, WaitingLine
from tests.conftest import Clock

KEY = b"k" * 32


def form() -> str:
    return f"metoo {nonce_from(secrets.token_bytes(16))}"


@pytest.fixture
def line(clock: Clock) -> WaitingLine:
    return WaitingLine(10, KEY, clock)


# ---- the rate ----


def test_who_comes_alone_does_not_wait(line: WaitingLine, clock: Clock) -> None:
    for _ in range(100):
        assert line.take(form()).seconds == 0
        clock.now += 0.1


def test_a_full_room_that_taps_together_is_let_through_and_the_rest_follow_at_the_rate(line: WaitingLine) -> None:
    waits = [line.take(form()).seconds for _ in range(300)]
    together = int(BURST_SECONDS * 10) + 1
    assert waits[:together] == [0] * together
    assert waits[together:] == pytest.approx([0.1 * n for n in range(1, 301 - together)], abs=0.001)


@given(
    rate=st.sampled_from([0.5, 1, 3, 10, 100, 1000]),
    arrivals=st.lists(st.sampled_from([0, 0, 0, 0.001, 0.2, 5, 3600]), min_size=1, max_size=200),
)
def test_the_rate_is_held_whatever_comes_and_nobody_is_refused(rate: float, arrivals: list[float]) -> None:
    clock = Clock()
    line = WaitingLine(rate, KEY, clock)
    served: list[float] = []
    for pause in arrivals:
        clock.now += pause
        served.append(clock.now + line.take(form()).seconds)
    assert served == sorted(served)  # in the order of asking
    for first in range(len(served)):
        for last in (first, min(first + 7, len(served) - 1), len(served) - 1):
            seconds = served[last] - served[first]
            assert last - first + 1 <= rate * (seconds + BURST_SECONDS) + 1.001


def test_a_quiet_night_does_not_make_a_crowd_free(line: WaitingLine, clock: Clock) -> None:
    line.take(form())
    clock.now += 86400
    waits = [line.take(form()).seconds for _ in range(100)]
    assert waits[-1] == pytest.approx(100 / 10 - BURST_SECONDS, abs=0.2)


def test_a_clock_that_was_set_back_makes_nobody_wait_longer_than_the_step_back(line: WaitingLine, clock: Clock) -> None:
    line.take(form())
    clock.now -= 30
    assert line.take(form()).seconds <= 30


# ---- tickets ----


def test_a_ticket_keeps_its_place(line: WaitingLine, clock: Clock) -> None:
    for _ in range(100):
        line.take(form())
    mine = form()
    place = line.take(mine)
    assert place.seconds == pytest.approx(8, abs=0.001)
    assert line.redeem(mine, place.ticket) == pytest.approx(place.seconds, abs=1)
    clock.now += 5
    assert line.redeem(mine, place.ticket) == pytest.approx(place.seconds - 5, abs=1)
    clock.now += 4
    assert line.redeem(mine, place.ticket) == 0
    clock.now += 86400 * 30
    assert line.redeem(mine, place.ticket) == 0  # she may come back a month later


def test_a_ticket_is_never_good_before_its_place(line: WaitingLine, clock: Clock) -> None:
    for _ in range(1000):
        mine = form()
        place = line.take(mine)
        wait = line.redeem(mine, place.ticket)
        assert wait is not None
        assert place.seconds <= wait <= place.seconds + 1
        clock.now += 0.03


def test_a_ticket_is_good_for_its_form_alone(line: WaitingLine) -> None:
    mine = form()
    place = line.take(mine)
    assert line.redeem(mine, place.ticket) is not None
    assert line.redeem(form(), place.ticket) is None
    assert line.redeem(mine.replace("metoo", "other"), place.ticket) is None


@given(st.text(max_size=50) | st.text("0123456789abcdef -+x_", min_size=38, max_size=42))
def test_a_made_up_ticket_is_none(ticket: str) -> None:
    assert WaitingLine(10, KEY, Clock()).redeem("metoo x", ticket) is None


@given(st.integers(0, 39), st.sampled_from("0123456789abcdef"))
def test_a_changed_ticket_is_none(at: int, digit: str) -> None:
    """Above all its time: nobody moves forward."""
    line, mine = WaitingLine(1, KEY, Clock()), form()
    ticket = line.take(mine).ticket
    changed = ticket[:at] + digit + ticket[at + 1 :]
    assert (line.redeem(mine, changed) is None) == (changed != ticket)


def test_a_ticket_of_another_deployment_is_none(line: WaitingLine, clock: Clock) -> None:
    mine = form()
    assert line.redeem(mine, WaitingLine(10, b"other" * 6, clock).take(mine).ticket) is None


def test_every_worker_honours_a_ticket_and_so_does_the_next_start(clock: Clock) -> None:
    one, two = WaitingLine(5, KEY, clock), WaitingLine(5, KEY, clock)
    for _ in range(50):
        one.take("metoo other")
    mine = form()
    place = one.take(mine)
    assert two.redeem(mine, place.ticket) == one.redeem(mine, place.ticket)
    restarted = WaitingLine(5, KEY, clock)
    clock.now += place.seconds + 1
    assert restarted.redeem(mine, place.ticket) == 0


def test_a_ticket_says_nothing_but_when(line: WaitingLine, clock: Clock) -> None:
    place = line.take("metoo nonce")
    assert len(place.ticket) == 40
    assert int(place.ticket[:8], 16) == int(clock.now)
