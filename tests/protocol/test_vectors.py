# SPDX-License-Identifier: AGPL-3.0-or-later
"""Python says what vectors/ say: the browser's tests read the same files. And the files are what their tools print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha512

import pytest

from notalone.protocol import dleq
from notalone.protocol.ceremony import (
    Plan,
    Said,
    WrongDeal,
    arrive,
    check_arrivals,
    check_dealings,
    complain,
    conclude,
    consent,
    deal,
    judge,
    receive,
    reveal,
    transcript,
)
from notalone.protocol.errors import Undecodable, WrongProof
from notalone.protocol.group import Element, Scalar, base_times
from notalone.protocol.keys import KeyShares, Terms, Trustee
from notalone.protocol.rsa_blind import PublicKey
from notalone.protocol.seals import WrongSeal, decrypt, derive, encrypt, seal, unseal
from notalone.protocol.sharing import Commitments, Polynomial, WrongShare, combine, combine_elements, lagrange
from notalone.protocol.signatures import SigningKey, VerifyKey, WrongSignature
from tests.protocol.vectors import Case, blamed, cases, check_blame, elements, from_hex, scalars, vectors
from tests.server import ROOT
from tools.vectors.__main__ import NOUNS, printed
from tools.vectors.case import drawn


@pytest.mark.parametrize("noun", NOUNS)
def test_a_file_is_what_its_tool_prints(noun: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", [noun])
    assert printed(noun) == (ROOT / "vectors" / f"{noun}.json").read_text()


# ---- seals ----


@cases("seals", "signed", "signatures", "derived", "encrypted", "sealed", "seals")
def test_seals(group: str, case: Case) -> None:
    {
        "signed": signed,
        "signatures": signature,
        "derived": derived,
        "encrypted": encrypted,
        "sealed": sealed,
        "seals": unsealed,
    }[group](case)


def signed(case: Case) -> None:
    key = SigningKey(from_hex(case["seed"]))
    assert bytes(key.public) == from_hex(case["public"])
    assert key.sign(from_hex(case["label"]), from_hex(case["message"])) == from_hex(case["signature"])
    signature(case | {"valid": True})


def signature(case: Case) -> None:
    def step() -> None:
        key = VerifyKey(from_hex(case["public"]))
        key.verify(from_hex(case["label"]), from_hex(case["message"]), from_hex(case["signature"]))

    if case["valid"]:
        step()
        return
    with pytest.raises({"wrong": WrongSignature, "undecodable": Undecodable}[case["error"]]):
        step()


def derived(case: Case) -> None:
    key = derive(from_hex(case["secret"]), from_hex(case["label"]), from_hex(case["context"]), case["length"])
    assert len(key) == case["length"]
    assert key[:80] == from_hex(case["begins"])
    assert sha512(key).hexdigest() == case["sha512"]


def encrypted(case: Case) -> None:
    key, context, data = from_hex(case["key"]), from_hex(case["context"]), from_hex(case["sealed"])
    if not case["valid"]:
        with pytest.raises(WrongSeal):
            decrypt(key, data, context)
        return
    assert decrypt(key, data, context) == from_hex(case["message"])
    assert encrypt(key, from_hex(case["message"]), context) == data


def sealed(case: Case) -> None:
    secret, use = Scalar.decode(from_hex(case["secret"])), (from_hex(case["label"]), from_hex(case["context"]))
    public, message, data = base_times(secret), from_hex(case["message"]), from_hex(case["sealed"])
    assert bytes(public) == from_hex(case["public"])
    assert seal(public, *use, message, lambda _: from_hex(case["random"])) == data
    assert unseal(secret, *use, data) == message


def unsealed(case: Case) -> None:
    use = from_hex(case["label"]), from_hex(case["context"])
    with pytest.raises({"wrong": WrongSeal, "undecodable": Undecodable}[case["error"]]):
        unseal(Scalar.decode(from_hex(case["secret"])), *use, from_hex(case["sealed"]))


# ---- sharing ----


@cases("sharing", "polynomials", "shares", "lagrange", "combined")
def test_sharing(group: str, case: Case) -> None:
    {"polynomials": polynomial, "shares": share, "lagrange": factors, "combined": combined}[group](case)


def polynomial(case: Case) -> None:
    each = Polynomial(tuple(scalars(case["coefficients"])))
    assert each.commitments == Commitments(tuple(elements(case["commitments"])))
    for one in case["shares"]:
        assert bytes(each.share(one["index"])) == from_hex(one["share"])
        assert bytes(each.commitments.share(one["index"])) == from_hex(one["public"])


def share(case: Case) -> None:
    commitments = Commitments(tuple(elements(case["commitments"])))
    given = case["index"], Scalar.decode(from_hex(case["share"]))
    if case["valid"]:
        commitments.check(*given)
        return
    with pytest.raises(WrongShare):
        commitments.check(*given)


def factors(case: Case) -> None:
    if not case["valid"]:
        with pytest.raises(ValueError, match="ind"):
            lagrange(case["indices"], case["at"])
        return
    found = lagrange(case["indices"], case["at"])
    assert [bytes(found[index]).hex() for index in case["indices"]] == case["factors"]


def combined(case: Case) -> None:
    shares = {each["index"]: Scalar.decode(from_hex(each["share"])) for each in case["shares"]}
    assert bytes(combine(shares)) == from_hex(case["combined"])
    some = {each["index"]: Element.decode(from_hex(each["element"])) for each in case["elements"]}
    [base] = elements([case["base"]])
    assert some == {index: each * base for index, each in shares.items()}
    assert combine_elements(some) == combine(shares) * base == elements([case["element"]])[0]


# ---- dleq ----


@cases("dleq", "proved", "proofs")
def test_dleq(group: str, case: Case) -> None:
    context, bases = from_hex(case["context"]), elements(case["bases"])
    claims = [dleq.Claim(each["base"], *elements([each["commitment"], each["answer"]])) for each in case["claims"]]

    def step() -> None:
        dleq.verify(context, bases, claims, dleq.Proof.decode(from_hex(case["proof"]), len(bases)))

    if group == "proved":
        step()
        proof = dleq.prove(context, bases, claims, scalars(case["secrets"]), lambda _: from_hex(case["random"]))
        assert bytes(proof) == from_hex(case["proof"])
        return
    with pytest.raises({"wrong": WrongProof, "undecodable": Undecodable}[case["error"]]):
        step()


# ---- ceremony ----

CEREMONIES = vectors("ceremony")
FIRST_ONE = CEREMONIES["ceremonies"][0]
REFUSED = {each["why"]: each for each in CEREMONIES["refused"]}


def signing_key(index: int) -> SigningKey:
    found = {each["index"]: each for each in CEREMONIES["trustees"]}[index]
    return SigningKey(from_hex(found["seed"]))


def trustee_of(case: Case) -> Trustee:
    signing, [sealing] = VerifyKey(from_hex(case["signing"])), elements([case["sealing"]])
    return Trustee(case["index"], case["name"], signing, sealing)


def plan_of(case: Case) -> Plan:
    known = {each["index"]: trustee_of(each) for each in CEREMONIES["trustees"]}
    terms = CEREMONIES["terms"]
    issuer, counsellors = PublicKey.decode(from_hex(terms["issuer"])), VerifyKey(from_hex(terms["counsellors"]))
    return Plan(
        from_hex(case["escrow"]),
        from_hex(case["attempt"]),
        case["epoch"],
        case["highest"],
        case["quorum"],
        Terms(terms["bucket_bits"], terms["budget"], terms["credentials"], issuer, counsellors),
        tuple(known[each["index"]] for each in case["dealers"]),
        tuple(known[each["index"]] for each in case["recipients"]),
        from_hex(case["previous"]),
        None if case["epoch"] == 0 else commitments_of(FIRST_ONE),
    )


def commitments_of(case: Case) -> tuple[Commitments, ...]:
    return tuple(Commitments(tuple(elements(each))) for each in case["commitments"])


def said_in(case: Case) -> Said:
    return Said(
        {each["index"]: from_hex(each["arrival"]) for each in case["recipients"]},
        {each["index"]: from_hex(each["pledge"]) for each in case["dealers"]},
        {each["index"]: from_hex(each["dealing"]) for each in case["dealers"]},
    )


def other_messages(before: Mapping[int, bytes], some: Sequence[Case]) -> dict[int, bytes]:
    result = dict(before)
    for each in some:
        if "ends" in each:
            end = from_hex(each["ends"])
            result[each["by"]] = before[each["by"]][: -len(end)] + end
        else:
            result[each["by"]] = from_hex(each["message"])
    return result


def said_instead(case: Case) -> Said:
    before = said_in(CEREMONIES["ceremonies"][case["ceremony"]])
    return Said(*(other_messages(getattr(before, name), case[name]) for name in ("arrivals", "pledges", "dealings")))


@cases("ceremony", "ceremonies", "refused", "complaints")
def test_ceremony(group: str, case: Case) -> None:
    {"ceremonies": ceremony, "refused": refused_ceremony, "complaints": complaint}[group](case)


def ceremony(case: Case) -> None:
    plan, said = plan_of(case), said_in(case)
    before = {each["index"]: from_hex(each["shares"]) for each in FIRST_ONE["recipients"]}
    assert plan.id == from_hex(case["id"])
    for each in case["recipients"]:
        arrived = arrive(plan, each["index"], signing_key(each["index"]), drawn(each["seed"]))
        assert arrived == (Scalar.decode(from_hex(each["once"])), from_hex(each["arrival"]))
    for each in case["dealers"]:
        index, key = each["index"], signing_key(each["index"])
        old = None if plan.old is None else KeyShares.decode(index, before[index], plan.keys)
        mine = deal(plan, index, key, Said(said.arrivals), old, drawn(each["seed"]))
        assert mine.pledge == from_hex(each["pledge"])
        assert reveal(plan, index, key, Said(said.arrivals, said.pledges), mine) == from_hex(each["dealing"])
    assert transcript(plan, said) == from_hex(case["transcript"])
    consents = {each["index"]: from_hex(each["consent"]) for each in case["recipients"]}
    assert consents == {index: consent(plan, signing_key(index), said) for index in consents}
    assert conclude(plan, said, consents) == commitments_of(case)
    for each in case["recipients"]:
        received = receive(plan, each["index"], Scalar.decode(from_hex(each["once"])), said)
        assert received.export() == from_hex(each["shares"])
    assert [each.secret for each in commitments_of(case)] == [each.secret for each in commitments_of(FIRST_ONE)]


def refused_ceremony(case: Case) -> None:
    of = CEREMONIES["ceremonies"][case["ceremony"]]
    plan, said = plan_of(of), said_instead(case)
    consents = {each["index"]: from_hex(each["consent"]) for each in of["recipients"]}
    once = {each["index"]: Scalar.decode(from_hex(each["once"])) for each in of["recipients"]}
    if case["shows"] not in ("arrivals", "dealings"):
        check_dealings(plan, said)
    with blamed(case["blame"], case.get("index")):
        if case["shows"] == "arrivals":
            check_arrivals(plan, said)
        elif case["shows"] == "dealings":
            check_dealings(plan, said)
        elif case["shows"] == "receive":
            receive(plan, 3, once[3], said)
        else:
            conclude(plan, said, other_messages(consents, case["consents"]))


def complaint(case: Case) -> None:
    plan = plan_of(FIRST_ONE)
    about, where = (
        said_in(FIRST_ONE) if case[name] is None else said_instead(REFUSED[case[name]])
        for name in ("about", "shown_in")
    )
    data = from_hex(case["body"]) + where.dealings[case["shown"]] + from_hex(case["signature"])
    if case["judged"]:
        check_blame(judge(plan, 3, data, about), case["blame"], case["index"])
        return
    with blamed(case["blame"], case.get("index")):
        judge(plan, 3, data, about)


def test_a_complaint_is_made_of_what_was_received() -> None:
    [case] = [each for each in CEREMONIES["complaints"] if each["why"] == "wrong shares"]
    plan, said = plan_of(FIRST_ONE), said_instead(REFUSED[case["about"]])
    [once] = [Scalar.decode(from_hex(each["once"])) for each in FIRST_ONE["recipients"] if each["index"] == 3]
    with pytest.raises(WrongDeal) as wrong:
        receive(plan, 3, once, said)
    made = complain(plan, 3, signing_key(3), once, wrong.value, drawn("vectors/ceremony.json complaint"))
    assert made == from_hex(case["body"]) + said.dealings[2] + from_hex(case["signature"])
