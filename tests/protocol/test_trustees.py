# SPDX-License-Identifier: AGPL-3.0-or-later
"""Questions and answers: any quorum agrees, whatever is wrong is caught and blamed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notalone.protocol import dleq
from notalone.protocol.errors import DEPOSITOR, SERVER, Fault, trustee
from notalone.protocol.escrow import bases
from notalone.protocol.group import IDENTITY, Element, Scalar, base_times
from notalone.protocol.keys import KeyShares
from notalone.protocol.labels import TRUSTEE_ANSWER, TRUSTEE_ASKED, TRUSTEE_QUESTION
from notalone.protocol.seals import seal, unseal
from notalone.protocol.signatures import SigningKey
from notalone.protocol.trustees import Question, answer, ask, blind, combine, read_answer, read_question
from tests.protocol.trustees import ESCROW, handing_on, hold, organisation, source
from tests.protocol.world import World, named, person, world

HERE = world(3)
HER = person(1)
BASES = [bases(ESCROW, 3, named("him")), bases(ESCROW, 3, named("other"))]


def asked(index: int = 1, world_: World = HERE) -> tuple[Question, Scalar]:
    return world_.question(HER, [blind(each) for each in BASES], index)


# ---- everybody is honest ----


@pytest.mark.parametrize("some", [*permutations((1, 2, 3), 2)])
def test_any_quorum_gives_what_the_keys_would(some: tuple[int, ...]) -> None:
    for found, identifier in zip(HERE.ask(HER, BASES, some), ("him", "other"), strict=True):
        assert found == HERE.evaluate(HER, named(identifier))


def test_quorums_of_other_sizes_and_levels() -> None:
    for highest, quorum in ((2, 1), (2, 3), (5, 2)):
        here = world(highest, quorum)
        some = [bases(ESCROW, highest, named("him"))]
        for of in combinations((1, 2, 3), quorum):
            assert here.ask(HER, some, of) == [here.evaluate(HER, named("him"))]


def test_fewer_or_more_answers_combine_to_nothing() -> None:
    blinded = blind(BASES[0])
    for many in (1, 3):
        with pytest.raises(ValueError, match="2 trustees"):
            combine(HERE.descriptor, blinded, dict.fromkeys(range(1, many + 1), ()))


def test_fewer_than_a_quorum_know_as_little_as_anyone() -> None:
    """One trustee's answers, as if they were all there is, fit no tag."""
    question, reply = asked()
    answers = read_answer(
        HERE.descriptor, question, reply, HERE.answered(1, ask(question, HERE.descriptor, HER.depositor.key))
    )
    alone = replace(HERE.descriptor, quorum=1)
    found = combine(alone, blind(BASES[0]), {1: answers[0]})
    assert found.tag != HERE.evaluate(HER, named("him")).tag


def test_new_trustees_answer_alike() -> None:
    dealers = [HERE.organisations[1], HERE.organisations[2]]
    recipients = [organisation(n) for n in (4, 5, 6)]
    plan = handing_on(HERE.held, dealers, recipients, 2)
    later = World(hold(plan, dealers, recipients, HERE.held.shares), tuple(recipients), "")
    assert later.ask(HER, BASES, (4, 6)) == HERE.ask(HER, BASES, (1, 2))


def test_the_same_question_has_the_same_answer_and_another_another() -> None:
    question, _ = asked()
    sealed = ask(question, HERE.descriptor, HER.depositor.key)
    assert HERE.answered(1, sealed) == HERE.answered(1, ask(question, HERE.descriptor, HER.depositor.key))
    assert HERE.answered(1, sealed) != HERE.answered(
        1, ask(replace(question, request=b"q" * 32), HERE.descriptor, HER.depositor.key)
    )
    with pytest.raises(ValueError, match="32 bytes"):
        answer(HERE.descriptor, question, HERE.held.shares[1], b"short")


def test_a_question_tells_nothing_of_whom() -> None:
    one, two = (blind(BASES[0]) for _ in range(2))
    assert not set(one.points) & set(two.points)
    fixed = blind(BASES[0], source(5))
    assert fixed == blind(BASES[0], source(5))
    assert "blinds" not in repr(fixed)


# ---- questions that are refused ----


def sealed_question(question: Question, key: SigningKey | None = None, to: int = 1) -> bytes:
    return ask(replace(question, trustee=to), HERE.descriptor, key or HER.depositor.key)


def refused(sealed: bytes, match: str, party: object = DEPOSITOR, index: int = 1) -> None:
    with pytest.raises(Fault, match=match) as found:
        read_question(HERE.descriptor, index, HERE.organisation(index).sealing, sealed)
    assert found.value.party == party


def test_a_question_is_read_as_it_was_asked() -> None:
    question, _ = asked()
    assert read_question(HERE.descriptor, 1, HERE.organisation(1).sealing, sealed_question(question)) == question


def test_a_question_for_another_trustee_or_escrow_does_not_open() -> None:
    question, _ = asked()
    refused(sealed_question(question), "not for this trustee", SERVER, index=2)
    other = ask(question, replace(HERE.descriptor, terms=replace(HERE.descriptor.terms, budget=5)), HER.depositor.key)
    refused(other, "not for this trustee", SERVER)
    refused(b"", "not for this trustee", SERVER)
    refused(sealed_question(question)[:-1] + b"x", "not for this trustee", SERVER)


def resealed(body: bytes) -> bytes:
    """By one who holds a credential and signs whatever he likes."""
    signed = body + HER.depositor.key.sign(TRUSTEE_QUESTION, body)
    return seal(HERE.organisation(1).public.sealing, TRUSTEE_ASKED, HERE.descriptor.hash, signed)


def test_a_question_sent_on_to_another_trustee_is_refused() -> None:
    """The relay, or trustee 2, cannot ask trustee 1 with what was asked of trustee 2."""
    question, _ = asked(index=2)
    refused(resealed(bytes(question)), "asks another trustee")
    refused(resealed(bytes(replace(asked()[0], epoch=1))), "in another epoch")
    refused(resealed(bytes(replace(asked()[0], descriptor=b"d" * 64))), "in another epoch")


def test_only_the_holder_can_ask() -> None:
    question, _ = asked()
    refused(sealed_question(question, person(2).depositor.key), "without a credential")
    borrowed = replace(question, credential=person(2).depositor.credential)
    refused(sealed_question(borrowed), "without a credential")


def test_a_credential_of_another_issuer_or_escrow_is_none() -> None:
    question, _ = asked()
    own = HER.depositor.credential
    forged = replace(own, signature=own.signature[:-1] + bytes([own.signature[-1] ^ 1]))
    refused(sealed_question(replace(question, credential=forged)), "without a credential")
    here = replace(HERE.descriptor, escrow=b"f" * 32)
    sealed = ask(replace(question, descriptor=here.hash), here, HER.depositor.key)
    with pytest.raises(Fault, match="without a credential"):
        read_question(here, 1, HERE.organisation(1).sealing, sealed)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda body: body[:-1], "ends after"),
        (lambda body: body + b"x", "follow its end"),
        (lambda body: body[:-32] + bytes(32), "identity"),
        (lambda body: body[:-32] + b"\xff" * 32, "not an element"),
        (lambda body: body[: -(6 * 32 + 2)] + b"\0\0", "about nobody"),
        (lambda body: body[: -(6 * 32 + 2)] + b"\0\5" + body[-96:] * 5, "list of 5"),
        (lambda body: body[: -(6 * 32 + 2 + 32)] + bytes(32) + body[-(6 * 32 + 2) :], "identity"),
        (lambda body: b"", "ends after"),
    ],
)
def test_a_question_that_cannot_be_read_is_refused(change: Callable[[bytes], bytes], match: str) -> None:
    refused(resealed(change(bytes(asked()[0]))), match)


@given(st.binary(max_size=700))
@settings(max_examples=50)
def test_whatever_comes_as_a_question_is_refused_by_name(data: bytes) -> None:
    for sealed in (data, seal(HERE.organisation(1).public.sealing, TRUSTEE_ASKED, HERE.descriptor.hash, data)):
        with pytest.raises(Fault):
            read_question(HERE.descriptor, 1, HERE.organisation(1).sealing, sealed)


def test_the_point_zero_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """There the answer would be the polynomials' own constant, which every record hangs on."""
    question, _ = asked()
    monkeypatch.setattr("notalone.protocol.credentials.hash_to_scalar", lambda *_: Scalar.public(0))
    with pytest.raises(Fault, match="a point that opens everything"):
        answer(HERE.descriptor, question, HERE.held.shares[1], b"s" * 32)


# ---- answers that are refused ----


def given_answer(shares: KeyShares | None = None) -> tuple[Question, Scalar, bytes]:
    question, reply = asked()
    return question, reply, HERE.answered(1, sealed_question(question), shares)


def changed(change: Callable[[bytearray], None]) -> tuple[Question, Scalar, bytes]:
    """By a trustee who lies."""
    question, reply, sealed = given_answer()
    body = bytearray(unseal(reply, TRUSTEE_ANSWER, question.hash, sealed))
    change(body)
    return question, reply, seal(question.reply, TRUSTEE_ANSWER, question.hash, bytes(body))


def blamed(question: Question, reply: Scalar, sealed: bytes, match: str, party: object) -> None:
    with pytest.raises(Fault, match=match) as found:
        read_answer(HERE.descriptor, question, reply, sealed)
    assert found.value.party == party


ANSWERS = 1 + 3 + 4
OF_ONE = (ANSWERS + 4) * 32


@pytest.mark.parametrize("n", range(ANSWERS))
@pytest.mark.parametrize("identifier", [0, 1])
def test_every_wrong_answer_is_caught_and_its_trustee_blamed(n: int, identifier: int) -> None:
    def lie(body: bytearray) -> None:
        at = identifier * OF_ONE + n * 32
        body[at : at + 32] = bytes(Element.decode(bytes(body[at : at + 32])) + base_times(Scalar.public(1)))

    blamed(*changed(lie), "trustee 1 answered wrongly", trustee(1))


def test_answers_in_another_order_are_wrong() -> None:
    def swap(body: bytearray) -> None:
        body[32:96] = body[64:96] + body[32:64]

    def exchange(body: bytearray) -> None:
        body[:] = body[OF_ONE:] + body[:OF_ONE]

    for lie in (swap, exchange):
        blamed(*changed(lie), "answered wrongly", trustee(1))


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.clear(),
        lambda body: body.__delitem__(slice(-1, None)),
        lambda body: body.append(0),
        lambda body: body.__setitem__(slice(0, 32), bytes(32)),
        lambda body: body.__setitem__(slice(0, 32), b"\xff" * 32),
        lambda body: body.__setitem__(slice(-32, None), bytes(32)),
        lambda body: body.__setitem__(slice(-32, None), b"\xff" * 32),
        lambda body: body.__setitem__(slice(ANSWERS * 32, ANSWERS * 32 + 32), body[-32:]),
    ],
)
def test_an_answer_that_cannot_be_read_or_proved_blames_its_trustee(change: Callable[[bytearray], None]) -> None:
    blamed(*changed(change), "trustee 1 answered wrongly", trustee(1))


def test_two_wrong_answers_whose_errors_cancel_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a build whose weights do not hang on the answers the same lie passes."""
    error = base_times(Scalar.public(7))
    weights = [Scalar.public(n + 1) for n in range(ANSWERS)]

    def lie(answers: list[Element]) -> list[Element]:
        # 2 d_3 and d_2: weights of the two that are changed, on one base.
        first = answers[2] + (weights[3] * error)
        return [*answers[:2], first, answers[3] - (weights[2] * error), *answers[4:]]

    question, reply = asked()
    real_prove = dleq.prove

    def proved(context: bytes, points: tuple[Element, ...], claims: list[dleq.Claim], *rest: object) -> dleq.Proof:
        wrong = [replace(c, answer=a) for c, a in zip(claims, lie([c.answer for c in claims]), strict=True)]
        claims[:] = wrong
        return real_prove(context, points, wrong, *rest)  # type: ignore[arg-type]

    def answered() -> bytes:
        """What a trustee sends who lies about two answers and proves as well as it can."""
        with monkeypatch.context() as patched:
            patched.setattr(dleq, "prove", proved)
            sealed = HERE.answered(1, sealed_question(question))
        body = bytearray(unseal(reply, TRUSTEE_ANSWER, question.hash, sealed))
        for n in range(2):
            start = n * OF_ONE
            some = [Element.decode(bytes(body[start + 32 * i : start + 32 * i + 32])) for i in range(ANSWERS)]
            body[start : start + 32 * ANSWERS] = b"".join(bytes(each) for each in lie(some))
        return seal(question.reply, TRUSTEE_ANSWER, question.hash, bytes(body))

    blamed(question, reply, answered(), "answered wrongly", trustee(1))
    real_weigh = dleq._weigh
    monkeypatch.setattr(dleq, "_weigh", lambda c, b, claims: (real_weigh(c, b, claims)[0], weights))
    read_answer(HERE.descriptor, question, reply, answered())


def test_a_trustee_that_mixes_epochs_is_blamed() -> None:
    plan = handing_on(HERE.held, HERE.organisations[:2], HERE.organisations, 2)
    later = hold(plan, HERE.organisations[:2], HERE.organisations, HERE.held.shares)
    blamed(*given_answer(later.shares[1]), "answered wrongly", trustee(1))


def test_one_trustee_cannot_answer_for_another() -> None:
    blamed(*given_answer(HERE.held.shares[2]), "answered wrongly", trustee(1))


def test_an_answer_that_the_relay_changed_blames_the_relay() -> None:
    question, reply, sealed = given_answer()
    for wrong in (sealed[:-1] + bytes([sealed[-1] ^ 1]), b"", sealed[:40], bytes(len(sealed))):
        blamed(question, reply, wrong, "passed on an answer of trustee 1 that does not open", SERVER)


def test_an_answer_to_another_question_does_not_open() -> None:
    question, reply, sealed = given_answer()
    for other in (
        replace(question, request=b"o" * 32),
        replace(question, points=question.points[::-1]),
        replace(question, trustee=2),
    ):
        blamed(other, reply, sealed, "does not open", SERVER)
    blamed(question, Scalar.public(5), sealed, "does not open", SERVER)


def test_public_shares_may_be_given() -> None:
    question, reply, sealed = given_answer()
    public = HERE.descriptor.public_shares(1)
    assert read_answer(HERE.descriptor, question, reply, sealed, public) == read_answer(
        HERE.descriptor, question, reply, sealed
    )
    with pytest.raises(Fault, match="answered wrongly"):
        read_answer(HERE.descriptor, question, reply, sealed, HERE.descriptor.public_shares(2))


def test_nothing_secret_is_shown() -> None:
    shown = repr(HERE.evaluate(HER, named("him")))
    assert shown == "Evaluated()"


def test_the_identity_is_no_point() -> None:
    question, _ = asked()
    bad = replace(question, points=((IDENTITY, *question.points[0][1:]),))
    refused(sealed_question(bad), "identity")
