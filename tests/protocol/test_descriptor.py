# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notalone.protocol.ceremony import FIRST
from notalone.protocol.descriptor import (
    Descriptor,
    Desk,
    Signed,
    agree,
    check_chain,
    check_plan,
    fingerprint,
    read_desk,
)
from notalone.protocol.encoding import number
from notalone.protocol.errors import COUNSELLOR, SERVER, Fault, Undecodable
from notalone.protocol.labels import DESCRIPTOR_CONSENT, DESCRIPTOR_DESK
from notalone.protocol.signatures import SigningKey
from tests.protocol.trustees import COUNSELLORS, ESCROW, handing_on, hold, organisation, terms
from tests.protocol.world import World, world

HERE = world(2)
FOUR, FIVE = organisation(4), organisation(5)


@pytest.fixture(scope="module")
def second() -> World:
    """The same escrow, handed on by 1 and 3 to 2, 4 and 5."""
    dealers, recipients = [HERE.organisations[0], HERE.organisations[2]], [HERE.organisations[1], FOUR, FIVE]
    plan = handing_on(HERE.held, dealers, recipients, 2)
    return World(hold(plan, dealers, recipients, HERE.held.shares), tuple(recipients), "")


def consent_to(descriptor: Descriptor, key: SigningKey) -> bytes:
    """By one who signs whatever it is."""
    return key.sign(DESCRIPTOR_CONSENT, descriptor.hash)


def signed_by(descriptor: Descriptor, second: World, handed_on: tuple[int, ...] = (1, 3)) -> Signed:
    own = {each.index: consent_to(descriptor, each.signing) for each in second.organisations}
    before = {n: consent_to(descriptor, HERE.organisation(n).signing) for n in handed_on}
    return Signed(descriptor, own, before)


# ---- encoding ----


def test_it_is_decoded_to_itself() -> None:
    data = bytes(HERE.descriptor)
    again = Descriptor.decode(data)
    assert bytes(again) == data
    assert again.hash == HERE.descriptor.hash
    assert [each.name for each in again.trustees] == ["Trustee 1", "Trustee 2", "Trustee 3"]
    assert again.trustee(2) == HERE.organisation(2).public
    whole = bytes(HERE.signed)
    assert bytes(Signed.decode(whole)) == whole


def test_the_most_that_there_may_be() -> None:
    keys = (HERE.descriptor.keys * 77)[:385]
    most = replace(HERE.descriptor, highest=10, terms=terms(32), quorum=2, keys=keys)
    assert Descriptor.decode(bytes(most)).hash == most.hash


def test_shares_of_trustees_follow_from_it() -> None:
    for index, shares in HERE.held.shares.items():
        assert HERE.descriptor.public_shares(index) == [each.share(index) for each in HERE.held.keys]
        assert len(shares) == len(HERE.descriptor.public_shares(index))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"highest": 1}, "level"),
        ({"highest": 11}, "level"),
        ({"quorum": 4}, "quorum"),
        ({"quorum": 0}, "quorum"),
        ({"terms": terms(33)}, "bucket"),
        ({"trustees": HERE.descriptor.trustees[::-1]}, "order"),
        ({"trustees": HERE.descriptor.trustees[:1] * 2}, "each once"),
        ({"trustees": ()}, "quorum"),
        (
            {"trustees": (*HERE.descriptor.trustees, replace(HERE.descriptor.trustees[0], index=4))},
            "one organisation as two",
        ),
        ({"keys": HERE.descriptor.keys[:4]}, "not an element"),
        ({"highest": 3}, "not an element"),
        ({"keys": (*HERE.descriptor.keys, HERE.descriptor.keys[0])}, "follow its end"),
    ],
)
def test_what_is_no_descriptor_is_refused(change: dict[str, object], match: str) -> None:
    with pytest.raises(Undecodable, match=match):
        Descriptor.decode(bytes(replace(HERE.descriptor, **change)))  # type: ignore[arg-type]


def test_every_byte_of_it_counts() -> None:
    data = bytes(HERE.descriptor)
    for at in range(0, len(data), 7):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        try:
            found = Descriptor.decode(changed)
        except Undecodable:
            continue
        assert found.hash != HERE.descriptor.hash


@given(st.binary(max_size=400))
def test_whatever_comes_is_refused_by_name(data: bytes) -> None:
    for decode in (Descriptor.decode, Signed.decode):
        with pytest.raises(Undecodable):
            decode(data)


def test_signatures_stand_in_order_each_once() -> None:
    whole, descriptor = bytes(HERE.signed), HERE.descriptor
    one = number(1, 2) + HERE.signed.consents[1]
    start = whole[: len(bytes(descriptor)) + 4]
    for some in (one + one, number(2, 2) + HERE.signed.consents[2] + one):
        with pytest.raises(Undecodable, match="in order"):
            Signed.decode(start + number(2, 2) + some + number(0, 2))


# ---- chain ----


def test_the_first_is_known_by_its_hash() -> None:
    assert check_chain(HERE.descriptor.hash, [HERE.signed]) == HERE.descriptor
    for some in ([], [Signed(replace(HERE.descriptor, terms=replace(terms(), budget=5)), {}, {})]):
        with pytest.raises(Fault, match="another escrow") as found:
            check_chain(HERE.descriptor.hash, some)
        assert found.value.party == SERVER


def test_a_client_remembers_the_newest_that_it_saw(second: World) -> None:
    first, later = HERE.signed, signed_by(second.descriptor, second)
    assert check_chain(HERE.descriptor.hash, [first, later], later.descriptor.hash) == second.descriptor
    assert check_chain(HERE.descriptor.hash, [first, later], HERE.descriptor.hash) == second.descriptor
    with pytest.raises(Fault, match="an older or another future"):
        check_chain(HERE.descriptor.hash, [first], later.descriptor.hash)


def test_all_of_its_trustees_have_signed(second: World) -> None:
    consents = HERE.signed.consents
    two = {n: consents[n] for n in (1, 2)}
    with pytest.raises(Fault, match="2 trustees signed, where 3 must"):
        check_chain(HERE.descriptor.hash, [Signed(HERE.descriptor, two, {})])
    wrong = {**consents, 2: consents[1]}
    with pytest.raises(Fault, match="trustee 2 did not sign"):
        check_chain(HERE.descriptor.hash, [Signed(HERE.descriptor, wrong, {})])
    with pytest.raises(Fault, match="0 trustees signed"):
        check_chain(HERE.descriptor.hash, [Signed(HERE.descriptor, {}, consents)])


def test_a_first_one_is_a_first_one() -> None:
    for change in ({"epoch": 1}, {"previous": b"p" * 64}):
        odd = replace(HERE.descriptor, **change)
        consents = {each.index: consent_to(odd, each.signing) for each in HERE.organisations}
        with pytest.raises(Fault, match="a first descriptor that is not one"):
            check_chain(odd.hash, [Signed(odd, consents, {})])


def test_keys_that_were_handed_on_make_a_chain(second: World) -> None:
    later = replace(second.descriptor, terms=replace(terms(4), credentials=500))
    chain = [HERE.signed, signed_by(later, second)]
    assert check_chain(HERE.descriptor.hash, chain) == later
    assert check_chain(HERE.descriptor.hash, [Signed.decode(bytes(each)) for each in chain]).hash == later.hash


@pytest.mark.parametrize(
    "change",
    [
        {"previous": FIRST},
        {"epoch": 2},
        {"epoch": 0},
        {"escrow": b"f" * 32},
        {"terms": replace(terms(), counsellors=SigningKey(b"c" * 32).public)},
        {"keys": HERE.held.keys[::-1]},
    ],
)
def test_what_does_not_follow_is_refused(second: World, change: dict[str, object]) -> None:
    later = replace(second.descriptor, **{"previous": HERE.descriptor.hash, **change})  # type: ignore[arg-type]
    with pytest.raises(Fault, match="does not follow"):
        check_chain(HERE.descriptor.hash, [HERE.signed, signed_by(later, second)])


def test_new_trustees_alone_cannot_take_an_escrow_over(second: World) -> None:
    later = replace(second.descriptor, previous=HERE.descriptor.hash)
    for handed_on, match in (((), "0 trustees signed, where 2 must"), ((3,), "1 trustees signed")):
        with pytest.raises(Fault, match=match):
            check_chain(HERE.descriptor.hash, [HERE.signed, signed_by(later, second, handed_on)])
    forged = signed_by(later, second)
    with pytest.raises(Fault, match="trustee 1 did not sign"):
        check_chain(
            HERE.descriptor.hash,
            [HERE.signed, Signed(later, forged.consents, {**forged.handed_on, 1: forged.handed_on[3]})],
        )


def test_the_fingerprint_is_six_words() -> None:
    words = fingerprint(HERE.descriptor.hash)
    assert len(words) == 6
    assert words == fingerprint(HERE.descriptor.hash)
    assert words != fingerprint(replace(HERE.descriptor, terms=replace(terms(), budget=1001)).hash)
    assert fingerprint(bytes(64)) == ("abacus",) * 6


# ---- before and after a ceremony ----


def test_a_trustee_agrees_to_what_the_ceremony_made_and_nothing_else(second: World) -> None:
    held = second.held
    for who in (*second.organisations, *HERE.organisations):
        descriptor, signed = agree(held.plan, held.said, held.consents, who.signing)
        assert descriptor == second.descriptor
        who.signing.public.verify(DESCRIPTOR_CONSENT, descriptor.hash, signed)
    chain = [HERE.signed, signed_by(second.descriptor, second)]
    assert check_chain(HERE.descriptor.hash, chain) == second.descriptor
    with pytest.raises(Fault, match="trustee 4 did not say"):
        agree(held.plan, held.said, {n: each for n, each in held.consents.items() if n != 4}, FOUR.signing)


def test_everything_in_it_is_of_the_plan_and_the_ceremony(second: World) -> None:
    """There is nothing left that one could choose once the others are bound: no two with one fingerprint."""
    plan, descriptor = second.held.plan, second.descriptor
    limits = descriptor.terms
    assert (limits.bucket_bits, limits.budget, limits.credentials) == (0, 1000, 100)
    assert (limits.issuer, limits.counsellors) == (terms().issuer, terms().counsellors)
    assert (descriptor.previous, descriptor.trustees) == (HERE.descriptor.hash, plan.recipients)


def test_a_plan_follows_from_the_escrow_that_is_known(second: World) -> None:
    plan = second.held.plan
    check_plan(plan, HERE.descriptor)
    check_plan(replace(plan, terms=replace(plan.terms, budget=5), quorum=3), HERE.descriptor)
    check_plan(HERE.held.plan, None)


@pytest.mark.parametrize(
    "change",
    [
        {"escrow": b"f" * 32},
        {"epoch": 2},
        {"previous": b"p" * 64},
        {"old": HERE.held.keys[::-1]},
        {"terms": replace(terms(), counsellors=FOUR.signing.public)},
        {"dealers": (HERE.organisations[0].public, FOUR.public)},
        {"dealers": (HERE.organisations[0].public, organisation(3, "Another name").public)},
    ],
)
def test_a_plan_that_does_not_follow_is_refused(second: World, change: dict[str, object]) -> None:
    with pytest.raises(Fault, match="does not follow") as found:
        check_plan(replace(second.held.plan, **change), HERE.descriptor)  # type: ignore[arg-type]
    assert found.value.party == SERVER


def test_a_plan_with_a_smaller_quorum_is_refused(second: World) -> None:
    """With a quorum of one, each recipient would be handed the dealers' shares themselves."""
    with pytest.raises(Fault, match="a quorum of 1 where 2 was promised"):
        check_plan(replace(second.held.plan, quorum=1), HERE.descriptor)


def test_an_unknown_escrow_is_not_handed_on(second: World) -> None:
    with pytest.raises(Fault, match="not known here"):
        check_plan(second.held.plan, None)


# ---- desk ----


def desk(
    sequence: int = 3, expires: int = 2000, escrow: bytes = ESCROW, recipients: tuple[str, ...] = ("age1x",)
) -> bytes:
    return Desk(escrow, sequence, expires, recipients).sign(COUNSELLORS)


def test_readers_are_those_whom_the_counsellors_signed() -> None:
    found = read_desk(HERE.descriptor, desk(), now=1999, least_sequence=3)
    assert found == Desk(ESCROW, 3, 2000, ("age1x",))
    assert read_desk(HERE.descriptor, desk(sequence=0), now=1999).sequence == 0
    odd = Desk(ESCROW, 3, 2000, ("é",)).sign(COUNSELLORS)
    assert read_desk(HERE.descriptor, odd, now=0).recipients == ("��",)  # age will not take it


@pytest.mark.parametrize(
    ("data", "match", "party"),
    [
        (desk()[:-1] + b"x", "whom the counsellors did not name", SERVER),
        (b"", "whom the counsellors did not name", SERVER),
        (Desk(ESCROW, 3, 2000, ("age1x",)).sign(SigningKey(b"o" * 32)), "did not name", SERVER),
        (desk(sequence=2), "were replaced", SERVER),
        (desk(expires=1500), "time that is over", COUNSELLOR),
        (desk(escrow=b"f" * 32), "no readers of this escrow", COUNSELLOR),
        (desk(recipients=()), "no readers of this escrow", COUNSELLOR),
        (b"x" + COUNSELLORS.sign(DESCRIPTOR_DESK, b"x"), "cannot be read", COUNSELLOR),
    ],
    ids=range(8),
)
def test_other_readers_are_refused(data: bytes, match: str, party: object) -> None:
    with pytest.raises(Fault, match=match) as found:
        read_desk(HERE.descriptor, data, now=1500, least_sequence=3)
    assert found.value.party == party
