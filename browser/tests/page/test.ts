// SPDX-License-Identifier: AGPL-3.0-or-later
// Stands in for node:test where the tests run in a page: they are collected, and run when the page is told to.

export const tests: { readonly name: string; readonly run: () => void | Promise<void> }[] = [];

export function test(name: string, run: () => void | Promise<void>): void {
  tests.push({ name, run });
}
