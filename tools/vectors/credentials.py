# SPDX-License-Identifier: AGPL-3.0-or-later
"""Prints vectors/credentials.json: what is published is kept from the file, all else is made anew.

.venv/bin/python -m tools.vectors.credentials
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256, shake_256
from itertools import count
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from gmpy2 import next_prime

from notalone.protocol.credentials import (
    Credential,
    VoiceCredential,
    ask,
    finish,
    holder_message,
    issue,
    key_hash,
    voice_message,
)
from notalone.protocol.rsa_blind import EXPONENT, SigningKey, encode, prepare
from notalone.protocol.signatures import SigningKey as HolderKey

FILE = Path(__file__).parents[2] / "vectors" / "credentials.json"
ABOUT = (
    "Blind signatures and credentials (spec/credentials.md). `published`: RFC 9474, appendix A, the four variants"
    " with one key; `inverse` is r^-1 modulo n. `issuers`: keys that other cases name by their place; `signing` is"
    " PKCS #8 in DER. `keys`: keys as sent, and the hash that is known. `asked`: what is asked with a secret, and"
    " what comes of it. `answers`: what an issuer may answer to the first of these. `credentials` and `voices`: what"
    " is shown. `issued`: what an issuer does about a person of whom `kept` is kept. Where something is not valid,"
    " `error` says which it is: undecodable, wrong (it is not what the issuer signs) or issued (she has one"
    " already). Bytes are hexadecimal."
)
Case = dict[str, Any]


def draw(name: str, length: int) -> bytes:
    """Bytes for this file. Nobody may use them for anything else."""
    return shake_256(f"vectors/credentials.json {name}".encode()).digest(length)


def prime(name: str) -> int:
    start = int.from_bytes(draw(name, 128), "big") | 3 << 1022
    return int(next_prime(start))


def signing_key(name: str) -> SigningKey:
    p, q = prime(f"{name} p"), prime(f"{name} q")
    d = pow(EXPONENT, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(EXPONENT, p * q)
    return SigningKey(rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public).private_key())


ISSUERS = [signing_key("issuer 0"), signing_key("issuer 1")]
FIRST, OTHER = (each.public for each in ISSUERS)
ESCROWS = [sha256(f"escrow {n}".encode()).digest() for n in range(2)]
HOLDERS = [HolderKey(draw(f"holder {n}", 32)).public for n in range(2)]
SECRETS = [draw(f"secret {n}", 64) for n in range(2)]
NONCES = [draw(f"nonce {n}", 32) for n in range(2)]
CALL, EPOCH = "me-too", 3


def main() -> None:
    made = {
        "about": ABOUT,
        "published": json.loads(FILE.read_text())["published"],
        "issuers": [
            {"signing": each.export().hex(), "public": bytes(each.public).hex(), "hash": key_hash(each.public).hex()}
            for each in ISSUERS
        ],
        "keys": keys(),
        "asked": [*asked_holders(), *asked_voices()],
        "answers": answers(),
        "credentials": credentials(),
        "voices": voices(),
        "issued": issued(),
    }
    print(json.dumps(made, indent=2, ensure_ascii=False))


def keys() -> list[Case]:
    right, pinned = bytes(FIRST), key_hash(FIRST)
    cases = [
        ("the key that is known", right, True),
        ("another issuer's", bytes(OTHER), False),
        ("empty", b"", False),
        ("a byte is missing", right[:-1], False),
        ("a byte too many", right + b"\0", False),
        ("a zero before it", b"\0" + right, False),
        ("even", right[:-1] + bytes([right[-1] & 0xFE]), False),
        ("2047 bits", bytes([right[0] & 0x7F]) + right[1:], False),
        ("zero", bytes(256), False),
        ("little-endian", right[::-1], False),
    ]
    return [{"why": why, "encoded": data.hex(), "pinned": pinned.hex(), "valid": valid} for why, data, valid in cases]


def asked_holders() -> list[Case]:
    cases = [
        ("a person in an escrow", 0, 0, 0, 0),
        ("the same person, another escrow, and by mistake the same secret", 0, 1, 0, 0),
        ("the same person, another key by mistake, and the same secret", 0, 0, 1, 0),
        ("the same person, another issuer", 1, 0, 0, 0),
        ("another person", 0, 0, 1, 1),
    ]
    made = []
    for why, issuer, escrow, holder, secret in cases:
        message = holder_message(ESCROWS[escrow], HOLDERS[holder])
        case, prefix, signature = asked(why, issuer, message, SECRETS[secret])
        credential = Credential(HOLDERS[holder], prefix, signature)
        case |= {
            "escrow": ESCROWS[escrow].hex(),
            "holder": bytes(HOLDERS[holder]).hex(),
            "credential": bytes(credential).hex(),
            "point": bytes(credential.point(ESCROWS[escrow])).hex(),
        }
        made.append(case)
    return made


def asked_voices() -> list[Case]:
    cases = [
        ("a voice", 1, CALL, EPOCH, 0, 0),
        ("the shortest name, epoch 0", 1, "a1", 0, 1, 1),
        ("the longest name, the last epoch", 1, "a" * 40, 2**32 - 1, 1, 1),
    ]
    made = []
    for why, issuer, call, epoch, nonce, secret in cases:
        message = voice_message(call, epoch, NONCES[nonce])
        case, prefix, signature = asked(why, issuer, message, SECRETS[secret])
        encoded = bytes(VoiceCredential(NONCES[nonce], prefix, signature))
        made.append(case | {"call": call, "epoch": epoch, "nonce": NONCES[nonce].hex(), "credential": encoded.hex()})
    return made


def asked(why: str, issuer: int, message: bytes, secret: bytes) -> tuple[Case, bytes, bytes]:
    key = ISSUERS[issuer]
    blinded = ask(key.public, message, secret)
    answer = key.sign(blinded)
    prefix, signature = finish(key.public, message, secret, answer)
    case = {"why": why, "issuer": issuer, "secret": secret.hex(), "message": message.hex()}
    return case | {"blinded": blinded.hex(), "answer": answer.hex()}, prefix, signature


def answers() -> list[Case]:
    blinded = ask(FIRST, holder_message(ESCROWS[0], HOLDERS[0]), SECRETS[0])
    right = ISSUERS[0].sign(blinded)
    to_another = ISSUERS[0].sign(ask(FIRST, holder_message(ESCROWS[0], HOLDERS[1]), SECRETS[1]))
    negated = int(FIRST.n) - int.from_bytes(right, "big")
    cases = [
        ("the right one", right, None),
        ("to another question", to_another, "wrong"),
        ("by another issuer's key", smaller(ISSUERS[1].sign(below(blinded))), "wrong"),
        ("one bit is another", right[:-1] + bytes([right[-1] ^ 1]), "wrong"),
        ("the blinded message itself", blinded, "wrong"),
        ("its negative", negated.to_bytes(256, "big"), "wrong"),
        ("zero", bytes(256), "wrong"),
        ("the modulus", bytes(FIRST), "undecodable"),
        ("every bit set", b"\xff" * 256, "undecodable"),
        ("a byte is missing", right[:-1], "undecodable"),
        ("a byte too many", right + b"\0", "undecodable"),
        ("empty", b"", "undecodable"),
    ]
    return [{"why": why, "answer": data.hex(), **outcome(error)} for why, data, error in cases]


def below(data: bytes) -> bytes:
    """The same modulo the other issuer's modulus."""
    return (int.from_bytes(data, "big") % int(OTHER.n)).to_bytes(256, "big")


def smaller(data: bytes) -> bytes:
    """The same modulo the first issuer's modulus."""
    return (int.from_bytes(data, "big") % int(FIRST.n)).to_bytes(256, "big")


def credentials() -> list[Case]:
    message = holder_message(ESCROWS[0], HOLDERS[0])
    holder = bytes(HOLDERS[0])
    prefix, signature = finish(FIRST, message, SECRETS[0], ISSUERS[0].sign(ask(FIRST, message, SECRETS[0])))
    right = holder + prefix + signature
    of_other = finish(OTHER, message, SECRETS[0], ISSUERS[1].sign(ask(OTHER, message, SECRETS[0])))
    prepared = prepare(message, prefix)
    cases: list[tuple[str, bytes, str | None]] = [
        ("right", right, None),
        ("another salt", holder + prefix + signed(encode(prepared, draw("salt", 48), 2047)), None),
        ("another issuer's", holder + b"".join(of_other), "wrong"),
        ("another holder", bytes(HOLDERS[1]) + prefix + signature, "wrong"),
        ("another prefix", holder + draw("prefix", 32) + signature, "wrong"),
        ("one bit of the signature", right[:-1] + bytes([right[-1] ^ 1]), "wrong"),
        ("the signature is zero", holder + prefix + bytes(256), "wrong"),
        ("the signature is one", holder + prefix + bytes(255) + b"\1", "wrong"),
        ("the signature is the modulus", holder + prefix + bytes(FIRST), "wrong"),
        ("the signature has every bit set", holder + prefix + b"\xff" * 256, "wrong"),
        ("a byte is missing", right[:-1], "undecodable"),
        ("a byte too many", right + b"\0", "undecodable"),
        ("without its prefix", right[:32] + right[64:], "undecodable"),
        ("empty", b"", "undecodable"),
        *((why, holder + prefix + signed(encoded), "wrong") for why, encoded in encodings(message, prefix)),
    ]
    made = [(why, 0, ESCROWS[0], data, error) for why, data, error in cases]
    made.append(("another escrow", 0, ESCROWS[1], right, "wrong"))
    made.append(("another issuer", 1, ESCROWS[0], right, "wrong"))
    return [
        {"why": why, "issuer": issuer, "escrow": escrow.hex(), "encoded": data.hex(), **outcome(error)}
        for why, issuer, escrow, data, error in made
    ]


def encodings(message: bytes, prefix: bytes) -> list[tuple[str, int]]:
    """What an issuer's key could sign that must not pass as this message."""
    prepared, salt = prepare(message, prefix), draw("salt", 48)
    whole = int(encode(prepared, salt, 2047))
    voice = voice_message(CALL, EPOCH, bytes(HOLDERS[0]))
    return [
        ("no salt", int(encode(prepared, b"", 2047))),
        ("a salt of 47 bytes", int(encode(prepared, salt[1:], 2047))),
        ("a salt of 49 bytes", int(encode(prepared, salt + b"\0", 2047))),
        ("no prefix", int(encode(message, salt, 2047))),
        ("no label", int(encode(prepare(ESCROWS[0] + bytes(HOLDERS[0]), prefix), salt, 2047))),
        ("a voice with her key for its nonce", int(encode(prepare(voice, prefix), salt, 2047))),
        ("another last byte", whole ^ 0xBC ^ 0xCC),
        ("one bit of the hash", whole ^ 1 << 8),
        ("one bit of the salt", whole ^ 1 << 8 * 49),
        ("a bit where zeros should be", whole ^ 1 << 8 * (49 + 48 + 1)),
        ("a 3 where a 1 should be", whole ^ 2 << 8 * (49 + 48)),
        ("a 0 where a 1 should be", whole ^ 1 << 8 * (49 + 48)),
        ("the topmost bit", next(each for each in topped(prepared) if each < FIRST.n)),
    ]


def topped(prepared: bytes) -> Iterator[int]:
    """Encoded with one salt after the other, and a bit more than an encoded message has."""
    for n in count():
        yield int(encode(prepared, draw(f"salt {n}", 48), 2047)) | 1 << 2047


def signed(encoded: int) -> bytes:
    return ISSUERS[0].sign(int(encoded).to_bytes(256, "big"))


def voices() -> list[Case]:
    message = voice_message(CALL, EPOCH, NONCES[0])
    parts = finish(OTHER, message, SECRETS[0], ISSUERS[1].sign(ask(OTHER, message, SECRETS[0])))
    right = NONCES[0] + b"".join(parts)
    cases: list[tuple[str, int, str, int, bytes, str | None]] = [
        ("right", 1, CALL, EPOCH, right, None),
        ("another issuer", 0, CALL, EPOCH, right, "wrong"),
        ("another call", 1, "me-too-2", EPOCH, right, "wrong"),
        ("the epoch before", 1, CALL, EPOCH - 1, right, "wrong"),
        ("the epoch after", 1, CALL, EPOCH + 1, right, "wrong"),
        ("another nonce", 1, CALL, EPOCH, NONCES[1] + right[32:], "wrong"),
        ("another prefix", 1, CALL, EPOCH, right[:32] + NONCES[1] + right[64:], "wrong"),
        ("one bit of the signature", 1, CALL, EPOCH, right[:-1] + bytes([right[-1] ^ 1]), "wrong"),
        ("a byte is missing", 1, CALL, EPOCH, right[:-1], "undecodable"),
        ("a byte too many", 1, CALL, EPOCH, right + b"\0", "undecodable"),
        ("empty", 1, CALL, EPOCH, b"", "undecodable"),
    ]
    return [
        {"why": why, "issuer": issuer, "call": call, "epoch": epoch, "encoded": data.hex(), **outcome(error)}
        for why, issuer, call, epoch, data, error in cases
    ]


def issued() -> list[Case]:
    first, second = (ask(FIRST, holder_message(ESCROWS[0], HOLDERS[n]), SECRETS[n]) for n in range(2))
    keeps, answer = issue(ISSUERS[0], None, first)
    cases = [
        ("the first time", None, first, None),
        ("the same again", keeps, first, None),
        ("another one, after a lost code", keeps, second, "issued"),
        ("something else is kept", bytes(64), first, "issued"),
        ("the modulus", None, bytes(FIRST), "undecodable"),
        ("every bit set", None, b"\xff" * 256, "undecodable"),
        ("a byte is missing", None, first[:-1], "undecodable"),
        ("a byte too many", None, first + b"\0", "undecodable"),
        ("empty", None, b"", "undecodable"),
    ]
    right = {"keeps": keeps.hex(), "answer": answer.hex()}
    return [
        {
            "why": why,
            "kept": None if kept is None else kept.hex(),
            "blinded": blinded.hex(),
            **outcome(error),
            **(right if error is None else {}),
        }
        for why, kept, blinded, error in cases
    ]


def outcome(error: str | None) -> Case:
    return {"valid": True} if error is None else {"valid": False, "error": error}


if __name__ == "__main__":
    main()
