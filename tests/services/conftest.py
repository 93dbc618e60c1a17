# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the tests of backups share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Clock
from tests.services.deployments import Deployments


@pytest.fixture
def deployments(tmp_path: Path, make_url: Callable[[str], str], clock: Clock) -> Deployments:
    return Deployments(tmp_path, make_url, clock)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "monday.notalone"
