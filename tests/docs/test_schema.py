"""docs/schema.md is what docs/schema.py makes of the record types today."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from taxi_luigi.tlc.datasets import DATASETS

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return runpy.run_path(str(DOCS / "schema.py"))


def test_the_page_is_not_stale(made: dict[str, Any]) -> None:
    assert (DOCS / "schema.md").read_text(encoding="utf-8") == made["page"](), "run python docs/schema.py"


def test_every_column_is_on_it_with_type_unit_meaning_and_names(made: dict[str, Any]) -> None:
    page = made["page"]()
    for dataset in DATASETS.values():
        section = page.partition(f"## {dataset.table}\n")[2].partition("\n## ")[0]
        for column in dataset.columns:
            [row] = [line for line in section.splitlines() if line.startswith(f"| `{column.name}` ")]
            assert {column.type, column.unit} <= {cell.strip() for cell in row.split("|")}
            assert column.meaning in row
            assert all(f"`{spelling.name}`" in row for spelling in column.spellings)


def test_the_history_of_columns_has_the_month_of_each_change(made: dict[str, Any]) -> None:
    page = made["page"]()
    yellow = page.partition("### Layouts of yellow\n")[2].partition("\n## ")[0].splitlines()
    assert "| 2023-02..2024-12 | parquet | 19 | `airport_fee` → `Airport_fee` |" in yellow
    assert "| 2026-06.. | parquet | 21 | + `request_source` |" in yellow
    assert any(line.startswith("| 2016-07..2018-12 | csv | 17 | + `PULocationID`") for line in yellow)
