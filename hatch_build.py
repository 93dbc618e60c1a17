# SPDX-License-Identifier: AGPL-3.0-or-later
"""Puts what a wheel is built from into the wheel, so that a server installed from it can offer its source."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SourceCarried(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":  # then the source stays where it lies
            return
        sys.path.insert(0, str(Path(self.root, "src")))
        from notalone.services.source import CARRIED, beside

        build_data["force_include"] |= {
            str(path): f"notalone/{CARRIED}/{name}" for name, path in beside(Path(self.root))
        }
