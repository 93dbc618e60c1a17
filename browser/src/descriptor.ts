// SPDX-License-Identifier: AGPL-3.0-or-later
// The descriptor of an escrow as in src/notalone/protocol/descriptor.py: its public keys, its trustees, its limits. A
// dishonest server could serve another: therefore its fingerprint in words stands where the server has no say.

import { sha512 } from "@noble/hashes/sha2.js";
import { decodePublicKey, type PublicKey } from "./blindrsa.ts";
import { type Bytes, joined, prefixed, Reader } from "./encoding.ts";
import { Fault, Undecodable } from "./errors.ts";
import { decodeElement, type Element, ELEMENT_BYTES } from "./group.ts";
import { areDistinct, keyCount, LEVEL_LEAST, LEVEL_MOST, readTrustee, type Trustee, TRUSTEES_MOST } from "./keys.ts";
import { type Commitments, publicShare } from "./sharing.ts";
import { KEY_BYTES, SIGNATURE_BYTES, verify, WrongSignature } from "./signatures.ts";
import type { WordList } from "./words.ts";

export const HASH_BYTES = 64;
export const ID_BYTES = 32;

const ISSUER_BYTES = 256;
const BUCKET_BITS_MOST = 32;
const DESCRIPTOR_MOST = 1 << 20;
const FINGERPRINT_WORDS = 6;
// With the depositor's own an age file has at most 20.
const RECIPIENTS_MOST = 19;
const RECIPIENT_BYTES_MOST = 100;

const utf8 = new TextEncoder();
const HASH = utf8.encode("notalone/descriptor/hash/v1");
const CONSENT = utf8.encode("notalone/descriptor/consent/v1");
const DESK = utf8.encode("notalone/descriptor/desk/v1");

/** One version. `hash`: 64 bytes, by which it is known. `previous`: that of the one before, zeros for the first. */
export interface Descriptor {
  readonly hash: Bytes;
  readonly escrow: Bytes;
  readonly epoch: number;
  readonly highest: number;
  readonly quorum: number;
  /** Of each deposit: odds of up to 2^bits times better than chance that two records which agree name one person. */
  readonly bucketBits: number;
  /** Identifiers that one credential may ask about in its life. */
  readonly budget: number;
  /** The most that the issuer may give: the published size of the roster. */
  readonly credentials: number;
  readonly issuer: PublicKey;
  readonly counsellors: Bytes;
  readonly trustees: readonly Trustee[];
  readonly keys: readonly Commitments[];
  readonly transcript: Bytes;
  readonly previous: Bytes;
}

/** Throws Undecodable. */
export function decodeDescriptor(data: Uint8Array): Descriptor {
  const reader = new Reader(data, "descriptor");
  const [escrow, epoch] = [reader.fixed(ID_BYTES), reader.number(4)];
  const [highest, quorum, bucketBits] = [reader.number(1), reader.number(1), reader.number(1)];
  const [budget, credentials] = [reader.number(4), reader.number(4)];
  const [issuer, counsellors] = [decodePublicKey(reader.fixed(ISSUER_BYTES)), reader.fixed(KEY_BYTES)];
  const trustees = reader.listed(TRUSTEES_MOST, readTrustee);
  for (const [wrong, problem] of [
    [highest < LEVEL_LEAST || highest > LEVEL_MOST, "has a highest level that is not from 2 to 10"],
    [!ascending(trustees), "has trustees that are not in the order of their indices, each once"],
    [!areDistinct(trustees), "has one organisation as two trustees"],
    [quorum < 1 || quorum > trustees.length, "has a quorum that its trustees cannot be"],
    [bucketBits > BUCKET_BITS_MOST, `has more than ${BUCKET_BITS_MOST} bits of a bucket`],
  ] as const) {
    if (wrong) throw new Undecodable("descriptor", problem);
  }
  const keys = Array.from({ length: keyCount(highest) }, () =>
    Array.from({ length: quorum }, () => decodeElement(reader.fixed(ELEMENT_BYTES), "commitment")),
  );
  const [transcript, previous] = [reader.fixed(HASH_BYTES), reader.fixed(HASH_BYTES)];
  reader.end();
  // All of it is written in one way only, so the hash of the bytes is the hash of what they say.
  const hash = new Uint8Array(sha512(joined(prefixed(HASH), data)));
  const limits = { epoch, highest, quorum, bucketBits, budget, credentials };
  return { hash, escrow, ...limits, issuer, counsellors, trustees, keys, transcript, previous };
}

/** Throws RangeError where there is none of this index. */
export function trusteeOf({ trustees }: Descriptor, index: number): Trustee {
  const found = trustees.find((each) => each.index === index);
  if (found === undefined) throw new RangeError(`there is no trustee ${index}`);
  return found;
}

/** A trustee's share of every key, times the generator. */
export function publicShares({ keys }: Descriptor, index: number): Element[] {
  return keys.map((each) => publicShare(each, index));
}

/** Six words for a descriptor's hash, 77 bits: to be read out and compared. */
export function fingerprint(hash: Uint8Array, list: WordList): string[] {
  let rest = hash.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
  const count = BigInt(list.words.length);
  return Array.from({ length: FINGERPRINT_WORDS }, () => {
    const word = list.words[Number(rest % count)]!;
    rest /= count;
    return word;
  });
}

/** By trustees' indices. */
export type Consents = ReadonlyMap<number, Bytes>;

/** A descriptor with the consents of its own trustees, and of those before who handed the keys on. */
export interface SignedDescriptor {
  readonly descriptor: Descriptor;
  readonly consents: Consents;
  readonly handedOn: Consents;
}

/** Throws Undecodable. */
export function decodeSigned(data: Uint8Array): SignedDescriptor {
  const reader = new Reader(data, "signed descriptor");
  const descriptor = decodeDescriptor(reader.prefixed(DESCRIPTOR_MOST));
  const [consents, handedOn] = [readConsents(reader), readConsents(reader)];
  reader.end();
  return { descriptor, consents, handedOn };
}

function readConsents(reader: Reader): Consents {
  const some = reader.listed(TRUSTEES_MOST, (inner) => ({
    index: inner.number(2),
    signature: inner.fixed(SIGNATURE_BYTES),
  }));
  if (!ascending(some)) throw new Undecodable("signed descriptor", "has signatures that are not in order, each once");
  return new Map(some.map(({ index, signature }) => [index, signature]));
}

/**
 * The newest of these versions, of which the first has this hash, which the client pinned. Throws Fault.
 * `seen`: the hash of the newest one that the client saw before.
 */
export function checkChain(
  first: Uint8Array,
  versions: readonly SignedDescriptor[],
  seen?: Uint8Array,
): Descriptor {
  const [start, ...later] = versions;
  if (start === undefined || !same(start.descriptor.hash, first)) {
    throw server("shows another escrow than the one that is known here");
  }
  if (seen !== undefined && !versions.some(({ descriptor }) => same(descriptor.hash, seen))) {
    throw server("shows an older or another future of the escrow than before");
  }
  checkOwnConsents(start);
  let before = start.descriptor;
  if (before.epoch !== 0 || before.previous.some((byte) => byte !== 0)) {
    throw server("shows a first descriptor that is not one");
  }
  for (const each of later) {
    checkOwnConsents(each);
    const now = each.descriptor;
    if (!same(now.previous, before.hash) || now.epoch !== before.epoch + 1 || !sameKeys(now, before)) {
      throw server("shows a descriptor that does not follow from the one before");
    }
    checkConsents(now, before.trustees, each.handedOn, before.quorum);
    before = now;
  }
  return before;
}

/** What no later version may change. */
function sameKeys(now: Descriptor, before: Descriptor): boolean {
  return (
    same(now.escrow, before.escrow) &&
    now.highest === before.highest &&
    same(now.issuer.encoded, before.issuer.encoded) &&
    same(now.counsellors, before.counsellors) &&
    now.keys.every(([secret], n) => secret!.equals(before.keys[n]![0]!))
  );
}

function checkOwnConsents({ descriptor, consents }: SignedDescriptor): void {
  checkConsents(descriptor, descriptor.trustees, consents, descriptor.trustees.length);
}

function checkConsents(
  { hash }: Descriptor,
  trustees: readonly Trustee[],
  consents: Consents,
  least: number,
): void {
  const some = trustees.filter(({ index }) => consents.has(index));
  for (const { index, signing } of some) {
    verifyOr(signing, CONSENT, hash, consents.get(index)!, `shows a descriptor that trustee ${index} did not sign`);
  }
  if (some.length < least) throw server(`shows a descriptor that ${some.length} trustees signed, where ${least} must`);
}

// ---- who reads what is opened ----

/** The age recipients of the counsellors. `sequence`: larger each time; `expires`: Unix seconds. */
export interface Desk {
  readonly sequence: number;
  readonly expires: number;
  readonly recipients: readonly string[];
}

/**
 * The desk that the counsellors signed. `now`: Unix seconds; `leastSequence`: the latest that was seen.
 * Throws Fault for one that is of another escrow, not signed, out of date, or older than one that was seen.
 */
export function readDesk(descriptor: Descriptor, data: Uint8Array, now: number, leastSequence = 0): Desk {
  const end = Math.max(0, data.length - SIGNATURE_BYTES);
  const [body, signature] = [data.subarray(0, end), data.subarray(end)];
  verifyOr(descriptor.counsellors, DESK, body, signature, "shows readers whom the counsellors did not name");
  const { escrow, sequence, expires, recipients } = decodeDesk(body);
  if (!same(escrow, descriptor.escrow) || !recipients.length) throw counsellor("signed no readers of this escrow");
  if (sequence < leastSequence) throw server("shows readers that were replaced");
  if (now >= expires) throw counsellor("named readers for a time that is over");
  return { sequence, expires, recipients };
}

function decodeDesk(body: Uint8Array): Desk & { readonly escrow: Bytes } {
  const ascii = new TextDecoder("ascii");
  try {
    const reader = new Reader(body, "desk");
    const [escrow, sequence] = [reader.fixed(ID_BYTES), reader.number(4)];
    // Beyond 2^53 this is not exact, and no clock shows such a time.
    const expires = reader.number(4) * 2 ** 32 + reader.number(4);
    const recipients = reader.listed(RECIPIENTS_MOST, (inner) => ascii.decode(inner.prefixed(RECIPIENT_BYTES_MOST)));
    reader.end();
    return { escrow, sequence, expires, recipients };
  } catch (error) {
    if (!(error instanceof Undecodable)) throw error;
    throw counsellor(`signed something that cannot be read (${error.message})`);
  }
}

function verifyOr(key: Uint8Array, label: Uint8Array, message: Uint8Array, signature: Uint8Array, what: string): void {
  try {
    verify(key, label, message, signature);
  } catch (error) {
    throw error instanceof WrongSignature ? server(what) : error;
  }
}

function ascending(some: readonly { readonly index: number }[]): boolean {
  return some.every(({ index }, n) => n === 0 || index > some[n - 1]!.index);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

function server(what: string): Fault {
  return new Fault({ role: "server" }, what);
}

function counsellor(what: string): Fault {
  return new Fault({ role: "counsellor" }, what);
}
