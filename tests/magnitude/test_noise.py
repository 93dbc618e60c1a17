# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from notalone.magnitude.noise import two_sided_geometric


@given(st.integers(2, 10), st.integers(0, 30), st.integers(0, 30))
def test_it_is_how_much_longer_one_die_holds_out_than_another(odds: int, first: int, second: int) -> None:
    dice = iter([1] * first + [0] + [odds - 1] * second + [0])
    assert two_sided_geometric(odds, lambda _: next(dice)) == first - second
    assert next(dice, None) is None


def test_each_step_away_from_zero_is_less_likely_by_one_factor() -> None:
    draws = 200_000
    below = random.Random(7).randrange  # noqa: S311
    seen = Counter(two_sided_geometric(8, below) for _ in range(draws))
    for n in range(12):
        for sign in (1, -1):
            expected = (7 / 8) ** n / 15 * draws
            # Five standard deviations.
            assert abs(seen[sign * n] - expected) < 5 * expected**0.5
