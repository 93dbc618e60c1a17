# SPDX-License-Identifier: AGPL-3.0-or-later
"""The command `replay`: a day of #MeToo through the real HTTP door, and whether every voice of it was kept."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
import uvloop

from notalone.cli.rehearsal import Place, marked_call, scratch_server
from notalone.cli.terminal import Trouble, progress, say
from notalone.client.crowd import Crowd, Outcome, Target
from notalone.client.curve import Curve, UnusableSeries, first_day, read_series
from notalone.client.door import Count, Door, DoorError, open_door
from notalone.client.wire import Through
from notalone.protocol.voice import Kind

# No source tells how many only stood by: one in five is ours, so that both kinds are there.
STAND_SHARE = 0.2
# Accepted voices that are sent a second time at the end, to see that they are known and not counted twice.
SENT_TWICE = 100

T = TypeVar("T")


@click.command()
@click.option("--scale", type=click.FloatRange(min=0, min_open=True), default=1.0, help="Times as many.")
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    default=720.0,
    show_default=True,
    help="Times as fast; 720 makes a day two minutes.",
)
@click.option(
    "--series",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A CSV with columns date,tweets: daily counts instead of the first day by the minute.",
)
@click.option("--from", "first", metavar="DATE", help="The first day taken from the series, like 2017-10-16.")
@click.option("--days", type=click.IntRange(min=1), help="How many days of the series; 1 unless told.")
@click.option("--connections", type=click.IntRange(1, 2000), default=64, show_default=True, help="Visitors at once.")
@click.option(
    "--through",
    type=click.Choice([each.value for each in Through]),
    default=Through.FORM.value,
    show_default=True,
    help="Which door: the form as a browser sends it, or the API.",
)
@click.option("--database-url", help="Database of the scratch server; a new SQLite file unless told.")
@click.option("--url", help="A server that runs already, instead of a scratch server.")
@click.option("--call", "slug", help="A call of that server, marked as a rehearsal.")
def replay(
    scale: float,
    speed: float,
    series: Path | None,
    first: str | None,
    days: int | None,
    connections: int,
    through: str,
    database_url: str | None,
    url: str | None,
    slug: str | None,
) -> None:
    """Send a day of #MeToo through the real HTTP door, and check that every voice is counted.

    The day is the first on Twitter, from cited figures: half a million in 24 hours, 83,500 of them in one hour. By
    itself it takes two minutes and goes to a scratch server that is thrown away afterwards. A server of yours gets
    voices only into a call that is marked as a rehearsal, for nobody could tell them from people's later.

    \b
    For example:
      notalone replay                                       the first day in two minutes
      notalone replay --scale 0.1                           a tenth of it
      notalone replay --scale 10 --speed 72                 ten times as many, in twenty minutes
      notalone replay --series tweets.csv --from 2017-10-16 --days 7 --speed 10080
      notalone replay --url https://test.example.org --call fire-drill --speed 24

    Exit status 1: a voice was lost, or the count does not agree.
    """
    if url is None and slug is not None:
        raise Trouble(
            "--call names a call of a running server, and no --url is given", "add --url, or leave --call away"
        )
    if url is not None and database_url is not None:
        raise Trouble("--database-url is for the scratch server, and --url names another", "leave one of them away")
    curve = _curve(series, first, days).replayed(scale, speed)
    if not curve.total:
        raise Trouble("that makes no voice at all", "raise --scale")
    plan = _Plan(curve, scale, speed, connections, Through(through))
    try:
        status = uvloop.run(_replay(plan, url, slug, database_url))
    except DoorError as error:
        raise Trouble(error.message, error.hint) from error
    click.get_current_context().exit(status)


def _curve(series: Path | None, first: str | None, days: int | None) -> Curve:
    if series is None:
        if first is not None or days is not None:
            raise Trouble("--from and --days choose from a series, and no --series is given", "add --series FILE")
        return first_day()
    try:
        return read_series(series, None if first is None else date.fromisoformat(first), days or 1)
    except UnusableSeries as error:
        raise Trouble(error.message, error.hint) from error
    except ValueError:
        raise Trouble(f'"{first}" is not a date', "write it like 2017-10-16") from None


@dataclass(frozen=True)
class _Plan:
    curve: Curve
    scale: float
    speed: float
    connections: int
    through: Through


async def _replay(plan: _Plan, url: str | None, slug: str | None, database_url: str | None) -> int:
    if url is not None:
        async with open_door(url, plan.through) as door:
            return await _through(plan, door, await marked_call(door, url, slug))
    async with scratch_server(database_url) as place, open_door(place.url, plan.through) as door:
        return await _through(plan, door, place)


async def _through(plan: _Plan, door: Door, place: Place) -> int:
    before: dict[str, int | None] = {kind.word: 0 for kind in Kind}
    if not place.fresh:
        before = (await door.count(place.slug)).numbers
    crowd = Crowd(
        Target(place.url, place.slug, plan.through, "en", place.pow_bits),
        plan.curve,
        door,
        connections=plan.connections,
        stand=STAND_SHARE,
        sample=SENT_TWICE,
    )
    outcome = crowd.outcome
    with _stopped_by_signals(crowd) as stops:
        await stops.unless_asked_twice(_shown(crowd, plan.curve))
        check = await stops.unless_asked_twice(_check(door, place, before, outcome))
    _print(plan, place, outcome, check)
    if outcome.stopped:
        say(f"notalone: stopped before the end of the curve: {outcome.stopped}", err=True)
    return 0 if check is not None and check.agrees and not outcome.stopped else 1


class _Stops:
    """Ctrl-C ends the sending; what was sent is still checked. A second Ctrl-C ends that too."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._asked = 0
        self._running: asyncio.Task[Any] | None = None

    def ask(self) -> None:
        self._asked += 1
        self._crowd.stop("you stopped it")
        if self._asked > 1 and self._running is not None:
            self._running.cancel()

    async def unless_asked_twice(self, work: Coroutine[Any, Any, T]) -> T | None:
        """The result of `work`; None when it was stopped."""
        if self._asked > 1:
            work.close()
            return None
        running: asyncio.Task[T] = asyncio.create_task(work)
        self._running = running
        try:
            return await running
        except asyncio.CancelledError:
            if self._asked > 1:
                return None
            raise


@contextmanager
def _stopped_by_signals(crowd: Crowd) -> Iterator[_Stops]:
    loop, stops = asyncio.get_running_loop(), _Stops(crowd)
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stops.ask)
    try:
        yield stops
    finally:
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(each)


async def _shown(crowd: Crowd, curve: Curve) -> None:
    """Let the crowd come, with its progress on the terminal meanwhile."""
    with progress() as bars:
        bar = bars.add_task("sent", total=curve.total, now="")
        running = asyncio.create_task(crowd.run())
        try:
            while not running.done():
                answered = len(crowd.outcome.latencies)
                await asyncio.wait([running], timeout=1)
                recent = sorted(crowd.outcome.latencies[answered:])
                p99 = recent[int(len(recent) * 0.99)] if recent else 0.0
                now = f"{len(recent):,}/s  p99 {p99 * 1000:.0f} ms  {crowd.outcome.behind:.1f} s behind"
                bars.update(bar, completed=crowd.outcome.sent, now=now)
            await running
        finally:
            running.cancel()


@dataclass(frozen=True)
class _Verdict:
    """Of one kind: what the public count should say, and what it says."""

    kind: Kind
    accepted: int
    unanswered: int
    before: int | None
    now: int | None
    shown_from: int

    @property
    def lost(self) -> int:
        """How many accepted voices are certainly not in the count."""
        return max(0, (self.before or 0) + self.accepted - self._now_at_most())

    @property
    def agrees(self) -> bool:
        # What was hidden was 0 to shown_from - 1. A voice without an answer may have been counted or not.
        least = (self.before or 0) + self.accepted
        most = (self.shown_from - 1 if self.before is None else self.before) + self.accepted + self.unanswered
        if self.now is None:
            return least < self.shown_from
        return least <= self.now <= most

    def _now_at_most(self) -> int:
        return self.shown_from - 1 if self.now is None else self.now

    def said(self) -> str:
        now = f"fewer than {self.shown_from}" if self.now is None else f"{self.now:,}"
        given = f"{self.accepted:,} accepted"
        if self.before is None:
            given += f", fewer than {self.shown_from} before"
        elif self.before:
            given += f", {self.before:,} before"
        if self.unanswered:
            given += f", {self.unanswered:,} not known"
        return f"{now} for {given}: {self._judgement()}"

    def _judgement(self) -> str:
        if self.agrees:
            return "agrees"
        if self.lost:
            return f"DISAGREES, {self.lost:,} are missing"
        return "DISAGREES, it is more than was sent; does someone else rehearse here?"


@dataclass(frozen=True)
class _Check:
    """`known`: each voice of the sample, sent a second time, was answered with the code that it had."""

    known: bool
    verdicts: tuple[_Verdict, ...]

    @property
    def agrees(self) -> bool:
        return self.known and all(each.agrees for each in self.verdicts)


async def _check(door: Door, place: Place, before: dict[str, int | None], outcome: Outcome) -> _Check | None:
    """None: the server could not be asked."""
    try:
        # First the sample, then the count: a voice that is counted twice shows in it.
        again = [await door.give(place.slug, given.kind, given.nonce) for given in outcome.sample]
        return _Check(again == outcome.sample, await _compare_count(door, place, before, outcome))
    except DoorError as error:
        say(f"notalone: the count could not be checked: {error.message}", err=True)
        return None


async def _compare_count(
    door: Door, place: Place, before: dict[str, int | None], outcome: Outcome
) -> tuple[_Verdict, ...]:
    """Wait for the first publication after the last answer, and compare."""
    count = await door.count(place.slug)
    due = count.next_release_at
    if count.tick_seconds > 30:
        say(f"The count is published next at {due.astimezone():%H:%M:%S}; waiting for it.", err=True)
    # One tick more is allowed: a publication that was being made while the last voices came shows at the next.
    for _ in range(2):
        count = await _published_after(door, place.slug, due)
        verdicts = tuple(_verdict(kind, count, before, outcome) for kind in Kind)
        if all(each.agrees for each in verdicts):
            break
        due += timedelta(seconds=count.tick_seconds)
    return verdicts


async def _published_after(door: Door, slug: str, due: datetime) -> Count:
    while True:
        count = await door.count(slug)
        if count.released_at >= due:
            return count
        await asyncio.sleep(min(1.0, count.tick_seconds / 4))


def _verdict(kind: Kind, count: Count, before: dict[str, int | None], outcome: Outcome) -> _Verdict:
    return _Verdict(
        kind,
        outcome.accepted[kind],
        outcome.unanswered[kind],
        before[kind.word],
        count.numbers[kind.word],
        count.shown_from,
    )


def _print(plan: _Plan, place: Place, outcome: Outcome, check: _Check | None) -> None:
    accepted, seconds = outcome.accepted.total(), outcome.elapsed or 1.0
    fullest = outcome.fullest_second()
    rows = [
        ("planned", f"{plan.curve.total:,} in {plan.curve.duration:,.0f} s, {plan.curve.peak:,.0f} a second at most"),
        ("sent", f"{outcome.sent:,}, {outcome.sent_again:,} of them more than once"),
        ("accepted", f"{accepted:,}"),
        ("refused", _refusals(outcome)),
        ("unanswered", f"{outcome.unanswered.total():,}"),
        ("lost", "not checked" if check is None else f"{sum(each.lost for each in check.verdicts):,}"),
        ("a second", f"{accepted / seconds:,.0f} over {seconds:,.1f} s, {fullest:,} in the fullest"),
        ("latency", "p50 {:.1f} ms, p99 {:.1f} ms, max {:.1f} ms".format(*(_ms(outcome, p) for p in (50, 99, 100)))),
        ("behind the plan", f"{outcome.most_behind:.1f} s at most"),
    ]
    if check is not None:
        known = "known, with the code that each had" if check.known else "SOME WITH ANOTHER CODE"
        rows.append(("sent once more", f"{len(outcome.sample)} of the accepted: {known}"))
        rows += [(f"count of {each.kind.word}", each.said()) for each in check.verdicts]
    say(f"{plan.curve.name}, {plan.scale:g} times as many, {plan.speed:g} times as fast")
    say(f"through the {plan.through.value} door of {place.url}, {plan.connections} connections")
    for name, value in rows:
        say(f"{name:<16}  {value}")


def _refusals(outcome: Outcome) -> str:
    reasons = "; ".join(f"{number:,} because {reason}" for reason, number in outcome.refused.most_common())
    return reasons or "0"


def _ms(outcome: Outcome, percent: float) -> float:
    return 1000 * outcome.percentile(percent)
