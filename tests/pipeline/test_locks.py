"""Luigi's lock: what runs once at a time, and the folder in which that is known."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.pipeline.conftest import ROWS, duckdb_counts
from tests.support.cdn import Cdn, Stall
from tests.support.project import Project, Run

MONTHS = ("LoadAllMonths", "--colors", "green", "--months", "2021-02")
FEBRUARY = "green_tripdata_2021-02.parquet"


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files, whose path may not be as long as pytest's are."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


@pytest.fixture
def usual(tmp_path: Path, cdn: Cdn, temporary: Path) -> Iterator[Project]:
    """A project whose locks lie where they do by default."""
    project = Project(tmp_path / "project")
    project.configure({"taxi": {"source": cdn.template}, "download": {"backoff": 0.05, "read_timeout": 4}})
    path = project.folder / "luigi.cfg"
    path.write_text(re.sub(r"\[core\]\nlock_pid_dir = .*\n", "", path.read_text()))
    assert "lock_pid_dir" not in path.read_text()
    yield project
    project.end()


def at_work(project: Project, cdn: Cdn, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """A run that loads February and has 20,000 bytes of it, until the source goes on."""
    cdn.fault(FEBRUARY, Stall(20_000))
    process = project.start(*MONTHS, env=env)
    cdn.wait(lambda: cdn.sent(FEBRUARY) >= 20_000)
    return process


def elsewhere(tmp_path: Path, name: str) -> str:
    """A file of settings with a workspace and a warehouse of its own."""
    folder, path = tmp_path / name, tmp_path / f"{name}.cfg"
    path.write_text(
        f"[taxi]\nworkspace = {folder}\nstate = {folder}/state\n[warehouse.duckdb]\npath = {folder}/warehouse.duckdb\n"
    )
    return str(path)


def locks(temporary: Path) -> list[Path]:
    return sorted(temporary.glob(f"taxi_luigi-{os.getuid()}-locks-*"))


def test_the_same_words_with_other_settings_run_at_the_same_time(
    usual: Project, cdn: Cdn, tmp_path: Path, temporary: Path
) -> None:
    first = at_work(usual, cdn, {"LUIGI_CONFIG_PATH": elsewhere(tmp_path, "a")})
    second = usual.run(*MONTHS, env={"LUIGI_CONFIG_PATH": elsewhere(tmp_path, "b")})
    assert second.rc == 0, second.out
    assert first.poll() is None
    out, _ = first.communicate(timeout=60)
    assert first.returncode == 0, out
    for name in ("a", "b"):
        usual.warehouse = tmp_path / name / "warehouse.duckdb"
        assert duckdb_counts(usual, "green_tripdata") == {"2021-02": ROWS}
    assert [oct(folder.stat().st_mode & 0o777) for folder in locks(temporary)] == ["0o700", "0o700"]


@pytest.mark.parametrize(
    "what", ["a variable in a file", "a variable of libpq's", "the project folder", "an array's index"]
)
def test_whatever_changes_the_settings_makes_it_another_run(
    usual: Project, cdn: Cdn, tmp_path: Path, temporary: Path, what: str
) -> None:
    usual.run("Idle", env={"PLACE": str(usual.workspace)})
    [before] = locks(temporary)
    (tmp_path / "other").mkdir()
    env = {
        "a variable in a file": {"PLACE": str(tmp_path / "other")},
        "a variable of libpq's": {"PGDATABASE": "other", "PLACE": str(usual.workspace)},
        "an array's index": {"SLURM_ARRAY_TASK_ID": "3", "PLACE": str(usual.workspace)},
        "the project folder": {"TAXI_LUIGI_HOME": str(tmp_path / "other"), "PLACE": str(usual.workspace)},
    }
    path = usual.folder / "luigi.cfg"
    path.write_text(path.read_text().replace(f"workspace = {usual.workspace}", "workspace = ${PLACE}"))
    assert usual.run("Idle", env={"PLACE": str(usual.workspace)}).rc == 0
    [same] = set(locks(temporary)) - {before}
    assert usual.run("Idle", env={"PLACE": str(usual.workspace)}).rc == 0
    assert set(locks(temporary)) == {before, same}
    assert usual.run("Idle", env=env[what]).rc == 0
    assert len(locks(temporary)) == 3


def test_the_same_words_with_the_same_settings_end_with_10_and_name_what_runs(usual: Project, cdn: Cdn) -> None:
    first = at_work(usual, cdn)
    second = usual.run(*MONTHS)
    assert second.rc == 10
    assert re.fullmatch(
        r"ERROR: LoadAllMonths --colors green --months 2021-02 --local-scheduler: the same command is running already, "
        rf"since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d \(process {first.pid}\)\n",
        second.out,
    ), second.out
    assert first.communicate(timeout=60)[0]
    assert first.returncode == 0
    assert usual.run(*MONTHS).rc == 0


def test_importing_and_questions_make_no_folder(usual: Project, temporary: Path) -> None:
    assert usual.command("python", "-c", "import taxi_luigi").rc == 0
    deps = usual.command("luigi-deps-tree", "--module", "taxi_luigi", "LoadAllMonths", "--months", "2021-01")
    assert deps.rc == 0, deps.out
    assert usual.command("taxi-luigi", "settings").rc == 0
    assert list(temporary.iterdir()) == []


def test_a_link_that_was_there_first_is_not_followed(usual: Project, temporary: Path, tmp_path: Path) -> None:
    assert usual.run("Idle").rc == 0
    [folder] = locks(temporary)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    (tmp_path / "planted").mkdir()
    folder.symlink_to(tmp_path / "planted")
    says = f"[core] lock_pid_dir: {folder} belongs to another user: remove it, or set another folder"
    assert usual.run("Idle") == Run(40, f"ERROR: {says}\n")
    assert list((tmp_path / "planted").iterdir()) == []


def test_a_folder_of_ones_own_is_made_with_those_above_it(usual: Project) -> None:
    folder = usual.folder / "some" / "where" / "locks"
    usual.configure({"core": {"lock_pid_dir": folder}})
    assert usual.run("Idle").rc == 0
    assert len(list(folder.iterdir())) == 1


def test_a_build_within_a_task_is_not_taken_for_another_run_of_its_command(usual: Project) -> None:
    (usual.folder / "nested.py").write_text(
        "import luigi, taxi_luigi\n"
        "class Outer(luigi.Task):\n"
        "    def run(self):\n"
        "        assert luigi.build([taxi_luigi.Idle()], local_scheduler=True, no_lock=True)\n"
        "        self.done = True\n"
        "    def complete(self):\n"
        "        return getattr(self, 'done', False)\n"
    )
    usual.configure({"worker": {"force_multiprocessing": "false"}})
    done = usual.command(
        "luigi", "--module", "nested", "Outer", "--local-scheduler", env={"PYTHONPATH": str(usual.folder)}
    )
    assert done.rc == 0, done.out
