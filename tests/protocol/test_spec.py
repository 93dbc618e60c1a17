# SPDX-License-Identifier: AGPL-3.0-or-later
"""spec/ says what the code does: its labels, and the numbers of a voice."""

from __future__ import annotations

import re

from notalone.protocol import labels, voice
from notalone.services import waiting
from notalone.web import door
from tests.server import ROOT

SPEC = (ROOT / "spec" / "voice.md").read_text()


def test_every_label_is_in_the_spec_and_stands_once_in_the_code() -> None:
    ours = [value.decode() for value in vars(labels).values() if isinstance(value, bytes)]
    specs = "".join(path.read_text() for path in (ROOT / "spec").glob("*.md"))
    assert sorted(ours) == sorted(set(re.findall(r'"(notalone[^"]+)"', specs)))
    elsewhere = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py") if path.name != "labels.py")
    assert not re.findall(r'b"notalone[^"]*"', elsewhere)


def test_no_label_begins_another() -> None:
    ours = [value for value in vars(labels).values() if isinstance(value, bytes)]
    assert not any(a != b and b.startswith(a) for a in ours for b in ours)


def test_every_number_is_in_the_spec() -> None:
    assert f"{voice.NONCE_BYTES} random bytes" in SPEC
    assert f"{voice.CODE_CHARACTERS} characters" in SPEC
    assert f"id = BLAKE2b(code, {voice.ID_BYTES} bytes" in SPEC
    assert f"at most {door.HOLD_SECONDS:.0f} seconds" in SPEC
    assert f"{door.FORM_ANSWER_BYTES} bytes for the form, {door.API_ANSWER_BYTES} for the API" in SPEC
    assert f"C = max(1, {waiting.STEP} + N)" in SPEC
    assert f"{waiting.STEP} / rate seconds" in SPEC
    assert waiting.KEY_BYTES >= 32
