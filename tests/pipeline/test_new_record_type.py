"""A record type that TLC does not have, told to the pipeline by its entry in DATASETS alone, and loaded end to end."""

from __future__ import annotations

from datetime import date, datetime

import duckdb
import psycopg2

from tests.support.project import Project

FERRY = """
from taxi_luigi import *  # the tasks, as --module taxi_luigi has them
from taxi_luigi.tlc.datasets import DATASETS, FILE_MONTH, Column, Dataset
from taxi_luigi.tlc.months import Month

DATASETS["ferry"] = Dataset(
    color="ferry",
    meaning="boats to Staten Island",
    first_month=Month(2024, 1),
    pickup="departed",
    dropoff="arrived",
    distance="miles",
    columns=(
        Column(FILE_MONTH, "date32", "first day of the month in the name of the file"),
        Column("boat", "string", "its name", required=True).named(("Boat_Name", "2024..", "2024..")),
        Column("departed", "timestamp[us]", "cast off", "New York wall clock", required=True),
        Column("arrived", "timestamp[us]", "made fast", "New York wall clock"),
        Column("passenger_count", "int32", "passengers", "people"),
        Column("miles", "double", "distance", "miles"),
        Column("slip", "int32", "where it made fast", value_map={"st. george": "1", "whitehall": "2"}),
    ),
)
"""
PUBLISHED = (
    "Boat_Name, DEPARTED, arrived, passenger_count, miles, slip, weather\r\n"
    "Barberi,2024-01-05 08:00:00,2024-01-05 08:25:00,3021,5.2,Whitehall,fog\r\n"
    "Molinari,2024-01-05 08:30:00,2024-01-05 08:55:00,0,0,2,\r\n"
    "Molinari,2024-01-05 25:00:00,2024-01-05 09:55:00,12,5.2,2,\r\n"
    "Noble,2024-02-01 00:10:00,,N/A,5.2,Bayonne,\r\n"
)
LOADED = [
    (date(2024, 1, 1), "Barberi", datetime(2024, 1, 5, 8), datetime(2024, 1, 5, 8, 25), 3021, 5.2, 2),
    (date(2024, 1, 1), "Molinari", datetime(2024, 1, 5, 8, 30), datetime(2024, 1, 5, 8, 55), 0, 0.0, 2),
    (date(2024, 1, 1), "Noble", datetime(2024, 2, 1, 0, 10), None, None, 5.2, None),
]
ROWS = "SELECT * FROM ferry_tripdata ORDER BY boat"


def test_an_entry_in_datasets_is_a_record_type(project: Project, postgres_url: str) -> None:
    (project.folder / "ferry.py").write_text(FERRY)
    (project.folder / "ferry_2024-01.csv").write_text(PUBLISHED, newline="")
    project.configure(
        {
            "taxi": {"source": project.folder / "{color}_{year}-{month:02}.csv", "warehouse": "duckdb, pg"},
            "clean": {"most_rejected": "0.25"},  # one of the four records
            "warehouse.pg": {"type": "postgres", "url": "${PG}"},
        }
    )
    env = {"PG": postgres_url, "PYTHONPATH": str(project.folder)}
    command = ("luigi", "--module", "ferry", "LoadAllMonths", "--colors", "ferry", "--months", "2024-01")
    first = project.command(*command, "--local-scheduler", env=env)
    assert first.rc == 0, first.out
    assert "ferry: 1 month loaded (3 rows)" in first.out
    with duckdb.connect(str(project.warehouse), read_only=True) as duck:
        assert duck.execute(ROWS).fetchall() == LOADED
    connection = psycopg2.connect(postgres_url)
    with connection, connection.cursor() as cursor:
        cursor.execute(ROWS)
        assert cursor.fetchall() == LOADED
    connection.close()
    again = project.command(*command, "--local-scheduler", env=env)
    assert (again.rc, "ferry: 0 months loaded, 1 already there" in again.out) == (0, True), again.out
