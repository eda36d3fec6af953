"""The taxi zones in a lake: `taxi_zones.parquet` in its root, with the columns of the warehouses' table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from taxi_luigi.core.errors import StorageError
from taxi_luigi.storage.lake import Lake
from taxi_luigi.tlc.zones import COLUMNS, DESCRIPTIONS, TABLE, Zone

_NAME = f"{TABLE}.parquet"

_KEY = b"taxi_luigi.zones"
"""in the footer's metadata of a file that taxi_luigi wrote; the value is its number of zones"""

_AHEAD = 4096
"""bytes fetched at a time: the footer takes 2,000"""


class ZonesFile:
    """The file of a lake. All methods raise StorageError or ConfigError with one line that names the address."""

    def __init__(self, lake: Lake) -> None:
        self._store = lake.store
        self.name = lake.in_root(_NAME)
        """in the store"""

    @property
    def url(self) -> str:
        """Return its address for messages."""
        return self._store.url(self.name)

    def exists(self) -> bool:
        """Whether there is such a file that taxi_luigi wrote; does not parse it."""
        if self._store.stat(self.name) is None:
            return False
        try:
            with self._store.open(self.name, _AHEAD) as file:
                return _KEY in _footer(file)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StorageError(f"cannot read {self.url}: {error.strerror or error}") from error

    def rows(self) -> int:
        """Return the number of zones; 0 without such a file.

        Raises:
            StorageError: taxi_luigi did not write the file of that name.
        """
        if self._store.stat(self.name) is None:
            return 0
        if not self.exists():
            raise StorageError(
                f"{self.url}: not a file of zones that taxi_luigi wrote; rename it, or leave [taxi] zones empty"
            )
        import pyarrow.parquet as pq

        with self._store.reading(self.name) as path:
            return int(pq.read_metadata(path).num_rows)

    def replace(self, zones: Sequence[Zone]) -> int:
        """Write these zones in the place of the file; readers see the old ones until they see the new ones.

        Raises:
            StorageError: as of `rows`.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.rows()
        fields = [
            pa.field(name, pa.type_for_alias(kind), metadata={"description": DESCRIPTIONS[name]})
            for name, kind in COLUMNS.items()
        ]
        schema = pa.schema(fields, metadata={_KEY: str(len(zones))})
        table = pa.Table.from_pylist([zone._asdict() for zone in zones], schema)
        with self._store.writing(self.name) as path:
            pq.write_table(table, path)
            self._store.publish(path, self.name, {})
        return len(zones)


def _footer(file: BinaryIO) -> bytes:
    """Return the end of a parquet file that has its metadata; whatever bytes are there of another file."""
    end = file.seek(0, 2)
    file.seek(max(0, end - 8))
    length = int.from_bytes(file.read(4), "little")
    file.seek(max(0, end - 8 - length))
    return file.read(min(length, end))
