# SPDX-License-Identifier: AGPL-3.0-or-later
"""docs/data-model.md against the schema."""

from __future__ import annotations

import re

from notalone.storage.schema import metadata
from tests.server import ROOT


def test_the_data_model_names_every_column() -> None:
    page = (ROOT / "docs" / "data-model.md").read_text()
    sections = re.split(r"^## Table `(\w+)`$", page.split("## Outside the database")[0], flags=re.MULTILINE)
    told = {
        name: re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE)
        for name, text in zip(sections[1::2], sections[2::2], strict=True)
    }
    kept = {table.name: [column.name for column in table.columns] for table in metadata.sorted_tables}
    assert told == kept
