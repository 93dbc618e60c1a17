// SPDX-License-Identifier: AGPL-3.0-or-later
// The client's half of oblivious pseudorandom functions (RFC 9497), ristretto255-SHA512, by noble; the server's is in
// src/notalone/protocol/oprf.py.

import { ristretto255_oprf } from "@noble/curves/ed25519.js";
import { type Bytes, Reader } from "./encoding.ts";
import { WrongProof } from "./errors.ts";
import { decodeElement, decodeScalar, SCALAR_BYTES } from "./group.ts";

const RANDOM_BYTES = 64;

/** `blind`: kept secret, and used once. `blinded`: what is sent. 32 bytes each. */
export interface Blinded {
  readonly input: Uint8Array;
  readonly blind: Uint8Array;
  readonly blinded: Uint8Array;
}

/** `randomness`: 64 bytes. */
export function blind(
  input: Uint8Array,
  mode: "oprf" | "voprf",
  randomness: Uint8Array = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES)),
): Blinded {
  return { input, ...ristretto255_oprf[mode].blind(input, () => randomness) };
}

/** Of the mode OPRF, which proves nothing: 64 bytes. Throws Undecodable. */
export function finalize({ input, blind }: Blinded, evaluated: Uint8Array): Bytes {
  decodeElement(evaluated, "answer");
  return new Uint8Array(ristretto255_oprf.oprf.finalize(input, blind, evaluated));
}

/** Of the mode VOPRF, for a batch with one proof: 64 bytes each. `key`: public. Throws Undecodable, WrongProof. */
export function finalizeProved(
  batch: readonly Blinded[],
  evaluated: readonly Uint8Array[],
  key: Uint8Array,
  proof: Uint8Array,
): Bytes[] {
  if (!batch.length || batch.length !== evaluated.length) throw new RangeError("there is an answer to each question");
  evaluated.forEach((each) => decodeElement(each, "answer"));
  decodeElement(key, "key");
  const reader = new Reader(proof, "proof");
  for (let n = 0; n < 2; n++) decodeScalar(reader.fixed(SCALAR_BYTES), "proof");
  reader.end();
  const items = batch.map((each, n) => ({ ...each, evaluated: evaluated[n]! }));
  try {
    return ristretto255_oprf.voprf.finalizeBatch(items, key, proof).map((each) => new Uint8Array(each));
  } catch {
    throw new WrongProof("these elements were not evaluated with the key of this public key");
  }
}
