// SPDX-License-Identifier: AGPL-3.0-or-later

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { challenge, type Pace, proofHolds, search, solve } from "../src/proof.ts";

interface Case {
  readonly slug: string;
  readonly nonce: string;
  readonly bits: number;
  readonly proof: string;
  readonly valid: boolean;
  readonly why: string;
  readonly challenge: string;
}

const file = new URL("../../vectors/voice-proof.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(file, "utf8")) as { cases: [Case, ...Case[]] };
const [first] = cases;

for (const { slug, nonce, bits, proof, valid, why, challenge: expected } of cases) {
  test(`vector: ${why}`, () => {
    assert.equal(Buffer.from(challenge(slug, nonce)).toString("hex"), expected);
    assert.equal(proofHolds(slug, nonce, proof, bits), valid);
  });
}

/** A clock that goes on by a millisecond each time it is read. */
function pace(slice: number): Pace & { rests: number } {
  let time = 0;
  return { slice, rests: 0, now: () => time++, async rest() { this.rests += 1; } };
}

test("the search finds the first proof that holds", async () => {
  assert.equal(await solve(first.slug, first.nonce, first.bits, pace(8)), first.proof);
});

test("what the search finds, another SHA-256 confirms", async () => {
  for (let call = 0; call < 20; call++) {
    const found = await solve(`call-${call}`, first.nonce, 10, pace(8));
    const digest = createHash("sha256").update(challenge(`call-${call}`, first.nonce)).update(found, "hex").digest();
    assert.equal(digest.readUInt16BE() >> 6, 0);
    assert.ok(proofHolds(`call-${call}`, first.nonce, found, 10));
  }
});

test("the search can be laid down and taken up again", () => {
  const attempt = search(first.slug, first.nonce, first.bits);
  const before = parseInt(first.proof, 16);
  assert.equal(attempt(before), undefined);
  assert.equal(attempt(1), first.proof);
});

test("the page breathes after every slice", async () => {
  const clock = pace(8);
  await solve(first.slug, first.nonce, first.bits, clock);
  const batches = Math.ceil((parseInt(first.proof, 16) + 1) / 32);
  // Eight looks at the clock a slice; the last slice ends with the proof, not with a rest.
  assert.equal(clock.rests, Math.ceil(batches / 8) - 1);
});

test("bits that make no sense are refused before any work", () => {
  for (const bits of [NaN, -1, 65, Infinity]) assert.throws(() => search("metoo", first.nonce, bits), RangeError);
});
