// SPDX-License-Identifier: AGPL-3.0-or-later
// Credentials as in src/notalone/protocol/credentials.py: what she asks an issuer for, and what whoever opens a record
// checks. The issuer's side is in Python alone. All that she draws comes from her secret: asking again asks the same.

import { sha512 } from "@noble/hashes/sha2.js";
import {
  BITS,
  blind,
  decodePublicKey,
  EXTRA_BYTES,
  finalize,
  PREFIX_BYTES,
  prepare,
  type PublicKey,
  SALT_BYTES,
  verify,
} from "./blindrsa.ts";
import { type Bytes, joined, number, prefixed, Reader } from "./encoding.ts";
import { Undecodable } from "./errors.ts";
import { hashToScalar, type Scalar } from "./group.ts";
import { derive } from "./seals.ts";
import { WrongSignature } from "./signatures.ts";

const KEY_BYTES = 32;
const SECRET_BYTES = 64;
const ESCROW_BYTES = 32;
const EPOCH_BYTES = 4;
const NONCE_BYTES = 32;
const SIGNATURE_BYTES = BITS / 8;
const SLUG = /^[a-z0-9][a-z0-9-]{1,39}$/;

const utf8 = new TextEncoder();
const KEY = utf8.encode("notalone/credential/key/v1");
const HOLDER = utf8.encode("notalone/credential/holder/v1");
const VOICE = utf8.encode("notalone/credential/voice/v1");
const DRAWN = utf8.encode("notalone/credential/drawn/v1");
const POINT = utf8.encode("notalone/credential/point/v1");

/** The issuer did not sign this. */
export class WrongCredential extends Error {
  override readonly name = "WrongCredential";

  constructor(problem = "The issuer did not sign this.") {
    super(problem);
  }
}

/** Of the issuer: `prefix` 32 bytes, `signature` 256. */
export interface Signed {
  readonly prefix: Bytes;
  readonly signature: Bytes;
}

/** A person's in an escrow. `holder`: her Ed25519 key there, 32 bytes. */
export interface Credential extends Signed {
  readonly holder: Bytes;
}

/** A person's in one epoch of a call. It counts once for each `nonce`; until then it is good for whoever holds it. */
export interface VoiceCredential extends Signed {
  readonly nonce: Bytes;
}

/** That this key is one person's in this escrow: what is signed. */
export function holderMessage(escrow: Uint8Array, holder: Uint8Array): Bytes {
  checkLength(escrow, ESCROW_BYTES, "an escrow's id");
  checkLength(holder, KEY_BYTES, "a key");
  return joined(prefixed(HOLDER), escrow, holder);
}

/** That one person has a voice in this epoch of a call. `nonce`: 32 bytes of her choice. */
export function voiceMessage(call: string, epoch: number, nonce: Uint8Array): Bytes {
  if (!SLUG.test(call)) throw new RangeError("a call has a name as in addresses");
  checkLength(nonce, NONCE_BYTES, "a nonce");
  return joined(prefixed(VOICE), prefixed(utf8.encode(call)), number(epoch, EPOCH_BYTES), nonce);
}

/** 64 bytes: what clients know an issuer's key by. */
export function keyHash(key: PublicKey): Bytes {
  return new Uint8Array(sha512(joined(prefixed(KEY), key.encoded)));
}

/** The key that has this hash. Throws Undecodable for others: an issuer with a key for each person would know hers. */
export function decodePinned(data: Uint8Array, pinned: Uint8Array): PublicKey {
  const key = decodePublicKey(data);
  const hash = keyHash(key);
  if (pinned.length !== hash.length || hash.some((byte, at) => byte !== pinned[at])) {
    throw new Undecodable("issuer key", "is not the one that is known by its hash");
  }
  return key;
}

/**
 * The blinded message, 256 bytes: the same each time. `secret`: 64 bytes that nobody else knows; of the return code, or
 * drawn for this and kept until `finish`. Throws Undecodable for a key that no honest issuer has.
 */
export function ask(key: PublicKey, message: Uint8Array, secret: Uint8Array): Bytes {
  const { prefix, salt, factor } = drawn(key, message, secret);
  return blind(key, prepare(message, prefix), salt, factor);
}

/** Prefix and signature, from the issuer's answer. Throws Undecodable, WrongCredential. */
export function finish(key: PublicKey, message: Uint8Array, secret: Uint8Array, answer: Uint8Array): Signed {
  const { prefix, factor } = drawn(key, message, secret);
  return { prefix, signature: checked(() => finalize(key, prepare(message, prefix), answer, factor)) };
}

export function encodeCredential({ holder, prefix, signature }: Credential): Bytes {
  return joined(holder, prefix, signature);
}

/** Throws Undecodable. */
export function decodeCredential(data: Uint8Array): Credential {
  const [holder, signed] = read(data, KEY_BYTES);
  return { holder, ...signed };
}

/** Throws WrongCredential. */
export function verifyCredential({ holder, prefix, signature }: Credential, key: PublicKey, escrow: Uint8Array): void {
  const prepared = prepare(holderMessage(escrow, holder), prefix);
  checked(() => verify(key, prepared, signature));
}

/** Her x in this escrow. Throws WrongCredential for 0, where the keys themselves would be the answer. */
export function point(holder: Uint8Array, escrow: Uint8Array): Scalar {
  checkLength(escrow, ESCROW_BYTES, "an escrow's id");
  checkLength(holder, KEY_BYTES, "a key");
  const x = hashToScalar(joined(escrow, holder), POINT);
  if (x === 0n) throw new WrongCredential("this key has the point 0");
  return x;
}

export function encodeVoice({ nonce, prefix, signature }: VoiceCredential): Bytes {
  return joined(nonce, prefix, signature);
}

/** Throws Undecodable. */
export function decodeVoice(data: Uint8Array): VoiceCredential {
  const [nonce, signed] = read(data, NONCE_BYTES);
  return { nonce, ...signed };
}

/** Throws WrongCredential. */
export function verifyVoice(voice: VoiceCredential, key: PublicKey, call: string, epoch: number): void {
  const prepared = prepare(voiceMessage(call, epoch, voice.nonce), voice.prefix);
  checked(() => verify(key, prepared, voice.signature));
}

/** Others for each key and each message, even with one secret. */
function drawn(key: PublicKey, message: Uint8Array, secret: Uint8Array): { prefix: Bytes; salt: Bytes; factor: Bytes } {
  checkLength(secret, SECRET_BYTES, "a secret");
  const factorBytes = key.encoded.length + EXTRA_BYTES;
  const bytes = derive(secret, DRAWN, joined(keyHash(key), message), PREFIX_BYTES + SALT_BYTES + factorBytes);
  const reader = new Reader(bytes, "drawn");
  return { prefix: reader.fixed(PREFIX_BYTES), salt: reader.fixed(SALT_BYTES), factor: reader.fixed(factorBytes) };
}

function read(data: Uint8Array, first: number): [Bytes, Signed] {
  const reader = new Reader(data, "credential");
  const bytes = reader.fixed(first);
  const signed = { prefix: reader.fixed(PREFIX_BYTES), signature: reader.fixed(SIGNATURE_BYTES) };
  reader.end();
  return [bytes, signed];
}

function checked<T>(step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw error instanceof WrongSignature ? new WrongCredential() : error;
  }
}

function checkLength(data: Uint8Array, length: number, what: string): void {
  if (data.length !== length) throw new RangeError(`${what} has ${length} bytes`);
}
