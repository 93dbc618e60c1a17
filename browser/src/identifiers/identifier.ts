// SPDX-License-Identifier: AGPL-3.0-or-later
// An identifier in its canonical form, and what can be wrong with what was typed.

import { type Bytes, joined, number, prefixed } from "../encoding.ts";

/** Of characters, typed and canonical. */
export const CHARACTERS_MOST = 2000;

/** What an identifier is. The number is its first byte. */
export const KINDS = { email: 1, telephone: 2, profile: 3, name: 4, person: 5 } as const;
export type Kind = keyof typeof KINDS;

/** What is wrong with what was typed. The pages say what to do, in the visitor's language. */
export type Problem =
  | "empty"
  | "long"
  | "character"
  | "address"
  | "domain"
  | "country"
  | "number"
  | "network"
  | "handle"
  | "not profile"
  | "short link"
  | "one word"
  | "title"
  | "commas"
  | "entry";

/** What was typed names nobody as it stands. Holds none of it: whom she means is hers to know. */
export class WrongIdentifier extends Error {
  override readonly name = "WrongIdentifier";
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem);
    this.problem = problem;
  }
}

export interface Identifier {
  readonly kind: Kind;
  /** What is compared. */
  readonly canonical: string;
  /** The same for her eyes, before she goes on. */
  readonly shown: string;
}

/** number(kind, 1) || prefixed(canonical in UTF-8). */
export function encodeIdentifier({ kind, canonical }: Identifier): Bytes {
  return joined(number(KINDS[kind], 1), prefixed(new TextEncoder().encode(canonical)));
}
