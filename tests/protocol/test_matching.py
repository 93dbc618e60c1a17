# SPDX-License-Identifier: AGPL-3.0-or-later
"""What opens, against the rule: thresholds, arrivals, other people, false rows."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain, combinations_with_replacement, product

import pytest

from notalone.protocol.escrow import Entry
from notalone.protocol.group import Element, Scalar, base_times
from notalone.protocol.matching import Name, Opening, Placed, Together, agree, candidates, search
from tests.protocol.trustees import ESCROW
from tests.protocol.world import World, named, person, placed, world

HIGHEST = 5
HIM, OTHER = named("him"), named("other")


@dataclass
class Server:
    """Stores entries as they come, and what opened."""

    world: World
    entries: list[Placed] = field(default_factory=list)
    known: dict[Name, Together] = field(default_factory=dict)
    keys: dict[Name, bytes] = field(default_factory=dict)
    tried: int = 0

    def take(self, new: Placed) -> list[Opening]:
        found = []
        highest = self.world.descriptor.highest
        for step in search(ESCROW, highest, new, candidates(new, self.entries), dict(self.known)):
            self.tried += 1
            if step is not None:
                found.append(step)
                self.known = step.remembered(self.known)
                self.keys.update(step.keys)
        self.entries.append(new)
        return found


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


def test_a_level_that_is_open_opens_for_who_comes_later_in_one_try() -> None:
    server = Server(world())
    for who in range(3):
        server.take(entry(who, 2))
    assert len(server.keys) == 3
    server.entries += [entry(9, 5, about="third"), entry(10, 3, about="other"), entry(1, 5)]
    server.tried = 0
    late = entry(5, 2)
    first, second = server.take(late)
    assert (first.level, first.entries, set(first.keys)) == (2, (late.name,), {late.name})
    # They are four now, so level 4 opens, with those who are known to be about him; one could have come too.
    assert (second.level, len(second.entries)) == (4, 4)
    assert {found.group for found in server.known.values()} == {first.group}
    # Levels 2 and 4 at once, then three that may be open at level 4 too, and level 5 with the one other of his group.
    assert server.tried <= 1 + 1 + 3 + 15


def test_what_cannot_open_is_not_tried() -> None:
    """Never without the new one; never a depositor twice; never with one of another group."""
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
        assert server.keys.keys() == {each.name for each in some[:3]}


def test_a_false_wrap_opens_nothing_of_its_own_and_harms_nobody() -> None:
    for order in ((0, 1, 2, 3), (3, 0, 1, 2), (1, 0, 3, 2)):
        some = [entry(0, 2), entry(1, 2), entry(2, 2), false_wraps(entry(3, 2))]
        server = Server(world())
        for n in order:
            server.take(some[n])
        assert server.keys.keys() == {each.name for each in some[:3]}


def test_errors_that_cancel_for_one_do_not_pass_for_proved() -> None:
    """Two who know the next one's point make rows whose errors cancel for her, and would spoil the group for others."""
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
    assert not agree(bucket(3, 0b101), bucket(5, 0b10011))
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


def test_what_was_learnt_is_kept_apart_by_group() -> None:
    server = Server(world())
    for n, about in enumerate(["him", "other"] * 3):
        server.take(entry(n, 3, about=about))
    groups = {each: found.group for each, found in server.known.items()}
    assert len(set(groups.values())) == 2
    assert all(found.levels == {3} for found in server.known.values())
    assert len(groups) == 6
    assert set(chain(server.keys)) == set(groups)
