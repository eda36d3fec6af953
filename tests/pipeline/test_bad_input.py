"""What a person types wrong, and what a publisher gets wrong: one line each, the right exit code, nothing published."""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxi_luigi.sample import write_month
from taxi_luigi.tlc.months import Month
from tests.pipeline.conftest import duckdb_counts, markers
from tests.support.project import BIN, Project, Run, environment


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("LoadAllMonths", "--colors", "purple"), "color must be one of yellow, green, fhv, fhvhv, not 'purple'"),
        (("LoadAllMonths", "--months", "2024-13"), "month must look like 2024-01, not '2024-13'"),
        (("LoadAllMonths", "--months", "2024-06..2024-01"), "the range 2024-06..2024-01 ends before it begins"),
        (("LoadAllMonths", "--months", "2008-01"), "yellow begins in 2009-01"),
        (("LoadAllMonths", "--months", "2199-01"), "2199-01 in '2199-01' is in the future"),
        (("LoadAlMonths",), "No task LoadAlMonths. Did you mean: LoadAllMonths"),
        (("CleanMonth", "--color", "green"), "requires the 'month' parameter to be set"),
        (("CleanMonth", "--color", "green", "--month", "2024"), "month must look like 2024-01, not '2024'"),
        (("LoadMonth", "--color", "green", "--month", "2024-01", "--warehouse", "dk"), "no warehouse is named 'dk'"),
        (("LoadAllMonths", "--taxi-keep-raw", "yes"), "[taxi] keep_raw is true or false, not 'yes'"),
        (("LoadAllMonths", "--taxi-source", "trips/{color}.parquet"), "[taxi] source"),
        (("LoadAllMonths", "--taxi-warehouse", "snowflake"), "no warehouse is named 'snowflake'"),
    ],
)  # fmt: skip
def test_a_wrong_command_is_one_line(project: Project, args: tuple[str, ...], says: str) -> None:
    done = project.run(*args)
    assert done.rc == 40, done.out
    assert says in done.out
    assert len(done.out.splitlines()) == 1, done.out
    assert not project.workspace.exists()


@pytest.mark.parametrize(
    ("code", "settings", "args", "says"),
    [
        (40, {}, ("--workers", "four"), "[core] workers, or --workers: invalid literal for int() with base 10: 'four'"),
        (40, {}, ("--workers", "0"), "[core] workers, or --workers, is how many tasks run at a time, from 1 on, not 0"),
        (40, {}, ("--workers", "-1"), "from 1 on, not -1"),
        (40, {}, ("--scheduler-port", "eight"), "[core] scheduler_port, or --scheduler-port: invalid literal"),
        (40, {}, ("--scheduler-port", "65536"), "--scheduler-port, is from 1 to 65535, not 65536"),
        (40, {}, ("--scheduler-url", "localhost:8082"), "scheduler_url, or --scheduler-url, is like http://HOST:8082"),
        (40, {}, ("--scheduler-port", "1"), "luigid does not answer: start it with taxi-luigi luigid start"),
        (40, {"worker": {"keep_alive": "maybe"}}, (), "[worker] keep_alive, or --worker-keep-alive: cannot interpret"),
        (40, {"retcode": {"not_run": "x"}}, (), "[retcode] not_run, or --retcode-not-run: invalid literal"),
        (40, {"core": {"log_level": "LOUD"}}, (), "[core] log_level, or --log-level: LOUD is not a valid choice"),
        (40, {"core": {"rpc_retry_wait": "x"}}, (), "[core] rpc_retry_wait must be a number, not 'x'"),
        (40, {"worker": {"keep_alive": "${NO_SUCH}"}}, (), "the environment variable NO_SUCH is not set"),
        (2, {}, ("--moths", "2021-01"), "there is no option --moths; did you mean --months?"),
        (2, {}, ("-x",), "there is no option -x; --help lists them"),
        (2, {}, ("--shard", "-1/3"), "there is no option -1/3; --help lists them"),
    ],
)
def test_what_luigi_itself_cannot_read_is_one_line(
    project: Project, code: int, settings: dict[str, dict[str, str]], args: tuple[str, ...], says: str
) -> None:
    """Of Luigi's own flags and sections; it prints a traceback, its whole usage, or runs nothing (3.8.1)."""
    project.configure(settings)
    done = project.command("luigi", "--module", "taxi_luigi", "LoadAllMonths", *args)
    assert done.rc == code, done.out
    [line] = done.out.splitlines()
    assert says in line
    assert not project.workspace.exists()


def test_a_wrong_limit_of_downloads_is_one_line(project: Project) -> None:
    project.configure({"resources": {"download": "many"}})
    done = project.run("LoadAllMonths")
    assert (done.rc, done.out) == (40, "ERROR: [resources] download must be a number, not 'many'\n")


@pytest.mark.parametrize(
    ("code", "words", "says"),
    [
        (2, ("remove", "--color", "green", "--months", "2021-01", "--yes"), "required: --colors"),
        (2, ("remove", "--colors", "green", "--months", "2021-01", "--ye"), "unrecognized arguments: --ye"),
        (2, ("sample", "--to", "x", "--months", "2021-01", "--rows", "many"), "--rows: invalid int value: 'many'"),
        (
            40,
            ("sample", "--to", "gs://taxi/x", "--months", "2021-01"),
            "--to is a folder on this machine's disk",
        ),
        (40, ("sample", "--to", "x", "--months", "2021-01", "--seed", "-1"), "--seed is a number from 0 on, not -1"),
        (40, ("sample", "--to", "x", "--months", "2021-01", "--rows", "0"), "--rows is a number from 1 on, not 0"),
        (2, (), "required: COMMAND"),
    ],
)
def test_a_wrong_option_of_taxi_luigi_is_one_line(
    project: Project, code: int, words: tuple[str, ...], says: str
) -> None:
    done = project.command("taxi-luigi", *words)
    assert done.rc == code, done.out
    [line] = done.out.splitlines()
    assert says in line
    assert sorted(path.name for path in project.folder.iterdir()) == ["luigi.cfg"]


@pytest.mark.parametrize("words", [("taxi-luigi", "settings"), ("luigi", "--module", "taxi_luigi", "LoadAllMonths")])
def test_ctrl_c_while_a_command_is_imported_ends_it_without_a_traceback(
    project: Project, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """A module that our import needs stands for any that takes long: it says that it began, and waits."""
    began = tmp_path / "began"
    os.mkfifo(began)
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "psutil.py").write_text(
        f"import pathlib, time\npathlib.Path({str(began)!r}).write_text('x')\ntime.sleep(60)\n"
    )
    code = "import re, sys; sys.argv[0] = sys.argv.pop(1); sys.path.insert(0, sys.argv.pop(1))\n"
    code += "import runpy; runpy.run_path(sys.argv[0], run_name='__main__')"
    process = subprocess.Popen(
        [BIN / "python", "-c", code, BIN / words[0], tmp_path / "slow", *words[1:]],
        cwd=project.folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    with subprocess.Popen(["timeout", "30", "cat", began], stdout=subprocess.PIPE) as reader:
        assert reader.communicate()[0] == b"x"
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")


def test_doctor_lists_all_errors(project: Project) -> None:
    project.configure(
        {
            "taxi": {"keep_raw": "yes", "worksapce": "x", "lake": "gcs, s3, azure", "zones": "ftp://x"},
            "lake.gcs": {"bucket": "gs://x", "timeout": "-1"},
            "lake.s3": {"bucket": "b0", "endpoint_url": "x"},
            "lake.azure": {"account": "A_0", "container": "c--0", "endpoint": "x", "credential": "x"},
            "download": {"attempts": "x", "parallel": "0"},
            "warehouse.duckdb": {"path": "md:x", "wait": "x"},
            "clean": {"most_rejected": "2", "reject": "x"},
            "core": {"workers": "0", "scheduler_port": "x"},
            "wrehouse.pg": {"url": "x"},
        }
    )
    done = project.command("taxi-luigi", "doctor")
    assert done.rc == 40
    assert [line.partition("] ")[0].partition("[")[2] + " " + line.partition("] ")[2].split()[0] for line in
            done.out.splitlines()] == [
        "taxi has", "wrehouse.pg in", "core scheduler_port,", "core workers,", "taxi zones", "taxi keep_raw",
        "clean most_rejected", "download attempts", "download parallel", "lake.gcs bucket", "lake.gcs timeout",
        "lake.s3 endpoint_url", "lake.azure account", "lake.azure container", "lake.azure endpoint",
        "lake.azure credential", "warehouse.duckdb path", "warehouse.duckdb wait", "clean reject:",
    ]  # fmt: skip


def test_doctor_lists_all_errors_of_the_files(project: Project) -> None:
    path = project.folder / "luigi.cfg"
    path.write_text(TWICE + "[core]\nx = 1\nx = 2\n")
    done = project.command("taxi-luigi", "doctor")
    assert done.rc == 40
    assert [line.partition(": the section")[0] for line in done.out.splitlines()] == [
        f"ERROR: {path}, line {number}" for number in (5, 7, 9)
    ]


def test_an_unknown_setting_is_one_line(project: Project) -> None:
    project.configure({"taxi": {"worksapce": "x"}})
    done = project.run("LoadAllMonths")
    assert done.rc == 40, done.out
    assert "[taxi] has no setting 'worksapce'" in done.out
    assert len(done.out.splitlines()) == 1, done.out


@pytest.mark.parametrize(
    "command",
    [
        ("luigi", "--module", "taxi_luigi", "LoadAllMonths", "--months", "2021-01", "--force", "--local-scheduler"),
        ("taxi-luigi", "doctor"),
        ("taxi-luigi", "plan", "--months", "2021-01"),
        ("taxi-luigi", "remove", "--colors", "green", "--months", "2021-01", "--yes"),
    ],
)
def test_a_lake_that_is_the_publishers_folder_is_refused_by_every_command_and_nothing_is_touched(
    project: Project, tmp_path: Path, command: tuple[str, ...]
) -> None:
    published = write_month(tmp_path / "pub" / "green", "green", Month(2021, 1), 100, seed=1)
    before = published.read_bytes()
    project.configure({
        "taxi": {"source": tmp_path / "pub/{color}/{color}_tripdata_{year}-{month:02}.parquet", "lake": "nas"},
        "lake.nas": {"type": "local", "path": tmp_path / "pub"},
    })  # fmt: skip
    done = project.command(*command)
    assert done.rc == 40, done.out
    [line] = done.out.splitlines()
    assert f"is inside [lake.nas] path ({tmp_path / 'pub'}), where months are written and removed" in line
    assert published.read_bytes() == before
    assert not project.workspace.exists()


def test_a_lake_that_only_the_command_line_names_is_looked_at_too(project: Project) -> None:
    project.configure({"lake.nas": {"type": "local", "path": project.workspace / "raw"}})
    done = project.run("UploadMonth", "--lake", "nas", "--color", "green", "--month", "2021-01")
    assert done.rc == 40, done.out
    [line] = done.out.splitlines()
    assert "[lake.nas] path" in line
    assert "is inside the workspace's raw/" in line


def test_an_error_of_taxi_luigi_is_one_line(project: Project) -> None:
    done = project.command("taxi-luigi", "sample", "--to", "x", "--months", "2021-01", "--colors", "purple")
    assert (done.rc, done.out) == (40, "taxi-luigi: color must be one of yellow, green, fhv, fhvhv, not 'purple'\n")


TWICE = "[core]\nlocal_scheduler = true\n[taxi]\nlake = local\n[taxi]\nzones = hunter2\n"


@pytest.mark.parametrize("words", [("doctor",), ("history",), ("status",), ("--version",)])
def test_a_settings_file_that_luigi_cannot_read_is_one_line_of_taxi_luigi(
    project: Project, words: tuple[str, ...]
) -> None:
    path = project.folder / "luigi.cfg"
    path.write_text(TWICE)
    line = f"ERROR: {path}, line 5: the section [taxi] is there twice; make one of them\n"
    assert project.command("taxi-luigi", *words) == Run(40, line)


def test_a_projects_file_that_cannot_be_read_is_one_line_of_luigi(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "home" / "config" / "luigi.cfg"
    path.parent.mkdir(parents=True)
    path.write_text(TWICE)
    done = project.command(
        "luigi", "--module", "taxi_luigi", "LoadAllMonths", env={"TAXI_LUIGI_HOME": str(tmp_path / "home")}
    )
    assert done == Run(40, f"ERROR: {path}, line 5: the section [taxi] is there twice; make one of them\n")


def test_settings_that_an_ascii_locale_cannot_read_are_one_line(project: Project) -> None:
    project.configure({"taxi": {"workspace": project.folder / "données"}})
    ascii_locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    home = {"TAXI_LUIGI_HOME": str(project.folder)}
    done = project.command("taxi-luigi", "doctor", env={**ascii_locale, **home})
    assert done.rc == 40
    [line] = done.out.splitlines()
    assert "luigi.cfg, line 2, is not " in line
    assert line.endswith("set PYTHONUTF8=1 in the environment")


ROWS = 500
PICKUP = "lpep_pickup_datetime"


def change(path: Path, **columns: pa.Array) -> None:
    table = pq.read_table(path)
    for name, column in columns.items():
        table = table.set_column(table.column_names.index(name), name, column)
    pq.write_table(table, path)


def wrong_type_in_all_rows(path: Path) -> None:
    change(path, **{PICKUP: pa.array(["01/05/2021 12:00"] * ROWS)})


def wrong_type_of_column(path: Path) -> None:
    change(path, passenger_count=pa.array([True] * ROWS))


def column_dropped(path: Path) -> None:
    pq.write_table(pq.read_table(path).drop_columns([PICKUP]), path)


def name_doubled(path: Path) -> None:
    table = pq.read_table(path)
    pq.write_table(table.append_column("VendorID", table["VendorID"]), path)


def two_spellings(path: Path) -> None:
    table = pq.read_table(path)
    pq.write_table(table.append_column("TIP_AMOUNT", table["tip_amount"]), path)


def another_color(path: Path) -> None:
    write_month(path.parent / "other", "fhvhv", Month(2021, 1), ROWS, seed=1).rename(path)


def gzip_of_a_gzip(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.compress(path.read_bytes())))


def zeros(path: Path) -> None:
    path.write_bytes(gzip.compress(bytes(32 << 20), 1) * 32)


def zeros_after_a_header(path: Path) -> None:
    path.write_bytes(gzip.compress(b"VendorID,lpep_pickup_datetime\n") + gzip.compress(bytes(32 << 20), 1) * 32)


def one_column(path: Path) -> None:
    path.write_bytes(b"VendorID\n1\n2\n")


def cut_in_the_middle(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


BAD: list[tuple[Callable[[Path], None], str]] = [
    (
        wrong_type_in_all_rows,
        "none of its 500 records can be stored (unreadable:lpep_pickup_datetime in 500); the first",
    ),
    (wrong_type_of_column, "column 'passenger_count' holds bool, which cannot become int32"),
    (column_dropped, "no column lpep_pickup_datetime; found VendorID, lpep_dropoff_datetime, store_and_fwd_flag,"),
    (name_doubled, "2 columns are called 'VendorID'; it is unknown which one to read"),
    (two_spellings, "the columns 'tip_amount' and 'TIP_AMOUNT' both mean tip_amount; keep one of them"),
    (another_color, "it looks like fhvhv"),
    (gzip_of_a_gzip, "gzip around another gzip or parquet file"),
    (zeros, "neither parquet nor csv nor csv.gz"),
    (zeros_after_a_header, "cut short: its last line has 1 of 2 fields and no end"),
    (one_column, "neither parquet nor csv nor csv.gz; it begins 'VendorID 1 2'"),
    (cut_in_the_middle, "cut short after"),
]


@pytest.fixture
def published(tmp_path: Path, project: Project) -> Path:
    """A source folder, empty."""
    (tmp_path / "published" / "other").mkdir(parents=True)
    project.configure(
        {"taxi": {"source": f"{tmp_path}/published/{{color}}_tripdata_{{year}}-{{month:02}}.parquet"}},
    )
    return tmp_path / "published"


def test_each_bad_month_fails_in_one_line_and_the_others_are_loaded(project: Project, published: Path) -> None:
    first = Month(2021, 1)
    for number in range(len(BAD) + 1):
        path = write_month(published, "green", first.plus(number), ROWS, seed=1)
        if number < len(BAD):
            BAD[number][0](path)
    good = first.plus(len(BAD))
    done = project.run("LoadAllMonths", "--colors", "green", "--months", f"{first}..{good}", "--workers", 2)
    assert done.rc == 30, done.out
    assert "Traceback" not in done.out
    for number, (_, says) in enumerate(BAD):
        [line] = (line for line in done.out.splitlines() if f"green {first.plus(number)} failed: " in line)
        assert says in line
        assert f"green_tripdata_{first.plus(number)}.parquet" in line
    assert f"green: 1 month loaded (500 rows), 0 already there, {len(BAD)} failed" in done.out
    assert duckdb_counts(project, "green_tripdata") == {str(good): ROWS}
    assert markers(project) == {("green", str(good)): ROWS}
    for folder in ("clean", "rejected"):
        assert {path.stem[-7:] for path in (project.workspace / folder).rglob("*.parquet")} <= {str(good)}
    assert project.leftovers() == []


def test_a_bad_file_in_place_of_a_good_one_leaves_the_loaded_month_as_it_is(project: Project, published: Path) -> None:
    path = write_month(published, "green", Month(2021, 1), ROWS, seed=1)
    command = ("LoadAllMonths", "--colors", "green", "--months", "2021-01")
    assert project.run(*command).rc == 0
    clean = project.workspace / "clean" / "green" / path.name
    before = clean.read_bytes()
    wrong_type_in_all_rows(path)
    done = project.run(*command, "--force")
    assert done.rc == 30, done.out
    assert "none of its 500 records can be stored" in done.out
    assert clean.read_bytes() == before
    assert duckdb_counts(project, "green_tripdata") == {"2021-01": ROWS}


def test_a_wrong_value_in_one_row_is_a_reject_and_the_name_of_a_file_is_no_evidence(
    project: Project, published: Path
) -> None:
    path = write_month(published, "green", Month(2020, 1), ROWS, seed=1)
    flags = pq.read_table(path)["passenger_count"].to_pylist()
    change(path, passenger_count=pa.array(["many", *(None if each is None else str(each) for each in flags[1:])]))
    text = write_month(published / "other", "green", Month(2020, 2), ROWS, seed=1, form="csv")
    shutil.move(text, published / "green_tripdata_2020-02.parquet")
    done = project.run("LoadAllMonths", "--colors", "green", "--months", "2020-01..2020-02")
    assert done.rc == 0, done.out
    assert duckdb_counts(project, "green_tripdata") == {"2020-01": ROWS - 1, "2020-02": ROWS}
    [reject] = pq.read_table(project.workspace / "rejected" / "green" / path.name).to_pylist()
    assert (reject["record"], reject["reason"]) == (1, "unreadable:passenger_count")
    assert ("passenger_count", "many") in reject["raw"]


def test_ctrl_c_during_a_query_ends_a_command_without_a_traceback(project: Project, tmp_path: Path) -> None:
    """DuckDB makes a RuntimeError of what a signal handler raises."""
    code = """
import sys
sys.argv[0] = "taxi-luigi"
from taxi_luigi.cli import main
from taxi_luigi.warehouses.duckdb import DuckDB
import duckdb

def count(self, dataset):
    print("counting", flush=True)
    duckdb.sql("SELECT max(hash(range)) FROM range(1_000_000_000_000)").fetchall()

DuckDB.count = count
sys.exit(main(["loaded"]))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=project.folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "counting\n"
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
