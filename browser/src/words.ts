// SPDX-License-Identifier: AGPL-3.0-or-later
// The words of return codes, as in src/notalone/protocol/words/: the same file, loaded when a page needs it.

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { Undecodable } from "./errors.ts";

/** Of the words, in the file's order, each with a line feed. */
const DIGEST = "6d557f0693958fb5e650b68b5bee585eb82cf4da32965505c789e924743bc522";
/** "yoyo" is a word of the list too, and nobody can hear which of them was said. */
const LEFT_OUT = "yo-yo";
/** Letters, without hyphens. */
const LONGEST = 9;
/** With fewer letters than this, half the list would be completions. */
const COMPLETED_FROM = 3;

/** A word that something may have been meant for, and how many slips away it is. */
export interface Near {
  readonly slips: number;
  readonly number: number;
}

/** The words, numbered from 0 in their order. No word, without its hyphen, begins another. */
export class WordList {
  /** As they are written, three of them with a hyphen. */
  readonly words: readonly string[];
  private readonly plain: readonly string[];
  private readonly numbers: ReadonlyMap<string, number>;
  private readonly shared: readonly number[];

  /** From the file's text. Throws Undecodable where it is any other list. */
  constructor(text: string) {
    const words = text.replace(/^#.*$/gm, "").match(/\S+/g) ?? [];
    if (bytesToHex(sha256(utf8ToBytes(words.map((word) => `${word}\n`).join("")))) !== DIGEST) {
      throw new Undecodable("word list", "is not the one that codes are made of");
    }
    this.words = words.filter((word) => word !== LEFT_OUT);
    this.plain = this.words.map((word) => word.replace("-", ""));
    this.numbers = new Map(this.plain.map((letters, number) => [letters, number]));
    this.shared = this.plain.map((letters, number) => beginningShared([...(this.plain[number - 1] ?? "")], letters));
  }

  /** Of a word, without its hyphen. */
  letters(number: number): string {
    return this.plain[number]!;
  }

  /** The numbers of the words that are written here one after the other; nothing where anything else is. */
  read(letters: string): number[] | undefined {
    const numbers: number[] = [];
    let start = 0;
    for (let end = 1; end <= letters.length; end++) {
      const number = this.numbers.get(letters.slice(start, end));
      if (number !== undefined) {
        numbers.push(number);
        start = end;
      } else if (end - start > LONGEST) {
        return undefined;
      }
    }
    return start === letters.length ? numbers : undefined;
  }

  /**
   * Each word that this may have been meant for, the likeliest first; never the word itself.
   *
   * A slip is a letter too many, too few or wrong, or two that are swapped (Damerau and Levenshtein's distance, no
   * piece changed twice); and one for all letters that are missing at the end. At most one in three letters, two in
   * seven, and three. Of equals, what begins alike comes first.
   */
  near(letters: string): Near[] {
    const typed = [...letters];
    const length = typed.length;
    const most = length < 4 ? 1 : length < 8 ? 2 : 3;
    if (length > LONGEST + most) return [];
    const found: (Near & { readonly alike: number })[] = [];
    const rows = Array.from({ length: LONGEST + 1 }, () => new Uint8Array(length + 1).map((_, n) => n));
    // Letters in common with the word that the rows stand for, and after how many that one was too far: 0 for never.
    let common = 0;
    let far = 0;
    this.plain.forEach((word, number) => {
      common = Math.min(common, this.shared[number]!);
      if (length >= COMPLETED_FROM && length < word.length && word.startsWith(letters)) {
        found.push({ slips: 1, alike: length, number });
      } else if (!(far > 0 && common >= far) && Math.abs(word.length - length) <= most) {
        far = fill(rows, typed, word, common, most);
        common = LONGEST;
        const slips = rows[word.length]![length]!;
        if (!far && slips > 0 && slips <= most) found.push({ slips, alike: beginningShared(typed, word), number });
      }
    });
    found.sort((a, b) => a.slips - b.slips || b.alike - a.alike || a.number - b.number);
    return found.map(({ slips, number }) => ({ slips, number }));
  }
}

/** Rows of slips for a word whose first `common` are filled. After how many all are above `most`; 0 for never. */
function fill(
  rows: readonly Uint8Array[],
  typed: readonly string[],
  word: string,
  common: number,
  most: number,
): number {
  for (let depth = common + 1; depth <= word.length; depth++) {
    const above = rows[depth - 1]!;
    const row = rows[depth]!;
    const letter = word[depth - 1];
    let least = (row[0] = depth);
    for (let n = 1; n <= typed.length; n++) {
      let slips = Math.min(above[n]! + 1, row[n - 1]! + 1, above[n - 1]! + (letter === typed[n - 1] ? 0 : 1));
      if (depth > 1 && n > 1 && letter === typed[n - 2] && word[depth - 2] === typed[n - 1]) {
        slips = Math.min(slips, rows[depth - 2]![n - 2]! + 1);
      }
      row[n] = slips;
      least = Math.min(least, slips);
    }
    if (least > most) return depth;
  }
  return 0;
}

/** With how many letters both begin. */
function beginningShared(typed: readonly string[], word: string): number {
  let n = 0;
  while (n < typed.length && typed[n] === word[n]) n++;
  return n;
}
