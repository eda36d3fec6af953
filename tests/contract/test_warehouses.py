"""What every warehouse promises: one suite for all of them, against a real file and a real server."""

from __future__ import annotations

import dataclasses
import random
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from taxi_luigi.config.factories import STORES
from taxi_luigi.core.errors import AccountError, ForeignTable, TaxiError, WarehouseError
from taxi_luigi.tlc.datasets import DATASETS, Dataset
from taxi_luigi.tlc.months import Month
from taxi_luigi.tlc.zones import Zone
from taxi_luigi.warehouses import Warehouse
from tests.support import bigquery, google
from tests.support.trips import write_clean
from tests.support.warehouses import NEW, Load, Store, ask, replace_zones

YELLOW, GREEN = DATASETS["yellow"], DATASETS["green"]
JANUARY, FEBRUARY = Month(2024, 1), Month(2024, 2)
TYPES = {
    "duckdb": {
        "int32": "INTEGER",
        "int64": "BIGINT",
        "double": "DOUBLE",
        "string": "VARCHAR",
        "timestamp[us]": "TIMESTAMP",
        "date32": "DATE",
    },
    "postgres": {
        "int32": "integer",
        "int64": "bigint",
        "double": "double precision",
        "string": "text",
        "timestamp[us]": "timestamp without time zone",
        "date32": "date",
    },
    "bigquery": {
        "int32": "INT64",
        "int64": "INT64",
        "double": "FLOAT64",
        "string": "STRING",
        "timestamp[us]": "DATETIME",
        "date32": "DATE",
    },
}
READS = {"duckdb": 60, "postgres": 60, "bigquery": 15}
"""how often a reader looks while others write; the stand-in for BigQuery takes a tenth of a second for an answer"""

Make = Callable[..., Load]


@pytest.fixture(params=STORES["warehouse"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty warehouse of each type that luigi.cfg may name."""
    makers: dict[str, Callable[[], str]] = {
        "duckdb": lambda: str(tmp_path / "warehouse" / "trips.duckdb"),
        "postgres": lambda: str(request.getfixturevalue("postgres_url")),
        "bigquery": lambda: google.described() or bigquery.described(request.getfixturevalue("bigquery")),
    }
    return Store(request.param, makers[request.param]())


@pytest.fixture
def warehouse(store: Store) -> Warehouse:
    return store.open()


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Writes a clean month and returns what it takes to load it."""

    def make(
        rows: int = 100, month: Month = JANUARY, dataset: Dataset = YELLOW, seed: int = 0, **changes: object
    ) -> Load:
        path = tmp_path / f"{dataset.table}_{month}_{rows}_{seed}.parquet"
        return Load(dataset, month, path, write_clean(path, dataset, month, rows, seed, **changes))

    return make


def state(store: Store, dataset: Dataset = YELLOW) -> tuple[dict[Month, int], dict[Month, tuple[str, int]]]:
    """What the table holds, and what the markers say that it holds."""
    warehouse = store.open()
    markers = warehouse.loaded_months(dataset)
    return warehouse.count(dataset), {month: (marker.edition, marker.rows) for month, marker in markers.items()}


def holds(store: Store, *loads: Load) -> bool:
    """Whether the warehouse holds exactly these months of their record type, each whole and with its marker."""
    counts = {load.month: load.receipt.rows_kept for load in loads if load.receipt.rows_kept}
    markers = {load.month: (load.receipt.edition, load.receipt.rows_kept) for load in loads}
    return state(store, loads[0].dataset) == (counts, markers)


def one_line(error: pytest.ExceptionInfo[TaxiError]) -> str:
    text = str(error.value)
    assert text
    assert "\n" not in text
    return text


def test_nothing_is_there_before_the_first_load(warehouse: Warehouse) -> None:
    assert warehouse.loaded_months(YELLOW) == {}
    assert warehouse.count(YELLOW) == {}
    warehouse.remove_month(YELLOW, JANUARY)
    assert warehouse.loaded_months(YELLOW) == {}


def test_a_load_leaves_rows_and_a_marker(store: Store, make: Make) -> None:
    load, told = make(rows=40_000), []
    before = datetime.now().astimezone().replace(microsecond=0)
    assert load.into(store, lambda done, total: told.append((done, total))) == 40_000
    assert holds(store, load)
    marker = store.open().loaded_months(YELLOW)[JANUARY]
    assert (marker.color, marker.month, marker.sha256) == ("yellow", JANUARY, load.receipt.raw.sha256)
    assert before <= datetime.fromisoformat(marker.loaded_at) <= datetime.now().astimezone()
    assert store.query("SELECT source FROM taxi_luigi_loads") == [(load.receipt.raw.url,)]
    assert told == sorted(told)
    assert told[-1] == (40_000, 40_000)


def test_loading_again_replaces(store: Store, make: Make) -> None:
    other = make(rows=50, month=FEBRUARY)
    other.into(store)
    for load in (make(rows=100), make(rows=100), make(rows=70, seed=1), make(rows=200, seed=2)):
        load.into(store)
        assert holds(store, load, other)
    total = store.query("SELECT count(*), count(DISTINCT tpep_pickup_datetime) FROM yellow_tripdata")
    assert total == [(250, 250)]


def test_colors_have_tables_of_their_own(store: Store, make: Make) -> None:
    yellow, green = make(rows=10), make(rows=20, dataset=GREEN)
    yellow.into(store)
    assert state(store, GREEN) == ({}, {})
    green.into(store)
    assert holds(store, yellow)
    assert holds(store, green)


def test_a_month_without_trips_is_loaded(store: Store, make: Make) -> None:
    empty, full = make(rows=0), make(rows=10)
    assert empty.into(store) == 0
    assert holds(store, empty)
    full.into(store)
    assert holds(store, full)
    empty.into(store)
    assert holds(store, empty)


def test_removing_takes_rows_and_marker_of_that_month_only(store: Store, make: Make) -> None:
    january, february = make(rows=30), make(rows=40, month=FEBRUARY)
    january.into(store)
    february.into(store)
    store.open().remove_month(YELLOW, JANUARY)
    assert holds(store, february)
    store.open().remove_month(YELLOW, JANUARY)
    january.into(store)
    assert holds(store, january, february)


@pytest.mark.parametrize("off", [-1, 1])
def test_a_count_that_differs_from_the_receipt_changes_nothing(store: Store, make: Make, off: int) -> None:
    old, new = make(rows=100), make(rows=150, seed=1)
    wrong = dataclasses.replace(new, receipt=dataclasses.replace(new.receipt, rows_kept=150 + off))
    with pytest.raises(AccountError) as error:
        wrong.into(store)
    assert state(store) == ({}, {})
    assert "150" in one_line(error)
    assert f"{150 + off}" in one_line(error)
    old.into(store)
    with pytest.raises(AccountError):
        wrong.into(store)
    assert holds(store, old)


def test_rows_of_another_month_are_refused(store: Store, make: Make) -> None:
    load = make(rows=10)
    with pytest.raises(TaxiError) as error:
        dataclasses.replace(load, month=FEBRUARY).into(store)
    one_line(error)
    assert state(store) == ({}, {})


def test_a_damaged_clean_file_changes_nothing(store: Store, make: Make) -> None:
    old, new = make(rows=5_000), make(rows=6_000, seed=1)
    old.into(store)
    whole = new.clean.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", whole[:1000] + bytes(2000) + whole[3000:]):
        new.clean.write_bytes(damaged)
        with pytest.raises(TaxiError) as error:
            new.into(store)
        assert str(new.clean) in one_line(error)
        assert holds(store, old)


def test_an_exception_in_progress_is_what_the_caller_gets(store: Store, make: Make) -> None:
    class Stopped(BaseException):
        pass

    def stop(done: int, total: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        make(rows=10).into(store, stop)


def test_columns_and_types_are_the_canonical_ones(store: Store, make: Make) -> None:
    for dataset in (YELLOW, GREEN):
        make(rows=1, dataset=dataset).into(store)
        found = store.query(
            "SELECT column_name, data_type FROM information_schema.columns "
            f"WHERE table_name = '{dataset.table}' ORDER BY ordinal_position"
        )
        assert found == [(column.name, TYPES[store.kind][column.type]) for column in dataset.columns]


def test_values_come_back_as_they_were(store: Store, make: Make) -> None:
    stamps = [
        datetime(2001, 1, 1),
        datetime(2024, 1, 31, 23, 59, 59, 999_999),
        datetime(2088, 2, 29, 1, 2, 3, 4),
        datetime(3019, 12, 31),
        datetime(1969, 7, 20, 20, 17, 40, 1),
    ]
    money = [-0.0, 0.1 + 0.2, -1e308, 5e-324, None]
    text = ["", None, "Zürich 🚕 東京", "a\"b'c;\\N\t", "NULL\r\n"]
    ids = [-(2**31), 2**31 - 1, 0, None, 265]
    make(
        rows=5,
        tpep_pickup_datetime=stamps,
        total_amount=money,
        store_and_fwd_flag=text,
        pulocationid=ids,
        vendorid=range(5),
    ).into(store)
    rows = store.query(
        "SELECT tpep_pickup_datetime, total_amount, store_and_fwd_flag, pulocationid, file_month "
        "FROM yellow_tripdata ORDER BY vendorid"
    )
    assert [row[0] for row in rows] == stamps
    assert [_bits(row[1]) for row in rows] == [_bits(value) for value in money]
    assert [row[2] for row in rows] == text
    assert [row[3] for row in rows] == ids
    assert {row[4] for row in rows} == {JANUARY.first_day}


def _bits(value: float | None) -> bytes | None:
    """Return the bits of a number, which tell -0.0 from 0.0."""
    return None if value is None else struct.pack("d", value)


def test_a_column_that_an_older_version_did_not_have_is_added(store: Store, make: Make) -> None:
    columns = tuple(column for column in YELLOW.columns if column.name != "cbd_congestion_fee")
    old = make(rows=10, dataset=dataclasses.replace(YELLOW, columns=columns))
    old.into(store)
    new = make(rows=20, month=FEBRUARY, cbd_congestion_fee=[0.75] * 20)
    new.into(store)
    assert holds(store, old, new)
    assert store.query("SELECT count(cbd_congestion_fee), sum(cbd_congestion_fee) FROM yellow_tripdata") == [(20, 15.0)]
    make(rows=10).into(store)
    dataclasses.replace(old, dataset=YELLOW).into(store)  # a file of the older version, too, still loads
    assert holds(store, old, new)


def with_rejects(load: Load, unreadable: int, by_rule: int) -> Load:
    """The same month, from a file with more records than were kept."""
    rejected = {"unreadable:fare_amount": unreadable, "no_passengers": by_rule}
    rows_in = load.receipt.rows_kept + unreadable + by_rule
    receipt = dataclasses.replace(load.receipt, rows_in=rows_in, rejected=rejected, rules={"no_passengers": by_rule})
    return dataclasses.replace(load, receipt=receipt)


def records(store: Store, dataset: Dataset = YELLOW) -> dict[Month, int | None]:
    """What the markers say of the files' records."""
    return {month: marker.records for month, marker in store.open().loaded_months(dataset).items()}


def test_a_marker_has_the_records_that_can_be_stored_whatever_a_rule_took_out(store: Store, make: Make) -> None:
    with_rejects(make(rows=100), unreadable=5, by_rule=30).into(store)
    with_rejects(make(rows=40, month=FEBRUARY), unreadable=1, by_rule=0).into(store)
    assert records(store) == {JANUARY: 130, FEBRUARY: 40}
    assert store.query("SELECT m.rows, m.records FROM taxi_luigi_loads AS m ORDER BY m.records") == [
        (40, 40),
        (100, 130),
    ]
    with_rejects(make(rows=90, seed=1), unreadable=5, by_rule=20).into(store)
    assert records(store) == {JANUARY: 110, FEBRUARY: 40}
    store.open().remove_month(YELLOW, JANUARY)
    assert records(store) == {FEBRUARY: 40}


def test_markers_of_a_newer_version_are_read_and_stay(store: Store, make: Make) -> None:
    load, text = make(rows=10), {"duckdb": "VARCHAR", "postgres": "text", "bigquery": "STRING"}[store.kind]
    load.into(store)
    _execute(store, f"ALTER TABLE taxi_luigi_loads ADD COLUMN signature {text}")
    before = store.query("SELECT * FROM taxi_luigi_loads")
    assert holds(store, load)
    warehouse = store.open()
    why = "taxi_luigi_loads has columns unknown to this version of taxi_luigi: signature; upgrade or drop them"
    assert [line.rpartition("the table ")[2] for line in warehouse.foreign()] == [why]
    for call in (lambda: make(rows=20, seed=1).into(store), lambda: warehouse.remove_month(YELLOW, JANUARY)):
        with pytest.raises(ForeignTable) as refused:
            call()
        assert one_line(refused).endswith(why)
    assert holds(store, load)
    assert store.query("SELECT * FROM taxi_luigi_loads") == before


FIRST_MARKS = ["color", "file_month", "edition", "sha256", "source", "rows", "loaded_at"]
"""columns of the markers up to November 2026"""


def narrow_markers(store: Store) -> None:
    """Leaves the table of markers as the versions up to November 2026 made it."""
    if store.kind == "bigquery":
        narrow = "SELECT * EXCEPT (records) FROM taxi_luigi_loads"
        _execute(store, f"CREATE OR REPLACE TABLE taxi_luigi_loads AS {narrow}")
    else:
        _execute(store, "ALTER TABLE taxi_luigi_loads DROP COLUMN records")


def mark_columns(store: Store) -> list[str]:
    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'taxi_luigi_loads'"
    return [name for (name,) in store.query(f"{columns} ORDER BY ordinal_position")]


def test_markers_of_before_are_read_and_the_next_load_widens_them(store: Store, make: Make) -> None:
    old, gone, new = make(rows=10), make(rows=20, month=FEBRUARY), make(rows=30, month=Month(2024, 3))
    old.into(store)
    gone.into(store)
    whole = mark_columns(store)
    narrow_markers(store)
    assert mark_columns(store) == whole[:-1]
    assert whole[-1] == "records"
    assert records(store) == {JANUARY: None, FEBRUARY: None}
    assert holds(store, old, gone)
    assert store.open().foreign() == []
    store.open().remove_month(YELLOW, FEBRUARY)
    assert holds(store, old)
    with_rejects(new, unreadable=0, by_rule=2).into(store)
    assert mark_columns(store) == whole
    assert records(store) == {JANUARY: None, new.month: 32}
    assert holds(store, old, new)
    old.into(store)
    assert records(store) == {JANUARY: 10, new.month: 32}


def test_a_load_that_fails_leaves_the_markers_of_before_readable(store: Store, make: Make) -> None:
    old, new = make(rows=10), make(rows=20, seed=1)
    old.into(store)
    narrow_markers(store)
    with pytest.raises(AccountError):
        dataclasses.replace(new, receipt=dataclasses.replace(new.receipt, rows_kept=21)).into(store)
    assert holds(store, old)
    assert records(store) == {JANUARY: None}


def test_processes_widen_the_markers_at_the_same_time(store: Store, make: Make) -> None:
    make(rows=10).into(store)
    narrow_markers(store)
    loads = [make(rows=1_000, month=Month(2024, month)) for month in range(2, 5)]
    _together(store, loads)
    assert records(store) == {JANUARY: None, **{load.month: 1_000 for load in loads}}


def test_a_marker_that_a_version_of_before_wrote_has_no_records(store: Store, make: Make) -> None:
    """PostgreSQL keeps those of the month that was replaced; that they are fewer than the rows gives them away."""
    make(rows=100).into(store)
    _mark_as_before(store, 200)
    marker = store.open().loaded_months(YELLOW)[JANUARY]
    assert (marker.edition, marker.rows, marker.records) == ("a-b", 200, None)
    with_rejects(make(rows=90, seed=1), unreadable=0, by_rule=5).into(store)
    assert records(store) == {JANUARY: 95}


def test_which_columns_of_a_month_have_values(store: Store, make: Make) -> None:
    nothing = [None] * 100
    last = [*[None] * 99, 0.0]
    make(
        airport_fee=nothing, ratecodeid=nothing, tip_amount=last, store_and_fwd_flag=[""] * 100, extra=[-0.0] * 100
    ).into(store)
    make(month=FEBRUARY, airport_fee=last, ratecodeid=[1] * 100, tip_amount=nothing).into(store)
    warehouse = store.open()
    columns = ["tip_amount", "airport_fee", "ratecodeid", "file_month", "store_and_fwd_flag", "extra"]
    assert warehouse.filled(YELLOW, JANUARY, columns) == {"tip_amount", "store_and_fwd_flag", "extra", "file_month"}
    assert warehouse.filled(YELLOW, FEBRUARY, columns[:3]) == {"airport_fee", "ratecodeid"}
    assert warehouse.filled(YELLOW, JANUARY, ["airport_fee"]) == set()
    assert warehouse.filled(YELLOW, JANUARY, []) == set()
    make(airport_fee=last).into(store)
    assert warehouse.filled(YELLOW, JANUARY, ["airport_fee"]) == {"airport_fee"}
    warehouse.remove_month(YELLOW, JANUARY)
    assert warehouse.filled(YELLOW, JANUARY, columns) == set()
    assert warehouse.filled(YELLOW, FEBRUARY, columns[:3]) == {"airport_fee", "ratecodeid"}


def test_what_is_not_there_has_no_values(store: Store, make: Make) -> None:
    assert store.open().filled(YELLOW, JANUARY, ["fare_amount"]) == set()
    columns = tuple(column for column in YELLOW.columns if column.name != "cbd_congestion_fee")
    make(dataset=dataclasses.replace(YELLOW, columns=columns)).into(store)
    assert store.open().filled(YELLOW, FEBRUARY, ["fare_amount"]) == set()
    assert store.open().filled(GREEN, JANUARY, ["fare_amount"]) == set()
    asked = ["cbd_congestion_fee", "no_such_column", 'a"b', "{table}", "%s", "fare_amount"]
    assert store.open().filled(YELLOW, JANUARY, asked) == {"fare_amount"}


def test_a_table_that_is_not_ours_is_left_alone(store: Store, make: Make) -> None:
    load = make(rows=10)
    load.into(store)
    store.open().remove_month(YELLOW, JANUARY)
    _execute(store, "DROP TABLE yellow_tripdata; CREATE TABLE yellow_tripdata AS SELECT 1 AS vendorid")
    with pytest.raises(WarehouseError, match="taxi_luigi did not make it") as error:
        load.into(store)
    one_line(error)
    assert store.query("SELECT * FROM yellow_tripdata") == [(1,)]


NEIGHBOURS = {"taxi[1]": "taxi1", "a*b": "axxb", "what?": "whats", "[!a]": "b", "{a,b}": "a", "**": "c"}
"""folder → one that it would name, too, were it a pattern"""

PLAIN = [
    *(
        "fare_amount=0",
        "env=prod",
        "file_month=2020-01-01",
        "100%",
        "it's",
        'say "so"',
        "with space",
        "ü",
        "back\\slash",
    ),
    *("two\nlines", "s3:", "md:taxi", "~", "$HOME", "#1;--"),
]


def test_a_clean_file_is_one_file_whatever_its_folders_are_called(store: Store, tmp_path: Path) -> None:
    for decoy in NEIGHBOURS.values():
        write_clean(tmp_path / decoy / "month.parquet", YELLOW, JANUARY, 5, 99, fare_amount=[99.0] * 5)
    folders = [*NEIGHBOURS, *PLAIN] if store.kind != "bigquery" else ["taxi[1]", "a*b", "fare_amount=0"]
    for number, folder in enumerate(folders, 1):
        path = tmp_path / folder / "month.parquet"
        receipt = write_clean(path, YELLOW, JANUARY, 3, number, fare_amount=[float(number)] * 3)
        load = Load(YELLOW, JANUARY, path, receipt)
        assert load.into(store) == 3
        assert holds(store, load), folder
        loaded = store.query("SELECT DISTINCT fare_amount, file_month FROM yellow_tripdata")
        assert loaded == [(float(number), JANUARY.first_day)], folder


def test_a_view_of_our_name_is_named_and_its_rows_are_not_ours(store: Store, make: Make) -> None:
    load = make(rows=10)
    load.into(store)
    assert store.open().foreign() == []
    _execute(store, "CREATE TABLE kept AS SELECT * FROM yellow_tripdata")
    _execute(store, "DROP TABLE yellow_tripdata")
    _execute(store, "CREATE VIEW yellow_tripdata AS SELECT * FROM kept")
    warehouse = store.open()
    calls: list[Callable[[], object]] = [
        lambda: load.into(store),
        lambda: warehouse.count(YELLOW),
        lambda: warehouse.remove_month(YELLOW, JANUARY),
    ]
    if store.kind != "bigquery":  # there it would cost a request, with nothing to do
        calls.append(lambda: warehouse.loaded_months(YELLOW))
    for call in calls:
        with pytest.raises(
            ForeignTable, match=r"(?i)yellow_tripdata is a view, so taxi_luigi did not make it"
        ) as error:
            call()
        assert "rename it" in one_line(error)
    (line,) = warehouse.foreign()
    assert line == one_line(error)
    other = make(rows=7, dataset=GREEN)
    other.into(store)
    assert holds(store, other)


def test_markers_and_zones_of_somebody_elses_are_named(store: Store, make: Make) -> None:
    make(dataset=GREEN, rows=1).into(store)
    _execute(store, "DROP TABLE taxi_luigi_loads")
    _execute(store, "CREATE TABLE taxi_luigi_loads AS SELECT 1 AS mine")
    _execute(store, "CREATE TABLE taxi_zones AS SELECT 1 AS locationid")
    warehouse = store.open()
    lines = warehouse.foreign()
    assert len(lines) == 2
    assert "taxi_luigi_loads" in "".join(lines)
    assert "taxi_zones has the columns locationid" in "".join(lines)
    with pytest.raises(WarehouseError, match=r"taxi_luigi_loads .*did not make it") as error:
        make(rows=1).into(store)
    one_line(error)
    assert store.query("SELECT * FROM taxi_luigi_loads") == [(1,)]


def test_readers_see_the_old_month_or_the_new(store: Store, make: Make) -> None:
    loads = [make(rows=3_000), make(rows=5_000, seed=1)]
    loads[0].into(store)
    seen = NEW.Queue()
    both = "SELECT (SELECT count(*) FROM yellow_tripdata), (SELECT rows FROM taxi_luigi_loads)"
    if store.kind == "bigquery":  # rows and marker change one after the other
        both = "SELECT count(*), count(*) FROM yellow_tripdata"
    times = READS[store.kind]
    reader = NEW.Process(target=ask, args=(store, both, times, seen), daemon=True)
    reader.start()
    while reader.is_alive():
        loads[1].into(store)
        loads[0].into(store)
    answers = seen.get(timeout=60)
    assert {answer for (answer,) in answers} <= {(3_000, 3_000), (5_000, 5_000)}
    assert len(answers) == times


def test_two_processes_load_the_same_month(store: Store, make: Make) -> None:
    loads = [make(rows=20_000), make(rows=30_000, seed=1)]
    _together(store, loads)
    assert any(holds(store, load) for load in loads)


def test_two_processes_load_different_months(store: Store, make: Make) -> None:
    loads = [make(rows=20_000), make(rows=30_000, month=FEBRUARY)]
    _together(store, loads)
    assert holds(store, *loads)


def test_threads_load_at_the_same_time(store: Store, make: Make) -> None:
    loads = [make(rows=2_000 + 100 * number, month=Month(2023, 1 + number % 3), seed=number) for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(lambda load: load.into(store), loads)) == [load.receipt.rows_kept for load in loads]
    assert any(holds(store, a, b, c) for a in loads[::3] for b in loads[1::3] for c in loads[2::3])


def test_a_killed_load_leaves_nothing_and_is_simply_repeated(store: Store, make: Make) -> None:
    many, kills = (30_000, 3) if store.kind == "bigquery" else (100_000, 5)
    old, new = make(rows=1_000), make(rows=many, seed=1)
    old.into(store)
    relations, files = _relations(store), _files(store)
    started = time.monotonic()
    new.into(store)
    duration = time.monotonic() - started
    old.into(store)
    moments = random.Random(1)
    for _ in range(kills):
        go, ready = NEW.Event(), NEW.Semaphore(0)
        process = new.process(store, (ready, go))
        ready.acquire()
        go.set()
        process.join(moments.uniform(0.05, 1.2) * duration)
        process.kill()
        process.join()
        if store.kind == "bigquery":  # whose marker comes after its rows; both are whole
            assert store.open().count(YELLOW)[JANUARY] in (1_000, many)
        else:
            assert holds(store, old) or holds(store, new)
        old.into(store)
    assert holds(store, old)
    assert _relations(store) == relations
    assert _files(store) == files


def test_a_forked_child_can_use_what_its_parent_used(store: Store, make: Make) -> None:
    load = make(rows=1_000)
    load.into(store)
    script = f"""
import os, pathlib
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month
from tests.support import bigquery, google
from tests.support.trips import clean_receipt
from tests.support.warehouses import Load, Store
store, yellow, month = Store({store.kind!r}, {store.where!r}), DATASETS["yellow"], Month(2024, 1)
load = Load(yellow, month, pathlib.Path({str(load.clean)!r}), clean_receipt(yellow, month, 1_000, 0))
warehouse = store.open()
load.into(store)
assert warehouse.count(yellow) == {{month: 1_000}}
child = os.fork()
if not child:
    assert warehouse.count(yellow) == {{month: 1_000}}
    warehouse.remove_month(yellow, month)
    assert load.into(store) == 1_000
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert warehouse.count(yellow) == {{month: 1_000}}
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_asking_what_is_loaded_imports_nothing_heavy(store: Store, make: Make) -> None:
    make(rows=10).into(store)
    kind = {"duckdb": "DuckDB", "postgres": "Postgres", "bigquery": "BigQuery"}[store.kind]
    # Google's client itself imports pandas and pyarrow where they are installed (0.4 s; November 2026)
    heavy = {"sqlalchemy", "duckdb", "psycopg2"} if store.kind == "bigquery" else {"pandas", "pyarrow", "sqlalchemy"}
    script = f"""
import pathlib, sys
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month
from taxi_luigi.warehouses.{store.kind} import {kind}
warehouse = {_opening(store)}
assert len(warehouse.loaded_months(DATASETS["yellow"])) == 1
assert len(warehouse.count(DATASETS["yellow"])) == 1
assert warehouse.zones() == 0
warehouse.remove_month(DATASETS["yellow"], Month(2024, 1))
print(sorted({heavy!r} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
    # On a loaded machine the stand-in for BigQuery can take longer than the warning's two seconds
    assert [line for line in done.stderr.splitlines() if "has not answered for 2 s" not in line] == []


def _opening(store: Store) -> str:
    """The Python expression that makes the warehouse."""
    if google.is_described(store.where):
        return google.constructor(store.where)
    if store.kind == "bigquery":
        endpoint, _, dataset = store.where.split()
        return f"BigQuery('x', BigQuery.Settings({bigquery.PROJECT!r}, {dataset!r}, endpoint={endpoint!r}))"
    if store.kind == "duckdb":
        return f"DuckDB('x', DuckDB.Settings(pathlib.Path({store.where!r})))"
    return f"Postgres('x', Postgres.Settings({store.where!r}))"


def zones(rows: int, text: str = "N/A") -> list[Zone]:
    """As many zones, all with the same texts."""
    return [Zone(number, text, text, text) for number in range(1, rows + 1)]


def test_zones_are_replaced_whole(store: Store) -> None:
    warehouse = store.open()
    assert warehouse.zones() == 0
    for new in (zones(265), zones(265), zones(263, "other"), zones(300)):
        assert warehouse.replace_zones(new) == len(new)
        assert warehouse.zones() == len(new)
        assert store.query("SELECT * FROM taxi_zones ORDER BY locationid") == new


def test_zones_have_their_columns_and_types(store: Store) -> None:
    store.open().replace_zones(zones(1))
    found = store.query(
        "SELECT column_name, data_type FROM information_schema.columns "
        "WHERE table_name = 'taxi_zones' ORDER BY ordinal_position"
    )
    text = TYPES[store.kind]["string"]
    number = TYPES[store.kind]["int32"]
    assert found == [("locationid", number), ("borough", text), ("zone", text), ("service_zone", text)]


def test_texts_of_zones_come_back_as_they_were(store: Store) -> None:
    texts = [
        "N/A",
        "",
        "NULL",
        " ",
        "Governor's Island/Ellis Island/Liberty Island",
        "{a,b}",
        "\\N",
        '"\n',
        "東京 %s ?",
    ]
    given = [Zone(number, text, text, text) for number, text in enumerate(texts, 2**31 - 20)]
    store.open().replace_zones(given)
    assert store.query("SELECT * FROM taxi_zones ORDER BY locationid") == given


def test_zones_and_months_do_not_mind_each_other(store: Store, make: Make) -> None:
    load = make(rows=10)
    store.open().replace_zones(zones(5))
    load.into(store)
    store.open().replace_zones(zones(7))
    store.open().remove_month(YELLOW, JANUARY)
    assert store.open().zones() == 7
    assert state(store) == ({}, {})


@pytest.mark.parametrize(
    "columns",
    [
        "1 AS locationid",
        "1.5 AS locationid, '' AS borough, '' AS zone, '' AS service_zone",
        # of the shapes that nyc-taxi-data loads
        "1 AS locationid, 1 AS gid, 1 AS objectid, 0.1 AS shape_leng, 0.1 AS shape_area, '' AS zone, '' AS borough, "
        "'POINT(0 0)' AS geom",
    ],
)
def test_a_table_of_zones_that_is_not_ours_is_left_alone(store: Store, make: Make, columns: str) -> None:
    make(rows=1).into(store)
    _execute(store, f"CREATE TABLE taxi_zones AS SELECT {columns}")
    before = store.query("SELECT * FROM taxi_zones")
    assert store.open().zones() == 0
    with pytest.raises(
        WarehouseError, match=r"taxi_zones has the columns locationid .*taxi_luigi did not make it"
    ) as error:
        store.open().replace_zones(zones(3))
    assert "rename it" in one_line(error)
    assert store.query("SELECT * FROM taxi_zones") == before


def test_a_table_of_zones_with_its_columns_in_another_order_is_ours(store: Store, make: Make) -> None:
    make(rows=1).into(store)
    order = "service_zone, locationid, zone, borough"
    _execute(store, f"CREATE TABLE taxi_zones ({order.replace(',', ' text,').replace('id text', 'id integer')} text)")
    store.open().replace_zones([Zone(1, "a", "b", "c")])
    assert store.query("SELECT locationid, borough, zone, service_zone FROM taxi_zones") == [(1, "a", "b", "c")]


def test_readers_see_the_old_zones_or_the_new(store: Store) -> None:
    old, new = zones(265, "old"), zones(100, "new")
    store.open().replace_zones(old)
    seen = NEW.Queue()
    query = "SELECT count(*), min(zone), max(zone) FROM taxi_zones"
    times = READS[store.kind]
    reader = NEW.Process(target=ask, args=(store, query, times, seen), daemon=True)
    reader.start()
    while reader.is_alive():
        store.open().replace_zones(new)
        store.open().replace_zones(old)
    answers = seen.get(timeout=60)
    assert {answer for (answer,) in answers} <= {(265, "old", "old"), (100, "new", "new")}
    assert len(answers) == times


def test_processes_replace_the_zones_at_the_same_time(store: Store) -> None:
    lists = [zones(265, "a"), zones(265, "b"), zones(200, "c"), zones(265, "d")]
    go, ready = NEW.Event(), NEW.Semaphore(0)
    processes = [NEW.Process(target=replace_zones, args=(each, store, ready, go)) for each in lists]
    for process in processes:
        process.start()
    for _ in processes:
        ready.acquire()
    go.set()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert store.query("SELECT * FROM taxi_zones ORDER BY locationid") in lists


def _together(store: Store, loads: list[Load]) -> None:
    """Loads all of them at the same time, each in a process of its own, into a warehouse without tables."""
    go, ready = NEW.Event(), NEW.Semaphore(0)
    processes = [load.process(store, (ready, go)) for load in loads]
    for _ in processes:
        ready.acquire()
    go.set()
    for process in processes:
        process.join()
        assert process.exitcode == 0


def _execute(store: Store, statement: str) -> None:
    import duckdb
    import psycopg2

    if store.kind == "duckdb":
        duckdb.connect(store.where).execute(statement).close()
        return
    if store.kind == "bigquery":
        bigquery.asked(store.where, statement.replace(" text", " string"))
        return
    connection = psycopg2.connect(store.where)
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


def _mark_as_before(store: Store, rows: int) -> None:
    """Marks January as the versions up to November 2026 did."""
    quote = "`" if store.kind == "bigquery" else ""
    columns = ", ".join(f"{quote}{name}{quote}" for name in FIRST_MARKS)
    values = f"'yellow', DATE '2024-01-01', 'a-b', 'c', 'd', {rows}, {{now}} '2026-11-01 00:00:00'"
    if store.kind == "bigquery":
        values = values.format(now="DATETIME")
        insert = f"INSERT INTO taxi_luigi_loads ({columns}, sequence, job_id) SELECT {values}"
        _execute(store, f"{insert}, max(sequence) + 1, 'e' FROM taxi_luigi_loads")
        return
    values = values.format(now="TIMESTAMP")
    insert = f"INSERT INTO taxi_luigi_loads ({columns}) VALUES ({values})"
    if store.kind == "duckdb":
        _execute(store, f"DELETE FROM taxi_luigi_loads; {insert}")
        return
    change = ", ".join(f"{name} = excluded.{name}" for name in FIRST_MARKS[2:])
    _execute(store, f"{insert} ON CONFLICT (color, file_month) DO UPDATE SET {change}")


def _relations(store: Store) -> set[str]:
    """Every table and index in the database."""
    if store.kind == "duckdb":
        return {name for (name,) in store.query("SELECT table_name FROM duckdb_tables()")}
    if store.kind == "bigquery":
        return {name for (name,) in store.query("SELECT table_name FROM INFORMATION_SCHEMA.TABLES")}
    return {name for (name,) in store.query("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")}


def _files(store: Store) -> set[str]:
    """Every file beside the database's."""
    return {path.name for path in Path(store.where).parent.iterdir()} if store.kind == "duckdb" else set()
