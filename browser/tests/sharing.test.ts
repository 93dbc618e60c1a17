// SPDX-License-Identifier: AGPL-3.0-or-later

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decodeElement,
  decodeScalar,
  encodeElement,
  encodeScalar,
  GENERATOR,
  plus,
  product,
  randomScalar,
  times,
} from "../src/group.ts";
import { combineElements, lagrange, publicShare } from "../src/sharing.ts";
import { fromHex, hex, vectors } from "./vectors.ts";

interface Case {
  readonly why: string;
  readonly valid: boolean;
}

const file = vectors<{
  readonly polynomials: readonly (Case & {
    readonly commitments: readonly string[];
    readonly shares: readonly { readonly index: number; readonly public: string }[];
  })[];
  readonly shares: readonly (Case & { readonly commitments: readonly string[]; index: number; share: string })[];
  readonly lagrange: readonly (Case & {
    readonly indices: readonly number[];
    readonly at: number;
    readonly factors: readonly string[];
  })[];
  readonly combined: readonly (Case & {
    readonly elements: readonly { readonly index: number; readonly element: string }[];
    readonly element: string;
  })[];
}>("sharing");

const element = (text: string) => decodeElement(fromHex(text));

for (const { why, commitments, shares } of file.polynomials) {
  test(`polynomial: ${why}`, () => {
    for (const { index, public: expected } of shares) {
      assert.equal(hex(encodeElement(publicShare(commitments.map(element), index))), expected);
    }
  });
}

for (const { why, commitments, index, share, valid } of file.shares) {
  test(`share: ${why}`, () => {
    const made = times(decodeScalar(fromHex(share)), GENERATOR);
    assert.equal(made.equals(publicShare(commitments.map(element), index)), valid);
  });
}

for (const { why, indices, at, factors, valid } of file.lagrange) {
  test(`lagrange: ${why}`, () => {
    if (!valid) assert.throws(() => lagrange(indices, at), RangeError);
    // Zero is written like any other scalar, though it is never read as one.
    else assert.deepEqual(lagrange(indices, at).map((each) => hex(encodeScalar(each))), factors);
  });
}

for (const { why, elements, element: expected } of file.combined) {
  test(`combined: ${why}`, () => {
    const shares = new Map(elements.map((each) => [each.index, element(each.element)]));
    assert.equal(hex(encodeElement(combineElements(shares))), expected);
  });
}

test("any quorum of shares gives the value of the polynomial anywhere", () => {
  const [a, b, c] = [randomScalar(), randomScalar(), randomScalar()];
  const value = (x: bigint) => plus(a, product(x, plus(b, product(x, c))));
  for (const indices of [[1, 2, 3], [16, 5, 9]]) {
    for (const at of [0, 4]) {
      const terms = lagrange(indices, at).map((factor, n) => product(factor, value(BigInt(indices[n]!))));
      assert.equal(terms.reduce(plus), value(BigInt(at)));
    }
  }
});

test("an index that is none is a mistake of ours", () => {
  for (const index of [0, -1, 1.5, 65_536]) assert.throws(() => publicShare([GENERATOR], index), RangeError);
});
