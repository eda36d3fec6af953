"""The pods of deploy/kubernetes, run by podman as an indexed Job has them run, with SeaweedFS as S3, and PostgreSQL."""

from __future__ import annotations

import io
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import psycopg2
import pyarrow.parquet as pq
import pytest

from taxi_luigi.sample import write_samples
from taxi_luigi.tlc.months import Month
from taxi_luigi.tlc.shards import shard_of
from tests.image.engine import Engine, wait_for
from tests.image.node import Node
from tests.support.cdn import Cdn, Stall
from tests.support.kubernetes import Manifest, build, copy, named
from tests.support.s3 import KEY, SECRET, S3Server

COLORS = ("yellow", "green", "fhvhv")
MONTHS = [Month(2021, 1).plus(number) for number in range(4)]
ROWS = {(color, month): 1000 + 100 * month.month + len(color) for color in COLORS for month in MONTHS}
CHECK = ["taxi-luigi", "status", "--check", "--colors", "yellow,green,fhvhv", "--months", "2021-01..2021-04"]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cdn]:
    folder = tmp_path_factory.mktemp("published")
    for (color, month), rows in ROWS.items():
        write_samples(folder, (color,), (month,), rows, seed=1)
    with Cdn(folder) as cdn:
        yield cdn


class Job:
    """A Job of the overlay, by the name of its CronJob."""

    def __init__(self, node: Node, name: str) -> None:
        self.node = node
        self.spec = named(node.manifests, "CronJob", name)["spec"]["jobTemplate"]["spec"]
        self.pod: Manifest = self.spec["template"]["spec"]

    def start(self, index: int = 0) -> str:
        return self.node.start(self.pod, index)

    def run(self, index: int) -> tuple[int, str]:
        return self.node.end(self.start(index))


class Cluster:
    """The overlay s3-postgres, applied with the store and source of the tests, and where its pods put things."""

    def __init__(self, node: Node, bucket: str, s3: S3Server, postgres: str) -> None:
        self.node, self.bucket, self.s3, self.postgres = node, bucket, s3, postgres

    def in_lake(self) -> dict[tuple[str, Month], int]:
        """(color, month) → rows, as the files themselves have them."""
        client, found = self.s3.client(), {}
        for each in client.list_objects_v2(Bucket=self.bucket, Prefix="data/").get("Contents", ()):
            if named_ := re.search(r"(\w+)_tripdata_(\d{4}-\d\d)\.parquet$", each["Key"]):
                body = client.get_object(Bucket=self.bucket, Key=each["Key"])["Body"].read()
                found[named_[1], Month.parse(named_[2])] = pq.read_metadata(io.BytesIO(body)).num_rows
        return found

    def in_warehouse(self) -> dict[tuple[str, Month], int]:
        """The same of the tables, counted."""
        found = {}
        for color in COLORS:
            for month, rows in self.query(f"SELECT file_month, count(*) FROM {color}_tripdata GROUP BY 1"):
                found[color, Month(month.year, month.month)] = rows
        return found

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(self.postgres)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall()
        finally:
            connection.close()


@pytest.fixture(params=[False, True], ids=["without luigid", "with luigid"])
def cluster(
    request: pytest.FixtureRequest,
    engine: Engine,
    published: Cdn,
    seaweed_server: S3Server,
    postgres_url: str,
    tmp_path: Path,
) -> Iterator[Cluster]:
    deploy, bucket = copy(tmp_path, luigid=request.param), seaweed_server.bucket()
    overlay = deploy / "overlays" / "s3-postgres"
    change(overlay / "luigi.cfg", {
        "my-tlc": bucket,
        "[taxi]\n": f"[taxi]\nsource = {published.template}\nzones = {published.url}/misc/taxi_zone_lookup.csv\n",
        "[lake.s3]\n": f"[lake.s3]\nendpoint_url = {seaweed_server.url}\n",
    })  # fmt: skip
    name, _, tag = engine.image.rpartition(":")
    change(overlay / "kustomization.yaml", {"registry.example.com/taxi_luigi": name, "newTag: 0.1.0": f"newTag: {tag}"})
    # Pods have addresses of their own, these have the machine's, on which 8080 can be taken.
    port = str(free_port())
    change(deploy.parent / "compose" / "nginx.conf", {"8080": port})
    change(deploy / "luigid" / "luigi.cfg", {"8080": port})
    secrets = {
        "taxi-luigi": {"POSTGRES_URL": postgres_url, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET},
        "luigid": {
            "LUIGID_USERS": "taxi:{PLAIN}" + SECRET, "luigid.netrc": f"machine proxy login taxi password {SECRET}\n",
        },
    }  # fmt: skip
    node = Node(engine, build(overlay), secrets, tmp_path / "node")
    try:
        if request.param:
            start_luigid(node, port)
        yield Cluster(node, bucket, seaweed_server, postgres_url)
    finally:
        node.clear()


def start_luigid(node: Node, port: str) -> None:
    """Returns when the probes of luigid's pod are content."""
    pod = named(node.manifests, "Deployment", "luigid")["spec"]["template"]["spec"]
    luigid, proxy = pod["containers"]
    first = node.start(pod)
    healthy = ("exec", first, *luigid["startupProbe"]["exec"]["command"])
    url = f"http://127.0.0.1:{port}{proxy['readinessProbe']['httpGet']['path']}"
    ready = ("exec", f"{first.removesuffix('luigid')}proxy", "wget", "-q", "-O", "/dev/null", url)

    @wait_for("luigid to be healthy, and ready behind its proxy")
    def _() -> bool:
        return all(node.engine.call(*probe, check=False).rc == 0 for probe in (healthy, ready))


def change(path: Path, words: dict[str, str]) -> None:
    text = path.read_text()
    for old, new in words.items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_a_back_fill_by_four_pods_one_killed_and_one_stopped_in_the_middle_has_each_month_once(
    cluster: Cluster, published: Cdn
) -> None:
    node, job, shell = cluster.node, Job(cluster.node, "backfill"), Job(cluster.node, "shell")
    published.log.clear()
    hold = Event()
    held = {}
    for shard in (1, 2):  # a yellow month of each is held half-way, at its first request
        month = next(month for month in MONTHS if shard_of("yellow", month, 4) == shard)
        held[shard] = f"yellow_tripdata_{month}.parquet"
        published.fault(held[shard], Stall(10_000, hold))
    pods = {index: job.start(index) for index in range(job.spec["completions"])}
    assert len(pods) == 4
    published.wait(lambda: all(published.sent(name) >= 10_000 for name in held.values()), 120)

    node.engine.call("kill", "--signal", "KILL", pods[0])
    code, wrote = node.end(pods[0])
    assert code == 137, wrote
    code, wrote = node.stop(job.pod, pods[1])
    assert code == 143, wrote
    assert "Traceback" not in wrote
    hold.set()
    for index in (2, 3):
        code, wrote = node.end(pods[index])
        assert code == 0, wrote
        assert f"shard {index + 1} of 4: " in wrote
        assert SECRET not in wrote
    asking = shell.start()
    missing = node.engine.call("exec", asking, *CHECK, check=False)
    assert missing.rc == 60, missing.out

    published.log.clear()
    again = [job.start(index) for index in (0, 1, 3)]
    for pod in again:
        code, wrote = node.end(pod)
        assert code == 0, wrote
    assert cluster.in_lake() == cluster.in_warehouse() == ROWS
    markers = cluster.query("SELECT color, count(*), count(DISTINCT file_month) FROM taxi_luigi_loads GROUP BY 1")
    assert {color: counts for color, *counts in markers if color in COLORS} == {color: [4, 4] for color in COLORS}
    done = {f"{color}_tripdata_{month}.parquet" for color, month in ROWS if shard_of(color, month, 4) == 4}
    assert len(done) == 3
    assert [each.name for each in published.log if each.method == "GET" and each.name in done] == []

    whole = node.engine.call("exec", asking, *CHECK)
    assert whole.out.splitlines()[-1] == "all is well: 12 months there"
    code, _ = node.stop(shell.pod, asking)
    assert code == 143


@pytest.mark.parametrize("cluster", [False], indirect=True)
def test_a_pod_without_its_secret_ends_with_what_is_missing(cluster: Cluster) -> None:
    node = cluster.node
    node.secrets = {**node.secrets, "taxi-luigi": {}}
    code, wrote = Job(node, "nightly").run(0)
    assert (code, wrote.count("POSTGRES_URL is not set")) == (40, 1), wrote
