// SPDX-License-Identifier: AGPL-3.0-or-later
// Stands in for ../vectors.ts where the tests run in a page: the files come with the script.

import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";

declare const FILES: { readonly vectors: { readonly [name: string]: unknown }; readonly words: string };

export function vectors<T>(name: string): T {
  return structuredClone(FILES.vectors[name]) as T;
}

export function words(): string {
  return FILES.words;
}

export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(hexToBytes(text));
}

export const hex = bytesToHex;
