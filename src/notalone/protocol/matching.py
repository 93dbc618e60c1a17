# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which records open each other (spec/escrow.md, section "Match").

At level j the rows of j records about one person, by j different depositors, are points of one polynomial. Its value at
X = 0 and V = x is what the record of the depositor with the point x is wrapped under at that level.

The search tries a set of records only where it could open: with the new one in it, since the others were tried when
they came; never with what is known to be about different people; and of those that opened a level together only one
set, since the others would tell the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from notalone.protocol.escrow import Entry, unwrap, wrap_context
from notalone.protocol.group import Element, Scalar, total
from notalone.protocol.keys import levels

Name = tuple[bytes, int]
ONE = Scalar.public(1)


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry of a stored record. `record`: its id; `place`: which of its entries; `x`: its depositor's point."""

    record: bytes
    place: int
    x: Scalar
    entry: Entry

    @property
    def name(self) -> Name:
        return self.record, self.place


@dataclass(frozen=True, slots=True)
class Together:
    """That an entry is about the same person as all others of its `group`; the levels at which its row was proved."""

    group: Name
    levels: frozenset[int]


Known = Mapping[Name, Together]


@dataclass(frozen=True, slots=True)
class Opening:
    """At this level these entries are about one person.

    `keys`: of their records, as far as their wraps held one. `proved`: whether all did, so all rows are right.
    """

    level: int
    group: Name
    entries: tuple[Name, ...]
    keys: Mapping[Name, bytes] = field(repr=False)

    @property
    def proved(self) -> bool:
        return len(self.keys) == len(self.entries)

    def remembered(self, known: Known) -> dict[Name, Together]:
        """What is known from now on."""
        result = dict(known)
        if self.proved:
            for each in self.entries:
                before = known[each].levels if each in known else frozenset[int]()
                result[each] = Together(self.group, before | {self.level})
        return result


def agree(one: Entry, other: Entry) -> bool:
    """Whether they could be about one person: their buckets agree on the bits that both show."""
    bits = min(one.bits, other.bits)
    return one.bucket >> (one.bits - bits) == other.bucket >> (other.bits - bits)


def candidates(new: Placed, others: Sequence[Placed]) -> list[Placed]:
    """Of the others those that could open with it. A depositor counts once, so none of her own."""
    return [each for each in others if each.x != new.x and agree(each.entry, new.entry)]


def search(
    escrow: bytes, highest: int, new: Placed, others: Sequence[Placed], known: Known
) -> Iterator[Opening | None]:
    """What opens because this entry came; None after every set that was tried in vain, so that one can pause.

    `others`: its `candidates`; `known`: what the openings before left. Cost: for each level j - 1 multiplications an
    entry, and j a set.
    """
    search = _Search(escrow, new, others, known)
    for j in levels(highest):
        yield from search.at(j)


class _Search:
    """Entries are numbered: 0 is the new one."""

    def __init__(self, escrow: bytes, new: Placed, others: Sequence[Placed], known: Known) -> None:
        self._escrow = escrow
        self._all = [new, *others]
        self._known = dict(known)
        self._values: dict[tuple[int, int, int], Element] = {}
        # Which entries are of one depositor, by the first of them; and of each two the factor in Lagrange's products.
        first: dict[Scalar, int] = {}
        self._depositor = [first.setdefault(each.x, n) for n, each in enumerate(self._all)]
        self._ratios: list[dict[int, Scalar]] = [{} for _ in self._all]

    def at(self, j: int) -> Iterator[Opening | None]:
        open_groups = self._open_groups(j)
        mine = self._group(0)
        if mine in open_groups:
            return  # all others of this group were tried at this level when it was opened
        if mine is None:
            for proved in open_groups.values():
                opening = self._try(j, 0, proved[: j - 1])
                yield opening
                if opening is not None:
                    return
        rest = [n for n in range(1, len(self._all)) if self._group(n) not in open_groups]
        # Those who are known to be about the same person first: their rows are real here too, if they are honest.
        rest.sort(key=lambda n: mine is None or self._group(n) != mine)
        for some in combinations(rest, j - 1):
            if len({self._depositor[n] for n in some}) < j - 1 or len(self._groups((0, *some))) > 1:
                continue
            opening = self._try(j, 0, some)
            yield opening
            if opening is not None and opening.proved:
                yield from self._also(j, (0, *some), rest)
                return

    def _also(self, j: int, proved: tuple[int, ...], rest: Sequence[int]) -> Iterator[Opening | None]:
        """Others that are open at this level too, now that it is open."""
        for n in rest:
            if n not in proved and len(self._groups((0, n))) == 1:
                others = [m for m in proved if self._depositor[m] != self._depositor[n]]
                yield self._try(j, n, others[: j - 1])

    def _try(self, j: int, one: int, others: Sequence[int]) -> Opening | None:
        """Whether these j entries are about one person, by the wrap of `one`; then by all that were not open before."""
        some = (one, *others)
        key = self._open(j, one, some)
        if key is None:
            return None
        found = {one: key}
        entries = (one, *(n for n in others if not self._is_proved(j, n)))
        for n in entries[1:]:
            key = self._open(j, n, some)
            if key is not None:
                found[n] = key
        groups = self._groups(some)
        opening = Opening(
            j,
            groups.pop() if groups else self._all[0].name,
            tuple(self._all[n].name for n in entries),
            {self._all[n].name: key for n, key in found.items()},
        )
        self._known = opening.remembered(self._known)
        return opening

    def _open(self, j: int, one: int, some: Sequence[int]) -> bytes | None:
        """The key in its wrap of this level, if these rows are about its person."""
        value = total(self._factor(n, some) * self._value(n, j, one) for n in some)
        mine = self._all[one]
        context = wrap_context(self._escrow, j, mine.x, mine.record, mine.place)
        return unwrap(value, context, mine.entry.wraps[j])

    def _value(self, one: int, j: int, at: int) -> Element:
        """The row of one at V = the point of another."""
        which = one, j, at
        if which not in self._values:
            x, (first, *rest) = self._all[at].x, self._all[one].entry.rows[j]
            power, terms = ONE, [first]
            for each in rest:
                power *= x
                terms.append(power * each)
            self._values[which] = total(terms)
        return self._values[which]

    def _factor(self, one: int, some: Sequence[int]) -> Scalar:
        """Lagrange's, at X = 0: the product of x_m / (x_m - x) over the others."""
        ratios, factor = self._ratios[one], None
        for n in some:
            if n != one:
                ratio = ratios.get(n)
                if ratio is None:
                    x = self._all[n].x
                    ratio = ratios[n] = x * (x - self._all[one].x).inverse()
                factor = ratio if factor is None else factor * ratio
        assert factor is not None  # a level is 2 at least
        return factor

    # ---- what is known ----

    def _group(self, one: int) -> Name | None:
        found = self._known.get(self._all[one].name)
        return None if found is None else found.group

    def _groups(self, some: Sequence[int]) -> set[Name]:
        """The different groups that they are known to be in."""
        return {group for n in some if (group := self._group(n)) is not None}

    def _is_proved(self, j: int, one: int) -> bool:
        found = self._known.get(self._all[one].name)
        return found is not None and j in found.levels

    def _open_groups(self, j: int) -> dict[Name, list[int]]:
        """The groups that are open at this level, each with those whose rows were proved, one for each depositor."""
        groups: dict[Name, dict[int, int]] = {}
        for n, each in enumerate(self._all):
            if n and self._is_proved(j, n):
                groups.setdefault(self._known[each.name].group, {})[self._depositor[n]] = n
        return {group: list(members.values()) for group, members in groups.items()}
