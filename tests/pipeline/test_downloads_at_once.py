"""`[download] at_once` and `bandwidth`: what a publisher sees of all runs of this machine, under any scheduler."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator

import pytest

from tests.pipeline.conftest import duckdb_counts
from tests.support.cdn import Cdn, Stall
from tests.support.luigid import Luigid
from tests.support.project import Project

JANUARY, FEBRUARY = "green_tripdata_2021-01.parquet", "green_tripdata_2021-02.parquet"
WAITING = "Waiting for another download of this machine to end: [download] at_once = 1"


@pytest.fixture
def machine() -> Iterator[dict[str, str]]:
    """The variables of a machine on which nothing else downloads; its folder's path is short, as sockets lie in it."""
    with tempfile.TemporaryDirectory(prefix="m", dir="/tmp") as folder:
        yield {"TMPDIR": folder}


def month(name: str) -> tuple[str, ...]:
    return "DownloadMonth", "--color", "green", "--month", name.partition("_")[2][9:16]


def test_a_download_waits_for_one_of_another_project_and_goes_on_when_that_is_killed(
    loading: Project, cdn: Cdn, machine: dict[str, str]
) -> None:
    other = Project(loading.folder.parent / "other", {"taxi": {"source": cdn.template}})
    cdn.fault(JANUARY, Stall(10_000))
    loading.configure({"download": {"read_timeout": 60}})
    first = loading.start(*month(JANUARY), "--download-at-once", 1, env=machine)
    cdn.wait(lambda: cdn.sent(JANUARY) >= 10_000)
    second = other.start(*month(FEBRUARY), "--download-at-once", 1, env=machine)
    assert second.stdout is not None
    said = ""
    while WAITING not in said:
        line = second.stdout.readline()
        assert line, said
        said += line
    assert cdn.sent(FEBRUARY) == 0
    for process in loading.processes():
        process.send_signal(signal.SIGKILL)
    first.communicate()
    said += second.communicate()[0]
    assert second.returncode == 0, said
    assert said.count(WAITING) == 1


def test_no_more_are_under_way_than_allowed_with_a_luigid_that_knows_no_limit(
    loading: Project, cdn: Cdn, machine: dict[str, str]
) -> None:
    with Luigid(loading.folder.parent / "luigid") as luigid:
        loading.configure({"download": {"at_once": 1}})
        words = ("LoadAllMonths", "--colors", "green", "--months", "2021-01..2021-03", "--workers", "3")
        done = loading.run(*words, env=machine, scheduler=luigid.url)
    assert done.rc == 0, done.out
    assert duckdb_counts(loading, "green_tripdata") == {"2021-01": 3_000, "2021-02": 3_000, "2021-03": 3_000}
    slots = os.path.join(machine["TMPDIR"], f"taxi_luigi-{os.getuid()}", "downloads")
    assert sorted(os.listdir(slots)) == ["counting", "slot-0"], "a second slot was never needed"


def test_a_bandwidth_given_as_a_flag_is_in_force_and_an_empty_one_is_no_limit(
    loading: Project, cdn: Cdn, machine: dict[str, str]
) -> None:
    wrong = loading.run(*month(JANUARY), "--download-bandwidth", 10, env=machine)
    assert wrong.rc == 40
    assert "ERROR: [download] bandwidth is 10 bytes a second: set 1,000 or more" in wrong.out
    assert "Traceback" not in wrong.out
    assert cdn.count("GET") == 0
    for limit in ("1000000", ""):
        done = loading.run(*month(JANUARY), f"--download-bandwidth={limit}", env=machine)
        assert done.rc == 0, done.out
