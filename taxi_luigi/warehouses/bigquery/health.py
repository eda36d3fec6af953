"""What can be seen of a dataset before a run: credentials, place, lifetime of what it holds, permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taxi_luigi.core.cloud import gcp
from taxi_luigi.core.errors import ConfigError, TaxiError
from taxi_luigi.core.health import Check, Status
from taxi_luigi.warehouses import MARKERS
from taxi_luigi.warehouses.bigquery import expiry
from taxi_luigi.warehouses.bigquery.connection import ROLES, Connection

if TYPE_CHECKING:
    from google.cloud.bigquery import Dataset

_PERMISSIONS = [
    *("bigquery.tables.get", "bigquery.tables.getData"),
    *("bigquery.tables.update", "bigquery.tables.updateData", "bigquery.tables.delete"),
]


def findings(connection: Connection) -> list[Check]:
    """All that was found, up to the first thing that keeps the rest from being asked. Never raises."""
    found: list[Check] = []
    what = "credentials"

    def tell(verdict: Status, line: str) -> None:
        found.append(Check(f"warehouse {connection.name}", what, verdict, line))

    try:
        tell(Status.OK, gcp.found(connection.credentials_file, connection.server, connection.where).line)
        what = "dataset"
        with connection.translating_errors():
            home = connection.home()
        tell(Status.OK, f"{connection.project}.{connection.dataset} is in {str(home.location).upper()}")
        what = "lifetime"
        tell(Status.OK, _lifetime(home))
        what = "permissions"
        with connection.translating_errors():
            tell(*_permissions(connection))
    except ConfigError as error:
        tell(Status.ERROR, str(error))
    except TaxiError as error:
        tell(Status.UNREACHABLE, str(error))
    return found


def _lifetime(home: Dataset) -> str:
    """What of the dataset would vanish by itself; no reason not to begin, as newer months may be wanted."""
    partition, table = home.default_partition_expiration_ms, home.default_table_expiration_ms
    lines = []
    if partition:
        lines.append(f"new tables lose each month {expiry.in_days(int(partition))} after its end")
    if table:
        # A partitioned table does not take the second where there is the first; the markers and zones do
        which = f"{MARKERS} and the zones vanish" if partition else "new tables vanish"
        lines.append(f"{which} {expiry.in_days(int(table))} after they were made")
    return f"{', and '.join(lines)}; to keep them, {expiry.CURE}" if lines else "what is loaded stays"


def _permissions(connection: Connection) -> tuple[Status, str]:
    from google.api_core.exceptions import NotFound

    try:
        answer = connection.client().test_iam_permissions(
            connection.table(MARKERS), _PERMISSIONS, retry=connection.retry, timeout=connection.request
        )
    except NotFound:
        return Status.UNKNOWN, "cannot be asked before the first load has made its tables"
    missing = sorted(set(_PERMISSIONS) - set(answer.get("permissions", [])))
    if missing:
        return Status.ERROR, f"{connection.where}: {', '.join(missing)} missing: grant the account {ROLES}"
    return Status.OK, f"{', '.join(each.rpartition('.')[2] for each in _PERMISSIONS)} on {MARKERS}"
