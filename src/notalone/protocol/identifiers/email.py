# SPDX-License-Identifier: AGPL-3.0-or-later
"""E-mail addresses (spec/identifiers.md, section 4): one for each mailbox, as far as its provider's own rules tell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from notalone.protocol.identifiers.domain import canonical_domain, is_domain_letter, readable_domain
from notalone.protocol.identifiers.identifier import Identifier, Kind, Problem, WrongIdentifier
from notalone.protocol.identifiers.text import clean, mapped

LOCAL_BYTES = 64
IN_ANGLES = re.compile("[<＜]([^<>＜＞]*)[>＞][\t-\r ,;.]*\\Z")
MAILTO = re.compile(r"mailto:", re.IGNORECASE | re.ASCII)
ESCAPE = re.compile(r"%(?:[0-9A-Fa-f]{2})?")
ATEXT = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]")
AROUND = "\"'.,;: "


@dataclass(frozen=True, slots=True)
class Provider:
    """What a provider ignores in the first part: tags after a plus, and single characters. `domain`: the one taken."""

    domain: str
    ignored: str = ""
    subdomains: bool = False


_GMAIL: Final = Provider("gmail.com", ignored=".")
_PROTON: Final = Provider("proton.me", ignored=".-_")
# Only what a provider says itself; the sources stand in the specification.
PROVIDERS: Final = {
    "gmail.com": _GMAIL,
    "googlemail.com": _GMAIL,
    "proton.me": _PROTON,
    "protonmail.com": _PROTON,
    "protonmail.ch": _PROTON,
    "pm.me": _PROTON,
    "outlook.com": Provider("outlook.com"),
    "hotmail.com": Provider("hotmail.com"),
    "live.com": Provider("live.com"),
    "fastmail.com": Provider("fastmail.com", subdomains=True),
    "fastmail.fm": Provider("fastmail.fm", subdomains=True),
}
# The same mailboxes under several names; nothing is ignored in the first part.
ALIASES: Final = {
    "me.com": "icloud.com",
    "mac.com": "icloud.com",
    "ya.ru": "yandex.ru",
    "yandex.com": "yandex.ru",
    "yandex.by": "yandex.ru",
    "yandex.kz": "yandex.ru",
    "yandex.ua": "yandex.ru",
}


def parse_email(text: str) -> Identifier:
    """Raises WrongIdentifier."""
    if found := IN_ANGLES.search(text):
        text = found[1]
    text = clean(text).strip(AROUND)
    if MAILTO.match(text):
        text = mapped(_unescaped(text[len("mailto:") :].partition("?")[0]))
    local, at, domain = text.rpartition("@")
    if not at or not local:
        raise WrongIdentifier(Problem.ADDRESS)
    local, domain = _mailbox(_local(local), canonical_domain(domain))
    # Once more: an accent may have followed a dot that is ignored.
    local = mapped(local)
    if not local or local[0] in AROUND:
        raise WrongIdentifier(Problem.ADDRESS)
    return Identifier(Kind.EMAIL, f"{local}@{domain}", f"{local}@{readable_domain(domain)}")


def _unescaped(text: str) -> str:
    if any(len(each) == 1 for each in ESCAPE.findall(text)):
        raise WrongIdentifier(Problem.ADDRESS)
    try:
        return clean(unquote_to_bytes(text).decode())
    except UnicodeDecodeError:
        raise WrongIdentifier(Problem.ADDRESS) from None


def _local(text: str) -> str:
    """Dots may stand anywhere: addresses such as a..b@docomo.ne.jp are in use."""
    local = mapped(text)
    if not all(ATEXT.match(each) or is_domain_letter(each) for each in local) or len(local.encode()) > LOCAL_BYTES:
        raise WrongIdentifier(Problem.ADDRESS)
    return local


def _mailbox(local: str, domain: str) -> tuple[str, str]:
    """As the provider sees it."""
    domain = ALIASES.get(domain, domain)
    head, _, parent = domain.partition(".")
    provider = PROVIDERS.get(domain)
    if provider is None:
        above = PROVIDERS.get(parent)
        if above is None or not above.subdomains:
            return local, domain
        # anything@name.fastmail.com is name@fastmail.com.
        local, provider = head, above
    return local.partition("+")[0].translate(dict.fromkeys(map(ord, provider.ignored))), provider.domain
