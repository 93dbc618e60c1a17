// SPDX-License-Identifier: AGPL-3.0-or-later
// Questions to trustees and what comes of their answers, as in src/notalone/protocol/trustees.py: the depositor's part.
//
//   blind(bases)      -> blinded points, each with a blind of its own
//   ask(...)          -> a question to one trustee, signed by her and sealed to it
//   readAnswer(...)   -> what it answered, with every proof checked
//   combine(...)      -> tag, rows and values, from a quorum of answers

import { sha512 } from "@noble/hashes/sha2.js";
import { type Credential, encodeCredential, point } from "./credentials.ts";
import { type Descriptor, publicShares, trusteeOf } from "./descriptor.ts";
import { decodeProof, verify as verifyProof } from "./dleq.ts";
import { type Bytes, joined, listed, number, prefixed, Reader } from "./encoding.ts";
import { Fault, Undecodable, WrongProof } from "./errors.ts";
import {
  decodeElement,
  type Element,
  ELEMENT_BYTES,
  encodeElement,
  encodeScalar,
  inverse,
  product,
  publicSum,
  randomScalar,
  type Scalar,
  SCALAR_BYTES,
  times,
} from "./group.ts";
import { committed, exponents, levels } from "./keys.ts";
import { seal, unseal, WrongSeal } from "./seals.ts";
import { lagrange } from "./sharing.ts";
import { sign } from "./signatures.ts";

export const IDENTIFIERS_MOST = 4;

const utf8 = new TextEncoder();
const QUESTION = utf8.encode("notalone/trustee/question/v1");
const ASKED = utf8.encode("notalone/trustee/asked/v1");
const ANSWER = utf8.encode("notalone/trustee/answer/v1");
const REQUEST = utf8.encode("notalone/trustee/request/v1");
const PROOF = utf8.encode("notalone/trustee/proof/v1");

/** One identifier's points, one for the tag and one for each level, and the blind of each, which stays secret. */
export interface Blinded {
  readonly points: readonly Element[];
  readonly blinds: readonly Scalar[];
}

/** Each base times a fresh scalar: a trustee learns nothing of whom it is asked about. */
export function blind(bases: readonly Element[], blinds: readonly Scalar[] = bases.map(() => randomScalar())): Blinded {
  return { points: bases.map((base, n) => times(blinds[n]!, base)), blinds };
}

/** What one trustee is asked. `request`: 32 random bytes; `reply`: a one-time key; `points`: of each identifier. */
export interface Question {
  readonly descriptor: Uint8Array;
  readonly epoch: number;
  readonly trustee: number;
  readonly request: Uint8Array;
  readonly credential: Credential;
  readonly reply: Element;
  readonly points: readonly (readonly Element[])[];
}

export function encodeQuestion(question: Question): Bytes {
  const { descriptor, epoch, trustee, request, credential, reply, points } = question;
  return joined(
    descriptor,
    number(epoch, 4),
    number(trustee, 2),
    request,
    encodeCredential(credential),
    encodeElement(reply),
    listed(points.map((each) => joined(...each.map(encodeElement)))),
  );
}

/** 64 bytes: the same for the same question, and for no other. */
export function hashQuestion(question: Question): Bytes {
  return new Uint8Array(sha512(joined(prefixed(REQUEST), encodeQuestion(question))));
}

/** The question signed by the credential's holder, sealed to its trustee. `seed`: of her key. */
export function ask(question: Question, descriptor: Descriptor, seed: Uint8Array, once?: Scalar): Bytes {
  const encoded = encodeQuestion(question);
  const signed = joined(encoded, sign(seed, QUESTION, encoded));
  return seal(trusteeOf(descriptor, question.trustee).sealing, ASKED, descriptor.hash, signed, once);
}

/**
 * What the trustee answered for each identifier, every proof checked. `reply`: the scalar of the one-time key;
 * `shares`: the descriptor's `publicShares` of this trustee, where they are worked out already. Throws Fault.
 */
export function readAnswer(
  descriptor: Descriptor,
  question: Question,
  reply: Scalar,
  sealed: Uint8Array,
  shares: readonly Element[] = publicShares(descriptor, question.trustee),
): Element[][] {
  const hash = hashQuestion(question);
  const data = opened(reply, hash, sealed, question.trustee);
  const x = point(question.credential.holder, descriptor.escrow);
  const asked = exponents(descriptor.highest, x);
  const commitments = asked.map((each) => committed(each, shares));
  try {
    const reader = new Reader(data, "answer");
    const answered = question.points.map((points, place) => {
      const answers = asked.map(() => decodeElement(reader.fixed(ELEMENT_BYTES), "answer"));
      const proof = decodeProof(reader.fixed((points.length + 1) * SCALAR_BYTES), points.length);
      const claims = asked.map(({ base }, n) => ({ base, commitment: commitments[n]!, answer: answers[n]! }));
      verifyProof(contextOf(question, x, hash, place), points, claims, proof);
      return answers;
    });
    reader.end();
    return answered;
  } catch (error) {
    if (!(error instanceof Undecodable || error instanceof WrongProof)) throw error;
    throw new Fault({ role: "trustee", index: question.trustee }, `answered wrongly (${error.message})`);
  }
}

/** Only the trustee could open the question, so only it knows the reply key: what opens is its own. */
function opened(reply: Scalar, hash: Uint8Array, sealed: Uint8Array, trustee: number): Bytes {
  try {
    return unseal(reply, ANSWER, hash, sealed);
  } catch (error) {
    if (!(error instanceof Undecodable || error instanceof WrongSeal)) throw error;
    throw new Fault({ role: "server" }, `passed on an answer of trustee ${trustee} that does not open`);
  }
}

function contextOf(question: Question, x: Scalar, hash: Uint8Array, place: number): Bytes {
  const { descriptor, epoch, trustee } = question;
  const about = [descriptor, number(epoch, 4), number(trustee, 2), encodeScalar(x), hash, number(place, 2)];
  return joined(prefixed(PROOF), ...about);
}

/** What a quorum of trustees made of one identifier and her point. All of it secret. */
export interface Evaluated {
  readonly tag: Element;
  /** By level j the j coefficients, in V, of k_j(x, V) H. */
  readonly rows: ReadonlyMap<number, readonly Element[]>;
  /** By level k_j(0, x) H. */
  readonly values: ReadonlyMap<number, Element>;
}

/** From checked answers of exactly a quorum, by trustee. Throws RangeError for more or fewer. */
export function combine(
  descriptor: Descriptor,
  { blinds }: Blinded,
  answers: ReadonlyMap<number, readonly Element[]>,
): Evaluated {
  if (answers.size !== descriptor.quorum) throw new RangeError(`it takes ${descriptor.quorum} trustees' answers`);
  const [factors, some] = [lagrange([...answers.keys()]), [...answers.values()]];
  const unblinding = blinds.map(unblind);
  const asked = exponents(descriptor.highest, 1n);
  // The factors are public; the blinds are not, and each was fresh for its base.
  const found = asked.map(({ base }, n) => times(unblinding[base]!, publicSum(factors, some.map((each) => each[n]!))));
  const of = (base: number) => found.filter((_, n) => asked[n]!.base === base);
  const all = levels(descriptor.highest);
  return {
    tag: found[0]!,
    rows: new Map(all.map((j, n) => [j, of(n + 1).slice(0, j)])),
    values: new Map(all.map((j, n) => [j, of(n + 1)[j]!])),
  };
}

/** Euclid's algorithm takes its time by what it inverts, so it only ever sees the blind times something fresh. */
function unblind(blind: Scalar): Scalar {
  const fresh = randomScalar();
  return product(fresh, inverse(product(fresh, blind)));
}
