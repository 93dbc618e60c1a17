# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notalone.protocol.errors import Undecodable
from notalone.protocol.group import Scalar, base_times
from notalone.protocol.seals import (
    SEAL_BYTES,
    WrongSeal,
    decrypt,
    derive,
    encrypt,
    seal,
    sender_of,
    unseal,
    unseal_with,
)

SECRET = Scalar.public(1234567)
PUBLIC = base_times(SECRET)
KEY = b"k" * 32


@given(st.binary(max_size=200), st.binary(max_size=20), st.binary(max_size=20))
def test_what_was_sealed_is_opened_by_its_recipient(message: bytes, label: bytes, context: bytes) -> None:
    sealed = seal(PUBLIC, label, context, message)
    assert len(sealed) == len(message) + SEAL_BYTES
    assert unseal(SECRET, label, context, sealed) == message
    assert unseal_with(SECRET * sender_of(sealed), PUBLIC, label, context, sealed) == message


def test_a_seal_is_good_for_one_use_and_one_recipient() -> None:
    sealed = seal(PUBLIC, b"label", b"context", b"message")
    for secret, label, context in (
        (Scalar.public(5), b"label", b"context"),
        (SECRET, b"labe", b"context"),
        (SECRET, b"label", b"contex"),
        (SECRET, b"labe", b"lcontext"),
    ):
        with pytest.raises(WrongSeal):
            unseal(secret, label, context, sealed)


def test_every_changed_byte_is_noticed() -> None:
    sealed = seal(PUBLIC, b"l", b"c", b"message")
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises((WrongSeal, Undecodable)):
            unseal(SECRET, b"l", b"c", bytes(changed))


@given(st.binary(max_size=120))
def test_whatever_comes_as_a_seal_is_refused_by_name(data: bytes) -> None:
    with pytest.raises((WrongSeal, Undecodable)):
        unseal(SECRET, b"l", b"c", data)


def test_a_seal_with_no_one_time_key_is_refused() -> None:
    for wrong in (b"", bytes(47), bytes(60), bytes(base_times(Scalar.public(3)))[:31]):
        with pytest.raises(Undecodable):
            sender_of(wrong)
    with pytest.raises(WrongSeal):
        unseal(SECRET, b"l", b"c", bytes(base_times(Scalar.public(3))) + bytes(15))


def test_two_seals_of_one_message_have_nothing_in_common() -> None:
    one, two = (seal(PUBLIC, b"l", b"c", bytes(64)) for _ in range(2))
    assert not {one[n : n + 16] for n in range(0, 112, 16)} & {two[n : n + 16] for n in range(0, 112, 16)}


def test_encryption_takes_a_key_of_32_bytes_and_is_bound_to_its_context() -> None:
    sealed = encrypt(KEY, b"message", b"context")
    assert decrypt(KEY, sealed, b"context") == b"message"
    for key, data, context in ((b"l" * 32, sealed, b"context"), (KEY, sealed[1:], b"context"), (KEY, sealed, b"")):
        with pytest.raises(WrongSeal):
            decrypt(key, data, context)
    for wrong in (b"", b"k" * 31, b"k" * 33):
        with pytest.raises(ValueError, match="32 bytes"):
            encrypt(wrong, b"message", b"")
        with pytest.raises(ValueError, match="32 bytes"):
            decrypt(wrong, sealed, b"")


def test_derived_keys_differ_by_each_of_their_parts() -> None:
    some = [
        derive(s, label, c, 40) for s in (b"1" * 32, b"2" * 32) for label in (b"a", b"ab") for c in (b"", b"b", b"bc")
    ]
    assert len(set(some)) == len(some)
    assert derive(b"1" * 32, b"a", b"", 16) == some[0][:16]
