# SPDX-License-Identifier: AGPL-3.0-or-later
"""A whole escrow for tests: trustees, issuer, counsellors and depositors with real keys, all in one process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import pyrage

from notalone.protocol.credentials import Credential, ask, finish, holder_message, issue
from notalone.protocol.descriptor import Descriptor, Signed, agree
from notalone.protocol.escrow import Depositor, Handle, Named, Record, bases, deposit
from notalone.protocol.group import Element, Scalar, Source, base_times
from notalone.protocol.identifiers import Hints, Identifier, Kind, parse
from notalone.protocol.keys import KeyShares, exponents
from notalone.protocol.matching import Placed
from notalone.protocol.sharing import combine as combine_shares
from notalone.protocol.signatures import SigningKey
from notalone.protocol.trustees import (
    Blinded,
    Evaluated,
    Question,
    answer,
    blind,
    combine,
    read_answer,
    read_question,
)
from notalone.protocol.trustees import (
    ask as ask_trustee,
)
from tests.protocol.trustees import ESCROW, Held, Organisation, hold, issuer_key, new_plan, organisation, source


def named(text: str) -> Identifier:
    return parse(Kind.EMAIL, f"{text}@example.org", Hints())


HANDLE = Handle(b"m" * 32, "age1example", "en", "after six")


@dataclass(frozen=True)
class Person:
    """A depositor, or one who means to break the escrow."""

    depositor: Depositor
    identity: str

    def x(self, escrow: bytes = ESCROW) -> Scalar:
        return self.depositor.credential.point(escrow)


@cache
def person(number: int) -> Person:
    draw = source(10_000 + number)
    key, secret = SigningKey.random(draw), draw(64)
    message = holder_message(ESCROW, key.public)
    issuer = issuer_key()
    _, blind_signature = issue(issuer, None, ask(issuer.public, message, secret))
    prefix, signature = finish(issuer.public, message, secret, blind_signature)
    identity = pyrage.x25519.Identity.generate()
    credential = Credential(key.public, prefix, signature)
    return Person(Depositor(credential, key, draw(32), str(identity.to_public())), str(identity))


@dataclass(frozen=True)
class World:
    """An escrow at work. `counsellor`: the identity of the desk's age recipient."""

    held: Held
    organisations: tuple[Organisation, ...]
    counsellor: str

    @cached_property
    def descriptor(self) -> Descriptor:
        return self.held.descriptor

    @property
    def signed(self) -> Signed:
        plan, said, consents = self.held.plan, self.held.said, self.held.consents
        signed = {each.index: agree(plan, said, consents, each.signing)[1] for each in self.organisations}
        return Signed(self.descriptor, signed, {})

    @property
    def reader(self) -> str:
        return str(pyrage.x25519.Identity.from_str(self.counsellor).to_public())

    @cached_property
    def keys(self) -> KeyShares:
        """The keys themselves, which nobody has outside of tests."""
        indices = [each.index for each in self.organisations][: self.held.plan.quorum]
        return KeyShares(
            0, [combine_shares({i: self.held.shares[i][n] for i in indices}) for n in range(self.held.plan.keys)]
        )

    def evaluate(self, who: Person, identifier: Identifier) -> Evaluated:
        """What a quorum of trustees would make of it, by the keys themselves."""
        return self.evaluate_bases(who.x(), bases(ESCROW, self.descriptor.highest, identifier))

    def evaluate_bases(self, x: Scalar, some: Sequence[Element]) -> Evaluated:
        """As trustees do for any bases; these may be made up."""
        by_base: list[list[Element]] = [[] for _ in some]
        for each in exponents(self.descriptor.highest, x):
            by_base[each.base].append(each.of(self.keys) * some[each.base])
        tag, *levels = by_base
        rows = {j: tuple(each[:-1]) for j, each in enumerate(levels, 2)}
        return Evaluated(tag[0], rows, {j: each[-1] for j, each in enumerate(levels, 2)})

    def ask(self, who: Person, some: Sequence[Sequence[Element]], trustees: Sequence[int]) -> list[Evaluated]:
        """The same by the trustees, with questions and answers as they are sent."""
        blinded = [blind(each) for each in some]
        answers: dict[int, list[tuple[Element, ...]]] = {}
        for index in trustees:
            question, reply = self.question(who, blinded, index)
            sealed = self.answered(index, ask_trustee(question, self.descriptor, who.depositor.key))
            answers[index] = read_answer(self.descriptor, question, reply, sealed)
        return [
            combine(self.descriptor, each, {index: some[n] for index, some in answers.items()})
            for n, each in enumerate(blinded)
        ]

    def question(self, who: Person, blinded: Sequence[Blinded], index: int) -> tuple[Question, Scalar]:
        reply = Scalar.random()
        return (
            Question(
                self.descriptor.hash,
                self.descriptor.epoch,
                index,
                b"r" * 32,
                who.depositor.credential,
                base_times(reply),
                tuple(each.points for each in blinded),
            ),
            reply,
        )

    def organisation(self, index: int) -> Organisation:
        return {each.index: each for each in self.organisations}[index]

    def answered(self, index: int, sealed: bytes, shares: KeyShares | None = None) -> bytes:
        """By trustee `index`."""
        question = read_question(self.descriptor, index, self.organisation(index).sealing, sealed)
        return answer(self.descriptor, question, shares or self.held.shares[index], b"s" * 32)

    def deposit(
        self,
        who: Person,
        identifiers: Sequence[Identifier],
        threshold: int,
        handle: Handle | None = None,
        source: Source | None = None,
    ) -> Record:
        some = [Named(each, self.evaluate(who, each)) for each in identifiers]
        handle = handle or Handle(b"m" * 32, who.depositor.recipient, "en", "after six")
        more = {} if source is None else {"source": source}
        return deposit(self.descriptor, who.depositor, some, threshold, handle, [self.reader], **more)


def placed(record: Record) -> list[Placed]:
    x = record.credential.point(ESCROW)
    return [Placed(record.id, place, x, entry) for place, entry in enumerate(record.entries)]


@cache
def world(highest: int = 5, quorum: int = 2, bits: int = 0) -> World:
    organisations = tuple(organisation(index) for index in (1, 2, 3))
    held = hold(new_plan(organisations, quorum, highest, bits=bits), organisations, organisations)
    return World(held, organisations, str(pyrage.x25519.Identity.generate()))
