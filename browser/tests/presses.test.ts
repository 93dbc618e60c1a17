// SPDX-License-Identifier: AGPL-3.0-or-later

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Key, PRESS_MS, Presses } from "../src/presses.ts";

const PLAIN = { repeat: false, isComposing: false, ctrlKey: false, altKey: false, metaKey: false };

function keyboard(t: TestContext) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const told: number[] = [];
  const presses = new Presses((count) => told.push(count));
  const down = (key: string, more: Partial<Key> = {}): void => presses.down({ ...PLAIN, key, ...more });
  const up = (key: string): void => presses.up({ ...PLAIN, key });
  const press = (key: string, more: Partial<Key> = {}): void => (down(key, more), up(key));
  return { presses, told, down, up, press, wait: (ms: number) => t.mock.timers.tick(ms) };
}

test("three presses of Shift, each told", (t) => {
  const { told, press, wait } = keyboard(t);
  for (let i = 0; i < 3; i++) press("Shift");
  wait(PRESS_MS);
  assert.deepEqual(told, [1, 2, 3]);
});

test("a press counts for five seconds", (t) => {
  const { told, press, wait } = keyboard(t);
  press("Shift");
  wait(PRESS_MS - 1);
  press("Shift");
  wait(PRESS_MS - 1);
  assert.deepEqual(told, [1, 2]);
  wait(1);
  press("Shift");
  assert.deepEqual(told, [1, 2, 0, 1]);
});

test("a capital letter is no press", (t) => {
  const { told, down, up } = keyboard(t);
  for (const letter of "SOS") {
    down("Shift");
    down(letter);
    up(letter);
    up("Shift");
  }
  assert.deepEqual(told, []);
});

test("another key in between starts anew", (t) => {
  const { told, press } = keyboard(t);
  press("Shift");
  press("Shift");
  press("a");
  press("Shift");
  assert.deepEqual(told, [1, 2, 0, 1]);
});

test("holding Shift down is one press", (t) => {
  const { told, down, up } = keyboard(t);
  down("Shift");
  for (let i = 0; i < 30; i++) down("Shift", { repeat: true });
  up("Shift");
  assert.deepEqual(told, [1]);
});

test("both Shift keys at once are one press", (t) => {
  const { told, down, up } = keyboard(t);
  down("Shift");
  down("Shift");
  up("Shift");
  up("Shift");
  assert.deepEqual(told, [1]);
});

test("Shift with Control, Alt or Meta is no press", (t) => {
  const { told, press, down, up } = keyboard(t);
  for (const held of ["ctrlKey", "altKey", "metaKey"]) press("Shift", { [held]: true });
  down("Shift");
  press("Alt");
  up("Shift");
  assert.deepEqual(told, []);
});

test("Shift while composing is no press", (t) => {
  const { told, press } = keyboard(t);
  for (let i = 0; i < 3; i++) press("Shift", { isComposing: true });
  assert.deepEqual(told, []);
});

test("a click with Shift held is no press", (t) => {
  const { told, presses, down, up } = keyboard(t);
  down("Shift");
  presses.interrupt();
  up("Shift");
  assert.deepEqual(told, []);
});

test("a Shift that went down in another window is no press here", (t) => {
  const { told, up } = keyboard(t);
  up("Shift");
  assert.deepEqual(told, []);
});
