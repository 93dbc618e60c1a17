// SPDX-License-Identifier: AGPL-3.0-or-later
// Text in one form, as in src/notalone/protocol/identifiers/text.py: the same with every version of Unicode.

import { WrongIdentifier } from "./identifier.ts";
import * as letters from "./letters.ts";

/** A set of characters, from a table that tools/letters.py wrote. */
export class Ranges {
  private readonly firsts: number[] = [];
  private readonly lasts: number[] = [];

  constructor(table: string) {
    let end = 0;
    for (const word of table.trim().split(/\s+/)) {
      const [distance, more = "0"] = word.split(",") as [string, string?];
      this.firsts.push(end + parseInt(distance, 36));
      end += parseInt(distance, 36) + parseInt(more, 36);
      this.lasts.push(end);
    }
  }

  has(character: string): boolean {
    const at = this.before(character);
    return at >= 0 && character.codePointAt(0)! <= this.lasts[at]!;
  }

  /** How far it is from the first of the range that begins last before it; -1 where there is none. */
  offset(character: string): number {
    const at = this.before(character);
    return at < 0 ? -1 : character.codePointAt(0)! - this.firsts[at]!;
  }

  private before(character: string): number {
    const point = character.codePointAt(0)!;
    let low = 0;
    let high = this.firsts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.firsts[middle]! <= point) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

const LETTERS = new Ranges(letters.LETTERS);
const NOT_IN_DOMAINS = new Ranges(letters.NOT_IN_DOMAINS);
const ZEROS = new Ranges(letters.ZEROS);

// Shown as nothing and pasted along unnoticed. The two joiners (U+200C, U+200D) can tell domains apart and stay.
const INVISIBLE =
  /[\xad\u034f\u061c\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff\u{e0100}-\u{e01ef}]/gu;
const SPACES = /[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/g;
// Besides letters: ASCII, Latin-1's and general punctuation, that of East Asia, Hebrew and Arabic, full-width forms.
const PUNCTUATION =
  /[ -~\xa0-\xbf\xd7\xf7\u02c2-\u02df\u05be\u05f3\u05f4\u060c\u06d4\u200c\u200d\u2010-\u2027\u2030-\u205e\u2212\u2215\u3000-\u303f\u30a0\u30fb\ufe50-\ufe52\ufe54-\ufe66\ufe68-\ufe6b\uff01-\uffbe]/;
// A browser older than the table does not know how to normalize every letter in it.
const UNKNOWN_HERE = /\P{Assigned}/u;

/** NFKC, one space for any white space, none around it. Throws WrongIdentifier, empty and character. */
export function clean(text: string): string {
  text = trimmed(text);
  checkCharacters(text);
  text = trimmed(text.normalize("NFKC"));
  if (text === "") throw new WrongIdentifier("empty");
  return text;
}

/** One space for any white space, none around it, and nothing invisible. */
export function trimmed(text: string): string {
  return strip(text.replace(INVISIBLE, "").replace(SPACES, " "), " ");
}

/** Throws WrongIdentifier, character, for what Unicode 14.0 did not have and for what stands in no identifier. */
export function checkCharacters(text: string): void {
  for (const each of text) {
    if (!PUNCTUATION.test(each) && (!LETTERS.has(each) || UNKNOWN_HERE.test(each))) {
      throw new WrongIdentifier("character");
    }
  }
}

/** In small letters and NFKC. For every letter of a domain what UTS 46, not transitional, makes of it. */
export function mapped(text: string): string {
  // One by one: of a whole word browsers make the last sigma another letter, and UTS 46 does not.
  return Array.from(text.normalize("NFKC"), (each) => each.toLowerCase()).join("").normalize("NFKC");
}

/** Every script's decimal digits as 0 to 9. */
export function withDigits(text: string): string {
  return Array.from(text, (each) => {
    const digit = ZEROS.offset(each);
    return 0 <= digit && digit < 10 ? String(digit) : each;
  }).join("");
}

export function isLetter(character: string): boolean {
  return LETTERS.has(character);
}

/** Of mapped text: stands in domains, handles and the first part of e-mail addresses; not ASCII. */
export function isDomainLetter(character: string): boolean {
  return character >= "\x80" && LETTERS.has(character) && !NOT_IN_DOMAINS.has(character);
}

/** Without these characters at both ends. */
export function strip(text: string, characters: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && characters.includes(text[from]!)) from++;
  while (from < to && characters.includes(text[to - 1]!)) to--;
  return text.slice(from, to);
}

/** Every "%" and two digits as the character it stands for, in UTF-8. Throws WrongIdentifier. */
export function unescaped(text: string, problem: "character" | "address" = "character"): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new WrongIdentifier(problem);
  }
}
