"""docs/json.md has every key of every command's --json, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from taxi_luigi.cli import plan
from taxi_luigi.core.health import Status
from taxi_luigi.history import Result
from taxi_luigi.history import State as RunState
from taxi_luigi.inventory import Reason, State
from taxi_luigi.inventory.alerts import Kind
from taxi_luigi.sample import write_samples
from taxi_luigi.tlc.months import Month
from tests.docs.documents import help_of, text_of
from tests.support.project import ROOT, Project

PAGE = ROOT / "docs" / "json.md"
WITHOUT = {"run", "report", "quickstart", "cron-run"}
MONTHS = ("--colors", "green", "--months", "2021-01..2021-02")
COMMANDS = [
    ("history", "--last", "5"), ("history", "--last", "1"), ("status",), ("status", *MONTHS),
    ("status", "--check"), ("status", "--check", *MONTHS),
    ("plan", *MONTHS, "--force"), ("show", "green", "2021-02"), ("show", "green", "2021-01"),
    ("loaded",), ("loaded", "--months", "2021-01"), ("verify",), ("doctor",), ("settings",),
    ("schedule", "@daily"), ("schedule",), ("luigid", "status", "--port", "9"), ("dbt-sources",), ("tidy", "--yes"),
    ("sample", "--to", "more", *MONTHS, "--rows", "10"),
    ("remove", "--colors", "green", "--months", "2021-02", "--yes"), ("remove", *MONTHS, "--yes"),
    ("status", "--colors", "purple"),
]  # fmt: skip
IN_ONE_PROCESS = """
import contextlib, io, json, sys
from taxi_luigi.cli import main

answers = []
for words in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()):
        code = main([*words, "--json"])
    answers.append((words, code, out.getvalue()))
print(json.dumps(answers))
"""
CRONTAB = """#!/bin/sh
[ "$1" = -l ] && exec cat "$0.tab"
cat >"$0.tab"
"""


Tree = dict[str, Any]


def documented(command: str) -> Tree:
    """The keys of a command's table, with those of every object, as a tree."""
    text = text_of(PAGE)
    section = text.partition(f"\n## taxi-luigi {command}\n")[2].partition("\n## ")[0]
    common = text.partition("| key of every object |")[2].partition("\n\n")[0]
    tree: Tree = {}
    for row in re.findall(r"^\| (`[^|]*`) \|", section + common, re.M):
        for path in re.findall(r"`([^`]+)`", row):
            node = tree
            for key in path.replace("[]", ".[]").split("."):
                node = node.setdefault(key, {})
    return tree


def differences(value: Any, node: Tree, path: str = "") -> Iterator[str]:
    """Keys that are not in the tree, or that the tree has and the object lacks; null stands for anything."""
    if isinstance(value, list):
        assert node.keys() <= {"[]"}, path
        if "[]" not in node:
            yield f"{path}[] is not documented"
        for each in value:
            yield from differences(each, node.get("[]", {}), f"{path}[]")
    elif isinstance(value, dict):
        names = [key for key in node if key.isupper()]
        for key, each in value.items():
            if names or key in node:
                yield from differences(each, node[names[0] if names else key], f"{path}.{key}")
            else:
                yield f"{path}.{key} is not documented"
        if value and not names:
            yield from (f"{path}.{key} is documented, and not there" for key in node if key not in value)
    elif value is not None and node:
        yield f"{path} is {value!r}, where {', '.join(node)} is documented"


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], tuple[int, Any]]:
    """Words of a command → its exit code and its object, after two runs of which the second loaded the second month."""
    project = Project(tmp_path_factory.mktemp("json") / "project")
    source = write_samples(project.folder / "published", ["green"], [Month(2021, 1)], 500)[0].parent
    project.configure({"taxi": {"source": f"{source}/{{color}}_tripdata_{{year}}-{{month:02}}.parquet"}})
    assert project.run("LoadAllMonths", *MONTHS).rc == 20
    write_samples(source, ["green"], [Month(2021, 2)], 500)
    project.configure({"clean": {"reject": "no_passengers"}})
    assert project.run("LoadAllMonths", *MONTHS).rc == 0
    crontab = project.folder / "bin" / "crontab"
    crontab.parent.mkdir()
    crontab.write_text(CRONTAB)
    crontab.chmod(0o755)
    crontab.with_name("crontab.tab").touch()
    done = project.command(
        "python", "-c", IN_ONE_PROCESS, json.dumps(COMMANDS), env={"PATH": f"{crontab.parent}:/usr/bin:/bin"}
    )
    assert done.rc == 0, done.out
    return {tuple(words): (code, json.loads(out)) for words, code, out in json.loads(done.out.splitlines()[-1])}


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_key_is_documented_and_every_documented_key_is_there(
    words: tuple[str, ...], answers: dict[tuple[str, ...], tuple[int, Any]]
) -> None:
    code, value = answers[words]
    if words == ("status", "--colors", "purple"):
        why = "color must be one of yellow, green, fhv, fhvhv, not 'purple'"
        assert (code, value) == (40, {"version": 1, "errors": [why]})
    else:
        assert [*differences(value, documented(words[0]))] == []


def test_every_command_is_on_the_page() -> None:
    commands = set(re.findall(r"^  ([a-z][a-z-]+)  ", help_of("taxi-luigi", "--help"), re.M))
    assert set(re.findall(r"^## taxi-luigi (\S+)$", text_of(PAGE), re.M)) == commands - WITHOUT
    assert {words[0] for words in COMMANDS} == commands - WITHOUT


def test_every_word_that_a_program_compares_is_on_the_page() -> None:
    words = {
        *(each.value for kind in (RunState, Result, Reason, State, Status, Kind) for each in kind),
        plan.UP_TO_DATE, plan.NOT_PUBLISHED, plan.WITHDRAWN, plan.REFUSED, plan.FAILED, plan.GONE,
    }  # fmt: skip
    assert sorted(word for word in words if f"`{word}`" not in text_of(PAGE)) == []


def test_the_last_run_names_each_month_and_what_became_of_it(
    answers: dict[tuple[str, ...], tuple[int, Any]],
) -> None:
    code, value = answers["history", "--last", "1"]
    [run] = value["runs"]
    january, february = run["months"]
    assert (code, run["exit_code"], run["already_there"], run["loaded"]) == (0, 0, 1, 1)
    assert (january["month"], january["result"], january["rows"], january["stores"]) == (
        "2021-01", "already there", 0, {},
    )  # fmt: skip
    assert (february["month"], february["result"]) == ("2021-02", "loaded")
    assert {place: each["result"] for place, each in february["stores"].items()} == {
        "clean": "done", "warehouse duckdb": "done",
    }  # fmt: skip
    first = answers["history", "--last", "5"][1]["runs"][1]
    assert [(month["month"], month["result"]) for month in first["months"]] == [
        ("2021-01", "loaded"), ("2021-02", "not published"),
    ]  # fmt: skip


def test_months_select_what_is_shown(answers: dict[tuple[str, ...], tuple[int, Any]]) -> None:
    shown = answers["status", *MONTHS][1]["colors"]
    assert {color: list(each["months"]) for color, each in shown.items()} == {"green": ["2021-01", "2021-02"]}
    assert shown["green"]["totals"]["clean"]["months"] == 2
    assert len(answers["status",][1]["colors"]["green"]["months"]) > 100
    tables = {words: answers[words][1]["warehouses"]["duckdb"]["tables"] for words in COMMANDS if words[0] == "loaded"}
    rows = {words: list(each["green_tripdata"]["months"]) for words, each in tables.items()}
    assert rows == {("loaded",): ["2021-01", "2021-02"], ("loaded", "--months", "2021-01"): ["2021-01"]}


def test_a_check_of_months_is_about_these_alone(answers: dict[tuple[str, ...], tuple[int, Any]]) -> None:
    code, value = answers["status", "--check", *MONTHS]
    assert (code, value["alerts"]) == (0, [])
    assert answers["status",][1]["alerts"] is None


def test_what_is_removed_is_named(answers: dict[tuple[str, ...], tuple[int, Any]]) -> None:
    first, second = (answers[words][1]["months"] for words in COMMANDS if words[0] == "remove")
    assert first == [{"color": "green", "month": "2021-02", "removed": True}]
    assert [each["month"] for each in second] == ["2021-01"]
