# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notalone.protocol.encoding import Reader, listed, number, prefixed
from notalone.protocol.errors import Undecodable
from tests.protocol.vectors import from_hex, vectors

Field = tuple[str, object]


def written(fields: list[Field]) -> bytes:
    out = b""
    for kind, value in fields:
        if isinstance(value, list):
            out += listed([prefixed(each) for each in value])
        elif isinstance(value, int):
            out += number(value, int(kind))
        else:
            assert isinstance(value, bytes)
            out += prefixed(value) if kind == "prefixed" else value
    return out


def read(data: bytes, fields: list[Field]) -> list[object]:
    reader = Reader(data, "message")
    values: list[object] = []
    for kind, value in fields:
        if isinstance(value, list):
            values.append(reader.listed(10, lambda inner: inner.prefixed(10)))
        elif isinstance(value, int):
            values.append(reader.number(int(kind)))
        else:
            assert isinstance(value, bytes)
            values.append(reader.prefixed(100) if kind == "prefixed" else reader.fixed(len(value)))
    reader.end()
    return values


FIELDS = st.lists(
    st.one_of(
        st.integers(0, 255).map(lambda n: ("1", n)),
        st.integers(0, 2**64 - 1).map(lambda n: ("8", n)),
        st.binary(max_size=100).map(lambda data: ("prefixed", data)),
        st.binary(max_size=100).map(lambda data: ("fixed", data)),
        st.lists(st.binary(max_size=10), max_size=10).map(lambda items: ("listed", items)),
    ),
    max_size=6,
)


@given(FIELDS)
def test_what_was_written_is_read(fields: list[Field]) -> None:
    assert read(written(fields), fields) == [value for _, value in fields]


@given(FIELDS, st.binary(min_size=1, max_size=5))
def test_nothing_may_follow(fields: list[Field], more: bytes) -> None:
    with pytest.raises(Undecodable, match="follow"):
        read(written(fields) + more, fields)


@given(FIELDS, st.data())
def test_nothing_may_be_missing(fields: list[Field], data: st.DataObject) -> None:
    whole = written(fields)
    if whole:
        cut = data.draw(st.integers(0, len(whole) - 1))
        with pytest.raises(Undecodable, match="in the middle of a field"):
            read(whole[:cut], fields)


@given(st.binary(max_size=40), FIELDS)
def test_whatever_comes_is_read_or_refused(data: bytes, fields: list[Field]) -> None:
    try:
        values = read(data, fields)
    except Undecodable:
        return
    assert written([(kind, value) for (kind, _), value in zip(fields, values, strict=True)]) == data


def test_what_is_too_long_is_refused_before_it_is_read() -> None:
    with pytest.raises(Undecodable, match="a field of 11 bytes, where 10 are the most"):
        Reader(prefixed(bytes(11)), "message").prefixed(10)
    with pytest.raises(Undecodable, match="a list of 3, where 2 are the most"):
        Reader(listed([b""] * 3), "message").listed(2, lambda reader: reader.fixed(0))


def test_a_number_that_does_not_fit_is_a_mistake_of_ours() -> None:
    for value, width in ((256, 1), (-1, 1), (1 << 64, 8)):
        with pytest.raises(ValueError, match="does not fit"):
            number(value, width)
    with pytest.raises(ValueError, match="does not fit"):
        listed([b""] * 65_536)


# ---- the vectors ----


def read_vector(data: bytes) -> tuple[int, bytes, list[bytes]]:
    reader = Reader(data, "message")
    found = reader.number(2), reader.prefixed(8), reader.listed(3, lambda inner: inner.fixed(2))
    reader.end()
    return found


@pytest.mark.parametrize("case", vectors("encoding")["cases"], ids=lambda case: str(case["why"]))
def test_messages_are_read_as_in_every_language(case: Any) -> None:
    encoded = from_hex(case["encoded"])
    if not case["valid"]:
        with pytest.raises(Undecodable):
            read_vector(encoded)
        return
    items = [from_hex(each) for each in case["items"]]
    assert read_vector(encoded) == (case["number"], from_hex(case["data"]), items)
    assert number(case["number"], 2) + prefixed(from_hex(case["data"])) + listed(items) == encoded
