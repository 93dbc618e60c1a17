# SPDX-License-Identifier: AGPL-3.0-or-later
"""The API against its own description, and what it promises beyond it."""

from __future__ import annotations

import csv
import io
import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from notalone.protocol.voice import nonce_from, solve_proof
from tests.server import DEMO_CALL, Server, server

BITS = 2


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.mktemp("api"), DEMO_CALL, pow_bits=BITS, tick=1, slow_rate=100_000) as running:
        yield running


@pytest.fixture(scope="module")
def described(place: Server) -> Any:
    return schemathesis.openapi.from_url(place.url + "/api/openapi.json")


schema = schemathesis.pytest.from_fixture("described")


@schema.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_api_keeps_to_its_description(case: schemathesis.Case) -> None:
    case.call_and_validate()


def send(place: Server, path: str, body: object) -> tuple[int, str, Any]:
    request = urllib.request.Request(  # noqa: S310
        place.url + path, json.dumps(body).encode(), {"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return answer.status, answer.headers["content-type"], json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, error.headers["content-type"], json.load(error)


def give(place: Server, kind: str = "metoo") -> str:
    nonce = nonce_from(secrets.token_bytes(16))
    voice = {"nonce": nonce, "kind": kind, "proof": solve_proof("metoo", nonce, BITS)}
    status, _, answer = send(place, "/api/calls/metoo/voices", voice)
    assert status == 201
    return str(answer["code"])


def test_a_problem_is_one_as_rfc_9457_has_it(place: Server) -> None:
    status, kind, problem = send(place, "/api/calls/nothing/voices", {"nonce": "A" * 22, "kind": "metoo"})
    assert (status, kind) == (404, "application/problem+json")
    assert problem["status"] == 404
    assert set(problem) == {"type", "title", "status", "detail"}


def test_a_voice_is_withdrawn_once_and_stays_so(place: Server) -> None:
    code = give(place)
    typed = f" {code[:6].lower()}-{code[6:12]} {code[12:]} "
    assert send(place, "/api/calls/metoo/withdrawals", {"code": typed})[2] == {"before": False}
    assert send(place, "/api/calls/metoo/withdrawals", {"code": code})[2] == {"before": True}
    assert send(place, "/api/calls/metoo/withdrawals", {"code": "0" * 18})[0] == 404
    assert send(place, "/api/calls/metoo/withdrawals", {"code": "no"})[0] == 400


def test_the_count_shows_nothing_below_fifty_then_the_number_at_a_tick(place: Server) -> None:
    for _ in range(55):
        give(place, "stand")
    deadline = time.monotonic() + 10
    while (count := place.get_json("/api/calls/metoo/count.json"))["numbers"]["stand"] is None:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert count["numbers"]["stand"] >= 55
    assert count["noise"] == "none"
    with urllib.request.urlopen(place.url + "/api/calls/metoo/count.csv", timeout=20) as answer:  # noqa: S310
        rows = list(csv.DictReader(io.TextIOWrapper(answer)))
    assert [int(row["stand"]) for row in rows if row["stand"]][-1] >= 55
    assert all(datetime.fromisoformat(row["at"]).tzinfo is not None for row in rows)


def test_another_site_cannot_take_a_voice_back(place: Server) -> None:
    request = urllib.request.Request(  # noqa: S310
        place.url + "/api/calls/metoo/withdrawals",
        b'{"code": "000000000000000000"}',
        {"content-type": "application/json", "sec-fetch-site": "same-site"},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=20)  # noqa: S310
    assert refused.value.code == 403
