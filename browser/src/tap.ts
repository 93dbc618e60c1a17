// SPDX-License-Identifier: AGPL-3.0-or-later
// A tap is never lost and never sent twice, whether the proof is ready, late or never comes.

/** The longest that a tap waits for its proof. After that it goes without: slower at the door, never refused. */
export const HOLD_MS = 4000;

/**
 * How long a tap that was sent keeps further ones back. A double tap falls within; a form that the network swallowed
 * can be tapped again after. The server counts a form once however often it comes, so this only spares it work.
 */
export const RESEND_MS = 8000;

/** What a tap does to the page. */
export interface Page<Button> {
  /** Sends the form as this button would; comes back to `Tap.press` and must find it willing. */
  send(button: Button): void;
  /** Shows which button is at work; none when there is nothing to wait for. */
  busy(button: Button | undefined): void;
}

export class Tap<Button> {
  private readonly page: Page<Button>;
  private state: "open" | "held" | "sent" = "open";
  private settled = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private button: Button | undefined;

  constructor(page: Page<Button>) {
    this.page = page;
  }

  /** Whether the form may go now. While a tap is held the last button wins: she may have hit the wrong one first. */
  press(button: Button): boolean {
    if (this.state === "sent") return false;
    this.page.busy(button);
    this.button = button;
    if (this.settled) {
      this.become("sent", RESEND_MS, () => this.forget());
      return true;
    }
    if (this.state === "open") this.become("held", HOLD_MS, () => this.settle());
    return false;
  }

  /** There is nothing more to wait for: the proof is there, or it will not come in time. */
  settle(): void {
    this.settled = true;
    if (this.state !== "held" || this.button === undefined) return;
    this.become("open");
    this.page.send(this.button);
  }

  /** The page was left, or a form that was sent never arrived: the buttons work again, and nothing goes by itself. */
  forget(): void {
    this.become("open");
    this.button = undefined;
    this.page.busy(undefined);
  }

  private become(state: "open" | "held" | "sent", after?: number, then?: () => void): void {
    clearTimeout(this.timer);
    this.state = state;
    this.timer = then && setTimeout(then, after);
  }
}
