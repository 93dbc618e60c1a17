// SPDX-License-Identifier: AGPL-3.0-or-later
// The large networks, as in src/notalone/protocol/identifiers/networks.py.

type Path = readonly [RegExp, string];

/**
 * `paths`: patterns of path and query, each with the canonical form. In a form "{}" is the name, in small letters and
 * without what the network ignores; "{id}" is what the pattern found, as it is. The first form is that of a mere name.
 * `names`: what names are, where `letters` says that letters beyond ASCII count as "x".
 */
export interface Network {
  readonly hosts: readonly string[];
  readonly names: RegExp;
  readonly paths: readonly [Path, ...Path[]];
  readonly reserved?: ReadonlySet<string>;
  readonly ignored?: string;
  readonly letters?: boolean;
  readonly completed?: string;
  readonly shown?: string;
}

function path(pattern: string, form: string): Path {
  return [new RegExp(`^${pattern}(?:[/?&].*)?$`), form];
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(" "));
}

const FACEBOOK_ID = "facebook.com/profile.php?id={id}";

export type NetworkName =
  | "bluesky"
  | "facebook"
  | "instagram"
  | "linkedin"
  | "reddit"
  | "snapchat"
  | "telegram"
  | "threads"
  | "tiktok"
  | "x"
  | "youtube";

export const NETWORKS: Readonly<Record<NetworkName, Network>> = {
  bluesky: {
    hosts: ["bsky.app"],
    names: /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/,
    paths: [
      path("/profile/@?([^/?:]+)", "bsky.app/profile/{}"),
      path("/profile/(did:plc:[a-z2-7]{24})", "bsky.app/profile/{id}"),
    ],
    completed: ".bsky.social",
  },
  facebook: {
    hosts: ["facebook.com", "fb.com", "m.me"],
    names: /^(?=.*[a-z])[a-z0-9]{4,50}$/,
    paths: [
      path("/@?([A-Za-z0-9.]*[A-Za-z][A-Za-z0-9.]*)", "facebook.com/{}"),
      path("/profile\\.php\\?(?:.*&)?id=0*([1-9][0-9]*)", FACEBOOK_ID),
      path("/0*([1-9][0-9]*)", FACEBOOK_ID),
      path("/people/[^/?]+/0*([1-9][0-9]*)", FACEBOOK_ID),
      path("/pages/(?:[^?]*/)?0*([1-9][0-9]*)", FACEBOOK_ID),
      path("/(?:p/)?[^/?]*-0*([1-9][0-9]{5,})", FACEBOOK_ID),
    ],
    reserved: words(
      "ads bookmarks business dialog events friends gaming groups hashtag help home home.php l.php login login.php " +
        "marketplace media messages notifications pages people permalink.php photo photo.php plugins policies privacy " +
        "profile.php public reel reels search settings share share.php sharer sharer.php stories story.php video " +
        "video.php videos watch",
    ),
    ignored: ".",
  },
  instagram: {
    hosts: ["instagram.com", "instagr.am"],
    names: /^[a-z0-9._]{1,30}$/,
    paths: [path("/@?([^/?]+)", "instagram.com/{}"), path("/(?:stories|_u)/([^/?]+)", "instagram.com/{}")],
    reserved: words("_u about accounts direct explore legal p reel reels share stories tv web"),
    shown: "instagram.com/@{}",
  },
  linkedin: {
    hosts: ["linkedin.com"],
    names: /^[a-z0-9._-]{1,100}$/,
    paths: [path("/(?:comm/|mwlite/)?in/([^/?]+)", "linkedin.com/in/{}")],
    letters: true,
  },
  reddit: {
    hosts: ["reddit.com"],
    names: /^[a-z0-9_-]{3,20}$/,
    paths: [path("/(?:u|user)/([^/?]+)", "reddit.com/user/{}")],
    shown: "reddit.com/u/{}",
  },
  snapchat: {
    hosts: ["snapchat.com"],
    names: /^[a-z0-9][a-z0-9._-]{1,14}$/,
    paths: [path("/(?:(?:add|s|u)/)?@?([^/?]+)", "snapchat.com/add/{}")],
    reserved: words("add s u discover download explore lens map p spotlight t unlock"),
  },
  telegram: {
    hosts: ["t.me", "telegram.me", "telegram.dog"],
    names: /^[a-z][a-z0-9_]{3,31}$/,
    paths: [path("/(?:s/)?@?([^/?+]+)", "t.me/{}")],
    reserved: words(
      "addemoji addlist addstickers addtheme boost confirmphone contact giftcode invoice joinchat login proxy " +
        "setlanguage share socks",
    ),
    shown: "t.me/@{}",
  },
  threads: {
    hosts: ["threads.net", "threads.com"],
    names: /^[a-z0-9._]{1,30}$/,
    paths: [path("/@([^/?]+)", "threads.net/@{}")],
  },
  tiktok: {
    hosts: ["tiktok.com"],
    names: /^[a-z0-9._]{2,24}$/,
    paths: [path("/@([^/?]+)", "tiktok.com/@{}")],
  },
  x: {
    hosts: ["x.com", "twitter.com"],
    names: /^[a-z0-9_]{1,15}$/,
    paths: [
      path("/@?([^/?]+)", "x.com/{}"),
      path("/intent/(?:user|follow)\\?(?:.*&)?screen_name=([^&]+)", "x.com/{}"),
    ],
    reserved: words(
      "about compose download explore hashtag home i intent jobs login messages notifications privacy search settings " +
        "share signup tos",
    ),
    shown: "x.com/@{}",
  },
  youtube: {
    hosts: ["youtube.com"],
    names: /^[a-z0-9._·-]{3,100}$/u,
    paths: [
      path("/@([^/?]+)", "youtube.com/@{}"),
      path("/channel/(UC[A-Za-z0-9_-]{22})", "youtube.com/channel/{id}"),
      path("/c/([^/?]+)", "youtube.com/c/{}"),
      path("/user/([^/?]+)", "youtube.com/user/{}"),
    ],
    letters: true,
  },
};
// Other faces of the same network, besides "www.", languages ("de.", "pt-br.") and countries.
const PREFIXES =
  /^(?:m|mobile|mbasic|touch|web|old|new|np|amp|music|story|lite|free|[a-z]{2}|[a-z]{2}-[a-z]{2})\./;
/** Names with what they lead to kept by a server: here nobody can know. */
export const SHORTENERS = words(
  "bit.ly fb.me goo.gl ig.me lnkd.in redd.it t.co tinyurl.com vm.tiktok.com vt.tiktok.com youtu.be wa.me " +
    "api.whatsapp.com web.whatsapp.com",
);

/** The form of a mere name. */
export function formOf(network: Network): string {
  return network.paths[0][1];
}

export function networkOf(host: string): Network | undefined {
  const networks = Object.values(NETWORKS);
  const at = (name: string): Network | undefined => networks.find(({ hosts }) => hosts.includes(name));
  return at(host) ?? at(host.replace(PREFIXES, ""));
}
