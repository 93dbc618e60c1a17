# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import contextlib
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from notalone.protocol.voice import (
    Kind,
    Malformed,
    challenge,
    checked_nonce,
    code_for,
    id_for,
    nonce_from,
    proof_holds,
    read_code,
    solve_proof,
    written,
)

VECTORS = Path(__file__).parents[2] / "vectors"
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

sixteen_bytes = st.binary(min_size=16, max_size=16)
nonces = sixteen_bytes.map(nonce_from)
kinds = st.sampled_from(Kind)
codes = st.text(ALPHABET, min_size=18, max_size=18)
slugs = st.from_regex(r"[a-z0-9][a-z0-9-]{1,39}", fullmatch=True)


# ---- nonce ----


@given(sixteen_bytes)
def test_a_nonce_carries_its_sixteen_bytes(randomness: bytes) -> None:
    nonce = nonce_from(randomness)
    assert checked_nonce(nonce) == nonce
    assert len(nonce) == 22
    assert urlsafe_b64decode(nonce + "==") == randomness


@given(st.binary(max_size=40).filter(lambda some: len(some) != 16))
def test_a_nonce_takes_sixteen_bytes_and_no_others(randomness: bytes) -> None:
    with pytest.raises(ValueError, match="16"):
        nonce_from(randomness)


@given(st.text(max_size=40) | st.text("AQgw-_+/=Zz09\n ", min_size=21, max_size=24))
def test_only_what_nonce_from_writes_is_a_nonce(text: str) -> None:
    try:
        is_nonce = nonce_from(urlsafe_b64decode(text.encode("ascii") + b"==")) == text
    except ValueError:
        is_nonce = False
    if is_nonce:
        assert checked_nonce(text) == text
    else:
        with pytest.raises(Malformed, match=r"^nonce: expected") as refused:
            checked_nonce(text)
        assert refused.value.field == "nonce"


@given(sixteen_bytes)
def test_no_nonce_can_be_written_in_two_ways(randomness: bytes) -> None:
    """The last of 22 characters carries two bits. Were the other four free, one tap could be sent 16 times."""
    nonce = nonce_from(randomness)
    base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for last in base64url:
        other = nonce[:-1] + last
        if urlsafe_b64decode(other + "==") == randomness and other != nonce:
            with pytest.raises(Malformed):
                checked_nonce(other)


@given(nonces, st.sampled_from(["", " ", "\n", "=", "==", "A", "\0"]), st.booleans())
def test_nothing_may_stand_around_a_nonce(nonce: str, extra: str, before: bool) -> None:
    assume(extra)
    with pytest.raises(Malformed):
        checked_nonce(extra + nonce if before else nonce + extra)


# ---- kind ----


def test_kinds_have_words_of_one_length() -> None:
    assert {kind.word: Kind.from_word(kind.word) for kind in Kind} == {"metoo": 1, "stand": 2}
    assert len({len(kind.word) for kind in Kind}) == 1


@given(st.text().filter(lambda text: text not in ("metoo", "stand")))
def test_no_other_word_is_a_kind(word: str) -> None:
    with pytest.raises(Malformed, match="kind"):
        Kind.from_word(word)


# ---- code and id ----


@given(sixteen_bytes, nonces, kinds)
def test_the_same_form_is_the_same_voice(salt: bytes, nonce: str, kind: Kind) -> None:
    code = code_for(salt, nonce, kind)
    assert code == code_for(salt, nonce, kind)
    assert id_for(salt, code) == id_for(salt, code)
    assert len(id_for(salt, code)) == 16


@given(sixteen_bytes, nonces, kinds)
def test_code_and_id_are_derived_as_the_specification_says(salt: bytes, nonce: str, kind: Kind) -> None:
    code = code_for(salt, nonce, kind)
    digest = blake2b(nonce.encode() + bytes([kind]), digest_size=12, key=salt, person=b"notalone-code-v1").digest()
    bits = f"{int.from_bytes(digest, 'big'):096b}"[:90]
    assert code == "".join(ALPHABET[int(bits[at : at + 5], 2)] for at in range(0, 90, 5))
    assert id_for(salt, code) == blake2b(code.encode(), digest_size=16, key=salt, person=b"notalone-vceid-1").digest()


@given(sixteen_bytes, sixteen_bytes, nonces, nonces)
def test_every_kind_call_and_form_has_codes_and_ids_of_its_own(
    salt: bytes, other_salt: bytes, nonce: str, other_nonce: str
) -> None:
    assume(salt != other_salt)
    assume(nonce != other_nonce)
    voices = {
        (s, n, kind): code_for(s, n, kind) for s in (salt, other_salt) for n in (nonce, other_nonce) for kind in Kind
    }
    assert len(set(voices.values())) == len(voices) == 8
    assert len({id_for(salt, code) for code in voices.values()}) == 8
    assert all(id_for(salt, code) != id_for(other_salt, code) for code in voices.values())


@given(codes)
def test_a_code_as_it_is_shown_is_read(code: str) -> None:
    shown = written(code)
    assert re.fullmatch(rf"[{ALPHABET}]{{6}}-[{ALPHABET}]{{6}}-[{ALPHABET}]{{6}}", shown)
    assert read_code(shown) == code


# No-break and zero-width spaces, hyphens and dashes, marks of right-to-left text.
HABITS = [*" -\t\n._:/", *"\u00a0\u200b\u00ad\u2011\u2013\u2014\u2212", *"\u200e\u200f\u2066\u2069", " - ", ""]
WRITTEN_AS = {"0": "0Oo\uff10\u0660\u06f0", "1": "1IiLl\uff11\u0661\u06f1", "7": "7\u0667\u06f7\uff17", "A": "Aa\uff21"}


@given(codes, st.data())
def test_a_code_is_read_whatever_the_habit_of_typing(code: str, data: st.DataObject) -> None:
    """By hand, dictated, pasted from a right-to-left page, or typed on an Arabic keyboard."""
    typed = data.draw(st.sampled_from(HABITS))
    for character in code:
        typed += data.draw(st.sampled_from(WRITTEN_AS.get(character, character + character.lower())))
        typed += data.draw(st.sampled_from(HABITS) | st.just(""))
    assert read_code(typed) == code


@given(st.text(max_size=60))
def test_what_is_no_code_is_refused_and_nothing_else_happens(text: str) -> None:
    with contextlib.suppress(Malformed):
        assert re.fullmatch(rf"[{ALPHABET}]{{18}}", read_code(text))


@given(codes, st.sampled_from("U*!+é"), st.integers(0, 17))
def test_a_wrong_letter_is_refused(code: str, wrong: str, at: int) -> None:
    with pytest.raises(Malformed):
        read_code(code[:at] + wrong + code[at + 1 :])


@given(codes, st.sampled_from([17, 19]))
def test_a_code_of_another_length_is_refused(code: str, length: int) -> None:
    with pytest.raises(Malformed):
        read_code((code + "7")[:length])


# ---- proof of work ----


@given(slugs, nonces, st.integers(0, 9))
def test_the_work_that_is_found_holds(slug: str, nonce: str, bits: int) -> None:
    proof = solve_proof(slug, nonce, bits)
    assert proof_holds(slug, nonce, proof, bits)
    assert all(not proof_holds(slug, nonce, f"{n:08x}", bits) for n in range(int(proof, 16)))


@given(slugs, nonces, st.integers(0, 2**32 - 1), st.integers(0, 26))
def test_a_proof_holds_when_the_hash_begins_with_that_many_zero_bits(slug: str, nonce: str, n: int, bits: int) -> None:
    digest = sha256(challenge(slug, nonce) + n.to_bytes(4, "big")).digest()
    zeros = len(bin(1 << 256 | int.from_bytes(digest, "big"))[3:].split("1")[0])
    assert proof_holds(slug, nonce, f"{n:08x}", bits) == (zeros >= bits)


@given(slugs, slugs, nonces, nonces)
def test_no_work_serves_twice(slug: str, other_slug: str, nonce: str, other_nonce: str) -> None:
    assume(slug != other_slug)
    assume(nonce != other_nonce)
    assert len({challenge(s, n) for s in (slug, other_slug) for n in (nonce, other_nonce)}) == 4


@given(st.text(max_size=12).filter(lambda text: re.fullmatch("[0-9a-f]{8}", text) is None), st.integers(0, 26))
def test_no_work_costs_nothing(proof: str, bits: int) -> None:
    """Also where no work is asked, the field has its form: an empty one goes to the waiting line."""
    assert not proof_holds("metoo", nonce_from(bytes(16)), proof, bits)


def test_work_that_cannot_be_found_is_said_to_be_impossible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notalone.protocol.voice.range", lambda _: range(100), raising=False)
    with pytest.raises(ValueError, match="no proof"):
        solve_proof("metoo", nonce_from(bytes(16)), 60)


def cases(name: str) -> list[Any]:
    file = VECTORS / name
    return list(json.loads(file.read_text())["cases"])


@pytest.mark.parametrize("case", cases("voice-proof.json"), ids=lambda case: str(case["why"]))
def test_the_published_proofs(case: dict[str, Any]) -> None:
    assert challenge(case["slug"], case["nonce"]).hex() == case["challenge"]
    assert proof_holds(case["slug"], case["nonce"], case["proof"], case["bits"]) is case["valid"]


def test_a_nonce_is_what_a_browser_makes_of_sixteen_bytes() -> None:
    assert nonce_from(bytes(range(16))) == urlsafe_b64encode(bytes(range(16))).decode().rstrip("=")
