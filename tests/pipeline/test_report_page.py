"""The report as a person makes and reads it: `luigi --module taxi_luigi Report`, then the page, in a browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rich.filesize import decimal

from taxi_luigi.core.parquet_footer import read_footer
from taxi_luigi.core.receipts import CleanReceipt
from tests.support.browser import Page, page
from tests.support.cleaned import receipt_of
from tests.support.gcs import GcsServer
from tests.support.project import Project, Run, Sections

MONTHS = ("2021-01", "2021-02")
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
SEEN = "[...document.querySelectorAll('svg')].filter(svg => svg.getClientRects().length).map(svg => svg.classList[0])"
TABLES = """
Object.fromEntries([...document.querySelectorAll('#green h3')].map(title => [title.textContent,
  [...title.parentElement.querySelectorAll('table')].map(table => [...table.rows].map(row =>
    [...row.cells].map(cell => cell.textContent)))]))
"""


def settings(project: Project, tlc_data: Path) -> Sections:
    source = f"{tlc_data}/whole/{{color}}_tripdata_{{year}}-{{month:02}}.parquet"
    return {"taxi": {"source": source}, "Report": {"path": project.folder / "report.html"}}


@pytest.fixture(scope="module")
def once(tlc_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Two months of green as TLC published them, in DuckDB, and their page; to be looked at only."""
    project = Project(tmp_path_factory.mktemp("report"))
    project.configure(settings(project, tlc_data))
    load(project, ",".join(MONTHS))
    assert "open it in a browser" in report(project).out
    yield project
    project.end()


@pytest.fixture
def loaded(project: Project, once: Project, tlc_data: Path) -> Project:
    """The same in a project of its own."""
    project.configure(settings(project, tlc_data))
    for folder in ("data", "state"):
        shutil.copytree(once.folder / folder, project.folder / folder)
    shutil.copy(once.folder / "report.html", project.folder)
    return project


def load(project: Project, months: str) -> None:
    run = project.run("LoadAllMonths", "--colors", "green", "--months", months)
    assert run.rc == 0, run.out


def report(project: Project, *args: str) -> Run:
    run = project.run("Report", *args)
    assert run.rc == 0, run.out
    assert "zones" not in run.out
    return run


def clean_file(project: Project, month: str) -> Path:
    return project.workspace / "clean" / "green" / f"green_tripdata_{month}.parquet"


def receipt(project: Project, month: str) -> CleanReceipt:
    found = receipt_of(clean_file(project, month))
    assert found is not None
    return found


def records(shown: Page, title: str, number: int = 0) -> list[dict[str, str]]:
    """A table of the page's green section, as rows by the names of its head."""
    tables: Any = shown.evaluate(TABLES)
    head, *rows = tables[title][number]
    return [dict(zip(head, row, strict=True)) for row in rows]


def of_month(rows: list[dict[str, str]], month: str) -> dict[str, str]:
    return next(row for row in rows if row["month"] == month)


def test_the_page_shows_what_receipts_say_on_a_laptop_and_on_a_phone(once: Project) -> None:
    path = once.folder / "report.html"
    receipts = {month: receipt(once, month) for month in MONTHS}
    with page(path.as_uri()) as shown:
        shown.wait("</footer>")
        assert shown.evaluate(FITS)
        assert set(shown.evaluate(SEEN)) == {"wide"}
        assert shown.evaluate("document.querySelector('h1').textContent") == (
            f"{sum(each.rows_kept for each in receipts.values()):,} trips in 2 months"
        )
        year = records(shown, "Trips by month")[0]
        assert year["as published"] == f"{sum(each.raw.bytes for each in receipts.values()) / 1e6:.1f} MB"
        rules, nulls = records(shown, "Rules", 1), records(shown, "Columns by month", 1)
        for month, each in receipts.items():
            for rule in ("zero_distance", "unknown_zone", "negative_total"):
                assert of_month(rules, month)[rule] == f"{each.rules[rule]:,}"
            assert of_month(nulls, month)["passenger_count"] == missing(clean_file(once, month), "passenger_count")
            assert of_month(nulls, month)["vendorid"] == "0 %"
            assert of_month(records(shown, "Sizes and loading times"), month)["LoadMonth duckdb"] != "–"
        stray = records(shown, "Stray dates")
        assert [int(row["trips"]) for row in stray] == [receipts[m].rules["outside_file_month"] for m in MONTHS[::-1]]
        [layout] = records(shown, "Columns by month")
        assert (layout["layout of"], layout["columns"]) == ("2021-01..2021-02", str(len(receipts["2021-01"].layout)))
        assert shown.evaluate("[...document.querySelectorAll('svg')].every(svg => svg.ariaLabel && svg.role == 'img')")
        shown.resize(390, 844)
        assert shown.evaluate(FITS)
        assert set(shown.evaluate(SEEN)) == {"narrow"}
        assert shown.evaluate("performance.getEntriesByType('resource').length") == 0
    text = path.read_text()
    [run] = (once.state / "runs").iterdir()
    links = set(re.findall(r"""(?:src|href)\s*=\s*["']?([^"'\s>]*)""", text))
    assert links == {"#green", f"state/runs/{run.name}"}
    assert "2 months loaded" in run.read_text()
    assert not re.search(r"<script|url\(|@import|https?://", text)
    assert not once.leftovers()


def missing(path: Path, column: str) -> str:
    """The share of rows without a value, counted by another reader."""
    share = duckdb.sql(f"SELECT avg(CAST({column} IS NULL AS DOUBLE)) FROM '{path}'").fetchall()[0][0]
    return f"{100 * share:.1f} %"


def test_it_is_made_anew_when_something_has_changed_and_only_then(loaded: Project) -> None:
    path = loaded.folder / "report.html"
    first = path.stat().st_mtime_ns
    assert "nothing to do" in report(loaded).out
    assert path.stat().st_mtime_ns == first
    load(loaded, "2021-03")
    clean_file(loaded, "2021-01").unlink()
    report(loaded)
    text = path.read_text()
    assert "trips in 3 months" in text
    assert "no receipt, as its clean file is not there; the numbers are those of markers and listings: 2021-01" in text
    assert "not in clean: 2021-01" in text


def test_what_could_not_be_read_is_looked_for_again_though_no_listing_has_changed(loaded: Project) -> None:
    path, clean = loaded.folder / "report.html", clean_file(loaded, "2021-01")
    whole = clean.read_bytes()
    clean.write_bytes(b"x" * len(whole))
    path.unlink()
    report(loaded)
    assert "no receipt, as " in path.read_text()
    clean.write_bytes(whole)
    assert "open it in a browser" in report(loaded).out
    assert "no receipt, as " not in path.read_text()
    assert "nothing to do" in report(loaded).out


def test_a_color_that_is_only_downloaded_is_on_the_page(loaded: Project) -> None:
    loaded.configure({"taxi": {"warehouse": "", "lake": "local"}})
    shutil.rmtree(loaded.workspace / "clean")
    report(loaded)
    assert "<h1>0 trips" in (loaded.folder / "report.html").read_text()


def test_a_warehouse_that_does_not_answer_is_a_line_and_no_secret(loaded: Project) -> None:
    loaded.configure(
        {
            "taxi": {"warehouse": "duckdb, pg"},
            "warehouse.pg": {"type": "postgres", "url": "postgresql://taxi:${SECRET}@127.0.0.1:9/taxi"},
        }
    )
    run = loaded.run("Report", env={"SECRET": "hunter2"})
    assert run.rc == 0, run.out
    text = (loaded.folder / "report.html").read_text()
    assert "cannot list warehouse pg" in text
    assert "cannot list warehouse pg" in run.out
    assert "trips in 2 months" in text
    assert "hunter2" not in text + run.out


def test_where_nothing_is_held_the_page_has_a_sentence_for_it(project: Project) -> None:
    path = project.folder / "deep" / "report.html"
    report(project, "--path", str(path), "--colors", "yellow")
    assert "Nothing is held yet" in path.read_text()


def test_a_file_that_is_no_report_stays(project: Project) -> None:
    path = project.folder / "notes.html"
    path.write_text("mine")
    run = project.run("Report", "--path", path)
    assert run.rc == 30
    assert f"{path} is there, and no report of taxi_luigi's: name another [Report] path" in run.out
    assert "Traceback" not in run.out
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("path", "why"),
    [("gs://bucket/report.html", "a file on this machine's own disk"), (".", "name a file, as report.html in it")],
)
def test_a_path_that_cannot_be_a_page_is_one_line(project: Project, path: str, why: str) -> None:
    run = project.run("Report", "--path", path)
    assert run.rc == 40
    assert why in run.out
    assert "Traceback" not in run.out


def test_receipts_come_from_a_bucket_where_this_machine_keeps_no_file(loading: Project, fake_gcs: GcsServer) -> None:
    path, bucket = loading.folder / "report.html", fake_gcs.fresh_bucket()
    loading.configure(
        {
            "taxi": {"lake": "gcs", "keep_raw": "false", "keep_clean": "false"},
            "lake.gcs": {"bucket": bucket, "endpoint": fake_gcs.endpoint},
            "Report": {"path": path},
        }
    )
    load(loading, "2021-01..2021-03")
    assert not list(loading.workspace.glob("*/green/*.parquet"))
    report(loading)
    text = path.read_text()
    assert '<dd>3 of 3</dd><dd class="more">months whose account could be read</dd>' in text
    assert "no receipt" not in text
    blob = fake_gcs.bucket(bucket).blob("data/green/green_tripdata_2021-02.parquet")
    with blob.open("rb") as file:
        found = read_footer(file, blob.name).receipt
    assert found is not None
    assert f">{found.rules['unknown_zone']:,}<" in text
    assert f">{decimal(found.raw.bytes)}<" in text
