# SPDX-License-Identifier: AGPL-3.0-or-later
"""Records: what is sealed, what shows of it, and what comes out when it opens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notalone.protocol import reports
from notalone.protocol.encoding import prefixed
from notalone.protocol.errors import DEPOSITOR, Fault, Undecodable
from notalone.protocol.escrow import (
    ENVELOPE_BYTES,
    WRAP_BYTES,
    Handle,
    Named,
    Record,
    bases,
    deposit,
    open_envelope,
    read_handle,
    read_record,
    unwrap,
    wrap,
    wrap_context,
)
from notalone.protocol.group import Scalar, base_times
from notalone.protocol.labels import ESCROW_HANDLE, ESCROW_RECORD
from notalone.protocol.reports import UnreadableReport
from notalone.protocol.seals import encrypt
from tests.protocol.trustees import ESCROW, source
from tests.protocol.world import Person, named, person, world

HERE = world(3, bits=7)
HER, HIM, OTHER = person(1), named("him"), named("other")
HANDLE = Handle(b"m" * 32, HER.depositor.recipient, "es", "después de las seis")


@pytest.fixture(scope="module")
def record() -> Record:
    return HERE.deposit(HER, [HIM, OTHER], 2, HANDLE)


def key_of(record: Record, who: Person = HER, level: int = 2) -> bytes:
    """Its key, by the one who could always open it: who asks with her credential and the name."""
    value = HERE.evaluate(who, HIM).values[level]
    key = unwrap(value, wrap_context(ESCROW, level, who.x(), record.id, 0), record.entries[0].wraps[level])
    assert key is not None
    return key


# ---- what is stored ----


def test_a_record_is_read_as_it_was_made(record: Record) -> None:
    assert read_record(HERE.descriptor, bytes(record)) == record
    other = HERE.deposit(HER, [HIM, OTHER], 3, replace(HANDLE, hours="", language="en"))
    assert len(bytes(record)) == len(bytes(other))


def test_all_records_of_as_many_names_have_one_length() -> None:
    lengths = {len(bytes(HERE.deposit(person(n), [HIM], t))) for n in range(3) for t in (2, 3)}
    assert len(lengths) == 1


def test_bases_have_nothing_in_common() -> None:
    some = [e for about in (HIM, OTHER) for escrow in (ESCROW, b"f" * 32) for e in bases(escrow, 5, about)]
    assert len(some) == len(set(some)) == 20
    assert bases(ESCROW, 5, HIM)[:3] == bases(ESCROW, 3, HIM)


def test_every_name_shows_as_many_bits(record: Record) -> None:
    assert [each.bits for each in record.entries] == [7, 7]
    alone = [HERE.deposit(HER, [each], 2).entries[0] for each in (HIM, OTHER)]
    assert [each.bucket for each in alone] == [each.bucket for each in record.entries]
    assert all(each.bucket < 128 for each in alone)
    none = world(3).deposit(HER, [HIM], 2).entries[0]
    assert (none.bits, none.bucket) == (0, 0)


def test_what_hides_the_threshold_looks_like_the_rest() -> None:
    low, high = (HERE.deposit(HER, [HIM], threshold).entries[0] for threshold in (2, 3))
    assert low.rows[2] == HERE.evaluate(HER, HIM).rows[2] != high.rows[2]
    assert low.rows[3] == high.rows[3] == HERE.evaluate(HER, HIM).rows[3]
    for each in (low, high):
        assert {j: len(row) for j, row in each.rows.items()} == {2: 2, 3: 3}
        assert {j: len(wrap_) for j, wrap_ in each.wraps.items()} == {2: WRAP_BYTES, 3: WRAP_BYTES}
    again = HERE.deposit(HER, [HIM], 3).entries[0]
    # As real ones: rows stay what they are for one person, wraps never do.
    assert again.rows == high.rows
    assert not set(again.wraps.values()) & set(high.wraps.values())
    assert HERE.deposit(HER, [OTHER], 3).entries[0].rows[2] != high.rows[2]
    assert HERE.deposit(person(2), [HIM], 3).entries[0].rows[2] != high.rows[2]
    assert len({*high.rows[2], *low.rows[2], *low.rows[3]}) == 7


def test_below_the_threshold_no_value_opens_a_wrap() -> None:
    record = HERE.deposit(HER, [HIM], 3)
    context = wrap_context(ESCROW, 2, HER.x(), record.id, 0)
    assert unwrap(HERE.evaluate(HER, HIM).values[2], context, record.entries[0].wraps[2]) is None
    assert key_of(record, level=3)


# ---- wraps ----


def test_a_wrap_opens_with_its_value_and_context_alone() -> None:
    value, other = base_times(Scalar.public(5)), base_times(Scalar.public(6))
    context = wrap_context(ESCROW, 2, HER.x(), b"r" * 32, 0)
    wrapped = wrap(value, context, b"k" * 32)
    assert len(wrapped) == WRAP_BYTES
    assert unwrap(value, context, wrapped) == b"k" * 32
    assert unwrap(other, context, wrapped) is None
    contexts = [
        wrap_context(b"f" * 32, 2, HER.x(), b"r" * 32, 0),
        wrap_context(ESCROW, 3, HER.x(), b"r" * 32, 0),
        wrap_context(ESCROW, 2, person(2).x(), b"r" * 32, 0),
        wrap_context(ESCROW, 2, HER.x(), b"s" * 32, 0),
        wrap_context(ESCROW, 2, HER.x(), b"r" * 32, 1),
    ]
    assert [unwrap(value, each, wrapped) for each in contexts] == [None] * 5
    for at in range(WRAP_BYTES):
        assert unwrap(value, context, wrapped[:at] + bytes([wrapped[at] ^ 1]) + wrapped[at + 1 :]) is None


# ---- records that are refused ----


def refused(data: bytes, match: str) -> None:
    with pytest.raises(Fault, match=match) as found:
        read_record(HERE.descriptor, data)
    assert found.value.party == DEPOSITOR


def signed(record: Record, by: Person = HER) -> bytes:
    return record.body + by.depositor.key.sign(ESCROW_RECORD, record.body)


def test_a_record_of_another_author_is_refused(record: Record) -> None:
    for wrong in (
        signed(record, person(2)),
        signed(replace(record, credential=person(2).depositor.credential)),
        bytes(record)[:-1] + bytes([record.signature[-1] ^ 1]),
        bytes(replace(record, id=b"i" * 32)),
        bytes(replace(record, envelope=record.envelope[::-1])),
        bytes(replace(record, entries=record.entries[::-1])),
    ):
        refused(wrong, "without a credential")


def test_a_record_of_another_descriptor_is_refused(record: Record) -> None:
    refused(signed(replace(record, descriptor=b"d" * 64)), "in another escrow or epoch")


def test_nobody_shows_more_or_fewer_bits_than_everyone(record: Record) -> None:
    first, second = record.entries
    fewer = replace(second, bits=6, bucket=second.bucket >> 1)
    for entries in ((fewer,), (first, fewer), (replace(first, bits=8), second), (replace(first, bits=0, bucket=0),)):
        refused(signed(replace(record, entries=entries)), "other bits than everyone")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda r: replace(r, entries=()), "names nobody"),
        (lambda r: replace(r, entries=r.entries * 3), "list of 6"),
        (lambda r: replace(r, entries=(replace(r.entries[0], bits=2, bucket=4),)), "more bits than it says"),
        (lambda r: replace(r, entries=(replace(r.entries[0], bits=33),)), "more bits than it says"),
        (lambda r: replace(r, envelope=r.envelope + b"x"), "follow its end"),
        (lambda r: replace(r, envelope=r.envelope[1:]), "ends after"),
    ],
)
def test_a_record_that_cannot_be_read_is_refused(
    record: Record, change: Callable[[Record], Record], match: str
) -> None:
    refused(signed(change(record)), match)


def test_a_record_is_whole(record: Record) -> None:
    refused(bytes(record) + b"x", "follow its end")
    refused(bytes(record)[:-1], "ends after")


@given(st.binary(max_size=600))
@settings(max_examples=50)
def test_whatever_comes_as_a_record_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(Fault):
        read_record(HERE.descriptor, data)


def test_mistakes_of_ours() -> None:
    some = [Named(HIM, HERE.evaluate(HER, HIM))]
    for threshold in (0, 1, 4):
        with pytest.raises(ValueError, match="threshold is from 2 to 3"):
            deposit(HERE.descriptor, HER.depositor, some, threshold, HANDLE, [HERE.reader])
    for names in ([], some * 2, [Named(named(f"n{n}"), some[0].evaluated) for n in range(17)]):
        with pytest.raises(ValueError, match="from 1 to 4"):
            deposit(HERE.descriptor, HER.depositor, names, 2, HANDLE, [HERE.reader])


def test_an_envelope_has_room_for_all_the_readers_there_may_be() -> None:
    readers = [str(pyrage.x25519.Identity.generate().to_public()) for _ in range(19)]
    some = [Named(HIM, HERE.evaluate(HER, HIM))]
    lengths = {len(deposit(HERE.descriptor, HER.depositor, some, 2, HANDLE, readers[:n]).envelope) for n in (1, 5, 19)}
    assert lengths == {ENVELOPE_BYTES}
    with pytest.raises(ValueError, match="21 recipients"):
        deposit(HERE.descriptor, HER.depositor, some, 2, HANDLE, [*readers, HERE.reader])


def test_randomness_is_an_argument_with_a_safe_default() -> None:
    one, two = (HERE.deposit(HER, [HIM], 2, source=source(3)) for _ in range(2))
    assert (one.id, one.entries) == (two.id, two.entries)
    assert HERE.deposit(HER, [HIM], 2).id != HERE.deposit(HER, [HIM], 2).id


# ---- the handle ----


def test_what_opens_is_a_handle_that_the_counsellor_alone_reads(record: Record) -> None:
    file = open_envelope(ESCROW, record, key_of(record))
    found = read_handle(HERE.descriptor, record.id, record.credential, file, HERE.counsellor)
    assert found == HANDLE
    assert read_handle(HERE.descriptor, record.id, record.credential, file, HER.identity) == HANDLE
    with pytest.raises(UnreadableReport):
        read_handle(HERE.descriptor, record.id, record.credential, file, person(2).identity)


def test_an_envelope_opens_with_its_own_key_and_record_alone(record: Record) -> None:
    key, other = key_of(record), HERE.deposit(HER, [HIM], 2)
    empty = replace(record, envelope=encrypt(key, b"\xff" * 4096, ESCROW + record.id))
    for wrong, with_key in ((record, b"k" * 32), (replace(record, id=other.id), key), (other, key), (empty, key)):
        with pytest.raises(Fault, match="that its key does not open"):
            open_envelope(ESCROW, wrong, with_key)


def test_nothing_is_hidden_behind_the_file(record: Record) -> None:
    key = key_of(record)
    for put in (prefixed(b"a file").ljust(4095, b"\0") + b"x", (prefixed(b"a file") + b"x").ljust(4096, b"\0")):
        with pytest.raises(Fault, match="hid something"):
            open_envelope(ESCROW, replace(record, envelope=encrypt(key, put, ESCROW + record.id)), key)


def test_a_record_may_have_four_names() -> None:
    record = HERE.deposit(HER, [named(f"n{n}") for n in range(4)], 2)
    assert len(read_record(HERE.descriptor, bytes(record)).entries) == 4


def test_a_bucket_may_have_all_its_bits() -> None:
    here = world(3, bits=32)
    record = here.deposit(HER, [HIM], 2)
    assert record.entries[0].bits == 32
    assert read_record(here.descriptor, bytes(record)) == record


def file_with(inner: bytes) -> bytes:
    return reports.seal(inner, hers=HER.depositor.recipient, others=[HERE.reader])


def test_nobody_can_put_another_handle_in_her_record(record: Record) -> None:
    """The server swaps envelopes; another depositor puts her own handle there; a handle of another record is copied."""
    mine = bytes(Handle(b"x" * 32, person(2).depositor.recipient, "en"))
    theirs = person(2).depositor
    for credential, key, about in (
        (HER.depositor.credential, theirs.key, record.id),
        (theirs.credential, theirs.key, record.id),
        (theirs.credential, HER.depositor.key, record.id),
        (HER.depositor.credential, HER.depositor.key, b"another record".ljust(32)),
    ):
        signature = key.sign(ESCROW_HANDLE, ESCROW + about + mine)
        file = file_with(mine + bytes(credential) + signature)
        with pytest.raises(Fault, match="that its author did not put there"):
            read_handle(HERE.descriptor, record.id, record.credential, file, HERE.counsellor)


def test_a_handle_of_a_forged_credential_is_refused(record: Record) -> None:
    own = HER.depositor.credential
    forged = replace(own, signature=own.signature[:-1] + bytes([own.signature[-1] ^ 1]))
    signature = HER.depositor.key.sign(ESCROW_HANDLE, ESCROW + record.id + bytes(HANDLE))
    file = file_with(bytes(HANDLE) + bytes(forged) + signature)
    with pytest.raises(Fault, match="its author did not"):
        read_handle(HERE.descriptor, record.id, forged, file, HERE.counsellor)


@pytest.mark.parametrize("inner", [b"", bytes(900), bytes(895), bytes(HANDLE), b"\xff" * 896])
def test_a_handle_that_cannot_be_read_blames_its_author(record: Record, inner: bytes) -> None:
    with pytest.raises(Fault, match="cannot be read") as found:
        read_handle(HERE.descriptor, record.id, record.credential, file_with(inner), HERE.counsellor)
    assert found.value.party == DEPOSITOR


def test_handles_have_one_length_and_one_form() -> None:
    data = bytes(HANDLE)
    assert Handle.decode(data) == HANDLE
    assert len(data) == len(bytes(Handle(bytes(32), "", ""))) == 512
    for wrong in (data[:-1], data + b"\0", data[:-1] + b"x", data[:36] + b"\xff" + data[37:], bytes(31), b"\xff" * 512):
        with pytest.raises(Undecodable, match="handle"):
            Handle.decode(wrong)
    for odd in (replace(HANDLE, mailbox=b"short"), replace(HANDLE, hours="x" * 512)):
        with pytest.raises(ValueError, match="32 bytes"):
            bytes(odd)


@given(st.binary(min_size=505, max_size=515) | st.binary(max_size=60))
def test_whatever_comes_as_a_handle_is_decoded_to_itself_or_refused(data: bytes) -> None:
    try:
        found = Handle.decode(data)
    except Undecodable:
        return
    assert bytes(found) == data


def test_nothing_secret_is_shown(record: Record) -> None:
    assert repr(HANDLE) == "Handle()"
    assert HIM.canonical not in repr(Named(HIM, HERE.evaluate(HER, HIM)))
    shown = repr(HER.depositor)
    for secret in (HER.depositor.hidden, HER.depositor.recipient.encode()):
        assert repr(secret)[2:-1] not in shown


def test_the_server_learns_no_handle_from_what_opens(record: Record) -> None:
    file = open_envelope(ESCROW, record, key_of(record))
    assert HANDLE.mailbox not in file
    assert bytes(HER.depositor.credential)[:32] not in file
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(file, [pyrage.x25519.Identity.generate()])


def test_another_envelope_under_the_key_is_noticed(record: Record) -> None:
    """The key is the server's too once a record opens; what it puts there is not signed by her."""
    key = key_of(record)
    put = prefixed(file_with(bytes(HANDLE) + bytes(384))).ljust(4096, b"\0")
    swapped = replace(record, envelope=encrypt(key, put, ESCROW + record.id))
    file = open_envelope(ESCROW, swapped, key)
    with pytest.raises(Fault, match="did not put there"):
        read_handle(HERE.descriptor, record.id, record.credential, file, HERE.counsellor)
