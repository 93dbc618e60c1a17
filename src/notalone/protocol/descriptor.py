# SPDX-License-Identifier: AGPL-3.0-or-later
"""The descriptor of an escrow: its public keys, its trustees, its limits (spec/descriptor.md).

All trustees sign it. Clients pin the hash of the first one; a later one, after keys were handed on, is signed by a
quorum of the trustees before too, and has the same public keys. A dishonest server could serve another: therefore its
fingerprint in words stands where the server has no say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha512

from notalone.protocol.ceremony import FIRST, HASH_BYTES, ID_BYTES, Plan, Said, conclude, transcript
from notalone.protocol.encoding import Reader, listed, number, prefixed
from notalone.protocol.errors import COUNSELLOR, SERVER, Fault, Undecodable
from notalone.protocol.group import ELEMENT_BYTES, Element
from notalone.protocol.keys import (
    LEVEL_LEAST,
    LEVEL_MOST,
    TRUSTEES_MOST,
    Terms,
    Trustee,
    are_distinct,
    in_order,
    key_count,
)
from notalone.protocol.labels import DESCRIPTOR_CONSENT, DESCRIPTOR_DESK, DESCRIPTOR_HASH
from notalone.protocol.sharing import Commitments
from notalone.protocol.signatures import SIGNATURE_BYTES, SigningKey, WrongSignature
from notalone.protocol.words import word_list

# Odds of up to 2^bits times better than chance that two records which agree name one person.
BUCKET_BITS_MOST = 32
FINGERPRINT_WORDS = 6
# With the depositor's own an age file has at most 20.
RECIPIENTS_MOST = 19
RECIPIENT_BYTES_MOST = 100
OTHER = "Do not go on. Ask one of the trustees for the fingerprint, by another way than this server"


@dataclass(frozen=True)
class Descriptor:
    """One version. `previous`: the hash of the one before, zeros for the first."""

    escrow: bytes
    epoch: int
    highest: int
    quorum: int
    terms: Terms
    trustees: tuple[Trustee, ...]
    keys: tuple[Commitments, ...]
    transcript: bytes
    previous: bytes = FIRST

    def __bytes__(self) -> bytes:
        return (
            self.escrow
            + number(self.epoch, 4)
            + number(self.highest, 1)
            + number(self.quorum, 1)
            + bytes(self.terms)
            + listed([bytes(each) for each in self.trustees])
            + b"".join(bytes(e) for each in self.keys for e in each.elements)
            + self.transcript
            + self.previous
        )

    @classmethod
    def decode(cls, data: bytes) -> Descriptor:
        """Raises Undecodable."""
        reader = Reader(data, "descriptor")
        escrow, epoch = reader.fixed(ID_BYTES), reader.number(4)
        highest, quorum = reader.number(1), reader.number(1)
        terms, trustees = Terms.read(reader), tuple(reader.listed(TRUSTEES_MOST, Trustee.read))
        indices = [each.index for each in trustees]
        for wrong, problem in (
            (not LEVEL_LEAST <= highest <= LEVEL_MOST, "has a highest level that is not from 2 to 10"),
            (not in_order(indices), "has trustees that are not in the order of their indices, each once"),
            (not are_distinct(trustees), "has one organisation as two trustees"),
            (not 1 <= quorum <= len(trustees), "has a quorum that its trustees cannot be"),
            (terms.bucket_bits > BUCKET_BITS_MOST, f"has more than {BUCKET_BITS_MOST} bits of a bucket"),
        ):
            if wrong:
                raise Undecodable("descriptor", problem)
        keys = tuple(
            Commitments(tuple(Element.decode(reader.fixed(ELEMENT_BYTES), "commitment") for _ in range(quorum)))
            for _ in range(key_count(highest))
        )
        transcript, previous = reader.fixed(HASH_BYTES), reader.fixed(HASH_BYTES)
        reader.end()
        return cls(escrow, epoch, highest, quorum, terms, trustees, keys, transcript, previous)

    @cached_property
    def hash(self) -> bytes:
        """64 bytes, by which it is known."""
        return sha512(prefixed(DESCRIPTOR_HASH) + bytes(self)).digest()

    @classmethod
    def of(cls, plan: Plan, keys: tuple[Commitments, ...], transcript: bytes) -> Descriptor:
        """Of the keys that a ceremony made: there is nothing left to choose."""
        return cls(
            plan.escrow,
            plan.epoch,
            plan.highest,
            plan.quorum,
            plan.terms,
            plan.recipients,
            keys,
            transcript,
            plan.previous,
        )

    def trustee(self, index: int) -> Trustee:
        """Raises KeyError."""
        return {each.index: each for each in self.trustees}[index]

    def public_shares(self, index: int) -> list[Element]:
        """A trustee's share of every key, times the generator. For n keys n (quorum - 1) multiplications."""
        return [each.share(index) for each in self.keys]

    def fixed(self) -> tuple[object, ...]:
        """What no later version may change."""
        return self.escrow, self.highest, self.terms.lasting, [each.secret for each in self.keys]


def fingerprint(hash: bytes) -> tuple[str, ...]:
    """Six words for a descriptor's hash, 77 bits: to be read out and compared."""
    rest, words = int.from_bytes(hash, "big"), word_list().words
    result = []
    for _ in range(FINGERPRINT_WORDS):
        rest, n = divmod(rest, len(words))
        result.append(words[n])
    return tuple(result)


@dataclass(frozen=True)
class Signed:
    """A descriptor with the consents of its own trustees, and of those before who handed the keys on, by index."""

    descriptor: Descriptor
    consents: Mapping[int, bytes]
    handed_on: Mapping[int, bytes]

    def __bytes__(self) -> bytes:
        return prefixed(bytes(self.descriptor)) + b"".join(
            listed([number(index, 2) + signature for index, signature in sorted(some.items())])
            for some in (self.consents, self.handed_on)
        )

    @classmethod
    def decode(cls, data: bytes) -> Signed:
        """Raises Undecodable."""
        reader = Reader(data, "signed descriptor")
        descriptor = Descriptor.decode(reader.prefixed(1 << 20))
        consents, handed_on = (
            reader.listed(TRUSTEES_MOST, lambda r: (r.number(2), r.fixed(SIGNATURE_BYTES))) for _ in range(2)
        )
        reader.end()
        for some in (consents, handed_on):
            if not in_order([index for index, _ in some]):
                raise Undecodable("signed descriptor", "has signatures that are not in order, each once")
        return cls(descriptor, dict(consents), dict(handed_on))


def check_plan(plan: Plan, before: Descriptor | None) -> None:
    """By a trustee before she takes part: that the plan hands on the escrow that she knows. Raises Fault.

    A plan of another quorum or other dealers could hand a single recipient what takes a quorum to know.
    """
    if before is None:
        if plan.old is not None:
            raise Fault(SERVER, "plans to hand on an escrow that is not known here", OTHER)
        return
    dealers = [each for each in before.trustees if each in plan.dealers]
    same = (
        plan.old == before.keys
        and plan.previous == before.hash
        and plan.epoch == before.epoch + 1
        and (plan.escrow, plan.highest) == (before.escrow, before.highest)
        and plan.terms.lasting == before.terms.lasting
        and tuple(dealers) == plan.dealers
    )
    if not same:
        raise Fault(SERVER, "plans something that does not follow from the escrow's descriptor", OTHER)
    if plan.quorum < before.quorum:
        raise Fault(SERVER, f"plans a quorum of {plan.quorum} where {before.quorum} was promised", OTHER)


def agree(plan: Plan, said: Said, consents: Mapping[int, bytes], key: SigningKey) -> tuple[Descriptor, bytes]:
    """By a trustee, as a recipient or a dealer: the descriptor of what the ceremony made, and her consent to it.

    Raises Fault.
    """
    descriptor = Descriptor.of(plan, conclude(plan, said, consents), transcript(plan, said))
    return descriptor, key.sign(DESCRIPTOR_CONSENT, descriptor.hash)


def check_chain(first: bytes, versions: Sequence[Signed], seen: bytes | None = None) -> Descriptor:
    """The newest of these versions, of which the first has this hash, which the client pinned. Raises Fault.

    `seen`: the hash of the newest one that the client saw before.
    """
    if not versions or versions[0].descriptor.hash != first:
        raise Fault(SERVER, "shows another escrow than the one that is known here", OTHER)
    if seen is not None and seen not in {each.descriptor.hash for each in versions}:
        raise Fault(SERVER, "shows an older or another future of the escrow than before", OTHER)
    start, *later = versions
    before = start.descriptor
    _check_own_consents(start)
    if before.epoch != 0 or before.previous != FIRST:
        raise Fault(SERVER, "shows a first descriptor that is not one", OTHER)
    for each in later:
        _check_own_consents(each)
        now = each.descriptor
        if now.previous != before.hash or now.epoch != before.epoch + 1 or now.fixed() != before.fixed():
            raise Fault(SERVER, "shows a descriptor that does not follow from the one before", OTHER)
        _check_consents(now, before.trustees, each.handed_on, before.quorum)
        before = now
    return before


def _check_own_consents(version: Signed) -> None:
    trustees = version.descriptor.trustees
    _check_consents(version.descriptor, trustees, version.consents, len(trustees))


def _check_consents(
    descriptor: Descriptor, trustees: Sequence[Trustee], consents: Mapping[int, bytes], least: int
) -> None:
    found = 0
    for each in trustees:
        if each.index in consents:
            try:
                each.signing.verify(DESCRIPTOR_CONSENT, descriptor.hash, consents[each.index])
            except WrongSignature:
                raise Fault(SERVER, f"shows a descriptor that trustee {each.index} did not sign", OTHER) from None
            found += 1
    if found < least:
        raise Fault(SERVER, f"shows a descriptor that {found} trustees signed, where {least} must", OTHER)


# ---- who reads what is opened ----


@dataclass(frozen=True, slots=True)
class Desk:
    """The age recipients of the counsellors. `sequence`: larger each time; `expires`: Unix seconds."""

    escrow: bytes
    sequence: int
    expires: int
    recipients: tuple[str, ...]

    def __bytes__(self) -> bytes:
        return (
            self.escrow
            + number(self.sequence, 4)
            + number(self.expires, 8)
            + listed([prefixed(each.encode()) for each in self.recipients])
        )

    def sign(self, key: SigningKey) -> bytes:
        """By the counsellors."""
        return bytes(self) + key.sign(DESCRIPTOR_DESK, bytes(self))


def read_desk(descriptor: Descriptor, data: bytes, now: int, least_sequence: int = 0) -> Desk:
    """The desk that the counsellors signed. `now`: Unix seconds; `least_sequence`: the latest that was seen.

    Raises Fault for one that is of another escrow, not signed, out of date, or older than one that was seen.
    """
    body, signature = data[:-SIGNATURE_BYTES], data[-SIGNATURE_BYTES:]
    again = "Load the page again. If it stays so, tell the counsellors, by another way than this server"
    try:
        descriptor.terms.counsellors.verify(DESCRIPTOR_DESK, body, signature)
    except WrongSignature:
        raise Fault(SERVER, "shows readers whom the counsellors did not name", OTHER) from None
    reader = Reader(body, "desk")
    try:
        escrow, sequence, expires = reader.fixed(ID_BYTES), reader.number(4), reader.number(8)
        some = reader.listed(RECIPIENTS_MOST, lambda r: r.prefixed(RECIPIENT_BYTES_MOST).decode("ascii", "replace"))
        reader.end()
    except Undecodable as error:
        raise Fault(COUNSELLOR, f"signed something that cannot be read ({error})", again) from error
    if escrow != descriptor.escrow or not some:
        raise Fault(COUNSELLOR, "signed no readers of this escrow", again)
    if sequence < least_sequence:
        raise Fault(SERVER, "shows readers that were replaced", again)
    if now >= expires:
        raise Fault(COUNSELLOR, "named readers for a time that is over", again)
    return Desk(escrow, sequence, expires, tuple(some))
