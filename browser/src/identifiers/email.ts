// SPDX-License-Identifier: AGPL-3.0-or-later
// E-mail addresses, as in src/notalone/protocol/identifiers/email.py.

import { canonicalDomain, readableDomain } from "./domain.ts";
import { type Identifier, WrongIdentifier } from "./identifier.ts";
import { clean, isDomainLetter, mapped, strip, unescaped } from "./text.ts";

const LOCAL_BYTES = 64;
const IN_ANGLES = /[<＜]([^<>＜＞]*)[>＞][\t-\r ,;.]*$/;
const MAILTO = /^mailto:/i;
const ATEXT = /^[a-z0-9.!#$%&'*+/=?^_`{|}~-]$/;
const AROUND = "\"'.,;: ";

/** What a provider ignores in the first part: tags after a plus, and single characters. `domain`: the one taken. */
interface Provider {
  readonly domain: string;
  readonly ignored?: RegExp;
  readonly subdomains?: boolean;
}

const GMAIL: Provider = { domain: "gmail.com", ignored: /\./g };
const PROTON: Provider = { domain: "proton.me", ignored: /[._-]/g };
// Only what a provider says itself; the sources stand in the specification.
const PROVIDERS = new Map<string, Provider>([
  ["gmail.com", GMAIL],
  ["googlemail.com", GMAIL],
  ["proton.me", PROTON],
  ["protonmail.com", PROTON],
  ["protonmail.ch", PROTON],
  ["pm.me", PROTON],
  ["outlook.com", { domain: "outlook.com" }],
  ["hotmail.com", { domain: "hotmail.com" }],
  ["live.com", { domain: "live.com" }],
  ["fastmail.com", { domain: "fastmail.com", subdomains: true }],
  ["fastmail.fm", { domain: "fastmail.fm", subdomains: true }],
]);
// The same mailboxes under several names; nothing is ignored in the first part.
const ALIASES = new Map([
  ["me.com", "icloud.com"],
  ["mac.com", "icloud.com"],
  ["ya.ru", "yandex.ru"],
  ["yandex.com", "yandex.ru"],
  ["yandex.by", "yandex.ru"],
  ["yandex.kz", "yandex.ru"],
  ["yandex.ua", "yandex.ru"],
]);

/** Throws WrongIdentifier. */
export function parseEmail(text: string): Identifier {
  text = strip(clean(IN_ANGLES.exec(text)?.[1] ?? text), AROUND);
  if (MAILTO.test(text)) {
    text = mapped(clean(unescaped(text.slice("mailto:".length).split("?")[0]!, "address")));
  }
  const at = text.lastIndexOf("@");
  if (at < 1) throw new WrongIdentifier("address");
  const [name, domain] = mailbox(firstPart(text.slice(0, at)), canonicalDomain(text.slice(at + 1)));
  // Once more: an accent may have followed a dot that is ignored.
  const local = mapped(name);
  if (local === "" || AROUND.includes(local[0]!)) throw new WrongIdentifier("address");
  return { kind: "email", canonical: `${local}@${domain}`, shown: `${local}@${readableDomain(domain)}` };
}

/** Dots may stand anywhere: addresses such as a..b@docomo.ne.jp are in use. */
function firstPart(text: string): string {
  const local = mapped(text);
  const allowed = [...local].every((each) => ATEXT.test(each) || isDomainLetter(each));
  if (!allowed || new TextEncoder().encode(local).length > LOCAL_BYTES) throw new WrongIdentifier("address");
  return local;
}

/** As the provider sees it. */
function mailbox(local: string, typed: string): [string, string] {
  const domain = ALIASES.get(typed) ?? typed;
  const dot = domain.indexOf(".");
  let provider = PROVIDERS.get(domain);
  if (provider === undefined) {
    const above = PROVIDERS.get(domain.slice(dot + 1));
    if (!above?.subdomains) return [local, domain];
    // anything@name.fastmail.com is name@fastmail.com.
    local = domain.slice(0, dot);
    provider = above;
  }
  const [name] = local.split("+") as [string];
  return [provider.ignored ? name.replace(provider.ignored, "") : name, provider.domain];
}
