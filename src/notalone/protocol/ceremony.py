# SPDX-License-Identifier: AGPL-3.0-or-later
"""Keys that nobody ever held: made by the trustees together, or handed on to other trustees (spec/ceremony.md).

    recipient: arrive(plan)            -> a one-time key, for this ceremony alone
    dealer:    deal(plan, ...)         -> Dealt: a pledge now, and what it is a pledge to
               reveal(plan, ...)       -> her dealing, once every pledge is there
    recipient: receive(plan, ...)      -> KeyShares; then consent(plan, ...), and the one-time key is forgotten
               or complain(...)        -> shows what was in the seal for her
    anyone:    check_dealings, judge, conclude

A plan names the dealers and the recipients. To make keys all trustees are both, and the keys are the sums of what they
dealt. To hand keys on, a quorum of the old ones deals shares of its shares. Every message is signed by its author and
seen by all, by way of a coordinator who is trusted with nothing: who sees something else than the others cannot sign
the same transcript. Whatever does not hold raises a Fault that names who is to blame.

Pedersen 1991, with the dealers committing before anyone reveals (Gennaro et al. 2007, "Secure distributed key
generation"); the complaint by a proof is in the manner of "ChillDKG" (Nick et al. 2024).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
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
from notalone.protocol.keys import TRUSTEES_MOST, KeyShares, Terms, Trustee, are_distinct, in_order, key_count, levels
from notalone.protocol.labels import (
    CEREMONY_ARRIVAL,
    CEREMONY_BODY,
    CEREMONY_COMPLAINT,
    CEREMONY_CONSENT,
    CEREMONY_DEALING,
    CEREMONY_HEARD,
    CEREMONY_KNOWN,
    CEREMONY_PLAN,
    CEREMONY_PLEDGE,
    CEREMONY_SHARES,
    CEREMONY_TRANSCRIPT,
)
from notalone.protocol.seals import SEAL_BYTES, WrongSeal, seal_with, sender_of, unseal, unseal_with
from notalone.protocol.sharing import Commitments, Polynomial, WrongShare, lagrange
from notalone.protocol.signatures import SIGNATURE_BYTES, SigningKey, WrongSignature

HASH_BYTES = 64
ID_BYTES = 32
PROOF_BYTES = 2 * SCALAR_BYTES
FIRST = bytes(HASH_BYTES)
AGAIN = "Nothing was made. Leave that trustee out, or find out what happened, and begin a new ceremony"
RELAY = "Ask for it again, by another way if need be"


@dataclass(frozen=True)
class Plan:
    """What everybody agrees on before a ceremony.

    `attempt`: 32 bytes drawn by the coordinator, new ones for each try; a trustee MUST NOT take part in one plan twice,
    or what it said the first time could be said again. `quorum`: of the recipients. `highest`: level. `old`: what the
    keys are committed to that are handed on, and None where they are made; `previous`: the hash of the descriptor with
    them. `epoch`: 0, then one more each time.
    """

    escrow: bytes
    attempt: bytes
    epoch: int
    highest: int
    quorum: int
    terms: Terms
    dealers: tuple[Trustee, ...]
    recipients: tuple[Trustee, ...]
    previous: bytes = FIRST
    old: tuple[Commitments, ...] | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for a plan that cannot be carried out."""
        if len(self.escrow) != ID_BYTES or len(self.attempt) != ID_BYTES or len(self.previous) != HASH_BYTES:
            raise ValueError(f"ids have {ID_BYTES} bytes, and hashes {HASH_BYTES}")
        levels(self.highest)
        for some in (self.dealers, self.recipients):
            indices = [each.index for each in some]
            if not in_order(indices) or not 0 < len(some) <= TRUSTEES_MOST or indices[0] < 1:
                raise ValueError("trustees stand in the order of their indices, from 1 on, no index twice, 16 at most")
            if not are_distinct(some):
                raise ValueError("one organisation is two trustees")
        if not 1 <= self.quorum <= len(self.recipients):
            raise ValueError("the quorum is from 1 to the number of trustees")
        if self.old is None and (self.dealers != self.recipients or self.epoch != 0 or self.previous != FIRST):
            raise ValueError("who makes keys together holds them, and that is epoch 0")
        if self.old is not None:
            quorums = {len(each.elements) for each in self.old}
            if quorums != {len(self.dealers)} or len(self.old) != self.keys or self.epoch < 1:
                raise ValueError("exactly a quorum of the old trustees hands every key on")

    @property
    def keys(self) -> int:
        return key_count(self.highest)

    @cached_property
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
            + bytes(self.terms)
            + listed([bytes(each) for each in self.dealers])
            + listed([bytes(each) for each in self.recipients])
            + self.previous
            + listed(old)
        ).digest()

    def weights(self) -> list[Scalar]:
        """How much each dealing counts in the keys."""
        if self.old is None:
            return [Scalar.public(1) for _ in self.dealers]
        factors = lagrange([each.index for each in self.dealers])
        return [factors[each.index] for each in self.dealers]

    def place(self, index: int) -> int:
        """Which of the recipients has this index. Raises ValueError."""
        return [each.index for each in self.recipients].index(index)


@dataclass(frozen=True, slots=True)
class Said:
    """The messages of a ceremony so far, by their authors' indices."""

    arrivals: Mapping[int, bytes]
    pledges: Mapping[int, bytes] = field(default_factory=dict)
    dealings: Mapping[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dealt:
    """A dealer's part: the pledge that she sends at once, and what it is a pledge to, which she keeps back."""

    pledge: bytes
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Dealing:
    """One that was checked: what each key is committed to, and a seal for each recipient; `signed`: as it was sent."""

    commitments: tuple[Commitments, ...]
    seals: tuple[bytes, ...]
    signed: bytes


class WrongDeal(Fault):
    """What this dealer sealed for you is wrong. Nobody else can see that yet: `complain` shows it."""

    def __init__(self, dealer: int, dealing: Dealing) -> None:
        super().__init__(trustee(dealer), "dealt you shares that are wrong", AGAIN)
        self.dealer = dealer
        self.dealing = dealing


# ---- what is said, in its order ----


def arrive(plan: Plan, index: int, key: SigningKey, source: Source = token_bytes) -> tuple[Scalar, bytes]:
    """By recipient `index`, who agrees to the plan: a one-time secret, and its public half with a proof, for all.

    The secret is forgotten after the ceremony, and with it everything that was sealed to it.
    """
    once = Scalar.random(source)
    public = base_times(once)
    body = bytes(public) + _know(_arrival_context(plan, index), once, public, source)
    return once, _signed(plan, key, CEREMONY_ARRIVAL, body)


def deal(
    plan: Plan,
    index: int,
    key: SigningKey,
    said: Said,
    shares: KeyShares | None = None,
    source: Source = token_bytes,
) -> Dealt:
    """By dealer `index`, once all recipients arrived. `shares`: what she hands on. Raises Fault."""
    keys = check_arrivals(plan, said)
    polynomials = [
        Polynomial.random(plan.quorum, None if shares is None else shares[n], source) for n in range(plan.keys)
    ]
    body = bytearray()
    for n, polynomial in enumerate(polynomials):
        commitments = polynomial.commitments
        body += b"".join(bytes(e) for e in commitments.elements)
        body += _know(_part_context(plan, index, n), polynomial.coefficients[0], commitments.secret, source)
    for recipient in plan.recipients:
        once = Scalar.random(source)
        data = b"".join(bytes(each.share(recipient.index)) for each in polynomials)
        context = _between(plan, index, recipient.index)
        sealed = seal_with(once, keys[recipient.index], CEREMONY_SHARES, context, data)
        body += sealed + _know(_seal_context(plan, index, recipient.index, sealed), once, base_times(once), source)
    return Dealt(_signed(plan, key, CEREMONY_PLEDGE, _pledged(plan, index, bytes(body))), bytes(body))


def reveal(plan: Plan, index: int, key: SigningKey, said: Said, mine: Dealt) -> bytes:
    """By dealer `index`, once every pledge is there: her dealing. Raises Fault."""
    check_pledges(plan, said)
    if said.pledges[index] != mine.pledge:
        raise Fault(SERVER, "shows another pledge as yours", AGAIN)
    return _signed(plan, key, CEREMONY_DEALING, mine.body + _heard(plan, said))


def receive(plan: Plan, index: int, once: Scalar, said: Said, mine: Dealt | None = None) -> KeyShares:
    """The shares of recipient `index`. `once`: from `arrive`; `mine`: what she dealt herself, if she did.

    Raises Fault; WrongDeal where a dealer sealed her something wrong: then `complain`.
    """
    place = plan.place(index)
    if check_arrivals(plan, said)[index] != base_times(once):
        raise Fault(SERVER, "shows another key as yours", AGAIN)
    if mine is not None and said.pledges.get(index) != mine.pledge:
        raise Fault(SERVER, "shows another pledge as yours", AGAIN)
    sums = [Scalar.public(0)] * plan.keys
    for dealer, dealing, weight in zip(plan.dealers, check_dealings(plan, said), plan.weights(), strict=True):
        context = _between(plan, dealer.index, index)
        try:
            data = unseal(once, CEREMONY_SHARES, context, dealing.seals[place])
            shares = _read_shares(dealing, index, data)
        except (WrongSeal, Undecodable, WrongShare) as error:
            raise WrongDeal(dealer.index, dealing) from error
        sums = [before + weight * share for before, share in zip(sums, shares, strict=True)]
    return KeyShares(index, sums)


def consent(plan: Plan, key: SigningKey, said: Said) -> bytes:
    """By a recipient who checked everything and keeps her shares: to the transcript."""
    return _signed(plan, key, CEREMONY_CONSENT, transcript(plan, said))


# ---- what anyone can check ----


def check_arrivals(plan: Plan, said: Said) -> dict[int, Element]:
    """Every recipient's one-time key. Raises Fault."""
    keys = {}
    for each in plan.recipients:
        body = _opened(plan, each, CEREMONY_ARRIVAL, said.arrivals, ELEMENT_BYTES + PROOF_BYTES)
        with blaming(trustee(each.index), AGAIN):
            public = Element.decode(body[:ELEMENT_BYTES], "one-time key")
            _check_known(_arrival_context(plan, each.index), public, body[ELEMENT_BYTES:])
        keys[each.index] = public
    return keys


def check_pledges(plan: Plan, said: Said) -> dict[int, bytes]:
    """What every dealer pledged. Raises Fault."""
    return {each.index: _opened(plan, each, CEREMONY_PLEDGE, said.pledges, HASH_BYTES) for each in plan.dealers}


def check_dealings(plan: Plan, said: Said) -> list[Dealing]:
    """All that can be seen without a recipient's key, in the order of the dealers. Raises Fault."""
    check_arrivals(plan, said)
    pledged, heard = check_pledges(plan, said), _heard(plan, said)
    opening = plan.keys * (plan.quorum * ELEMENT_BYTES + PROOF_BYTES)
    sealed = plan.keys * SCALAR_BYTES + SEAL_BYTES
    length = opening + len(plan.recipients) * (sealed + PROOF_BYTES)
    checked = []
    for each in plan.dealers:
        who, signed = trustee(each.index), _opened(plan, each, CEREMONY_DEALING, said.dealings, length + HASH_BYTES)
        body = signed[:length]
        if _pledged(plan, each.index, body) != pledged[each.index]:
            raise Fault(who, "dealt something else than was pledged", AGAIN)
        if signed[length:] != heard:
            raise Fault(SERVER, f"showed trustee {each.index} other pledges than it shows here", AGAIN)
        with blaming(who, AGAIN):
            reader = Reader(body, "dealing")
            commitments = _read_opening(plan, each, reader)
            seals = tuple(_read_seal(plan, each.index, to.index, reader, sealed) for to in plan.recipients)
        checked.append(Dealing(commitments, seals, said.dealings[each.index]))
    return checked


def transcript(plan: Plan, said: Said) -> bytes:
    """The hash of all that was said, 64 bytes."""
    dealings = listed([prefixed(said.dealings[each.index]) for each in plan.dealers])
    return sha512(prefixed(CEREMONY_TRANSCRIPT) + _heard(plan, said) + dealings).digest()


def conclude(plan: Plan, said: Said, consents: Mapping[int, bytes]) -> tuple[Commitments, ...]:
    """What every key is committed to, once all recipients signed the same transcript. Raises Fault."""
    checked, heard = check_dealings(plan, said), transcript(plan, said)
    for each in plan.recipients:
        if _opened(plan, each, CEREMONY_CONSENT, consents, HASH_BYTES) != heard:
            raise Fault(SERVER, f"showed trustee {each.index} another transcript", AGAIN)
    weights = plan.weights()
    return tuple(
        _weighted([dealing.commitments[n] for dealing in checked], weights, plan.quorum) for n in range(plan.keys)
    )


# ---- complaints ----


def complain(
    plan: Plan, index: int, key: SigningKey, once: Scalar, wrong: WrongDeal, source: Source = token_bytes
) -> bytes:
    """Show to all what this dealer sealed for recipient `index`, and nothing else.

    Nothing else, because the dealer has shown that the one-time key of the seal is her own: were it copied from another
    seal, what is shown here would open that one.
    """
    sender = sender_of(wrong.dealing.seals[plan.place(index)])
    agreed = once * sender
    claim = dleq.Claim(0, base_times(once), agreed)
    proof = dleq.prove(_complaint_context(plan, wrong.dealer, index), [sender], [claim], [once], source)
    body = number(wrong.dealer, 2) + bytes(agreed) + bytes(proof) + wrong.dealing.signed
    return _signed(plan, key, CEREMONY_COMPLAINT, body)


def judge(plan: Plan, index: int, complaint: bytes, said: Said) -> Fault:
    """Who is to blame for the complaint of recipient `index`: the dealer, or she herself. Raises Fault."""
    place, who = plan.place(index), trustee(index)
    body = _opened(plan, plan.recipients[place], CEREMONY_COMPLAINT, {index: complaint})
    reader = Reader(body, "complaint")
    with blaming(who, AGAIN):
        dealer, agreed = reader.number(2), Element.decode(reader.fixed(ELEMENT_BYTES), "complaint")
        proof = dleq.Proof.decode(reader.fixed(PROOF_BYTES), 1)
    shown = body[2 + ELEMENT_BYTES + PROOF_BYTES :]
    found = [each for each in plan.dealers if each.index == dealer]
    if not found:
        return Fault(who, f"complained about {dealer}, who deals nothing", AGAIN)
    try:
        _opened(plan, found[0], CEREMONY_DEALING, {dealer: shown})
    except Fault:
        return Fault(who, f"complained about a dealing that trustee {dealer} did not sign", AGAIN)
    if shown != said.dealings[dealer]:
        return Fault(trustee(dealer), "dealt twice, and differently", AGAIN)
    dealing = check_dealings(plan, said)[plan.dealers.index(found[0])]
    sealed, public = dealing.seals[place], check_arrivals(plan, said)[index]
    try:
        claim = dleq.Claim(0, public, agreed)
        dleq.verify(_complaint_context(plan, dealer, index), [sender_of(sealed)], [claim], proof)
    except WrongProof as error:
        return Fault(who, f"complained without a proof ({error})", AGAIN)
    try:
        data = unseal_with(agreed, public, CEREMONY_SHARES, _between(plan, dealer, index), sealed)
        _read_shares(dealing, index, data)
    except (WrongSeal, Undecodable, WrongShare) as error:
        return Fault(trustee(dealer), f"dealt shares that are wrong ({error})", AGAIN)
    return Fault(who, f"complained about trustee {dealer}, whose shares are right", AGAIN)


# ---- pieces ----


def _weighted(some: Sequence[Commitments], weights: Sequence[Scalar], quorum: int) -> Commitments:
    return Commitments(
        tuple(total(w * each.elements[t] for w, each in zip(weights, some, strict=True)) for t in range(quorum))
    )


def _read_opening(plan: Plan, dealer: Trustee, reader: Reader) -> tuple[Commitments, ...]:
    """Raises Undecodable, Fault."""
    result = []
    for n in range(plan.keys):
        elements = tuple(Element.decode(reader.fixed(ELEMENT_BYTES), "commitment") for _ in range(plan.quorum))
        _check_known(_part_context(plan, dealer.index, n), elements[0], reader.fixed(PROOF_BYTES))
        if plan.old is not None and elements[0] != plan.old[n].share(dealer.index):
            raise Fault(trustee(dealer.index), f"handed on something else than its share of key {n}", AGAIN)
        result.append(Commitments(elements))
    return tuple(result)


def _read_seal(plan: Plan, dealer: int, recipient: int, reader: Reader, length: int) -> bytes:
    """Raises Undecodable."""
    sealed = reader.fixed(length)
    context = _seal_context(plan, dealer, recipient, sealed)
    _check_known(context, sender_of(sealed), reader.fixed(PROOF_BYTES))
    return sealed


def _read_shares(dealing: Dealing, index: int, data: bytes) -> list[Scalar]:
    """Raises Undecodable, WrongShare."""
    reader, shares = Reader(data, "shares"), []
    for each in dealing.commitments:
        shares.append(Scalar.decode(reader.fixed(SCALAR_BYTES), "share"))
        each.check(index, shares[-1])
    return shares


def _know(context: bytes, secret: Scalar, public: Element, source: Source) -> bytes:
    """A proof (Schnorr's) that one knows the secret, good in this context alone."""
    nonce = Scalar.random(source)
    challenge = _challenge(context, public, base_times(nonce))
    return bytes(challenge) + bytes(nonce - challenge * secret)


def _check_known(context: bytes, public: Element, proof: bytes) -> None:
    """Raises Undecodable."""
    challenge, response = (
        Scalar.decode(proof[at : at + SCALAR_BYTES], "proof of knowledge") for at in (0, SCALAR_BYTES)
    )
    if _challenge(context, public, base_times(response) + challenge * public) != challenge:
        raise Undecodable("proof of knowledge", "does not hold")


def _challenge(context: bytes, public: Element, drawn: Element) -> Scalar:
    return hash_to_scalar(context + bytes(public) + bytes(drawn), CEREMONY_KNOWN)


def _arrival_context(plan: Plan, recipient: int) -> bytes:
    return plan.id + b"\0" + number(recipient, 2)


def _part_context(plan: Plan, dealer: int, key: int) -> bytes:
    return plan.id + b"\1" + number(dealer, 2) + number(key, 2)


def _seal_context(plan: Plan, dealer: int, recipient: int, sealed: bytes) -> bytes:
    return plan.id + b"\2" + number(dealer, 2) + number(recipient, 2) + sha512(sealed).digest()


def _complaint_context(plan: Plan, dealer: int, recipient: int) -> bytes:
    return prefixed(CEREMONY_COMPLAINT) + _between(plan, dealer, recipient)


def _between(plan: Plan, dealer: int, recipient: int) -> bytes:
    return plan.id + number(dealer, 2) + number(recipient, 2)


def _pledged(plan: Plan, dealer: int, body: bytes) -> bytes:
    return sha512(prefixed(CEREMONY_BODY) + plan.id + number(dealer, 2) + body).digest()


def _heard(plan: Plan, said: Said) -> bytes:
    """The hash of every arrival and pledge."""
    arrivals = listed([prefixed(said.arrivals[each.index]) for each in plan.recipients])
    pledges = listed([prefixed(said.pledges[each.index]) for each in plan.dealers])
    return sha512(prefixed(CEREMONY_HEARD) + plan.id + arrivals + pledges).digest()


def _signed(plan: Plan, key: SigningKey, label: bytes, body: bytes) -> bytes:
    return body + key.sign(label, plan.id + body)


def _opened(
    plan: Plan, author: Trustee, label: bytes, messages: Mapping[int, bytes], length: int | None = None
) -> bytes:
    """The author's message, of this many bytes if that is given, without its signature. Raises Fault."""
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
    if length is not None and len(body) != length:
        raise Fault(who, f"signed {len(body)} bytes where there must be {length}", AGAIN)
    return body
