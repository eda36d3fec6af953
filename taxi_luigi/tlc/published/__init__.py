"""How many rows TLC published in each month's file, by color and form; the numbers are in row_counts.csv.

Other people's readings, put together in October 2026: the parquet counts are what public listings give of the footers
of 589 files, up to 2026-08; the few csv counts stand in public course material. The two forms of a month can differ by
more than a tenth, and TLC does replace files: a count that is another one is a question to ask, not an error.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

from taxi_luigi.tlc.datasets import SourceForm
from taxi_luigi.tlc.months import Month


def published_rows(color: str, month: Month, form: SourceForm) -> int | None:
    """Rows in TLC's file of that month, without the header; None where nobody has said."""
    return _counts().get((color, str(month), form))


@cache
def _counts() -> dict[tuple[str, str, str], int]:
    lines = files(__name__).joinpath("row_counts.csv").read_text().splitlines()
    return {(row["color"], row["month"], row["form"]): int(row["rows"]) for row in csv.DictReader(lines)}


_HOSTS = ("d37ci6vzurychx.cloudfront.net", "nyc-tlc.s3.amazonaws.com")
_PLACES = ("s3.amazonaws.com/nyc-tlc/", "github.com/DataTalksClub/nyc-tlc-data/")


def counts_apply_to(address: str) -> bool:
    """Whether the published counts are those of a source.

    Args:
        address: the URL of a file, or the template of one; no count applies to a path on disk.
    Returns: whether its host is TLC's (the CDN, or the bucket of the csv era) or that of the csv mirror.
    """
    scheme, found, rest = address.partition("://")
    if not found or scheme.lower() not in ("http", "https"):
        return False
    host, _, path = rest.partition("/")
    host = host.rpartition("@")[2].partition(":")[0].lower()
    return host in _HOSTS or f"{host}/{path}".startswith(_PLACES)
