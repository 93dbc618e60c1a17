// SPDX-License-Identifier: AGPL-3.0-or-later

import assert from "node:assert/strict";
import { test } from "node:test";
import { sha256 } from "@noble/hashes/sha2.js";
import { Undecodable } from "../src/errors.ts";
import {
  decodeIdentifier,
  encodeIdentifier,
  type Hints,
  type Identifier,
  type Kind,
  needsTelephone,
  parseIdentifier,
  person,
  WrongIdentifier,
} from "../src/identifiers.ts";
import { fromPunycode, toPunycode } from "../src/identifiers/domain.ts";
import { LETTERS, NOT_IN_DOMAINS } from "../src/identifiers/letters.ts";
import { mapped, Ranges, withDigits } from "../src/identifiers/text.ts";
import { parseTelephone } from "../src/telephone.ts";
import { fromHex, hex, vectors } from "./vectors.ts";

interface Case extends Hints {
  readonly why: string;
  readonly kind: Kind;
}
interface Same extends Case {
  readonly canonical: string;
  readonly shown: string;
  readonly encoded: string;
  readonly typed: readonly string[];
}
interface Refused extends Case {
  readonly problem: string;
  readonly typed: string;
}

const { same, refused, telephones, punycode, letters } = vectors<{
  readonly same: readonly Same[];
  readonly refused: readonly Refused[];
  readonly telephones: Readonly<Record<string, string>>;
  readonly punycode: readonly { readonly why: string; readonly text: string; readonly encoded: string }[];
  readonly letters: string;
}>("identifiers");

function parse({ kind, ...hints }: Case, text: string): Identifier {
  return parseIdentifier(kind, text, hints, parseTelephone);
}

for (const group of same) {
  test(`one person: ${group.why}`, () => {
    for (const typed of group.typed) {
      const found = parse(group, typed);
      assert.equal(found.canonical, group.canonical, typed);
      assert.equal(found.shown, group.shown, typed);
      assert.equal(hex(encodeIdentifier(found)), group.encoded);
    }
    const decoded = decodeIdentifier(fromHex(group.encoded), parseTelephone);
    assert.deepEqual(decoded, parseIdentifier(decoded.kind, group.canonical, {}, parseTelephone));
    assert.equal(decoded.canonical, group.canonical);
    assert.equal(decoded.shown, group.shown);
  });
}

for (const each of refused) {
  test(`refused: ${each.why}`, () => {
    assert.throws(
      () => parse(each, each.typed),
      (error) => error instanceof WrongIdentifier && error.problem === each.problem,
    );
  });
}

test("a number of every type in every country is the one that Python finds, as it is dialled there and abroad", () => {
  for (const [country, numbers] of Object.entries(telephones)) {
    for (const pair of numbers.split("; ").filter((each) => each !== "")) {
      const [national, international] = pair.split(" = ") as [string, string];
      const found = parseTelephone(national, country);
      assert.equal(found.canonical, international, pair);
      assert.equal(parseTelephone(international).canonical, international);
      assert.equal(parseTelephone(found.shown).canonical, international, found.shown);
    }
  }
});

test("Punycode (RFC 3492, section 7.1)", () => {
  for (const { why, text, encoded } of punycode) {
    assert.equal(toPunycode(text), encoded, why);
    if (encoded.toLowerCase() === encoded) assert.equal(fromPunycode(encoded), text, why);
  }
});

test("a domain is what the URL parser of this version makes of it", () => {
  for (const { kind, canonical, typed } of same) {
    if (kind !== "email") continue;
    for (const each of typed.filter((text) => /^[^<:]+@[^:]+$/.test(text) && canonical.split("@")[0] === text.split("@")[0])) {
      const [, domain] = each.split("@") as [string, string];
      const [, expected] = canonical.split("@") as [string, string];
      if (expected.startsWith("xn--")) assert.equal(new URL(`http://${domain}`).hostname, expected);
    }
  }
});

test("every letter becomes what it becomes in Python", () => {
  const known = new Ranges(LETTERS);
  const outside = new Ranges(NOT_IN_DOMAINS);
  const digest = sha256.create();
  for (let point = 0; point < 0x110000; point++) {
    const letter = String.fromCodePoint(point);
    if (!known.has(letter)) continue;
    let name: string;
    try {
      name = parseIdentifier("name", `ab ${letter}cd`, { organisation: "o" }).canonical;
    } catch (error) {
      assert.ok(error instanceof WrongIdentifier);
      name = error.problem;
    }
    const domain = outside.has(letter) ? "n" : "d";
    const line = `${point.toString(16)} ${domain} ${mapped(letter)} ${withDigits(letter)} ${name}\n`;
    digest.update(new TextEncoder().encode(line));
  }
  assert.equal(hex(digest.digest()), letters);
});

test("telephone.ts is loaded for numbers alone", () => {
  assert.ok(needsTelephone("telephone", ""));
  assert.ok(needsTelephone("profile", "wa.me/447911123456"));
  assert.ok(needsTelephone("profile", "07911 123456", { network: "whatsapp" }));
  assert.ok(!needsTelephone("profile", "x.com/jane"));
  assert.throws(() => parseIdentifier("telephone", "+442079460018"), RangeError);
});

test("a person of the directory is shown by name", () => {
  assert.deepEqual(person("acme", 12, "Jane Doe"), { kind: "person", canonical: "acme/12", shown: "Jane Doe" });
  assert.throws(() => person("acme", 0), WrongIdentifier);
});

test("a name without its organisation is a mistake of ours", () => {
  assert.throws(() => parseIdentifier("name", "Jane Doe"), RangeError);
  assert.throws(() => parseIdentifier("name", "Jane Doe", { organisation: "A c" }), RangeError);
});

test("what is not in canonical form is not decoded", () => {
  for (const bad of [
    "",
    "00" + "00000001" + "61",
    "06" + "00000001" + "61",
    "01" + "00000001" + "61",
    "01" + "00000001" + "ff",
    "04" + "00000001" + "61",
    "01" + "00000005" + hex(new TextEncoder().encode("A@b.c")),
    "01" + "00000005" + hex(new TextEncoder().encode("a@b.c")) + "00",
    "01" + "0000ffff",
  ]) {
    assert.throws(() => decodeIdentifier(fromHex(bad), parseTelephone), Undecodable, bad);
  }
});
