# SPDX-License-Identifier: AGPL-3.0-or-later
"""Messages that one party alone can open, and keys from keys (spec/seals.md).

A seal is ElGamal's key agreement in ristretto255, HKDF-SHA-512 (RFC 5869) and XChaCha20-Poly1305: what HPKE (RFC 9180)
does in its base mode. It is in this group, and not in one of HPKE's, so that somebody who got a wrong share can show
what was in the seal, and prove it, without giving her key away: `ceremony.py` needs that.
"""

from __future__ import annotations

from hashlib import sha512
from secrets import token_bytes

import pysodium
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from notalone.protocol.encoding import Reader, prefixed
from notalone.protocol.group import ELEMENT_BYTES, Element, Scalar, Source, base_times
from notalone.protocol.labels import SEAL_KEY

KEY_BYTES = 32
TAG_BYTES = 16
# Of a seal, beside what is sealed.
SEAL_BYTES = ELEMENT_BYTES + TAG_BYTES

# Every key is used for one message.
_NONCE = bytes(24)


class WrongSeal(Exception):
    """This was not sealed with this key for this use, or it was changed since."""


def derive(secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """`length` bytes, at most 16,320, from a secret that is hard to guess (HKDF-SHA-512 without salt, RFC 5869)."""
    return HKDF(algorithm=SHA512(), length=length, salt=None, info=prefixed(label) + context).derive(secret)


def encrypt(key: bytes, plaintext: bytes, context: bytes) -> bytes:
    """Under a key of 32 bytes that is used this once: 16 bytes more than the plaintext."""
    _check(key)
    return bytes(pysodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, context, _NONCE, key))


def decrypt(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """Raises WrongSeal."""
    _check(key)
    # libsodium would work out a length below zero.
    if len(sealed) < TAG_BYTES:
        raise WrongSeal(WrongSeal.__doc__)
    try:
        return bytes(pysodium.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, context, _NONCE, key))
    except ValueError:
        raise WrongSeal(WrongSeal.__doc__) from None


def seal(recipient: Element, label: bytes, context: bytes, plaintext: bytes, source: Source = token_bytes) -> bytes:
    """48 bytes more than the plaintext."""
    return seal_with(Scalar.random(source), recipient, label, context, plaintext)


def seal_with(once: Scalar, recipient: Element, label: bytes, context: bytes, plaintext: bytes) -> bytes:
    """The same with a one-time secret that the caller drew, and forgets."""
    sender = base_times(once)
    return bytes(sender) + encrypt(_derived(once * recipient, sender, recipient, label, context), plaintext, context)


def unseal(secret: Scalar, label: bytes, context: bytes, sealed: bytes) -> bytes:
    """Raises WrongSeal; Undecodable for what is no seal at all."""
    return unseal_with(secret * sender_of(sealed), base_times(secret), label, context, sealed)


def sender_of(sealed: bytes) -> Element:
    """The one-time key of who sealed it. Raises Undecodable."""
    return Element.decode(Reader(sealed, "seal").fixed(ELEMENT_BYTES), "seal")


def unseal_with(agreed: Element, recipient: Element, label: bytes, context: bytes, sealed: bytes) -> bytes:
    """With what both sides agreed on: the recipient's secret times the sender's key. Raises as `unseal`."""
    key = _derived(agreed, sender_of(sealed), recipient, label, context)
    return decrypt(key, sealed[ELEMENT_BYTES:], context)


def _derived(agreed: Element, sender: Element, recipient: Element, label: bytes, context: bytes) -> bytes:
    use = bytes(sender) + bytes(recipient) + prefixed(label) + sha512(context).digest()
    return derive(bytes(agreed), SEAL_KEY, use, KEY_BYTES)


def _check(key: bytes) -> None:
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes")
