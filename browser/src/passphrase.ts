// SPDX-License-Identifier: AGPL-3.0-or-later
// The return code, as in src/notalone/protocol/passphrase.py: seven words from which everything of hers is derived.
// Nothing here says what she typed: no error's message, and nothing that a console prints of an object.

import { argon2idAsync } from "@noble/hashes/argon2.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { bech32 } from "@scure/base";
import { argon2id } from "hash-wasm";
import type { Bytes } from "./encoding.ts";
import { Undecodable } from "./errors.ts";
import { derive } from "./seals.ts";
import type { WordList } from "./words.ts";

export const WORDS = 7;
/** The largest prime that leaves 84 bits: one code in 83 passes the check. */
const CHECK = 83;
/** 7 times this is 1 modulo 83. */
const INVERSE_OF_WORDS = 12;
const RANDOM_BYTES = 32;
const SUGGESTIONS = 3;
const CORRECTIONS = 5;
const ROOT_BYTES = 64;
const KEY_BYTES = 32;
const CREDENTIAL_BYTES = 64;
const MEMORY_KIB = 65536;
const PASSES = 3;

/** Beyond this it is another text, and looking for what each of its words may mean would take long. */
const TOKENS_MOST = 2 * WORDS;
const SLIPS_MOST = 2;

const utf8 = new TextEncoder();
const SALT = sha512(utf8.encode("notalone/passphrase/salt/v1")).slice(0, 16);

/** Seven words that pass the check. */
export class ReturnCode {
  readonly #words: readonly string[];

  /** From the words' numbers. Throws RangeError unless they are seven and pass. */
  constructor(numbers: readonly number[], list: WordList) {
    const words = numbers.map((each) => list.words[each]);
    if (words.length !== WORDS || !words.every((each) => each !== undefined)) {
      throw new RangeError(`a return code has ${WORDS} words`);
    }
    if (remainder(numbers)) throw new RangeError("these words do not pass the check");
    this.#words = words;
  }

  /** As they are shown to her. */
  get words(): readonly string[] {
    return this.#words;
  }

  /** What is stretched: the words with a space between each two. */
  bytes(): Bytes {
    return utf8.encode(this.#words.join(" "));
  }
}

/** A fresh one, of 32 random bytes. No code is likelier than 2^-84.08. Throws RangeError for another length. */
export function generate(
  list: WordList,
  randomness: Uint8Array = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES)),
): ReturnCode {
  if (randomness.length !== RANDOM_BYTES) {
    throw new RangeError(`${RANDOM_BYTES} random bytes, not ${randomness.length}`);
  }
  const count = list.words.length;
  let rest = randomness.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
  const draw = (below: number): number => {
    const number = Number(rest % BigInt(below));
    rest /= BigInt(below);
    return number;
  };
  const numbers = Array.from({ length: WORDS - 1 }, () => draw(count));
  // The last word makes the sum right; about 93 words do, and one of them is drawn.
  const least = ((CHECK - remainder(numbers)) * INVERSE_OF_WORDS) % CHECK;
  numbers.push(least + CHECK * draw(Math.ceil((count - least) / CHECK)));
  return new ReturnCode(numbers, list);
}

// ---- what she typed ----

/** A word that is not in the list. `position`: from 1; `suggestions`: at most three, the likeliest first. */
export interface Unknown {
  readonly position: number;
  readonly suggestions: readonly string[];
}

/** What would make the check right: these words at these positions, counted from 1. */
export interface Correction {
  readonly positions: readonly number[];
  readonly words: readonly string[];
}

/** What was typed is no return code. One of the following three. */
export abstract class Mistyped extends Undecodable {
  constructor(problem: string) {
    super("return code", problem);
  }
}

/** Some words are not in the list. */
export class UnknownWords extends Mistyped {
  readonly #unknown: readonly Unknown[];

  constructor(unknown: readonly Unknown[]) {
    super(`not in the list: ${unknown.map(({ position }) => `word ${position}`).join(", ")}`);
    this.#unknown = unknown;
  }

  /** Which, and what may have been meant. */
  get unknown(): readonly Unknown[] {
    return this.#unknown;
  }
}

/** There are not seven words. */
export class WrongNumber extends Mistyped {
  readonly count: number;

  constructor(count: number) {
    super(`${count} words instead of ${WORDS}`);
    this.count = count;
  }
}

/** Seven words of the list that do not pass the check: one is not hers, or two are swapped. */
export class WrongWords extends Mistyped {
  readonly #numbers: readonly number[];
  readonly #list: WordList;

  constructor(numbers: readonly number[], list: WordList) {
    super("a word is wrong, or two are swapped");
    this.#numbers = numbers;
    this.#list = list;
  }

  /** At most five, the likeliest first: two neighbours swapped, or a word that is at most two slips away. */
  corrections(): Correction[] {
    const list = this.#list;
    const found: { readonly slips: number; readonly correction: Correction }[] = [];
    const tryOut = (slips: number, at: number, ...numbers: number[]): void => {
      const replaced = [...this.#numbers];
      replaced.splice(at, numbers.length, ...numbers);
      if (remainder(replaced)) return;
      const positions = numbers.map((_, n) => at + n + 1);
      found.push({ slips, correction: { positions, words: numbers.map((each) => list.words[each]!) } });
    };
    this.#numbers.slice(1).forEach((next, at) => tryOut(1, at, next, this.#numbers[at]!));
    this.#numbers.forEach((each, at) => {
      for (const { slips, number } of list.near(list.letters(each))) {
        if (slips <= SLIPS_MOST) tryOut(slips, at, number);
      }
    });
    found.sort((a, b) => a.slips - b.slips);
    return found.slice(0, CORRECTIONS).map(({ correction }) => correction);
  }
}

/**
 * The code that was typed, whatever its case, accents, numbering, and what stands between the words.
 * Throws UnknownWords, WrongNumber, WrongWords: the first that holds.
 */
export function parse(text: string, list: WordList): ReturnCode {
  const tokens = tokensOf(text);
  if (tokens.length > TOKENS_MOST) throw new WrongNumber(tokens.length);
  const { numbers, unknown } = read(tokens, list);
  if (unknown.size) {
    const alone = unknown.size === 1 && numbers.length === WORDS;
    throw new UnknownWords([...unknown].map(([at, letters]) => suggested(numbers, at, letters, alone, list)));
  }
  const known = numbers.filter((each) => each !== undefined);
  if (known.length !== WORDS) throw new WrongNumber(known.length);
  if (remainder(known)) throw new WrongWords(known, list);
  return new ReturnCode(known, list);
}

/** The pieces between spaces and signs, in plain lower-case letters. What numbers them is left out. */
function tokensOf(text: string): string[] {
  const plain = text.normalize("NFKD").replace(/[\p{M}\p{Cf}]/gu, "").toLowerCase();
  const tokens = plain.match(/[\p{L}\p{N}]+/gu) ?? [];
  return tokens.map((each) => each.replace(/^\p{Nd}+|\p{Nd}+$/gu, "")).filter((each) => each !== "");
}

interface Reading {
  /** The words' numbers, with nothing for each that is unknown. */
  readonly numbers: readonly (number | undefined)[];
  /** The letters of those, by where they are. */
  readonly unknown: ReadonlyMap<number, string>;
}

function read(tokens: readonly string[], list: WordList): Reading {
  const numbers: (number | undefined)[] = [];
  const unknown = new Map<number, string>();
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!;
    const found = list.read(token);
    // A word with a hyphen, or a space too many.
    const whole = found ?? list.read(token + (tokens[at + 1] ?? ""));
    if (found) {
      numbers.push(...found);
    } else if (whole?.length === 1) {
      numbers.push(...whole);
      at++;
    } else {
      unknown.set(numbers.length, token);
      numbers.push(undefined);
    }
  }
  return { numbers, unknown };
}

/** What may have been meant. `alone`: all other words are known, so what passes the check comes first. */
function suggested(
  numbers: readonly (number | undefined)[],
  at: number,
  letters: string,
  alone: boolean,
  list: WordList,
): Unknown {
  const near = list.near(letters).map(({ number }) => number);
  const fits = (number: number): boolean => !remainder(numbers.map((each) => each ?? number));
  const ordered = alone ? [...near.filter(fits), ...near.filter((each) => !fits(each))] : near;
  return { position: at + 1, suggestions: ordered.slice(0, SUGGESTIONS).map((each) => list.words[each]!) };
}

/** 0 for what passes the check: the sum of each word's number times its position. */
function remainder(numbers: readonly number[]): number {
  return numbers.reduce((sum, number, at) => sum + (at + 1) * number, 0) % CHECK;
}

// ---- what is derived ----

/** The 64 bytes that all her secrets are derived from. `wipe` overwrites them. */
export class Root {
  #key: Bytes;

  /** Throws RangeError for another length. */
  constructor(key: Uint8Array) {
    if (key.length !== ROOT_BYTES) throw new RangeError(`a root has ${ROOT_BYTES} bytes, not ${key.length}`);
    this.#key = new Uint8Array(key);
  }

  /** A copy, to come from a worker to its page. Throws RangeError once it was wiped, as all of the following do. */
  bytes(): Bytes {
    if (!this.#key.length) throw new RangeError("this root was wiped");
    return new Uint8Array(this.#key);
  }

  /** 32 bytes: under which the server keeps what is for her. */
  mailboxId(): Bytes {
    return this.#derived("notalone/passphrase/mailbox/v1", KEY_BYTES);
  }

  /** AGE-SECRET-KEY-1…: the age identity (X25519) that messages to her are sealed for. */
  ageIdentity(): string {
    const key = this.#derived("notalone/passphrase/age/v1", KEY_BYTES);
    return bech32.encodeFromBytes("age-secret-key-", key).toUpperCase();
  }

  /** 32 bytes: what her own account is kept under. */
  reportKey(): Bytes {
    return this.#derived("notalone/passphrase/report/v1", KEY_BYTES);
  }

  /** 32 bytes: the seed of her Ed25519 key in this escrow. */
  signingSeed(escrow: Uint8Array): Bytes {
    return this.#derived("notalone/passphrase/signing/v1", KEY_BYTES, named(escrow));
  }

  /** 64 bytes: what she asks this escrow's issuer with. */
  credentialSecret(escrow: Uint8Array): Bytes {
    return this.#derived("notalone/passphrase/credential/v1", CREDENTIAL_BYTES, named(escrow));
  }

  /** 32 bytes: what the rows and wraps that hide her threshold in this escrow come from. */
  dummySecret(escrow: Uint8Array): Bytes {
    return this.#derived("notalone/passphrase/dummy/v1", KEY_BYTES, named(escrow));
  }

  /** Overwrite it. There is none afterwards. */
  wipe(): void {
    this.#key.fill(0);
    this.#key = new Uint8Array(0);
  }

  /** As in spec/passphrase.md, section 7. */
  #derived(label: string, length: number, context: Uint8Array = new Uint8Array(0)): Bytes {
    const key = this.bytes();
    const derived = derive(key, utf8.encode(label), context, length);
    key.fill(0);
    return derived;
  }
}

/**
 * Argon2id (RFC 9106) of 64 MiB, three passes, one lane. To be called in a worker: WebAssembly gives no time back while
 * it works. `onProgress`: the share that is done, from 0 to 1; WebAssembly tells its beginning and its end alone.
 */
export async function stretch(code: ReturnCode, onProgress: (done: number) => void = () => {}): Promise<Root> {
  onProgress(0);
  const password = code.bytes();
  let key: Uint8Array;
  try {
    key = await byWebAssembly(password);
  } catch {
    // Refused by a content policy or a hardened browser. Both give the same bytes, so nothing is lost but time.
    key = await byScript(password, onProgress);
  }
  const root = new Root(key);
  password.fill(0);
  key.fill(0);
  onProgress(1);
  return root;
}

function byWebAssembly(password: Uint8Array): Promise<Uint8Array> {
  return argon2id({
    password,
    salt: SALT,
    iterations: PASSES,
    parallelism: 1,
    memorySize: MEMORY_KIB,
    hashLength: ROOT_BYTES,
    outputType: "binary",
  });
}

function byScript(password: Uint8Array, onProgress: (done: number) => void): Promise<Uint8Array> {
  return argon2idAsync(password, SALT, { t: PASSES, m: MEMORY_KIB, p: 1, dkLen: ROOT_BYTES, onProgress });
}

function named(escrow: Uint8Array): Uint8Array {
  if (!escrow.length) throw new RangeError("an escrow has an id");
  return escrow;
}
