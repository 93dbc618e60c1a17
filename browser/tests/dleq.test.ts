// SPDX-License-Identifier: AGPL-3.0-or-later

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Claim, decodeProof, verify } from "../src/dleq.ts";
import { Undecodable, WrongProof } from "../src/errors.ts";
import { decodeElement, GENERATOR } from "../src/group.ts";
import { fromHex, vectors } from "./vectors.ts";

interface Case {
  readonly why: string;
  readonly context: string;
  readonly bases: readonly string[];
  readonly claims: readonly { readonly base: number; readonly commitment: string; readonly answer: string }[];
  readonly proof: string;
  readonly error: "wrong" | "undecodable";
}

const file = vectors<{ readonly proved: readonly Case[]; readonly proofs: readonly Case[] }>("dleq");
const errors = { wrong: WrongProof, undecodable: Undecodable };

function check({ context, bases, claims, proof }: Case): void {
  const element = (text: string) => decodeElement(fromHex(text));
  const claimed: Claim[] = claims.map(({ base, commitment, answer }) => ({
    base,
    commitment: element(commitment),
    answer: element(answer),
  }));
  verify(fromHex(context), bases.map(element), claimed, decodeProof(fromHex(proof), bases.length));
}

for (const each of file.proved) test(`proved: ${each.why}`, () => check(each));

for (const each of file.proofs) {
  test(`proof: ${each.why}`, () => assert.throws(() => check(each), errors[each.error]));
}

test("a proof for nothing, or with too few responses", () => {
  const [claim, proof] = [{ base: 0, commitment: GENERATOR, answer: GENERATOR }, { challenge: 1n, responses: [1n] }];
  const nothing = new Uint8Array();
  assert.throws(() => verify(nothing, [GENERATOR], [], proof), RangeError);
  assert.throws(() => verify(nothing, [], [claim], { challenge: 1n, responses: [] }), RangeError);
  const many = Array.from({ length: 256 }, () => GENERATOR);
  assert.throws(() => verify(nothing, many, [claim], { challenge: 1n, responses: many.map(() => 1n) }), RangeError);
  assert.throws(() => verify(nothing, [GENERATOR, GENERATOR], [claim], proof), WrongProof);
});
