# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notalone.protocol import credentials
from notalone.protocol.credentials import (
    AlreadyIssued,
    Credential,
    VoiceCredential,
    WrongCredential,
    ask,
    decode_pinned,
    finish,
    holder_message,
    issue,
    key_hash,
    voice_message,
)
from notalone.protocol.errors import Undecodable
from notalone.protocol.group import Scalar
from notalone.protocol.rsa_blind import PublicKey, SigningKey, encode, prepare
from notalone.protocol.signatures import SigningKey as HolderKey
from notalone.protocol.signatures import VerifyKey
from tests.protocol.vectors import from_hex, vectors

FILE = vectors("credentials")
ISSUERS = [SigningKey.decode(from_hex(each["signing"])) for each in FILE["issuers"]]
KEY, OTHER = (each.public for each in ISSUERS)
ERRORS = {"undecodable": Undecodable, "wrong": WrongCredential, "issued": AlreadyIssued}
ESCROW, ELSEWHERE = bytes(range(32)), bytes(32)
HOLDER = HolderKey(b"\1" * 32).public
SECRET = b"\2" * 64


def why(case: Any) -> str:
    return str(case["why"])


def obtained(issuer: SigningKey, message: bytes, secret: bytes) -> tuple[bytes, bytes]:
    _, answer = issue(issuer, None, ask(issuer.public, message, secret))
    return finish(issuer.public, message, secret, answer)


# ---- a person in an escrow ----


def test_a_person_gets_a_credential_and_gets_it_again() -> None:
    message = holder_message(ESCROW, HOLDER)
    kept, answer = issue(ISSUERS[0], None, ask(KEY, message, SECRET))
    credential = Credential(HOLDER, *finish(KEY, message, SECRET, answer))
    credential.verify(KEY, ESCROW)
    assert issue(ISSUERS[0], kept, ask(KEY, message, SECRET)) == (kept, answer)
    assert Credential(HOLDER, *finish(KEY, message, SECRET, answer)) == credential
    assert len(bytes(credential)) == credentials.CREDENTIAL_BYTES == 320


def test_who_lost_her_code_gets_no_second_credential() -> None:
    kept, _ = issue(ISSUERS[0], None, ask(KEY, holder_message(ESCROW, HOLDER), SECRET))
    new = HolderKey(b"\3" * 32).public
    for message, secret in (
        (holder_message(ESCROW, new), b"\4" * 64),
        (holder_message(ESCROW, new), SECRET),
        (holder_message(ESCROW, HOLDER), b"\4" * 64),
    ):
        with pytest.raises(AlreadyIssued, match="cannot have a second"):
            issue(ISSUERS[0], kept, ask(KEY, message, secret))


def test_what_is_kept_of_her_is_for_one_key() -> None:
    blinded = bytes(255) + b"\2"
    kept, _ = issue(ISSUERS[0], None, blinded)
    with pytest.raises(AlreadyIssued):
        issue(ISSUERS[1], kept, blinded)


def test_one_person_is_one_point() -> None:
    message = holder_message(ESCROW, HOLDER)
    both = [Credential(HOLDER, *obtained(ISSUERS[0], message, bytes([n]) * 64)) for n in (1, 2)]
    assert both[0].prefix != both[1].prefix
    assert both[0].signature != both[1].signature
    assert both[0].point(ESCROW) == both[1].point(ESCROW)
    assert both[0].point(ESCROW) != both[0].point(ELSEWHERE)
    other = Credential(HolderKey(b"\3" * 32).public, both[0].prefix, both[0].signature)
    assert other.point(ESCROW) != both[0].point(ESCROW)


def test_the_point_0_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "hash_to_scalar", lambda *_: Scalar.public(0))
    with pytest.raises(WrongCredential, match="point 0"):
        Credential(HOLDER, bytes(32), bytes(256)).point(ESCROW)


def test_one_secret_used_twice_by_mistake_links_nothing() -> None:
    """With one blind the quotient of two questions would be that of the messages, which are seen later."""
    n = int(KEY.n)
    asked, encoded = [], []
    for holder in (HOLDER, HolderKey(b"\3" * 32).public):
        message = holder_message(ESCROW, holder)
        prefix, salt, _ = credentials._drawn(KEY, message, SECRET)
        asked.append(int.from_bytes(ask(KEY, message, SECRET), "big"))
        encoded.append(int(encode(prepare(message, prefix), salt, 2047)))
    assert (asked[0] * encoded[1] - asked[1] * encoded[0]) % n


def test_every_key_message_and_secret_draws_something_else() -> None:
    drawn = {
        each
        for key in (KEY, OTHER)
        for message in (holder_message(ESCROW, HOLDER), holder_message(ELSEWHERE, HOLDER))
        for secret in (SECRET, b"\3" * 64)
        for each in credentials._drawn(key, message, secret)
    }
    assert len(drawn) == 24
    assert {len(each) for each in drawn} == {32, 48, 272}


# ---- a voice ----


def test_a_voice_counts_in_its_call_and_epoch_alone() -> None:
    nonce = bytes(range(32))
    voice = VoiceCredential(nonce, *obtained(ISSUERS[1], voice_message("me-too", 7, nonce), SECRET))
    VoiceCredential.decode(bytes(voice)).verify(OTHER, "me-too", 7)
    for key, call, epoch in ((KEY, "me-too", 7), (OTHER, "me-too-2", 7), (OTHER, "me-too", 8), (OTHER, "me-too", 6)):
        with pytest.raises(WrongCredential):
            voice.verify(key, call, epoch)


def test_no_credential_passes_as_one_of_the_other_kind() -> None:
    data = bytes(HOLDER)
    prefix, signature = obtained(ISSUERS[0], holder_message(ESCROW, HOLDER), SECRET)
    with pytest.raises(WrongCredential):
        VoiceCredential(data, prefix, signature).verify(KEY, "me-too", 0)
    prefix, signature = obtained(ISSUERS[0], voice_message("me-too", 0, data), SECRET)
    with pytest.raises(WrongCredential):
        Credential(HOLDER, prefix, signature).verify(KEY, ESCROW)


def test_no_representation_shows_what_is_good_for_whoever_holds_it() -> None:
    signature = b"\xab" * 256
    for each in (Credential(HOLDER, bytes(32), signature), VoiceCredential(bytes(32), bytes(32), signature)):
        assert repr(signature) not in repr(each)


# ---- whatever comes ----


@given(st.binary(max_size=330) | st.binary(min_size=320, max_size=320))
@settings(max_examples=60, deadline=None)
def test_whatever_comes_as_a_credential_is_decoded_to_itself_or_refused(data: bytes) -> None:
    for kind in (Credential, VoiceCredential):
        try:
            assert bytes(kind.decode(data)) == data
        except Undecodable:
            assert len(data) != 320
    if len(data) == 320:
        with pytest.raises(WrongCredential):
            Credential.decode(data).verify(KEY, ESCROW)
        with pytest.raises(WrongCredential):
            VoiceCredential.decode(data).verify(KEY, "me-too", 1)


@given(st.binary(max_size=260) | st.binary(min_size=256, max_size=256))
@settings(max_examples=40, deadline=None)
def test_whatever_the_issuer_answers_is_a_signature_or_refused(answer: bytes) -> None:
    with pytest.raises((Undecodable, WrongCredential)):
        finish(KEY, holder_message(ESCROW, HOLDER), SECRET, answer)


@given(st.binary(max_size=260) | st.binary(min_size=256, max_size=256))
@settings(max_examples=40, deadline=None)
def test_whatever_the_issuer_is_asked_is_answered_or_refused(blinded: bytes) -> None:
    try:
        kept, answer = issue(ISSUERS[0], None, blinded)
    except Undecodable:
        return
    assert issue(ISSUERS[0], kept, blinded) == (kept, answer)
    assert pow(int.from_bytes(answer, "big"), 65_537, int(KEY.n)) == int.from_bytes(blinded, "big")


def test_mistakes_of_ours() -> None:
    for escrow in (b"", bytes(31), bytes(33)):
        with pytest.raises(ValueError, match="an escrow's id has 32 bytes"):
            holder_message(escrow, HOLDER)
        with pytest.raises(ValueError, match="an escrow's id has 32 bytes"):
            Credential(HOLDER, bytes(32), bytes(256)).point(escrow)
    for call in ("", "a", "A1", "a" * 41, "-a", "me-too\n"):
        with pytest.raises(ValueError, match="name as in addresses"):
            voice_message(call, 0, bytes(32))
    with pytest.raises(ValueError, match="a nonce has 32 bytes"):
        voice_message("me-too", 0, bytes(31))
    for epoch in (-1, 1 << 32):
        with pytest.raises(ValueError, match="does not fit"):
            voice_message("me-too", epoch, bytes(32))
    for secret in (b"", bytes(32), bytes(63)):
        with pytest.raises(ValueError, match="a secret has 64 bytes"):
            ask(KEY, holder_message(ESCROW, HOLDER), secret)


# ---- the vectors ----


@pytest.mark.parametrize("case", FILE["keys"], ids=why)
def test_issuers_keys(case: Any) -> None:
    data, pinned = from_hex(case["encoded"]), from_hex(case["pinned"])
    if case["valid"]:
        key = decode_pinned(data, pinned)
        assert (bytes(key), key_hash(key)) == (data, pinned)
        return
    with pytest.raises(Undecodable):
        decode_pinned(data, pinned)


def test_the_issuers_of_the_vectors() -> None:
    for each, key in zip(FILE["issuers"], (KEY, OTHER), strict=True):
        assert PublicKey.decode(from_hex(each["public"])) == key
        assert key_hash(key) == from_hex(each["hash"])


@pytest.mark.parametrize("case", FILE["asked"], ids=why)
def test_asking_as_in_every_language(case: Any) -> None:
    key, secret = ISSUERS[case["issuer"]], from_hex(case["secret"])
    encoded = from_hex(case["credential"])
    shown: Credential | VoiceCredential
    if "escrow" in case:
        escrow, shown = from_hex(case["escrow"]), Credential.decode(encoded)
        assert shown.holder == VerifyKey(from_hex(case["holder"]))
        message = holder_message(escrow, shown.holder)
        shown.verify(key.public, escrow)
        assert bytes(shown.point(escrow)) == from_hex(case["point"])
    else:
        shown = VoiceCredential.decode(encoded)
        assert shown.nonce == from_hex(case["nonce"])
        message = voice_message(case["call"], case["epoch"], shown.nonce)
        shown.verify(key.public, case["call"], case["epoch"])
    assert message == from_hex(case["message"])
    assert ask(key.public, message, secret) == from_hex(case["blinded"])
    assert key.sign(from_hex(case["blinded"])) == from_hex(case["answer"])
    assert finish(key.public, message, secret, from_hex(case["answer"])) == (shown.prefix, shown.signature)


@pytest.mark.parametrize("case", FILE["answers"], ids=why)
def test_answers(case: Any) -> None:
    first, answer = FILE["asked"][0], from_hex(case["answer"])
    message, secret = from_hex(first["message"]), from_hex(first["secret"])
    if case["valid"]:
        finish(KEY, message, secret, answer)
        return
    with pytest.raises(ERRORS[case["error"]]):
        finish(KEY, message, secret, answer)


@pytest.mark.parametrize("case", FILE["credentials"], ids=why)
def test_credentials(case: Any) -> None:
    key, escrow, encoded = ISSUERS[case["issuer"]].public, from_hex(case["escrow"]), from_hex(case["encoded"])
    if case["valid"]:
        Credential.decode(encoded).verify(key, escrow)
    elif case["error"] == "undecodable":
        with pytest.raises(Undecodable):
            Credential.decode(encoded)
    else:
        with pytest.raises(WrongCredential, match="The issuer did not sign this"):
            Credential.decode(encoded).verify(key, escrow)


@pytest.mark.parametrize("case", FILE["voices"], ids=why)
def test_voices(case: Any) -> None:
    key, encoded = ISSUERS[case["issuer"]].public, from_hex(case["encoded"])
    if case["valid"]:
        VoiceCredential.decode(encoded).verify(key, case["call"], case["epoch"])
    elif case["error"] == "undecodable":
        with pytest.raises(Undecodable):
            VoiceCredential.decode(encoded)
    else:
        with pytest.raises(WrongCredential, match="The issuer did not sign this"):
            VoiceCredential.decode(encoded).verify(key, case["call"], case["epoch"])


@pytest.mark.parametrize("case", FILE["issued"], ids=why)
def test_what_the_issuer_does(case: Any) -> None:
    kept = None if case["kept"] is None else from_hex(case["kept"])
    blinded = from_hex(case["blinded"])
    if case["valid"]:
        assert issue(ISSUERS[0], kept, blinded) == (from_hex(case["keeps"]), from_hex(case["answer"]))
        return
    with pytest.raises(ERRORS[case["error"]]):
        issue(ISSUERS[0], kept, blinded)
