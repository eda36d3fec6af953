"""One color's months, counted anew in every place: raw, clean and rejected files, lakes, warehouses.

Receipts and markers are read too, but only so that they can be held against the counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from hashlib import file_digest
from urllib.parse import unquote, urlsplit

from taxi_luigi import config
from taxi_luigi.core.errors import BadFile, TaxiError, force_command
from taxi_luigi.core.logs import one_line
from taxi_luigi.core.parquet_footer import read_footer
from taxi_luigi.core.receipts import CleanReceipt, RawReceipt
from taxi_luigi.inventory.judge import Count, Found
from taxi_luigi.inventory.stores import WORKSPACE, Stores, Table
from taxi_luigi.storage.raw_month import RawMonth, rejects_name
from taxi_luigi.tlc.datasets import Dataset
from taxi_luigi.tlc.months import Month, month_range
from taxi_luigi.tlc.published import counts_apply_to, published_rows
from taxi_luigi.transform.readers import count_records, sniff


class ColorCounts:
    """Asks every store about one color, by one listing or two queries each; the files are counted month by month."""

    def __init__(self, dataset: Dataset, stores: Stores, today: date) -> None:
        self.dataset = dataset
        self._stores = stores
        self._listed, self._tables = stores.listed(dataset), stores.tables(dataset)
        self.held = self._held(today)
        """every month of which there is something: a raw or clean file, rows or a marker"""

    def _held(self, today: date) -> set[Month]:
        found = {month for months in self._listed.values() for month in months or ()}
        for table in self._tables.values():
            found |= table.rows.keys() | table.marked.keys() if table else set()
        return found | self._downloaded(today)

    def _downloaded(self, today: date) -> set[Month]:
        names = set(config.workspace().list(f"raw/{self.dataset.color}"))
        months = month_range(self.dataset.first_month, Month.of(today)) if names else ()
        return {month for month in months if config.raw_month(self.dataset.color, month).name in names}

    def find(self, month: Month) -> Found:
        """The month in every place. Reads the whole raw file, so this can take minutes."""
        color = self.dataset.color
        files = {name: self._in_lake(name, month) for name in self._stores.lakes}
        receipt = next((receipt for _, receipt in files.values() if receipt), None)
        clean = files[WORKSPACE][0]
        name = _raw_name(color, month, receipt)
        stored = _raw(name, force_command(color, month))
        raw, form, url = stored.count, stored.form, stored.url or config.source().url(color, month)
        rejected = _rejected(rejects_name(color, month))
        if receipt is not None:
            raw = replace(raw, claimed=receipt.rows_in)
            form, url = receipt.raw_format, receipt.raw.url
            rejected = replace(rejected, claimed=receipt.rows_rejected)
        # A month of which nothing else is here was perhaps cleaned on another machine, which has kept its rejects.
        if rejected.absent and not (raw.absent and clean.absent and rejected.claimed != 0):
            rejected = replace(rejected, rows=0)
        lakes = {f"lake {name}": count for name, (count, _) in files.items() if name != WORKSPACE}
        tables = {f"warehouse {name}": _in_table(name, table, month) for name, table in self._tables.items()}
        raw_month = config.raw_month(color, month)
        return Found(
            raw=raw,
            clean=clean,
            rejected=rejected,
            lakes=[_with_refusal(count, clean, raw_month, place) for place, count in lakes.items()],
            warehouses=[_with_refusal(count, clean, raw_month, place) for place, count in tables.items()],
            clean_is_lake=self._stores.clean_is_lake,
            other_raw=receipt is not None and stored.downloaded not in ("", receipt.raw.sha256),
            refused=raw_month.failure() is not None,
            from_tlc=counts_apply_to(url),
            published=published_rows(color, month, "parquet" if form == "parquet" else "csv") if form else None,
        )

    def _in_lake(self, name: str, month: Month) -> tuple[Count, CleanReceipt | None]:
        listed = self._listed[name]
        if listed is None:
            return Count(name, asked=False), None
        if month not in listed:
            return Count(name), None
        try:
            footer = self._stores.lakes[name].footer(self.dataset.color, month)
        except FileNotFoundError:
            return Count(name), None
        except (TaxiError, OSError) as error:
            return Count(name, fault=one_line(error) or ""), None
        receipt = footer.receipt
        if receipt is not None and (receipt.color, receipt.month) != (self.dataset.color, str(month)):
            return Count(name, fault=f"by its receipt it is {receipt.color} {receipt.month}"), None
        return Count(name, footer.rows, receipt.rows_kept if receipt else None), receipt


def _with_refusal(count: Count, clean: Count, raw: RawMonth, place: str) -> Count:
    """Says of a place that holds other rows than the clean file whether it refused the month."""
    differs = None not in (count.rows, clean.rows) and count.rows != clean.rows
    return replace(count, refused=True) if differs and raw.failure(place) is not None else count


def _raw_name(color: str, month: Month, receipt: CleanReceipt | None) -> str:
    """The raw file that the clean one was made from, which may have come from another source than today's."""
    name = config.raw_month(color, month).name
    if receipt is None or receipt.raw.url == config.source().url(color, month):
        return name
    folder, _, file_name = name.rpartition("/")
    return f"{folder}/{unquote(urlsplit(receipt.raw.url).path.rpartition('/')[2]) or file_name}"


@dataclass(frozen=True)
class _Raw:
    """A raw file as it lies in the workspace."""

    count: Count
    form: str = ""
    """parquet, csv or csv.gz; '' where there is nothing to count"""
    downloaded: str = ""
    """sha256 of what was downloaded under this name, as its receipt or else its bytes have it; '' for nothing"""
    url: str = ""
    """where it came from; '' where no receipt says so"""


def _raw(name: str, again: str) -> _Raw:
    """The raw file counted, and its bytes held against its receipt's; `again` is the command that fetches it anew."""
    form, rows, wrong, store = "", None, [], config.workspace()
    try:
        with store.reading(name) as path:
            size = path.stat().st_size
            with path.open("rb") as file:
                found = file_digest(file, "sha256").hexdigest()
            try:
                rows, form = count_records(path), sniff(path)
            except BadFile as error:
                wrong.append(str(error).replace(str(path), store.url(name)))
        receipt = _raw_receipt(name)
    except FileNotFoundError:
        return _Raw(Count("raw"))
    except (TaxiError, OSError) as error:
        return _Raw(Count("raw", fault=one_line(error) or ""))
    if isinstance(receipt, str):
        wrong.append(receipt)
    elif receipt.bytes != size:
        wrong.append(f"{_OTHER_BYTES} ({size:,} bytes, its receipt says {receipt.bytes:,})")
    elif receipt.sha256 != found:
        wrong.append(f"{_OTHER_BYTES} (sha256 {found[:12]}…, its receipt says {receipt.sha256[:12]}…)")
    count = Count("raw", rows, fault=f"{'; '.join(wrong)}; fetch it again: {again}" if wrong else "")
    downloaded, url = (found, "") if isinstance(receipt, str) else (receipt.sha256, receipt.url)
    return _Raw(count, form, downloaded, url)


_OTHER_BYTES = "its bytes are not those that were downloaded"


def _raw_receipt(name: str) -> RawReceipt | str:
    """The receipt beside a raw file, or what is wrong with it."""
    try:
        with config.workspace().open(f"{name}.receipt.json") as file:
            return RawReceipt.from_json(file.read().decode())
    except FileNotFoundError:
        return "it has no receipt beside it"
    except ValueError:
        return "the receipt beside it is damaged"


def _rejected(name: str) -> Count:
    store = config.workspace()
    try:
        with store.open(name) as file:
            return Count("rejected", read_footer(file, store.url(name)).rows)
    except FileNotFoundError:
        return Count("rejected")
    except (TaxiError, OSError) as error:
        return Count("rejected", fault=one_line(error) or "")


def _in_table(name: str, table: Table | None, month: Month) -> Count:
    """A marker without rows is a month of none."""
    if table is None:
        return Count(name, asked=False)
    claimed = table.marked.get(month)
    return Count(name, table.rows.get(month, None if claimed is None else 0), claimed)
