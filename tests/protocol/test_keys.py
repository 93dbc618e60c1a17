# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notalone.protocol.encoding import Reader
from notalone.protocol.errors import Undecodable
from notalone.protocol.group import Scalar, base_times
from notalone.protocol.keys import TAG, KeyShares, Trustee, coefficient, exponents, key_count, levels
from tests.protocol.trustees import organisation


def test_how_many_keys_and_answers_there_are() -> None:
    assert [key_count(highest) for highest in (2, 3, 5, 10)] == [5, 14, 55, 385]
    assert [len(exponents(highest, Scalar.public(3))) for highest in (2, 5)] == [4, 19]
    for wrong in (-1, 1, 11):
        with pytest.raises(ValueError, match="from 2 to 10"):
            levels(wrong)


def test_every_key_has_one_place() -> None:
    places = [coefficient(j, a, b) for j in levels(10) for a, b in product(range(j), repeat=2)]
    assert [TAG, *places] == list(range(key_count(10)))


@given(st.integers(2, 5), st.integers(1, 1000))
def test_exponents_are_the_polynomials_of_the_specification(highest: int, x: int) -> None:
    """k_j(X, V) by its definition, in plain numbers."""
    keys = [17 * n + 5 for n in range(key_count(highest))]
    shares = KeyShares(1, [Scalar.public(each) for each in keys])
    expected = [(0, keys[0])]
    for base, j in enumerate(range(2, highest + 1), 1):
        for b in range(j):
            expected.append((base, sum(keys[coefficient(j, a, b)] * x**a for a in range(j))))
        expected.append((base, sum(keys[coefficient(j, 0, b)] * x**b for b in range(j))))
    found = exponents(highest, Scalar.public(x))
    assert [(each.base, each.of(shares)) for each in found] == [(base, Scalar.public(k)) for base, k in expected]
    public = [base_times(Scalar.public(each)) for each in keys]
    for each in found:
        assert each.committed(public) == base_times(each.of(shares))


def test_shares_are_exported_and_wiped() -> None:
    shares = KeyShares(7, [Scalar.public(n + 1) for n in range(5)])
    exported = shares.export()
    again = KeyShares.decode(7, exported, 5)
    assert again.index == 7
    assert [again[n] for n in range(5)] == [Scalar.public(n + 1) for n in range(5)]
    for wrong in (exported[:-1], exported + b"x", bytes(160), b""):
        with pytest.raises(Undecodable, match="key shares"):
            KeyShares.decode(7, wrong, 5)
    buffer = shares._buffer
    for n in (-1, 5):
        with pytest.raises(IndexError):
            shares[n]
    shares.wipe()
    assert buffer == bytes(160)
    assert len(shares) == 0
    with pytest.raises(IndexError):
        shares[0]


@given(st.binary(max_size=120))
def test_whatever_comes_as_a_trustee_is_read_to_itself_or_refused(data: bytes) -> None:
    try:
        reader = Reader(data, "trustee")
        found = Trustee.read(reader)
        reader.end()
    except Undecodable:
        return
    assert bytes(found) == data


def test_a_trustee_is_read_as_it_was_written() -> None:
    one = organisation(65_535, "Women’s Aid · Ειρήνη").public
    assert Trustee.read(Reader(bytes(one), "trustee")) == one
    for wrong in (b"\0\0" + bytes(one)[2:], bytes(one)[:6] + b"\xff" + bytes(one)[7:], bytes(one)[:-1]):
        with pytest.raises(Undecodable):
            Trustee.read(Reader(wrong, "trustee"))
