"""What is in a lake under a month's name and is not that month: made again, or the line says what to run."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pyarrow.parquet as pq
import pytest

from taxi_luigi.storage import Store
from taxi_luigi.storage.gcs import GcsStore
from taxi_luigi.storage.local import FolderStore
from taxi_luigi.storage.s3 import S3Store
from tests.pipeline.conftest import ROWS, duckdb_counts
from tests.support.azure import AzureServer, fresh_azure_store, lake_section
from tests.support.project import Project

ALL = ("LoadAllMonths", "--colors", "yellow,green", "--months", "2021-01..2021-03")
ONE = ("LoadAllMonths", "--colors", "green", "--months", "2021-01")
MONTHS = ("2021-01", "2021-02", "2021-03")
NAMES = [f"{color}/{color}_tripdata_{month}.parquet" for color in ("yellow", "green") for month in MONTHS]


@dataclass(frozen=True)
class Filled:
    """A project whose only lake has all months, and the lake behind its back; its warehouse has none any more."""

    project: Project
    store: Store

    def bytes(self, name: str) -> bytes:
        """An object's."""
        with self.store.reading(name) as path:
            return path.read_bytes()

    def write(self, name: str, content: bytes, labels: bool = False) -> None:
        """Puts other bytes under a name, as by hand; with `labels` those of the object that was there."""
        there = self.store.stat(name)
        assert there is not None
        local = self.project.folder / "by-hand"
        local.write_bytes(content)
        self.store.put(local, name, there.labels if labels else {})

    def empty_warehouse(self) -> None:
        """Loses the DuckDB file."""
        self.project.warehouse.unlink()


Fill = Callable[[str, tuple[str, ...]], Filled]


@pytest.fixture
def fill(loading: Project, tmp_path: Path, request: pytest.FixtureRequest) -> Fill:
    """Loads some months into a lake of a kind and into DuckDB."""

    def make(kind: str, command: tuple[str, ...]) -> Filled:
        store: Store
        if kind == "folder":
            section: dict[str, object] = {"type": "local", "path": tmp_path / "nas"}
            store = FolderStore("lake", FolderStore.Settings(tmp_path / "nas"))
        elif kind == "gcs":
            server = request.getfixturevalue("fake_gcs")
            bucket = server.fresh_bucket()
            section = {"type": "gcs", "bucket": bucket, "endpoint": server.endpoint}
            store = GcsStore("lake", GcsStore.Settings(bucket, endpoint=server.endpoint))
        elif kind == "azure":
            server = request.getfixturevalue("azurite")
            container = server.fresh_container()
            section = {"type": "azure", **lake_section(server, container)}
            store = fresh_azure_store(server, container)
        else:
            server = request.getfixturevalue("moto_server")
            request.getfixturevalue("aws_variables")
            bucket = server.bucket()
            section = {"type": "s3", "bucket": bucket, "endpoint_url": server.url, "region": "us-east-1"}
            store = S3Store("lake", S3Store.Settings(bucket, endpoint_url=server.url, region="us-east-1"))
        loading.configure({"taxi": {"lake": "far"}, "lake.far": section})
        done = loading.run(*command, "--workers", "2")
        assert done.rc == 0, done.out
        return Filled(loading, store)

    return make


@pytest.mark.parametrize(("kind", "workspace"), [("folder", "lost"), ("gcs", "kept")])
def test_what_is_none_of_ours_under_a_months_name_is_made_again_and_loaded(
    fill: Fill, kind: str, workspace: str
) -> None:
    """Half a copy, garbage, nothing, a foreign file, another month and another color, each in another month's place.

    From the clean files of the workspace; where that is lost, from the publisher's.
    """
    filled = fill(kind, ALL)
    whole = {name: filled.bytes(name) for name in NAMES}
    foreign = io.BytesIO()
    pq.write_table(pq.read_table(io.BytesIO(whole[NAMES[3]])).replace_schema_metadata(None), foreign)
    spoilt = [
        whole[NAMES[0]][: len(whole[NAMES[0]]) // 2],
        b"garbage" * 999,
        b"",
        foreign.getvalue(),
        whole[NAMES[3]],
        whole[NAMES[2]],
    ]
    for name, content in zip(NAMES, spoilt, strict=True):
        filled.write(name, content)
    filled.empty_warehouse()
    if workspace == "lost":
        shutil.rmtree(filled.project.workspace)
    planned = filled.project.command("taxi-luigi", "plan", "--colors", "yellow,green", "--months", "2021-01..2021-03")
    assert planned.rc == 0, planned.out
    assert planned.out.count("it counts as not there") == len(NAMES)
    done = filled.project.run(*ALL, "--workers", "2")
    assert done.rc == 0, done.out
    assert done.out.count("it counts as not there") == len(NAMES)
    assert "has gone since" not in done.out
    assert filled.project.logged().count("Uploaded ") == len(NAMES)
    for color in ("yellow", "green"):
        assert duckdb_counts(filled.project, f"{color}_tripdata") == dict.fromkeys(MONTHS, ROWS)
    assert [len(filled.bytes(name)) for name in NAMES] == [len(whole[name]) for name in NAMES]
    again = filled.project.run(*ALL)
    assert again.rc == 0, again.out
    assert "counts as not there" not in again.out


def test_damage_under_our_own_labels_fails_the_load_in_a_line_that_names_what_helps(fill: Fill) -> None:
    """A copy made with the labels, and a server that loses bytes: only reading shows it."""
    filled = fill("s3", ONE)
    name = NAMES[3]
    filled.write(name, filled.bytes(name)[:5000], labels=True)
    filled.empty_warehouse()
    shutil.rmtree(filled.project.workspace)
    done = filled.project.run(*ONE)
    assert done.rc == 30, done.out
    [line] = {line.partition("failed: ")[2] for line in done.out.splitlines() if "failed: LoadMonth" in line}
    command = "luigi --module taxi_luigi LoadAllMonths --colors green --months 2021-01 --force"
    assert line.startswith(f"LoadMonth duckdb: {filled.store.url(name)} cannot be used: ")
    assert line.endswith(f"; make it again: {command}")
    assert "Traceback" not in done.out
    forced = filled.project.run(*command.split()[3:])
    assert forced.rc == 0, forced.out
    assert duckdb_counts(filled.project, "green_tripdata") == {"2021-01": ROWS}


def test_damage_within_a_file_that_its_footer_does_not_show_is_named_by_the_load_that_meets_it(
    fill: Fill, postgres_url: str
) -> None:
    filled = fill("folder", ONE)
    name = NAMES[3]
    content = bytearray(filled.bytes(name))
    content[100 : len(content) // 2] = b"\xff" * (len(content) // 2 - 100)
    filled.write(name, bytes(content), labels=True)
    filled.empty_warehouse()
    shutil.rmtree(filled.project.workspace)
    filled.project.configure({"taxi": {"warehouse": "duckdb, postgres"}, "warehouse.postgres": {"url": postgres_url}})
    done = filled.project.run(*ONE)
    assert done.rc == 30, done.out
    for warehouse in ("duckdb", "postgres"):
        [line] = {line for line in done.out.splitlines() if f"ERROR: LoadMonth green 2021-01 {warehouse}: " in line}
        assert f"{filled.store.url(name)} cannot be used: " in line
        assert line.endswith("LoadAllMonths --colors green --months 2021-01 --force")
    assert "Traceback" not in done.out
    forced = filled.project.run(*ONE, "--force")
    assert forced.rc == 0, forced.out
    with psycopg2.connect(postgres_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM green_tripdata")
        assert cursor.fetchone() == (ROWS,)


def test_a_clean_file_in_a_workspace_in_a_bucket_that_is_damaged_is_made_again(
    fill: Fill, azurite: AzureServer
) -> None:
    kind = "azure"
    filled = fill(kind, ONE)
    scheme, _, bucket = filled.store.url("").partition("://")
    filled.project.configure({
        "taxi": {"workspace": f"{scheme}://{bucket.partition('/')[0]}/work", "lake": kind},
        f"lake.{kind}": filled.project._sections["lake.far"],
    })  # fmt: skip
    name, clean = NAMES[3], f"clean/{NAMES[3]}"
    shutil.rmtree(filled.project.workspace)
    store = fresh_azure_store(azurite, bucket.partition("/")[0], prefix="work")
    workspace = Filled(filled.project, store)
    filled.store.remove(name)
    assert filled.project.run(*ONE).rc == 0, "the lake's file again, by way of the workspace"
    workspace.write(clean, workspace.bytes(clean)[:5000])
    filled.store.remove(name)
    filled.empty_warehouse()
    done = filled.project.run(*ONE)
    assert done.rc == 0, done.out
    assert "it counts as not there" in done.out
    assert duckdb_counts(filled.project, "green_tripdata") == {"2021-01": ROWS}
    workspace.write(clean, workspace.bytes(clean)[:5000], labels=True)
    filled.store.remove(name)
    filled.empty_warehouse()
    failed = filled.project.run(*ONE)
    assert failed.rc == 30, failed.out
    assert f"UploadMonth {kind}: {workspace.store.url(clean)} cannot be used: " in failed.out
    assert "--force" in failed.out
    forced = filled.project.run(*ONE, "--force")
    assert forced.rc == 0, forced.out
    assert duckdb_counts(filled.project, "green_tripdata") == {"2021-01": ROWS}


def test_what_a_lake_lists_and_cannot_read_keeps_the_only_good_copies(fill: Fill) -> None:
    """keep_raw and keep_clean = false, and the lake's file was damaged while the warehouse has the month."""
    filled = fill("folder", ONE)
    filled.write(NAMES[3], b"garbage")
    filled.project.configure({"taxi": {"keep_raw": "false", "keep_clean": "false"}})
    done = filled.project.run(*ONE)
    assert done.rc == 0, done.out
    kept = [filled.project.workspace / part / NAMES[3] for part in ("raw", "clean")]
    assert all(path.exists() for path in kept)
    filled.empty_warehouse()
    healed = filled.project.run(*ONE)
    assert healed.rc == 0, healed.out
    assert not any(path.exists() for path in kept)
    assert duckdb_counts(filled.project, "green_tripdata") == {"2021-01": ROWS}
