# SPDX-License-Identifier: AGPL-3.0-or-later
"""Credentials: one person, one point; one person, one voice (spec/credentials.md).

    person: ask(issuer's key, message, secret)              -> blinded message
    issuer: issue(signing key, what is kept of her, blinded) -> what is kept from now on, answer
    person: finish(issuer's key, message, secret, answer)   -> prefix and signature, which make a credential

The issuer knows the person and not the credential; whoever takes the credential knows not the person. All that she
draws comes from her secret, so that asking again is asking the same, and the issuer gives nobody two.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from hashlib import sha512
from secrets import token_bytes

from notalone.protocol.call import SLUG
from notalone.protocol.encoding import Reader, number, prefixed
from notalone.protocol.errors import Undecodable
from notalone.protocol.group import Scalar, Source, hash_to_scalar
from notalone.protocol.labels import (
    CREDENTIAL_ASKED,
    CREDENTIAL_DRAWN,
    CREDENTIAL_HOLDER,
    CREDENTIAL_KEY,
    CREDENTIAL_POINT,
    CREDENTIAL_VOICE,
)
from notalone.protocol.rsa_blind import (
    BITS,
    EXTRA_BYTES,
    PREFIX_BYTES,
    SALT_BYTES,
    PublicKey,
    SigningKey,
    blind,
    finalize,
    prepare,
)
from notalone.protocol.seals import derive
from notalone.protocol.signatures import KEY_BYTES, VerifyKey, WrongSignature

SECRET_BYTES = 64
ESCROW_BYTES = 32
EPOCH_BYTES = 4
NONCE_BYTES = 32
HASH_BYTES = 64
SIGNATURE_BYTES = BITS // 8
CREDENTIAL_BYTES = KEY_BYTES + PREFIX_BYTES + SIGNATURE_BYTES

_ZERO = Scalar.public(0)


class WrongCredential(Exception):
    """The issuer did not sign this."""


class AlreadyIssued(Exception):
    """This person has her credential, and asks for another one. Whoever lost it cannot have a second."""


# ---- what is signed ----


def holder_message(escrow: bytes, holder: VerifyKey) -> bytes:
    """That this key is one person's in this escrow. Raises ValueError unless the escrow's id has 32 bytes."""
    return prefixed(CREDENTIAL_HOLDER) + _named(escrow) + bytes(holder)


def voice_message(call: str, epoch: int, nonce: bytes) -> bytes:
    """That one person has a voice in this epoch of a call. `nonce`: 32 bytes of her choice. Raises ValueError."""
    if not re.fullmatch(SLUG, call):
        raise ValueError("a call has a name as in addresses")
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"a nonce has {NONCE_BYTES} bytes")
    return prefixed(CREDENTIAL_VOICE) + prefixed(call.encode()) + number(epoch, EPOCH_BYTES) + nonce


# ---- the issuer's key ----


def key_hash(key: PublicKey) -> bytes:
    """64 bytes: what clients know an issuer's key by."""
    return sha512(prefixed(CREDENTIAL_KEY) + bytes(key)).digest()


def decode_pinned(data: bytes, pinned: bytes) -> PublicKey:
    """The key that has this hash. Raises Undecodable for every other.

    An issuer that gave each person a key of her own would know her by it.
    """
    key = PublicKey.decode(data)
    if key_hash(key) != pinned:
        raise Undecodable("issuer key", "is not the one that is known by its hash")
    return key


# ---- asking and answering ----


def ask(key: PublicKey, message: bytes, secret: bytes) -> bytes:
    """The blinded message, 256 bytes: the same each time. Raises Undecodable for a key that no honest issuer has.

    `secret`: 64 bytes that nobody else knows; of the return code, or drawn for this and kept until `finish`.
    """
    prefix, salt, factor = _drawn(key, message, secret)
    return blind(key, prepare(message, prefix), salt, factor)


def finish(
    key: PublicKey, message: bytes, secret: bytes, answer: bytes, source: Source = token_bytes
) -> tuple[bytes, bytes]:
    """Prefix and signature, from the issuer's answer. Raises Undecodable, WrongCredential."""
    prefix, _, factor = _drawn(key, message, secret)
    try:
        return prefix, finalize(key, prepare(message, prefix), answer, factor, source=source)
    except WrongSignature:
        raise WrongCredential(WrongCredential.__doc__) from None


def issue(key: SigningKey, kept: bytes | None, blinded: bytes, source: Source = token_bytes) -> tuple[bytes, bytes]:
    """What is to be kept of this person for ever, 64 bytes, and the answer.

    `kept`: what is kept of her under this key so far, None if nothing. Store what is to be kept before the answer goes
    out, and in such a way that nothing else can be stored for her meanwhile. Raises AlreadyIssued, Undecodable,
    SigningFailed; then nothing is to be stored.
    """
    asked = sha512(prefixed(CREDENTIAL_ASKED) + key_hash(key.public) + blinded).digest()
    if kept is not None and not hmac.compare_digest(kept, asked):
        raise AlreadyIssued(AlreadyIssued.__doc__)
    return asked, key.sign(blinded, source)


# ---- what she shows ----


@dataclass(frozen=True, slots=True)
class Credential:
    """A person's in an escrow, 320 bytes. `holder`: her Ed25519 key there."""

    holder: VerifyKey
    prefix: bytes
    signature: bytes = field(repr=False)

    def __bytes__(self) -> bytes:
        return bytes(self.holder) + self.prefix + self.signature

    @classmethod
    def decode(cls, data: bytes) -> Credential:
        """Raises Undecodable."""
        holder, prefix, signature = _read(data, KEY_BYTES)
        return cls(VerifyKey(holder), prefix, signature)

    def verify(self, key: PublicKey, escrow: bytes) -> None:
        """Raises WrongCredential."""
        _verify(key, holder_message(escrow, self.holder), self.prefix, self.signature)

    def point(self, escrow: bytes) -> Scalar:
        """Her x in this escrow. Raises WrongCredential for 0, where the keys themselves would be the answer.

        It hangs on her key alone: were there ever two signatures of one key, they would still be one point.
        """
        x = hash_to_scalar(_named(escrow) + bytes(self.holder), CREDENTIAL_POINT)
        if x == _ZERO:
            raise WrongCredential("this key has the point 0")
        return x


@dataclass(frozen=True, slots=True)
class VoiceCredential:
    """A person's in one epoch of a call, 320 bytes. It counts once for each `nonce`, whatever else is in it.

    Until then it is good for whoever holds it, so its signature is in no representation.
    """

    nonce: bytes
    prefix: bytes
    signature: bytes = field(repr=False)

    def __bytes__(self) -> bytes:
        return self.nonce + self.prefix + self.signature

    @classmethod
    def decode(cls, data: bytes) -> VoiceCredential:
        """Raises Undecodable."""
        return cls(*_read(data, NONCE_BYTES))

    def verify(self, key: PublicKey, call: str, epoch: int) -> None:
        """Raises WrongCredential."""
        _verify(key, voice_message(call, epoch, self.nonce), self.prefix, self.signature)


def _named(escrow: bytes) -> bytes:
    if len(escrow) != ESCROW_BYTES:
        raise ValueError(f"an escrow's id has {ESCROW_BYTES} bytes")
    return escrow


def _drawn(key: PublicKey, message: bytes, secret: bytes) -> tuple[bytes, bytes, bytes]:
    """Prefix, salt, and factor of the blind: others for each key and each message, even with one secret."""
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a secret has {SECRET_BYTES} bytes")
    wanted = PREFIX_BYTES + SALT_BYTES + len(key) + EXTRA_BYTES
    drawn = derive(secret, CREDENTIAL_DRAWN, key_hash(key) + message, wanted)
    return drawn[:PREFIX_BYTES], drawn[PREFIX_BYTES:][:SALT_BYTES], drawn[PREFIX_BYTES + SALT_BYTES :]


def _read(data: bytes, first: int) -> tuple[bytes, bytes, bytes]:
    reader = Reader(data, "credential")
    fields = reader.fixed(first), reader.fixed(PREFIX_BYTES), reader.fixed(SIGNATURE_BYTES)
    reader.end()
    return fields


def _verify(key: PublicKey, message: bytes, prefix: bytes, signature: bytes) -> None:
    try:
        key.verify(prepare(message, prefix), signature)
    except WrongSignature:
        raise WrongCredential(WrongCredential.__doc__) from None
