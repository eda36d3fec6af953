"""A workspace and lakes in which a later version of taxi_luigi has worked: what it made is used, and never replaced."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from taxi_luigi.core.errors import LaterVersion
from taxi_luigi.core.receipts import FOOTER_KEY, CleanReceipt
from taxi_luigi.storage.lake import Lake
from taxi_luigi.storage.local import FolderStore
from taxi_luigi.tasks.replacing import in_lake, replaceable_in
from taxi_luigi.tlc.datasets import DATASETS, SCHEMA_VERSION
from taxi_luigi.tlc.months import Month
from tests.support.project import Project
from tests.support.trips import write_clean

MONTH = ("LoadAllMonths", "--colors", "green", "--months", "2021-01")
JANUARY = Month(2021, 1)
Change = Callable[[dict[str, Any]], Any]


def in_footer(clean: Path, change: Change) -> None:
    """Changes the receipt in a clean file, as a later version would have written it."""
    receipt = json.loads(pq.read_metadata(clean).metadata[FOOTER_KEY.encode()])
    change(receipt)
    pq.write_table(pq.read_table(clean).replace_schema_metadata({FOOTER_KEY: json.dumps(receipt)}), clean)


def test_what_a_later_version_made_is_used_and_not_replaced(loading: Project) -> None:
    assert loading.run(*MONTH).rc == 0
    raw = next((loading.workspace / "raw" / "green").glob("*.parquet"))
    clean = loading.workspace / "clean" / "green" / "green_tripdata_2021-01.parquet"
    beside = raw.with_name(f"{raw.name}.receipt.json")
    ours, later = beside.read_text(), json.dumps(json.loads(beside.read_text()) | {"weather": "fine"})
    beside.write_text(later)
    in_footer(clean, lambda receipt: receipt.update(sky="blue"))
    before = {path: path.read_bytes() for path in (raw, beside, clean)}

    loading.warehouse.unlink()
    again = loading.run(*MONTH)
    assert again.rc == 0, again.out
    assert f"WARNING: {clean}: a later version of taxi_luigi made it: its receipt has sky" in again.out

    forced = loading.run(*MONTH, "--force")
    assert forced.rc == 30, forced.out
    assert (
        f"{raw}: a later version of taxi_luigi made it (its receipt has weather), so it is not replaced;" in forced.out
    )
    assert {path: path.read_bytes() for path in before} == before

    beside.write_text(ours)
    forced = loading.run(*MONTH, "--force")
    assert forced.rc == 30, forced.out
    assert f"{clean}: a later version of taxi_luigi made it (its receipt has sky), so it is not replaced;" in forced.out
    assert "Traceback" not in forced.out
    assert clean.read_bytes() == before[clean]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda receipt: receipt.update(sky="blue", mood=1), "its receipt has mood, sky"),
        (lambda receipt: receipt["raw"].update(weather="fine"), "its receipt has weather"),
        (
            lambda receipt: receipt["versions"].update(schema=str(SCHEMA_VERSION + 1)),
            f"its schema is version {SCHEMA_VERSION + 1}, here it is {SCHEMA_VERSION}",
        ),
    ],
)
def test_a_lakes_file_of_a_later_version_counts_as_there_and_is_not_replaced(
    tmp_path: Path, change: Change, why: str
) -> None:
    lake = Lake(FolderStore("lake", FolderStore.Settings(tmp_path / "lake")))
    clean = tmp_path / "clean.parquet"
    receipt: CleanReceipt = write_clean(clean, DATASETS["green"], JANUARY, 10)
    assert replaceable_in(lake, "green", JANUARY) is None
    lake.put(clean, "green", JANUARY, receipt.summary)
    assert replaceable_in(lake, "green", JANUARY) == receipt
    in_footer(clean, change)
    lake.put(clean, "green", JANUARY, receipt.summary)
    stored = lake.stat("green", JANUARY)
    assert stored is not None
    assert stored.summary == receipt.summary
    for call in (lambda: replaceable_in(lake, "green", JANUARY), lambda: in_lake(lake, receipt)):
        with pytest.raises(LaterVersion) as error:
            call()
        assert str(error.value) == (
            f"{lake.url('green', JANUARY)}: a later version of taxi_luigi made it ({why}), so it is not replaced; "
            "upgrade this one"
        )
