# SPDX-License-Identifier: AGPL-3.0-or-later
"""A dealer sealed something wrong, or is said to have: who is to blame, and what is shown."""

from __future__ import annotations

import pytest

from notalone.protocol import ceremony
from notalone.protocol.ceremony import (
    Said,
    WrongDeal,
    check_arrivals,
    check_dealings,
    complain,
    judge,
    receive,
)
from notalone.protocol.errors import Fault, trustee
from notalone.protocol.group import Element, Scalar, base_times
from notalone.protocol.labels import (
    CEREMONY_COMPLAINT,
    CEREMONY_SHARES,
)
from notalone.protocol.seals import seal_with, unseal_with
from tests.protocol.cheats import PROOF, THREE, TWO, cheating, opening_bytes, resigned, seal_bytes
from tests.protocol.trustees import (
    Ceremony,
    source,
)


def wrongly_sealed(there: Ceremony, to: int, plaintext: bytes | None = None) -> Said:
    """Trustee 2 seals something else for a recipient; its proof about the seal is right."""
    plan = there.plan
    start = opening_bytes(plan) + (to - 1) * (seal_bytes(plan) + PROOF)

    def change(body: bytearray) -> None:
        once, public = Scalar.random(), check_arrivals(plan, there.said)[to]
        data = plaintext or b"".join(bytes(Scalar.public(n + 1)) for n in range(plan.keys))
        sealed = seal_with(once, public, CEREMONY_SHARES, ceremony._between(plan, 2, to), data)
        context = ceremony._seal_context(plan, 2, to, sealed)
        body[start : start + seal_bytes(plan) + PROOF] = sealed + ceremony._know(
            context, once, base_times(once), source(4)
        )

    return cheating(there, TWO, change)


@pytest.mark.parametrize("plaintext", [None, bytes(160)])
def test_a_wrong_share_is_shown_and_its_dealer_named(there: Ceremony, plaintext: bytes | None) -> None:
    plan, said = there.plan, wrongly_sealed(there, 3, plaintext)
    receive(plan, 1, there.once[1], said)
    with pytest.raises(WrongDeal, match="trustee 2 dealt you shares that are wrong") as found:
        receive(plan, 3, there.once[3], said)
    fault = judge(plan, 3, complain(plan, 3, THREE.signing, there.once[3], found.value), said)
    assert fault.party == trustee(2)
    assert "shares that are wrong" in fault.what


def test_garbage_under_a_key_of_its_own_is_shown_too(there: Ceremony) -> None:
    plan = there.plan
    at = opening_bytes(plan) + 2 * (seal_bytes(plan) + PROOF)

    def change(body: bytearray) -> None:
        once = Scalar.random()
        sealed = bytes(base_times(once)) + bytes(seal_bytes(plan) - 32)
        context = ceremony._seal_context(plan, 2, 3, sealed)
        body[at : at + seal_bytes(plan) + PROOF] = sealed + ceremony._know(context, once, base_times(once), source(4))

    said = cheating(there, TWO, change)
    with pytest.raises(WrongDeal) as found:
        receive(plan, 3, there.once[3], said)
    fault = judge(plan, 3, complain(plan, 3, THREE.signing, there.once[3], found.value), said)
    assert fault.party == trustee(2)


def test_a_dealer_who_copies_anothers_one_time_key_is_refused_before_anyone_complains(there: Ceremony) -> None:
    """What a complaint about the copy showed would open the seal that it was copied from."""
    plan = there.plan
    at = opening_bytes(plan) + 2 * (seal_bytes(plan) + PROOF)
    honest = there.dealt[1].body[at : at + seal_bytes(plan) + PROOF]

    def whole(body: bytearray) -> None:
        body[at : at + seal_bytes(plan) + PROOF] = honest

    def key_alone(body: bytearray) -> None:
        body[at : at + 32] = honest[:32]

    for copy in (whole, key_alone):
        with pytest.raises(Fault, match="does not hold") as found:
            receive(plan, 3, there.once[3], cheating(there, TWO, copy))
        assert found.value.party == trustee(2)
        assert not isinstance(found.value, WrongDeal)


def test_with_the_proof_left_out_the_copy_opens_an_honest_seal(
    there: Ceremony, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack, against a build without its one defence."""
    monkeypatch.setattr(ceremony, "_check_known", lambda *_: None)
    plan = there.plan
    at = opening_bytes(plan) + 2 * (seal_bytes(plan) + PROOF)
    honest = there.dealt[1].body[at : at + seal_bytes(plan)]

    def copy(body: bytearray) -> None:
        body[at : at + 32] = honest[:32]

    with pytest.raises(WrongDeal) as found:
        receive(plan, 3, there.once[3], cheating(there, TWO, copy))
    complaint = complain(plan, 3, THREE.signing, there.once[3], found.value)
    agreed = Element.decode(complaint[2:34])
    public = check_arrivals(plan, there.said)[3]
    opened = unseal_with(agreed, public, CEREMONY_SHARES, ceremony._between(plan, 1, 3), honest)
    dealing = check_dealings(plan, there.said)[0]
    dealing.commitments[0].check(3, Scalar.decode(opened[:32]))


def test_a_complaint_about_nothing_names_who_complained(there: Ceremony) -> None:
    plan, said = there.plan, there.said
    wrong = WrongDeal(2, check_dealings(plan, said)[1])
    complaint = complain(plan, 3, THREE.signing, there.once[3], wrong)
    assert str(judge(plan, 3, complaint, said)).startswith(
        "trustee 3 complained about trustee 2, whose shares are right"
    )


def test_a_complaint_cannot_show_another_key(there: Ceremony) -> None:
    """With a wrong agreed key the seal would not open, and an honest dealer would be blamed."""
    plan, said = there.plan, there.said
    honest = complain(plan, 3, THREE.signing, there.once[3], WrongDeal(2, check_dealings(plan, said)[1]))
    five = bytes(base_times(Scalar.public(5)))
    for body, match in (
        (honest[:2] + five + honest[34:-64], "without a proof"),
        (honest[:34] + honest[66:98] + honest[34:66] + honest[98:-64], "without a proof"),
        # Of another dealer's seal.
        (b"\0\1" + honest[2:98] + said.dealings[1], "without a proof"),
    ):
        fault = judge(plan, 3, resigned(plan, THREE, CEREMONY_COMPLAINT, body), said)
        assert fault.party == trustee(3)
        assert match in fault.what


def test_complaints_that_are_none(there: Ceremony) -> None:
    plan, said = there.plan, there.said
    honest = complain(plan, 3, THREE.signing, there.once[3], WrongDeal(2, check_dealings(plan, said)[1]))
    about_nobody = resigned(plan, THREE, CEREMONY_COMPLAINT, b"\0\x09" + honest[2:-64])
    fault = judge(plan, 3, about_nobody, said)
    assert (fault.party, fault.what) == (trustee(3), "complained about 9, who deals nothing")
    made_up = resigned(plan, THREE, CEREMONY_COMPLAINT, honest[:98] + said.dealings[1])
    fault = judge(plan, 3, made_up, said)
    assert (fault.party, fault.what) == (trustee(3), "complained about a dealing that trustee 2 did not sign")
    with pytest.raises(Fault, match="did not sign"):
        judge(plan, 2, honest, said)
    for body in (b"xxxxx", honest[:2] + bytes(32) + honest[34:-64], honest[:34] + bytes(64) + honest[98:-64]):
        with pytest.raises(Fault, match="trustee 3 sent something that cannot be read"):
            judge(plan, 3, resigned(plan, THREE, CEREMONY_COMPLAINT, body), said)


def test_who_deals_twice_is_named_and_not_who_complains(there: Ceremony) -> None:
    """Trustee 3 alone is shown a dealing whose seal is wrong; everybody else a good one."""
    plan = there.plan
    bad = wrongly_sealed(there, 3)
    with pytest.raises(WrongDeal) as found:
        receive(plan, 3, there.once[3], bad)
    fault = judge(plan, 3, complain(plan, 3, THREE.signing, there.once[3], found.value), there.said)
    assert fault.party == trustee(2)
    assert "dealt twice" in fault.what


def test_a_complaint_draws_from_the_source_that_it_is_given(there: Ceremony) -> None:
    plan, wrong = there.plan, WrongDeal(2, check_dealings(there.plan, there.said)[1])
    one, two = (complain(plan, 3, THREE.signing, there.once[3], wrong, source(1)) for _ in range(2))
    assert one == two != complain(plan, 3, THREE.signing, there.once[3], wrong, source(2))


def test_whoever_is_blamed_the_next_step_is_said(there: Ceremony) -> None:
    plan, said = there.plan, there.said
    wrong = WrongDeal(2, check_dealings(plan, said)[1])
    honest = complain(plan, 3, THREE.signing, there.once[3], wrong)
    faults = [
        wrong,
        judge(plan, 3, honest, said),
        judge(plan, 3, resigned(plan, THREE, CEREMONY_COMPLAINT, b"\0\x09" + honest[2:-64]), said),
        judge(plan, 3, resigned(plan, THREE, CEREMONY_COMPLAINT, honest[:98] + said.dealings[1]), said),
        judge(plan, 3, resigned(plan, THREE, CEREMONY_COMPLAINT, b"\0\1" + honest[2:98] + said.dealings[1]), said),
        judge(plan, 3, honest, wrongly_sealed(there, 1)),
    ]
    assert {each.advice for each in faults} == {ceremony.AGAIN}
