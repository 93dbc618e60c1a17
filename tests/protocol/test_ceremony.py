# SPDX-License-Identifier: AGPL-3.0-or-later
"""Keys are made, and handed on, by trustees of whom some cheat, say nothing, or say again what was said before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import pytest

from notalone.protocol import ceremony
from notalone.protocol.ceremony import (
    Dealt,
    Plan,
    WrongDeal,
    check_dealings,
    check_pledges,
    complain,
    conclude,
    consent,
    deal,
    judge,
    receive,
    transcript,
)
from notalone.protocol.errors import SERVER, Fault, trustee
from notalone.protocol.group import ELEMENT_BYTES, SCALAR_BYTES, Scalar, base_times
from notalone.protocol.keys import KeyShares
from notalone.protocol.labels import CEREMONY_COMPLAINT, CEREMONY_DEALING, CEREMONY_PLEDGE
from notalone.protocol.seals import SEAL_BYTES
from notalone.protocol.sharing import combine
from tests.protocol.trustees import Held, Organisation, dealt, handing_on, hold, new_plan, organisation, source

ALL = [organisation(index) for index in (1, 2, 3)]
ONE, TWO, THREE = ALL
QUORUM = 2


@pytest.fixture
def plan() -> Plan:
    return new_plan(ALL, QUORUM)


@pytest.fixture(scope="module")
def held() -> Held:
    return hold(new_plan(ALL, QUORUM), ALL, ALL)


Said = tuple[dict[int, bytes], dict[int, bytes]]


def said(some: dict[int, Dealt]) -> Said:
    return {n: each.pledge for n, each in some.items()}, {n: each.dealing for n, each in some.items()}


def opening_bytes(plan: Plan) -> int:
    return plan.keys * (plan.quorum * ELEMENT_BYTES + 2 * SCALAR_BYTES)


def resigned(plan: Plan, who: Organisation, label: bytes, body: bytes) -> bytes:
    """A message of a trustee who does not keep to the protocol."""
    return body + who.signing.sign(label, plan.id + body)


def cheat(plan: Plan, who: Organisation, change: Callable[[bytearray], None]) -> Dealt:
    """Its dealing changed before the pledge, so that both agree."""
    body = bytearray(deal(plan, who.index, who.signing).dealing[:-64])
    change(body)
    opening = bytes(body[: opening_bytes(plan)])
    pledge = ceremony._commit(plan, who.index, opening)
    return Dealt(resigned(plan, who, CEREMONY_PLEDGE, pledge), resigned(plan, who, CEREMONY_DEALING, bytes(body)))


# ---- everybody is honest ----


def test_any_quorum_holds_the_same_keys_and_fewer_hold_others(held: Held) -> None:
    for n, each in enumerate(held.keys):
        secrets = {
            combine({index: held.shares[index][n] for index in some})
            for size in (2, 3)
            for some in combinations((1, 2, 3), size)
        }
        assert len(secrets) == 1
        assert base_times(secrets.pop()) == each.secret
        for index, shares in held.shares.items():
            each.check(index, shares[n])
            assert base_times(shares[n]) != each.secret


def test_there_are_as_many_keys_as_the_levels_need(held: Held) -> None:
    assert len(held.keys) == 5 == len(held.shares[1])
    assert len({each.secret for each in held.keys}) == 5


def test_quorums_of_all_sizes() -> None:
    for n, quorum in ((1, 1), (2, 2), (4, 3)):
        some = [organisation(index) for index in range(1, n + 1)]
        held = hold(new_plan(some, quorum), some, some)
        assert base_times(combine({i: held.shares[i][0] for i in range(1, quorum + 1)})) == held.keys[0].secret


def test_keys_are_handed_on_unchanged_to_any_others(held: Held) -> None:
    others = [organisation(index) for index in (2, 4, 5, 6)]
    second = hold(handing_on(held.plan, held.keys, [ONE, THREE], others, 3), [ONE, THREE], others, held.shares)
    assert [each.secret for each in second.keys] == [each.secret for each in held.keys]
    assert {len(each.elements) for each in second.keys} == {3}
    assert base_times(combine({i: second.shares[i][4] for i in (2, 5, 6)})) == held.keys[4].secret
    # Shares of two epochs do not fit together.
    mixed = combine({1: held.shares[1][0], 4: second.shares[4][0], 5: second.shares[5][0]})
    assert base_times(mixed) != held.keys[0].secret
    third = hold(handing_on(second.plan, second.keys, others[:3], ALL, 2), others[:3], ALL, second.shares)
    assert [each.secret for each in third.keys] == [each.secret for each in held.keys]
    assert third.shares[1].export() != held.shares[1].export()


def test_one_attempt_has_nothing_in_common_with_the_next(plan: Plan, held: Held) -> None:
    again = hold(new_plan(ALL, QUORUM, attempt=b"2" * 32), ALL, ALL)
    assert again.plan.id != held.plan.id
    everything = {bytes(e) for keys in (held.keys, hold_fresh(plan).keys) for each in keys for e in each.elements}
    assert len(everything) == 2 * 5 * QUORUM


def hold_fresh(plan: Plan) -> Held:
    dealings = said({each.index: deal(plan, each.index, each.signing) for each in ALL})
    consents = {each.index: consent(plan, each.signing, transcript(plan, *dealings)) for each in ALL}
    return Held(plan, conclude(plan, *dealings, consents), {})


# ---- somebody is not ----


def test_who_says_nothing_is_named(plan: Plan) -> None:
    pledges, dealings = said(dealt(plan, ALL))
    with pytest.raises(Fault, match="trustee 2 did not say") as found:
        check_pledges(plan, {1: pledges[1], 3: pledges[3]})
    assert found.value.party == trustee(2)
    with pytest.raises(Fault, match="trustee 3 did not say"):
        check_dealings(plan, pledges, {1: dealings[1], 2: dealings[2]})
    consents = {each.index: consent(plan, each.signing, transcript(plan, pledges, dealings)) for each in (ONE, TWO)}
    with pytest.raises(Fault, match="trustee 3 did not say"):
        conclude(plan, pledges, dealings, consents)


def test_who_deals_something_else_than_was_pledged_is_named(plan: Plan) -> None:
    pledges, dealings = said(dealt(plan, ALL))
    other = deal(plan, 2, TWO.signing)
    with pytest.raises(Fault, match="trustee 2 dealt something else than was pledged"):
        check_dealings(plan, pledges, {**dealings, 2: other.dealing})


def test_a_message_that_was_changed_on_its_way_blames_no_trustee(plan: Plan) -> None:
    pledges, dealings = said(dealt(plan, ALL))
    for at in (0, 40, -1):
        changed = bytearray(dealings[2])
        changed[at] ^= 1
        for wrong in (bytes(changed), dealings[2][:30], b"", dealings[3], dealings[2] + b"x"):
            with pytest.raises(Fault, match="that trustee 2 did not sign") as found:
                check_dealings(plan, pledges, {**dealings, 2: wrong})
            assert found.value.party == SERVER


def test_a_message_of_another_kind_or_attempt_is_not_hers(plan: Plan) -> None:
    pledges, dealings = said(dealt(plan, ALL))
    with pytest.raises(Fault, match="did not sign"):
        check_pledges(plan, {**pledges, 1: consent(plan, ONE.signing, pledges[1][:64])})
    again = replace(plan, attempt=b"2" * 32)
    with pytest.raises(Fault, match="did not sign"):
        check_dealings(again, *said(dealt(plan, ALL)))
    assert dealings == said(dealt(plan, ALL))[1]


def test_a_signed_message_of_another_length_is_its_authors_fault(plan: Plan) -> None:
    pledges, dealings = said(dealt(plan, ALL))
    for body in (b"", dealings[1][:-65], dealings[1][:-64] + b"x"):
        with pytest.raises(Fault, match=r"trustee 1 signed \d+ bytes"):
            check_dealings(plan, pledges, {**dealings, 1: resigned(plan, ONE, CEREMONY_DEALING, body)})


@pytest.mark.parametrize(
    ("at", "written", "match"),
    [
        (0, bytes(32), "identity"),
        (32, b"\xff" * 32, "not an element"),
        (2 * ELEMENT_BYTES, bytes(32), "zero"),
        (2 * ELEMENT_BYTES, bytes([1]) + bytes(31), "did not show that it knows the secret of key 0"),
        (0, bytes(base_times(Scalar.public(7))), "did not show that it knows the secret of key 0"),
        (4 * 4 * 32, bytes(base_times(Scalar.public(7))), "did not show that it knows the secret of key 4"),
        (5 * 4 * 32, bytes(32), "identity"),
    ],
)
def test_an_opening_that_does_not_hold_names_its_dealer(plan: Plan, at: int, written: bytes, match: str) -> None:
    def change(body: bytearray) -> None:
        body[at : at + 32] = written

    some = {**dealt(plan, ALL), 2: cheat(plan, TWO, change)}
    with pytest.raises(Fault, match=match) as found:
        check_dealings(plan, *said(some))
    assert found.value.party == trustee(2)


def test_a_part_copied_from_another_dealer_is_refused(plan: Plan) -> None:
    """Nobody can deal what she does not know: the proof of possession is good for its dealer alone."""
    honest = dealt(plan, ALL)

    def copy(body: bytearray) -> None:
        body[: opening_bytes(plan)] = honest[1].dealing[: opening_bytes(plan)]

    with pytest.raises(Fault, match="trustee 2 did not show"):
        check_dealings(plan, *said({**honest, 2: cheat(plan, TWO, copy)}))


def test_a_proof_of_possession_is_good_for_its_key_alone(plan: Plan) -> None:
    def swap(body: bytearray) -> None:
        first, second = bytes(body[:128]), bytes(body[128:256])
        body[:256] = second + first

    with pytest.raises(Fault, match="key 0"):
        check_dealings(plan, *said({**dealt(plan, ALL), 2: cheat(plan, TWO, swap)}))


def wrong_share(plan: Plan, to: int) -> Dealt:
    """Trustee 2 seals one wrong share for a recipient, rightly sealed."""
    honest = deal(plan, 2, TWO.signing, source=source(9))
    other = deal(plan, 2, TWO.signing, source=source(8))
    start = opening_bytes(plan) + (to - 1) * (plan.keys * 32 + SEAL_BYTES)
    end = start + plan.keys * 32 + SEAL_BYTES
    body = honest.dealing[:start] + other.dealing[start:end] + honest.dealing[end:-64]
    return Dealt(honest.pledge, resigned(plan, TWO, CEREMONY_DEALING, body))


def garbage_seal(plan: Plan, to: int) -> Dealt:
    at = opening_bytes(plan) + (to - 1) * (plan.keys * 32 + SEAL_BYTES)
    return cheat(plan, TWO, lambda body: body.__setitem__(at + 50, body[at + 50] ^ 1))


@pytest.mark.parametrize("make", [wrong_share, garbage_seal])
def test_a_wrong_share_is_shown_and_its_dealer_named(plan: Plan, make: Callable[[Plan, int], Dealt]) -> None:
    some = said({**dealt(plan, ALL), 2: make(plan, 3)})
    receive(plan, 1, ONE.sealing, *some)
    with pytest.raises(WrongDeal, match="trustee 2 dealt you shares that are wrong") as found:
        receive(plan, 3, THREE.sealing, *some)
    complaint = complain(plan, 3, THREE.signing, THREE.sealing, found.value)
    fault = judge(plan, 3, complaint, check_dealings(plan, *some))
    assert fault.party == trustee(2)
    assert "shares that are wrong" in fault.what


def test_a_complaint_about_nothing_names_who_complained(plan: Plan) -> None:
    some = said(dealt(plan, ALL))
    checked = check_dealings(plan, *some)
    complaint = complain(plan, 3, THREE.signing, THREE.sealing, WrongDeal(2, checked[1]))
    assert str(judge(plan, 3, complaint, checked)).startswith(
        "trustee 3 complained about trustee 2, whose shares are right"
    )


def test_a_complaint_cannot_show_another_key(plan: Plan) -> None:
    """With a wrong agreed key the seal would not open, and an honest dealer would be blamed."""
    some = said(dealt(plan, ALL))
    checked = check_dealings(plan, *some)
    honest = complain(plan, 3, THREE.signing, THREE.sealing, WrongDeal(2, checked[1]))
    lies = [
        complain(plan, 3, THREE.signing, TWO.sealing, WrongDeal(2, checked[1])),
        resigned(plan, THREE, CEREMONY_COMPLAINT, honest[:2] + bytes(base_times(Scalar.public(5))) + honest[34:-64]),
        resigned(plan, THREE, CEREMONY_COMPLAINT, honest[:2] + bytes(32) + honest[34:-64]),
        resigned(plan, THREE, CEREMONY_COMPLAINT, honest[:34] + bytes(64)),
        # Of another dealer's seal.
        resigned(plan, THREE, CEREMONY_COMPLAINT, b"\0\1" + honest[2:-64]),
    ]
    for each in lies:
        fault = judge(plan, 3, each, checked)
        assert fault.party == trustee(3)
        assert "without a proof" in fault.what


def test_complaints_that_are_none(plan: Plan) -> None:
    some = said(dealt(plan, ALL))
    checked = check_dealings(plan, *some)
    honest = complain(plan, 3, THREE.signing, THREE.sealing, WrongDeal(2, checked[1]))
    about_nobody = resigned(plan, THREE, CEREMONY_COMPLAINT, b"\0\x09" + honest[2:-64])
    assert "about 9, who deals nothing" in judge(plan, 3, about_nobody, checked).what
    with pytest.raises(Fault, match="did not sign"):
        judge(plan, 2, honest, checked)
    with pytest.raises(Fault, match="signed 5 bytes"):
        judge(plan, 3, resigned(plan, THREE, CEREMONY_COMPLAINT, b"xxxxx"), checked)


def test_a_complaint_opens_no_other_seal(plan: Plan) -> None:
    some = said({**dealt(plan, ALL), 2: wrong_share(plan, 3)})
    with pytest.raises(WrongDeal) as found:
        receive(plan, 3, THREE.sealing, *some)
    shown = complain(plan, 3, THREE.signing, THREE.sealing, found.value)
    checked = check_dealings(plan, *some)
    moved = resigned(plan, THREE, CEREMONY_COMPLAINT, b"\0\1" + shown[2:-64])
    assert judge(plan, 3, moved, checked).party == trustee(3)


def test_who_is_shown_another_transcript_cannot_be_made_to_agree(plan: Plan) -> None:
    """The coordinator shows trustee 3 another dealing of trustee 1, who deals twice."""
    first, second = dealt(plan, ALL), {**dealt(plan, ALL), 1: deal(plan, 1, ONE.signing)}
    for some, who in ((first, TWO), (second, THREE)):
        receive(plan, who.index, who.sealing, *said(some))
    consents = {each.index: consent(plan, each.signing, transcript(plan, *said(first))) for each in (ONE, TWO)}
    consents[3] = consent(plan, THREE.signing, transcript(plan, *said(second)))
    with pytest.raises(Fault, match="the server showed trustee 3 another transcript"):
        conclude(plan, *said(first), consents)


def test_a_dealer_sees_its_own_dealing_in_what_is_shown(plan: Plan) -> None:
    some = dealt(plan, ALL)
    assert receive(plan, 1, ONE.sealing, *said(some), some[1])
    with pytest.raises(Fault, match="the server shows something else as dealt by you"):
        receive(plan, 1, ONE.sealing, *said(some), deal(plan, 1, ONE.signing))


def test_who_hands_on_something_else_than_its_share_is_named(held: Held) -> None:
    others = [organisation(index) for index in (4, 5)]
    plan = handing_on(held.plan, held.keys, [ONE, THREE], others, 2)
    lie = KeyShares(3, [held.shares[3][n] if n != 2 else Scalar.public(5) for n in range(5)])
    some = said(dealt(plan, [ONE, THREE], {1: held.shares[1], 3: lie}))
    with pytest.raises(Fault, match="trustee 3 handed on something else than its share of key 2"):
        check_dealings(plan, *some)


# ---- plans ----


@pytest.mark.parametrize(
    "change",
    [
        {"escrow": b"short"},
        {"attempt": b""},
        {"quorum": 0},
        {"quorum": 4},
        {"epoch": 1},
        {"highest": 1},
        {"highest": 11},
        {"dealers": ()},
        {"recipients": ()},
        {"dealers": (ONE.public, TWO.public)},
        {"dealers": (TWO.public, ONE.public, THREE.public), "recipients": (TWO.public, ONE.public, THREE.public)},
        {"dealers": (ONE.public, ONE.public), "recipients": (ONE.public, ONE.public)},
        {
            "dealers": tuple(organisation(n).public for n in range(1, 18)),
            "recipients": tuple(organisation(n).public for n in range(1, 18)),
        },
        {"old": ()},
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(plan: Plan, change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"level|ids|trustees|quorum|keys"):
        replace(plan, **change)  # type: ignore[arg-type]


def test_to_hand_keys_on_takes_exactly_a_quorum_and_a_later_epoch(held: Held) -> None:
    good = handing_on(held.plan, held.keys, [ONE, THREE], ALL, 2)
    for change in (
        {"dealers": (ONE.public,)},
        {"dealers": tuple(each.public for each in ALL)},
        {"old": held.keys[:4]},
        {"epoch": 0},
    ):
        with pytest.raises(ValueError, match="exactly a quorum"):
            replace(good, **change)


def test_every_part_of_a_plan_is_in_its_id(plan: Plan, held: Held) -> None:
    other = organisation(1, "Another name").public
    some = [
        plan,
        replace(plan, escrow=b"f" * 32),
        replace(plan, attempt=b"f" * 32),
        replace(plan, highest=3),
        replace(plan, quorum=3),
        replace(plan, dealers=(other, *plan.dealers[1:]), recipients=(other, *plan.recipients[1:])),
        (first := handing_on(held.plan, held.keys, [ONE, THREE], ALL, 2)),
        replace(first, epoch=2),
        replace(first, old=held.keys[::-1]),
        replace(first, dealers=(ONE.public, TWO.public)),
        replace(first, recipients=first.recipients[1:]),
    ]
    assert len({each.id for each in some}) == len(some)


def test_nothing_secret_is_shown(plan: Plan) -> None:
    some = deal(plan, 1, ONE.signing)
    shares = receive(plan, 1, ONE.sealing, *said(dealt(plan, ALL)))
    assert repr(some).startswith("Dealt(pledge=")
    assert "dealing" not in repr(some)
    assert repr(shares) == "KeyShares(index=1, …)"
    assert repr(ONE.signing) == "SigningKey(…)"
