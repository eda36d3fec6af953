"""A month's raw file in the workspace, its receipt beside it, and the record of why it was not taken."""

from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager
from pathlib import Path

from taxi_luigi.core.errors import DamagedCopy, made_later
from taxi_luigi.core.receipts import Failure, RawReceipt
from taxi_luigi.storage import Progress, Store
from taxi_luigi.storage.lake import object_name
from taxi_luigi.tlc.months import Month

FAILURE = ".failure.json"
"""the ending of a record of why a month was not taken"""


class RawMonth:
    """`raw/{color}/{name}` in the workspace, the bytes as published, with `{name}.receipt.json` beside it."""

    def __init__(self, workspace: Store, name: str) -> None:
        self.name = name
        """in the workspace"""
        self._workspace = workspace
        self._receipt_name = f"{name}.receipt.json"

    def receipt(self) -> RawReceipt | None:
        """Return the receipt; None when it or the file is missing, or when it is another file's."""
        raw = self._workspace.stat(self.name)
        receipt = None if raw is None else self._read_receipt()
        if raw is None or receipt is None:
            return None
        same = receipt.bytes == raw.bytes and receipt.sha256 == raw.labels.get("sha256", receipt.sha256)
        return receipt if same else None

    def _read_receipt(self) -> RawReceipt | None:
        try:
            with self._workspace.open(self._receipt_name) as file:
                return RawReceipt.from_json(file.read().decode())
        except (FileNotFoundError, ValueError):
            return None

    def check_replaceable(self) -> None:
        """Raise LaterVersion when a later version of taxi_luigi wrote the receipt: it has what this one would lose."""
        receipt = self._read_receipt()
        if receipt is not None and receipt.later:
            raise made_later(self, f"its receipt has {', '.join(receipt.later)}")

    def failure(self, place: str = "") -> Failure | None:
        """Return why the month was not taken at its last attempt; None when it was taken, or not attempted.

        Args:
            place: '' for the clean file, else `lake NAME` or `warehouse NAME`
        """
        try:
            with self._workspace.open(self.failure_name(place)) as file:
                return Failure.from_json(file.read().decode())
        except (FileNotFoundError, ValueError):
            return None

    def remember_failure(self, failure: Failure, place: str = "") -> None:
        """Record beside the raw file why the month was not taken."""
        name = self.failure_name(place)
        with self._workspace.writing(name) as path:
            path.write_text(failure.to_json())
            self._workspace.publish(path, name, {})

    def forget_failure(self, place: str = "") -> None:
        """Remove the record of why it was not taken before."""
        self._workspace.remove(self.failure_name(place))

    def failure_name(self, place: str = "") -> str:
        """Return the name of the record in the workspace."""
        return failure_name(self.name, place)

    def reading(self) -> AbstractContextManager[Path]:
        """Yield a local file with the bytes, for reading only."""
        return self._workspace.reading(self.name)

    def check_bytes(self, path: Path, receipt: RawReceipt) -> None:
        """Raise DamagedCopy unless the bytes at `path`, from `reading`, are those that were downloaded."""
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != receipt.sha256:
            raise DamagedCopy(
                f"{self}: its bytes are not those that were downloaded: sha256 {found}, not {receipt.sha256}"
            )

    def writing(self) -> AbstractContextManager[Path]:
        """Yield a local path to write to before `publish`."""
        return self._workspace.writing(self.name)

    def publish(self, written: Path, receipt: RawReceipt, progress: Progress) -> None:
        """Put file and receipt in place; after a kill between any two steps the month counts as not there.

        Of several runs that publish the same file at the same time, none removes it while another reads it.

        Raises: LaterVersion as `check_replaceable`
        """
        with self._workspace.alone():
            self.check_replaceable()
            if self._would_pass_for(receipt):
                self._workspace.remove(self.name)
            with self._workspace.writing(self._receipt_name) as beside:
                beside.write_text(receipt.to_json())
                self._workspace.publish(beside, self._receipt_name, {})
            self._workspace.publish(written, self.name, {"sha256": receipt.sha256}, progress)

    def _would_pass_for(self, new: RawReceipt) -> bool:
        """Whether the file that is there could be mistaken for the new one: of the same length, with other bytes."""
        raw, held = self._workspace.stat(self.name), self.receipt()
        return raw is not None and "sha256" not in raw.labels and (held is None or held.sha256 != new.sha256)

    def remove(self) -> None:
        """Remove the file, its receipt and the record of a failure; what is not there is no error."""
        for name in (self.name, self._receipt_name, self.failure_name()):
            self._workspace.remove(name)

    def distrust(self) -> None:
        """Remove the receipt, so that the file is downloaded again: its bytes are not those that arrived."""
        self._workspace.remove(self._receipt_name)

    def __str__(self) -> str:
        return self._workspace.url(self.name)


def failure_name(raw_name: str, place: str) -> str:
    """Return the name of a month's record of failure, by that of its raw file; `place` as in `RawMonth.failure`."""
    return ".".join(filter(None, (raw_name, place.replace(" ", "-")))) + FAILURE


def is_failure(name: str, raw_name: str) -> bool:
    """Whether a file of the workspace is a record of failure, of any place, of the month with that raw file."""
    return name.startswith(f"{raw_name}.") and name.endswith(FAILURE)


def rejects_name(color: str, month: Month) -> str:
    """Return the name in the workspace of a month's rejects."""
    return f"rejected/{object_name(color, month)}"
