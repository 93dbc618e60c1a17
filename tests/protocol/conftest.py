# SPDX-License-Identifier: AGPL-3.0-or-later
from __future__ import annotations

import pytest

from notalone.protocol.ceremony import Plan
from tests.protocol.cheats import ALL, QUORUM
from tests.protocol.trustees import Ceremony, new_plan, run


@pytest.fixture
def plan() -> Plan:
    return new_plan(ALL, QUORUM)


@pytest.fixture
def there(plan: Plan) -> Ceremony:
    """All honest, all dealings shown."""
    return run(plan, ALL, ALL)
