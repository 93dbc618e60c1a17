// SPDX-License-Identifier: AGPL-3.0-or-later

import assert from "node:assert/strict";
import { test } from "node:test";
import { joined, number, prefixed, Reader } from "../src/encoding.ts";
import { Undecodable } from "../src/errors.ts";
import { encodeElement, GENERATOR, plus, product, publicTimes, randomScalar, type Scalar } from "../src/group.ts";
import { committed, exponents, keyCount, levels, readTrustee } from "../src/keys.ts";

test("there are levels from 2 to 10, and 55 keys for those to 5", () => {
  assert.deepEqual(levels(2), [2]);
  assert.deepEqual(levels(5), [2, 3, 4, 5]);
  assert.deepEqual([2, 3, 5, 10].map(keyCount), [5, 14, 55, 385]);
  for (const wrong of [0, 1, 2.5, 11]) assert.throws(() => levels(wrong), RangeError);
});

test("a trustee answers with the tag's key, and with the coefficients and the value of each level's polynomial", () => {
  const [highest, x, v] = [4, randomScalar(), randomScalar()];
  const keys = Array.from({ length: keyCount(highest) }, () => randomScalar());
  const asked = exponents(highest, x);
  assert.equal(asked.length, 1 + 3 + 4 + 5);
  const sum = (some: readonly Scalar[]) => some.reduce(plus, 0n);
  const value = (n: number) => sum(asked[n]!.keys.map((key, i) => product(keys[key]!, asked[n]!.factors[i]!)));
  const power = (base: Scalar, exponent: number) => Array<Scalar>(exponent).fill(base).reduce(product, 1n);
  /** k_j(X, V), whose coefficients are `keys` from `first` on. */
  const polynomial = (j: number, first: number, X: Scalar, V: Scalar) =>
    sum(Array.from({ length: j * j }, (_, n) => {
      const [a, b] = [Math.floor(n / j), n % j];
      return product(keys[first + n]!, product(power(X, a), power(V, b)));
    }));
  assert.equal(value(0), keys[0]);
  let [at, first] = [1, 1];
  for (const j of levels(highest)) {
    const row = Array.from({ length: j }, (_, b) => product(value(at + b), power(v, b)));
    assert.equal(sum(row), polynomial(j, first, x, v));
    assert.equal(value(at + j), polynomial(j, first, 0n, x));
    for (let n = at; n <= at + j; n++) assert.equal(asked[n]!.base, j - 1);
    [at, first] = [at + j + 1, first + j * j];
  }
  const elements = keys.map((key) => publicTimes(key, GENERATOR));
  for (const [n, each] of asked.entries()) {
    assert.ok(committed(each, elements).equals(publicTimes(value(n), GENERATOR)));
  }
});

test("a trustee has an index, a name and two keys", () => {
  const utf8 = new TextEncoder();
  const written = (index: number, name: Uint8Array) =>
    joined(number(index, 2), prefixed(name), new Uint8Array(32), encodeElement(GENERATOR));
  const read = (data: Uint8Array) => readTrustee(new Reader(data, "trustee"));
  assert.equal(read(written(7, utf8.encode("Asociación"))).name, "Asociación");
  assert.throws(() => read(written(0, utf8.encode("a"))), Undecodable);
  for (const name of [Uint8Array.of(0xff), new Uint8Array(201)]) {
    assert.throws(() => read(written(1, name)), Undecodable);
  }
});
