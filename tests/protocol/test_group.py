# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notalone.protocol.errors import Undecodable
from notalone.protocol.group import (
    GENERATOR,
    IDENTITY,
    ORDER,
    Element,
    Scalar,
    base_times,
    expand_message,
    hash_to_element,
    hash_to_scalar,
    total,
)
from tests.protocol.vectors import from_hex, vectors

VECTORS = vectors("group")
UNIFORM = st.binary(min_size=64, max_size=64)
SCALARS = UNIFORM.map(Scalar.reduce).filter(lambda scalar: scalar != Scalar.public(0))
ELEMENTS = UNIFORM.map(Element.map)
ONE, ZERO = Scalar.public(1), Scalar.public(0)


def why(case: Any) -> str:
    return str(case["why"])


# ---- the vectors ----


def test_the_multiples_of_the_generator() -> None:
    expected = [from_hex(each) for each in VECTORS["multiples"]]
    assert [bytes(base_times(Scalar.public(n))) for n in range(1, 16)] == expected
    assert [bytes(Scalar.public(n) * GENERATOR) for n in range(1, 16)] == expected
    assert [bytes(total([GENERATOR] * n)) for n in range(1, 16)] == expected


def test_uniform_bytes_are_mapped() -> None:
    for case in VECTORS["maps"]:
        assert bytes(Element.map(from_hex(case["uniform"]))) == from_hex(case["element"])


@pytest.mark.parametrize("case", VECTORS["elements"], ids=why)
def test_elements_are_decoded_or_refused(case: Any) -> None:
    data = from_hex(case["encoded"])
    if case["valid"]:
        assert bytes(Element.decode(data)) == data
    else:
        with pytest.raises(Undecodable, match=r"^key: "):
            Element.decode(data, "key")


@pytest.mark.parametrize("case", VECTORS["scalars"], ids=why)
def test_scalars_are_decoded_or_refused(case: Any) -> None:
    data = from_hex(case["encoded"])
    if case["valid"]:
        assert bytes(Scalar.decode(data)) == data
    else:
        with pytest.raises(Undecodable, match=r"^share: "):
            Scalar.decode(data, "share")


def test_the_expander_is_that_of_rfc_9380() -> None:
    """Appendix K.3."""
    label = b"QUUX-V01-CS02-with-expander-SHA512-256"
    expected = "6b9a7312411d92f921c6f68ca0b6380730a1a4d982c507211a90964c394179ba"
    assert expand_message(b"", label, 32).hex() == expected
    expected = "0da749f12fbe5483eb066a5f595055679b976e93abe9be6f0f6318bce7aca8dc"
    assert expand_message(b"abc", label, 32).hex() == expected


def test_the_expander_takes_long_labels_and_no_longer_output_than_it_has() -> None:
    long = b"x" * 256
    assert expand_message(b"m", long, 100) != expand_message(b"m", long[:-1], 100)
    assert len(expand_message(b"m", b"label", 255 * 64)) == 255 * 64
    with pytest.raises(ValueError, match="255 blocks"):
        expand_message(b"m", b"label", 255 * 64 + 1)


# ---- algebra ----


@given(SCALARS, SCALARS, SCALARS)
def test_scalars_are_a_field(a: Scalar, b: Scalar, c: Scalar) -> None:
    assert a + b == b + a
    assert a * b == b * a
    assert (a + b) + c == a + (b + c)
    assert a * (b + c) == a * b + a * c
    assert a - b + b == a
    assert a * ONE == a
    assert a * a.inverse() == ONE


@given(SCALARS, SCALARS, ELEMENTS, ELEMENTS)
def test_elements_are_a_group_that_scalars_act_on(a: Scalar, b: Scalar, p: Element, q: Element) -> None:
    assert p + q == q + p
    assert p + q - q == p
    assert (a + b) * p == a * p + b * p
    assert a * (p + q) == a * p + a * q
    assert (a * b) * p == a * (b * p)
    assert base_times(a) == a * GENERATOR
    assert p + IDENTITY == p


@given(st.integers(-(2**256), 2**256))
def test_public_numbers_are_taken_modulo_the_order(n: int) -> None:
    assert int.from_bytes(bytes(Scalar.public(n)), "little") == n % ORDER


def test_what_gives_the_identity_gives_the_identity() -> None:
    assert ZERO * GENERATOR == base_times(ZERO) == GENERATOR - GENERATOR == total([]) == IDENTITY
    assert IDENTITY.is_identity
    assert not GENERATOR.is_identity
    assert ONE * IDENTITY == IDENTITY
    with pytest.raises(ZeroDivisionError):
        ZERO.inverse()


def test_hashes_are_apart_by_label_and_message() -> None:
    elements = {hash_to_element(message, label) for message in (b"", b"a", b"b") for label in (b"x", b"y")}
    scalars = {hash_to_scalar(message, label) for message in (b"", b"a", b"b") for label in (b"x", b"y")}
    assert len(elements) == len(scalars) == 6


# ---- bad input, secrets ----


@given(st.binary(max_size=40) | st.binary(min_size=32, max_size=32))
def test_whatever_comes_is_decoded_to_itself_or_refused(data: bytes) -> None:
    for kind in (Element, Scalar):
        try:
            decoded = kind.decode(data)
        except Undecodable:
            continue
        assert bytes(decoded) == data


def test_uniform_bytes_are_64() -> None:
    for make in (Scalar.reduce, Element.map):
        with pytest.raises(ValueError, match="64"):
            make(bytes(63))


def test_randomness_is_an_argument_with_a_safe_default() -> None:
    given_ = random.Random(1).randbytes(64)  # noqa: S311
    assert Scalar.random(lambda many: given_[:many]) == Scalar.reduce(given_)
    assert Scalar.random() != Scalar.random()


def test_no_representation_shows_a_scalar() -> None:
    secret = Scalar.random()
    shown = repr(secret) + str(secret) + f"{secret}" + repr([secret]) + repr({"key": secret})
    assert bytes(secret).hex() not in shown
    assert repr(bytes(secret))[2:-1] not in shown
    assert str(int.from_bytes(bytes(secret), "little")) not in shown


def test_scalars_and_elements_are_no_equals_of_other_things() -> None:
    assert Scalar.public(1) != bytes(Scalar.public(1))
    assert bytes(GENERATOR) != GENERATOR
    assert len({Scalar.public(1), Scalar.public(1), GENERATOR, base_times(ONE)}) == 2
    assert bytes(GENERATOR).hex() in repr(GENERATOR)
