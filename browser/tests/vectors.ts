// SPDX-License-Identifier: AGPL-3.0-or-later
// The vectors and the words that every language reads.

import { readFileSync } from "node:fs";

/** What stands in vectors/{name}.json. */
export function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../vectors/${name}.json`, import.meta.url), "utf8")) as T;
}

/** The words of return codes, as the file has them. */
export function words(): string {
  return readFileSync(new URL("../../src/notalone/protocol/words/eff-large.txt", import.meta.url), "utf8");
}

export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text, "hex"));
}

export function hex(data: Uint8Array): string {
  return Buffer.from(data).toString("hex");
}
