"""Months as partitions of a PostgreSQL table, and changing them without standing in anybody's way for long.

Only here is the parent table touched. A change that needs its lock asks for a moment, lets everybody else through, and
asks again: a long query neither loses us the rows already copied nor holds up other queries behind us.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable

from psycopg2 import errors

from taxi_luigi.core.errors import WarehouseBusy
from taxi_luigi.tlc.months import Month
from taxi_luigi.warehouses.ddl import quoted
from taxi_luigi.warehouses.postgres_connection import Cursor, run

Table = tuple[str, str]
"""schema, name"""

LOCK_TIMEOUT = 1.5
"""seconds for which a change may hold up the queries that came after it.

A little more than deadlock_timeout (1 s), after which PostgreSQL ends an autovacuum that is in our way: with 1 s the
two raced, and a load of 14 million rows waited 30 s for one (November 2026).
"""

_PAUSE = 0.2
"""seconds between two tries at an advisory lock"""


def lock_month(cursor: Cursor, where: str, what: str, wait: float) -> None:
    """Makes this transaction the only one that changes `what`, until its end; WarehouseBusy after `wait` seconds.

    Tries again and again rather than wait inside the server, where no signal would reach us.
    """
    key = int.from_bytes(hashlib.sha256(f"taxi_luigi:{what}".encode()).digest()[:8], "big", signed=True)
    deadline = time.monotonic() + wait
    while True:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (key,))
        if cursor.fetchone() == (True,):
            return
        if time.monotonic() >= deadline:
            raise WarehouseBusy(
                f"{where}: {what} is being changed by {_holders(cursor, key=key)}, for more than {wait:g} s; "
                "run the same command again later"
            )
        time.sleep(_PAUSE)


def with_lock_retry(cursor: Cursor, where: str, table: Table, wait: float, change: Callable[[], None]) -> None:
    """Makes a change that needs a lock on `table`, all of it or nothing; WarehouseBusy after `wait` seconds."""
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


def attach(cursor: Cursor, parent: Table, month: Month, new: Table) -> None:
    """Puts the table `new` in the place of the month's partition, as `yellow_tripdata_2024_01`."""
    schema, name = parent[0], partition_name(parent, month)
    detach(cursor, parent, month)
    run(cursor, "ALTER TABLE {new} RENAME TO {name}", new=new, name=(name,))
    run(cursor, "ALTER INDEX {index} RENAME TO {name}", index=(schema, _index(new[1])), name=(_index(name),))
    bound = "ALTER TABLE {parent} ATTACH PARTITION {child} FOR VALUES IN (%s)"
    run(cursor, bound, month.first_day, parent=parent, child=(schema, name))


def detach(cursor: Cursor, parent: Table, month: Month) -> None:
    """Drops the month's partition, whatever it is called, if there is one."""
    cursor.execute(_PARTITION, (quoted(*parent), f"FOR VALUES IN ('{month.first_day}')"))
    for old in cursor.fetchall():
        run(cursor, "ALTER TABLE {parent} DETACH PARTITION {old}", parent=parent, old=old)
        run(cursor, "DROP TABLE {old}", old=old)


def index(cursor: Cursor, table: Table, column: str) -> None:
    """Gives a new table the index that `attach` expects."""
    run(cursor, "CREATE INDEX {index} ON {table} ({column})", index=(_index(table[1]),), table=table, column=(column,))


def partition_name(parent: Table, month: Month) -> str:
    """`yellow_tripdata_2024_01`"""
    return f"{parent[1]}_{month.year:04}_{month.month:02}"


def _index(table: str) -> str:
    return f"{table}_pickup"


def _holders(cursor: Cursor, key: int | None = None, table: Table | None = None) -> str:
    """Who holds an advisory lock, or a lock on a table, as a person would look for them on the server."""
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
        OR relation = to_regclass(%(table)s)  -- of a table without partitions, pg_partition_tree knows nothing
        OR relation IN (SELECT relid FROM pg_partition_tree(to_regclass(%(table)s)))
    )
"""
