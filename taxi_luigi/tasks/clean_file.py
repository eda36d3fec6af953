"""The clean file that a lake or warehouse is filled from: which copy, whole and unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from taxi_luigi import config
from taxi_luigi.core.errors import AccountError, BadFile, WarehouseBusy, WarehouseError, replaced_meanwhile
from taxi_luigi.storage.lake import Stored, cause, damaged, gone
from taxi_luigi.tasks.targets import CleanTarget, LakeTarget
from taxi_luigi.tlc.months import Month
from taxi_luigi.warehouses import CleanFile


def stored_now(source: LakeTarget) -> Stored:
    """Return what a lake holds of the month at this moment.

    Raises:
        StorageError: it has gone
        Replaced: it is of another edition than the target's
    """
    stored = source.held_in.stat(source.color, source.month)
    if stored is None:
        raise gone(str(source))
    if not source.has_content(stored.summary.edition):
        raise replaced_meanwhile(source)
    return stored


def clean_file(source: LakeTarget, in_lake: bool) -> CleanFile:
    """Return what a warehouse loads: the workspace's clean file if it equals the one in the lake, else the lake's.

    Args:
        source: the output of the task that the load requires
        in_lake: the lake's file in any case, as the warehouse fetches it from there by itself
    Raises: as `stored_now`; BadFile for a file whose footer cannot be read
    """
    color, month, lake = source.color, source.month, source.held_in
    stored = stored_now(source)
    if not in_lake and not isinstance(source, CleanTarget):
        local = config.clean_lake().stat(color, month)
        if local is not None and local.summary.same_content(stored.summary):
            lake, stored = config.clean_lake(), local
    lake.check(color, month, stored)
    entry, summary = stored.entry, stored.summary

    def unchanged() -> bool:
        now = lake.store.stat(lake.name(color, month))
        if now is not None and now.version != entry.version:
            other = lake.stat(color, month)
            return other is not None and other.summary.same_content(summary)
        return now is not None

    return CleanFile(lake.url(color, month), summary, partial(lake.reading, color, month), unchanged, entry.crc32c)


@contextmanager
def explain_damage(clean: CleanFile, in_lake: bool, color: str, month: Month) -> Iterator[None]:
    """Replace the error of a load that fails because the file's pages are damaged, which its footer does not show.

    The file is read once more for that, whole. `in_lake` as in `clean_file`: then this is a download, and it is made
    only where Google's message is about the file.
    """
    try:
        yield
    except WarehouseBusy:
        raise
    except (WarehouseError, BadFile, AccountError) as error:
        why = "" if in_lake and "reading data" not in str(error) else _damage(clean)
        if not why:
            raise
        raise damaged(clean.url, why, color, month) from error


def _damage(clean: CleanFile) -> str:
    """Return what is wrong with a clean file's bytes; '' when all of it can be read."""
    from taxi_luigi.transform.readers import open_raw

    with clean.reading() as path:
        try:
            with open_raw(path, clean.url) as raw:
                for _ in raw.chunks():
                    pass
        except BadFile as error:
            return cause(error, clean.url)
    return ""
