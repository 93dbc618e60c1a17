// SPDX-License-Identifier: AGPL-3.0-or-later

import assert from "node:assert/strict";
import { test } from "node:test";
import { Undecodable } from "../src/errors.ts";
import {
  decodeElement,
  decodeScalar,
  encodeElement,
  encodeScalar,
  GENERATOR,
  hashToElement,
  hashToScalar,
  IDENTITY,
  inverse,
  mapElement,
  plus,
  product,
  publicTimes,
  randomScalar,
  reduceScalar,
  times,
} from "../src/group.ts";
import { fromHex, hex, vectors } from "./vectors.ts";

interface Encoded {
  readonly encoded: string;
  readonly valid: boolean;
  readonly why: string;
}

const file = vectors<{
  readonly multiples: readonly string[];
  readonly maps: readonly { readonly uniform: string; readonly element: string }[];
  readonly elements: readonly Encoded[];
  readonly scalars: readonly Encoded[];
  readonly hashes: readonly { message: string; label: string; element: string; scalar: string }[];
}>("group");

test("the multiples of the generator", () => {
  const all = file.multiples.map((_, n) => hex(encodeElement(times(BigInt(n + 1), GENERATOR))));
  assert.deepEqual(all, file.multiples);
  const quick = file.multiples.map((_, n) => hex(encodeElement(publicTimes(BigInt(n + 1), GENERATOR))));
  assert.deepEqual(quick, file.multiples);
});

test("uniform bytes are mapped", () => {
  for (const { uniform, element } of file.maps) assert.equal(hex(encodeElement(mapElement(fromHex(uniform)))), element);
});

test("messages are hashed as in Python", () => {
  for (const { message, label, element, scalar } of file.hashes) {
    assert.equal(hex(encodeElement(hashToElement(fromHex(message), fromHex(label)))), element);
    assert.equal(hex(encodeScalar(hashToScalar(fromHex(message), fromHex(label)))), scalar);
  }
});

for (const { encoded, valid, why } of file.elements) {
  test(`element: ${why}`, () => {
    if (valid) assert.equal(hex(encodeElement(decodeElement(fromHex(encoded)))), encoded);
    else assert.throws(() => decodeElement(fromHex(encoded), "key"), Undecodable);
  });
}

for (const { encoded, valid, why } of file.scalars) {
  test(`scalar: ${why}`, () => {
    if (valid) assert.equal(hex(encodeScalar(decodeScalar(fromHex(encoded)))), encoded);
    else assert.throws(() => decodeScalar(fromHex(encoded), "share"), Undecodable);
  });
}

test("scalars and elements add up and multiply", () => {
  const [a, b] = [randomScalar(), randomScalar()];
  assert.ok(times(plus(a, b), GENERATOR).equals(times(a, GENERATOR).add(times(b, GENERATOR))));
  assert.ok(times(product(a, b), GENERATOR).equals(times(a, times(b, GENERATOR))));
  assert.equal(product(a, inverse(a)), 1n);
  assert.ok(times(0n, GENERATOR).equals(IDENTITY));
  assert.throws(() => inverse(0n), RangeError);
});

test("uniform bytes are 64, and a given randomness decides", () => {
  for (const make of [reduceScalar, randomScalar, mapElement]) assert.throws(() => make(new Uint8Array(63)), RangeError);
  assert.equal(randomScalar(new Uint8Array(64).fill(7)), reduceScalar(new Uint8Array(64).fill(7)));
  assert.notEqual(randomScalar(), randomScalar());
});
