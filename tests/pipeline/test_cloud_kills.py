"""Runs of `luigi` over stand-ins for clouds that are killed, or whose job fails or stays: the same command ends them.

What may happen to each single request is in tests/contract/test_fault_sweep.py.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from taxi_luigi.sample import write_samples
from taxi_luigi.tlc.months import Month
from taxi_luigi.warehouses import MARKERS
from tests.pipeline.conftest import ROWS, duckdb_counts
from tests.support.azure import AzureServer, lake_section
from tests.support.between import Asked, Between, Fault
from tests.support.bigquery import PROJECT, BigQueryServer
from tests.support.bigquery_shim import JobError
from tests.support.cdn import Cdn
from tests.support.gcs import GcsServer
from tests.support.project import Project, Run
from tests.support.sweep import kind

COMMAND = ("LoadAllMonths", "--colors", "green", "--months", "2021-01")
NAME = "data/green/green_tripdata_2021-01.parquet"


def kill(project: Project, temporary: str, between: Between, at: str, number: int, passes: bool = True) -> None:
    """Runs the command and kills all of it at a request, before that reaches the server, which it does or not."""
    seen: list[Asked] = []

    def rule(asked: Asked) -> Fault | None:
        if len(seen) < number and kind(asked).startswith(at):
            seen.append(asked)
            if len(seen) == number:
                _kill_all(project)
                return None if passes else Fault.RESET
        return None

    between.rule = rule
    process = project.start(*COMMAND, env={"TMPDIR": temporary})
    out, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, out
    assert len(seen) == number
    between.settle()
    between.rule = lambda _asked: None


def _kill_all(project: Project) -> None:
    # Again, for one that was born between the list and the kill. Nobody is waited for: that is communicate's
    while running := project.processes():
        for each in running:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        time.sleep(0.01)


class Google:
    """A project whose lake and warehouse are Google's, each with a proxy before it."""

    def __init__(
        self,
        project: Project,
        lake: Between,
        warehouse: Between,
        gcs: GcsServer,
        server: BigQueryServer,
        temporary: str,
    ) -> None:
        self.project, self.lake, self.warehouse, self.gcs, self.server = project, lake, warehouse, gcs, server
        self._temporary = temporary
        self.bucket = gcs.fresh_bucket()
        self.dataset = server.fresh_dataset(location=gcs.bucket(self.bucket).client.get_bucket(self.bucket).location)
        self.swaps = 0
        """how often rows were put into a partition"""
        server.shim.before_swap = self._swapped
        project.configure(
            {
                "taxi": {"lake": "gcs", "warehouse": "bigquery"},
                "lake.gcs": {"bucket": self.bucket, "endpoint": lake.endpoint, "chunk_size": 1},
                "warehouse.bigquery": {"project": PROJECT, "dataset": self.dataset, "endpoint": warehouse.endpoint},
            }
        )

    def run(self) -> Run:
        """The command, to its end."""
        return self.project.run(*COMMAND, env={"TMPDIR": self._temporary})

    def kill(self, between: Between, at: str, number: int = 1, passes: bool = True) -> None:
        """Runs the command and kills all of it at a request, before that reaches the server, which it does or not."""
        kill(self.project, self._temporary, between, at, number, passes)

    def objects(self) -> list[str]:
        """What is in the bucket."""
        return [blob.name for blob in self.gcs.client.list_blobs(self.bucket)]

    def marks(self) -> list[tuple[int, int]]:
        """Rows and number of each marker that there is."""
        return self.server.query(self.dataset, f"SELECT rows, sequence FROM {MARKERS}")

    def check(self, done: Run, rows: int = ROWS) -> None:
        """The month is there once, wherever it is to be, and nothing is left over."""
        assert done.rc == 0, done.out
        assert "Traceback" not in done.out
        assert self.objects() == [NAME]
        assert self.server.query(self.dataset, "SELECT count(*) FROM green_tripdata") == [(rows,)]
        assert self.marks() == [(rows, 1)]
        assert self.swaps == 1
        assert self.project.leftovers() == []

    def _swapped(self) -> None:
        self.swaps += 1


Make = Callable[[Project], Google]


@pytest.fixture
def make(fake_gcs: GcsServer, bigquery: BigQueryServer) -> Iterator[Make]:
    """Gives a project its clouds, and a folder for temporary files with a short name: sockets' take 107 letters."""
    with Between(fake_gcs) as lake, Between(bigquery) as warehouse, TemporaryDirectory(prefix="kills-") as temporary:
        yield lambda project: Google(project, lake, warehouse, fake_gcs, bigquery, temporary)


@pytest.fixture
def google(make: Make, loading: Project) -> Google:
    return make(loading)


def check_one_line(done: Run, *says: str) -> None:
    """The month failed, and one line tells it."""
    assert done.rc == 30, done.out
    assert "Traceback" not in done.out
    [line] = [line for line in done.out.splitlines() if "green 2021-01 failed: " in line]
    for each in says:
        assert each in line


def test_killed_in_the_middle_of_an_upload(make: Make, project: Project, tmp_path: Path) -> None:
    rows = 600_000
    write_samples(tmp_path / "samples", ("green",), [Month(2021, 1)], rows, seed=1)
    with Cdn(tmp_path / "samples") as cdn:
        project.configure({"taxi": {"source": cdn.template}})
        google = make(project)
        google.kill(google.lake, "send the bytes from", number=4)
        assert google.objects() == []
        google.check(google.run(), rows)
        assert cdn.count("GET") == 1


@pytest.mark.parametrize("at", ["send a block", "commit the blocks"])
def test_killed_in_the_middle_of_an_upload_to_azure(
    project: Project, azurite: AzureServer, azure_between: Between, tmp_path: Path, at: str
) -> None:
    rows = 150_000  # of 2.4 MB when clean
    write_samples(tmp_path / "samples", ("green",), [Month(2021, 1)], rows, seed=1)
    container = azurite.fresh_container()
    section = lake_section(azure_between, container) | {"chunk_size": "1"}
    with Cdn(tmp_path / "samples") as cdn, TemporaryDirectory(prefix="kills-") as temporary:
        project.configure({"taxi": {"source": cdn.template, "lake": "azure"}, "lake.azure": section})
        kill(project, temporary, azure_between, at, number=1)
        killed = [blob.name for blob in azurite.container(container).list_blobs()]
        done = project.run(*COMMAND, env={"TMPDIR": temporary})
    assert killed == ([] if at == "send a block" else [NAME])
    assert done.rc == 0, done.out
    assert [blob.name for blob in azurite.container(container).list_blobs()] == [NAME]
    assert duckdb_counts(project, "green_tripdata") == {"2021-01": rows}
    assert project.leftovers() == []


def test_killed_while_the_load_job_runs_the_next_run_waits_for_that_job(google: Google) -> None:
    shim = google.server.shim
    with shim.holding():
        google.kill(google.warehouse, "begin the job of the rows")
        assert google.objects() == [NAME]
    begun = google.warehouse.asked.copy()
    google.check(google.run())
    later = [kind(asked) for asked in google.warehouse.asked[len(begun) :]]
    assert "look at the job of the rows" in later
    assert google.swaps == 1


@pytest.mark.parametrize("reached", [False, True], ids=["not marked", "marked"])
def test_killed_between_the_load_job_and_the_end(google: Google, reached: bool) -> None:
    google.kill(google.warehouse, "begin the job of the marker", passes=reached)
    google.server.shim.wait_for_jobs()
    assert len(google.marks()) == reached
    assert google.swaps == 1
    done = google.run()
    google.check(done)
    assert ("1 already there" in done.out) == reached


def test_a_job_that_fails_is_one_line_and_the_next_run_begins_another(google: Google) -> None:
    google.server.shim.job_errors.append(JobError("invalid", "Error while reading data", ["row group 7 is damaged"]))
    check_one_line(google.run(), "LoadMonth bigquery", "Error while reading data | row group 7 is damaged")
    assert google.marks() == []
    google.check(google.run())


def test_a_job_that_stays_is_one_line_and_the_next_run_attaches_to_it(google: Google) -> None:
    google.project.configure({"warehouse.bigquery": {"wait": 1}})
    with google.server.shim.holding():
        check_one_line(google.run(), "LoadMonth bigquery", "is still RUNNING after 1 s", "run the same command again")
    google.check(google.run())
