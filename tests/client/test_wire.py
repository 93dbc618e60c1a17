# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the client sends to the door, and how it reads what comes back."""

from __future__ import annotations

import json

import pytest

from notalone.client.wire import Counted, NotOurs, Refused, Stumbled, Tap, Through, Waiting, body, read_answer
from notalone.protocol.voice import Kind

TAP = Tap("metoo", Kind.ME_TOO, "AAAAAAAAAAAAAAAAAAAAAA", "0000002a", "0a")
CODE = "0123456789ABCDEFGH"
TICKET = "0" * 40


def problem(**fields: object) -> bytes:
    return json.dumps({"type": "/x", "title": "A title", "status": 400, "detail": "What to do.", **fields}).encode()


def test_the_form_is_written_as_a_browser_writes_it() -> None:
    assert body(Through.FORM, TAP) == b"nonce=AAAAAAAAAAAAAAAAAAAAAA&proof=0000002a&ticket=0a&kind=metoo"


def test_the_api_gets_the_same_fields_as_json() -> None:
    fields = {"nonce": "AAAAAAAAAAAAAAAAAAAAAA", "proof": "0000002a", "ticket": "0a", "kind": "metoo"}
    assert json.loads(body(Through.API, TAP)) == fields


def test_a_voice_that_was_counted_has_its_code() -> None:
    page = b"<p>Your code: <strong>012345-6789AB-CDEFGH</strong></p>"
    assert read_answer(Through.FORM, 201, "", page) == Counted(CODE)
    answer = json.dumps({"call": "metoo", "kind": "metoo", "code": CODE}).encode() + b"    "
    assert read_answer(Through.API, 201, "", answer) == Counted(CODE)


@pytest.mark.parametrize("through", Through)
@pytest.mark.parametrize("content", [b"", b"<p>Thank you</p>", b"\xff", b'{"call": "metoo"}'])
def test_counted_without_a_code_is_no_answer_of_ours(through: Through, content: bytes) -> None:
    with pytest.raises(NotOurs):
        read_answer(through, 201, "", content)


@pytest.mark.parametrize("status", [200, 204, 301, 303])
def test_any_other_success_is_no_answer_of_ours(status: int) -> None:
    with pytest.raises(NotOurs):
        read_answer(Through.FORM, status, "", b"")


def test_a_wait_comes_with_its_ticket() -> None:
    page = f'<input type="hidden" name="ticket" value="{TICKET}">'.encode()
    assert read_answer(Through.FORM, 503, "7", page) == Waiting(7, TICKET)
    assert read_answer(Through.API, 503, "7", problem(ticket=TICKET)) == Waiting(7, TICKET)


def test_a_wait_until_a_date_is_short() -> None:
    later = "Tue, 24 Nov 2026 00:00:00 GMT"
    assert read_answer(Through.API, 503, later, problem(ticket=TICKET)) == Waiting(5, TICKET)


@pytest.mark.parametrize("through", Through)
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_or_proxy_in_trouble_may_be_asked_again(through: Through, status: int) -> None:
    assert isinstance(read_answer(through, status, "", b"<h1>Bad gateway</h1>"), Stumbled)


@pytest.mark.parametrize("through", Through)
def test_a_refusal_says_why_and_what_to_do(through: Through) -> None:
    closed = read_answer(through, 409, "", b"")
    assert closed == Refused(409, "the call is closed", "it can be read, but it takes no more voices")
    other = read_answer(through, 451, "", b"")
    assert isinstance(other, Refused)
    assert "451" in other.reason


def test_a_refusal_that_only_the_server_knows_is_told_in_its_words() -> None:
    assert read_answer(Through.API, 418, "", problem(status=418)) == Refused(418, "A title", "What to do.")
