"""Files that exist only whole, and the sweep of what a killed process left."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from taxi_luigi import files


def test_nothing_is_seen_before_publish_and_all_of_it_after(tmp_path: Path) -> None:
    final = tmp_path / "new" / "month.parquet"
    with files.temporary(final) as part:
        part.write_bytes(b"whole")
        assert not final.exists()
        files.publish(part, final)
    assert final.read_bytes() == b"whole"
    assert list(final.parent.iterdir()) == [final]


def test_an_exception_leaves_neither_file_nor_part(tmp_path: Path) -> None:
    final = tmp_path / "month.parquet"
    final.write_bytes(b"old")

    def fail() -> None:
        with files.temporary(final) as part:
            part.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert final.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [final]


def test_remove_being_written_takes_only_open_parts(tmp_path: Path) -> None:
    final = tmp_path / "month.parquet"
    final.write_bytes(b"old")
    with files.temporary(final) as part:
        part.write_bytes(b"half")
        files.remove_being_written()
        assert not part.exists()
    assert final.read_bytes() == b"old"


def killed_writer(folder: Path) -> Path:
    """A part whose writer was killed -9."""
    code = (
        "import os, sys; from pathlib import Path; from taxi_luigi import files\n"
        "with files.temporary(Path(sys.argv[1]) / 'month.parquet') as part:\n"
        "    part.write_bytes(b'half'); print(part, flush=True); os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=False)
    assert done.returncode == -9
    return Path(done.stdout.strip())


def test_sweep_takes_the_part_of_a_dead_writer_and_leaves_that_of_a_living_one(tmp_path: Path) -> None:
    dead = killed_writer(tmp_path / "dead")
    with files.temporary(tmp_path / "alive.parquet") as alive:
        alive.write_bytes(b"half")
        assert files.sweep(tmp_path) == [dead]
        assert alive.exists()
    assert not dead.exists()


def test_sweep_takes_a_part_whose_process_number_was_used_again(tmp_path: Path) -> None:
    with files.temporary(tmp_path / "month.parquet") as part:
        part.write_bytes(b"half")
        before_this_process_began = time.time() - 10**7
        os.utime(part, (before_this_process_began, before_this_process_began))
        assert files.sweep(tmp_path) == [part]


@pytest.mark.parametrize(("age", "swept"), [(3600, False), (3 * 86400, True)])
def test_sweep_leaves_another_hosts_part_for_a_day(tmp_path: Path, age: float, swept: bool) -> None:
    part = tmp_path / "month.parquet.elsewhere-7.part"
    part.write_bytes(b"half")
    os.utime(part, (time.time() - age,) * 2)
    assert (files.sweep(tmp_path) == [part]) is swept


def test_sweep_leaves_what_is_not_ours(tmp_path: Path) -> None:
    theirs = tmp_path / "download.part"
    theirs.write_bytes(b"x")
    assert files.sweep(tmp_path) == []
    assert theirs.exists()


def test_a_copy_is_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"bytes")
    files.copy_into(tmp_path / "a", tmp_path / "b" / "a")
    assert (tmp_path / "b" / "a").read_bytes() == b"bytes"
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["a"]
