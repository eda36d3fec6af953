"""What a lake promises over every kind of store; what the stores themselves promise is in test_stores.py."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxi_luigi.core import atomic_files
from taxi_luigi.core.errors import Replaced, StorageError
from taxi_luigi.core.receipts import CleanReceipt
from taxi_luigi.storage.lake import Lake
from taxi_luigi.storage.local import FolderStore
from taxi_luigi.storage.zones_file import ZonesFile
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month
from taxi_luigi.tlc.zones import Zone
from tests.support.stores import KINDS, fresh_store
from tests.support.trips import write_clean

GREEN = DATASETS["green"]
JANUARY, FEBRUARY = Month(2024, 1), Month(2024, 2)
Write = Callable[..., tuple[Path, CleanReceipt]]


@pytest.fixture(params=KINDS)
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """An empty lake of each kind."""
    return Lake(fresh_store(request.param, request, tmp_path))


def put(lake: Lake, written: tuple[Path, CleanReceipt], color: str = "green", month: Month = JANUARY) -> None:
    """Stores a clean file as the pipeline does."""
    clean, receipt = written
    lake.put(clean, color, month, receipt.summary)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a clean month outside the lake."""

    def clean(month: Month = JANUARY, rows: int = 50, seed: int = 0) -> tuple[Path, CleanReceipt]:
        path = tmp_path / f"clean-{month}-{rows}-{seed}.parquet"
        return path, write_clean(path, GREEN, month, rows, seed)

    return clean


def test_an_empty_lake_holds_nothing(lake: Lake) -> None:
    assert lake.list("green") == {}
    assert lake.stat("green", JANUARY) is None
    lake.remove("green", JANUARY)


def test_what_was_put_is_listed_with_size_and_summary_and_reads_back_byte_for_byte(lake: Lake, write: Write) -> None:
    clean, receipt = write()
    put(lake, (clean, receipt))
    stored = lake.stat("green", JANUARY)
    assert stored is not None
    assert (stored.entry.bytes, stored.summary) == (clean.stat().st_size, receipt.summary)
    assert {month: entry.bytes for month, entry in lake.list("green").items()} == {JANUARY: clean.stat().st_size}
    with lake.reading("green", JANUARY) as path:
        assert path.read_bytes() == clean.read_bytes()
    footer = lake.footer("green", JANUARY)
    assert (footer.rows, footer.receipt) == (50, receipt)


def test_months_and_colors_are_kept_apart(lake: Lake, write: Write) -> None:
    for month in (JANUARY, FEBRUARY):
        put(lake, write(month), month=month)
    put(lake, write(JANUARY), "yellow")
    lake.remove("green", JANUARY)
    assert set(lake.list("green")) == {FEBRUARY}
    assert set(lake.list("yellow")) == {JANUARY}


def test_zones_are_one_file_in_the_root_that_is_replaced_whole(lake: Lake, write: Write, tmp_path: Path) -> None:
    file = ZonesFile(lake)
    assert (file.exists(), file.rows()) == (False, 0)
    put(lake, write())
    for zones in (
        [Zone(1, "EWR", "Newark Airport", "EWR"), Zone(264, "Unknown", "N/A", "N/A")],
        [Zone(2, "", "é", "")],
    ):
        assert file.replace(zones) == len(zones)
        assert (file.exists(), file.rows()) == (True, len(zones))
        with lake.store.reading("taxi_zones.parquet") as path:
            assert [Zone(**row) for row in pq.read_table(path).to_pylist()] == zones
            assert b"borough of New York City" in pq.read_schema(path).field("borough").metadata[b"description"]
    assert set(lake.list("green")) == {JANUARY}


@pytest.mark.parametrize("content", ["parquet", b"", b"PAR1", b"not parquet at all"])
def test_a_file_of_zones_that_another_program_wrote_is_named_and_stays(
    lake: Lake, tmp_path: Path, content: str | bytes
) -> None:
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"locationid": [1], "geometry": ["POLYGON"]}), other)
    if isinstance(content, bytes):
        other.write_bytes(content)
    before = other.read_bytes()
    lake.store.put(other, "taxi_zones.parquet", {})
    file = ZonesFile(lake)
    assert not file.exists()
    for call in (file.rows, lambda: file.replace([Zone(1, "a", "b", "c")])):
        with pytest.raises(
            StorageError, match=r"taxi_zones\.parquet: not a file of zones that taxi_luigi wrote; rename"
        ):
            call()
    with lake.store.reading("taxi_zones.parquet") as path:
        assert path.read_bytes() == before


def test_a_second_put_replaces_the_first(lake: Lake, write: Write) -> None:
    put(lake, write(rows=50))
    again, receipt = write(rows=70, seed=1)
    put(lake, (again, receipt))
    stored = lake.stat("green", JANUARY)
    assert stored is not None
    assert stored.summary == receipt.summary
    assert set(lake.list("green")) == {JANUARY}


def test_a_month_is_taken_from_another_lake(lake: Lake, write: Write, tmp_path: Path) -> None:
    """From a folder, and from another place in the same store."""
    written = write()
    here, beside = Lake(FolderStore("here", FolderStore.Settings(tmp_path / "here"))), Lake(lake.store, "beside")
    put(here, written)
    for source, destination in ((here, beside), (beside, lake)):
        stored = destination.take(source, "green", JANUARY)
        assert stored.summary == written[1].summary
        with destination.reading("green", JANUARY) as path:
            assert path.read_bytes() == written[0].read_bytes()


def test_a_month_that_is_replaced_while_it_is_taken_arrives_with_its_own_labels(
    lake: Lake, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs with --force at once: the file changes between the look at it and its upload, and during that."""
    source = Lake(FolderStore("workspace", FolderStore.Settings(tmp_path / "workspace")), "clean")
    put(source, write(seed=1))
    looked, sent = FolderStore.reading, lake.store.put

    def replaced_before(store: FolderStore, name: str) -> Any:
        put(source, write(seed=2))
        return looked(store, name)

    def replaced_during(*args: Any) -> None:
        put(source, write(seed=3))
        sent(*args)

    with monkeypatch.context() as patch, contextlib.suppress(Replaced):  # other content, so that it is an error
        patch.setattr(FolderStore, "reading", replaced_before)
        patch.setattr(lake.store, "put", replaced_during)
        lake.take(source, "green", JANUARY)
    stored = lake.stat("green", JANUARY)
    assert stored is not None
    assert stored.summary == lake.footer("green", JANUARY).receipt.summary
    assert stored.summary == write(seed=2)[1].summary


def test_a_month_that_is_not_there_cannot_be_taken(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="has gone since it was made; run the same command again"):
        lake.take(Lake(FolderStore("here", FolderStore.Settings(tmp_path))), "green", JANUARY)


def test_a_put_that_is_killed_leaves_nothing_that_a_sweep_does_not_take(write: Write, tmp_path: Path) -> None:
    """The folder's own: its writer is stopped between writing and renaming."""
    clean, root = write()[0], tmp_path / "lake"
    code = (
        "import os, signal, sys; from pathlib import Path; from taxi_luigi.core import atomic_files as files\n"
        "from taxi_luigi.storage.local import FolderStore\n"
        "files.publish = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "FolderStore('lake', FolderStore.Settings(Path(sys.argv[1])))"
        ".put(Path(sys.argv[2]), 'green/green_tripdata_2024-01.parquet', {})\n"
    )
    done = subprocess.run([sys.executable, "-c", code, root, clean], check=False, env=os.environ)
    assert done.returncode == -signal.SIGKILL
    lake = Lake(FolderStore("lake", FolderStore.Settings(root)))
    assert lake.list("green") == {}
    assert lake.stat("green", JANUARY) is None
    assert list((root / "green").iterdir()) == []
    assert len(atomic_files.sweep(root)) == 1


@pytest.mark.parametrize("name", ["green_tripdata_2024-13.parquet", "green_tripdata_2024-01.csv", "notes.txt"])
def test_a_listing_passes_over_what_is_no_month(lake: Lake, name: str, tmp_path: Path) -> None:
    (tmp_path / "any").write_bytes(b"x")
    lake.store.put(tmp_path / "any", f"green/{name}", {})
    assert lake.list("green") == {}


@pytest.mark.parametrize("spoil", ["half", "garbage", "ends alone", "empty", "foreign", "other month", "other color"])
def test_what_is_not_the_month_as_we_write_it_counts_as_not_there_and_is_named_once(
    lake: Lake, write: Write, tmp_path: Path, caplog: pytest.LogCaptureFixture, spoil: str
) -> None:
    whole = write()[0].read_bytes()
    bad = tmp_path / "bad"
    if spoil == "foreign":
        pq.write_table(pq.read_table(write()[0]).replace_schema_metadata(None), bad)
    elif spoil == "other color":
        write_clean(bad, DATASETS["yellow"], JANUARY, 5)
    elif spoil == "other month":
        bad = write(FEBRUARY)[0]
    else:
        contents = {"half": whole[: len(whole) // 2], "garbage": b"x" * 999, "ends alone": b"PAR1" * 9, "empty": b""}
        bad.write_bytes(contents[spoil])
    lake.store.put(bad, "green/green_tripdata_2024-01.parquet", {})
    assert [lake.stat("green", JANUARY) for _ in range(2)] == [None, None]
    [line] = [record.getMessage() for record in caplog.records if record.name == "luigi-interface"]
    assert line.startswith(f"{lake.url('green', JANUARY)}: ")
    assert line.endswith("; it counts as not there")
    assert "again" not in line


def test_an_object_that_was_copied_to_another_months_name_with_its_labels_is_not_that_month(
    lake: Lake, write: Write
) -> None:
    put(lake, write())
    for color, month in (("green", FEBRUARY), ("fhv", JANUARY)):
        copied, entry = lake.name(color, month), lake.store.stat(lake.name("green", JANUARY))
        assert entry is not None
        with lake.reading("green", JANUARY) as path:
            lake.store.put(path, copied, entry.labels)
        assert lake.stat(color, month) is None
    assert lake.stat("green", JANUARY) is not None


def test_labels_of_the_version_before_which_do_not_name_the_month_are_believed(lake: Lake, write: Write) -> None:
    clean, receipt = write()
    lake.store.put(clean, lake.name("green", JANUARY), receipt.summary.labels())
    stored = lake.stat("green", JANUARY)
    assert stored is not None
    assert stored.summary == receipt.summary
    lake.check("green", JANUARY, stored)


@pytest.mark.parametrize("spoil", ["half", "empty", "other month"])
def test_a_file_whose_labels_are_not_its_own_is_found_before_it_is_loaded_or_taken(
    lake: Lake, write: Write, tmp_path: Path, spoil: str
) -> None:
    """A folder keeps no labels: there it is not there to begin with."""
    clean, receipt = write()
    bad = tmp_path / "bad"
    bad.write_bytes(b"" if spoil == "empty" else clean.read_bytes()[:2000])
    bad = write(FEBRUARY)[0] if spoil == "other month" else bad
    lake.put(bad, "green", JANUARY, receipt.summary)
    stored = lake.stat("green", JANUARY)
    if stored is None:
        assert isinstance(lake.store, FolderStore)
        return
    command = "luigi --module taxi_luigi LoadAllMonths --colors green --months 2024-01 --force"
    says = f"^{lake.url('green', JANUARY)} cannot be used: .*; make it again: {command}$"
    with pytest.raises(StorageError, match=says):
        lake.check("green", JANUARY, stored)
    with pytest.raises(StorageError, match=says):
        Lake(FolderStore("here", FolderStore.Settings(tmp_path / "here"))).take(lake, "green", JANUARY)


def test_a_file_that_somebody_copied_there_by_hand_is_known_by_its_footer(lake: Lake, write: Write) -> None:
    clean, receipt = write()
    lake.store.put(clean, "green/green_tripdata_2024-01.parquet", {})
    stored = lake.stat("green", JANUARY)
    assert stored is not None
    assert stored.summary == receipt.summary
