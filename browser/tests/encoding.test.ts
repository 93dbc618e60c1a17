// SPDX-License-Identifier: AGPL-3.0-or-later

import assert from "node:assert/strict";
import { test } from "node:test";
import { listed, number, prefixed, Reader } from "../src/encoding.ts";
import { blaming, Fault, Undecodable } from "../src/errors.ts";
import { fromHex, hex, vectors } from "./vectors.ts";

interface Case {
  readonly why: string;
  readonly encoded: string;
  readonly valid: boolean;
  readonly number: number;
  readonly data: string;
  readonly items: readonly string[];
}

const { cases } = vectors<{ readonly cases: readonly Case[] }>("encoding");

function read(data: Uint8Array): [number, string, string[]] {
  const reader = new Reader(data, "message");
  const read: [number, string, string[]] = [
    reader.number(2),
    hex(reader.prefixed(8)),
    reader.listed(3, (inner) => hex(inner.fixed(2))),
  ];
  reader.end();
  return read;
}

for (const { why, encoded, valid, number: n, data, items } of cases) {
  test(`message: ${why}`, () => {
    if (!valid) {
      assert.throws(() => read(fromHex(encoded)), Undecodable);
      return;
    }
    assert.deepEqual(read(fromHex(encoded)), [n, data, items]);
    const parts = [number(n, 2), prefixed(fromHex(data)), listed(items.map(fromHex))];
    assert.equal(parts.map(hex).join(""), encoded);
  });
}

test("a number that does not fit is a mistake of ours", () => {
  for (const [value, width] of [
    [256, 1],
    [-1, 1],
    [1.5, 2],
    [2 ** 53, 8],
  ] as const) {
    assert.throws(() => number(value, width), RangeError);
  }
  assert.equal(hex(number(2 ** 48 - 1, 6)), "ffffffffffff");
});

test("whoever knows who sent it says so, and other errors pass", () => {
  const broken = (): never => {
    throw new Undecodable("record", "ends early");
  };
  assert.throws(
    () => blaming({ role: "trustee", index: 3 }, broken),
    (error) => error instanceof Fault && error.party.index === 3 && /record: ends early/.test(error.message),
  );
  assert.throws(() =>
    blaming({ role: "server" }, () => {
      throw new RangeError();
    }), RangeError);
  assert.equal(blaming({ role: "server" }, () => 7), 7);
});
