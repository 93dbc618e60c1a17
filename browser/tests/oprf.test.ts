// SPDX-License-Identifier: AGPL-3.0-or-later

import assert from "node:assert/strict";
import { test } from "node:test";
import { joined } from "../src/encoding.ts";
import { Undecodable, WrongProof } from "../src/errors.ts";
import { decodeScalar, encodeScalar } from "../src/group.ts";
import { blind, type Blinded, finalize, finalizeProved } from "../src/oprf.ts";
import { fromHex, hex, vectors } from "./vectors.ts";

interface Case {
  readonly why: string;
  readonly mode: "OPRF" | "VOPRF";
  readonly public: string;
  readonly inputs: readonly string[];
  readonly blinds: readonly string[];
  readonly blinded: readonly string[];
  readonly evaluated: readonly string[];
  readonly outputs: readonly string[];
  readonly proof: string;
}

const { cases } = vectors<{ readonly cases: readonly Case[] }>("oprf");

/** noble adds one to what it draws, so that no blind is zero. */
function blindWith(input: Uint8Array, scalar: string, mode: "oprf" | "voprf"): Blinded {
  return blind(input, mode, joined(encodeScalar(decodeScalar(fromHex(scalar)) - 1n), new Uint8Array(32)));
}

function batch({ inputs, blinds, mode }: Case): Blinded[] {
  const name = mode === "OPRF" ? "oprf" : "voprf";
  return inputs.map((input, n) => blindWith(fromHex(input), blinds[n]!, name));
}

for (const each of cases) {
  test(`${each.mode}: ${each.why}`, () => {
    const blinded = batch(each);
    const evaluated = each.evaluated.map(fromHex);
    assert.deepEqual(blinded.map((one) => hex(one.blinded)), each.blinded);
    assert.deepEqual(blinded.map((one) => hex(one.blind)), each.blinds);
    const outputs =
      each.mode === "OPRF"
        ? blinded.map((one, n) => finalize(one, evaluated[n]!))
        : finalizeProved(blinded, evaluated, fromHex(each.public), fromHex(each.proof));
    assert.deepEqual(outputs.map(hex), each.outputs);
  });
}

test("a proof holds for exactly what it was made for", () => {
  const each = cases.at(-1)!;
  const [blinded, evaluated] = [batch(each), each.evaluated.map(fromHex)];
  const [key, proof, other] = [fromHex(each.public), fromHex(each.proof), fromHex(cases[0]!.blinded[0]!)];
  const swapped = joined(proof.subarray(32), proof.subarray(0, 32));
  assert.throws(() => finalizeProved(blinded, evaluated, other, proof), WrongProof);
  assert.throws(() => finalizeProved(blinded, evaluated.toReversed(), key, proof), WrongProof);
  assert.throws(() => finalizeProved(blinded.toReversed(), evaluated.toReversed(), key, proof), WrongProof);
  assert.throws(() => finalizeProved(blinded.slice(1), evaluated.slice(1), key, proof), WrongProof);
  assert.throws(() => finalizeProved(blinded, [evaluated[0]!, other], key, proof), WrongProof);
  assert.throws(() => finalizeProved(blinded, evaluated, key, swapped), WrongProof);
  for (const wrong of [proof.subarray(1), joined(proof, Uint8Array.of(0)), new Uint8Array(64)]) {
    assert.throws(() => finalizeProved(blinded, evaluated, key, wrong), Undecodable);
  }
  for (const wrong of [new Uint8Array(32), new Uint8Array(31), new Uint8Array(32).fill(255)]) {
    assert.throws(() => finalizeProved(blinded, [evaluated[0]!, wrong], key, proof), Undecodable);
    assert.throws(() => finalizeProved(blinded, evaluated, wrong, proof), Undecodable);
    assert.throws(() => finalize(blinded[0]!, wrong), Undecodable);
  }
  assert.throws(() => finalizeProved(blinded, evaluated.slice(1), key, proof), RangeError);
});

test("a fresh blind hides the input", () => {
  const input = Uint8Array.of(7);
  assert.notEqual(hex(blind(input, "oprf").blinded), hex(blind(input, "oprf").blinded));
});
