// SPDX-License-Identifier: AGPL-3.0-or-later
// What can be wrong in the protocol, and whose doing it is; as in src/notalone/protocol/errors.py.

export type Role = "you" | "server" | "issuer" | "trustee" | "depositor" | "counsellor";

/** One who takes part. `index`: a trustee's number, from 1. */
export interface Party {
  readonly role: Role;
  readonly index?: number;
}

/** These bytes are not what should stand here. At this depth it is not known who sent them. Holds none of them. */
export class Undecodable extends Error {
  override readonly name = "Undecodable";
  readonly what: string;
  readonly problem: string;

  constructor(what: string, problem: string) {
    super(`${what}: ${problem}`);
    this.what = what;
    this.problem = problem;
  }
}

/** A proof does not show what it should: what it is about was not made with the keys that were committed to. */
export class WrongProof extends Error {
  override readonly name = "WrongProof";
}

/** Something that a party said or sent does not hold. The pages say what to do, in the visitor's language. */
export class Fault extends Error {
  override readonly name = "Fault";
  readonly party: Party;
  readonly what: string;

  constructor(party: Party, what: string) {
    super(what);
    this.party = party;
    this.what = what;
  }
}

/** What cannot be decoded in `step` was sent by this party. Throws Fault. */
export function blaming<T>(party: Party, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof Undecodable)) throw error;
    throw new Fault(party, `sent something that cannot be read (${error.message})`);
  }
}
