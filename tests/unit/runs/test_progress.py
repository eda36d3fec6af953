"""What a task tells luigid while it runs: in words, and to a luigid that does not listen; and pages of clouds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import requests

from taxi_luigi.core.cloud import console_links
from taxi_luigi.runs import scheduler_client
from taxi_luigi.runs.progress import Progress, amount, pace
from taxi_luigi.storage.gcs import GcsStore
from taxi_luigi.storage.local import FolderStore
from taxi_luigi.storage.s3 import S3Store
from taxi_luigi.warehouses.bigquery import jobs
from taxi_luigi.warehouses.bigquery.connection import Connection

pytestmark = pytest.mark.filterwarnings("ignore::luigi.parameter.UnconsumedParameterWarning")
"""Luigi's of its own keys in [core]; the package takes it away, and pytest brings it back"""

TASK = SimpleNamespace(task_id="DownloadMonth_green_2024_01_0123456789", label="green 2024-01")


@pytest.mark.parametrize(
    ("done", "total", "unit", "seconds", "text"),
    [
        (12_400_000, 49_900_000, "B", 3.0, "12.4 MB of 49.9 MB\n4.1 MB/s, 9.1 s left"),
        (900_000, 49_900_000, "B", 1.0, "900.0 kB of 49.9 MB\n900.0 kB/s, 54 s left"),
        (20_000, 61_000, "B", 10.0, "20.0 kB of 61.0 kB\n2.0 kB/s, 20 s left"),
        (131_072, 20_332_093, "rows", 1.0, "131,072 of 20,332,093 rows\n131,072 rows/s, 2 min 34 s left"),
        (131_072, 0, "rows", 2.0, "131,072 rows\n65,536 rows/s"),
        (3_000, 3_000, "rows", 2.0, "3,000 of 3,000 rows\n1,500 rows/s"),
        (0, 49_900_000, "B", 2.0, "0 bytes of 49.9 MB\n0 bytes/s"),
    ],
)
def test_the_pace_is_amount_speed_and_time_left(done: int, total: int, unit: str, seconds: float, text: str) -> None:
    assert pace(done, total, unit, seconds) == text
    assert max(map(len, text.splitlines())) < 66 - len("loading postgres_analytics: ")


def test_an_amount_without_a_total_is_the_amount() -> None:
    assert amount(5, 0, "rows") == "5 rows"
    assert amount(5_000, 0, "B") == "5.0 kB"


def test_a_luigid_that_does_not_answer_gets_no_more_requests_and_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands for one that is gone; tests/pipeline/test_luigid.py takes a real one away."""
    asked = []

    def refuse(method: str, **_: Any) -> None:
        asked.append(method)
        raise requests.ConnectionError("refused")

    monkeypatch.setattr(scheduler_client, "_post", refuse)
    monkeypatch.setattr("taxi_luigi.runs.progress._INTERVAL", 0.0)
    with Progress(TASK, "downloading", "B") as progress:
        for done in range(100):
            progress(done, 100)
        progress.page("https://console.cloud.google.com/storage")  # TASK has no set_tracking_url: asking it would raise
    assert asked == ["set_task_status_message"]


def test_no_text_can_be_markup_on_luigids_page(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(
        scheduler_client, "_post", lambda method, **arguments: told.append({"method": method, **arguments})
    )
    assert scheduler_client.set_status("task", "<b onclick='x'>5 & 6</b>", None)
    assert told[0]["status_message"] == "‹b onclick='x'›5 + 6‹/b›"


def test_an_object_has_a_page_where_google_or_amazon_keeps_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    name = "green/green_tripdata_2024-01.parquet"
    for variable in ("STORAGE_EMULATOR_HOST", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(variable, raising=False)
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "made up")
    assert GcsStore("lake gcs", GcsStore.Settings("trips", "a b")).page(name) == (
        f"https://console.cloud.google.com/storage/browser/_details/trips/a%20b/{name}"
    )
    s3 = S3Store("lake s3", S3Store.Settings("trips", "a&b", region="us-east-1"))
    assert s3.page(name) == f"https://s3.console.aws.amazon.com/s3/object/trips?prefix=a%26b/{name}"
    assert GcsStore("lake gcs", GcsStore.Settings("trips", endpoint="http://127.0.0.1:1")).page(name) == ""
    assert (
        S3Store("lake s3", S3Store.Settings("trips", endpoint_url="http://127.0.0.1:1", region="us-east-1")).page(name)
        == ""
    )
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://minio.example")
    assert S3Store("lake s3", S3Store.Settings("trips", region="us-east-1")).page(name) == ""
    assert FolderStore("lake nas", FolderStore.Settings(tmp_path)).page(name) == ""


@pytest.mark.parametrize(("endpoint", "shown", "seen"), [(None, True, 1), (None, False, 0), ("http://[::1]", True, 0)])
def test_the_page_of_the_job_that_loads_a_month_is_announced_when_it_begins(
    endpoint: str | None, shown: bool, seen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job is made up, as only Google's own have a page."""
    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST", raising=False)
    connection = Connection("bigquery", "my-project", "trips", None, None, endpoint, 1.0)
    job: Any = SimpleNamespace(
        project="my-project", location="EU", job_id="taxi_luigi_green_2024-01_ab_0", state="DONE", error_result=None
    )
    wanted = jobs.Wanted("taxi_luigi_green_2024-01", (), "loading", lambda _: job, lambda _: False, shown=shown)
    heard: list[str] = []
    with console_links.tracking_url_callback(heard.append):
        jobs.run(connection, wanted, 1)
    assert (
        heard
        == [
            "https://console.cloud.google.com/bigquery?project=my-project"
            "&j=bq:EU:taxi_luigi_green_2024-01_ab_0&page=queryresults"
        ]
        * seen
    )
    jobs.run(connection, wanted, 1)
    assert len(heard) == seen, "nobody listens any more"
