"""A lake in a folder: this machine's disk, or one that is mounted."""

from __future__ import annotations

import re
from pathlib import Path

from taxi_luigi import files
from taxi_luigi.errors import BadFile, StorageError
from taxi_luigi.lakes import Stored, object_name
from taxi_luigi.logs import log
from taxi_luigi.months import Month


class LocalLake:
    """Keeps clean months below `root`; see the protocol in `taxi_luigi.lakes`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _path(self, color: str, month: Month) -> Path:
        return self._root / object_name(color, month)

    def list(self, color: str) -> set[Month]:
        name = re.compile(re.escape(f"{color}_tripdata_") + r"(\d{4}-(?:0[1-9]|1[0-2]))\.parquet")
        try:
            found = [name.fullmatch(path.name) for path in (self._root / color).iterdir()]
        except FileNotFoundError:
            return set()
        except OSError as error:
            raise StorageError(f"cannot list {self._root / color}: {error.strerror}") from error
        return {Month.parse(match[1]) for match in found if match}

    def stat(self, color: str, month: Month) -> Stored | None:
        from taxi_luigi.formats import read_receipt  # pyarrow: not on the path of a run with nothing to do

        path = self._path(color, month)
        try:
            size = path.stat().st_size
            receipt = read_receipt(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"cannot read {path}: {error.strerror}") from error
        except BadFile as error:
            log.warning("%s; the month will be made again", error)
            return None
        if receipt is None:
            log.warning("%s was not written by taxi_luigi: it has no receipt; the month will be made again", path)
            return None
        return Stored(size, receipt)

    def read(self, color: str, month: Month) -> Path:
        return self._path(color, month)

    def put(self, clean: Path, color: str, month: Month) -> None:
        path = self._path(color, month)
        files.sweep(path.parent)
        files.copy_into(clean, path)

    def remove(self, color: str, month: Month) -> None:
        self._path(color, month).unlink(missing_ok=True)

    def url(self, color: str, month: Month) -> str:
        return str(self._path(color, month))
