# SPDX-License-Identifier: AGPL-3.0-or-later
"""One real server for the client's tests, with an open call and a closed one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import TEXT
from tests.server import Server, server


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("client")
    bundles = [bundle(data / slug) for slug in ("open", "shut")]
    with server(data, *bundles, pow_bits=4, slow_rate=8, tick=1) as running:
        running.run("call", "close", "shut", "--yes")
        yield running


def bundle(folder: Path) -> Path:
    folder.mkdir()
    (folder / "en.md").write_text(TEXT)
    return folder
