// SPDX-License-Identifier: AGPL-3.0-or-later
// People by their name within an organisation, and by their entry in its directory, as in
// src/notalone/protocol/identifiers/person.py.

import { type Identifier, WrongIdentifier } from "./identifier.ts";
import { clean, isLetter, mapped, withDigits } from "./text.ts";

const ID = "[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?";
const ORGANISATION = new RegExp(`^${ID}$`);
const AT_ORGANISATION = new RegExp(`^(.*) @ (${ID})$`);
const ENTRY = new RegExp(`^(${ID})/([1-9][0-9]{0,8})$`);

const APOSTROPHES =
  /['`\xb4\u02b9-\u02bf\u02c8\u02ca\u02cb\u05f3\u05f4\u2018-\u201b\u2032\u2035\uff07\uff40]/g;
const BETWEEN = /[-.\xb7\u05be\u06d4\u2010-\u2015\u2027\u2212\u30a0\u30fb]/g;
const COMMA = /[,،、，]/;
const JOINERS = /[\u200c\u200d]/g;
// Arabic vowel signs and small marks, its tatweel, Hebrew points: mostly left out in writing.
const UNWRITTEN =
  /[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u08e3-\u08ff]/g;
// Accents on Latin and Greek letters, and the two dots of the Cyrillic yo, which Russian may leave out.
const ACCENTS =
  /([a-z\xdf\xe6\xf0\xf8\xfe\u0111\u0127\u0131\u0142\u0153\u0180-\u02af\u0370-\u03ff\u1d00-\u1dbf\u1e00-\u1fff\ua720-\ua7ff])[\u0300-\u036f]+|\u0435\u0308+/g;
// Not on every keyboard. Turkish has a second i; Persian and Egyptian keyboards write ی, ى, ک for others' ي and ك.
const LETTERS_ALIKE: Readonly<Record<string, string>> = {
  "ς": "σ", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ı": "i", "ی": "ي", "ى": "ي", "ک": "ك", "ٱ": "ا",
  "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th",
};
const SPACE_IN_EAST_ASIAN = /([々ぁ-ヿ㐀-䶿一-鿿가-힣𠀀-𱍊]) (?=[々ぁ-ヿ㐀-䶿一-鿿가-힣𠀀-𱍊])/gu;
// Scripts that put no space between the names of a person, or may leave it out.
const UNSPACED = /[々ぁ-ヿ㐀-䶿一-鿿가-힣𠀀-𱍊ก-๛ກ-ໟက-႟ក-៿]/u;
const TITLES_BEFORE = /^(?:dr|prof|professor|doctor|mr|mrs|herr|frau|mme|monsieur|madame)$/;
const TITLES_AFTER = /^(?:jr|sr|phd|md|esq|msc|bsc|mba|dds|llm)$/;

/** `organisation`: its id in the call. Throws WrongIdentifier; RangeError without an organisation. */
export function parseName(text: string, organisation?: string): Identifier {
  if (organisation === undefined) {
    const at = AT_ORGANISATION.exec(text);
    if (at === null) throw new RangeError("a name counts within an organisation");
    text = at[1]!;
    organisation = at[2]!;
  }
  if (!ORGANISATION.test(organisation)) {
    throw new RangeError("an organisation's id has small letters, digits, dots, hyphens and underscores");
  }
  const canonical = `${folded(ordered(text))} @ ${organisation}`;
  return { kind: "name", canonical, shown: canonical };
}

/** `directory`: its id. `entry`: a number from 1 that is never given to another person. `shown`: the name there. */
export function person(directory: string, entry: number, shown = ""): Identifier {
  return parsePerson(`${directory}/${entry}`, shown);
}

/** Throws WrongIdentifier. */
export function parsePerson(text: string, shown = ""): Identifier {
  if (!ENTRY.test(text)) throw new WrongIdentifier("entry");
  return { kind: "person", canonical: text, shown: shown || text };
}

/** "Last, First" as "First Last". */
function ordered(text: string): string {
  // Before NFKC, which makes a space and an accent of what stands for an apostrophe on many keyboards.
  const parts = clean(text.replace(APOSTROPHES, "")).split(COMMA).map((each) => each.trim());
  if (parts.length > 2 || parts.includes("")) throw new WrongIdentifier("commas");
  if (parts.length === 2 && TITLES_AFTER.test(mapped(parts[1]!).replace(/\./g, ""))) throw new WrongIdentifier("title");
  return parts.reverse().join(" ");
}

function folded(text: string): string {
  text = text.replace(APOSTROPHES, "").replace(JOINERS, "").replace(BETWEEN, " ");
  if (![...text].every((each) => each === " " || isLetter(each))) throw new WrongIdentifier("character");
  text = withDigits(mapped(text)).normalize("NFD").replace(UNWRITTEN, "");
  text = text.replace(ACCENTS, (_, base: string | undefined) => base ?? "е");
  text = Array.from(text, (each) => LETTERS_ALIKE[each] ?? each).join("").normalize("NFC");
  const spaced = text.split(" ").filter((each) => each !== "").join(" ");
  const words = spaced.replace(SPACE_IN_EAST_ASIAN, "$1").normalize("NFC").split(" ");
  if (words[0] === "") throw new WrongIdentifier("empty");
  if (words.length > 1 && (TITLES_BEFORE.test(words[0]!) || TITLES_AFTER.test(words[words.length - 1]!))) {
    throw new WrongIdentifier("title");
  }
  // "J. Smith" is Jane and John: initials do not count.
  const long = words.filter((each) => [...each].length > 1);
  if (long.length < 2 && !long.some((each) => UNSPACED.test(each))) throw new WrongIdentifier("one word");
  return words.join(" ");
}
