// SPDX-License-Identifier: AGPL-3.0-or-later

import assert from "node:assert/strict";
import { test } from "node:test";
import { BUDGETS, bundle, LATER, modules, weight } from "../build.ts";

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

for (const [entry, budget] of Object.entries(LATER)) {
  test(`${entry}.js, which no page loads yet, keeps its budget, and what is large is apart`, async () => {
    const [first, ...later] = await modules(entry);
    assert.ok(first!.weight <= budget, `${first!.weight} B gzip, at most ${budget}`);
    // Modules are imported, and nothing else of what is forbidden is in them.
    const script = first!.script.replace(/\bimport\b/g, "");
    assert.equal(FORBIDDEN.exec(script)?.[0], undefined);
    assert.ok(!first!.packages.includes("libphonenumber-js"));
    assert.deepEqual(later.map(({ name, packages }) => [name, packages]), [["telephone", ["libphonenumber-js"]]]);
  });
}
