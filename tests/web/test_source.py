# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

from litestar import Litestar
from litestar.testing import TestClient

from notalone.services.settings import Settings
from notalone.services.source import pack
from notalone.web.source import source_route


def client(settings: Settings) -> TestClient[Litestar]:
    return TestClient(Litestar([source_route(settings)], openapi_config=None))


def test_the_server_offers_its_source() -> None:
    with client(Settings()) as visitor:
        answer = visitor.get("/source")
    assert answer.status_code == 200
    assert answer.content == pack()
    assert answer.headers["content-type"] == "application/gzip"
    assert answer.headers["content-disposition"] == 'attachment; filename="source.tar.gz"'
    assert answer.headers["cache-control"] == "no-store"


def test_or_it_leads_to_where_the_operator_publishes_it() -> None:
    with client(Settings(source_url="https://code.example.org/ours")) as visitor:
        answer = visitor.get("/source", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "https://code.example.org/ours")
