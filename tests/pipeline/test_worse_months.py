"""A worse month never takes a good one's place: spoilt months over held ones and as first loads, and the second night.

Each kind in yellow, green or fhvhv, as parquet, csv or csv.gz, through the `luigi` command into DuckDB, PostgreSQL and
BigQuery's stand-in; `pytest -s` prints the table of them. All are loaded, spoilt and loaded again in a few runs, one
for each way in which they end.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Literal

import duckdb
import psycopg2
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from taxi_luigi.sample import write_month
from taxi_luigi.tlc.months import Month
from tests.support.bigquery import PROJECT, BigQueryServer
from tests.support.cdn import Cdn
from tests.support.postgres import Postgres
from tests.support.project import Project, Run

pytestmark = pytest.mark.timeout(600)  # the first test waits for all the runs

ROWS = 3_500
"""in a month before it is spoilt"""
COLORS = ("yellow", "green", "fhvhv")
PLACES = ("clean", "duckdb", "postgres", "bigquery")

Form = Literal["parquet", "csv", "csv.gz"]
ColorMonth = tuple[str, Month]
Rows = dict[str, dict[ColorMonth, int]]
"""place → (color, month) → rows"""


class End(Enum):
    """How a run with such a month ends, the first night and the next."""

    REFUSED = "refused"
    """30, and what is held stays; then 0 with a WARNING, as long as the settings are the same; 30 if none is held"""
    DAMAGED = "damaged"
    """30 every night, and what is held stays: the file is at fault, and the source is asked for it again"""
    LOADED = "loaded"
    """0, also where it is not as one would wish"""


# What the lines say: words that stay, whatever else is in them.
FAILED = "{color} {month} failed: "
REMEMBERED = "refused"
"""in the WARNING of the second night, in plan and status"""
CUT, EMPTY, REJECTS, MISSING, FEWER = (
    "cut short",
    "no record",
    "most_rejected",
    "--clean-missing-columns",
    "fewest_rows",
)
SOME_REJECTS, PICKUPS = "cannot be stored", "pickup"


# How a month is spoilt: its columns, those of a csv as text, and the name of the column that is spoilt


def amount(table: pa.Table) -> str:
    """A number in each layout: money, but for fhvhv's csv, which has none."""
    return next(name for name in ("total_amount", "base_passenger_fare", "PULocationID") if name in table.column_names)


def rewritten(table: pa.Table, name: str, spoil: Callable[[int], bool], text: str) -> pa.Table:
    """The rows of which `spoil` is true have a text in the place of that column's value."""
    values = table[name].cast(pa.string()).to_pylist()
    spoilt = [text if spoil(row) else value for row, value in enumerate(values)]
    return table.set_column(table.column_names.index(name), name, pa.array(spoilt, pa.string()))


def unreadable(spoil: Callable[[int], bool], text: str = "12 USD") -> Callable[[pa.Table], pa.Table]:
    return lambda table: rewritten(table, amount(table), spoil, text)


def required_alone(table: pa.Table) -> pa.Table:
    required = re.compile(r"vendorid|hvfhs_license_num|dispatching_base_num|.*(pickup|dropoff)_datetime", re.IGNORECASE)
    return table.select([name for name in table.column_names if required.fullmatch(name)])


def renamed(table: pa.Table) -> pa.Table:
    """The zones as dbt's and BigQuery's models call them."""
    names = {"PULocationID": "pickup_location_id", "DOLocationID": "dropoff_location_id"}
    return table.rename_columns([names.get(name, name) for name in table.column_names])


def pickups(value: datetime | None) -> Callable[[pa.Table], pa.Table]:
    def spoil(table: pa.Table) -> pa.Table:
        [place] = [at for at, name in enumerate(table.column_names) if "pickup_datetime" in name.lower()]
        field = table.schema.field(place)
        if field.type == pa.string():
            column = pa.repeat("" if value is None else f"{value:%Y-%m-%d %H:%M:%S}", len(table))
        else:
            column = pa.repeat(pa.scalar(value, field.type), len(table))
        return table.set_column(place, field, column)

    return spoil


def share(percent: int) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.slice(0, ROWS * percent // 100)


@dataclass(frozen=True)
class Kind:
    """One way to spoil a month, and what comes of it."""

    name: str
    end: End
    says: str
    """words in the line of a month that fails, or in the WARNING of one that is loaded; '' where there is none"""
    forms: dict[str, Form]
    """record type → the form in which it is tried"""
    spoil: Callable[[pa.Table], pa.Table] | None = None
    """None: other trips, as many"""
    keep: int = ROWS
    """rows that are loaded, where they are"""
    cut: bool = False
    """whether the file ends within its first line"""


def rare(every: int) -> Callable[[int], bool]:
    return lambda row: row % every == 0


HELD = (
    Kind("cut within its header", End.DAMAGED, CUT, {"yellow": "csv", "green": "csv.gz", "fhvhv": "csv"}, cut=True),
    Kind(
        "thousands separators in nearly all rows", End.REFUSED, REJECTS, {"green": "csv.gz"},
        unreadable(lambda row: row % 100 != 0, "1,234.56"),
    ),
    Kind("half of the rows unreadable", End.REFUSED, REJECTS, {"yellow": "parquet"}, unreadable(rare(2))),
    Kind("2 % of the rows unreadable", End.REFUSED, REJECTS, {"fhvhv": "csv"}, unreadable(rare(50))),
    Kind("no record", End.REFUSED, EMPTY, {"fhvhv": "csv.gz"}, share(0)),
    Kind(
        "without the amount", End.REFUSED, MISSING, {"green": "csv"},
        lambda table: table.drop_columns([amount(table)]),
    ),
    Kind("vendor and times alone", End.REFUSED, MISSING, {"yellow": "csv"}, required_alone),
    Kind("renamed as dbt does", End.REFUSED, MISSING, {"yellow": "parquet"}, renamed),
    Kind("3 rows", End.REFUSED, FEWER, {"green": "parquet"}, lambda table: table.slice(0, 3)),
    Kind("89 % of the rows", End.REFUSED, FEWER, {"fhvhv": "csv"}, share(89)),
    Kind("91 % of the rows", End.LOADED, "", {"green": "parquet"}, share(91), keep=ROWS * 91 // 100),
    Kind(
        "0.5 % of the rows unreadable", End.LOADED, SOME_REJECTS, {"yellow": "parquet"}, unreadable(rare(200)),
        keep=ROWS - len(range(0, ROWS, 200)),
    ),
    Kind("other values", End.LOADED, "", {"fhvhv": "csv.gz"}),
    Kind("no pickup", End.LOADED, PICKUPS, {"green": "csv", "fhvhv": "parquet"}, pickups(None)),
    Kind("pickups of 1970", End.LOADED, PICKUPS, {"yellow": "csv"}, pickups(datetime(1970, 1, 1))),
)  # fmt: skip
FIRST = (
    Kind("cut within its header", End.DAMAGED, CUT, {"yellow": "csv.gz", "green": "csv", "fhvhv": "csv"}, cut=True),
    Kind(
        "thousands separators in nearly all rows", End.REFUSED, REJECTS, {"yellow": "csv"},
        unreadable(lambda row: row % 100 != 0, "1,234.56"),
    ),
    Kind(
        "half of the rows unreadable", End.REFUSED, REJECTS, {"green": "parquet", "fhvhv": "parquet"},
        unreadable(rare(2)),
    ),
    Kind("no record", End.REFUSED, EMPTY, {"yellow": "csv"}, share(0)),
    Kind(
        # fhvhv's csv has no more columns than these; what its parquet alone has would be a warning
        "without the amount", End.REFUSED, MISSING, {"green": "csv", "fhvhv": "csv"},
        lambda table: table.drop_columns([amount(table)]),
    ),
    Kind(
        "3 rows", End.LOADED, "", {"yellow": "parquet", "green": "csv", "fhvhv": "parquet"},
        lambda table: table.slice(0, 3), keep=3,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One kind in one record type and month."""

    kind: Kind
    color: str
    form: Form
    month: Month
    held: bool

    @property
    def key(self) -> ColorMonth:
        return self.color, self.month

    @property
    def file(self) -> str:
        """As the source's template has it; what it is, its bytes tell."""
        return f"{self.color}_tripdata_{self.month}.parquet"

    @property
    def group(self) -> str:
        """Months of one group end alike, and are loaded in one run."""
        first = "" if self.held or self.kind.end is not End.REFUSED else "first "
        return first + self.kind.end.value

    def __str__(self) -> str:
        return f"{self.kind.name}-{self.color}-{self.form}-{'held' if self.held else 'first'}"


def _cases() -> Iterator[Case]:
    """Months of each group of their own, in each of which every record type has a case."""
    month = Month(2019, 7)
    for held, kinds in ((True, HELD), (False, FIRST)):
        for end in End:
            ended = [(kind, *form) for kind in kinds if kind.end is end for form in kind.forms.items()]
            for color in COLORS:
                mine = [(kind, form) for kind, other, form in ended if other == color]
                assert len(mine) * len(COLORS) == len(ended), (held, end)
                yield from (Case(kind, color, form, month.plus(n), held) for n, (kind, form) in enumerate(mine))
            month = month.plus(len(ended) // len(COLORS))


CASES = list(_cases())
GROUPS = list(dict.fromkeys(case.group for case in CASES))
HELD_CASES, FIRST_CASES = [case for case in CASES if case.held], [case for case in CASES if not case.held]


# Publishing them


def publish(folder: Path, case: Case, spoilt: bool) -> None:
    """Writes the month into the publisher's folder, as TLC's layout has it, or spoilt."""
    other = spoilt and case.kind.spoil is None
    form: Form = "parquet" if case.form == "parquet" else "csv"
    made = write_month(folder / "made", case.color, case.month, ROWS, seed=2 if other else 1, form=form)
    if form == "csv":
        text = pa.csv.ConvertOptions(column_types=dict.fromkeys(_header(made), pa.string()), strings_can_be_null=False)
        table = pa.csv.read_csv(made, convert_options=text)
    else:
        table = pq.read_table(made)
    if spoilt and case.kind.spoil is not None:
        table = case.kind.spoil(table)
    (folder / f"{case.file}.new").write_bytes(_written(table, case, spoilt))
    (folder / f"{case.file}.new").replace(folder / case.file)


def _header(made: Path) -> list[str]:
    with made.open() as file:
        return file.readline().strip().split(",")


def _written(table: pa.Table, case: Case, spoilt: bool) -> bytes:
    sink = pa.BufferOutputStream()
    if case.form == "parquet":
        pq.write_table(table, sink)
        return sink.getvalue().to_pybytes()
    pa.csv.write_csv(table, sink, pa.csv.WriteOptions(quoting_style="needed", quoting_header="none"))
    content = sink.getvalue().to_pybytes()
    if spoilt and case.kind.cut:
        content = content[: content.index(b"\n") // 2]
    return gzip.compress(content, mtime=0) if case.form == "csv.gz" else content


# The nights


class Nights:
    """A project with three warehouses, its publisher, and what each of its runs left there."""

    def __init__(self, project: Project, cdn: Cdn, postgres: str, bigquery: BigQueryServer, dataset: str) -> None:
        self.project, self.cdn = project, cdn
        self._postgres, self._bigquery, self._dataset = postgres, bigquery, dataset
        self.runs: dict[tuple[int, str], Run] = {}
        """(night, group) → its run; the second night's is the same command again"""
        self.logged: dict[tuple[int, str], str] = {}
        """the same → what it logged"""
        self.rows: list[Rows] = []
        """after the evening before, the first night, the second"""
        self.fetched: list[dict[str, int]] = []
        """file → how often it was fetched, after the same three"""

    def command(self, cases: Sequence[Case]) -> tuple[str, ...]:
        months = dict.fromkeys(str(case.month) for case in cases)
        return "--colors", ",".join(COLORS), "--months", ",".join(months), "--refresh", "all"

    def load(self, night: int, group: str, cases: Sequence[Case]) -> None:
        run = self.project.run("LoadAllMonths", *self.command(cases), "--workers", 2, timeout=280)
        assert "Traceback" not in run.out
        self.runs[night, group], self.logged[night, group] = run, self.project.logged()

    def look(self) -> None:
        self.rows.append({place: self._count(place) for place in PLACES})
        self.fetched.append({case.file: self.cdn.count("GET", case.file) for case in CASES})

    def table(self) -> str:
        """A row for each spoilt month, for the page that states them: `pytest -s` on this file prints it."""
        rows = ["| spoilt month | held | exit | line | " + " | ".join(PLACES) + " | second night |", "|---" * 9 + "|"]
        for case in CASES:
            nights = [self.runs[night, case.group] for night in (1, 2)]
            named = [
                [line for line in lines(run, f"{case.color} {case.month}") if "to load" not in line] for run in nights
            ]
            counts = [" → ".join(str(each[place].get(case.key, 0)) for each in self.rows) for place in PLACES]
            first, second = (f"{run.rc} | {(found or ['–'])[-1]}" for run, found in zip(nights, named, strict=True))
            held = "held" if case.held else "first"
            kind = f"{case.kind.name}, {case.color} {case.form}"
            rows.append(f"| {kind} | {held} | {first} | {' | '.join(counts)} | {second.replace(' | ', ': ')} |")
        return "\n".join(rows)

    def _count(self, place: str) -> dict[ColorMonth, int]:
        if place == "clean":
            files = (self.project.workspace / "clean").rglob("*_tripdata_*.parquet")
            named = ((path.stem.split("_tripdata_"), path) for path in files)
            return {(color, Month.parse(month)): pq.read_metadata(path).num_rows for (color, month), path in named}
        counts = {}
        for color in COLORS:
            query = f"SELECT file_month, count(*) FROM {color}_tripdata GROUP BY file_month"
            for month, rows in self._asked(place, query):
                counts[color, Month.of(month)] = rows
        return counts

    def _asked(self, place: str, query: str) -> list[tuple[object, ...]]:
        if place == "bigquery":
            return self._bigquery.query(self._dataset, query)
        if place == "duckdb":
            with duckdb.connect(str(self.project.warehouse), read_only=True) as connection:
                return connection.execute(query).fetchall()
        with psycopg2.connect(self._postgres) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()


@pytest.fixture(scope="module")
def nights(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: Postgres, bigquery_server: BigQueryServer
) -> Iterator[Nights]:
    """The evening before, when good months are loaded; they are spoilt; and two nights."""
    folder = tmp_path_factory.mktemp("published")
    dataset = bigquery_server.fresh_dataset()
    project = Project(tmp_path_factory.mktemp("worse") / "project")
    for case in HELD_CASES:
        publish(folder, case, spoilt=False)
    with postgres_server.database() as url, Cdn(folder) as cdn:
        project.configure(
            {
                "taxi": {"source": cdn.template, "warehouse": "duckdb, postgres, bigquery"},
                "warehouse.postgres": {"url": url},
                "warehouse.bigquery": {"project": PROJECT, "dataset": dataset, "endpoint": bigquery_server.endpoint},
            }
        )
        found = Nights(project, cdn, url, bigquery_server, dataset)
        found.load(0, "held", HELD_CASES)
        found.look()
        for case in CASES:
            publish(folder, case, spoilt=True)
        for night in (1, 2):
            for group in GROUPS:
                found.load(night, group, [case for case in CASES if case.group == group])
            found.look()
        print(found.table())
        yield found
    project.end()
    bigquery_server.drop()


def lines(run: Run, *words: str) -> list[str]:
    """Those that have all of the words."""
    return [line for line in run.out.splitlines() if all(word in line for word in words)]


def expected(cases: Sequence[Case], loaded: bool) -> dict[ColorMonth, int]:
    """Rows per month, before the spoilt ones are loaded and after."""
    kept = {case.key: case.kind.keep for case in cases if case.kind.end is End.LOADED and loaded}
    return {case.key: ROWS for case in cases if case.held} | kept


def test_good_months_are_loaded_without_a_reject(nights: Nights) -> None:
    run = nights.runs[0, "held"]
    assert run.rc == 0, run.out
    assert nights.rows[0] == dict.fromkeys(PLACES, expected(CASES, loaded=False))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_spoilt_month_is_loaded_or_refused_in_one_line_and_what_is_held_stays_everywhere(
    nights: Nights, case: Case
) -> None:
    run = nights.runs[1, case.group]
    expect = {place: expected(CASES, loaded=True).get(case.key) for place in PLACES}
    assert {place: rows.get(case.key) for place, rows in nights.rows[1].items()} == expect
    assert {place: rows.get(case.key) for place, rows in nights.rows[2].items()} == expect
    failed = lines(run, FAILED.format(color=case.color, month=case.month))
    if case.kind.end is End.LOADED:
        assert not failed
        warned = lines(run, "WARNING", case.color, str(case.month), case.kind.says)
        assert bool(warned) == bool(case.kind.says), run.out
    else:
        [line] = failed
        assert case.kind.says in line


@pytest.mark.parametrize("group", GROUPS)
def test_a_run_with_months_that_are_refused_or_damaged_ends_with_30_and_counts_them(nights: Nights, group: str) -> None:
    run = nights.runs[1, group]
    loaded = group == End.LOADED.value
    assert run.rc == (0 if loaded else 30), run.out
    cases = [case for case in CASES if case.group == group]
    for color in COLORS:
        [summary] = [line for line in run.out.splitlines() if re.match(rf"{color}: \d+ months? loaded", line)]
        held, first = (sum(case.held is held for case in cases if case.color == color) for held in (True, False))
        if loaded:
            assert f"{held} months refreshed (" in summary
            assert summary.startswith(f"{color}: {first} month loaded (")
        else:
            assert summary.startswith(f"{color}: 0 months loaded, 0 already there, {held + first} failed")
    *_, last = [line for line in run.out.splitlines() if not line.startswith("WARNING")]
    assert (" failed: " in last) is not loaded


@pytest.mark.parametrize("case", [case for case in CASES if case.held and case.kind.end is End.LOADED], ids=str)
def test_a_replacement_shows_how_many_records_there_were_and_are(nights: Nights, case: Case) -> None:
    said = lines(nights.runs[1, case.group], case.color, str(case.month), f"{ROWS:,} → {case.kind.keep:,}")
    assert said, nights.runs[1, case.group].out


@pytest.mark.parametrize("case", [case for case in CASES if case.kind.end is End.REFUSED], ids=str)
def test_what_was_refused_is_neither_fetched_nor_cleaned_again(nights: Nights, case: Case) -> None:
    assert nights.fetched[1][case.file] == (2 if case.held else 1)
    assert nights.fetched[2][case.file] == nights.fetched[1][case.file]
    for done in ("Downloaded", "Cleaned", "Loaded"):
        assert f"{done} {case.color} {case.month}" not in nights.logged[2, case.group]


@pytest.mark.parametrize("color", COLORS)
def test_the_second_night_counts_what_is_held_as_there_and_warns(nights: Nights, color: str) -> None:
    run = nights.runs[2, End.REFUSED.value]
    assert run.rc == 0, run.out
    refused = [case for case in HELD_CASES if case.kind.end is End.REFUSED and case.color == color]
    assert lines(run, f"{color}: 0 months loaded, {len(refused)} already there")
    assert lines(run, "WARNING", REMEMBERED, color)


def test_a_single_month_that_was_refused_is_one_warning_line(nights: Nights) -> None:
    [case] = [case for case in HELD_CASES if case.kind.name == "3 rows" and case.color == "green"]
    command = ("LoadAllMonths", "--colors", case.color, "--months", case.month, "--refresh", "all")
    run = nights.project.run(*command)
    assert run.rc == 0, run.out
    warnings = lines(run, "WARNING")
    assert len(warnings) == 1, run.out
    [warning] = warnings
    for word in (REMEMBERED, case.color, str(case.month), FEWER):
        assert word in warning


def test_the_second_night_fails_again_where_nothing_is_held_with_the_cause(nights: Nights) -> None:
    run = nights.runs[2, "first refused"]
    assert run.rc == 30, run.out
    for case in FIRST_CASES:
        if case.kind.end is End.REFUSED:
            [line] = lines(run, FAILED.format(color=case.color, month=case.month))
            assert case.kind.says in line


def test_the_second_night_has_nothing_to_do_for_what_was_loaded(nights: Nights) -> None:
    run = nights.runs[2, End.LOADED.value]
    assert run.rc == 0, run.out
    loaded = {case.file for case in CASES if case.kind.end is End.LOADED}
    assert {nights.fetched[2][file] - nights.fetched[1][file] for file in loaded} == {0}
    assert "Cleaned" not in nights.logged[2, End.LOADED.value]


def test_a_damaged_file_fails_the_second_night_as_the_first(nights: Nights) -> None:
    run = nights.runs[2, End.DAMAGED.value]
    assert run.rc == 30, run.out
    for case in CASES:
        if case.kind.end is End.DAMAGED:
            [line] = lines(run, FAILED.format(color=case.color, month=case.month))
            assert CUT in line


def test_plan_and_status_show_what_was_refused(nights: Nights) -> None:
    refused = [case for case in HELD_CASES if case.kind.end is End.REFUSED]
    plan = nights.project.command("taxi-luigi", "plan", *nights.command(refused))
    assert plan.rc == 0, plan.out
    for case in refused:
        [line] = lines(plan, case.color, str(case.month))
        assert REMEMBERED in line
    status = nights.project.command("taxi-luigi", "status")
    assert status.rc == 0, status.out
    for color in COLORS:
        assert lines(status, color, REMEMBERED), status.out
