# SPDX-License-Identifier: AGPL-3.0-or-later
"""The help directory: nothing without a source and a date, and nothing old without saying so."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notalone.services.help import SHIPPED, Directory, Entry, Flaw, HelpError, parse_directory, read_directory

CHECKED = date(2026, 3, 1)
TODAY = date(2026, 3, 2)

GOOD: dict[str, Any] = {
    "id": "00000000-0000-4000-8000-000000000001",
    "name": "A helpline",
    "organization": "Those who run it",
    "status": "active",
    "url": "https://example.org",
    "description": {"en": "For anyone.", "es": "Para todas."},
    "phones": [{"number": "+34 900 100-200", "description": {"en": "Free"}}],
    "languages": ["en", "pt-BR"],
    "service_areas": [{"extent": "Spain", "extent_type": "country", "code": "ES"}],
    "schedules": {"en": "Always"},
    "minimum_age": 14,
    "source": {"url": "https://example.org/contact", "title": "Contact", "lang": "en"},
    "assured_date": "2026-03-01",
}


def directory(*entries: dict[str, Any]) -> Directory:
    return parse_directory(json.dumps(entries).encode())


def changed(place: str, value: Any) -> dict[str, Any]:
    """The good entry with one field set, or taken out with `...`; `source.url` reaches inside."""
    entry: dict[str, Any] = json.loads(json.dumps(GOOD))
    *path, last = place.split(".")
    inside = entry
    for part in path:
        inside = inside[part]
    if value is ...:
        del inside[last]
    else:
        inside[last] = value
    return entry


def flaws(*entries: dict[str, Any]) -> list[str]:
    with pytest.raises(HelpError) as caught:
        directory(*entries)
    assert str(caught.value).split("\n") == [str(each) for each in caught.value.flaws]
    return [str(each) for each in caught.value.flaws]


def test_an_entry_is_read_whole() -> None:
    (entry,) = directory(GOOD).entries(TODAY)
    assert isinstance(entry, Entry)
    assert json.loads(msgspec.json.encode(entry)) == {**GOOD, "maximum_age": None, "young": False, "stale": False}
    assert entry.assured_date == CHECKED
    assert entry.phones[0].address == "tel:+34900100200"


@pytest.mark.parametrize("field", ["url", "minimum_age", "maximum_age"])
def test_what_may_be_left_out(field: str) -> None:
    entry = changed(field, 18)
    del entry[field]
    assert getattr(directory(entry).entries(TODAY)[0], field) is None


def test_an_address_without_a_number_is_enough() -> None:
    (entry,) = directory(changed("phones", [])).entries(TODAY)
    assert entry.phones == ()


def test_languages_may_be_unknown() -> None:
    assert directory(changed("languages", [])).entries(TODAY)[0].languages == ()


@pytest.mark.parametrize("status", ["inactive", "defunct", "temporarily closed"])
def test_what_does_not_answer_is_hidden(status: str) -> None:
    assert directory(changed("status", status)).entries(TODAY) == []


def test_entries_keep_the_order_of_the_file() -> None:
    ids = [f"00000000-0000-4000-8000-{number:012}" for number in (3, 1, 2)]
    assert [each.id for each in directory(*(changed("id", id) for id in ids)).entries(TODAY)] == ids


@pytest.mark.parametrize(("days", "stale"), [(0, False), (180, False), (181, True), (4000, True)])
def test_an_entry_is_stale_after_180_days(days: int, stale: bool) -> None:
    (entry,) = directory(GOOD).entries(CHECKED + timedelta(days))
    assert entry.stale is stale


def test_tomorrow_may_be_today_where_it_was_checked() -> None:
    yesterday = CHECKED - timedelta(1)
    directory(GOOD).check(yesterday)
    assert directory(GOOD).entries(yesterday)[0].stale is False


def test_a_date_in_the_future_is_refused_at_the_start_and_stale_when_the_clock_was_set_back_since() -> None:
    earlier = CHECKED - timedelta(2)
    (entry,) = directory(GOOD).entries(earlier)
    assert entry.stale
    with pytest.raises(HelpError) as caught:
        directory(GOOD).check(earlier)
    assert caught.value.flaws == (Flaw('entry "A helpline"', "assured_date", "2026-03-01 is in the future"),)


REFUSED: dict[str, tuple[str, Any, str]] = {
    "no source": ("source", ..., "source: is missing"),
    "no address of the source": ("source.url", ..., "source.url: is missing"),
    "no title of the source": ("source.title", " ", "source.title: is not words"),
    "a source that nobody can look up": ("source.url", "a leaflet", "source.url: is not an address that begins"),
    "no date": ("assured_date", ..., "assured_date: is missing"),
    "no date of the calendar": ("assured_date", "2026-02-30", "assured_date: Invalid RFC3339 encoded date"),
    "no name": ("name", "", "name: is not words"),
    "no identity": ("id", "7", "id: is not a UUID"),
    "an unknown field": ("hours", "9-5", "hours: is not a field here"),
    "an unknown field inside": ("source.date", "x", "source.date: is not a field here"),
    "stale cannot be claimed": ("stale", False, "stale: is not a field here"),
    "an unencrypted address": ("url", "http://example.org", "url: is not an address that begins with https://"),
    "an address with a name in it": ("url", "https://a@example.org", "url: is not an address"),
    "words for a number": (
        "phones",
        [{"number": "call us", "description": {}}],
        "phones[0].number: is not a telephone",
    ),
    "a text without language": (
        "phones",
        [{"number": "116 111", "description": "x"}],
        "phones[0].description: Expected",
    ),
    "no description": ("description", {}, "description: Expected object of length >= 1"),
    "an empty description": ("description", {"en": " "}, "is not words"),
    "a language that is none": ("languages", ["English"], "languages[0]: is not a language code"),
    "a text in no language": ("description", {"ENGLISH": "x"}, "description: is not a language code"),
    "nowhere": ("service_areas", [], "service_areas: Expected array of length >= 1"),
    "a country that is none": (
        "service_areas",
        [{"extent": "Spain", "extent_type": "country", "code": "Spain"}],
        "service_areas[0].code: is not a country code",
    ),
    "an unknown status": ("status", "open", "status: Invalid enum value 'open'"),
    "an age that is none": ("minimum_age", -1, "minimum_age: Expected int >= 0"),
    "ages the wrong way round": ("maximum_age", 13, "minimum_age: is more than maximum_age"),
    "hours in another language": ("schedules", {"ar": "x"}, "schedules: have no language that the description has"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_named_by_entry_and_field(case: str) -> None:
    place, value, message = REFUSED[case]
    (flaw,) = flaws(GOOD | {"id": GOOD["id"][:-1] + "9"}, changed(place, value))
    assert flaw.startswith("entry 2")
    assert message in flaw


def test_neither_a_number_nor_an_address() -> None:
    entry = changed("phones", [])
    del entry["url"]
    assert flaws(entry) == ['entry 1 "A helpline": phones: are empty, and there is no url either']


def test_two_entries_with_one_identity() -> None:
    assert flaws(GOOD, GOOD) == ['entry 2 "A helpline": id: entry 1 has the same']


def test_every_entry_is_told_and_not_only_the_first() -> None:
    assert flaws(changed("source", ...), changed("assured_date", ...)) == [
        'entry 1 "A helpline": source: is missing',
        'entry 2 "A helpline": assured_date: is missing',
    ]


def test_an_entry_without_name_is_named_by_its_place() -> None:
    assert flaws({}) == ["entry 1: id: is missing"]


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"[{}", b"[" * 100_000, b'[{"name":"\xff"}]', b'[{"id":1e400}]'])
def test_what_is_no_directory_is_refused(data: bytes) -> None:
    with pytest.raises(HelpError):
        parse_directory(data)


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=60),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(GOOD)), inner, max_size=4),
        ).map(lambda value: json.dumps([value]).encode()),
    )
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        parse_directory(data).entries(TODAY)
    except HelpError as error:
        assert error.flaws  # noqa: PT017 - most bytes are refused, some are not


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "directory.json"
    path.write_text(json.dumps([GOOD]))
    assert len(read_directory(path).entries(TODAY)) == 1


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(HelpError, match=r"directory\.json cannot be read: No such file or directory"):
        read_directory(tmp_path / "directory.json")


def test_the_directory_that_is_shipped_can_be_shown() -> None:
    shipped, today = read_directory(SHIPPED), datetime.now(UTC).date()
    shipped.check(today)
    assert all({"en", "es", "ar"} <= entry.description.keys() for entry in shipped.entries(today))
