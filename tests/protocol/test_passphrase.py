# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import math
import traceback
from functools import cache
from hashlib import sha256
from itertools import combinations, pairwise
from typing import Any

import pyrage
import pysodium
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from hypothesis import given, settings
from hypothesis import strategies as st

from notalone.protocol import passphrase, words
from notalone.protocol.errors import Undecodable
from notalone.protocol.labels import PASSPHRASE_AGE
from notalone.protocol.passphrase import (
    CHECK,
    MEMORY_BYTES,
    PASSES,
    ROOT_BYTES,
    SALT,
    WORDS,
    Mistyped,
    ReturnCode,
    Root,
    UnknownWords,
    WrongNumber,
    WrongWords,
    bech32,
    generate,
    parse,
    stretch,
)
from notalone.protocol.words import LONGEST, WordList, word_list
from tests.protocol.vectors import from_hex, vectors
from tests.server import ROOT

VECTORS = vectors("passphrase")
LISTED = word_list()
COUNT = len(LISTED.words)
SPEC = (ROOT / "spec" / "passphrase.md").read_text()


def drawn(data: bytes) -> ReturnCode:
    return generate(lambda _: data)


CODES = st.binary(min_size=32, max_size=32).map(drawn)


def why(case: Any) -> str:
    return str(case["why"])


def numbers(code: ReturnCode) -> list[int]:
    return [LISTED.words.index(word) for word in code.words]


def typed(numbers: list[int]) -> str:
    return " ".join(LISTED.words[each] for each in numbers)


# ---- the words ----


def test_the_list_is_the_effs_without_yo_yo() -> None:
    text = (ROOT / "src/notalone/protocol/words/eff-large.txt").read_text()
    theirs = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(theirs) == 7776
    assert sha256("".join(f"{word}\n" for word in theirs).encode()).hexdigest() == words.DIGEST
    assert [word for word in theirs if word not in LISTED.words] == ["yo-yo"]
    assert "yoyo" in LISTED.words
    for place in ("src/notalone/protocol/words/README.md", "browser/src/words.ts", "spec/passphrase.md"):
        assert words.DIGEST in (ROOT / place).read_text()


def test_another_list_is_refused() -> None:
    text = (ROOT / "src/notalone/protocol/words/eff-large.txt").read_text()
    assert WordList(text.replace("\n", "\r\n")).words == LISTED.words
    for other in ("", text.replace("zoom", "zoon"), text.replace("abacus\nabdomen", "abdomen\nabacus"), text + "x"):
        with pytest.raises(Undecodable, match="word list: is not the one"):
            WordList(other)


def test_no_word_begins_another_so_letters_need_no_spaces() -> None:
    letters = sorted(LISTED.letters(number) for number in range(COUNT))
    assert len(set(letters)) == COUNT
    assert not any(b.startswith(a) for a, b in pairwise(letters))
    assert max(len(each) for each in letters) == LONGEST
    assert all(each.isascii() and each.isalpha() and each.islower() for each in letters)
    assert [word for word in LISTED.words if "-" in word] == ["drop-down", "felt-tip", "t-shirt"]


@given(st.lists(st.integers(0, COUNT - 1), max_size=9))
def test_letters_are_read_in_one_way(found: list[int]) -> None:
    assert LISTED.read("".join(LISTED.letters(each) for each in found)) == found


@pytest.mark.parametrize("letters", ["x", "abacusx", "xabacus", "abacu", "q" * 100])
def test_letters_that_are_no_words_are_not_read(letters: str) -> None:
    assert LISTED.read(letters) is None


def slips(a: str, b: str) -> int:
    """Damerau and Levenshtein's distance, no piece changed twice, as it is defined."""

    @cache
    def upto(i: int, j: int) -> int:
        if 0 in (i, j):
            return i + j
        ways = [upto(i - 1, j) + 1, upto(i, j - 1) + 1, upto(i - 1, j - 1) + (a[i - 1] != b[j - 1])]
        if i > 1 and j > 1 and a[i - 2 : i] == b[j - 1] + b[j - 2]:
            ways.append(upto(i - 2, j - 2) + 1)
        return min(ways)

    return upto(len(a), len(b))


@pytest.mark.parametrize(
    "letters", ["", "a", "cta", "tshrit", "zooom", "panora", "smiht", "overdrat", "stainlesly", "pan"]
)
def test_what_is_near_is_what_the_definition_finds(letters: str) -> None:
    most = 1 if len(letters) < 4 else 2 if len(letters) < 8 else 3
    expected = []
    for number in range(COUNT):
        word = LISTED.letters(number)
        begun = len(letters) >= 3 and word.startswith(letters)
        distance = 1 if begun else slips(letters, word)
        if word != letters and distance <= most:
            alike = next((n for n in range(len(letters), 0, -1) if word[:n] == letters[:n]), 0)
            expected.append((distance, -alike, number))
    assert LISTED.near(letters) == [(distance, number) for distance, _, number in sorted(expected)]


@given(st.integers(0, COUNT - 1), st.data())
def test_one_slip_is_found_again(number: int, data: st.DataObject) -> None:
    word = LISTED.letters(number)
    at = data.draw(st.integers(0, len(word) - 1))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz"))
    wrong = data.draw(
        st.sampled_from(
            [
                word[:at] + letter + word[at:],
                word[:at] + word[at + 1 :],
                word[:at] + letter + word[at + 1 :],
                word[:at] + word[at : at + 2][::-1] + word[at + 2 :],
            ]
        )
    )
    if wrong != word:
        assert (1, number) in LISTED.near(wrong)


# ---- a code ----


@pytest.mark.parametrize("case", VECTORS["generated"], ids=why)
def test_codes_are_drawn_as_in_every_language(case: Any) -> None:
    asked: list[int] = []

    def source(length: int) -> bytes:
        asked.append(length)
        return from_hex(case["randomness"])

    assert list(generate(source).words) == case["words"]
    assert asked == [32]


def test_codes_come_from_the_systems_randomness() -> None:
    assert len({generate().words for _ in range(20)}) == 20


@given(CODES)
def test_a_code_that_was_drawn_passes_and_is_read_again(code: ReturnCode) -> None:
    assert parse(" ".join(code.words)) == code
    assert ReturnCode(numbers(code)) == code
    assert bytes(code) == " ".join(code.words).encode()


@pytest.mark.parametrize("least", range(CHECK))
def test_every_last_word_that_passes_can_be_drawn(least: int) -> None:
    """Whatever the first six: all words of one remainder, and each as often."""
    last = [*range(least, COUNT, CHECK)]
    first = (-least * WORDS) % CHECK
    codes = [drawn((n * COUNT**6 + first).to_bytes(32, "big")) for n in range(len(last))]
    assert {numbers(code)[-1] for code in codes} == set(last)


def test_the_entropy_is_what_the_spec_says() -> None:
    classes = [len(range(least, COUNT, CHECK)) for least in range(CHECK)]
    likeliest = (WORDS - 1) * math.log2(COUNT) + math.log2(min(classes))
    assert likeliest > 84
    assert f"{math.floor(likeliest * 100) / 100:.2f} bits of min-entropy" in SPEC
    assert f"1 / ({COUNT:,}^6 * {min(classes)})" in SPEC
    # The next prime would leave less than 84 bits.
    assert (WORDS - 1) * math.log2(COUNT) + math.log2(COUNT // 89) < 84
    unnoticed = sum(n * (n - 1) for n in classes) / (COUNT * (COUNT - 1))
    assert f"1 in {1 / unnoticed:.1f}" in SPEC


def test_slips_that_nobody_notices_are_as_few_as_the_spec_says() -> None:
    begun: dict[str, set[int]] = {}
    for number in range(COUNT):
        word = LISTED.letters(number)
        for piece in {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}:
            begun.setdefault(piece, set()).add(number)
    candidates = {pair for group in begun.values() for pair in combinations(sorted(group), 2)}
    one = {(a, b) for a, b in candidates if slips(LISTED.letters(a), LISTED.letters(b)) == 1}
    alike = [(LISTED.words[a], LISTED.words[b]) for a, b in one if (b - a) % CHECK == 0]
    assert f"{len(alike)} of the {len(one):,} pairs" in SPEC


@given(CODES, st.integers(0, WORDS - 1), st.integers(0, COUNT - 1))
def test_a_wrong_word_is_noticed_unless_it_is_of_the_same_remainder(code: ReturnCode, at: int, other: int) -> None:
    right = numbers(code)
    wrong = [*right[:at], other, *right[at + 1 :]]
    if (other - right[at]) % CHECK == 0:
        assert numbers(parse(typed(wrong))) == wrong
    else:
        with pytest.raises(WrongWords):
            parse(typed(wrong))


@given(CODES, st.integers(0, WORDS - 1), st.integers(0, WORDS - 1))
def test_two_words_swapped_are_noticed_unless_they_are_of_the_same_remainder(code: ReturnCode, a: int, b: int) -> None:
    wrong = numbers(code)
    same = (wrong[a] - wrong[b]) % CHECK == 0
    wrong[a], wrong[b] = wrong[b], wrong[a]
    if same:
        assert numbers(parse(typed(wrong))) == wrong
        return
    with pytest.raises(WrongWords) as caught:
        parse(typed(wrong))
    if abs(a - b) == 1:
        found = [each for each in caught.value.corrections if each.positions == (min(a, b) + 1, max(a, b) + 1)]
        assert [each.words for each in found] == [tuple(code.words[min(a, b) : max(a, b) + 1])]


def test_only_seven_words_that_pass_are_a_code() -> None:
    good = numbers(generate())
    for bad in ([], good[:-1], [*good, 0], [*good[:-1], COUNT], [-1, *good[1:]]):
        with pytest.raises(ValueError, match="7 words"):
            ReturnCode(bad)
    with pytest.raises(ValueError, match="do not pass"):
        ReturnCode([*good[:-1], (good[-1] + 1) % (COUNT - COUNT % CHECK)])


def test_codes_are_compared() -> None:
    a, b = generate(), generate()
    assert a == parse(" ".join(a.words))
    assert a != b
    assert a != a.words


# ---- what she typed ----


@pytest.mark.parametrize("case", VECTORS["typed"], ids=why)
def test_what_was_typed_is_read_as_in_every_language(case: Any) -> None:
    if case["valid"]:
        assert list(parse(case["typed"]).words) == case["words"]
        return
    with pytest.raises(Mistyped) as caught:
        parse(case["typed"])
    error, expected = caught.value, case["error"]
    if isinstance(error, UnknownWords):
        found = [{"position": each.position, "suggestions": list(each.suggestions)} for each in error.unknown]
        assert expected == {"kind": "unknown", "unknown": found}
    elif isinstance(error, WrongNumber):
        assert expected == {"kind": "number", "count": error.count}
    else:
        assert isinstance(error, WrongWords)
        right = [{"positions": list(each.positions), "words": list(each.words)} for each in error.corrections]
        assert expected == {"kind": "words", "corrections": right}


@given(st.one_of(st.text(max_size=200), st.lists(st.sampled_from(LISTED.words), max_size=8).map(" ".join)))
def test_whatever_is_typed_is_a_code_or_mistyped(text: str) -> None:
    try:
        code = parse(text)
    except Mistyped as error:
        assert isinstance(error, UnknownWords | WrongNumber | WrongWords)  # noqa: PT017
        return
    assert parse(" ".join(code.words)) == code


@settings(max_examples=20)
@given(CODES, st.integers(0, WORDS - 1), st.integers(0, 40))
def test_a_word_taken_for_a_near_one_is_among_the_corrections(code: ReturnCode, at: int, which: int) -> None:
    right = numbers(code)
    near = [number for distance, number in LISTED.near(LISTED.letters(right[at])) if distance == 1]
    if not near:
        return
    wrong = [*right[:at], near[which % len(near)], *right[at + 1 :]]
    if (wrong[at] - right[at]) % CHECK == 0:
        return
    with pytest.raises(WrongWords) as caught:
        parse(typed(wrong))
    found = caught.value.corrections
    assert 0 < len(found) <= passphrase.CORRECTIONS
    for each in found:
        changed = list(wrong)
        changed[each.positions[0] - 1 : each.positions[-1]] = [LISTED.words.index(word) for word in each.words]
        parse(typed(changed))
    assert ((at + 1,), (code.words[at],)) in [(each.positions, each.words) for each in found]


def test_no_error_says_what_was_typed() -> None:
    code = drawn(sha256(b"passphrase 1").digest())
    secrets = {*code.words, "lumpsih", "zoom", "bath booth"}
    for text in (
        " ".join([*code.words[:-1], "lumpsih"]),
        " ".join(code.words[:-1]),
        " ".join(["zoom", *code.words[1:]]),
        " ".join([code.words[0], code.words[2], code.words[1], *code.words[3:]]),
    ):
        with pytest.raises(Mistyped) as caught:
            parse(text)
        error = caught.value
        said = [
            str(error),
            repr(error),
            repr(error.args),
            "".join(traceback.format_exception(error)).partition("Mistyped")[2],
        ]
        if isinstance(error, UnknownWords):
            assert error.unknown[0].suggestions
            said.append(repr(error.unknown))
        elif isinstance(error, WrongWords):
            assert error.corrections
            said.append(repr(error.corrections))
        assert error.__context__ is None
        assert error.__cause__ is None
        assert not any(secret in each for secret in secrets for each in said)
    assert repr(code) == str(code) == f"{code}" == "ReturnCode(…)"


# ---- what is derived ----


@pytest.mark.parametrize("case", VECTORS["derived"], ids=why)
def test_secrets_are_derived_as_in_every_language(case: Any) -> None:
    root = stretch(parse(" ".join(case["words"])))
    escrow = from_hex(case["escrow"])
    assert bytes(root) == from_hex(case["root"])
    assert root.mailbox_id() == from_hex(case["mailbox"])
    assert root.age_identity() == case["age"]
    assert root.report_key() == from_hex(case["report"])
    assert root.signing_seed(escrow) == from_hex(case["signing"])
    assert root.credential_secret(escrow) == from_hex(case["credential"])
    assert root.dummy_secret(escrow) == from_hex(case["dummy"])


def test_the_age_identity_is_one_to_age() -> None:
    """The key within it is what was derived: its public half is the same by another library."""
    root = Root(bytes(range(ROOT_BYTES)))
    key = X25519PrivateKey.from_private_bytes(root._derived(PASSPHRASE_AGE, 32)).public_key()
    identity = pyrage.x25519.Identity.from_str(root.age_identity())
    assert str(identity.to_public()) == bech32("age", key.public_bytes_raw())
    assert str(identity) == root.age_identity()


@pytest.mark.parametrize("case", VECTORS["published"]["bech32"], ids=why)
def test_bech32_is_that_of_bip_173(case: Any) -> None:
    assert bech32(case["prefix"], from_hex(case["data"])) == case["encoded"]


@pytest.mark.parametrize("case", VECTORS["published"]["argon2id"], ids=why)
def test_the_one_that_libsodium_is_compared_with_is_argon2id_of_the_rfc(case: Any) -> None:
    """libsodium takes one lane, no secret and no data, so it cannot be asked for the RFC's vector itself."""
    tag = from_hex(case["tag"])
    reference = Argon2id(
        salt=from_hex(case["salt"]),
        length=len(tag),
        iterations=case["passes"],
        lanes=case["lanes"],
        memory_cost=case["memory"],
        ad=from_hex(case["data"]),
        secret=from_hex(case["secret"]),
    )
    assert reference.derive(from_hex(case["password"])) == tag


def test_stretching_is_argon2id() -> None:
    code = parse(" ".join(VECTORS["derived"][0]["words"]))
    reference = Argon2id(salt=SALT, length=64, iterations=PASSES, lanes=1, memory_cost=MEMORY_BYTES >> 10)
    assert bytes(stretch(code)) == reference.derive(bytes(code))


def test_too_little_memory_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object) -> bytes:
        raise ValueError

    monkeypatch.setattr(pysodium, "crypto_pwhash", none_left)
    with pytest.raises(MemoryError, match="64 MiB"):
        stretch(generate())


@given(st.binary(min_size=64, max_size=64), st.binary(min_size=1, max_size=40), st.binary(min_size=1, max_size=40))
def test_every_use_has_a_secret_of_its_own(key: bytes, escrow: bytes, other: bytes) -> None:
    root = Root(key)
    common = {root.mailbox_id(), root.report_key(), root._derived(PASSPHRASE_AGE, 32)}
    bound = [
        {derived(each)[:32] for derived in (root.signing_seed, root.credential_secret, root.dummy_secret)}
        for each in {escrow, other}
    ]
    assert len(common.union(*bound)) == 3 + 3 * len(bound)


def test_a_root_shows_nothing_and_is_gone_once_wiped() -> None:
    root = Root(b"\x41" * ROOT_BYTES)
    assert repr(root) == str(root) == f"{root}" == "Root(…)"
    buffer = root._key
    root.wipe()
    assert buffer == bytes(ROOT_BYTES)
    for use in (root.mailbox_id, root.age_identity, root.report_key, lambda: root.signing_seed(b"x")):
        with pytest.raises(ValueError, match="was wiped"):
            use()
    root.wipe()


def test_what_is_no_root_or_no_escrow_is_a_mistake_of_ours() -> None:
    for length in (0, 32, 65):
        with pytest.raises(ValueError, match="64 bytes"):
            Root(bytes(length))
    root = Root(bytes(ROOT_BYTES))
    for derived in (root.signing_seed, root.credential_secret, root.dummy_secret):
        with pytest.raises(ValueError, match="an escrow has an id"):
            derived(b"")
