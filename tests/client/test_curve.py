# SPDX-License-Identifier: AGPL-3.0-or-later
"""The curve of the first day keeps to what was published, and any curve to itself."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notalone.client.curve import DAY, HOUR, TO_THE_PEAK, Curve, UnusableSeries, first_day, read_series, steady

TABLE = "date,tweets,replies\n2017-10-15,19891,1814\n2017-10-16,395030,24206\n2017-10-18,151003,6928\n2017-10-19,,\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "tweets.csv"
    path.write_text(TABLE)
    return path


def test_the_first_day_has_the_published_figures() -> None:
    day = first_day()
    assert day.total == 500_000
    assert day.duration == DAY
    hours = [day.by(TO_THE_PEAK + (n + 1) * HOUR) - day.by(TO_THE_PEAK + n * HOUR) for n in range(-5, 18)]
    assert max(hours) == hours[5] == 83_500
    assert day.peak == pytest.approx(83_500 / HOUR)


def test_the_first_day_keeps_near_what_was_archived_of_the_fifteenth() -> None:
    until_midnight_utc = 3 * HOUR + 39 * 60
    assert first_day().by(until_midnight_utc) == pytest.approx(19_891 / 0.632, rel=0.05)


@given(st.floats(0.001, 50), st.floats(1, 100_000), st.integers(0, 10_000))
def test_when_and_by_agree(scale: float, speed: float, part: int) -> None:
    curve = first_day().replayed(scale, speed)
    number = curve.total * part // 10_000
    assert 0 <= curve.when(number) <= curve.duration
    assert abs(curve.by(curve.when(number)) - number) <= 1


@given(st.lists(st.floats(-1, 100), min_size=2))
def test_a_curve_never_falls(moments: list[float]) -> None:
    curve = Curve("steps", (0.0, 10.0, 20.0, 90.0), (0.0, 5.0, 5.0, 1000.0))
    numbers = [curve.by(moment) for moment in sorted(moments)]
    assert numbers == sorted(numbers)


def test_steady_is_steady() -> None:
    curve = steady(3000, 10)
    assert (curve.total, curve.by(5), curve.peak, curve.when(15_000)) == (30_000, 15_000, 3000, 5)


def test_a_series_is_read_from_its_first_day(table: Path) -> None:
    assert read_series(table, None, 1).total == 19_891


def test_days_that_are_missing_or_empty_have_none(table: Path) -> None:
    days = read_series(table, date(2017, 10, 16), 4)
    assert days.voices == (0, 395_030, 395_030, 546_033, 546_033)
    assert days.duration == 4 * DAY


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ":1: no column date or tweets"),
        ("date,replies\n", ":1: no column tweets"),
        ("date,tweets\n", "holds no day"),
        ("date,tweets\n15 October,7\n", ":2: "),
        ("date,tweets\n2017-10-15,7\n2017-10-16,-1\n", ':3: "-1" is not a whole number'),
        ("date,tweets\n2017-10-15,0\n", "has nothing in the 1 day(s) from 2017-10-15"),
        ("tweets,date\n5\n", ":2: "),
    ],
)
def test_a_series_that_cannot_be_used_says_where(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "tweets.csv"
    path.write_text(text)
    with pytest.raises(UnusableSeries) as caught:
        read_series(path, None, 1)
    assert said in caught.value.message
    assert caught.value.hint


def test_a_series_that_is_no_text_or_not_there(tmp_path: Path) -> None:
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (binary, tmp_path / "nothing.csv"):
        with pytest.raises(UnusableSeries, match="could not be read"):
            read_series(path, None, 1)
