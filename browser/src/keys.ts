// SPDX-License-Identifier: AGPL-3.0-or-later
// The keys of an escrow and who holds shares of them, as in src/notalone/protocol/keys.py.

import { type Bytes, Reader } from "./encoding.ts";
import { Undecodable } from "./errors.ts";
import { decodeElement, type Element, ELEMENT_BYTES, product, publicSum, type Scalar } from "./group.ts";
import { KEY_BYTES } from "./signatures.ts";

export const LEVEL_LEAST = 2;
export const LEVEL_MOST = 10;
export const TRUSTEES_MOST = 16;

const NAME_BYTES_MOST = 200;
const TAG = 0;

/** From 2 to the highest. Throws RangeError for one that is not from 2 to 10. */
export function levels(highest: number): number[] {
  if (!Number.isInteger(highest) || highest < LEVEL_LEAST || highest > LEVEL_MOST) {
    throw new RangeError(`the highest level is from ${LEVEL_LEAST} to ${LEVEL_MOST}`);
  }
  return Array.from({ length: highest - 1 }, (_, n) => LEVEL_LEAST + n);
}

/** How many keys there are: 55 for the levels 2 to 5. */
export function keyCount(highest: number): number {
  return levels(highest).reduce((sum, j) => sum + j * j, 1);
}

/** An organisation that holds shares. `index`: from 1 on, never given to another. `sealing`: what is for it. */
export interface Trustee {
  readonly index: number;
  readonly name: string;
  readonly signing: Bytes;
  readonly sealing: Element;
}

/** Throws Undecodable. */
export function readTrustee(reader: Reader): Trustee {
  const [index, name] = [reader.number(2), reader.prefixed(NAME_BYTES_MOST)];
  const [signing, sealing] = [reader.fixed(KEY_BYTES), decodeElement(reader.fixed(ELEMENT_BYTES), "sealing key")];
  if (index === 0) throw new Undecodable("trustee", "has the index 0, which would be the key itself");
  try {
    return { index, name: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(name), signing, sealing };
  } catch {
    throw new Undecodable("trustee", "has a name that is not UTF-8");
  }
}

/** Whether no key is there twice: one organisation under several indices would be a quorum by itself. */
export function areDistinct(some: readonly Trustee[]): boolean {
  const keys = [...some.map(({ signing }) => signing.join()), ...some.map(({ sealing }) => sealing.toHex())];
  return new Set(keys).size === keys.length;
}

/**
 * One that a trustee answers with, on base number `base`: the sum of these keys times these public factors.
 *
 * Base 0 is the tag's, base 1 that of level 2, and so on.
 */
export interface Exponent {
  readonly base: number;
  readonly keys: readonly number[];
  readonly factors: readonly Scalar[];
}

/** It times the generator, from every key (or share of it) times the generator. */
export function committed({ keys, factors }: Exponent, all: readonly Element[]): Element {
  const some = keys.map((key) => all[key]!);
  return some.length === 1 ? some[0]! : publicSum(factors, some);
}

/**
 * The tag's key; then for each level j the j coefficients in V of k_j(x, V), and the value k_j(0, x).
 * 1 + 3 + 4 + 5 + 6 = 19 for the levels 2 to 5.
 */
export function exponents(highest: number, x: Scalar): Exponent[] {
  const powers = [1n];
  for (let n = 1; n < highest; n++) powers.push(product(powers[n - 1]!, x));
  const result: Exponent[] = [{ base: 0, keys: [TAG], factors: [1n] }];
  let first = TAG + 1;
  levels(highest).forEach((j, place) => {
    const [base, factors, up] = [place + 1, powers.slice(0, j), Array.from({ length: j }, (_, n) => n)];
    // k[j,a,b] is the key first + j a + b.
    for (const b of up) result.push({ base, keys: up.map((a) => first + j * a + b), factors });
    result.push({ base, keys: up.map((b) => first + b), factors });
    first += j * j;
  });
  return result;
}
