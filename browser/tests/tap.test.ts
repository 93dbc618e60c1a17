// SPDX-License-Identifier: AGPL-3.0-or-later

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { HOLD_MS, RESEND_MS, Tap } from "../src/tap.ts";

/** A page whose form is sent when a tap may go, as the browser would. */
function page(t: TestContext): { tap: Tap<string>; press(button: string): void; sent: string[]; busy: string[] } {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const sent: string[] = [];
  const busy: string[] = [];
  const press = (button: string): void => void (tap.press(button) && sent.push(button));
  const tap = new Tap<string>({ send: press, busy: (button) => busy.splice(0, 1, ...(button ? [button] : [])) });
  return { tap, press, sent, busy };
}

test("with the proof ready a tap goes at once", (t) => {
  const { tap, press, sent } = page(t);
  tap.settle();
  press("metoo");
  assert.deepEqual(sent, ["metoo"]);
});

test("before the proof a tap is held, shown, and goes when the proof comes", (t) => {
  const { tap, press, sent, busy } = page(t);
  press("metoo");
  assert.deepEqual([sent, busy], [[], ["metoo"]]);
  tap.settle();
  assert.deepEqual([sent, busy], [["metoo"], ["metoo"]]);
});

test("a tap is held for four seconds and then goes without a proof", (t) => {
  const { tap, press, sent } = page(t);
  press("stand");
  t.mock.timers.tick(HOLD_MS - 1);
  assert.deepEqual(sent, []);
  t.mock.timers.tick(1);
  assert.deepEqual(sent, ["stand"]);
  tap.settle();
  assert.deepEqual(sent, ["stand"]);
});

test("a double tap is sent once, before the proof and after", (t) => {
  const { tap, press, sent } = page(t);
  press("metoo");
  press("metoo");
  tap.settle();
  press("metoo");
  press("metoo");
  assert.deepEqual(sent, ["metoo"]);
});

test("taps while one is held do not make it wait longer", (t) => {
  const { press, sent } = page(t);
  press("metoo");
  t.mock.timers.tick(HOLD_MS - 1);
  press("metoo");
  t.mock.timers.tick(1);
  assert.deepEqual(sent, ["metoo"]);
});

test("of two buttons tapped before the proof the last one goes, alone", (t) => {
  const { tap, press, sent, busy } = page(t);
  press("metoo");
  press("stand");
  assert.deepEqual(busy, ["stand"]);
  tap.settle();
  assert.deepEqual(sent, ["stand"]);
});

test("a form that the network swallowed can be sent again", (t) => {
  const { tap, press, sent, busy } = page(t);
  tap.settle();
  press("metoo");
  t.mock.timers.tick(RESEND_MS);
  assert.deepEqual(busy, []);
  press("metoo");
  assert.deepEqual(sent, ["metoo", "metoo"]);
});

test("who comes back to the page finds working buttons", (t) => {
  const { tap, press, sent, busy } = page(t);
  tap.settle();
  press("metoo");
  tap.forget();
  assert.deepEqual(busy, []);
  press("metoo");
  assert.deepEqual(sent, ["metoo", "metoo"]);
});

test("who leaves while a tap is held sends nothing later", (t) => {
  const { tap, press, sent } = page(t);
  press("metoo");
  tap.forget();
  t.mock.timers.tick(HOLD_MS);
  tap.settle();
  assert.deepEqual(sent, []);
});
