# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import subprocess
import zlib
from base64 import b64decode
from hashlib import sha256
from itertools import permutations
from pathlib import Path
from typing import Any

import pyrage
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from notalone.protocol.errors import Undecodable
from notalone.protocol.reports import (
    ATTACHMENTS_MOST,
    CONTENT_MOST,
    FILE_MOST,
    HEADER_MOST,
    MEDIA_TYPE_MOST,
    NAME_MOST,
    PADDED_MOST,
    RECIPIENTS_MOST,
    SEALED_CHUNK,
    STANZAS_STEP,
    STEP,
    TEXT_MOST,
    Attachment,
    Changed,
    CutShort,
    HeaderChanged,
    NotAge,
    NotForYou,
    Reordered,
    Report,
    TrailingData,
    UnreadableReport,
    decrypt,
    encrypt,
    pad,
    padded_length,
    seal,
    unpad,
    unseal,
)
from tests.protocol.vectors import from_hex, vectors
from tests.server import ROOT

VECTORS = vectors("reports")
KEYS = VECTORS["keys"]
FILES = {name: b64decode(each["base64"]) for name, each in VECTORS["files"].items()}
ERRORS = (NotAge, NotForYou, HeaderChanged, CutShort, TrailingData, Reordered, Changed, Undecodable)
BY_NAME = {each.__name__: each for each in ERRORS}

HERS, COUNSELLOR = KEYS["hers"], KEYS["counsellor"]
REPORT = Report("He said nobody would believe me.", "en", (Attachment("a.jpg", "image/jpeg", b"\xff\xd8"),))
SEALED = encrypt(REPORT, hers=HERS["recipient"], others=[COUNSELLOR["recipient"]])
THREE = seal(bytes(3 * STEP), hers=HERS["recipient"], others=[])


def why(case: Any) -> str:
    return str(case["why"])


def expected(case: Any) -> Report:
    attachments = (Attachment(each["name"], each["media_type"], from_hex(each["data"])) for each in case["attachments"])
    return Report(case["text"] * case.get("times", 1), case["language"], tuple(attachments))


def header_end(file: bytes) -> int:
    return file.index(b"\n", file.index(b"\n--- ") + 1) + 1


def stanzas(file: bytes) -> int:
    return file[: header_end(file)].count(b"\n-> X25519 ")


# ---- the vectors ----


@pytest.mark.parametrize("case", VECTORS["lengths"], ids=why)
def test_lengths_are_padded_as_in_every_language(case: Any) -> None:
    if case["valid"]:
        assert padded_length(case["length"]) == case["padded"]
    else:
        with pytest.raises(ValueError, match="are the most"):
            padded_length(case["length"])


@pytest.mark.parametrize("case", VECTORS["padded"], ids=why)
def test_contents_are_padded_as_in_every_language(case: Any) -> None:
    data = from_hex(case["start"]) + bytes(case["zeros"]) + from_hex(case["end"])
    if case["valid"]:
        assert unpad(data) == from_hex(case["content"])
        assert pad(from_hex(case["content"])) == data
    else:
        with pytest.raises(Undecodable):
            unpad(data)


@pytest.mark.parametrize("case", VECTORS["reports"], ids=why)
def test_reports_are_read_as_in_every_language(case: Any) -> None:
    encoded = from_hex(case["encoded"])
    if not case["valid"]:
        with pytest.raises(Undecodable):
            Report.decode(encoded)
        return
    assert Report.decode(encoded) == expected(case)
    assert (bytes(expected(case)) == encoded) is not case.get("reads", False)


@pytest.mark.parametrize("case", VECTORS["opened"], ids=why)
def test_files_are_opened_as_in_every_language(case: Any) -> None:
    file, identity = FILES[case["file"]], KEYS[case["key"]]["identity"]
    data = b"".join(from_hex(each) if isinstance(each, str) else file[each[0] : each[1]] for each in case["parts"])
    if "error" not in case:
        assert decrypt(data, identity) == expected(case)
        return
    with pytest.raises(Undecodable) as caught:
        decrypt(data, identity)
    assert type(caught.value) is BY_NAME[case["error"]]


@pytest.mark.parametrize("case", VECTORS["recipients"], ids=why)
def test_recipients_are_taken_as_in_every_language(case: Any) -> None:
    if case["valid"]:
        assert decrypt(encrypt(REPORT, hers=case["recipient"], others=[]), HERS["identity"]) == REPORT
        return
    for hers, others in ((case["recipient"], [HERS["recipient"]]), (HERS["recipient"], [case["recipient"]])):
        with pytest.raises(Undecodable, match=r"^recipient: is") as caught:
            encrypt(REPORT, hers=hers, others=others)
        assert not case["recipient"] or case["recipient"] not in str(caught.value)


@pytest.mark.parametrize("case", VECTORS["identities"], ids=why)
def test_identities_are_taken_as_in_every_language(case: Any) -> None:
    if case["valid"]:
        assert decrypt(SEALED, case["identity"]) == REPORT
        return
    with pytest.raises(Undecodable, match=r"^identity: is") as caught:
        decrypt(SEALED, case["identity"])
    assert not case["identity"] or case["identity"] not in str(caught.value)


@pytest.mark.parametrize("case", VECTORS["cctv"], ids=lambda case: str(case["name"]))
def test_the_published_vectors_of_age(case: Any) -> None:
    file = b64decode(case["base64"])
    if case["zlib"]:
        file = zlib.decompress(file)
    if case["expect"] == "success":
        assert sha256(unseal(file, case["identity"])).hexdigest() == case["payload"]
        return
    with pytest.raises(UnreadableReport) as caught:
        unseal(file, case["identity"])
    assert type(caught.value) is BY_NAME[case["error"]]


def test_a_key_with_half_of_a_character_is_refused_without_it() -> None:
    for step in (lambda key: encrypt(REPORT, hers=key, others=[]), lambda key: decrypt(SEALED, key)):
        with pytest.raises(Undecodable) as caught:
            step("\ud83d")
        assert not isinstance(caught.value.__context__, UnicodeError)


def test_every_error_has_a_vector() -> None:
    assert {case["error"] for case in VECTORS["opened"] if "error" in case} == set(BY_NAME)


# ---- what is in a report ----

ATTACHMENTS = st.builds(
    Attachment,
    st.from_regex(r"[\w-]{1,20}(\.[a-z]{1,4})?", fullmatch=True),
    st.sampled_from(["image/jpeg", "application/vnd.oasis.opendocument.text", "image/svg+xml"]),
    st.binary(max_size=50),
)
LANGUAGES = st.sampled_from(["en", "nds", "zh-Hant", "pt-BR", "zh-Hant-TW"])
REPORTS = st.builds(Report, st.text(), LANGUAGES, st.lists(ATTACHMENTS, max_size=4).map(tuple))


@given(REPORTS)
def test_what_she_wrote_is_read(report: Report) -> None:
    assert Report.decode(bytes(report)) == report


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda data: b"\1\0\0\0\2en" + data))
def test_whatever_comes_is_a_report_or_refused(data: bytes) -> None:
    try:
        report = Report.decode(data)
    except Undecodable:
        return
    assert Report.decode(bytes(report)) == report


def test_the_same_words_are_the_same_bytes() -> None:
    assert bytes(Report("cafe\u0301", "fr")) == bytes(Report("caf\u00e9", "fr"))


def test_what_does_not_fit_is_a_mistake_of_ours() -> None:
    assert len(Report("\u00e9" * (TEXT_MOST // 2), "fr").text) == TEXT_MOST // 2
    for text, language, count, problem in (
        ("x" * (TEXT_MOST + 1), "en", 0, "the text has 262145 bytes"),
        ("\u00e9" * (TEXT_MOST // 2) + "x", "en", 0, "the text has 262145 bytes"),
        ("\ud83d", "en", 0, "half of a character"),
        ("", "English", 0, "no tag of a language"),
        ("", "en", ATTACHMENTS_MOST + 1, "11 attachments"),
    ):
        with pytest.raises(ValueError, match=problem):
            Report(text, language, (Attachment("a", "a/b", b""),) * count)
    with pytest.raises(ValueError, match="an attachment's name holds half"):
        Attachment("\udc00", "a/b", b"")
    large = (Attachment("a", "a/b", bytes(CONTENT_MOST // 2)),) * 2
    with pytest.raises(ValueError, match="are the most"):
        encrypt(Report("", "en", large), hers=HERS["recipient"], others=[])


def test_nothing_of_hers_is_shown() -> None:
    for shown in (repr(REPORT), repr(REPORT.attachments[0]), str(REPORT)):
        assert "believe" not in shown
        assert "a.jpg" not in shown
    with pytest.raises(Undecodable) as caught:
        Report.decode(bytes(Report("secret", "en"))[:-2] + b"\0")
    assert "secret" not in repr(caught.value)
    with pytest.raises(Undecodable) as caught:
        Report.decode(b"\1\0\0\0\2en\0\0\0\3ab\xff\0\0")
    assert caught.value.__context__ is None


# ---- padding ----


@given(st.integers(0, CONTENT_MOST))
@example(0)
@example(CONTENT_MOST)
def test_padding_tells_little(length: int) -> None:
    padded, needed = padded_length(length), length + 4
    assert padded >= needed
    assert padded % STEP == 0
    assert padded - needed < STEP or (padded - needed) / needed <= 1 / 32
    assert padded_length(padded - 4) == padded
    # Padme, as its paper writes it: E = floor(log2 L), S = floor(log2 E) + 1, the last E - S bits are zero.
    if needed > 2**21:
        exponent = needed.bit_length() - 1
        mask = (1 << (exponent - exponent.bit_length())) - 1
        assert padded == (needed + mask) & ~mask


def test_a_report_has_one_of_160_lengths() -> None:
    lengths, length = [], 0
    while length <= CONTENT_MOST:
        lengths.append(padded_length(length))
        length = lengths[-1] - 3
    assert len(lengths) == 160
    with pytest.raises(ValueError, match="are the most"):
        padded_length(-1)


@given(st.binary(max_size=2_000))
def test_what_was_padded_is_read(content: bytes) -> None:
    assert unpad(pad(content)) == content
    assert len(pad(content)) == STEP


# ---- age files ----


def test_she_and_all_others_open_it_and_nobody_else() -> None:
    for key in (HERS, COUNSELLOR):
        assert decrypt(SEALED, key["identity"]) == REPORT
    with pytest.raises(NotForYou):
        decrypt(SEALED, KEYS["lawyer"]["identity"])


@pytest.mark.parametrize(("count", "lines"), [(1, 8), (8, 8), (9, 16), (20, 24)])
def test_the_number_of_readers_is_hidden(count: int, lines: int) -> None:
    others = [pyrage.x25519.Identity.generate() for _ in range(count - 1)]
    file = encrypt(REPORT, hers=HERS["recipient"], others=[str(each.to_public()) for each in others])
    assert stanzas(file) == lines
    assert decrypt(file, HERS["identity"]) == REPORT
    assert all(decrypt(file, str(each)) == REPORT for each in others)


def test_the_order_of_readers_tells_nothing() -> None:
    """Her line stands at every place in turn: cut out, it is not hers to open."""
    places = set()
    for _ in range(60):
        lines = seal(b"", hers=HERS["recipient"], others=[]).splitlines(keepends=True)
        for place in range(8):
            file = b"".join(lines[: 1 + 2 * place] + lines[3 + 2 * place :])
            with pytest.raises(UnreadableReport) as caught:
                unseal(file, HERS["identity"])
            if isinstance(caught.value, NotForYou):
                places.add(place)
    # By chance one place of eight is missed by 60 draws once in 400 runs; three are not in 10**10.
    assert len(places) >= 6


def test_readers_that_cannot_be_are_refused() -> None:
    hers = HERS["recipient"]
    many = [str(pyrage.x25519.Identity.generate().to_public()) for _ in range(RECIPIENTS_MOST)]
    with pytest.raises(ValueError, match="21 recipients, where 20 are the most"):
        encrypt(REPORT, hers=hers, others=many)
    for others in ([hers], [many[0], many[0]]):
        with pytest.raises(ValueError, match="a recipient is there twice"):
            encrypt(REPORT, hers=hers, others=others)
    with pytest.raises(TypeError):
        encrypt(REPORT, others=many[:1])  # type: ignore[call-arg]


def test_the_same_report_looks_different_every_time() -> None:
    again = encrypt(REPORT, hers=HERS["recipient"], others=[COUNSELLOR["recipient"]])
    assert again[header_end(again) :] != SEALED[header_end(SEALED) :]
    assert len(again) - header_end(again) == len(SEALED) - header_end(SEALED)


def test_age_itself_opens_it(tmp_path: Path) -> None:
    for name in ("hers", "counsellor"):
        key = tmp_path / name
        key.write_text(KEYS[name]["identity"] + "\n")
        opened = subprocess.run(["age", "-d", "-i", key], input=SEALED, capture_output=True, check=True).stdout
        assert Report.decode(unpad(opened)) == REPORT


def test_what_age_itself_sealed_is_opened() -> None:
    command = ["age", "-r", COUNSELLOR["recipient"], "-r", HERS["recipient"]]
    sealed = subprocess.run(command, input=pad(bytes(REPORT)), capture_output=True, check=True).stdout
    assert decrypt(sealed, HERS["identity"]) == REPORT


# ---- why a file does not open ----

PLACES = [0, 21, 22, header_end(THREE) - 1, header_end(THREE), header_end(THREE) + 16]
BOUNDS = [PLACES[-1] + n * SEALED_CHUNK for n in (1, 2)]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([*PLACES, *BOUNDS]) | st.integers(0, len(THREE) - 1))
def test_whatever_is_cut_short_is_said_to_be(end: int) -> None:
    with pytest.raises(CutShort):
        unseal(THREE[:end], HERS["identity"])


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=100), st.sampled_from([SEALED, THREE]))
def test_whatever_is_added_is_said_to_be(more: bytes, file: bytes) -> None:
    with pytest.raises(TrailingData):
        unseal(file + more, HERS["identity"])


def chunks_of(file: bytes) -> tuple[bytes, list[bytes]]:
    start = header_end(file) + 16
    return file[:start], [file[at : at + SEALED_CHUNK] for at in range(start, len(file), SEALED_CHUNK)]


def test_whatever_is_moved_is_said_to_be() -> None:
    start, chunks = chunks_of(THREE)
    assert len(chunks) == 3
    for places in [*permutations(range(3)), (1, 2), (0, 2), (0, 1, 1, 2), (0, 0, 1, 2), (2,)]:
        file = start + b"".join(chunks[place] for place in places)
        if places == (0, 1, 2):
            unseal(file, HERS["identity"])
        else:
            with pytest.raises(Reordered):
                unseal(file, HERS["identity"])


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([*PLACES, *BOUNDS]) | st.integers(0, header_end(THREE)) | st.integers(0, len(THREE) - 1), st.data()
)
def test_whatever_is_changed_is_never_opened(at: int, data: st.DataObject) -> None:
    changed = THREE[at] ^ data.draw(st.integers(1, 255))
    with pytest.raises(UnreadableReport) as caught:
        unseal(THREE[:at] + bytes([changed]) + THREE[at + 1 :], HERS["identity"])
    end = header_end(THREE)
    named = (NotAge,) if at < 22 else (HeaderChanged, NotForYou) if at < end else (Changed,)
    assert type(caught.value) in named


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([0, 22, header_end(SEALED)]))
def test_whatever_comes_is_refused_by_name(data: bytes, kept: int) -> None:
    with pytest.raises(UnreadableReport):
        unseal(SEALED[:kept] + data, HERS["identity"])


def test_a_file_that_is_too_long_is_refused_before_it_is_read() -> None:
    with pytest.raises(UnreadableReport, match="are the most"):
        unseal(bytes(FILE_MOST + 1), HERS["identity"])
    largest = seal(bytes(512 * STEP), hers=HERS["recipient"], others=[])
    assert len(largest) <= FILE_MOST
    assert unseal(largest, HERS["identity"]) == bytes(512 * STEP)
    start, chunks = chunks_of(largest)
    with pytest.raises(Reordered):
        unseal(start + chunks[-1], HERS["identity"])


def test_what_pyrage_alone_refuses_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in which nothing is wrong as far as this module can see."""

    def refuse(*_: object) -> bytes:
        raise pyrage.DecryptError

    monkeypatch.setattr(pyrage, "decrypt", refuse)
    with pytest.raises(HeaderChanged):
        unseal(SEALED, HERS["identity"])


def test_errors_hold_nothing_of_the_file_or_the_key() -> None:
    for file, key in ((SEALED[:-1], HERS), (SEALED, KEYS["stranger"])):
        with pytest.raises(UnreadableReport) as caught:
            decrypt(file, key["identity"])
        assert caught.value.args == (f"report: {caught.value.problem}",)
        assert caught.value.problem == type(caught.value).__doc__
        assert caught.value.__context__ is None


def test_the_spec_has_the_same_numbers() -> None:
    spec = (ROOT / "spec" / "reports.md").read_text()
    for most in (TEXT_MOST, NAME_MOST, MEDIA_TYPE_MOST, PADDED_MOST, HEADER_MOST, FILE_MOST):
        assert f"{most:,} bytes" in spec
    for words in (f"never below {STEP:,}", f"hers at most {RECIPIENTS_MOST};", f"next multiple of {STANZAS_STEP} "):
        assert words in spec
    for error in ERRORS[:-1]:
        assert f"| {error.__name__} |" in spec
