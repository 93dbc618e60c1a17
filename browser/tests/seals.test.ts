// SPDX-License-Identifier: AGPL-3.0-or-later

import assert from "node:assert/strict";
import { test } from "node:test";
import { sha512 } from "@noble/hashes/sha2.js";
import { Undecodable } from "../src/errors.ts";
import { decodeScalar, encodeElement, GENERATOR, randomScalar, reduceScalar, times } from "../src/group.ts";
import { decrypt, derive, encrypt, seal, unseal, WrongSeal } from "../src/seals.ts";
import { fromHex, hex, vectors } from "./vectors.ts";

interface Refused {
  readonly error: "wrong" | "undecodable";
}
type Texts<T extends string> = Readonly<Record<"why" | T, string>>;

const file = vectors<{
  readonly derived: readonly (Texts<"secret" | "label" | "context" | "begins" | "sha512"> & { length: number })[];
  readonly encrypted: readonly (Texts<"key" | "context" | "sealed" | "message"> & { readonly valid: boolean })[];
  readonly sealed: readonly Texts<"random" | "secret" | "public" | "label" | "context" | "message" | "sealed">[];
  readonly seals: readonly (Texts<"secret" | "label" | "context" | "sealed"> & Refused)[];
}>("seals");
const errors = { wrong: WrongSeal, undecodable: Undecodable };
const nothing = new Uint8Array();

for (const each of file.derived) {
  test(`derived: ${each.why}`, () => {
    const key = derive(fromHex(each.secret), fromHex(each.label), fromHex(each.context), each.length);
    assert.equal(key.length, each.length);
    assert.equal(hex(key.subarray(0, 80)), each.begins);
    assert.equal(hex(sha512(key)), each.sha512);
  });
}

for (const { why, key, context, sealed, valid, message } of file.encrypted) {
  test(`encrypted: ${why}`, () => {
    const step = () => decrypt(fromHex(key), fromHex(sealed), fromHex(context));
    if (!valid) {
      assert.throws(step, WrongSeal);
      return;
    }
    assert.equal(hex(step()), message);
    assert.equal(hex(encrypt(fromHex(key), fromHex(message), fromHex(context))), sealed);
  });
}

for (const each of file.sealed) {
  test(`sealed: ${each.why}`, () => {
    const [secret, label, context] = [decodeScalar(fromHex(each.secret)), fromHex(each.label), fromHex(each.context)];
    const recipient = times(secret, GENERATOR);
    assert.equal(hex(encodeElement(recipient)), each.public);
    const once = reduceScalar(fromHex(each.random));
    assert.equal(hex(seal(recipient, label, context, fromHex(each.message), once)), each.sealed);
    assert.equal(hex(unseal(secret, label, context, fromHex(each.sealed))), each.message);
  });
}

for (const { why, secret, label, context, sealed, error } of file.seals) {
  test(`seal: ${why}`, () => {
    const step = () => unseal(decodeScalar(fromHex(secret)), fromHex(label), fromHex(context), fromHex(sealed));
    assert.throws(step, errors[error]);
  });
}

test("every changed byte is noticed, and two seals of one message differ", () => {
  const secret = randomScalar();
  const make = () => seal(times(secret, GENERATOR), nothing, nothing, Uint8Array.of(1, 2, 3));
  const sealed = make();
  assert.equal(hex(unseal(secret, nothing, nothing, sealed)), "010203");
  assert.notEqual(hex(sealed), hex(make()));
  for (let at = 0; at < sealed.length; at++) {
    const changed = new Uint8Array(sealed);
    changed[at]! ^= 1;
    assert.throws(
      () => unseal(secret, nothing, nothing, changed),
      (error) => error instanceof WrongSeal || error instanceof Undecodable,
    );
  }
});

test("a key of another length is a mistake of ours", () => {
  for (const key of [nothing, new Uint8Array(31), new Uint8Array(33)]) {
    assert.throws(() => encrypt(key, nothing, nothing), RangeError);
    assert.throws(() => decrypt(key, new Uint8Array(16), nothing), RangeError);
  }
});
