"""Check that no place of luigi.cfg is inside another one, where months are written and removed.

`overlap` and `web_address` are pure; `check_overlap` lists the places and follows links on the disk.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path
from urllib.parse import unquote, urlsplit

from taxi_luigi.config.factories import lake, warehouse_files, workspace
from taxi_luigi.config.sections import ZONES, settings
from taxi_luigi.core.errors import ConfigError
from taxi_luigi.core.redaction import public_url
from taxi_luigi.sources import SOURCE, is_web, parse_template
from taxi_luigi.storage import Store
from taxi_luigi.storage.local import FolderStore
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month

Folder = tuple[str, ...]
"""The parts of a path: ("", "mnt", "nas"); of a bucket, the first part is the server."""

_GOOGLE, _AMAZON = "storage.googleapis.com", "s3.amazonaws.com"
_S3_HOST = re.compile(r"(?:(?P<bucket>.+)\.)?s3[.-](?:[a-z0-9-]+\.)*?amazonaws\.com(?:\.cn)?")
_AZURE_HOST = re.compile(r"(?:-secondary)?\.(?:blob|dfs)\.(core\.[a-z.]+|storage\.azure\.net)$")
"""an account of Azure's, whose second endpoint (Data Lake) and second region have the same containers"""
_GOOGLE_HOST = re.compile(r"(?:(?P<bucket>.+)\.)?storage\.(?:googleapis|cloud\.google)\.com")

_YEARS = range(2009, 2036)
"""years whose folders of the source are checked: folders differ by record type, year and, rarely, month"""


@dataclass(frozen=True)
class Place:
    """The folders of one setting of luigi.cfg."""

    setting: str
    """for messages: `[lake.nas] path`"""
    address: str
    """for messages"""
    folders: tuple[Folder, ...]
    ours: bool
    """whether months are written and removed there: then nothing else may be below"""


def overlap(places: Sequence[Place]) -> str:
    """Return an error about the first two places of which one is inside the other; '' when there are none.

    A folder of ours may be beside, and below, files of others (`data/clean` below the source `data`). Nothing may be
    inside a folder of ours, and no two of ours inside each other.
    """
    for one, other in combinations(places, 2):
        for inner, outer in ((other, one), (one, other)):
            if not outer.ours or not _any_within(inner.folders, frozenset(outer.folders)):
                continue
            same = inner.ours and set(inner.folders) == set(outer.folders)
            return (
                f"{inner.setting} ({inner.address}) {'is the same place as' if same else 'is inside'} "
                f"{outer.setting} ({outer.address}), where months are written and removed: set another place for one"
            )
    return ""


def _any_within(folders: Iterable[Folder], outer: frozenset[Folder]) -> bool:
    return any(folder[:depth] in outer for folder in folders for depth in range(1, len(folder) + 1))


def web_address(url: str) -> Folder:
    """Return the folder of a URL of http(s), the same for every form of the URL of a bucket or container.

    It has no user, password or query; the bucket comes after the server.
    """
    parts = urlsplit(url)
    host = _AZURE_HOST.sub(r".blob.\1", (parts.hostname or "").lower().rstrip("."))
    path = [part for part in unquote(parts.path).split("/") if part]
    for pattern, server in ((_GOOGLE_HOST, _GOOGLE), (_S3_HOST, _AMAZON)):
        match = pattern.fullmatch(host)
        if match:
            return (server, *filter(None, [match["bucket"]]), *path)
    port = f":{parts.port}" if parts.port not in (None, 80, 443) else ""
    return (f"{host}{port}", *path)


def check_overlap(*lakes: str) -> None:
    """Raise ConfigError when a file that we write or remove in one place could be a file of another.

    Args:
        lakes: names of lakes to check beside those of `[taxi] lake`
    """
    wrong = overlap(list(_places(lakes)))
    if wrong:
        raise ConfigError(wrong)


def _places(more_lakes: Sequence[str]) -> Iterator[Place]:
    found, disk = settings(), _Disk()
    store = workspace()
    for part in ("raw", "clean", "rejected"):
        below = (part, *(f"{part}/{color}" for color in DATASETS))
        yield Place(f"the workspace's {part}/", store.url(part), _of(store, below, disk), ours=True)
    for name in dict.fromkeys((*found.lakes, *more_lakes)):
        if name != "local":  # that is the workspace's clean/
            store = lake(name).store
            yield Place(
                f"[lake.{name}] {store.located_by}",
                store.url("").rstrip("/"),
                _of(store, tuple(DATASETS), disk),
                ours=True,
            )
    yield Place(SOURCE, public_url(found.source), tuple(_of_source(found.source, disk)), ours=False)
    if found.zones:
        zones = web_address(found.zones)[:-1] if is_web(found.zones) else disk.folder(Path(found.zones).parent)
        yield Place(ZONES, public_url(found.zones), (zones,), ours=False)
    yield Place("[taxi] state", str(found.state), (disk.folder(found.state),), ours=False)
    for name, path in warehouse_files().items():
        yield Place(f"[warehouse.{name}] path", str(path), (disk.folder(path.parent),), ours=False)


def _of_source(text: str, disk: _Disk) -> Iterable[Folder]:
    """Return the folders of the source's files, of every record type and year."""
    template = parse_template(text)
    months = range(1, 13) if "{month" in text.rpartition("/")[0] else (1,)
    pairs = product(DATASETS, _YEARS, months)
    addresses = [template.address(color, Month(year, month)) for color, year, month in pairs]
    if template.is_web:
        return {web_address(address)[:-1] for address in addresses}
    return {disk.folder(folder) for folder in {Path(address).parent for address in addresses}}


def _of(store: Store, below: Iterable[str], disk: _Disk) -> tuple[Folder, ...]:
    """Return the folders of a store."""
    if isinstance(store, FolderStore):
        return tuple(disk.folder(store.root / name) for name in below)
    root = (*web_address(store.server), *store.url("").rstrip("/").partition("://")[2].split("/"))
    return tuple((*root, *name.split("/")) for name in below)


class _Disk:
    """Names of local folders, one for each folder in spite of links, mounts, `Data` and `data`.

    A folder that does not exist yet has the name under which it would be created.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], Folder] = {}

    def folder(self, path: Path) -> Folder:
        named: Folder = ("",)
        there = Path("/")
        for part in path.resolve().parts[1:]:
            there /= part
            named = (*named, part)
            try:
                found = os.stat(there)
            except OSError:
                continue
            named = self._known.setdefault((found.st_dev, found.st_ino), named)
        return named
