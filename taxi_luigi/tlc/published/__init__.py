"""The rows that TLC published in each month's file, by record type and form, from row_counts.csv.

Collected in October 2026: the parquet counts are from public listings of the footers of 589 files, up to 2026-08; the
few csv counts are from public course material. The two forms of a month can differ by more than a tenth, and TLC
replaces files: a different count is worth a check, and is not an error.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

from taxi_luigi.tlc.datasets import SourceForm
from taxi_luigi.tlc.months import Month

_MONTHS_BACK = 36
"""that a count is looked for, before a month that was published after the counts were collected"""


def published_rows(color: str, month: Month, form: SourceForm) -> int | None:
    """Return the rows in TLC's file of a month, without the header; None where no count is known."""
    return known_rows(form).get((color, month))


def expected_rows(color: str, month: Month) -> int | None:
    """Return the rows of a month's parquet file, or of the last one before it with a known count; None without one."""
    for before in range(_MONTHS_BACK):
        found = published_rows(color, month.plus(-before), "parquet")
        if found is not None:
            return found
    return None


@cache
def known_rows(form: SourceForm) -> dict[tuple[str, Month], int]:
    """Return (color, month) → rows of every month with a known count."""
    lines = files(__name__).joinpath("row_counts.csv").read_text().splitlines()
    found = (row for row in csv.DictReader(lines) if row["form"] == form)
    return {(row["color"], Month.parse(row["month"])): int(row["rows"]) for row in found}


_HOSTS = ("d37ci6vzurychx.cloudfront.net", "nyc-tlc.s3.amazonaws.com")
_PLACES = ("s3.amazonaws.com/nyc-tlc/", "github.com/DataTalksClub/nyc-tlc-data/")


def counts_apply_to(address: str) -> bool:
    """Return whether the published counts apply to a source: TLC's CDN, its bucket of the csv era, or the csv mirror.

    Args:
        address: the URL of a file or its template; a path on disk has no counts
    """
    scheme, found, rest = address.partition("://")
    if not found or scheme.lower() not in ("http", "https"):
        return False
    host, _, path = rest.partition("/")
    host = host.rpartition("@")[2].partition(":")[0].lower()
    return host in _HOSTS or f"{host}/{path}".startswith(_PLACES)
