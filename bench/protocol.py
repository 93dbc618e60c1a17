# SPDX-License-Identifier: AGPL-3.0-or-later
"""The protocol beside its floor: the multiplications in the group that each operation needs, by libsodium alone.

The machine has faster and slower phases, so the floor is measured again with each round, and the ratio of a round is
what counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import pysodium
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA384

from bench.table import print_table, working
from notalone.protocol.credentials import ask, finish, holder_message, issue
from notalone.protocol.escrow import Named, bases, deposit
from notalone.protocol.group import Element, Scalar, base_times
from notalone.protocol.matching import Placed, candidates, search
from notalone.protocol.rsa_blind import SALT_BYTES, prepare
from notalone.protocol.rsa_blind import SigningKey as IssuerKey
from notalone.protocol.signatures import SigningKey
from notalone.protocol.trustees import answer, blind, combine, read_answer, read_question
from notalone.protocol.trustees import ask as ask_trustee
from tests.protocol.trustees import ESCROW, hold, new_plan
from tests.protocol.world import HANDLE, World, named, person, placed, world

ROUNDS = 15
RAW = 40
BUCKET = 8


@dataclass(frozen=True)
class Measured:
    """Milliseconds of an operation and of the multiplications that it needs; the ratio is of each round."""

    milliseconds: float
    floor: float
    ratio: float
    variable: int
    fixed: int


def measure() -> None:
    with working("making an escrow"):
        here = world(5)
        steps = _steps(here)
    rows = []
    for what, step, bar in steps:
        with working(what):
            found = _against_floor(step)
        limit = "" if bar is None else _bar(found.ratio, bar)
        rows.append(
            [
                what,
                f"{found.variable} + {found.fixed}",
                f"{found.floor:.2f}",
                f"{found.milliseconds:.2f}",
                f"{found.ratio:.2f}" if found.floor else "",
                limit,
            ]
        )
    head = ["levels 2 to 5, 2 trustees of 3", "multiplications", "their ms", "all in all, ms", "ratio", "bar"]
    print_table("The escrow's protocol", head, rows, "Multiplications of any element + of the generator.")
    _print_credentials()


def _steps(here: World) -> list[tuple[str, Callable[[], object], float | None]]:
    her, him = person(1), named("him")
    blinded = blind(bases(ESCROW, 5, him))
    asked = {index: here.question(her, [blinded], index) for index in (1, 2)}
    sealed = {i: ask_trustee(question, here.descriptor, her.depositor.key) for i, (question, _) in asked.items()}
    answers = {i: here.answered(i, each) for i, each in sealed.items()}
    public = {i: here.descriptor.public_shares(i) for i in (1, 2)}
    read = {i: read_answer(here.descriptor, *asked[i], answers[i], public[i])[0] for i in (1, 2)}
    some = [Named(him, here.evaluate(her, him))]
    question = asked[1][0]
    new, others = _bucket(here)
    sealing = here.organisation(1).sealing

    def answered() -> object:
        return answer(here.descriptor, question, here.held.shares[1], bytes(32))

    def opened() -> object:
        return read_question(here.descriptor, 1, sealing, sealed[1])

    def checked() -> object:
        return read_answer(here.descriptor, *asked[1], answers[1], public[1])

    def sealed_record() -> object:
        return deposit(here.descriptor, her.depositor, some, 2, HANDLE, [here.reader])

    return [
        ("trustee: answer for one identifier", answered, 2.0),
        ("trustee: open and check the question", opened, None),
        ("depositor: blind and ask one trustee", lambda: _asked(here), None),
        ("depositor: check one trustee's answer", checked, None),
        ("depositor: combine two answers", lambda: combine(here.descriptor, blinded, read), None),
        ("depositor: seal the record", sealed_record, None),
        (
            f"server: match in a bucket of {BUCKET}, in vain",
            lambda: list(search(ESCROW, 5, new, others, [], set())),
            1.5,
        ),
        ("trustees: a whole ceremony, all three", lambda: _ceremony(here), None),
    ]


def _asked(here: World) -> object:
    her = person(1)
    question, _ = here.question(her, [blind(bases(ESCROW, 5, named("him")))], 1)
    return ask_trustee(question, here.descriptor, her.depositor.key)


def _ceremony(here: World) -> object:
    return hold(new_plan(here.organisations, 2, 5), here.organisations, here.organisations)


def _bucket(here: World) -> tuple[Placed, list[Placed]]:
    """A new entry and seven others about other people, so that every set is tried."""
    some = [placed(here.deposit(person(n), [named(f"somebody{n}")], 2))[0] for n in range(BUCKET)]
    return some[0], candidates(some[0], some)


def _against_floor(step: Callable[[], object]) -> Measured:
    variable, fixed = _counted(step)
    times, floors = [], []
    for _ in range(ROUNDS):
        one, base = _raw()
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
        other, other_base = _raw()
        floors.append((variable * (one + other) + fixed * (base + other_base)) / 2)
    ratios = [t / floor if floor else 0.0 for t, floor in zip(times, floors, strict=True)]
    return Measured(median(times) * 1000, median(floors) * 1000, median(ratios), variable, fixed)


def _counted(step: Callable[[], object]) -> tuple[int, int]:
    """How many multiplications it makes: of any element, of the generator."""
    counts = [0, 0]
    any_element, generator = pysodium.crypto_scalarmult_ristretto255, pysodium.crypto_scalarmult_ristretto255_base

    def times(*arguments: bytes) -> bytes:
        counts[0] += 1
        return bytes(any_element(*arguments))

    def base(*arguments: bytes) -> bytes:
        counts[1] += 1
        return bytes(generator(*arguments))

    pysodium.crypto_scalarmult_ristretto255 = times
    pysodium.crypto_scalarmult_ristretto255_base = base
    try:
        step()
    finally:
        pysodium.crypto_scalarmult_ristretto255 = any_element
        pysodium.crypto_scalarmult_ristretto255_base = generator
    return counts[0], counts[1]


def _raw() -> tuple[float, float]:
    """Seconds of one multiplication by libsodium, of any element and of the generator."""
    scalar = bytes(Scalar.random())
    element: Element = base_times(Scalar.random())
    data = bytes(element)
    start = time.perf_counter()
    for _ in range(RAW):
        pysodium.crypto_scalarmult_ristretto255(scalar, data)
    middle = time.perf_counter()
    for _ in range(RAW):
        pysodium.crypto_scalarmult_ristretto255_base(scalar)
    end = time.perf_counter()
    return (middle - start) / RAW, (end - middle) / RAW


def _print_credentials() -> None:
    with working("credentials"):
        issuer = IssuerKey(rsa.generate_private_key(65_537, 2048))
        holder, secret = SigningKey.random(), bytes(64)
        message = holder_message(ESCROW, holder.public)
        blinded = ask(issuer.public, message, secret)
        _, signed = issue(issuer, None, blinded)
        prefix, signature = finish(issuer.public, message, secret, signed)
        key = rsa.RSAPublicNumbers(65_537, int(issuer.public.n)).public_key()
        pss = padding.PSS(padding.MGF1(SHA384()), SALT_BYTES)
        prepared = prepare(message, prefix)
        ours, raw = [], []
        for _ in range(400):
            start = time.perf_counter()
            issuer.public.verify(prepared, signature)
            middle = time.perf_counter()
            key.verify(signature, prepared, pss, SHA384())
            end = time.perf_counter()
            ours.append(middle - start)
            raw.append(end - middle)
        signing = min(_once(lambda: issuer.sign(blinded)) for _ in range(60)) * 1000
    ratio = median(ours) / median(raw)
    rows = [
        ["blind signature, with its blinding and check, ms", f"{signing:.2f}", _bar(signing, 4)],
        ["verification, against OpenSSL's own", f"{ratio:.2f}", _bar(ratio, 1.2)],
    ]
    print_table("Credentials, RSA of 2,048 bits", ["", "", "bar"], rows)


def _bar(value: float, most: float) -> str:
    return f"≤ {most:g} {'met' if value <= most else 'NOT MET'}"


def _once(step: Callable[[], object]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start
