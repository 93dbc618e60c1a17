// SPDX-License-Identifier: AGPL-3.0-or-later
// What a client needs of shares, as in src/notalone/protocol/sharing.py: what a share must be, and how shares combine.
// Everything here is public.

import { type Element, IDENTITY, inverse, minus, product, publicSum, publicTimes, type Scalar } from "./group.ts";

const INDEX_MOST = 65_535;

/** What a dealer committed to: one element for each coefficient, the constant term first. As many as the quorum. */
export type Commitments = readonly Element[];

/** The share of this index times the generator. Throws RangeError for an index that is not from 1 to 65,535. */
export function publicShare(commitments: Commitments, index: number): Element {
  const x = scalarOf(index);
  return commitments.reduceRight((result, each) => publicTimes(x, result).add(each), IDENTITY);
}

/**
 * For each index, in their order, the factor of its share in the value of the polynomial at `at`.
 * Throws RangeError for indices that are zero, negative, too large or there twice, and for none.
 */
export function lagrange(indices: readonly number[], at = 0): Scalar[] {
  if (new Set(indices).size !== indices.length || !indices.length) {
    throw new RangeError("indices are distinct, and there is at least one");
  }
  const xs = indices.map(scalarOf);
  return xs.map((x) => {
    const others = xs.filter((y) => y !== x);
    const over = others.reduce((value, y) => product(value, minus(BigInt(at), y)), 1n);
    return product(over, inverse(others.reduce((value, y) => product(value, minus(x, y)), 1n)));
  });
}

/** In the exponent: from each share times an element, by index, the secret times that element. */
export function combineElements(shares: ReadonlyMap<number, Element>): Element {
  return publicSum(lagrange([...shares.keys()]), [...shares.values()]);
}

function scalarOf(index: number): Scalar {
  if (!Number.isInteger(index) || index < 1 || index > INDEX_MOST) {
    throw new RangeError(`an index is from 1 to ${INDEX_MOST}`);
  }
  return BigInt(index);
}
