"""What `taxi-luigi dbt-sources` prints, read as YAML."""

from __future__ import annotations

import pytest
import yaml

from taxi_luigi.cli import main
from taxi_luigi.tlc import zones
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.warehouses import MARKERS, ddl, markers
from tests.support.project import ROOT


def test_every_table_is_a_source_with_its_columns_types_and_meanings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dbt-sources"]) == 0
    (source,) = yaml.safe_load(capsys.readouterr().out)["sources"]
    assert (source["name"], source["schema"]) == ("taxi_luigi", "{{ target.schema }}")
    assert "database" not in source
    found = {
        table["name"]: {each["name"]: each["data_type"] for each in table["columns"]} for table in source["tables"]
    }
    wanted = {dataset.table: ddl.columns(dataset) for dataset in DATASETS.values()}
    wanted |= {zones.TABLE: zones.COLUMNS, MARKERS: markers.COLUMNS}
    assert found == {name: ddl.postgres_columns(columns) for name, columns in wanted.items()}
    assert {table["name"]: table["config"] for table in source["tables"] if "config" in table} == {
        MARKERS: {"loaded_at_field": "loaded_at"}
    }
    described = {
        table["name"]: [each.get("description", "") for each in table["columns"]] for table in source["tables"]
    }
    for dataset in DATASETS.values():
        for column, text in zip(dataset.columns, described[dataset.table], strict=True):
            assert text.startswith(column.meaning)
    assert described[zones.TABLE] == [zones.DESCRIPTIONS[column] for column in zones.COLUMNS]
    assert described[MARKERS] == [markers.DESCRIPTIONS[column] for column in markers.COLUMNS]


def test_schema_and_database_are_those_of_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dbt-sources", "--schema", 'a "b": #', "--database", "no"]) == 0
    (source,) = yaml.safe_load(capsys.readouterr().out)["sources"]
    assert (source["schema"], source["database"]) == ('a "b": #', "no")


def test_the_example_has_the_tables_of_today(capsys: pytest.CaptureFixture[str]) -> None:
    """`taxi-luigi dbt-sources > examples/dbt/models/sources.yml` brings the file up to date."""
    example = ROOT / "examples" / "dbt"
    assert main(["dbt-sources"]) == 0
    assert capsys.readouterr().out == (example / "models" / "sources.yml").read_text(encoding="utf-8")
    project = yaml.safe_load((example / "dbt_project.yml").read_text(encoding="utf-8"))
    assert project["vars"]["record_types"] == list(DATASETS)
