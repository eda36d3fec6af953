"""`taxi-luigi tidy`, after the source has changed from csv.gz to parquet."""

from __future__ import annotations

import json

import pytest

from taxi_luigi.sample import write_samples
from taxi_luigi.tlc.months import Month
from tests.pipeline.conftest import After
from tests.support.cdn import Cdn
from tests.support.once import Once
from tests.support.project import Project
from tests.support.terminal import on_a_terminal

MONTHS = ("--colors", "green", "--months", "2021-01..2021-02")


@pytest.fixture
def moved(loading: Project, after: After, made_once: Once, cdn: Cdn) -> Project:
    """A project whose months came from csv.gz files, and whose source has parquet by now."""
    months = (Month(2021, 1), Month(2021, 2))
    folder = made_once("csv.gz", lambda to: write_samples(to, ["green"], months, 300, seed=1, form="csv.gz"))
    loading.configure({"taxi": {"source": f"{folder}/{{color}}_tripdata_{{year}}-{{month:02}}.csv.gz"}})
    after("LoadAllMonths", *MONTHS)
    loading.configure({"taxi": {"source": cdn.template}})
    return loading


def raw_files(project: Project) -> list[str]:
    return sorted(path.name for path in (project.workspace / "raw" / "green").glob("*") if path.is_file())


def test_files_of_an_earlier_source_are_named_and_removed_after_a_question(moved: Project) -> None:
    (moved.workspace / "raw" / "green" / "notes.txt").write_text("mine")
    checked = moved.command("taxi-luigi", "doctor").out
    assert "4 files of an earlier source" in checked
    before = raw_files(moved)
    rc, written = on_a_terminal(moved, "taxi-luigi", "tidy", typed=b"n\n")
    assert rc == 0
    assert "nothing was removed" in written
    refused = moved.command("taxi-luigi", "tidy")
    assert (refused.rc, "no terminal to confirm on: add --yes" in refused.out) == (40, True)
    assert raw_files(moved) == before
    rc, written = on_a_terminal(moved, "taxi-luigi", "tidy", typed=b"y\n")
    assert rc == 0, written
    assert "removed 4 files" in written
    assert raw_files(moved) == ["notes.txt"]
    assert moved.command("taxi-luigi", "tidy").out == "nothing is left of an earlier source\n"
    assert "earlier source" not in moved.command("taxi-luigi", "doctor").out
    assert moved.command("taxi-luigi", "verify").rc == 0, "the months are held as before"


def test_it_removes_without_a_question_and_as_json(moved: Project) -> None:
    assert moved.command("taxi-luigi", "tidy", "--json").rc == 40
    done = moved.command("taxi-luigi", "tidy", "--yes", "--json")
    assert done.rc == 0, done.out
    removed = json.loads(done.out)["removed"]
    assert len(removed) == 4
    assert all(name.startswith("raw/green/green_tripdata_2021-0") for name in removed)
    assert raw_files(moved) == []
