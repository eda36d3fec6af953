"""Whether a place holds a month in the edition wanted: what targets answer, and the plan where listings do not tell.

A place that cannot be asked counts as not having the month: the task then runs, and fails in its own name.
"""

from __future__ import annotations

from taxi_luigi import config
from taxi_luigi.core.errors import TaxiError
from taxi_luigi.core.logs import log
from taxi_luigi.core.receipts import Edition, RawReceipt, source_digest
from taxi_luigi.storage.lake import Lake
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month


def serves(held: str, wanted: str, any_force: bool = False) -> bool:
    """Whether a month held in one edition is what was wanted.

    Args:
        held: its edition, or of a raw file `Edition.for_raw`
        wanted: the same; '' takes any
        any_force: whether it is enough that the content is the one wanted, whichever `--force` made it
    """
    if wanted in ("", held):
        return True
    mine, its = Edition.read(held), Edition.read(wanted)
    return mine is not None and its is not None and mine.serves(its, any_force)


def raw_serves(held: str, wanted: str, any_force: bool = False) -> bool:
    """`serves` of raw files, whose editions have no recipe."""
    if wanted in ("", held):
        return True
    (mine, _, made), (its, _, asked) = held.partition("-"), wanted.partition("-")
    return Edition(mine, "", made).serves(Edition(its, "", asked), any_force)


def in_lake(lake: Lake, color: str, month: Month, wanted: str = "", any_force: bool = False) -> bool:
    """Whether a lake holds the month; the last two arguments as in `serves`."""
    try:
        stored = lake.stat(color, month)
    except TaxiError as error:
        log.debug("%s counts as not there: %s", lake.url(color, month), error)
        return False
    return stored is not None and serves(stored.summary.edition, wanted, any_force)


def in_warehouse(name: str, color: str, month: Month, wanted: str = "", any_force: bool = False) -> bool:
    """Whether a warehouse has a marker of the month."""
    try:
        markers = config.warehouse(name).loaded_months(DATASETS[color])
    except TaxiError as error:
        log.debug("%s counts as not there: %s", f"{name}:{DATASETS[color].table}/{month}", error)
        return False
    return month in markers and serves(markers[month].edition, wanted, any_force)


def in_raw(color: str, month: Month, wanted: str = "", any_force: bool = False) -> bool:
    """Whether the workspace has the raw file that today's source publishes, as it was downloaded."""
    raw = config.raw_month(color, month)
    try:
        receipt = raw.receipt()
    except TaxiError as error:
        log.debug("%s counts as not there: %s", raw, error)
        return False
    if receipt is None or not raw_serves(receipt.edition, wanted, any_force):
        return False
    address = config.source().url(color, month)
    if receipt.url != address:
        log.info("%s came from %s, not from %s: it will be downloaded again", raw, receipt.url, address)
        return False
    return bool(wanted) or not _replaced_since(color, month, receipt)


def _replaced_since(color: str, month: Month, receipt: RawReceipt) -> bool:
    """Whether this file was not taken when it was cleaned, and the source has another one by now.

    Asks the source, which remembers its answer, about such months alone. Not where an edition is wanted, which says
    which file it is of.
    """
    raw = config.raw_month(color, month)
    failure = raw.failure()
    if failure is None or failure.source != receipt.source:
        return False
    seen = config.source().look(color, month).seen
    if seen is None or source_digest(seen) == failure.source:
        return False
    log.debug("%s was not taken, and the source has another file by now: it is downloaded again", raw)
    return True
