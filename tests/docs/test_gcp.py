"""docs/gcp.md names each role and permission, and scripts/check-gcp does what it says, shown on emulators."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from taxi_luigi.storage import gcs
from taxi_luigi.warehouses.bigquery import connection
from tests.docs.checkouts import checkout, ended
from tests.gcp.run import SUITES
from tests.support.bigquery import PROJECT, BigQueryServer
from tests.support.bigquery_reference import FREE
from tests.support.gcs import GcsServer
from tests.support.project import ROOT, environment

__all__ = ["checkout"]

PAGE = (ROOT / "docs" / "gcp.md").read_text(encoding="utf-8")
Check = Callable[..., "subprocess.Popen[str]"]


def blocks(language: str) -> list[str]:
    """The page's code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


# ---- the page --------------------------------------------------------------------------------------------------------


def test_the_roles_are_those_that_errors_name() -> None:
    said = " ".join((gcs.ROLE, gcs.LOCATION_ROLE, connection.ROLES))
    named = set(re.findall(r"roles/[A-Za-z]+\.[A-Za-z]+", said))
    granted = set(re.findall(r"roles/[A-Za-z]+\.[A-Za-z]+", " ".join(blocks("sh"))))
    assert granted <= named
    assert named - granted == {"roles/storage.objectViewer"}, "objectUser may do what objectViewer may"


def test_every_request_to_bigquery_has_its_permission() -> None:
    """The methods that the tests of requests allow, each with a line in the table."""
    assert set(re.findall(r"^\| `([a-z]+\.[A-Za-z]+)`", PAGE, re.M)) == FREE


def test_permissions_of_the_bucket_are_listed() -> None:
    assert all(f"`{permission}`" in PAGE for permission in gcs.PERMISSIONS)


# ---- the script ------------------------------------------------------------------------------------------------------


@pytest.fixture
def check(checkout: Path, fake_gcs: GcsServer, bigquery: BigQueryServer) -> Check:
    """Begins the script against the emulators."""
    emulators = {"STORAGE_EMULATOR_HOST": fake_gcs.endpoint, "BIGQUERY_EMULATOR_HOST": bigquery.endpoint}

    def begin(*arguments: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [checkout / "scripts" / "check-gcp", *arguments],
            env=environment({"CI": "", **emulators, **variables}), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    return begin


@pytest.fixture
def place(fake_gcs: GcsServer, bigquery: BigQueryServer) -> tuple[str, str, str]:
    """Project, bucket and dataset, which are there."""
    return PROJECT, fake_gcs.fresh_bucket(), bigquery.fresh_dataset(location="US")


def left(server: GcsServer, bigquery: BigQueryServer, place: tuple[str, str, str]) -> list[str]:
    """What there is of a check, in the bucket and beside the dataset."""
    listed: Any = bigquery.emulator.ask("GET", f"/bigquery/v2/projects/{PROJECT}/datasets").json
    names = [each["datasetReference"]["datasetId"] for each in listed["datasets"]]
    objects = [str(blob.name) for blob in server.client.list_blobs(place[1])]
    return objects + [name for name in names if name.startswith(f"{place[2]}_")]


def test_a_check_passes_and_leaves_nothing(
    check: Check, place: tuple[str, str, str], fake_gcs: GcsServer, bigquery: BigQueryServer
) -> None:
    """Of each suite a test; local-bigquery is reached through the shim that knows partitions."""
    some = "test_a_second_put or moved_with or test_removing_takes or test_months_go or test_a_job_id or a_taken_name"
    code, out = ended(check(*place, "-k", some))
    assert code == 0, out
    for suite in SUITES.paths:
        assert f"{suite}" in out, out
    assert "[gcs] PASSED" in out
    assert "[bigquery] PASSED" in out
    assert "test_months_go_from_a_folder_to_the_bucket_and_to_bigquery_once PASSED" in out
    assert not re.search(r"\[(folder|s3|duckdb|postgres)\]", out)
    loads = [each.load["destinationTable"]["datasetId"] for each in bigquery.shim.requests if each.load]
    assert len(set(loads)) == 3, "of the warehouses' suite, the run and the job id"
    assert all(name.startswith(f"{place[2]}_check_") for name in loads)
    assert f"STORAGE_EMULATOR_HOST is set: {fake_gcs.endpoint} is asked" in out
    assert f"Taken away: datasets {PROJECT}.{place[2]}_check_" in out
    assert left(fake_gcs, bigquery, place) == []
    assert fake_gcs.client.get_bucket(place[1]).exists()
    assert bigquery.emulator.ask("GET", f"/bigquery/v2/projects/{PROJECT}/datasets/{place[2]}").status == 200


def test_a_check_that_is_stopped_leaves_nothing(
    check: Check, place: tuple[str, str, str], fake_gcs: GcsServer, bigquery: BigQueryServer
) -> None:
    process = check(*place, "-k", "test_months_go")
    while not list(fake_gcs.client.list_blobs(place[1])):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    code, out = ended(process)
    assert code == 128 + signal.SIGINT, out
    assert "Taken away: " in out
    assert "Traceback" not in out
    assert left(fake_gcs, bigquery, place) == []


@pytest.mark.parametrize("arguments", [(), ("p", "b"), ("p", "", "d"), ("--help", "b", "d"), ("p", "gs://b", "d")])
def test_wrong_arguments_are_one_line(check: Check, arguments: tuple[str, ...]) -> None:
    usage = "usage: scripts/check-gcp PROJECT BUCKET DATASET [PYTEST ARGUMENTS]\n"
    assert ended(check(*arguments)) == (2, usage)


@pytest.mark.parametrize("missing", [1, 2])
def test_a_missing_bucket_or_dataset_is_one_line(check: Check, place: tuple[str, str, str], missing: int) -> None:
    wrong = ["no_such_thing" if position == missing else name for position, name in enumerate(place)]
    code, out = ended(check(*wrong))
    assert code == 1
    assert re.fullmatch(r"check-gcp: .*no_such_thing.*\n", out), out


def test_missing_credentials_are_one_line(check: Check, place: tuple[str, str, str], tmp_path: Path) -> None:
    """Nobody is asked: a key file that is not there is named."""
    nobody = {"STORAGE_EMULATOR_HOST": "", "GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "key.json")}
    code, out = ended(check(*place, **nobody))
    assert code == 1
    assert re.fullmatch(r"check-gcp: .*GOOGLE_APPLICATION_CREDENTIALS = .*key\.json does not exist: .*\n", out), out
