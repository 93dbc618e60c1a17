# SPDX-License-Identifier: AGPL-3.0-or-later
"""Ed25519 signatures (RFC 8032) by libsodium. Every use has a label, so that no signature is good for another use."""

from __future__ import annotations

from secrets import token_bytes

import pysodium

from notalone.protocol.encoding import prefixed
from notalone.protocol.errors import Undecodable
from notalone.protocol.group import Source

KEY_BYTES = 32
SEED_BYTES = 32
SIGNATURE_BYTES = 64


class WrongSignature(Exception):
    """This key did not sign this."""


class VerifyKey:
    """The public half, 32 bytes."""

    __slots__ = ("_bytes",)

    def __init__(self, data: bytes) -> None:
        """Raises Undecodable for another length. libsodium refuses the few keys that fit every message, at `verify`."""
        if len(data) != KEY_BYTES:
            raise Undecodable("signing key", f"{len(data)} bytes instead of {KEY_BYTES}")
        self._bytes = data

    def __bytes__(self) -> bytes:
        return self._bytes

    def __repr__(self) -> str:
        return f"VerifyKey({self._bytes.hex()})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VerifyKey) and self._bytes == other._bytes

    def __hash__(self) -> int:
        return hash(self._bytes)

    def verify(self, label: bytes, message: bytes, signature: bytes) -> None:
        """Raises WrongSignature."""
        if len(signature) != SIGNATURE_BYTES:
            raise WrongSignature(WrongSignature.__doc__)
        try:
            pysodium.crypto_sign_verify_detached(signature, prefixed(label) + message, self._bytes)
        except ValueError:
            raise WrongSignature(WrongSignature.__doc__) from None


class SigningKey:
    """The secret half. No representation shows it."""

    __slots__ = ("_secret", "public")

    def __init__(self, seed: bytes) -> None:
        """From 32 secret bytes. Raises ValueError for another length."""
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a seed has {SEED_BYTES} bytes")
        public, self._secret = pysodium.crypto_sign_seed_keypair(seed)
        self.public = VerifyKey(public)

    @classmethod
    def random(cls, source: Source = token_bytes) -> SigningKey:
        """A fresh one."""
        return cls(source(SEED_BYTES))

    def __repr__(self) -> str:
        return "SigningKey(…)"

    def sign(self, label: bytes, message: bytes) -> bytes:
        """64 bytes, the same each time."""
        return bytes(pysodium.crypto_sign_detached(prefixed(label) + message, self._secret))
