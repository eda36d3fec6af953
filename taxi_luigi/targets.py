"""Luigi targets over the source, the workspace, lakes and warehouses.

Each answers one question, whether its month is there, in the edition wanted ('' takes any). A store that cannot be
asked counts as not having the month: the task then runs, and fails in its own name with one line.
"""

from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager
from pathlib import Path

import luigi

from taxi_luigi import config
from taxi_luigi.datasets import DATASETS
from taxi_luigi.errors import DamagedCopy, TaxiError
from taxi_luigi.lakes import Lake, object_name
from taxi_luigi.logs import log
from taxi_luigi.months import Month
from taxi_luigi.objects import StoreFile
from taxi_luigi.receipt import Edition, Failure, RawReceipt, source_digest
from taxi_luigi.sources import Published
from taxi_luigi.stores import Progress
from taxi_luigi.zones import TABLE as ZONES


class MonthTarget(luigi.Target):
    """One month of one color, in one place."""

    def exists(self) -> bool:
        raise NotImplementedError

    def __init__(self, color: str, month: Month, edition: str = "") -> None:
        self.color, self.month, self.edition = color, month, edition
        self.any_force = False
        """whether it is enough that the content is the one wanted, whichever `--force` made it"""

    def fits(self, edition: str) -> bool:
        """Whether what is there serves the edition wanted."""
        return self._serves(edition, self.any_force)

    def has_content(self, edition: str) -> bool:
        """Whether what is there is the content wanted, whichever `--force` made it."""
        return self._serves(edition, any_force=True)

    def _serves(self, edition: str, any_force: bool) -> bool:
        if self.edition in ("", edition):
            return True
        held, wanted = self._parse(edition), self._parse(self.edition)
        return held is not None and wanted is not None and held.serves(wanted, any_force)

    def _parse(self, edition: str) -> Edition | None:
        return Edition.read(edition)


class PublishedTarget(MonthTarget):
    """The month's file at the source. A source that cannot be asked counts as having it: the download will say why."""

    def exists(self) -> bool:
        return config.source().look(self.color, self.month).published is not Published.NO

    def __str__(self) -> str:
        return config.source().url(self.color, self.month)


class RawTarget(MonthTarget):
    """`raw/{color}/{name}` in the workspace, the bytes as published, with `{name}.receipt.json` beside it."""

    @property
    def name(self) -> str:
        """The raw file's name in the workspace."""
        return f"raw/{self.color}/{config.source().file_name(self.color, self.month)}"

    @property
    def _receipt_name(self) -> str:
        return f"{self.name}.receipt.json"

    def _parse(self, edition: str) -> Edition | None:
        source, _, stamp = edition.partition("-")
        return Edition(source, "", stamp)

    def receipt(self) -> RawReceipt | None:
        """The receipt, if it is that of the file beside it; None when either is missing or they do not agree."""
        workspace = config.workspace()
        raw = workspace.stat(self.name)
        if raw is None:
            return None
        try:
            with workspace.open(self._receipt_name) as file:
                receipt = RawReceipt.from_json(file.read().decode())
        except (FileNotFoundError, ValueError):
            return None
        same = receipt.bytes == raw.bytes and receipt.sha256 == raw.labels.get("sha256", receipt.sha256)
        return receipt if same else None

    def exists(self) -> bool:
        try:
            receipt = self.receipt()
        except TaxiError as error:
            log.debug("%s counts as not there: %s", self, error)
            return False
        if receipt is None or not self.fits(receipt.edition):
            return False
        wanted = config.source().url(self.color, self.month)
        if receipt.url != wanted:
            log.info("%s came from %s, not from %s: it will be downloaded again", self, receipt.url, wanted)
        return receipt.url == wanted and not self._replaced_since(receipt)

    def _replaced_since(self, receipt: RawReceipt) -> bool:
        """Whether this file was not taken when it was cleaned, and the source has another one by now.

        Asks the source, which remembers its answer, about such months alone. A target that names its edition need not:
        the edition says which file it wants.
        """
        failure = None if self.edition else self.failure()
        if failure is None or failure.source != receipt.source:
            return False
        seen = config.source().look(self.color, self.month).seen
        if seen is None or source_digest(seen) == failure.source:
            return False
        log.debug("%s was not taken, and the source has another file by now: it is downloaded again", self)
        return True

    def failure(self, place: str = "") -> Failure | None:
        """Why the month was not taken at its last attempt; None when it was, or nothing of it was attempted.

        Args:
            place: '' for the clean file, else `lake NAME` or `warehouse NAME`
        """
        try:
            with config.workspace().open(self.failure_name(place)) as file:
                return Failure.from_json(file.read().decode())
        except (FileNotFoundError, ValueError):
            return None

    def failed(self, failure: Failure, place: str = "") -> None:
        """Keeps why the month was not taken, beside the raw file."""
        workspace, name = config.workspace(), self.failure_name(place)
        with workspace.writing(name) as path:
            path.write_text(failure.to_json())
            workspace.publish(path, name, {})

    def taken(self, place: str = "") -> None:
        """Forgets why it was not taken before."""
        config.workspace().remove(self.failure_name(place))

    def failure_name(self, place: str = "") -> str:
        """The name in the workspace of what `failure` reads."""
        return failure_name(self.name, place)

    def reading(self) -> AbstractContextManager[Path]:
        """A local file with the bytes, for reading only."""
        return config.workspace().reading(self.name)

    def check_bytes(self, path: Path, receipt: RawReceipt) -> None:
        """Raises DamagedCopy unless the bytes at `path`, as `reading` gives it, are those that were downloaded."""
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != receipt.sha256:
            raise DamagedCopy(
                f"{self}: its bytes are not those that were downloaded: sha256 {found}, not {receipt.sha256}"
            )

    def writing(self) -> AbstractContextManager[Path]:
        """A local name to write to before `publish`."""
        return config.workspace().writing(self.name)

    def publish(self, written: Path, receipt: RawReceipt, progress: Progress) -> None:
        """Puts file and receipt in place; a kill between any two steps leaves a month that is not there.

        Of runs at once that publish the same file, none takes it away from the others in between.
        """
        workspace = config.workspace()
        with workspace.alone():
            if self._would_pass_for(receipt):
                workspace.remove(self.name)
            with workspace.writing(self._receipt_name) as beside:
                beside.write_text(receipt.to_json())
                workspace.publish(beside, self._receipt_name, {})
            workspace.publish(written, self.name, {"sha256": receipt.sha256}, progress)

    def _would_pass_for(self, new: RawReceipt) -> bool:
        """Whether the file that is there could be taken for the new one, which has the same length, and is another."""
        raw, held = config.workspace().stat(self.name), self.receipt()
        return raw is not None and "sha256" not in raw.labels and (held is None or held.sha256 != new.sha256)

    def remove(self) -> None:
        """Takes away the file, its receipt, and why it was not taken; nothing there is no error."""
        workspace = config.workspace()
        for name in (self.name, self._receipt_name, self.failure_name()):
            workspace.remove(name)

    def distrust(self) -> None:
        """Takes the receipt away, so that the file is downloaded again: its bytes are not those that arrived."""
        config.workspace().remove(self._receipt_name)

    def __str__(self) -> str:
        return config.workspace().url(self.name)


class LakeTarget(MonthTarget, StoreFile):
    """A clean month in the lake called `lake`, on this machine's disk: written under another name and renamed."""

    def __init__(self, lake: str, color: str, month: Month, edition: str = "") -> None:
        MonthTarget.__init__(self, color, month, edition)
        self.lake = lake
        StoreFile.__init__(self, self.held_in.store, self.held_in.name(color, month))

    @property
    def held_in(self) -> Lake:
        """The lake itself."""
        return config.lake(self.lake)

    def exists(self) -> bool:
        try:
            stored = self.held_in.stat(self.color, self.month)
        except TaxiError as error:
            log.debug("%s counts as not there: %s", self, error)
            return False
        return stored is not None and self.fits(stored.essentials.edition)

    def __str__(self) -> str:
        return self.held_in.url(self.color, self.month)


class GCSTarget(LakeTarget):
    """A clean month in a bucket of Google Cloud Storage: an object appears when its upload is complete."""


class S3Target(LakeTarget):
    """A clean month in an S3 bucket: an object appears when its upload is complete."""


class CleanTarget(LakeTarget):
    """A clean month in the workspace, wherever that is."""

    def __init__(self, color: str, month: Month, edition: str = "") -> None:
        super().__init__("", color, month, edition)

    @property
    def held_in(self) -> Lake:
        return config.clean_lake()


def lake_target(lake: str, color: str, month: Month, edition: str = "") -> LakeTarget:
    """The target of a month in the lake called `lake`, of its lake's kind."""
    kinds = {"gcs": GCSTarget, "s3": S3Target}
    return kinds.get(config.lake_type(lake), LakeTarget)(lake, color, month, edition)


class MarkerTarget(MonthTarget):
    """The marker of a month in the warehouse called `warehouse`."""

    def __init__(self, warehouse: str, color: str, month: Month, edition: str = "") -> None:
        super().__init__(color, month, edition)
        self.warehouse = warehouse

    def exists(self) -> bool:
        try:
            markers = config.warehouse(self.warehouse).loaded_months(DATASETS[self.color])
        except TaxiError as error:
            log.debug("%s counts as not there: %s", self, error)
            return False
        return self.month in markers and self.fits(markers[self.month].edition)

    def __str__(self) -> str:
        return f"{self.warehouse}:{DATASETS[self.color].table}/{self.month}"


class ZonesTarget(luigi.Target):
    """The table of zones in the warehouse called `warehouse`, with rows in it."""

    def __init__(self, warehouse: str) -> None:
        self.warehouse = warehouse

    def exists(self) -> bool:
        try:
            return config.warehouse(self.warehouse).zones() > 0
        except TaxiError as error:
            log.debug("%s counts as not there: %s", self, error)
            return False

    def __str__(self) -> str:
        return f"{self.warehouse}:{ZONES}"


def rejects_name(color: str, month: Month) -> str:
    """Where in the workspace the rows of a month that were taken out are kept."""
    return f"rejected/{object_name(color, month)}"


FAILURE = ".failure.json"
"""how the names of the records end that say why a month was not taken"""


def failure_name(raw_name: str, place: str) -> str:
    """Where in the workspace it is kept why a month was not taken, by its raw file's name; `place` as in `failure`."""
    return ".".join(filter(None, (raw_name, place.replace(" ", "-")))) + FAILURE


def is_failure(name: str, raw_name: str) -> bool:
    """Whether a file of the workspace is such a record of the month with that raw file, whatever its place."""
    return name.startswith(f"{raw_name}.") and name.endswith(FAILURE)


def raw_edition(edition: str) -> str:
    """What a raw file must name to serve a clean month of this edition; '' stays ''."""
    return Edition.parse(edition).for_raw if edition else ""
