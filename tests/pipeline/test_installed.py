"""What pip makes of the project, installed without its checkout and started in an empty folder."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import duckdb
import pytest

from tests.pipeline.conftest import ROWS
from tests.support.luigid import Luigid, free_port
from tests.support.project import ROOT, Run, environment

SOURCES = ("setup.cfg", "pyproject.toml", "README.md", "taxi_luigi")
BUILD = "from setuptools import build_meta as b; print(getattr(b, 'build_' + __import__('sys').argv[1])('dist'))"


def made(folder: Path) -> Path:
    """The sdist, built of a copy, with the build backend in a fresh environment; a wheel of the copy holds the same."""
    for part in SOURCES:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, folder / part)
    python = fresh(folder / "builder", "setuptools>=77")
    for kind in ("sdist", "wheel"):
        built = run((python, "-c", BUILD, kind), folder)
        assert built.rc == 0, built.out
    [wheel], [sdist] = ((folder / "dist").glob(f"*.{ending}") for ending in ("whl", "tar.gz"))
    with zipfile.ZipFile(wheel) as archive, tarfile.open(sdist) as other:
        packed = {name for name in archive.namelist() if name.startswith("taxi_luigi/")}
        sources = {name.partition("/")[2] for name in other.getnames() if other.getmember(name).isfile()}
    assert packed == {name for name in sources if name.startswith("taxi_luigi/")}
    return sdist


def fresh(folder: Path, *packages: str) -> Path:
    """The interpreter of a new environment with some packages, without what these need."""
    run((sys.executable, "-m", "venv", folder), folder.parent)
    python = folder / "bin" / "python"
    done = run((python, "-m", "pip", "install", "--quiet", "--no-deps", *packages), folder)
    assert done.rc == 0, done.out
    return python


def run(command: Sequence[str | Path], folder: Path, env: Mapping[str, str] | None = None) -> Run:
    """A command to its end, without a developer's settings."""
    done = subprocess.run(
        command, cwd=folder, env=environment(env), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=280,
    )  # fmt: skip
    return Run(done.returncode, done.stdout)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment with taxi_luigi and Luigi; what these need comes from this environment.

    It is installed from the sdist, of which pip makes a wheel.

    A folder that a .pth file names is searched last, and its own .pth files, one of which is our editable install's,
    are not looked at.
    """
    folder = tmp_path_factory.mktemp("built")
    package = made(folder)
    bin = fresh(folder / "installed", str(package), f"luigi=={version('luigi')}").parent
    [site] = (folder / "installed" / "lib").glob("python3.*/site-packages")
    (site / "this.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return bin


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


@pytest.fixture(params=["local", "luigid", "plain"])
def scheduler(request: pytest.FixtureRequest, installed: Path, empty: Path, tmp_path: Path) -> Iterator[Sequence[str]]:
    """Luigi's arguments for a scheduler in the run itself, a luigid of ours, and one that knows nothing of us."""
    if request.param == "local":
        yield ("--local-scheduler",)
    elif request.param == "plain":
        with Luigid(tmp_path / "luigid", started_in=tmp_path, program=installed / "luigid") as luigid:
            yield ("--scheduler-url", luigid.url)
    else:
        port = str(free_port())
        started = run((installed / "taxi-luigi", "luigid", "start", "--port", port), empty)
        assert started == Run(0, f"luigid is running: http://127.0.0.1:{port}\n")
        yield ("--scheduler-port", port)
        assert run((installed / "taxi-luigi", "luigid", "stop"), empty) == Run(0, "luigid has ended\n")


def load(installed: Path, folder: Path, source: Path, *words: str) -> Run:
    """`luigi --module taxi_luigi LoadAllMonths` for green months of a folder, with three workers."""
    places = (
        f"--taxi-source={source}/{{color}}_tripdata_{{year}}-{{month:02}}.parquet",
        f"--taxi-zones={source}/taxi_zone_lookup.csv",
    )
    command = (installed / "luigi", "--module", "taxi_luigi", "LoadAllMonths", *words, *places, "--workers", "3")
    return run(command, folder)


def test_it_is_the_installed_package_that_is_tried(installed: Path, empty: Path) -> None:
    found = run((installed / "python", "-c", "import taxi_luigi; print(taxi_luigi.__file__)"), empty)
    assert found.out.startswith(str(installed.parent)), found.out


def test_months_that_load_fail_are_missing_or_wrong_end_with_0_30_20_and_40(
    installed: Path, empty: Path, samples: Path, scheduler: Sequence[str], tmp_path: Path
) -> None:
    """One after the other, as a person tries them, below the folder where they are started."""
    green = ("--colors", "green", *scheduler)
    good = load(installed, empty, samples, *green, "--months", "2021-01,2021-02")
    assert good.rc == 0, good.out
    assert "DEBUG" not in good.out
    with duckdb.connect(str(empty / "data" / "warehouse.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM green_tripdata").fetchone() == (2 * ROWS,)
    assert os.listdir(empty) == ["data"]

    (tmp_path / "green_tripdata_2021-03.parquet").write_bytes(b"no parquet")
    (tmp_path / "taxi_zone_lookup.csv").write_text("LocationID,Borough,Zone,service_zone\n1,EWR,Newark Airport,EWR\n")
    failed = load(installed, empty, tmp_path, *green, "--months", "2021-03")
    assert failed.rc == 30, failed.out

    unpublished = load(installed, empty, samples, *green, "--months", "2021-09")
    assert unpublished.rc == 20, unpublished.out

    purple = load(installed, empty, samples, "--colors", "purple", *scheduler)
    assert purple == Run(40, "ERROR: color must be one of yellow, green, fhv, fhvhv, not 'purple'\n")


def test_nothing_is_left_of_a_color_that_is_none(installed: Path, empty: Path) -> None:
    command = (
        installed / "luigi",
        "--module",
        "taxi_luigi",
        "LoadAllMonths",
        "--colors",
        "purple",
        "--local-scheduler",
    )
    assert run(command, empty).rc == 40
    assert list(empty.iterdir()) == []


def test_its_first_steps_are_one_command(installed: Path, empty: Path, samples: Path) -> None:
    """Whose last lines are commands that are there. Its months are there already, shorter ones than it makes."""
    shutil.copytree(samples, empty / "data" / "sample")
    (empty / "luigi.cfg").write_text(f"[core]\nscheduler_port = {free_port()}\n")
    done = run((installed / "taxi-luigi", "quickstart"), empty)
    assert done.rc == 0, done.out
    with duckdb.connect(str(empty / "data" / "quickstart" / "warehouse.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM green_tripdata").fetchone() == (3 * ROWS,)
    [stop] = re.findall(r"which luigid serves; (.*) ends it\.$", done.out, re.M)
    assert run(shlex.split(stop), empty) == Run(0, "luigid has ended\n")
    [load] = re.findall(r"^    (.* LoadAllMonths) --colors green --months 2024-01", done.out, re.M)
    assert run((*shlex.split(load), "--colors", "purple"), empty).rc == 40


def test_it_prints_its_version(installed: Path, empty: Path) -> None:
    wanted = version("taxi_luigi")
    assert run((installed / "taxi-luigi", "--version"), empty) == Run(0, f"taxi_luigi {wanted}\n")
    asked = run((installed / "python", "-c", "import taxi_luigi; print(taxi_luigi.__version__)"), empty)
    assert asked == Run(0, f"{wanted}\n")


def green(source: Path) -> tuple[str, ...]:
    """cron-run's words, whose last one wants a month."""
    places = (
        f"--taxi-source={source}/{{color}}_tripdata_{{year}}-{{month:02}}.parquet",
        f"--taxi-zones={source}/taxi_zone_lookup.csv",
    )
    return ("--", "LoadAllMonths", "--local-scheduler", *places, "--colors", "green", "--months")


def test_cron_run_works_in_the_folder_where_it_is_started(installed: Path, empty: Path, samples: Path) -> None:
    command = (installed / "taxi-luigi", "cron-run", "--keep-logs", "3", *green(samples))
    assert run((*command, "2021-01"), empty) == Run(0, "")
    assert os.listdir(empty) == ["data"]
    [log] = (empty / "data" / "logs").iterdir()
    assert "green: 1 month loaded" in log.read_text()
    assert run((*command, "2021-09"), empty) == Run(0, "")
    failed = run((*command, "2021-13"), empty)
    assert failed.rc == 40
    assert failed.out.endswith("ERROR: month must look like 2024-01, not '2021-13'\n")


def test_cron_run_reads_the_environment_file_before_the_settings(
    installed: Path, empty: Path, samples: Path, tmp_path: Path
) -> None:
    """With a setting of Luigi's own that needs a variable, in a project folder that is named, from another folder."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "luigi.cfg").write_text("[core]\nlog_level = ${LEVEL}\nlocal_scheduler = ${WHETHER}\n")
    (project / "the.env").write_text("LEVEL=INFO\nWHETHER=true\n")
    (project / "the.env").chmod(0o600)
    words = [word for word in green(samples) if word != "--local-scheduler"]
    command = (installed / "taxi-luigi", "cron-run", "--env-file", "the.env", *words, "2021-01")
    assert run(command, empty, {"TAXI_LUIGI_HOME": str(project)}) == Run(0, "")
    assert list(empty.iterdir()) == []
    assert (project / "data" / "warehouse.duckdb").is_file()


def test_cron_run_has_its_own_help_and_its_own_wrong_words(installed: Path, empty: Path) -> None:
    assert run((installed / "taxi-luigi", "cron-run", "--help"), empty).out.startswith("usage: cron-run [-h] ")
    wrong = run((installed / "taxi-luigi", "cron-run", "--wait", "long"), empty)
    assert wrong.rc == 2
    assert wrong.out.endswith("cron-run: error: argument --wait: a number of minutes, 0 or more\n")


def test_what_schedule_writes_runs_without_a_checkout(
    installed: Path, empty: Path, samples: Path, tmp_path: Path
) -> None:
    """By a shell as cron's, in another folder and with few variables; a file stands for the crontab."""
    tab, crontab = tmp_path / "tab", tmp_path / "bin" / "crontab"
    tab.touch()
    crontab.parent.mkdir()
    crontab.write_text(f'#!/bin/sh\n[ "$1" = -l ] && cat "{tab}" || cat >"{tab}"\n')
    crontab.chmod(0o755)
    (empty / "luigi.cfg").write_text(f"[warehouse.duckdb]\npath = {tmp_path}/mine.duckdb\n")
    added = run(
        (installed / "taxi-luigi", "schedule", "0 6 * * *", *green(samples), "2021-01"), empty,
        {"PATH": f"{crontab.parent}:/usr/bin:/bin"},
    )  # fmt: skip
    assert added.rc == 0, added.out
    line = tab.read_text()
    assert line.startswith(f"0 6 * * * env TAXI_LUIGI_HOME={empty} {installed}/taxi-luigi cron-run -- LoadAllMonths ")
    done = subprocess.run(
        ["sh", "-c", line.removeprefix("0 6 * * * ")], cwd="/", env={"HOME": "/nowhere", "PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")
    assert (tmp_path / "mine.duckdb").is_file()
    assert sorted(os.listdir(empty)) == ["data", "luigi.cfg"]
