// SPDX-License-Identifier: AGPL-3.0-or-later
// Whom a record names, in one form, as in src/notalone/protocol/identifiers/. Telephone numbers need large tables, so
// telephone.ts is a script of its own: pages load it when `needsTelephone` says so, and hand it in.

import { Reader } from "./encoding.ts";
import { Undecodable } from "./errors.ts";
import { parseEmail } from "./identifiers/email.ts";
import {
  CHARACTERS_MOST,
  encodeIdentifier,
  type Identifier,
  type Kind,
  KINDS,
  WrongIdentifier,
} from "./identifiers/identifier.ts";
import { linked } from "./identifiers/link.ts";
import type { NetworkName } from "./identifiers/networks.ts";
import { parseName, parsePerson, person } from "./identifiers/person.ts";
import { parseProfile } from "./identifiers/profile.ts";

export { encodeIdentifier, type Identifier, type Kind, person, WrongIdentifier };
export type { Problem } from "./identifiers/identifier.ts";

/** parseTelephone of telephone.ts. */
export type Telephone = (text: string, country?: string) => Identifier;

/** What the page knows besides. */
export interface Hints {
  /** ISO 3166 ("IN"), for a number without its code. */
  readonly country?: string;
  /** For a mere name. */
  readonly network?: NetworkName | "mastodon" | "whatsapp";
  /** Its id in the call, for a name. */
  readonly organisation?: string;
  /** A person's name in the directory. */
  readonly shown?: string;
}

/** Whether `parseIdentifier` has to be given telephone.ts: for numbers, and links that hold one. */
export function needsTelephone(kind: Kind, text: string, hints: Hints = {}): boolean {
  return kind === "telephone" || (kind === "profile" && (hints.network === "whatsapp" || linked(text) !== undefined));
}

/** In its canonical form. Throws WrongIdentifier; RangeError for hints that no page should give. */
export function parseIdentifier(kind: Kind, text: string, hints: Hints = {}, telephone?: Telephone): Identifier {
  if ([...text].length > CHARACTERS_MOST) throw new WrongIdentifier("long");
  const found = parsed(kind, text, hints, telephone);
  // So that it can be parsed again: escapes are longer than what they stand for.
  if ([...found.canonical].length > CHARACTERS_MOST) throw new WrongIdentifier("long");
  return found;
}

/** Of encodeIdentifier, in canonical form. Throws Undecodable. */
export function decodeIdentifier(data: Uint8Array, telephone?: Telephone): Identifier {
  const reader = new Reader(data, "identifier");
  const [kind, bytes] = [reader.number(1), reader.prefixed(4 * CHARACTERS_MOST)];
  reader.end();
  let found: Identifier;
  try {
    const name = (Object.keys(KINDS) as Kind[]).find((each) => KINDS[each] === kind);
    if (name === undefined) throw new RangeError("no such kind");
    found = parseIdentifier(name, new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes), {}, telephone);
  } catch {
    throw new Undecodable("identifier", "names nobody");
  }
  if (encodeIdentifier(found).join() !== data.join()) throw new Undecodable("identifier", "is not in canonical form");
  return found;
}

function parsed(kind: Kind, text: string, hints: Hints, telephone?: Telephone): Identifier {
  if (needsTelephone(kind, text, hints)) {
    if (telephone === undefined) throw new RangeError("telephone.ts is needed here");
    return telephone(text, hints.country);
  }
  switch (kind) {
    case "email":
      return parseEmail(text);
    case "name":
      return parseName(text, hints.organisation);
    case "person":
      return parsePerson(text, hints.shown);
    default:
      return parseProfile(text, hints.network as NetworkName | "mastodon" | undefined);
  }
}
