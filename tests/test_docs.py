# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the documents say that can be checked: settings, problems, headers, dependencies, links, commands, tests."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from markdown_it import MarkdownIt

from notalone.services.settings import Settings, variable
from notalone.web.door import API_ANSWER_BYTES, BODY_BYTES, FORM_ANSWER_BYTES
from notalone.web.headers import SECURITY
from notalone.web.problems import Problem

ROOT = Path(__file__).parent.parent
# What is not ours, not there on a fresh checkout, or a form to be filled in.
_PASSED_OVER = {"node_modules", "data", "var", "starter"}
_COMMONMARK = MarkdownIt("commonmark").enable("table")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def documents() -> list[Path]:
    found: list[Path] = []
    for folder, inner, names in os.walk(ROOT):
        inner[:] = [name for name in inner if not name.startswith(".") and name not in _PASSED_OVER]
        found += [Path(folder, name) for name in names if name.endswith(".md")]
    return sorted(found)


def rows(name: str, heading: str) -> list[tuple[str, ...]]:
    """The cells of the first table below a heading, without its head; code marks taken off."""
    _, found, rest = read(name).partition(f"\n## {heading}\n")
    assert found, f"{name} has no heading {heading}"
    table = re.search(r"^\|.*\|\n\|[-|]+\|\n((?:\|.*\|\n)+)", rest, re.MULTILINE)
    assert table, f"{name} has no table below {heading}"
    return [tuple(cell.strip().strip("`") for cell in line.split("|")[1:-1]) for line in table[1].splitlines()]


def test_the_table_of_settings_is_the_settings() -> None:
    hints = get_type_hints(Settings, include_extras=True)
    expected = [
        (variable(each.name), "" if each.default == Path() else str(each.default), get_args(hints[each.name])[1])
        for each in fields(Settings)
    ]
    assert rows("docs/operating.md", "Settings") == expected


def test_the_table_of_problems_is_the_problems() -> None:
    expected = [(each.type, str(each.status.value), each.title, each.detail) for each in Problem]
    assert rows("spec/http.md", "Problems") == expected


def test_the_table_of_headers_is_the_headers() -> None:
    assert rows("spec/http.md", "Headers") == [(name.decode(), value.decode()) for name, value in SECURITY]


def test_the_table_of_sizes_is_the_sizes() -> None:
    said = [cells[1].removesuffix(" at most").replace(",", "") for cells in rows("spec/http.md", "Sizes and limits")]
    assert said == [str(n) for n in (FORM_ANSWER_BYTES, API_ANSWER_BYTES, BODY_BYTES)]


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    browser = json.loads(read("browser/package.json"))
    named = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    named += [each for group in project["dependency-groups"].values() for each in group]
    names = {re.split(r"[\[<>=~! ;]", each)[0] for each in named}
    names |= browser["dependencies"].keys() | browser["devDependencies"].keys() | {"uv"}
    given = re.findall(r"^\| `([^`]+)` \|", read("docs/decisions/0002-dependencies.md"), re.MULTILINE)
    assert len(given) == len(set(given))
    assert set(given) == names


def test_the_least_versions_are_those_that_are_tried() -> None:
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\d+\.\d+)", read("requirements/run.txt"), re.MULTILINE))
    for each in tomllib.loads(read("pyproject.toml"))["project"]["dependencies"]:
        name, _, least = each.partition(">=")
        assert least == locked[name.partition("[")[0]], each


def imported(*folders: str) -> set[str]:
    """The packages that our code in these folders imports, anywhere in a file, by the names they are installed by."""
    modules: set[str] = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {each.name.partition(".")[0] for each in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules.add(str(node.module).partition(".")[0])
    modules -= {*sys.stdlib_module_names, "notalone", "tests", "bench", "tools"}
    known = packages_distributions()
    return {re.sub(r"[-_.]+", "-", known[module][0]).lower() for module in modules}


def test_what_is_imported_is_declared() -> None:
    """What another package brings along may go with its next version."""
    project = tomllib.loads(read("pyproject.toml"))

    def names(given: list[str]) -> set[str]:
        return {re.split(r"[\[<>=~! ;]", each)[0] for each in given}

    run, test = names(project["project"]["dependencies"]), names(project["dependency-groups"]["test"])
    # SQLAlchemy is told to use it by the database's URL.
    assert imported("src") == run - {"aiosqlite"}
    assert imported("tests", "bench", "tools") <= run | test


def links(path: Path) -> Iterator[str]:
    for block in _COMMONMARK.parse(path.read_text(encoding="utf-8")):
        for token in block.children or []:
            if token.type == "link_open":
                yield str(token.attrs["href"])
            elif token.type == "image":
                yield str(token.attrs["src"])


def anchors(path: Path) -> set[str]:
    """The headings of a document as addresses within it, as code hosts make them."""
    prose = re.sub(r"(?ms)^```.*?^```$", "", path.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    lost = []
    for link in links(path):
        if re.match(r"(https|mailto|tel):", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        # A fragment of a call's text is the business of the bundle's own check.
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []


def test_the_decisions_are_numbered_without_a_gap() -> None:
    names = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert [name[:5] for name in names] == [f"{number:04}-" for number in range(1, len(names) + 1)]
    for number, name in enumerate(names, start=1):
        assert read(f"docs/decisions/{name}").startswith(f"# {number}. ")


def test_every_test_that_an_attack_names_exists() -> None:
    text = read("docs/attacks.md")
    named = re.findall(r"^- `(tests/[\w/]+\.py)::(\w+)`(?: \(not there yet\))?$", text, re.MULTILINE)
    in_browser = re.findall(r"^- `(browser/tests/[\w.]+)`: (.+)$", text, re.MULTILINE)
    assert len(named) + len(in_browser) == text.count("\n- `"), "a line names no test"
    sources = {name: read(name) if (ROOT / name).exists() else "" for name, _ in named + in_browser}
    missing = [f"{file}::{test}" for file, test in named if f"def {test}(" not in sources[file]]
    missing += [f"{file}: {test}" for file, test in in_browser if f'test("{test}"' not in sources[file]]
    assert missing == []


def test_every_file_that_an_attack_names_exists() -> None:
    for name in re.findall(r"`((?:web|services|storage|protocol|cli)/[\w/]+\.py)`", read("docs/attacks.md")):
        assert (ROOT / "src" / "notalone" / name).exists(), name


@cache
def notalone(*arguments: str) -> str:
    """What a command says of itself."""
    done = subprocess.run(
        [sys.executable, "-m", "notalone", *arguments, "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return done.stdout


def commands(text: str) -> set[str]:
    """Commands and subcommands that a help text lists."""
    _, _, listed = text.partition("Commands:\n")
    return set(re.findall(r"^  ([a-z-]+)(?:  |$)", listed, re.MULTILINE))


def test_every_command_that_a_document_names_exists() -> None:
    top, of_call = commands(notalone()), commands(notalone("call"))
    assert "backup" in top
    assert "load" in of_call
    for path in documents():
        text = path.read_text(encoding="utf-8")
        for command, sub in re.findall(r"(?:`|^|sudo |bin/)notalone ([a-z-]+)(?: ([a-z]+))?", text, re.MULTILINE):
            assert command in top, f"{path.name}: notalone {command}"
            assert command != "call" or sub in of_call, f"{path.name}: notalone call {sub}"


def test_every_option_that_a_document_gives_to_a_command_exists() -> None:
    given = re.findall(
        r"^(?:sudo |.*/)?notalone ((?:call )?[a-z]+) (.*--.*)$",
        read("docs/operating.md") + read("README.md"),
        re.MULTILINE,
    )
    assert given
    for command, rest in given:
        known = notalone(*command.split())
        for option in re.findall(r"--[a-z-]+", rest):
            assert option in known, f"notalone {command} {option}"


def test_the_two_commands_exist() -> None:
    makefile, readme = read("Makefile"), read("README.md")
    for target in ("run", "test"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
        assert f"\nmake {target}\n" in readme
    for target in re.findall(r"`make ([a-z]+)`", read("CONTRIBUTING.md")):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_licence_is_the_agpl() -> None:
    text = read("LICENSE")
    assert text.startswith("                    GNU AFFERO GENERAL PUBLIC LICENSE\n                       Version 3,")
    assert "13. Remote Network Interaction" in text
