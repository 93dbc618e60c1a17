# SPDX-License-Identifier: AGPL-3.0-or-later
"""The form that takes a tap back, sent to a real server."""

from __future__ import annotations

import re
import secrets
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from notalone.protocol.voice import nonce_from
from tests.server import DEMO_CALL, Server, server


def send(place: Server, path: str, **fields: str) -> tuple[int, str, str]:
    """Status, body, Cache-Control."""
    request = urllib.request.Request(place.url + path, urllib.parse.urlencode(fields).encode())  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return answer.status, answer.read().decode(), answer.headers["cache-control"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), error.headers["cache-control"]


def test_what_could_not_be_stored_can_be_sent_again_without_typing(tmp_path: Path) -> None:
    with server(tmp_path, DEMO_CALL, pow_bits=0) as place:
        nonce = nonce_from(secrets.token_bytes(16))
        _, receipt, _ = send(place, "/en/call/metoo/voice", nonce=nonce, kind="metoo", proof="", ticket="")
        code = re.findall(r'<code class="code" dir="ltr">([^<]+)</code>', receipt)[0]
        journal = tmp_path / "withdrawals.log"
        journal.unlink(missing_ok=True)
        journal.mkdir()
        status, page, kept = send(place, "/en/call/metoo/withdraw", code=code)
        assert (status, kept) == (503, "no-store")
        assert "We could not write this down just now" in page
        assert f'name="code" dir="ltr" value="{code}"' in page
        assert '<form method="post" action="/en/call/metoo/withdraw#said_here">' in page
        journal.rmdir()
        status, page, _ = send(place, "/en/call/metoo/withdraw", code=code)
        assert status == 200
        assert "Your tap was undone" in page
