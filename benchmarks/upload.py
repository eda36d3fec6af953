"""Ways to put a large file into a bucket. `python -m benchmarks.upload WAY FILE ENDPOINT BUCKET`."""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random
from time import perf_counter

from benchmarks.harness import said

SIZE = 200_000_000


def floor(file: Path, endpoint: str, bucket: str) -> None:
    """What the client does by itself."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.storage import Client

    client = Client("test", AnonymousCredentials(), client_options={"api_endpoint": endpoint})
    began = perf_counter()
    client.bucket(bucket).blob("floor").upload_from_filename(str(file))
    said(SIZE, began)


def ours(file: Path, endpoint: str, bucket: str) -> None:
    """This project: its checksum computed before and compared after, the precondition, the labels."""
    from taxi_luigi.storage.gcs import GcsStore

    store = GcsStore("benchmark", GcsStore.Settings(bucket, "", endpoint=endpoint))
    began = perf_counter()
    store.put(file, "ours", {"rows": "1"})
    said(SIZE, began)


def large_file(folder: Path) -> Path:
    """Made-up bytes, a tenth at a time."""
    file, random = folder / "large", Random(1)
    with file.open("wb") as out:
        for _ in range(10):
            out.write(random.randbytes(SIZE // 10))
    return file


WAYS = {"floor": floor, "ours": ours}

if __name__ == "__main__":
    WAYS[sys.argv[1]](Path(sys.argv[2]), sys.argv[3], sys.argv[4])
