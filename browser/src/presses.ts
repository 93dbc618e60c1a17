// SPDX-License-Identifier: AGPL-3.0-or-later
// Counts how often Shift was pressed alone. GOV.UK's exit-this-page taught the pattern.

/** How long a press counts. Each starts it afresh: a screen reader takes seconds to say how many are still needed. */
export const PRESS_MS = 5000;

export const PRESSES_TO_LEAVE = 3;

export type Key = Pick<KeyboardEvent, "key" | "repeat" | "isComposing" | "ctrlKey" | "altKey" | "metaKey">;

export class Presses {
  private readonly tell: (count: number) => void;
  private count = 0;
  private alone = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `tell` gets 1, 2 and 3 as they are pressed, and 0 when the presses so far no longer count. */
  constructor(tell: (count: number) => void) {
    this.tell = tell;
  }

  down(key: Key): void {
    if (key.key !== "Shift" || key.isComposing || key.ctrlKey || key.altKey || key.metaKey) this.interrupt();
    else if (!key.repeat) this.alone = true;
  }

  /** A press counts when it ends: only then is it known that Shift was not held for a capital letter. */
  up(key: Key): void {
    if (key.key !== "Shift" || !this.alone) return;
    this.alone = false;
    clearTimeout(this.timer);
    this.count += 1;
    this.tell(this.count);
    if (this.count < PRESSES_TO_LEAVE) this.timer = setTimeout(() => this.interrupt(), PRESS_MS);
    else this.count = 0;
  }

  /** Another key, the pointer or another window came between. */
  interrupt(): void {
    clearTimeout(this.timer);
    this.alone = false;
    if (this.count) this.tell((this.count = 0));
  }
}
