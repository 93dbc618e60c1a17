// SPDX-License-Identifier: AGPL-3.0-or-later

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { inflateSync } from "node:zlib";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { joined } from "../src/encoding.ts";
import { Undecodable } from "../src/errors.ts";
import {
  Changed,
  CutShort,
  decodeReport,
  decrypt,
  encodeReport,
  encrypt,
  HeaderChanged,
  NotAge,
  NotForYou,
  pad,
  paddedLength,
  type Report,
  Reordered,
  seal,
  TrailingData,
  unpad,
  UnreadableReport,
  unseal,
} from "../src/reports.ts";
import { fromHex, hex, vectors } from "./vectors.ts";

interface Told {
  readonly text: string;
  readonly times?: number;
  readonly language: string;
  readonly attachments: readonly { readonly name: string; readonly media_type: string; readonly data: string }[];
}

interface Vectors {
  readonly lengths: readonly { readonly why: string; readonly valid: boolean; length: number; padded: number }[];
  readonly padded: readonly {
    readonly why: string;
    readonly valid: boolean;
    readonly start: string;
    readonly zeros: number;
    readonly end: string;
    readonly content: string;
  }[];
  readonly reports: readonly ({
    readonly why: string;
    readonly valid: boolean;
    readonly encoded: string;
    readonly reads?: boolean;
  } & Told)[];
  readonly keys: Readonly<Record<string, { readonly identity: string; readonly recipient: string }>>;
  readonly files: Readonly<Record<string, { readonly base64: string }>>;
  readonly opened: readonly ({
    readonly why: string;
    readonly file: string;
    readonly parts: readonly (string | readonly [number, number])[];
    readonly key: string;
    readonly error?: string;
  } & Told)[];
  readonly recipients: readonly { readonly why: string; readonly valid: boolean; readonly recipient: string }[];
  readonly identities: readonly { readonly why: string; readonly valid: boolean; readonly identity: string }[];
  readonly cctv: readonly {
    readonly name: string;
    readonly identity: string;
    readonly zlib: boolean;
    readonly base64: string;
    readonly payload?: string;
    readonly error?: string;
  }[];
}

const STEP = 65_536;
const SEALED_CHUNK = STEP + 16;
const ERRORS: Readonly<Record<string, abstract new (...args: never[]) => Error>> = {
  NotAge,
  NotForYou,
  HeaderChanged,
  CutShort,
  TrailingData,
  Reordered,
  Changed,
  Undecodable,
};

const all = vectors<Vectors>("reports");
const HERS = all.keys["hers"]!;
const COUNSELLOR = all.keys["counsellor"]!;
const REPORT: Report = {
  text: "He said nobody would believe me.",
  language: "en",
  attachments: [{ name: "a.jpg", mediaType: "image/jpeg", data: fromHex("ffd8") }],
};

function expected({ text, times = 1, language, attachments }: Told): Report {
  return {
    text: text.repeat(times),
    language,
    attachments: attachments.map(({ name, media_type: mediaType, data }) => ({ name, mediaType, data: fromHex(data) })),
  };
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}

/** Exactly of this class, and none below it. */
function exactly(name: string): (error: unknown) => boolean {
  return (error) => error instanceof Error && error.constructor === ERRORS[name];
}

function headerOf(file: Uint8Array): string {
  return /^.*?\n--- [^\n]*\n/s.exec(Buffer.from(file).toString("latin1"))![0];
}

// ---- the vectors ----

for (const { why, valid, length, padded } of all.lengths) {
  test(`length: ${why}`, () => {
    if (valid) assert.equal(paddedLength(length), padded);
    else assert.throws(() => paddedLength(length), RangeError);
  });
}

for (const { why, valid, start, zeros, end, content } of all.padded) {
  test(`padded: ${why}`, () => {
    const data = joined(fromHex(start), new Uint8Array(zeros), fromHex(end));
    if (!valid) {
      assert.throws(() => unpad(data), exactly("Undecodable"));
      return;
    }
    assert.equal(hex(unpad(data)), content);
    assert.deepEqual(pad(fromHex(content)), data);
  });
}

for (const { why, valid, encoded, reads, ...told } of all.reports) {
  test(`report: ${why}`, () => {
    if (!valid) {
      assert.throws(() => decodeReport(fromHex(encoded)), exactly("Undecodable"));
      return;
    }
    const report = expected(told);
    assert.deepEqual(decodeReport(fromHex(encoded)), report);
    assert.equal(hex(encodeReport(report)) === encoded, !reads);
  });
}

for (const { why, file, parts, key, error, ...told } of all.opened) {
  test(`file: ${why}`, async () => {
    const whole = fromBase64(all.files[file]!.base64);
    const data = joined(...parts.map((each) => (typeof each === "string" ? fromHex(each) : whole.subarray(...each))));
    const { identity } = all.keys[key]!;
    if (error === undefined) assert.deepEqual(await decrypt(data, identity), expected(told));
    else await assert.rejects(decrypt(data, identity), exactly(error));
  });
}

for (const { why, valid, recipient } of all.recipients) {
  test(`recipient: ${why}`, async () => {
    if (valid) {
      assert.deepEqual(await decrypt(await encrypt(REPORT, recipient, []), HERS.identity), REPORT);
      return;
    }
    for (const [hers, others] of [
      [recipient, [HERS.recipient]],
      [HERS.recipient, [recipient]],
    ] as const) {
      await assert.rejects(
        encrypt(REPORT, hers, others),
        (error: Error) => exactly("Undecodable")(error) && (!recipient || !error.message.includes(recipient)),
      );
    }
  });
}

for (const { why, valid, identity } of all.identities) {
  test(`identity: ${why}`, async () => {
    const file = fromBase64(all.files["two"]!.base64);
    if (valid) {
      await decrypt(file, identity);
      return;
    }
    await assert.rejects(
      decrypt(file, identity),
      (error: Error) => exactly("Undecodable")(error) && (!identity || !error.message.includes(identity)),
    );
  });
}

for (const { name, identity, zlib, base64, payload, error } of all.cctv) {
  test(`published by C2SP: ${name}`, async () => {
    const file = zlib ? new Uint8Array(inflateSync(fromBase64(base64))) : fromBase64(base64);
    if (error === undefined) {
      const opened = await unseal(file, identity);
      assert.equal(hex(new Uint8Array(await crypto.subtle.digest("SHA-256", opened))), payload);
    } else {
      await assert.rejects(unseal(file, identity), exactly(error));
    }
  });
}

// ---- what is in a report ----

test("what does not fit is a mistake of ours", () => {
  const attachment = { name: "a", mediaType: "a/b", data: new Uint8Array() };
  for (const [change, problem] of [
    [{ text: "x".repeat(262_145) }, /the text has 262145 bytes/],
    [{ text: "é".repeat(131_072) + "x" }, /the text has 262145 bytes/],
    [{ text: "\ud83d" }, /half of a character/],
    [{ language: "English" }, /no tag of a language/],
    [{ attachments: Array<typeof attachment>(11).fill(attachment) }, /11 attachments/],
    [{ attachments: [{ ...attachment, name: "\udc00" }] }, /an attachment's name holds half/],
  ] as const) {
    assert.throws(
      () => encodeReport({ ...REPORT, ...change }),
      (error) => error instanceof RangeError && problem.test(error.message),
    );
  }
  for (const length of [-1, 0.5, NaN]) assert.throws(() => paddedLength(length), RangeError);
});

test("the same words are the same bytes", () => {
  const bytes = ["cafe\u0301", "caf\u00e9"].map((text) => hex(encodeReport({ ...REPORT, text })));
  assert.equal(bytes[0], bytes[1]);
});

// ---- age files ----

test("she and all others open it and nobody else", async () => {
  const file = await encrypt(REPORT, HERS.recipient, [COUNSELLOR.recipient]);
  for (const { identity } of [HERS, COUNSELLOR]) assert.deepEqual(await decrypt(file, identity), REPORT);
  await assert.rejects(decrypt(file, all.keys["lawyer"]!.identity), NotForYou);
});

for (const [count, lines] of [
  [1, 8],
  [8, 8],
  [9, 16],
  [20, 24],
] as const) {
  test(`the number of readers is hidden: ${count}`, async () => {
    const others = await Promise.all(Array.from({ length: count - 1 }, generateX25519Identity));
    const file = await encrypt(REPORT, HERS.recipient, await Promise.all(others.map(identityToRecipient)));
    assert.equal(headerOf(file).match(/^-> X25519 /gm)?.length, lines);
    for (const identity of [HERS.identity, ...others]) assert.deepEqual(await decrypt(file, identity), REPORT);
  });
}

test("the order of readers tells nothing", async () => {
  const places = new Set<number>();
  for (let run = 0; run < 60; run++) {
    const lines = headerOf(await seal(new Uint8Array(), HERS.recipient, [])).split(/(?<=\n)/);
    for (let place = 0; place < 8; place++) {
      const file = new TextEncoder().encode([...lines.slice(0, 1 + 2 * place), ...lines.slice(3 + 2 * place)].join(""));
      // Her line cut out: no other is hers to open.
      await assert.rejects(unseal(file, HERS.identity), (error) => {
        if (error instanceof NotForYou) places.add(place);
        return error instanceof UnreadableReport;
      });
    }
  }
  // By chance three places of eight are missed by 60 draws once in 10**10 runs.
  assert.ok(places.size >= 6);
});

test("readers that cannot be are refused", async () => {
  const many = await Promise.all(
    Array.from({ length: 20 }, async () => identityToRecipient(await generateX25519Identity())),
  );
  for (const others of [many, [HERS.recipient], [many[0]!, many[0]!]]) {
    await assert.rejects(encrypt(REPORT, HERS.recipient, others), RangeError);
  }
});

test("age itself opens it, and what age sealed is opened", async () => {
  const folder = mkdtempSync(join(tmpdir(), "notalone-"));
  try {
    const key = join(folder, "key");
    writeFileSync(key, `${HERS.identity}\n`);
    const file = await encrypt(REPORT, HERS.recipient, [COUNSELLOR.recipient]);
    const opened = spawnSync("age", ["-d", "-i", key], { input: file });
    assert.deepEqual(decodeReport(unpad(new Uint8Array(opened.stdout))), REPORT);
    const options = ["-r", COUNSELLOR.recipient, "-r", HERS.recipient];
    const sealed = spawnSync("age", options, { input: pad(encodeReport(REPORT)) });
    assert.deepEqual(await decrypt(new Uint8Array(sealed.stdout), HERS.identity), REPORT);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

// ---- why a file does not open ----

test("what was cut, added, moved or changed is said by name", async () => {
  const file = await seal(new Uint8Array(3 * STEP), HERS.recipient, []);
  const header = headerOf(file).length;
  const first = header + 16;
  const chunks = [0, 1, 2].map((n) => file.subarray(first + n * SEALED_CHUNK, first + (n + 1) * SEALED_CHUNK));
  for (let at = 0; at < file.length; at += at < header + 20 ? 7 : 9_973) {
    await assert.rejects(unseal(file.subarray(0, at), HERS.identity), exactly("CutShort"), `cut at ${at}`);
    const changed = new Uint8Array(file);
    changed[at]! ^= 0x80;
    const name = at < 22 ? NotAge : at < header ? HeaderChanged : Changed;
    await assert.rejects(unseal(changed, HERS.identity), name, `changed at ${at}`);
  }
  for (const more of [1, SEALED_CHUNK, SEALED_CHUNK + 1]) {
    await assert.rejects(unseal(joined(file, new Uint8Array(more)), HERS.identity), exactly("TrailingData"));
  }
  for (const places of [[0, 2, 1], [1, 0, 2], [2, 1, 0], [1, 2], [0, 2], [0, 1, 1, 2], [2]]) {
    const moved = joined(file.subarray(0, first), ...places.map((place) => chunks[place]!));
    await assert.rejects(unseal(moved, HERS.identity), exactly("Reordered"), places.join());
  }
});

test("a file that is too long is refused before it is read", async () => {
  await assert.rejects(unseal(new Uint8Array(33_600_000), HERS.identity), /are the most/);
  const largest = new Uint8Array(512 * STEP);
  assert.deepEqual(await unseal(await seal(largest, HERS.recipient, []), HERS.identity), largest);
});
