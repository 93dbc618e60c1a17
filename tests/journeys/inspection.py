# SPDX-License-Identifier: AGPL-3.0-or-later
"""Questions that are put to every page. They are asked from outside, so the pages' own rules stay in force."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

from tests.server import ROOT

AXE = ROOT / "browser" / "node_modules" / "axe-core" / "axe.min.js"
STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_EVERYTHING = {"type": "tag", "values": [*STANDARD, "best-practice"]}
# The rules that look at colours: all that a theme changes.
_COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
_AXE_RUN = """async (rules) => {
    document.querySelectorAll("details").forEach((each) => (each.open = true));
    const found = await axe.run(document, {runOnly: rules, resultTypes: ["violations"], preload: false});
    return found.violations.flatMap(({id, nodes}) => nodes.map((node) => [id, node.html, node.failureSummary]));
}"""


def violations(page: Page) -> list[Any]:
    """What axe finds at WCAG 2.2 AA and its best practices, light and dark; everything folded is unfolded before."""
    found: list[Any] = []
    for theme, rules in (("light", _EVERYTHING), ("dark", _COLOURS)):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        found += ([theme, *each] for each in page.evaluate(_AXE_RUN, rules))
    page.emulate_media(color_scheme="light")
    return found


FACTS = """async () => {
    document.querySelectorAll("details").forEach((each) => (each.open = true));
    const all = (selector, of = document) => [...of.querySelectorAll(selector)];
    const seen = (each) => each.checkVisibility({visibilityProperty: true}) && !each.closest(".skips");
    const box = (each) => each.getBoundingClientRect();
    const name = (each) => each.outerHTML.slice(0, 120);
    // WCAG 2.5.8 leaves out links in a sentence: their size is that of its line.
    const inSentence = (each) =>
        getComputedStyle(each).display === "inline" &&
        each.closest("p, li, td, th, dd, blockquote")?.textContent.trim() !== each.textContent.trim();
    const outside = ({left, right}) => left < -1 || right > innerWidth + 1;
    const scrolls = (each) => each.closest(".wide");
    // Words that cannot be in the language that the element says. Names of people, places and titles stay as they are.
    const arabic = /[\u0600-\u06ff]/, english = /\\b(the|and|your|with)\\b/i;
    const strange = {en: [arabic], es: [arabic, english], ar: [english]};
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const strangers = [];
    while (texts.nextNode()) {
        const {data, parentElement} = texts.currentNode;
        if (parentElement.closest("bdi, a[rel], .notes")) continue;
        const {lang} = parentElement.closest("[lang]");
        if (strange[lang]?.some((each) => each.test(data))) strangers.push([lang, data]);
    }
    const facts = {
        strangers,
        title: document.title,
        lang: document.documentElement.lang,
        dir: document.documentElement.dir,
        icon: document.querySelector("link[rel=icon]").href,
        tellers: all("meta[name=description], meta[property], link[rel=manifest], link[rel*=touch]").map(name),
        exits: all("a[data-exit]").map((each) => [each.innerText, each.href, each.rel]),
        links: all("a").map((each) => each.pathname),
        loaded: performance.getEntriesByType("resource").map((each) => each.name),
        rels: all("link").map((each) => each.rel),
        robots: document.querySelector("meta[name=robots]")?.content,
        footer: document.querySelector("footer").innerText,
        width: document.scrollingElement.scrollWidth,
        beyond: all("body *").filter((each) => seen(each) && !scrolls(each) && outside(box(each))).map(name),
        small: all("a, button, input:not([type=hidden]), summary, [tabindex='0']")
            .filter((each) => seen(each) && !inSentence(each) && Math.min(box(each).width, box(each).height) < 24)
            .map(name),
        moving: document.getAnimations().length,
        kept: [
            document.cookie.length,
            localStorage.length,
            sessionStorage.length,
            (await indexedDB.databases()).length,
            (await caches.keys()).length,
            (await navigator.serviceWorker.getRegistrations()).length,
        ],
    };
    scrollTo(0, document.scrollingElement.scrollHeight);
    const exit = box(document.querySelector("#exit"));
    const hit = document.elementFromPoint(exit.x + exit.width / 2, exit.y + exit.height / 2);
    facts.exit_stays_in_sight = exit.top >= 0 && exit.bottom <= innerHeight && hit?.id === "exit";
    scrollTo(0, 0);
    return facts;
}"""
