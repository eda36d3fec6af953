"""docs/configuration.md and docs/messages.md are what their scripts make of the code today, and nothing is missing."""

from __future__ import annotations

import re
import runpy
from configparser import ConfigParser
from typing import Any

import pytest

from taxi_luigi import config
from taxi_luigi.tasks.base import families
from tests.docs.documents import text_of
from tests.support.project import ROOT

DOCS = ROOT / "docs"
PAGES = ("configuration", "messages")


@pytest.fixture(scope="module")
def made() -> dict[str, dict[str, Any]]:
    """Page → the names of the script that makes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS))
        return {page: runpy.run_path(str(DOCS / f"{page}.py")) for page in PAGES}


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_not_stale(made: dict[str, dict[str, Any]], page: str) -> None:
    assert text_of(DOCS / f"{page}.md") == made[page]["page"](), f"run python docs/{page}.py"


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
        assert keys_in(section(f"[{name}]")) == keys, name


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
    from taxi_luigi.config import sections

    for name in ("taxi", "clean", "download", "notify"):
        defaults = {key: each._default for key, each in getattr(sections, name).get_params()}
        assert dict(settings[name]) == defaults, name


def test_every_task_is_on_the_page_with_its_parameters() -> None:
    rows = dict(re.findall(r"^\| `([A-Z][a-z]\w+)` \| (.+) \|$", text_of(DOCS / "configuration.md"), re.M))
    assert rows.keys() == families().keys()
    for name, parameters in families().items():
        assert set(re.findall(r"(?:^|; )`(\w+)`", rows[name])) == parameters, name


def test_every_profile_is_on_the_page() -> None:
    listed = set(re.findall(r"^- \[config/([\w.]+)\]", text_of(DOCS / "configuration.md"), re.M))
    assert listed == {path.name for path in (ROOT / "config").glob("*.cfg")} - {"luigi.cfg"}


# ---- messages --------------------------------------------------------------------------------------------------------


def test_the_reader_of_the_code_puts_messages_together_as_python_does(made: dict[str, dict[str, Any]]) -> None:
    """Some whose words are far from where they are raised, each put in by hand."""
    page = text_of(DOCS / "messages.md")
    for words in (
        "month must look like 2024-01, not …",
        "[taxi] lake names something twice: …",
        "[taxi] source is empty; it is a URL or a path such as /data/trips/{color}_tripdata_{year}-{month:02}.parquet",
        "…: is a folder, where a file should be",
        "…: the table … is not partitioned by time, not by MONTH of …, so taxi_luigi did not make it; rename it or set "
        "another dataset",
        "luigid does not answer: start it with taxi-luigi luigid start, or add --local-scheduler",
        "its certificate is not trusted: … (…)",
        "PYTHON=… is not Python 3.11, 3.12 or 3.13",
    ):
        assert f"- `{words}` (" in page, words


def test_every_place_that_raises_an_error_of_ours_is_in_a_group(made: dict[str, dict[str, Any]]) -> None:
    found = made["messages"]["messages"]()
    assert len(found) > 250
    for message in found:
        made["messages"]["group_of"](message.module)


def test_no_error_is_raised_whose_words_are_not_on_the_page(made: dict[str, dict[str, Any]]) -> None:
    """The longest run of fixed words of every text that the code hands to an error, looked for as they stand."""
    page = text_of(DOCS / "messages.md")
    errors = (
        "ConfigError|UsageError|SourceError|BadFile|LayoutError|AccountError|StorageError|WarehouseError|WarehouseBusy"
    )
    raised = 0
    for path in (ROOT / "taxi_luigi").rglob("*.py"):
        for text in re.findall(rf'\b(?:{errors})\(\s*f?"((?:[^"\\]|\\.)*)"', path.read_text(encoding="utf-8")):
            pieces = re.split(r"\{\{|\}\}|\{[^{}]*\}|\\.", text)
            words = max(pieces, key=len).strip()
            if len(words.split()) > 2:
                raised += 1
                assert words in page, f"{path}: {words!r}; run python docs/messages.py"
    assert raised > 100
