// SPDX-License-Identifier: AGPL-3.0-or-later
// How messages are written as bytes, as in src/notalone/protocol/encoding.py: one way only, and nothing may follow.

import { Undecodable } from "./errors.ts";

export type Bytes = Uint8Array<ArrayBuffer>;

const LENGTH_BYTES = 4;
const COUNT_BYTES = 2;

/** The parts one after the other. */
export function joined(...parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** `value` in `width` bytes, big-endian. Throws RangeError when it does not fit, or is no safe whole number. */
export function number(value: number, width: number): Bytes {
  if (!Number.isSafeInteger(value) || value < 0 || value >= 256 ** width) {
    throw new RangeError(`${value} does not fit in ${width} bytes`);
  }
  const bytes = new Uint8Array(width);
  for (let at = width - 1, left = value; at >= 0; at--, left = Math.floor(left / 256)) bytes[at] = left % 256;
  return bytes;
}

/** The data after its length in 4 bytes. */
export function prefixed(data: Uint8Array): Bytes {
  return joined(number(data.length, LENGTH_BYTES), data);
}

/** The items, each already of a known form, after their count in 2 bytes. */
export function listed(items: readonly Uint8Array[]): Bytes {
  return joined(number(items.length, COUNT_BYTES), ...items);
}

/** Reads a message from its first byte to its last. Every method throws Undecodable. */
export class Reader {
  private at = 0;
  private readonly data: Uint8Array;
  private readonly what: string;

  /** `what`: the message's name, for errors. */
  constructor(data: Uint8Array, what: string) {
    this.data = data;
    this.what = what;
  }

  /** The next `width` bytes. */
  fixed(width: number): Bytes {
    if (this.at + width > this.data.length) {
      throw new Undecodable(this.what, `ends after ${this.data.length} bytes, in the middle of a field`);
    }
    return new Uint8Array(this.data.subarray(this.at, (this.at += width)));
  }

  /** A number of `width` bytes, at most 6: a larger one has no exact place in a number. */
  number(width: number): number {
    return this.fixed(width).reduce((value, byte) => value * 256 + byte, 0);
  }

  /** Data of at most `most` bytes after its length. */
  prefixed(most: number): Bytes {
    const length = this.number(LENGTH_BYTES);
    if (length > most) throw new Undecodable(this.what, `a field of ${length} bytes, where ${most} are the most`);
    return this.fixed(length);
  }

  /** At most `most` items after their count, each read by `item`. */
  listed<T>(most: number, item: (reader: this) => T): T[] {
    const count = this.number(COUNT_BYTES);
    if (count > most) throw new Undecodable(this.what, `a list of ${count}, where ${most} are the most`);
    return Array.from({ length: count }, () => item(this));
  }

  /** Nothing may follow. */
  end(): void {
    const left = this.data.length - this.at;
    if (left) throw new Undecodable(this.what, `${left} bytes follow its end`);
  }
}
