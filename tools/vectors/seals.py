# SPDX-License-Identifier: AGPL-3.0-or-later
"""Prints vectors/seals.json.

.venv/bin/python -m tools.vectors.seals
"""

from __future__ import annotations

from ctypes import create_string_buffer
from hashlib import sha512

import pysodium

from notalone.protocol.encoding import prefixed
from notalone.protocol.group import ORDER, Scalar, base_times
from notalone.protocol.seals import derive, encrypt, seal, unseal
from notalone.protocol.signatures import SigningKey
from tools.vectors.case import Case, changed, drawn, outcome, show

ABOUT = (
    "Signatures and seals (spec/seals.md). `signed`: what a seed's key signs. `signatures`: what is taken for one, and"
    " what is not. `derived`: keys from keys. `encrypted`: what is encrypted, and what does not open. `sealed`: seals,"
    " `random` being the 64 bytes of which e is made; `seals`: what does not open. Where something is not valid,"
    " `error` says which it is: undecodable or wrong. Bytes are hexadecimal."
)
SEEDS = [drawn("vectors/seals.json seed")(32), drawn("vectors/seals.json another seed")(32)]
KEYS = [SigningKey(each) for each in SEEDS]
LABEL, MESSAGE = b"notalone/test/use/v1", b"a message"
SECRETS = [Scalar.random(drawn(f"vectors/seals.json secret {n}")) for n in range(2)]
RANDOM = drawn("vectors/seals.json sender")(64)
# Of order 8 on Ed25519.
TORSION = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
ONE = bytes([1]) + bytes(31)


def main() -> None:
    show(made())


def made() -> Case:
    return {
        "about": ABOUT,
        "signed": signed(),
        "signatures": signatures(),
        "derived": derived(),
        "encrypted": encrypted(),
        "sealed": sealed(),
        "seals": seals(),
    }


def signed() -> list[Case]:
    cases = [
        ("a message", LABEL, MESSAGE),
        ("nothing", LABEL, b""),
        ("no label", b"", MESSAGE),
        ("longer than a block", LABEL, bytes(range(256))),
    ]
    return [
        {
            "why": why,
            "seed": SEEDS[0].hex(),
            "public": bytes(KEYS[0].public).hex(),
            "label": label.hex(),
            "message": message.hex(),
            "signature": KEYS[0].sign(label, message).hex(),
        }
        for why, label, message in cases
    ]


def signatures() -> list[Case]:
    key, other = (bytes(each.public) for each in KEYS)
    right = KEYS[0].sign(LABEL, MESSAGE)
    above = (int.from_bytes(right[32:], "little") + ORDER).to_bytes(32, "little")
    cases: list[tuple[str, bytes, bytes, bytes, bytes, str | None]] = [
        ("right", key, LABEL, MESSAGE, right, None),
        ("another key", other, LABEL, MESSAGE, right, "wrong"),
        ("another label", key, b"notalone/test/use/v2", MESSAGE, right, "wrong"),
        ("the label's last letter in the message", key, LABEL[:-1], LABEL[-1:] + MESSAGE, right, "wrong"),
        ("another message", key, LABEL, b"A message", right, "wrong"),
        ("without a label before it", key, LABEL, MESSAGE, unlabelled(), "wrong"),
        ("another R", key, LABEL, MESSAGE, changed(right, 0), "wrong"),
        ("another s", key, LABEL, MESSAGE, changed(right, 32), "wrong"),
        ("an s that is not reduced", key, LABEL, MESSAGE, right[:32] + above, "wrong"),
        ("a byte is missing", key, LABEL, MESSAGE, right[:-1], "wrong"),
        ("a byte too many", key, LABEL, MESSAGE, right + b"\0", "wrong"),
        ("empty", key, LABEL, MESSAGE, b"", "wrong"),
        ("zeros", key, LABEL, MESSAGE, bytes(64), "wrong"),
        ("a key of order 1, which fits every message", ONE, LABEL, MESSAGE, ONE + bytes(32), "wrong"),
        ("a key of order 8", TORSION, LABEL, MESSAGE, ONE + bytes(32), "wrong"),
        ("a key that is not reduced", b"\xee" + b"\xff" * 30 + b"\x7f", LABEL, MESSAGE, ONE + bytes(32), "wrong"),
        ("a key that is no point", b"\x02" + bytes(31), LABEL, MESSAGE, right, "wrong"),
        ("an R of order 1 by the key's holder", key, LABEL, MESSAGE, crafted(0, False), "wrong"),
        ("an R with a part of order 8, for which only eight times the equation holds", *crooked(), "wrong"),
        ("a key of 31 bytes", key[:-1], LABEL, MESSAGE, right, "undecodable"),
        ("a key of 33 bytes", key + b"\0", LABEL, MESSAGE, right, "undecodable"),
    ]
    return [
        {
            "why": why,
            "public": public.hex(),
            "label": label.hex(),
            "message": message.hex(),
            "signature": signature.hex(),
            **outcome(error),
        }
        for why, public, label, message, signature, error in cases
    ]


def unlabelled() -> bytes:
    _, secret = pysodium.crypto_sign_seed_keypair(SEEDS[0])
    return bytes(pysodium.crypto_sign_detached(LABEL + MESSAGE, secret))


def crooked() -> tuple[bytes, bytes, bytes, bytes]:
    return bytes(KEYS[0].public), LABEL, MESSAGE, crafted(7, True)


def crafted(r: int, torsion: bool) -> bytes:
    """A signature by who knows the key, with an R of this logarithm, plus a point of order 8 where told."""
    a = int.from_bytes(sha512(SEEDS[0]).digest()[:32], "little") & (1 << 254) - 8 | 1 << 254
    point = create_string_buffer(ONE, 32)
    if r:
        pysodium.sodium.crypto_scalarmult_ed25519_base_noclamp(point, r.to_bytes(32, "little"))
    if torsion:
        pysodium.sodium.crypto_core_ed25519_add(point, point, TORSION)
    hashed = sha512(point.raw + bytes(KEYS[0].public) + prefixed(LABEL) + MESSAGE).digest()
    return point.raw + ((r + int.from_bytes(hashed, "little") * a) % ORDER).to_bytes(32, "little")


def derived() -> list[Case]:
    cases = [
        ("a key", b"s" * 32, LABEL, b"", 32),
        ("with a context", b"s" * 32, LABEL, b"context", 32),
        ("the same bytes, parted elsewhere", b"s" * 32, LABEL + b"con", b"text", 32),
        ("another secret", b"t" * 32, LABEL, b"context", 32),
        ("another length begins alike", b"s" * 32, LABEL, b"context", 80),
        ("a secret of 64 bytes", bytes(range(64)), LABEL, b"context", 1),
        ("the longest", b"s" * 32, LABEL, b"context", 16_320),
    ]
    return [
        {
            "why": why,
            "secret": secret.hex(),
            "label": label.hex(),
            "context": context.hex(),
            "length": length,
            "begins": derive(secret, label, context, length)[:80].hex(),
            "sha512": sha512(derive(secret, label, context, length)).hexdigest(),
        }
        for why, secret, label, context, length in cases
    ]


def encrypted() -> list[Case]:
    key, other = b"k" * 32, b"l" * 32
    right = encrypt(key, MESSAGE, b"context")
    cases: list[tuple[str, bytes, bytes, bytes, bytes | None]] = [
        ("a message", key, b"context", right, MESSAGE),
        ("nothing", key, b"", encrypt(key, b"", b""), b""),
        ("several blocks", key, b"", encrypt(key, bytes(range(200)), b""), bytes(range(200))),
        ("another key", other, b"context", right, None),
        ("another context", key, b"Context", right, None),
        ("no context", key, b"", right, None),
        ("one bit of the message", key, b"context", changed(right, 0), None),
        ("one bit of the tag", key, b"context", changed(right, -1), None),
        ("cut at its end", key, b"context", right[:-1], None),
        ("a byte follows", key, b"context", right + b"\0", None),
        ("shorter than a tag", key, b"context", right[:15], None),
        ("empty", key, b"context", b"", None),
    ]
    return [
        {
            "why": why,
            "key": key.hex(),
            "context": context.hex(),
            "sealed": data.hex(),
            **({"valid": False, "error": "wrong"} if message is None else {"valid": True, "message": message.hex()}),
        }
        for why, key, context, data, message in cases
    ]


def sealed() -> list[Case]:
    cases = [("a message", b"context", MESSAGE), ("nothing", b"", b""), ("a long one", bytes(200), bytes(range(256)))]
    return [
        {
            "why": why,
            "random": RANDOM.hex(),
            "secret": bytes(SECRETS[0]).hex(),
            "public": bytes(base_times(SECRETS[0])).hex(),
            "label": LABEL.hex(),
            "context": context.hex(),
            "message": message.hex(),
            "sealed": seal(base_times(SECRETS[0]), LABEL, context, message, lambda _: RANDOM).hex(),
        }
        for why, context, message in cases
    ]


def seals() -> list[Case]:
    right = seal(base_times(SECRETS[0]), LABEL, b"context", MESSAGE, lambda _: RANDOM)
    assert unseal(SECRETS[0], LABEL, b"context", right) == MESSAGE
    other_sender = bytes(base_times(SECRETS[1]))
    cases: list[tuple[str, Scalar, bytes, bytes, bytes, str]] = [
        ("another's", SECRETS[1], LABEL, b"context", right, "wrong"),
        ("another label", SECRETS[0], LABEL + b"2", b"context", right, "wrong"),
        ("another context", SECRETS[0], LABEL, b"Context", right, "wrong"),
        ("the label's end in the context", SECRETS[0], LABEL[:-1], LABEL[-1:] + b"context", right, "wrong"),
        ("another one-time key", SECRETS[0], LABEL, b"context", other_sender + right[32:], "wrong"),
        ("one bit of the message", SECRETS[0], LABEL, b"context", changed(right, 32), "wrong"),
        ("one bit of the tag", SECRETS[0], LABEL, b"context", changed(right, -1), "wrong"),
        ("a byte is missing", SECRETS[0], LABEL, b"context", right[:-1], "wrong"),
        ("a byte too many", SECRETS[0], LABEL, b"context", right + b"\0", "wrong"),
        ("a one-time key alone", SECRETS[0], LABEL, b"context", right[:32], "wrong"),
        ("the identity for a one-time key", SECRETS[0], LABEL, b"context", bytes(32) + right[32:], "undecodable"),
        ("no element for a one-time key", SECRETS[0], LABEL, b"context", changed(right, 0), "undecodable"),
        ("31 bytes", SECRETS[0], LABEL, b"context", right[:31], "undecodable"),
        ("empty", SECRETS[0], LABEL, b"context", b"", "undecodable"),
    ]
    return [
        {
            "why": why,
            "secret": bytes(secret).hex(),
            "label": label.hex(),
            "context": context.hex(),
            "sealed": data.hex(),
            **outcome(error),
        }
        for why, secret, label, context, data, error in cases
    ]


if __name__ == "__main__":
    main()
