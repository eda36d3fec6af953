"""What is special to PostgreSQL: partitions and their locks, connections, and what a server can do to us."""

from __future__ import annotations

import dataclasses
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from psycopg2 import sql

from taxi_luigi.core.errors import ConfigError, WarehouseBusy, WarehouseError
from taxi_luigi.core.health import Status
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month
from taxi_luigi.tlc.zones import Zone
from taxi_luigi.warehouses.postgres import Postgres
from taxi_luigi.warehouses.postgres_connection import Cursor, Server
from tests.support import postgres as server_module
from tests.support.postgres import PASSWORD, USER
from tests.support.trips import write_clean
from tests.support.warehouses import NEW, Load, Store, load_and_hang

YELLOW = DATASETS["yellow"]
JANUARY, FEBRUARY = Month(2024, 1), Month(2024, 2)
Make = Callable[..., Load]


@pytest.fixture
def store(postgres_url: str) -> Store:
    return Store("postgres", postgres_url)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Writes a clean month and returns what it takes to load it."""

    def make(rows: int = 100, month: Month = JANUARY, seed: int = 0) -> Load:
        path = tmp_path / f"{month}_{rows}_{seed}.parquet"
        return Load(YELLOW, month, path, write_clean(path, YELLOW, month, rows, seed))

    return make


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


@contextmanager
def session(url: str) -> Iterator[Any]:
    """A cursor of somebody else's."""
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            yield cursor
        connection.commit()
    finally:
        connection.close()


def execute(url: str, *statements: str | sql.Composable) -> None:
    with session(url) as cursor:
        for statement in statements:
            cursor.execute(statement)


def alter(store: Store, setting: str) -> None:
    """Sets something for everybody who connects to the database from now on."""
    name = sql.Identifier(urlsplit(store.where).path[1:])
    execute(store.where, sql.SQL("ALTER DATABASE {} SET " + setting).format(name))


def until(condition: Callable[[], bool]) -> None:
    """Waits for something that is bound to happen, for a minute at most."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def waits_for_the_table(store: Store) -> bool:
    waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'yellow_tripdata'::regclass"
    return bool(store.query(waiting))


def replace(warehouse: Postgres, load: Load) -> int:
    return warehouse.replace_month(load.dataset, load.month, load.file, lambda _done, _total: None)


def refused(call: Callable[[], object], *words: str) -> WarehouseError:
    """The failure of a call: one line that holds the words, and no password anywhere."""
    with pytest.raises(WarehouseError) as error:
        call()
    text = str(error.value)
    assert "\n" not in text
    for word in words:
        assert word in text
    assert PASSWORD not in "".join(traceback.format_exception(error.value))
    return error.value


# What is in the schema


def test_a_month_is_a_partition_with_an_index(store: Store, make: Make) -> None:
    make().into(store)
    make(seed=1).into(store)
    assert store.query(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'yellow_tripdata'::regclass"
    ) == [("yellow_tripdata_2024_01",)]
    indexes = store.query("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'yellow_tripdata_2024_01'")
    assert [name for name, _ in indexes] == ["yellow_tripdata_2024_01_pickup"]
    assert "(tpep_pickup_datetime)" in indexes[0][1]
    key = "SELECT indexdef FROM pg_indexes WHERE tablename = 'taxi_luigi_loads'"
    assert "UNIQUE" in store.query(key)[0][0]
    assert "(color, file_month)" in store.query(key)[0][0]


def test_attaching_reads_no_rows(store: Store, make: Make, postgres_server: server_module.Postgres) -> None:
    before = len(postgres_server.log.read_text())
    talkative = Postgres("postgres", Postgres.Settings(f"{store.where}?options=-c%20log_min_messages%3Ddebug1"))
    replace(talkative, make())
    said = 'partition constraint for table "yellow_tripdata_2024_01" is implied by existing constraints'
    assert said in postgres_server.log.read_text()[before:]


@pytest.fixture
def statements(store: Store) -> Iterator[list[str]]:
    """The statements of all connections from now on, each in one line, before their values are put in."""
    seen: list[str] = []

    class Recording(Cursor):
        def execute(self, query: Any, values: Any = None) -> None:
            seen.append(" ".join(query.split()))
            super().execute(query, values)

        def copy_expert(self, query: Any, file: Any, size: int = 8192) -> None:
            seen.append(" ".join(query.split()))
            super().copy_expert(query, file, size)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg2, "connect", partial(psycopg2.connect, cursor_factory=Recording))
        yield seen


def copied_columns(statements: list[str]) -> list[str]:
    """The columns of the only COPY among the statements."""
    [copy] = [statement for statement in statements if statement.startswith("COPY ")]
    return copy.partition("(")[2].partition(")")[0].replace('"', "").split(", ")


def test_columns_without_a_value_are_not_sent(store: Store, tmp_path: Path, statements: list[str]) -> None:
    nothing, path, names = [None] * 99, tmp_path / "clean.parquet", [column.name for column in YELLOW.columns]
    last: dict[str, list[Any]] = {"airport_fee": [*nothing[1:], -0.0], "request_source": [*nothing[1:], ""]}
    never = dict.fromkeys(
        ("passenger_count", "tpep_dropoff_datetime", "store_and_fwd_flag", "pickup_longitude"), nothing
    )
    first = write_clean(path, YELLOW, JANUARY, 99, vendorid=range(99), **last, **never)
    assert pq.read_metadata(path).num_row_groups == 3
    Load(YELLOW, JANUARY, path, first).into(store)
    assert copied_columns(statements) == [name for name in names if name not in never]
    for count, beginning in (
        (1, "CREATE INDEX"),
        (1, "INSERT INTO"),
        (3, "CREATE TABLE"),
        (0, "SELECT count"),
        (0, "UPDATE"),
    ):
        assert sum(statement.startswith(beginning) for statement in statements) == count, beginning
    in_order = f"SELECT {', '.join(names)} FROM yellow_tripdata ORDER BY vendorid"
    assert store.query(in_order) == [tuple(row.values()) for row in pq.read_table(path).to_pylist()]

    statements.clear()
    later = write_clean(path, YELLOW, JANUARY, 99, seed=1, vendorid=range(99), airport_fee=nothing)
    Load(YELLOW, JANUARY, path, later).into(store)
    assert copied_columns(statements) == [name for name in names if name != "airport_fee"]
    assert store.query(in_order) == [tuple(row.values()) for row in pq.read_table(path).to_pylist()]


def test_every_column_is_sent_of_a_file_without_statistics(store: Store, make: Make, statements: list[str]) -> None:
    load = make()
    table = pq.read_table(load.clean)
    empty = table.set_column(19, table.schema.field(19), pa.nulls(100, table.schema.field(19).type))
    pq.write_table(empty, load.clean, write_statistics=False)
    load.into(store)
    assert copied_columns(statements) == table.schema.names
    assert store.open().filled(YELLOW, JANUARY, table.schema.names) == {*table.schema.names} - {table.schema.names[19]}


def test_a_query_of_one_month_reads_one_partition(store: Store, make: Make) -> None:
    make().into(store)
    make(month=FEBRUARY).into(store)
    plan = str(store.query("EXPLAIN SELECT * FROM yellow_tripdata WHERE file_month = '2024-01-01'"))
    assert "yellow_tripdata_2024_01" in plan
    assert "yellow_tripdata_2024_02" not in plan


def test_a_partition_that_was_renamed_is_replaced_all_the_same(store: Store, make: Make) -> None:
    make().into(store)
    execute(store.where, "ALTER TABLE yellow_tripdata_2024_01 RENAME TO january")
    make(rows=70, seed=1).into(store)
    assert store.open().count(YELLOW) == {JANUARY: 70}
    assert store.query("SELECT to_regclass('january')") == [(None,)]


TABLES = "SELECT nspname || '.' || relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"


def partitions(store: Store) -> list[str]:
    """The months' partitions, with their schemas."""
    return sorted(name for (name,) in store.query(f"{TABLES} WHERE relispartition AND relkind = 'r'"))


def test_partitions_move_into_a_schema_of_their_own_month_by_month(store: Store, make: Make) -> None:
    execute(store.where, 'CREATE SCHEMA "my parts"')
    apart = Postgres("postgres", Postgres.Settings(store.where, partition_schema="my parts"))
    for month in (JANUARY, FEBRUARY):
        make(month=month).into(store)
    assert replace(apart, make(rows=70, seed=1)) == 70
    assert partitions(store) == ["my parts.yellow_tripdata_2024_01", "public.yellow_tripdata_2024_02"]
    index = "SELECT schemaname || '.' || indexname FROM pg_indexes WHERE tablename = 'yellow_tripdata_2024_01'"
    assert store.query(index) == [("my parts.yellow_tripdata_2024_01_pickup",)]
    for warehouse in (apart, store.open()):
        assert warehouse.count(YELLOW) == {JANUARY: 70, FEBRUARY: 100}
        assert {month: marker.rows for month, marker in warehouse.loaded_months(YELLOW).items()} == {
            JANUARY: 70, FEBRUARY: 100,
        }  # fmt: skip
    apart.remove_month(YELLOW, FEBRUARY)  # which the earlier settings put into public
    assert partitions(store) == ["my parts.yellow_tripdata_2024_01"]
    tables = store.query(f"{TABLES} WHERE nspname = 'public' AND relkind IN ('r', 'p') ORDER BY 1")
    assert tables == [("public.taxi_luigi_loads",), ("public.yellow_tripdata",)]
    make(rows=20, seed=2).into(store)  # and back
    assert partitions(store) == ["public.yellow_tripdata_2024_01"]
    assert apart.count(YELLOW) == {JANUARY: 20}
    assert not store.query(f"{TABLES} WHERE nspname = 'my parts'")


def test_a_reader_of_a_table_needs_no_right_to_its_partitions_schema(
    store: Store, make: Make, postgres_server: server_module.Postgres
) -> None:
    execute(store.where, "CREATE SCHEMA parts")
    replace(Postgres("postgres", Postgres.Settings(store.where, partition_schema="parts")), make())
    role = f"role_{uuid4().hex[:8]}"
    execute(store.where, f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'; GRANT SELECT ON yellow_tripdata TO {role}")
    try:
        guest = Store("postgres", postgres_server.url(urlsplit(store.where).path[1:], role))
        assert guest.query("SELECT count(*) FROM yellow_tripdata WHERE file_month = '2024-01-01'") == [(100,)]
    finally:
        execute(store.where, f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_partition_schema_that_cannot_be_used_is_found_beforehand(
    store: Store, make: Make, postgres_server: server_module.Postgres
) -> None:
    def check(url: str, schema: str = "public") -> str:
        settings = Postgres.Settings(url, schema, partition_schema="parts")
        [found] = [each for each in Postgres("analytics", settings).checks() if each.status is Status.ERROR]
        assert found.what == "partition_schema"
        return found.message

    missing = "there is no schema parts: create it or set another partition_schema in [warehouse.analytics]"
    assert check(store.where) == missing
    execute(store.where, "CREATE SCHEMA parts; CREATE SCHEMA other")
    role = f"role_{uuid4().hex[:8]}"
    execute(store.where, f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'; GRANT ALL ON SCHEMA public TO {role}")
    try:
        guest = postgres_server.url(urlsplit(store.where).path[1:], role)
        grant = "this user may not create tables in schema parts: GRANT USAGE, CREATE ON SCHEMA parts"
        assert check(guest) == grant
        execute(store.where, f"GRANT CREATE ON SCHEMA parts TO {role}")
        assert check(guest) == grant
        execute(store.where, f"GRANT USAGE ON SCHEMA parts TO {role}")
        usable = Postgres("analytics", Postgres.Settings(guest, partition_schema="parts"))
        assert [each.status for each in usable.checks()] == [Status.OK]
    finally:
        execute(store.where, f"DROP OWNED BY {role}; DROP ROLE {role}")
    replace(Postgres("postgres", Postgres.Settings(store.where, partition_schema="parts")), make())
    assert check(store.where, "other").startswith("the schema parts has partitions of public.yellow_tripdata, and each")


# Comments and keys


COMMENTS = """
    SELECT attname, col_description(attrelid, attnum) FROM pg_attribute
    WHERE attrelid = to_regclass('{table}') AND attnum > 0 AND NOT attisdropped
    UNION ALL SELECT '', obj_description(to_regclass('{table}'), 'pg_class')
"""
ZONES = [Zone(1, "EWR", "Newark Airport", "EWR"), Zone(2, "Queens", "Jamaica Bay", "Boro Zone")]


def comments(store: Store, table: str) -> dict[str, str | None]:
    return dict(store.query(COMMENTS.format(table=table)))


def as_before(store: Store) -> None:
    """Leaves the tables as the versions up to November 2026 made them."""
    execute(
        store.where,
        f"DELETE FROM pg_description WHERE objoid = ANY (SELECT to_regclass(t) FROM unnest(ARRAY{[*OURS]}) t)",
    )
    execute(store.where, "ALTER TABLE taxi_zones DROP CONSTRAINT taxi_zones_pkey")
    execute(store.where, "ALTER TABLE taxi_zones ALTER locationid DROP NOT NULL")


OURS = ("yellow_tripdata", "taxi_luigi_loads", "taxi_zones")
KEY = "SELECT count(*) FROM pg_constraint WHERE contype = 'p' AND conrelid = 'taxi_zones'::regclass"


def test_the_zones_have_a_primary_key_and_older_tables_get_it_and_comments(store: Store, make: Make) -> None:
    make().into(store)
    store.open().replace_zones(ZONES)
    before = {table: comments(store, table) for table in OURS}
    assert None not in [text for texts in before.values() for text in texts.values()]
    assert store.query(KEY) == [(1,)]
    assert not store.query(f"{TABLES} WHERE relkind = 'S'")
    as_before(store)
    execute(store.where, "COMMENT ON COLUMN yellow_tripdata.vendorid IS 'mine'")
    assert store.query(KEY) == [(0,)]
    make(seed=1).into(store)
    store.open().replace_zones(ZONES)
    before["yellow_tripdata"]["vendorid"] = "mine"
    assert {table: comments(store, table) for table in OURS} == before
    assert store.query(KEY) == [(1,)]
    assert store.query("SELECT * FROM taxi_zones ORDER BY locationid") == ZONES


def test_a_load_neither_waits_for_comments_and_keys_nor_fails_of_them(store: Store, make: Make) -> None:
    make().into(store)
    store.open().replace_zones(ZONES)
    as_before(store)
    with session(store.where) as cursor:
        cursor.execute("SELECT * FROM taxi_zones")
        cursor.execute("LOCK TABLE taxi_luigi_loads IN ROW EXCLUSIVE MODE")
        make(rows=50, seed=1).into(store)
        assert store.open(wait=0).replace_zones(ZONES[:1]) == 1
    assert store.query(KEY) == [(0,)]
    assert store.open().count(YELLOW) == {JANUARY: 50}


def test_tables_of_another_owner_are_loaded_as_they_are(store: Store) -> None:
    store.open().replace_zones(ZONES)
    as_before(store)
    role = f"role_{uuid4().hex[:8]}"
    execute(store.where, f"CREATE ROLE {role}; GRANT ALL ON taxi_zones TO {role}")
    try:
        guest = Store("postgres", f"{store.where}?options=-c%20role%3D{role}")
        assert guest.open().replace_zones(ZONES[:1]) == 1
        assert comments(store, "taxi_zones")[""] is None
        assert store.query(KEY) == [(0,)]
    finally:
        execute(store.where, f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_names_are_quoted(store: Store, make: Make) -> None:
    schema = 'We"ird %s {x} schema'
    execute(store.where, sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    warehouse = Postgres("postgres", Postgres.Settings(store.where, schema))
    for load in (make(), make(rows=50, seed=1)):
        replace(warehouse, load)
    assert warehouse.count(YELLOW) == {JANUARY: 50}
    assert store.open().count(YELLOW) == {}
    assert warehouse.filled(YELLOW, JANUARY, ["fare_amount", "%s"]) == {"fare_amount"}
    warehouse.remove_month(YELLOW, JANUARY)
    assert warehouse.loaded_months(YELLOW) == warehouse.count(YELLOW) == {}


def test_tables_into_which_the_rows_would_not_fit_are_left_alone(store: Store, make: Make) -> None:
    make().into(store)
    execute(store.where, "ALTER TABLE yellow_tripdata ADD COLUMN mine text")
    refused(lambda: make().into(store), "columns unknown to this version of taxi_luigi: mine")
    execute(
        store.where,
        "ALTER TABLE yellow_tripdata DROP COLUMN mine",
        "ALTER TABLE yellow_tripdata ALTER extra TYPE numeric",
    )
    refused(lambda: make().into(store), "extra as numeric, not double precision")
    assert store.open().count(YELLOW) == {JANUARY: 100}


def test_a_table_of_the_partitions_name_is_left_alone(store: Store, make: Make) -> None:
    execute(store.where, "CREATE TABLE yellow_tripdata_2024_01 AS SELECT 1 AS mine")
    refused(lambda: make().into(store), '"yellow_tripdata_2024_01" already exists', "rename or drop it")
    assert store.query("SELECT * FROM yellow_tripdata_2024_01") == [(1,)]


# Locks


def test_a_long_reader_neither_loses_the_copy_nor_holds_up_other_readers(
    store: Store, make: Make, background: ThreadPoolExecutor
) -> None:
    make().into(store)
    new, told = make(rows=40_000, seed=1), []
    with session(store.where) as reader:
        reader.execute("SELECT count(*) FROM yellow_tripdata")
        loading = background.submit(new.into, store, lambda done, _total: told.append(done))
        until(lambda: waits_for_the_table(store))
        with session(store.where) as another:
            another.execute("SET lock_timeout = '5s'")  # behind us it waits for 1 s, behind the reader for ever
            for _ in range(5):
                another.execute("SELECT count(*) FROM yellow_tripdata")
                assert another.fetchone() == (100,)
                another.connection.commit()
                another.execute("SET lock_timeout = '5s'")
        assert not loading.done()
    assert loading.result(60) == 40_000
    assert store.open().count(YELLOW) == {JANUARY: 40_000}
    assert told == sorted(set(told)), "the rows were copied once"


def test_a_reader_that_outlasts_the_wait_is_named(store: Store, make: Make) -> None:
    make().into(store)
    with session(store.where) as reader:
        reader.execute("SELECT count(*) FROM yellow_tripdata")
        pid = reader.connection.info.backend_pid
        failure = refused(lambda: replace(store.open(wait=0), make(rows=50, seed=1)), f"in use by process {pid} (")
        assert isinstance(failure, WarehouseBusy)
        # Not 0: the server may take a moment to end what was just refused.
        assert isinstance(refused(lambda: store.open(wait=2).remove_month(YELLOW, JANUARY), str(pid)), WarehouseBusy)
    assert store.open().count(YELLOW) == {JANUARY: 100}


def test_who_reads_the_markers_while_they_are_widened_holds_up_no_reader_of_the_trips(
    store: Store, make: Make, background: ThreadPoolExecutor
) -> None:
    make().into(store)
    execute(
        store.where,
        "ALTER TABLE taxi_luigi_loads DROP COLUMN records",
        "ALTER TABLE yellow_tripdata DROP COLUMN cbd_congestion_fee",
    )
    waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'taxi_luigi_loads'::regclass"
    with session(store.where) as reader:
        reader.execute("SELECT count(*) FROM taxi_luigi_loads")
        pid = reader.connection.info.backend_pid
        table = "table public.taxi_luigi_loads is in use by process"
        failure = refused(lambda: replace(store.open(wait=0), make(seed=1)), f"{table} {pid} (")
        assert isinstance(failure, WarehouseBusy)
        loading = background.submit(make(rows=50, seed=1).into, store)
        until(lambda: bool(store.query(waiting)))
        with session(store.where) as another:
            another.execute("SET lock_timeout = '1ms'")
            another.execute("SELECT count(*) FROM yellow_tripdata")
            assert another.fetchone() == (100,)
        assert not loading.done()
    assert loading.result(60) == 50
    assert store.open().loaded_months(YELLOW)[JANUARY].records == 50


def test_a_new_month_needs_no_lock_that_a_reader_minds(store: Store, make: Make) -> None:
    make().into(store)
    with session(store.where) as reader:
        reader.execute("SELECT count(*) FROM yellow_tripdata")
        replace(store.open(wait=0), make(month=FEBRUARY))
    assert store.open().count(YELLOW) == {JANUARY: 100, FEBRUARY: 100}


def test_a_load_in_progress_locks_nothing_that_others_want(
    store: Store, make: Make, background: ThreadPoolExecutor
) -> None:
    make().into(store)
    with paused(background, store, make(rows=60_000, seed=1)) as (loading, resume):
        replace(store.open(wait=0), make(month=FEBRUARY))
        assert store.open().count(YELLOW) == {JANUARY: 100, FEBRUARY: 100}
        failure = refused(
            lambda: replace(store.open(wait=0), make()), "yellow_tripdata 2024-01 is being changed by process"
        )
        assert isinstance(failure, WarehouseBusy)
        assert isinstance(refused(lambda: store.open(wait=0).remove_month(YELLOW, JANUARY)), WarehouseBusy)
        resume.set()
        assert loading.result(60) == 60_000
    assert store.open().count(YELLOW) == {JANUARY: 60_000, FEBRUARY: 100}


@contextmanager
def paused(background: ThreadPoolExecutor, store: Store, load: Load) -> Iterator[tuple[Future[int], threading.Event]]:
    """A load that stands still in the middle of its COPY until the event is set."""
    inside, resume = threading.Event(), threading.Event()

    def pause(_done: int, _total: int) -> None:
        inside.set()
        resume.wait()

    loading = background.submit(load.into, store, pause)
    try:
        assert inside.wait(60)
        yield loading, resume
    finally:
        resume.set()


# Servers and clients that go away


def test_a_client_killed_in_mid_copy_leaves_nothing(store: Store, make: Make) -> None:
    make().into(store)
    relations = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
    before = store.query(relations)
    new, inside = make(rows=60_000, seed=1), NEW.Semaphore(0)
    process = NEW.Process(target=load_and_hang, args=(new, store, inside), daemon=True)
    process.start()
    assert inside.acquire(timeout=60)
    process.kill()
    process.join()
    assert store.query(relations) == before
    assert store.open().count(YELLOW) == {JANUARY: 100}
    assert new.into(store) == 60_000
    assert store.query(relations) == before


def test_a_connection_that_the_server_ends_in_mid_copy(
    store: Store, make: Make, background: ThreadPoolExecutor
) -> None:
    make().into(store)
    new = make(rows=60_000, seed=1)
    with paused(background, store, new) as (loading, resume):
        copying = "SELECT pg_terminate_backend(pid) FROM pg_stat_progress_copy WHERE datname = current_database()"
        assert store.query(copying) == [(True,)]
        resume.set()
        refused(lambda: loading.result(60), "run the same command again once the server is back; nothing was loaded")
    assert store.open().count(YELLOW) == {JANUARY: 100}
    assert new.into(store) == 60_000


def test_a_server_that_stops_in_mid_copy(make: Make, background: ThreadPoolExecutor) -> None:
    server = server_module.Postgres()
    try:
        server.start()
        store = Store("postgres", server.url())
        make().into(store)
        new = make(rows=60_000, seed=1)
        with paused(background, store, new) as (loading, resume):
            server.stop("immediate")
            resume.set()
            refused(lambda: loading.result(60), "127.0.0.1", "run the same command again once the server is back")
        refused(lambda: store.open().loaded_months(YELLOW), "Connection refused", "start the server")
        server.start()
        assert store.open().count(YELLOW) == {JANUARY: 100}
        assert new.into(store) == 60_000
    finally:
        server.remove()


def test_a_limit_on_everybodys_statements_does_not_end_a_load(store: Store, make: Make) -> None:
    name = urlsplit(store.where).path[1:]
    execute(store.where, sql.SQL("ALTER DATABASE {} SET statement_timeout = '30ms'").format(sql.Identifier(name)))
    with pytest.raises(psycopg2.errors.QueryCanceled):
        store.query("SELECT pg_sleep(1)")
    make(rows=60_000).into(store)
    assert store.open().count(YELLOW) == {JANUARY: 60_000}


@pytest.mark.parametrize(
    "limit", ["transaction_timeout", "idle_in_transaction_session_timeout", "statement_timeout", "all"]
)
def test_the_servers_limits_do_not_end_a_load(
    store: Store, make: Make, background: ThreadPoolExecutor, limit: str
) -> None:
    limits = ["transaction_timeout", "idle_in_transaction_session_timeout", "statement_timeout"]
    for each in limits if limit == "all" else [limit]:
        alter(store, f"{each} = '300ms'")
    make().into(store)
    with paused(background, store, make(rows=60_000, seed=1)) as (loading, resume):
        started = "SELECT clock_timestamp() - xact_start > '600ms' FROM pg_stat_activity WHERE query LIKE 'COPY%'"
        until(lambda: store.query(started) == [(True,)])
        resume.set()
        assert loading.result(60) == 60_000
    with session(store.where) as reader:  # the swap waits and tries again, idle in its transaction meanwhile
        reader.execute("SET transaction_timeout = 0; SET idle_in_transaction_session_timeout = 0")
        reader.execute("SELECT count(*) FROM yellow_tripdata")
        loading = background.submit(make(rows=50, seed=2).into, store)
        until(lambda: waits_for_the_table(store))
        until(lambda: not waits_for_the_table(store))
    assert loading.result(60) == 50
    assert store.open().count(YELLOW) == {JANUARY: 50}


def test_what_ended_a_connection_is_said_in_the_servers_words_and_nothing_else(
    store: Store, make: Make, background: ThreadPoolExecutor, capfd: pytest.CaptureFixture[str]
) -> None:
    with paused(background, store, make(rows=60_000)) as (loading, resume):
        assert store.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_progress_copy WHERE datname = current_database()"
        ) == [(True,)]
        resume.set()
        refused(
            lambda: loading.result(60),
            "terminating connection due to administrator command; the server was stopped, or a user ended this",
        )
    assert capfd.readouterr().err == ""


def test_a_statement_that_somebody_cancels_is_named_so(
    store: Store, make: Make, background: ThreadPoolExecutor
) -> None:
    with paused(background, store, make(rows=60_000)) as (loading, resume):
        assert store.query(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_progress_copy WHERE datname = current_database()"
        ) == [(True,)]
        resume.set()
        refused(lambda: loading.result(60), "canceling statement due to user request; a limit or a user cancelled it")
    assert store.open().count(YELLOW) == {}


@pytest.mark.parametrize("limit", ["transaction_timeout", "idle_in_transaction_session_timeout"])
def test_a_limit_that_ends_a_connection_is_named(store: Store, limit: str) -> None:
    server = Server("analytics", store.where)

    def slow() -> None:
        with server.transaction() as cursor:
            cursor.execute(f"SET LOCAL {limit} = '50ms'")
            pid = cursor.connection.info.backend_pid
            until(lambda: store.query(f"SELECT 1 FROM pg_stat_activity WHERE pid = {pid}") == [])
            cursor.execute("SELECT 1")

    refused(
        slow, "terminating connection due to", "timeout; the server's limit of that name ended the connection: lift"
    )


def test_a_server_without_a_free_connection_is_named(store: Store, postgres_server: server_module.Postgres) -> None:
    name = urlsplit(store.where).path[1:]
    execute(store.where, f"CREATE ROLE role_{name} LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 0")
    try:
        guest = Store("postgres", postgres_server.url(name, f"role_{name}"))
        refused(lambda: guest.open().count(YELLOW), "too many connections for role", "with fewer --workers")
    finally:
        execute(store.where, f"DROP ROLE role_{name}")


# Databases that only read


def test_a_database_that_only_reads_is_found_beforehand_and_said_by_a_load(store: Store, make: Make) -> None:
    make().into(store)
    alter(store, "default_transaction_read_only = on")
    warehouse = store.open()
    (check,) = warehouse.checks()
    assert check.status is Status.ERROR
    assert "this database is read-only for this user, as default_transaction_read_only is on" in check.message
    words = "read-only transaction; this database is read-only", "switch default_transaction_read_only off"
    refused(lambda: make(rows=10).into(store), *words)
    refused(lambda: warehouse.replace_zones([Zone(1, "a", "b", "c")]), *words)
    refused(lambda: warehouse.remove_month(YELLOW, JANUARY), *words)
    assert warehouse.count(YELLOW) == {JANUARY: 100}


def test_a_standby_is_found_beforehand(make: Make) -> None:
    server = server_module.Postgres()
    try:
        server.start()
        store = Store("postgres", server.url())
        make().into(store)
        server.stop("fast")
        (server.folder / "data" / "standby.signal").touch()
        server.start()
        (check,) = store.open().checks()
        assert check.status is Status.ERROR
        assert "this server is a read-only standby: set the primary server in the url" in check.message
        assert store.open().count(YELLOW) == {JANUARY: 100}
        refused(lambda: make(rows=10).into(store), "read-only", "set the primary server")
    finally:
        server.remove()


# Names that others took

FOREIGN = {
    "VIEW green_tripdata AS SELECT DATE '2021-01-01' AS file_month, 1 AS vendorid": "green_tripdata is a view",
    "MATERIALIZED VIEW green_tripdata AS SELECT 1 AS vendorid": "green_tripdata is a materialized view",
    "TABLE green_tripdata (file_month date, vendorid bigint)": "green_tripdata is not partitioned by file_month",
    "TABLE green_tripdata (file_month date) PARTITION BY RANGE (file_month)": "is not partitioned by file_month",
    "SEQUENCE green_tripdata": "green_tripdata is a sequence",
    "TYPE green_tripdata AS (file_month date)": "green_tripdata is a composite type",
    "FOREIGN TABLE green_tripdata (file_month date) SERVER elsewhere": "green_tripdata is a foreign table",
    "VIEW taxi_luigi_loads AS SELECT 'green' AS color, 1 AS rows": "taxi_luigi_loads is a view",
    "TABLE taxi_luigi_loads (color text)": "taxi_luigi_loads has no column file_month",
    "TABLE taxi_luigi_loads (color text, file_month text)": "taxi_luigi_loads has file_month as text, not date",
    "VIEW taxi_zones AS SELECT 1 AS locationid": "taxi_zones is a view",
    "TABLE taxi_zones (locationid text)": "the table taxi_zones has the columns locationid text",
}


@pytest.mark.parametrize("made", FOREIGN)
def test_what_another_script_made_under_our_names_is_found_beforehand(store: Store, tmp_path: Path, made: str) -> None:
    green = DATASETS["green"]
    execute(store.where, "CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER elsewhere FOREIGN DATA WRAPPER nothing")
    execute(store.where, f"CREATE {made}")
    warehouse = store.open()
    (line,) = warehouse.foreign()
    assert FOREIGN[made] in line
    assert "so taxi_luigi did not make it; rename it" in line
    assert [check.message for check in warehouse.checks() if check.status is Status.ERROR] == [line]
    if "zones" in made:
        calls: list[Callable[[], object]] = [lambda: warehouse.replace_zones([Zone(1, "a", "b", "c")])]
        assert warehouse.zones() == 0
    else:
        path = tmp_path / "green.parquet"
        load = Load(green, JANUARY, path, write_clean(path, green, JANUARY, 3))
        calls = [
            lambda: load.into(store),
            lambda: warehouse.count(green),
            lambda: warehouse.loaded_months(green),
            lambda: warehouse.remove_month(green, JANUARY),
        ]
    for call in calls:
        assert str(refused(call)) == line


# Encodings


@pytest.fixture(params=["LATIN1", "SQL_ASCII"])
def encoded(request: pytest.FixtureRequest, postgres_server: server_module.Postgres) -> Iterator[Store]:
    """A database of another encoding than UTF8."""
    name = f"test_{uuid4().hex[:12]}"
    create = "CREATE DATABASE {} ENCODING {} TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    identifier = sql.Identifier(name)
    postgres_server.execute(sql.SQL(create).format(identifier, sql.Literal(request.param)))
    yield Store("postgres", postgres_server.url(name))
    postgres_server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))


def texts(make_in: Path, *values: str) -> Load:
    """A month of fhv with these bases."""
    fhv = DATASETS["fhv"]
    path = make_in / "fhv.parquet"
    receipt = write_clean(path, fhv, JANUARY, len(values), affiliated_base_number=list(values))
    return Load(fhv, JANUARY, path, receipt)


def bases(store: Store) -> list[str]:
    """As a person's own client shows them, which asks for UTF-8."""
    connection = psycopg2.connect(store.where, client_encoding="UTF8")
    with closing(connection), connection.cursor() as cursor:
        cursor.execute("SELECT affiliated_base_number FROM fhv_tripdata ORDER BY 1")
        return [text for (text,) in cursor]


@pytest.mark.parametrize("how", ["PGCLIENTENCODING", "url", "options", "database", "service"])
def test_texts_are_stored_as_they_are_whatever_encoding_clients_speak(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    url = store.where
    if how == "PGCLIENTENCODING":
        monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    elif how == "url":
        url += "?client_encoding=LATIN1"
    elif how == "options":
        url += "?options=-c%20client_encoding%3DLATIN1"
    elif how == "database":
        alter(store, "client_encoding = 'LATIN1'")
    else:
        (tmp_path / "services").write_text("[taxi]\nclient_encoding=LATIN1\n")
        monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
        url += "?service=taxi"
    texts(tmp_path, "Bé", "東").into(Store("postgres", url))
    Postgres("postgres", Postgres.Settings(url)).replace_zones([Zone(1, "é", "東", "c")])
    assert bases(store) == ["Bé", "東"]
    lengths = "SELECT length(borough), length(zone), encode(convert_to(zone, 'UTF8'), 'hex') FROM taxi_zones"
    assert store.query(lengths) == [(1, 1, "e69db1")]


def test_a_database_of_another_encoding_gets_its_own_letters(encoded: Store, tmp_path: Path) -> None:
    texts(tmp_path, "Bé").into(encoded)
    assert bases(encoded) == ["Bé"]
    (length,) = encoded.query("SELECT octet_length(affiliated_base_number) FROM fhv_tripdata")
    (encoding,) = encoded.query("SHOW server_encoding")
    assert length == ((2,) if encoding == ("LATIN1",) else (3,))
    assert [check.status for check in encoded.open().checks() if check.what == "encoding"] == [
        Status.UNKNOWN if encoding == ("LATIN1",) else Status.OK
    ]


def test_a_letter_that_the_databases_encoding_lacks_is_one_line(encoded: Store, tmp_path: Path) -> None:
    load = texts(tmp_path, "Bé", "東")
    names = [Zone(1, "a", "東", "c")]
    if encoded.query("SHOW server_encoding") == [("SQL_ASCII",)]:
        load.into(encoded)
        encoded.open().replace_zones(names)
        assert bases(encoded) == ["Bé", "東"]
        return
    for call in (lambda: load.into(encoded), lambda: encoded.open().replace_zones(names)):
        refused(call, 'no equivalent in encoding "LATIN1"', "the database's encoding, LATIN1, cannot hold it: make one")
    assert encoded.open().count(load.dataset) == {}
    assert encoded.open().zones() == 0


def test_a_character_0_is_one_line(store: Store, tmp_path: Path) -> None:
    refused(lambda: texts(tmp_path, "B\0").into(store), "0x00; PostgreSQL has no character 0 in its texts: take it out")


@pytest.mark.parametrize("encoded", ["SQL_ASCII"], indirect=True)
def test_a_name_in_another_encoding_is_one_line(encoded: Store) -> None:
    """Of a table of ours that another program made, in a database that checks no texts."""
    execute(encoded.where, b'SET client_encoding = SQL_ASCII; CREATE TABLE fhv_tripdata ("B\xe9" int)')
    words = "0xe9; the database holds a name or text that is not UTF-8: rename what has it"
    for call in (encoded.open().foreign, lambda: encoded.open().count(DATASETS["fhv"])):
        refused(call, words)
    [check] = encoded.open().checks()
    assert words in check.message


@pytest.mark.parametrize("encoded", ["MULE_INTERNAL"], indirect=True)
def test_a_database_that_does_not_speak_utf_8_is_one_line(encoded: Store) -> None:
    refused(encoded.open().foreign, "MULE_INTERNAL is not supported; make a database with ENCODING 'UTF8'")


# Connections


def test_a_failed_connection_is_an_error_with_its_cause(store: Store, postgres_server: server_module.Postgres) -> None:
    def ask(url: str) -> Callable[[], object]:
        return lambda: Postgres("analytics", Postgres.Settings(url)).loaded_months(YELLOW)

    todo = "correct [warehouse.analytics] url"
    failure = refused(ask(postgres_server.url(password="an0ther-s3cret")), "password authentication failed", todo)
    assert "an0ther-s3cret" not in "".join(traceback.format_exception(failure))
    refused(ask(postgres_server.url("nowhere")), 'database "nowhere" does not exist', todo)
    refused(ask(f"postgresql://{USER}:{PASSWORD}@127.0.0.1:1/x"), "Connection refused", f"{USER}@127.0.0.1:1/x", todo)
    refused(ask(f"postgresql://{USER}:{PASSWORD}@host.invalid/x"), "host.invalid", todo)
    refused(ask(f"{store.where}?sslmode=require"), "SSL", todo)


def test_a_password_that_libpq_repeats_is_masked(postgres_server: server_module.Postgres) -> None:
    with pytest.raises(WarehouseError, match=r'database "\*\*\*" does not exist'):
        Postgres("analytics", Postgres.Settings(postgres_server.url(database=PASSWORD))).count(YELLOW)


def test_a_missing_schema_is_named(store: Store, make: Make) -> None:
    warehouse = Postgres("analytics", Postgres.Settings(store.where, "nowhere"))
    assert warehouse.loaded_months(YELLOW) == warehouse.count(YELLOW) == {}
    refused(
        lambda: replace(warehouse, make()),
        'schema "nowhere" does not exist',
        "set another schema in [warehouse.analytics]",
    )


def test_a_missing_permission_is_an_error_that_names_it(
    store: Store, make: Make, postgres_server: server_module.Postgres
) -> None:
    role = f"role_{uuid4().hex[:8]}"
    name = urlsplit(store.where).path[1:]
    execute(store.where, f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
    try:
        guest = Store("postgres", postgres_server.url(name, role))
        refused(lambda: make().into(guest), "permission denied for schema public", "grant this user")
        make().into(store)
        refused(
            lambda: guest.open().loaded_months(YELLOW),
            "permission denied for table taxi_luigi_loads",
            "grant this user",
        )
    finally:
        execute(store.where, f"DROP ROLE {role}")


def test_without_a_url_libpq_decides(store: Store, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = urlsplit(store.where)
    given = {"PGHOST": "127.0.0.1", "PGPORT": str(parts.port), "PGUSER": USER, "PGDATABASE": parts.path[1:]}
    passwords = tmp_path / "pgpass"
    passwords.write_text(f"127.0.0.1:{parts.port}:*:{USER}:{PASSWORD}\n")
    passwords.chmod(0o600)
    for key, value in (given | {"PGPASSFILE": str(passwords)}).items():
        monkeypatch.setenv(key, value)
    warehouse = Postgres("postgres", Postgres.Settings())
    assert replace(warehouse, make()) == 100
    assert warehouse.address == "PostgreSQL at libpq's defaults, schema public"
    passwords.write_text(f"127.0.0.1:{parts.port}:*:{USER}:wr0ng-s3cret\n")
    assert "wr0ng-s3cret" not in str(refused(lambda: warehouse.count(YELLOW), "password authentication failed"))


def test_sqlalchemys_spelling_of_the_url_is_taken(store: Store) -> None:
    assert (
        Postgres("postgres", Postgres.Settings(store.where.replace("postgresql://", "postgresql+psycopg2://"))).count(
            YELLOW
        )
        == {}
    )


def test_a_password_of_any_characters_works_once_it_is_escaped(
    store: Store, postgres_server: server_module.Postgres
) -> None:
    role = f"role_{uuid4().hex[:8]}"
    password, escaped = "p@s:s/w?o#r%d'é", "p%40s%3As%2Fw%3Fo%23r%25d%27%C3%A9"
    execute(
        store.where, sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
    )
    try:
        url = postgres_server.url(urlsplit(store.where).path[1:], role, escaped)
        assert Postgres("postgres", Postgres.Settings(url)).count(YELLOW) == {}
    finally:
        execute(store.where, f"DROP ROLE {role}")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cr@t-pass@localhost/taxi",
        "postgresql://me:s3cr/t-pass@localhost/taxi",
        "postgresql://me:123/t-pass@localhost/taxi",
        "postgresql://me:s3cr%zzt-pass@localhost/taxi",
        "postgresql://me:s3cr@t-pass?@localhost/taxi",
        "postgresql://me:s3cr[@]t-pass@localhost/taxi",
        "mysql://me:t-pass@localhost/taxi",
        "me:t-pass@localhost/taxi",
        "host=localhost password=t pass",
    ],
)
def test_a_url_that_cannot_be_read_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigError) as error:
        Postgres("analytics", Postgres.Settings(url))
    assert str(error.value).startswith("[warehouse.analytics] url cannot be read as postgresql://")
    shown = "".join(traceback.format_exception(error.value)).replace(str(error.value), "")
    for secret in ("s3cr", "t-pass", "localhost", "t pass"):
        assert secret not in str(error.value)
        assert secret not in shown


def test_the_address_is_without_the_password() -> None:
    warehouse = Postgres(
        "postgres", Postgres.Settings("postgresql://me:s3cret@db.example:5433/taxi?sslmode=require", "trips")
    )
    assert warehouse.address == "postgresql://me@db.example:5433/taxi, schema trips"
    assert Postgres("postgres", Postgres.Settings("postgresql:///taxi")).address == "postgresql:///taxi, schema public"


def test_a_column_of_another_type_is_refused_before_the_server_reads_it_as_something_else(
    store: Store, make: Make
) -> None:
    columns = tuple(
        dataclasses.replace(column, type="int64") if column.name == "total_amount" else column
        for column in YELLOW.columns
    )
    load = make()
    write_clean(load.clean, dataclasses.replace(YELLOW, columns=columns), JANUARY, 100)
    with pytest.raises(Exception, match="has a column total_amount of type int64, not double"):
        load.into(store)
    assert store.open().count(YELLOW) == {}
