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
    def __init__(self, escrow: bytes, new: Placed, others: Sequence[Placed], known: Known) -> None:
        self._escrow = escrow
        self._new = new
        self._others = others
        self._known = dict(known)
        self._values: dict[tuple[Name, int, Scalar], Element] = {}
        self._ratios: dict[tuple[Scalar, Scalar], Scalar] = {}

    def at(self, j: int) -> Iterator[Opening | None]:
        open_groups = self._open_groups(j)
        mine = self._group(self._new)
        if mine in open_groups:
            return  # all others of this group were tried at this level when it was opened
        if mine is None:
            for proved in open_groups.values():
                opening = self._try(j, self._new, proved[: j - 1])
                yield opening
                if opening is not None:
                    return
        rest = [each for each in self._others if self._group(each) not in open_groups]
        # Those who are known to be about the same person first: their rows are real here too, if they are honest.
        rest.sort(key=lambda each: mine is None or self._group(each) != mine)
        for some in combinations(rest, j - 1):
            if len({each.x for each in some}) < j - 1 or len(self._groups((self._new, *some))) > 1:
                continue
            opening = self._try(j, self._new, some)
            yield opening
            if opening is not None and opening.proved:
                yield from self._also(j, (self._new, *some), rest)
                return

    def _also(self, j: int, proved: tuple[Placed, ...], rest: Sequence[Placed]) -> Iterator[Opening | None]:
        """Others that are open at this level too, now that it is open."""
        for each in rest:
            if each not in proved and len(self._groups((self._new, each))) == 1:
                yield self._try(j, each, [other for other in proved if other.x != each.x][: j - 1], alone=True)

    def _try(self, j: int, one: Placed, others: Sequence[Placed], *, alone: bool = False) -> Opening | None:
        """Whether these j entries are about one person, by the wrap of `one`; then, unless `alone`, by all of them."""
        some = (one, *others)
        key = self._open(j, one, some)
        if key is None:
            return None
        keys = {one.name: key}
        # Those of an open group opened before.
        for each in () if alone or self._is_open(j, others) else others:
            key = self._open(j, each, some)
            if key is not None:
                keys[each.name] = key
        groups = self._groups(some)
        entries = (one,) if alone or self._is_open(j, others) else some
        group = groups.pop() if groups else self._new.name
        opening = Opening(j, group, tuple(each.name for each in entries), keys)
        self._known = opening.remembered(self._known)
        return opening

    def _open(self, j: int, one: Placed, some: Sequence[Placed]) -> bytes | None:
        """The key in its wrap of this level, if these rows are about its person."""
        value = total(self._factor(each, some) * self._value(each, j, one.x) for each in some)
        context = wrap_context(self._escrow, j, one.x, one.record, one.place)
        return unwrap(value, context, one.entry.wraps[j])

    def _value(self, one: Placed, j: int, x: Scalar) -> Element:
        """Its row at V = x."""
        which = one.name, j, x
        if which not in self._values:
            first, *rest = one.entry.rows[j]
            power, terms = ONE, [first]
            for each in rest:
                power *= x
                terms.append(power * each)
            self._values[which] = total(terms)
        return self._values[which]

    def _factor(self, one: Placed, some: Sequence[Placed]) -> Scalar:
        """Lagrange's, at X = 0."""
        factor = ONE
        for other in some:
            if other.x != one.x:
                factor *= self._ratio(one.x, other.x)
        return factor

    def _ratio(self, x: Scalar, other: Scalar) -> Scalar:
        if (x, other) not in self._ratios:
            self._ratios[x, other] = other * (other - x).inverse()
        return self._ratios[x, other]

    # ---- what is known ----

    def _group(self, one: Placed) -> Name | None:
        found = self._known.get(one.name)
        return None if found is None else found.group

    def _groups(self, some: Sequence[Placed]) -> set[Name]:
        """The different groups that they are known to be in."""
        return {group for each in some if (group := self._group(each)) is not None}

    def _is_open(self, j: int, some: Sequence[Placed]) -> bool:
        return all(each.name in self._known and j in self._known[each.name].levels for each in some)

    def _open_groups(self, j: int) -> dict[Name, list[Placed]]:
        """The groups that are open at this level, each with those whose rows were proved, one for each depositor."""
        groups: dict[Name, dict[Scalar, Placed]] = {}
        for each in self._others:
            found = self._known.get(each.name)
            if found is not None and j in found.levels:
                groups.setdefault(found.group, {})[each.x] = each
        return {group: list(members.values()) for group, members in groups.items()}
