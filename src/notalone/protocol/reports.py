# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reports: what she writes and attaches, padded and sealed as an age file that she and those she chose open.

    encrypt(report, hers, others) -> an age file (age-encryption.org/v1), binary, which any age program opens too
    decrypt(file, identity)       -> the report

pyrage alone decides what opens. A file that it refused is looked at again, only to say what is wrong with it: pyrage's
own errors do not tell a file that was cut short from one that was changed.

Padding: Nikitin et al. 2019, "Reducing metadata leakage from encrypted files and communication with PURBs", section 4.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32decode, b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from secrets import SystemRandom
from typing import Any, Final
from unicodedata import normalize

import pyrage
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from notalone.protocol.call import LANGUAGE
from notalone.protocol.encoding import LENGTH_BYTES, Reader, listed, number, prefixed
from notalone.protocol.errors import Undecodable

VERSION: Final = 1
TEXT_MOST: Final = 262_144
ATTACHMENTS_MOST: Final = 10
NAME_MOST: Final = 255
MEDIA_TYPE_MOST: Final = 127

# One chunk of age. Padded to whole chunks, a file that is cut anywhere else is known to be cut.
STEP: Final = 65_536
PADDED_MOST: Final = 512 * STEP
CONTENT_MOST: Final = PADDED_MOST - LENGTH_BYTES

RECIPIENTS_MOST: Final = 20
STANZAS_STEP: Final = 8
HEADER_MOST: Final = 8_192
TAG_BYTES: Final = 16
NONCE_BYTES: Final = 16
SEALED_CHUNK: Final = STEP + TAG_BYTES
CHUNKS_MOST: Final = PADDED_MOST // STEP
FILE_MOST: Final = HEADER_MOST + NONCE_BYTES + CHUNKS_MOST * SEALED_CHUNK

_WHAT: Final = "report"
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
# Control characters; what separates folders; what reverses the order of letters, so that "gpj.exe" reads "exe.jpg".
_NOT_IN_NAME: Final = re.compile("[\x00-\x1f\x7f-\x9f/\\\\\u2028-\u202e\u2066-\u2069]")
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")


class UnreadableReport(Undecodable):
    """This file cannot be opened. Each reason that can be told apart is a class of its own."""

    def __init__(self, problem: str | None = None) -> None:
        super().__init__(_WHAT, problem or str(self.__doc__))


class NotAge(UnreadableReport):
    """is not an age file, or not a binary one"""


class NotForYou(UnreadableReport):
    """was sealed for other keys than this one, or the lines for this key were changed"""


class HeaderChanged(UnreadableReport):
    """has a header that is not as age writes it, or that was changed"""


class CutShort(UnreadableReport):
    """ends before its end: a part of the file is missing"""


class TrailingData(UnreadableReport):
    """goes on after its end: something was added to the file"""


class Reordered(UnreadableReport):
    """has its parts in another order: some were moved, left out or repeated"""


class Changed(UnreadableReport):
    """is not as it was written: something in it was changed"""


# ---- what is in a report ----


@dataclass(frozen=True, slots=True, repr=False)
class Attachment:
    """A file she adds. `media_type` as in RFC 6838, in small letters, without parameters. Never shown."""

    name: str
    media_type: str
    data: bytes

    def __post_init__(self) -> None:
        """Raises ValueError."""
        object.__setattr__(self, "name", _normal(self.name, NAME_MOST, "an attachment's name"))
        if self.name in {"", ".", ".."} or _NOT_IN_NAME.search(self.name):
            raise ValueError("an attachment's name is no name of a file")
        if len(self.media_type) > MEDIA_TYPE_MOST or not _MEDIA_TYPE.fullmatch(self.media_type):
            raise ValueError("an attachment's media type is none")


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """Her words, in the language they are in (a tag as calls have it), and what she attaches. Never shown."""

    text: str
    language: str
    attachments: tuple[Attachment, ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError."""
        object.__setattr__(self, "text", _normal(self.text, TEXT_MOST, "the text"))
        if not re.fullmatch(LANGUAGE, self.language):
            raise ValueError("the language is no tag of a language")
        if len(self.attachments) > ATTACHMENTS_MOST:
            raise ValueError(f"{len(self.attachments)} attachments, where {ATTACHMENTS_MOST} are the most")

    def __bytes__(self) -> bytes:
        return (
            number(VERSION, 1)
            + prefixed(self.language.encode())
            + prefixed(self.text.encode())
            + listed(
                [
                    prefixed(each.name.encode()) + prefixed(each.media_type.encode()) + prefixed(each.data)
                    for each in self.attachments
                ]
            )
        )

    @classmethod
    def decode(cls, data: bytes) -> Report:
        """Raises Undecodable."""
        reader = Reader(data, _WHAT)
        version = reader.number(1)
        if version != VERSION:
            raise Undecodable(_WHAT, f"version {version}, where {VERSION} is known")
        language, text = _text(reader, MEDIA_TYPE_MOST), _text(reader, TEXT_MOST)
        parts = reader.listed(
            ATTACHMENTS_MOST,
            lambda inner: (_text(inner, NAME_MOST), _text(inner, MEDIA_TYPE_MOST), inner.prefixed(CONTENT_MOST)),
        )
        reader.end()
        try:
            return cls(text, language, tuple(Attachment(*part) for part in parts))
        except ValueError as error:
            raise Undecodable(_WHAT, str(error)) from None


def _normal(text: str, most: int, what: str) -> str:
    """In NFC. Raises ValueError for a lone surrogate and for more than `most` bytes of UTF-8."""
    if _SURROGATE.search(text):
        raise ValueError(f"{what} holds half of a character")
    normal = normalize("NFC", text)
    length = len(normal.encode())
    if length > most:
        raise ValueError(f"{what} has {length} bytes, where {most} are the most")
    return normal


def _text(reader: Reader, most: int) -> str:
    data = reader.prefixed(most)
    # Raised outside of the handler: Python's own error holds the bytes, and would be kept as the context of ours.
    try:
        return data.decode()
    except UnicodeDecodeError:
        pass
    raise Undecodable(_WHAT, "a text that is not UTF-8")


# ---- padding ----


def padded_length(length: int) -> int:
    """How long content of `length` bytes is after padding: Padme's length, in whole steps. Raises ValueError."""
    if not 0 <= length <= CONTENT_MOST:
        raise ValueError(f"{length} bytes, where {CONTENT_MOST} are the most")
    needed = LENGTH_BYTES + length
    exponent = needed.bit_length() - 1
    step = max(STEP, 1 << (exponent - exponent.bit_length()))
    return -(-needed // step) * step


def pad(content: bytes) -> bytes:
    """The content after its length, then zeros. Raises ValueError when it is too long."""
    return prefixed(content).ljust(padded_length(len(content)), b"\0")


def unpad(data: bytes) -> bytes:
    """Raises Undecodable for anything that `pad` does not make."""
    content = Reader(data, _WHAT).prefixed(CONTENT_MOST)
    expected, end = padded_length(len(content)), LENGTH_BYTES + len(content)
    if len(data) != expected:
        raise Undecodable(_WHAT, f"padded to {len(data)} bytes instead of {expected}")
    if data.count(0, end) != len(data) - end:
        raise Undecodable(_WHAT, "padded with something else than zeros")
    return content


# ---- age files ----


def encrypt(report: Report, *, hers: str, others: Sequence[str]) -> bytes:
    """An age file of the report. `hers`: her own recipient (age1...), so that she can always read what she wrote.

    Raises Undecodable for what is no recipient; ValueError for one that is there twice, for more than
    `RECIPIENTS_MOST` with hers, and for a report that is too long.
    """
    return seal(pad(bytes(report)), hers=hers, others=others)


def decrypt(file: bytes, identity: str) -> Report:
    """The report in an age file. `identity`: AGE-SECRET-KEY-1...

    Raises UnreadableReport when the file does not open, and Undecodable for what is no identity, and when what was
    sealed is no report: then whoever sealed it made it so.
    """
    return Report.decode(unpad(unseal(file, identity)))


def seal(data: bytes, *, hers: str, others: Sequence[str]) -> bytes:
    """An age file of these bytes, as `encrypt` makes it of a padded report."""
    strings = [hers, *others]
    if len(strings) > RECIPIENTS_MOST:
        raise ValueError(f"{len(strings)} recipients, where {RECIPIENTS_MOST} are the most")
    if len(set(strings)) != len(strings):
        raise ValueError("a recipient is there twice")
    recipients = [_recipient(each) for each in strings]
    # Nobody keeps the keys of these: they hide how many can read the file.
    for _ in range(-len(recipients) % STANZAS_STEP):
        recipients.append(pyrage.x25519.Identity.generate().to_public())
    SystemRandom().shuffle(recipients)
    sealed: bytes = pyrage.encrypt(data, recipients)
    return sealed


def unseal(file: bytes, identity: str) -> bytes:
    """What was sealed, as `decrypt` opens it. Raises UnreadableReport, and Undecodable for what is no identity."""
    key = _identity(identity)
    header = _header(file)
    try:
        opened: bytes = pyrage.decrypt(file, [key])
    except pyrage.DecryptError:
        pass
    else:
        return opened
    raise _refusal(header, file[len(header) :], _key_bytes(identity))


def _recipient(text: str) -> Any:
    """pyrage's recipient. Raises Undecodable, also for a point of low order: all the world would open what it gets."""
    try:
        recipient = pyrage.x25519.Recipient.from_str(_ascii(text))
    except pyrage.RecipientError:
        raise Undecodable("recipient", "is no X25519 recipient of age") from None
    if str(recipient) != text:
        raise Undecodable("recipient", "is not in its one form")
    try:
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(_key_bytes(text)))
    except ValueError:
        raise Undecodable("recipient", "is a key that keeps no secret") from None
    return recipient


def _identity(text: str) -> Any:
    try:
        identity = pyrage.x25519.Identity.from_str(_ascii(text))
    except pyrage.IdentityError:
        raise Undecodable("identity", "is no X25519 identity of age") from None
    if not hmac.compare_digest(str(identity).encode(), text.encode()):
        raise Undecodable("identity", "is not in its one form")
    return identity


def _ascii(text: str) -> str:
    """The text, or one that pyrage refuses: where it cannot take it at all, Python's own error would hold it."""
    return text if text.isascii() else ""


_TO_BASE32: Final = str.maketrans("qpzry9x8gf2tvdw0s3jn54khce6mua7l", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


def _key_bytes(text: str) -> bytes:
    """The 32 bytes of a recipient or an identity that pyrage took: Bech32 without its prefix and its checksum."""
    data = text.lower().rpartition("1")[2][:-6]
    return b32decode(data.translate(_TO_BASE32) + "====")


# ---- why a file does not open ----

_ANY: Final = rb"[A-Za-z0-9+/]"
_16_BITS: Final = rb"[AEIMQUYcgkosw048]"
_32_BYTES: Final = _ANY + rb"{42}" + _16_BITS
_LAST_LINE: Final = rb"(?:%b{4}){0,15}(?:%b[AQgw]|%b{2}%b)?" % (_ANY, _ANY, _ANY, _16_BITS)
_MAGIC: Final = b"age-encryption.org/v1\n"
_X25519: Final = rb"-> X25519 (%b)\n(%b)\n" % (_32_BYTES, _32_BYTES)
_SCRYPT: Final = rb"-> scrypt [!-~]+ [!-~]+\n%b\n" % _32_BYTES
_OTHER: Final = rb"-> (?!(?:X25519|scrypt)[ \n])[!-~]+(?: [!-~]+)*\n(?:%b{64}\n)*%b\n" % (_ANY, _LAST_LINE)
_HEADER: Final = re.compile(rb"%b(?:%b|(?:%b|%b)+)--- %b\n" % (re.escape(_MAGIC), _SCRYPT, _X25519, _OTHER, _32_BYTES))


def _header(file: bytes) -> bytes:
    """The header, to its last line's end. Raises UnreadableReport for all that has not the form of one."""
    if len(file) > FILE_MOST:
        raise UnreadableReport(f"has {len(file)} bytes, where {FILE_MOST} are the most")
    if not file.startswith(_MAGIC):
        raise CutShort if _MAGIC.startswith(file) else NotAge
    start = file[:HEADER_MOST]
    found = _HEADER.match(start)
    if found:
        return found[0]
    # Every header ends within this many bytes, and nothing in it is binary.
    text_alone = len(start) < HEADER_MOST and re.fullmatch(rb"[\n -~]*", start)
    raise CutShort if text_alone and not re.search(rb"\n--- [^\n]*\n", start) else HeaderChanged


def _refusal(header: bytes, body: bytes, secret: bytes) -> UnreadableReport:
    """What is wrong with a file of this header that pyrage did not open."""
    try:
        file_key = _file_key(header, secret)
    except ValueError:
        return HeaderChanged()
    if file_key is None:
        return NotForYou()
    marked, mac = header[: header.rindex(b"--- ") + 3], _from_base64(header[-44:-1])
    if not hmac.compare_digest(hmac.digest(_derived(file_key, None, b"header"), marked, "sha256"), mac):
        return HeaderChanged()
    return _chunk_refusal(body, file_key)


def _file_key(header: bytes, secret: bytes) -> bytes | None:
    """The first that a stanza gives to this key. Raises ValueError for a share of low order."""
    private = X25519PrivateKey.from_private_bytes(secret)
    own = private.public_key().public_bytes_raw()
    for share, wrapped in re.findall(rb"(?m)^" + _X25519, header):
        point = _from_base64(share)
        shared = private.exchange(X25519PublicKey.from_public_bytes(point))
        key = _derived(shared, point + own, b"age-encryption.org/v1/X25519")
        file_key = _opened(key, bytes(12), _from_base64(wrapped))
        if file_key is not None:
            return file_key
    return None


def _chunk_refusal(body: bytes, file_key: bytes) -> UnreadableReport:
    """What is wrong with the nonce and the chunks after a good header. Every report is whole chunks."""
    key = _derived(file_key, body[:NONCE_BYTES], b"payload")
    payload = body[NONCE_BYTES:]
    whole, rest = divmod(len(payload), SEALED_CHUNK)

    def opens(chunk: bytes, place: int, last: bool) -> bool:
        return _opened(key, number(place, 11) + number(last, 1), chunk) is not None

    for place in range(whole):
        chunk = payload[place * SEALED_CHUNK : (place + 1) * SEALED_CHUNK]
        last = not rest and place == whole - 1
        if opens(chunk, place, last):
            continue
        if opens(chunk, place, not last):
            return CutShort() if last else TrailingData()
        if any(opens(chunk, other, end) for other in range(CHUNKS_MOST) for end in (False, True)):
            return Reordered()
        return Changed()
    # With all its chunks in place, it is the header that pyrage does not take, and whoever sealed it made it so.
    return CutShort() if rest or not whole else HeaderChanged()


def _opened(key: bytes, nonce: bytes, sealed: bytes) -> bytes | None:
    try:
        return ChaCha20Poly1305(key).decrypt(nonce, sealed, None)
    except InvalidTag:
        return None


def _derived(secret: bytes, salt: bytes | None, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, info).derive(secret)


def _from_base64(text: bytes) -> bytes:
    """32 bytes of 43 characters."""
    return b64decode(text + b"=")
