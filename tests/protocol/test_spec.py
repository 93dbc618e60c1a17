# SPDX-License-Identifier: AGPL-3.0-or-later
"""spec/voice.md says what the code does: its labels and its numbers."""

from __future__ import annotations

import re

from notalone.protocol import voice
from notalone.services import waiting
from notalone.web import door
from tests.server import ROOT

SPEC = (ROOT / "spec" / "voice.md").read_text()


def test_every_label_is_in_the_spec() -> None:
    sources = (ROOT / "src/notalone/protocol/voice.py").read_text() + (
        ROOT / "src/notalone/services/waiting.py"
    ).read_text()
    labels = set(re.findall(r'b"(notalone[^"]+)"', sources))
    assert labels
    assert labels == set(re.findall(r'"(notalone[^"]+)"', SPEC))


def test_every_number_is_in_the_spec() -> None:
    assert f"{voice.NONCE_BYTES} random bytes" in SPEC
    assert f"{voice.CODE_CHARACTERS} characters" in SPEC
    assert f"id = BLAKE2b(code, {voice.ID_BYTES} bytes" in SPEC
    assert f"at most {door.HOLD_SECONDS:.0f} seconds" in SPEC
    assert f"{door.FORM_ANSWER_BYTES} bytes for the form, {door.API_ANSWER_BYTES} for the API" in SPEC
    assert f"C = max(1, {waiting.STEP} + N)" in SPEC
    assert f"{waiting.STEP} / rate seconds" in SPEC
    assert waiting.KEY_BYTES >= 32
