"""Files that exist only whole, and the sweep of what a killed process left."""

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from taxi_luigi.core import atomic_files
from taxi_luigi.core.errors import StorageError


def test_nothing_is_seen_before_publish_and_all_of_it_after(tmp_path: Path) -> None:
    final = tmp_path / "new" / "month.parquet"
    with atomic_files.temporary(final) as part:
        part.write_bytes(b"whole")
        assert not final.exists()
        atomic_files.publish(part, final)
    assert final.read_bytes() == b"whole"
    assert list(final.parent.iterdir()) == [final]


def test_an_exception_leaves_neither_file_nor_part(tmp_path: Path) -> None:
    final = tmp_path / "month.parquet"
    final.write_bytes(b"old")

    def fail() -> None:
        with atomic_files.temporary(final) as part:
            part.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert final.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [final]


def test_a_process_that_is_about_to_end_removes_its_open_parts_alone_and_begins_no_other(tmp_path: Path) -> None:
    """By another thread than the one that writes, which waits for the end where it would begin a file."""
    final = tmp_path / "month.parquet"
    final.write_bytes(b"old")
    code = (
        "import os, sys, threading; from pathlib import Path; from taxi_luigi.core import atomic_files as files\n"
        "final = Path(sys.argv[1])\n"
        "def end():\n"
        "    files.remove_being_written()\n"
        "    threading.Timer(0.5, os._exit, (7,)).start()\n"
        "with files.temporary(final) as part:\n"
        "    part.write_bytes(b'half')\n"
        "    other = threading.Thread(target=end)\n"
        "    other.start()\n"
        "    other.join()\n"
        "    with files.temporary(final) as part:\n"
        "        part.write_bytes(b'half')\n"
        "        files.publish(part, final)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, final], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (7, "")
    assert list(tmp_path.iterdir()) == [final]
    assert final.read_bytes() == b"old"


KILLED = """
import os, sys
from pathlib import Path
from taxi_luigi.core import atomic_files as files
with files.temporary(Path(sys.argv[1]) / "month.parquet") as part:
    part.write_bytes(b"half"); print(part, flush=True); os.kill(os.getpid(), 9)
"""


def killed_writer(folder: Path) -> Path:
    """A part whose writer was killed -9."""
    done = subprocess.run([sys.executable, "-c", KILLED, folder], capture_output=True, text=True, check=False)
    assert done.returncode == -9
    return Path(done.stdout.strip())


def test_sweep_takes_the_part_of_a_dead_writer_and_leaves_that_of_a_living_one(tmp_path: Path) -> None:
    dead = killed_writer(tmp_path / "dead")
    with atomic_files.temporary(tmp_path / "alive.parquet") as alive:
        alive.write_bytes(b"half")
        assert atomic_files.sweep(tmp_path, tmp_path / "dead") == [dead]
        assert alive.exists()
    assert not dead.exists()


def test_sweep_takes_the_part_of_a_dead_writer_whose_parent_has_not_waited_for_it(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, tmp_path], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        part = Path(writer.stdout.read().strip())  # to its end, which is the writer's
        os.waitid(os.P_PID, writer.pid, os.WEXITED | os.WNOWAIT)  # until it is a zombie
        assert atomic_files.sweep(tmp_path) == [part]


def test_sweep_takes_a_part_whose_process_number_was_used_again(tmp_path: Path) -> None:
    with atomic_files.temporary(tmp_path / "month.parquet") as part:
        before, began = part.stem.rpartition("-")[::2]
        part = tmp_path / f"{before}-{int(began) - 1}.part"
        part.write_bytes(b"half")
        assert atomic_files.sweep(tmp_path) == [part]


def test_sweep_takes_a_part_of_an_older_version_whose_process_number_was_used_again(tmp_path: Path) -> None:
    with atomic_files.temporary(tmp_path / "month.parquet") as part:
        part = tmp_path / f"{part.stem.rpartition('-')[0]}.part"
        part.write_bytes(b"half")
        assert atomic_files.sweep(tmp_path) == []
        before_this_process_began = time.time() - 10**7
        os.utime(part, (before_this_process_began, before_this_process_began))
        assert atomic_files.sweep(tmp_path) == [part]


@pytest.mark.parametrize("years", [-50, 3])
def test_sweep_leaves_the_part_of_a_living_writer_whatever_the_clock_said_when_it_was_written(
    tmp_path: Path, years: int
) -> None:
    with atomic_files.temporary(tmp_path / "month.parquet") as part:
        part.write_bytes(b"half")
        os.utime(part, (time.time() + years * 365 * 86400,) * 2)
        assert atomic_files.sweep(tmp_path) == []


def test_sweep_leaves_another_hosts_part_that_is_old_by_a_clock_that_is_ahead(tmp_path: Path) -> None:
    part = tmp_path / "month.parquet.elsewhere-7-7.part"
    part.write_bytes(b"half")
    os.utime(part, (time.time() - 3 * 86400,) * 2)
    assert atomic_files.sweep(tmp_path, now=time.time() - 2.5 * 86400) == []
    with atomic_files.temporary(tmp_path / "month.parquet"):
        assert part.exists(), "a writer does not know how right the clock is"
    assert atomic_files.sweep(tmp_path, now=time.time()) == [part]


@pytest.mark.parametrize("name", [atomic_files.PARTS, "scratch"])
def test_nothing_is_written_or_removed_through_a_link_that_was_planted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(atomic_files, "SCRATCH", tmp_path / "scratch")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    theirs = elsewhere / f"x.{atomic_files._HOST}-7-7.part"
    theirs.write_bytes(b"theirs")
    (tmp_path / name).symlink_to(elsewhere)
    assert atomic_files.sweep(tmp_path, atomic_files.SCRATCH) == []
    writing = (
        atomic_files.scratch
        if name == "scratch"
        else lambda _: atomic_files.temporary(tmp_path / "a" / "month", tmp_path)
    )
    with pytest.raises(StorageError):
        writing("month")
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to(tmp_path / "nowhere")
    with pytest.raises(StorageError):
        writing("month")
    assert not (tmp_path / "nowhere").exists()
    assert list(elsewhere.iterdir()) == [theirs]


def test_a_link_in_the_place_of_a_temporary_file_is_not_followed(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"theirs")
    with atomic_files.temporary(tmp_path / "month") as part:
        planted = part
    planted.symlink_to(theirs)
    with atomic_files.temporary(tmp_path / "month") as part:
        assert part == planted
        part.write_bytes(b"half")
    assert theirs.read_bytes() == b"theirs"


@pytest.mark.parametrize(("age", "swept"), [(3600, False), (3 * 86400, True)])
def test_sweep_leaves_another_hosts_part_for_a_day(tmp_path: Path, age: float, swept: bool) -> None:
    part = tmp_path / "month.parquet.elsewhere-7.part"
    part.write_bytes(b"half")
    os.utime(part, (time.time() - age,) * 2)
    assert (atomic_files.sweep(tmp_path) == [part]) is swept


def test_sweep_leaves_what_is_not_ours(tmp_path: Path) -> None:
    theirs = tmp_path / "download.part"
    theirs.write_bytes(b"x")
    assert atomic_files.sweep(tmp_path) == []
    assert theirs.exists()


def test_a_copy_is_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"bytes")
    atomic_files.copy_into(tmp_path / "a", tmp_path / "b" / "a")
    assert (tmp_path / "b" / "a").read_bytes() == b"bytes"
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["a"]


@pytest.fixture
def other_disk() -> Iterator[Path]:
    """A folder on another disk than tmp_path: in memory."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def test_what_is_not_whole_is_in_one_hidden_folder_of_the_root_under_a_name_that_ends_otherwise(tmp_path: Path) -> None:
    """Two files of the same name, as a month's clean file and its rejects, are two."""
    finals = [tmp_path / folder / "green" / "m.parquet" for folder in ("clean", "rejected")]
    with atomic_files.temporary(finals[0], tmp_path) as clean, atomic_files.temporary(finals[1], tmp_path) as rejects:
        assert clean.parent == rejects.parent == tmp_path / atomic_files.PARTS
        assert atomic_files.PARTS.startswith(".")
        assert clean != rejects
        assert {clean.suffix, rejects.suffix} == {".part"}
        assert [list(final.parent.iterdir()) for final in finals] == [[], []]
    assert list((tmp_path / atomic_files.PARTS).iterdir()) == []


@pytest.mark.parametrize("where", ["clean/yellow", "clean", "."])
def test_no_reader_of_a_folder_meets_what_is_not_whole(tmp_path: Path, where: str) -> None:
    """polars too, where it is installed; it reads every file below a folder, so not from the store's own root."""
    whole = tmp_path / "clean" / "yellow" / "yellow_tripdata_2024-01.parquet"
    whole.parent.mkdir(parents=True)
    pq.write_table(pa.table({"a": [1, 2]}), whole)
    folder = str(tmp_path / where)
    with atomic_files.temporary(whole.with_name("yellow_tripdata_2024-02.parquet"), tmp_path) as part:
        part.write_bytes(b"PAR1 and no end")
        assert pyarrow.dataset.dataset(folder).count_rows() == 2
        assert pq.read_table(folder).num_rows == 2
        assert len(pd.read_parquet(folder)) == 2
        below = "*" if where == "clean/yellow" else "**/*.parquet"
        for pattern in ("**/*.parquet", below):
            with duckdb.connect() as connection:
                found = connection.execute("SELECT count(*) FROM read_parquet(?)", [f"{folder}/{pattern}"]).fetchone()
            assert found == (2,)
        if importlib.util.find_spec("polars") and where != ".":
            polars = importlib.import_module("polars")
            assert polars.scan_parquet(folder).collect().height == 2
            assert polars.scan_parquet(f"{folder}/**/*.parquet").collect().height == 2


def test_a_part_of_a_store_that_is_a_link_to_another_disk_has_a_hidden_folder_there(
    tmp_path: Path, other_disk: Path
) -> None:
    (tmp_path / "raw").symlink_to(other_disk)
    for folder, parts in (("raw", other_disk / atomic_files.PARTS), ("clean", tmp_path / atomic_files.PARTS)):
        final = tmp_path / folder / "green" / "month.parquet"
        with atomic_files.temporary(final, tmp_path) as part:
            assert part.parent.resolve() == parts
            part.write_bytes(b"whole")
            atomic_files.publish(part, final)
        assert final.read_bytes() == b"whole"


def test_a_hidden_folder_that_cannot_be_made_is_one_line_that_names_it(tmp_path: Path, other_disk: Path) -> None:
    hidden = tmp_path / atomic_files.PARTS

    def line() -> str:
        with pytest.raises(StorageError) as failed:
            atomic_files.temporary(tmp_path / "green" / "month.parquet", tmp_path)
        assert "\n" not in str(failed.value)
        return str(failed.value)

    hidden.write_text("a file")
    assert line().startswith(
        f"cannot make the folder {hidden}, in which files are kept until they are whole: File exists"
    )
    hidden.unlink()
    hidden.symlink_to(other_disk)
    assert line().endswith("it is a link; remove it")


def test_the_next_writer_to_a_store_sweeps_what_a_dead_one_left_there(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from taxi_luigi.core import atomic_files as files\n"
        "root = Path(sys.argv[1])\n"
        "with files.temporary(root / 'green' / 'month.parquet', root) as part:\n"
        "    part.write_bytes(b'half'); print(part, flush=True); os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False)
    dead = Path(done.stdout.strip())
    assert dead.parent == tmp_path / atomic_files.PARTS
    assert dead.exists()
    with atomic_files.temporary(tmp_path / "yellow" / "month.parquet", tmp_path):
        assert not dead.exists()


def test_sweep_looks_into_no_folder_that_it_is_not_given(tmp_path: Path) -> None:
    """A workspace may have 100,000 files below it, and a run with nothing to do is to take no time."""
    below = killed_writer(tmp_path / "a" / "b")
    assert atomic_files.sweep(tmp_path, tmp_path / "missing", below) == []
    assert below.exists()


def test_sweep_takes_the_log_that_duckdb_keeps_beside_a_file(tmp_path: Path) -> None:
    part = killed_writer(tmp_path)
    log = part.with_name(f"{part.name}.wal")
    log.write_bytes(b"half")
    assert set(atomic_files.sweep(tmp_path)) == {part, log}


def test_locks_of_runs_that_are_over_are_swept_and_no_others(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    contents = {
        "over.pid": f"{ended.pid}\n",
        "at work.pid": f"{ended.pid}\n{os.getpid()}\n",
        "begun.pid": "",
        "x.pid": "x",
    }
    for name, text in contents.items():
        (tmp_path / name).write_text(text)
    atomic_files.sweep_pid_files(tmp_path)
    atomic_files.sweep_pid_files(tmp_path / "not made")
    assert {path.name for path in tmp_path.iterdir()} == contents.keys() - {"over.pid"}
