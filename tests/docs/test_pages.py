"""docs/configuration.md is what its script makes of the code; docs/messages.md has no words that the code lacks."""

from __future__ import annotations

import ast
import re
import runpy
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest

from taxi_luigi import config
from taxi_luigi.config.sections import SECTIONS
from taxi_luigi.core.settings import declared
from taxi_luigi.runs.task import families
from tests.docs.documents import text_of
from tests.support.project import ROOT

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    """The definitions of docs/configuration.py."""
    return runpy.run_path(str(DOCS / "configuration.py"))


def test_the_page_is_not_stale(script: dict[str, Any]) -> None:
    assert text_of(DOCS / "configuration.md") == script["page"](), "run python docs/configuration.py"


def test_our_sections_in_luigi_cfg_are_those_that_the_code_declares(script: dict[str, Any]) -> None:
    assert text_of(ROOT / "config" / "luigi.cfg") == script["luigi_cfg"](), "run python docs/configuration.py"


def section(heading: str) -> str:
    """What the page of settings says below a heading."""
    return re.split(r"^#+ ", text_of(DOCS / "configuration.md").partition(f" {heading}\n")[2], flags=re.M)[0]


def keys_in(text: str) -> set[str]:
    """The keys that have a row with a meaning."""
    return {key for key, meaning in re.findall(r"^\| `(\w+)` \|.*\| (.+?) \|$", text, re.M) if meaning.strip()}


def test_every_key_that_the_code_reads_is_on_the_page_with_its_meaning() -> None:
    known = config.known_keys()
    assert len(known) >= 10
    for name, keys in known.items():
        heading = "[lake.NAME], of type local" if name == "lake.local" else f"[{name}]"
        assert keys_in(section(heading)) == keys, name


def test_every_key_of_luigi_cfg_is_on_the_page_with_its_default() -> None:
    settings = ConfigParser(interpolation=None)
    settings.read(ROOT / "config" / "luigi.cfg")
    for name in settings.sections():
        for key, value in settings[name].items():
            shown = f"`{value}`" if value else ""
            assert f"| `{key}` | {shown} | " in section(f"[{name}]"), (name, key)


def test_the_defaults_of_luigi_cfg_are_those_of_the_code() -> None:
    """Without a luigi.cfg, as in a notebook elsewhere, the same happens."""
    settings = ConfigParser(interpolation=None)
    settings.read(ROOT / "config" / "luigi.cfg")
    for name, kinds in SECTIONS.items():
        assert dict(settings[name]) == {key: each.default for kind in kinds for key, each in declared(kind).items()}


def test_every_task_is_on_the_page_with_its_parameters() -> None:
    rows = dict(re.findall(r"^\| `([A-Z][a-z]\w+)` \| (.+) \|$", text_of(DOCS / "configuration.md"), re.M))
    assert rows.keys() == families().keys()
    for name, parameters in families().items():
        assert set(re.findall(r"(?:^|; )`(\w+)`", rows[name])) == parameters, name


def test_every_profile_is_on_the_page() -> None:
    listed = set(re.findall(r"^- \[config/([\w.]+)\]", text_of(DOCS / "configuration.md"), re.M))
    assert listed == {path.name for path in (ROOT / "config").glob("*.cfg")} - {"luigi.cfg"}


# ---- messages --------------------------------------------------------------------------------------------------------


def test_what_a_line_is_searched_for_by_is_in_the_code() -> None:
    """The first cell of each row: words of a message that stay the same, … for what differs."""
    texts = [text for path in (ROOT / "taxi_luigi").rglob("*.py") for text in _texts(path)]
    cells = re.findall(r"^\| (`.+?`) \| ", text_of(DOCS / "messages.md"), re.M)
    assert len(cells) > 60
    for phrase in re.findall(r"`([^`]+)`", " ".join(cells)):
        assert any(phrase in text for text in texts), phrase


def _texts(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)  # type: ignore[misc]
