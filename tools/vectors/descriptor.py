# SPDX-License-Identifier: AGPL-3.0-or-later
"""Prints vectors/descriptor.json.

.venv/bin/python -m tools.vectors.descriptor
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from notalone.protocol.descriptor import Descriptor, Desk, Signed, fingerprint
from notalone.protocol.encoding import listed, number, prefixed
from notalone.protocol.labels import DESCRIPTOR_CONSENT, DESCRIPTOR_DESK
from notalone.protocol.signatures import SigningKey
from tools.vectors.case import Case, changed, drawn, show
from tools.vectors.credentials import ISSUERS
from tools.vectors.world import COUNSELLORS, ESCROW, ORGANISATIONS, Organisation, descriptor, held, organisation

ABOUT = (
    "Descriptors (spec/descriptor.md), with levels up to 2. `descriptors`: what can be read, with its hash, its"
    " fingerprint, each field, and each trustee's shares of the keys times g; and what is undecodable. `signed`:"
    " descriptors with consents. `undecodable`: what is no signed descriptor. `chains`: versions by their names in"
    " `signed`, the pinned hash, and the epoch of the newest or who is to blame. `desks`: who reads what is opened, at"
    " the time `now`, when a desk of the sequence `least` was seen; `descriptor` is the first of `descriptors`. Bytes"
    " are hexadecimal."
)
FIRST_ONE = descriptor(held(2))
# Trustee 1 goes, trustee 4 comes; 1 and 3 hand their shares on.
LATER_ONES = (*ORGANISATIONS[1:], organisation(4, "Änderung e. V."))


SECOND = descriptor(held(2, LATER_ONES, 1), bits=4, previous=FIRST_ONE.hash)
THIRD = replace(SECOND, epoch=2, previous=SECOND.hash, quorum=2)


def main() -> None:
    show(
        {
            "about": ABOUT,
            "descriptors": [*descriptors(), *refused()],
            "signed": {name: bytes(each).hex() for name, each in SIGNED.items()},
            "undecodable": undecodable(),
            "chains": chains(),
            "desks": desks(),
        }
    )


# ---- descriptors ----


def descriptors() -> list[Case]:
    cases = [("a first one", FIRST_ONE), ("a second one, handed on", SECOND), ("one trustee", alone())]
    return [{"why": why, "valid": True, **fields(each)} for why, each in cases]


def alone() -> Descriptor:
    keys = tuple(replace(each, elements=each.elements[:1]) for each in FIRST_ONE.keys)
    terms = replace(FIRST_ONE.terms, bucket_bits=0)
    return replace(FIRST_ONE, quorum=1, trustees=FIRST_ONE.trustees[:1], keys=keys, terms=terms)


def fields(each: Descriptor) -> Case:
    return {
        "encoded": bytes(each).hex(),
        "hash": each.hash.hex(),
        "fingerprint": list(fingerprint(each.hash)),
        "escrow": each.escrow.hex(),
        "epoch": each.epoch,
        "highest": each.highest,
        "quorum": each.quorum,
        "bucket_bits": each.terms.bucket_bits,
        "budget": each.terms.budget,
        "credentials": each.terms.credentials,
        "issuer": bytes(each.terms.issuer).hex(),
        "counsellors": bytes(each.terms.counsellors).hex(),
        "trustees": [
            {
                "index": one.index,
                "name": one.name,
                "signing": bytes(one.signing).hex(),
                "sealing": bytes(one.sealing).hex(),
                "shares": [bytes(share).hex() for share in each.public_shares(one.index)],
            }
            for one in each.trustees
        ],
        "transcript": each.transcript.hex(),
        "previous": each.previous.hex(),
    }


def refused() -> list[Case]:
    data, trustees = bytes(FIRST_ONE), FIRST_ONE.trustees
    nobody = replace(trustees[0], index=0)
    keys_at = len(data) - 128 - 10 * 32
    changes: list[tuple[str, dict[str, Any]]] = [
        ("a highest level of 1", {"highest": 1}),
        ("a highest level of 11", {"highest": 11}),
        ("a highest level that needs more keys", {"highest": 3}),
        ("a quorum of none", {"quorum": 0}),
        ("a quorum of more than there are", {"quorum": 4}),
        ("33 bits of a bucket", {"terms": replace(FIRST_ONE.terms, bucket_bits=33)}),
        ("no trustees", {"trustees": ()}),
        ("trustees in another order", {"trustees": trustees[::-1]}),
        ("a trustee twice", {"trustees": (trustees[0], *trustees)}),
        ("one organisation as two", {"trustees": (*trustees, replace(trustees[0], index=9))}),
        (
            "two that share a key for questions",
            {"trustees": (trustees[0], replace(trustees[1], sealing=trustees[0].sealing), *trustees[2:])},
        ),
        ("a trustee with the index 0", {"trustees": (nobody, *trustees[1:])}),
        ("a name of 201 bytes", {"trustees": (replace(trustees[0], name="n" * 201), *trustees[1:])}),
        ("a key too few", {"keys": FIRST_ONE.keys[:-1]}),
        ("a key too many", {"keys": (*FIRST_ONE.keys, FIRST_ONE.keys[0])}),
    ]
    some = [(why, bytes(replace(FIRST_ONE, **change))) for why, change in changes]
    name_at = data.index(b"Trustee 1")
    some += [
        ("a name that is not UTF-8", data[:name_at] + b"\xff" + data[name_at + 1 :]),
        ("an even modulus of the issuer", changed(data, 47 + 255)),
        ("a commitment to zero", data[:keys_at] + bytes(32) + data[keys_at + 32 :]),
        ("a commitment that is no element", changed(data, keys_at)),
        ("a byte is missing", data[:-1]),
        ("a byte too many", data + b"\0"),
        ("empty", b""),
    ]
    return [{"why": why, "valid": False, "error": "undecodable", "encoded": each.hex()} for why, each in some]


# ---- signed, and chains ----


def by(each: Descriptor, *some: Organisation) -> dict[int, bytes]:
    return {one.index: one.signing.sign(DESCRIPTOR_CONSENT, each.hash) for one in some}


def later(each: Descriptor, before: Sequence[Organisation] = (ORGANISATIONS[0], ORGANISATIONS[2])) -> Signed:
    return Signed(each, by(each, *LATER_ONES), by(each, *before))


def signed() -> dict[str, Signed]:
    odd_first = replace(FIRST_ONE, previous=bytes(63) + b"\1")
    late_first = replace(FIRST_ONE, epoch=1)
    right = by(FIRST_ONE, *ORGANISATIONS)
    handed = later(SECOND)
    other_keys = tuple(replace(each, elements=each.elements[::-1]) for each in SECOND.keys)
    cases = {
        "first": Signed(FIRST_ONE, right, {}),
        "second": handed,
        "second, by more than a quorum": later(SECOND, ORGANISATIONS),
        "third": Signed(THIRD, by(THIRD, *LATER_ONES), by(THIRD, *LATER_ONES[:2])),
        "first, by two": Signed(FIRST_ONE, {n: right[n] for n in (1, 2)}, {}),
        "first, by one in another's name": Signed(FIRST_ONE, right | {2: right[1]}, {}),
        "first, one signature changed": Signed(FIRST_ONE, right | {3: changed(right[3], 40)}, {}),
        "first, with a version before": Signed(odd_first, by(odd_first, *ORGANISATIONS), {}),
        "first, of epoch 1": Signed(late_first, by(late_first, *ORGANISATIONS), {}),
        "second, by the new ones alone": later(SECOND, ()),
        "second, by one of those before": later(SECOND, ORGANISATIONS[:1]),
        "second, by the new ones in the old ones' place": later(SECOND, LATER_ONES[:1]),
        "second, by two of its three": replace(handed, consents=by(SECOND, *LATER_ONES[:2])),
        "second, one before did not sign": replace(
            handed, handed_on={**handed.handed_on, 1: changed(handed.handed_on[1], 0)}
        ),
    }
    others = SigningKey(drawn("vectors others")(32)).public
    for why, change in (
        ("second, of no version before", {"previous": bytes(64)}),
        ("second, of epoch 2", {"epoch": 2}),
        ("second, of another escrow", {"escrow": b"f" * 32}),
        ("second, with other counsellors", {"terms": replace(SECOND.terms, counsellors=others)}),
        ("second, with another issuer", {"terms": replace(SECOND.terms, issuer=ISSUERS[1].public)}),
        ("second, with other keys", {"keys": other_keys}),
    ):
        cases[why] = later(replace(SECOND, **change))
    return cases


SIGNED = signed()


def undecodable() -> list[Case]:
    data = bytes(SIGNED["first"])
    one, two = (number(n, 2) + SIGNED["first"].consents[n] for n in (1, 2))
    start = prefixed(bytes(FIRST_ONE))
    cases = [
        ("consents in another order", start + listed([two, one]) + listed([])),
        ("a consent twice", start + listed([one, one]) + listed([])),
        ("those before in another order", start + listed([one, two]) + listed([two, one])),
        ("seventeen consents", start + listed([number(n, 2) + bytes(64) for n in range(17)]) + listed([])),
        ("a descriptor alone", bytes(FIRST_ONE)),
        ("a byte is missing", data[:-1]),
        ("a byte too many", data + b"\0"),
        ("empty", b""),
    ]
    return [{"why": why, "encoded": each.hex()} for why, each in cases]


def chains() -> list[Case]:
    good = [
        ("a first one alone", "first"),
        ("a second one", "first", "second"),
        ("a second one, handed on by all", "first", "second, by more than a quorum"),
        ("a third one", "first", "second", "third"),
    ]
    bad = [
        ("none",),
        ("another one first", "second"),
        ("the first left out", "second", "third"),
        ("the second left out", "first", "third"),
        ("the first twice", "first", "first"),
        *((name, name) for name in SIGNED if name.startswith("first, ")),
        *((name, "first", name) for name in SIGNED if name.startswith("second, ") and "quorum" not in name),
    ]
    unseen = [
        ("an older one than was seen", "second", "first"),
        ("another than was seen", "another", "first", "second"),
    ]
    valid: list[Case] = [
        {
            "why": why,
            "valid": True,
            "first": FIRST_ONE.hash.hex(),
            "versions": versions,
            "epoch": SIGNED[versions[-1]].descriptor.epoch,
            "hash": SIGNED[versions[-1]].descriptor.hash.hex(),
        }
        for why, *versions in good
    ]
    return [
        *valid,
        *(
            # Those that are odd are pinned themselves: what is wrong with them is something else than their hash.
            {"why": why, "first": pinned(versions).hex(), "versions": versions, "valid": False, "blame": "server"}
            for why, *versions in bad
        ),
        *(
            {
                "why": why,
                "first": FIRST_ONE.hash.hex(),
                "seen": (SIGNED[seen].descriptor.hash if seen in SIGNED else bytes(64)).hex(),
                "versions": versions,
                "valid": False,
                "blame": "server",
            }
            for why, seen, *versions in unseen
        ),
    ]


def pinned(versions: Sequence[str]) -> bytes:
    odd = [SIGNED[each].descriptor.hash for each in versions if each.startswith("first, ")]
    return odd[0] if odd else FIRST_ONE.hash


# ---- desk ----


def desks() -> list[Case]:
    readers = ("age1one", "age1two")
    right = Desk(ESCROW, 3, 2000, readers).sign(COUNSELLORS)

    def desk(sequence: int = 3, expires: int = 2000, escrow: bytes = ESCROW, some: tuple[str, ...] = readers) -> bytes:
        return Desk(escrow, sequence, expires, some).sign(COUNSELLORS)

    def body(data: bytes) -> bytes:
        return data + COUNSELLORS.sign(DESCRIPTOR_DESK, data)

    most = tuple(f"age1{n}" for n in range(19))
    good = [
        ("right", right, readers),
        ("a later one", desk(sequence=2**32 - 1, some=readers[:1]), readers[:1]),
        ("one that holds for ever", desk(expires=2**64 - 1), readers),
        ("the most readers", desk(some=most), most),
    ]
    bad = [
        ("not signed by the counsellors", right[:-64] + SigningKey(bytes(32)).sign(DESCRIPTOR_DESK, right), "server"),
        ("one bit of the signature", changed(right, -64), "server"),
        ("another reader", right[:-65] + b"p" + right[-64:], "server"),
        ("empty", b"", "server"),
        ("shorter than a signature", right[-63:], "server"),
        ("an earlier one", desk(sequence=2), "server"),
        ("a time that is over", desk(expires=1500), "counsellor"),
        ("another escrow", desk(escrow=b"f" * 32), "counsellor"),
        ("no readers", desk(some=()), "counsellor"),
        ("20 readers", desk(some=(*most, "age1x")), "counsellor"),
        ("a reader of 101 bytes", desk(some=("a" * 101,)), "counsellor"),
        ("a byte is missing", body(right[:-65]), "counsellor"),
        ("a byte too many", body(right[:-64] + b"\0"), "counsellor"),
    ]
    asked = {"now": 1500, "least": 3}
    return [
        *({"why": w, "valid": True, "encoded": each.hex(), **asked, "recipients": list(who)} for w, each, who in good),
        *({"why": w, "valid": False, "encoded": each.hex(), **asked, "blame": who} for w, each, who in bad),
    ]


if __name__ == "__main__":
    main()
