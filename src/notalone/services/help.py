# SPDX-License-Identifier: AGPL-3.0-or-later
"""The help directory: services for someone who was harmed, each with the source it was read from and its date.

A wrong number does harm, so reading is strict: an entry that does not say where it was read, or when, is refused, and
with it the file. What has grown old is still given, marked, because an old number can be better than none.

Fields are named as in the Human Services Data Specification 3.0 (`assured_date`, `service_areas`, `extent_type`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Literal

import msgspec

import notalone
from notalone.protocol.call import LANGUAGE

# The directory that comes with the program.
SHIPPED = Path(notalone.__file__).parent / "help" / "directory.json"
FRESH_FOR = timedelta(days=180)
# Where the checker lives, today can be what is tomorrow here.
_TIME_ZONES = timedelta(days=1)

# What each pattern means, for the sentence that says so when it does not match.
_WORDS = r"\S"
_LANGUAGE = rf"^{LANGUAGE}\Z"
_ADDRESS = r"^https://[^\s/@<>]+(/[^\s<>]*)?\Z"
_NUMBER = r"^[+*]?[0-9][0-9 ()./*-]+\Z"
_AREA = r"^([A-Z]{2}(-[A-Z0-9]{1,3})?|001)\Z"
_ID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z"
_MEANINGS = {
    _WORDS: "words",
    _LANGUAGE: "a language code, like en or pt-BR",
    _ADDRESS: "an address that begins with https://",
    _NUMBER: "a telephone number",
    _AREA: "a country code of ISO 3166, or 001 for the world",
    _ID: "a UUID",
}

_Text = Annotated[str, msgspec.Meta(max_length=2000, pattern=_WORDS)]
_Name = Annotated[str, msgspec.Meta(max_length=200, pattern=_WORDS)]
_Language = Annotated[str, msgspec.Meta(pattern=_LANGUAGE)]
_Address = Annotated[str, msgspec.Meta(max_length=500, pattern=_ADDRESS)]
_Number = Annotated[str, msgspec.Meta(max_length=40, pattern=_NUMBER)]
_Age = Annotated[int, msgspec.Meta(ge=0, le=120)]
_Area = Annotated[str, msgspec.Meta(pattern=_AREA)]
_Id = Annotated[str, msgspec.Meta(pattern=_ID)]


class HelpError(Exception):
    """The help directory cannot be used. Nothing of it is shown."""

    def __init__(self, flaws: tuple[Flaw, ...]) -> None:
        self.flaws = flaws
        super().__init__("\n".join(str(each) for each in flaws))


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with one field of one entry. Without an entry it is the file as a whole."""

    entry: str
    field: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.entry, self.field, self.message) if part)


class Phone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One number as people read it, and what to know before calling it, by language."""

    number: _Number
    description: dict[_Language, _Text]

    @property
    def address(self) -> str:
        """The number as a link: `tel:+34900100200`."""
        return "tel:" + re.sub(r"[^0-9+*]", "", self.number)


class ServiceArea(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the service helps: in words, and as a code to choose by."""

    extent: _Name
    extent_type: _Name
    code: _Area


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The page that the entry was read from, and the language of its title where it is known."""

    url: _Address
    title: _Name
    lang: _Language | None = None


class Service(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry as it stands in the file. Texts are by language; no `languages` means that they are not known.

    `young`: it is there for children and young people.
    """

    id: _Id
    name: _Name
    organization: _Name
    status: Literal["active", "inactive", "defunct", "temporarily closed"]
    url: _Address | None = None
    description: Annotated[dict[_Language, _Text], msgspec.Meta(min_length=1)]
    phones: tuple[Phone, ...]
    languages: tuple[_Language, ...]
    service_areas: Annotated[tuple[ServiceArea, ...], msgspec.Meta(min_length=1)]
    schedules: dict[_Language, _Text]
    minimum_age: _Age | None = None
    maximum_age: _Age | None = None
    young: bool = False
    source: Source
    assured_date: date


class Entry(Service, frozen=True, kw_only=True):
    """One entry as it may be shown. `stale`: to be shown only behind "check before you call"."""

    stale: bool


class Directory:
    """Every service of one file."""

    def __init__(self, services: tuple[Service, ...]) -> None:
        self._services = services

    def entries(self, today: date) -> list[Entry]:
        """The active services in the order of the file.

        What was checked in the future is stale: either its date or the clock is wrong, and it cannot be trusted to
        grow old.
        """
        return [
            Entry(**msgspec.structs.asdict(each), stale=not -_TIME_ZONES <= today - each.assured_date <= FRESH_FOR)
            for each in self._services
            if each.status == "active"
        ]

    def check(self, today: date) -> None:
        """Raises HelpError if an entry was checked in the future."""
        flaws = tuple(
            Flaw(f'entry "{each.name}"', "assured_date", f"{each.assured_date} is in the future")
            for each in self._services
            if each.assured_date > today + _TIME_ZONES
        )
        if flaws:
            raise HelpError(flaws)


def read_directory(path: Path) -> Directory:
    """The directory in a JSON file. Raises HelpError with every flaw of every entry."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise HelpError((Flaw("", "", f"{path} cannot be read: {error.strerror}"),)) from None
    return parse_directory(data)


def parse_directory(data: bytes) -> Directory:
    """The directory in the bytes of a JSON file: a list of entries. Raises HelpError with every flaw."""
    try:
        raw = msgspec.json.decode(data, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HelpError((Flaw("", "", f"the file is not a list of entries in JSON: {error}"),)) from None
    services: list[Service] = []
    flaws: list[Flaw] = []
    seen: dict[str, int] = {}
    for number, each in enumerate(raw, start=1):
        try:
            service = msgspec.json.decode(each, type=Service)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            flaws.append(_flaw(_label(number, each), str(error)))
            continue
        flaws += _contradictions(_label(number, each), service)
        if service.id in seen:
            flaws.append(Flaw(_label(number, each), "id", f"entry {seen[service.id]} has the same"))
        seen.setdefault(service.id, number)
        services.append(service)
    if flaws:
        raise HelpError(tuple(flaws))
    return Directory(tuple(services))


def _label(number: int, raw: msgspec.Raw) -> str:
    try:
        found = msgspec.json.decode(raw, type=_Named)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"entry {number}"
    name = found.name or found.id
    return f'entry {number} "{name}"' if name else f"entry {number}"


class _Named(msgspec.Struct, frozen=True):
    id: str = ""
    name: str = ""


def _flaw(label: str, message: str) -> Flaw:
    # msgspec writes "Object missing required field `title` - at `$.source`". The field is the place, together with the
    # name of what is absent or not known.
    text, _, place = message.partition(" - at ")
    path = place.rpartition("$")[2].strip("`").removeprefix(".")
    if found := re.fullmatch(r"Object (missing required|contains unknown) field `(.+)`", text):
        field = f"{path}.{found[2]}".removeprefix(".")
        return Flaw(label, field, "is missing" if found[1] == "missing required" else "is not a field here")
    for pattern, meaning in _MEANINGS.items():
        if text.endswith(f"matching regex {pattern!r}"):
            return Flaw(label, path, f"is not {meaning}")
    return Flaw(label, path, text.replace("`", ""))


def _contradictions(label: str, service: Service) -> list[Flaw]:
    flaws = []
    least, most = service.minimum_age, service.maximum_age
    if least is not None and most is not None and least > most:
        flaws.append(Flaw(label, "minimum_age", "is more than maximum_age"))
    if not service.phones and service.url is None:
        flaws.append(Flaw(label, "phones", "are empty, and there is no url either"))
    if service.schedules and not service.schedules.keys() & service.description.keys():
        flaws.append(Flaw(label, "schedules", "have no language that the description has"))
    return flaws
