// SPDX-License-Identifier: AGPL-3.0-or-later
// Domain names in one form, as in src/notalone/protocol/identifiers/domain.py. Not by the URL parser: its tables differ
// from version to version, and before 2023 Chromium made another person's fass.de of faß.de.

import { WrongIdentifier } from "./identifier.ts";
import { isDomainLetter, mapped } from "./text.ts";

const LABEL_BYTES = 63;
const DOMAIN_BYTES = 253;
const ASCII_LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
const ACE = "xn--";

/** With A-labels. Throws WrongIdentifier, domain. */
export function canonicalDomain(text: string): string {
  const labels = mapped(text).replace(/。/g, ".").replace(/\.$/, "").split(".").map(canonicalLabel);
  const domain = labels.join(".");
  if (labels.length < 2 || domain.length > DOMAIN_BYTES || /^[0-9]+$/.test(labels[labels.length - 1]!)) {
    throw new WrongIdentifier("domain");
  }
  return domain;
}

/** Of a canonical one: its A-labels with their letters. */
export function readableDomain(domain: string): string {
  const readable = (label: string): string => (label.startsWith(ACE) ? fromPunycode(label.slice(ACE.length)) : label);
  return domain.split(".").map(readable).join(".");
}

function canonicalLabel(typed: string): string {
  let label = typed;
  const text = typed.startsWith(ACE) ? fromPunycode(typed.slice(ACE.length)) : typed;
  if (/[^\x00-\x7f]/.test(text) && [...text].every((each) => isDomainLetter(each) || /^[a-z0-9-]$/.test(each))) {
    const again = ACE + toPunycode(text);
    // What was typed as an A-label has to be the one of its letters: of two spellings only one can be registered.
    const characters = [...text];
    const hyphens = text.startsWith("-") || text.endsWith("-") || characters.slice(2, 4).join("") === "--";
    if (hyphens || mapped(text) !== text || (label.startsWith(ACE) && label !== again)) {
      throw new WrongIdentifier("domain");
    }
    label = again;
  } else if (text !== label || !ASCII_LABEL.test(label) || label.slice(2, 4) === "--") {
    throw new WrongIdentifier("domain");
  }
  if (label.length > LABEL_BYTES) throw new WrongIdentifier("domain");
  return label;
}

// ---- Punycode (RFC 3492) ----

const BASE = 36;
const T_MIN = 1;
const T_MAX = 26;
const SKEW = 38;
const DAMP = 700;
const BIAS = 72;
const FIRST = 128;
const LETTER_MOST = 0x10ffff;
const DIGITS = "abcdefghijklmnopqrstuvwxyz0123456789";

function adapted(delta: number, points: number, first: boolean): number {
  delta = first ? Math.floor(delta / DAMP) : delta >> 1;
  delta += Math.floor(delta / points);
  let k = 0;
  for (; delta > ((BASE - T_MIN) * T_MAX) >> 1; k += BASE) delta = Math.floor(delta / (BASE - T_MIN));
  return k + Math.floor(((BASE - T_MIN + 1) * delta) / (delta + SKEW));
}

function threshold(k: number, bias: number): number {
  return Math.min(Math.max(k - bias, T_MIN), T_MAX);
}

export function toPunycode(text: string): string {
  const points = Array.from(text, (each) => each.codePointAt(0)!);
  const basic = points.filter((point) => point < FIRST);
  let out = String.fromCharCode(...basic) + (basic.length > 0 ? "-" : "");
  let done = basic.length;
  let n = FIRST;
  let delta = 0;
  let bias = BIAS;
  while (done < points.length) {
    const next = Math.min(...points.filter((point) => point >= n));
    delta += (next - n) * (done + 1);
    n = next;
    for (const point of points) {
      if (point < n) delta++;
      if (point !== n) continue;
      let q = delta;
      for (let k = BASE; ; k += BASE) {
        const t = threshold(k, bias);
        if (q < t) break;
        out += DIGITS[t + ((q - t) % (BASE - t))]!;
        q = Math.floor((q - t) / (BASE - t));
      }
      out += DIGITS[q]!;
      bias = adapted(delta, done + 1, done === basic.length);
      delta = 0;
      done++;
    }
    delta++;
    n++;
  }
  return out;
}

/** Throws WrongIdentifier, domain. */
export function fromPunycode(text: string): string {
  const end = Math.max(text.lastIndexOf("-"), 0);
  const points = Array.from(text.slice(0, end), (each) => each.codePointAt(0)!);
  let n = FIRST;
  let i = 0;
  let bias = BIAS;
  for (let at = end > 0 ? end + 1 : 0; at < text.length; ) {
    const before = i;
    let weight = 1;
    for (let k = BASE; ; k += BASE) {
      const digit = DIGITS.indexOf(text[at++] ?? " ");
      if (digit < 0) throw new WrongIdentifier("domain");
      i += digit * weight;
      const t = threshold(k, bias);
      if (digit < t) break;
      weight *= BASE - t;
    }
    bias = adapted(i - before, points.length + 1, before === 0);
    n += Math.floor(i / (points.length + 1));
    i %= points.length + 1;
    if (n > LETTER_MOST) throw new WrongIdentifier("domain");
    points.splice(i++, 0, n);
  }
  return String.fromCodePoint(...points);
}
