# SPDX-License-Identifier: AGPL-3.0-or-later
"""A voice: from the nonce of one rendering to the code its owner keeps and the id we store.

    nonce  ->  code  ->  id
    (form)    (she)     (server)

The chain runs one way. The server keeps the id alone, so what it stores cannot withdraw a voice; she keeps the
code, which can. Both derive from the nonce, so the same form sent twice is the same voice (spec/voice.md).
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from enum import IntEnum
from hashlib import blake2b, sha256
from unicodedata import decimal, normalize

from notalone.protocol.labels import VOICE_CODE, VOICE_ID, VOICE_PROOF

NONCE_BYTES = 16
ID_BYTES = 16
CODE_CHARACTERS = 18  # of 5 bits each: 90 bits, so that a fast hash is enough
SALT_BYTES = 16

# Crockford's base 32: no I, L, O, U, so that a code read aloud or from paper is read one way.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREADINGS = str.maketrans({"O": "0", "I": "1", "L": "1"})
# 16 bytes end in a character that carries 2 bits; the other 4 must be zero, or one nonce could be written 16 ways.
_NONCE = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")
_CODE = re.compile(f"[{_ALPHABET}]{{{CODE_CHARACTERS}}}")
_PROOF = re.compile(r"[0-9a-f]{8}")


class Kind(IntEnum):
    """What a voice says. The two are counted apart and never added up."""

    ME_TOO = 1
    STAND_WITH_YOU = 2

    @property
    def word(self) -> str:
        """Its name in forms and the API. Both have five letters: what she chose must not show in a length."""
        return _WORDS[self]

    @classmethod
    def from_word(cls, word: str) -> Kind:
        """Raises Malformed for any other word."""
        for kind, its_word in _WORDS.items():
            if word == its_word:
                return kind
        raise Malformed("kind", "one of: metoo, stand")


_WORDS = {Kind.ME_TOO: "metoo", Kind.STAND_WITH_YOU: "stand"}


class Malformed(ValueError):
    """A field does not have the form that it must have. Nothing was counted."""

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: expected {expected}")
        self.field = field
        self.expected = expected


def nonce_from(randomness: bytes) -> str:
    """The nonce of one rendering: 22 characters of base64url without padding, from 16 random bytes."""
    if len(randomness) != NONCE_BYTES:
        raise ValueError(f"a nonce takes {NONCE_BYTES} random bytes")
    return urlsafe_b64encode(randomness)[:22].decode()


def checked_nonce(text: str) -> str:
    """The nonce itself. Raises Malformed unless it is what `nonce_from` writes."""
    if _NONCE.fullmatch(text) is None:
        raise Malformed("nonce", "22 characters of base64url (16 bytes), fresh for every voice")
    return text


def code_for(salt: bytes, nonce: str, kind: Kind) -> str:
    """The voice code: 18 characters of Crockford's base 32 (90 bits).

    `salt` is the call's own 16 bytes. A different kind from the same rendering is another voice, with its own code.
    """
    digest = blake2b(nonce.encode() + bytes([kind]), digest_size=12, key=salt, person=VOICE_CODE).digest()
    number = int.from_bytes(digest, "big") >> 6
    return "".join([_ALPHABET[(number >> shift) & 31] for shift in range(85, -1, -5)])


def written(code: str) -> str:
    """The code as it is shown: three groups of six."""
    return f"{code[:6]}-{code[6:12]}-{code[12:]}"


def read_code(text: str) -> str:
    """The code as typed by a person: any case, any spaces and signs between, O for 0, I and L for 1, digits of any
    script, and the invisible marks that come along when it is copied from a right-to-left page.

    Raises Malformed when it cannot be a code.
    """
    kept = [str(decimal(sign, sign)) for sign in normalize("NFKC", text) if sign.isalnum()]
    code = "".join(kept).upper().translate(_MISREADINGS)
    if _CODE.fullmatch(code) is None:
        raise Malformed("code", f"{CODE_CHARACTERS} letters and digits")
    return code


def id_for(salt: bytes, code: str) -> bytes:
    """The 16 bytes that the server stores. Without the code they say nothing, and another call's salt gives others."""
    return blake2b(code.encode(), digest_size=ID_BYTES, key=salt, person=VOICE_ID).digest()


def proof_holds(slug: str, nonce: str, proof: str, bits: int) -> bool:
    """Whether `proof` (8 lower-case hex digits) costs its maker about 2**bits hashes for this call and nonce.

    Hashcash over SHA-256: the challenge binds call and nonce, so that no work serves twice.
    """
    if _PROOF.fullmatch(proof) is None:
        return False
    digest = sha256(challenge(slug, nonce) + bytes.fromhex(proof)).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - bits) == 0


def challenge(slug: str, nonce: str) -> bytes:
    """What the proof of work answers: 32 bytes."""
    return sha256(b"\0".join((VOICE_PROOF, slug.encode(), nonce.encode()))).digest()


def solve_proof(slug: str, nonce: str, bits: int) -> str:
    """The first proof that holds. For clients; takes about 2**bits hashes."""
    start = sha256(challenge(slug, nonce))
    for n in range(1 << 32):
        attempt = start.copy()
        attempt.update(n.to_bytes(4, "big"))
        if int.from_bytes(attempt.digest()[:8], "big") >> (64 - bits) == 0:
            return f"{n:08x}"
    raise ValueError("no proof exists for this nonce")  # chance below e**-(2**(32-bits))
