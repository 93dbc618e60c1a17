# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import os
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from notalone.services.help import SHIPPED
from notalone.services.settings import (
    LONGEST_EXIT,
    BadSetting,
    Settings,
    UnknownSetting,
    look_through,
    read_settings,
    variable,
    without_password,
)
from notalone.storage.database import parse_url
from notalone.web.door import FORM_ANSWER_BYTES, Refused, padded_room
from notalone.web.form import FormWords
from notalone.web.headers import SECURITY
from notalone.web.pages.frame import LANGUAGES
from notalone.web.problems import Problem
from notalone.web.site import Site


def test_the_defaults_are_the_documented_ones() -> None:
    settings = read_settings({})
    assert settings.data == Path("data")
    assert settings.database_url == f"sqlite:///{Path('data').absolute()}/notalone.db"
    assert settings.withdrawals == Path("data/withdrawals.log")
    assert (settings.host, settings.port, settings.public_url) == ("127.0.0.1", 8000, "http://127.0.0.1:8000")
    assert (settings.workers, settings.tick, settings.pow_bits, settings.slow_rate) == (1, 600, 16, 100)
    assert settings.exit_url == "https://www.bbc.com/weather"
    assert settings.help_directory == SHIPPED


def test_every_setting_is_read_from_its_variable() -> None:
    given = {
        "NOTALONE_DATA": "/srv/notalone",
        "NOTALONE_DATABASE_URL": "postgresql://notalone@db/voices",
        "NOTALONE_WITHDRAWALS": "/mnt/withdrawals.log",
        "NOTALONE_HELP_DIRECTORY": "/etc/notalone/help.json",
        "NOTALONE_HOST": "0.0.0.0",  # noqa: S104
        "NOTALONE_PORT": "81",
        "NOTALONE_WORKERS": "3",
        "NOTALONE_TICK": "60",
        "NOTALONE_POW_BITS": "0",
        "NOTALONE_SLOW_RATE": "7",
        "NOTALONE_PUBLIC_URL": "https://notalone.example",
        "NOTALONE_SOURCE_URL": "https://example.org/source",
        "NOTALONE_EXIT_URL": "https://example.org/weather",
    }
    assert set(given) == {variable(each.name) for each in fields(Settings)}
    settings = read_settings({**given, "HOME": "/root", "PATH": ""})
    read = {variable(each.name): str(getattr(settings, each.name)) for each in fields(Settings)}
    assert read == given


def test_what_is_left_empty_follows_from_the_rest() -> None:
    settings = read_settings(
        {"NOTALONE_DATA": "/srv/n", "NOTALONE_PORT": "81", "NOTALONE_DATABASE_URL": "", "NOTALONE_PUBLIC_URL": ""}
    )
    assert settings.database_url == "sqlite:////srv/n/notalone.db"
    assert settings.withdrawals == Path("/srv/n/withdrawals.log")
    assert settings.public_url == "http://127.0.0.1:81"


def test_an_empty_text_is_as_good_as_none() -> None:
    """Else the database would be in whatever folder the command is started from."""
    assert read_settings({variable(each.name): "" for each in fields(Settings)}) == read_settings({})


def test_with_postgresql_there_is_a_worker_a_core() -> None:
    assert Settings(database_url="postgresql://n@h/n").workers == (os.cpu_count() or 1)
    assert Settings(database_url="postgresql://n@h/n", workers=5).workers == 5
    assert Settings().workers == 1


def test_a_machine_with_very_many_cores_starts_as_many_workers_as_there_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 192)
    assert Settings(database_url="postgresql://n@h/n").workers == 64


@pytest.mark.parametrize("host", ["a b", "http://example.org", "example.org/x", "[::1]", "me@example.org", " "])
def test_a_host_that_makes_no_address_is_told_by_its_own_name(host: str) -> None:
    with pytest.raises(BadSetting, match="NOTALONE_HOST: expected an address of this machine"):
        read_settings({"NOTALONE_HOST": host})


@pytest.mark.parametrize("host", ["::1", "::", "fe80::1"])
def test_an_ipv6_address_stands_in_brackets(host: str) -> None:
    assert Settings(host=host).public_url == f"http://[{host}]:8000"


@pytest.mark.parametrize("given", ["https://notalone.example", "https://notalone.example/"])
def test_the_public_address_ends_without_a_slash(given: str) -> None:
    assert Settings(public_url=given).public_url == "https://notalone.example"


@pytest.mark.parametrize("folder", ["/srv/a b", "/srv/é", "/srv/100%", "/srv/a#b", "/srv/a@b:c"])
def test_the_database_is_in_the_data_folder_whatever_its_name(folder: str) -> None:
    assert parse_url(Settings(data=Path(folder)).database_url).database == f"{folder}/notalone.db"


def test_a_data_folder_that_no_url_can_name_is_refused() -> None:
    with pytest.raises(BadSetting, match="NOTALONE_DATA"):
        Settings(data=Path("/srv/what?"))
    assert Settings(data=Path("/srv/what?"), database_url="postgresql://n@h/n").workers


NUMBERS = {"PORT": (1, 65535), "WORKERS": (0, 64), "TICK": (1, 86400), "POW_BITS": (0, 26), "SLOW_RATE": (1, 10**6)}


@pytest.mark.parametrize(("name", "limits"), NUMBERS.items())
def test_a_number_has_its_limits(name: str, limits: tuple[int, int]) -> None:
    least, most = limits
    for value in (least, most):
        assert getattr(read_settings({f"NOTALONE_{name}": str(value)}), name.lower()) in (value, 1)
    for bad in (least - 1, most + 1, -(10**30), 10**30):
        with pytest.raises(BadSetting, match=f"NOTALONE_{name}: expected a number from"):
            read_settings({f"NOTALONE_{name}": str(bad)})


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [" ", "many", "1.5", "0x10", "1e3", "nan", "8000 ;"])
def test_what_is_no_number_is_said(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=f"NOTALONE_{name}: expected a whole number") as refused:
        read_settings({f"NOTALONE_{name}": value})
    assert (refused.value.name, refused.value.expected) == (f"NOTALONE_{name}", "a whole number")


@pytest.mark.parametrize(
    "value",
    [
        "http://example.org",
        "example.org",
        "//example.org",
        "javascript:alert(1)",
        "https://",
        "https:///x",
        "https://a b",
    ],
)
def test_the_exit_leads_to_a_safe_place(value: str) -> None:
    """Not by http: the network would see it, and who listens could send her elsewhere."""
    with pytest.raises(BadSetting, match="NOTALONE_EXIT_URL: expected an address that begins with https://"):
        read_settings({"NOTALONE_EXIT_URL": value})


def test_the_exit_is_no_longer_than_the_answers_to_a_tap_have_room_for() -> None:
    longest = "https://example.org/".ljust(LONGEST_EXIT, "x")
    assert read_settings({"NOTALONE_EXIT_URL": longest}).exit_url == longest
    with pytest.raises(BadSetting, match="NOTALONE_EXIT_URL: expected an address of 300 characters at most"):
        read_settings({"NOTALONE_EXIT_URL": longest + "x"})


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_answers_to_a_tap_have_room_for_the_longest_exit(lang: str) -> None:
    # Made of the sign that takes the most room in HTML.
    words = FormWords(Site(Settings(exit_url="https://example.org/".ljust(LONGEST_EXIT, "&"))), lang)
    for problem in Problem:
        status, headers, html = words.write(Refused(problem))
        # A call's own words stand beside it, two thousand bytes of them at most.
        assert len(html) + 2000 < padded_room(status, [*SECURITY, *headers], FORM_ANSWER_BYTES)


@pytest.mark.parametrize("value", ["notalone.example", "ftp://notalone.example", "https://", "http://"])
def test_the_public_address_is_one_of_the_web(value: str) -> None:
    with pytest.raises(BadSetting, match="NOTALONE_PUBLIC_URL"):
        read_settings({"NOTALONE_PUBLIC_URL": value})


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("NOTALONE_TICKS", "NOTALONE_TICK"),
        ("NOTALONE_port", "NOTALONE_PORT"),
        ("NOTALONE_DATABASE", "NOTALONE_DATABASE_URL"),
        ("NOTALONE_", ""),
        ("NOTALONE_COLOUR", ""),
    ],
)
def test_a_name_that_does_not_exist_is_said(name: str, near: str) -> None:
    for value in ("1", ""):
        with pytest.raises(UnknownSetting, match=f"^there is no setting {name}$") as refused:
            read_settings({name: value})
        assert (refused.value.name, refused.value.near) == (name, near)


def test_what_is_wrong_does_not_hide_the_rest() -> None:
    settings, bad = look_through(
        {"NOTALONE_PORT": "x", "NOTALONE_TICK": "60", "NOTALONE_HOST": "a b", "NOTALONE_TICKS": "60", "HOME": "/root"}
    )
    assert settings == Settings(tick=60)
    assert {each.name for each in bad} == {"NOTALONE_PORT", "NOTALONE_HOST", "NOTALONE_TICKS"}


def test_what_is_right_is_looked_through() -> None:
    assert look_through({"NOTALONE_PORT": "81"}) == (Settings(port=81), [])


def test_settings_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://n:secret@db.example.org/v", "postgresql://n:***@db.example.org/v"),
        ("postgresql://:secret@db.example.org/v", "postgresql://:***@db.example.org/v"),
        ("postgresql://n:se%40cr:et@db.example.org:5433/v", "postgresql://n:***@db.example.org:5433/v"),
        ("postgresql://n:se@cret@db.example.org/v", "postgresql://n:***@db.example.org/v"),
        ("postgresql://n:se/cr?et@db.example.org/v", "postgresql://n:***@db.example.org/v"),
        ("postgresql://n@db/v?password=secret&host=/run", "postgresql://n@db/v?password=***&host=/run"),
        ("postgresql://n@db/v?host=/run&password=secret", "postgresql://n@db/v?host=/run&password=***"),
        ("postgresql://n@db.example.org/v", "postgresql://n@db.example.org/v"),
        ("postgresql://n@db/v?PASSWORD=secret", "postgresql://n@db/v?PASSWORD=***"),
        (
            "postgresql://n@db/v?password%20=secret&sslpassword=secret",
            "postgresql://n@db/v?password%20=***&sslpassword=***",
        ),
        ("postgresql://us?er:secret@db/v", "postgresql://***:***@db/v"),
        ("postgresql:///v?host=/run/postgresql", "postgresql:///v?host=/run/postgresql"),
        ("postgresql://db.example.org", "postgresql://db.example.org"),
        ("postgresql://n:secret", "***"),
        ("postgresql:n:secret@host/db", "***"),
        ("postgresql//n:secret@host/db", "***"),
        ("n:secret@host", "***"),
        ("sqlite:////srv/a:b@c/n.db", "sqlite:////srv/a:b@c/n.db"),
    ],
)
def test_a_password_is_never_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_a_password_does_not_slip_out_with_all_settings() -> None:
    assert "secret" not in repr(Settings(database_url="postgresql://n:secret@db/v"))
