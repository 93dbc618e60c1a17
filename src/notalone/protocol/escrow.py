# SPDX-License-Identifier: AGPL-3.0-or-later
"""Records: what a depositor seals, and what opens it (spec/escrow.md).

    depositor: bases(...)      -> what she asks the trustees about, for each identifier
               deposit(...)    -> the record, signed by her
    server:    read_record     -> the record, checked
    counsellor: open_envelope  -> her contact handle, checked

Which records open each other is in `matching.py`. A record with threshold t opens when, for some level j >= t, at least
j records about the same identifier, made by j different credentials, have thresholds <= j.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from secrets import token_bytes

from notalone.protocol import reports
from notalone.protocol.ceremony import HASH_BYTES, ID_BYTES
from notalone.protocol.credentials import CREDENTIAL_BYTES, Credential, WrongCredential
from notalone.protocol.descriptor import Descriptor
from notalone.protocol.encoding import LENGTH_BYTES, Reader, listed, number, prefixed
from notalone.protocol.errors import DEPOSITOR, Fault, Undecodable, blaming
from notalone.protocol.group import ELEMENT_BYTES, Element, Scalar, Source, hash_to_element
from notalone.protocol.identifiers import Identifier
from notalone.protocol.keys import levels
from notalone.protocol.labels import (
    ESCROW_BUCKET,
    ESCROW_DECOY,
    ESCROW_HANDLE,
    ESCROW_RECORD,
    ESCROW_ROW,
    ESCROW_TAG,
    ESCROW_WRAP,
)
from notalone.protocol.seals import KEY_BYTES, TAG_BYTES, WrongSeal, decrypt, derive, encrypt
from notalone.protocol.signatures import SIGNATURE_BYTES, SigningKey, WrongSignature
from notalone.protocol.trustees import IDENTIFIERS_MOST, Evaluated

COMMITMENT_BYTES = 32
WRAP_BYTES = COMMITMENT_BYTES + KEY_BYTES + TAG_BYTES
BUCKET_BYTES = 4
HANDLE_BYTES = 512
# An age file for up to 20 readers, filled up: its own length would tell which program made it.
FILE_BYTES = 4_096
ENVELOPE_BYTES = FILE_BYTES + TAG_BYTES
_REFUSED = "Nothing was stored"


def bases(escrow: bytes, highest: int, identifier: Identifier) -> list[Element]:
    """One for the tag and one for each level, all independent: else stored elements, asked about, would link."""
    named = escrow + identifier.encode()
    rows = [hash_to_element(number(j, 1) + named, ESCROW_ROW) for j in levels(highest)]
    return [hash_to_element(named, ESCROW_TAG), *rows]


# ---- a record ----


@dataclass(frozen=True, slots=True)
class Entry:
    """One identifier of a record. `bucket`: the first `bits` bits of what its tag gives, a number.

    `rows`: by level j, j elements. `wraps`: by level, 80 bytes. Below her threshold both only look like one.
    """

    bits: int
    bucket: int
    rows: Mapping[int, tuple[Element, ...]]
    wraps: Mapping[int, bytes]

    def __bytes__(self) -> bytes:
        return (
            number(self.bits, 1)
            + number(self.bucket, BUCKET_BYTES)
            + b"".join(bytes(e) for row in self.rows.values() for e in row)
            + b"".join(self.wraps.values())
        )


@dataclass(frozen=True, slots=True)
class Record:
    """What the server stores. `x`: the depositor's point; `signature`: hers over all the rest."""

    descriptor: bytes
    id: bytes
    credential: Credential
    entries: tuple[Entry, ...]
    envelope: bytes
    signature: bytes

    @property
    def body(self) -> bytes:
        return (
            self.descriptor
            + self.id
            + bytes(self.credential)
            + listed([bytes(each) for each in self.entries])
            + self.envelope
        )

    def __bytes__(self) -> bytes:
        return self.body + self.signature


def read_record(descriptor: Descriptor, data: bytes) -> Record:
    """By the server: a record that the holder of a credential signed. Raises Fault."""
    with blaming(DEPOSITOR, _REFUSED):
        record = _decode(data, descriptor.highest)
    try:
        record.credential.holder.verify(ESCROW_RECORD, record.body, record.signature)
        record.credential.verify(descriptor.terms.issuer, descriptor.escrow)
        record.credential.point(descriptor.escrow)
    except (WrongSignature, WrongCredential) as error:
        raise Fault(DEPOSITOR, f"deposits without a credential of this escrow ({error})", _REFUSED) from None
    if record.descriptor != descriptor.hash:
        raise Fault(DEPOSITOR, "deposits in another escrow or epoch", _REFUSED)
    if {each.bits for each in record.entries} != {descriptor.terms.bucket_bits}:
        raise Fault(DEPOSITOR, "shows other bits than everyone", _REFUSED)
    return record


def _decode(data: bytes, highest: int) -> Record:
    reader = Reader(data, "record")
    hash_, id = reader.fixed(HASH_BYTES), reader.fixed(ID_BYTES)
    credential = Credential.decode(reader.fixed(CREDENTIAL_BYTES))
    entries = reader.listed(IDENTIFIERS_MOST, lambda r: _entry(r, highest))
    envelope, signature = reader.fixed(ENVELOPE_BYTES), reader.fixed(SIGNATURE_BYTES)
    reader.end()
    if not entries:
        raise Undecodable("record", "names nobody")
    return Record(hash_, id, credential, tuple(entries), envelope, signature)


def _entry(reader: Reader, highest: int) -> Entry:
    bits, bucket = reader.number(1), reader.number(BUCKET_BYTES)
    if bits > 8 * BUCKET_BYTES or bucket >> bits:
        raise Undecodable("record", "has a bucket of more bits than it says")
    rows = {j: tuple(Element.decode(reader.fixed(ELEMENT_BYTES), "row") for _ in range(j)) for j in levels(highest)}
    return Entry(bits, bucket, rows, {j: reader.fixed(WRAP_BYTES) for j in levels(highest)})


# ---- depositing ----


@dataclass(frozen=True, slots=True)
class Handle:
    """How the counsellor reaches her, and nothing of what happened. Secret.

    `mailbox`: 32 bytes; `recipient`: the age recipient of what is for her; `hours`: when it is safe, in her words.
    """

    mailbox: bytes = field(repr=False)
    recipient: str = field(repr=False)
    language: str = field(repr=False)
    hours: str = field(default="", repr=False)

    def __bytes__(self) -> bytes:
        """Padded to 512 bytes. Raises ValueError for what does not fit."""
        texts = b"".join(prefixed(each.encode()) for each in (self.recipient, self.language, self.hours))
        data = self.mailbox + texts
        if len(self.mailbox) != ID_BYTES or len(data) > HANDLE_BYTES:
            raise ValueError(f"a mailbox has {ID_BYTES} bytes, and a handle has room for {HANDLE_BYTES}")
        return data + bytes(HANDLE_BYTES - len(data))

    @classmethod
    def decode(cls, data: bytes) -> Handle:
        """Raises Undecodable."""
        reader = Reader(data, "handle")
        mailbox = reader.fixed(ID_BYTES)
        texts = [reader.prefixed(HANDLE_BYTES) for _ in range(3)]
        used = ID_BYTES + sum(LENGTH_BYTES + len(each) for each in texts)
        try:
            found = cls(mailbox, *(each.decode() for each in texts))
        except UnicodeDecodeError:
            found = None
        if found is None or len(data) != HANDLE_BYTES or any(data[used:]):
            raise Undecodable("handle", "is not one that was padded")
        return found


@dataclass(frozen=True, slots=True)
class Depositor:
    """Her part, from her return code and the issuer. `hidden`: 32 bytes, from which what hides her threshold comes."""

    credential: Credential
    key: SigningKey
    hidden: bytes = field(repr=False)
    recipient: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Named:
    """One identifier, and what the trustees made of it and her point."""

    identifier: Identifier = field(repr=False)
    evaluated: Evaluated


def deposit(
    descriptor: Descriptor,
    depositor: Depositor,
    named: Sequence[Named],
    threshold: int,
    handle: Handle,
    readers: Sequence[str],
    source: Source = token_bytes,
) -> Record:
    """A record. `threshold`: from 2 to the highest level; `readers`: the desk's age recipients. Raises ValueError."""
    if threshold not in levels(descriptor.highest):
        raise ValueError(f"a threshold is from 2 to {descriptor.highest}")
    if not 0 < len(named) <= IDENTIFIERS_MOST or len({each.identifier.encode() for each in named}) != len(named):
        raise ValueError(f"a record names from 1 to {IDENTIFIERS_MOST} identifiers, each once")
    id, key = source(ID_BYTES), source(KEY_BYTES)
    entries = tuple(
        _seal_entry(descriptor, depositor, each, threshold, id, key, place) for place, each in enumerate(named)
    )
    envelope = _seal_envelope(descriptor.escrow, depositor, handle, readers, id, key)
    unsigned = Record(descriptor.hash, id, depositor.credential, entries, envelope, b"")
    return replace(unsigned, signature=depositor.key.sign(ESCROW_RECORD, unsigned.body))


def _seal_entry(
    descriptor: Descriptor,
    depositor: Depositor,
    named: Named,
    threshold: int,
    record: bytes,
    key: bytes,
    place: int,
) -> Entry:
    escrow, bits, x = descriptor.escrow, descriptor.terms.bucket_bits, depositor.credential.point(descriptor.escrow)
    tagged = derive(bytes(named.evaluated.tag), ESCROW_BUCKET, escrow, BUCKET_BYTES)
    rows, wraps = {}, {}
    for j in levels(descriptor.highest):
        if j >= threshold:
            rows[j] = named.evaluated.rows[j]
            wraps[j] = wrap(named.evaluated.values[j], wrap_context(escrow, j, x, record, place), key)
        else:
            # The same for every deposit of hers about this person, as real rows are, and as long and as random.
            about = number(j, 1) + named.identifier.encode()
            rows[j] = tuple(hash_to_element(depositor.hidden + number(n, 1) + about, ESCROW_DECOY) for n in range(j))
            # Other ones for every record, as real wraps are.
            wraps[j] = derive(depositor.hidden, ESCROW_DECOY, record + number(place, 1) + about, WRAP_BYTES)
    return Entry(bits, int.from_bytes(tagged, "big") >> (8 * BUCKET_BYTES - bits), rows, wraps)


def wrap_context(escrow: bytes, level: int, x: Scalar, record: bytes, place: int) -> bytes:
    """What a wrap is good for alone."""
    return escrow + number(level, 1) + bytes(x) + record + number(place, 1)


def wrap(value: Element, context: bytes, key: bytes) -> bytes:
    """The record's key under k_j(0, x) H, after a commitment to that: no wrap opens with two values."""
    derived = derive(bytes(value), ESCROW_WRAP, context, COMMITMENT_BYTES + KEY_BYTES)
    return derived[:COMMITMENT_BYTES] + encrypt(derived[COMMITMENT_BYTES:], key, context)


def unwrap(value: Element, context: bytes, wrapped: bytes) -> bytes | None:
    """The record's key; None where this is not the value."""
    derived = derive(bytes(value), ESCROW_WRAP, context, COMMITMENT_BYTES + KEY_BYTES)
    if derived[:COMMITMENT_BYTES] != wrapped[:COMMITMENT_BYTES]:
        return None
    try:
        return decrypt(derived[COMMITMENT_BYTES:], wrapped[COMMITMENT_BYTES:], context)
    except WrongSeal:
        return None  # committed to the right value by somebody who knows it, and wrapped nothing


def _seal_envelope(
    escrow: bytes, depositor: Depositor, handle: Handle, readers: Sequence[str], record: bytes, key: bytes
) -> bytes:
    signed = bytes(handle)
    signature = depositor.key.sign(ESCROW_HANDLE, escrow + record + signed)
    inner = signed + bytes(depositor.credential) + signature
    file = prefixed(reports.seal(inner, hers=depositor.recipient, others=readers))
    return encrypt(key, file.ljust(FILE_BYTES, b"\0"), escrow + record)


# ---- what was opened ----


def open_envelope(escrow: bytes, record: Record, key: bytes) -> bytes:
    """By the server, with the record's key: an age file for the counsellors, which it cannot read. Raises Fault."""
    try:
        data = decrypt(key, record.envelope, escrow + record.id)
        file = Reader(data, "envelope").prefixed(FILE_BYTES)
    except (WrongSeal, Undecodable):
        raise Fault(DEPOSITOR, "put an envelope in the record that its key does not open", _REFUSED) from None
    if any(data[LENGTH_BYTES + len(file) :]):
        raise Fault(DEPOSITOR, "hid something behind the envelope's file", _REFUSED)
    return file


def read_handle(descriptor: Descriptor, record: bytes, credential: Credential, file: bytes, identity: str) -> Handle:
    """By a counsellor: the handle in an opened envelope, of this record and its credential. Raises Fault.

    `identity`: AGE-SECRET-KEY-1... Raises UnreadableReport where the file is not for it or was changed.
    """
    data = reports.unseal(file, identity)
    with blaming(DEPOSITOR, "Do not write to that handle"):
        reader = Reader(data, "handle")
        signed, inner = reader.fixed(HANDLE_BYTES), reader.fixed(CREDENTIAL_BYTES)
        signature = reader.fixed(SIGNATURE_BYTES)
        reader.end()
        handle = Handle.decode(signed)
    try:
        credential.verify(descriptor.terms.issuer, descriptor.escrow)
        credential.holder.verify(ESCROW_HANDLE, descriptor.escrow + record + signed, signature)
    except (WrongSignature, WrongCredential):
        inner = b""
    if inner != bytes(credential):
        raise Fault(DEPOSITOR, "has a handle in it that its author did not put there", "Do not write to that handle")
    return handle
