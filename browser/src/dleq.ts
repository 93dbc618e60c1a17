// SPDX-License-Identifier: AGPL-3.0-or-later
// The check of one proof for many answers, as in src/notalone/protocol/dleq.py. Everything here is public.

import { sha512 } from "@noble/hashes/sha2.js";
import { type Bytes, joined, listed, number, prefixed, Reader } from "./encoding.ts";
import { WrongProof } from "./errors.ts";
import {
  decodeScalar,
  type Element,
  encodeElement,
  GENERATOR,
  hashToScalar,
  publicSum,
  type Scalar,
  SCALAR_BYTES,
} from "./group.ts";

const BASES_MOST = 255;
const CLAIMS_MOST = 65_535;

const utf8 = new TextEncoder();
const SEED = utf8.encode("notalone/dleq/seed/v1");
const WEIGHT = utf8.encode("notalone/dleq/weight/v1");
const CHALLENGE = utf8.encode("notalone/dleq/challenge/v1");

/** That `answer` is to base number `base` as `commitment` is to the generator. */
export interface Claim {
  readonly base: number;
  readonly commitment: Element;
  readonly answer: Element;
}

/** For M bases 32 (M + 1) bytes: the challenge, and a response for each base. */
export interface Proof {
  readonly challenge: Scalar;
  readonly responses: readonly Scalar[];
}

/** Throws Undecodable. */
export function decodeProof(data: Uint8Array, bases: number): Proof {
  const reader = new Reader(data, "proof");
  const [challenge, ...responses] = Array.from({ length: bases + 1 }, () =>
    decodeScalar(reader.fixed(SCALAR_BYTES), "proof"),
  );
  reader.end();
  return { challenge: challenge!, responses };
}

/** Throws WrongProof. `context`: what the proof is good for alone. */
export function verify(context: Uint8Array, bases: readonly Element[], claims: readonly Claim[], proof: Proof): void {
  if (proof.responses.length !== bases.length) throw new WrongProof("the proof has not one response for each base");
  const { seed, weights } = weigh(context, bases, claims);
  const { challenge, responses } = proof;
  const committed = bases.map((_, m) => {
    const [some, of] = [weights.filter((_, i) => claims[i]!.base === m), claims.filter(({ base }) => base === m)];
    return publicSum(some, of.map(({ commitment }) => commitment));
  });
  const answers = claims.map(({ answer }) => answer);
  const answered = publicSum(weights, answers);
  const drawn = committed.map((each, m) => publicSum([responses[m]!, challenge], [GENERATOR, each]));
  const drawnAnswer = publicSum([...responses, challenge], [...bases, answered]);
  const transcript = [...committed, answered, ...drawn, drawnAnswer].map(encodeElement);
  if (hashToScalar(joined(seed, listed(transcript)), CHALLENGE) !== challenge) {
    throw new WrongProof("these answers were not made with the secrets that were committed to");
  }
}

/** The hash of all that is claimed, and from it a weight for each claim. */
function weigh(
  context: Uint8Array,
  bases: readonly Element[],
  claims: readonly Claim[],
): { readonly seed: Bytes; readonly weights: readonly Scalar[] } {
  if (!bases.length || bases.length > BASES_MOST || !claims.length || claims.length > CLAIMS_MOST) {
    throw new RangeError("a proof has from 1 to 255 bases and from 1 to 65,535 claims");
  }
  const claimed = claims.map(({ base, commitment, answer }) =>
    joined(number(base, 1), encodeElement(commitment), encodeElement(answer)),
  );
  const seed = sha512(joined(prefixed(SEED), prefixed(context), listed(bases.map(encodeElement)), listed(claimed)));
  return {
    seed: new Uint8Array(seed),
    weights: claims.map((_, n) => hashToScalar(joined(seed, number(n, 2)), WEIGHT)),
  };
}
