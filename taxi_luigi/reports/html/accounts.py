"""What clean files tell of themselves in their footers, read in parallel; and how long months took, from the history.

No page of data is read. A month whose footer cannot be had keeps what its marker says, and the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pyarrow.parquet as pq

from taxi_luigi import config, history
from taxi_luigi.core.errors import BadFile, TaxiError
from taxi_luigi.core.logs import log
from taxi_luigi.core.parquet_footer import damage, null_counts, receipt_in
from taxi_luigi.core.receipts import CleanReceipt
from taxi_luigi.inventory import ColorStatus
from taxi_luigi.storage.lake import Lake
from taxi_luigi.tlc.months import Month

PARALLEL = 8
"""footers read at a time: no more than a browser asks of one server"""

PATIENCE = 3
"""failures to read a footer after which a place is left alone: of a server, each can take a minute"""

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
    """All that could be had."""

    found: dict[ColorMonth, Account] = field(default_factory=dict)
    lacking: dict[ColorMonth, str] = field(default_factory=dict)
    """why there is none of a month that is held, in one line"""
    silent: dict[str, str] = field(default_factory=dict)
    """`clean` or `lake NAME`, which listed its months and then did not let them be read → why, in one line"""

    @property
    def incomplete(self) -> bool:
        """Whether some could not be had that are there, and may be had another time."""
        return any(why != NOT_THERE for why in self.lacking.values())


def read_accounts(colors: Sequence[ColorStatus], heard: Callable[[int, int], None]) -> Accounts:
    """Reads the footer of every month that is held, from the first place that has one; `heard` gets (done, total)."""
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
            accounts.lacking[color, month] = why
        else:
            accounts.found[color, month] = account

    with ThreadPoolExecutor(PARALLEL) as pool:
        for done, _ in enumerate(pool.map(read, wanted), 1):
            heard(done, len(wanted))
    accounts.silent = {key: whys[0] for key, whys in failures.items() if len(whys) >= PATIENCE}
    for key, why in accounts.silent.items():
        log.warning("%s cannot be read: %s", key, why)
    return accounts


def first_account(
    lakes: Mapping[str, Lake], color: str, month: Month, failures: dict[str, list[str]]
) -> tuple[Account | None, str]:
    """The first account that can be had, or why none can; a place with PATIENCE `failures` is not asked again."""
    why = NOT_THERE
    for key, lake in lakes.items():
        if len(failures[key]) >= PATIENCE:
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
    """Raises FileNotFoundError, StorageError, and BadFile for a file that is none of ours."""
    url = lake.url(color, month)
    # Not by lake.footer: it looks at the file's two ends first, two requests more of each month in a bucket.
    with lake.opened(color, month) as file, damage(url), pq.ParquetFile(file, pre_buffer=False) as parquet:
        metadata = parquet.metadata
    receipt = receipt_in(metadata, url)
    if receipt is None:
        raise BadFile(f"{url} was not written by taxi_luigi: it has no receipt; take it away, and load the month again")
    return Account(receipt, metadata.num_rows, null_counts(metadata))


def read_times(months: Sequence[ColorMonth]) -> dict[ColorMonth, dict[str, float]]:
    """Month → step → seconds that it took when it was last done, by this machine's record of the last year.

    A step is `DownloadMonth`, `CleanMonth`, `UploadMonth LAKE` or `LoadMonth WAREHOUSE`. Raises StorageError when the
    history cannot be read.
    """
    times: dict[ColorMonth, dict[str, float]] = {}
    wanted = set(months)
    for task in history.done_tasks(config.settings().state):
        key = (task.color, Month.parse(task.month)) if task.color else None
        if key in wanted:
            step = task.task if task.store in ("", "local") else f"{task.task} {task.store}"
            times.setdefault(key, {}).setdefault(step, task.seconds)
    return times
