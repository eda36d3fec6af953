"""The source, workspace, lakes and warehouses that luigi.cfg names, built.

A store is a section of its own, `[lake.NAME]` or `[warehouse.NAME]`; its `type` defaults to its name. Only names travel
in tasks: an address or a password is read here, where the store is opened.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from taxi_luigi.config.files import absolute
from taxi_luigi.config.kept import kept
from taxi_luigi.config.options import STORES, options_of, store, store_type
from taxi_luigi.config.sections import ZONES, net, positive, settings
from taxi_luigi.core.errors import ConfigError
from taxi_luigi.storage import Store, is_remote
from taxi_luigi.storage.lake import Lake
from taxi_luigi.storage.local import FolderStore
from taxi_luigi.storage.raw_month import RawMonth
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month
from taxi_luigi.tlc.zones import MOST_BYTES
from taxi_luigi.warehouses import Warehouse

if TYPE_CHECKING:
    from taxi_luigi.sources import SingleFile, Source


_ADDRESS = re.compile(r":\w*:|[A-Za-z][A-Za-z0-9+.-]*:")
"""How what is no file begins for DuckDB: `:memory:`, `md:`, `motherduck:`, `s3://`"""


@kept
def source() -> Source:
    """The published months."""
    from taxi_luigi.sources import open_source

    return open_source(settings().source, net())


@kept
def zones_file() -> SingleFile:
    """The list of zones. Raises ConfigError when luigi.cfg names none."""
    from taxi_luigi.sources import SingleFile

    address = settings().zones
    if not address:
        raise ConfigError(f"{ZONES} is empty, so there are none to load: set it to a URL or a path of the list")
    return SingleFile(address, net(), ZONES, MOST_BYTES)


@kept
def workspace() -> Store:
    """What holds raw/, clean/ and rejected/: a folder, or a place in a bucket, by the settings of that cloud's lake."""
    address = settings().workspace
    if not is_remote(address):
        return FolderStore("workspace", Path(address))
    kind = {"gs": "gcs", "s3": "s3"}[address.partition("://")[0]]
    bucket, _, prefix = address.partition("://")[2].partition("/")
    if not bucket:
        raise ConfigError(f"[taxi] workspace {address}: names no bucket; it is like gs://BUCKET/FOLDER")
    options = options_of(f"lake.{kind}", STORES["lake"][kind])
    return _bucket("workspace", kind, "taxi", {**options, "bucket": bucket, "prefix": prefix})


@kept
def clean_lake() -> Lake:
    """The clean months in the workspace, whatever lakes are named; where it is a folder, this is the lake `local`."""
    return Lake(workspace(), "clean")


@kept
def lake(name: str) -> Lake:
    """The lake called NAME: `[lake.NAME]`, or the workspace's clean/ for `local`."""
    kind, options = store("lake", name)
    if name == "local":
        if kind != "local" or options:
            raise ConfigError(
                "[lake.local] is the workspace's clean/ and takes no settings: give the lake another name"
            )
        return clean_lake()
    if kind != "local":
        return Lake(_bucket(f"lake {name}", kind, f"lake.{name}", options))
    if "path" not in options:
        raise ConfigError(f"[lake.{name}] path is missing: the folder of this {kind} lake")
    return Lake(FolderStore(f"lake {name}", absolute(options["path"])))


def written_folders() -> list[Path]:
    """The folders of this machine's disks that stores and DuckDB write in, where a killed run may have left files."""
    store, found = workspace(), []
    if isinstance(store, FolderStore):
        parts = [store.root / part for part in ("raw", "clean", "rejected")]
        found += [store.root, *parts, *(part / color for part in parts for color in DATASETS)]
    for name in settings().lakes:
        store = lake(name).store
        if name != "local" and isinstance(store, FolderStore):
            found += [store.root, *(store.root / color for color in DATASETS)]
    found += [path.parent for path in duckdb_files().values()]
    return list(dict.fromkeys(found))


def duckdb_files() -> dict[str, Path]:
    """The file of each DuckDB warehouse, by the warehouse's name."""
    built = {name: warehouse(name) for name in settings().warehouses if writes_alone(name)}
    if not built:
        return {}
    from taxi_luigi.warehouses.duckdb import DuckDB

    return {name: each.path for name, each in built.items() if isinstance(each, DuckDB)}


@kept
def lake_type(name: str) -> str:
    """local, gcs or s3."""
    return store_type("lake", name)


@kept
def lake_for(warehouse_name: str) -> str | None:
    """The lake that a warehouse is loaded from: the first named, BigQuery the first gcs; None is the workspace."""
    lakes = settings().lakes
    if takes_from_gcs(warehouse_name):
        lakes = tuple(name for name in lakes if lake_type(name) == "gcs") or lakes
    return None if lakes[:1] in ((), ("local",)) else lakes[0]


def store_checks(noun: str, name: str) -> Iterator[Callable[[], object]]:
    """Each raises ConfigError for one value of `[NOUN.NAME]`, where building the store stops at the first."""
    try:
        kind, options = store(noun, name)
    except ConfigError:  # which building it raises too
        return
    section = f"{noun}.{name}"
    for key, number in (("chunk_size", int), ("timeout", float), ("wait", float), ("patience", float)):
        if key in options:
            yield partial(positive, section, key, options[key], number)
    if kind in ("gcs", "s3"):
        yield partial(_bucket_name, section, options)
    if "endpoint" in options:
        yield partial(_check_endpoint, section, options["endpoint"])
    if kind == "s3":
        from taxi_luigi.core.cloud.aws import Bucket

        yield partial(Bucket, f"lake {name}", "bucket", options.get("endpoint_url"), None)
        yield partial(Bucket, f"lake {name}", "bucket", None, options.get("region"))
    if kind == "duckdb":
        yield partial(_duckdb_path, name, options)
    if kind == "bigquery":
        yield from (partial(_check_named, section, options, key) for key in ("project", "dataset"))


def _bucket_name(section: str, options: dict[str, str]) -> str:
    bucket = options.get("bucket", "")
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]+", bucket):
        what = f"must be the name of a bucket alone, not {bucket!r}" if bucket else "is missing: the name of a bucket"
        raise ConfigError(f"[{section}] bucket {what}")
    return bucket


def _bucket(name: str, kind: str, section: str, options: dict[str, str]) -> Store:
    bucket = _bucket_name(section, options)
    prefix = options.get("prefix", "data")
    chunk = positive(section, "chunk_size", options.get("chunk_size", {"gcs": "64", "s3": "16"}[kind]), int)
    timeout = positive(section, "timeout", options.get("timeout", "300"), float)
    if kind == "s3":
        from taxi_luigi.storage.s3 import S3Store

        return S3Store(name, bucket, prefix, options.get("endpoint_url"), options.get("region"), chunk, timeout)
    from taxi_luigi.storage.gcs import GcsStore

    _check_endpoint(section, options.get("endpoint", ""))
    file = options.get("credentials_file")
    return GcsStore(
        name,
        bucket,
        prefix,
        options.get("project"),
        absolute(file) if file else None,
        options.get("endpoint"),
        chunk,
        timeout,
    )


def raw_month(color: str, month: Month) -> RawMonth:
    """The month's raw file in the workspace, under the name that the source gives it."""
    return RawMonth(workspace(), f"raw/{color}/{source().file_name(color, month)}")


@kept
def warehouse(name: str) -> Warehouse:
    """The warehouse called NAME: `[warehouse.NAME]`."""
    kind, options = store("warehouse", name)
    section = f"warehouse.{name}"
    if kind == "bigquery":
        return _bigquery(name, section, options)
    if kind == "postgres":
        from taxi_luigi.warehouses.postgres import Postgres

        wait = positive(section, "wait", options.get("wait", "600"), float)
        return Postgres(name, options.get("url", ""), options.get("schema", "public"), wait)
    if kind == "duckdb":
        from taxi_luigi.warehouses.duckdb import DuckDB

        wait = positive(section, "wait", options.get("wait", "60"), float)
        return DuckDB(name, absolute(_duckdb_path(name, options)), options.get("memory_limit", "256MB"), wait)
    raise AssertionError(f"a type of warehouse without its class: {kind}")


def _duckdb_path(name: str, options: dict[str, str]) -> str:
    path = options.get("path", "data/warehouse.duckdb")
    address = _ADDRESS.match(path)
    if address:  # of what follows, a part may be a password
        raise ConfigError(
            f"[warehouse.{name}] path begins with {address[0]}, and must be a file on this machine's disk: set one, "
            f"like data/warehouse.duckdb (./{address[0]}… where a file's name begins so)"
        )
    return path


def _bigquery(name: str, section: str, options: dict[str, str]) -> Warehouse:
    from taxi_luigi.warehouses.bigquery import BigQuery

    for key in ("project", "dataset"):
        _check_named(section, options, key)
    _check_endpoint(section, options.get("endpoint", ""))
    file = options.get("credentials_file")
    return BigQuery(
        name,
        options["project"],
        options.get("dataset", "trips_data_all"),
        options.get("location"),
        absolute(file) if file else None,
        options.get("endpoint"),
        positive(section, "wait", options.get("wait", "1800"), float),
        positive(section, "patience", options.get("patience", "60"), float),
    )


def _check_endpoint(section: str, text: str) -> None:
    from taxi_luigi.core.cloud.gcp import endpoint_of

    try:
        endpoint_of(text, "")
    except ConfigError as error:
        raise ConfigError(f"[{section}] {error}") from None


def _check_named(section: str, options: dict[str, str], key: str) -> None:
    if not options.get(key, "trips_data_all" if key == "dataset" else ""):
        raise ConfigError(f"[{section}] {key} is missing: the {key} that the tables are in")


@kept
def takes_from_gcs(name: str) -> bool:
    """Whether the warehouse called NAME fetches files from Google Cloud Storage by itself."""
    return store_type("warehouse", name) == "bigquery"


@kept
def writes_alone(name: str) -> bool:
    """Whether the warehouse called NAME takes one writer at a time."""
    return store_type("warehouse", name) == "duckdb"
