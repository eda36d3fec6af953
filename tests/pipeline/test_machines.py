"""Several machines, one luigid: they share the months of a run over a workspace in a bucket.

Each machine is a project folder of its own with nothing in it but luigi.cfg: what they have in common is the bucket,
the warehouse and luigid, as in the cloud.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest

from taxi_luigi.sample import write_samples
from taxi_luigi.tlc.months import Month, month_range
from tests.support.cdn import Cdn, Status
from tests.support.gcs import GcsServer
from tests.support.luigid import Luigid
from tests.support.project import Project, Sections

MONTHS = [str(month) for month in month_range(Month(2021, 1), Month(2021, 12))]
ROWS = 2_000
COMMAND = ("LoadAllMonths", "--colors", "green", "--months", "2021")
PATIENT = {"worker": {"keep_alive": "true", "max_keep_alive_idle_duration": "120", "wait_interval": "0.2"}}
"""a machine waits while another one works on what it needs, and for a machine that is gone to be noticed"""


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """green, the twelve months of 2021."""
    folder = tmp_path_factory.mktemp("year")
    write_samples(folder, ("green",), month_range(Month(2021, 1), Month(2021, 12)), ROWS, seed=1)
    return folder


@pytest.fixture
def cdn(year: Path) -> Iterator[Cdn]:
    """The year, published."""
    with Cdn(year) as server:
        yield server


@pytest.fixture
def shared(cdn: Cdn, fake_gcs: GcsServer, postgres_url: str) -> Sections:
    """What all machines have in their luigi.cfg."""
    bucket = fake_gcs.fresh_bucket()
    return {
        "taxi": {
            "source": cdn.template,
            "workspace": f"gs://{bucket}/work",
            "lake": "gcs",
            "warehouse": "postgres",
        },
        "lake.gcs": {"bucket": bucket, "endpoint": fake_gcs.endpoint},
        "warehouse.postgres": {"url": postgres_url},
        "core": {"log_level": "DEBUG"},  # a line for each task
        **PATIENT,
    }


@pytest.fixture
def machines(tmp_path: Path, shared: Sections) -> Iterator[list[Project]]:
    """Three of them."""
    projects = [Project(tmp_path / f"machine{number}", shared) for number in range(3)]
    yield projects
    for project in projects:
        project.end()


@pytest.fixture
def luigid(tmp_path: Path) -> Iterator[Luigid]:
    """The one that they share."""
    with Luigid(tmp_path / "luigid") as server:
        yield server


def loaded(url: str) -> dict[str, int]:
    """Rows per month in PostgreSQL, counted."""
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_char(file_month, 'YYYY-MM'), count(*) FROM green_tripdata GROUP BY 1")
        return dict(cursor.fetchall())


def done(said: str, verb: str) -> list[str]:
    """The months of which a machine said that it did something to them."""
    return re.findall(rf"{verb} green (\d{{4}}-\d{{2}}):", said)


def finish(processes: list[subprocess.Popen[str]]) -> list[str]:
    """Everything that the machines wrote; all of them must have ended well."""
    said = [process.communicate(timeout=240)[0] for process in processes]
    for process, text in zip(processes, said, strict=True):
        assert process.returncode == 0, text
    return said


def test_three_machines_share_a_year_and_do_each_month_once(
    machines: list[Project], luigid: Luigid, cdn: Cdn, postgres_url: str
) -> None:
    said = finish([machine.start(*COMMAND, "--workers", "2", scheduler=luigid.url) for machine in machines])
    assert loaded(postgres_url) == dict.fromkeys(MONTHS, ROWS)
    gets = Counter(request.name for request in cdn.log if request.method == "GET")
    assert gets == dict.fromkeys([f"green_tripdata_{month}.parquet" for month in MONTHS], 1)
    for verb in ("Downloaded", "Cleaned", "Uploaded", "Loaded"):
        assert Counter(month for text in said for month in done(text, verb)) == Counter(MONTHS)
    busy = [machine for machine, text in zip(machines, said, strict=True) if done(text, "Cleaned")]
    assert len(busy) > 1, "one machine did it all"
    for machine in machines:
        assert sorted(path.name for path in machine.folder.rglob("*") if path.suffix in (".parquet", ".json")) == []


def test_one_of_three_is_killed_in_the_middle_and_the_others_finish(
    machines: list[Project], luigid: Luigid, cdn: Cdn, postgres_url: str
) -> None:
    """luigid takes a silent machine for dead after 15 s, and looks once a minute: that is what the others wait for."""
    cdn.pause = 0.1
    processes = [machine.start(*COMMAND, "--workers", "2", scheduler=luigid.url) for machine in machines]
    victim, *others = processes
    said = read_until(victim, lambda text: len(done(text, "Loaded")) >= 1)
    os.killpg(victim.pid, signal.SIGKILL)
    said = [said + victim.communicate()[0], *finish(others)]
    assert loaded(postgres_url) == dict.fromkeys(MONTHS, ROWS)
    loads = Counter(month for text in said for month in done(text, "Loaded"))
    # What was committed before the kill may not have been said; nothing was said twice.
    assert set(loads.values()) == {1}
    assert len(loads) >= len(MONTHS) - 2
    for verb in ("Downloaded", "Cleaned", "Uploaded"):
        again = [
            month for month, times in Counter(month for text in said for month in done(text, verb)).items() if times > 1
        ]
        assert again == [], f"{verb} again"
    assert "loaded by other workers" in "".join(said[1:])


def test_machines_that_wait_for_each_other_end_when_only_what_failed_is_left(
    machines: list[Project], luigid: Luigid, cdn: Cdn, postgres_url: str
) -> None:
    """As a person starts them, with --worker-keep-alive; Luigi's own worker would wait for a day."""
    failing, missing = "green_tripdata_2021-03.parquet", "green_tripdata_2021-05.parquet"
    cdn.fault(failing, *[Status(503)] * 99)
    for method in ("HEAD", "GET"):
        cdn.fault(missing, *[Status(404)] * 99, method=method)
    command = ("LoadAllMonths", "--colors", "green", "--months", "2021-01..2021-05", "--worker-keep-alive")
    for machine in machines[:2]:
        machine.configure(
            {
                "worker": {"keep_alive": "false", "max_keep_alive_idle_duration": "0"},
                "download": {"attempts": 2, "backoff": 0.05},
            }
        )
    processes = [machine.start(*command, scheduler=luigid.url) for machine in machines[:2]]
    said = [process.communicate(timeout=120)[0] for process in processes]
    assert loaded(postgres_url) == dict.fromkeys(["2021-01", "2021-02", "2021-04"], ROWS)
    assert 30 in [process.returncode for process in processes], said
    assert all(process.returncode in (20, 25, 30) for process in processes), said
    assert "Traceback" not in "".join(said)


def test_assistants_do_work_of_one_that_schedules(machines: list[Project], luigid: Luigid, postgres_url: str) -> None:
    scheduling, *helping = machines
    assistants = [
        machine.start("Idle", "--assistant", "--no-lock", "--workers", "2", scheduler=luigid.url) for machine in helping
    ]
    [said] = finish([scheduling.start(*COMMAND, scheduler=luigid.url)])
    assert loaded(postgres_url) == dict.fromkeys(MONTHS, ROWS)
    for assistant in assistants:
        assistant.send_signal(signal.SIGTERM)
    helped = [assistant.communicate(timeout=60)[0] for assistant in assistants]
    assert Counter(month for text in [said, *helped] for month in done(text, "Loaded")) == Counter(MONTHS)
    assert [assistant.returncode for assistant in assistants] == [128 + signal.SIGTERM] * 2


def test_a_new_machine_beside_a_full_lake_downloads_nothing(
    tmp_path: Path, shared: Sections, cdn: Cdn, postgres_url: str
) -> None:
    """Its workspace is its own empty folder; the months come from the bucket."""
    first = Project(tmp_path / "first", shared)
    first.configure({"taxi": {"warehouse": ""}})
    months = ("LoadAllMonths", "--colors", "green", "--months", "2021-01..2021-03")
    assert first.run(*months).rc == 0
    asked = len(cdn.log)
    second = Project(tmp_path / "second", shared)
    second.configure({"taxi": {"workspace": second.workspace}})
    done = second.run(*months)
    assert done.rc == 0, done.out
    assert loaded(postgres_url) == dict.fromkeys(MONTHS[:3], ROWS)
    assert len(cdn.log) == asked
    assert not list(second.folder.rglob("*.parquet"))


def read_until(process: subprocess.Popen[str], enough: Callable[[str], bool]) -> str:
    """What a running command wrote until it was enough."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if enough(said):
            return said
    raise AssertionError(f"ended before: {said}")
