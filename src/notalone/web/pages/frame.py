# SPDX-License-Identifier: AGPL-3.0-or-later
"""What every page stands in: its language, its exit, its neutral title and icon; and how numbers and dates are written.

Sentences live in the templates, translations in locale/*.po. Values are escaped unless they are marked safe, and a
value that is missing is an error, not an empty place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

if TYPE_CHECKING:
    from notalone.services.call import Call

LANGUAGES = ("en", "es", "ar")
# No native speaker has read these catalogues yet, and their pages say so.
_UNREVIEWED = frozenset({"es", "ar"})

WEB = Path(__file__).parent.parent
TEMPLATES = WEB / "templates"
CATALOGUES = WEB / "locale"
# What pages load, by the names that templates use, below the folder that is served as /static.
ASSETS = {
    "style.css": "style.css",
    "icon.svg": "icon.svg",
    "exit.js": "built/exit.js",
    "voice.js": "built/voice.js",
}

# "116 111" on two lines could be taken for two numbers.
_SPACE_IN_NUMBER = re.compile(r"(?<=\d) (?=\d)")
_WAY_BACK = re.compile(r'role="doc-backlink">↑(\d*)<')


@dataclass(frozen=True, slots=True)
class Frame:
    """One page's surroundings.

    `lang` is one of LANGUAGES. `path` is the page's address without the language: "/call/metoo" of
    "/en/call/metoo"; its other languages are linked by it. `assets` are the addresses from `asset_urls`.
    """

    lang: str
    path: str
    assets: Mapping[str, str]
    exit_url: str


def asset_urls(static: Path) -> dict[str, str]:
    """The address of each file that pages load, with a digest of it: a browser may keep what it got for ever.

    Raises OSError if one is not there.
    """
    return {
        name: f"/static/{path}?v={sha256((static / path).read_bytes()).hexdigest()[:12]}"
        for name, path in ASSETS.items()
    }


def direction(lang: str) -> str:
    """`ltr` or `rtl`: how a language (BCP 47) is written."""
    try:
        return Locale.parse(lang, sep="-").text_direction
    except (UnknownLocaleError, ValueError):
        return "ltr"


def language_name(code: str, lang: str) -> str:
    """The name of a language in another; its code where there is no name."""
    try:
        name = Locale.parse(code, sep="-").get_display_name(lang)
    except (UnknownLocaleError, ValueError):
        name = None
    return name or code


def territory_name(code: str, lang: str) -> str:
    """The name of a country (ISO 3166), or of the world (001), in a language; its code where there is no name."""
    country, _, _ = code.partition("-")
    name: str = Locale.parse(lang).territories.get(country, code)
    return _capitalised(name)


def contact_label(address: str) -> str:
    """A contact's address as people read it: without `mailto:`, `tel:` or `https://`."""
    scheme, _, rest = address.partition(":")
    return rest.removeprefix("//").rstrip("/") if scheme.lower() == "https" else rest.partition("?")[0]


def moment(seconds: int) -> datetime:
    """Unix seconds as a time in UTC, which is what pages show: they do not know where their readers are."""
    return datetime.fromtimestamp(seconds, UTC)


def render(frame: Frame, template: str, *, call: Call | None = None, **values: object) -> str:
    """The whole page. With a call, its texts are there as `text`, in the frame's language if it has that."""
    return render_file(template, frame.lang, frame=frame, call=call, text=call and call.text(frame.lang), **values)


def render_file(template: str, lang: str, **values: object) -> str:
    """A document without a frame. `lang` is one of LANGUAGES."""
    html: str = _ENVIRONMENTS[lang].get_template(template).render(**values)
    return html


def translations(lang: str) -> NullTranslations:
    """The catalogue of a language; English is what the templates are written in."""
    path = CATALOGUES / f"{lang}.po"
    if lang == "en":
        return NullTranslations()
    with path.open("rb") as file:
        catalogue = read_po(file, locale=lang, abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def _environment(lang: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    # Values are escaped, then put into the translated sentence.
    environment.install_gettext_translations(translations(lang), newstyle=True)  # type: ignore[attr-defined]
    # Digits are those of Western Arabic in every language: codes, addresses and the CSV have them too.
    locale = "en_GB" if lang == "en" else lang

    def foreign(code: str) -> Markup:
        """The attributes of an element whose words are in another language than the page."""
        return Markup("") if code == lang else Markup(' lang="{}" dir="{}"').format(code, direction(code))

    def told(html: str, code: str, sources: str, back: str) -> Markup:
        """A section as `services/prose.py` writes it, with names for its footnotes and for the ways back from them."""
        ours = Markup("") if code == lang else Markup(' lang="{}" dir="{}"').format(lang, direction(lang))
        story, notes, rest = html.partition('<ol class="notes">')
        if notes:
            opened = Markup('<section role="doc-endnotes" aria-label="{}"{}><ol class="notes"{}>')
            named = Markup('role="doc-backlink" aria-label="{}"{}>↑{}<')
            notes = str(opened.format(sources, ours, foreign(code)))
            rest = _WAY_BACK.sub(lambda way: named.format(f"{back} {way[1]}".strip(), ours, way[1]), rest)
            rest += "</section>"
        return Markup(story + notes + rest)  # noqa: S704 - safe to insert, as Section.html is

    environment.globals |= {
        "dir": direction(lang),
        "direction": direction,
        "languages": {code: _capitalised(language_name(code, code)) for code in LANGUAGES},
        "interface_reviewed": lang not in _UNREVIEWED,
        "foreign": foreign,
    }
    environment.filters |= {
        "number": lambda number: format_decimal(number, locale=locale),
        "day": lambda day: format_date(day, "long", locale=locale),
        "short_day": lambda day: format_date(day, "medium", locale=locale),
        "clock": lambda time: format_time(time, "HH:mm", locale=locale),
        "iso": lambda time: f"{time:%Y-%m-%dT%H:%MZ}",
        "language": lambda code: language_name(code, lang),
        "contact": contact_label,
        "host": lambda url: urlsplit(url).hostname,
        "ltr": Markup('<bdi dir="ltr">{}</bdi>').format,
        "best": lambda texts: _best(texts, lang),
        "territory": lambda code: territory_name(code, lang),
        "numbers_whole": lambda words: _SPACE_IN_NUMBER.sub("\u00a0", words),
        "told": told,
    }
    return environment


def _best(texts: Mapping[str, str], lang: str) -> tuple[str, str]:
    """A text by language, with its language: the reader's, or else English, or else the first there is."""
    code = next((code for code in (lang, "en") if code in texts), next(iter(texts)))
    return code, texts[code]


def _capitalised(name: str) -> str:
    return name[:1].upper() + name[1:]


# Made when the server starts, so that a broken catalogue stops it then and not the first reader of that language.
_ENVIRONMENTS = {lang: _environment(lang) for lang in LANGUAGES}
