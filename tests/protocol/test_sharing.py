# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notalone.protocol.group import GENERATOR, Scalar, base_times
from notalone.protocol.sharing import (
    INDEX_MOST,
    Commitments,
    Polynomial,
    WrongShare,
    combine,
    combine_elements,
    lagrange,
    sum_commitments,
)

ONE = Scalar.public(1)


@st.composite
def sharings(draw: st.DrawFn) -> tuple[Polynomial, list[int]]:
    """A polynomial, and at least as many indices as its quorum."""
    quorum = draw(st.integers(1, 5))
    indices = draw(st.lists(st.integers(1, INDEX_MOST), min_size=quorum, max_size=quorum + 3, unique=True))
    return Polynomial.random(quorum), indices


@given(sharings())
def test_every_quorum_gives_the_secret(sharing: tuple[Polynomial, list[int]]) -> None:
    polynomial, indices = sharing
    for some in combinations(indices, len(polynomial.coefficients)):
        assert combine({index: polynomial.share(index) for index in some}) == polynomial.coefficients[0]
    assert combine({index: polynomial.share(index) for index in indices}) == polynomial.coefficients[0]


@given(sharings())
def test_fewer_than_a_quorum_fit_every_secret(sharing: tuple[Polynomial, list[int]]) -> None:
    """For any other secret there is a polynomial with the same shares, so the shares say nothing of it."""
    polynomial, indices = sharing
    quorum = len(polynomial.coefficients)
    seen = {index: polynomial.share(index) for index in indices[: quorum - 1]}
    if not seen:
        return
    assert combine(seen) != polynomial.coefficients[0]
    other = Scalar.random()
    # The missing share that would make it the secret.
    missing = next(n for n in range(1, INDEX_MOST) if n not in seen)
    factors = lagrange([*seen, missing])
    told = Scalar.public(0)
    for index, share in seen.items():
        told += factors[index] * share
    completed = {**seen, missing: (other - told) * factors[missing].inverse()}
    assert combine(completed) == other


@given(sharings())
def test_a_share_is_checked_by_its_commitments(sharing: tuple[Polynomial, list[int]]) -> None:
    polynomial, indices = sharing
    commitments = polynomial.commitments
    assert commitments.secret == base_times(polynomial.coefficients[0])
    for index in indices:
        share = polynomial.share(index)
        commitments.check(index, share)
        assert commitments.share(index) == base_times(share)
        with pytest.raises(WrongShare):
            commitments.check(index, share + ONE)
        if len(polynomial.coefficients) > 1:
            with pytest.raises(WrongShare):
                commitments.check(index % INDEX_MOST + 1, share)


@given(sharings())
def test_shares_combine_in_the_exponent(sharing: tuple[Polynomial, list[int]]) -> None:
    polynomial, indices = sharing
    element = Scalar.random() * GENERATOR
    partial = {index: polynomial.share(index) * element for index in indices}
    assert combine_elements(partial) == polynomial.coefficients[0] * element


def test_sharings_add_up() -> None:
    polynomials = [Polynomial.random(3) for _ in range(4)]
    summed = sum_commitments([each.commitments for each in polynomials])
    shares = {}
    for index in (2, 5, 9):
        share = Scalar.public(0)
        for each in polynomials:
            share += each.share(index)
        summed.check(index, share)
        shares[index] = share
    secret = Scalar.public(0)
    for each in polynomials:
        secret += each.coefficients[0]
    assert combine(shares) == secret
    assert base_times(secret) == summed.secret


def test_a_secret_can_be_given() -> None:
    secret = Scalar.random()
    assert Polynomial.random(2, secret).coefficients[0] == secret
    assert Polynomial.random(2, secret).share(1) != Polynomial.random(2, secret).share(1)


def test_lagrange_reaches_other_places_too() -> None:
    polynomial = Polynomial.random(3)
    factors = lagrange([1, 2, 3], at=7)
    value = Scalar.public(0)
    for index in (1, 2, 3):
        value += factors[index] * polynomial.share(index)
    assert value == polynomial.share(7)


def test_no_representation_shows_a_secret() -> None:
    polynomial = Polynomial.random(3)
    shown = repr(polynomial) + str(polynomial)
    assert not any(bytes(each).hex() in shown for each in polynomial.coefficients)


@pytest.mark.parametrize("indices", [[], [0], [-1], [1, 1], [INDEX_MOST + 1]])
def test_indices_that_cannot_be(indices: list[int]) -> None:
    with pytest.raises(ValueError, match=r"ind"):
        lagrange(indices)


def test_mistakes_of_ours() -> None:
    for quorum in (0, -1, INDEX_MOST + 1):
        with pytest.raises(ValueError, match="quorum"):
            Polynomial.random(quorum)
    for index in (0, INDEX_MOST + 1):
        with pytest.raises(ValueError, match="an index"):
            Polynomial.random(2).share(index)
    with pytest.raises(ValueError, match="zip"):
        _ = Commitments((GENERATOR,)) + Commitments((GENERATOR, GENERATOR))
