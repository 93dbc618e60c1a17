# SPDX-License-Identifier: AGPL-3.0-or-later
"""Prints vectors/reports.json: `python -m tools.vectors.reports [--fresh]`.

age draws its own randomness, so the age files and the keys are kept from the file that is there; --fresh makes new
ones, by all three makers. The cases of C2SP/CCTV (published as cctv-age 0.2.0, 0BSD) are kept always.
"""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pyrage

from notalone.protocol.encoding import listed, number, prefixed
from notalone.protocol.reports import CONTENT_MOST, SEALED_CHUNK, STEP, Attachment, Report, encrypt, pad, padded_length

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "vectors" / "reports.json"

Case = dict[str, Any]

ABOUT = (
    "Reports (spec/reports.md). `lengths`: content and padded length in bytes. `padded`: `start` (hexadecimal), then "
    "`zeros` bytes of zero, then `end` (hexadecimal); padded from `content` or refused. `reports`: `encoded` "
    "(hexadecimal) from the report or refused; with `reads` it is read, though written in another way. `keys`: for "
    "tests only. `files`: age files in base64. `opened`: the file made of `parts`, each [from, to] in bytes of `file` "
    "or hexadecimal, opened with the key of this name: a report (its text repeated `times` times, if that is there) "
    "or the class of the error. `recipients` and `identities`: whether they are taken. `cctv`: published cases of "
    "C2SP/CCTV for X25519 identities; `zlib`: the file is compressed; `payload`: SHA-256 of what was sealed; "
    "`expect`: in CCTV's words."
)


def lengths() -> list[Case]:
    some = [
        ("nothing", 0),
        ("one byte", 1),
        ("the most in one step", STEP - 4),
        ("the first of two steps", STEP - 3),
        ("the most in two steps", 2 * STEP - 4),
        ("an odd length below 2 MiB", 1_000_000),
        ("the last before Padme's steps are larger: 2 MiB", 2**21 - 4),
        ("one more: steps of 64 KiB still", 2**21 - 3),
        ("the last before steps of 128 KiB", 2**22 - 4),
        ("the first with steps of 128 KiB", 2**22 - 3),
        ("an odd length with steps of 512 KiB", 20_000_000),
        ("the most", CONTENT_MOST),
    ]
    valid: list[Case] = [{"why": why, "valid": True, "length": n, "padded": padded_length(n)} for why, n in some]
    return [*valid, {"why": "one more than the most", "valid": False, "length": CONTENT_MOST + 1}]


def padded() -> list[Case]:
    def case(why: str, start: str, zeros: int, end: str = "", content: str | None = None) -> Case:
        told = {} if content is None else {"content": content}
        return {"why": why, "valid": content is not None, "start": start, "zeros": zeros, "end": end} | told

    return [
        case("nothing", "00000000", STEP - 4, content=""),
        case("three bytes", "00000003616263", STEP - 7, content="616263"),
        case("zeros that are content", "0000000361", STEP - 5, content="610000"),
        case("empty", "", 0),
        case("a length alone", "00000000", 0),
        case("half a length", "", 3),
        case("one byte too few", "00000003616263", STEP - 8),
        case("one byte too many", "00000003616263", STEP - 6),
        case("a whole step too many", "00000003616263", 2 * STEP - 7),
        case("the first filler is not zero", "0000000361626301", STEP - 8),
        case("the last filler is not zero", "00000003616263", STEP - 8, "01"),
        case("a length over the data", "0000ffff", STEP - 4),
        case("a length over the data by one", "0000fffd", STEP - 4),
        case("a length over the most", "01fffffd", STEP - 4),
        case("the largest length", "ffffffff", STEP - 4),
        case("a little-endian length", "03000000616263", STEP - 7),
    ]


def written(language: bytes, text: bytes, *attachments: tuple[bytes, bytes, bytes], version: int = 1) -> bytes:
    items = [b"".join(map(prefixed, each)) for each in attachments]
    return number(version, 1) + prefixed(language) + prefixed(text) + listed(items)


PHOTO = (b"a.jpg", b"image/jpeg", b"\xff\xd8")


def reports() -> list[Case]:
    def good(why: str, report: Report) -> Case:
        return {"why": why, "valid": True, "encoded": bytes(report).hex(), **told(report)}

    def bad(why: str, data: bytes) -> Case:
        return {"why": why, "valid": False, "encoded": data.hex()}

    whole = written(b"en", b"abc", PHOTO)
    composed, open_form = "caf\u00e9", "cafe\u0301"
    assert unicodedata.normalize("NFC", open_form) == composed
    unnormal = written(b"fr", open_form.encode(), (open_form.encode(), b"text/plain", b""))
    read = Report(composed, "fr", (Attachment(composed, "text/plain", b""),))
    names = [
        b"",
        b".",
        b"..",
        b"a/b",
        b"a\\b",
        b"a\0b",
        b"a\nb",
        b"a\x7f",
        "a\u0085".encode(),
        "a\u202egpj.exe".encode(),
    ]
    return [
        good("no text", Report("", "en")),
        good("a text", Report("He said: \u201cnobody will believe you.\u201d\n", "en")),
        good("a language with script and region", Report("\u4f60\u597d", "zh-Hant-TW")),
        good("a first character that is a byte order mark", Report("\ufeffabc", "en")),
        good("a zero byte and an emoji", Report("a\0b \U0001f56f", "nds")),
        good(
            "two attachments, one empty, of one name",
            Report("", "ar", (Attachment("\u0635\u0648\u0631\u0629.jpg", "image/svg+xml", b""),) * 2),
        ),
        good("the longest name", Report("", "en", (Attachment("n" * 255, "a/" + "b" * 125, b"\0"),))),
        good("ten attachments", Report("", "en", (Attachment("a.jpg", "image/jpeg", b"x"),) * 10)),
        {"why": "read though it is not in NFC", "valid": True, "encoded": unnormal.hex(), "reads": True, **told(read)},
        bad("empty", b""),
        bad("version 0", written(b"en", b"abc", version=0)),
        bad("version 2", written(b"en", b"abc", version=2)),
        bad("a language in capitals", written(b"EN", b"abc")),
        bad("no language", written(b"", b"abc")),
        bad("a line's end after the language", written(b"en\n", b"abc")),
        bad("a text that is not UTF-8", written(b"en", b"\xff")),
        bad("a text that ends within a character", written(b"en", "é".encode()[:1])),
        bad("an overlong character", written(b"en", b"\xc0\xaf")),
        bad("half of a surrogate pair", written(b"en", b"\xed\xa0\x80")),
        bad("a language that is not UTF-8", written(b"\xff\xff", b"")),
        bad("a media type without its kind", written(b"en", b"", (b"a", b"image", b""))),
        bad("a media type with a parameter", written(b"en", b"", (b"a", b"text/plain; charset=utf-8", b""))),
        bad("a media type in capitals", written(b"en", b"", (b"a", b"Image/jpeg", b""))),
        bad("a media type that is too long", written(b"en", b"", (b"a", b"a/" + b"b" * 126, b""))),
        bad("a name that is too long", written(b"en", b"", (b"n" * 256, b"a/b", b""))),
        bad("eleven attachments", written(b"en", b"", *[PHOTO] * 11)),
        bad("one byte missing", whole[:-1]),
        bad("one byte more", whole + b"\0"),
        bad("twice", whole * 2),
        *(bad(f"a name that is none: {name!r}", written(b"en", b"", (name, b"a/b", b""))) for name in names),
    ]


def told(report: Report, times: int = 1) -> Case:
    return {
        "text": report.text[: len(report.text) // times],
        **({} if times == 1 else {"times": times}),
        "language": report.language,
        "attachments": [
            {"name": each.name, "media_type": each.media_type, "data": each.data.hex()} for each in report.attachments
        ],
    }


# ---- age files ----

# As long as one step holds, beside its 13 bytes of lengths and the like; and one byte more.
ONE_STEP = STEP - 4 - 13
EMPTY = Report("", "en")
SHORT = Report("Er kam jeden Tag ins B\u00fcro.", "de", (Attachment("chat.png", "image/png", b"\x89PNG"),))
FULL = Report("x" * ONE_STEP, "en")
OVER = Report("x" * (ONE_STEP + 1), "en")

NAMES = ["hers", "counsellor", "lawyer", "stranger"]


def fresh_keys() -> dict[str, Case]:
    made = {name: pyrage.x25519.Identity.generate() for name in NAMES}
    return {name: {"identity": str(key), "recipient": str(key.to_public())} for name, key in made.items()}


def fresh_files(keys: dict[str, Case]) -> dict[str, Case]:
    hers, counsellor, lawyer = (keys[name]["recipient"] for name in NAMES[:3])
    many = [counsellor, lawyer, *(str(pyrage.x25519.Identity.generate().to_public()) for _ in range(7))]
    passphrase = pyrage.passphrase.encrypt(b"", "for tests only")
    made = {
        "one": ("age", by_age(pad(bytes(EMPTY)), "-r", hers)),
        "two": ("browser", by_browser(SHORT, hers, [counsellor])),
        "ten": ("python", encrypt(FULL, hers=hers, others=many)),
        "long": ("python", encrypt(OVER, hers=hers, others=[counsellor])),
        "armored": ("age", by_age(b"", "-a", "-r", hers)),
        "unpadded": ("age", by_age(bytes(EMPTY), "-r", hers)),
        "not a report": ("age", by_age(pad(b"\0"), "-r", hers)),
        "passphrase": ("python", passphrase),
    }
    return {name: {"by": by, "base64": b64encode(file).decode()} for name, (by, file) in made.items()}


def by_age(data: bytes, *options: str) -> bytes:
    return subprocess.run(["age", *options], input=data, capture_output=True, check=True).stdout  # noqa: S603, S607


def by_browser(report: Report, hers: str, others: list[str]) -> bytes:
    """What browser/src/reports.ts makes of it."""
    script = """
        const { decodeReport, encrypt } = await import("./src/reports.ts");
        const [report, hers, others] = JSON.parse(process.argv[1]);
        process.stdout.write(await encrypt(decodeReport(Buffer.from(report, "hex")), hers, others));
    """
    node = ROOT / ".venv" / "bin" / "node"
    given = json.dumps([bytes(report).hex(), hers, others])
    command = [str(node), "--input-type=module", "--eval", script, given]
    return subprocess.run(command, capture_output=True, check=True, cwd=ROOT / "browser").stdout  # noqa: S603


def opened(files: dict[str, Case]) -> list[Case]:
    data = {name: b64decode(each["base64"]) for name, each in files.items()}
    return good_openings(data) + bad_headers(data) + bad_bodies(data)


def part(why: str, file: str, key: str, *parts: object, error: str) -> Case:
    return {"why": why, "file": file, "parts": list(parts), "key": key, "error": error}


def good_openings(data: dict[str, bytes]) -> list[Case]:
    cases: list[Case] = []
    for why, file, report, times, readers in [
        ("empty, for one, by age", "one", EMPTY, 1, ["hers"]),
        ("short, for two, by the browser", "two", SHORT, 1, ["hers", "counsellor"]),
        ("as much as one step holds, for ten", "ten", FULL, ONE_STEP, ["hers", "counsellor", "lawyer"]),
        ("one byte more, for two", "long", OVER, ONE_STEP + 1, ["hers", "counsellor"]),
    ]:
        for key in readers:
            parts = [[0, len(data[file])]]
            cases.append({"why": f"{why}: {key}", "file": file, "parts": parts, "key": key, **told(report, times)})
    return cases


def bad_headers(data: dict[str, bytes]) -> list[Case]:
    one, two = data["one"], data["two"]
    end, end_two = header_end(one), header_end(two)
    size, size_two = len(one), len(two)
    stanza, mac = one.index(b"-> X25519"), one.index(b"--- ")

    def changed(why: str, at: int, byte: str, error: str) -> Case:
        return part(why, "one", "hers", [0, at], byte.encode().hex(), [at + 1, size], error=error)

    def other(at: int) -> str:
        return "B" if one[at : at + 1] == b"A" else "A"

    lines = two[:end_two].splitlines(keepends=True)
    first, second = (sum(map(len, lines[:n])) for n in (1, 3))
    third = second + len(lines[3]) + len(lines[4])
    return [
        part("for others: a stranger", "two", "stranger", [0, size_two], error="NotForYou"),
        part("for others: the lawyer", "long", "lawyer", [0, len(data["long"])], error="NotForYou"),
        part("sealed with a passphrase", "passphrase", "hers", [0, len(data["passphrase"])], error="NotForYou"),
        part("armored", "armored", "hers", [0, len(data["armored"])], error="NotAge"),
        part("a text", "one", "hers", b"hello\n".hex(), error="NotAge"),
        part("lines that end as in Windows", "one", "hers", [0, stanza - 1], "0d", [stanza - 1, size], error="NotAge"),
        changed("another version", stanza - 2, "2", "NotAge"),
        part("a space before it", "one", "hers", "20", [0, size], error="NotAge"),
        changed("her share changed", stanza + 10, other(stanza + 10), "NotForYou"),
        changed("her wrapped key changed", stanza + 54, other(stanza + 54), "NotForYou"),
        changed("a kind that is not known", stanza + 3, "Y", "NotForYou"),
        changed("a character that base64 does not have", stanza + 10, "*", "HeaderChanged"),
        changed("a share that is not canonical", stanza + 52, "B", "HeaderChanged"),
        changed("the MAC changed", mac + 4, other(mac + 4), "HeaderChanged"),
        changed("the MAC not canonical", end - 2, "B", "HeaderChanged"),
        changed("the MAC's line does not end", end - 1, " ", "HeaderChanged"),
        part("two lines for readers changed places", "two", "hers", [0, first], [second, third], [first, second],
             [third, size_two], error="HeaderChanged"),
        part("a line for a reader left out", "ten", "hers", *left_out(data["ten"]), error="HeaderChanged"),
        part("a line of another kind put in", "one", "hers", [0, mac], b"-> a\n\n".hex(), [mac, size],
             error="HeaderChanged"),
        part("a point of low order put in", "one", "hers", [0, stanza], low_order().hex(), [stanza, size],
             error="HeaderChanged"),
        part("a line of another kind that is not canonical, for others", "one", "stranger", [0, mac],
             b"-> a\nAB\n".hex(), [mac, size], error="HeaderChanged"),
        part("her line made one of another kind", "one", "hers", [0, stanza], b"-> a ".hex(), [stanza, size],
             error="NotForYou"),
        part("a MAC too short, and nothing after it", "one", "hers", [0, mac], b"--- AAAA\n".hex(),
             error="HeaderChanged"),
        part("a longer header than any", "one", "hers", [0, mac], (b"-> a\n\n" * 1_400).hex(), [mac, size],
             error="HeaderChanged"),
        part("cut after the header, by the browser", "two", "hers", [0, end_two], error="CutShort"),
        *cut(one),
    ]  # fmt: skip


def cut(one: bytes) -> list[Case]:
    stanza, mac, end = one.index(b"-> X25519"), one.index(b"--- "), header_end(one)
    return [
        part(f"cut {why}", "one", "hers", [0, at], error="CutShort")
        for why, at in [
            ("to nothing", 0),
            ("within the first line", 5),
            ("after the first line", stanza),
            ("within a line for a reader", stanza + 20),
            ("before the MAC", mac),
            ("within the MAC", end - 10),
            ("before the header's last byte", end - 1),
        ]
    ]


def left_out(file: bytes) -> list[object]:
    """The parts of a file without the last of its lines for readers: the one of no known kind that rage adds."""
    mac = file.index(b"--- ")
    return [[0, file.rindex(b"\n-> ", 0, mac) + 1], [mac, len(file)]]


def low_order() -> bytes:
    return b"-> X25519 " + b"A" * 43 + b"\n" + b"A" * 43 + b"\n"


def bad_bodies(data: dict[str, bytes]) -> list[Case]:
    end, size = (header_end(data["long"]), len(data["long"]))
    nonce, first, second = end, end + 16, end + 16 + SEALED_CHUNK

    def case(why: str, *parts: object, error: str) -> Case:
        return part(why, "long", "hers", *parts, error=error)

    def changed(why: str, at: int) -> Case:
        byte = bytes([data["long"][at] ^ 1]).hex()
        return case(f"changed: {why}", [0, at], byte, [at + 1, size], error="Changed")

    one = data["one"]
    cuts = [
        ("after the header", end),
        ("within the nonce", nonce + 8),
        ("after the nonce", first),
        ("within the first chunk", first + 1_000),
        ("within the first chunk's tag", second - 8),
        ("after the first chunk", second),
        ("after the second chunk's first byte", second + 1),
        ("before the last byte", size - 1),
    ]
    return [
        *(case(f"cut {why}", [0, at], error="CutShort") for why, at in cuts),
        changed("the nonce", nonce),
        changed("the first byte of the first chunk", first),
        changed("the tag of the first chunk", second - 1),
        changed("a byte of the second chunk", second + 1_000),
        changed("the last byte", size - 1),
        case("one byte more", [0, size], "00", error="TrailingData"),
        case("a chunk more", [0, size], [second, size], error="TrailingData"),
        case("chunks changed places", [0, first], [second, size], [first, second], error="Reordered"),
        case("the first chunk left out", [0, first], [second, size], error="Reordered"),
        case("the first chunk twice", [0, second], [first, size], error="Reordered"),
        part("one byte more after one chunk", "one", "hers", [0, len(one)], "00", error="TrailingData"),
        part("the last byte cut from one chunk", "one", "hers", [0, len(one) - 1], error="CutShort"),
        part("sealed without padding", "unpadded", "hers", [0, len(data["unpadded"])], error="Undecodable"),
        part("sealed, but no report", "not a report", "hers", [0, len(data["not a report"])], error="Undecodable"),
    ]


def header_end(file: bytes) -> int:
    return file.index(b"\n", file.index(b"\n--- ") + 1) + 1


# ---- keys ----


def recipients(keys: dict[str, Case]) -> list[Case]:
    good = keys["hers"]["recipient"]
    zero = "age1" + "q" * 52
    low = ["age1ur4h5lpmgxu2u9jku0a0r87ydtdqnr0tnsetrlvxvgz3vh6fhqqqzyt4v9", zero + "5cu47z"]
    bad = [
        ("empty", ""),
        ("an identity", keys["hers"]["identity"]),
        ("in capitals", good.upper()),
        ("not ASCII", good[:-1] + "\u00e9"),
        ("a space after it", good + " "),
        ("a line's end after it", good + "\n"),
        ("a wrong checksum", good[:-1] + ("q" if good[-1] != "q" else "p")),
        ("one character less", good[:-1]),
        ("of another kind", good.replace("age1", "age1tag1")),
        ("an SSH key", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN"),
        *(("a point of low order", each) for each in low),
    ]
    taken: Case = {"why": "hers", "valid": True, "recipient": good}
    return [taken, *({"why": why, "valid": False, "recipient": each} for why, each in bad)]


def identities(keys: dict[str, Case]) -> list[Case]:
    good = keys["hers"]["identity"]
    bad = [
        ("empty", ""),
        ("a recipient", keys["hers"]["recipient"]),
        ("in small letters", good.lower()),
        ("not ASCII", good[:-1] + "\u00c9"),
        ("a line's end after it", good + "\n"),
        ("a wrong checksum", good[:-1] + ("Q" if good[-1] != "Q" else "P")),
        ("one character less", good[:-1]),
        ("of another kind", good.replace("KEY-1", "KEY-PQ-1")),
    ]
    taken: Case = {"why": "hers", "valid": True, "identity": good}
    return [taken, *({"why": why, "valid": False, "identity": each} for why, each in bad)]


def main() -> None:
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    if "--fresh" in sys.argv or "files" not in kept:
        kept["keys"] = fresh_keys()
        kept["files"] = fresh_files(kept["keys"])
    keys, files = kept["keys"], kept["files"]
    vectors = {
        "about": ABOUT,
        "lengths": lengths(),
        "padded": padded(),
        "reports": reports(),
        "keys": keys,
        "files": files,
        "opened": opened(files),
        "recipients": recipients(keys),
        "identities": identities(keys),
        "cctv": kept.get("cctv", []),
    }
    print(json.dumps(vectors, indent=2, ensure_ascii=True))


if __name__ == "__main__":
    main()
