# SPDX-License-Identifier: AGPL-3.0-or-later
"""Shamir's secret sharing with Feldman's commitments: any `quorum` of n shares give the secret, fewer say nothing.

A secret is the constant term of a polynomial of degree quorum - 1 over the scalars; the share of index i (a public
number from 1 on) is its value at i. The commitments are the coefficients times the generator, so anyone can check a
share, and can work out what any share times the generator must be.

Shamir 1979, "How to share a secret"; Feldman 1987, "A practical scheme for non-interactive verifiable secret sharing".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_bytes

from notalone.protocol.group import Element, Scalar, Source, base_times, total

INDEX_MOST = 65_535
ZERO = Scalar.public(0)


class WrongShare(Exception):
    """This share is not on the polynomial that was committed to."""


@dataclass(frozen=True, slots=True)
class Commitments:
    """What a dealer committed to: one element for each coefficient, the constant term first. As many as the quorum."""

    elements: tuple[Element, ...]

    @property
    def secret(self) -> Element:
        """The secret times the generator."""
        return self.elements[0]

    def share(self, index: int) -> Element:
        """The share of this index times the generator."""
        x = _index(index)
        result = self.elements[-1]
        for each in self.elements[-2::-1]:
            result = x * result + each
        return result

    def check(self, index: int, share: Scalar) -> None:
        """Raises WrongShare."""
        if base_times(share) != self.share(index):
            raise WrongShare(WrongShare.__doc__)

    def __add__(self, other: Commitments) -> Commitments:
        """What the sum of two sharings is committed to. Raises ValueError for another quorum."""
        return Commitments(tuple(a + b for a, b in zip(self.elements, other.elements, strict=True)))


@dataclass(frozen=True, slots=True, repr=False)
class Polynomial:
    """A dealer's secret. Its coefficients are never shown."""

    coefficients: tuple[Scalar, ...]

    @classmethod
    def random(cls, quorum: int, secret: Scalar | None = None, source: Source = token_bytes) -> Polynomial:
        """Of degree quorum - 1, with this secret or a fresh one."""
        if not 1 <= quorum <= INDEX_MOST:
            raise ValueError(f"a quorum is from 1 to {INDEX_MOST}")
        constant = Scalar.random(source) if secret is None else secret
        return cls((constant, *(Scalar.random(source) for _ in range(quorum - 1))))

    @property
    def commitments(self) -> Commitments:
        return Commitments(tuple(base_times(each) for each in self.coefficients))

    def share(self, index: int) -> Scalar:
        x = _index(index)
        result = self.coefficients[-1]
        for each in self.coefficients[-2::-1]:
            result = x * result + each
        return result


def lagrange(indices: Collection[int], at: int = 0) -> dict[int, Scalar]:
    """For each index the factor of its share in the value of the polynomial at `at`. Public numbers all.

    Raises ValueError for indices that are zero, negative, too large or there twice.
    """
    if len(set(indices)) != len(indices) or not indices:
        raise ValueError("indices are distinct, and there is at least one")
    xs = {index: _index(index) for index in indices}
    goal = Scalar.public(at)
    factors: dict[int, Scalar] = {}
    for index, x in xs.items():
        over = under = Scalar.public(1)
        for other, y in xs.items():
            if other != index:
                over *= goal - y
                under *= x - y
        factors[index] = over * under.inverse()
    return factors


def combine(shares: Mapping[int, Scalar]) -> Scalar:
    """The secret of a quorum of shares. Check them first: fewer, or wrong ones, give another secret unnoticed."""
    factors = lagrange(shares)
    result = ZERO
    for index, share in shares.items():
        result += factors[index] * share
    return result


def combine_elements(shares: Mapping[int, Element]) -> Element:
    """The same in the exponent: from each share times an element, the secret times that element."""
    factors = lagrange(shares)
    return total(factors[index] * share for index, share in shares.items())


def _index(index: int) -> Scalar:
    if not 1 <= index <= INDEX_MOST:
        raise ValueError(f"an index is from 1 to {INDEX_MOST}")
    return Scalar.public(index)


def sum_commitments(some: Sequence[Commitments]) -> Commitments:
    """What the sum of several dealers' sharings is committed to."""
    result, *rest = some
    for each in rest:
        result += each
    return result
