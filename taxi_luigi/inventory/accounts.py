"""The footers of held clean files: receipts, rows and null counts, read in parallel and without any page of data.

A month whose footer cannot be read has the reason in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from taxi_luigi import config
from taxi_luigi.core.errors import BadFile, TaxiError
from taxi_luigi.core.logs import log
from taxi_luigi.core.parquet_footer import damage, null_counts, receipt_in
from taxi_luigi.core.receipts import CleanReceipt
from taxi_luigi.inventory.month_state import ColorStatus
from taxi_luigi.storage import is_remote
from taxi_luigi.storage.lake import Lake
from taxi_luigi.tlc.months import Month
from taxi_luigi.tlc.published import counts_apply_to, published_rows
from taxi_luigi.transform import unusual

PARALLEL = 8
"""Footers read at a time: as many as a browser's connections to one server."""

MAX_FAILURES = 3
"""Failures to read a footer after which a place is skipped: with a server, each can take a minute."""

NOT_THERE = "its clean file is not there"

ColorMonth = tuple[str, Month]


@dataclass(frozen=True)
class Account:
    """The footer of one clean file."""

    receipt: CleanReceipt
    rows: int
    nulls: Mapping[str, int]
    """column → rows without a value, from the statistics of the column's chunks; without columns that lack them"""


@dataclass
class Accounts:
    """The footers of all held months, as far as they could be read."""

    found: dict[ColorMonth, Account] = field(default_factory=dict)
    missing: dict[ColorMonth, str] = field(default_factory=dict)
    """held month without a readable footer → reason, in one line"""
    unreadable: dict[str, str] = field(default_factory=dict)
    """`clean` or `lake NAME` that listed its months and failed to return their files → reason, in one line"""

    @property
    def incomplete(self) -> bool:
        """Return whether some existing footers could not be read, which a later attempt may read."""
        return any(why != NOT_THERE for why in self.missing.values())


def read_accounts(colors: Sequence[ColorStatus], progress: Callable[[int, int], None]) -> Accounts:
    """Read the footer of every held month from the first place that has one.

    Args:
        colors: status of the record types
        progress: called with (done, total) after each month
    """
    lakes = {"clean": config.clean_lake()}
    lakes |= {f"lake {name}": config.lake(name) for name in config.settings().lakes if name != "local"}
    wanted = [
        (color.color, month, [key for key in lakes if key in cell.held])
        for color in colors
        for month, cell in color.cells.items()
        if cell.held
    ]
    accounts = Accounts()
    failures: dict[str, list[str]] = {key: [] for key in lakes}

    def read(job: tuple[str, Month, list[str]]) -> None:
        color, month, keys = job
        account, why = first_account({key: lakes[key] for key in keys}, color, month, failures)
        if account is None:
            accounts.missing[color, month] = why
        else:
            accounts.found[color, month] = account

    with ThreadPoolExecutor(PARALLEL) as pool:
        for done, _ in enumerate(pool.map(read, wanted), 1):
            progress(done, len(wanted))
    accounts.unreadable = {key: reasons[0] for key, reasons in failures.items() if len(reasons) >= MAX_FAILURES}
    for key, why in accounts.unreadable.items():
        log.warning("%s cannot be read: %s", key, why)
    return accounts


def first_account(
    lakes: Mapping[str, Lake], color: str, month: Month, failures: dict[str, list[str]]
) -> tuple[Account | None, str]:
    """Read a month's footer from the first place that returns it.

    Args:
        lakes: place → lake, in the order in which they are tried
        failures: place → reasons of its failures, which this extends; a place with MAX_FAILURES of them is skipped
    Returns: the account, or None and the reason
    """
    why = NOT_THERE
    for key, lake in lakes.items():
        if len(failures[key]) >= MAX_FAILURES:
            why = f"{key} cannot be read"
            continue
        try:
            return read_account(lake, color, month), ""
        except FileNotFoundError:
            why = "its clean file went while the report was made"
        except BadFile as error:
            why = str(error)
        except TaxiError as error:  # of a cloud, a lost permission too
            why = str(error)
            failures[key].append(why)
    return None, why


def read_account(lake: Lake, color: str, month: Month) -> Account:
    """Read the footer of the clean file that a lake holds of a month.

    Raises:
        FileNotFoundError: the lake has no such file
        StorageError: it cannot be read
        BadFile: taxi_luigi did not write it
    """
    url = lake.url(color, month)
    # Not by lake.footer: it checks the file's two ends first, two more requests for each month in a bucket.
    with lake.opened(color, month) as file, damage(url), pq.ParquetFile(file, pre_buffer=False) as parquet:
        metadata = parquet.metadata
    receipt = receipt_in(metadata, url)
    if receipt is None:
        raise BadFile(f"{url} was not written by taxi_luigi: it has no receipt; take it away, and load the month again")
    return Account(receipt, metadata.num_rows, null_counts(metadata))


def unlike_before(receipt: CleanReceipt, clean: Path) -> list[str]:
    """Return the figures of a month that are unlike those of the months before it, a phrase each.

    Compared with the months that the workspace holds, and with TLC's counts of others where they apply. In a bucket,
    where each footer is a request, with the counts alone: the report compares the rest.

    Args:
        receipt: of the month
        clean: its clean file, on this machine
    """
    month, counts, known = Month.parse(receipt.month), counts_apply_to(receipt.raw.url), {}
    in_a_folder = not is_remote(config.settings().workspace)
    for each in unusual.reference(month):
        rows = published_rows(receipt.color, each, "parquet") if counts else None
        if rows is not None:
            known[each] = {unusual.RECORDS: float(rows)}
        if in_a_folder:
            try:
                account = read_account(config.clean_lake(), receipt.color, each)
            except (FileNotFoundError, TaxiError) as error:
                log.debug("%s %s is not compared with: %s", receipt.color, each, error)
            else:
                known[each] = unusual.figures(account.receipt, account.nulls)
    if len(known) < unusual.FEWEST:
        return []
    known[month] = unusual.figures(receipt, null_counts(pq.read_metadata(clean)))
    return unusual.phrases(unusual.unusual(month, known))
