# SPDX-License-Identifier: AGPL-3.0-or-later
"""Prints vectors/dleq.json.

.venv/bin/python -m tools.vectors.dleq
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from notalone.protocol.dleq import RANDOM_BYTES, Claim, Proof, prove
from notalone.protocol.group import ORDER, Element, Scalar, base_times
from tools.vectors.case import Case, drawn, show

ABOUT = (
    "One proof for many answers (spec/dleq.md). A claim has the number of its base, what its secret is committed to,"
    " and the answer. `proved`: what is proved with these secrets and 32 random bytes. `proofs`: what does not hold,"
    " with whether it can be read at all: undecodable or wrong. Bytes are hexadecimal."
)
CONTEXT = b"a context"
RANDOM = drawn("vectors/dleq.json random")(RANDOM_BYTES)
ONE = Scalar.public(1)


def scalar(name: str) -> Scalar:
    return Scalar.random(drawn(f"vectors/dleq.json {name}"))


BASES = [base_times(scalar(f"base {n}")) for n in range(3)]
SECRETS = [scalar(f"secret {n}") for n in range(6)]


def claim(base: int, secret: Scalar) -> Claim:
    return Claim(base, base_times(secret), secret * BASES[base])


def main() -> None:
    show(made())


def made() -> Case:
    return {"about": ABOUT, "proved": proved(), "proofs": proofs()}


def proved() -> list[Case]:
    cases: list[tuple[str, bytes, int, tuple[int, ...]]] = [
        ("one answer to one base", CONTEXT, 1, (0,)),
        ("no context", b"", 1, (0,)),
        ("three answers to one base", CONTEXT, 1, (0, 0, 0)),
        ("answers to several bases", CONTEXT, 3, (0, 1, 1, 2, 2, 2)),
        ("in another order", CONTEXT, 3, (2, 0, 1, 2, 1, 0)),
        ("a base without a claim", CONTEXT, 3, (0, 2)),
    ]
    made_ = []
    for why, context, many, on in cases:
        secrets = SECRETS[: len(on)]
        claims = [claim(base, secret) for base, secret in zip(on, secrets, strict=True)]
        case = written(why, context, BASES[:many], claims, prove(context, BASES[:many], claims, secrets, fixed))
        made_.append(case | {"secrets": [bytes(each).hex() for each in secrets], "random": RANDOM.hex()})
    return made_


def proofs() -> list[Case]:
    secrets, bases = SECRETS[:3], BASES[:2]
    claims = [claim(base, secret) for base, secret in zip((0, 1, 1), secrets, strict=True)]
    right = prove(CONTEXT, bases, claims, secrets, fixed)
    case = written("", CONTEXT, bases, claims, right)
    return [
        *(written(*each) | {"valid": False, "error": "wrong"} for each in wrong(secrets, bases, claims, right)),
        *(
            case | {"why": why, "proof": each.hex(), "valid": False, "error": "undecodable"}
            for why, each in unreadable(bytes(right))
        ),
    ]


def wrong(
    secrets: Sequence[Scalar], bases: Sequence[Element], claims: Sequence[Claim], right: Proof
) -> list[tuple[str, bytes, Sequence[Element], Sequence[Claim], Proof]]:
    error, other = base_times(scalar("error")), base_times(scalar("other"))

    def lied(*some: Claim) -> tuple[list[Claim], Proof]:
        """By who follows the rules otherwise."""
        return list(some), prove(CONTEXT, bases, some, secrets, fixed)

    first, second, third = claims
    cancelling = (
        replace(second, answer=second.answer + error),
        replace(third, answer=third.answer - error),
    )
    swapped = (replace(second, answer=third.answer), replace(third, answer=second.answer))
    across = (replace(first, answer=second.answer), replace(second, answer=first.answer))
    swapped_responses = replace(right, responses=right.responses[::-1])
    another_response = replace(right, responses=(right.responses[0] + ONE, right.responses[1]))
    return [
        ("another context", b"another", bases, claims, right),
        ("another base", CONTEXT, [other, bases[1]], claims, right),
        ("bases in another order", CONTEXT, bases[::-1], claims, right),
        ("a base more", CONTEXT, [*bases, other], claims, replace(right, responses=(*right.responses, ONE))),
        ("another answer", CONTEXT, bases, [replace(first, answer=other), second, third], right),
        ("another commitment", CONTEXT, bases, [replace(first, commitment=other), second, third], right),
        ("a claim of another base", CONTEXT, bases, [replace(first, base=1), second, third], right),
        ("claims in another order", CONTEXT, bases, [first, third, second], right),
        ("a claim twice", CONTEXT, bases, [*claims, third], right),
        ("a claim left out", CONTEXT, bases, claims[:2], right),
        ("another challenge", CONTEXT, bases, claims, replace(right, challenge=right.challenge + ONE)),
        ("another response", CONTEXT, bases, claims, another_response),
        ("responses in another order", CONTEXT, bases, claims, swapped_responses),
        ("proved: a wrong answer", CONTEXT, bases, *lied(replace(first, answer=other), second, third)),
        ("proved: two wrong answers whose errors cancel in the sum", CONTEXT, bases, *lied(first, *cancelling)),
        ("proved: answers swapped", CONTEXT, bases, *lied(first, *swapped)),
        ("proved: answers swapped between bases", CONTEXT, bases, *lied(*across, third)),
    ]


def unreadable(data: bytes) -> list[tuple[str, bytes]]:
    return [
        ("a byte is missing", data[:-1]),
        ("a byte too many", data + b"\0"),
        ("a response too few", data[:-32]),
        ("empty", b""),
        ("a challenge of zero", bytes(32) + data[32:]),
        ("a response of zero", data[:32] + bytes(32) + data[64:]),
        ("a response that is not reduced", data[:32] + ORDER.to_bytes(32, "little") + data[64:]),
    ]


def fixed(_: int) -> bytes:
    return RANDOM


def written(why: str, context: bytes, bases: Sequence[Element], claims: Sequence[Claim], proof: Proof) -> Case:
    return {
        "why": why,
        "context": context.hex(),
        "bases": [bytes(each).hex() for each in bases],
        "claims": [
            {"base": each.base, "commitment": bytes(each.commitment).hex(), "answer": bytes(each.answer).hex()}
            for each in claims
        ],
        "proof": bytes(proof).hex(),
    }


if __name__ == "__main__":
    main()
