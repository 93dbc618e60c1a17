# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

from collections import deque
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notalone.services.waiting import STEP, WaitingLine
from tests.conftest import Clock, fresh_nonce

KEY = b"k" * 32
RATE = 10


def form() -> str:
    return f"metoo {fresh_nonce()}"


def exact() -> int:
    """Steps of exactly STEP, for tests of everything but the noise."""
    return 0


@pytest.fixture
def line(clock: Clock) -> WaitingLine:
    return WaitingLine(RATE, KEY, clock, clock, exact)


def crowd(line: WaitingLine, people: int) -> None:
    """So many go through at this moment."""
    for _ in range(people):
        line.enter()


# ---- how long it is ----


def test_who_comes_at_less_than_the_rate_does_not_wait(line: WaitingLine, clock: Clock) -> None:
    for _ in range(20 * STEP):
        assert line.ask(form()).seconds == 0
        line.enter()
        clock.now += 1.01 / RATE


def test_a_full_room_that_taps_together_is_let_through(line: WaitingLine) -> None:
    for _ in range(2 * STEP):
        assert line.ask(form()).seconds == 0
        line.enter()
    assert line.ask(form()).seconds == STEP / RATE / 2


def test_setting_the_clock_makes_nobody_wait_longer(clock: Clock) -> None:
    steady = Clock()
    line = WaitingLine(RATE, KEY, clock, steady, exact)
    crowd(line, 5 * STEP)
    before = line.ask(form()).seconds
    clock.now -= 3600
    assert line.ask(form()).seconds == before
    steady.now += 1
    assert line.ask(form()).seconds == before - 0.5


def test_it_grows_by_who_goes_through_and_not_by_who_asks(line: WaitingLine) -> None:
    crowd(line, 5 * STEP)
    before = line.ask(form()).seconds
    for _ in range(100 * STEP):
        line.ask(form())
    assert line.ask(form()).seconds == before


def test_it_grows_shorter_with_time(line: WaitingLine, clock: Clock) -> None:
    crowd(line, 5 * STEP)
    waits = []
    for _ in range(5):
        waits.append(line.ask(form()).seconds)
        clock.now += STEP / RATE
    assert waits == pytest.approx([20, 15, 10, 5, 0])


def test_a_quiet_night_does_not_make_a_crowd_free(line: WaitingLine, clock: Clock) -> None:
    crowd(line, 5 * STEP)
    clock.now += 86400
    crowd(line, 5 * STEP)
    assert line.ask(form()).seconds == 4 * STEP / RATE / 2


def test_a_clock_that_was_set_back_makes_nobody_wait_longer_than_the_step_back(line: WaitingLine, clock: Clock) -> None:
    crowd(line, STEP)
    clock.now -= 30
    assert line.ask(form()).seconds <= 15


# ---- who goes through ----


def flood(rate: float, each_second: int, seconds: int, clock: Clock) -> list[tuple[float, float]]:
    """People who ask at an even pace and come back whenever they are told to: when each asked and went through."""
    line = WaitingLine(rate, KEY, clock, clock, exact)
    start = clock.now
    waiting: deque[tuple[float, str, str]] = deque()
    through = []
    for _ in range(seconds):
        waiting += [(clock.now, form(), "") for _ in range(each_second)]
        for _ in range(len(waiting)):
            asked, mine, ticket = waiting.popleft()
            place = line.ask(mine, ticket)
            if place.seconds == 0:
                line.enter()
                through.append((asked - start, clock.now - start))
            else:
                waiting.append((asked, mine, place.ticket))
        clock.now += 1
    return through


@pytest.mark.parametrize(("each_second", "seconds"), [(9, 120), (15, 300), (60, 120)])
def test_the_rate_is_held_up_to_twice_and_the_longest_waiting_go_first(
    each_second: int, seconds: int, clock: Clock
) -> None:
    through = flood(RATE, each_second, seconds, clock)
    # A second's people may all have gone through before the step that they make together is seen.
    assert len(through) <= 2 * RATE * seconds + 2 * STEP + each_second
    assert len(through) >= min(each_second, RATE) * seconds * 0.9
    asked = [asked for asked, _ in through]
    # But for the free steps, and within one second, in the order of asking.
    late = [(a, b) for a, b in pairwise(asked) if b < a - 1]
    assert len(late) <= len(through) / 20


def test_once_the_flood_is_over_everybody_has_gone_through_in_as_long_again(clock: Clock) -> None:
    line = WaitingLine(RATE, KEY, clock, clock, exact)
    crowd(line, 60 * STEP)
    mine = form()
    place = line.ask(mine)
    assert place.seconds == pytest.approx(59 * STEP / RATE / 2)
    clock.now += place.seconds + 1
    assert line.ask(mine, place.ticket).seconds == 0


# ---- tickets ----


def test_she_gains_a_second_with_every_second_and_so_does_the_line(line: WaitingLine, clock: Clock) -> None:
    crowd(line, 5 * STEP)
    mine = form()
    place = line.ask(mine)
    assert place.seconds == pytest.approx(20)
    clock.now += 15
    assert line.ask(mine, place.ticket).seconds == pytest.approx(5)
    assert line.ask(form()).seconds == pytest.approx(12.5)  # who comes now waits longer than she
    clock.now += 5
    assert line.ask(mine, place.ticket).seconds == 0


def test_the_same_ticket_comes_back_however_often_she_asks(line: WaitingLine, clock: Clock) -> None:
    crowd(line, 5 * STEP)
    mine = form()
    ticket = line.ask(mine).ticket
    for _ in range(10):
        clock.now += 3
        assert line.ask(mine, ticket).ticket == ticket


def test_she_may_come_back_a_month_later(line: WaitingLine, clock: Clock) -> None:
    crowd(line, 5 * STEP)
    mine = form()
    ticket = line.ask(mine).ticket
    clock.now += 86400 * 30
    crowd(line, 5 * STEP)
    assert line.ask(mine, ticket).seconds == 0
    assert line.ask(form()).seconds > 0


def test_a_ticket_is_good_for_its_form_alone(line: WaitingLine, clock: Clock) -> None:
    crowd(line, 5 * STEP)
    mine = form()
    ticket = line.ask(mine).ticket
    clock.now += 15
    new = line.ask(form()).seconds
    assert line.ask(mine, ticket).seconds < new
    assert line.ask(form(), ticket).seconds == new
    assert line.ask(mine.replace("metoo", "other"), ticket).seconds == new


@given(st.text(max_size=50) | st.text("0123456789abcdef -+x_", min_size=38, max_size=42))
def test_a_made_up_ticket_is_none(ticket: str) -> None:
    clock = Clock()
    line = WaitingLine(RATE, KEY, clock, clock, exact)
    crowd(line, 5 * STEP)
    assert line.ask("metoo x", ticket) == line.ask("metoo x")


@given(st.integers(0, 39), st.sampled_from("0123456789abcdef"))
def test_a_changed_ticket_is_none(at: int, digit: str) -> None:
    """Above all its time: nobody has waited longer than they have."""
    clock = Clock()
    line, mine = WaitingLine(RATE, KEY, clock, clock, exact), form()
    crowd(line, 50 * STEP)
    ticket = line.ask(mine).ticket
    clock.now += 20
    changed = ticket[:at] + digit + ticket[at + 1 :]
    assert (line.ask(mine, changed).ticket == ticket) == (changed == ticket)
    assert line.ask(mine, changed).seconds >= line.ask(mine, ticket).seconds


def test_a_ticket_from_before_the_clock_was_set_back_has_waited_nothing(line: WaitingLine, clock: Clock) -> None:
    crowd(line, 50 * STEP)
    mine = form()
    ticket = line.ask(mine).ticket
    clock.now -= 100
    assert line.ask(mine, ticket).seconds == line.ask(form()).seconds


def test_a_ticket_of_another_deployment_is_none(line: WaitingLine, clock: Clock) -> None:
    crowd(line, 5 * STEP)
    mine = form()
    other = WaitingLine(RATE, b"other" * 6, clock, clock, exact).ask(mine).ticket
    clock.now += 10
    assert line.ask(mine, other) == line.ask(mine)


def test_every_worker_honours_a_ticket_and_so_does_the_next_start(line: WaitingLine, clock: Clock) -> None:
    two = WaitingLine(RATE, KEY, clock, clock, exact)
    crowd(line, 5 * STEP)
    crowd(two, 5 * STEP)
    mine = form()
    ticket = line.ask(mine).ticket
    clock.now += 7
    assert two.ask(mine, ticket) == line.ask(mine, ticket)
    assert two.ask(mine, ticket).seconds < two.ask(form()).seconds


def test_a_ticket_says_nothing_but_when_she_asked(line: WaitingLine, clock: Clock) -> None:
    before = line.ask("metoo nonce")
    crowd(line, 50 * STEP)
    assert line.ask("metoo nonce").ticket == before.ticket
    assert len(before.ticket) == 40
    assert int(before.ticket[:8], 16) == int(clock.now)


# ---- what can be seen of it ----


def test_after_how_many_it_grows_is_drawn_anew_and_one_more_or_less_cannot_be_told(clock: Clock) -> None:
    """A watcher who fills the line sees after how many of its own it grew: what was drawn, less what others brought."""
    draws = iter([5, -20, 3, 0, 0])
    line = WaitingLine(RATE, KEY, clock, clock, lambda: next(draws))
    grew = []
    for n in range(1, 380):
        before = line.ask("metoo x").seconds
        line.enter()
        if line.ask("metoo x").seconds != before:
            grew.append(n)
    # The first step is free, so it shows with the second.
    assert grew == [STEP + 5 + STEP - 20, STEP + 5 + STEP - 20 + STEP + 3]


def test_however_much_is_drawn_a_step_takes_somebody(clock: Clock) -> None:
    line = WaitingLine(RATE, KEY, clock, clock, lambda: -1000)
    crowd(line, 3)
    assert line.ask("metoo x").seconds == 2 * STEP / RATE / 2


def test_the_draws_are_noise_unless_told_otherwise(clock: Clock) -> None:
    def first_growth() -> int:
        line = WaitingLine(RATE, KEY, clock)
        for n in range(1, 1000):
            line.enter()
            if line.ask("metoo x").seconds > 0:
                return n
        raise AssertionError("it never grew")

    seen = {first_growth() for _ in range(50)}
    assert len(seen) > 10
    assert all(STEP < n < 3 * STEP for n in seen)
