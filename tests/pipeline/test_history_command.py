"""`taxi-luigi history` after real runs: good, failed and killed ones, and runs that could record nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from taxi_luigi.sample import write_month
from taxi_luigi.tlc.months import Month
from tests.pipeline.conftest import After
from tests.support.cdn import Cdn, Stall, Status
from tests.support.project import Project
from tests.support.terminal import on_a_terminal

JANUARY = "green_tripdata_2021-01.parquet"
COMMAND = ("LoadAllMonths", "--colors", "green", "--months", "2021-01..2021-02")


def history(project: Project, run: str = "") -> Any:
    """The runs as a program reads them, the last first; with an id, that run."""
    done = project.command("taxi-luigi", "history", "--json", *([run] if run else []))
    assert done.rc == 0, done.out
    runs = json.loads(done.out)["runs"]
    return runs[0] if run else runs


def test_runs_and_their_tasks_are_recorded(loading: Project, cdn: Cdn, samples: Path) -> None:
    nothing = loading.command("taxi-luigi", "history")
    assert (nothing.rc, nothing.out) == (0, "no run is recorded yet\n")
    cdn.fault(JANUARY, *[Status(503)] * 5)
    assert loading.run(*COMMAND).rc == 30
    assert loading.run(*COMMAND).rc == 0
    good, bad = history(loading)
    assert (bad["exit_code"], bad["loaded"], bad["failed"], bad["rows"]) == (30, 1, 1, 3_000)
    assert (good["exit_code"], good["loaded"], good["failed"], good["already_there"]) == (0, 1, 0, 1)
    assert good["command"] == " ".join((*COMMAND, "--local-scheduler"))
    assert re.fullmatch(r"\d{8}T\d{6}-[0-9a-f]{4}", good["run"])
    assert good["state"] == bad["state"] == "ended"
    assert good["began"] <= good["ended"]

    told = history(loading, bad["run"])
    assert told["version"] == good["version"] == version("taxi_luigi")
    [failed] = [task for task in told["tasks"] if task["result"] == "failed"]
    assert (failed["task"], failed["month"]) == ("DownloadMonth", "2021-01")
    assert "HTTP 503" in failed["error"]
    done = {task["task"]: task for task in told["tasks"] if task["month"] == "2021-02"}
    assert list(done) == ["DownloadMonth", "CleanMonth", "LoadMonth"]
    assert done["DownloadMonth"]["bytes"] == (samples / "green_tripdata_2021-02.parquet").stat().st_size
    assert (done["CleanMonth"]["rows"], done["LoadMonth"]["rows"]) == (3_000, 3_000)
    assert all(0 < task["seconds"] < 60 for task in done.values())
    assert [(month["month"], month["result"]) for month in told["months"]] == [
        ("2021-01", "failed"), ("2021-02", "loaded"),
    ]  # fmt: skip

    table = loading.command("taxi-luigi", "history").out.splitlines()
    assert " 30 task failed " in table[2]
    [log] = (loading.state / "logs").iterdir()
    assert table[0].split() == ["run", "began", "took", "loaded", "failed", "exit", "host", "command"]
    assert [line.split()[0] for line in table[1:]] == [good["run"], bad["run"]]
    text = loading.command("taxi-luigi", "history", bad["run"][-4:]).out
    assert text.startswith(f"{bad['run']} on {bad['host']}, taxi_luigi {version('taxi_luigi')}: LoadAllMonths")
    assert re.search(r"^DownloadMonth green 2021-01  +[\d:]{8} +[\d.]+ s +failed$", text, re.MULTILINE)
    assert re.search(r"^DownloadMonth green 2021-01: http://.*HTTP 503", text, re.MULTILINE)
    assert re.search(r"^green 2021-01  failed  +[\d.]+ s +D*x$", text, re.MULTILINE)
    assert re.search(r"^green 2021-02  loaded  3,000 rows +[\d.]+ s +D+ *C+ *L+$", text, re.MULTILINE)
    assert "\nD download  C clean  L load  x failed\n" in text
    assert re.search(r"^  [\d:]{8} WARNING http://.*HTTP 503.*again", text, re.MULTILINE)
    log.rename(log.with_suffix(".gone"))
    text = loading.command("taxi-luigi", "history", bad["run"]).out
    assert text.endswith(f"\nthe log of this run cannot be read: No such file or directory: {log}\n")

    table, _, reasons = loading.command("taxi-luigi", "history", "--failed", "--since", "1h").out.partition("\n\n")
    assert [line.split()[0] for line in table.splitlines()[1:]] == [bad["run"]]
    assert re.fullmatch(rf"green 2021-01: DownloadMonth: .*HTTP 503.* \(1 run, the last {bad['run']}\)\n", reasons)

    def listed(*words: str) -> list[str]:
        out = loading.command("taxi-luigi", "history", "--json", *words).out
        return [run["run"] for run in json.loads(out)["runs"]]

    assert listed("--month", "2021-02", "--color", "green") == [bad["run"]]
    assert listed("--since", "yesterday", "--last", "1") == [good["run"]]
    assert listed("--failed", "--months", "2021-02") == []


def test_a_replaced_month_is_recorded_with_what_was_there_before(
    loading: Project, samples: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "published"
    shutil.copytree(samples, folder)
    with Cdn(folder) as cdn:
        loading.configure({"taxi": {"source": cdn.template}})
        assert loading.run(*COMMAND).rc == 0
        shutil.copy(write_month(tmp_path / "other", "green", Month(2021, 2), 3_003, seed=5), folder)
        done = loading.run(*COMMAND, "--refresh", "all")
    assert done.rc == 0, done.out
    [line] = re.findall(r"^green 2021-02: 3,000 → 3,003 records, total_amount [\d,.]+ → [\d,.]+$", done.out, re.M)
    newest, first = history(loading)
    months = {month["month"]: month["replaced"] for month in history(loading, newest["run"])["months"]}
    assert months == {"2021-01": "", "2021-02": line.partition(": ")[2]}
    assert [month["replaced"] for month in history(loading, first["run"])["months"]] == ["", ""]
    assert newest["fewer"] == []
    assert line in loading.command("taxi-luigi", "history", newest["run"]).out.splitlines()


def test_runs_that_did_not_end_by_themselves(loading: Project, cdn: Cdn) -> None:
    loading.configure({"download": {"read_timeout": 60}})
    for number in (signal.SIGTERM, signal.SIGKILL):
        cdn.fault(JANUARY, Stall(10_000))
        before = cdn.sent(JANUARY)
        process = loading.start(*COMMAND)
        cdn.wait(lambda before=before: cdn.sent(JANUARY) >= before + 10_000)
        assert history(loading)[0]["state"] == "running"
        if number == signal.SIGTERM:
            process.terminate()
        else:
            os.killpg(process.pid, number)
        process.communicate(timeout=30)
    killed, stopped = history(loading)
    assert (killed["state"], killed["exit_code"], killed["ended"]) == ("did not end", None, "")
    assert (stopped["state"], stopped["exit_code"]) == ("ended", 143)
    months = {month["month"]: month["result"] for month in history(loading, stopped["run"])["months"]}
    assert months["2021-01"] == "not finished"
    assert "did not end" in loading.command("taxi-luigi", "history").out


def test_a_task_whose_process_died_is_recorded_by_the_main_process(loading: Project, cdn: Cdn) -> None:
    cdn.fault(JANUARY, Stall(10_000))
    loading.configure({"download": {"read_timeout": 60}})
    process = loading.start("DownloadMonth", "--color", "green", "--month", "2021-01")
    cdn.wait(lambda: cdn.sent(JANUARY) >= 10_000)
    part = next(loading.workspace.rglob("*.part"))
    os.kill(int(part.stem.split("-")[-2]), signal.SIGKILL)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 30, out
    assert "ERROR: DownloadMonth green 2021-01: its process died (exit code -9)" in out
    [run] = history(loading)
    [task] = history(loading, run["run"])["tasks"]
    assert (task["task"], task["result"]) == ("DownloadMonth", "failed")
    assert task["error"].startswith("its process died (exit code -9)")


def test_a_task_that_took_too_long_is_recorded_too(loading: Project, cdn: Cdn) -> None:
    cdn.fault(JANUARY, Stall(10_000))
    loading.configure({"download": {"read_timeout": 60}, "worker": {"timeout": 2}})
    done = loading.run("DownloadMonth", "--color", "green", "--month", "2021-01")
    assert done.rc == 30, done.out
    why = "it was ended after 2 seconds, [worker] timeout in luigi.cfg"
    assert done.out.count(f"ERROR: DownloadMonth green 2021-01: {why}") == 1
    [run] = history(loading)
    assert [task["error"] for task in history(loading, run["run"])["tasks"]] == [why]


def test_a_run_that_ended_before_its_tasks_has_the_cause(loading: Project) -> None:
    loading.configure({"core": {"rpc_retry_attempts": 1}})
    assert loading.run(*COMMAND, scheduler="http://127.0.0.1:9").rc == 40
    [run] = history(loading)
    assert (run["exit_code"], run["loaded"], run["failed"]) == (40, 0, 0)
    assert run["error"].startswith("luigid does not answer: ")
    assert run["error"] in loading.command("taxi-luigi", "history", run["run"]).out


def test_a_history_that_cannot_be_kept_costs_one_line_and_nothing_else(loading: Project) -> None:
    (loading.folder / "state").mkdir()
    (loading.folder / "state" / "history.sqlite").mkdir()
    done = loading.run(*COMMAND)
    assert done.rc == 0, done.out
    assert done.out.count("the history of runs cannot be written") == 1
    assert "green: 2 months loaded (6,000 rows)" in done.out
    asked = loading.command("taxi-luigi", "history")
    assert asked.rc == 40
    assert asked.out.startswith("taxi-luigi: the history of runs cannot be read: ")
    assert len(asked.out.splitlines()) == 1


def test_on_a_terminal_each_run_and_each_task_has_a_line(after: After) -> None:
    loading = after(*COMMAND)
    [run] = history(loading)
    for columns, began in ((40, False), (80, False), (140, True)):
        rc, written = on_a_terminal(loading, "taxi-luigi", "history", columns=columns)
        assert rc == 0
        _, line, nothing = re.sub(r"\x1b\[[\d;]*m", "", written).split("\n")
        assert line.startswith(run["run"])
        assert len(line) <= columns
        assert (run["began"][:10] in line) == began
        assert ("LoadAllMonths" in line) == (columns >= 60)
        assert " done" in line
        assert nothing == ""
    _, written = on_a_terminal(loading, "taxi-luigi", "history", run["run"], columns=80)
    assert written.count(" done") == 6
    assert max(len(line) for line in written.splitlines() if " done" in line) <= 80
    _, written = on_a_terminal(loading, "taxi-luigi", "history", run["run"], columns=40)
    lines = re.sub(r"\x1b\[[\d;]*m", "", written).splitlines()
    assert max(map(len, lines)) <= 40
    assert re.fullmatch(r"green 2021-01   *D+ *C+ *L+", lines[-5])
    assert re.fullmatch(r"  loaded, 3,000 rows, [\d.]+ s", lines[-4])


def test_a_damaged_history_is_set_aside_by_the_next_run(loading: Project) -> None:
    loading.state.mkdir()
    (loading.state / "history.sqlite").write_bytes(b"not a database at all " * 500)
    done = loading.run(*COMMAND)
    assert done.rc == 0, done.out
    assert done.out.count("set aside as history.sqlite.2") == 1
    assert [run["exit_code"] for run in history(loading)] == [0]


def test_two_runs_at_once_are_both_recorded(loading: Project) -> None:
    processes = [
        loading.start("LoadAllMonths", "--colors", color, "--months", "2021-01") for color in ("green", "yellow")
    ]
    outs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], "\n".join(outs)
    runs = history(loading)
    assert [(run["exit_code"], run["loaded"]) for run in runs] == [(0, 1)] * 2
    assert [len(history(loading, run["run"])["tasks"]) for run in runs] == [3, 3]


def test_asking_what_depends_on_what_is_no_run(loading: Project) -> None:
    assert loading.command("luigi-deps-tree", "--module", "taxi_luigi", *COMMAND).rc == 0
    assert not (loading.state / "history.sqlite").exists()


def test_what_was_typed_wrong_is_one_line(loading: Project) -> None:
    unknown = loading.command("taxi-luigi", "history", "nothing")
    assert (unknown.rc, unknown.out) == (40, "taxi-luigi: no run is called 'nothing': taxi-luigi history names them\n")
    assert loading.command("taxi-luigi", "history", "--last", "0").rc == 2
    for when in ("8x", "last week", "2021-13-01", "99999999d"):
        said = loading.command("taxi-luigi", "history", "--since", when)
        assert (said.rc, len(said.out.splitlines())) == (2, 1)
        assert "must be like 7d, 12h, 2w, today, yesterday or 2026-11-21, not " in said.out
    both = loading.command("taxi-luigi", "history", "nothing", "--failed")
    assert (both.rc, len(both.out.splitlines())) == (40, 1)
