"""scripts/cron-run as cron calls it: Debian's cron itself, and everything that can be in its way.

Each test has a checkout of its own: the scripts, a luigi.cfg, an environment.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psutil
import pytest

from tests.pipeline.conftest import ROWS, duckdb_counts
from tests.support.cdn import Cdn, Stall, Status
from tests.support.cron import Cron
from tests.support.project import BIN, ROOT, Project

FEBRUARY = "green_tripdata_2021-02.parquet"
CRONS = {"HOME": "/nowhere", "LOGNAME": "you", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
"""all that cron gives its commands"""
OTHERS = b"# mine\nMAILTO=''\n\n0  0 1 1 *\ttrue %x\n@reboot /bin/true   # boot\n"


@dataclass(frozen=True)
class Ended:
    """A cron-run that has: its exit code, and what cron would mail."""

    rc: int
    mail: str


class Checkout(Project):
    """A project folder with the scripts in it, whose luigid is looked for at a port of its own."""

    def __init__(self, folder: Path, work: Path, source: str) -> None:
        super().__init__(folder)
        work.mkdir()
        self.workspace, self.warehouse = work / "data", work / "data" / "warehouse.duckdb"
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.port = server.getsockname()[1]
        self.configure(
            {
                "taxi": {"workspace": self.workspace, "source": source},
                "warehouse.duckdb": {"path": self.warehouse},
                "core": {"lock_pid_dir": work / "locks", "scheduler_port": self.port},
                "download": {"backoff": 0.05, "attempts": 3, "read_timeout": 30},
            }
        )
        for part in ("scripts", "config", "taxi_luigi"):
            shutil.copytree(ROOT / part, folder / part)  # with its compiled modules, which take a second to make
        (folder / ".venv").symlink_to(sys.prefix)
        self.log = folder / "data" / "logs" / f"cron-{date.today()}.log"

    def cron_run(self, *arguments: object, months: str = "2021-01", local: bool = True) -> Ended:
        """Runs the script to its end, for green and these months, as cron would."""
        process = self.begin(*arguments, months=months, local=local)
        mail, _ = process.communicate(timeout=120)
        return Ended(process.returncode, mail)

    def begin(self, *arguments: object, months: str = "2021-01", local: bool = True) -> subprocess.Popen[str]:
        """The same, still running, in a session of its own."""
        luigis = ["LoadAllMonths", "--colors", "green", "--months", months, *(["--local-scheduler"] if local else [])]
        return subprocess.Popen(
            [str(part) for part in (self.folder / "scripts" / "cron-run", *arguments, "--", *luigis)],
            cwd="/", env=CRONS, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, start_new_session=True,
        )  # fmt: skip

    def logged(self) -> list[str]:
        """cron-run's own lines of today, without their time."""
        return [line.partition("cron-run: ")[2] for line in self.log.read_text().splitlines() if "cron-run: " in line]


@pytest.fixture
def checkout(tmp_path: Path, cdn: Cdn) -> Iterator[Checkout]:
    checkout = Checkout(tmp_path / "a checkout", tmp_path / "work", cdn.template)
    yield checkout
    checkout.end()


def test_debians_cron_runs_what_schedule_wrote_one_after_the_other(tmp_path: Path, cdn: Cdn) -> None:
    """Two entries at each minute, with paths that cron and the shell would take apart.

    The source is known from the environment file, and the warehouse from the file of the one who schedules.
    """
    checkout = Checkout(tmp_path / "a checkout", tmp_path / "work", "${TLC}")
    checkout.log = tmp_path / "100% logs" / checkout.log.name
    (checkout.folder / ".env").write_text(f"TLC={cdn.template}\n")
    (checkout.folder / ".env").chmod(0o600)
    mine = tmp_path / "my settings.cfg"
    mine.write_text(f"[warehouse.duckdb]\npath = {tmp_path}/my.duckdb\n")
    checkout.warehouse = tmp_path / "my.duckdb"
    own = {"TAXI_LUIGI_HOME": str(checkout.folder), "LUIGI_CONFIG_PATH": str(mine)}
    try:
        with Cron(tmp_path) as cron:
            cron.crontab(OTHERS)
            for color in ("green", "yellow"):
                words = ["--name", color, "--log-folder", checkout.log.parent]
                luigis = ["--", "LoadAllMonths", "--colors", color, "--months", "2021-01"]
                said = cron.command([*SCHEDULE, "* * * * *", *words, *luigis], cwd=checkout.folder, env=own)
                assert said.rc == 0, said.out
                assert said.out.startswith(f"{color}: * * * * * · next "), said.out
                assert f" · env 'TAXI_LUIGI_HOME={checkout.folder}' 'LUIGI_CONFIG_PATH={mine}' /" in said.out
                assert "/bin/taxi-luigi cron-run --log-folder '" in said.out
                assert "/100\\% logs' -- LoadAllMonths" in said.out
                assert "no cron process is running here" in said.out or psutil_sees_cron()
            assert "WARNING: yellow and green are both due at " in said.out
            assert cron.crontab().startswith(OTHERS)
            cron.start()
            cron.wait(checkout.log, "waits for it, 240 minutes at most", 100)
            for color in ("green", "yellow"):
                assert cron.command([*SCHEDULE, "--remove", color], env=own).rc == 0
            assert cron.crontab() == OTHERS
            for color in ("green", "yellow"):
                cron.wait(checkout.log, f"{color}: 1 month loaded", 60)
            wait_for_line(checkout, "ended: exit code 0", 2)
    finally:
        checkout.end()
    for color in ("green", "yellow"):
        assert duckdb_counts(checkout, f"{color}_tripdata") == {"2021-01": ROWS}
    assert f"luigid is running: http://127.0.0.1:{checkout.port}" in checkout.logged()


SCHEDULE = (BIN / "taxi-luigi", "schedule")


def psutil_sees_cron() -> bool:
    return any(process.name() == "cron" for process in psutil.process_iter())


def test_a_crontab_that_cron_itself_refuses_stays_as_it_is(tmp_path: Path) -> None:
    spool = "/var/spool/cron/crontabs/root"
    spoilt = b"0 6 * * * true\nnot for cron\n"
    with Cron(tmp_path) as cron:
        cron.command(["sh", "-c", f"cat >{spool}"], spoilt)
        refused = cron.command([*SCHEDULE, "@daily"])
        assert cron.command(["cat", spool]).out.encode() == spoilt
    assert refused.rc == 40
    assert refused.out.startswith('taxi-luigi: crontab refuses the change, and nothing has changed: "-":1: bad minute')
    assert refused.out.count("\n") == 1


def working(checkout: Checkout, cdn: Cdn) -> subprocess.Popen[str]:
    """A cron-run that downloads February, of which 20,000 bytes come and no more for the seconds of `read_timeout`."""
    cdn.fault(FEBRUARY, Stall(20_000))
    first = checkout.begin(months="2021-02")
    cdn.wait(lambda: cdn.sent(FEBRUARY) >= 20_000)
    return first


def wait_for_line(checkout: Checkout, text: str, times: int = 1) -> None:
    """Until cron-run has logged it."""
    deadline = time.monotonic() + 30
    while checkout.log.read_text().count(text) < times:
        assert time.monotonic() < deadline, checkout.log.read_text()
        time.sleep(0.05)


def ends(checkout: Checkout) -> bool:
    """Whether all that was started has ended within the ten seconds in which it must."""
    _, alive = psutil.wait_procs(checkout.processes(), timeout=10)
    return not alive


def test_a_second_run_waits_its_turn_and_both_are_loaded(checkout: Checkout, cdn: Cdn) -> None:
    checkout.configure({"download": {"read_timeout": 4}})
    first = working(checkout, cdn)
    assert checkout.cron_run(months="2021-01") == Ended(0, "")
    first.communicate(timeout=30)
    assert first.returncode == 0
    assert duckdb_counts(checkout, "green_tripdata") == {"2021-01": ROWS, "2021-02": ROWS}
    shown = "LoadAllMonths --colors green --months {} --local-scheduler --refresh"
    assert checkout.logged()[0] == f"begins: {shown.format('2021-02')}"
    assert re.fullmatch(
        r"another cron-run is at work since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d \(process \d+ on \S+\): "
        rf"{shown.format('2021-02')}: waits for it, 240 minutes at most",
        checkout.logged()[1],
    )
    rest = ["ended: exit code 0", f"begins: {shown.format('2021-01')}", "ended: exit code 0"]
    assert checkout.logged()[2:] == rest


def test_a_run_that_waited_too_long_ends_with_one_line(checkout: Checkout, cdn: Cdn) -> None:
    first = working(checkout, cdn)
    busy = rf"another cron-run is at work since .* \(process {first.pid} on .*\): LoadAllMonths .*"
    for wait, why in (("0", ""), ("0.02", ", and 0.02 minutes of waiting were not enough")):
        done = checkout.cron_run("--wait", wait)
        assert done.rc == 11
        assert re.fullmatch(rf"cron-run: exit code 11: {busy}{why}\n", done.mail), done.mail
        assert re.fullmatch(rf"{busy}{why}: exit code 11", checkout.logged()[-1])
    first.terminate()
    first.communicate(timeout=30)
    assert first.returncode == 143


def test_how_long_it_waits_can_stand_in_the_environment(checkout: Checkout, cdn: Cdn) -> None:
    first = working(checkout, cdn)
    (checkout.folder / ".env").write_text("TAXI_LUIGI_CRON_WAIT=0.01\n")
    (checkout.folder / ".env").chmod(0o600)
    assert checkout.cron_run().mail.endswith(", and 0.01 minutes of waiting were not enough\n")
    (checkout.folder / ".env").write_text("TAXI_LUIGI_CRON_WAIT=4h\n")
    assert checkout.cron_run() == Ended(40, "cron-run: TAXI_LUIGI_CRON_WAIT is not a number of minutes, 0 or more\n")
    first.terminate()
    first.communicate(timeout=30)


def test_of_one_command_line_one_waits(checkout: Checkout, cdn: Cdn) -> None:
    first = working(checkout, cdn)
    waiting = checkout.begin()
    wait_for_line(checkout, "waits for it, 240 minutes at most")
    again = checkout.cron_run()
    assert again.rc == 11
    assert again.mail.count("\n") == 1
    assert again.mail.endswith("; the same command waits for it already\n")
    other = checkout.begin(months="2021-03")
    wait_for_line(checkout, "waits for it, 240 minutes at most", 2)
    first.terminate()
    for process in (first, waiting, other):
        process.communicate(timeout=60)
    assert [first.returncode, waiting.returncode, other.returncode] == [143, 0, 0]
    assert duckdb_counts(checkout, "green_tripdata") == {"2021-01": ROWS, "2021-03": ROWS}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_one_that_waits(checkout: Checkout, cdn: Cdn, number: signal.Signals) -> None:
    first = working(checkout, cdn)
    waiting = checkout.begin()
    wait_for_line(checkout, "waits for it")
    waiting.send_signal(number)
    mail, _ = waiting.communicate(timeout=10)
    why, code = f"stopped by {number.name} before luigi was started", 128 + number
    assert (waiting.returncode, mail) == (code, f"cron-run: exit code {code}: {why}\n")
    assert checkout.logged()[-1] == f"{why}: exit code {code}"
    first.terminate()
    first.communicate(timeout=30)


def test_runs_with_other_settings_do_not_wait_for_each_other(checkout: Checkout, cdn: Cdn, tmp_path: Path) -> None:
    first = working(checkout, cdn)
    other = tmp_path / "other.cfg"
    other.write_text(f"[warehouse.duckdb]\npath = {tmp_path}/other.duckdb\n[taxi]\nworkspace = {tmp_path}/other\n")
    env = tmp_path / "other.env"
    env.write_text(f"LUIGI_CONFIG_PATH={other}\n")
    env.chmod(0o600)
    assert checkout.cron_run("--env-file", env, "--wait", "0") == Ended(0, "")
    assert (tmp_path / "other.duckdb").exists()
    first.terminate()
    first.communicate(timeout=30)


def test_after_a_reboot_in_the_middle_the_next_run_finishes(checkout: Checkout, cdn: Cdn) -> None:
    cdn.fault(FEBRUARY, Stall(20_000))
    first = checkout.begin(months="2021-01..2021-02")
    cdn.wait(lambda: cdn.sent(FEBRUARY) >= 20_000)
    checkout.end()
    first.communicate(timeout=30)
    assert checkout.cron_run(months="2021-01..2021-02") == Ended(0, "")
    assert duckdb_counts(checkout, "green_tripdata") == {"2021-01": ROWS, "2021-02": ROWS}
    assert checkout.leftovers() == []


def test_luigi_ends_with_a_cron_run_that_is_killed_and_the_next_one_runs(checkout: Checkout, cdn: Cdn) -> None:
    first = working(checkout, cdn)
    waiting = checkout.begin(months="2021-02")
    wait_for_line(checkout, "waits for it")
    first.kill()
    waiting.communicate(timeout=60)
    first.communicate(timeout=30)
    assert waiting.returncode == 0
    assert ends(checkout)
    assert duckdb_counts(checkout, "green_tripdata") == {"2021-02": ROWS}


def test_after_luigi_was_killed_the_mail_has_its_last_lines_and_the_next_one_runs(checkout: Checkout, cdn: Cdn) -> None:
    first = working(checkout, cdn)
    [luigi] = [child for child in psutil.Process(first.pid).children() if "luigi" in child.cmdline()[1]]
    luigi.kill()
    mail, _ = first.communicate(timeout=30)
    assert first.returncode == 137
    why, *lines = mail.splitlines()
    assert why == f"cron-run: exit code 137: see {checkout.log}"
    assert "green: 1 to load (2021-02)" in lines
    assert checkout.cron_run("--wait", "0", months="2021-02") == Ended(0, "")


def test_a_month_that_is_not_published_is_no_failure(checkout: Checkout) -> None:
    assert checkout.cron_run(months="2021-01,2021-05") == Ended(0, "")
    text = checkout.log.read_text()
    assert "1 not published (2021-05)" in text
    assert checkout.logged()[-1].startswith("ended: months are not published yet, which is exit code 0 here")


def test_a_failure_keeps_its_code_and_its_mail_names_the_failed_month_and_the_cause(
    checkout: Checkout, cdn: Cdn
) -> None:
    cdn.fault(FEBRUARY, *[Status(503)] * 9)
    failed = checkout.cron_run(months="2021-02,2021-05")
    assert failed.rc == 30
    code, counts, month = failed.mail.splitlines()
    assert code == f"cron-run: exit code 30: see {checkout.log}"
    assert counts == "green: 0 months loaded, 0 already there, 1 not published (2021-05), 1 failed"
    assert re.fullmatch(r"green 2021-02 failed: DownloadMonth: .*: HTTP 503 Service Unavailable; .*", month)
    assert month in checkout.log.read_text()
    assert not list((checkout.folder / "data").glob("*.last"))


def test_the_mail_of_a_run_that_could_not_begin_has_the_cause(checkout: Checkout) -> None:
    failed = checkout.cron_run(months="2021-13")
    why = "ERROR: month must look like 2024-01, not '2021-13'"
    assert failed == Ended(40, f"cron-run: exit code 40: see {checkout.log}\n{why}\n")


def test_the_mail_of_a_stopped_run_has_what_is_left(checkout: Checkout, cdn: Cdn) -> None:
    first = working(checkout, cdn)
    first.terminate()
    mail, _ = first.communicate(timeout=30)
    assert mail.splitlines()[-1] == "green: 0 months loaded, 0 already there, 1 not finished (2021-02)"


@pytest.mark.parametrize("months", ["2021-01", "2021-13"])
def test_with_standard_streams_closed_it_ends_as_ever(checkout: Checkout, months: str) -> None:
    words = shlex.join([str(checkout.folder / "scripts" / "cron-run"), "--", "LoadAllMonths", "--colors", "green"])
    command = f"exec {words} --months {months} --local-scheduler <&- >&- 2>&-"
    done = subprocess.run(["sh", "-c", command], cwd="/", env=CRONS, timeout=60)
    assert done.returncode == (0 if months == "2021-01" else 40)
    assert "Traceback" not in checkout.log.read_text()
    assert "exit code" not in (checkout.folder / "data" / "cron-run.lock").read_text()


def test_the_environment_file_is_read_and_not_executed(checkout: Checkout, cdn: Cdn, tmp_path: Path) -> None:
    checkout.configure({"taxi": {"source": "${TLC}"}})
    secrets = tmp_path / "the secrets"
    secrets.write_text(f"# where from\n\nexport TLC = '{cdn.template}'\nHARM=$(touch {tmp_path}/harm)\n")
    done = checkout.cron_run("--env-file", secrets)
    assert done == Ended(0, f"cron-run: other users can read {secrets}: chmod 600 keeps them out\n")
    assert not (tmp_path / "harm").exists()
    secrets.chmod(0o600)
    assert checkout.cron_run("--env-file", secrets) == Ended(0, "")


def test_an_invalid_environment_file_starts_nothing(checkout: Checkout) -> None:
    path = checkout.folder / ".env"
    path.write_text("GOOD=1\nhunter2\n")
    assert checkout.cron_run() == Ended(40, f"cron-run: {path}, line 2, is not KEY=value\n")
    missing = checkout.cron_run("--env-file", "secrets")
    no_such = checkout.folder / "secrets"
    assert missing == Ended(
        40, f"cron-run: the environment file cannot be read: No such file or directory: {no_such}\n"
    )
    assert not checkout.log.exists()


def test_without_an_environment_it_names_the_script_that_makes_one(checkout: Checkout) -> None:
    (checkout.folder / ".venv").unlink()
    says = f"cron-run: luigi is not installed in {checkout.folder}/.venv: scripts/quickstart installs it\n"
    assert checkout.cron_run() == Ended(40, says)


def test_a_full_disk_for_the_log_does_not_stop_the_run(checkout: Checkout) -> None:
    checkout.log.parent.mkdir(parents=True)
    checkout.log.symlink_to("/dev/full")
    done = checkout.cron_run()
    assert done.rc == 0
    first, *rest = done.mail.splitlines()
    assert first == f"cron-run: the log cannot be written, so here it is: No space left on device: {checkout.log}"
    assert any("green: 1 month loaded" in line for line in rest)
    assert duckdb_counts(checkout, "green_tripdata") == {"2021-01": ROWS}


def test_old_logs_go_and_nothing_else_does(checkout: Checkout) -> None:
    logs = checkout.folder / "my logs"
    logs.mkdir()
    for name in ("cron-2025-12-31.log", "cron-2026-01-01.log", "cron-2026-01-02.log", "cron-notes.log", "other.log"):
        (logs / name).touch()
    assert checkout.cron_run("--log-folder", "my logs", "--keep-logs", "2") == Ended(0, "")
    assert {path.name for path in logs.iterdir()} == {
        "cron-2026-01-02.log", checkout.log.name, "cron-notes.log", "other.log"
    }  # fmt: skip


def test_luigid_is_started_where_it_is_missing_and_found_where_it_had_to_go(checkout: Checkout) -> None:
    with socket.create_server(("127.0.0.1", checkout.port)):
        assert checkout.cron_run(local=False) == Ended(0, "")
    port = int((checkout.folder / "data" / "luigid" / "port").read_text())
    assert port > checkout.port
    assert checkout.logged()[1] == f"luigid is running: http://127.0.0.1:{port}"
    assert checkout.cron_run(local=False, months="2021-02") == Ended(0, "")
    assert checkout.logged()[4] == f"luigid is running already: http://127.0.0.1:{port}"


@pytest.mark.parametrize("how", ["--local-scheduler", "local_scheduler", "elsewhere"])
def test_no_luigid_is_started_where_none_is_wanted(checkout: Checkout, how: str) -> None:
    if how == "elsewhere":
        checkout.configure({"core": {"scheduler_host": "192.0.2.1", "rpc_connect_timeout": 0.1, "rpc_retry_wait": 0}})
    elif how == "local_scheduler":
        checkout.configure({"core": {"local_scheduler": "true"}})
    done = checkout.cron_run(local=how == "--local-scheduler")
    assert done.rc == (40 if how == "elsewhere" else 0)
    assert not (checkout.folder / "data" / "luigid").exists()


def test_a_luigi_cfg_that_cannot_be_read_starts_nothing_and_is_one_line(checkout: Checkout) -> None:
    path = checkout.folder / "luigi.cfg"
    path.write_text("no section = here\n")
    says = f"{path}, line 1, stands before the first [section]"
    assert checkout.cron_run(local=False) == Ended(40, f"cron-run: {says}\n")
    assert checkout.logged() == [f"nothing was started: {says}"]


def test_systemd_finds_no_fault_in_the_units(checkout: Checkout, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze: sudo apt-get install systemd")
    units = []
    for unit in sorted((ROOT / "deploy" / "systemd").iterdir()):
        units.append(tmp_path / unit.name)
        units[-1].write_text(unit.read_text().replace("%h/taxi_luigi", str(checkout.folder)))
    assert [unit.suffix for unit in units] == [".service", ".service", ".timer"]
    (tmp_path / "run").mkdir()
    done = subprocess.run(
        ["systemd-analyze", "--user", "--man=no", "verify", *units],
        env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path / "run")}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
