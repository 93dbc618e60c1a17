# SPDX-License-Identifier: AGPL-3.0-or-later
"""What pages weigh, and how long a browser may keep what they load."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from notalone.web.pages.call import call_page
from notalone.web.pages.frame import LANGUAGES, WEB, asset_urls
from tests.web.test_pages import ASSETS, CALL, GROWN, HOLE, frame


def test_the_public_page_is_light() -> None:
    style = (WEB / "static" / "style.css").read_bytes()
    for lang in LANGUAGES:
        page = call_page(frame(lang), CALL, GROWN, HOLE, 16).encode()
        together = sum(len(gzip.compress(each)) for each in (page, style, (WEB / "static" / "icon.svg").read_bytes()))
        assert together <= 20_000


def test_assets_change_their_address_with_their_content(tmp_path: Path) -> None:
    (tmp_path / "built").mkdir()
    for path in ("style.css", "icon.svg", "built/exit.js", "built/voice.js"):
        (tmp_path / path).write_text("one")
    before = asset_urls(tmp_path)
    assert before.keys() == ASSETS.keys()
    (tmp_path / "style.css").write_text("two")
    after = asset_urls(tmp_path)
    assert [name for name in before if before[name] != after[name]] == ["style.css"]
    (tmp_path / "built" / "exit.js").unlink()
    with pytest.raises(FileNotFoundError):
        asset_urls(tmp_path)
