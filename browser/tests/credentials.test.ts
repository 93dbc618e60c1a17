// SPDX-License-Identifier: AGPL-3.0-or-later

import assert from "node:assert/strict";
import { test } from "node:test";
import { base64urlnopad } from "@scure/base";
import {
  blind,
  decodePublicKey,
  encode,
  finalize,
  prepare,
  type PublicKey,
  verify,
} from "../src/blindrsa.ts";
import {
  ask,
  decodeCredential,
  decodePinned,
  decodeVoice,
  encodeCredential,
  encodeVoice,
  finish,
  holderMessage,
  keyHash,
  point,
  verifyCredential,
  verifyVoice,
  voiceMessage,
  WrongCredential,
} from "../src/credentials.ts";
import { Undecodable } from "../src/errors.ts";
import { encodeScalar } from "../src/group.ts";
import { WrongSignature } from "../src/signatures.ts";
import { fromHex, hex, vectors } from "./vectors.ts";

interface Case {
  readonly why: string;
  readonly valid: boolean;
  readonly error: "undecodable" | "wrong" | "issued";
  readonly issuer: number;
}

interface Asked extends Case {
  readonly secret: string;
  readonly message: string;
  readonly blinded: string;
  readonly answer: string;
  readonly credential: string;
}

const file = vectors<{
  readonly published: {
    readonly key: { readonly n: string };
    readonly cases: readonly (Record<"why" | "message" | "prefix" | "prepared" | "salt" | "encoded", string> &
      Record<"inverse" | "blinded" | "answer" | "signature", string>)[];
  };
  readonly issuers: readonly { readonly public: string; readonly hash: string }[];
  readonly keys: readonly (Case & { readonly encoded: string; readonly pinned: string })[];
  readonly asked: readonly (Asked &
    (
      | { readonly escrow: string; readonly holder: string; readonly point: string }
      | { readonly escrow?: never; readonly call: string; readonly epoch: number; readonly nonce: string }
    ))[];
  readonly answers: readonly (Case & { readonly answer: string })[];
  readonly credentials: readonly (Case & { readonly escrow: string; readonly encoded: string })[];
  readonly voices: readonly (Case & { readonly call: string; readonly epoch: number; readonly encoded: string })[];
}>("credentials");

const issuers: readonly PublicKey[] = file.issuers.map((each) => decodePublicKey(fromHex(each.public)));
const errors = { undecodable: Undecodable, wrong: WrongCredential, issued: Error };
const first = file.asked[0]!;

/** The factor whose inverse is published. */
function inverse(value: bigint, n: bigint): bigint {
  let [a, b, x, y] = [value % n, n, 1n, 0n];
  while (b) [a, b, x, y] = [b, a % b, y, x - (a / b) * y];
  return ((x % n) + n) % n;
}

for (const each of file.published.cases) {
  test(`blind signature: ${each.why}`, () => {
    const key = decodePublicKey(fromHex(file.published.key.n), 4096);
    const prepared = prepare(fromHex(each.message), fromHex(each.prefix));
    const salt = fromHex(each.salt);
    assert.equal(hex(prepared), each.prepared);
    assert.equal(hex(encode(prepared, salt, 4095)), each.encoded);
    const factor = fromHex(inverse(BigInt(`0x${each.inverse}`), key.n).toString(16).padStart(1024, "0"));
    assert.equal(hex(blind(key, prepared, salt, factor)), each.blinded);
    assert.equal(hex(finalize(key, prepared, fromHex(each.answer), factor, salt.length)), each.signature);
    assert.throws(() => verify(key, prepared, fromHex(each.signature), 48 - salt.length), WrongSignature);
    assert.throws(() => verify(key, prepared, fromHex(each.answer), salt.length), WrongSignature);
  });
}

for (const { why, encoded, pinned, valid } of file.keys) {
  test(`issuer's key: ${why}`, () => {
    const read = () => decodePinned(fromHex(encoded), fromHex(pinned));
    if (valid) assert.equal(hex(read().encoded), encoded);
    else assert.throws(read, Undecodable);
  });
}

test("an issuer's key is known by its hash", () => {
  assert.deepEqual(issuers.map((key) => hex(keyHash(key))), file.issuers.map((each) => each.hash));
});

for (const each of file.asked) {
  test(`asked: ${each.why}`, () => {
    const key = issuers[each.issuer]!;
    const [secret, answer] = [fromHex(each.secret), fromHex(each.answer)];
    const message =
      each.escrow === undefined
        ? voiceMessage(each.call, each.epoch, fromHex(each.nonce))
        : holderMessage(fromHex(each.escrow), fromHex(each.holder));
    assert.equal(hex(message), each.message);
    assert.equal(hex(ask(key, message, secret)), each.blinded);
    const signed = finish(key, message, secret, answer);
    if (each.escrow === undefined) {
      const voice = { nonce: fromHex(each.nonce), ...signed };
      assert.equal(hex(encodeVoice(voice)), each.credential);
      verifyVoice(decodeVoice(encodeVoice(voice)), key, each.call, each.epoch);
      return;
    }
    const credential = { holder: fromHex(each.holder), ...signed };
    assert.equal(hex(encodeCredential(credential)), each.credential);
    verifyCredential(decodeCredential(encodeCredential(credential)), key, fromHex(each.escrow));
    assert.equal(hex(encodeScalar(point(credential.holder, fromHex(each.escrow)))), each.point);
  });
}

for (const { why, answer, valid, error } of file.answers) {
  test(`answer: ${why}`, () => {
    const step = () => finish(issuers[0]!, fromHex(first.message), fromHex(first.secret), fromHex(answer));
    if (valid) step();
    else assert.throws(step, errors[error]);
  });
}

for (const { why, issuer, escrow, encoded, valid, error } of file.credentials) {
  test(`credential: ${why}`, () => {
    const step = () => verifyCredential(decodeCredential(fromHex(encoded)), issuers[issuer]!, fromHex(escrow));
    if (valid) step();
    else assert.throws(step, errors[error]);
  });
}

for (const { why, issuer, call, epoch, encoded, valid, error } of file.voices) {
  test(`voice: ${why}`, () => {
    const step = () => verifyVoice(decodeVoice(fromHex(encoded)), issuers[issuer]!, call, epoch);
    if (valid) step();
    else assert.throws(step, errors[error]);
  });
}

test("the browser's own RSA-PSS takes what was signed blindly", async () => {
  const jwk = { kty: "RSA", n: base64urlnopad.encode(issuers[0]!.encoded), e: "AQAB" };
  const key = await crypto.subtle.importKey("jwk", jwk, { name: "RSA-PSS", hash: "SHA-384" }, false, ["verify"]);
  const message = fromHex(first.message);
  const { prefix, signature } = finish(issuers[0]!, message, fromHex(first.secret), fromHex(first.answer));
  const takes = (data: Uint8Array<ArrayBuffer>) =>
    crypto.subtle.verify({ name: "RSA-PSS", saltLength: 48 }, key, signature, data);
  assert.equal(await takes(prepare(message, prefix)), true);
  assert.equal(await takes(message), false);
});

test("the blind is masked before it is inverted, and the result is the same each time", () => {
  const key = issuers[0]!;
  const prepared = prepare(new Uint8Array(1), new Uint8Array(32));
  const factor = new Uint8Array(272).fill(7);
  const blinded = blind(key, prepared, new Uint8Array(48), factor);
  assert.equal(hex(blind(key, prepared, new Uint8Array(48), factor)), hex(blinded));
  assert.throws(() => finalize(key, prepared, blinded, factor), WrongSignature);
  assert.throws(() => finalize(key, prepared, blinded, factor, 48, new Uint8Array(272)), Undecodable);
});

test("a key with a small divisor is refused", () => {
  const n = (1n << 2047n) + 3n;
  const key = decodePublicKey(fromHex((n + 3n - (n % 6n)).toString(16)));
  assert.equal(key.n % 3n, 0n);
  for (const multiple of [0, 3, 9]) {
    const factor = new Uint8Array(272).fill(multiple, 271);
    assert.throws(() => blind(key, new Uint8Array(), new Uint8Array(48), factor), Undecodable);
    assert.throws(() => finalize(key, new Uint8Array(), new Uint8Array(256), factor), Undecodable);
  }
});

test("mistakes of ours", () => {
  const [key, id] = [issuers[0]!, new Uint8Array(32)];
  for (const step of [
    () => holderMessage(new Uint8Array(31), id),
    () => holderMessage(id, new Uint8Array(33)),
    () => point(id, new Uint8Array(31)),
    () => point(new Uint8Array(31), id),
    () => voiceMessage("A", 0, id),
    () => voiceMessage("me-too\n", 0, id),
    () => voiceMessage("me-too", -1, id),
    () => voiceMessage("me-too", 2 ** 32, id),
    () => voiceMessage("me-too", 0, new Uint8Array(31)),
    () => ask(key, id, new Uint8Array(32)),
    () => prepare(id, new Uint8Array(31)),
    () => encode(id, new Uint8Array(48), 776),
  ]) {
    assert.throws(step, RangeError);
  }
});
