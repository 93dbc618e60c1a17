// SPDX-License-Identifier: AGPL-3.0-or-later
// Reports as in src/notalone/protocol/reports.py: what she writes, padded and sealed as an age file. typage alone
// decides what opens; a file that it refused is looked at again, only to say what is wrong with it.

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import { type Bytes, joined, listed, number, prefixed, Reader } from "./encoding.ts";
import { Undecodable } from "./errors.ts";

const VERSION = 1;
const TEXT_MOST = 262_144;
const ATTACHMENTS_MOST = 10;
const NAME_MOST = 255;
const MEDIA_TYPE_MOST = 127;

const LENGTH_BYTES = 4;
const STEP = 65_536;
const CHUNKS_MOST = 512;
const CONTENT_MOST = CHUNKS_MOST * STEP - LENGTH_BYTES;

const RECIPIENTS_MOST = 20;
const STANZAS_STEP = 8;
const HEADER_MOST = 8_192;
const NONCE_BYTES = 16;
const SEALED_CHUNK = STEP + 16;
const FILE_MOST = HEADER_MOST + NONCE_BYTES + CHUNKS_MOST * SEALED_CHUNK;

const WHAT = "report";
const LANGUAGE = /^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$/;
const SURROGATE = /\p{Surrogate}/u;
// Control characters; what separates folders; what reverses the order of letters, so that "gpj.exe" reads "exe.jpg".
const NOT_IN_NAME = /[\x00-\x1f\x7f-\x9f/\\\u2028-\u202e\u2066-\u2069]/;
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*$/;

const utf8 = new TextEncoder();
// Without `ignoreBOM` it would drop a first character that she wrote.
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** This file cannot be opened. Each reason that can be told apart is a class of its own. */
export class UnreadableReport extends Undecodable {
  constructor(problem: string) {
    super(WHAT, problem);
  }
}

export class NotAge extends UnreadableReport {
  constructor() {
    super("is not an age file, or not a binary one");
  }
}

export class NotForYou extends UnreadableReport {
  constructor() {
    super("was sealed for other keys than this one, or the lines for this key were changed");
  }
}

export class HeaderChanged extends UnreadableReport {
  constructor() {
    super("has a header that is not as age writes it, or that was changed");
  }
}

export class CutShort extends UnreadableReport {
  constructor() {
    super("ends before its end: a part of the file is missing");
  }
}

export class TrailingData extends UnreadableReport {
  constructor() {
    super("goes on after its end: something was added to the file");
  }
}

export class Reordered extends UnreadableReport {
  constructor() {
    super("has its parts in another order: some were moved, left out or repeated");
  }
}

export class Changed extends UnreadableReport {
  constructor() {
    super("is not as it was written: something in it was changed");
  }
}

// ---- what is in a report ----

/** A file she adds. `mediaType` as in RFC 6838, in small letters, without parameters. */
export interface Attachment {
  readonly name: string;
  readonly mediaType: string;
  readonly data: Uint8Array;
}

/** Her words, in the language they are in (a tag as calls have it), and what she attaches. */
export interface Report {
  readonly text: string;
  readonly language: string;
  readonly attachments: readonly Attachment[];
}

/** Throws RangeError. */
export function encodeReport(report: Report): Bytes {
  const { text, language, attachments } = checked(report);
  return joined(
    number(VERSION, 1),
    prefixed(utf8.encode(language)),
    prefixed(utf8.encode(text)),
    listed(
      attachments.map(({ name, mediaType, data }) =>
        joined(prefixed(utf8.encode(name)), prefixed(utf8.encode(mediaType)), prefixed(data)),
      ),
    ),
  );
}

/** Throws Undecodable. */
export function decodeReport(data: Uint8Array): Report {
  const reader = new Reader(data, WHAT);
  const version = reader.number(1);
  if (version !== VERSION) throw new Undecodable(WHAT, `version ${version}, where ${VERSION} is known`);
  const [language, text] = [readText(reader, MEDIA_TYPE_MOST), readText(reader, TEXT_MOST)];
  const attachments = reader.listed(ATTACHMENTS_MOST, (inner) => ({
    name: readText(inner, NAME_MOST),
    mediaType: readText(inner, MEDIA_TYPE_MOST),
    data: inner.prefixed(CONTENT_MOST),
  }));
  reader.end();
  try {
    return checked({ text, language, attachments });
  } catch (error) {
    throw error instanceof RangeError ? new Undecodable(WHAT, error.message) : error;
  }
}

function checked({ text, language, attachments }: Report): Report {
  const normalText = normal(text, TEXT_MOST, "the text");
  if (!LANGUAGE.test(language)) throw new RangeError("the language is no tag of a language");
  if (attachments.length > ATTACHMENTS_MOST) {
    throw new RangeError(`${attachments.length} attachments, where ${ATTACHMENTS_MOST} are the most`);
  }
  return { text: normalText, language, attachments: attachments.map(checkedAttachment) };
}

function checkedAttachment({ name, mediaType, data }: Attachment): Attachment {
  const normalName = normal(name, NAME_MOST, "an attachment's name");
  if (["", ".", ".."].includes(normalName) || NOT_IN_NAME.test(normalName)) {
    throw new RangeError("an attachment's name is no name of a file");
  }
  if (mediaType.length > MEDIA_TYPE_MOST || !MEDIA_TYPE.test(mediaType)) {
    throw new RangeError("an attachment's media type is none");
  }
  return { name: normalName, mediaType, data };
}

/** In NFC. Throws RangeError for a lone surrogate and for more than `most` bytes of UTF-8. */
function normal(text: string, most: number, what: string): string {
  if (SURROGATE.test(text)) throw new RangeError(`${what} holds half of a character`);
  const normalized = text.normalize("NFC");
  const { length } = utf8.encode(normalized);
  if (length > most) throw new RangeError(`${what} has ${length} bytes, where ${most} are the most`);
  return normalized;
}

function readText(reader: Reader, most: number): string {
  const data = reader.prefixed(most);
  try {
    return strictUtf8.decode(data);
  } catch {
    throw new Undecodable(WHAT, "a text that is not UTF-8");
  }
}

// ---- padding ----

/** How long content of `length` bytes is after padding: Padmé's length, in whole steps. Throws RangeError. */
export function paddedLength(length: number): number {
  if (!Number.isInteger(length) || length < 0 || length > CONTENT_MOST) {
    throw new RangeError(`${length} bytes, where ${CONTENT_MOST} are the most`);
  }
  const needed = LENGTH_BYTES + length;
  const exponent = 31 - Math.clz32(needed);
  const step = Math.max(STEP, 2 ** (exponent - (32 - Math.clz32(exponent))));
  return Math.ceil(needed / step) * step;
}

/** The content after its length, then zeros. Throws RangeError when it is too long. */
export function pad(content: Uint8Array): Bytes {
  const padded = new Uint8Array(paddedLength(content.length));
  padded.set(number(content.length, LENGTH_BYTES));
  padded.set(content, LENGTH_BYTES);
  return padded;
}

/** Throws Undecodable for anything that `pad` does not make. */
export function unpad(data: Uint8Array): Bytes {
  const content = new Reader(data, WHAT).prefixed(CONTENT_MOST);
  const expected = paddedLength(content.length);
  if (data.length !== expected) throw new Undecodable(WHAT, `padded to ${data.length} bytes instead of ${expected}`);
  if (data.subarray(LENGTH_BYTES + content.length).some((byte) => byte !== 0)) {
    throw new Undecodable(WHAT, "padded with something else than zeros");
  }
  return content;
}

// ---- age files ----

/**
 * An age file of the report. `hers`: her own recipient (age1...), so that she can always read what she wrote.
 * Throws Undecodable for what is no recipient; RangeError for one that is there twice, for too many, and for a report
 * that is too long.
 */
export async function encrypt(report: Report, hers: string, others: readonly string[]): Promise<Bytes> {
  return seal(pad(encodeReport(report)), hers, others);
}

/**
 * The report in an age file. `identity`: AGE-SECRET-KEY-1...
 * Throws UnreadableReport when the file does not open, and Undecodable for what is no identity, and when what was
 * sealed is no report: then whoever sealed it made it so.
 */
export async function decrypt(file: Uint8Array, identity: string): Promise<Report> {
  return decodeReport(unpad(await unseal(file, identity)));
}

/** An age file of these bytes, as `encrypt` makes it of a padded report. */
export async function seal(data: Uint8Array, hers: string, others: readonly string[]): Promise<Bytes> {
  const recipients = [hers, ...others];
  if (recipients.length > RECIPIENTS_MOST) {
    throw new RangeError(`${recipients.length} recipients, where ${RECIPIENTS_MOST} are the most`);
  }
  if (new Set(recipients).size !== recipients.length) throw new RangeError("a recipient is there twice");
  for (const each of recipients) await checkRecipient(each);
  // Nobody keeps the keys of these: they hide how many can read the file.
  while (recipients.length % STANZAS_STEP) {
    recipients.push(await identityToRecipient(await generateX25519Identity()));
  }
  const encrypter = new Encrypter();
  for (const each of shuffled(recipients)) encrypter.addRecipient(each);
  return new Uint8Array(await encrypter.encrypt(data));
}

/** What was sealed, as `decrypt` opens it. Throws UnreadableReport, and Undecodable for what is no identity. */
export async function unseal(file: Uint8Array, identity: string): Promise<Bytes> {
  const decrypter = new Decrypter();
  try {
    // typage takes identities of other kinds too.
    if (!/^AGE-SECRET-KEY-1[0-9A-Z]{58}$/.test(identity)) throw new RangeError();
    decrypter.addIdentity(identity);
  } catch {
    throw new Undecodable("identity", "is no X25519 identity of age");
  }
  const header = headerOf(file);
  try {
    return new Uint8Array(await decrypter.decrypt(file));
  } catch {
    throw await refusal(header, file.subarray(header.length), decrypter);
  }
}

/** Throws Undecodable, also for a point of low order: all the world would open what it gets. typage refuses both. */
async function checkRecipient(text: string): Promise<void> {
  const encrypter = new Encrypter();
  try {
    // typage takes recipients of other kinds too.
    if (!/^age1[02-9ac-hj-np-z]{58}$/.test(text)) throw new RangeError();
    encrypter.addRecipient(text);
  } catch {
    throw new Undecodable("recipient", "is no X25519 recipient of age");
  }
  try {
    await encrypter.encrypt(new Uint8Array());
  } catch {
    throw new Undecodable("recipient", "is a key that keeps no secret");
  }
}

/** In an order that tells nothing: by 64 random bits each. */
function shuffled(items: readonly string[]): string[] {
  const keys = crypto.getRandomValues(new BigUint64Array(items.length));
  const places = items.map((_, place) => place).sort((a, b) => (keys[a]! < keys[b]! ? -1 : 1));
  return places.map((place) => items[place]!);
}

// ---- why a file does not open ----

const ANY = "[A-Za-z0-9+/]";
const BITS_16 = "[AEIMQUYcgkosw048]";
const BYTES_32 = `${ANY}{42}${BITS_16}`;
const LAST_LINE = `(?:${ANY}{4}){0,15}(?:${ANY}[AQgw]|${ANY}{2}${BITS_16})?`;
const MAGIC = "age-encryption.org/v1\n";
const X25519 = `-> X25519 ${BYTES_32}\\n${BYTES_32}\\n`;
const SCRYPT = `-> scrypt [!-~]+ [!-~]+\\n${BYTES_32}\\n`;
const OTHER = `-> (?!(?:X25519|scrypt)[ \\n])[!-~]+(?: [!-~]+)*\\n(?:${ANY}{64}\\n)*${LAST_LINE}\\n`;
const HEADER = new RegExp(`^age-encryption\\.org/v1\\n(?:${SCRYPT}|(?:${X25519}|${OTHER})+)--- ${BYTES_32}\\n`);

/** The header, to its last line's end. Throws UnreadableReport for all that has not the form of one. */
function headerOf(file: Uint8Array): Uint8Array {
  if (file.length > FILE_MOST) throw new UnreadableReport(`has ${file.length} bytes, where ${FILE_MOST} are the most`);
  const start = String.fromCharCode(...file.subarray(0, HEADER_MOST));
  if (!start.startsWith(MAGIC)) throw MAGIC.startsWith(start) ? new CutShort() : new NotAge();
  const found = HEADER.exec(start);
  if (found) return file.subarray(0, found[0].length);
  // Every header ends within this many bytes, and nothing in it is binary.
  const textAlone = start.length < HEADER_MOST && /^[\n -~]*$/.test(start);
  throw textAlone && !/\n--- [^\n]*\n/.test(start) ? new CutShort() : new HeaderChanged();
}

/** What is wrong with a file of this header that typage did not open. `decrypter`: with its one identity. */
async function refusal(header: Uint8Array, body: Uint8Array, decrypter: Decrypter): Promise<UnreadableReport> {
  let matched = true;
  // typage comes to a second identity only where the first opened no stanza.
  decrypter.addIdentity({
    unwrapFileKey: () => {
      matched = false;
      return null;
    },
  });
  let fileKey: Uint8Array;
  try {
    fileKey = await decrypter.decryptHeader(header);
  } catch {
    return matched ? new HeaderChanged() : new NotForYou();
  }
  return chunkRefusal(body, fileKey);
}

/** What is wrong with the nonce and the chunks after a good header. Every report is whole chunks. */
function chunkRefusal(body: Uint8Array, fileKey: Uint8Array): UnreadableReport {
  const key = hkdf(sha256, fileKey, body.subarray(0, NONCE_BYTES), utf8.encode("payload"), 32);
  const payload = body.subarray(NONCE_BYTES);
  const rest = payload.length % SEALED_CHUNK;
  const whole = (payload.length - rest) / SEALED_CHUNK;

  const opens = (chunk: Uint8Array, place: number, last: boolean): boolean => {
    try {
      chacha20poly1305(key, joined(new Uint8Array(7), number(place, 4), number(last ? 1 : 0, 1))).decrypt(chunk);
      return true;
    } catch {
      return false;
    }
  };

  for (let place = 0; place < whole; place++) {
    const chunk = payload.subarray(place * SEALED_CHUNK, (place + 1) * SEALED_CHUNK);
    const last = rest === 0 && place === whole - 1;
    if (opens(chunk, place, last)) continue;
    if (opens(chunk, place, !last)) return last ? new CutShort() : new TrailingData();
    for (let other = 0; other < CHUNKS_MOST; other++) {
      if (opens(chunk, other, false) || opens(chunk, other, true)) return new Reordered();
    }
    return new Changed();
  }
  // With all its chunks in place, it is the header that typage does not take, and whoever sealed it made it so.
  return rest > 0 || whole === 0 ? new CutShort() : new HeaderChanged();
}
