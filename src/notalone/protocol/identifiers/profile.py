# SPDX-License-Identifier: AGPL-3.0-or-later
"""Profiles (spec/identifiers.md, section 6): the address of a person's page, without what does not tell people apart.

What was typed may be an address of any network, a mere name with the network that she chose, or any other address.
The canonical form is an address without its scheme; parsed again it gives itself.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from notalone.protocol.identifiers.domain import canonical_domain, is_domain_letter, readable_domain
from notalone.protocol.identifiers.identifier import Identifier, Kind, Problem, WrongIdentifier
from notalone.protocol.identifiers.networks import BY_HOST, NETWORKS, PREFIXES, SHORTENERS, Network
from notalone.protocol.identifiers.text import LETTERS, check_characters, clean, mapped

ADDRESS = re.compile(r"(?:(?:([Hh][Tt][Tt][Pp][Ss]?):)?//)?([^/?#]*)([^#]*)")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?![0-9])")
PORT = re.compile(r"(.*):([0-9]{1,5})\Z")
WWW = re.compile(r"\A(?:www\.)+(?=[^.]+\.)")
TELEGRAM_HOST = re.compile(r"([a-z][a-z0-9_]{3,31})\.t\.me\Z")
REDDIT_NAME = re.compile(r"/?u/[A-Za-z0-9_-]+/?\Z")
ACCOUNT = re.compile(r"@?([^@/ ]+)@([^@/ ]+)\Z")
ACCOUNT_PATH = re.compile(r"/(?:web/|deck/)?@([^@/?]+)(?:@([^@/?]+))?(?:/.*)?\Z")
ACCOUNT_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\Z")
USERS_PATH = re.compile(r"/users/([^/?]+)(?:/.*)?\Z")
BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
PIECE = re.compile(r"%[0-9A-Fa-f]{2}|[^%]")
UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
KEPT = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?-]")
# Parameters that say by which way somebody came. Others stay: they may tell people apart.
TRACKING = re.compile(
    r"(?:utm_[a-z_]*|fbclid|gclid|dclid|gbraid|wbraid|msclkid|twclid|ttclid|yclid|igsh|igshid|mc_[ce]id|_ga|_gl"
    r"|mibextid|ref_src|srsltid)(?:=|\Z)"
)
MASTODON: Final = "mastodon"


def parse_profile(text: str, network: str | None = None) -> Identifier:
    """`network`: of which a mere name is, a key of NETWORKS or "mastodon". Raises WrongIdentifier."""
    if network is not None and network != MASTODON and network not in NETWORKS:
        raise ValueError("this network is not known here")
    text = clean(text).strip('<>" ')
    if not text:
        raise WrongIdentifier(Problem.EMPTY)
    if account := ACCOUNT.match(text):
        if network != MASTODON and not text.startswith("@"):
            raise WrongIdentifier(Problem.NETWORK)
        return _account(account[1], account[2])
    return _address(text, network) if _is_address(text, network) else _name(text, network)


def _is_address(text: str, network: str | None) -> bool:
    """Without a scheme or a slash "john.doe" is a domain as well as a name on some network."""
    if SCHEME.match(text) or text.startswith(("//", "www.")):
        return True
    first, slash, rest = text.partition("/")
    return bool(slash) and "." in first and not text.startswith("@") and (bool(rest) or network is None)


def _name(text: str, network: str | None) -> Identifier:
    """A name without an address."""
    if network is None and REDDIT_NAME.match(text):
        network = "reddit"
    if network is None:
        raise WrongIdentifier(Problem.NETWORK)
    if network == MASTODON:
        raise WrongIdentifier(Problem.HANDLE)
    chosen = NETWORKS[network]
    name = text.strip("/")
    if "/" in name:
        return _at(chosen, name)
    return _handle(chosen, _unescaped(name).removeprefix("@"), chosen.form)


def _address(text: str, network: str | None) -> Identifier:
    found = ADDRESS.match(text)
    # The pattern matches everything: each of its parts may be empty.
    scheme, host, target = found.groups() if found else (None, "", "")
    if "@" in host or (SCHEME.match(text) and not scheme):
        raise WrongIdentifier(Problem.NOT_PROFILE)
    port = ""
    if ported := PORT.match(host):
        host, port = ported[1], str(int(ported[2]))
    host = WWW.sub("", canonical_domain(host), count=1)
    if port not in ("", "80", "443"):
        return _elsewhere(f"{host}:{port}", target, network)
    if host in SHORTENERS:
        raise WrongIdentifier(Problem.SHORT_LINK)
    if known := BY_HOST.get(host) or BY_HOST.get(PREFIXES.sub("", host, count=1)):
        return _at(known, target)
    if name := TELEGRAM_HOST.match(host):
        return _handle(NETWORKS["telegram"], name[1], NETWORKS["telegram"].form)
    return _elsewhere(host, target, network)


def _at(network: Network, target: str) -> Identifier:
    """`target`: path and query, there."""
    target = "/" + _unescaped(target).lstrip("/")
    for pattern, form in reversed(network.paths):
        if found := pattern.match(target):
            return _handle(network, found[1], form)
    raise WrongIdentifier(Problem.NOT_PROFILE)


def _handle(network: Network, typed: str, form: str) -> Identifier:
    if "{id}" in form:
        canonical = form.replace("{id}", typed)
        return Identifier(Kind.PROFILE, canonical, canonical)
    name = mapped(typed)
    if name in network.reserved:
        raise WrongIdentifier(Problem.NOT_PROFILE)
    name = "".join(each for each in name if each not in network.ignored)
    if network.completed and "." not in name:
        name += network.completed
    ascii_name = "".join("x" if network.letters and is_domain_letter(each) else each for each in name)
    if not network.names.match(ascii_name) or name in network.reserved:
        raise WrongIdentifier(Problem.HANDLE)
    shown = network.shown if network.shown and form == network.form else form
    return Identifier(Kind.PROFILE, form.replace("{}", name), shown.replace("{}", name))


def _account(name: str, server: str) -> Identifier:
    """Of a server of Mastodon and its kind."""
    name = mapped(name)
    if not ACCOUNT_NAME.match(name):
        raise WrongIdentifier(Problem.HANDLE)
    return _address(f"{server}/@{name}", None)


def _elsewhere(host: str, target: str, network: str | None) -> Identifier:
    path, _, query = _escaped(target).partition("?")
    path = _without_dots(path).rstrip("/")
    account = ACCOUNT_PATH.match(path) or (USERS_PATH.match(path) if network == MASTODON else None)
    if account and ACCOUNT_NAME.match(account[1].lower()):
        if account.re is ACCOUNT_PATH and account[2]:
            return _account(account[1], account[2])
        path, query = f"/@{account[1].lower()}", ""
    kept = sorted((each for each in query.split("&") if each and not TRACKING.match(each)), key=_parameter)
    rest = (path or "/") + ("?" + "&".join(kept) if kept else "")
    return Identifier(Kind.PROFILE, host + rest, readable_domain(host) + rest)


def _parameter(text: str) -> str:
    return text.partition("=")[0]


def _without_dots(path: str) -> str:
    """Without the segments "." and ".." (RFC 3986, section 5.2.4)."""
    kept: list[str] = []
    for each in path.split("/")[1:]:
        if each == "..":
            del kept[-1:]
        elif each != ".":
            kept.append(each)
    return "".join(f"/{each}" for each in kept)


def _escaped(text: str) -> str:
    """With "%" and two digits exactly where an address needs them."""
    if BROKEN_ESCAPE.search(text):
        raise WrongIdentifier(Problem.CHARACTER)
    out = []
    for piece in PIECE.findall(text):
        if len(piece) == 3:
            plain = chr(int(piece[1:], 16))
            out.append(plain if UNRESERVED.match(plain) else piece.upper())
        elif KEPT.match(piece):
            out.append(piece)
        elif piece.isascii() or piece in LETTERS:
            out.append("".join(f"%{byte:02X}" for byte in piece.encode()))
        else:
            raise WrongIdentifier(Problem.CHARACTER)
    return "".join(out)


def _unescaped(text: str) -> str:
    if BROKEN_ESCAPE.search(text):
        raise WrongIdentifier(Problem.CHARACTER)
    try:
        text = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise WrongIdentifier(Problem.CHARACTER) from None
    check_characters(text)
    return text
