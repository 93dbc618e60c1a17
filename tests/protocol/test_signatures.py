# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notalone.protocol.errors import Undecodable
from notalone.protocol.signatures import SigningKey, VerifyKey, WrongSignature

KEY = SigningKey(b"s" * 32)


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_what_was_signed_is_verified(label: bytes, message: bytes) -> None:
    signature = KEY.sign(label, message)
    assert signature == KEY.sign(label, message)
    KEY.public.verify(label, message, signature)


def test_a_signature_is_good_for_one_key_use_and_message() -> None:
    signature = KEY.sign(b"label", b"message")
    for key, label, message, given_ in (
        (SigningKey(b"t" * 32).public, b"label", b"message", signature),
        (KEY.public, b"labe", b"lmessage", signature),
        (KEY.public, b"label", b"messag", signature),
        (KEY.public, b"label", b"message", signature[:-1]),
        (KEY.public, b"label", b"message", signature + b"\0"),
        (KEY.public, b"label", b"message", b""),
        (KEY.public, b"label", b"message", bytes(64)),
        (VerifyKey(bytes(32)), b"label", b"message", signature),
    ):
        with pytest.raises(WrongSignature):
            key.verify(label, message, given_)


def test_a_key_that_every_signature_fits_is_refused() -> None:
    """Of small order: with s = 0 and R = A the equation would hold for a part of all messages."""
    for order in (bytes([1]) + bytes(31), bytes(32), bytes.fromhex("ec" + "ff" * 30 + "7f")):
        with pytest.raises(WrongSignature):
            VerifyKey(order).verify(b"l", b"m", order + bytes(32))


def test_an_s_that_is_not_reduced_is_refused() -> None:
    """Else whoever sees a signature could make another one of it."""
    order = 2**252 + 27742317777372353535851937790883648493
    signature = KEY.sign(b"l", b"m")
    s = int.from_bytes(signature[32:], "little") + order
    with pytest.raises(WrongSignature):
        KEY.public.verify(b"l", b"m", signature[:32] + s.to_bytes(32, "little"))


def test_keys_are_compared_shown_and_checked() -> None:
    public = VerifyKey(bytes(KEY.public))
    assert public == KEY.public
    assert hash(public) == hash(KEY.public)
    assert public != SigningKey.random().public
    assert public != bytes(public)
    assert repr(public) == f"VerifyKey({bytes(public).hex()})"
    assert repr(KEY) == "SigningKey(…)"
    for wrong in (b"", bytes(31), bytes(33)):
        with pytest.raises(Undecodable, match="signing key"):
            VerifyKey(wrong)
        with pytest.raises(ValueError, match="32 bytes"):
            SigningKey(wrong)
