# SPDX-License-Identifier: AGPL-3.0-or-later
"""The API against its own description, and what it promises beyond it."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from notalone.protocol.voice import solve_proof
from tests.conftest import TEXT, fresh_nonce
from tests.server import DEMO_CALL, Server, server

BITS = 2


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("api")
    quiet = data / "quiet"  # nobody but us counts there
    quiet.mkdir()
    (quiet / "en.md").write_text(TEXT)
    with server(data, DEMO_CALL, quiet, pow_bits=BITS, tick=1, slow_rate=100_000) as running:
        yield running


# A code is read with any signs between its characters, which no pattern says. So the description takes more texts than
# there are codes, and those others are answered 400.
LOOSER = {"POST /api/calls/{slug}/withdrawals": [positive_data_acceptance]}


@pytest.mark.parametrize(
    "operation",
    ["GET /api/calls", "GET /api/calls/{slug}", "GET /api/calls/{slug}/count.json", "GET /api/calls/{slug}/count.csv",
     "POST /api/calls/{slug}/voices", "POST /api/calls/{slug}/withdrawals"],
)  # fmt: skip
def test_the_api_keeps_to_its_description(place: Server, operation: str) -> None:
    schema = schemathesis.openapi.from_url(place.url + "/api/openapi.json")
    method, path = operation.split()

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=schema[path][method].as_strategy())
    def keeps_to_it(case: Any) -> None:
        case.call_and_validate(excluded_checks=LOOSER.get(operation, []))

    keeps_to_it()


def test_every_operation_is_tried(place: Server) -> None:
    paths = place.get_json("/api/openapi.json")["paths"]
    marks = test_the_api_keeps_to_its_description.pytestmark  # type: ignore[attr-defined]
    assert {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods} == set(
        marks[0].args[1]
    )


def send(place: Server, path: str, body: object, **headers: str) -> tuple[int, str, Any]:
    answer = httpx.post(place.url + path, json=body, headers=headers, timeout=20)
    return answer.status_code, answer.headers["content-type"], answer.json()


def give(place: Server, kind: str = "metoo", slug: str = "metoo") -> str:
    nonce = fresh_nonce()
    voice = {"nonce": nonce, "kind": kind, "proof": solve_proof(slug, nonce, BITS)}
    status, _, answer = send(place, f"/api/calls/{slug}/voices", voice)
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


def counted(place: Server) -> Any:
    """What is published of the quiet call once all that was given before is in it."""
    due, deadline = datetime.now(UTC), time.monotonic() + 20
    while datetime.fromisoformat((count := place.get_json("/api/calls/quiet/count.json"))["released_at"]) <= due:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return count


def test_the_count_shows_nothing_below_fifty_then_the_number_at_a_tick(place: Server) -> None:
    for _ in range(49):
        give(place, "stand", "quiet")
    count = counted(place)
    assert count["numbers"] == {"metoo": None, "stand": None}
    assert count["series"] == []
    give(place, "stand", "quiet")
    count = counted(place)
    assert count["numbers"] == {"metoo": None, "stand": 50}
    assert [(point["metoo"], point["stand"]) for point in count["series"]] == [(None, 50)]
    assert count["noise"] == "none"
    table = httpx.get(place.url + "/api/calls/quiet/count.csv", timeout=20).text
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [(row["metoo"], row["stand"]) for row in rows] == [("", "50")]
    assert all(datetime.fromisoformat(row["at"]).tzinfo is not None for row in rows)


def test_another_site_cannot_take_a_voice_back(place: Server) -> None:
    code = {"code": "0" * 18}
    assert send(place, "/api/calls/metoo/withdrawals", code, **{"sec-fetch-site": "same-site"})[0] == 403
