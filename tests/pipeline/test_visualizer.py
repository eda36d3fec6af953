"""luigid's page during a run, as a person sees it in a real browser: one month comes slowly, one failed, one is done.

What was looked at is left as screenshots in pytest's folder: `--basetemp FOLDER` says where.
"""

from __future__ import annotations

import json
import re
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from luigi.rpc import RemoteScheduler
from luigi.worker import TaskStatusReporter

from taxi_luigi.runs.progress import Progress
from tests.support.browser import Page, page
from tests.support.cdn import Cdn, Drip, Status
from tests.support.luigid import Luigid
from tests.support.project import Project

FAMILIES = ["LoadAllMonths", "LoadMonth", "CleanMonth", "DownloadMonth", "PublishedMonth"]
"""from what is wanted to what it needs"""

HOSTILE = "<img src=x onerror=document.title='owned'>"
"""in the path of every month's URL, which errors name"""

FAILED, SLOW = "green_tripdata_2021-01.parquet", "green_tripdata_2021-02.parquet"


def tasks(luigid: Luigid) -> dict[str, Any]:
    """What luigid knows of every task, by its id."""
    question = quote(json.dumps({"status": "", "upstream_status": ""}))
    with urllib.request.urlopen(f"{luigid.url}/api/task_list?data={question}") as answer:
        return dict(json.load(answer)["response"])


@dataclass
class Shown:
    """The run's luigid, its page in a browser, and a folder for screenshots."""

    luigid: Luigid
    page: Page
    folder: Path

    def open(self, fragment: str = "") -> None:
        self.page.open(f"{self.luigid.url}/static/visualiser/index.html{fragment}")

    def task(self, name: str) -> tuple[str, dict[str, Any]]:
        """A task's id and what luigid knows of it, by what the page calls it."""
        found = tasks(self.luigid).items()
        return next((key, task) for key, task in found if task["display_name"].startswith(name))

    def rows(self) -> list[list[str]]:
        """The list as it is shown: status, name, details, priority, time and buttons of each task."""
        cells = "[...row.cells].map(cell => cell.innerText.trim())"
        found = self.page.evaluate(f"[...document.querySelectorAll('#taskTable tbody tr')].map(row => {cells})")
        return [[str(cell) for cell in row] for row in found]

    def button(self, family: str, status: str, button: str) -> None:
        """Clicks on a button of the first task of a family that has a status."""
        text = f"row.innerText.includes('{family}') && row.innerText.includes('{status}')"
        rows = f"[...document.querySelectorAll('#taskTable tbody tr')].filter(row => {text})"
        self.page.wait_until(f"{rows}.slice(0, 1).map(row => row.id = 'wanted').length")
        self.page.click(f"#wanted {button}")

    def box(self, name: str, text: str) -> str:
        """What a pop-up says, once it is there in full and has a text."""
        self.page.wait_until(f"getComputedStyle(document.querySelector('{name}')).opacity == 1")
        self.page.wait_until(f"document.querySelector('{name}').innerText.includes({json.dumps(text)})")
        return str(self.page.evaluate(f"document.querySelector('{name}').innerText"))


@contextmanager
def slow_run(project: Project, cdn: Cdn, luigid: Luigid) -> Iterator[None]:
    """green 2021-01 has failed, 2021-03 is done, 2021-02 comes at 1 KB/s: 77 s, which no test waits for."""
    cdn.fault(FAILED, *[Status(503)] * 3)
    cdn.fault(SLOW, Drip(1_000))
    project.configure(
        {
            "taxi": {"source": cdn.template.replace("/trip-data/", f"/{HOSTILE}/")},
            "download": {"backoff": 0.05, "attempts": 3, "read_timeout": 60},
        }
    )
    command = ("LoadAllMonths", "--colors", "green", "--months", "2021-01..2021-03", "--workers", "2")
    process = project.start(*command, scheduler=luigid.url)
    try:
        cdn.wait(lambda: cdn.sent(SLOW) > 3_000 and _settled(luigid))
        yield
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _settled(luigid: Luigid) -> bool:
    """Whether nothing but the slow month is still to be done."""
    states = Counter(task["status"] for task in tasks(luigid).values())
    return states == {"PENDING": 5, "RUNNING": 1, "FAILED": 1, "DONE": 6}


@pytest.fixture(scope="module")
def shown(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder = tmp_path_factory.mktemp("visualizer")
    project = Project(folder / "project")
    try:
        with (
            Cdn(samples) as cdn,
            Luigid(folder / "luigid") as luigid,
            slow_run(project, cdn, luigid),
            page(luigid.url, timeout=20) as tab,
        ):
            yield Shown(luigid, tab, folder)
    finally:
        project.end()


def test_the_list_has_the_month_and_color_of_each_task(shown: Shown) -> None:
    shown.open("#length=25")
    shown.page.wait_until("document.querySelectorAll('#taskTable tbody tr').length >= 13")
    shown.page.screenshot(shown.folder / "list.png")
    rows = shown.rows()
    # The page asks for each status by itself, and shows what waits for a failure twice if the answers come in an order
    assert len({(name, details) for _, name, details, *_ in rows}) == 13
    said = {name: details.split("\n")[0] for _, name, details, *_ in rows if "month=2021-02" in details}
    assert said == {
        "LoadMonth": "color=green, month=2021-02, warehouse=duckdb",
        "CleanMonth": "color=green, month=2021-02",
        "DownloadMonth": "color=green, month=2021-02",
        "PublishedMonth": "color=green, month=2021-02",
    }
    counts = shown.page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('.status-info')]"
        ".map(e => [e.dataset.category, +e.querySelector('.info-box-number').innerText]))"
    )
    del counts["PENDING"]
    there = {name: count for name, count in counts.items() if count}
    assert there == {"RUNNING": 1, "FAILED": 1, "UPSTREAM_FAILED": 3, "DONE": 6}


def test_a_running_task_shows_its_step_and_its_progress(shown: Shown) -> None:
    shown.open()
    shown.button("DownloadMonth", "RUNNING", "button.statusMessage")
    said = shown.box("#statusMessageModal", " left")
    assert "Status message for DownloadMonth(color=green, month=2021-02)" in said
    assert re.search(r"downloading: [\d.]+ kB of \d\d\.\d kB\n\S+ (kB|bytes)/s, .+ s left", said)
    percent = "parseInt(document.querySelector('#statusMessageModal .progress-bar').innerText)"
    before = shown.page.wait_until(percent)
    shown.page.wait_until(f"{percent} > {before}")
    shown.page.screenshot(shown.folder / "status.png")
    shown.open("#tab=workers")
    assert shown.page.wait_until("parseInt(document.querySelector('.taskProgressBar')?.innerText)") > before
    shown.page.screenshot(shown.folder / "workers.png")


def test_a_task_that_has_ended_shows_its_result(shown: Shown) -> None:
    said = {name: shown.task(f"{name}(color=green, month=2021-03")[1] for name in FAMILIES[1:4]}
    assert [task["status"] for task in said.values()] == ["DONE"] * 3
    assert [task["progress_percentage"] for task in said.values()] == [100] * 3
    assert re.fullmatch(r"\d\d\.\d kB of parquet, \S+ s", said["DownloadMonth"]["status_message"])
    assert said["CleanMonth"]["status_message"].startswith("3,000 rows kept, 0 rejected, ")
    assert said["LoadMonth"]["status_message"].startswith("3,000 rows in green_tripdata of duckdb, ")
    assert "failed after" in shown.task("DownloadMonth(color=green, month=2021-01")[1]["status_message"]


def test_an_error_is_one_line_as_text_with_the_command_that_tries_again(shown: Shown) -> None:
    shown.open()
    shown.button("DownloadMonth", "FAILED", "button.showError")
    said = shown.box("#errorModal", "again later")
    shown.page.screenshot(shown.folder / "error.png")
    assert HOSTILE in " ".join(said.split())
    line = "gave up after 3 attempts, the last: HTTP 503 Service Unavailable; run the same again later"
    assert line in " ".join(said.split())
    assert 'luigi --module taxi_luigi DownloadMonth --color "green" --month "2021-01"' in said
    box = "document.querySelector('#errorModal pre')"
    assert shown.page.evaluate(f"{box}.scrollWidth <= {box}.clientWidth"), "it has to be scrolled to be read"
    assert shown.page.evaluate("document.title") == "Luigi Task Visualiser"
    assert shown.page.evaluate("document.querySelector('img[src=x]')") is None


def test_the_graph_shows_families_in_the_order_of_the_flow(shown: Shown) -> None:
    root, _ = shown.task("LoadAllMonths")
    shown.open(f"#tab=graph&taskId={root}&visType=svg")
    nodes = "[...document.querySelectorAll('#graphPlaceholder a.graph-node-a')]"
    shown.page.wait_until(f"{nodes}.length == 13")
    shown.page.screenshot(shown.folder / "graph.png")
    found = shown.page.evaluate(f"{nodes}.map(e => [e.textContent, e.getCTM().f])")
    heights = {family: {y for name, y in found if name == family} for family in FAMILIES}
    assert all(len(ys) == 1 for ys in heights.values()), found
    assert sorted(FAMILIES, key=lambda family: min(heights[family])) == FAMILIES
    shown.page.click("a.graph-node-a[data-task-status=FAILED]")
    shown.box("#errorModal", "gave up after 3 attempts")


@pytest.mark.filterwarnings("ignore::luigi.parameter.UnconsumedParameterWarning")
def test_a_task_has_a_button_to_where_its_work_can_be_watched(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """No server of the tests has a page in Google's console: the page is made up, the task is one of the run."""
    task_id, task = shown.task("DownloadMonth(color=green, month=2021-02")
    reporter = TaskStatusReporter(RemoteScheduler(shown.luigid.url), task_id, task["worker_running"], None)
    monkeypatch.setattr("taxi_luigi.runs.scheduler_client.address", lambda: shown.luigid.url)
    told = SimpleNamespace(task_id="another", label="", set_tracking_url=reporter.update_tracking_url)
    url = "https://console.cloud.google.com/bigquery?project=p&j=bq:EU:job_1&page=queryresults"
    Progress(told, "loading bigquery", "rows").page(url)
    shown.open()
    links = f"[...document.querySelectorAll(`#taskTable a[href='{url}']`)].map(e => e.closest('tr').innerText)"
    rows = shown.page.wait_until(f"{links}.length && {links}")
    assert [" ".join(row.split())[:21] for row in rows] == ["RUNNING DownloadMonth"]
    # What Luigi's set_tracking_url takes away, it takes from nobody here
    after = shown.task("DownloadMonth(color=green, month=2021-02")[1]
    assert (after["resources_running"], after["accepts_messages"]) == ({"download": 1}, False)
    assert after["priority"] == task["priority"]


def test_metrics_count_the_tasks_of_each_family(shown: Shown) -> None:
    with urllib.request.urlopen(f"{shown.luigid.url}/metrics") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        lines = answer.read().decode().splitlines()
    counts = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert counts['luigi_task_started_total{family="DownloadMonth"}'] == "3.0"
    assert counts['luigi_task_failed_total{family="DownloadMonth"}'] == "1.0"
    assert counts['luigi_task_done_total{family="LoadMonth"}'] == "1.0"
    assert float(counts['luigi_task_execution_time_seconds{family="CleanMonth"}']) > 0
