"""`taxi-luigi status` as a person runs it: after a run, with a store that is down, and over TLC's whole history."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest

from taxi_luigi.sample import write_month
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month, month_range
from taxi_luigi.tlc.published import published_rows
from tests.pipeline.conftest import ROWS, After
from tests.support.cdn import Cdn
from tests.support.gcs import GcsServer
from tests.support.project import BIN, Project, Run, environment

FAILED = 40
COMMAND = ("LoadAllMonths", "--colors", "green", "--months", "2021-01..2021-02")

COUNTED = """
import atexit, json, sys
import taxi_luigi.storage.lake as lakes, taxi_luigi.storage.local as folder, taxi_luigi.sources as sources
import taxi_luigi.warehouses.duckdb as duck, taxi_luigi.warehouses.postgres as postgres
from taxi_luigi.cli import main
calls = {}
def count(owner, *names):
    for name in names:
        def counted(*args, real=getattr(owner, name), key=f"{owner.__name__}.{name}", **kwargs):
            calls[key] = calls.get(key, 0) + 1
            return real(*args, **kwargs)
        setattr(owner, name, counted)
count(lakes.Lake, "list", "stat", "footer"), count(folder.FolderStore, "list", "stat", "open", "reading")
count(sources.Source, "look", "look_all", "fetch")
count(duck.DuckDB, "loaded_months", "count"), count(postgres.Postgres, "loaded_months", "count")
heavy = ("pandas", "numpy", "pyarrow", "sqlalchemy", "google.cloud", "boto3")
atexit.register(lambda: print("SEEN", json.dumps([calls, [name for name in heavy if name in sys.modules]])))
sys.exit(main(["status", *sys.argv[1:]]))
"""
"""The status command with its questions counted."""

MARKERS = (
    "CREATE TABLE taxi_luigi_loads "
    "(color {text}, file_month date, edition {text}, sha256 {text}, source {text}, rows bigint, loaded_at timestamp)"
)


def status(project: Project, *args: str, env: dict[str, str] | None = None) -> Run:
    done = project.command("taxi-luigi", "status", *args, env=env)
    assert "Traceback" not in done.out
    return done


def account(project: Project, *args: str) -> dict[str, Any]:
    done = status(project, "--json", *args)
    assert done.rc == 0, done.out
    told: dict[str, Any] = json.loads(done.out)
    return told


@pytest.fixture
def history(project: Project) -> list[tuple[object, ...]]:
    """Every month that TLC has published is in the project: empty raw and clean files, and the rows of its markers."""
    rows: list[tuple[object, ...]] = []
    for color, dataset in DATASETS.items():
        folders = [project.workspace / kind / color for kind in ("raw", "clean")]
        for folder in folders:
            folder.mkdir(parents=True)
        for month in month_range(dataset.first_month, Month(2026, 8)):
            count = published_rows(color, month, "parquet")
            if count is None:
                continue
            for folder in folders:
                (folder / f"{color}_tripdata_{month}.parquet").touch()
            (folders[0] / f"{color}_tripdata_{month}.parquet.receipt.json").touch()
            rows.append((color, month.first_day, "0-0", "0", "https://…", count, datetime(2026, 11, 20, 6)))
    with duckdb.connect(str(project.warehouse)) as connection:
        connection.execute(MARKERS.format(text="VARCHAR"))
        connection.executemany("INSERT INTO taxi_luigi_loads VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    return rows


def test_the_whole_history_takes_one_listing_per_place_and_color_opens_nothing_and_imports_nothing_heavy(
    project: Project, history: list[tuple[object, ...]], postgres_url: str
) -> None:
    connection = psycopg2.connect(postgres_url)
    with connection, connection.cursor() as cursor:
        cursor.execute(MARKERS.format(text="text"))
        cursor.executemany("INSERT INTO taxi_luigi_loads VALUES (%s, %s, %s, %s, %s, %s, %s)", history)
    connection.close()
    project.configure({"taxi": {"warehouse": "duckdb, postgres"}, "warehouse.postgres": {"url": "${PG}"}})
    done = project.command("python", "-c", COUNTED, env={"PG": postgres_url})
    assert done.rc == 0, done.out
    *page, seen = done.out.splitlines()
    calls, heavy = json.loads(seen.removeprefix("SEEN "))
    assert heavy == []
    assert calls == {
        "Lake.list": 4, "FolderStore.list": 8, "DuckDB.loaded_months": 4, "Postgres.loaded_months": 4,
    }  # fmt: skip
    months, rows = len(history), sum(int(str(row[5])) for row in history)
    assert months > 580
    assert f"all: {months} of {months} months, {rows:,} rows" in page
    assert "2009 ■ ■ ■ ■ ■ ■ ■ ■ ■ ■ ■ ■    171M" in page
    assert "▣" not in done.out


def test_a_run_is_seen_in_every_place_and_what_is_taken_away_is_missed(after: After) -> None:
    loading = after(*COMMAND)
    whole = account(loading)
    january = whole["colors"]["green"]["months"]["2021-01"]
    assert (january["state"], january["rows"], january["published_rows"]) == ("everywhere", ROWS, 76_518)
    raw = loading.workspace / "raw" / "green" / "green_tripdata_2021-01.parquet"
    assert january["places"]["raw"]["bytes"] == raw.stat().st_size
    assert january["places"]["warehouse duckdb"]["edition"]
    assert whole["colors"]["green"]["months"]["2021-03"]["state"] == "published"
    assert "2021 ■ ■ · · ·" in status(loading).out
    (loading.workspace / "clean" / "green" / "green_tripdata_2021-02.parquet").unlink()
    raw.with_name(f"{raw.name}.receipt.json").unlink()
    page = status(loading).out
    assert "2021 ■ ▣ · · ·" in page
    assert "▣ green not in clean: 2021-02" in page
    assert re.search(r"^raw +1 ", page, re.M), "a raw file without its receipt is downloaded again"
    assert "nothing is here of yellow, fhv, fhvhv" in page
    assert "fhv  0 of 136 months" in status(loading, "--colors", "fhv").out
    assert "2021  3.00k▣3.00k     ·     ·" in status(loading, "--rows").out


def test_months_that_were_refused_or_failed_are_shown_until_the_settings_change(
    loading: Project, samples: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "published"
    shutil.copytree(samples, folder)
    (folder / "green_tripdata_2021-03.parquet").write_text("VendorID,lpep_pickup_datetime\n")
    command = ("LoadAllMonths", "--colors", "green", "--months", "2021-01..2021-03", "--refresh", "all")
    with Cdn(folder) as cdn:
        loading.configure({"taxi": {"source": cdn.template}})
        assert loading.run(*command).rc == 30
        shutil.copy(write_month(tmp_path / "worse", "green", Month(2021, 2), 60, seed=5), folder)
        assert loading.run(*command).rc == 30
    page = status(loading).out
    why = "60 records, where the workspace holds 3,000: fewer than [clean] fewest_rows = 0.9 of them"
    assert f"green refused: 2021-02: {why}" in page
    assert "green failed last time: 2021-03: no column lpep_dropoff_datetime" in page
    assert "2021 ■ ■ r" in page, "what is held of a refused month stays"
    months = account(loading)["colors"]["green"]["months"]
    assert (months["2021-01"]["refused"], months["2021-01"]["failure"]) == (None, None)
    assert why in months["2021-02"]["refused"]
    assert "no column lpep_dropoff_datetime" in months["2021-03"]["failure"]
    [seen] = [line for line in loading.command("python", "-c", COUNTED).out.splitlines() if line.startswith("SEEN")]
    calls, heavy = json.loads(seen.removeprefix("SEEN "))
    assert (calls["FolderStore.list"], calls["FolderStore.open"], heavy) == (8, 2, [])
    loading.configure({"clean": {"fewest_rows": "0.5"}})
    assert "refused" not in status(loading).out
    assert why in account(loading)["colors"]["green"]["months"]["2021-02"]["failure"]
    loading.configure({"clean": {"fewest_rows": "0.9", "reject": "no_passengers"}})
    assert "refused" not in status(loading).out, "cleaned by other rules it would be another file"


def test_a_record_of_a_failure_that_cannot_be_read_breaks_nothing(after: After) -> None:
    loading = after(*COMMAND)
    raw = loading.workspace / "raw" / "green"
    (raw / "green_tripdata_2021-01.parquet.failure.json").write_text("{")
    (raw / "green_tripdata_2021-02.parquet.warehouse-duckdb.failure.json").write_bytes(b"\xff\x00")
    (raw / "somebody's.failure.json").write_text("{}")
    page = status(loading)
    assert page.rc == 0
    assert "2021 ■ ■ · · ·" in page.out
    assert "refused" not in page.out


def test_months_that_were_cleaned_otherwise_than_today_are_a_line(after: After) -> None:
    loading = after(*COMMAND)
    assert "changed since" not in status(loading).out
    loading.configure({"clean": {"reject": "no_passengers"}})
    cure = "LoadAllMonths --refresh all cleans them again"
    assert f"green rules changed since: 2021-01..2021-02; {cure}" in status(loading).out
    months = account(loading)["colors"]["green"]["months"]
    assert [month["stale"] for month in months.values() if month["rows"]] == ["rules changed"] * 2
    loading.configure({"clean": {"reject": ""}})
    with duckdb.connect(str(loading.warehouse)) as connection:
        connection.execute(
            "UPDATE taxi_luigi_loads SET edition = regexp_replace(edition, '_.*', '_00000000') "
            "WHERE file_month = DATE '2021-02-01'"
        )
        connection.execute(
            "UPDATE taxi_luigi_loads SET edition = regexp_replace(edition, '_.*', '') "
            "WHERE file_month = DATE '2021-01-01'"
        )
    page = status(loading).out
    assert "green mapping changed since: 2021-02; LoadAllMonths --refresh all cleans it again" in page


def test_a_store_that_is_down_is_one_line_and_exit_code_40(after: After) -> None:
    loading = after(*COMMAND)
    url = "postgresql://taxi:s3cret@127.0.0.1:1/trips"  # nobody listens on port 1
    loading.configure({"taxi": {"warehouse": "duckdb, postgres"}, "warehouse.postgres": {"url": url, "wait": "1"}})
    done = status(loading)
    assert done.rc == FAILED, done.out
    assert "2021 ■ ■ · · ·" in done.out
    assert re.search(r"^postgres +\? +no answer$", done.out, re.M)
    [line] = [line for line in done.out.splitlines() if line.startswith("? ")]
    assert line.startswith("? cannot list warehouse postgres (postgresql://taxi@127.0.0.1:")
    assert "s3cret" not in done.out
    told = json.loads(status(loading, "--json").out)
    assert list(told["silent"]) == ["warehouse postgres"]
    assert "warehouse postgres" not in told["colors"]["green"]["months"]["2021-01"]["places"]


def test_a_warehouse_that_luigi_cfg_has_wrong_is_one_line_and_nothing_else(project: Project) -> None:
    project.configure({"taxi": {"warehouse": "oracle"}})
    done = status(project)
    assert done.rc == FAILED
    assert done.out.startswith("taxi-luigi: no warehouse is named 'oracle': ")
    assert len(done.out.splitlines()) == 1


def test_invalid_settings_show_nothing_of_another_place_and_no_secret(project: Project) -> None:
    for command in ("status", "loaded", "verify"):
        done = project.command("taxi-luigi", command, env={"LUIGI_CONFIG_PATH": "nowhere.cfg"})
        assert done.rc == FAILED
        assert "taxi-luigi: LUIGI_CONFIG_PATH names no file: " in done.out
    project.configure({"taxi": {"source": "https://me:hush%40hush@tlc.example/{color}_{year}_{month}.parquet"}})
    done = status(project)
    assert (done.rc, done.out.count("\n")) == (FAILED, 1), done.out
    assert "a percent sign is written twice" in done.out
    assert "hush" not in done.out
    idle = project.run("Idle")
    assert idle.rc == FAILED, idle.out
    assert "a percent sign is written twice" in idle.out


def test_a_damaged_history_costs_a_line_and_no_grid(after: After) -> None:
    loading = after(*COMMAND)
    (loading.state / "history.sqlite").write_text("no database")
    done = status(loading)
    assert done.rc == 0, done.out
    assert "taxi-luigi: the history of runs cannot be read: " in done.out
    assert "2021 ■ ■ · · ·" in done.out


def test_before_the_first_run_everything_is_published_and_nothing_is_here(project: Project) -> None:
    done = status(project)
    assert done.rc == 0, done.out
    assert "all: 0 of 589 months, 0 rows" in done.out
    assert not project.warehouse.exists()


def test_a_bucket_s_listing_tells_rows_and_editions(loading: Project, fake_gcs: GcsServer) -> None:
    bucket = fake_gcs.fresh_bucket()
    loading.configure(
        {
            "taxi": {"lake": "gcs", "warehouse": ""},
            "lake.gcs": {"bucket": bucket, "endpoint": fake_gcs.endpoint, "timeout": "3"},
        }
    )
    assert loading.run(*COMMAND).rc == 0
    january = account(loading)["colors"]["green"]["months"]["2021-01"]
    assert (january["state"], january["rows"]) == ("everywhere", ROWS)
    assert january["places"]["lake gcs"]["edition"]
    assert january["places"]["clean"]["rows"] is None


def test_a_terminal_gets_colors_and_grids_beside_each_other(project: Project, history: object) -> None:
    theirs, ours = pty.openpty()
    process = subprocess.Popen(
        [BIN / "taxi-luigi", "status"],
        cwd=project.folder, env=environment({"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "60"}),
        stdin=subprocess.DEVNULL, stdout=ours, stderr=ours,
    )  # fmt: skip
    os.close(ours)
    written = _everything(theirs)
    assert process.wait(timeout=60) == 0, written
    assert "\x1b[32m■\x1b[0m" in written
    lines = re.sub(r"\x1b\[[\d;]*m", "", written).split("\r\n")
    assert re.fullmatch(r"yellow  212 of 212 months +green  152 of 152 months *", lines[0])
    assert max(map(len, lines)) <= 80


def _everything(terminal: int) -> str:
    """What is written to a terminal until nobody has it open for writing."""
    parts = []
    while True:
        try:
            parts.append(os.read(terminal, 65536))
        except OSError:  # EIO: the other end is closed
            os.close(terminal)
            return b"".join(parts).decode()
