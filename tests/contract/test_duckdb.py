"""What is special to the DuckDB warehouse: a file that others have open, or that is no database."""

from __future__ import annotations

import gzip
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from taxi_luigi.core.errors import ConfigError, ForeignTable, WarehouseBusy, WarehouseError
from taxi_luigi.core.health import Status
from taxi_luigi.core.settings import read
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month
from taxi_luigi.tlc.shards import Shard
from taxi_luigi.tlc.zones import Zone
from taxi_luigi.warehouses import duckdb as duckdb_warehouse
from taxi_luigi.warehouses import duckdb_file, duckdb_memory
from taxi_luigi.warehouses.duckdb import DuckDB
from tests.support.trips import write_clean
from tests.support.warehouses import Load, Store

YELLOW = DATASETS["yellow"]
JANUARY = Month(2024, 1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store("duckdb", str(tmp_path / "a folder" / "trips.duckdb"))


@pytest.fixture
def load(tmp_path: Path) -> Load:
    path = tmp_path / "[clean]" / "ye*llow.parquet"
    return Load(YELLOW, JANUARY, path, write_clean(path, YELLOW, JANUARY, 100))


@contextmanager
def opened_elsewhere(path: str, read_only: bool = False) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the file open until it is told to close it, or the block ends."""
    script = (
        f"import duckdb; held = duckdb.connect({path!r}, read_only={read_only}); print('open', flush=True); input()"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
        process.kill()


def test_asking_does_not_make_the_file(store: Store) -> None:
    warehouse = store.open()
    assert warehouse.loaded_months(YELLOW) == {}
    assert warehouse.count(YELLOW) == {}
    warehouse.remove_month(YELLOW, JANUARY)
    assert not Path(store.where).parent.exists()


def test_the_files_of_all_shards_are_one_warehouse_to_read(store: Store, load: Load, tmp_path: Path) -> None:
    each = DuckDB("duckdb", DuckDB.Settings(tmp_path / "trips {shard} [a].duckdb"))
    shards = each.of_shard(None)
    its = next(shard for shard in (Shard(1, 2), Shard(2, 2)) if shard.holds("yellow", JANUARY))
    other = Shard(3 - its.number, 2)
    assert (shards.loaded_months(YELLOW), shards.count(YELLOW), shards.zones(), shards.foreign()) == ({}, {}, 0, [])
    assert [check.message for check in shards.checks()] == [
        f"{each.path} will be created for each shard by its first load"
    ]
    each.of_shard(its).replace_month(YELLOW, JANUARY, load.file, lambda _done, _total: None)
    each.of_shard(other).replace_zones([Zone(1, "EWR", "Newark Airport", "EWR")])
    (tmp_path / "trips 01-of-02 [a].duckdb").touch()  # not a name of ours, as 1-of-2.duckdb.wal is not
    assert sorted(path.name for path in tmp_path.glob("*-of-2 *.duckdb")) == [
        "trips 1-of-2 [a].duckdb",
        "trips 2-of-2 [a].duckdb",
    ]
    assert shards.loaded_months(YELLOW).keys() == {JANUARY}
    assert shards.count(YELLOW) == {JANUARY: 100}
    assert shards.filled(YELLOW, JANUARY, ["vendorid"]) == {"vendorid"}
    assert (shards.zones(), shards.refused(YELLOW, [JANUARY])) == (1, {})
    [check] = shards.checks()
    assert (check.status, check.message.partition(",")[0]) == (Status.OK, f"{each.path}: 2 files of 2")
    with pytest.raises(ConfigError, match="give --shard I/N"):
        shards.replace_zones([])
    shards.remove_month(YELLOW, JANUARY)
    assert shards.loaded_months(YELLOW) == each.of_shard(its).loaded_months(YELLOW) == {}


def test_files_of_two_back_fills_are_not_read_as_one_warehouse(tmp_path: Path) -> None:
    each = DuckDB("duckdb", DuckDB.Settings(tmp_path / "{shard}.duckdb"))
    for shard in (Shard(1, 2), Shard(1, 10)):
        each.of_shard(shard).replace_zones([Zone(1, "EWR", "Newark Airport", "EWR")])
    shards = each.of_shard(None)
    with pytest.raises(WarehouseError, match=r"files of 2 and of 10 shards are there, and a month may be in several"):
        shards.count(YELLOW)
    [check] = shards.checks()
    assert check.status is Status.ERROR
    assert "files of 2 and of 10" in check.message


def test_rows_that_somebody_put_in_by_hand_are_counted_in_their_month_or_refused(store: Store, load: Load) -> None:
    load.into(store)
    warehouse = store.open()
    with duckdb.connect(store.where) as connection:
        connection.execute("INSERT INTO yellow_tripdata (file_month) VALUES ('2024-01-15'), ('2024-01-01')")
    assert warehouse.count(YELLOW) == {JANUARY: 102}
    with duckdb.connect(store.where) as connection:
        connection.execute("INSERT INTO yellow_tripdata (vendorid) VALUES (1), (2)")
    with pytest.raises(WarehouseError, match="yellow_tripdata has 2 rows without file_month, so taxi_luigi did not"):
        warehouse.count(YELLOW)


def test_a_file_without_tables_holds_nothing(store: Store) -> None:
    Path(store.where).parent.mkdir()
    duckdb.connect(store.where).close()
    warehouse = store.open()
    warehouse.remove_month(YELLOW, JANUARY)
    assert warehouse.loaded_months(YELLOW) == {}
    assert warehouse.count(YELLOW) == {}


def test_the_file_is_free_and_alone_after_each_call(store: Store, load: Load) -> None:
    load.into(store)
    assert [path.name for path in Path(store.where).parent.iterdir()] == ["trips.duckdb"]
    with duckdb.connect(store.where) as connection:
        assert connection.execute("SELECT count(*) FROM yellow_tripdata").fetchall() == [(100,)]


def test_duckdb_starts_once_for_all_uses_until_a_fork(
    store: Store, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    load.into(store)  # makes the file
    starts, connect = [], duckdb.connect
    monkeypatch.setattr(duckdb, "connect", lambda *args, **more: starts.append(args) or connect(*args, **more))
    warehouse = store.open()
    for _ in range(2):
        assert list(warehouse.loaded_months(YELLOW)) == [JANUARY]
        warehouse.replace_month(YELLOW, JANUARY, load.file, lambda _done, _total: None)
    assert len(starts) == 1
    child = os.fork()
    if not child:
        os._exit(list(warehouse.loaded_months(YELLOW)) != [JANUARY] or len(starts) != 2)
    assert os.waitpid(child, 0)[1] == 0


def test_what_duckdb_spills_is_gone_after_each_call(store: Store, load: Load) -> None:
    load.into(store)
    warehouse = DuckDB("duckdb", DuckDB.Settings(Path(store.where), memory_limit="5MB"))
    with warehouse._file.reading() as connection:
        connection.execute("CREATE TEMP TABLE large AS SELECT range, random() AS x FROM range(2_000_000)")
        assert Path(f"{store.where}.tmp").exists()
    assert [path.name for path in Path(store.where).parent.iterdir()] == ["trips.duckdb"]


@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_in_use_is_busy_and_its_user_is_named(store: Store, load: Load, read_only: bool) -> None:
    load.into(store)
    with opened_elsewhere(store.where, read_only) as holder:
        with pytest.raises(WarehouseBusy, match=rf"trips\.duckdb is in use by process {holder.pid} \(python") as error:
            store.open(wait=0.3).replace_month(YELLOW, JANUARY, load.file, lambda _done, _total: None)
        assert "\n" not in str(error.value)
    assert store.open().count(YELLOW) == {JANUARY: 100}


def test_other_readers_do_not_keep_us_from_reading(store: Store, load: Load) -> None:
    load.into(store)
    with opened_elsewhere(store.where, read_only=True):
        assert store.open(wait=0).count(YELLOW) == {JANUARY: 100}


def test_a_file_in_use_is_waited_for(store: Store, load: Load) -> None:
    load.into(store)
    with opened_elsewhere(store.where) as holder:
        timer = threading.Timer(0.5, holder.kill)
        timer.start()
        assert load.into(store) == 100
        timer.join()


def test_a_connection_in_this_process_is_busy_too(store: Store, load: Load) -> None:
    load.into(store)
    with duckdb.connect(store.where), pytest.raises(WarehouseBusy, match="another connection of this process"):
        store.open(wait=0.2).count(YELLOW)


def test_a_thread_of_this_process_is_waited_for_no_longer_than_said(store: Store, load: Load) -> None:
    inside, go = threading.Event(), threading.Event()
    warehouse = DuckDB("duckdb", DuckDB.Settings(Path(store.where)))

    def hold() -> None:
        with warehouse._file.writing():
            inside.set()
            go.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait()
    started = time.monotonic()
    with pytest.raises(WarehouseBusy, match="another thread of this process"):
        store.open(wait=0.2).count(YELLOW)
    assert time.monotonic() - started >= 0.2
    go.set()
    thread.join()
    assert load.into(store) == 100


@pytest.mark.parametrize("content", [b"", b"not a database", b"PAR1" + bytes(20_000)])
def test_a_file_that_is_no_database_is_left_alone(store: Store, load: Load, content: bytes) -> None:
    path = Path(store.where)
    path.parent.mkdir()
    path.write_bytes(content)
    for call in (lambda: store.open().count(YELLOW), lambda: load.into(store)):
        with pytest.raises(WarehouseError, match="not a valid DuckDB database file") as error:
            call()
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)
    assert path.read_bytes() == content


def test_what_a_killed_process_spilled_is_swept(store: Store, load: Load) -> None:
    load.into(store)
    spilled = Path(f"{store.where}.tmp")
    spilled.mkdir()
    (spilled / "duckdb_temp_storage_DEFAULT-0.tmp").write_bytes(bytes(1000))
    load.into(store)
    assert not spilled.exists()


def test_a_file_of_another_program_is_not_opened_by_an_extension_from_the_internet(store: Store) -> None:
    path = Path(store.where)
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE yellow_tripdata (file_month TEXT)")
    with pytest.raises(WarehouseError, match="it is not a DuckDB file: move it away or set another path") as error:
        store.open().count(YELLOW)
    assert "download" not in str(error.value)


def test_a_folder_or_a_pipe_is_no_file(store: Store, load: Load) -> None:
    path = Path(store.where)
    path.mkdir(parents=True)
    for use in (lambda: store.open().count(YELLOW), lambda: load.into(store)):
        with pytest.raises(WarehouseError, match="it is no file; set the path of a file, not of a folder or a device"):
            use()
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(WarehouseError, match="it is no file"):
        store.open().count(YELLOW)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("trips.parquet", b""),
        ("trips.csv", b"a,b\n1,2\n"),
        ("trips.csv.gz", gzip.compress(b"a,b\n1,2\n")),
        ("trips.json", b'[{"a": 1}]'),
    ],
    ids=["parquet", "csv", "csv.gz", "json"],  # gzip's bytes have the second in which they are made
)
def test_a_file_of_trips_is_no_warehouse(tmp_path: Path, load: Load, name: str, content: bytes) -> None:
    """DuckDB 2.0 opens one as a database in memory: a load into it was acknowledged and lost."""
    path = tmp_path / name
    path.write_bytes(content or load.clean.read_bytes())
    before = path.read_bytes()
    other = Store("duckdb", str(path))
    for use in (lambda: load.into(other), lambda: other.open().count(YELLOW)):
        with pytest.raises(WarehouseError, match="it is not a DuckDB file: move it away or set another path"):
            use()
    assert path.read_bytes() == before


NAMES = [
    "a=1",
    "taxi[1]",
    "a*b",
    "{a,b}",
    "100%",
    "it's",
    'say "so"',
    "with space",
    "ü",
    "two\nlines",
    "md:x",
    "~",
    "main",
]


@pytest.mark.parametrize("name", [*NAMES, "temp", "system", "yellow_tripdata", ""])
def test_the_file_and_its_folder_may_have_any_name(tmp_path: Path, load: Load, name: str) -> None:
    path = tmp_path / (name or "x") / f"{name}.duckdb"
    warehouse = DuckDB("duckdb", DuckDB.Settings(path))
    for _ in range(2):
        assert warehouse.replace_month(YELLOW, JANUARY, load.file, lambda _done, _total: None) == 100
    assert warehouse.count(YELLOW) == {JANUARY: 100}
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert [check.status for check in warehouse.checks()] == [Status.OK]


@pytest.mark.parametrize("name", ["what?.duckdb", "what?/w.duckdb", "w.duckdb?password=hush", "a\\b.duckdb"])
def test_a_path_that_duckdb_misreads_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"^\[warehouse\.trips\] path must not have . in it, which DuckDB") as error:
        read(DuckDB.Settings, "warehouse.trips", {"path": str(tmp_path / name)})
    assert "hush" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ('TABLE green_tripdata ("VendorID" bigint)', "the table green_tripdata has no column file_month"),
        (
            "TABLE green_tripdata (file_month text, lpep_pickup_datetime timestamp)",
            "has file_month as VARCHAR, not DATE",
        ),
        ("VIEW green_tripdata AS SELECT DATE '2021-01-01' AS file_month, 1 AS vendorid", "green_tripdata is a view"),
        ("VIEW Green_Tripdata AS SELECT 1 AS vendorid", "green_tripdata is a view"),
        ("TABLE taxi_luigi_loads (color text)", "the table taxi_luigi_loads has no column file_month"),
        ("VIEW taxi_luigi_loads AS SELECT 'green' AS color, 1 AS rows", "taxi_luigi_loads is a view"),
        ("VIEW taxi_zones AS SELECT 1 AS locationid", "taxi_zones is a view"),
        ("TABLE taxi_zones (locationid text)", "the table taxi_zones has the columns locationid VARCHAR"),
    ],
)
def test_what_another_script_made_under_our_names_is_found_beforehand(store: Store, made: str, why: str) -> None:
    Path(store.where).parent.mkdir()
    with duckdb.connect(store.where) as connection:
        connection.execute(f"CREATE {made}")
    warehouse = store.open()
    (line,) = warehouse.foreign()
    assert why in line
    assert "so taxi_luigi did not make it; rename it" in line
    assert [check.message for check in warehouse.checks() if check.status is Status.ERROR] == [line]
    if "zones" not in made:
        for call in (warehouse.count, warehouse.loaded_months, lambda green: warehouse.remove_month(green, JANUARY)):
            with pytest.raises(ForeignTable) as error:
                call(DATASETS["green"])
            assert str(error.value) == line


def test_a_column_of_another_type_is_refused_not_cast(store: Store, load: Load) -> None:
    load.into(store)
    with duckdb.connect(store.where) as connection:
        connection.execute("ALTER TABLE yellow_tripdata ALTER total_amount TYPE INTEGER")
    with pytest.raises(ForeignTable, match="yellow_tripdata has total_amount as INTEGER, not DOUBLE"):
        load.into(store)


def test_a_disk_that_is_read_only_is_found_beforehand(tmp_path: Path, load: Load) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a disk needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", disk], check=True)
    try:
        store = Store("duckdb", str(disk / "trips.duckdb"))
        load.into(store)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        (check,) = store.open().checks()
        assert check.status is Status.ERROR
        assert "no permission to write" in check.message
        assert store.open().count(YELLOW) == {JANUARY: 100}
        with pytest.raises(WarehouseError, match=r"Read-only file system.*make the file and its folder writable"):
            load.into(store)
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("locked", ["file", "folder"])
def test_a_file_that_may_only_be_read_is_found_beforehand(store: Store, load: Load, locked: str) -> None:
    load.into(store)
    path = Path(store.where)
    writable = path if locked == "file" else path.parent
    was = writable.stat().st_mode
    for folder in (path.parent, *path.parents):
        if folder.is_relative_to(Path(tempfile.gettempdir())) and folder != Path(tempfile.gettempdir()):
            folder.chmod(0o755)
    path.parent.chmod(0o777)
    path.chmod(0o666)
    writable.chmod(0o444 if locked == "file" else 0o555)
    script = (
        "import sys, os; from pathlib import Path; from taxi_luigi.warehouses.duckdb import DuckDB; "
        "os.geteuid() or os.setuid(65534); "
        "warehouse = DuckDB('duckdb', DuckDB.Settings(Path(sys.argv[1]))); "
        "print(*(f'{each.status.value}: {each.message}' for each in warehouse.checks()))"
    )
    said = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True)
    writable.chmod(was)
    assert said.stdout.startswith("wrong: "), said.stderr
    assert "no permission to write" in said.stdout


@pytest.mark.parametrize("size", ["plenty", "512", "-1GB", "512MB; DROP"])
def test_an_invalid_memory_limit_is_refused(size: str) -> None:
    with pytest.raises(ConfigError, match=r"^\[warehouse\.duckdb\] memory_limit must look like"):
        read(DuckDB.Settings, "warehouse.duckdb", {"memory_limit": size})


@pytest.mark.parametrize("size", ["512MB", "0.5 GiB", "1gb"])
def test_memory_limits_are_duckdbs(store: Store, load: Load, size: str) -> None:
    warehouse = DuckDB("duckdb", DuckDB.Settings(Path(store.where), memory_limit=size))
    assert warehouse.replace_month(YELLOW, JANUARY, load.file, lambda _done, _total: None) == 100


@pytest.mark.parametrize(("memory", "limit"), [(2 << 30, "256MB"), (16 << 30, "512MB")])
def test_the_machine_decides_an_empty_memory_limit_and_doctor_names_it(
    monkeypatch: pytest.MonkeyPatch, store: Store, load: Load, memory: int, limit: str
) -> None:
    monkeypatch.setattr(duckdb_memory, "available", lambda: memory)
    settings = read(DuckDB.Settings, "warehouse.duckdb", {"path": store.where, "memory_limit": ""})
    assert settings.memory_limit == DuckDB.Settings().memory_limit == limit
    warehouse = DuckDB("duckdb", settings)
    for _ in range(2):
        [check] = warehouse.checks()
        assert f" memory_limit {limit}" in check.message
        warehouse.replace_month(YELLOW, JANUARY, load.file, lambda _done, _total: None)


@pytest.fixture
def long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[duckdb.DuckDBPyConnection, str, str]]:
    """A connection, an INSERT that takes a few hundred looks at its progress, and the file that it reads."""
    monkeypatch.setattr(duckdb_file, "_LOOK", 0.001)
    path = str(tmp_path / "many.parquet")
    with duckdb.connect(config={"threads": 2, "preserve_insertion_order": "false"}) as connection:
        many = (
            "SELECT range AS a, hash(range) AS b, 0.1 * range AS c, CAST(range AS VARCHAR) AS d FROM range(2_000_000)"
        )
        connection.execute(f"COPY ({many}) TO '{path}' (ROW_GROUP_SIZE 131_072)")
        connection.execute("CREATE TABLE trips (a BIGINT, b UBIGINT, c DOUBLE, d VARCHAR)")
        yield connection, "INSERT INTO trips SELECT * FROM read_parquet(?)", path


def test_a_load_shows_how_far_it_is(
    long: tuple[duckdb.DuckDBPyConnection, str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    connection, statement, path = long
    shares: list[float] = []
    duckdb_file.execute(connection, statement, [path], shares.append)
    assert len(set(shares)) > 3
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.5 < shares[-1] < 1
    assert connection.execute("SELECT count(*) FROM trips").fetchall() == [(2_000_000,)]
    assert capfd.readouterr() == ("", "")


def test_an_exception_in_progress_ends_the_statement(long: tuple[duckdb.DuckDBPyConnection, str, str]) -> None:
    connection, statement, path = long

    def stop(share: float) -> None:
        raise KeyboardInterrupt(share)

    connection.begin()
    with pytest.raises(KeyboardInterrupt):
        duckdb_file.execute(connection, statement, [path], stop)
    connection.rollback()
    assert connection.execute("SELECT count(*) FROM trips").fetchall() == [(0,)]


def test_the_progress_of_a_load_is_in_rows(store: Store, load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    def execute(connection: Any, statement: str, values: list[object], progress: Callable[[float], None]) -> None:
        progress(0.25)
        duckdb_file.execute(connection, statement, values, progress)

    monkeypatch.setattr(duckdb_warehouse, "execute", execute)
    seen: list[tuple[int, int]] = []
    load.into(store, lambda done, total: seen.append((done, total)))
    assert (seen[0], seen[-1]) == ((25, 100), (100, 100))


def storage(path: str | Path) -> int:
    """The storage version in the header of a file: 64 of DuckDB 1.0, 65 of 1.2, 66 of 1.3, 67 of 1.4."""
    return int.from_bytes(Path(path).read_bytes()[12:20], "little")


def test_the_file_is_made_for_the_oldest_duckdb_that_we_allow(store: Store, load: Load) -> None:
    load.into(store)
    assert storage(store.where) == 67
    [good] = store.open().checks()
    assert good.message.endswith("for DuckDB v1.4.0 and later")


def test_a_file_keeps_the_storage_version_that_it_was_made_in(tmp_path: Path, load: Load) -> None:
    for made, version in (("v1.0.0", 64), ("latest", 67)):
        path = tmp_path / f"{made}.duckdb"
        with duckdb.connect(str(path), config={"storage_compatibility_version": made}):
            pass
        before = storage(path)
        load.into(Store("duckdb", str(path)))
        assert storage(path) == before
        assert before == version or before > 67
    settings = DuckDB.Settings(tmp_path / "old.duckdb", storage_version="v1.0.0")
    DuckDB("old", settings).replace_month(YELLOW, JANUARY, load.file, lambda _done, _total: None)
    assert storage(settings.path) == 64


def test_doctor_names_a_file_that_an_older_client_cannot_open(tmp_path: Path) -> None:
    path = tmp_path / "new.duckdb"
    with duckdb.connect(str(path), config={"storage_compatibility_version": "latest"}):
        pass
    [check] = DuckDB("duckdb", DuckDB.Settings(path, storage_version="v1.0.0")).checks()
    assert check.status is Status.OK
    assert "later, not v1.0.0 (storage_version), as a file keeps the version that it was made in" in check.message


@pytest.mark.parametrize("version", ["1.4.0", "v99.0.0", "oldest", "v1.4.0'; DROP"])
def test_a_storage_version_that_duckdb_does_not_know_is_one_line(version: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(DuckDB.Settings, "warehouse.duckdb", {"storage_version": version})
    start = f"[warehouse.duckdb] storage_version must be a version that DuckDB {duckdb.__version__} knows, as v1.4.0"
    assert str(error.value).startswith(start)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("file", "schema"), [("w", "prod"), ("prod", "prod"), ("w", 'it\'s "own"')])
def test_the_tables_are_in_the_schema_and_nothing_else_is(tmp_path: Path, load: Load, file: str, schema: str) -> None:
    path = tmp_path / f"{file}.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE VIEW yellow_tripdata AS SELECT 1")  # in main: no concern of ours
    warehouse = DuckDB("duckdb", DuckDB.Settings(path, schema=schema))
    assert (warehouse.loaded_months(YELLOW), warehouse.zones(), warehouse.foreign()) == ({}, 0, [])
    for _ in range(2):
        warehouse.replace_month(YELLOW, JANUARY, load.file, lambda _done, _total: None)
        warehouse.replace_zones([Zone(1, "EWR", "Newark Airport", "EWR")])
    assert (warehouse.count(YELLOW), [*warehouse.loaded_months(YELLOW)], warehouse.zones()) == (
        {JANUARY: 100}, [JANUARY], 1,
    )  # fmt: skip
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute("SELECT schema_name, table_name FROM duckdb_tables() ORDER BY ALL").fetchall()
    assert found == [(schema, "taxi_luigi_loads"), (schema, "taxi_zones"), (schema, "yellow_tripdata")]
    warehouse.remove_month(YELLOW, JANUARY)
    assert warehouse.count(YELLOW) == {}


def test_the_address_is_the_file(store: Store) -> None:
    assert DuckDB("duckdb", DuckDB.Settings(Path(store.where))).address == store.where
