# SPDX-License-Identifier: AGPL-3.0-or-later
"""The vectors that every language reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from notalone.protocol.errors import Fault
from notalone.protocol.group import Element, Scalar
from tests.server import ROOT

Case = dict[str, Any]


def vectors(name: str) -> Any:
    """What stands in vectors/{name}.json."""
    return json.loads((ROOT / "vectors" / f"{name}.json").read_text())


def from_hex(text: str) -> bytes:
    return bytes.fromhex(text)


def cases(noun: str, *groups: str) -> pytest.MarkDecorator:
    """A mark: every case of these groups, named by why it is there."""
    file = vectors(noun)
    some = [(group, case) for group in groups for case in file[group]]
    return pytest.mark.parametrize(("group", "case"), some, ids=[f"{group}: {case['why']}" for group, case in some])


def elements(some: Sequence[str]) -> list[Element]:
    return [Element.decode(from_hex(each)) for each in some]


def scalars(some: Sequence[str]) -> list[Scalar]:
    return [Scalar.decode(from_hex(each)) for each in some]


@contextmanager
def blamed(role: str, index: int | None = None) -> Iterator[None]:
    """Whatever is wrong within is this role's doing; where told, this trustee's."""
    with pytest.raises(Fault) as found:
        yield
    check_blame(found.value, role, index)


def check_blame(found: Fault, role: str, index: int | None = None) -> None:
    assert found.party.role.name.lower() == role
    assert index in (None, found.party.index)
