// SPDX-License-Identifier: AGPL-3.0-or-later
// Links that hold a telephone number.

import { trimmed } from "./text.ts";

const LINK =
  /^(?:https?:\/\/)?(?:(?:www\.)?wa\.me\/|(?:api|web)\.whatsapp\.com\/send\/?\?(?:[^#]*&)?phone=|t\.me\/\+)(?:%2B|\+)?([0-9]{7,15})(?:[/?&#].*)?$|^whatsapp:\/\/send\/?\?(?:[^#]*&)?phone=(?:%2B|\+)?([0-9]{7,15})(?:&.*)?$/i;

/** The number, with its plus, that a link of WhatsApp or Telegram holds. */
export function linked(text: string): string | undefined {
  const found = LINK.exec(trimmed(text));
  return found === null ? undefined : "+" + (found[1] ?? found[2]!);
}
