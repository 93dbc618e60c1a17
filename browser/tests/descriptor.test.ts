// SPDX-License-Identifier: AGPL-3.0-or-later

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  checkChain,
  decodeDescriptor,
  decodeSigned,
  fingerprint,
  publicShares,
  readDesk,
  trusteeOf,
} from "../src/descriptor.ts";
import { Fault, Undecodable } from "../src/errors.ts";
import { encodeElement } from "../src/group.ts";
import { WordList } from "../src/words.ts";
import { fromHex, hex, vectors, words } from "./vectors.ts";

interface Case {
  readonly why: string;
  readonly valid: boolean;
  readonly encoded: string;
  readonly blame: string;
}
type Texts = Readonly<Record<"escrow" | "issuer" | "counsellors" | "transcript" | "previous" | "hash", string>>;
type Limits = Readonly<Record<"epoch" | "highest" | "quorum" | "bucket_bits" | "budget" | "credentials", number>>;
interface Fields extends Case, Texts, Limits {
  readonly fingerprint: readonly string[];
  readonly trustees: readonly {
    readonly index: number;
    readonly name: string;
    readonly signing: string;
    readonly sealing: string;
    readonly shares: readonly string[];
  }[];
}

const file = vectors<{
  readonly descriptors: readonly Fields[];
  readonly signed: Readonly<Record<string, string>>;
  readonly undecodable: readonly Case[];
  readonly chains: readonly (Case & {
    readonly first: string;
    readonly versions: readonly string[];
    readonly seen?: string;
    readonly epoch: number;
    readonly hash: string;
  })[];
  readonly desks: readonly (Case & { now: number; least: number; recipients: readonly string[] })[];
}>("descriptor");
const list = new WordList(words());

for (const each of file.descriptors) {
  test(`descriptor: ${each.why}`, () => {
    if (!each.valid) {
      assert.throws(() => decodeDescriptor(fromHex(each.encoded)), Undecodable);
      return;
    }
    const { issuer, trustees, keys, ...found } = decodeDescriptor(fromHex(each.encoded));
    const { escrow, counsellors, transcript, previous, hash } = found;
    assert.deepEqual(
      [escrow, issuer.encoded, counsellors, transcript, previous, hash].map(hex),
      [each.escrow, each.issuer, each.counsellors, each.transcript, each.previous, each.hash],
    );
    const { epoch, highest, quorum, bucketBits, budget, credentials } = found;
    assert.deepEqual(
      [epoch, highest, quorum, bucketBits, budget, credentials],
      [each.epoch, each.highest, each.quorum, each.bucket_bits, each.budget, each.credentials],
    );
    assert.deepEqual(fingerprint(hash, list), each.fingerprint);
    const whole = { issuer, trustees, keys, ...found };
    const shown = trustees.map(({ index, name, signing, sealing }) => ({
      index,
      name,
      signing: hex(signing),
      sealing: hex(encodeElement(sealing)),
      shares: publicShares(whole, index).map((share) => hex(encodeElement(share))),
    }));
    assert.deepEqual(shown, each.trustees);
    assert.equal(trusteeOf(whole, trustees[0]!.index), trustees[0]);
    assert.throws(() => trusteeOf(whole, 9), RangeError);
  });
}

for (const { why, encoded } of file.undecodable) {
  test(`signed descriptor: ${why}`, () => assert.throws(() => decodeSigned(fromHex(encoded)), Undecodable));
}

for (const { why, first, versions, seen, epoch, hash, valid, blame } of file.chains) {
  test(`chain: ${why}`, () => {
    const some = versions.map((name) => decodeSigned(fromHex(file.signed[name]!)));
    const step = () => checkChain(fromHex(first), some, seen === undefined ? undefined : fromHex(seen));
    if (!valid) {
      assert.throws(step, (error) => error instanceof Fault && error.party.role === blame);
      return;
    }
    const newest = step();
    assert.deepEqual([newest.epoch, hex(newest.hash)], [epoch, hash]);
  });
}

for (const { why, encoded, now, least, recipients, valid, blame } of file.desks) {
  test(`desk: ${why}`, () => {
    const of = decodeDescriptor(fromHex(file.descriptors[0]!.encoded));
    const step = () => readDesk(of, fromHex(encoded), now, least);
    if (valid) assert.deepEqual(step().recipients, recipients);
    else assert.throws(step, (error) => error instanceof Fault && error.party.role === blame);
  });
}
