"""One file per kind of place for files: a folder, Google Cloud Storage, S3. This one holds what they all promise.

A store keeps files by name, whole or not at all. A name is relative to the store's root and has the form
`yellow/yellow_tripdata_2024-01.parquet`. No store knows months, parquet, Luigi or configuration.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from taxi_luigi.core.health import Check

Labels = Mapping[str, str]
"""Short ASCII texts that travel with a file, where the store can keep them: together at most 2 KB (S3's limit)."""

Progress = Callable[[int, int], None]
"""Called with (bytes so far, bytes in all), from the thread that uploads. It throttles itself."""


def is_remote(address: str) -> bool:
    """Whether an address is one of a cloud's, rather than a folder's."""
    return address.startswith(("gs://", "s3://"))


def bucket_name(text: str) -> str:
    """Parses the setting `bucket`."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]+", text):
        raise ValueError(
            f"must be the name of a bucket alone, not {text!r}" if text else "is missing: the name of a bucket"
        )
    return text


def no_progress(_done: int, _total: int) -> None:
    """A Progress that shows nothing."""


@dataclass(frozen=True)
class Entry:
    """A file as a store holds it."""

    bytes: int
    version: str
    """another one whenever the file was replaced: GCS's generation, S3's ETag, a folder's time stamp and inode"""
    labels: Labels = field(default_factory=dict)
    """empty where the store keeps none, and in a listing that does not show them"""
    crc32c: str = ""
    """of the bytes, in base64, big-endian, as Google writes it; '' where the store keeps none"""


_TYPES = {".parquet": "application/vnd.apache.parquet", ".json": "application/json"}


def content_type(name: str) -> str:
    """Return the media type that a store sends to browsers and tools, by the file's ending."""
    return _TYPES.get(Path(name).suffix, "application/octet-stream")


class Store(Protocol):
    """What every store does.

    All raise StorageError with one line that names the address, ConfigError where a setting, a credential or a
    permission must be changed first. Clients are made where they are used, once in each process: none survives a fork.
    """

    def list(self, folder: str) -> dict[str, Entry]:
        """The files directly in a folder, by name, from one listing; none when there is no such folder."""

    def stat(self, name: str) -> Entry | None:
        """What is kept under a name; None when nothing is."""

    def reading(self, name: str) -> AbstractContextManager[Path]:
        """A local file with the bytes, for reading only: the store's own where it is local, else a temporary copy.

        Raises FileNotFoundError, with the file's URL as `filename`, when nothing has that name.
        """

    def open(self, name: str) -> BinaryIO:
        """A file that can be read from anywhere in it, and fetches no more than what is read. Raises as `reading`."""

    def writing(self, name: str) -> AbstractContextManager[Path]:
        """A local name to write to before `publish`; whatever is still there at the end of the block is removed."""

    def alone(self) -> AbstractContextManager[None]:
        """For steps that no other process's may come between, where the store can see to that: a folder can."""

    def publish(self, written: Path, name: str, labels: Labels, progress: Progress = no_progress) -> None:
        """Puts what was written under `writing` in place, which may take it away from there."""

    def put(self, local: Path, name: str, labels: Labels, progress: Progress = no_progress) -> None:
        """Stores a local file under a name; readers see the old bytes until they see all of the new.

        An OSError is of the local file. Replaced when another run replaced the name meanwhile by other bytes.
        """

    def copy(self, source: Store, source_name: str, name: str, labels: Labels) -> bool:
        """Copies a file of another store without its bytes passing through here; False where that cannot be done."""

    def remove(self, name: str) -> None:
        """Takes a file out; one that is not there is no error."""

    def url(self, name: str) -> str:
        """Return a file's address for users, logs and other programs: `gs://…`, `s3://…` or a path."""

    def page(self, name: str) -> str:
        """Return the web page that shows the file; '' where there is none."""

    def checks(self) -> Sequence[Check]:
        """What can be seen beforehand of whether the store will serve: credentials, root, permissions. Never raises."""
