# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notalone.protocol import oprf
from notalone.protocol.errors import Undecodable, WrongProof
from notalone.protocol.group import IDENTITY, Element, Scalar, base_times
from notalone.protocol.oprf import (
    Mode,
    Proof,
    blind,
    blind_with,
    derive_key,
    evaluate,
    evaluate_known,
    finalize,
    prove,
    verify,
)
from tests.protocol.vectors import from_hex, vectors

CASES = vectors("oprf")["cases"]
PROVED = [case for case in CASES if case["mode"] == "VOPRF"]


def why(case: Any) -> str:
    return str(case["why"])


def elements(case: Any, name: str) -> list[Element]:
    return [Element.decode(from_hex(each)) for each in case[name]]


@pytest.mark.parametrize("case", CASES, ids=why)
def test_the_vectors_of_the_rfc(case: Any) -> None:
    mode = Mode[case["mode"]]
    key = derive_key(from_hex(case["seed"]), from_hex(case["info"]), mode)
    assert bytes(key) == from_hex(case["key"])
    inputs = [from_hex(each) for each in case["inputs"]]
    blinds = [Scalar.decode(from_hex(each)) for each in case["blinds"]]
    blinded = [blind_with(secret, data, mode) for secret, data in zip(blinds, inputs, strict=True)]
    assert blinded == elements(case, "blinded")
    evaluated = [evaluate(key, each) for each in blinded]
    assert evaluated == elements(case, "evaluated")
    outputs = [finalize(*each) for each in zip(inputs, blinds, evaluated, strict=True)]
    assert outputs == [from_hex(each) for each in case["outputs"]]
    assert outputs == [evaluate_known(key, data, mode) for data in inputs]


@pytest.mark.parametrize("case", PROVED, ids=why)
def test_the_proofs_of_the_rfc(case: Any) -> None:
    key = Scalar.decode(from_hex(case["key"]))
    assert bytes(base_times(key)) == from_hex(case["public"])
    blinded, evaluated = elements(case, "blinded"), elements(case, "evaluated")
    proof = prove(key, blinded, evaluated, lambda _: from_hex(case["random"]) + bytes(32))
    assert bytes(proof) == from_hex(case["proof"])
    verify(base_times(key), blinded, evaluated, proof)


def test_a_proof_holds_for_exactly_what_it_was_made_for() -> None:
    case = PROVED[-1]
    public = Element.decode(from_hex(case["public"]))
    blinded, evaluated = elements(case, "blinded"), elements(case, "evaluated")
    proof = Proof.decode(from_hex(case["proof"]))
    verify(public, blinded, evaluated, proof)
    other, one = base_times(Scalar.public(7)), Scalar.public(1)
    changed: list[tuple[Element, list[Element], list[Element], Proof]] = [
        (other, blinded, evaluated, proof),
        (public, [other, blinded[1]], evaluated, proof),
        (public, blinded, [evaluated[0], other], proof),
        (public, blinded[::-1], evaluated, proof),
        (public, blinded[::-1], evaluated[::-1], proof),
        (public, blinded[:1], evaluated[:1], proof),
        (public, evaluated, blinded, proof),
        (public, blinded, evaluated, replace(proof, c=proof.c + one)),
        (public, blinded, evaluated, replace(proof, s=proof.s + one)),
        (public, blinded, evaluated, Proof(proof.s, proof.c)),
    ]
    for each in changed:
        with pytest.raises(WrongProof):
            verify(*each)


def test_answers_that_cancel_in_a_sum_are_not_proved() -> None:
    key = Scalar.random()
    blinded = [blind(data, Mode.VOPRF)[1] for data in (b"one", b"two")]
    right = [evaluate(key, each) for each in blinded]
    error = base_times(Scalar.random())
    wrong = [right[0] + error, right[1] - error]
    with pytest.raises(WrongProof):
        verify(base_times(key), blinded, wrong, prove(key, blinded, right))
    with pytest.raises(WrongProof):
        verify(base_times(key), blinded, wrong, prove(key, blinded, wrong))


def test_another_keys_answer_is_not_proved() -> None:
    key, other = Scalar.random(), Scalar.random()
    _, blinded = blind(b"x", Mode.VOPRF)
    answer = evaluate(other, blinded)
    for prover in (key, other):
        with pytest.raises(WrongProof):
            verify(base_times(key), [blinded], [answer], prove(prover, [blinded], [answer]))


@given(st.binary(max_size=300), st.sampled_from(Mode), st.binary(min_size=32, max_size=32))
def test_what_the_client_gets_is_what_the_server_would_say(data: bytes, mode: Mode, seed: bytes) -> None:
    key = derive_key(seed, b"", mode)
    secret, blinded = blind(data, mode)
    assert finalize(data, secret, evaluate(key, blinded)) == evaluate_known(key, data, mode)


def test_a_fresh_blind_hides_the_input() -> None:
    assert blind(b"x", Mode.OPRF)[1] != blind(b"x", Mode.OPRF)[1]
    fixed = random.Random(1).randbytes(64)  # noqa: S311
    assert blind(b"x", Mode.OPRF, lambda _: fixed) == blind(b"x", Mode.OPRF, lambda _: fixed)


def test_modes_do_not_mix() -> None:
    key = Scalar.random()
    assert evaluate_known(key, b"x", Mode.OPRF) != evaluate_known(key, b"x", Mode.VOPRF)


@given(st.binary(max_size=70) | st.binary(min_size=64, max_size=64))
def test_whatever_comes_as_a_proof_is_decoded_to_itself_or_refused(data: bytes) -> None:
    try:
        proof = Proof.decode(data)
    except Undecodable:
        return
    assert bytes(proof) == data


def test_mistakes_of_ours() -> None:
    element = base_times(Scalar.public(3))
    with pytest.raises(ValueError, match="32 bytes"):
        derive_key(bytes(31), b"", Mode.OPRF)
    for blinded, evaluated in (([], []), ([element], []), ([element] * 2, [element])):
        with pytest.raises(ValueError, match="a batch has"):
            verify(element, blinded, evaluated, Proof(Scalar.public(1), Scalar.public(1)))


def test_what_has_a_chance_of_nothing_is_an_error_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """No seed gives zero 256 times, and no input the identity."""
    monkeypatch.setattr(oprf, "hash_to_scalar", lambda *_: Scalar.public(0))
    with pytest.raises(ValueError, match="this seed has no key"):
        derive_key(bytes(32), b"", Mode.OPRF)
    scalars = iter([Scalar.public(0), Scalar.public(7)])
    monkeypatch.setattr(oprf, "hash_to_scalar", lambda *_: next(scalars))
    assert derive_key(bytes(32), b"", Mode.OPRF) == Scalar.public(7)
    monkeypatch.setattr(oprf, "hash_to_element", lambda *_: IDENTITY)
    with pytest.raises(ValueError, match="this input has no element"):
        blind(b"x", Mode.OPRF)
