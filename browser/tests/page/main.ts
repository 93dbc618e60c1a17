// SPDX-License-Identifier: AGPL-3.0-or-later
// What a page with these tests can be asked to do.

import { Deposit } from "../../src/deposit.ts";
import { decodeCredential } from "../../src/credentials.ts";
import { checkChain, decodeSigned } from "../../src/descriptor.ts";
import { parseIdentifier } from "../../src/identifiers.ts";
import { tests } from "./test.ts";
import { fromHex, hex } from "./vectors.ts";

/** The names of the tests that passed, and of those that did not, with what they said. */
export async function run(): Promise<{ readonly passed: string[]; readonly failed: string[] }> {
  const [passed, failed]: [string[], string[]] = [[], []];
  for (const { name, run } of tests) {
    try {
      await run();
      passed.push(name);
    } catch (error) {
      failed.push(`${name}: ${String(error)}`);
    }
  }
  return { passed, failed };
}

interface Told {
  readonly first: string;
  readonly versions: readonly string[];
  readonly depositor: { readonly credential: string; seed: string; hidden: string; recipient: string };
  readonly email: string;
  readonly trustees: readonly number[];
}

let deposit: Deposit;
let milliseconds = 0;

/** Sealed questions to these trustees about one e-mail address. */
export function ask({ first, versions, depositor, email, trustees }: Told): string[] {
  const start = performance.now();
  const { seed, hidden, recipient } = depositor;
  const descriptor = checkChain(fromHex(first), versions.map((each) => decodeSigned(fromHex(each))));
  const credential = decodeCredential(fromHex(depositor.credential));
  const who = { credential, seed: fromHex(seed), hidden: fromHex(hidden), recipient };
  deposit = new Deposit(descriptor, who, [parseIdentifier("email", email)]);
  const questions = trustees.map((each) => hex(deposit.ask(each)));
  milliseconds = performance.now() - start;
  return questions;
}

interface Answered {
  readonly answers: readonly (readonly [number, string])[];
  readonly threshold: number;
  readonly mailbox: string;
  readonly recipient: string;
  readonly readers: readonly string[];
}

/** The record, and how long it took to make, without what trustees and network take. */
export async function seal(told: Answered): Promise<{ readonly record: string; readonly milliseconds: number }> {
  const start = performance.now();
  for (const [trustee, answer] of told.answers) deposit.read(trustee, fromHex(answer));
  const handle = { mailbox: fromHex(told.mailbox), recipient: told.recipient, language: "en", hours: "" };
  const record = await deposit.seal(told.threshold, handle, told.readers);
  return { record: hex(record), milliseconds: milliseconds + performance.now() - start };
}
