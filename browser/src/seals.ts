// SPDX-License-Identifier: AGPL-3.0-or-later
// Messages that one party alone can open, and keys from keys, as in src/notalone/protocol/seals.py.

import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { type Bytes, joined, prefixed, Reader } from "./encoding.ts";
import {
  decodeElement,
  type Element,
  ELEMENT_BYTES,
  encodeElement,
  GENERATOR,
  randomScalar,
  type Scalar,
  times,
} from "./group.ts";

export const KEY_BYTES = 32;
export const TAG_BYTES = 16;

const SEAL_KEY = new TextEncoder().encode("notalone/seal/key/v1");
/** Every key is used for one message. */
const NONCE = new Uint8Array(24);

/** This was not sealed with this key for this use, or it was changed since. */
export class WrongSeal extends Error {
  override readonly name = "WrongSeal";

  constructor() {
    super("This was not sealed with this key for this use, or it was changed since.");
  }
}

/** `length` bytes, at most 16,320, from a secret that is hard to guess (HKDF-SHA-512 without salt, RFC 5869). */
export function derive(secret: Uint8Array, label: Uint8Array, context: Uint8Array, length: number): Bytes {
  return new Uint8Array(hkdf(sha512, secret, undefined, joined(prefixed(label), context), length));
}

/** Under a key of 32 bytes that is used this once: 16 bytes more than the plaintext. */
export function encrypt(key: Uint8Array, plaintext: Uint8Array, context: Uint8Array): Bytes {
  return new Uint8Array(xchacha20poly1305(checked(key), NONCE, context).encrypt(plaintext));
}

/** Throws WrongSeal. */
export function decrypt(key: Uint8Array, sealed: Uint8Array, context: Uint8Array): Bytes {
  const cipher = xchacha20poly1305(checked(key), NONCE, context);
  try {
    return new Uint8Array(cipher.decrypt(sealed));
  } catch {
    throw new WrongSeal();
  }
}

/** 48 bytes more than the plaintext. `once`: a fresh scalar. */
export function seal(
  recipient: Element,
  label: Uint8Array,
  context: Uint8Array,
  plaintext: Uint8Array,
  once: Scalar = randomScalar(),
): Bytes {
  const sender = encodeElement(times(once, GENERATOR));
  const key = derived(times(once, recipient), sender, recipient, label, context);
  return joined(sender, encrypt(key, plaintext, context));
}

/** `secret`: a scalar that was fresh for this one answer. Throws WrongSeal; Undecodable for what is no seal at all. */
export function unseal(secret: Scalar, label: Uint8Array, context: Uint8Array, sealed: Uint8Array): Bytes {
  const sender = new Reader(sealed, "seal").fixed(ELEMENT_BYTES);
  const agreed = times(secret, decodeElement(sender, "seal"));
  const key = derived(agreed, sender, times(secret, GENERATOR), label, context);
  return decrypt(key, sealed.subarray(ELEMENT_BYTES), context);
}

function derived(
  agreed: Element,
  sender: Uint8Array,
  recipient: Element,
  label: Uint8Array,
  context: Uint8Array,
): Bytes {
  const use = joined(sender, encodeElement(recipient), prefixed(label), sha512(context));
  return derive(encodeElement(agreed), SEAL_KEY, use, KEY_BYTES);
}

function checked(key: Uint8Array): Uint8Array {
  if (key.length !== KEY_BYTES) throw new RangeError(`a key has ${KEY_BYTES} bytes`);
  return key;
}
