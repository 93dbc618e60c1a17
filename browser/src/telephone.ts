// SPDX-License-Identifier: AGPL-3.0-or-later
// Telephone numbers, as in src/notalone/protocol/identifiers/telephone.py: E.164, by the data of Google's
// libphonenumber. The library sees no more than an optional plus and digits.

import {
  type CountryCode,
  getCountryCallingCode,
  isSupportedCountry,
  parsePhoneNumberFromString,
  type PhoneNumber,
} from "libphonenumber-js/core";
import metadata from "libphonenumber-js/max/metadata";
import { type Identifier, WrongIdentifier } from "./identifiers/identifier.ts";
import { linked } from "./identifiers/link.ts";
import { clean, mapped, withDigits } from "./identifiers/text.ts";

const SCHEME = /^(?:tel|callto|sms):(?:\/\/)?/;
const CONTEXT = /;phone-context=(\+[0-9]+)/;
const PARAMETERS = /;(?!ext=)[a-z-]+=[^;]*/g;
const EXTENSION =
  /^(.*(?:[0-9)]|[a-z](?=[ ,;-])))[ ,;-]*(?:;ext=|#|(?:extension|extensión|extn|ext|anexo|interno|int|poste|доб|x)[.:]? ?)([0-9]{1,8})#?$/;
const PUNCTUATION = /[ \-‐-―−./()[\]~·•∙]/g;
const MEXICAN_1 = /^\+521(?=[0-9]{10}$)/;
const DIGITS = /^\+?[0-9]+$/;
const KEYPAD = "22233344455566677778889999";
const VANITY_LETTERS = 3;

/** `country`: where it is dialled from without a code, ISO 3166 ("IN"). Throws WrongIdentifier. */
export function parseTelephone(text: string, country?: string): Identifier {
  if (country !== undefined && !isSupported(country)) throw new WrongIdentifier("country");
  const [digits, extension] = toDigits(withDigits(mapped(clean(linked(text) ?? text))));
  if (country === undefined && !digits.startsWith("+")) throw new WrongIdentifier("country");
  const found = read(digits, country);
  if (found === undefined) throw new WrongIdentifier("number");
  const shown = found.formatInternational();
  if (extension === "") return { kind: "telephone", canonical: found.number, shown };
  return { kind: "telephone", canonical: `${found.number};ext=${extension}`, shown: `${shown} ext. ${extension}` };
}

function isSupported(country: string): country is CountryCode {
  return isSupportedCountry(country as CountryCode, metadata);
}

/** Digits after an optional plus, and those of the extension. */
function toDigits(text: string): [string, string] {
  text = text.replace(SCHEME, "");
  const context = CONTEXT.exec(text);
  text = text.replace(PARAMETERS, "");
  if (context !== null && !text.startsWith("+")) text = context[1]! + text;
  const [, before, extension = ""] = EXTENSION.exec(text) ?? [];
  text = (before ?? text).replace(PUNCTUATION, "");
  const letters = text.replace(/[^a-z]/g, "");
  if (letters.length >= VANITY_LETTERS) text = text.replace(/[a-z]/g, (each) => KEYPAD[each.charCodeAt(0) - 97]!);
  // Mexico's mobile numbers lost this digit in 2019; many address books have it still.
  text = text.replace(MEXICAN_1, "+52");
  if (text.startsWith("+00")) text = "+" + text.slice(3);
  if (!DIGITS.test(text)) throw new WrongIdentifier("character");
  if (text.startsWith("+0")) throw new WrongIdentifier("number");
  return [text, extension];
}

/** By the country's rules; by those of the first country with its calling code; with 00 for the plus. */
function read(digits: string, country?: CountryCode): PhoneNumber | undefined {
  const tries: [string, CountryCode | undefined][] = [[digits, country]];
  if (country !== undefined && !digits.startsWith("+")) {
    const code = getCountryCallingCode(country, metadata);
    tries.push([digits, metadata.country_calling_codes[code]?.[0]]);
    if (digits.startsWith("00")) tries.push(["+" + digits.slice(2), undefined]);
  }
  for (const [text, region] of tries) {
    const options = region === undefined ? { extract: false } : { extract: false, defaultCountry: region };
    const found = parsePhoneNumberFromString(text, options, metadata);
    if (found?.isValid()) return found;
  }
  return undefined;
}
