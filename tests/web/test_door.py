# SPDX-License-Identifier: AGPL-3.0-or-later
"""The voice door, by raw bytes from a real server."""

from __future__ import annotations

import json
import re
import secrets
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from notalone.protocol.voice import nonce_from, solve_proof
from tests.server import DEMO_CALL, Server, server

BITS = 6


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("door")
    others = [data / "closed", data / "gone"]
    for folder in others:
        folder.mkdir()
        for text in DEMO_CALL.glob("*.md"):
            (folder / text.name).write_text(text.read_text())
    with server(data, DEMO_CALL, *others, pow_bits=BITS, slow_rate=8, tick=1) as running:
        running.run("call", "close", "closed", "--yes")
        yield running


def nonce() -> str:
    return nonce_from(secrets.token_bytes(16))


def exchange(place: Server, request: bytes) -> tuple[bytes, bytes]:
    """Head and body of the answer, as they came."""
    with socket.create_connection(("127.0.0.1", place.port), timeout=20) as connection:
        connection.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            chunk = connection.recv(65536)
            assert chunk, answer
            answer += chunk
        head, _, body = answer.partition(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore[index]
        while len(body) < length:
            body += connection.recv(65536)
    return head, body


def post(
    place: Server, path: str, body: str, kind: str = "application/x-www-form-urlencoded", headers: str = ""
) -> tuple[int, str, int]:
    """Status, body, size on the wire."""
    data = body.encode()
    head = f"POST {path} HTTP/1.1\r\nhost: here\r\ncontent-type: {kind}\r\ncontent-length: {len(data)}\r\n{headers}\r\n"
    answer_head, answer = exchange(place, head.encode() + data)
    return int(answer_head.split()[1]), answer.decode(), len(answer_head) + 4 + len(answer)


def tap(place: Server, slug: str = "metoo", lang: str = "en", headers: str = "", **fields: str) -> tuple[int, str, int]:
    values = {"nonce": nonce(), "kind": "metoo", "proof": "", "ticket": "", **fields}
    if values["proof"] == "solve":
        values["proof"] = solve_proof(slug, values["nonce"], BITS)
    form = "&".join(f"{name}={value}" for name, value in values.items())
    return post(place, f"/{lang}/call/{slug}/voice", form, headers=headers)


def by_api(place: Server, slug: str = "metoo", **fields: object) -> tuple[int, str, int]:
    values = {"nonce": nonce(), "kind": "metoo", **fields}
    if values.get("proof") == "solve":
        values["proof"] = solve_proof(slug, str(values["nonce"]), BITS)
    return post(place, f"/api/calls/{slug}/voices", json.dumps(values), "application/json")


def code_in(page: str) -> str:
    found = re.search(r"[0-9A-Z]{6}-[0-9A-Z]{6}-[0-9A-Z]{6}", page)
    assert found is not None, page
    return found[0]


def crowd(place: Server, **fields: str) -> tuple[int, str, int]:
    """The answer to one who comes when the line has become longer than a connection is held."""
    statuses: set[int] = set()
    with ThreadPoolExecutor(12) as people:
        while 503 not in statuses:
            statuses |= {status for status, _, _ in people.map(lambda _: tap(place), range(48))}
            assert statuses <= {201, 503}
    answer = tap(place, **fields)
    assert answer[0] == 503
    return answer


def test_a_tap_is_answered_by_the_post_itself(place: Server) -> None:
    status, page, _ = tap(place, proof="solve")
    assert status == 201
    assert code_in(page)


def test_the_same_form_twice_is_the_same_page(place: Server) -> None:
    one = nonce()
    first, again = tap(place, nonce=one, proof="solve"), tap(place, nonce=one, proof="solve")
    assert first == again


def test_every_answer_to_a_form_has_one_size_on_the_wire(place: Server) -> None:
    answers = {
        "me too": tap(place, proof="solve"),
        "stand": tap(place, kind="stand", proof="solve"),
        "spanish": tap(place, lang="es", proof="solve"),
        "arabic": tap(place, lang="ar", proof="solve"),
        "closed": tap(place, slug="closed", proof="solve"),
        "unknown call": tap(place, slug="nothing", proof="solve"),
        "bad nonce": tap(place, nonce="x"),
        "bad kind": tap(place, kind="other"),
        "too long": tap(place, proof="0" * 5000),
        "cross-site": tap(place, headers="sec-fetch-site: cross-site\r\n"),
        "cross-site by origin": tap(place, headers="origin: https://other.example\r\n"),
    }
    answers["waiting"] = crowd(place)
    withdrawn = nonce()
    code = code_in(tap(place, nonce=withdrawn, proof="solve")[1])
    assert post(place, "/api/calls/metoo/withdrawals", json.dumps({"code": code}), "application/json")[0] == 200
    answers["withdrawn"] = tap(place, nonce=withdrawn, proof="solve")
    statuses = {name: status for name, (status, _, _) in answers.items()}
    assert statuses == {
        "me too": 201,
        "stand": 201,
        "spanish": 201,
        "arabic": 201,
        "closed": 409,
        "unknown call": 404,
        "bad nonce": 400,
        "bad kind": 400,
        "too long": 413,
        "cross-site": 403,
        "cross-site by origin": 403,
        "waiting": 503,
        "withdrawn": 410,
    }
    assert len({size for _, _, size in answers.values()}) == 1, {n: s for n, (_, _, s) in answers.items()}


def test_every_answer_of_the_api_door_has_one_size_on_the_wire(place: Server) -> None:
    answers = [
        by_api(place, proof="solve"),
        by_api(place, kind="stand", proof="solve"),
        by_api(place, slug="closed", proof="solve"),
        by_api(place, slug="nothing", proof="solve"),
        by_api(place, nonce="x"),
        by_api(place, kind=7),
        by_api(place, more="than asked"),
        post(place, "/api/calls/metoo/voices", "{", "application/json"),
        post(place, "/api/calls/metoo/voices", "[]", "application/json"),
        post(place, "/api/calls/metoo/voices", "nonce=x", "application/x-www-form-urlencoded"),
    ]
    assert [status for status, _, _ in answers] == [201, 201, 409, 404, 400, 400, 400, 400, 400, 400]
    assert len({size for _, _, size in answers}) == 1, answers


def test_a_voice_without_proof_is_slowed_and_then_taken_by_its_ticket(place: Server) -> None:
    one = nonce()
    status, page, _ = crowd(place, nonce=one)
    found = re.search(r'name="ticket" value="([0-9a-f]{40})"', page)
    assert found is not None
    status, page, _ = tap(place, nonce=one, ticket=found[1])
    # Within the time that a connection is held, or again with a shorter wait: never refused.
    assert status in (201, 503)
    deadline = time.monotonic() + 30
    while status == 503 and time.monotonic() < deadline:
        time.sleep(0.5)
        status, page, _ = tap(place, nonce=one, ticket=found[1])
    assert status == 201


def test_a_voice_that_was_counted_is_never_told_that_it_is_not(place: Server) -> None:
    """Her tap was counted, its answer was lost, and meanwhile everybody came."""
    one = nonce()
    first = tap(place, nonce=one)
    while first[0] == 503:  # the line of an earlier test
        time.sleep(1)
        first = tap(place, nonce=one)
    crowd(place)
    assert tap(place, nonce=one) == first


def test_a_bad_form_gets_a_page_in_her_language_without_a_trace(place: Server) -> None:
    for lang, direction in (("en", "ltr"), ("es", "ltr"), ("ar", "rtl")):
        status, page, _ = tap(place, lang=lang, nonce="x")
        assert status == 400
        assert f'lang="{lang}"' in page
        assert f'dir="{direction}"' in page
        assert "Traceback" not in page


@pytest.mark.parametrize(
    "body",
    [
        "",
        "nonce",
        "nonce=%FF&kind=metoo",
        "nonce=a&nonce=b&kind=metoo&proof=&ticket=",
        "&".join(f"f{n}=1" for n in range(30)),
        "kind=metoo&proof=&ticket=&extra=1",
    ],
)
def test_a_form_that_is_not_ours_is_refused(place: Server, body: str) -> None:
    assert post(place, "/en/call/metoo/voice", body)[0] == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("sec-fetch-site: same-origin\r\norigin: null\r\n", 201),
        ("sec-fetch-site: none\r\n", 201),
        ("sec-fetch-site: same-site\r\n", 403),
        ("sec-fetch-site: cross-site\r\norigin: http://here\r\n", 403),
        ("", 201),
        ("origin: http://here\r\n", 201),
        ("origin: https://here\r\n", 201),
        ("origin: {own}\r\n", 201),
        ("origin: null\r\n", 403),
        ("origin: https://here.example\r\n", 403),
        ("origin: https://other.example\r\n", 403),
        ("origin: here\r\n", 403),
        ("origin: \r\n", 403),
    ],
)
def test_a_tap_that_another_site_sends_is_refused(place: Server, headers: str, status: int) -> None:
    """Old browsers, and all over plain HTTP, do not say Sec-Fetch-Site; then the Origin tells."""
    headers = headers.format(own=place.url)
    assert tap(place, proof="solve", headers=headers)[0] == status
    one = nonce()
    voice = json.dumps({"nonce": one, "kind": "metoo", "proof": solve_proof("metoo", one, BITS)})
    assert post(place, "/api/calls/metoo/voices", voice, "application/json", headers)[0] == status


def test_json_in_a_form_of_another_type_is_refused(place: Server) -> None:
    voice = json.dumps({"nonce": nonce(), "kind": "metoo"})
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert post(place, "/api/calls/metoo/voices", voice, kind)[0] == 400
        assert post(place, "/api/calls/metoo/withdrawals", '{"code": "0"}', kind)[0] == 400


def test_a_body_without_end_is_answered_and_the_connection_closed(place: Server) -> None:
    head = (
        b"POST /en/call/metoo/voice HTTP/1.1\r\nhost: here\r\ncontent-type: application/x-www-form-urlencoded\r\n"
        b"content-length: 999999999\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", place.port), timeout=20) as connection:
        connection.sendall(head + b"nonce=" + b"A" * 5000)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    "path",
    [
        "/static/%00",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/" + "a" * 3000,
        "/static/built",
        "/%FF",
        "/en/%FF",
        "/en/call/%FF",
        "/api/calls/%FF",
        "/api/calls/%00",
        "/\xff",
    ],
)
def test_an_address_that_means_harm_is_nothing(place: Server, path: str) -> None:
    head, _ = exchange(place, f"GET {path} HTTP/1.1\r\nhost: here\r\n\r\n".encode("latin-1"))
    assert int(head.split()[1]) in (400, 404)


@pytest.mark.parametrize(
    "body", [b"[" * 1000, b'{"code":' * 100, b"\xff", b'{"code":"\xff"}', b'{"code":"\\ud800"}', b""]
)
def test_json_that_means_harm_is_a_bad_form(place: Server, body: bytes) -> None:
    for door in ("voices", "withdrawals"):
        head = f"POST /api/calls/metoo/{door} HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\n"
        head += f"content-length: {len(body)}\r\n\r\n"
        answer, _ = exchange(place, head.encode() + body)
        assert int(answer.split()[1]) == 400


# ---- the rest of HTTP ----


def test_head_is_get_without_the_body(place: Server) -> None:
    for path in ("/en/", "/en/call/metoo", "/en/call/metoo/count", "/static/style.css", "/api/calls", "/en/nothing"):
        with_body, _ = exchange(place, f"GET {path} HTTP/1.1\r\nhost: here\r\n\r\n".encode())
        with socket.create_connection(("127.0.0.1", place.port), timeout=20) as connection:
            connection.sendall(f"HEAD {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n".encode())
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        head, _, body = answer.partition(b"\r\n\r\n")
        assert body == b""
        assert head.split(b"\r\n")[0] == with_body.split(b"\r\n")[0]
        length = re.compile(rb"content-length: \d+")
        assert length.findall(head) == length.findall(with_body)


def test_another_method_is_told_which_there_are(place: Server) -> None:
    head, _ = exchange(place, b"DELETE /en/call/metoo HTTP/1.1\r\nhost: here\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 405")
    assert re.search(rb"\r\nallow: .*GET", head, re.IGNORECASE)


def test_gzip_is_for_those_who_take_it(place: Server) -> None:
    for accepted, packed in (("gzip", True), ("br, gzip;q=0.5", True), ("gzip;q=0", False), ("identity", False)):
        request = f"GET /en/help HTTP/1.1\r\nhost: here\r\naccept-encoding: {accepted}\r\n\r\n"
        head, _ = exchange(place, request.encode())
        assert (b"content-encoding: gzip" in head) == packed


def test_a_file_is_kept_for_ever_under_its_own_digest_alone(place: Server) -> None:
    _, page = exchange(place, b"GET /en/ HTTP/1.1\r\nhost: here\r\n\r\n")
    found = re.search(rb'href="(/static/style\.css\?v=[0-9a-f]+)"', page)
    assert found
    url = found[1].decode()
    for path, kept in ((url, True), (url[:-1] + "x", False), ("/static/style.css", False)):
        head, _ = exchange(place, f"GET {path} HTTP/1.1\r\nhost: here\r\n\r\n".encode())
        assert (b"immutable" in head) == kept


def test_a_long_name_is_no_call(place: Server) -> None:
    head, _ = exchange(place, b"GET /en/call/" + b"a" * 300 + b" HTTP/1.1\r\nhost: here\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404")


def test_taps_at_a_closed_call_do_not_make_the_line_longer(place: Server) -> None:
    for _ in range(350):
        assert tap(place, slug="closed")[0] == 409


def test_one_voice_however_often_it_is_sent_does_not_make_the_line_longer(place: Server) -> None:
    one = nonce()
    first = tap(place, nonce=one, proof="solve")
    for _ in range(350):
        assert tap(place, nonce=one) == first


def test_a_call_that_was_deleted_and_loaded_anew_does_not_have_its_numbers(place: Server) -> None:
    for _ in range(60):
        assert tap(place, slug="gone", proof="solve")[0] == 201
    deadline = time.monotonic() + 20
    while place.get_json("/api/calls/gone/count.json")["numbers"]["metoo"] is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    place.run("call", "close", "gone", "--yes")
    place.run("call", "delete", "gone", "--yes")
    place.run("call", "load", place.data / "gone")
    deadline = time.monotonic() + 20
    while tap(place, slug="gone", proof="solve")[0] != 201:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert place.get_json("/api/calls/gone/count.json")["numbers"]["metoo"] is None
