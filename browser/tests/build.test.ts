// SPDX-License-Identifier: AGPL-3.0-or-later

import assert from "node:assert/strict";
import { test } from "node:test";
import { BUDGETS, bundle, weight } from "../build.ts";

// What a page could use to keep something about a visitor, to speak to anyone, or to slip past the content policy.
const FORBIDDEN =
  /\b(fetch|XMLHttpRequest|sendBeacon|WebSocket|EventSource|Image|cookie|localStorage|sessionStorage|indexedDB|eval|Function|innerHTML|import)\b/;

for (const [entry, budget] of Object.entries(BUDGETS)) {
  test(`${entry}.js keeps its budget and its promises`, async () => {
    const { script, packages } = await bundle(entry);
    assert.ok(weight(script) <= budget, `${weight(script)} B gzip, at most ${budget}`);
    assert.equal(FORBIDDEN.exec(script)?.[0], undefined);
    assert.deepEqual(packages, entry === "voice" ? ["@noble/hashes"] : []);
  });
}
