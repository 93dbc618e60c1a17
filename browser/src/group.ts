// SPDX-License-Identifier: AGPL-3.0-or-later
// ristretto255 (RFC 9496) by noble, with the checks of src/notalone/protocol/group.py. noble's own tests detect secret
// scalars in products with points other than the generator, so a browser only ever multiplies by scalars that are fresh.

import { mulAddUnsafe } from "@noble/curves/abstract/curve.js";
import { ristretto255, ristretto255_hasher } from "@noble/curves/ed25519.js";
import type { Bytes } from "./encoding.ts";
import { Undecodable } from "./errors.ts";

const { Point } = ristretto255;
const { Fn } = Point;

export type Element = InstanceType<typeof Point>;
export type Scalar = bigint;

export const ELEMENT_BYTES = 32;
export const SCALAR_BYTES = 32;
const UNIFORM = 64;

export const GENERATOR: Element = Point.BASE;
export const IDENTITY: Element = Point.ZERO;

/** An element from 32 bytes. Throws Undecodable for another length, for what encodes nothing, and for the identity. */
export function decodeElement(data: Uint8Array, what = "element"): Element {
  checkLength(data, what);
  let element: Element;
  try {
    element = Point.fromBytes(data);
  } catch {
    throw new Undecodable(what, "is not an element of the group");
  }
  if (element.is0()) throw new Undecodable(what, "is the identity");
  return element;
}

export function encodeElement(element: Element): Bytes {
  return new Uint8Array(element.toBytes());
}

/** A scalar from 32 bytes, little-endian. Throws Undecodable for another length, for what is not reduced, and for zero. */
export function decodeScalar(data: Uint8Array, what = "scalar"): Scalar {
  checkLength(data, what);
  const value = fromLittleEndian(data);
  if (value >= Fn.ORDER) throw new Undecodable(what, "is not below the order of the group");
  if (value === 0n) throw new Undecodable(what, "is zero");
  return value;
}

export function encodeScalar(scalar: Scalar): Bytes {
  return new Uint8Array(Fn.toBytes(scalar));
}

/** A scalar from 64 uniform bytes. Throws RangeError for another length. */
export function reduceScalar(uniform: Uint8Array): Scalar {
  checkUniform(uniform);
  return fromLittleEndian(uniform) % Fn.ORDER;
}

/** A fresh scalar, from the browser's randomness or 64 bytes given. */
export function randomScalar(randomness: Uint8Array = crypto.getRandomValues(new Uint8Array(UNIFORM))): Scalar {
  return reduceScalar(randomness);
}

/** scalar times element, in constant time as far as noble goes. */
export function times(scalar: Scalar, element: Element): Element {
  return scalar === 0n ? IDENTITY : element.multiply(scalar);
}

/** scalar times element where both are public: twice as fast, and its time tells the scalar. */
export function publicTimes(scalar: Scalar, element: Element): Element {
  return element.multiplyUnsafe(scalar);
}

/** The sum of each scalar times its element, all public: they share their doublings. */
export function publicSum(scalars: readonly Scalar[], elements: readonly Element[]): Element {
  return mulAddUnsafe(Point, [...elements], [...scalars]);
}

export function plus(a: Scalar, b: Scalar): Scalar {
  return Fn.add(a, b);
}

export function minus(a: Scalar, b: Scalar): Scalar {
  return Fn.sub(a, b);
}

export function product(a: Scalar, b: Scalar): Scalar {
  return Fn.mul(a, b);
}

/** Throws RangeError for zero. */
export function inverse(scalar: Scalar): Scalar {
  if (scalar === 0n) throw new RangeError("zero has no inverse");
  return Fn.inv(scalar);
}

/** Element derivation (RFC 9496, section 4.3.4) of 64 uniform bytes. Throws RangeError for another length. */
export function mapElement(uniform: Uint8Array): Element {
  checkUniform(uniform);
  return ristretto255_hasher.deriveToCurve!(uniform) as Element;
}

/** hash_to_ristretto255 (RFC 9380, appendix B) with this label as domain separation. */
export function hashToElement(message: Uint8Array, label: Uint8Array): Element {
  return ristretto255_hasher.hashToCurve(message, { DST: label });
}

/** HashToScalar of RFC 9497, section 4.1, with this label as domain separation. */
export function hashToScalar(message: Uint8Array, label: Uint8Array): Scalar {
  return ristretto255_hasher.hashToScalar(message, { DST: label });
}

function checkLength(data: Uint8Array, what: string): void {
  if (data.length !== ELEMENT_BYTES) throw new Undecodable(what, `${data.length} bytes instead of ${ELEMENT_BYTES}`);
}

function checkUniform(uniform: Uint8Array): void {
  if (uniform.length !== UNIFORM) throw new RangeError(`${UNIFORM} uniform bytes, not ${uniform.length}`);
}

function fromLittleEndian(data: Uint8Array): bigint {
  return data.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
