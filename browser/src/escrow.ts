// SPDX-License-Identifier: AGPL-3.0-or-later
// Records as in src/notalone/protocol/escrow.py: what a depositor seals.
//
//   bases(...)      -> what she asks the trustees about, for each identifier
//   deposit(...)    -> the record, signed by her

import { type Credential, encodeCredential, point } from "./credentials.ts";
import { type Descriptor, ID_BYTES } from "./descriptor.ts";
import { type Bytes, joined, listed, number, prefixed, Reader } from "./encoding.ts";
import { Undecodable } from "./errors.ts";
import { type Element, encodeElement, encodeScalar, hashToElement, type Scalar } from "./group.ts";
import { encodeIdentifier, type Identifier } from "./identifiers.ts";
import { levels } from "./keys.ts";
import { seal as sealForReaders } from "./reports.ts";
import { derive, encrypt, KEY_BYTES, TAG_BYTES } from "./seals.ts";
import { sign } from "./signatures.ts";
import { type Evaluated, IDENTIFIERS_MOST } from "./trustees.ts";

const COMMITMENT_BYTES = 32;
const WRAP_BYTES = COMMITMENT_BYTES + KEY_BYTES + TAG_BYTES;
const BUCKET_BYTES = 4;
const HANDLE_BYTES = 512;
/** An age file for up to 20 readers, filled up: its own length would tell which program made it. */
const FILE_BYTES = 4096;

const utf8 = new TextEncoder();
const TAG = utf8.encode("notalone/escrow/tag/v1");
const ROW = utf8.encode("notalone/escrow/row/v1");
const BUCKET = utf8.encode("notalone/escrow/bucket/v1");
const WRAP = utf8.encode("notalone/escrow/wrap/v1");
const DECOY = utf8.encode("notalone/escrow/decoy/v1");
const HANDLE = utf8.encode("notalone/escrow/handle/v1");
const RECORD = utf8.encode("notalone/escrow/record/v1");

/** One for the tag and one for each level, all independent: else stored elements, asked about, would link. */
export function bases(escrow: Uint8Array, highest: number, identifier: Identifier): Element[] {
  const named = joined(escrow, encodeIdentifier(identifier));
  return [hashToElement(named, TAG), ...levels(highest).map((j) => hashToElement(joined(number(j, 1), named), ROW))];
}

// ---- a record ----

/** One identifier of a record. Below her threshold `rows` and `wraps` only look like one. */
export interface Entry {
  readonly bits: number;
  /** The first `bits` bits of what its tag gives. */
  readonly bucket: number;
  /** From level 2 on, j elements each. */
  readonly rows: readonly (readonly Element[])[];
  /** From level 2 on, 80 bytes each. */
  readonly wraps: readonly Bytes[];
}

/** What the server stores. `signature`: hers over all the rest. */
export interface Record {
  readonly descriptor: Uint8Array;
  readonly id: Uint8Array;
  readonly credential: Credential;
  readonly entries: readonly Entry[];
  readonly envelope: Uint8Array;
  readonly signature: Uint8Array;
}

export function encodeRecord(record: Record): Bytes {
  return joined(encodeBody(record), record.signature);
}

function encodeBody({ descriptor, id, credential, entries, envelope }: Omit<Record, "signature">): Bytes {
  return joined(descriptor, id, encodeCredential(credential), listed(entries.map(encodeEntry)), envelope);
}

function encodeEntry({ bits, bucket, rows, wraps }: Entry): Bytes {
  return joined(number(bits, 1), number(bucket, BUCKET_BYTES), ...rows.flat().map(encodeElement), ...wraps);
}

// ---- depositing ----

/** How the counsellor reaches her, and nothing of what happened. Secret. */
export interface Handle {
  /** 32 bytes. */
  readonly mailbox: Uint8Array;
  /** The age recipient of what is for her. */
  readonly recipient: string;
  readonly language: string;
  /** When it is safe, in her words. */
  readonly hours: string;
}

/** Padded to 512 bytes. Throws RangeError for what does not fit. */
export function encodeHandle({ mailbox, recipient, language, hours }: Handle): Bytes {
  const data = joined(mailbox, ...[recipient, language, hours].map((each) => prefixed(utf8.encode(each))));
  if (mailbox.length !== ID_BYTES || data.length > HANDLE_BYTES) {
    throw new RangeError(`a mailbox has ${ID_BYTES} bytes, and a handle has room for ${HANDLE_BYTES}`);
  }
  return filled(data, HANDLE_BYTES);
}

/** Throws Undecodable. */
export function decodeHandle(data: Uint8Array): Handle {
  const reader = new Reader(data, "handle");
  const mailbox = reader.fixed(ID_BYTES);
  const texts = [0, 1, 2].map(() => reader.prefixed(HANDLE_BYTES));
  const used = texts.reduce((sum, { length }) => sum + 4 + length, ID_BYTES);
  const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    if (data.length !== HANDLE_BYTES || data.subarray(used).some((byte) => byte !== 0)) throw new RangeError();
    const [recipient, language, hours] = texts.map((each) => strictUtf8.decode(each)) as [string, string, string];
    return { mailbox, recipient, language, hours };
  } catch {
    throw new Undecodable("handle", "is not one that was padded");
  }
}

/** Her part, from her return code and the issuer. */
export interface Depositor {
  readonly credential: Credential;
  /** Of her key in this escrow. */
  readonly seed: Uint8Array;
  /** 32 bytes, from which what hides her threshold comes. */
  readonly hidden: Uint8Array;
  /** Her age recipient. */
  readonly recipient: string;
}

/** One identifier, and what the trustees made of it and her point. */
export interface Named {
  readonly identifier: Identifier;
  readonly evaluated: Evaluated;
}

/**
 * A record. `threshold`: from 2 to the highest level; `readers`: the desk's age recipients; `randomness`: 64 bytes, the
 * record's id and its key. Throws RangeError.
 */
export async function deposit(
  descriptor: Descriptor,
  depositor: Depositor,
  named: readonly Named[],
  threshold: number,
  handle: Handle,
  readers: readonly string[],
  randomness: Uint8Array = crypto.getRandomValues(new Uint8Array(ID_BYTES + KEY_BYTES)),
): Promise<Record> {
  if (!levels(descriptor.highest).includes(threshold)) {
    throw new RangeError(`a threshold is from 2 to ${descriptor.highest}`);
  }
  const different = new Set(named.map(({ identifier }) => encodeIdentifier(identifier).join())).size;
  if (!named.length || named.length > IDENTIFIERS_MOST || different !== named.length) {
    throw new RangeError(`a record names from 1 to ${IDENTIFIERS_MOST} identifiers, each once`);
  }
  const [id, key] = [randomness.slice(0, ID_BYTES), randomness.slice(ID_BYTES)];
  const sealing = { descriptor, depositor, threshold, id, key };
  const entries = named.map((each, place) => sealEntry(sealing, each, place));
  const envelope = await sealEnvelope(sealing, handle, readers);
  key.fill(0);
  const unsigned = { descriptor: descriptor.hash, id, credential: depositor.credential, entries, envelope };
  return { ...unsigned, signature: sign(depositor.seed, RECORD, encodeBody(unsigned)) };
}

interface Sealing {
  readonly descriptor: Descriptor;
  readonly depositor: Depositor;
  readonly threshold: number;
  readonly id: Uint8Array;
  readonly key: Uint8Array;
}

function sealEntry(
  { descriptor, depositor, threshold, id, key }: Sealing,
  { identifier, evaluated }: Named,
  place: number,
): Entry {
  const bits = descriptor.bucketBits;
  const x = point(depositor.credential.holder, descriptor.escrow);
  const tagged = derive(encodeElement(evaluated.tag), BUCKET, descriptor.escrow, BUCKET_BYTES);
  const bucket = Math.floor(new Reader(tagged, "bucket").number(BUCKET_BYTES) / 2 ** (8 * BUCKET_BYTES - bits));
  const all = levels(descriptor.highest).map((j): [readonly Element[], Bytes] => {
    if (j >= threshold) {
      const context = wrapContext(descriptor.escrow, j, x, id, place);
      return [evaluated.rows.get(j)!, wrap(evaluated.values.get(j)!, context, key)];
    }
    // The row is the same for every deposit of hers about this person, as real rows are, and as long and as random. The
    // wrap is another one for every record, as real wraps are.
    const about = joined(number(j, 1), encodeIdentifier(identifier));
    const row = Array.from({ length: j }, (_, n) =>
      hashToElement(joined(depositor.hidden, number(n, 1), about), DECOY),
    );
    return [row, derive(depositor.hidden, DECOY, joined(id, number(place, 1), about), WRAP_BYTES)];
  });
  return { bits, bucket, rows: all.map(([row]) => row), wraps: all.map(([, each]) => each) };
}

/** What a wrap is good for alone. */
function wrapContext(escrow: Uint8Array, level: number, x: Scalar, record: Uint8Array, place: number): Bytes {
  return joined(escrow, number(level, 1), encodeScalar(x), record, number(place, 1));
}

/** The record's key under k_j(0, x) H, after a commitment to that: no wrap opens with two values. */
function wrap(value: Element, context: Uint8Array, key: Uint8Array): Bytes {
  const derived = derive(encodeElement(value), WRAP, context, COMMITMENT_BYTES + KEY_BYTES);
  const wrapped = encrypt(derived.subarray(COMMITMENT_BYTES), key, context);
  return joined(derived.subarray(0, COMMITMENT_BYTES), wrapped);
}

async function sealEnvelope(
  { descriptor, depositor, id, key }: Sealing,
  handle: Handle,
  readers: readonly string[],
): Promise<Bytes> {
  const signed = encodeHandle(handle);
  const signature = sign(depositor.seed, HANDLE, joined(descriptor.escrow, id, signed));
  const inner = joined(signed, encodeCredential(depositor.credential), signature);
  const file = prefixed(await sealForReaders(inner, depositor.recipient, readers));
  return encrypt(key, filled(file, FILE_BYTES), joined(descriptor.escrow, id));
}

/** With zeros. */
function filled(data: Uint8Array, length: number): Bytes {
  const whole = new Uint8Array(length);
  whole.set(data);
  return whole;
}
