"""Stores of files: a folder (local.py), and a file for each cloud. `LAKES` names them; their common interface is here.

bucket.py has what all buckets have in common; lake.py and raw_month.py keep months in a store.

A store keeps files by name, whole or not at all. A name is relative to the store's root, as
`yellow/yellow_tripdata_2024-01.parquet`. Months are in lake.py and raw_month.py alone; Luigi and luigi.cfg are not
known here.
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
"""Called with (bytes so far, all bytes), from the thread that uploads. It throttles itself."""


@dataclass(frozen=True)
class LakeType:
    """What must be known of a type of lake before its module, which may import a driver, is imported."""

    store: str
    """the class, as `module:class`"""
    form: str = ""
    """how its addresses begin, `gs://BUCKET`: the scheme, and in capitals the setting that names the bucket; '' of a
    folder"""

    @property
    def scheme(self) -> str:
        """`gs`, as in `gs://BUCKET`."""
        return self.form.partition("://")[0]

    @property
    def bucket(self) -> str:
        """The key of the setting that names the bucket."""
        return self.form.partition("://")[2].lower()


LAKES = {
    "local": LakeType("taxi_luigi.storage.local:FolderStore"),
    "gcs": LakeType("taxi_luigi.storage.gcs:GcsStore", "gs://BUCKET"),
    "s3": LakeType("taxi_luigi.storage.s3:S3Store", "s3://BUCKET"),
    "azure": LakeType("taxi_luigi.storage.azure:AzureStore", "az://CONTAINER"),
}
"""The types of `[lake.NAME]`: the one place that names them all. What differs by type is in the class."""

CLOUDS = {each.scheme: kind for kind, each in LAKES.items() if each.form}
"""scheme → type"""


def is_remote(address: str) -> bool:
    """Whether an address is in a cloud rather than a folder."""
    scheme, separator, _ = address.partition("://")
    return bool(separator) and scheme in CLOUDS


def remote_forms() -> str:
    """Return how an address in each cloud looks: `gs://BUCKET/FOLDER or s3://BUCKET/FOLDER`."""
    return " or ".join(f"{LAKES[kind].form}/FOLDER" for kind in CLOUDS.values())


def bucket_name(text: str) -> str:
    """Parse the setting `bucket`."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]+", text):
        raise ValueError(
            f"must be the name of a bucket alone, not {text!r}" if text else "is missing: the name of a bucket"
        )
    return text


def folder_name(text: str) -> str:
    """Parse the setting `prefix`, of a bucket.

    Some clients resolve `..` before they send a request, some servers take a backslash for a slash: a file would be
    written to another name than the one that is listed.
    """
    if {".", ".."} & {*text.split("/")} or not text.isprintable() or "\\" in text:
        raise ValueError(f"must be a folder's name without . or .., backslashes and control characters, not {text!r}")
    return text


def no_progress(_done: int, _total: int) -> None:
    """A Progress that shows nothing."""


AHEAD = 64 << 10
"""bytes that a read of an object fetches at least: a parquet footer of ours has fewer"""


@dataclass(frozen=True)
class Entry:
    """A file as a store holds it."""

    bytes: int
    version: str
    """changes whenever the file is replaced: GCS's generation, S3's ETag, a folder's time stamp and inode"""
    labels: Labels = field(default_factory=dict)
    """empty where the store keeps none, and in a listing without them"""
    crc32c: str = ""
    """of the bytes, in base64, big-endian, as Google writes it; '' where the store keeps none"""


_TYPES = {".parquet": "application/vnd.apache.parquet", ".json": "application/json"}


def content_type(name: str) -> str:
    """Return the media type that a store sends to browsers and tools, by the file's ending."""
    return _TYPES.get(Path(name).suffix, "application/octet-stream")


class Store(Protocol):
    """The methods of every store.

    All raise StorageError with one line that names the address, ConfigError where a setting, a credential or a
    permission must be changed first. Clients are made at their first use, once in each process: none survives a fork.
    """

    @property
    def located_by(self) -> str:
        """The keys of its section that say where it is, for messages: `path`, `bucket and prefix`."""

    @property
    def server(self) -> str:
        """The server's URL, without secrets; '' of a folder. With `url` it tells whether two stores are one."""

    def list(self, folder: str, deep: bool = False) -> dict[str, Entry]:
        """Return the files directly in a folder, by name, from one listing; none when there is no such folder.

        Args:
            folder: its name; '' is the store's root
            deep: also the files in folders of it
        """

    def is_folder(self, folder: str) -> bool:
        """Whether there is a folder of this name, empty or not."""

    def make_folder(self, folder: str) -> None:
        """Make an empty folder, and those that it is in; one that is there is no error."""

    def remove_folder(self, folder: str) -> None:
        """Remove a folder with all that is in it; one that is not there is no error."""

    def stat(self, name: str) -> Entry | None:
        """Return the file of a name; None when there is none."""

    def reading(self, name: str) -> AbstractContextManager[Path]:
        """Yield a local file with the bytes, for reading only: the store's own in a folder, else a temporary copy.

        Raises FileNotFoundError, with the file's URL as `filename`, when there is no such file.
        """

    def open(self, name: str, ahead: int = AHEAD) -> BinaryIO:
        """Return a seekable file that fetches what is read of it, from a bucket `ahead` bytes at least.

        Raises as `reading`.
        """

    def writing(self, name: str) -> AbstractContextManager[Path]:
        """Yield a local path to write to before `publish`; a file that is still there after the block is removed."""

    def alone(self) -> AbstractContextManager[None]:
        """Keep other processes out of such blocks of the same store, where it can lock: a folder can."""

    def publish(self, written: Path, name: str, labels: Labels, progress: Progress = no_progress) -> None:
        """Put a file that was written under `writing` in place, which may move it.

        Args:
            written: the path from `writing`
            name: of the file in the store
            labels: to keep with the file, where the store can
            progress: called with (done, total) in bytes
        Raises:
            Replaced: another run put other bytes under the name in the meantime
        """

    def put(self, local: Path, name: str, labels: Labels, progress: Progress = no_progress) -> None:
        """Copy a local file into the store; readers see the old bytes until they see all of the new.

        Args:
            local: the file to copy
            name: as for `publish`, and the others
            labels: as for `publish`
            progress: as for `publish`
        Raises:
            OSError: the local file cannot be read
            Replaced: another run put other bytes under the name in the meantime
        """

    def copy(self, source: Store, source_name: str, name: str, labels: Labels) -> bool:
        """Copy a file of another store on the server alone.

        Args:
            source: the other store
            source_name: of the file there
            name: of the copy here
            labels: of the copy
        Returns:
            False where the servers cannot do it; then nothing was copied
        """

    def move(self, name: str, to: str) -> None:
        """Rename a file: at once in a folder, by a copy on the server in a bucket. Raises as `reading`."""

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is no error."""

    def url(self, name: str) -> str:
        """Return a file's address for users, logs and other programs: `gs://…` or the like, or a path."""

    def page(self, name: str) -> str:
        """Return the web page that shows the file; '' where there is none."""

    def checks(self) -> Sequence[Check]:
        """Check what a run needs, without writing: credentials, root, permissions. Never raises."""
