"""What the documents say of the repository is so: links, anchors, quoted lines, keys, exit codes, layers, tests."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from functools import cache
from pathlib import Path

import pytest

from benchmarks import pages
from benchmarks.compare import PARTS
from taxi_luigi import config
from taxi_luigi.cli import cron_run, output
from taxi_luigi.config.notifications import EVENTS
from taxi_luigi.core import console
from taxi_luigi.inventory.alerts import Kind
from taxi_luigi.runs.task import families
from tests.docs.documents import DOCUMENTS, anchors, blocks, help_of, name, prose, text_of
from tests.support.project import ROOT

OPERATING, ARCHITECTURE = ROOT / "docs" / "operating.md", ROOT / "docs" / "architecture.md"
LEFT_BY_RUNS = ("data/", "raw/", "clean/", "rejected/", "data/state/logs", "data/luigid")
every_document = pytest.mark.parametrize("path", DOCUMENTS, ids=name)


def setup() -> ConfigParser:
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def links(path: Path) -> list[str]:
    """Those that stay in the repository."""
    found = re.findall(r"\]\(([^)\s]+)\)", prose(text_of(path)))
    return [link for link in found if "://" not in link and not link.startswith("mailto:")]


@cache
def files_of_the_repository() -> frozenset[str]:
    """As git has them, with those that are new; a file that only this machine has is none."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    ).stdout.splitlines()  # fmt: skip
    return frozenset((*listed, *(str(folder) for each in listed for folder in Path(each).parents)))


# ---- every document --------------------------------------------------------------------------------------------------


@every_document
def test_a_link_leads_to_a_file_and_a_heading_of_it(path: Path) -> None:
    there = files_of_the_repository()
    for link in links(path):
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert str(target.relative_to(ROOT)) in there, link
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), link


@every_document
def test_a_path_that_is_named_exists(path: Path) -> None:
    """`taxi_luigi/transform/rules.py`, `tests/unit/`: those that begin with a folder of the repository."""
    folders = "|".join(re.escape(each.name) for each in ROOT.iterdir() if each.is_dir() and each.name[0] != ".")
    named = re.findall(rf"`((?:{folders})/[\w./-]+)`", prose(text_of(path)))
    there = files_of_the_repository()
    missing = [each for each in named if each.rstrip("/") not in there and not each.startswith(LEFT_BY_RUNS)]
    made_here = ("benchmarks/work", "deploy/compose/secrets/")
    assert [each for each in missing if not each.startswith(made_here)] == []


def test_nothing_names_a_machine_of_ours() -> None:
    """In any file: paths that only one machine has, and addresses that the world does not have."""
    for each in sorted(files_of_the_repository()):
        path = ROOT / each
        if path.is_file() and path.suffix not in (".png", ".parquet", ".gz"):
            text = path.read_text(encoding="utf-8")
            assert re.findall(r"(?<![\w.~/*${}-])/(?:work|root)/\S*", text) == [], each
            hosts = set(re.findall(r"\w+://([\w.-]+)", text))
            assert [host for host in hosts if re.search(r"\.(?:internal|lan|corp)$", host)] == [], each


@every_document
def test_settings_that_are_shown_exist(path: Path) -> None:
    known = config.known_keys() | families()
    for block in blocks(text_of(path), "ini"):
        settings = ConfigParser(interpolation=None)
        settings.read_string(block)
        for section in settings.sections():
            keys = set(settings[section])
            if section.startswith(("lake.", "warehouse.")):
                noun, _, named = section.partition(".")
                assert keys <= known[f"{noun}.{settings[section].get('type', named)}"], section
            else:
                assert keys <= known[section], section


# ---- operating.md ----------------------------------------------------------------------------------------------------


def exit_codes() -> Iterator[int]:
    """Every code that the project's own settings and code give."""
    settings = ConfigParser(interpolation=None)
    settings.read(ROOT / "config" / "luigi.cfg")
    yield from map(int, settings["retcode"].values())
    yield from (0, 2, cron_run.BUSY, cron_run.UNUSABLE, cron_run.NOT_PUBLISHED, output.FAILED, output.DIFFERENT)
    yield from (console.INTERRUPT_CODE, *(128 + number for number in (1, 2, 9, 13, 15)))


def test_every_exit_code_is_in_the_table_with_what_to_do() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \| (.+?) \| (.*?) ?\|$", text_of(OPERATING), re.M)
    told = {int(code): (means, todo) for codes, means, todo in rows for code in codes.split(",")}
    assert set(exit_codes()) <= told.keys()
    assert all(todo for code, (_, todo) in told.items() if code not in (0, 141))


def test_what_each_recovery_rests_on_is_a_test() -> None:
    section = text_of(OPERATING).partition("## Recovering\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 15
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)`", row)
        assert named, row
        assert all((ROOT / each).is_file() for each in named), row


def test_every_event_and_every_command_has_a_row() -> None:
    text = text_of(OPERATING)
    for title, words in (("Notifications", set(EVENTS)), ("Monitoring", {each.value for each in Kind})):
        section = text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
        assert set(re.findall(r"^\| `([a-z_ ]+)` \|", section, re.M)) == words
    commands = set(re.findall(r"^  ([a-z][a-z-]+)  ", help_of("taxi-luigi", "--help"), re.M))
    assert {"status", "plan", "run"} < commands
    helpers = {"sample", "schedule"}  # in CONTRIBUTING.md and under its own heading
    assert set(re.findall(r"^\| `taxi-luigi ([a-z-]+)` \|", text, re.M)) == commands - helpers


# ---- architecture.md -------------------------------------------------------------------------------------------------


def test_the_layers_are_those_that_the_linter_holds() -> None:
    layers = [line.split(" | ") for line in setup()["importlinter:contract:layers"]["layers"].split("\n") if line]
    section = text_of(ARCHITECTURE).partition("| room | holds |")[2].partition("\n\n")[0]
    rows = [re.findall(r"`(\w+)`", row.split("|")[1]) for row in section.splitlines() if row.startswith("| `")]
    assert rows == layers


# ---- README.md, CHANGELOG.md -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "heading", "made"), pages.MADE, ids=[heading for _, heading, _ in pages.MADE])
def test_the_figures_of_a_section_are_those_that_were_measured(
    path: Path, heading: str, made: Callable[[], str]
) -> None:
    section = pages.section_of(text_of(path), heading)
    assert section == made(), "benchmarks/run PART --write"
    assert section.count("× ") + section.count(" ×") >= 8


def test_each_result_of_the_benchmarks_is_one_of_its_parts_and_names_its_commit() -> None:
    measured = text_of(ROOT / "benchmarks" / "README.md")
    titles = re.findall(r"^### (.*)", measured, re.MULTILINE)
    assert titles == [title for title in pages.TITLES if title in titles]
    assert tuple(title for title, _ in PARTS.values()) == pages.TITLES
    assert len(re.findall(r"^(?:November 2026|\d{4}-\d\d-\d\d), .*commit [0-9a-f]{7}", measured, re.MULTILINE)) == len(
        titles
    )


def test_the_changelog_has_this_version() -> None:
    assert f"## [{setup()['metadata']['version']}]" in text_of(ROOT / "CHANGELOG.md")


def test_the_readme_leads_to_every_document() -> None:
    reached = {(ROOT / link.partition("#")[0]).resolve() for link in links(ROOT / "README.md")}
    assert set(DOCUMENTS) - reached == {ROOT / "README.md"}
