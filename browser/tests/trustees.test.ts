// SPDX-License-Identifier: AGPL-3.0-or-later

import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeCredential, point } from "../src/credentials.ts";
import { decodeDescriptor, publicShares } from "../src/descriptor.ts";
import { Fault } from "../src/errors.ts";
import {
  decodeElement,
  decodeScalar,
  type Element,
  encodeElement,
  encodeScalar,
  GENERATOR,
  randomScalar,
  reduceScalar,
  times,
} from "../src/group.ts";
import { ask, blind, combine, encodeQuestion, hashQuestion, type Question, readAnswer } from "../src/trustees.ts";
import { fromHex, hex, vectors } from "./vectors.ts";

interface Case {
  readonly why: string;
  readonly valid: boolean;
  readonly blame: string;
}
interface Asked extends Case {
  readonly trustee: number;
  readonly request: string;
  readonly reply: string;
  readonly points: readonly (readonly string[])[];
  readonly encoded: string;
  readonly hash: string;
  readonly random: string;
  readonly sealed: string;
}

const file = vectors<{
  readonly descriptor: string;
  readonly depositor: { readonly seed: string; readonly credential: string; readonly x: string };
  readonly blinded: readonly (Case & Readonly<Record<"bases" | "random" | "blinds" | "points", readonly string[]>>)[];
  readonly questions: readonly Asked[];
  readonly answers: readonly (Case & {
    readonly question: number;
    readonly sealed: string;
    readonly elements: readonly (readonly string[])[];
  })[];
  readonly combined: readonly (Case & {
    readonly blinded: number;
    readonly answers: readonly { readonly trustee: number; readonly elements: readonly string[] }[];
    readonly tag: string;
    readonly rows: Readonly<Record<string, readonly string[]>>;
    readonly values: Readonly<Record<string, string>>;
  })[];
}>("trustees");
const descriptor = decodeDescriptor(fromHex(file.descriptor));
const credential = decodeCredential(fromHex(file.depositor.credential));

const element = (text: string) => decodeElement(fromHex(text));
const hexed = (some: readonly Element[]) => some.map((each) => hex(encodeElement(each)));

function questionOf({ trustee, request, reply, points }: Asked): Question {
  return {
    descriptor: descriptor.hash,
    epoch: descriptor.epoch,
    trustee,
    request: fromHex(request),
    credential,
    reply: times(decodeScalar(fromHex(reply)), GENERATOR),
    points: points.map((each) => each.map(element)),
  };
}

for (const each of file.blinded) {
  test(`blinded: ${each.why}`, () => {
    const blinds = each.random.map((bytes) => reduceScalar(fromHex(bytes)));
    assert.deepEqual(blinds.map((one) => hex(encodeScalar(one))), each.blinds);
    assert.deepEqual(hexed(blind(each.bases.map(element), blinds).points), each.points);
    assert.notDeepEqual(hexed(blind(each.bases.map(element)).points), each.points);
  });
}

for (const each of file.questions) {
  test(`question: ${each.why}`, () => {
    const question = questionOf(each);
    assert.equal(hex(encodeQuestion(question)), each.encoded);
    assert.equal(hex(hashQuestion(question)), each.hash);
    const once = reduceScalar(fromHex(each.random));
    assert.equal(hex(ask(question, descriptor, fromHex(file.depositor.seed), once)), each.sealed);
    assert.equal(hex(encodeScalar(point(credential.holder, descriptor.escrow))), file.depositor.x);
  });
}

for (const { why, question: place, sealed, elements, valid, blame } of file.answers) {
  test(`answer: ${why}`, () => {
    const asked = file.questions[place]!;
    const question = questionOf(asked);
    const step = () => readAnswer(descriptor, question, decodeScalar(fromHex(asked.reply)), fromHex(sealed));
    if (!valid) {
      const index = blame === "trustee" ? question.trustee : undefined;
      assert.throws(step, ({ party }: Fault) => party.role === blame && party.index === index);
      return;
    }
    assert.deepEqual(step().map(hexed), elements);
  });
}

for (const { why, blinded: place, answers, tag, rows, values } of file.combined) {
  test(`combined: ${why}`, () => {
    const { points, blinds } = file.blinded[place]!;
    const blinded = { points: points.map(element), blinds: blinds.map((each) => decodeScalar(fromHex(each))) };
    const some = new Map(answers.map(({ trustee, elements }) => [trustee, elements.map(element)]));
    const found = combine(descriptor, blinded, some);
    assert.equal(hex(encodeElement(found.tag)), tag);
    assert.deepEqual(Object.fromEntries([...found.rows].map(([j, row]) => [j, hexed(row)])), rows);
    assert.deepEqual(Object.fromEntries([...found.values].map(([j, each]) => [j, hex(encodeElement(each))])), values);
    assert.throws(() => combine(descriptor, blinded, new Map([...some].slice(1))), RangeError);
  });
}

test("an answer is read alike with shares that were worked out before", () => {
  const [{ question: place, sealed, elements }] = file.answers as [(typeof file.answers)[number]];
  const asked = file.questions[place]!;
  const read = (trustee: number) =>
    readAnswer(
      descriptor,
      questionOf(asked),
      decodeScalar(fromHex(asked.reply)),
      fromHex(sealed),
      publicShares(descriptor, trustee),
    );
  assert.deepEqual(read(asked.trustee).map(hexed), elements);
  assert.throws(() => read(asked.trustee + 1), Fault);
});

test("a reply key that is another opens nothing, and a trustee that is none is not asked", () => {
  const [asked] = file.questions as [Asked];
  const question = questionOf(asked);
  assert.throws(
    () => readAnswer(descriptor, question, randomScalar(), fromHex(file.answers[0]!.sealed)),
    (error) => error instanceof Fault && error.party.role === "server",
  );
  assert.throws(() => ask({ ...question, trustee: 9 }, descriptor, fromHex(file.depositor.seed)), RangeError);
});
