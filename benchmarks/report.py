"""The report of all that TLC has published, loaded already: its time, its memory, and the size of the page.

The months are simulated: markers in DuckDB as in `nightly`, and clean files with the columns, the receipts and as many
row groups as real ones, and a few rows in each, as only their footers are read.
"""

from __future__ import annotations

import math
import os
import random
import shutil
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import harness
from benchmarks.harness import ROOT, Scope
from benchmarks.nightly import published_months

if TYPE_CHECKING:
    from taxi_luigi.core.receipts import CleanReceipt
    from taxi_luigi.tlc.datasets import Column, Dataset
    from taxi_luigi.tlc.months import Month

_REPORT = [sys.executable, "-m", "luigi", "--module", "taxi_luigi", "Report", "--local-scheduler"]
_GROUP = 16
"""rows in each row group"""

SETTINGS = """\
[taxi]
workspace = {folder}/data
state = {folder}/state
zones =
[warehouse.duckdb]
path = {folder}/data/warehouse.duckdb
[Report]
path = {folder}/report.html
"""


def table(scope: Scope) -> str:
    """Make the page in each round, then again with nothing to do."""
    folder, rounds = scope.folder, scope.rounds or 5
    months = simulate(scope)
    environment = {"PYTHONPATH": str(ROOT), "LUIGI_CONFIG_PATH": str(folder / "own.cfg")}
    page, made = folder / "report.html", []
    for _ in range(rounds):
        page.unlink(missing_ok=True)
        made.append(harness.spawn(_REPORT, folder, environment))
    again = [harness.spawn(_REPORT, folder, environment) for _ in range(rounds)]
    rows = []
    for name, runs in {"`Report`": made, "the same, nothing changed": again}.items():
        seconds, peak = harness.spread([run.seconds for run in runs]), max(run.peak_mb for run in runs)
        rows.append([name, seconds, f"{peak:.0f}", str(len(runs))])
    table = harness.markdown(["command", "process s", "peak MB", "runs"], rows)
    return f"{months} months.\n\n{table}\n\nThe page has {page.stat().st_size / 1e6:.2f} MB."


def simulate(scope: Scope) -> int:
    """Make a project with every published month; return their number. Numbers are made up from TLC's row counts."""
    from taxi_luigi.tlc.datasets import DATASETS
    from taxi_luigi.tlc.published import published_rows

    folder = scope.folder
    shutil.copyfile(ROOT / "config" / "luigi.cfg", folder / "luigi.cfg")
    (folder / "own.cfg").write_text(SETTINGS.format(folder=folder))
    receipts = []
    for color, dataset in DATASETS.items():
        for month in published_months(scope, color):
            rows = published_rows(color, month, "parquet") or 0
            chance = random.Random(f"{color} {month}")
            receipt = _receipt(dataset, month, rows, chance)
            path = folder / "data" / "clean" / color / f"{color}_tripdata_{month}.parquet"
            _write(path, dataset, receipt, chance)
            _download(folder / "data" / "raw" / color / path.name, receipt)
            receipts.append(receipt)
    _mark(folder, receipts)
    _remember(folder, receipts)
    return len(receipts)


def _receipt(dataset: Dataset, month: Month, rows: int, chance: random.Random) -> CleanReceipt:
    from taxi_luigi.core.receipts import CleanReceipt, RawReceipt
    from taxi_luigi.sample.layouts import parquet_layout
    from taxi_luigi.transform.rules import RULES

    layout = parquet_layout(dataset.color, month)
    age = (2026 - month.year) / 17
    shares = {name: chance.random() ** 3 * 0.02 * (0.3 + age) for name in RULES if _counts(name, dataset)}
    shares["outside_file_month"] = 10 ** -chance.uniform(4, 7)
    rejected = {"unreadable:passenger_count": chance.randrange(40)} if month.year < 2011 else {}
    left_out = {"cbd_zone_entry": {"type": "double", "nulls": 0.93}} if (month.year, month.month) > (2026, 5) else {}
    return CleanReceipt(
        edition=f"{chance.randrange(16**10):010x}-0123456789",
        color=dataset.color,
        month=str(month),
        raw=RawReceipt(
            url=f"https://tlc.example/{dataset.color}_tripdata_{month}.parquet", etag=None, last_modified=None,
            bytes=int(rows * chance.uniform(16, 18)), sha256="0" * 64, edition="0123456789",
            downloaded_at="2026-11-01T06:00:00+00:00",
        ),
        raw_format="parquet",
        layout=layout | {name: str(said["type"]) for name, said in left_out.items()},
        left_out=left_out,
        rows_in=rows,
        rows_kept=rows - sum(rejected.values()),
        rejected=rejected,
        rules={name: int(rows * part) for name, part in shares.items()},
        unmapped={"unknown_code:payment_type": {"Dis pute": 3}} if (month.year, month.month) == (2009, 4) else {},
    )  # fmt: skip


def _counts(rule: str, dataset: Dataset) -> bool:
    needs = {
        "no_passengers": "passenger_count",
        "negative_total": "total_amount",
        "zero_coordinates": "pickup_longitude",
    }
    return rule not in needs or dataset.has(needs[rule])


def _write(path: Path, dataset: Dataset, receipt: CleanReceipt, chance: random.Random) -> None:
    """A file with as many row groups as a month of that size has, each of `_GROUP` rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from taxi_luigi.core.receipts import FOOTER_KEY
    from taxi_luigi.tlc.datasets import FILE_MONTH
    from taxi_luigi.transform.clean import ROW_GROUP
    from taxi_luigi.transform.column_mapping import canonical_schema

    schema, columns = canonical_schema(dataset), []
    groups = max(1, math.ceil(receipt.rows_kept / ROW_GROUP))
    for column in dataset.columns:
        there = column.name == FILE_MONTH or bool(column.names_in(receipt.layout))
        nulls = pa.nulls(_GROUP, schema.field(column.name).type)
        value = pa.array(range(_GROUP), pa.int32() if column.type in ("int32", "date32") else pa.int64())
        values = value.cast(schema.field(column.name).type) if there else nulls
        mask = pa.array([number < _missing(column, receipt, chance) for number in range(_GROUP)])
        columns.append(pa.compute.if_else(mask, nulls, values))
    path.parent.mkdir(parents=True, exist_ok=True)
    batch = pa.Table.from_arrays(columns, schema=schema)
    with path.open("wb") as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for _ in range(groups):
            writer.write_table(batch)
        file.seek(int(receipt.raw.bytes * 0.8), 1)  # a hole, which takes no room: the size that listings tell
        writer.add_key_value_metadata({FOOTER_KEY: receipt.to_json()})


def _download(path: Path, receipt: CleanReceipt) -> None:
    """A raw file of nothing but its size, with a receipt beside it: both are only listed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.truncate(path, receipt.raw.bytes)
    path.with_name(f"{path.name}.receipt.json").write_text(receipt.raw.to_json())


def _missing(column: Column, receipt: CleanReceipt, chance: random.Random) -> float:
    """Rows of a group that have no value: of each column about as many in all months, since 2019 more."""
    usual = random.Random(f"{receipt.color} {column.name}").choice((0, 0, 0, 0, 1, 1, 2))
    late = 2 if usual and receipt.month > "2019-06" else 0
    return 0 if column.required else usual + late + chance.choice((0, 0, 1)) * (usual > 0)


def _mark(folder: Path, receipts: list[CleanReceipt]) -> None:
    """A marker for each month."""
    import duckdb

    from taxi_luigi.warehouses import MARKERS

    now = datetime.now(UTC).replace(tzinfo=None)
    rows = [
        [each.color, f"{each.month}-01", each.edition, each.raw.sha256, each.raw.url, each.rows_kept, now]
        for each in receipts
    ]
    with duckdb.connect(str(folder / "data" / "warehouse.duckdb")) as connection:
        connection.execute(
            f"CREATE TABLE {MARKERS} (color VARCHAR, file_month DATE, edition VARCHAR, sha256 VARCHAR, source VARCHAR, "
            "rows BIGINT, loaded_at TIMESTAMP)"
        )
        connection.executemany(f"INSERT INTO {MARKERS} VALUES (?, ?, ?, ?, ?, ?, ?)", rows)


def _remember(folder: Path, receipts: list[CleanReceipt]) -> None:
    """A run in the history that loaded all of them, at the speeds of the tables above."""
    from taxi_luigi.history import MonthResult, Recorder, Result, RunResult, TaskResult, now

    record = Recorder(folder / "state", "20261101T060000-0000")
    record.begin("LoadAllMonths --months all", "benchmark", now())
    speeds: Mapping[str, float] = {"DownloadMonth": 400_000, "CleanMonth": 3_000_000, "LoadMonth": 2_000_000}
    for each in receipts:
        for task, speed in speeds.items():
            store = {"CleanMonth": "local", "LoadMonth": "duckdb"}.get(task, "")
            seconds = round(each.rows_in / speed + 0.2, 3)
            record.task(TaskResult(task, each.color, each.month, store, now(), now(), seconds, each.rows_kept))
    months = tuple(MonthResult(each.color, each.month, Result.LOADED, each.rows_kept) for each in receipts)
    record.end(RunResult("20261101T060000-0000", "", "benchmark", now(), now(), 0, 0, months, seconds=1.0))
