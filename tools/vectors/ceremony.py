# SPDX-License-Identifier: AGPL-3.0-or-later
"""Prints vectors/ceremony.json.

.venv/bin/python -m tools.vectors.ceremony
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha512

from notalone.protocol.ceremony import (
    HASH_BYTES,
    PROOF_BYTES,
    Plan,
    Said,
    WrongDeal,
    arrive,
    check_dealings,
    complain,
    conclude,
    consent,
    deal,
    receive,
    reveal,
    transcript,
)
from notalone.protocol.descriptor import Descriptor
from notalone.protocol.encoding import listed, number, prefixed
from notalone.protocol.group import Scalar, base_times, hash_to_scalar
from notalone.protocol.keys import KeyShares, Terms, Trustee
from notalone.protocol.labels import (
    CEREMONY_ARRIVAL,
    CEREMONY_BODY,
    CEREMONY_COMPLAINT,
    CEREMONY_CONSENT,
    CEREMONY_DEALING,
    CEREMONY_HEARD,
    CEREMONY_KNOWN,
    CEREMONY_PLEDGE,
    CEREMONY_SHARES,
)
from notalone.protocol.seals import SEAL_BYTES, seal_with, unseal
from notalone.protocol.sharing import Commitments
from notalone.protocol.signatures import SIGNATURE_BYTES
from tools.vectors.case import Case, changed, drawn, show
from tools.vectors.world import COUNSELLORS, ESCROW, ISSUER, Organisation, organisation

ABOUT = (
    "Ceremonies (spec/ceremony.md), with levels up to 2 and a quorum of 2. `trustees`: who they are, with the seed of"
    " the signing key. `terms`: of the plans. `ceremonies`: one that makes keys, and one that hands them on. Who draws"
    " bytes for the n-th time, from 0, with a `seed` gets SHAKE256 of the seed, a space and n in decimal digits. A"
    " recipient draws its one-time scalar and a nonce; a dealer the coefficients of all keys, a nonce for each proof"
    " of them, then for each recipient a scalar and a nonce. `shares` are what each recipient has in the end, one key"
    " after the other. `refused`: a ceremony, by its place, with other messages; where `ends` stands, it is the same"
    " message with this at its end; whether that shows when arrivals or dealings are checked, when trustee 3 receives"
    " its shares, or when it is concluded; and who is to blame. `complaints`: by trustee 3, `about` the ceremony of a"
    " case of `refused`, or the first one as it was; the complaint is `body`, then what trustee `shown` dealt in the"
    " ceremony `shown_in`, then `signature`; and who is to blame; not `judged` is what is no complaint of trustee 3."
    " Bytes, scalars and elements are hexadecimal."
)
ALL = tuple(organisation(index) for index in (1, 2, 3, 4))
TERMS = Terms(8, 1000, 100, ISSUER.public, COUNSELLORS.public)
OPENING_BYTES = 5 * (2 * 32 + PROOF_BYTES)
SEALED_BYTES = 5 * 32 + SEAL_BYTES
# Before the dealing.
COMPLAINT_BYTES = 2 + 32 + PROOF_BYTES
Messages = Mapping[int, bytes]


@dataclass(frozen=True)
class Ceremony:
    """One that ends well."""

    why: str
    plan: Plan
    dealers: tuple[Organisation, ...]
    recipients: tuple[Organisation, ...]
    before: Mapping[int, KeyShares] | None = None

    @cached_property
    def arrived(self) -> dict[int, tuple[Scalar, bytes]]:
        """One-time secrets, and what is said of them."""
        return {
            each.index: arrive(self.plan, each.index, each.signing, drawn(self.seed("recipient", each.index)))
            for each in self.recipients
        }

    @cached_property
    def said(self) -> Said:
        arrivals = {index: message for index, (_, message) in self.arrived.items()}
        dealt = {
            each.index: deal(
                self.plan,
                each.index,
                each.signing,
                Said(arrivals),
                None if self.before is None else self.before[each.index],
                drawn(self.seed("dealer", each.index)),
            )
            for each in self.dealers
        }
        said = Said(arrivals, {index: each.pledge for index, each in dealt.items()})
        dealings = {
            each.index: reveal(self.plan, each.index, each.signing, said, dealt[each.index]) for each in self.dealers
        }
        return Said(said.arrivals, said.pledges, dealings)

    @cached_property
    def consents(self) -> dict[int, bytes]:
        return {each.index: consent(self.plan, each.signing, self.said) for each in self.recipients}

    @cached_property
    def keys(self) -> tuple[Commitments, ...]:
        return conclude(self.plan, self.said, self.consents)

    @cached_property
    def shares(self) -> dict[int, KeyShares]:
        return {index: receive(self.plan, index, once, self.said) for index, (once, _) in self.arrived.items()}

    def seed(self, role: str, index: int) -> str:
        return f"vectors/ceremony.json epoch {self.plan.epoch} {role} {index}"


def public(some: tuple[Organisation, ...]) -> tuple[Trustee, ...]:
    return tuple(each.public for each in some)


THREE, OLD, NEW = ALL[:3], (ALL[0], ALL[2]), ALL[1:]
MADE = Ceremony(
    "keys are made",
    Plan(ESCROW, b"1" * 32, 0, 2, 2, TERMS, public(THREE), public(THREE)),
    THREE,
    THREE,
)
HANDED_ON = Ceremony(
    "keys are handed on: trustee 1 goes, trustee 4 comes",
    Plan(
        ESCROW,
        b"2" * 32,
        1,
        2,
        2,
        TERMS,
        public(OLD),
        public(NEW),
        Descriptor.of(MADE.plan, MADE.keys, transcript(MADE.plan, MADE.said)).hash,
        MADE.keys,
    ),
    OLD,
    NEW,
    MADE.shares,
)


def main() -> None:
    show(
        {
            "about": ABOUT,
            "trustees": [trustee(each) for each in ALL],
            "terms": {
                "bucket_bits": TERMS.bucket_bits,
                "budget": TERMS.budget,
                "credentials": TERMS.credentials,
                "issuer": bytes(TERMS.issuer).hex(),
                "counsellors": bytes(TERMS.counsellors).hex(),
            },
            "ceremonies": [written(each) for each in (MADE, HANDED_ON)],
            "refused": [refused(*each) for each in REFUSED.values()],
            "complaints": complaints(),
        }
    )


def trustee(each: Organisation) -> Case:
    return {
        "index": each.index,
        "name": each.public.name,
        "seed": each.seed.hex(),
        "signing": bytes(each.public.signing).hex(),
        "sealing": bytes(each.public.sealing).hex(),
    }


def written(each: Ceremony) -> Case:
    plan, said = each.plan, each.said
    return {
        "why": each.why,
        "escrow": plan.escrow.hex(),
        "attempt": plan.attempt.hex(),
        "epoch": plan.epoch,
        "highest": plan.highest,
        "quorum": plan.quorum,
        "previous": plan.previous.hex(),
        "id": plan.id.hex(),
        "recipients": [
            {
                "index": index,
                "seed": each.seed("recipient", index),
                "once": bytes(once).hex(),
                "arrival": arrival.hex(),
                "consent": each.consents[index].hex(),
                "shares": each.shares[index].export().hex(),
            }
            for index, (once, arrival) in each.arrived.items()
        ],
        "dealers": [
            {
                "index": one.index,
                "seed": each.seed("dealer", one.index),
                "pledge": said.pledges[one.index].hex(),
                "dealing": said.dealings[one.index].hex(),
            }
            for one in each.dealers
        ],
        "transcript": transcript(plan, said).hex(),
        "commitments": [[bytes(element).hex() for element in key.elements] for key in each.keys],
    }


# ---- what is refused ----


def signed(plan: Plan, who: Organisation, label: bytes, body: bytes) -> bytes:
    return body + who.signing.sign(label, plan.id + body)


def known(context: bytes, secret: Scalar) -> bytes:
    """That one knows this secret, in this context."""
    element, nonce = base_times(secret), Scalar.random(drawn("vectors/ceremony.json nonce"))
    challenge = hash_to_scalar(context + bytes(element) + bytes(base_times(nonce)), CEREMONY_KNOWN)
    return bytes(challenge) + bytes(nonce - challenge * secret)


@dataclass(frozen=True)
class Body:
    """What a dealer pledges and then deals, which can be made another one."""

    ceremony: Ceremony
    dealer: int
    data: bytes

    @property
    def pledge(self) -> bytes:
        plan = self.ceremony.plan
        hashed = sha512(prefixed(CEREMONY_BODY) + plan.id + number(self.dealer, 2) + self.data).digest()
        return signed(plan, ALL[self.dealer - 1], CEREMONY_PLEDGE, hashed)

    @property
    def dealt(self) -> Said:
        """She pledged and dealt this; all others heard so."""
        plan, before = self.ceremony.plan, self.ceremony.said
        pledges = {**before.pledges, self.dealer: self.pledge}
        messages = [*before.arrivals.values()], [*pledges.values()]
        listed_ = b"".join(listed([prefixed(each) for each in some]) for some in messages)
        heard = sha512(prefixed(CEREMONY_HEARD) + plan.id + listed_).digest()
        dealings = {}
        for index in before.dealings:
            data = self.data if index == self.dealer else body(self.ceremony, index).data
            dealings[index] = signed(plan, ALL[index - 1], CEREMONY_DEALING, data + heard)
        return Said(before.arrivals, pledges, dealings)

    def but(self, at: int, data: bytes) -> Body:
        return Body(self.ceremony, self.dealer, self.data[:at] + data + self.data[at + len(data) :])

    def with_bit(self, at: int) -> Body:
        return Body(self.ceremony, self.dealer, changed(self.data, at))

    def seal_at(self, recipient: int) -> int:
        return OPENING_BYTES + self.ceremony.plan.place(recipient) * (SEALED_BYTES + PROOF_BYTES)

    def shares(self, recipient: int) -> bytes:
        at, (once, _) = self.seal_at(recipient), self.ceremony.arrived[recipient]
        return unseal(once, CEREMONY_SHARES, self.context(recipient), self.data[at : at + SEALED_BYTES])

    def context(self, recipient: int) -> bytes:
        return self.ceremony.plan.id + number(self.dealer, 2) + number(recipient, 2)

    def sealing(self, recipient: int, shares: bytes, broken: bool = False) -> Body:
        """These shares for this recipient, and all the rest as it must be."""
        once = Scalar.random(drawn("vectors/ceremony.json again"))
        to, context = base_times(self.ceremony.arrived[recipient][0]), self.context(recipient)
        sealed = seal_with(once, to, CEREMONY_SHARES, context, shares)
        if broken:
            sealed = changed(sealed, -1)
        plan_id, between = context[:64], context[64:]
        proof = known(plan_id + b"\2" + between + sha512(sealed).digest(), once)
        return self.but(self.seal_at(recipient), sealed + proof)


def body(ceremony: Ceremony, dealer: int) -> Body:
    return Body(ceremony, dealer, ceremony.said.dealings[dealer][: -SIGNATURE_BYTES - HASH_BYTES])


Refused = tuple[str, Ceremony, str, Said, Messages, str]


def with_arrival(message: bytes) -> Said:
    """Of trustee 2."""
    return replace(MADE.said, arrivals={**MADE.said.arrivals, 2: message})


def with_pledge(message: bytes) -> Said:
    return replace(MADE.said, pledges={**MADE.said.pledges, 2: message})


def with_dealing(message: bytes) -> Said:
    return replace(MADE.said, dealings={**MADE.said.dealings, 2: message})


def refused_arrivals() -> list[Refused]:
    plan, who, arrival = MADE.plan, ALL[1], MADE.said.arrivals[2]
    data = arrival[:-SIGNATURE_BYTES]
    once, _ = MADE.arrived[2]

    def saying(data: bytes) -> Said:
        return with_arrival(signed(plan, who, CEREMONY_ARRIVAL, data))

    cases = [
        ("an arrival of which one bit is another", with_arrival(changed(arrival, 0)), "server"),
        ("another's arrival", with_arrival(MADE.said.arrivals[1]), "server"),
        ("an arrival at another ceremony", with_arrival(HANDED_ON.said.arrivals[2]), "server"),
        ("an empty arrival", with_arrival(b""), "server"),
        ("another's one-time key and proof", saying(MADE.said.arrivals[1][:-SIGNATURE_BYTES]), "2"),
        ("the identity for a one-time key", saying(bytes(32) + data[32:]), "2"),
        ("a one-time key without its proof", saying(data[:32]), "2"),
        ("a proof with another c", saying(changed(data, 32)), "2"),
        ("a proof with another s", saying(changed(data, 64)), "2"),
        ("a proof as another recipient", saying(data[:32] + known(plan.id + b"\0\0\3", once)), "2"),
    ]
    return [(why, MADE, "arrivals", said, {}, blame) for why, said, blame in cases]


def refused_dealings() -> list[Refused]:
    plan, who, pledge, dealing = MADE.plan, ALL[1], MADE.said.pledges[2], MADE.said.dealings[2]
    data, short = dealing[:-SIGNATURE_BYTES], dealing[: -SIGNATURE_BYTES - 1]
    first, second, on = body(MADE, 1), body(MADE, 2), body(HANDED_ON, 1)
    as_pledge, unheard = signed(plan, who, CEREMONY_PLEDGE, data), data[:-HASH_BYTES] + bytes(HASH_BYTES)
    other_seal = first.data[OPENING_BYTES : OPENING_BYTES + SEALED_BYTES + PROOF_BYTES]
    cases = [
        ("a pledge of which one bit is another", with_pledge(changed(pledge, 0)), "server"),
        ("another's pledge", with_pledge(MADE.said.pledges[1]), "server"),
        ("an empty pledge", with_pledge(b""), "server"),
        ("a pledge of 63 bytes", with_pledge(signed(plan, who, CEREMONY_PLEDGE, bytes(63))), "2"),
        ("a dealing of which one bit is another", with_dealing(changed(dealing, 99)), "server"),
        ("another's dealing", with_dealing(MADE.said.dealings[1]), "server"),
        ("a dealing signed as a pledge", with_dealing(as_pledge), "server"),
        ("a dealing a byte shorter", with_dealing(signed(plan, who, CEREMONY_DEALING, short)), "2"),
        ("something else than was pledged", with_dealing(second.with_bit(64).dealt.dealings[2]), "2"),
        ("who heard other pledges", with_dealing(signed(plan, who, CEREMONY_DEALING, unheard)), "server"),
        ("what another deals", Body(MADE, 2, first.data).dealt, "2"),
        ("a commitment to zero", second.but(0, bytes(32)).dealt, "2"),
        ("a commitment that is no element", second.but(0, b"\xff" * 32).dealt, "2"),
        ("a key that another committed to", second.but(0, first.data[:32]).dealt, "2"),
        ("a proof of a part with another c", second.with_bit(64).dealt, "2"),
        ("a proof of a part with another s", second.with_bit(96).dealt, "2"),
        ("a proof of another part", second.but(64, second.data[192:256]).dealt, "2"),
        ("a seal with the identity for its one-time key", second.but(OPENING_BYTES, bytes(32)).dealt, "2"),
        ("a seal that was copied from another dealer", second.but(OPENING_BYTES, other_seal).dealt, "2"),
        ("a seal's proof with another s", second.with_bit(OPENING_BYTES + SEALED_BYTES + 32).dealt, "2"),
    ]
    made: list[Refused] = [(why, MADE, "dealings", said, {}, blame) for why, said, blame in cases]
    return [*made, ("a key of her own, where keys are handed on", HANDED_ON, "dealings", fresh(on).dealt, {}, "1")]


def fresh(each: Body) -> Body:
    """As if she made keys instead of handing hers on."""
    said = Said(each.ceremony.said.arrivals)
    draw = drawn("vectors/ceremony.json fresh")
    made = deal(each.ceremony.plan, each.dealer, ALL[each.dealer - 1].signing, said, source=draw)
    return Body(each.ceremony, each.dealer, made.body)


def wrong(shares: bytes) -> bytes:
    """The first one is one more."""
    return bytes(Scalar.decode(shares[:32]) + Scalar.public(1)) + shares[32:]


def refused_shares() -> list[Refused]:
    second, on = body(MADE, 2), body(HANDED_ON, 1)
    right = second.shares(3)
    cases = [
        ("wrong shares for trustee 3", second.sealing(3, wrong(right)), "2"),
        ("the shares of trustee 1 for trustee 3", second.sealing(3, second.shares(1)), "2"),
        ("shares that are not reduced", second.sealing(3, b"\xff" * 160), "2"),
        ("a seal that does not open", second.sealing(3, right, broken=True), "2"),
        ("wrong shares that are handed on", on.sealing(3, wrong(on.shares(3))), "1"),
    ]
    return [(why, each.ceremony, "receive", each.dealt, {}, blame) for why, each, blame in cases]


def refused_consents() -> list[Refused]:
    right = MADE.consents[2]
    cases = [
        ("a consent with another signature", changed(right, -1)),
        ("a consent to something else", signed(MADE.plan, ALL[1], CEREMONY_CONSENT, bytes(HASH_BYTES))),
        ("another's consent", MADE.consents[1]),
    ]
    return [(why, MADE, "conclude", MADE.said, {2: each}, "server") for why, each in cases]


REFUSED = {each[0]: each for each in (*refused_arrivals(), *refused_dealings(), *refused_shares(), *refused_consents())}


def refused(why: str, ceremony: Ceremony, step: str, said: Said, consents: Messages, blame: str) -> Case:
    before = ceremony.said
    return {
        "why": why,
        "ceremony": 0 if ceremony is MADE else 1,
        "shows": step,
        "arrivals": differing(said.arrivals, before.arrivals),
        "pledges": differing(said.pledges, before.pledges),
        "dealings": differing(said.dealings, before.dealings),
        "consents": differing(consents, {}),
        **blamed(blame),
    }


def differing(some: Messages, before: Messages) -> list[Case]:
    made = []
    for index, each in some.items():
        end = -SIGNATURE_BYTES - HASH_BYTES
        if index in before and each[:end] == before[index][:end] and len(each) == len(before[index]) > -end:
            if each != before[index]:
                made.append({"by": index, "ends": each[end:].hex()})
        elif each != before.get(index):
            made.append({"by": index, "message": each.hex()})
    return made


def blamed(who: str) -> Case:
    """A trustee by its index, or the server."""
    return {"blame": "trustee", "index": int(who)} if who.isdecimal() else {"blame": who}


# ---- complaints ----

WRONG, BROKEN = "wrong shares for trustee 3", "a seal that does not open"


def complaint(about: str | None) -> bytes:
    """Of trustee 3 about trustee 2; before what trustee 2 dealt."""
    said = MADE.said if about is None else REFUSED[about][3]
    dealing = check_dealings(MADE.plan, said)[1]
    draw = drawn("vectors/ceremony.json complaint")
    whole = complain(MADE.plan, 3, ALL[2].signing, MADE.arrived[3][0], WrongDeal(2, dealing), draw)
    return whole[:COMPLAINT_BYTES]


def complaints() -> list[Case]:
    right, about_broken, made_up = complaint(WRONG), complaint(BROKEN), complaint(None)
    other_key = bytes(ALL[0].public.sealing)
    cases: list[tuple[str, str | None, bytes, int, str | None, str]] = [
        ("wrong shares", WRONG, right, 2, WRONG, "2"),
        ("a seal that does not open", BROKEN, about_broken, 2, BROKEN, "2"),
        ("shares that are right", None, made_up, 2, None, "3"),
        ("another dealing than all have seen", None, right, 2, WRONG, "2"),
        ("another K", WRONG, right[:2] + other_key + right[34:], 2, WRONG, "3"),
        ("another proof", WRONG, changed(right, -1), 2, WRONG, "3"),
        ("about another dealer", WRONG, number(1, 2) + right[2:], 2, WRONG, "3"),
        ("about another dealer, with what that one dealt", WRONG, number(1, 2) + right[2:], 1, WRONG, "3"),
        ("about who deals nothing", WRONG, number(4, 2) + right[2:], 2, WRONG, "3"),
    ]
    judged = [(*each, ALL[2].signing.sign(CEREMONY_COMPLAINT, shown(each))) for each in cases]
    identity = ("K is the identity", WRONG, right[:2] + bytes(32) + right[34:], 2, WRONG, "3")
    zero = ("a proof with c = 0", WRONG, right[:34] + bytes(32) + right[66:], 2, WRONG, "3")
    changed_ = ("one bit is another", WRONG, changed(right, 5), 2, WRONG, "server")
    anothers = ("another's", WRONG, right, 2, WRONG, "server")
    not_judged = [
        *((*each, ALL[2].signing.sign(CEREMONY_COMPLAINT, shown(each))) for each in (identity, zero)),
        (*changed_, ALL[2].signing.sign(CEREMONY_COMPLAINT, shown(cases[0]))),
        (*anothers, ALL[0].signing.sign(CEREMONY_COMPLAINT, shown(anothers))),
    ]
    return [
        {
            "why": why,
            "about": about,
            "body": data.hex(),
            "shown": dealer,
            "shown_in": where,
            "signature": signature.hex(),
            "judged": some is judged,
            **blamed(blame),
        }
        for some in (judged, not_judged)
        for why, about, data, dealer, where, blame, signature in some
    ]


def shown(each: tuple[str, str | None, bytes, int, str | None, str]) -> bytes:
    """What is signed."""
    _, _, data, dealer, where, _ = each
    said = MADE.said if where is None else REFUSED[where][3]
    return MADE.plan.id + data + said.dealings[dealer]


if __name__ == "__main__":
    main()
