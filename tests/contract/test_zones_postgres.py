"""The zones in PostgreSQL beside others who use the table: nobody is blocked, and whoever blocks us is named."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager

import psycopg2
import pytest
from psycopg2.extensions import connection

from taxi_luigi.core.errors import WarehouseBusy, WarehouseError
from taxi_luigi.tlc.zones import Zone
from tests.support.warehouses import Store

OLD, NEW = [Zone(1, "old", "old", "old")], [Zone(1, "new", "new", "new"), Zone(2, "new", "new", "new")]


@pytest.fixture
def store(postgres_url: str) -> Store:
    """A database whose table of zones holds OLD."""
    store = Store("postgres", postgres_url)
    store.open().replace_zones(OLD)
    return store


@contextmanager
def transaction(store: Store, statement: str) -> Iterator[connection]:
    """Somebody who has executed a statement and not yet committed."""
    with closing(psycopg2.connect(store.where)) as somebody, somebody.cursor() as cursor:
        cursor.execute(statement)
        yield somebody


def test_a_reader_in_a_long_transaction_holds_nothing_up(store: Store) -> None:
    with transaction(store, "SELECT * FROM taxi_zones"):
        assert store.open(wait=0).replace_zones(NEW) == 2
    assert store.open().zones() == 2


@pytest.mark.parametrize("statement", ["LOCK TABLE taxi_zones", "UPDATE taxi_zones SET zone = 'mine'"])
def test_a_transaction_that_outlasts_the_wait_is_named(store: Store, statement: str) -> None:
    with transaction(store, statement) as somebody:
        pid = somebody.info.backend_pid
        with pytest.raises(WarehouseBusy) as busy:
            store.open(wait=0).replace_zones(NEW)
    assert f"taxi_zones is in use by process {pid} (" in str(busy.value)
    assert "\n" not in str(busy.value)
    assert store.query("SELECT * FROM taxi_zones") == OLD


def test_a_loader_that_outlasts_the_wait_is_named(store: Store) -> None:
    class Endless(list[Zone]):
        """Zones in whose midst another loader tries its luck."""

        def __iter__(self) -> Iterator[Zone]:
            with pytest.raises(WarehouseBusy, match=r"public\.taxi_zones is being changed by process \d+ \(taxi_luigi"):
                store.open(wait=0).replace_zones(OLD)
            return super().__iter__()

    assert store.open().replace_zones(Endless(NEW)) == 2
    assert store.query("SELECT * FROM taxi_zones") == NEW


def test_loaders_take_turns_whatever_isolation_is_the_default(store: Store) -> None:
    database = store.where.rpartition("/")[2]
    with transaction(
        store, f"ALTER DATABASE {database} SET default_transaction_isolation = 'repeatable read'"
    ) as admin:
        admin.commit()
    tried = (
        "SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE 'SELECT pg_try_advisory%'"
    )

    class Slow(list[Zone]):
        """Zones in whose midst another loader comes, and finds that it has to wait."""

        def __iter__(self) -> Iterator[Zone]:
            others.append(pool.submit(store.open().replace_zones, OLD))
            deadline = time.monotonic() + 60
            while not store.query(tried):
                assert time.monotonic() < deadline, "the other loader never came"
                time.sleep(0.02)
            return super().__iter__()

    others: list[Future[int]] = []
    with ThreadPoolExecutor(1) as pool:
        assert store.open().replace_zones(Slow(NEW)) == 2
    assert [other.result() for other in others] == [1]
    assert store.query("SELECT * FROM taxi_zones") == OLD


def test_a_schema_that_is_not_there_is_named(store: Store) -> None:
    from taxi_luigi.warehouses.postgres import Postgres

    elsewhere = Postgres("pg", Postgres.Settings(store.where, schema="nowhere"))
    assert elsewhere.zones() == 0
    with pytest.raises(WarehouseError, match=r'schema "nowhere" does not exist; create it or set another schema'):
        elsewhere.replace_zones(NEW)
