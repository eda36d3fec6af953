"""Months as partitions of a PostgreSQL table: attach, detach and lock them without blocking other queries for long.

Only this module changes the parent table. A change that needs its lock requests it with a short timeout, yields to
other transactions, and requests it again: a long query neither discards the rows already copied nor makes later queries
queue behind the load.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable

from psycopg2 import errors

from taxi_luigi.core.errors import WarehouseBusy
from taxi_luigi.core.logs import log
from taxi_luigi.core.text import one_line
from taxi_luigi.tlc.months import Month
from taxi_luigi.warehouses.ddl import quoted
from taxi_luigi.warehouses.postgres_connection import Cursor, run

Table = tuple[str, str]
"""schema, name"""

LOCK_TIMEOUT = 1.5
"""Seconds for which a change that waits for its lock may block later queries.

Slightly above deadlock_timeout (1 s), after which PostgreSQL cancels an autovacuum that blocks the change: with 1 s the
two timeouts raced, and a load of 14 million rows waited 30 s for an autovacuum (November 2026).
"""

_PAUSE = 0.2
"""seconds between two attempts at an advisory lock"""


def lock_name(cursor: Cursor, where: str, name: str, wait: float) -> None:
    """Take an advisory lock on a name until the end of the transaction.

    Polls rather than waits inside the server, where this process would not handle signals.

    Args:
        cursor: a cursor in the transaction that holds the lock.
        where: the beginning of the error, which names the warehouse.
        name: what the transaction changes, as the error shows it: `public.yellow_tripdata 2024-01`.
        wait: seconds to wait for other holders.

    Raises:
        WarehouseBusy: another transaction still holds the lock after `wait` seconds.
    """
    key = int.from_bytes(hashlib.sha256(f"taxi_luigi:{name}".encode()).digest()[:8], "big", signed=True)
    deadline = time.monotonic() + wait
    while True:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (key,))
        if cursor.fetchone() == (True,):
            return
        if time.monotonic() >= deadline:
            raise WarehouseBusy(
                f"{where}: {name} is being changed by {_holders(cursor, key=key)}, for more than {wait:g} s; "
                "run the same command again later"
            )
        time.sleep(_PAUSE)


def with_lock_retry(cursor: Cursor, where: str, table: Table, wait: float, change: Callable[[], None]) -> None:
    """Make a change that needs a lock on a table, completely or not at all; retry until it gets the lock.

    Args:
        cursor: a cursor in the transaction of the change.
        where: the beginning of the error, which names the warehouse.
        table: the table whose lock the change needs.
        wait: seconds for which the change is retried.
        change: executes the statements; called once for each attempt.

    Raises:
        WarehouseBusy: other transactions still lock the table after `wait` seconds.
    """
    deadline = time.monotonic() + wait
    cursor.execute("SET LOCAL lock_timeout = %s", (f"{LOCK_TIMEOUT:g}s",))
    cursor.execute("SAVEPOINT before_change")
    while True:
        try:
            change()
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            cursor.execute("ROLLBACK TO SAVEPOINT before_change")
        else:
            return
        if time.monotonic() >= deadline:
            raise WarehouseBusy(
                f"{where}: table {'.'.join(table)} is in use by {_holders(cursor, table=table)}, for more than "
                f"{wait:g} s; nothing was changed: end that transaction, then run the same command again"
            )
        time.sleep(random.uniform(0.5, 1.5))


def attempt(cursor: Cursor, change: Callable[[], None]) -> None:
    """Make a change that can wait: not at all if it does not get its lock, or is not permitted."""
    cursor.execute("SET LOCAL lock_timeout = %s", (f"{LOCK_TIMEOUT:g}s",))
    cursor.execute("SAVEPOINT before_attempt")
    try:
        change()
    except (errors.LockNotAvailable, errors.DeadlockDetected, errors.InsufficientPrivilege) as error:
        cursor.execute("ROLLBACK TO SAVEPOINT before_attempt")
        log.debug("not now: %s", one_line(error))


def attach(cursor: Cursor, parent: Table, month: Month, new: Table) -> None:
    """Replace the month's partition by the table `new`, renamed to `yellow_tripdata_2024_01`, in whatever schema."""
    schema, name = new[0], partition_name(parent, month)
    detach(cursor, parent, month)
    run(cursor, "ALTER TABLE {new} RENAME TO {name}", new=new, name=(name,))
    run(cursor, "ALTER INDEX {index} RENAME TO {name}", index=(schema, _index(new[1])), name=(_index(name),))
    bound = "ALTER TABLE {parent} ATTACH PARTITION {child} FOR VALUES IN (%s)"
    run(cursor, bound, month.first_day, parent=parent, child=(schema, name))


def detach(cursor: Cursor, parent: Table, month: Month) -> None:
    """Drop the month's partition, if there is one, whatever its schema and name."""
    cursor.execute(_PARTITION, (quoted(*parent), f"FOR VALUES IN ('{month.first_day}')"))
    for old in cursor.fetchall():
        run(cursor, "ALTER TABLE {parent} DETACH PARTITION {old}", parent=parent, old=old)
        run(cursor, "DROP TABLE {old}", old=old)


def index(cursor: Cursor, table: Table, column: str) -> None:
    """Create the index on a new table that `attach` expects."""
    run(cursor, "CREATE INDEX {index} ON {table} ({column})", index=(_index(table[1]),), table=table, column=(column,))


def partition_name(parent: Table, month: Month) -> str:
    """Return the name of a month's partition: `yellow_tripdata_2024_01`."""
    return f"{parent[1]}_{month.year:04}_{month.month:02}"


def _index(table: str) -> str:
    return f"{table}_pickup"


def _holders(cursor: Cursor, key: int | None = None, table: Table | None = None) -> str:
    """Describe the transactions that hold an advisory lock, or a lock on a table, with their process ids."""
    cursor.execute(_HOLDERS, {"key": key, "table": table and quoted(*table)})
    found = [f"process {pid} ({name or user}, in a transaction for {age} s)" for pid, name, user, age in cursor]
    return ", ".join(found) or "a transaction that has just ended"


_PARTITION = """
    SELECT nspname, relname
    FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE inhparent = to_regclass(%s) AND pg_get_expr(relpartbound, inhrelid) = %s
"""

_HOLDERS = """
    SELECT DISTINCT pid, application_name, usename, extract(epoch FROM clock_timestamp() - xact_start)::integer
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE granted AND pid <> pg_backend_pid()
    AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (
        locktype = 'advisory' AND (classid::bigint << 32 | objid::bigint) = %(key)s AND objsubid = 1
        OR relation = to_regclass(%(table)s)  -- pg_partition_tree returns no row for a table without partitions
        OR relation IN (SELECT relid FROM pg_partition_tree(to_regclass(%(table)s)))
    )
"""
