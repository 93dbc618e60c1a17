# SPDX-License-Identifier: AGPL-3.0-or-later
"""Questions to trustees and their answers (spec/trustees.md).

    depositor: blind(bases)                    -> blinded points, each with a blind of its own
               ask(...)                        -> a question to one trustee, signed by her and sealed to it
    trustee:   read_question(...)              -> the question, checked
               answer(...)                     -> shares of what was asked, with a proof, sealed to a one-time key
    depositor: read_answer(...)                -> the same, with every proof checked
               combine(...)                    -> tag, rows and values, from a quorum of answers

A trustee learns which credential asks, how many identifiers, and when. It works the point x out itself. A question that
anybody but the holder could ask would let the relay ask with a guessed name in her place and open her record: so
whatever is not signed by her is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha512
from secrets import token_bytes

from notalone.protocol import dleq
from notalone.protocol.ceremony import HASH_BYTES, ID_BYTES
from notalone.protocol.credentials import CREDENTIAL_BYTES, Credential, WrongCredential
from notalone.protocol.descriptor import Descriptor
from notalone.protocol.encoding import Reader, listed, number, prefixed
from notalone.protocol.errors import DEPOSITOR, SERVER, Fault, Undecodable, WrongProof, blaming, trustee
from notalone.protocol.group import ELEMENT_BYTES, SCALAR_BYTES, Element, Scalar, Source, base_times, total
from notalone.protocol.keys import KeyShares, exponents
from notalone.protocol.labels import (
    TRUSTEE_ANSWER,
    TRUSTEE_ASKED,
    TRUSTEE_DRAWN,
    TRUSTEE_PROOF,
    TRUSTEE_QUESTION,
    TRUSTEE_REQUEST,
)
from notalone.protocol.seals import WrongSeal, derive, seal, unseal
from notalone.protocol.sharing import lagrange
from notalone.protocol.signatures import SIGNATURE_BYTES, SigningKey, WrongSignature

# An address, a number, a profile and a name. With each more, records that agree in all buckets are surer of one person.
IDENTIFIERS_MOST = 4
SECRET_BYTES = 32
_AGAIN = "Ask it again, or leave it out: a quorum of the others is enough"
_NEWER = "Load the escrow's descriptor again, and ask anew"
_REFUSED = "Nothing was answered"


@dataclass(frozen=True, slots=True)
class Blinded:
    """One identifier's points, one for the tag and one for each level, and the blind of each, which stays secret."""

    points: tuple[Element, ...]
    blinds: tuple[Scalar, ...] = field(repr=False)


def blind(bases: Sequence[Element], source: Source = token_bytes) -> Blinded:
    """Each base times a fresh scalar: a trustee learns nothing of whom it is asked about."""
    blinds = tuple(Scalar.random(source) for _ in bases)
    return Blinded(tuple(r * base for r, base in zip(blinds, bases, strict=True)), blinds)


@dataclass(frozen=True, slots=True)
class Question:
    """What one trustee is asked. `request`: 32 bytes; `reply`: a one-time key; `points`: of each identifier."""

    descriptor: bytes
    epoch: int
    trustee: int
    request: bytes
    credential: Credential
    reply: Element
    points: tuple[tuple[Element, ...], ...]

    def __bytes__(self) -> bytes:
        return (
            self.descriptor
            + number(self.epoch, 4)
            + number(self.trustee, 2)
            + self.request
            + bytes(self.credential)
            + bytes(self.reply)
            + listed([b"".join(bytes(e) for e in each) for each in self.points])
        )

    @property
    def hash(self) -> bytes:
        """64 bytes: the same for the same question, and for no other."""
        return sha512(prefixed(TRUSTEE_REQUEST) + bytes(self)).digest()


def ask(question: Question, descriptor: Descriptor, key: SigningKey, source: Source = token_bytes) -> bytes:
    """The question signed by the credential's holder, sealed to its trustee."""
    signed = bytes(question) + key.sign(TRUSTEE_QUESTION, bytes(question))
    sealing = descriptor.trustee(question.trustee).sealing
    return seal(sealing, TRUSTEE_ASKED, descriptor.hash, signed, source)


def read_question(descriptor: Descriptor, index: int, sealing: Scalar, sealed: bytes) -> Question:
    """By trustee `index`: a question of this descriptor, by the holder of a credential. Raises Fault."""
    try:
        data = unseal(sealing, TRUSTEE_ASKED, descriptor.hash, sealed)
    except (WrongSeal, Undecodable):
        raise Fault(SERVER, "passed on a question that is not for this trustee and escrow", _NEWER) from None
    body, signature = data[:-SIGNATURE_BYTES], data[-SIGNATURE_BYTES:]
    with blaming(DEPOSITOR, _REFUSED):
        question = _decode(body, descriptor.highest)
    try:
        question.credential.holder.verify(TRUSTEE_QUESTION, body, signature)
        question.credential.verify(descriptor.terms.issuer, descriptor.escrow)
    except (WrongSignature, WrongCredential) as error:
        raise Fault(DEPOSITOR, f"asks without a credential of this escrow ({error})", _REFUSED) from None
    if (question.descriptor, question.epoch, question.trustee) != (descriptor.hash, descriptor.epoch, index):
        raise Fault(DEPOSITOR, "asks another trustee, or in another epoch", _NEWER)
    return question


def _decode(body: bytes, highest: int) -> Question:
    reader = Reader(body, "question")
    hash_, epoch, index, request = reader.fixed(HASH_BYTES), reader.number(4), reader.number(2), reader.fixed(ID_BYTES)
    credential = Credential.decode(reader.fixed(CREDENTIAL_BYTES))
    reply = Element.decode(reader.fixed(ELEMENT_BYTES), "reply key")
    points = reader.listed(IDENTIFIERS_MOST, lambda r: _elements(r, highest))
    reader.end()
    if not points:
        raise Undecodable("question", "asks about nobody")
    return Question(hash_, epoch, index, request, credential, reply, tuple(points))


def _elements(reader: Reader, many: int) -> tuple[Element, ...]:
    return tuple(Element.decode(reader.fixed(ELEMENT_BYTES), "point") for _ in range(many))


# ---- answers ----


def answer(descriptor: Descriptor, question: Question, shares: KeyShares, secret: bytes) -> bytes:
    """By a trustee, to a question that `read_question` gave and that its budget allows. Raises Fault.

    `secret`: 32 bytes of the trustee alone, from which it draws, so that the same question has the same answer.
    For the levels 2 to 5 and one identifier: 19 multiplications for the answers, 19 of the generator for what they are
    proved against, and 10 and 10 for the proof.
    """
    source = _drawing(secret, question.hash)
    x = _point(question, descriptor)
    asked = exponents(descriptor.highest, x)
    scalars = [each.of(shares) for each in asked]
    commitments = [base_times(each) for each in scalars]
    body = bytearray()
    for n, points in enumerate(question.points):
        answers = [k * points[each.base] for k, each in zip(scalars, asked, strict=True)]
        claims = [dleq.Claim(e.base, c, a) for e, c, a in zip(asked, commitments, answers, strict=True)]
        proof = dleq.prove(_context(question, x, n), points, claims, scalars, source)
        body += b"".join(bytes(each) for each in answers) + bytes(proof)
    return seal(question.reply, TRUSTEE_ANSWER, question.hash, bytes(body), source)


def read_answer(
    descriptor: Descriptor, question: Question, reply: Scalar, sealed: bytes, public: Sequence[Element] | None = None
) -> list[tuple[Element, ...]]:
    """By the depositor: what the trustee answered for each identifier, every proof checked. Raises Fault.

    `public`: the descriptor's `public_shares` of this trustee, where they are worked out already.
    """
    who = trustee(question.trustee)
    try:
        data = unseal(reply, TRUSTEE_ANSWER, question.hash, sealed)
    except (WrongSeal, Undecodable):
        raise Fault(SERVER, f"passed on an answer of trustee {question.trustee} that does not open", _AGAIN) from None
    x = _point(question, descriptor)
    asked = exponents(descriptor.highest, x)
    keys = descriptor.public_shares(question.trustee) if public is None else public
    commitments = [each.committed(keys) for each in asked]
    result = []
    try:
        reader = Reader(data, "answer")
        for n, points in enumerate(question.points):
            answers = _elements(reader, len(asked))
            proof = dleq.Proof.decode(reader.fixed((descriptor.highest + 1) * SCALAR_BYTES), descriptor.highest)
            claims = [dleq.Claim(e.base, c, a) for e, c, a in zip(asked, commitments, answers, strict=True)]
            dleq.verify(_context(question, x, n), points, claims, proof)
            result.append(answers)
        reader.end()
    except (Undecodable, WrongProof) as error:
        raise Fault(who, f"answered wrongly ({error})", _AGAIN) from error
    return result


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What a quorum of trustees made of one identifier and her point. All of it secret.

    `rows`: by level j the j coefficients, in V, of k_j(x, V) H; `values`: by level k_j(0, x) H.
    """

    tag: Element = field(repr=False)
    rows: Mapping[int, tuple[Element, ...]] = field(repr=False)
    values: Mapping[int, Element] = field(repr=False)


def combine(descriptor: Descriptor, blinded: Blinded, answers: Mapping[int, Sequence[Element]]) -> Evaluated:
    """From checked answers of exactly a quorum, by trustee. Raises ValueError for more or fewer."""
    if len(answers) != descriptor.quorum:
        raise ValueError(f"it takes the answers of {descriptor.quorum} trustees")
    factors = lagrange(answers)
    unblind = [r.inverse() for r in blinded.blinds]
    bases = [each.base for each in exponents(descriptor.highest, Scalar.public(1))]
    opened = [
        total((factors[index] * unblind[base]) * some[n] for index, some in answers.items())
        for n, base in enumerate(bases)
    ]
    by_base = [[e for e, base in zip(opened, bases, strict=True) if base == m] for m in range(descriptor.highest)]
    tag, *levels = by_base
    rows = {j: tuple(each[:-1]) for j, each in enumerate(levels, 2)}
    return Evaluated(tag[0], rows, {j: each[-1] for j, each in enumerate(levels, 2)})


def _point(question: Question, descriptor: Descriptor) -> Scalar:
    try:
        return question.credential.point(descriptor.escrow)
    except WrongCredential as error:
        raise Fault(DEPOSITOR, f"asks with a point that opens everything ({error})", _REFUSED) from None


def _context(question: Question, x: Scalar, n: int) -> bytes:
    return (
        prefixed(TRUSTEE_PROOF)
        + question.descriptor
        + number(question.epoch, 4)
        + number(question.trustee, 2)
        + bytes(x)
        + question.hash
        + number(n, 2)
    )


def _drawing(secret: bytes, request: bytes) -> Source:
    """What a trustee draws for one question: the same each time, and known to nobody else."""
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a secret has {SECRET_BYTES} bytes")
    drawn = 0

    def draw(many: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return derive(secret, TRUSTEE_DRAWN, request + number(drawn, 4), many)

    return draw
