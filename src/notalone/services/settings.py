# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an operator can set, by environment variables that begin with NOTALONE_. Read once, then frozen."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated

from notalone.services.help import SHIPPED

# Every page holds this address, and the answers to a tap have a size of their own to keep.
LONGEST_EXIT = 300
_ADDRESS = re.compile(r"https?://[^\s/?#]+\S*")


class BadSetting(ValueError):
    """A setting has a value that cannot be used. `name` is its variable."""

    def __init__(self, name: str, expected: str) -> None:
        super().__init__(f"{name}: expected {expected}")
        self.name = name
        self.expected = expected


class UnknownSetting(BadSetting):
    """There is no such setting. `near`: the one that was perhaps meant, or nothing."""

    def __init__(self, name: str, near: str) -> None:
        super().__init__(name, "the name of a setting")
        self.near = near

    def __str__(self) -> str:
        return f"there is no setting {self.name}"


@dataclass(frozen=True)
class Settings:
    """Every setting with its default. The texts beside them are the table in docs/operating.md."""

    data: Annotated[Path, "folder for the database file and the withdrawals journal"] = Path("data")
    database_url: Annotated[
        str, "sqlite:///FILE or postgresql://USER@HOST/NAME; empty: notalone.db in the data folder"
    ] = field(default="", repr=False)  # there may be a password in it
    withdrawals: Annotated[
        Path, "journal of withdrawals, applied again after a restore; empty: withdrawals.log in the data folder"
    ] = Path()
    help_directory: Annotated[
        Path, "the help directory that the Help page shows; empty: the one that comes with the program"
    ] = Path()
    host: Annotated[str, "address to listen on"] = "127.0.0.1"
    port: Annotated[int, "port to listen on"] = 8000
    workers: Annotated[int, "web processes; 0: one with SQLite, one a core with PostgreSQL"] = 0
    tick: Annotated[int, "seconds between two publications of the count"] = 600
    pow_bits: Annotated[int, "work asked of browsers with script: about 2 to this power hashes; 0: none"] = 16
    slow_rate: Annotated[int, "voices a second taken without that work, by all workers together; more wait"] = 100
    public_url: Annotated[str, "the address that visitors use, for posters; empty: http://HOST:PORT"] = ""
    source_url: Annotated[
        str, "where you publish the source of what runs here; empty: the server offers it itself, as a file"
    ] = ""
    exit_url: Annotated[str, 'where "Exit this page" goes: a page that everybody visits'] = (
        "https://www.bbc.com/weather"
    )

    def __post_init__(self) -> None:
        if not self.database_url:
            if "?" in str(self.data):
                raise BadSetting(variable("data"), "a folder without a question mark in its name")
            object.__setattr__(self, "database_url", f"sqlite:///{(self.data / 'notalone.db').absolute()}")
        if self.withdrawals == Path():
            object.__setattr__(self, "withdrawals", self.data / "withdrawals.log")
        if self.help_directory == Path():
            object.__setattr__(self, "help_directory", SHIPPED)
        if not self.public_url:
            host = f"[{self.host}]" if ":" in self.host else self.host
            object.__setattr__(self, "public_url", f"http://{host}:{self.port}")
        object.__setattr__(self, "public_url", self.public_url.rstrip("/"))
        if not self.workers:
            cores = os.cpu_count() or 1
            most = _LIMITS["workers"][1]
            object.__setattr__(self, "workers", 1 if self.database_url.startswith("sqlite") else min(cores, most))
        self._check()

    def _check(self) -> None:
        for name, (least, most) in _LIMITS.items():
            if not least <= getattr(self, name) <= most:
                raise BadSetting(variable(name), f"a number from {least} to {most}")
        # First: the public address may have been made of it.
        if not re.fullmatch(r"[^\s/?#@\[\]]+", self.host):
            raise BadSetting(variable("host"), "an address of this machine, like 127.0.0.1")
        if not _ADDRESS.fullmatch(self.exit_url) or not self.exit_url.startswith("https:"):
            raise BadSetting(variable("exit_url"), "an address that begins with https://")
        if len(self.exit_url) > LONGEST_EXIT:
            raise BadSetting(variable("exit_url"), f"an address of {LONGEST_EXIT} characters at most")
        if not _ADDRESS.fullmatch(self.public_url):
            raise BadSetting(variable("public_url"), "an address that begins with https:// or http://")
        if self.source_url and not _ADDRESS.fullmatch(self.source_url):
            raise BadSetting(variable("source_url"), "an address that begins with https:// or http://, or nothing")


_LIMITS = {
    "port": (1, 65535),
    "workers": (0, 64),
    "tick": (1, 86400),
    "pow_bits": (0, 26),
    "slow_rate": (1, 10**6),
}


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"NOTALONE_{name.upper()}"


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this process. An empty text is as good as none. Raises BadSetting; UnknownSetting for a name."""
    known = {variable(each.name): each for each in fields(Settings)}
    values: dict[str, object] = {}
    for name, text in environment.items():
        if not name.startswith("NOTALONE_"):
            continue
        if name not in known:
            raise UnknownSetting(name, _near(name))
        if text:
            values[known[name].name] = _read(name, known[name].default, text)
    return Settings(**values)  # type: ignore[arg-type]


def look_through(environment: Mapping[str, str] = os.environ) -> tuple[Settings, list[BadSetting]]:
    """What can be used of the settings, and what cannot: those settings have their defaults."""
    usable, bad = dict(environment), list[BadSetting]()
    while True:
        try:
            return read_settings(usable), bad
        except BadSetting as error:
            bad.append(error)
            del usable[error.name]


def _near(name: str) -> str:
    """The variable that was perhaps meant, or nothing. What all begin with makes none of them alike."""
    names = [each.name for each in fields(Settings)]
    found = difflib.get_close_matches(name.removeprefix("NOTALONE_").lower(), names, n=1)
    return variable(found[0]) if found else ""


def _read(name: str, default: object, text: str) -> object:
    if isinstance(default, int):
        try:
            return int(text)
        except ValueError:
            raise BadSetting(name, "a whole number") from None
    return Path(text) if isinstance(default, Path) else text


def without_password(url: str) -> str:
    """The database URL as it may be shown. What has not the form of one is not shown at all: it may be a password."""
    if url.startswith("sqlite:///"):
        return url
    # Up to the last @ there is: rather too much is hidden than a part of an odd password shown.
    whole = re.fullmatch(r"postgresql://(?:(.*)@)?([\w.,-]*(?::\d+)?(?:/[\w.-]*)?)(?:\?([^@]*))?", url)
    if whole is None:
        return "***"
    who, where, options = whole.groups()
    user, colon, _ = (who or "").partition(":")
    plain = re.fullmatch(r"[\w.-]*", user) is not None
    shown = f"{user if plain else '***'}{':***' if colon else ''}{'' if who is None else '@'}"
    pairs = [each.partition("=")[::2] for each in options.split("&")] if options else []
    listed = "&".join(f"{name}={value}" if name == "host" else f"{name}=***" for name, value in pairs)
    return f"postgresql://{shown}{where}{'?' if pairs else ''}{listed}"
