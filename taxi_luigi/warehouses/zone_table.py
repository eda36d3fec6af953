"""The table of zones, the same in every warehouse: what each checks before it replaces it."""

from __future__ import annotations

from taxi_luigi.core.errors import ForeignTable
from taxi_luigi.tlc.zones import TABLE


def check_ours(where: str, existing: dict[str, str], wanted: dict[str, str]) -> None:
    """Raises ForeignTable unless the table of that name has exactly these columns, name → type, in any order."""
    if existing != wanted:
        has = ", ".join(f"{name} {kind}" for name, kind in existing.items())
        raise ForeignTable(
            f"{where}: the table {TABLE} has the columns {has}, so taxi_luigi did not make it; rename it, or leave "
            "[taxi] zones empty"
        )
