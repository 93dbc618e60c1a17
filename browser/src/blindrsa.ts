// SPDX-License-Identifier: AGPL-3.0-or-later
// The client's half of RSA blind signatures (RFC 9474), as in src/notalone/protocol/rsa_blind.py. The library
// @cloudflare/blindrsa-ts draws prefix, salt and blind itself; here they come from the return code. bigint takes its
// time by the values.

import { invert } from "@noble/curves/abstract/modular.js";
import { bytesToNumberBE, numberToBytesBE } from "@noble/curves/utils.js";
import { sha384 } from "@noble/hashes/sha2.js";
import { type Bytes, joined, number } from "./encoding.ts";
import { Undecodable } from "./errors.ts";
import { WrongSignature } from "./signatures.ts";

export const BITS = 2048;
export const PREFIX_BYTES = 32;
export const SALT_BYTES = 48;
/** So many bytes more than the modulus has, and what is reduced by it is uniform but for 2^-128. */
export const EXTRA_BYTES = 16;

const HASH_BYTES = 48;

/** A modulus with the exponent 65,537. `encoded`: big-endian, with no byte to spare. */
export interface PublicKey {
  readonly encoded: Bytes;
  readonly n: bigint;
  readonly bits: number;
}

/** Throws Undecodable for another length, for a modulus that is shorter or longer, and for an even one. */
export function decodePublicKey(data: Uint8Array, bits = BITS): PublicKey {
  const length = Math.ceil(bits / 8);
  if (data.length !== length) throw new Undecodable("issuer key", `${data.length} bytes instead of ${length}`);
  const n = bytesToNumberBE(data);
  if (n >> BigInt(bits - 1) !== 1n) throw new Undecodable("issuer key", `has not ${bits} bits`);
  if (n % 2n === 0n) throw new Undecodable("issuer key", "is even");
  return { encoded: new Uint8Array(data), n, bits };
}

/** PrepareRandomize (RFC 9474, section 4.1) with this prefix of 32 bytes; PrepareIdentity with an empty one. */
export function prepare(message: Uint8Array, prefix: Uint8Array): Bytes {
  if (prefix.length !== 0 && prefix.length !== PREFIX_BYTES) throw new RangeError(`a prefix has ${PREFIX_BYTES} bytes`);
  return joined(prefix, message);
}

/**
 * Blind (RFC 9474, section 4.2): the blinded message. `factor`: r, as uniform bytes, 16 more than the modulus has. It
 * is secret, and good for this message and key alone. Throws Undecodable for a key that no honest issuer has.
 */
export function blind(key: PublicKey, prepared: Uint8Array, salt: Uint8Array, factor: Uint8Array): Bytes {
  const m = bytesToNumberBE(encode(prepared, salt, key.bits - 1));
  const blinded = (m * raised(bytesToNumberBE(factor) % key.n, key.n)) % key.n;
  inverted(blinded, key);
  return written(blinded, key);
}

/**
 * Finalize (RFC 9474, section 4.4): the signature, verified. Throws Undecodable, WrongSignature. `randomness`: as many
 * bytes as the factor has.
 */
export function finalize(
  key: PublicKey,
  prepared: Uint8Array,
  answer: Uint8Array,
  factor: Uint8Array,
  saltBytes = SALT_BYTES,
  randomness: Uint8Array = crypto.getRandomValues(new Uint8Array(key.encoded.length + EXTRA_BYTES)),
): Bytes {
  const what = "answer of the issuer";
  if (answer.length !== key.encoded.length) {
    throw new Undecodable(what, `${answer.length} bytes instead of ${key.encoded.length}`);
  }
  const value = bytesToNumberBE(answer);
  if (value >= key.n) throw new Undecodable(what, "is not below the modulus");
  // Euclid's algorithm takes its time by what it inverts, so it only ever sees r times something fresh.
  const fresh = bytesToNumberBE(randomness) % key.n;
  const inverse = (fresh * inverted((fresh * (bytesToNumberBE(factor) % key.n)) % key.n, key)) % key.n;
  const signature = written((value * inverse) % key.n, key);
  verify(key, prepared, signature, saltBytes);
  return signature;
}

/** RSASSA-PSS-VERIFY (RFC 8017, section 8.1.2). Throws WrongSignature. */
export function verify(key: PublicKey, prepared: Uint8Array, signature: Uint8Array, saltBytes = SALT_BYTES): void {
  const value = bytesToNumberBE(signature);
  if (signature.length !== key.encoded.length || value >= key.n) throw new WrongSignature();
  const encoded = raised(value, key.n);
  const length = Math.ceil((key.bits - 1) / 8);
  if (encoded >> BigInt(8 * length)) throw new WrongSignature();
  const bytes = numberToBytesBE(encoded, length);
  // The salt is read from where it must be. That everything else is as it must be shows when it is encoded again.
  const end = length - HASH_BYTES - 1;
  const data = masked(bytes.subarray(0, end), bytes.subarray(end, -1));
  const again = encode(prepared, data.subarray(end - saltBytes), key.bits - 1);
  if (again.some((byte, at) => byte !== bytes[at])) throw new WrongSignature();
}

/** EMSA-PSS-ENCODE (RFC 8017, section 9.1.1) for that many bits. Throws RangeError for too few. */
export function encode(prepared: Uint8Array, salt: Uint8Array, bits: number): Bytes {
  const length = Math.ceil(bits / 8);
  const digest = sha384(joined(new Uint8Array(8), sha384(prepared), salt));
  const zeros = new Uint8Array(length - salt.length - HASH_BYTES - 2);
  const encoded = joined(masked(joined(zeros, Uint8Array.of(1), salt), digest), digest, Uint8Array.of(0xbc));
  encoded[0]! &= 0xff >> (8 * length - bits);
  return encoded;
}

/** With the mask that MGF1 (RFC 8017, section B.2.1) makes of a hash; and without it again. */
function masked(data: Uint8Array, digest: Uint8Array): Bytes {
  const blocks = Math.ceil(data.length / HASH_BYTES);
  const mask = joined(...Array.from({ length: blocks }, (_, n) => sha384(joined(digest, number(n, 4)))));
  return new Uint8Array(data).map((byte, at) => byte ^ mask[at]!);
}

/** To the power 65,537. */
function raised(value: bigint, n: bigint): bigint {
  let power = value;
  for (let squared = 0; squared < 16; squared++) power = (power * power) % n;
  return (power * value) % n;
}

function inverted(value: bigint, key: PublicKey): bigint {
  try {
    return invert(value, key.n);
  } catch {
    throw new Undecodable("issuer key", "shares a divisor with what it should sign");
  }
}

function written(value: bigint, key: PublicKey): Bytes {
  return new Uint8Array(numberToBytesBE(value, key.encoded.length));
}
