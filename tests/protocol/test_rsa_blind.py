# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import random
from contextlib import suppress
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from gmpy2 import invert, powmod_sec
from hypothesis import given, settings
from hypothesis import strategies as st

from notalone.protocol import rsa_blind
from notalone.protocol.errors import Undecodable
from notalone.protocol.rsa_blind import (
    EXPONENT,
    EXTRA_BYTES,
    SALT_BYTES,
    PublicKey,
    SigningFailed,
    SigningKey,
    blind,
    encode,
    finalize,
    prepare,
)
from notalone.protocol.signatures import WrongSignature
from tests.protocol.vectors import from_hex, vectors

FILE = vectors("credentials")
PUBLISHED = FILE["published"]
P, Q, N = (int(PUBLISHED["key"][name], 16) for name in "pqn")
KEY = SigningKey.decode(from_hex(FILE["issuers"][0]["signing"]))
OTHER = SigningKey.decode(from_hex(FILE["issuers"][1]["signing"]))
SALT = bytes(range(SALT_BYTES))
FACTOR = b"\7" * (256 + EXTRA_BYTES)


def published_key() -> SigningKey:
    d = pow(EXPONENT, -1, (P - 1) * (Q - 1))
    public = rsa.RSAPublicNumbers(EXPONENT, N)
    return SigningKey(rsa.RSAPrivateNumbers(P, Q, d, d % (P - 1), d % (Q - 1), pow(Q, -1, P), public).private_key())


def der(key: Any, encryption: Any = None) -> bytes:
    data = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, encryption or NoEncryption())
    assert isinstance(data, bytes)
    return data


def number(data: bytes) -> int:
    return int.from_bytes(data, "big")


@pytest.mark.parametrize("case", PUBLISHED["cases"], ids=lambda case: str(case["why"]))
def test_the_vectors_of_the_rfc(case: Any) -> None:
    key, salt = published_key(), from_hex(case["salt"])
    prepared = prepare(from_hex(case["message"]), from_hex(case["prefix"]))
    assert prepared == from_hex(case["prepared"])
    assert encode(prepared, salt, 4095) == number(from_hex(case["encoded"]))
    factor = pow(number(from_hex(case["inverse"])), -1, N).to_bytes(512, "big")
    blinded = blind(key.public, prepared, salt, factor)
    assert blinded == from_hex(case["blinded"])
    answer = key.sign(blinded)
    assert answer == from_hex(case["answer"])
    signature = finalize(key.public, prepared, answer, factor, len(salt))
    assert signature == from_hex(case["signature"])
    key.public.verify(prepared, signature, len(salt))
    with pytest.raises(WrongSignature):
        key.public.verify(prepared, signature, 48 - len(salt))


@given(st.binary(max_size=300), st.binary(min_size=48, max_size=48), st.binary(min_size=272, max_size=272))
@settings(max_examples=25, deadline=None)
def test_what_was_signed_blindly_is_verified(message: bytes, salt: bytes, factor: bytes) -> None:
    prepared = prepare(message, salt[:32])
    if not any(factor):
        return
    signature = finalize(KEY.public, prepared, KEY.sign(blind(KEY.public, prepared, salt, factor)), factor)
    KEY.public.verify(prepared, signature)
    for key, other in ((KEY.public, prepared + b"\0"), (KEY.public, message), (OTHER.public, prepared)):
        with pytest.raises(WrongSignature):
            key.verify(other, signature)


def test_the_issuer_cannot_tell_which_question_a_signature_came_of() -> None:
    """Whichever question is held against whichever signature, some blind explains it."""
    numbers = KEY._key.private_numbers()
    n, d = numbers.public_numbers.n, numbers.d
    messages = [prepare(bytes([each]), bytes(32)) for each in range(3)]
    asked = [number(blind(KEY.public, each, SALT, bytes([n + 1]) * 272)) for n, each in enumerate(messages)]
    for blinded in asked:
        for each in messages:
            r = pow(blinded * pow(int(encode(each, SALT, 2047)), -1, n), d, n)
            assert number(blind(KEY.public, each, SALT, r.to_bytes(256, "big"))) == blinded


def test_a_blind_is_reduced_and_an_answer_is_the_same_each_time() -> None:
    prepared = prepare(b"x", bytes(32))
    n = int(KEY.public.n)
    reduced = (number(FACTOR) % n).to_bytes(256, "big")
    blinded = blind(KEY.public, prepared, SALT, FACTOR)
    assert blinded == blind(KEY.public, prepared, SALT, reduced)
    assert KEY.sign(blinded) == KEY.sign(blinded)
    for edge in (0, 1, n - 1):
        signed = number(KEY.sign(edge.to_bytes(256, "big")))
        assert pow(signed, EXPONENT, n) == edge


def test_the_key_never_meets_what_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    blinded = blind(KEY.public, b"x", SALT, FACTOR)
    met: list[tuple[int, int]] = []

    def watched(base: Any, power: Any, modulus: Any) -> Any:
        if power > EXPONENT:
            met.append((int(base) % int(KEY.public.n), int(modulus)))
        return powmod_sec(base, power, modulus)

    monkeypatch.setattr(rsa_blind, "powmod_sec", watched)
    assert KEY.sign(blinded) == KEY.sign(blinded)
    assert len({base for base, _ in met}) == 2
    assert number(blinded) not in {base for base, _ in met}
    numbers = KEY._key.private_numbers()
    assert [modulus for _, modulus in met] == [numbers.p, numbers.q] * 2


def test_the_return_codes_blind_is_never_inverted_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = prepare(b"x", bytes(32))
    answer = KEY.sign(blind(KEY.public, prepared, SALT, FACTOR))
    inverted: list[int] = []

    def watched(value: Any, modulus: Any) -> Any:
        inverted.append(int(value))
        return invert(value, modulus)

    monkeypatch.setattr(rsa_blind, "invert", watched)
    assert finalize(KEY.public, prepared, answer, FACTOR) == finalize(KEY.public, prepared, answer, FACTOR)
    assert len({number(FACTOR) % int(KEY.public.n), *inverted}) == 3


@pytest.mark.parametrize("half", [0, 1])
def test_a_fault_of_the_machine_does_not_give_the_key_away(monkeypatch: pytest.MonkeyPatch, half: int) -> None:
    blinded = blind(KEY.public, b"x", SALT, FACTOR)
    prime = [KEY._p, KEY._q][half]

    def faulty(base: Any, power: Any, modulus: Any) -> Any:
        return powmod_sec(base, power, modulus) ^ int(power > EXPONENT and modulus == prime)

    monkeypatch.setattr(rsa_blind, "powmod_sec", faulty)
    with pytest.raises(SigningFailed, match="was not given out"):
        KEY.sign(blinded)


def test_given_randomness_changes_no_result() -> None:
    fixed = random.Random(1).randbytes(272)  # noqa: S311
    prepared = prepare(b"x", bytes(32))
    blinded = blind(KEY.public, prepared, SALT, FACTOR)
    answer = KEY.sign(blinded, lambda _: fixed)
    assert answer == KEY.sign(blinded)
    signature = finalize(KEY.public, prepared, answer, FACTOR, source=lambda _: fixed)
    assert signature == finalize(KEY.public, prepared, answer, FACTOR)
    with pytest.raises(ZeroDivisionError):
        KEY.sign(blinded, bytes)


def test_a_key_with_a_small_divisor_is_refused() -> None:
    n = (1 << 2047) + 3
    n += -n % 6 + 3
    key = PublicKey.decode(n.to_bytes(256, "big"))
    for multiple in (0, 3, 9):
        with pytest.raises(Undecodable, match="issuer key: shares a divisor"):
            blind(key, b"x", SALT, multiple.to_bytes(272, "big"))
        with pytest.raises(Undecodable, match="issuer key: shares a divisor"):
            finalize(key, b"x", bytes(256), multiple.to_bytes(272, "big"))


def test_keys_are_written_and_read_and_show_nothing() -> None:
    fresh = SigningKey.generate()
    again = SigningKey.decode(fresh.export())
    assert again.public == fresh.public == PublicKey.decode(bytes(fresh.public))
    assert len({KEY.public, PublicKey.decode(bytes(KEY.public)), OTHER.public}) == 2
    assert KEY.public != bytes(KEY.public)
    assert repr(KEY) == "SigningKey(…)"
    assert repr(KEY.public) == f"PublicKey({bytes(KEY.public)[:8].hex()}…)"
    blinded = blind(fresh.public, b"x", SALT, FACTOR)
    assert fresh.sign(blinded) == again.sign(blinded)
    assert len(fresh.public) == len(blinded) == 256


def test_another_kind_of_key_is_refused() -> None:
    right = KEY.export()
    with pytest.raises(Undecodable, match="is not RSA of 2048 bits"):
        SigningKey.decode(published_key().export())
    with pytest.raises(Undecodable, match="is not RSA of 2048 bits"):
        SigningKey.decode(der(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(Undecodable, match="has another exponent than 65537"):
        SigningKey.decode(der(rsa.generate_private_key(3, 2048)))
    for data in (b"", right[:-1], right + b"\0", der(KEY._key, BestAvailableEncryption(b"x")), bytes(KEY.public)):
        with pytest.raises(Undecodable, match="issuer's signing key: is not PKCS #8"):
            SigningKey.decode(data)


@given(st.integers(0, 1200), st.integers(0, 7))
@settings(max_examples=40, deadline=None)
def test_a_changed_key_is_refused_or_still_one(at: int, bit: int) -> None:
    data = bytearray(KEY.export())
    data[at % len(data)] ^= 1 << bit
    try:
        key = SigningKey.decode(bytes(data))
    except Undecodable:
        return
    blinded = blind(key.public, b"x", SALT, FACTOR)
    assert pow(number(key.sign(blinded)), EXPONENT, int(key.public.n)) == number(blinded)


@given(st.binary(max_size=300) | st.binary(min_size=256, max_size=256))
@settings(max_examples=50, deadline=None)
def test_whatever_comes_is_taken_or_refused(data: bytes) -> None:
    for step in (
        lambda: bytes(PublicKey.decode(data)) == data,
        lambda: KEY.sign(data),
        lambda: finalize(KEY.public, b"x", data, FACTOR),
        lambda: KEY.public.verify(b"x", data),
    ):
        with suppress(Undecodable, WrongSignature):
            assert step() is not False


def test_mistakes_of_ours() -> None:
    for length in (1, 31, 33):
        with pytest.raises(ValueError, match="32 bytes"):
            prepare(b"x", bytes(length))
    with pytest.raises(ValueError, match="negative"):
        encode(b"x", SALT, 8 * (48 + 48 + 1))
