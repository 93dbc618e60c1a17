// SPDX-License-Identifier: AGPL-3.0-or-later
// Ed25519 signatures (RFC 8032) as in src/notalone/protocol/signatures.py. Every use has a label, so that no signature
// is good for another use.

import { mulAddUnsafe } from "@noble/curves/abstract/curve.js";
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { type Bytes, joined, prefixed } from "./encoding.ts";
import { Undecodable } from "./errors.ts";

const { Point } = ed25519;

export const KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;

/** This key did not sign this. */
export class WrongSignature extends Error {
  override readonly name = "WrongSignature";

  constructor() {
    super("This key did not sign this.");
  }
}

/** As it was sent. Throws Undecodable for another length; `verify` refuses the few keys that fit every message. */
export function checkKey(data: Uint8Array): Bytes {
  if (data.length !== KEY_BYTES) throw new Undecodable("signing key", `${data.length} bytes instead of ${KEY_BYTES}`);
  return new Uint8Array(data);
}

/** The public half of a seed's key, 32 bytes. Throws RangeError for a seed of another length. */
export function publicKey(seed: Uint8Array): Bytes {
  checkSeed(seed);
  return new Uint8Array(ed25519.getPublicKey(seed));
}

/** 64 bytes, the same each time. `seed`: 32 secret bytes. Throws RangeError for another length. */
export function sign(seed: Uint8Array, label: Uint8Array, message: Uint8Array): Bytes {
  checkSeed(seed);
  return new Uint8Array(ed25519.sign(joined(prefixed(label), message), seed));
}

/** `key`: 32 bytes, of `checkKey`. Throws WrongSignature. */
export function verify(key: Uint8Array, label: Uint8Array, message: Uint8Array, signature: Uint8Array): void {
  const signed = joined(prefixed(label), message);
  if (signature.length !== SIGNATURE_BYTES || !ed25519.verify(signature, signed, key, { zip215: false })) {
    throw new WrongSignature();
  }
  checkExactly(key, signed, signature);
}

/**
 * noble checks the equation eightfold, libsodium as it is. Whoever signs could make signatures that one of them takes
 * alone, and two clients would not see the same escrow. So what noble took has to be what libsodium takes, too.
 */
function checkExactly(key: Uint8Array, signed: Uint8Array, signature: Uint8Array): void {
  const drawn = signature.subarray(0, KEY_BYTES);
  const challenge = littleEndian(sha512(joined(drawn, key, signed))) % Point.Fn.ORDER;
  const points = [Point.BASE, Point.fromBytes(key).negate()];
  const expected = mulAddUnsafe(Point, points, [littleEndian(signature.subarray(KEY_BYTES)), challenge]);
  if (expected.isSmallOrder() || expected.toBytes().some((byte, at) => byte !== drawn[at])) throw new WrongSignature();
}

function checkSeed(seed: Uint8Array): void {
  if (seed.length !== KEY_BYTES) throw new RangeError(`a seed has ${KEY_BYTES} bytes`);
}

function littleEndian(data: Uint8Array): bigint {
  return data.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
