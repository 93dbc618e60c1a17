// SPDX-License-Identifier: AGPL-3.0-or-later

import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeCredential } from "../src/credentials.ts";
import { decodeDescriptor } from "../src/descriptor.ts";
import { joined, Reader } from "../src/encoding.ts";
import { Undecodable } from "../src/errors.ts";
import { decodeElement, type Element, encodeElement } from "../src/group.ts";
import {
  bases,
  decodeHandle,
  deposit,
  type Depositor,
  encodeHandle,
  encodeRecord,
  type Handle,
  type Named,
} from "../src/escrow.ts";
import { decodeIdentifier } from "../src/identifiers.ts";
import { unseal } from "../src/reports.ts";
import { decrypt } from "../src/seals.ts";
import { verify } from "../src/signatures.ts";
import { parseTelephone } from "../src/telephone.ts";
import { fromHex, hex, vectors } from "./vectors.ts";

interface Shown {
  readonly mailbox: string;
  readonly recipient: string;
  readonly language: string;
  readonly hours: string;
}
interface Told {
  readonly identifier: string;
  readonly tag: string;
  readonly rows: { readonly [level: string]: readonly string[] };
  readonly values: { readonly [level: string]: string };
}
interface Recorded {
  readonly why: string;
  readonly depositor: number;
  readonly threshold: number;
  readonly named: readonly Told[];
  readonly handle: Shown;
  readonly readers: readonly string[];
  readonly id: string;
  readonly key: string;
  readonly inner: string;
  readonly record: string;
}

const file = vectors<{
  readonly descriptor: string;
  readonly bases: readonly { why: string; identifier: string; escrow: string; highest: number; bases: string[] }[];
  readonly handles: readonly ({ readonly why: string; readonly valid: boolean; readonly encoded: string } & Shown)[];
  readonly depositors: readonly {
    readonly seed: string;
    readonly credential: string;
    readonly hidden: string;
    readonly identity: string;
    readonly recipient: string;
  }[];
  readonly desk: string;
  readonly records: readonly Recorded[];
}>("escrow");
const descriptor = decodeDescriptor(fromHex(file.descriptor));
const ENVELOPE_BYTES = 4112;
const SIGNATURE_BYTES = 64;

const element = (text: string) => decodeElement(fromHex(text));
const hexed = (some: readonly Element[]) => some.map((each) => hex(encodeElement(each)));
const identifierOf = (encoded: string) => decodeIdentifier(fromHex(encoded), parseTelephone);

function handleOf({ mailbox, recipient, language, hours }: Shown): Handle {
  return { mailbox: fromHex(mailbox), recipient, language, hours };
}

function depositorOf(place: number): Depositor {
  const { seed, credential, hidden, recipient } = file.depositors[place]!;
  return { seed: fromHex(seed), credential: decodeCredential(fromHex(credential)), hidden: fromHex(hidden), recipient };
}

function namedOf({ identifier, tag, rows, values }: Told): Named {
  const levels = <T, U>(some: { readonly [level: string]: T }, of: (each: T) => U) =>
    new Map(Object.entries(some).map(([j, each]) => [Number(j), of(each)]));
  const [its, all] = [levels(rows, (row) => row.map(element)), levels(values, element)];
  return { identifier: identifierOf(identifier), evaluated: { tag: element(tag), rows: its, values: all } };
}

for (const { why, identifier, escrow, highest, bases: expected } of file.bases) {
  test(`bases: ${why}`, () => {
    assert.deepEqual(hexed(bases(fromHex(escrow), highest, identifierOf(identifier))), expected);
  });
}

for (const each of file.handles) {
  test(`handle: ${each.why}`, () => {
    if (!each.valid) {
      assert.throws(() => decodeHandle(fromHex(each.encoded)), Undecodable);
      return;
    }
    assert.equal(hex(encodeHandle(handleOf(each))), each.encoded);
    assert.deepEqual(decodeHandle(fromHex(each.encoded)), handleOf(each));
  });
}

for (const each of file.records) {
  test(`record: ${each.why}`, async () => {
    const depositor = depositorOf(each.depositor);
    const [id, key] = [fromHex(each.id), fromHex(each.key)];
    const record = await deposit(
      descriptor,
      depositor,
      each.named.map(namedOf),
      each.threshold,
      handleOf(each.handle),
      each.readers,
      joined(id, key),
    );
    const encoded = encodeRecord(record);
    const before = encoded.length - ENVELOPE_BYTES - SIGNATURE_BYTES;
    assert.equal(hex(encoded.subarray(0, before)), each.record.slice(0, 2 * before));
    const label = new TextEncoder().encode("notalone/escrow/record/v1");
    const body = encoded.subarray(0, -SIGNATURE_BYTES);
    verify(depositor.credential.holder, label, body, encoded.subarray(-SIGNATURE_BYTES));
    const envelopes = [encoded, fromHex(each.record)].map((whole) => whole.slice(before, -SIGNATURE_BYTES));
    for (const envelope of envelopes) {
      const age = new Reader(decrypt(key, envelope, joined(descriptor.escrow, id)), "envelope").prefixed(4096);
      for (const identity of [file.desk, file.depositors[each.depositor]!.identity]) {
        assert.equal(hex(await unseal(age, identity)), each.inner);
      }
    }
    assert.equal(hex(record.id), each.id);
  });
}

test("two deposits about the same person have the same rows, and nothing else in common", async () => {
  const [first] = file.records as [Recorded];
  const make = () =>
    deposit(descriptor, depositorOf(0), first.named.map(namedOf), 3, handleOf(first.handle), first.readers);
  const [one, two] = [await make(), await make()];
  const rows = (some: typeof one) => some.entries.map(({ rows }) => rows.map(hexed));
  assert.deepEqual(rows(one), rows(two));
  assert.notEqual(hex(one.id), hex(two.id));
  one.entries[0]!.wraps.forEach((each, n) => assert.notEqual(hex(each), hex(two.entries[0]!.wraps[n]!)));
  assert.notEqual(hex(one.envelope), hex(two.envelope));
});

test("mistakes of ours", async () => {
  const [first] = file.records as [Recorded];
  const named = first.named.map(namedOf);
  const make = (some: readonly Named[], threshold: number, handle = handleOf(first.handle)) =>
    deposit(descriptor, depositorOf(0), some, threshold, handle, first.readers);
  for (const threshold of [0, 1, 2.5, 4]) await assert.rejects(() => make(named, threshold), RangeError);
  await assert.rejects(() => make([], 2), RangeError);
  await assert.rejects(() => make([...named, ...named], 2), RangeError);
  await assert.rejects(() => make(Array.from({ length: 5 }, () => named[0]!), 2), RangeError);
  const handle = handleOf(first.handle);
  for (const wrong of [{ ...handle, mailbox: new Uint8Array(31) }, { ...handle, hours: "h".repeat(512) }]) {
    await assert.rejects(() => make(named, 2, wrong), RangeError);
  }
});
