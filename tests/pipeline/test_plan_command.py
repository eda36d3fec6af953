"""`taxi-luigi plan` and `taxi-luigi remove`."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from taxi_luigi.sample import write_month
from taxi_luigi.tlc.months import Month
from tests.pipeline.conftest import duckdb_counts
from tests.support.cdn import Cdn, Headers
from tests.support.project import Project
from tests.support.terminal import on_a_terminal

MONTHS = ("--colors", "green", "--months", "2021-01..2021-03")


def planned(project: Project, *options: str) -> dict[str, tuple[str, int]]:
    """Month → why, and how much is to be downloaded."""
    said = project.command("taxi-luigi", "plan", *options, "--json")
    assert said.rc == 0, said.out
    return {line["month"]: (line["why"], line["bytes"]) for line in json.loads(said.out)["months"]}


def test_a_plan_shows_what_a_run_would_do_and_does_nothing(loading: Project, cdn: Cdn) -> None:
    size = (cdn.folders[0] / "green_tripdata_2021-01.parquet").stat().st_size
    plan = planned(loading, "--colors", "green", "--months", "2021-01..2021-04")
    assert plan["2021-01"] == ("missing", size)
    assert plan["2021-04"] == ("not published", 0)
    assert sum(request.sent for request in cdn.log) < 2_000, "no file was fetched; of what is missing, the reason was"
    assert not loading.workspace.exists()
    assert loading.run("LoadAllMonths", *MONTHS).rc == 0
    assert Counter(why for why, _ in planned(loading, *MONTHS).values()) == {"up to date": 3}
    text = loading.command("taxi-luigi", "plan", "--colors", "green", "--months", "2021-01..2021-04").out
    assert "green  2021-04  not published" in text
    assert text.splitlines()[-1] == "3 up to date, 1 not published; 0 bytes to download"


def test_a_plan_tells_rewritten_months_from_changed_rules_and_force(
    loaded_green: Project, samples: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "published"
    shutil.copytree(samples, folder)
    with Cdn(folder) as cdn:
        loaded_green.configure({"taxi": {"source": cdn.template}})
        made = write_month(tmp_path / "other", "green", Month(2021, 2), 500, seed=5)
        shutil.copy(made, folder / "green_tripdata_2021-02.parquet")
        asked = cdn.count("GET")
        assert {why for why, _ in planned(loaded_green, *MONTHS).values()} == {"up to date"}
        again = planned(loaded_green, *MONTHS, "--refresh", "all")
        assert again["2021-02"] == ("republished", made.stat().st_size)
        assert again["2021-01"] == ("up to date", 0)
        loaded_green.configure({"clean": {"reject": "no_passengers"}})
        other = planned(loaded_green, *MONTHS, "--refresh", "all")
        assert [other[month][0] for month in sorted(other)] == ["rules changed", "republished", "rules changed"]
        assert {why for why, _ in planned(loaded_green, *MONTHS, "--force").values()} == {"forced"}
        assert cdn.count("GET") == asked


def test_a_plan_shows_refused_and_failed_months_with_the_cause(loading: Project, samples: Path, tmp_path: Path) -> None:
    folder = tmp_path / "published"
    shutil.copytree(samples, folder)
    (folder / "green_tripdata_2021-03.parquet").write_text("VendorID,lpep_pickup_datetime\n")
    with Cdn(folder) as cdn:
        loading.configure({"taxi": {"source": cdn.template}})
        assert loading.run("LoadAllMonths", *MONTHS).rc == 30
        shutil.copy(write_month(tmp_path / "worse", "green", Month(2021, 2), 60, seed=5), folder)
        refused = loading.run("LoadAllMonths", *MONTHS, "--refresh", "all")
        assert refused.rc == 30, refused.out
        lines = json.loads(loading.command("taxi-luigi", "plan", *MONTHS, "--refresh", "all", "--json").out)["months"]
        january, february, march = lines
        assert (january["why"], january["reason"]) == ("up to date", None)
        assert (february["why"], february["lakes"], february["bytes"]) == ("refused", [], 0)
        raw = loading.workspace / "raw" / "green" / "green_tripdata_2021-02.parquet"
        reason = "60 records, where the workspace holds 3,000: fewer than [clean] fewest_rows = 0.9 of them"
        assert february["reason"].startswith(f"{raw}: {reason}")
        assert march["why"] == "failed last time"
        assert "no column lpep_dropoff_datetime" in march["reason"]
        text = loading.command("taxi-luigi", "plan", *MONTHS, "--refresh", "all").out
        assert f"green  2021-02  refused: {reason}" in text
        assert "green  2021-03  failed last time: no column lpep_dropoff_datetime" in text
        assert "1 up to date, 1 refused, 1 failed last time" in text
        rc, written = on_a_terminal(loading, "taxi-luigi", "plan", *MONTHS, "--refresh", "all", columns=80)
        lines = re.sub(r"\x1b\[[\d;]*m", "", written).splitlines()
        assert (rc, max(map(len, lines))) == (0, 80)
        assert [line[:24] for line in lines[1:3]] == ["green  2021-02  refused:", "green  2021-03  failed l"]
        loading.configure({"clean": {"fewest_rows": "0.01"}})
        settings = json.loads(loading.command("taxi-luigi", "plan", *MONTHS, "--refresh", "all", "--json").out)
        assert settings["months"][1]["why"] == "failed last time", "with other settings it is tried again"


def test_what_cannot_be_planned_is_one_line(loading: Project) -> None:
    said = loading.command("taxi-luigi", "plan", "--months", "2021-13")
    assert said.rc == 40
    assert len(said.out.splitlines()) == 1


def test_months_are_removed_from_everywhere_and_loaded_again_on_request(loaded_green: Project) -> None:
    asked = loaded_green.command("taxi-luigi", "remove", "--colors", "green", "--months", "2021-02")
    assert asked.rc == 40
    assert "no terminal to confirm on: add --yes" in asked.out
    assert len(duckdb_counts(loaded_green, "green_tripdata")) == 3
    done = loaded_green.command("taxi-luigi", "remove", "--colors", "green", "--months", "2021-02", "--yes")
    assert done.rc == 0, done.out
    assert sorted(duckdb_counts(loaded_green, "green_tripdata")) == ["2021-01", "2021-03"]
    assert list(loaded_green.workspace.rglob("*2021-02*")) == []
    assert loaded_green.command("taxi-luigi", "verify").rc == 0
    nothing = loaded_green.command("taxi-luigi", "remove", "--colors", "green", "--months", "2021-02", "--yes")
    assert (nothing.rc, nothing.out) == (0, "nothing is held of these months\n")
    assert "1 month loaded" in loaded_green.run("LoadAllMonths", *MONTHS).out
    assert len(duckdb_counts(loaded_green, "green_tripdata")) == 3


def test_what_is_known_of_a_refusal_is_removed_with_the_month_and_a_month_of_which_nothing_else_is_left(
    loaded_green: Project,
) -> None:
    raw = loaded_green.workspace / "raw" / "green"
    places = ("", ".lake-local", ".warehouse-duckdb", ".lake-named-no-more")
    for month in ("2021-01", "2021-02", "2021-03"):
        for place in places:
            (raw / f"green_tripdata_{month}.parquet{place}.failure.json").write_text("{}")
    done = loaded_green.command("taxi-luigi", "remove", "--colors", "green", "--months", "2021-02", "--yes")
    assert done.rc == 0, done.out
    assert list(loaded_green.workspace.rglob("*2021-02*")) == []
    left = sorted(path.name for path in raw.glob("*.failure.json"))
    assert len(left) == 2 * len(places), "those of other months stay"
    only = raw / "green_tripdata_2021-02.parquet.warehouse-duckdb.failure.json"
    only.write_text("{}")
    alone = loaded_green.command("taxi-luigi", "remove", "--colors", "green", "--months", "2021-02", "--yes")
    assert (alone.rc, alone.out.splitlines()[-1]) == (0, "removed green/green_tripdata_2021-02.parquet")
    assert not only.exists()
    (raw / "green_tripdata_2021-02.parquet").write_bytes(b"PAR1")
    loaded_green.command("taxi-luigi", "remove", "--colors", "green", "--months", "2021-02", "--yes")
    assert list(loaded_green.workspace.rglob("*2021-02*")) == []


def test_a_store_that_is_down_keeps_its_month_and_is_named(loaded_green: Project, postgres_url: str) -> None:
    loaded_green.configure(
        {"taxi": {"warehouse": "postgres, duckdb"}, "warehouse.postgres": {"url": "postgresql://127.0.0.1:1/x"}}
    )
    done = loaded_green.command("taxi-luigi", "remove", "--colors", "green", "--months", "2021-02", "--yes")
    assert done.rc == 40
    assert "green 2021-02 is still in warehouse postgres: " in done.out
    loaded_green.configure({"taxi": {"warehouse": "postgres"}})
    again = loaded_green.command("taxi-luigi", "remove", "--colors", "green", "--months", "2021-02", "--yes")
    assert again.rc == 40
    assert "nothing is held of these months in a place that could be listed" in again.out
    assert "Traceback" not in done.out
    assert sorted(duckdb_counts(loaded_green, "green_tripdata")) == ["2021-01", "2021-03"]


def test_no_answer_to_the_question_removes_nothing(loaded_green: Project) -> None:
    command = ("remove", "--colors", "green", "--months", "2021-02")
    rc, written = on_a_terminal(loaded_green, "taxi-luigi", *command, typed=b"\x04")
    assert rc == 0, written
    assert "nothing was removed" in written
    assert len(duckdb_counts(loaded_green, "green_tripdata")) == 3


def test_a_plan_takes_the_options_of_a_run_and_estimates_room_and_time(loading: Project, cdn: Cdn) -> None:
    size = sum(path.stat().st_size for path in cdn.folders[0].glob("green_tripdata_2021-0[123].parquet"))
    said = loading.command("taxi-luigi", "plan", *MONTHS, "--workers", "2", "--taxi-warehouse", "", "--json")
    assert said.rc == 0, said.out
    document = json.loads(said.out)
    assert {tuple(line["warehouses"]) for line in document["months"]} == {()}
    needs = document["estimate"]
    assert (needs["months"], needs["download"], needs["raw"], needs["warehouses"]) == (3, size, size, {})
    assert needs["rows"] == pytest.approx(size / 17, abs=2), (
        "TLC's counts do not apply to another source: by the bytes of a row"
    )
    assert (needs["measured"], needs["guessed"]) == ([], ["CleanMonth", "DownloadMonth"])
    [disk] = needs["disks"].values()
    assert disk["needed"] == needs["raw"] + needs["clean"] < disk["free"]
    text = loading.command("taxi-luigi", "plan", *MONTHS, "--workers", "2").out.splitlines()
    assert re.fullmatch(r"about [\d.]+ s with 2 workers, by guessed speeds", text[-1])
    for words in (["--monts", "2021"], ["stray"]):
        wrong = loading.command("taxi-luigi", "plan", *words)
        assert (wrong.rc, len(wrong.out.splitlines())) == (2, 1), wrong.out
        assert "unrecognized arguments: " + words[0] in wrong.out


def test_a_disk_without_room_for_the_months_is_named_before_the_first_byte(loading: Project, cdn: Cdn) -> None:
    name, huge = "green_tripdata_2021-01.parquet", {"Content-Length": str(10**14)}
    cdn.fault(name, *[Headers(huge)] * 2, method="HEAD")
    plan = loading.command("taxi-luigi", "plan", "--colors", "green", "--months", "2021-01").out
    assert "not enough room: about" in plan
    done = loading.run("LoadAllMonths", "--colors", "green", "--months", "2021-01", "--log-level", "DEBUG")
    assert done.rc == 0, "it is an estimate: the months that find room are loaded"
    lines = done.out.splitlines()
    [warned] = [number for number, line in enumerate(lines) if "the months of this run need about" in line]
    [began] = [number for number, line in enumerate(lines) if "Downloaded green 2021-01" in line]
    assert warned < began
