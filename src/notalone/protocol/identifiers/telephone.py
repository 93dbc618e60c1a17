# SPDX-License-Identifier: AGPL-3.0-or-later
"""Telephone numbers (spec/identifiers.md, section 5): E.164, by the data of Google's libphonenumber.

What was typed is brought to digits here, in the same way as in the browser; the library then sees no more than an
optional plus and digits, and both libraries agree on those where they have the same data.
"""

from __future__ import annotations

import re
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

from notalone.protocol.identifiers.identifier import Identifier, Kind, Problem, WrongIdentifier
from notalone.protocol.identifiers.text import clean, mapped, trimmed, with_digits

# The release of Google's data that both libraries hold. Data of another release may know other numbers.
DATA: Final = "9.0.43"
LINK = re.compile(
    r"(?:https?://)?(?:(?:www\.)?wa\.me/|(?:api|web)\.whatsapp\.com/send/?\?(?:[^#]*&)?phone=|t\.me/\+)"
    r"(?:%2B|\+)?([0-9]{7,15})(?:[/?&#].*)?\Z"
    r"|whatsapp://send/?\?(?:[^#]*&)?phone=(?:%2B|\+)?([0-9]{7,15})(?:&.*)?\Z",
    re.IGNORECASE | re.ASCII,
)
SCHEME = re.compile(r"(?:tel|callto|sms):(?://)?")
CONTEXT = re.compile(r";phone-context=(\+[0-9]+)")
PARAMETERS = re.compile(r";(?!ext=)[a-z-]+=[^;]*")
EXTENSION = re.compile(
    r"(.*(?:[0-9)]|[a-z](?=[ ,;-])))[ ,;-]*"
    r"(?:;ext=|#|(?:extension|extensión|extn|ext|anexo|interno|int|poste|доб|x)[.:]? ?)([0-9]{1,8})#?\Z"
)
PUNCTUATION = re.compile(r"[ \-‐-―−./()\[\]~·•∙]")
SEPARATORS = re.compile(r"[ \-‐-―−./()]+")
MEXICAN_1 = re.compile(r"\+521(?=[0-9]{10}\Z)")
DIGITS = re.compile(r"\+?[0-9]+\Z")
KEYPAD: Final = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
VANITY_LETTERS = 3


def linked(text: str) -> str | None:
    """The number, with its plus, that a link of WhatsApp or Telegram holds."""
    found = LINK.match(trimmed(text))
    return f"+{found[1] or found[2]}" if found else None


def parse_telephone(text: str, country: str | None = None) -> Identifier:
    """`country`: where it is dialled from without a code, ISO 3166 ("IN"). Raises WrongIdentifier."""
    if country is not None and country not in phonenumbers.SUPPORTED_REGIONS:
        raise WrongIdentifier(Problem.COUNTRY)
    digits, extension = _digits(with_digits(mapped(clean(linked(text) or text))))
    if country is None and not digits.startswith("+"):
        raise WrongIdentifier(Problem.COUNTRY)
    found = _read(digits, country)
    if found is None:
        raise WrongIdentifier(Problem.NUMBER)
    canonical = phonenumbers.format_number(found, PhoneNumberFormat.E164)
    shown = SEPARATORS.sub(" ", phonenumbers.format_number(found, PhoneNumberFormat.INTERNATIONAL))
    if extension:
        return Identifier(Kind.TELEPHONE, f"{canonical};ext={extension}", f"{shown} ext. {extension}")
    return Identifier(Kind.TELEPHONE, canonical, shown)


def _digits(text: str) -> tuple[str, str]:
    """Digits after an optional plus, and those of the extension."""
    text = SCHEME.sub("", text, count=1) if SCHEME.match(text) else text
    context = CONTEXT.search(text)
    text = PARAMETERS.sub("", text)
    if context and not text.startswith("+"):
        text = context[1] + text
    extension = ""
    if found := EXTENSION.match(text):
        text, extension = found[1], found[2]
    text = PUNCTUATION.sub("", text)
    if sum(each in "abcdefghijklmnopqrstuvwxyz" for each in text) >= VANITY_LETTERS:
        text = text.translate(KEYPAD)
    # Mexico's mobile numbers lost this digit in 2019; many address books have it still.
    text = MEXICAN_1.sub("+52", text)
    if text.startswith("+00"):
        text = "+" + text[3:]
    if not DIGITS.match(text) or text.startswith("+0"):
        raise WrongIdentifier(Problem.CHARACTER if not DIGITS.match(text) else Problem.NUMBER)
    return text, extension


def _read(digits: str, country: str | None) -> PhoneNumber | None:
    """By the country's rules; by those of the first country with its calling code; with 00 for the plus."""
    tries: list[tuple[str, str | None]] = [(digits, country)]
    if country is not None and not digits.startswith("+"):
        code = phonenumbers.country_code_for_region(country)
        tries.append((digits, phonenumbers.region_code_for_country_code(code)))
        if digits.startswith("00"):
            tries.append(("+" + digits[2:], None))
    for text, region in tries:
        try:
            found = phonenumbers.parse(text, region)
        except NumberParseException:
            continue
        if phonenumbers.is_valid_number(found):
            return found
    return None
