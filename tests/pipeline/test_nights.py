"""What can happen to a nightly run from outside: a source down all night, a wrong clock, a luigid that comes and goes.

Each night is a whole command; the next one, with nothing in its way, finishes.
"""

from __future__ import annotations

import re
import shutil
import signal
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from taxi_luigi.sample import write_samples
from taxi_luigi.tlc.months import Month
from tests.pipeline.conftest import ROWS, duckdb_counts
from tests.support.cdn import Cdn, Stall, Status
from tests.support.luigid import Luigid
from tests.support.project import Project, Run
from tests.support.webhook import Webhook

NIGHT = ("LoadAllMonths", "--colors", "green", "--months", "2021-01..2021-03", "--refresh")
LOADED = {"2021-01": ROWS, "2021-02": ROWS, "2021-03": ROWS}
FORGOTTEN = "luigid was restarted and has forgotten the tasks: run the same command again to finish"
FILES = [f"green_tripdata_{month}.parquet" for month in LOADED]


def test_a_source_that_is_down_all_night_is_one_message_and_the_next_night_finishes(loading: Project, cdn: Cdn) -> None:
    for name in FILES:
        for method in ("HEAD", "GET"):
            cdn.fault(name, *[Status(503)] * 20, method=method)
    with Webhook() as webhook:
        loading.configure({"notify": {"urls": f"json://127.0.0.1:{webhook.port}"}})
        down = loading.run(*NIGHT, "--workers", "2")
        assert down.rc == 30, down.out
        assert "Traceback" not in down.out
        [told] = webhook.posts
        assert told["title"].startswith("taxi_luigi: 3 months failed")
        for month in LOADED:
            assert f"green {month}: DownloadMonth: " in told["message"]
        cdn.reset_failure()
        fine = loading.run(*NIGHT)
        assert fine.rc == 0, fine.out
        assert len(webhook.posts) == 1
    assert duckdb_counts(loading, "green_tripdata") == LOADED


@pytest.mark.parametrize("days", [-31, 31])
def test_a_clock_that_is_wrong_by_a_month_costs_nothing_that_the_right_one_does_not_mend(
    loading: Project, tmp_path: Path, days: int
) -> None:
    """Before it, the newest month is not looked for yet; after it, months are looked for that cannot be there."""
    if shutil.which("faketime") is None:
        pytest.skip("needs faketime: sudo apt-get install faketime")
    now = datetime.now().astimezone()
    newest = Month.of(now.date())
    folder = tmp_path / "published"
    write_samples(folder, ("green",), (newest.plus(-1), newest), ROWS, seed=2)
    with Cdn(folder) as cdn:
        loading.configure({"taxi": {"source": cdn.template}})
        latest = ("LoadAllMonths", "--colors", "green", "--months", "latest", "--refresh")
        wrong = {"LD_PRELOAD": _faketime(), "FAKETIME": f"{days:+}d"}
        first = loading.run(*latest, env=wrong)
        assert first.rc == 0, first.out
        then = Month.of((now + timedelta(days=days)).date())
        seen = {str(month): ROWS for month in (newest.plus(-1), newest) if month <= then}
        assert duckdb_counts(loading, "green_tripdata") == seen
        again = loading.run(*latest)
        assert again.rc == 0, again.out
        assert "rows in duckdb" in again.out if len(seen) < 2 else "2 already there" in again.out
    assert duckdb_counts(loading, "green_tripdata") == {str(newest.plus(-1)): ROWS, str(newest): ROWS}
    assert loading.command("taxi-luigi", "verify").rc == 0
    runs = loading.command("taxi-luigi", "history").out
    assert runs.count("LoadAllMonths") == 2, runs


def test_a_clock_that_was_ahead_once_costs_no_record_and_a_month_that_it_forced_is_forced_again(
    loading: Project,
) -> None:
    if shutil.which("faketime") is None:
        pytest.skip("needs faketime: sudo apt-get install faketime")
    month = ("LoadAllMonths", "--colors", "green", "--months", "2021-01")
    foreign = loading.workspace / ".taxi_luigi-parts" / "1-month.parquet.elsewhere-7-7.part"
    assert loading.run(*month).rc == 0
    foreign.write_bytes(b"another machine writes it just now")
    ahead = loading.run(*month, "--force", env={"LD_PRELOAD": _faketime(), "FAKETIME": "+900d"})
    assert ahead.rc == 0, ahead.out
    assert foreign.exists()
    again = loading.run(*month, "--force")
    assert again.rc == 0, again.out
    for verb in ("Downloaded", "Cleaned", "Loaded"):
        assert f"{verb} green 2021-01: " in loading.logged()
    assert loading.command("taxi-luigi", "history").out.count("LoadAllMonths") == 3
    assert len(list((loading.state / "logs").glob("*.jsonl"))) == 2


def test_nights_that_did_not_come_are_noticed(loaded_green: Project) -> None:
    """By `status --check`, and by the monitor that the heartbeat of each good night goes to."""
    if shutil.which("faketime") is None:
        pytest.skip("needs faketime: sudo apt-get install faketime")
    newest = Month.of(datetime.now().astimezone().date())

    def night(days: int, months: str) -> Run:
        words = ("--colors", "green", "--months", months, "--local-scheduler")
        return loaded_green.command("taxi-luigi", "cron-run", "--", "LoadAllMonths", *words, env=at(days))

    def check(days: int) -> Run:
        return loaded_green.command("taxi-luigi", "status", "--check", env=at(days))

    def at(days: int) -> dict[str, str]:
        time = {"LD_PRELOAD": _faketime(), "FAKETIME": f"+{days}d"} if days else {}
        return {"TAXI_LUIGI_HOME": str(loaded_green.folder), **time}

    with Webhook() as monitor:
        loaded_green.configure(
            {"monitor": {"free_disk": "0.001"}, "notify": {"heartbeat": f"http://127.0.0.1:{monitor.port}/ping"}}
        )
        assert night(0, f"2021-01..2021-03,{newest}") == Run(0, "")  # 20, of luigi
        assert monitor.gets == ["/ping"]
        well = check(0)
        assert (well.rc, well.out.partition(" 20")[0]) == (0, "all is well:"), well.out
        late = check(3)
        assert late.rc == 60, late.out
        assert re.fullmatch(
            r"no run ended well for 72 h 0\d min, more than 36 hours \(\[monitor\] hours\): the last one is \S+\n",
            late.out,
        )
        assert night(3, "2021-01..2021-03") == Run(0, "")
        assert monitor.gets == ["/ping"] * 2
    assert check(3).rc == 0


def _faketime() -> str:
    """The library that `faketime` preloads."""
    return str(next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")))


@pytest.mark.parametrize("ended_by", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_outlives_a_restart_of_luigid_and_its_loss_of_memory_costs_no_more_than_the_same_command_again(
    loading: Project, cdn: Cdn, tmp_path: Path, ended_by: signal.Signals
) -> None:
    """Told to end, luigid writes down what it knows; killed, it knows nothing when it is there again."""
    cdn.fault(FILES[1], Stall(20_000))
    loading.configure({"download": {"read_timeout": 5}})
    luigid = Luigid(tmp_path / "luigid")
    with luigid:
        run = loading.start(*NIGHT, "--workers", "2", scheduler=luigid.url)
        cdn.wait(lambda: cdn.sent(FILES[1]) >= 20_000)
        luigid.end(ended_by)
        with luigid:
            out, _ = run.communicate(timeout=120)
            if ended_by == signal.SIGKILL:
                assert run.returncode == 25, out
                assert out.splitlines()[-1] == FORGOTTEN
                again = loading.run(*NIGHT, scheduler=luigid.url)
                assert again.rc == 0, again.out
            else:
                assert run.returncode == 0, out
    assert duckdb_counts(loading, "green_tripdata") == LOADED
    assert "Traceback" not in out
    assert "NoneType" not in out


def test_a_luigid_that_stays_away_ends_the_run_in_one_line_and_the_next_finishes(
    loading: Project, cdn: Cdn, tmp_path: Path
) -> None:
    cdn.fault(FILES[1], Stall(20_000))
    loading.configure({"download": {"read_timeout": 2}, "core": {"rpc_retry_wait": 0}})
    with Luigid(tmp_path / "luigid") as luigid:
        run = loading.start(*NIGHT, "--workers", "2", scheduler=luigid.url)
        cdn.wait(lambda: cdn.sent(FILES[1]) >= 20_000)
        luigid.end(signal.SIGKILL)
        out, _ = run.communicate(timeout=120)
    assert run.returncode == 40, out
    assert "Traceback" not in out
    *_, why, summary = out.splitlines()
    assert why == "ERROR: luigid does not answer: start it with taxi-luigi luigid start, or add --local-scheduler"
    assert summary.endswith("3 not finished (2021-01, 2021-02, 2021-03)")
    assert loading.processes() == []
    assert loading.run(*NIGHT).rc == 0
    assert duckdb_counts(loading, "green_tripdata") == LOADED
