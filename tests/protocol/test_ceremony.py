# SPDX-License-Identifier: AGPL-3.0-or-later
"""Keys are made, and handed on, by trustees of whom some cheat, say nothing, or say again what was said before."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest

from notalone.protocol import ceremony
from notalone.protocol.ceremony import (
    Plan,
    Said,
    arrive,
    check_arrivals,
    check_dealings,
    check_pledges,
    conclude,
    consent,
    deal,
    receive,
    reveal,
    transcript,
)
from notalone.protocol.errors import SERVER, Fault, trustee
from notalone.protocol.group import ELEMENT_BYTES, Scalar, base_times
from notalone.protocol.keys import KeyShares
from notalone.protocol.labels import (
    CEREMONY_ARRIVAL,
    CEREMONY_DEALING,
    CEREMONY_PLEDGE,
)
from notalone.protocol.sharing import combine
from tests.protocol.cheats import ALL, ONE, QUORUM, THREE, TWO, cheating, opening_bytes, resigned
from tests.protocol.trustees import (
    Ceremony,
    Held,
    arrived,
    handing_on,
    hold,
    new_plan,
    organisation,
    run,
    source,
    terms,
)


@pytest.fixture(scope="module")
def held() -> Held:
    return hold(new_plan(ALL, QUORUM), ALL, ALL)


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
    second = hold(handing_on(held, [ONE, THREE], others, 3), [ONE, THREE], others, held.shares)
    assert [each.secret for each in second.keys] == [each.secret for each in held.keys]
    assert {len(each.elements) for each in second.keys} == {3}
    assert base_times(combine({i: second.shares[i][4] for i in (2, 5, 6)})) == held.keys[4].secret
    # Shares of two epochs do not fit together.
    mixed = combine({1: held.shares[1][0], 4: second.shares[4][0], 5: second.shares[5][0]})
    assert base_times(mixed) != held.keys[0].secret
    third = hold(handing_on(second, others[:3], ALL, 2), others[:3], ALL, second.shares)
    assert [each.secret for each in third.keys] == [each.secret for each in held.keys]
    assert third.shares[1].export() != held.shares[1].export()


def test_one_attempt_has_nothing_in_common_with_the_next(plan: Plan) -> None:
    some = [run(plan, ALL, ALL, seed=seed) for seed in (1, 2)]
    keys = [check_dealings(plan, each.said)[0].commitments for each in some]
    assert len({bytes(e) for each in keys for one in each for e in one.elements}) == 2 * 5 * QUORUM
    assert len({transcript(plan, each.said) for each in some}) == 2


def test_randomness_is_an_argument_with_a_safe_default(plan: Plan) -> None:
    _, said = arrived(plan, ALL)
    assert deal(plan, 1, ONE.signing, said, source=source(1)) == deal(plan, 1, ONE.signing, said, source=source(1))
    assert deal(plan, 1, ONE.signing, said) != deal(plan, 1, ONE.signing, said)
    assert arrive(plan, 1, ONE.signing) != arrive(plan, 1, ONE.signing)


# ---- who is silent, and what is changed on its way ----


def test_who_says_nothing_is_named(there: Ceremony) -> None:
    plan, said = there.plan, there.said

    def without(some: dict[int, bytes], index: int) -> dict[int, bytes]:
        return {n: each for n, each in some.items() if n != index}

    with pytest.raises(Fault, match="trustee 2 did not say") as found:
        check_arrivals(plan, replace(said, arrivals=without(dict(said.arrivals), 2)))
    assert found.value.party == trustee(2)
    with pytest.raises(Fault, match="trustee 3 did not say"):
        check_pledges(plan, replace(said, pledges=without(dict(said.pledges), 3)))
    with pytest.raises(Fault, match="trustee 1 did not say"):
        check_dealings(plan, replace(said, dealings=without(dict(said.dealings), 1)))
    consents = {each.index: consent(plan, each.signing, said) for each in (ONE, TWO)}
    with pytest.raises(Fault, match="trustee 3 did not say"):
        conclude(plan, said, consents)


def test_nobody_deals_before_all_arrived_or_reveals_before_all_pledged(there: Ceremony) -> None:
    plan, said = there.plan, there.said
    with pytest.raises(Fault, match="trustee 3 did not say"):
        deal(plan, 1, ONE.signing, Said({1: said.arrivals[1], 2: said.arrivals[2]}))
    with pytest.raises(Fault, match="trustee 2 did not say"):
        reveal(plan, 1, ONE.signing, replace(said, pledges={1: said.pledges[1], 3: said.pledges[3]}), there.dealt[1])


def test_a_message_that_was_changed_on_its_way_blames_no_trustee(there: Ceremony) -> None:
    plan, said = there.plan, there.said
    for name in ("arrivals", "pledges", "dealings"):
        some = dict(getattr(said, name))
        wrong = [some[2][:30], b"", some[3], some[2] + b"x"]
        for at in (0, 40, -1):
            changed = bytearray(some[2])
            changed[at] ^= 1
            wrong.append(bytes(changed))
        for each in wrong:
            with pytest.raises(Fault, match="that trustee 2 did not sign") as found:
                check_dealings(plan, replace(said, **{name: {**some, 2: each}}))
            assert found.value.party == SERVER


def test_a_message_of_another_kind_or_attempt_is_not_hers(there: Ceremony) -> None:
    plan, said = there.plan, there.said
    consented = consent(plan, ONE.signing, said)
    with pytest.raises(Fault, match="did not sign"):
        check_pledges(plan, replace(said, pledges={**said.pledges, 1: consented}))
    # The relay says again what was said in an attempt that failed.
    with pytest.raises(Fault, match="did not sign"):
        check_dealings(replace(plan, attempt=b"2" * 32), said)


def test_a_signed_message_of_another_length_is_its_authors_fault(there: Ceremony) -> None:
    plan, said = there.plan, there.said
    for name, label in (("arrivals", CEREMONY_ARRIVAL), ("pledges", CEREMONY_PLEDGE), ("dealings", CEREMONY_DEALING)):
        some = dict(getattr(said, name))
        for body in (b"", some[1][:-65], some[1][:-64] + b"x"):
            with pytest.raises(Fault, match=r"trustee 1 signed \d+ bytes"):
                check_dealings(plan, replace(said, **{name: {**some, 1: resigned(plan, ONE, label, body)}}))


# ---- pledges ----


def test_who_deals_something_else_than_was_pledged_is_named(there: Ceremony) -> None:
    plan, said = there.plan, there.said
    other = deal(plan, 2, TWO.signing, said)
    body = other.body + ceremony._heard(plan, said)
    dealings = {**said.dealings, 2: resigned(plan, TWO, CEREMONY_DEALING, body)}
    with pytest.raises(Fault, match="trustee 2 dealt something else than was pledged"):
        check_dealings(plan, replace(said, dealings=dealings))


def test_who_pledges_anew_after_seeing_the_dealings_is_found_out(there: Ceremony) -> None:
    """The dealings say which pledges their authors had heard."""
    plan, said = there.plan, there.said
    late = deal(plan, 3, THREE.signing, said)
    pledges = {**said.pledges, 3: late.pledge}
    dealings = {**said.dealings, 3: reveal(plan, 3, THREE.signing, replace(said, pledges=pledges), late)}
    with pytest.raises(Fault, match="the server showed trustee 1 other pledges"):
        check_dealings(plan, replace(said, pledges=pledges, dealings=dealings))


def test_a_dealer_is_shown_her_own_pledge_and_key(there: Ceremony) -> None:
    plan, said = there.plan, there.said
    other = deal(plan, 1, ONE.signing, said)
    with pytest.raises(Fault, match="another pledge as yours"):
        reveal(plan, 1, ONE.signing, said, other)
    with pytest.raises(Fault, match="another pledge as yours"):
        receive(plan, 1, there.once[1], said, other)
    with pytest.raises(Fault, match="another key as yours"):
        receive(plan, 1, there.once[2], said)
    assert receive(plan, 1, there.once[1], said, there.dealt[1])


def test_who_is_shown_another_transcript_cannot_be_made_to_agree(there: Ceremony) -> None:
    """The coordinator shows trustee 3 another ceremony, in which all the others take part too."""
    plan, first, second = there.plan, there.said, run(there.plan, ALL, ALL, seed=5).said
    consents = {each.index: consent(plan, each.signing, first) for each in (ONE, TWO)}
    consents[3] = consent(plan, THREE.signing, second)
    with pytest.raises(Fault, match="the server showed trustee 3 another transcript"):
        conclude(plan, first, consents)


# ---- dealings that do not hold ----


@pytest.mark.parametrize(
    ("at", "written", "match"),
    [
        (0, bytes(32), "identity"),
        (32, b"\xff" * 32, "not an element"),
        (2 * ELEMENT_BYTES, bytes(32), "zero"),
        (2 * ELEMENT_BYTES, bytes([1]) + bytes(31), "proof of knowledge: does not hold"),
        (0, bytes(base_times(Scalar.public(7))), "does not hold"),
        (4 * 4 * 32, bytes(base_times(Scalar.public(7))), "does not hold"),
        (5 * 4 * 32, bytes(32), "identity"),
        (5 * 4 * 32, bytes(base_times(Scalar.public(7))), "does not hold"),
        (5 * 4 * 32 + 100, bytes(32), "does not hold"),
    ],
    ids=range(9),
)
def test_a_dealing_that_does_not_hold_names_its_dealer(there: Ceremony, at: int, written: bytes, match: str) -> None:
    def change(body: bytearray) -> None:
        body[at : at + 32] = written

    with pytest.raises(Fault, match=match) as found:
        check_dealings(there.plan, cheating(there, TWO, change))
    assert found.value.party == trustee(2)


def test_a_part_copied_from_another_dealer_is_refused(there: Ceremony) -> None:
    """Nobody can deal what she does not know: the proof is good for its dealer alone."""

    def copy(body: bytearray) -> None:
        length = opening_bytes(there.plan)
        body[:length] = there.dealt[1].body[:length]

    with pytest.raises(Fault, match="does not hold") as found:
        check_dealings(there.plan, cheating(there, TWO, copy))
    assert found.value.party == trustee(2)


def test_a_proof_is_good_for_its_key_alone(there: Ceremony) -> None:
    def swap(body: bytearray) -> None:
        first, second = bytes(body[:128]), bytes(body[128:256])
        body[:256] = second + first

    with pytest.raises(Fault, match="does not hold"):
        check_dealings(there.plan, cheating(there, TWO, swap))


def test_an_arrival_without_its_secret_is_refused(there: Ceremony) -> None:
    plan, said = there.plan, there.said
    for body in (said.arrivals[1][:-64], bytes(32) + said.arrivals[2][32:-64]):
        arrivals = {**said.arrivals, 2: resigned(plan, TWO, CEREMONY_ARRIVAL, body)}
        with pytest.raises(Fault, match="trustee 2 sent something that cannot be read"):
            check_arrivals(plan, replace(said, arrivals=arrivals))


def test_who_hands_on_something_else_than_its_share_is_named(held: Held) -> None:
    others = [organisation(index) for index in (4, 5)]
    plan = handing_on(held, [ONE, THREE], others, 2)
    lie = KeyShares(3, [held.shares[3][n] if n != 2 else Scalar.public(5) for n in range(5)])
    there = run(plan, [ONE, THREE], others, {1: held.shares[1], 3: lie})
    with pytest.raises(Fault, match="trustee 3 handed on something else than its share of key 2"):
        check_dealings(plan, there.said)


# ---- plans ----


@pytest.mark.parametrize(
    "change",
    [
        {"escrow": b"short"},
        {"attempt": b""},
        {"previous": b""},
        {"previous": b"p" * 64},
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
        {"dealers": (two := (ONE.public, replace(ONE.public, index=2))), "recipients": two},
        {"old": ()},
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(plan: Plan, change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"level|ids|trustees|quorum|keys"):
        replace(plan, **change)  # type: ignore[arg-type]


def test_sixteen_may_take_part() -> None:
    assert len(new_plan([organisation(n) for n in range(1, 17)], 9).recipients) == 16


def test_to_hand_keys_on_takes_exactly_a_quorum_and_a_later_epoch(held: Held) -> None:
    good = handing_on(held, [ONE, THREE], ALL, 2)
    changes: list[dict[str, object]] = [
        {"dealers": (ONE.public,)},
        {"dealers": tuple(each.public for each in ALL)},
        {"old": held.keys[:4]},
        {"epoch": 0},
    ]
    for change in changes:
        with pytest.raises(ValueError, match="exactly a quorum"):
            replace(good, **change)  # type: ignore[arg-type]


def test_every_part_of_a_plan_is_in_its_id(plan: Plan, held: Held) -> None:
    other = organisation(1, "Another name").public
    first = handing_on(held, [ONE, THREE], ALL, 2)
    odd = [
        replace(terms(), bucket_bits=1),
        replace(terms(), budget=1),
        replace(terms(), credentials=1),
        replace(terms(), counsellors=ONE.signing.public),
    ]
    some = [
        plan,
        *(replace(plan, terms=each) for each in odd),
        replace(plan, escrow=b"f" * 32),
        replace(plan, attempt=b"f" * 32),
        replace(plan, highest=3),
        replace(plan, quorum=3),
        replace(plan, dealers=(other, *plan.dealers[1:]), recipients=(other, *plan.recipients[1:])),
        first,
        replace(first, epoch=2),
        replace(first, old=held.keys[::-1]),
        replace(first, previous=b"p" * 64),
        replace(first, dealers=(ONE.public, TWO.public)),
        replace(first, recipients=first.recipients[1:]),
    ]
    assert len({each.id for each in some}) == len(some)


def test_nothing_secret_is_shown(there: Ceremony) -> None:
    assert repr(there.dealt[1]).startswith("Dealt(pledge=")
    assert "body" not in repr(there.dealt[1])
    assert repr(there.once[1]) == "Scalar(…)"
    assert repr(receive(there.plan, 1, there.once[1], there.said)) == "KeyShares(index=1, …)"
    assert repr(ONE.signing) == "SigningKey(…)"
