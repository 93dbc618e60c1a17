# SPDX-License-Identifier: AGPL-3.0-or-later
"""Prints vectors/escrow.json: `python -m tools.vectors.escrow [--fresh]`.

age draws its own randomness, so the age files are kept from the file that is there; --fresh makes new ones.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from notalone.protocol import reports
from notalone.protocol.encoding import prefixed
from notalone.protocol.escrow import (
    ENVELOPE_BYTES,
    FILE_BYTES,
    Depositor,
    Handle,
    Named,
    Record,
    bases,
    deposit,
    open_envelope,
)
from notalone.protocol.group import Element
from notalone.protocol.identifiers import Hints, Identifier, Kind, parse, person
from notalone.protocol.keys import KeyShares, exponents
from notalone.protocol.labels import ESCROW_HANDLE, ESCROW_RECORD
from notalone.protocol.matching import Name, Placed, Unlocked, candidates, search
from notalone.protocol.seals import encrypt
from notalone.protocol.signatures import SIGNATURE_BYTES
from notalone.protocol.trustees import Evaluated
from tools.vectors import world
from tools.vectors.case import Case, changed, drawn, show
from tools.vectors.trustees import evaluated as told
from tools.vectors.trustees import hexed
from tools.vectors.world import DESK, ESCROW, Person, descriptor, held, recipient

KEPT = Path(__file__).parents[2] / "vectors" / "escrow.json"
ABOUT = (
    "Records (spec/escrow.md), with levels up to 3. `bases`: of identifiers. `handles`: encoded, or undecodable."
    " `depositors`: who deposits; `desk`: the identity of the one reader. `records`: what one of them seals about"
    " `named`, of which the trustees made `tag`, `rows` and `values`; `id` and `key` are what she drew; `inner` is what"
    " stands in the age file. age draws its own randomness: so `file` is one that was made, and `record` is the record"
    " with this file in it. All before the envelope, and what opens, is the same each time. `refused`: the first record"
    " with other bytes from `at` on, signed anew where a signature is given. `matching`: entries of records about two"
    " people, and what opens, at which level, when each of them arrives; `opened` names entries by their places. Bytes,"
    " scalars and elements are hexadecimal."
)
HIGHEST = 3
DESCRIPTOR = descriptor(held(HIGHEST), bits=7)
HIM = parse(Kind.EMAIL, "him@example.org")
AGAIN = parse(Kind.TELEPHONE, "+91 98765 43210")
OTHER = parse(Kind.EMAIL, "other@example.org")
HANDLE = Handle(b"m" * 32, recipient(world.person(0).identity), "es", "después de las seis")
CREDENTIAL_AT = 64 + 32
ENTRIES_AT = CREDENTIAL_AT + 320


# The keys themselves, which nobody has outside of tests.
KEYS = KeyShares(0, held(HIGHEST).secrets)


def evaluate(who: Person, identifier: Identifier) -> Evaluated:
    """What a quorum of trustees would make of it."""
    by_base: list[list[Element]] = [[] for _ in range(HIGHEST)]
    some = bases(ESCROW, HIGHEST, identifier)
    for each in exponents(HIGHEST, who.x):
        by_base[each.base].append(each.of(KEYS) * some[each.base])
    tag, *levels = by_base
    rows = {j: tuple(each[:-1]) for j, each in enumerate(levels, 2)}
    return Evaluated(tag[0], rows, {j: each[-1] for j, each in enumerate(levels, 2)})


def depositor(who: Person) -> Depositor:
    return Depositor(who.credential, who.key, who.root.dummy_secret(ESCROW), recipient(who.identity))


def deposited(who: Person, some: Sequence[Identifier], threshold: int, id: bytes, key: bytes) -> Record:
    drawn_ = iter((id, key))
    named = [Named(each, evaluate(who, each)) for each in some]
    return deposit(
        DESCRIPTOR, depositor(who), named, threshold, HANDLE, [recipient(DESK)], source=lambda _: next(drawn_)
    )


def main() -> None:
    records = [recorded(n, *each) for n, each in enumerate(RECORDS)]
    show(
        {
            "about": ABOUT,
            "descriptor": bytes(DESCRIPTOR).hex(),
            "bases": [based(*each) for each in identifiers()],
            "handles": handles(),
            "depositors": [written(world.person(n)) for n in range(2)],
            "desk": DESK,
            "records": records,
            "refused": refused(bytes.fromhex(records[0]["record"])),
            "matching": matching(),
        }
    )


def identifiers() -> list[tuple[str, Identifier]]:
    return [
        ("an e-mail address", HIM),
        ("a telephone number", AGAIN),
        ("a profile", parse(Kind.PROFILE, "https://github.com/someone")),
        ("a name", parse(Kind.NAME, "José Ñandú", Hints(organisation="theatre"))),
        ("a person of the directory", person("theatre", 7, "Ana")),
    ]


def based(why: str, identifier: Identifier) -> Case:
    return {
        "why": why,
        "identifier": identifier.encode().hex(),
        "escrow": ESCROW.hex(),
        "highest": 4,
        "bases": hexed(bases(ESCROW, 4, identifier)),
    }


# ---- handles ----


def handles() -> list[Case]:
    right = bytes(HANDLE)
    good = [
        ("a handle", HANDLE),
        ("no hours", replace(HANDLE, hours="")),
        ("one that fills it", replace(HANDLE, hours="h" * (512 - 32 - 12 - len(HANDLE.recipient) - 2))),
    ]
    bad = [
        ("a byte is missing", right[:-1]),
        ("a byte too many", right + b"\0"),
        ("filled up with something else", right[:-1] + b"\1"),
        ("something after the hours", changed(right, right.rindex(b"seis") + 4)),
        ("a text that is not UTF-8", right.replace(b"seis", b"se\xffs")),
        ("a text of more than there is", right[:32] + b"\0\0\2\0" + right[36:]),
        ("empty", b""),
    ]
    return [
        *({"why": why, "valid": True, **shown(each), "encoded": bytes(each).hex()} for why, each in good),
        *({"why": why, "valid": False, "error": "undecodable", "encoded": each.hex()} for why, each in bad),
    ]


def shown(each: Handle) -> Case:
    return {
        "mailbox": each.mailbox.hex(),
        "recipient": each.recipient,
        "language": each.language,
        "hours": each.hours,
    }


# ---- records ----


def written(who: Person) -> Case:
    hers = depositor(who)
    return {
        "seed": who.root.signing_seed(ESCROW).hex(),
        "credential": bytes(who.credential).hex(),
        "hidden": hers.hidden.hex(),
        "identity": who.identity,
        "recipient": hers.recipient,
    }


RECORDS: tuple[tuple[str, int, tuple[Identifier, ...], int], ...] = (
    ("a threshold of 2", 0, (HIM,), 2),
    ("a threshold of 3: level 2 only looks like one", 0, (HIM,), 3),
    ("two identifiers: the second in another place", 0, (HIM, AGAIN), 3),
    ("another person about the same", 1, (HIM,), 2),
)


def recorded(place: int, why: str, who: int, some: tuple[Identifier, ...], threshold: int) -> Case:
    id, key = (drawn(f"vectors/escrow.json {place} {each}")(32) for each in ("id", "key"))
    depositing = world.person(who)
    record = deposited(depositing, some, threshold, id, key)
    inner = bytes(HANDLE) + bytes(depositing.credential)
    inner += depositing.key.sign(ESCROW_HANDLE, ESCROW + id + bytes(HANDLE))
    file = kept(place) or open_envelope(ESCROW, record, key)
    assert reports.unseal(file, DESK) == inner
    return {
        "why": why,
        "depositor": who,
        "threshold": threshold,
        "named": [{"identifier": each.encode().hex(), **told(evaluate(depositing, each))} for each in some],
        "handle": shown(HANDLE),
        "readers": [recipient(DESK)],
        "id": id.hex(),
        "key": key.hex(),
        "inner": inner.hex(),
        "file": file.hex(),
        "record": bytes(with_file(depositing, record, file, key)).hex(),
    }


def kept(place: int) -> bytes | None:
    if "--fresh" in sys.argv or not KEPT.exists() or not KEPT.stat().st_size:
        return None
    return bytes.fromhex(json.loads(KEPT.read_text())["records"][place]["file"])


def with_file(who: Person, record: Record, file: bytes, key: bytes) -> Record:
    envelope = encrypt(key, prefixed(file).ljust(FILE_BYTES, b"\0"), ESCROW + record.id)
    unsigned = replace(record, envelope=envelope)
    return replace(unsigned, signature=who.key.sign(ESCROW_RECORD, unsigned.body))


def refused(first: bytes) -> list[Case]:
    who, another = world.person(0), world.person(1)
    body, row_at, bits_at = first[:-SIGNATURE_BYTES], ENTRIES_AT + 2 + 5, ENTRIES_AT + 2
    of_other = bytes(another.credential)

    def with_bytes(at: int, data: bytes) -> bytes:
        return body[:at] + data + body[at + len(data) :]

    signed = [
        ("of another descriptor", 0, bytes(64)),
        ("another's credential", CREDENTIAL_AT, of_other),
        ("a credential that the issuer did not sign", CREDENTIAL_AT + 64, bytes(256)),
        ("names nobody", ENTRIES_AT, b"\0\0"),
        ("names two, and holds one", ENTRIES_AT, b"\0\2"),
        ("names five", ENTRIES_AT, b"\0\5"),
        ("more bits than everyone", bits_at, b"\x08"),
        ("fewer bits than everyone", bits_at, b"\x06\0\0\0\0"),
        ("33 bits", bits_at, b"\x21"),
        ("a bucket of more bits than it says", bits_at + 1, b"\0\0\0\x80"),
        ("a row with the identity", row_at, bytes(32)),
        ("a row that is no element", row_at, b"\xff" * 32),
    ]
    made: list[Case] = [
        {
            "why": why,
            "at": at,
            "bytes": data.hex(),
            "signature": who.key.sign(ESCROW_RECORD, with_bytes(at, data)).hex(),
            "blame": "depositor",
        }
        for why, at, data in signed
    ]
    changes = [
        ("another id", 64, changed(first[64:96], 0)),
        ("another row, and the same signature", row_at, first[row_at + 32 : row_at + 64]),
        ("another wrap, and the same signature", len(body) - ENVELOPE_BYTES - 1, b"\0"),
        ("another envelope, and the same signature", len(body) - 1, changed(body[-1:], 0)),
        ("one bit of the signature", len(first) - 1, changed(first[-1:], 0)),
        ("a byte too many", len(first), b"\0"),
    ]
    made += [{"why": why, "at": at, "bytes": data.hex(), "blame": "depositor"} for why, at, data in changes]
    other = another.key.sign(ESCROW_RECORD, body)
    made.append({"why": "signed by another", "at": 0, "bytes": "", "signature": other.hex(), "blame": "depositor"})
    return made


# ---- matching ----


def matching() -> Case:
    """Who deposits in which order, about whom, with which threshold."""
    arrivals = (
        ("the first about him, with a threshold of 3", 0, HIM, 3),
        ("another about him, with a threshold of 2: one is not enough", 1, HIM, 2),
        ("somebody about another man", 2, OTHER, 2),
        ("her again about him: one person counts once", 1, HIM, 2),
        ("a third about him: two with a threshold of 2 open, and then all three", 3, HIM, 2),
        ("a fourth, when all levels are open", 4, HIM, 3),
    )
    entries, opened = [], []
    server = Server()
    for n, (why, who, name, threshold) in enumerate(arrivals):
        id, key = (drawn(f"vectors/escrow.json arrival {n} {each}")(32) for each in ("id", "key"))
        record = deposited(world.person(who), [name], threshold, id, key)
        new = Placed(record.id, 0, world.person(who).x, record.entries[0])
        case = {"why": why, "record": id.hex(), "place": 0, "x": bytes(new.x).hex(), "key": key.hex()}
        entries.append(case | {"entry": bytes(new.entry).hex()})
        opened.append([{"level": level, "entry": place} for level, place in server.take(new)])
    return {"entries": entries, "opened": opened}


class Server:
    """Stores entries as they come, and what opened."""

    def __init__(self) -> None:
        self._stored: list[Placed] = []
        self._unlocked: list[Unlocked] = []
        self._opened: set[tuple[Name, int]] = set()

    def take(self, new: Placed) -> list[tuple[int, int]]:
        """What opens because this one came: levels, and places in the order of arrival."""
        steps = search(ESCROW, HIGHEST, new, candidates(new, self._stored), self._unlocked, self._opened)
        openings = [each for each in steps if each is not None]
        self._stored.append(new)
        places = {each.name: place for place, each in enumerate(self._stored)}
        self._unlocked += [each.unlocked for each in openings if each.unlocked is not None]
        self._opened |= {(name, each.level) for each in openings for name in each.keys}
        return sorted((each.level, places[name]) for each in openings for name in each.keys)


if __name__ == "__main__":
    main()
