# SPDX-License-Identifier: AGPL-3.0-or-later
"""How a campaign came in over time: the first day of #MeToo on Twitter, or a table of daily counts.

The first day, from 15 October 2017, 20:21 UTC, in two figures that were published and a shape that was not.

Published:
- The tweet that began it: 4:21 pm US Eastern time, which was 20:21 UTC.
- The peak hour: 83,500 mentions in the hour from 22:00 US Eastern, 02:00 UTC (Meltwater's count; 83 thousand an hour
  as Meltwater gave it, 83,500 as PCRO and The Telegraph did).
- The first 24 hours: "more than half a million tweets" (680 News, 17 October 2017, after Twitter). We take 500,000.

Interpolated, for no series by the hour was ever published:
- Before the peak hour the rate grows exponentially. That it grows by e in an hour and a half makes 30 thousand of it
  fall on 15 October UTC. On that day 19,891 of the tweets that still existed years later were written, of which
  63.2 % survive overall (M. DenizIra33/metoo-twitter-data, from the tweet ids of doi:10.7910/DVN/2SRSKJ): 31 thousand.
- After it the rate falls exponentially to 12,773 an hour, the mean of 17 October UTC in the same data (306,563
  tweets), as fast as makes the whole day 500,000.

The sources do not agree with each other: Crimson Hexagon counted 109,451 uses on the whole of 15 October, Meltwater
505,000 on the 16th. The curve keeps to the two figures above, and to the rest only as far as they allow.
"""

from __future__ import annotations

import csv
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from pathlib import Path

HOUR = 3600.0
DAY = 24 * HOUR

PEAK_HOUR_TWEETS = 83_500
FIRST_DAY_TWEETS = 500_000
# From 20:21 to 02:00 UTC.
TO_THE_PEAK = 5 * HOUR + 39 * 60
RISE = 1.5 * HOUR
PLATEAU_TWEETS_AN_HOUR = 306_563 / 24


class UnusableSeries(ValueError):
    """The table of daily counts cannot be read; says the line."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True)
class Curve:
    """How many voices have come by when. Straight between its points; both start at 0 and never fall."""

    name: str
    seconds: tuple[float, ...]
    voices: tuple[float, ...]

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.seconds[-1]

    @property
    def total(self) -> int:
        return round(self.voices[-1])

    @property
    def peak(self) -> float:
        """Voices a second, at most."""
        steps = zip(self.seconds, self.seconds[1:], self.voices, self.voices[1:], strict=False)
        return max((after - before) / (end - begin) for begin, end, before, after in steps)

    def by(self, second: float) -> int:
        """How many have come by then."""
        if second >= self.duration:
            return self.total
        at = bisect_right(self.seconds, second) - 1
        if at < 0:
            return 0
        begin, end = self.seconds[at], self.seconds[at + 1]
        part = (second - begin) / (end - begin)
        return int(self.voices[at] + part * (self.voices[at + 1] - self.voices[at]))

    def when(self, number: int) -> float:
        """The second by which so many have come."""
        at = bisect_left(self.voices, number)
        if at == 0:
            return 0.0
        if at == len(self.voices):
            return self.duration
        before, after = self.voices[at - 1], self.voices[at]
        part = (number - before) / (after - before)
        return self.seconds[at - 1] + part * (self.seconds[at] - self.seconds[at - 1])

    def replayed(self, scale: float, speed: float) -> Curve:
        """`scale` times as many, `speed` times as fast."""
        return Curve(self.name, tuple(s / speed for s in self.seconds), tuple(v * scale for v in self.voices))


def steady(rate: float, seconds: float) -> Curve:
    """`rate` voices a second, evenly."""
    return Curve(f"{rate:,.0f} a second", (0.0, seconds), (0.0, rate * seconds))


def first_day() -> Curve:
    """24 hours from the tweet that began it, minute by minute."""
    fall = _fall()
    minutes = [60.0 * n for n in range(int(DAY // 60) + 1)]
    return Curve(
        "the first day of #MeToo on Twitter",
        tuple(minutes),
        tuple(_tweets_by(second, fall) for second in minutes),
    )


def _tweets_by(second: float, fall: float) -> float:
    an_hour = PEAK_HOUR_TWEETS / HOUR
    before = (
        an_hour * RISE * (math.exp((min(second, TO_THE_PEAK) - TO_THE_PEAK) / RISE) - math.exp(-TO_THE_PEAK / RISE))
    )
    peak = an_hour * min(max(second - TO_THE_PEAK, 0.0), HOUR)
    since = max(second - TO_THE_PEAK - HOUR, 0.0)
    plateau = PLATEAU_TWEETS_AN_HOUR / HOUR
    return before + peak + plateau * since + (an_hour - plateau) * fall * (1 - math.exp(-since / fall))


def _fall() -> float:
    """Seconds in which the decline falls by e, so that the day has its total: found by halving, as the total grows."""
    least, most = 60.0, DAY
    for _ in range(60):
        middle = (least + most) / 2
        if _tweets_by(DAY, middle) < FIRST_DAY_TWEETS:
            least = middle
        else:
            most = middle
    return (least + most) / 2


def read_series(path: Path, first: date | None, days: int) -> Curve:
    """`days` days of a CSV with columns `date` (2017-10-16) and `tweets`, from `first` or from its first line.

    Each day is spread evenly, for the table says nothing finer. A day that is missing or empty has none.
    Raises UnusableSeries.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            counts = dict(_rows(path, csv.DictReader(file)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnusableSeries(
            f"{path} could not be read: {error}", "give a CSV file with columns date,tweets"
        ) from error
    if not counts:
        raise UnusableSeries(f"{path} holds no day", "give a line like 2017-10-16,395030 for each day")
    begin = first or min(counts)
    wanted = [counts.get(date.fromordinal(begin.toordinal() + n), 0) for n in range(days)]
    if not sum(wanted):
        there = f"the days go from {min(counts)} to {max(counts)}"
        raise UnusableSeries(f"{path} has nothing in the {days} day(s) from {begin}", there)
    return Curve(
        f"{path.name}, {days} day(s) from {begin}",
        tuple(DAY * n for n in range(days + 1)),
        tuple(float(n) for n in accumulate(wanted, initial=0)),
    )


def _rows(path: Path, lines: csv.DictReader[str]) -> Iterator[tuple[date, int]]:
    _check_columns(path, lines.fieldnames or ())
    for line in lines:
        day, number = line["date"] or "", line["tweets"] or "0"
        try:
            yield date.fromisoformat(day), _natural(number)
        except ValueError as error:
            hint = "a line has a date like 2017-10-16 and a whole number of tweets"
            raise UnusableSeries(f"{path}:{lines.line_num}: {error}", hint) from None


def _check_columns(path: Path, there: Iterable[str]) -> None:
    missing = {"date", "tweets"} - set(there)
    if missing:
        hint = "the first line names the columns, for example: date,tweets"
        raise UnusableSeries(f"{path}:1: no column {' or '.join(sorted(missing))}", hint)


def _natural(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f'"{text}" is not a whole number')
    return int(text)
