# SPDX-License-Identifier: AGPL-3.0-or-later
"""What opens, against the rule: thresholds, arrivals, other people, false rows."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import combinations_with_replacement, product

import pytest

from notalone.protocol.errors import SERVER, Fault
from notalone.protocol.escrow import Entry, read_handle, read_record, wrap, wrap_context
from notalone.protocol.group import Element, Scalar, base_times
from notalone.protocol.matching import (
    ENTRIES_MOST,
    Name,
    Opening,
    Placed,
    Unlocked,
    agree,
    candidates,
    check_match,
    search,
)
from tests.protocol.trustees import ESCROW
from tests.protocol.world import World, named, person, placed, world

HIGHEST = 5
HIM, OTHER = named("him"), named("other")


@dataclass
class Server:
    """Stores entries as they come, and what opened."""

    world: World
    entries: list[Placed] = field(default_factory=list)
    unlocked: list[Unlocked] = field(default_factory=list)
    opened: set[tuple[Name, int]] = field(default_factory=set)
    keys: dict[Name, bytes] = field(default_factory=dict)
    tried: int = 0

    def take(self, new: Placed) -> list[Opening]:
        found = []
        highest = self.world.descriptor.highest
        for step in search(ESCROW, highest, new, candidates(new, self.entries), self.unlocked, set(self.opened)):
            self.tried += 1
            if step is not None:
                found.append(step)
                self.opened |= {(name, step.level) for name in step.keys}
                self.keys.update(step.keys)
                if step.unlocked is not None:
                    self.unlocked.append(step.unlocked)
        self.entries.append(new)
        return found

    def withdraw(self, one: Placed) -> None:
        self.entries.remove(one)
        self.keys.pop(one.name, None)


@cache
def entry(who: int, threshold: int, highest: int = HIGHEST, about: str = "him", again: int = 0) -> Placed:
    """Of a record of its own. `again`: another one of the same."""
    (found,) = placed(world(highest).deposit(person(who), [named(about)], threshold))
    return found


def rule(some: Iterable[tuple[int, int]], highest: int = HIGHEST) -> set[int]:
    """Which of the records (depositor, threshold) open, by the words of the specification."""
    records = list(some)
    open_levels = [j for j in range(2, highest + 1) if len({who for who, threshold in records if threshold <= j}) >= j]
    return {n for n, (_, threshold) in enumerate(records) if any(threshold <= j for j in open_levels)}


def opened(records: Sequence[tuple[int, int]], highest: int = HIGHEST) -> set[int]:
    server = Server(world(highest))
    counts: Counter[tuple[int, int]] = Counter()
    entries = []
    for each in records:
        entries.append(entry(*each, highest, again=counts[each]))
        counts[each] += 1
    for new in entries:
        server.take(new)
    return {n for n, each in enumerate(entries) if each.name in server.keys}


# ---- the rule ----


@pytest.mark.parametrize("size", range(1, 7))
def test_all_threshold_patterns_of_up_to_six_people_open_by_the_rule(size: int) -> None:
    """Every choice of thresholds, in an order that is drawn for each."""
    chance = random.Random(size)  # noqa: S311
    for thresholds in combinations_with_replacement(range(2, HIGHEST + 1), size):
        records = list(enumerate(thresholds))
        chance.shuffle(records)
        assert opened(records) == rule(records), records


@pytest.mark.parametrize("size", range(1, 5))
def test_the_order_in_which_they_come_makes_no_difference(size: int) -> None:
    for thresholds in product(range(2, 5), repeat=size):
        records = list(enumerate(thresholds))
        assert opened(records, 4) == rule(records, 4), records


def test_after_every_arrival_what_is_open_is_what_the_rule_says() -> None:
    chance = random.Random(9)  # noqa: S311
    for _ in range(25):
        records = [(chance.randrange(7), chance.randint(2, 5)) for _ in range(8)]
        server, entries = Server(world()), list[Placed]()
        seen: Counter[tuple[int, int]] = Counter()
        for n, each in enumerate(records, 1):
            entries.append(entry(*each, again=seen[each]))
            seen[each] += 1
            server.take(entries[-1])
            found = {i for i, placed_ in enumerate(entries) if placed_.name in server.keys}
            assert found == rule(records[:n]), records[:n]


@pytest.mark.parametrize("copies", [2, 3, 5])
def test_the_same_person_twice_never_helps(copies: int) -> None:
    assert opened([(1, 2)] * copies) == set()
    assert opened([(1, 3)] * copies + [(2, 3)]) == set()
    assert opened([(1, 2), (1, 2), (2, 2)]) == {0, 1, 2}
    assert opened([(1, 5), (2, 2), (1, 2)]) == {1, 2}


def test_people_who_name_others_do_not_help() -> None:
    server = Server(world())
    for n, about in enumerate(("him", "other", "him", "other", "third")):
        server.take(entry(n, 3, about=about))
    assert server.keys == {}
    server.take(entry(7, 3, about="other"))
    assert {server.entries[n].name for n in (1, 3, 5)} == server.keys.keys()


def test_a_level_that_is_open_opens_for_who_comes_later_at_once() -> None:
    server = Server(world())
    for who in range(3):
        server.take(entry(who, 2))
    assert len(server.keys) == 3
    server.tried = 0
    late = entry(5, 2)
    first, *_ = server.take(late)
    assert (first.level, set(first.keys), first.unlocked) == (2, {late.name}, None)
    # All are open at level 2 and 3, so no set is tried there; at level 4 they open at once.
    assert server.tried == 1 + 1 + 1


def test_a_level_that_is_open_stays_open_whoever_withdraws() -> None:
    server = Server(world())
    for who in (0, 1, 2):
        server.take(entry(who, 3))
    server.withdraw(entry(1, 3))
    server.withdraw(entry(2, 3))
    server.take(entry(3, 3))
    assert entry(3, 3).name in server.keys
    for each in (0, 3):
        server.withdraw(entry(each, 3))
    server.take(entry(4, 3))
    assert server.keys.keys() == {entry(4, 3).name}


def test_what_cannot_open_is_not_tried() -> None:
    """Never without the new one; never a depositor twice; never where all are open."""
    server = Server(world())
    server.take(entry(0, 5))
    assert server.tried == 0
    server.take(entry(1, 5))
    assert server.tried == 1
    server.take(entry(2, 5))
    # One at level 2 with each of the two, and one at level 3 with both.
    assert server.tried == 1 + 2 + 1
    server.tried = 0
    server.take(entry(1, 5, again=1))
    assert server.tried == 2 + 1


def test_many_records_of_one_depositor_are_tried_each_alone() -> None:
    """Not in all pairs, of which none could open; and no more than so many of them."""
    server = Server(world())
    for again in range(3 * ENTRIES_MOST):
        server.take(entry(0, 5, again=again))
    assert server.tried == 0
    server.take(entry(1, 5))
    assert server.tried == ENTRIES_MOST
    server.tried = 0
    server.take(entry(2, 5))
    assert server.tried == (ENTRIES_MOST + 1) + ENTRIES_MOST


# ---- false rows and wraps ----


def false_rows(one: Placed) -> Placed:
    """A depositor who puts there whatever she likes."""
    junk = {j: tuple(base_times(Scalar.random()) for _ in row) for j, row in one.entry.rows.items()}
    return replace(one, entry=replace(one.entry, rows=junk))


def false_wraps(one: Placed) -> Placed:
    return replace(one, entry=replace(one.entry, wraps=dict.fromkeys(one.entry.wraps, bytes(80))))


def test_false_rows_match_nothing_and_harm_nobody() -> None:
    for order in ((0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)):
        some = [entry(0, 3), entry(1, 3), entry(2, 3), false_rows(entry(3, 3))]
        server = Server(world())
        for n in order:
            server.take(some[n])
        # Her own wrap was true, so that she opens with the others; they do not open with her.
        assert server.keys.keys() - {some[3].name} == {each.name for each in some[:3]}
    server = Server(world())
    for each in (entry(0, 3), false_rows(entry(3, 3)), false_rows(entry(4, 3))):
        server.take(each)
    assert server.keys == {}


def test_a_false_wrap_opens_nothing_of_its_own_and_harms_nobody() -> None:
    for order in ((0, 1, 2, 3), (3, 0, 1, 2), (1, 0, 3, 2)):
        some = [entry(0, 2), entry(1, 2), entry(2, 2), false_wraps(entry(3, 2))]
        server = Server(world())
        for n in order:
            server.take(some[n])
        assert server.keys.keys() == {each.name for each in some[:3]}


def test_errors_that_cancel_for_one_keep_no_other_from_opening() -> None:
    """Two who know the next one's point make rows whose errors cancel for her."""
    victim, late = entry(2, 3), entry(4, 3)
    one, two = entry(0, 3), entry(1, 3)
    xs = [one.x, two.x, victim.x]
    factors = [lagrange_at_zero(xs, n) for n in (0, 1)]
    error = base_times(Scalar.public(99))
    bent = [
        shifted(one, factors[0].inverse() * error),
        shifted(two, (Scalar.public(0) - factors[1].inverse()) * error),
    ]
    server = Server(world())
    for each in (*bent, victim, entry(3, 3), entry(5, 3), late):
        server.take(each)
    honest = [victim, entry(3, 3), entry(5, 3), late]
    assert {each.name for each in honest} <= server.keys.keys()


def test_a_row_that_is_right_for_two_keeps_no_third_from_opening() -> None:
    """Bent by a multiple of (V - p)(V - q): all three wraps open, and what is kept is wrong for everybody else."""
    bent, p, q, r = entry(0, 3), entry(1, 3), entry(2, 3), entry(3, 3)
    error = base_times(Scalar.public(99))
    row = bent.entry.rows[3]
    minus = Scalar.public(0)
    wrong = (row[0] + p.x * q.x * error, row[1] + (minus - p.x - q.x) * error, row[2] + error)
    factor = lagrange_at_zero([bent.x, p.x, q.x], 0)
    spoiled = factor * ((bent.x - p.x) * (bent.x - q.x)) * error
    value = world().evaluate(person(0), HIM).values[3] + spoiled
    mine = wrap(value, wrap_context(ESCROW, 3, bent.x, bent.record, 0), b"k" * 32)
    entry_ = replace(bent.entry, rows={**bent.entry.rows, 3: wrong}, wraps={**bent.entry.wraps, 3: mine})
    for order in ((0, 1, 2, 3), (3, 1, 2, 0), (1, 3, 0, 2), (2, 0, 3, 1)):
        some = [replace(bent, entry=entry_), p, q, r]
        server = Server(world())
        for n in order:
            server.take(some[n])
        assert {each.name for each in (p, q, r)} <= server.keys.keys(), order


def test_two_who_open_with_some_do_not_split_the_others() -> None:
    """An entry of an attacker may be about one person at level 2 and about another at level 3."""

    def mixed(who: int, level: int) -> Placed:
        him, other = entry(who, 2), entry(who, 2, about="other")
        rows = {**other.entry.rows, level: him.entry.rows[level]}
        value = world().evaluate(person(who), HIM).values[level]
        wrapped = wrap(value, wrap_context(ESCROW, level, other.x, other.record, 0), b"k" * 32)
        return replace(other, entry=replace(other.entry, rows=rows, wraps={**other.entry.wraps, level: wrapped}))

    honest = [entry(n, 4) for n in (3, 4, 5, 6)]
    for attackers in ([mixed(0, 3), mixed(1, 3)], [mixed(0, 2), mixed(1, 4)], [mixed(0, 4), mixed(1, 2)]):
        server = Server(world())
        for each in (attackers[0], honest[0], attackers[1], *honest[1:]):
            server.take(each)
        assert {each.name for each in honest} <= server.keys.keys()


def test_the_rule_holds_whatever_others_put_there() -> None:
    """Honest records, among false ones and people who change their minds, in orders that are drawn."""
    chance = random.Random(4)  # noqa: S311
    for _ in range(15):
        records = [(who, chance.randint(2, 4)) for who in range(5)]
        honest = [entry(*each, 4) for each in records]
        junk = [false_rows(entry(7, 2, 4)), false_wraps(entry(8, 2, 4)), false_rows(entry(9, 3, 4))]
        arrivals = [*honest, *junk]
        chance.shuffle(arrivals)
        server = Server(world(4))
        for each in arrivals:
            server.take(each)
            if chance.random() < 0.2 and each in junk:
                server.withdraw(each)
        opened_ = {n for n, each in enumerate(honest) if each.name in server.keys}
        # A row that is right behind a false wrap counts, as its author meant it to.
        assert rule(records, 4) <= opened_ <= rule([*records, (8, 2)], 4)


def lagrange_at_zero(xs: Sequence[Scalar], n: int) -> Scalar:
    factor = Scalar.public(1)
    for m, x in enumerate(xs):
        if m != n:
            factor *= x * (x - xs[n]).inverse()
    return factor


def shifted(one: Placed, by: Element) -> Placed:
    first, *rest = one.entry.rows[3]
    return replace(one, entry=replace(one.entry, rows={**one.entry.rows, 3: (first + by, *rest)}))


# ---- candidates ----


def bucket(bits: int, value: int) -> Entry:
    return Entry(bits, value, {}, {})


def test_buckets_agree_on_the_bits_that_both_show() -> None:
    assert agree(bucket(0, 0), bucket(8, 255))
    assert agree(bucket(3, 0b101), bucket(5, 0b10111))
    assert agree(bucket(5, 0b10111), bucket(3, 0b101))
    assert not agree(bucket(3, 0b101), bucket(5, 0b10011))
    assert not agree(bucket(5, 0b10011), bucket(3, 0b101))
    assert agree(bucket(4, 7), bucket(4, 7))
    assert not agree(bucket(4, 7), bucket(4, 6))


def test_a_depositors_own_records_are_no_candidates() -> None:
    mine, theirs = entry(0, 2), entry(1, 2)
    assert candidates(mine, [entry(0, 3), theirs, entry(0, 2, about="other")]) == [theirs]


def test_candidates_are_found_by_the_real_bucket() -> None:
    here = world(bits=8)
    some = [placed(here.deposit(person(n), [named(about)], 2))[0] for n, about in enumerate(["him", "him", "other"])]
    assert candidates(some[1], some) == [some[0]]
    assert all(each.entry.bits == 8 for each in some)


def test_one_record_that_names_him_twice_over_counts_once() -> None:
    """By e-mail and by another name of his: two entries of one point."""
    here = world()
    record = here.deposit(person(0), [HIM, OTHER], 2)
    server = Server(here)
    for each in placed(record):
        server.take(each)
    assert server.keys == {}
    server.take(entry(1, 2, about="other"))
    assert server.keys.keys() == {(record.id, 1), entry(1, 2, about="other").name}


def test_openings_about_different_people_are_kept_apart() -> None:
    server = Server(world())
    for n, about in enumerate(["him", "other"] * 3):
        server.take(entry(n, 3, about=about))
    assert [each.level for each in server.unlocked] == [3, 3]
    assert len({each.coefficients for each in server.unlocked}) == 2
    assert len(server.keys) == 6


def test_a_search_can_pause_after_every_step() -> None:
    some = [entry(n, 5, about=f"somebody{n}") for n in range(6)]
    steps = search(ESCROW, HIGHEST, some[0], candidates(some[0], some), [], set())
    # For the levels 2 to 5 each set of 1 to 4 of the five others.
    assert [next(steps) for _ in range(5 + 10 + 10 + 5)] == [None] * 30
    assert next(steps, "over") == "over"


# ---- the counsellor ----


def match(*about: str, threshold: int = 3) -> dict[Name, bytes]:
    records = [world().deposit(person(n), [named(each)], threshold) for n, each in enumerate(about)]
    return {(each.id, 0): bytes(each) for each in records}


def test_a_counsellor_works_a_match_out_again() -> None:
    here, some = world(), match("him", "him", "him", "him")
    files = check_match(here.descriptor, 3, some)
    assert files.keys() == some.keys()
    for name, file in files.items():
        record = read_record(here.descriptor, some[name])
        assert read_handle(here.descriptor, record.id, record.credential, file, here.counsellor).language == "en"


def test_a_match_that_the_server_made_up_is_refused() -> None:
    here, some = world(), match("him", "him", "him")
    alone = here.deposit(person(5), [OTHER], 3)
    twice = here.deposit(person(0), [HIM], 3)
    first, second, third = some
    for level, wrong, why in (
        (3, match("him", "him", "other"), "does not open together"),
        (3, {**some, (alone.id, 0): bytes(alone)}, "does not open together"),
        (2, {first: some[first], second: some[second]}, "does not open together"),
        (3, {first: some[first], second: some[second]}, "not by so many different people"),
        (3, {**{n: some[n] for n in (first, second)}, (twice.id, 0): bytes(twice)}, "so many different people"),
        (3, {**some, (twice.id, 0): bytes(twice)}, "so many different people"),
        (3, {first: some[first], second: some[second], (third[0], 1): some[third]}, "so many different people"),
        (3, {first: some[first], second: some[second], (first[0], 1): some[third]}, "so many different people"),
        (1, some, "does not open together"),
        (6, some, "so many different people"),
    ):
        with pytest.raises(Fault, match=why) as found:
            check_match(here.descriptor, level, wrong)
        assert found.value.party == SERVER
    changed = bytearray(some[third])
    changed[-70] ^= 1
    with pytest.raises(Fault, match="without a credential"):
        check_match(here.descriptor, 3, {**some, third: bytes(changed)})
