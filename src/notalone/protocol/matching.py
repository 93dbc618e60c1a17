# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which records open each other (spec/escrow.md, section "Match").

At level j the rows of j records about one person, by j different depositors, are points of one polynomial. Its value at
X = 0 is k_j(0, V) H, and at V = x that is what the record of the depositor with the point x is wrapped under. Once a
set of records gave it, it is kept: so a level that is open stays open, whoever withdraws.

The search tries a set only where it could open something: with the new entry in it, since the others were tried when
they came, and with one in it that is not open yet. What opened is a short cut, and nothing is concluded from it about
others: rows can be made so that they are right for some and wrong for the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import combinations, product

from notalone.protocol.descriptor import Descriptor
from notalone.protocol.errors import SERVER, Fault
from notalone.protocol.escrow import Entry, open_envelope, read_record, unwrap, wrap_context
from notalone.protocol.group import Element, Scalar, total
from notalone.protocol.keys import levels

# Of one depositor in one bucket: each more costs every search, and can open nothing that the others could not.
ENTRIES_MOST = 8
ONE = Scalar.public(1)

Name = tuple[bytes, int]


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
class Unlocked:
    """What opens a level for everyone who named this person: k_j(0, V) H, j elements. Of one bucket."""

    level: int
    bits: int
    bucket: int
    coefficients: tuple[Element, ...] = field(repr=False)

    def at(self, x: Scalar) -> Element:
        return _evaluated(self.coefficients, x)


@dataclass(frozen=True, slots=True)
class Opening:
    """What opened at this level: the keys of records, by entry; and what opens it for others, where that is new."""

    level: int
    keys: Mapping[Name, bytes] = field(repr=False)
    unlocked: Unlocked | None = None


def agree(one: Entry | Unlocked, other: Entry | Unlocked) -> bool:
    """Whether they could be about one person: their buckets agree on the bits that both show."""
    bits = min(one.bits, other.bits)
    return one.bucket >> (one.bits - bits) == other.bucket >> (other.bits - bits)


def candidates(new: Placed, others: Sequence[Placed]) -> list[Placed]:
    """Of the others, in the order in which they came, those that could open with it; of each depositor the last 8."""
    found: dict[Scalar, list[Placed]] = {}
    for each in others:
        if each.x != new.x and agree(each.entry, new.entry):
            found.setdefault(each.x, []).append(each)
    return [each for some in found.values() for each in some[-ENTRIES_MOST:]]


def search(
    escrow: bytes,
    highest: int,
    new: Placed,
    others: Sequence[Placed],
    unlocked: Sequence[Unlocked],
    opened: AbstractSet[tuple[Name, int]],
) -> Iterator[Opening | None]:
    """What opens because this entry came; None after every step in vain, so that one can pause.

    `others`: its `candidates`; `unlocked`, `opened`: what the openings before left, `opened` the names with the levels
    at which each opened. Cost: for each level j - 1 multiplications an entry, and j a set.
    """
    search = _Search(escrow, new, others, opened)
    for j in levels(highest):
        yield from search.at(j, [each for each in unlocked if each.level == j and agree(each, new.entry)])


class _Search:
    """Entries are numbered: 0 is the new one."""

    def __init__(
        self, escrow: bytes, new: Placed, others: Sequence[Placed], opened: AbstractSet[tuple[Name, int]]
    ) -> None:
        self._escrow = escrow
        self._all = [new, *others]
        self._opened = set(opened)
        self._rows: dict[tuple[int, int], Element] = {}
        self._ratios: list[dict[int, Scalar]] = [{} for _ in self._all]
        depositors: dict[Scalar, list[int]] = {}
        for n, each in enumerate(others, 1):
            depositors.setdefault(each.x, []).append(n)
        self._depositors = list(depositors.values())

    def at(self, j: int, unlocked: Sequence[Unlocked]) -> Iterator[Opening | None]:
        for each in unlocked:
            key = self._unwrapped(j, 0, each.at(self._all[0].x))
            if key is not None:
                self._opened.add((self._all[0].name, j))
                yield Opening(j, {self._all[0].name: key})
                break
            yield None
        for some in self._sets(j):
            key = self._unwrapped(j, 0, self._interpolated(j, some))
            yield None if key is None else self._open(j, some, key)

    def _sets(self, j: int) -> Iterator[tuple[int, ...]]:
        """The new one and j - 1 others, each of another depositor, not all open."""
        for depositors in combinations(self._depositors, j - 1):
            for others in product(*depositors):
                some = (0, *others)
                if not all(self._is_open(j, n) for n in some):
                    yield some
            if all(self._is_open(j, n) for n in range(len(self._all))):
                return

    def _open(self, j: int, some: Sequence[int], key: bytes) -> Opening:
        """With a set that opens the new one: what opens it for all, and whom else it opens."""
        factors = [self._factor(n, some) for n in some]
        columns = zip(*(self._all[n].entry.rows[j] for n in some), strict=True)
        mine = self._all[0].entry
        unlocked = Unlocked(
            j,
            mine.bits,
            mine.bucket,
            tuple(total(f * e for f, e in zip(factors, column, strict=True)) for column in columns),
        )
        keys = {self._all[0].name: key}
        for n in range(1, len(self._all)):
            if not self._is_open(j, n):
                other = self._unwrapped(j, n, unlocked.at(self._all[n].x))
                if other is not None:
                    keys[self._all[n].name] = other
        self._opened |= {(name, j) for name in keys}
        return Opening(j, keys, unlocked)

    def _unwrapped(self, j: int, one: int, value: Element) -> bytes | None:
        """The key in its wrap of this level, if this is the value."""
        mine = self._all[one]
        context = wrap_context(self._escrow, j, mine.x, mine.record, mine.place)
        return unwrap(value, context, mine.entry.wraps[j])

    def _interpolated(self, j: int, some: Sequence[int]) -> Element:
        """What the new one is wrapped under, if these rows are about one person."""
        return total(self._factor(n, some) * self._row(j, n) for n in some)

    def _row(self, j: int, one: int) -> Element:
        """The row of one at V = the new point."""
        if (j, one) not in self._rows:
            self._rows[j, one] = _evaluated(self._all[one].entry.rows[j], self._all[0].x)
        return self._rows[j, one]

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

    def _is_open(self, j: int, one: int) -> bool:
        return (self._all[one].name, j) in self._opened


def _evaluated(coefficients: Sequence[Element], x: Scalar) -> Element:
    first, *rest = coefficients
    power, terms = ONE, [first]
    for each in rest:
        power *= x
        terms.append(power * each)
    return total(terms)


def check_match(descriptor: Descriptor, level: int, records: Mapping[Name, bytes]) -> dict[Name, bytes]:
    """By a counsellor, of records that the server says opened together: the age file of each. Raises Fault.

    The server could show records that have nothing to do with each other, or one whose key it was given. So all of it
    is worked out again from what the depositors signed: that they are different, that j of their rows give what every
    one of them is wrapped under, and that the key in there opens the envelope.
    """
    read = {name: read_record(descriptor, data) for name, data in records.items()}
    some = [
        Placed(name[0], name[1], each.credential.point(descriptor.escrow), each.entries[name[1]])
        for name, each in read.items()
        if name[0] == each.id and name[1] < len(each.entries)
    ]
    advice = "Write to nobody. Tell the trustees what the server showed"
    if len(some) < len(records) or len({each.x for each in some}) < max(level, len(some)):
        raise Fault(SERVER, "shows as a match what is not by so many different people", advice)
    search = _Search(descriptor.escrow, some[0], some[1:level], frozenset())
    found = [each for each in search.at(level, []) if each is not None] if level in levels(descriptor.highest) else []
    files = {}
    for each in some:
        context = wrap_context(descriptor.escrow, level, each.x, each.record, each.place)
        unlocked = found[0].unlocked if found else None
        key = unwrap(unlocked.at(each.x), context, each.entry.wraps[level]) if unlocked is not None else None
        if key is None:
            raise Fault(SERVER, "shows as a match what does not open together", advice)
        files[each.name] = open_envelope(descriptor.escrow, read[each.name], key)
    return files
