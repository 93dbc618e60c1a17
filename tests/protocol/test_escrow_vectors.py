# SPDX-License-Identifier: AGPL-3.0-or-later
"""Python says what vectors/ say about an escrow, from its descriptor to what opens; see test_vectors.py."""

from __future__ import annotations

from typing import Any

import pytest

from notalone.protocol import escrow, reports
from notalone.protocol.credentials import Credential
from notalone.protocol.descriptor import Descriptor, Signed, check_chain, fingerprint, read_desk
from notalone.protocol.encoding import Reader
from notalone.protocol.errors import Undecodable
from notalone.protocol.escrow import (
    ENVELOPE_BYTES,
    Depositor,
    Entry,
    Handle,
    Named,
    bases,
    deposit,
    open_envelope,
    read_handle,
    read_record,
)
from notalone.protocol.group import Element, Scalar, base_times
from notalone.protocol.identifiers import decode as decode_identifier
from notalone.protocol.keys import KeyShares, key_count
from notalone.protocol.labels import TRUSTEE_QUESTION
from notalone.protocol.matching import Name, Placed, Unlocked, candidates, search
from notalone.protocol.signatures import SigningKey
from notalone.protocol.trustees import (
    Blinded,
    Evaluated,
    Question,
    answer,
    ask,
    blind,
    read_answer,
    read_question,
)
from notalone.protocol.trustees import combine as combine_trustees
from tests.protocol.vectors import Case, blamed, cases, elements, from_hex, scalars, vectors

# ---- descriptor ----


@cases("descriptor", "descriptors", "undecodable", "chains", "desks")
def test_descriptor(group: str, case: Case) -> None:
    {"descriptors": descriptor, "undecodable": no_signed_descriptor, "chains": chain, "desks": desk}[group](case)


def descriptor(case: Case) -> None:
    data = from_hex(case["encoded"])
    if not case["valid"]:
        with pytest.raises(Undecodable):
            Descriptor.decode(data)
        return
    found = Descriptor.decode(data)
    assert bytes(found) == data
    assert found.hash == from_hex(case["hash"])
    assert list(fingerprint(found.hash)) == case["fingerprint"]
    for name in ("epoch", "highest", "quorum"):
        assert getattr(found, name) == case[name]
    for name in ("bucket_bits", "budget", "credentials"):
        assert getattr(found.terms, name) == case[name]
    for name in ("issuer", "counsellors"):
        assert bytes(getattr(found.terms, name)) == from_hex(case[name])
    for name in ("escrow", "transcript", "previous"):
        assert bytes(getattr(found, name)) == from_hex(case[name])
    for each, expected in zip(found.trustees, case["trustees"], strict=True):
        assert (each.index, each.name) == (expected["index"], expected["name"])
        assert (bytes(each.signing).hex(), bytes(each.sealing).hex()) == (expected["signing"], expected["sealing"])
        assert found.public_shares(each.index) == elements(expected["shares"])


def no_signed_descriptor(case: Case) -> None:
    with pytest.raises(Undecodable):
        Signed.decode(from_hex(case["encoded"]))


def chain(case: Case) -> None:
    signed_ = vectors("descriptor")["signed"]
    versions = [Signed.decode(from_hex(signed_[name])) for name in case["versions"]]
    assert [bytes(each).hex() for each in versions] == [signed_[name] for name in case["versions"]]
    if not case["valid"]:
        with blamed(case["blame"]):
            check_chain(from_hex(case["first"]), versions, from_hex(case["seen"]) if "seen" in case else None)
        return
    newest = check_chain(from_hex(case["first"]), versions)
    assert (newest.epoch, newest.hash) == (case["epoch"], from_hex(case["hash"]))


def desk(case: Case) -> None:
    of = Descriptor.decode(from_hex(vectors("descriptor")["descriptors"][0]["encoded"]))
    given = from_hex(case["encoded"]), case["now"], case["least"]
    if not case["valid"]:
        with blamed(case["blame"]):
            read_desk(of, *given)
        return
    assert list(read_desk(of, *given).recipients) == case["recipients"]


# ---- trustees ----


@cases("trustees", "blinded", "questions", "asked", "answers", "combined")
def test_trustees(group: str, case: Case) -> None:
    here = vectors("trustees")
    {
        "blinded": blinded,
        "questions": question,
        "asked": refused_question,
        "answers": answered,
        "combined": combined_answers,
    }[group](case, here, Descriptor.decode(from_hex(here["descriptor"])))


def of_trustee(here: Any, index: int) -> tuple[Scalar, KeyShares, bytes]:
    """The scalar of its sealing key, its shares, and its secret."""
    found = {each["index"]: each for each in here["trustees"]}[index]
    shares = KeyShares.decode(index, from_hex(found["shares"]), key_count(3))
    return Scalar.decode(from_hex(found["sealing"])), shares, from_hex(found["secret"])


def question_of(case: Case, here: Any, where: Descriptor) -> Question:
    reply = base_times(Scalar.decode(from_hex(case["reply"])))
    credential = Credential.decode(from_hex(here["depositor"]["credential"]))
    points = tuple(tuple(elements(each)) for each in case["points"])
    return Question(where.hash, 0, case["trustee"], from_hex(case["request"]), credential, reply, points)


def blinded(case: Case, here: Any, where: Descriptor) -> None:
    random = iter(case["random"])
    found = blind(elements(case["bases"]), lambda _: from_hex(next(random)))
    assert found == Blinded(tuple(elements(case["points"])), tuple(scalars(case["blinds"])))


def question(case: Case, here: Any, where: Descriptor) -> None:
    one, key = question_of(case, here, where), SigningKey(from_hex(here["depositor"]["seed"]))
    assert bytes(one) == from_hex(case["encoded"])
    assert one.hash == from_hex(case["hash"])
    assert key.sign(TRUSTEE_QUESTION, bytes(one)) == from_hex(case["signature"])
    assert ask(one, where, key, lambda _: from_hex(case["random"])) == from_hex(case["sealed"])
    sealing, _, _ = of_trustee(here, case["trustee"])
    assert read_question(where, case["trustee"], sealing, from_hex(case["sealed"])) == one
    assert bytes(one.credential.point(where.escrow)) == from_hex(here["depositor"]["x"])


def refused_question(case: Case, here: Any, where: Descriptor) -> None:
    sealing, _, _ = of_trustee(here, case["trustee"])
    with blamed(case["blame"]):
        read_question(where, case["trustee"], sealing, from_hex(case["sealed"]))


def answered(case: Case, here: Any, where: Descriptor) -> None:
    asked = here["questions"][case["question"]]
    one, data = question_of(asked, here, where), from_hex(case["sealed"])
    reply = Scalar.decode(from_hex(asked["reply"]))
    if not case["valid"]:
        with blamed(case["blame"]):
            read_answer(where, one, reply, data)
        return
    _, shares, secret = of_trustee(here, one.trustee)
    assert answer(where, one, shares, secret) == data
    assert read_answer(where, one, reply, data) == [tuple(elements(each)) for each in case["elements"]]


def combined_answers(case: Case, here: Any, where: Descriptor) -> None:
    of = here["blinded"][case["blinded"]]
    blinds = Blinded(tuple(elements(of["points"])), tuple(scalars(of["blinds"])))
    given = {each["trustee"]: elements(each["elements"]) for each in case["answers"]}
    assert combine_trustees(where, blinds, given) == evaluated(case)
    with pytest.raises(ValueError, match="2 trustees"):
        combine_trustees(where, blinds, {1: given[1]})


def evaluated(case: Case) -> Evaluated:
    [tag] = elements([case["tag"]])
    values = {int(j): Element.decode(from_hex(each)) for j, each in case["values"].items()}
    return Evaluated(tag, {int(j): tuple(elements(row)) for j, row in case["rows"].items()}, values)


# ---- escrow ----


@cases("escrow", "bases", "handles", "records", "refused")
def test_escrow(group: str, case: Case) -> None:
    here = vectors("escrow")
    {"bases": based, "handles": handle, "records": record, "refused": refused_record}[group](
        case, here, Descriptor.decode(from_hex(here["descriptor"]))
    )


def based(case: Case, here: Any, where: Descriptor) -> None:
    identifier = decode_identifier(from_hex(case["identifier"]))
    assert bases(from_hex(case["escrow"]), case["highest"], identifier) == elements(case["bases"])


def handle(case: Case, here: Any, where: Descriptor) -> None:
    if not case["valid"]:
        with pytest.raises(Undecodable):
            Handle.decode(from_hex(case["encoded"]))
        return
    assert Handle.decode(from_hex(case["encoded"])) == handle_of(case)
    assert bytes(handle_of(case)) == from_hex(case["encoded"])


def handle_of(case: Case) -> Handle:
    return Handle(from_hex(case["mailbox"]), case["recipient"], case["language"], case["hours"])


def record(case: Case, here: Any, where: Descriptor) -> None:
    who = here["depositors"][case["depositor"]]
    credential, hidden = Credential.decode(from_hex(who["credential"])), from_hex(who["hidden"])
    depositor = Depositor(credential, SigningKey(from_hex(who["seed"])), hidden, who["recipient"])
    named = [Named(decode_identifier(from_hex(each["identifier"])), evaluated(each)) for each in case["named"]]
    random, asked = iter((from_hex(case["id"]), from_hex(case["key"]))), (named, case["threshold"])
    made = deposit(where, depositor, *asked, handle_of(case["handle"]), case["readers"], source=lambda _: next(random))
    told, kept = read_record(where, bytes(made)), read_record(where, from_hex(case["record"]))
    before = len(made.body) - ENVELOPE_BYTES
    assert bytes(kept) == from_hex(case["record"])
    assert kept.body[:before] == made.body[:before]
    for each in (told, kept):
        file = open_envelope(where.escrow, each, from_hex(case["key"]))
        for identity in (here["desk"], who["identity"]):
            assert reports.unseal(file, identity) == from_hex(case["inner"])
        assert read_handle(where, each.id, credential, file, here["desk"]) == handle_of(case["handle"])
    assert open_envelope(where.escrow, kept, from_hex(case["key"])) == from_hex(case["file"])


def refused_record(case: Case, here: Any, where: Descriptor) -> None:
    data, changed, at = from_hex(here["records"][0]["record"]), from_hex(case["bytes"]), case["at"]
    data = data[:at] + changed + data[at + len(changed) :]
    if "signature" in case:
        data = data[:-64] + from_hex(case["signature"])
    with blamed(case["blame"]):
        read_record(where, data)


def test_matching() -> None:
    here = vectors("escrow")
    where, arrivals = Descriptor.decode(from_hex(here["descriptor"])), here["matching"]
    stored: list[Placed] = []
    unlocked: list[Unlocked] = []
    opened: set[tuple[Name, int]] = set()
    for case, expected in zip(arrivals["entries"], arrivals["opened"], strict=True):
        new = Placed(from_hex(case["record"]), case["place"], Scalar.decode(from_hex(case["x"])), entry_of(case))
        steps = search(where.escrow, 3, new, candidates(new, stored), unlocked, opened)
        found = [each for each in steps if each is not None]
        stored.append(new)
        places = {each.name: n for n, each in enumerate(stored)}
        told = sorted((each.level, places[name]) for each in found for name in each.keys)
        assert told == [(each["level"], each["entry"]) for each in expected]
        for one in found:
            for name, key in one.keys.items():
                assert key == from_hex(arrivals["entries"][places[name]]["key"])
            unlocked += [one.unlocked] if one.unlocked is not None else []
            opened |= {(name, one.level) for name in one.keys}
    assert {places[name] for name, _ in opened} == {0, 1, 3, 4, 5}


def entry_of(case: Case) -> Entry:
    reader = Reader(from_hex(case["entry"]), "entry")
    found = escrow._entry(reader, 3)
    reader.end()
    return found
