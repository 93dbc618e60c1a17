// SPDX-License-Identifier: AGPL-3.0-or-later

import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { argon2id } from "@noble/hashes/argon2.js";
import { identityToRecipient } from "age-encryption";
import { Undecodable } from "../src/errors.ts";
import {
  generate,
  Mistyped,
  parse,
  ReturnCode,
  Root,
  stretch,
  UnknownWords,
  WORDS,
  WrongNumber,
  WrongWords,
} from "../src/passphrase.ts";
import { WordList } from "../src/words.ts";
import { fromHex, hex, vectors, words } from "./vectors.ts";

interface Case {
  readonly why: string;
}

interface Vectors {
  readonly published: {
    readonly argon2id: readonly (Case & {
      readonly memory: number;
      readonly passes: number;
      readonly lanes: number;
      readonly password: string;
      readonly salt: string;
      readonly secret: string;
      readonly data: string;
      readonly tag: string;
    })[];
  };
  readonly generated: readonly (Case & { readonly randomness: string; readonly words: readonly string[] })[];
  readonly typed: readonly (Case & {
    readonly typed: string;
    readonly valid: boolean;
    readonly words: readonly string[];
    readonly error: unknown;
  })[];
  readonly derived: readonly (Case & {
    readonly words: readonly string[];
    readonly escrow: string;
    readonly root: string;
    readonly mailbox: string;
    readonly age: string;
    readonly report: string;
    readonly signing: string;
    readonly credential: string;
    readonly dummy: string;
  })[];
}

const { published, generated, typed, derived } = vectors<Vectors>("passphrase");
const TEXT = words();
const LIST = new WordList(TEXT);
const CODE = derived[0]!;

function mistyped(text: string): Mistyped {
  try {
    parse(text, LIST);
  } catch (error) {
    assert.ok(error instanceof Mistyped);
    return error;
  }
  return assert.fail("it was read");
}

function shown(error: Mistyped): unknown {
  if (error instanceof UnknownWords) return { kind: "unknown", unknown: error.unknown };
  if (error instanceof WrongNumber) return { kind: "number", count: error.count };
  assert.ok(error instanceof WrongWords);
  return { kind: "words", corrections: error.corrections() };
}

// ---- the words ----

test("another list is refused", () => {
  assert.equal(LIST.words.length, 7775);
  assert.equal(new WordList(TEXT.replaceAll("\n", "\r\n")).words.length, 7775);
  for (const other of ["", TEXT.replace("zoom", "zoon"), `${TEXT}x`]) {
    assert.throws(() => new WordList(other), (error) => error instanceof Undecodable && error.what === "word list");
  }
});

test("letters that are no words are not read", () => {
  assert.deepEqual(LIST.read("abacuszoom"), [0, 7774]);
  for (const letters of ["x", "abacusx", "xabacus", "abacu", "q".repeat(100)]) {
    assert.equal(LIST.read(letters), undefined);
  }
});

test("what is near is found in far less than 50 ms", () => {
  const typed = ["stainlessly", "panoramicx", "overdrat", "qzxqzxqz", "reprpducet"];
  const rounds = Array.from({ length: 5 }, () => {
    const start = performance.now();
    typed.forEach((each) => LIST.near(each));
    return (performance.now() - start) / typed.length;
  });
  // A telephone is about ten times slower than what this runs on.
  assert.ok(Math.min(...rounds) < 5);
});

// ---- a code ----

for (const { why, randomness, words } of generated) {
  test(`code: ${why}`, () => assert.deepEqual(generate(LIST, fromHex(randomness)).words, words));
}

test("codes come from the browser's randomness, and are read again", () => {
  const codes = Array.from({ length: 200 }, () => generate(LIST).words.join(" "));
  assert.equal(new Set(codes).size, codes.length);
  for (const code of codes) assert.equal(parse(code, LIST).words.join(" "), code);
});

test("what is no code, or not enough randomness, is a mistake of ours", () => {
  const numbers = CODE.words.map((word) => LIST.words.indexOf(word));
  assert.deepEqual(new ReturnCode(numbers, LIST).words, CODE.words);
  for (const bad of [[], numbers.slice(1), [...numbers, 0], [7775, ...numbers.slice(1)], [-1, ...numbers.slice(1)]]) {
    assert.throws(() => new ReturnCode(bad, LIST), /7 words/);
  }
  assert.throws(() => new ReturnCode([...numbers.slice(0, -1), 0], LIST), /do not pass/);
  for (const length of [0, 31, 33]) assert.throws(() => generate(LIST, new Uint8Array(length)), RangeError);
});

// ---- what she typed ----

for (const { why, typed: text, valid, words, error } of typed) {
  test(`typed: ${why}`, () => {
    if (valid) assert.deepEqual(parse(text, LIST).words, words);
    else assert.deepEqual(shown(mistyped(text)), error);
  });
}

test("no error says what was typed, in a console either", async () => {
  const { words } = CODE;
  const texts = [
    [...words.slice(0, -1), "lumpsih"],
    words.slice(1),
    ["zoom", ...words.slice(1)],
    [words[0], words[2], words[1], ...words.slice(3)],
  ].map((each) => each.join(" "));
  for (const text of texts) {
    const error = mistyped(text);
    shown(error);
    const said = inspect(error, { depth: 9 }) + JSON.stringify(error) + String(error);
    for (const secret of [...words, "lumpsih", "zoom"]) assert.ok(!new RegExp(`\\b${secret}\\b`).test(said), said);
  }
  const root = new Root(fromHex(CODE.root));
  const said = inspect([parse(words.join(" "), LIST), root]) + JSON.stringify([parse(words.join(" "), LIST), root]);
  assert.equal(said, "[ ReturnCode {}, Root {} ][{},{}]");
});

// ---- what is derived ----

for (const { why, password, salt, secret, data, tag, memory, passes, lanes } of published.argon2id) {
  test(`noble's Argon2id: ${why}`, () => {
    const options = { t: passes, m: memory, p: lanes, dkLen: tag.length / 2 };
    const optional = { key: fromHex(secret), personalization: fromHex(data) };
    assert.equal(hex(argon2id(fromHex(password), fromHex(salt), { ...options, ...optional })), tag);
  });
}

for (const { why, words, ...expected } of derived) {
  test(`derived: ${why}`, async () => {
    const root = await stretch(parse(words.join(" "), LIST));
    const escrow = fromHex(expected.escrow);
    assert.equal(hex(root.bytes()), expected.root);
    assert.equal(hex(root.mailboxId()), expected.mailbox);
    assert.equal(root.ageIdentity(), expected.age);
    assert.equal(hex(root.reportKey()), expected.report);
    assert.equal(hex(root.signingSeed(escrow)), expected.signing);
    assert.equal(hex(root.credentialSecret(escrow)), expected.credential);
    assert.equal(hex(root.dummySecret(escrow)), expected.dummy);
    assert.match(await identityToRecipient(root.ageIdentity()), /^age1/);
  });
}

test("WebAssembly tells its beginning and its end", async () => {
  const told: number[] = [];
  await stretch(parse(CODE.words.join(" "), LIST), (done) => told.push(done));
  assert.deepEqual(told, [0, 1]);
});

test("without WebAssembly the root is the same, its making is told, and the page goes on meanwhile", async (t) => {
  const there = globalThis.WebAssembly;
  t.after(() => Object.assign(globalThis, { WebAssembly: there }));
  Object.assign(globalThis, { WebAssembly: undefined });
  const told: number[] = [];
  let turns = 0;
  const ticking = setInterval(() => turns++, 0);
  const root = await stretch(parse(CODE.words.join(" "), LIST), (done) => told.push(done));
  clearInterval(ticking);
  assert.equal(hex(root.bytes()), CODE.root);
  assert.deepEqual([told[0], told.at(-1)], [0, 1]);
  assert.ok(told.length > 20);
  assert.ok(told.every((done, n) => n === 0 || done >= told[n - 1]!));
  assert.ok(turns > 5);
});

test("a content policy that refuses to compile is no failure", async (t) => {
  const refused = (): Promise<never> => Promise.reject(new WebAssembly.CompileError("refused by policy"));
  const { mock } = t.mock.method(WebAssembly, "instantiate", refused);
  assert.equal(hex((await stretch(parse(CODE.words.join(" "), LIST))).bytes()), CODE.root);
  assert.ok(mock.callCount() > 0);
});

test("a root is gone once it was wiped", () => {
  const root = new Root(fromHex(CODE.root));
  const copy = root.bytes();
  root.wipe();
  assert.equal(hex(copy), CODE.root);
  for (const use of [() => root.bytes(), () => root.mailboxId(), () => root.ageIdentity()]) {
    assert.throws(use, /was wiped/);
  }
  root.wipe();
});

test("what is no root or no escrow is a mistake of ours", () => {
  for (const length of [0, 32, 65]) assert.throws(() => new Root(new Uint8Array(length)), RangeError);
  const root = new Root(new Uint8Array(64));
  const none = new Uint8Array(0);
  for (const use of [() => root.signingSeed(none), () => root.credentialSecret(none), () => root.dummySecret(none)]) {
    assert.throws(use, /an escrow has an id/);
  }
  assert.equal(WORDS, 7);
});
