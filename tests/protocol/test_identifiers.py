# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import unicodedata
from typing import Any

import idna
import phonenumbers
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from notalone.protocol.encoding import number, prefixed
from notalone.protocol.errors import Undecodable
from notalone.protocol.identifiers import Hints, Identifier, Kind, Problem, WrongIdentifier, decode, parse, person
from notalone.protocol.identifiers.domain import canonical_domain, is_domain_letter, readable_domain
from notalone.protocol.identifiers.networks import NETWORKS
from notalone.protocol.identifiers.telephone import DATA
from notalone.protocol.identifiers.text import LETTERS, Ranges, mapped
from tests.protocol.vectors import from_hex, vectors
from tools.vectors.identifiers import letters

VECTORS = vectors("identifiers")
NETWORK_NAMES = [None, "mastodon", "whatsapp", *NETWORKS]


def hints(case: Any) -> Hints:
    return Hints(**{name: case[name] for name in ("country", "network", "organisation") if name in case})


@pytest.mark.parametrize("case", VECTORS["same"], ids=lambda case: str(case["why"]))
def test_one_person_in_different_spellings(case: Any) -> None:
    for typed in case["typed"]:
        found = parse(Kind[case["kind"].upper()], typed, hints(case))
        assert (found.canonical, found.shown) == (case["canonical"], case["shown"])
        assert found.encode() == from_hex(case["encoded"])
        assert decode(found.encode()) == found
        assert decode(found.encode()).shown == found.shown


@pytest.mark.parametrize("case", VECTORS["refused"], ids=lambda case: str(case["why"]))
def test_what_names_nobody_is_refused_and_said_why(case: Any) -> None:
    with pytest.raises(WrongIdentifier) as refused:
        parse(Kind[case["kind"].upper()], case["typed"], hints(case))
    assert refused.value.problem.code == case["problem"]
    assert str(refused.value) == f"{refused.value.problem.what}. {refused.value.problem.advice}"


def test_every_problem_has_a_vector() -> None:
    assert {case["problem"] for case in VECTORS["refused"]} == {problem.code for problem in Problem}


# ---- what callisto-core got wrong (its matching was measured in 2026) ----


def test_a_name_on_x_matches_its_address_in_every_form() -> None:
    forms = ["@PerpName", "twitter.com/PerpName", "@perpname ", "x.com/perpname", "perpname", "https://x.com/PerpName/"]
    assert {parse(Kind.PROFILE, each, Hints(network="x")).canonical for each in forms} == {"x.com/perpname"}


def test_a_name_on_instagram_matches_its_address_whatever_its_scheme() -> None:
    forms = ["@perp", "http://instagram.com/perp", "https://www.instagram.com/perp"]
    assert {parse(Kind.PROFILE, each, Hints(network="instagram")).canonical for each in forms} == {"instagram.com/perp"}


def test_an_address_matches_in_capitals() -> None:
    assert parse(Kind.EMAIL, "Jane@Example.org") == parse(Kind.EMAIL, "jane@example.org")


def test_telephones_of_every_country_are_taken() -> None:
    for typed in ("+1 201 555 0123", "+44 20 7946 0018", "+91 98765 43210"):
        assert parse(Kind.TELEPHONE, typed).canonical == typed.replace(" ", "")


def test_networks_are_kept_apart() -> None:
    found = {parse(Kind.PROFILE, "@jane_doe", Hints(network=each)).canonical for each in NETWORKS if each in APART}
    assert len(found) == len(APART)


APART = {"instagram", "linkedin", "reddit", "snapchat", "telegram", "threads", "tiktok", "x", "youtube"}


# ---- canonical forms ----

TEXT = st.text(st.one_of(st.characters(), st.sampled_from("abcABC019éÉßςΣｱ@./:-_+ ?&=%#,'")), max_size=30)
LIKELY = st.one_of(
    TEXT,
    st.builds(lambda a, b: f"{a}@{b}.org", TEXT, TEXT),
    st.builds(lambda a, b: f"https://{a}.example/{b}", TEXT, TEXT),
    st.builds(
        lambda host, rest: f"{host}/{rest}", st.sampled_from(sorted(n.hosts[0] for n in NETWORKS.values())), TEXT
    ),
    st.builds(lambda a, b: f"{a} {b}", TEXT, TEXT),
    st.from_regex(r"\+?[0-9 ()x;.-]{3,20}", fullmatch=True),
)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(Kind), LIKELY, st.sampled_from(NETWORK_NAMES))
def test_a_canonical_form_is_its_own(kind: Kind, text: str, network: str | None) -> None:
    try:
        found = parse(kind, text, Hints(country="GB", network=network, organisation="acme"))
    except WrongIdentifier:
        return
    assert parse(found.kind, found.canonical) == found
    assert decode(found.encode()) == found
    if found.kind is not Kind.NAME:
        # A whole site is shown without https://, and where a network was chosen that could be a name there.
        chosen = None if found.canonical.endswith("/") else network
        assert parse(found.kind, found.shown, Hints(country="GB", network=chosen)).canonical == found.canonical
    assert repr(found) == f"Identifier({found.kind.name}, …)"


@settings(deadline=None)
@given(
    st.one_of(
        st.binary(max_size=60), st.builds(lambda k, t: number(k, 1) + prefixed(t.encode()), st.integers(0, 9), LIKELY)
    )
)
def test_whatever_comes_is_decoded_or_refused(data: bytes) -> None:
    try:
        found = decode(data)
    except Undecodable:
        return
    assert found.encode() == data


def test_what_is_not_canonical_is_not_decoded() -> None:
    with pytest.raises(Undecodable, match="canonical"):
        decode(Identifier(Kind.EMAIL, "Jane@example.org", "").encode())
    with pytest.raises(Undecodable, match="canonical"):
        decode(Identifier(Kind.PROFILE, "t.me/+447911123456", "").encode())
    for bad in (
        number(0, 1) + prefixed(b"a@b.c"),
        number(1, 1) + prefixed(b"\xff"),
        number(4, 1) + prefixed(b"Jane Doe"),
    ):
        with pytest.raises(Undecodable, match="names nobody"):
            decode(bad)


def test_an_identifier_is_the_same_whatever_is_shown() -> None:
    assert person("acme", 12, "Jane Doe") == person("acme", 12) != person("acme", 13)
    assert person("acme", 12, "Jane Doe").shown == "Jane Doe"
    assert parse(Kind.PERSON, "acme/12", Hints(shown="Jane Doe")).shown == "Jane Doe"


def test_hints_that_no_page_should_give_are_a_mistake_of_ours() -> None:
    for kind, text, wrong in (
        (Kind.PROFILE, "jane", Hints(network="myspace")),
        (Kind.NAME, "Jane Doe", Hints()),
        (Kind.NAME, "Jane Doe", Hints(organisation="A c")),
    ):
        with pytest.raises(ValueError, match=r"known here|organisation") as raised:
            parse(kind, text, wrong)
        assert not isinstance(raised.value, WrongIdentifier)


# ---- letters ----


def test_every_letter_becomes_what_it_becomes_in_every_language() -> None:
    assert letters() == VECTORS["letters"]


def test_no_letter_is_newer_than_the_table() -> None:
    assert not any(unicodedata.category(chr(c)) == "Cn" for c in range(0x110000) if chr(c) in LETTERS)
    assert "\U00010f70" in LETTERS  # Old Uyghur came with 14.0
    assert "\U00011f04" not in LETTERS  # Kawi came with 15.0
    assert "!" not in LETTERS
    assert Ranges("2,1").offset("\x01") == -1


# ---- domains ----


@pytest.mark.parametrize("case", VECTORS["punycode"], ids=lambda case: str(case["why"]))
def test_punycode(case: Any) -> None:
    assert case["text"].encode("punycode").decode() == case["encoded"]


def test_every_letter_of_a_domain_is_mapped_as_idna_maps_it() -> None:
    for point in range(0x80, 0x110000):
        letter = chr(point)
        if letter in LETTERS and all(each < "\x80" or is_domain_letter(each) for each in mapped(letter)):
            assert mapped(letter) == idna.uts46_remap(letter, std3_rules=True, transitional=False), hex(point)


DOMAIN_LETTERS = [chr(point) for point in range(0x80, 0x30000) if is_domain_letter(chr(point))]


@given(
    st.lists(st.text(st.sampled_from([*"abz019-", *DOMAIN_LETTERS]), min_size=1, max_size=12), min_size=2, max_size=3)
)
def test_where_idna_takes_a_domain_it_is_ours(labels: list[str]) -> None:
    text = ".".join(labels)
    try:
        expected = idna.encode(text, uts46=True, std3_rules=True, transitional=False).decode()
    except idna.IDNAError:
        assume(False)
    assume(not labels[-1].isdecimal())
    domain = canonical_domain(text)
    assert domain == expected
    assert canonical_domain(readable_domain(domain)) == domain
    assert canonical_domain(domain.upper()) == domain


# ---- telephones ----


def test_both_libraries_hold_the_same_data() -> None:
    assert phonenumbers.__version__ == DATA == VECTORS["data"]


def test_a_number_is_the_same_dialled_there_and_abroad() -> None:
    for country, numbers in VECTORS["telephones"].items():
        for pair in filter(None, numbers.split("; ")):
            national, international = pair.split(" = ")
            found = parse(Kind.TELEPHONE, national, Hints(country=country))
            assert found.canonical == international
            assert parse(Kind.TELEPHONE, found.shown).canonical == international


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)), st.from_regex(r"\+?[0-9]{2,16}", fullmatch=True))
def test_what_is_taken_is_a_number_in_use(country: str, digits: str) -> None:
    try:
        found = parse(Kind.TELEPHONE, digits, Hints(country=country))
    except WrongIdentifier:
        return
    assert phonenumbers.is_valid_number(phonenumbers.parse(found.canonical))
