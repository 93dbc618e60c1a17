# SPDX-License-Identifier: AGPL-3.0-or-later
"""The large networks: their hosts, how their profiles are addressed, and what their names are made of.

spec/identifiers.md, section 6, has the same table with its sources. browser/src/networks.ts has it once more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Network:
    """`paths`: patterns of path and query, each with the canonical form. In a form "{}" is the name, in small letters
    and without what the network ignores; "{id}" is what the pattern found, as it is. The first form is that of a mere
    name. `names`: what names are, where `letters` says that letters beyond ASCII count as "x"."""

    hosts: tuple[str, ...]
    names: re.Pattern[str]
    paths: tuple[tuple[re.Pattern[str], str], ...]
    reserved: frozenset[str] = frozenset()
    ignored: str = ""
    letters: bool = False
    completed: str = ""
    shown: str = ""
    form: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "form", self.paths[0][1])


def _paths(*pairs: tuple[str, str]) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(rf"{pattern}(?:[/?&].*)?\Z"), form) for pattern, form in pairs)


def _names(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"{pattern}\Z")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FACEBOOK_ID: Final = "facebook.com/profile.php?id={id}"

NETWORKS: Final = {
    "bluesky": Network(
        ("bsky.app",),
        _names(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+"),
        _paths(
            (r"/profile/@?([^/?:]+)", "bsky.app/profile/{}"),
            (r"/profile/(did:plc:[a-z2-7]{24})", "bsky.app/profile/{id}"),
        ),
        completed=".bsky.social",
    ),
    "facebook": Network(
        ("facebook.com", "fb.com", "m.me"),
        _names(r"(?=.*[a-z])[a-z0-9]{4,50}"),
        _paths(
            (r"/@?([A-Za-z0-9.]*[A-Za-z][A-Za-z0-9.]*)", "facebook.com/{}"),
            (r"/profile\.php\?(?:.*&)?id=0*([1-9][0-9]*)", FACEBOOK_ID),
            (r"/0*([1-9][0-9]*)", FACEBOOK_ID),
            (r"/people/[^/?]+/0*([1-9][0-9]*)", FACEBOOK_ID),
            (r"/pages/(?:[^?]*/)?0*([1-9][0-9]*)", FACEBOOK_ID),
            (r"/(?:p/)?[^/?]*-0*([1-9][0-9]{5,})", FACEBOOK_ID),
        ),
        reserved=_words(
            "ads bookmarks business dialog events friends gaming groups hashtag help home home.php l.php login"
            " login.php marketplace media messages notifications pages people permalink.php photo photo.php plugins"
            " policies privacy profile.php public reel reels search settings share share.php sharer sharer.php stories"
            " story.php video video.php videos watch"
        ),
        ignored=".",
    ),
    "instagram": Network(
        ("instagram.com", "instagr.am"),
        _names(r"[a-z0-9._]{1,30}"),
        _paths((r"/@?([^/?]+)", "instagram.com/{}"), (r"/(?:stories|_u)/([^/?]+)", "instagram.com/{}")),
        reserved=_words("_u about accounts direct explore legal p reel reels share stories tv web"),
        shown="instagram.com/@{}",
    ),
    "linkedin": Network(
        ("linkedin.com",),
        _names(r"[a-z0-9._-]{1,100}"),
        _paths((r"/(?:comm/|mwlite/)?in/([^/?]+)", "linkedin.com/in/{}")),
        letters=True,
    ),
    "reddit": Network(
        ("reddit.com",),
        _names(r"[a-z0-9_-]{3,20}"),
        _paths((r"/(?:u|user)/([^/?]+)", "reddit.com/user/{}")),
        shown="reddit.com/u/{}",
    ),
    "snapchat": Network(
        ("snapchat.com",),
        _names(r"[a-z0-9][a-z0-9._-]{1,14}"),
        _paths((r"/(?:(?:add|s|u)/)?@?([^/?]+)", "snapchat.com/add/{}")),
        reserved=_words("add s u discover download explore lens map p spotlight t unlock"),
    ),
    "telegram": Network(
        ("t.me", "telegram.me", "telegram.dog"),
        _names(r"[a-z][a-z0-9_]{3,31}"),
        _paths((r"/(?:s/)?@?([^/?+]+)", "t.me/{}")),
        reserved=_words(
            "addemoji addlist addstickers addtheme boost confirmphone contact giftcode invoice joinchat login proxy"
            " setlanguage share socks"
        ),
        shown="t.me/@{}",
    ),
    "threads": Network(
        ("threads.net", "threads.com"),
        _names(r"[a-z0-9._]{1,30}"),
        _paths((r"/@([^/?]+)", "threads.net/@{}")),
    ),
    "tiktok": Network(
        ("tiktok.com",),
        _names(r"[a-z0-9._]{2,24}"),
        _paths((r"/@([^/?]+)", "tiktok.com/@{}")),
    ),
    "x": Network(
        ("x.com", "twitter.com"),
        _names(r"[a-z0-9_]{1,15}"),
        _paths(
            (r"/@?([^/?]+)", "x.com/{}"),
            (r"/intent/(?:user|follow)\?(?:.*&)?screen_name=([^&]+)", "x.com/{}"),
        ),
        reserved=_words(
            "about compose download explore hashtag home i intent jobs login messages notifications privacy search"
            " settings share signup tos"
        ),
        shown="x.com/@{}",
    ),
    "youtube": Network(
        ("youtube.com",),
        _names(r"[a-z0-9._·-]{3,100}"),
        _paths(
            (r"/@([^/?]+)", "youtube.com/@{}"),
            (r"/channel/(UC[A-Za-z0-9_-]{22})", "youtube.com/channel/{id}"),
            (r"/c/([^/?]+)", "youtube.com/c/{}"),
            (r"/user/([^/?]+)", "youtube.com/user/{}"),
        ),
        letters=True,
    ),
}
BY_HOST: Final = {host: network for network in NETWORKS.values() for host in network.hosts}
# Other faces of the same network, besides "www.", languages ("de.", "pt-br.") and countries.
PREFIXES: Final = re.compile(
    r"\A(?:m|mobile|mbasic|touch|web|old|new|np|amp|music|story|lite|free|[a-z]{2}|[a-z]{2}-[a-z]{2})\."
)
# Names with what they lead to kept by a server: here nobody can know.
SHORTENERS: Final = _words(
    "bit.ly fb.me goo.gl ig.me lnkd.in redd.it t.co tinyurl.com vm.tiktok.com vt.tiktok.com youtu.be"
    " wa.me api.whatsapp.com web.whatsapp.com"
)
