# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notalone.protocol import dleq
from notalone.protocol.dleq import Claim, Proof, prove, verify
from notalone.protocol.errors import Undecodable, WrongProof
from notalone.protocol.group import Element, Scalar, base_times

CONTEXT = b"context"
ONE = Scalar.public(1)


def bases(many: int) -> list[Element]:
    return [base_times(Scalar.random()) for _ in range(many)]


def claim(secret: Scalar, base: int, all_bases: list[Element]) -> Claim:
    return Claim(base, base_times(secret), secret * all_bases[base])


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[Element], list[Claim], list[Scalar]]:
    """True claims: every base has some, a secret may come twice."""
    many = draw(st.integers(1, 3))
    on = draw(st.lists(st.integers(0, many - 1), min_size=1, max_size=6))
    all_bases = bases(many)
    secrets = [Scalar.random() for _ in on]
    return all_bases, [claim(k, m, all_bases) for k, m in zip(secrets, on, strict=True)], secrets


@given(situations())
def test_what_is_true_is_proved(situation: tuple[list[Element], list[Claim], list[Scalar]]) -> None:
    all_bases, claims, secrets = situation
    proof = prove(CONTEXT, all_bases, claims, secrets)
    verify(CONTEXT, all_bases, claims, Proof.decode(bytes(proof), len(all_bases)))
    assert len(bytes(proof)) == 32 * (len(all_bases) + 1)


@given(situations(), st.data())
def test_a_proof_holds_for_exactly_what_it_was_made_for(
    situation: tuple[list[Element], list[Claim], list[Scalar]], data: st.DataObject
) -> None:
    all_bases, claims, secrets = situation
    proof = prove(CONTEXT, all_bases, claims, secrets)
    n = data.draw(st.integers(0, len(claims) - 1))
    other = base_times(Scalar.random())

    def with_claim(changed: Claim) -> list[Claim]:
        return [*claims[:n], changed, *claims[n + 1 :]]

    changed = [
        (b"another context", all_bases, claims, proof),
        (CONTEXT, [other, *all_bases[1:]], claims, proof),
        (CONTEXT, all_bases, with_claim(replace(claims[n], answer=other)), proof),
        (CONTEXT, all_bases, with_claim(replace(claims[n], commitment=other)), proof),
        (CONTEXT, all_bases, [*claims, claims[n]], proof),
        (CONTEXT, all_bases, claims, replace(proof, challenge=proof.challenge + ONE)),
        (CONTEXT, all_bases, claims, replace(proof, responses=(proof.responses[0] + ONE, *proof.responses[1:]))),
        (CONTEXT, all_bases, claims, replace(proof, responses=(*proof.responses, ONE))),
        (CONTEXT, [*all_bases, other], claims, proof),
    ]
    if len(claims) > 1:
        changed.append((CONTEXT, all_bases, claims[1:], proof))
    for each in changed:
        with pytest.raises(WrongProof):
            verify(*each)


@given(situations(), st.data())
def test_what_is_false_is_not_proved_by_who_follows_the_rules(
    situation: tuple[list[Element], list[Claim], list[Scalar]], data: st.DataObject
) -> None:
    all_bases, claims, secrets = situation
    n = data.draw(st.integers(0, len(claims) - 1))
    wrong = [*claims]
    wrong[n] = replace(claims[n], answer=claims[n].answer + base_times(Scalar.random()))
    with pytest.raises(WrongProof):
        verify(CONTEXT, all_bases, wrong, prove(CONTEXT, all_bases, wrong, secrets))


def cancelling() -> tuple[list[Element], list[Claim], list[Scalar]]:
    """Two wrong answers to one base, and a sum that is right."""
    all_bases = bases(1)
    secrets = [Scalar.random(), Scalar.random()]
    error = base_times(Scalar.random())
    right = [claim(k, 0, all_bases) for k in secrets]
    wrong = [replace(right[0], answer=right[0].answer + error), replace(right[1], answer=right[1].answer - error)]
    return all_bases, wrong, secrets


def test_wrong_answers_that_cancel_are_not_proved() -> None:
    all_bases, wrong, secrets = cancelling()
    with pytest.raises(WrongProof):
        verify(CONTEXT, all_bases, wrong, prove(CONTEXT, all_bases, wrong, secrets))


def test_without_weights_they_would_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack works against a build without its one defence."""

    def unweighted(context: bytes, some: list[Element], claims: list[Claim]) -> tuple[bytes, list[Scalar]]:
        return b"", [ONE] * len(claims)

    monkeypatch.setattr(dleq, "_weigh", unweighted)
    all_bases, wrong, secrets = cancelling()
    verify(CONTEXT, all_bases, wrong, prove(CONTEXT, all_bases, wrong, secrets))


def test_answers_swapped_between_bases_are_not_proved() -> None:
    all_bases = bases(2)
    secrets = [Scalar.random(), Scalar.random()]
    claims = [claim(secrets[0], 0, all_bases), claim(secrets[1], 1, all_bases)]
    swapped = [replace(claims[0], answer=claims[1].answer), replace(claims[1], answer=claims[0].answer)]
    with pytest.raises(WrongProof):
        verify(CONTEXT, all_bases, swapped, prove(CONTEXT, all_bases, swapped, secrets))


def test_nonces_are_hedged() -> None:
    """The same randomness twice, as from a machine that was copied while it slept, does not give a key away."""
    all_bases = bases(2)
    secrets = [Scalar.random(), Scalar.random()]
    claims = [claim(secrets[0], 0, all_bases), claim(secrets[1], 1, all_bases)]
    fixed = bytes
    one = prove(b"one", all_bases, claims, secrets, fixed)
    two = prove(b"two", all_bases, claims, secrets, fixed)
    assert prove(b"one", all_bases, claims, secrets, fixed) == one
    # With one nonce for both, (s1 - s2) / (c2 - c1) would be the secret sum.
    drawn = [
        base_times(s) + p.challenge * base_times(secret)
        for p in (one, two)
        for s, secret in zip(p.responses, secrets, strict=True)
    ]
    assert len(set(drawn)) == 4
    assert prove(b"one", all_bases, claims, secrets) != prove(b"one", all_bases, claims, secrets)


@given(st.binary(max_size=130) | st.binary(min_size=96, max_size=96))
def test_whatever_comes_as_a_proof_is_decoded_to_itself_or_refused(data: bytes) -> None:
    try:
        proof = Proof.decode(data, 2)
    except Undecodable:
        return
    assert bytes(proof) == data


def test_a_proof_may_have_255_bases() -> None:
    all_bases, secret = bases(255), Scalar.random()
    claims = [claim(secret, n, all_bases) for n in range(255)]
    verify(CONTEXT, all_bases, claims, prove(CONTEXT, all_bases, claims, [secret] * 255))


def test_mistakes_of_ours() -> None:
    element = base_times(ONE)
    right = Claim(0, element, element)
    for some, claims in (([], [right]), ([element], []), ([element] * 256, [right])):
        with pytest.raises(ValueError, match="from 1 to"):
            verify(CONTEXT, some, claims, Proof(ONE, (ONE,) * len(some)))
    with pytest.raises(ValueError, match="zip"):
        prove(CONTEXT, [element], [right], [])
