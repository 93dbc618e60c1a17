// SPDX-License-Identifier: AGPL-3.0-or-later

import assert from "node:assert/strict";
import { test } from "node:test";
import { Undecodable } from "../src/errors.ts";
import { checkKey, publicKey, sign, verify, WrongSignature } from "../src/signatures.ts";
import { fromHex, hex, vectors } from "./vectors.ts";

type Signed = Readonly<Record<"why" | "public" | "label" | "message" | "signature", string>>;

const file = vectors<{
  readonly signed: readonly (Signed & { readonly seed: string })[];
  readonly signatures: readonly (Signed & { readonly valid: boolean; readonly error: "wrong" | "undecodable" })[];
}>("seals");
const errors = { wrong: WrongSignature, undecodable: Undecodable };

function check(each: Signed): void {
  verify(checkKey(fromHex(each.public)), fromHex(each.label), fromHex(each.message), fromHex(each.signature));
}

for (const each of file.signed) {
  test(`signed: ${each.why}`, () => {
    const seed = fromHex(each.seed);
    assert.equal(hex(publicKey(seed)), each.public);
    assert.equal(hex(sign(seed, fromHex(each.label), fromHex(each.message))), each.signature);
    check(each);
  });
}

for (const each of file.signatures) {
  test(`signature: ${each.why}`, () => {
    if (each.valid) check(each);
    else assert.throws(() => check(each), errors[each.error]);
  });
}

test("a seed of another length is a mistake of ours", () => {
  const nothing = new Uint8Array();
  for (const seed of [new Uint8Array(31), new Uint8Array(33)]) {
    assert.throws(() => publicKey(seed), RangeError);
    assert.throws(() => sign(seed, nothing, nothing), RangeError);
  }
});
