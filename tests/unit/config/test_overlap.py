"""Places of luigi.cfg that are one: refused in one line, and what is fine and usual is not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from luigi.configuration import LuigiConfigParser

from taxi_luigi import config
from taxi_luigi.config.overlap import Place, overlap, web_address
from taxi_luigi.core.errors import ConfigError
from taxi_luigi.runs import notify
from taxi_luigi.runs.task import families

Settings = dict[str, dict[str, str]]

NAME = "{color}_tripdata_{year}-{month:02}.parquet"
IN = f"{{color}}/{NAME}"
GOOGLE, MINIO = "https://storage.googleapis.com", "http://minio:9000"
AZURE = "https://taxi.blob.core.windows.net"
WHERE = ", where months are written and removed: set another place for one"


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Settings], str]:
    """The line with which some settings are refused, '' when they are not; `@/` in them is a folder of the test's."""
    for variable in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "STORAGE_EMULATOR_HOST"):
        monkeypatch.delenv(variable, raising=False)

    def check(sections: Settings) -> str:
        parser = LuigiConfigParser()
        usual = {
            "taxi": {"workspace": "@/data", "state": "@/data/state", "zones": ""},
            "warehouse.duckdb": {"path": "@/data/warehouse.duckdb"},
        }
        for section in {**usual, **sections}:
            keys = usual.get(section, {}) | sections.get(section, {})
            parser.read_dict({section: {key: value.replace("@/", f"{tmp_path}/") for key, value in keys.items()}})
        monkeypatch.setattr(LuigiConfigParser, "_instance", parser)
        try:
            config.check(families(), notify.check)
        except ConfigError as error:
            return str(error).replace(f"{tmp_path}/", "@/")
        return ""

    return check


def source(text: str, **taxi: str) -> Settings:
    """Where the months come from."""
    return {"taxi": {"source": text, **taxi}}


def lakes(**sections: dict[str, str]) -> Settings:
    """Some lakes, by their names."""
    return {"taxi": {"lake": ", ".join(sections)}} | {f"lake.{name}": keys for name, keys in sections.items()}


def nas(path: str, **taxi: str) -> Settings:
    """A lake in a folder."""
    return {"taxi": {"lake": "nas", **taxi}, "lake.nas": {"type": "local", "path": path}}


def two(path: str, other: str) -> Settings:
    """Two of them."""
    return lakes(nas={"type": "local", "path": path}, other={"type": "local", "path": other})


def gcs(prefix: str, bucket: str = "trips", **taxi: str) -> Settings:
    """A lake in a bucket of Google's."""
    return {"taxi": {"lake": "gcs", **taxi}, "lake.gcs": {"bucket": bucket, "prefix": prefix}}


def s3(prefix: str, endpoint: str = "", **taxi: str) -> Settings:
    """A lake in a bucket of Amazon's, or of another server."""
    return {"taxi": {"lake": "s3", **taxi}, "lake.s3": {"bucket": "trips", "prefix": prefix, "endpoint_url": endpoint}}


def azure(prefix: str, **taxi: str) -> Settings:
    """A lake in a container of Azure's."""
    keys = {"account": "taxi", "container": "trips", "prefix": prefix}
    return {"taxi": {"lake": "azure", **taxi}, "lake.azure": keys}


def container(**keys: str) -> dict[str, str]:
    """A lake's section."""
    return {"type": "azure", "account": "taxi", "container": "trips", **keys}


def bucket(kind: str, **keys: str) -> dict[str, str]:
    """A lake's section."""
    return {"type": kind, "bucket": "trips", **keys}


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        # the source's own folder
        (nas("@/pub", source=f"@/pub/{IN}"), f"[taxi] source (@/pub/{IN}) is inside [lake.nas] path (@/pub)"),
        (nas("@/pub/", source=f"@/x/../pub/{{color}}/{{year}}/{NAME}"), "[taxi] source (@/x/../pub/"),
        (nas("@/pub", source="file://@/pub/{color}/{year}-{month}.csv"), "[taxi] source (file://@/pub/"),
        (nas("@/pub", source=f"@/pub/green/{NAME}"), "[taxi] source (@/pub/green/"),
        (nas("@/pub/07", source=f"@/pub/{{month:02}}/{IN}"), "is inside [lake.nas] path (@/pub/07)"),
        # the source inside the workspace's own folders
        (source(f"@/{{month}}/raw/{NAME}", workspace="@/12"), "is inside the workspace's raw/ (@/12/raw)"),
        (source(f"@/data/raw/{IN}"), "is inside the workspace's raw/ (@/data/raw)"),
        (source(f"@/data/raw/{NAME}"), "is inside the workspace's raw/ (@/data/raw)"),
        (source(f"@/data/./raw/tlc/{NAME}"), "is inside the workspace's raw/"),
        (source(f"@/data/clean/{IN}"), "is inside the workspace's clean/"),
        (source(f"@/data/rejected/{NAME}"), "is inside the workspace's rejected/"),
        (source(f"@/{{color}}/{{year}}/raw/{NAME}", workspace="@/green/2021"), "is inside the workspace's raw/"),
        # a lake that is a folder of the workspace, or is inside one, or has one in it
        (nas("@/data/raw"), "[lake.nas] path (@/data/raw) is inside the workspace's raw/ (@/data/raw)"),
        (nas("@/data/rejected"), "[lake.nas] path (@/data/rejected) is inside the workspace's rejected/"),
        (nas("@/data/clean"), "[lake.nas] path (@/data/clean) is inside the workspace's clean/"),
        (nas("@/data/clean/copy"), "[lake.nas] path (@/data/clean/copy) is inside the workspace's clean/"),
        (nas("@/nas", workspace="@/nas/yellow"), "the workspace's raw/ (@/nas/yellow/raw) is inside [lake.nas] path"),
        # two lakes
        (two("@/nas", "@/nas/"), "[lake.other] path (@/nas) is the same place as [lake.nas] path (@/nas)"),
        (two("@/nas", "@/nas/green"), "[lake.other] path (@/nas/green) is inside [lake.nas] path"),
        (two("@/nas/green", "@/nas"), "[lake.nas] path (@/nas/green) is inside [lake.other] path"),
        (
            lakes(a=bucket("gcs"), b=bucket("gcs", prefix="/data/")),
            "[lake.b] bucket and prefix (gs://trips/data) is the same place as [lake.a] bucket and prefix",
        ),
        (
            lakes(a=bucket("s3", endpoint_url=f"{MINIO}/"), b=bucket("s3", endpoint_url="http://MINIO:9000")),
            "[lake.b] bucket and prefix (s3://trips/data) is the same place as",
        ),
        (
            lakes(a=bucket("s3", endpoint_url="https://s3.eu-west-1.amazonaws.com"), b=bucket("s3")),
            "is the same place as [lake.a]",
        ),
        (lakes(a=bucket("s3", endpoint_url=GOOGLE), b=bucket("gcs")), "is the same place as [lake.a]"),
        # buckets and prefixes
        (
            gcs("data/clean", workspace="gs://trips/data"),
            "[lake.gcs] bucket and prefix (gs://trips/data/clean) is inside the workspace's clean/ (gs://trips/data/",
        ),
        (gcs("data/raw/", workspace="gs://trips/data/"), "is inside the workspace's raw/"),
        (gcs("clean", workspace="gs://trips"), "is inside the workspace's clean/ (gs://trips/clean)"),
        (gcs("/", workspace="gs://trips/yellow"), "the workspace's raw/ (gs://trips/yellow/raw) is inside [lake.gcs]"),
        (s3("work/rejected", workspace="s3://trips/work"), "is inside the workspace's rejected/"),
        (s3("clean", MINIO, workspace="s3://trips"), "is inside the workspace's clean/"),
        (azure("work/clean", workspace="az://trips/work"), "[lake.azure] container and prefix (az://trips/wo"),
        (lakes(a=container(), b=container(endpoint=f"{AZURE}/")), "is the same place as [lake.a]"),
        # a source in a bucket
        (azure("pub", source=f"{AZURE}/trips/pub/{IN}?sig=hush"), "is inside [lake.azure] container"),
        (gcs("data", source=f"{GOOGLE}/trips/data/{IN}"), f"[taxi] source ({GOOGLE}/trips/data/{IN}) is inside"),
        (gcs("data", source=f"https://trips.storage.googleapis.com/data/{IN}"), "is inside [lake.gcs] bucket"),
        (s3("/", source=f"https://trips.s3.eu-west-1.amazonaws.com/{IN}"), "is inside [lake.s3] bucket"),
        (s3("pub", MINIO, source=f"http://me:hush@minio:9000/trips/pub/{IN}?k=hush"), "[taxi] source (http://***@mini"),
        (gcs("12", source=f"{GOOGLE}./trips/{{month}}/{IN}"), "is inside [lake.gcs] bucket"),
        (azure("pub", source=f"https://taxi.dfs.core.windows.net/trips/pub/{IN}"), "is inside [lake.azure] container"),
        # files of our own beside months
        ({"taxi": {"zones": "@/data/raw/z.csv"}}, "[taxi] zones (@/data/raw/z.csv) is inside the workspace's raw/"),
        ({"taxi": {"state": "@/data/clean/x"}}, "[taxi] state (@/data/clean/x) is inside the workspace's clean/"),
        ({"warehouse.duckdb": {"path": "@/data/raw/w.duckdb"}}, "[warehouse.duckdb] path (@/data/raw/w.duckdb) is"),
    ],
)  # fmt: skip
def test_places_whose_files_could_be_each_others_are_refused(
    refused: Callable[[Settings], str], sections: Settings, message: str
) -> None:
    line = refused(sections)
    assert message in line
    assert line.endswith(WHERE)
    assert "hush" not in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "sections",
    [
        {},
        {"taxi": {"source": f"@/data/sample/{NAME}"}},
        {"taxi": {"source": f"@/data/{NAME}", "zones": "@/data/zones.csv"}},
        {"taxi": {"source": f"@/data/{{color}}/{NAME}"}},
        {"taxi": {"source": f"@/raw/{{color}}/{NAME}"}},
        {"taxi": {"source": f"@/data/rawer/{NAME}"}},
        {"taxi": {"source": f"@/data/Raw/{NAME}"}},
        {"taxi": {"state": "@/data"}},
        nas("@/data/lake"),
        nas("@/nas", source=f"@/nas/published/{NAME}"),
        nas("@/nas", source=f"@/nas/{NAME}"),
        nas("@/nas", workspace="@/nas/work", state="@/nas/state"),
        nas("@/data"),
        nas("@/nas", lake="local, nas"),
        two("@/nas", "@/nas2"),
        two("@/nas", "@/nas/copy"),
        gcs("data", workspace="gs://trips/work"),
        gcs("data", workspace="gs://trips/data"),
        gcs("data", workspace="gs://trips"),
        gcs("/", workspace="gs://trips/data"),
        gcs("data/clean", bucket="others", workspace="gs://trips/data"),
        gcs("data", source=f"https://storage.googleapis.com/others/data/{{color}}/{NAME}"),
        gcs("data", source=f"https://cdn.example/trips/data/{{color}}/{NAME}"),
        lakes(a=bucket("s3", endpoint_url=MINIO), b=bucket("s3", endpoint_url="http://minio:9001")),
        lakes(a=bucket("s3"), b=bucket("gcs")),
        lakes(a=container(), b=container(account="other"), c=container(prefix="elsewhere")),
        lakes(a=bucket("gcs"), b=bucket("gcs", prefix="data2")),
    ],
)  # fmt: skip
def test_what_is_fine_and_usual_is_not_refused(refused: Callable[[Settings], str], sections: Settings) -> None:
    assert refused(sections) == ""


def test_links_are_followed_wherever_they_are(refused: Callable[[Settings], str], tmp_path: Path) -> None:
    """A lake that is a link to raw/, a record type in raw/ that is one to the publisher's folder, and the reverse."""
    (tmp_path / "data" / "raw").mkdir(parents=True)
    (tmp_path / "pub" / "yellow").mkdir(parents=True)
    (tmp_path / "link").symlink_to("data/raw")
    assert "[lake.nas] path (@/data/raw) is inside the workspace's raw/" in refused(nas("@/link"))
    published = source(f"@/pub/{IN}")
    assert refused(published) == ""
    (tmp_path / "data" / "raw" / "yellow").symlink_to(tmp_path / "pub" / "yellow")
    assert "is inside the workspace's raw/" in refused(published)
    (tmp_path / "data" / "raw" / "yellow").unlink()
    (tmp_path / "pub" / "green").symlink_to(tmp_path / "data" / "raw" / "green")
    assert "is inside the workspace's raw/" in refused(published)


def test_a_folder_that_the_disk_has_under_two_names_is_one(
    refused: Callable[[Settings], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `DATA` and `data` where case does not count: stat() message that they are one, no link does."""
    (tmp_path / "data" / "raw").mkdir(parents=True)
    published = source(f"@/DATA/raw/{NAME}")
    assert refused(published) == ""
    stat = os.stat
    monkeypatch.setattr(os, "stat", lambda path, **keys: stat(str(path).replace("/DATA", "/data"), **keys))
    assert "is inside the workspace's raw/" in refused(published)


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ((("", "a"), True), (("", "a"), True), True),
        ((("", "a", "b"), True), (("", "a"), True), True),
        ((("", "a"), True), (("", "a", "b"), True), True),
        ((("", "a"), False), (("", "a"), True), True),
        ((("", "a", "b"), False), (("", "a"), True), True),
        ((("", "a"), False), (("", "a", "b"), True), False),
        ((("", "a"), False), (("", "a"), False), False),
        ((("", "ab"), True), (("", "a"), True), False),
        ((("h", "a"), True), (("", "a"), True), False),
    ],
)
def test_no_place_is_in_a_folder_of_ours_and_a_folder_of_ours_may_be_below_others(
    one: tuple[tuple[str, ...], bool], other: tuple[tuple[str, ...], bool], found: bool
) -> None:
    places = [Place(str(number), "x", (folder,), ours) for number, (folder, ours) in enumerate((one, other))]
    assert bool(overlap(places)) is found
    assert bool(overlap(places[::-1])) is found


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("https://storage.googleapis.com/b/x/y", ("storage.googleapis.com", "b", "x", "y")),
        ("https://b.storage.googleapis.com/x", ("storage.googleapis.com", "b", "x")),
        ("https://storage.cloud.google.com/b/x", ("storage.googleapis.com", "b", "x")),
        ("https://b.s3.amazonaws.com/x", ("s3.amazonaws.com", "b", "x")),
        ("https://my.b.s3.eu-west-1.amazonaws.com/x", ("s3.amazonaws.com", "my.b", "x")),
        ("https://b.s3.dualstack.eu-west-1.amazonaws.com/x", ("s3.amazonaws.com", "b", "x")),
        ("https://s3-us-west-2.amazonaws.com/b/x", ("s3.amazonaws.com", "b", "x")),
        ("https://s3.us-east-1.amazonaws.com/b", ("s3.amazonaws.com", "b")),
        ("HTTP://me:p@Host:9000//b/x%20y/?q=1", ("host:9000", "b", "x y")),
        ("https://host:443/b", ("host", "b")),
        ("https://STORAGE.googleapis.com./b", ("storage.googleapis.com", "b")),
        ("https://a-secondary.blob.core.windows.net/b", ("a.blob.core.windows.net", "b")),
        ("https://a.dfs.core.chinacloudapi.cn/b", ("a.blob.core.chinacloudapi.cn", "b")),
        ("https://a.z12.blob.storage.azure.net/b", ("a.z12.blob.storage.azure.net", "b")),
        ("https://my.dfs.company/b", ("my.dfs.company", "b")),
        ("https://mys3.amazonaws.company/b", ("mys3.amazonaws.company", "b")),
    ],
)
def test_a_bucket_is_the_same_in_all_the_ways_its_url_is_written(url: str, folder: tuple[str, ...]) -> None:
    assert web_address(url) == folder
