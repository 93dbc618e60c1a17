// SPDX-License-Identifier: AGPL-3.0-or-later
// Profiles, as in src/notalone/protocol/identifiers/profile.py: the address of a person's page, without what does not
// tell people apart.

import { canonicalDomain, readableDomain } from "./domain.ts";
import { type Identifier, WrongIdentifier } from "./identifier.ts";
import { formOf, type Network, NETWORKS, networkOf, type NetworkName, SHORTENERS } from "./networks.ts";
import { checkCharacters, clean, isDomainLetter, isLetter, mapped, strip, unescaped } from "./text.ts";

const ADDRESS = /^(?:(?:([Hh][Tt][Tt][Pp][Ss]?):)?\/\/)?([^/?#]*)([^#]*)/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:(?![0-9])/;
const PORT = /^(.*):([0-9]{1,5})$/;
const WWW = /^(?:www\.)+(?=[^.]+\.)/;
const TELEGRAM_HOST = /^([a-z][a-z0-9_]{3,31})\.t\.me$/;
const REDDIT_NAME = /^\/?u\/[A-Za-z0-9_-]+\/?$/;
const ACCOUNT = /^@?([^@/ ]+)@([^@/ ]+)$/;
const ACCOUNT_PATH = /^\/(?:web\/|deck\/)?@([^@/?]+)(?:@([^@/?]+))?(?:\/.*)?$/;
const ACCOUNT_NAME = /^[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$/;
const USERS_PATH = /^\/users\/([^/?]+)(?:\/.*)?$/;
const BROKEN_ESCAPE = /%(?![0-9A-Fa-f]{2})/;
const PIECE = /%[0-9A-Fa-f]{2}|[^%]/gu;
const UNRESERVED = /^[A-Za-z0-9._~-]$/;
const KEPT = /^[A-Za-z0-9._~!$&'()*+,;=:@/?-]$/;
// Parameters that say by which way somebody came. Others stay: they may tell people apart.
const TRACKING =
  /^(?:utm_[a-z_]*|fbclid|gclid|dclid|gbraid|wbraid|msclkid|twclid|ttclid|yclid|igsh|igshid|mc_[ce]id|_ga|_gl|mibextid|ref_src|srsltid)(?:=|$)/;

/** `network`: of which a mere name is. Throws WrongIdentifier. */
export function parseProfile(text: string, network?: NetworkName | "mastodon"): Identifier {
  text = strip(clean(text), '<>" ');
  if (text === "") throw new WrongIdentifier("empty");
  const account = ACCOUNT.exec(text);
  if (account !== null) {
    if (network !== "mastodon" && !text.startsWith("@")) throw new WrongIdentifier("network");
    return accountAt(account[1]!, account[2]!);
  }
  return isAddress(text, network) ? address(text, network) : mereName(text, network);
}

/** Without a scheme or a slash "john.doe" is a domain as well as a name on some network. */
function isAddress(text: string, network?: string): boolean {
  if (SCHEME.test(text) || text.startsWith("//") || text.startsWith("www.")) return true;
  const slash = text.indexOf("/");
  const first = text.slice(0, Math.max(slash, 0));
  return first.includes(".") && !text.startsWith("@") && (slash + 1 < text.length || network === undefined);
}

/** A name without an address. */
function mereName(text: string, network?: NetworkName | "mastodon"): Identifier {
  const chosen = network ?? (REDDIT_NAME.test(text) ? "reddit" : undefined);
  if (chosen === undefined) throw new WrongIdentifier("network");
  if (chosen === "mastodon") throw new WrongIdentifier("handle");
  const name = strip(text, "/");
  if (name.includes("/")) return profileAt(NETWORKS[chosen], name);
  const typed = decoded(name);
  return handle(NETWORKS[chosen], typed.startsWith("@") ? typed.slice(1) : typed, formOf(NETWORKS[chosen]));
}

function address(text: string, network?: string): Identifier {
  const [, scheme, authority = "", target = ""] = ADDRESS.exec(text)!;
  if (authority.includes("@") || (SCHEME.test(text) && scheme === undefined)) throw new WrongIdentifier("not profile");
  const ported = PORT.exec(authority);
  const port = ported === null ? "" : String(Number(ported[2]));
  const host = canonicalDomain(ported?.[1] ?? authority).replace(WWW, "");
  if (!["", "80", "443"].includes(port)) return elsewhere(`${host}:${port}`, target, network);
  if (SHORTENERS.has(host)) throw new WrongIdentifier("short link");
  const known = networkOf(host);
  if (known !== undefined) return profileAt(known, target);
  const telegram = TELEGRAM_HOST.exec(host);
  if (telegram !== null) return handle(NETWORKS.telegram, telegram[1]!, formOf(NETWORKS.telegram));
  return elsewhere(host, target, network);
}

/** `typed`: path and query, there. */
function profileAt(network: Network, typed: string): Identifier {
  const target = "/" + decoded(typed).replace(/^\/+/, "");
  for (const [pattern, form] of [...network.paths].reverse()) {
    const found = pattern.exec(target);
    if (found !== null) return handle(network, found[1]!, form);
  }
  throw new WrongIdentifier("not profile");
}

function handle(network: Network, typed: string, form: string): Identifier {
  if (form.includes("{id}")) {
    const canonical = form.replace("{id}", () => typed);
    return { kind: "profile", canonical, shown: canonical };
  }
  let name = mapped(typed);
  if (network.reserved?.has(name)) throw new WrongIdentifier("not profile");
  if (network.ignored !== undefined) name = name.split(network.ignored).join("");
  if (network.completed !== undefined && !name.includes(".")) name += network.completed;
  const ascii = Array.from(name, (each) => (network.letters && isDomainLetter(each) ? "x" : each)).join("");
  if (!network.names.test(ascii) || network.reserved?.has(name)) throw new WrongIdentifier("handle");
  const shown = network.shown !== undefined && form === formOf(network) ? network.shown : form;
  return { kind: "profile", canonical: form.replace("{}", () => name), shown: shown.replace("{}", () => name) };
}

/** Of a server of Mastodon and its kind. */
function accountAt(typed: string, server: string): Identifier {
  const name = mapped(typed);
  if (!ACCOUNT_NAME.test(name)) throw new WrongIdentifier("handle");
  return address(`${server}/@${name}`);
}

function elsewhere(host: string, target: string, network?: string): Identifier {
  const whole = escaped(target);
  const mark = whole.indexOf("?");
  let path = withoutDots(mark < 0 ? whole : whole.slice(0, mark)).replace(/\/+$/, "");
  let query = mark < 0 ? "" : whole.slice(mark + 1);
  const account = ACCOUNT_PATH.exec(path) ?? (network === "mastodon" ? USERS_PATH.exec(path) : null);
  if (account !== null && ACCOUNT_NAME.test(account[1]!.toLowerCase())) {
    if (account[2] !== undefined) return accountAt(account[1]!, account[2]);
    path = `/@${account[1]!.toLowerCase()}`;
    query = "";
  }
  const kept = query.split("&").filter((each) => each !== "" && !TRACKING.test(each));
  kept.sort((a, b) => compare(parameter(a), parameter(b)));
  const rest = (path || "/") + (kept.length > 0 ? "?" + kept.join("&") : "");
  return { kind: "profile", canonical: host + rest, shown: readableDomain(host) + rest };
}

function parameter(text: string): string {
  return text.split("=")[0]!;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Without the segments "." and ".." (RFC 3986, section 5.2.4). */
function withoutDots(path: string): string {
  const kept: string[] = [];
  for (const each of path.split("/").slice(1)) {
    if (each === "..") kept.pop();
    else if (each !== ".") kept.push(each);
  }
  return kept.map((each) => "/" + each).join("");
}

/** With "%" and two digits exactly where an address needs them. */
function escaped(text: string): string {
  if (BROKEN_ESCAPE.test(text)) throw new WrongIdentifier("character");
  return Array.from(text.match(PIECE) ?? [], (piece) => {
    if (piece.length === 3) {
      const plain = String.fromCharCode(parseInt(piece.slice(1), 16));
      return UNRESERVED.test(plain) ? plain : piece.toUpperCase();
    }
    if (KEPT.test(piece)) return piece;
    if (piece >= "\x80" && !isLetter(piece)) throw new WrongIdentifier("character");
    return Array.from(new TextEncoder().encode(piece), (byte) => "%" + hexadecimal(byte)).join("");
  }).join("");
}

function hexadecimal(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, "0");
}

function decoded(text: string): string {
  const plain = unescaped(text);
  checkCharacters(plain);
  return plain;
}
