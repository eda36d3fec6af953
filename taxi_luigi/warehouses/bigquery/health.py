"""What can be seen of a dataset before a run: credentials, place, lifetime of what it holds, permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taxi_luigi.core.cloud import gcp
from taxi_luigi.core.errors import ConfigError, TaxiError
from taxi_luigi.core.health import Finding, Verdict
from taxi_luigi.warehouses import MARKERS
from taxi_luigi.warehouses.bigquery import expiry
from taxi_luigi.warehouses.bigquery.connection import ROLES, Connection

if TYPE_CHECKING:
    from google.cloud.bigquery import Dataset

_PERMISSIONS = [
    *("bigquery.tables.get", "bigquery.tables.getData"),
    *("bigquery.tables.update", "bigquery.tables.updateData", "bigquery.tables.delete"),
]


def findings(connection: Connection) -> list[Finding]:
    """All that was found, up to the first thing that keeps the rest from being asked. Never raises."""
    found: list[Finding] = []
    what = "credentials"

    def tell(verdict: Verdict, line: str) -> None:
        found.append(Finding(f"warehouse {connection.name}", what, verdict, line))

    try:
        tell(Verdict.GOOD, gcp.found(connection.credentials_file, connection.server, connection.where).line)
        what = "dataset"
        with connection.saying():
            home = connection.home()
        tell(Verdict.GOOD, f"{connection.project}.{connection.dataset} is in {str(home.location).upper()}")
        what = "lifetime"
        tell(Verdict.GOOD, _lifetime(home))
        what = "permissions"
        with connection.saying():
            tell(*_permissions(connection))
    except ConfigError as error:
        tell(Verdict.WRONG, str(error))
    except TaxiError as error:
        tell(Verdict.SILENT, str(error))
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


def _permissions(connection: Connection) -> tuple[Verdict, str]:
    from google.api_core.exceptions import NotFound

    try:
        answer = connection.client().test_iam_permissions(
            connection.table(MARKERS), _PERMISSIONS, retry=connection.retry, timeout=connection.request
        )
    except NotFound:
        return Verdict.UNKNOWN, "cannot be asked before the first load has made its tables"
    missing = sorted(set(_PERMISSIONS) - set(answer.get("permissions", [])))
    if missing:
        return Verdict.WRONG, f"{connection.where}: {', '.join(missing)} missing: grant the account {ROLES}"
    return Verdict.GOOD, f"{', '.join(each.rpartition('.')[2] for each in _PERMISSIONS)} on {MARKERS}"
