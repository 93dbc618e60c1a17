// SPDX-License-Identifier: AGPL-3.0-or-later
// Exit this page: nothing is left to read from the moment she asks, however slow the network is.
// Without this script the link is a link.

import { Presses, PRESSES_TO_LEAVE } from "./presses.ts";

const LINK = "a[data-exit]";

let left = false;

function leave(link: HTMLAnchorElement | null): void {
  if (!link) return;
  const { href } = link;
  left = true;
  try {
    cover();
  } finally {
    // replace, so that "back" does not lead here
    location.replace(href);
  }
}

function cover(): void {
  const { documentElement: root, body } = document;
  root.classList.add("leaving");
  // The class needs the style sheet and emptying cannot reach what is still being loaded; this needs neither.
  root.style.visibility = "hidden";
  // What browsers keep of a form, to restore it later, is what it holds when the page is left.
  for (const field of document.querySelectorAll<HTMLInputElement>("input, textarea, select")) {
    field.value = "";
    field.checked = false;
  }
  const status = document.getElementById("exit-presses");
  body.textContent = "";
  if (!status) return;
  // Read out and not shown as more than its text: a blank page without a word alarms those who cannot see it.
  status.setAttribute("role", "alert");
  status.style.visibility = "visible";
  body.append(status);
  announce(PRESSES_TO_LEAVE);
}

function announce(count: number): void {
  const status = document.getElementById("exit-presses");
  if (!status) return;
  const { one, two, leaving } = status.dataset;
  status.hidden = false;
  status.dataset.pressed = String(count);
  status.textContent = ["", one, two, leaving][count] ?? "";
}

const presses = new Presses((count) => {
  if (count < PRESSES_TO_LEAVE) announce(count);
  else leave(document.querySelector<HTMLAnchorElement>(LINK));
});

// All on the window and in the capture phase: before anything on the page can stop or swallow an event, and at work
// from the moment the script is there, with links that are still to come.
addEventListener("keydown", (event) => presses.down(event), true);
addEventListener("keyup", (event) => presses.up(event), true);
addEventListener("pointerdown", () => presses.interrupt(), true);
addEventListener("blur", () => presses.interrupt());
addEventListener(
  "click",
  (event) => {
    const link = event.target instanceof Element && event.target.closest<HTMLAnchorElement>(LINK);
    if (!link) return;
    leave(link);
    event.preventDefault();
  },
  true,
);
// Restored from the back/forward cache the page is blank. Asked for anew it holds nothing that she had entered, and a
// page that answered a form is not sent again.
addEventListener("pageshow", (event) => {
  if (event.persisted && left) location.replace(location.origin + location.pathname);
});
