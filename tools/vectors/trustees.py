# SPDX-License-Identifier: AGPL-3.0-or-later
"""Prints vectors/trustees.json.

.venv/bin/python -m tools.vectors.trustees
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from notalone.protocol import dleq
from notalone.protocol.credentials import Credential, ask, finish, holder_message
from notalone.protocol.encoding import listed, number, prefixed
from notalone.protocol.escrow import bases
from notalone.protocol.group import ELEMENT_BYTES, Element, Scalar, base_times
from notalone.protocol.identifiers import Identifier, Kind, parse
from notalone.protocol.keys import KeyShares, exponents
from notalone.protocol.labels import TRUSTEE_ANSWER, TRUSTEE_ASKED, TRUSTEE_PROOF, TRUSTEE_QUESTION
from notalone.protocol.seals import seal, unseal
from notalone.protocol.signatures import SigningKey
from notalone.protocol.trustees import Blinded, Evaluated, Question, answer, blind, combine
from notalone.protocol.trustees import ask as ask_trustee
from tools.vectors.case import Case, changed, drawn, show
from tools.vectors.credentials import ISSUERS
from tools.vectors.world import ESCROW, ORGANISATIONS, descriptor, held, person

ABOUT = (
    "Questions to trustees (spec/trustees.md), with levels up to 3. `trustees`: the scalar of each one's sealing key,"
    " its shares of the keys one after the other, and the secret that it draws from. `depositor`: the seed of her key,"
    " her credential and her point. `blinded`: points, each of 64 random bytes. `questions`: what is asked, `reply`"
    " being the scalar of the one-time key, and sealed with 64 random bytes. `asked`: what a trustee refuses, and who"
    " is to blame. `answers`: to a question by its place; the elements for each identifier, or who is to blame."
    " `combined`: what comes of the answers to one of `blinded`. Bytes, scalars and elements are hexadecimal."
)
HIGHEST = 3
HELD = held(HIGHEST)
DESCRIPTOR = descriptor(HELD)
HER, ANOTHER = person(0), person(1)
NAMES = [parse(Kind.EMAIL, "anna@example.org"), parse(Kind.PROFILE, "https://github.com/someone")]
SECRETS = {each.index: drawn(f"vectors/trustees.json trustee {each.index}")(32) for each in ORGANISATIONS}
ERROR = base_times(Scalar.random(drawn("vectors/trustees.json error")))


@dataclass(frozen=True)
class Asked:
    """A question with what its asker keeps."""

    why: str
    question: Question
    reply: Scalar
    random: bytes

    @property
    def sealed(self) -> bytes:
        return ask_trustee(self.question, DESCRIPTOR, HER.key, lambda _: self.random)


def main() -> None:
    show(
        {
            "about": ABOUT,
            "descriptor": bytes(DESCRIPTOR).hex(),
            "trustees": [
                {
                    "index": each.index,
                    "sealing": bytes(each.sealing).hex(),
                    "shares": HELD.shares[each.index].export().hex(),
                    "secret": SECRETS[each.index].hex(),
                }
                for each in ORGANISATIONS
            ],
            "depositor": {
                "seed": HER.root.signing_seed(ESCROW).hex(),
                "credential": bytes(HER.credential).hex(),
                "x": bytes(HER.x).hex(),
            },
            "blinded": blinded(),
            "questions": [written(each) for each in QUESTIONS],
            "asked": refused_questions(),
            "answers": [*answers(), *wrong_answers()],
            "combined": combined(),
        }
    )


# ---- questions ----


def blinded_for(n: int, identifier: Identifier) -> Blinded:
    return blind(bases(ESCROW, HIGHEST, identifier), drawn(f"vectors/trustees.json blind {n}"))


BLINDED = [blinded_for(n, each) for n, each in enumerate(NAMES)]


def blinded() -> list[Case]:
    made = []
    for n, (name, each) in enumerate(zip(NAMES, BLINDED, strict=True)):
        source = drawn(f"vectors/trustees.json blind {n}")
        made.append(
            {
                "why": f"identifier {n}",
                "bases": hexed(bases(ESCROW, HIGHEST, name)),
                "random": [source(64).hex() for _ in each.blinds],
                "blinds": hexed(each.blinds),
                "points": hexed(each.points),
            }
        )
    return made


def question(why: str, trustee: int, names: Sequence[int]) -> Asked:
    source = drawn(f"vectors/trustees.json {why}")
    reply = Scalar.random(source)
    points = tuple(BLINDED[n].points for n in names)
    made = Question(DESCRIPTOR.hash, 0, trustee, source(32), HER.credential, base_times(reply), points)
    return Asked(why, made, reply, source(64))


QUESTIONS = [
    question("to trustee 1, about one", 1, [0]),
    question("to trustee 3, about the same", 3, [0]),
    question("to trustee 2, about two", 2, [0, 1]),
    question("to trustee 1, about another", 1, [1]),
    question("to trustee 1, about two", 1, [0, 1]),
]
FIRST, SECOND, TWO, OTHER, ALSO_TWO = QUESTIONS


def written(each: Asked) -> Case:
    return {
        "why": each.why,
        "trustee": each.question.trustee,
        "request": each.question.request.hex(),
        "reply": bytes(each.reply).hex(),
        "points": [hexed(points) for points in each.question.points],
        "encoded": bytes(each.question).hex(),
        "hash": each.question.hash.hex(),
        "signature": HER.key.sign(TRUSTEE_QUESTION, bytes(each.question)).hex(),
        "random": each.random.hex(),
        "sealed": each.sealed.hex(),
    }


def refused_questions() -> list[Case]:
    right = FIRST.question
    body, signature = bytes(right), HER.key.sign(TRUSTEE_QUESTION, bytes(right))
    points = bytes(right)[-HIGHEST * ELEMENT_BYTES :]

    def sealed(data: bytes, to: int = 1, label: bytes = TRUSTEE_ASKED, context: bytes = DESCRIPTOR.hash) -> bytes:
        return seal(DESCRIPTOR.trustee(to).sealing, label, context, data, lambda _: FIRST.random)

    def by(key: SigningKey, data: bytes) -> bytes:
        return sealed(data + key.sign(TRUSTEE_QUESTION, data))

    def about(data: bytes) -> bytes:
        return by(HER.key, body[: -len(points) - 2] + data)

    def asking(**change: object) -> bytes:
        return by(HER.key, bytes(replace(right, **change)))  # type: ignore[arg-type]

    cases = [
        ("sealed to another trustee", sealed(body + signature, to=2), "server"),
        ("sealed for another use", sealed(body + signature, label=TRUSTEE_ANSWER), "server"),
        ("sealed for another descriptor", sealed(body + signature, context=bytes(64)), "server"),
        ("changed on its way", changed(sealed(body + signature), -1), "server"),
        ("cut on its way", sealed(body + signature)[:31], "server"),
        ("for another trustee", asking(trustee=2), "depositor"),
        ("of another epoch", asking(epoch=1), "depositor"),
        ("of another descriptor", asking(descriptor=bytes(64)), "depositor"),
        ("signed by another", by(ANOTHER.key, body), "depositor"),
        ("not signed", sealed(body), "depositor"),
        ("one bit of the signature", sealed(body + changed(signature, 40)), "depositor"),
        ("signed for another use", sealed(body + HER.key.sign(TRUSTEE_ANSWER, body)), "depositor"),
        ("another's credential", asking(credential=ANOTHER.credential), "depositor"),
        ("a credential of another issuer", asking(credential=of_another_issuer()), "depositor"),
        ("another request than what was signed", sealed(changed(body, 80) + signature), "depositor"),
        ("about nobody", about(listed([])), "depositor"),
        ("about five", about(listed([points] * 5)), "depositor"),
        ("a point too few", about(listed([points[32:]])), "depositor"),
        ("a point too many", about(listed([points + points[:32]])), "depositor"),
        ("the identity for a point", about(listed([bytes(32) + points[32:]])), "depositor"),
        ("a point that is no element", about(listed([changed(points, 0)])), "depositor"),
        ("the identity for its reply key", asking(reply=Element(bytes(32))), "depositor"),
        ("empty", sealed(b""), "depositor"),
    ]
    return [
        {"why": why, "trustee": 1, "sealed": data.hex(), "valid": False, "blame": blame} for why, data, blame in cases
    ]


def of_another_issuer() -> Credential:
    issuer, secret = ISSUERS[1], HER.root.credential_secret(ESCROW)
    message = holder_message(ESCROW, HER.key.public)
    return Credential(
        HER.key.public,
        *finish(issuer.public, message, secret, issuer.sign(ask(issuer.public, message, secret))),
    )


# ---- answers ----


def answered(asked: Asked, shares: KeyShares | None = None) -> bytes:
    index = asked.question.trustee
    return answer(DESCRIPTOR, asked.question, shares or HELD.shares[index], SECRETS[index])


def opened(asked: Asked, sealed: bytes) -> bytes:
    return unseal(asked.reply, TRUSTEE_ANSWER, asked.question.hash, sealed)


def parts(asked: Asked, sealed: bytes) -> list[list[Element]]:
    """The elements for each identifier."""
    body, count = opened(asked, sealed), len(exponents(HIGHEST, HER.x))
    width = len(body) // len(asked.question.points)
    return [[Element(body[at + 32 * n : at + 32 * n + 32]) for n in range(count)] for at in range(0, len(body), width)]


def answers() -> list[Case]:
    made = []
    for place, each in enumerate(QUESTIONS):
        sealed = answered(each)
        some = [hexed(one) for one in parts(each, sealed)]
        made.append({"why": each.why, "question": place, "sealed": sealed.hex(), "valid": True, "elements": some})
    return made


def resealed(body: bytes, asked: Asked = FIRST) -> bytes:
    return seal(asked.question.reply, TRUSTEE_ANSWER, asked.question.hash, body, drawn("vectors/trustees.json again"))


def wrong_answers() -> list[Case]:
    right, count = answered(FIRST), len(exponents(HIGHEST, HER.x))
    body = opened(FIRST, right)
    elements, proof = parts(FIRST, right)[0], body[count * 32 :]
    names = (
        *("the tag", "level 2, row element 0", "level 2, row element 1", "level 2, the value"),
        *(f"level 3, {each}" for each in ("row element 0", "row element 1", "row element 2", "the value")),
    )
    two = opened(TWO, answered(TWO))
    half = len(two) // 2
    cancelling = [*elements[:1], elements[1] + ERROR, elements[2] - ERROR, *elements[3:]]
    by_trustee = [
        *((f"another element: {name}", changed_element(body, n)) for n, name in enumerate(names)),
        *((f"another key: {name}", opened(FIRST, answered(FIRST, other_key(n)))) for name, n in KEYS.items()),
        ("the shares of another trustee", opened(FIRST, answered(FIRST, HELD.shares[2]))),
        ("the shares of the next epoch", opened(FIRST, answered(FIRST, next_epoch()))),
        ("the right shares, another point", body[:32] + proved_for_another()[32:]),
        ("two errors that cancel, and a proof of them", joined(cancelling) + lying(cancelling)),
        ("row elements swapped", joined([elements[0], elements[2], elements[1], *elements[3:]]) + proof),
        ("another challenge", joined(elements) + changed(proof, 0)),
        ("another response", joined(elements) + changed(proof, 32)),
        ("the identity for the tag", bytes(32) + body[32:]),
        ("no element for the tag", b"\xff" * 32 + body[32:]),
        ("a challenge of zero", joined(elements) + bytes(32) + proof[32:]),
        ("what was answered to another question", opened(OTHER, answered(OTHER))),
        ("the proof of another question about the same", proof_of_another(elements)),
        ("a byte is missing", body[:-1]),
        ("a byte too many", body + b"\0"),
        ("for two identifiers", two),
        ("empty", b""),
    ]
    made = [(why, 0, resealed(data), "trustee") for why, data in by_trustee]
    made += [
        ("identifiers in another order", 2, resealed(two[half:] + two[:half], TWO), "trustee"),
        ("one identifier of two", 2, resealed(two[:half], TWO), "trustee"),
        ("the first identifier twice", 2, resealed(two[:half] * 2, TWO), "trustee"),
        ("to another question", 0, answered(OTHER), "server"),
        ("of another trustee", 0, answered(SECOND), "server"),
        ("changed on its way: the one-time key", 0, bytes(base_times(Scalar.public(7))) + right[32:], "server"),
        ("changed on its way: an element", 0, changed(right, 40), "server"),
        ("changed on its way: the tag of the seal", 0, changed(right, -1), "server"),
        ("cut on its way", 0, right[:-1], "server"),
        ("the identity for a one-time key", 0, bytes(32) + right[32:], "server"),
        ("nothing", 0, b"", "server"),
    ]
    return [
        {"why": why, "question": place, "sealed": data.hex(), "valid": False, "blame": blame}
        for why, place, data, blame in made
    ]


# The keys that only one kind of element hangs on, and those that two do.
KEYS = {
    "the tag's": 0,
    "level 2, of a row and the value": 1,
    "level 2, of a row alone": 4,
    "level 3, of a row and the value": 7,
    "level 3, of a row alone": 13,
}


def other_key(which: int) -> KeyShares:
    shares = HELD.shares[1]
    return KeyShares(1, [shares[n] + Scalar.public(n == which) for n in range(len(shares))])


def next_epoch() -> KeyShares:
    return held(HIGHEST, epoch=1).shares[1]


def changed_element(body: bytes, n: int) -> bytes:
    wrong = Element(body[32 * n : 32 * n + 32]) + ERROR
    return body[: 32 * n] + bytes(wrong) + body[32 * n + 32 :]


def proved_for_another() -> bytes:
    """As if another person asked."""
    question = replace(FIRST.question, credential=ANOTHER.credential)
    sealed = answer(DESCRIPTOR, question, HELD.shares[1], SECRETS[1])
    return unseal(FIRST.reply, TRUSTEE_ANSWER, question.hash, sealed)


def proof_of_another(elements: Sequence[Element]) -> bytes:
    """Right for another request id."""
    question = replace(FIRST.question, request=bytes(32))
    sealed = answer(DESCRIPTOR, question, HELD.shares[1], SECRETS[1])
    body = unseal(FIRST.reply, TRUSTEE_ANSWER, question.hash, sealed)
    assert body.startswith(joined(elements))
    return body


def lying(some: Sequence[Element]) -> bytes:
    """A proof of these elements by who follows the rules otherwise."""
    asked, points = exponents(HIGHEST, HER.x), FIRST.question.points[0]
    scalars = [each.of(HELD.shares[1]) for each in asked]
    claims = [dleq.Claim(e.base, base_times(k), a) for e, k, a in zip(asked, scalars, some, strict=True)]
    context = (
        prefixed(TRUSTEE_PROOF)
        + DESCRIPTOR.hash
        + number(0, 4)
        + number(1, 2)
        + bytes(HER.x)
        + FIRST.question.hash
        + number(0, 2)
    )
    return bytes(dleq.prove(context, points, claims, scalars, drawn("vectors/trustees.json lie")))


# ---- combined ----


def combined() -> list[Case]:
    by_question = [parts(each, answered(each)) for each in QUESTIONS]
    cases = [
        ("trustees 1 and 3", 0, {1: by_question[0][0], 3: by_question[1][0]}),
        ("trustees 1 and 2: the same", 0, {1: by_question[0][0], 2: by_question[2][0]}),
        ("another identifier", 1, {1: by_question[3][0], 2: by_question[2][1]}),
        ("the same in another order, from other questions", 1, {2: by_question[2][1], 1: by_question[4][1]}),
    ]
    return [
        {
            "why": why,
            "blinded": n,
            "answers": [{"trustee": index, "elements": hexed(each)} for index, each in some.items()],
            **evaluated(combine(DESCRIPTOR, BLINDED[n], some)),
        }
        for why, n, some in cases
    ]


def evaluated(each: Evaluated) -> Case:
    return {
        "tag": bytes(each.tag).hex(),
        "rows": {str(j): hexed(row) for j, row in each.rows.items()},
        "values": {str(j): bytes(value).hex() for j, value in each.values.items()},
    }


def hexed(some: Sequence[Element] | Sequence[Scalar]) -> list[str]:
    return [bytes(each).hex() for each in some]


def joined(some: Sequence[Element]) -> bytes:
    return b"".join(bytes(each) for each in some)


if __name__ == "__main__":
    main()
