"""What every lake promises, the behaviours of Luigi's own FileSystemTargetTestMixin among it: one suite for all lakes.

Luigi's mixin (its test/target_test.py, not in the wheel) speaks of `open("w")`; a lake is written by `put`, so the
same demands stand here in those terms: not visible until whole, nothing left after a failure, read back what was
written, replace, move into place, clean up.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from taxi_luigi import files
from taxi_luigi.datasets import DATASETS
from taxi_luigi.lakes import Lake
from taxi_luigi.lakes.local import LocalLake
from taxi_luigi.months import Month
from taxi_luigi.receipt import CleanReceipt
from tests.support.trips import write_clean

GREEN = DATASETS["green"]
JANUARY, FEBRUARY = Month(2024, 1), Month(2024, 2)
Write = Callable[..., tuple[Path, CleanReceipt]]


@pytest.fixture(params=["local"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """An empty lake of each kind."""
    return {"local": lambda: LocalLake(tmp_path / "lake")}[request.param]()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a clean month outside the lake."""

    def clean(month: Month = JANUARY, rows: int = 50, seed: int = 0) -> tuple[Path, CleanReceipt]:
        path = tmp_path / f"clean-{month}-{rows}-{seed}.parquet"
        return path, write_clean(path, GREEN, month, rows, seed)

    return clean


def test_an_empty_lake_holds_nothing(lake: Lake) -> None:
    assert lake.list("green") == set()
    assert lake.stat("green", JANUARY) is None
    lake.remove("green", JANUARY)


def test_what_was_put_is_listed_with_size_and_receipt_and_reads_back_byte_for_byte(lake: Lake, write: Write) -> None:
    clean, receipt = write()
    lake.put(clean, "green", JANUARY)
    stored = lake.stat("green", JANUARY)
    assert lake.list("green") == {JANUARY}
    assert stored is not None
    assert (stored.bytes, stored.receipt) == (clean.stat().st_size, receipt)
    assert lake.read("green", JANUARY).read_bytes() == clean.read_bytes()
    assert clean.exists(), "put copies: the workspace keeps its own file"


def test_months_and_colors_are_kept_apart(lake: Lake, write: Write) -> None:
    for month in (JANUARY, FEBRUARY):
        lake.put(write(month)[0], "green", month)
    lake.put(write(JANUARY)[0], "yellow", JANUARY)
    lake.remove("green", JANUARY)
    assert lake.list("green") == {FEBRUARY}
    assert lake.list("yellow") == {JANUARY}


def test_a_second_put_replaces_the_first(lake: Lake, write: Write) -> None:
    lake.put(write(rows=50)[0], "green", JANUARY)
    again, receipt = write(rows=70, seed=1)
    lake.put(again, "green", JANUARY)
    stored = lake.stat("green", JANUARY)
    assert stored is not None
    assert stored.receipt == receipt
    assert lake.list("green") == {JANUARY}


def test_a_put_that_fails_leaves_the_old_month_and_no_rubbish(lake: Lake, write: Write, tmp_path: Path) -> None:
    clean, receipt = write()
    lake.put(clean, "green", JANUARY)
    with pytest.raises(OSError, match="nowhere"):
        lake.put(tmp_path / "nowhere.parquet", "green", JANUARY)
    with pytest.raises(OSError, match="nowhere"):
        lake.put(tmp_path / "nowhere.parquet", "green", FEBRUARY)
    stored = lake.stat("green", JANUARY)
    assert stored is not None
    assert stored.receipt == receipt
    assert lake.list("green") == {JANUARY}
    assert not list(tmp_path.rglob("*.part"))


def test_a_reader_sees_the_old_or_the_new_month_and_never_a_part(lake: Lake, write: Write) -> None:
    old, new = write(rows=2_000, seed=1)[0], write(rows=3_000, seed=2)[0]
    lake.put(old, "green", JANUARY)
    seen: set[int] = set()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            with pq.ParquetFile(lake.read("green", JANUARY)) as file:
                seen.add(file.read().num_rows)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(30):
        lake.put(new, "green", JANUARY)
        lake.put(old, "green", JANUARY)
    stop.set()
    reader.join()
    assert seen <= {2_000, 3_000}
    assert seen


def test_a_put_that_is_killed_leaves_nothing_that_a_sweep_does_not_take(write: Write, tmp_path: Path) -> None:
    """The local lake's own: its writer is stopped between writing and renaming."""
    clean, root = write()[0], tmp_path / "lake"
    code = (
        "import os, signal, sys; from pathlib import Path; from taxi_luigi import files\n"
        "from taxi_luigi.lakes.local import LocalLake; from taxi_luigi.months import Month\n"
        "files.publish = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "LocalLake(Path(sys.argv[1])).put(Path(sys.argv[2]), 'green', Month(2024, 1))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, root, clean], check=False, env=os.environ)
    assert done.returncode == -signal.SIGKILL
    lake = LocalLake(root)
    assert lake.list("green") == set()
    assert lake.stat("green", JANUARY) is None
    assert len(files.sweep(root)) == 1
    assert list((root / "green").iterdir()) == []


@pytest.mark.parametrize("name", ["green_tripdata_2024-13.parquet", "green_tripdata_2024-01.csv", "notes.txt"])
def test_a_listing_passes_over_what_is_no_month(name: str, tmp_path: Path) -> None:
    (tmp_path / "green").mkdir()
    (tmp_path / "green" / name).write_bytes(b"x")
    assert LocalLake(tmp_path).list("green") == set()


def test_a_damaged_or_foreign_file_counts_as_not_there_and_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lake, path = LocalLake(tmp_path), tmp_path / "green" / "green_tripdata_2024-01.parquet"
    path.parent.mkdir()
    path.write_bytes(b"PAR1 cut short")
    assert lake.stat("green", JANUARY) is None
    pq.write_table(pq.read_table(_foreign(tmp_path)), path)
    assert lake.stat("green", JANUARY) is None
    assert [str(path) in message for message in caplog.messages] == [True, True]


def _foreign(folder: Path) -> Path:
    path = folder / "foreign.parquet"
    write_clean(path, GREEN, JANUARY, 3)
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata(None), path)
    return path
