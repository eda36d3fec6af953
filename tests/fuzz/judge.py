"""One raw file through the engine, and whether it ended as every file must: a month that adds up, or one clear line."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from taxi_luigi.core.errors import AccountError, TaxiError
from taxi_luigi.core.receipts import CleanReceipt
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.clean import clean_month
from taxi_luigi.transform.clean_settings import CleanRules
from taxi_luigi.transform.column_mapping import canonical_schema
from taxi_luigi.transform.readers import check_whole, count_records, sniff
from taxi_luigi.transform.rejects import SCHEMA
from tests.support.cleaned import RAW_RECEIPT, receipt_of

LONGEST_LINE = 2_000


def outcome(raw: Path, color: str, month: Month, rules: CleanRules) -> str:
    """`loaded`, `loaded, with rejects`, or the name of the TaxiError; anything else is raised."""
    clean, rejects = raw.with_name("clean"), raw.with_name("rejects")
    try:
        check_whole(raw)
        receipt = clean_month(
            DATASETS[color], month, raw, RAW_RECEIPT, "0123456789-abcdef0123", rules, clean, rejects,
            lambda done, total: None,
        )  # fmt: skip
    except TaxiError as error:
        _check_error(error, raw)
        return type(error).__name__
    _check_account(receipt, raw, clean, rejects)
    _check_clean(receipt, clean, color, month)
    _check_rejects(receipt, rejects)
    return "loaded, with rejects" if receipt.rows_rejected else "loaded" if receipt.rows_kept else "loaded, no rows"


def _check_error(error: TaxiError, raw: Path) -> None:
    line = str(error)
    assert line.isprintable(), repr(line)
    assert str(raw) in line, line
    assert len(line) - len(str(raw)) <= LONGEST_LINE, line
    assert "Traceback" not in line, line
    assert " object at 0x" not in line, line
    if isinstance(error, AccountError):  # a damaged footer may name another number of rows; a csv's we count ourselves
        assert sniff(raw) == "parquet", line


def _check_account(receipt: CleanReceipt, raw: Path, clean: Path, rejects: Path) -> None:
    assert receipt.rows_in == count_records(raw) == receipt.rows_kept + receipt.rows_rejected
    assert pq.read_metadata(clean).num_rows == receipt.rows_kept
    assert receipt_of(clean) == receipt
    assert rejects.exists() == bool(receipt.rows_rejected)


def _check_clean(receipt: CleanReceipt, clean: Path, color: str, month: Month) -> None:
    table = pq.read_table(clean)
    table.validate(full=True)
    assert table.num_rows == receipt.rows_kept
    assert table.schema.remove_metadata() == canonical_schema(DATASETS[color])
    assert pc.all(pc.equal(table["file_month"], month.first_day), min_count=0).as_py()


def _check_rejects(receipt: CleanReceipt, rejects: Path) -> None:
    if receipt.rows_rejected:
        table = pq.read_table(rejects)
        table.validate(full=True)
        assert table.schema.remove_metadata() == SCHEMA
        assert receipt_of(rejects) == receipt
        places = table["record"].to_pylist()
        assert len(set(places)) == len(places) == receipt.rows_rejected
        assert min(places) >= 1
        assert max(places) <= receipt.rows_in
