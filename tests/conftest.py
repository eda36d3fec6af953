"""What every test gets: real servers' fixtures, TLC's files where there are any, and the rule that CI skips nothing."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import luigi.task_register
import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.support.project import Project

pytest_plugins = [f"tests.support.{server}" for server in ("postgres", "gcs", "s3", "azure", "bigquery")]

_HOW_TO_GET_TLC_FILES = (
    "set TLC_DATA to a folder with TLC's files to run this: whole/ holds the published months, named as TLC names them "
    "(https://www.nyc.gov/site/tlc/about/tlc-trip-record-data.page), heads/ and samples/ hold first lines of old ones, "
    "bad/ damaged ones"
)


TOGETHER = {
    "tests/contract/test_fault_sweep.py",
    "tests/docs/test_commands.py",
    "tests/docs/test_json.py",
    "tests/pipeline/test_installed.py",
    "tests/pipeline/test_report_page.py",
    "tests/pipeline/test_secrets.py",
    "tests/pipeline/test_visualizer.py",
    "tests/pipeline/test_worse_months.py",
}
"""modules whose tests run in one of several processes: they share what is slow to make, up to a minute of CPU, and
those of test_secrets.py would see each other's command lines by `ps`"""


class _Scheduling(LoadScopeScheduling):
    """Hand out all other tests one by one. (xdist 3.8.0 sees no xdist_group with pytest 9.2.)"""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return module if module in TOGETHER else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """What `--dist loadscope` means here."""
    return _Scheduling(config, log) if config.getoption("dist") == "loadscope" else None


def pytest_configure(config: pytest.Config) -> None:
    """Undo what the shell may have set that every process of a test would inherit."""
    # A shell that starts the tests in the background has them ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Without bytecode each of the 1,400 commands of the suite compiles the package again: 0.9 s of CPU, not 0.6.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    Project.cold = config.getoption("cold")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The long forms of tests that have a short one in the suite."""
    parser.addoption("--all-commands", action="store_true", help="try all of test_wrong_secrets.py, in ten minutes")
    parser.addoption("--cold", action="store_true", help="start an interpreter for each command, see support/warm.py")
    parser.addoption("--kills", type=int, default=6, help="at how many moments test_kill.py kills a run")
    parser.addoption("--fuzz", type=int, default=400, help="how many spoilt files test_fuzz.py tries")
    parser.addoption(
        "--sweep", type=int, default=1, help="how many of the faults test_fault_sweep.py tries at each request"
    )


@pytest.fixture(scope="session")
def tlc_data() -> Path:
    """The folder with files as TLC published them, which are not part of this repository."""
    if "TLC_DATA" not in os.environ:
        pytest.skip(_HOW_TO_GET_TLC_FILES)
    folder = Path(os.environ["TLC_DATA"]).resolve()
    if not (folder / "whole").is_dir():
        pytest.fail(f"TLC_DATA is {folder}, which has no folder whole/: {_HOW_TO_GET_TLC_FILES}")
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project folder; whatever a failed test leaves running in it is ended."""
    project = Project(tmp_path / "project")
    yield project
    project.end()


@pytest.fixture(autouse=True)
def _no_remembered_tasks() -> Iterator[None]:
    """Luigi hands out the same object for equal parameters, with what an earlier test cached on it."""
    luigi.task_register.Register.clear_instance_cache()
    yield
    luigi.task_register.Register.clear_instance_cache()


def _skipped(config: pytest.Config) -> list[pytest.TestReport]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") != "true" or reporter is None:
        return []
    skipped: list[pytest.TestReport] = reporter.stats.get("skipped", [])
    return skipped


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Under CI=true a skipped test is a failed run: a server that is not there must not look like a pass."""
    if _skipped(session.config) and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Names what `pytest_sessionfinish` counted."""
    for report in _skipped(config):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        terminalreporter.write_line(
            f"FAILED under CI=true, because skipped: {report.nodeid or report.fspath}: {reason}", red=True
        )
