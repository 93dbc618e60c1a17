# SPDX-License-Identifier: AGPL-3.0-or-later
"""The argument of spec/escrow.md, section 7 A, in numbers: what a coalition can work out, in the exponent of one base.

h honest depositors show their rows: k(x, V). c colluders know theirs, and the value k(0, x) each. What all of them know
is linear in the j * j coefficients; an honest value k(0, x) is open to them exactly when it is in the span.
"""

from __future__ import annotations

import random

import pytest

from notalone.protocol.group import ORDER

Equation = list[int]


def row(j: int, x: int) -> list[Equation]:
    """k(x, V): for each b the sum over a of x^a k[a,b]."""
    return [[pow(x, a, ORDER) if column == b else 0 for a in range(j) for column in range(j)] for b in range(j)]


def value(j: int, x: int) -> Equation:
    """k(0, x): the sum over b of x^b k[0,b]."""
    return [pow(x, b, ORDER) if a == 0 else 0 for a in range(j) for b in range(j)]


def rank(equations: list[Equation]) -> int:
    """By elimination modulo the group's order."""
    left = [each[:] for each in equations]
    found = 0
    for column in range(len(left[0]) if left else 0):
        pivot = next((n for n in range(found, len(left)) if left[n][column]), None)
        if pivot is None:
            continue
        left[found], left[pivot] = left[pivot], left[found]
        inverse = pow(left[found][column], -1, ORDER)
        for n in range(found + 1, len(left)):
            factor = left[n][column] * inverse % ORDER
            if factor:
                left[n] = [(a - factor * b) % ORDER for a, b in zip(left[n], left[found], strict=True)]
        found += 1
    return found


def is_open(j: int, known: list[Equation], target: Equation) -> bool:
    return rank(known) == rank([*known, target])


@pytest.mark.parametrize("j", range(2, 8))
def test_an_honest_value_is_open_exactly_when_there_are_enough(j: int) -> None:
    chance = random.Random(j)  # noqa: S311
    for honest in range(1, j + 1):
        for colluders in range(j + 2 - honest):
            xs = [chance.randrange(1, ORDER) for _ in range(honest + colluders)]
            known = [each for x in xs for each in row(j, x)] + [value(j, x) for x in xs[honest:]]
            assert is_open(j, known, value(j, xs[0])) == (honest + colluders >= j), (honest, colluders)


@pytest.mark.parametrize("j", range(2, 6))
def test_the_same_person_twice_adds_nothing(j: int) -> None:
    xs = list(range(3, 3 + j - 1))
    known = [each for x in [*xs, *xs] for each in row(j, x)] + [value(j, x) for x in xs[1:]]
    assert not is_open(j, known, value(j, xs[0]))
    assert is_open(j, known + row(j, 99), value(j, xs[0]))


def test_at_the_point_zero_one_answer_is_enough() -> None:
    """Why x = 0 is refused: its row is k(0, V), from which every value follows."""
    assert is_open(5, row(5, 0), value(5, 7))


@pytest.mark.parametrize("j", range(3, 6))
def test_rows_of_one_level_say_nothing_at_another(j: int) -> None:
    """The levels have keys of their own, so what opened below opens nothing above."""
    width = j * j + (j - 1) * (j - 1)
    below = [each + [0] * (j * j) for x in range(1, 9) for each in [*row(j - 1, x), value(j - 1, x)]]
    own = [[0] * ((j - 1) * (j - 1)) + each for x in range(1, j) for each in row(j, x)]
    target = [0] * ((j - 1) * (j - 1)) + value(j, 1)
    assert all(len(each) == width for each in [*below, *own, target])
    assert not is_open(j, below + own, target)
