// SPDX-License-Identifier: AGPL-3.0-or-later
// The form of a voice: the proof is worked out while she reads, so that the tap itself is instant.
// Whatever fails here, the form is a plain form and the browser sends it.

import { solve } from "./proof.ts";
import { Tap } from "./tap.ts";

const IDLE_MS = 1000;
const READING_MS = 8; // half a frame: scrolling stays smooth while she reads
const WAITING_MS = 40; // a tap is held: nothing matters more, and the exit still answers at once

function attend(form: HTMLFormElement): void {
  const buttons = form.querySelectorAll<HTMLButtonElement>("button[name=kind]");
  const { elements, dataset } = form;
  const nonce = elements.namedItem("nonce");
  const proof = elements.namedItem("proof");
  if (!(nonce instanceof HTMLInputElement && proof instanceof HTMLInputElement)) return;
  const status = document.getElementById("tap_status");
  // A browser that restores a form after a reload may bring back the proof of another nonce.
  proof.value = "";

  const pace = {
    slice: READING_MS,
    now: () => performance.now(),
    rest: () => new Promise<void>((resume) => setTimeout(resume)),
  };
  const tap = new Tap<HTMLButtonElement>({
    // click() instead of requestSubmit(): the same submission, in browsers that lack the latter too.
    send: (button) => button.click(),
    busy: (busy) => {
      pace.slice = busy ? WAITING_MS : READING_MS;
      buttons.forEach((button) => button.setAttribute("aria-busy", String(button === busy)));
      // Who does not see the button change hears that the tap is on its way.
      if (status) status.textContent = (busy && status.dataset.busy) ?? "";
    },
  });

  let begun = false;
  const begin = async (): Promise<void> => {
    if (begun) return;
    begun = true;
    try {
      proof.value = await solve(dataset.slug ?? "", nonce.value, parseInt(dataset.bits ?? "", 10), pace);
    } catch {
      // Without a proof the voice goes the slower way.
    }
    tap.settle();
  };

  let touched: HTMLButtonElement | undefined; // event.submitter, for browsers without it
  buttons.forEach((button) => button.addEventListener("click", () => (touched = button)));
  form.addEventListener("submit", (event) => {
    const button = event.submitter instanceof HTMLButtonElement ? event.submitter : touched;
    if (!button || tap.press(button)) return;
    event.preventDefault();
    // In a task of its own: a proof found at once would be sent within this event, where browsers drop submissions.
    setTimeout(begin);
  });
  // The page may come back from the back/forward cache: as it was before the tap, and with no tap pending.
  addEventListener("pagehide", () => tap.forget());

  if ("requestIdleCallback" in window) requestIdleCallback(begin, { timeout: IDLE_MS });
  else setTimeout(begin, IDLE_MS);
}

const form = document.querySelector<HTMLFormElement>("form#voice");
if (form) attend(form);
