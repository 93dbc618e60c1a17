# SPDX-License-Identifier: AGPL-3.0-or-later
"""The published numbers as a line and as a table.

A line is drawn for each kind apart, because the kinds are never added up or measured against each other. Its labels
are text beside it, not in it: they stay readable on the smallest screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import dropwhile

from notalone.protocol.voice import Kind
from notalone.services.call import Call
from notalone.services.magnitude import SHOWN_FROM, Point, Published
from notalone.web.pages.frame import Frame, moment, render

# Steps that a line may have at most; a pixel or two each is all that can be seen.
CALL_COLUMNS = 60
COUNT_COLUMNS = 300
TABLE_ROWS = 50
# Stretches of time that a long table is cut into, in seconds: hour, six hours, day, week, four weeks.
_STRETCHES = (3600, 21_600, 86_400, 604_800, 2_419_200)
_WIDTH, _HEIGHT = 600, 200


@dataclass(frozen=True, slots=True)
class Chart:
    """How one number grew, from `first` to `last`: SVG paths in a box of 600 by 200, which ends at `top`."""

    line: str
    area: str
    top: int
    first: int
    last: int
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class KindCount:
    """One kind's number (None: too few to show) and its line (None: not enough to draw)."""

    kind: str
    number: int | None
    chart: Chart | None


@dataclass(frozen=True, slots=True)
class Row:
    at: datetime
    metoo: int | None
    stand: int | None


def count_page(frame: Frame, call: Call, published: Published) -> str:
    """How it grew, how sure it is, how it is counted, and the same as a table."""
    series = published.series
    points = thinned(series, TABLE_ROWS)
    return render(
        frame,
        "count.html",
        call=call,
        published=published,
        counts=counts(published, COUNT_COLUMNS),
        released=moment(published.released_at),
        fewest=SHOWN_FROM,
        rows=[Row(moment(each.at), each.metoo, each.stand) for each in reversed(points)],
        thinned=len(points) < len(series),
    )


def counts(published: Published, columns: int) -> tuple[KindCount, ...]:
    """Both kinds, each with a line of at most so many steps."""
    return tuple(
        KindCount(kind.word, published.kinds[kind.word].number, _chart(published, kind, columns)) for kind in Kind
    )


def thinned(series: Sequence[Point], most: int) -> list[Point]:
    """At most `most` points: the last of each stretch of time, the stretches as short as possible."""
    kept = list(series)
    for seconds in _STRETCHES:
        if len(kept) <= most:
            return kept
        kept = [
            each
            for each, after in zip(series, [*series[1:], None], strict=True)
            if after is None or each.at // seconds != after.at // seconds
        ]
    return kept[-most:]


def _chart(published: Published, kind: Kind, columns: int) -> Chart | None:
    history = [(each.at, each.metoo if kind is Kind.ME_TOO else each.stand) for each in published.series]
    # It begins with the first number that was shown.
    history = list(dropwhile(lambda step: step[1] is None, history))
    numbers = [number for _, number in history if number is not None]
    last = published.kinds[kind.word].number
    if last is None or len(set(numbers)) < 2:
        return None
    start, end, top = history[0][0], published.released_at, _round_above(max(numbers))
    steps = [
        (
            (at - start) * _WIDTH // max(end - start, 1),
            None if number is None else _HEIGHT - number * _HEIGHT // top,
        )
        for at, number in _last_of_columns(history, max((end - start) // columns, 1))
    ]
    runs = _runs(steps)
    return Chart(
        line="".join(_line(run, end) for run, end in runs),
        area="".join(f"{_line(run, end)}V{_HEIGHT}H{run[0][0]}Z" for run, end in runs),
        top=top,
        first=numbers[0],
        last=last,
        start=moment(start),
        end=moment(end),
    )


_Step = tuple[int, int | None]


def _last_of_columns(history: Sequence[_Step], seconds: int) -> list[_Step]:
    """The last number of each column of time, from the first on."""
    start = history[0][0]
    return [
        (at, number)
        for (at, number), after in zip(history, [*history[1:], None], strict=True)
        if after is None or (at - start) // seconds != (after[0] - start) // seconds
    ]


def _round_above(number: int) -> int:
    """The box's upper edge: the next of 1, 2, 3, 4, 5, 6, 8 times a power of ten."""
    power: int = 10 ** (len(str(number)) - 1)
    return next(factor * power for factor in (1, 2, 3, 4, 5, 6, 8, 10) if factor * power >= number)


def _runs(steps: Sequence[_Step]) -> list[tuple[list[tuple[int, int]], int]]:
    """The stretches in which a number was shown: their steps, and where each ends. Where none was, there is a gap."""
    runs: list[tuple[list[tuple[int, int]], int]] = []
    run: list[tuple[int, int]] = []
    for x, y in [*steps, (_WIDTH, None)]:
        if y is not None:
            run.append((x, y))
        elif run:
            runs.append((run, x))
            run = []
    return runs


def _line(run: Sequence[tuple[int, int]], end: int) -> str:
    """A number stays until the next one: steps, not slopes."""
    (x, y), *rest = run
    return f"M{x} {y}" + "".join(f"H{x}V{y}" for x, y in rest) + f"H{end}"
