# SPDX-License-Identifier: AGPL-3.0-or-later
"""Keys that nobody ever held: made by the trustees together, or handed on to other trustees (spec/ceremony.md).

    dealer:     deal(plan, ...)            -> Dealt: a pledge now, and a dealing that she keeps back
                                              until every pledge is there
    recipient:  receive(plan, ...)         -> KeyShares, and the transcript's hash, which she signs: her consent
                or complain(...)           -> a complaint that shows what was in the seal
    anyone:     check_pledges, check_dealings, judge, conclude

A plan names the dealers and the recipients. To make keys all trustees are both, and the keys are the sums of what they
dealt. To hand keys on, a quorum of the old ones deals shares of its shares. Every message is signed by its author and
seen by all, by way of a coordinator who is trusted with nothing: who sees something else than the others cannot sign
the same transcript. Whatever does not hold raises a Fault that names who is to blame.

Pedersen 1991, with the dealers committing before anyone reveals (Gennaro et al. 2007, "Secure distributed key
generation"); the complaint by a proof is that of "ChillDKG" (Nick et al. 2024).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha512
from secrets import token_bytes

from notalone.protocol import dleq
from notalone.protocol.encoding import Reader, listed, number, prefixed
from notalone.protocol.errors import SERVER, Fault, Undecodable, WrongProof, blaming, trustee
from notalone.protocol.group import (
    ELEMENT_BYTES,
    SCALAR_BYTES,
    Element,
    Scalar,
    Source,
    base_times,
    hash_to_scalar,
    total,
)
from notalone.protocol.keys import TRUSTEES_MOST, KeyShares, Trustee, key_count, levels
from notalone.protocol.labels import (
    CEREMONY_COMPLAINT,
    CEREMONY_CONSENT,
    CEREMONY_DEALING,
    CEREMONY_OPENING,
    CEREMONY_PLAN,
    CEREMONY_PLEDGE,
    CEREMONY_POSSESSION,
    CEREMONY_SHARES,
    CEREMONY_TRANSCRIPT,
)
from notalone.protocol.seals import SEAL_BYTES, WrongSeal, seal, sender_of, unseal, unseal_with
from notalone.protocol.sharing import Commitments, Polynomial, WrongShare, lagrange
from notalone.protocol.signatures import SIGNATURE_BYTES, SigningKey, WrongSignature

HASH_BYTES = 64
ID_BYTES = 32
AGAIN = "Nothing was made. Leave that trustee out, or find out what happened, and begin a new ceremony"
RELAY = "Ask for it again, by another way if need be"


@dataclass(frozen=True, slots=True)
class Plan:
    """What everybody agrees on before a ceremony.

    `attempt`: 32 bytes drawn by the coordinator, new ones for each try; a trustee MUST NOT take part in one plan twice,
    or what it said the first time could be said again. `quorum`: of the recipients. `highest`: level. `old`: what the
    keys are committed to that are handed on, and None where they are made. `epoch`: 0, then one more each time.
    """

    escrow: bytes
    attempt: bytes
    epoch: int
    highest: int
    quorum: int
    dealers: tuple[Trustee, ...]
    recipients: tuple[Trustee, ...]
    old: tuple[Commitments, ...] | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for a plan that cannot be carried out."""
        if len(self.escrow) != ID_BYTES or len(self.attempt) != ID_BYTES:
            raise ValueError(f"ids have {ID_BYTES} bytes")
        levels(self.highest)
        for some in (self.dealers, self.recipients):
            indices = [each.index for each in some]
            if indices != sorted(set(indices)) or not 0 < len(some) <= TRUSTEES_MOST or indices[0] < 1:
                raise ValueError("trustees stand in the order of their indices, from 1 on, no index twice, 16 at most")
        if not 1 <= self.quorum <= len(self.recipients):
            raise ValueError("the quorum is from 1 to the number of trustees")
        if self.old is None and (self.dealers != self.recipients or self.epoch != 0):
            raise ValueError("who makes keys together holds them, and that is epoch 0")
        if self.old is not None:
            quorums = {len(each.elements) for each in self.old}
            if quorums != {len(self.dealers)} or len(self.old) != self.keys or self.epoch < 1:
                raise ValueError("exactly a quorum of the old trustees hands every key on")

    @property
    def keys(self) -> int:
        return key_count(self.highest)

    @property
    def id(self) -> bytes:
        """The hash of it all, 64 bytes."""
        old = [] if self.old is None else [bytes(e) for each in self.old for e in each.elements]
        return sha512(
            prefixed(CEREMONY_PLAN)
            + self.escrow
            + self.attempt
            + number(self.epoch, 4)
            + number(self.highest, 1)
            + number(self.quorum, 1)
            + listed([bytes(each) for each in self.dealers])
            + listed([bytes(each) for each in self.recipients])
            + listed(old)
        ).digest()

    def weights(self) -> list[Scalar]:
        """How much each dealing counts in the keys."""
        if self.old is None:
            return [Scalar.public(1) for _ in self.dealers]
        factors = lagrange([each.index for each in self.dealers])
        return [factors[each.index] for each in self.dealers]


@dataclass(frozen=True, slots=True)
class Dealt:
    """What a dealer sends: the pledge at once, the dealing when every pledge is there."""

    pledge: bytes
    dealing: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Dealing:
    """One that was checked: what each key is committed to, and a seal for each recipient."""

    commitments: tuple[Commitments, ...]
    seals: tuple[bytes, ...]


class WrongDeal(Fault):
    """What this dealer sealed for you is wrong. Nobody else can see that yet: `complain` shows it."""

    def __init__(self, dealer: int, dealing: Dealing) -> None:
        super().__init__(trustee(dealer), "dealt you shares that are wrong", AGAIN)
        self.dealer = dealer
        self.dealing = dealing


def deal(
    plan: Plan, index: int, key: SigningKey, shares: KeyShares | None = None, source: Source = token_bytes
) -> Dealt:
    """By dealer `index`, who takes part in a plan once. `shares`: what she hands on."""
    polynomials = [
        Polynomial.random(plan.quorum, None if shares is None else shares[n], source) for n in range(plan.keys)
    ]
    commitments = [each.commitments for each in polynomials]
    opening = b"".join(
        b"".join(bytes(e) for e in each.elements)
        + _possess(plan, index, n, polynomial.coefficients[0], each.secret, source)
        for n, (each, polynomial) in enumerate(zip(commitments, polynomials, strict=True))
    )
    seals = [
        seal(
            recipient.sealing,
            CEREMONY_SHARES,
            _between(plan, index, recipient.index),
            b"".join(bytes(each.share(recipient.index)) for each in polynomials),
            source,
        )
        for recipient in plan.recipients
    ]
    return Dealt(
        _signed(plan, key, CEREMONY_PLEDGE, _commit(plan, index, opening)),
        _signed(plan, key, CEREMONY_DEALING, opening + b"".join(seals)),
    )


def check_pledges(plan: Plan, pledges: Mapping[int, bytes]) -> dict[int, bytes]:
    """Every dealer's pledge by her index. Raises Fault. The answer: what each pledged."""
    return {each.index: _opened(plan, each, CEREMONY_PLEDGE, pledges, HASH_BYTES) for each in plan.dealers}


def check_dealings(plan: Plan, pledges: Mapping[int, bytes], dealings: Mapping[int, bytes]) -> list[Dealing]:
    """All that can be seen without a recipient's key, in the order of the dealers. Raises Fault."""
    pledged = check_pledges(plan, pledges)
    opening = plan.keys * (plan.quorum * ELEMENT_BYTES + 2 * SCALAR_BYTES)
    sealed = plan.keys * SCALAR_BYTES + SEAL_BYTES
    checked = []
    for each in plan.dealers:
        body = _opened(plan, each, CEREMONY_DEALING, dealings, opening + len(plan.recipients) * sealed)
        who = trustee(each.index)
        if _commit(plan, each.index, body[:opening]) != pledged[each.index]:
            raise Fault(who, "dealt something else than was pledged", AGAIN)
        with blaming(who, AGAIN):
            commitments = _read_opening(plan, each, Reader(body[:opening], "opening"))
            seals = tuple(body[at : at + sealed] for at in range(opening, len(body), sealed))
            for seal_ in seals:
                sender_of(seal_)
        checked.append(Dealing(commitments, seals))
    return checked


def receive(
    plan: Plan,
    index: int,
    sealing: Scalar,
    pledges: Mapping[int, bytes],
    dealings: Mapping[int, bytes],
    mine: Dealt | None = None,
) -> KeyShares:
    """The shares of recipient `index`. `mine`: what she dealt herself, if she did.

    Raises Fault; WrongDeal where a dealer sealed her something wrong: then `complain`.
    """
    place = _place(plan, index)
    if mine is not None and (pledges.get(index), dealings.get(index)) != (mine.pledge, mine.dealing):
        raise Fault(SERVER, "shows something else as dealt by you than what you dealt", AGAIN)
    sums = [Scalar.public(0)] * plan.keys
    for dealer, dealing, weight in zip(
        plan.dealers, check_dealings(plan, pledges, dealings), plan.weights(), strict=True
    ):
        context = _between(plan, dealer.index, index)
        try:
            data = unseal(sealing, CEREMONY_SHARES, context, dealing.seals[place])
            shares = _read_shares(dealing, index, data)
        except (WrongSeal, Undecodable, WrongShare) as error:
            raise WrongDeal(dealer.index, dealing) from error
        sums = [before + weight * share for before, share in zip(sums, shares, strict=True)]
    return KeyShares(index, sums)


def complain(
    plan: Plan, index: int, key: SigningKey, sealing: Scalar, wrong: WrongDeal, source: Source = token_bytes
) -> bytes:
    """Show to all what this dealer sealed for recipient `index`, and nothing else."""
    place = _place(plan, index)
    sender = sender_of(wrong.dealing.seals[place])
    agreed = sealing * sender
    context = CEREMONY_COMPLAINT + _between(plan, wrong.dealer, index)
    claim = dleq.Claim(0, plan.recipients[place].sealing, agreed)
    proof = dleq.prove(context, [sender], [claim], [sealing], source)
    return _signed(plan, key, CEREMONY_COMPLAINT, number(wrong.dealer, 2) + bytes(agreed) + bytes(proof))


def judge(plan: Plan, index: int, complaint: bytes, dealings: Sequence[Dealing]) -> Fault:
    """Who is to blame for the complaint of recipient `index`: the dealer, or she herself."""
    place = _place(plan, index)
    recipient, who = plan.recipients[place], trustee(index)
    body = _opened(plan, recipient, CEREMONY_COMPLAINT, {index: complaint}, 2 + ELEMENT_BYTES + 2 * SCALAR_BYTES)
    reader = Reader(body, "complaint")
    dealer = reader.number(2)
    found = [dealing for each, dealing in zip(plan.dealers, dealings, strict=True) if each.index == dealer]
    if not found:
        return Fault(who, f"complained about {dealer}, who deals nothing", AGAIN)
    sealed, context = found[0].seals[place], _between(plan, dealer, index)
    sender = sender_of(sealed)
    try:
        agreed = Element.decode(reader.fixed(ELEMENT_BYTES), "complaint")
        proof = dleq.Proof.decode(reader.fixed(2 * SCALAR_BYTES), 1)
        dleq.verify(CEREMONY_COMPLAINT + context, [sender], [dleq.Claim(0, recipient.sealing, agreed)], proof)
    except (Undecodable, WrongProof) as error:
        return Fault(who, f"complained without a proof ({error})", AGAIN)
    try:
        _read_shares(found[0], index, unseal_with(agreed, recipient.sealing, CEREMONY_SHARES, context, sealed))
    except (WrongSeal, Undecodable, WrongShare) as error:
        return Fault(trustee(dealer), f"dealt shares that are wrong ({error})", AGAIN)
    return Fault(who, f"complained about trustee {dealer}, whose shares are right", AGAIN)


def transcript(plan: Plan, pledges: Mapping[int, bytes], dealings: Mapping[int, bytes]) -> bytes:
    """The hash of all that was said, 64 bytes."""
    said = [prefixed(some[each.index]) for each in plan.dealers for some in (pledges, dealings)]
    return sha512(prefixed(CEREMONY_TRANSCRIPT) + plan.id + listed(said)).digest()


def consent(plan: Plan, key: SigningKey, said: bytes) -> bytes:
    """By a recipient, to a transcript of which she checked everything and keeps her shares."""
    return _signed(plan, key, CEREMONY_CONSENT, said)


def conclude(
    plan: Plan, pledges: Mapping[int, bytes], dealings: Mapping[int, bytes], consents: Mapping[int, bytes]
) -> tuple[Commitments, ...]:
    """What every key is committed to, once all recipients signed the same transcript. Raises Fault."""
    checked = check_dealings(plan, pledges, dealings)
    said = transcript(plan, pledges, dealings)
    for each in plan.recipients:
        if _opened(plan, each, CEREMONY_CONSENT, consents, HASH_BYTES) != said:
            raise Fault(SERVER, f"showed trustee {each.index} another transcript", AGAIN)
    weights = plan.weights()
    return tuple(
        _weighted([dealing.commitments[n] for dealing in checked], weights, plan.quorum) for n in range(plan.keys)
    )


def _weighted(some: Sequence[Commitments], weights: Sequence[Scalar], quorum: int) -> Commitments:
    return Commitments(
        tuple(total(w * each.elements[t] for w, each in zip(weights, some, strict=True)) for t in range(quorum))
    )


def _read_opening(plan: Plan, dealer: Trustee, reader: Reader) -> tuple[Commitments, ...]:
    """Raises Undecodable, Fault."""
    result = []
    for n in range(plan.keys):
        elements = tuple(Element.decode(reader.fixed(ELEMENT_BYTES), "commitment") for _ in range(plan.quorum))
        challenge, response = (Scalar.decode(reader.fixed(SCALAR_BYTES), "proof of possession") for _ in range(2))
        drawn = base_times(response) + challenge * elements[0]
        if _possession_challenge(plan, dealer.index, n, elements[0], drawn) != challenge:
            raise Fault(trustee(dealer.index), f"did not show that it knows the secret of key {n}", AGAIN)
        if plan.old is not None and elements[0] != plan.old[n].share(dealer.index):
            raise Fault(trustee(dealer.index), f"handed on something else than its share of key {n}", AGAIN)
        result.append(Commitments(elements))
    return tuple(result)


def _read_shares(dealing: Dealing, index: int, data: bytes) -> list[Scalar]:
    """Raises Undecodable, WrongShare."""
    reader, shares = Reader(data, "shares"), []
    for each in dealing.commitments:
        shares.append(Scalar.decode(reader.fixed(SCALAR_BYTES), "share"))
        each.check(index, shares[-1])
    return shares


def _possess(plan: Plan, index: int, key: int, secret: Scalar, public: Element, source: Source) -> bytes:
    """A proof (Schnorr's) that the dealer knows what she commits to, good for this ceremony, dealer and key alone."""
    nonce = Scalar.random(source)
    challenge = _possession_challenge(plan, index, key, public, base_times(nonce))
    return bytes(challenge) + bytes(nonce - challenge * secret)


def _possession_challenge(plan: Plan, index: int, key: int, public: Element, drawn: Element) -> Scalar:
    return hash_to_scalar(
        plan.id + number(index, 2) + number(key, 2) + bytes(public) + bytes(drawn), CEREMONY_POSSESSION
    )


def _commit(plan: Plan, index: int, opening: bytes) -> bytes:
    return sha512(prefixed(CEREMONY_OPENING) + plan.id + number(index, 2) + opening).digest()


def _between(plan: Plan, dealer: int, recipient: int) -> bytes:
    return plan.id + number(dealer, 2) + number(recipient, 2)


def _place(plan: Plan, index: int) -> int:
    return [each.index for each in plan.recipients].index(index)


def _signed(plan: Plan, key: SigningKey, label: bytes, body: bytes) -> bytes:
    return body + key.sign(label, plan.id + body)


def _opened(plan: Plan, author: Trustee, label: bytes, messages: Mapping[int, bytes], length: int) -> bytes:
    """The author's message of this many bytes, without its signature. Raises Fault."""
    who = trustee(author.index)
    if author.index not in messages:
        raise Fault(who, "did not say what it must, or was not heard", AGAIN)
    message = messages[author.index]
    body, signature = message[:-SIGNATURE_BYTES], message[-SIGNATURE_BYTES:]
    try:
        author.signing.verify(label, plan.id + body, signature)
    except WrongSignature:
        # It was changed on its way, or never was hers: to blame her, anyone could make one up.
        raise Fault(SERVER, f"passed on a message that trustee {author.index} did not sign", RELAY) from None
    if len(body) != length:
        raise Fault(who, f"signed {len(body)} bytes where there must be {length}", AGAIN)
    return body
