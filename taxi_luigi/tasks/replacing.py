"""What a place holds of a month before another is put there, the checks of guards.py against it, and months refused.

A month that was refused is remembered beside its raw file, so that no run cleans the same file again in vain.
"""

from __future__ import annotations

from pathlib import Path

from taxi_luigi import config
from taxi_luigi.core.errors import AccountError, BadFile, DamagedCopy, Refusal, StorageError, force_command, made_later
from taxi_luigi.core.logs import failure_line
from taxi_luigi.core.receipts import FILE, LAYOUT, CleanReceipt, Edition, Failure
from taxi_luigi.storage.lake import Lake
from taxi_luigi.storage.raw_month import RawMonth
from taxi_luigi.tasks.targets import PublishedTarget
from taxi_luigi.tlc.datasets import DATASETS, SCHEMA_VERSION
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform import guards
from taxi_luigi.transform.guards import HeldCounts
from taxi_luigi.warehouses import Marker


def is_forced(edition: str) -> bool:
    """Return whether this edition was made by `--force`."""
    read = Edition.read(edition)
    return read is not None and bool(read.stamp)


def receipt_in(lake: Lake, color: str, month: Month) -> CleanReceipt | None:
    """Return the receipt of the month in a lake; None for a file that is missing, not ours or damaged."""
    if lake.store.stat(lake.name(color, month)) is None:
        return None
    try:
        receipt = lake.footer(color, month).receipt
    except (FileNotFoundError, BadFile):
        return None
    return receipt if receipt is not None and (receipt.color, receipt.month) == (color, str(month)) else None


def replaceable_in(lake: Lake, color: str, month: Month) -> CleanReceipt | None:
    """Return the receipt of a month that is to be replaced, as `receipt_in`.

    Raises: LaterVersion for a file that a later version of taxi_luigi made: it has what this one would lose
    """
    held = receipt_in(lake, color, month)
    if held is not None:
        schema = held.versions.get("schema", "")
        if held.later:
            raise made_later(lake.url(color, month), f"its receipt has {', '.join(held.later)}")
        if schema.isdecimal() and int(schema) > SCHEMA_VERSION:
            raise made_later(lake.url(color, month), f"its schema is version {schema}, here it is {SCHEMA_VERSION}")
    return held


def in_lake(lake: Lake, new: CleanReceipt) -> HeldCounts | None:
    """Return the counts of the month of `new` in a lake; None when it does not hold the month. As `replaceable_in`."""
    month = Month.parse(new.month)
    held = replaceable_in(lake, new.color, month)
    if held is None:
        return None
    return HeldCounts.of(held, lake.filled(new.color, month) if _other_form(new) else frozenset())


def emptied(lake: Lake, new: CleanReceipt, part: Path) -> list[str]:
    """Return the columns that have values in the held file of a month and none in the one that is to replace it.

    Those that `new` names as missing are left out, and required ones, of which the receipt has a warning.

    Args:
        lake: holds the month
        new: receipt of the new clean file
        part: the new clean file
    """
    from taxi_luigi.core.parquet_footer import filled_columns

    held = lake.filled(new.color, Month.parse(new.month))
    with part.open("rb") as file:
        gone = held - filled_columns(file, part) - new.missing.keys()
    return [column.name for column in DATASETS[new.color].columns if column.name in gone and not column.required]


def in_warehouse(name: str, marker: Marker, new: CleanReceipt) -> HeldCounts:
    """Return the counts of the month of `new` in a warehouse.

    Args:
        name: of the warehouse
        marker: of the month there
        new: the receipt of the clean file that is to replace it
    """
    month, columns = Month.parse(new.month), _other_form(new)
    filled = config.warehouse(name).filled(DATASETS[new.color], month, columns) if columns else frozenset()
    return HeldCounts(marker.rows if marker.records is None else marker.records, {}, filled)


def _other_form(new: CleanReceipt) -> list[str]:
    """Return the columns that a month lacks and that count as missing only where values of them are held."""
    return [name for name, kind in new.missing.items() if kind != LAYOUT]


def put_in_place(new: CleanReceipt, held: HeldCounts | None, place: str, address: object) -> str:
    """Refuse a month that is worse than what a place holds, and remember that; else return before → after.

    Args:
        new: of the clean file that is to be put there
        held: what is there; None: nothing
        place: `lake NAME` or `warehouse NAME`
        address: of the clean file, for the error
    Returns: records and money before → after, '' where nothing is replaced
    Raises: Refusal
    """
    raw = config.raw_month(new.color, Month.parse(new.month))
    if held is None:
        raw.forget_failure(place)  # it was refused for what was there then
        return ""
    try:
        guards.check_replacement(new, held, config.limits(), is_forced(new.edition), address, place)
    except Refusal as refusal:
        edition = Edition.parse(new.edition)
        raw.remember_failure(
            Failure(refusal.check, str(refusal), edition.source, edition.recipe, config.check_version(), new.records),
            place,
        )
        raise
    raw.forget_failure(place)
    return guards.change(held, HeldCounts.of(new), new.color)


def full_receipt(lake: Lake, color: str, month: Month) -> CleanReceipt:
    """Return the receipt of a clean file that has just been made. Raise StorageError when it is gone."""
    receipt = receipt_in(lake, color, month)
    if receipt is None:
        raise StorageError(f"{lake.url(color, month)} has gone since it was made; run the same command again")
    return receipt


def refuse_again(
    before: Failure, edition: Edition, recipe: str, held: CleanReceipt | None, published: PublishedTarget
) -> None:
    """Refuse a file that was refused before, where the same refusal must follow: cleaning it takes minutes.

    Args:
        before: the failure that is remembered of the file
        edition: which the clean file would have
        recipe: by which the file would be cleaned
        held: the receipt of the clean file that is there; None: there is none
        published: the month at its source, which may have withdrawn it
    Raises: Refusal
    """
    if not guards.still_refused(before, edition.source, recipe, config.check_version()):
        return
    if is_forced(str(edition)) and before.check == guards.FEWEST_ROWS:
        return
    if guards.stands_against(before, None if held is None else held.records, config.limits()):
        why = f"{_failed_before(published)}{before.why} (the file, and how it is cleaned, are the same as then)"
        raise Refusal(why, before.check)


def remember(
    error: BadFile | AccountError,
    raw: RawMonth,
    edition: Edition,
    before: Failure | None,
    published: PublishedTarget,
) -> BadFile | AccountError:
    """Remember why a raw file was refused, and return the error to raise, which says what to do.

    Args:
        error: of the cleaning
        edition: which the clean file would have
        before: the failure that was remembered until now
        published: the month at its source, which may have withdrawn it
    """
    why, check = failure_line(error) or "", error.check if isinstance(error, Refusal) else FILE
    if isinstance(error, DamagedCopy):
        raw.distrust()
        return BadFile(f"{why}; the same command downloads it again")
    records = error.records if isinstance(error, Refusal) else None
    raw.remember_failure(Failure(check, why, edition.source, edition.recipe, config.check_version(), records))
    if isinstance(error, Refusal):
        return error
    force = force_command(published.color, published.month)
    cure = f"the next run downloads it again when the source has another file; at once: {force}"
    return type(error)(f"{_failed_before(published) if before else ''}{why}; {cure}")


def _failed_before(published: PublishedTarget) -> str:
    """Begin the error of a month that failed before, where the source has no file of it any more."""
    return "" if published.exists() else "failed before, and no longer published: "
