"""Warehouses as the contract suite sees them: one description of each that other processes can open as well."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal

import duckdb
import psycopg2

from taxi_luigi.core.receipts import CleanReceipt
from taxi_luigi.tlc.datasets import Dataset
from taxi_luigi.tlc.months import Month
from taxi_luigi.tlc.zones import Zone
from taxi_luigi.warehouses import CleanFile, Warehouse
from taxi_luigi.warehouses.duckdb import DuckDB
from taxi_luigi.warehouses.postgres import Postgres
from tests.support import bigquery

NEW = multiprocessing.get_context("forkserver")
NEW.set_forkserver_preload([__name__])
"""starts processes that inherit nothing of this one, as on another machine; what they import is imported once"""


@dataclass(frozen=True)
class Store:
    """Where a warehouse is: a DuckDB file or a PostgreSQL database."""

    kind: Literal["duckdb", "postgres", "bigquery"]
    where: str

    def open(self, wait: float = 60.0) -> Warehouse:
        """The warehouse that is tested."""
        if self.kind == "duckdb":
            return DuckDB("duckdb", DuckDB.Settings(Path(self.where), wait=wait))
        if self.kind == "bigquery":
            return bigquery.opened(self.where, wait)
        return Postgres("postgres", Postgres.Settings(self.where, wait=wait))

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """What the database itself answers, by its own driver; a file that is being written is waited for."""
        if self.kind == "bigquery":
            return bigquery.asked(self.where, statement)
        if self.kind == "postgres":
            with closing(psycopg2.connect(self.where)) as connection, connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall()
        deadline = time.monotonic() + 60
        while True:
            try:
                with closing(duckdb.connect(self.where, read_only=True)) as connection:
                    return connection.execute(statement).fetchall()
            except duckdb.IOException as error:
                if "Could not set lock" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)


@dataclass(frozen=True)
class Load:
    """The arguments of one `replace_month`."""

    dataset: Dataset
    month: Month
    clean: Path
    receipt: CleanReceipt

    @property
    def file(self) -> CleanFile:
        """The clean file as a warehouse is handed it: it lies on this disk, and nobody else touches it."""
        return CleanFile(str(self.clean), self.receipt.summary, partial(nullcontext, self.clean), lambda: True)

    def into(self, store: Store, progress: Callable[[int, int], None] = lambda _done, _total: None) -> int:
        """Loads the month, in this process."""
        return store.open().replace_month(self.dataset, self.month, self.file, progress)

    def process(self, store: Store, wait_for: Any = None) -> BaseProcess:
        """The same in another process, which is started and, given an event, waits for it before it loads."""
        process = NEW.Process(target=_load, args=(self, store, wait_for), daemon=True)
        process.start()
        return process


def _load(load: Load, store: Store, wait_for: Any) -> None:
    if wait_for is not None:
        ready, go = wait_for
        ready.release()
        go.wait()
    load.into(store)


def replace_zones(zones: list[Zone], store: Store, ready: Any, go: Any) -> None:
    """Says that it is ready, waits for the start, and replaces the zones."""
    ready.release()
    go.wait()
    store.open().replace_zones(zones)


def load_and_hang(load: Load, store: Store, inside: Any) -> None:
    """Loads until the first batch was handed over, says so, and stays there for ever."""

    def hang(_done: int, _total: int) -> None:
        inside.release()
        threading.Event().wait()

    load.into(store, hang)


def ask(store: Store, statement: str, times: int, seen: Any) -> None:
    """Asks the same so many times, then puts the list of all answers into `seen`."""
    seen.put([store.query(statement) for _ in range(times)])
