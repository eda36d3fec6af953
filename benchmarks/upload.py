"""Ways to put a large file into a bucket. `python -m benchmarks.upload WAY FILE ENDPOINT BUCKET`."""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random
from time import perf_counter

from benchmarks.harness import said


def floor(file: Path, endpoint: str, bucket: str) -> None:
    """What Google's client does by itself."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.storage import Client

    client = Client("test", AnonymousCredentials(), client_options={"api_endpoint": endpoint})
    began = perf_counter()
    client.bucket(bucket).blob("floor").upload_from_filename(str(file))
    said(file.stat().st_size, began)


def ours(file: Path, endpoint: str, bucket: str) -> None:
    """This project: its checksum computed before and compared after, the precondition, the labels."""
    from taxi_luigi.storage.gcs import GcsStore

    store = GcsStore("benchmark", GcsStore.Settings(bucket, "", endpoint=endpoint))
    began = perf_counter()
    store.put(file, "ours", {"rows": "1"})
    said(file.stat().st_size, began)


def azure_floor(file: Path, endpoint: str, bucket: str) -> None:
    """What Azure's client does by itself, with four threads."""
    from tests.support.azure import AzureServer

    container = AzureServer(endpoint).container(bucket)
    began = perf_counter()
    with file.open("rb") as content:
        container.upload_blob("floor", content, overwrite=True, max_concurrency=4)
    said(file.stat().st_size, began)


def azure_ours(file: Path, endpoint: str, bucket: str) -> None:
    """This project: MD5 of each block and of the whole, the condition, the labels, and a look at what is kept."""
    from tests.support.azure import AzureServer, fresh_azure_store

    store = fresh_azure_store(AzureServer(endpoint), bucket)
    began = perf_counter()
    store.put(file, "ours", {"rows": "1"})
    said(file.stat().st_size, began)


def large_file(folder: Path, size: int) -> Path:
    """Write a file of so many made-up bytes, at most, a tenth at a time."""
    file, random = folder / "large", Random(1)
    with file.open("wb") as out:
        for _ in range(10):
            out.write(random.randbytes(size // 10))
    return file


WAYS = {"floor": floor, "ours": ours, "azure_floor": azure_floor, "azure_ours": azure_ours}

if __name__ == "__main__":
    WAYS[sys.argv[1]](Path(sys.argv[2]), sys.argv[3], sys.argv[4])
