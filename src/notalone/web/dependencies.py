# SPDX-License-Identifier: AGPL-3.0-or-later
"""What handlers ask for by name."""

from __future__ import annotations

from typing import Annotated

from litestar.datastructures import State
from litestar.di import Provide
from litestar.params import Dependency

from notalone.services.platform import Platform
from notalone.web.door import VoiceDoor
from notalone.web.site import Site

PlatformHere = Annotated[Platform, Dependency(skip_validation=True)]
SiteHere = Annotated[Site, Dependency(skip_validation=True)]
DoorHere = Annotated[VoiceDoor, Dependency(skip_validation=True)]


def _platform(state: State) -> Platform:
    platform: Platform = state.platform
    return platform


def _door(state: State) -> VoiceDoor:
    door: VoiceDoor = state.door
    return door


def _site(state: State) -> Site:
    site: Site = state.site
    return site


DEPENDENCIES = {
    "platform": Provide(_platform, sync_to_thread=False),
    "door": Provide(_door, sync_to_thread=False),
    "site": Provide(_site, sync_to_thread=False),
}
