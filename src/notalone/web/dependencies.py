# SPDX-License-Identifier: AGPL-3.0-or-later
"""What handlers ask for by name."""

from __future__ import annotations

from typing import Annotated

from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, PathParameter, SkipValidation

from notalone.services.platform import Platform
from notalone.web.site import Site

PlatformHere = NamedDependency[SkipValidation[Platform]]
SiteHere = NamedDependency[SkipValidation[Site]]
Lang = FromPath[str]
Slug = Annotated[str, PathParameter(description="the call's name in addresses")]


def _platform(state: State) -> Platform:
    platform: Platform = state.platform
    return platform


def _site(state: State) -> Site:
    site: Site = state.site
    return site


DEPENDENCIES = {
    "platform": Provide(_platform, sync_to_thread=False),
    "site": Provide(_site, sync_to_thread=False),
}
