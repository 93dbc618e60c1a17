// SPDX-License-Identifier: AGPL-3.0-or-later
// What the page where one deposits needs. The words of return codes and the tables for telephone numbers are large, and
// loaded only when they are needed.

import { identityToRecipient } from "age-encryption";
import type { Credential } from "./credentials.ts";
import { type Descriptor, ID_BYTES } from "./descriptor.ts";
import type { Bytes } from "./encoding.ts";
import { bases, deposit, type Depositor, encodeRecord, type Handle } from "./escrow.ts";
import { type Element, GENERATOR, randomScalar, type Scalar, times } from "./group.ts";
import type { Identifier, Telephone } from "./identifiers.ts";
import type { Root } from "./passphrase.ts";
import { ask, blind, type Blinded, combine, type Question, readAnswer } from "./trustees.ts";

export {
  ask as askIssuer,
  decodeCredential,
  encodeCredential,
  finish as readIssuer,
  holderMessage,
} from "./credentials.ts";
export { checkChain, decodeSigned, fingerprint, readDesk } from "./descriptor.ts";
export { Fault, Undecodable } from "./errors.ts";
export { needsTelephone, parseIdentifier, person } from "./identifiers.ts";
export { generate, parse, stretch } from "./passphrase.ts";
export { encrypt as encryptReport } from "./reports.ts";
export { publicKey } from "./signatures.ts";
export { WordList } from "./words.ts";

/** Where `needsTelephone` says so: what `parseIdentifier` has to be given. */
export async function loadTelephone(): Promise<Telephone> {
  return (await import("./telephone.ts")).parseTelephone;
}

/** Her part in an escrow, from what is derived of her return code. */
export async function depositorOf(root: Root, escrow: Uint8Array, credential: Credential): Promise<Depositor> {
  return {
    credential,
    seed: root.signingSeed(escrow),
    hidden: root.dummySecret(escrow),
    recipient: await identityToRecipient(root.ageIdentity()),
  };
}

/** One deposit, from the questions to the record. What it keeps meanwhile is secret. */
export class Deposit {
  readonly #descriptor: Descriptor;
  readonly #depositor: Depositor;
  readonly #identifiers: readonly Identifier[];
  readonly #blinded: readonly Blinded[];
  readonly #asked = new Map<number, { readonly question: Question; readonly reply: Scalar }>();
  readonly #answers = new Map<number, readonly (readonly Element[])[]>();

  /** `descriptor`: of `checkChain`. */
  constructor(descriptor: Descriptor, depositor: Depositor, identifiers: readonly Identifier[]) {
    this.#descriptor = descriptor;
    this.#depositor = depositor;
    this.#identifiers = identifiers;
    this.#blinded = identifiers.map((each) => blind(bases(descriptor.escrow, descriptor.highest, each)));
  }

  /** The question to this trustee, sealed to it. Asked again, it is the same, and costs nothing of the budget. */
  ask(trustee: number): Bytes {
    const { question } = this.#question(trustee);
    return ask(question, this.#descriptor, this.#depositor.seed);
  }

  /** What the trustee answered. Throws Fault; then any other trustee will do. */
  read(trustee: number, answer: Uint8Array): void {
    const { question, reply } = this.#question(trustee);
    this.#answers.set(trustee, readAnswer(this.#descriptor, question, reply, answer));
  }

  /** How many trustees have to answer still. */
  get missing(): number {
    return Math.max(0, this.#descriptor.quorum - this.#answers.size);
  }

  /** The record, to be uploaded. `readers`: the desk's. Throws RangeError while answers are missing. */
  async seal(threshold: number, handle: Handle, readers: readonly string[]): Promise<Bytes> {
    const some = [...this.#answers].slice(0, this.#descriptor.quorum);
    const named = this.#identifiers.map((identifier, n) => {
      const answers = new Map(some.map(([index, each]) => [index, each[n]!]));
      return { identifier, evaluated: combine(this.#descriptor, this.#blinded[n]!, answers) };
    });
    return encodeRecord(await deposit(this.#descriptor, this.#depositor, named, threshold, handle, readers));
  }

  #question(trustee: number): { readonly question: Question; readonly reply: Scalar } {
    const before = this.#asked.get(trustee);
    if (before !== undefined) return before;
    const reply = randomScalar();
    const question = {
      descriptor: this.#descriptor.hash,
      epoch: this.#descriptor.epoch,
      trustee,
      request: crypto.getRandomValues(new Uint8Array(ID_BYTES)),
      credential: this.#depositor.credential,
      reply: times(reply, GENERATOR),
      points: this.#blinded.map(({ points }) => points),
    };
    this.#asked.set(trustee, { question, reply });
    return { question, reply };
  }
}
