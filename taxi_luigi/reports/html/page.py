"""The whole page: what is held in all, where it is, what could not be asked, and a section for each color.

The page carries the digest of what it was made from, by which it is known whether it still holds.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from taxi_luigi import config
from taxi_luigi.core import atomic_files, receipts, release
from taxi_luigi.core.errors import StorageError
from taxi_luigi.core.logs import log
from taxi_luigi.inventory import Status
from taxi_luigi.reports import templates

if TYPE_CHECKING:
    from taxi_luigi.reports.html.accounts import Accounts, ColorMonth
    from taxi_luigi.reports.html.parts import Whole
    from taxi_luigi.reports.html.tables import Tables

_FORM = 2
"""Raise it when pages that were made before are to be made again."""
_MARK = re.compile(r'<meta name="taxi_luigi-holds" content="(\w+)">')
_HEAD = 2_000
"""characters of a page in which its mark is"""


class Page:
    """The report at a path of this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def shows(self, digest: str) -> bool:
        """Whether the page is there, and was made from just this."""
        return self._mark() == digest

    def write(self, text: str) -> int:
        """Puts another page in its place, whole or not at all; returns its bytes.

        Raises StorageError when that cannot be done, and for a file that is no report.
        """
        if self.path.exists() and self._mark() is None:
            raise StorageError(f"{self.path} is there, and no report of taxi_luigi's: name another [Report] path")
        try:
            with atomic_files.temporary(self.path) as part:
                written = part.write_bytes(text.encode())
                atomic_files.publish(part, self.path)
        except OSError as error:
            why = error.strerror or error
            raise StorageError(f"cannot write the report {self.path}: {why}; [Report] path names it") from error
        return written

    def _mark(self) -> str | None:
        try:
            with self.path.open(encoding="utf-8", errors="replace") as page:
                found = _MARK.search(page.read(_HEAD))
        except OSError:
            return None
        return found[1] if found else None


def digest(status: Status) -> str:
    """Another one whenever a place holds something else, says something else of it, or begins or ceases to answer, and
    with the settings of which the page speaks.
    """
    held = {
        color.color: [
            (
                str(month),
                cell.state.value,
                cell.published_rows,
                cell.withdrawn,
                sorted(map(repr, cell.held.items())),
                cell.stale and cell.stale.value,
                cell.refused,
                cell.failure,
            )
            for month, cell in color.cells.items()
            if cell.held or cell.published_rows is not None
        ]
        for color in status.colors
    }
    places = [(place.key, place.required, place.error is not None) for place in status.places]
    return receipts.digest(_FORM, release(), config.limits().fewest_rows, held, places)


def write(page: Page, status: Status, read: Callable[[int, int], None], drawing: Callable[[], None]) -> int:
    """Makes the page from what the places hold.

    Args:
        page: where it goes
        status: what the places hold
        read: called with (done, total) while the receipts are read
        drawing: called when they are, before the charts are drawn
    Returns: the page's bytes
    Raises: StorageError as Page.write
    """
    from taxi_luigi.reports.html.accounts import read_accounts

    shown = [color for color in status.colors if not color.empty]
    accounts = read_accounts(shown, read)
    notes = [*status.errors, *(f"{key} cannot be read: {why}" for key, why in accounts.silent.items())]
    times = _times([*accounts.found, *accounts.lacking], notes)
    drawing()
    return page.write(_render(_whole(status, accounts, times, notes)))


def _times(months: Sequence[ColorMonth], notes: list[str]) -> Mapping[ColorMonth, Mapping[str, float]]:
    from taxi_luigi.reports.html.accounts import read_times

    try:
        return read_times(months)
    except StorageError as error:
        log.warning("%s; the report is made without times", error)
        notes.append(str(error))
        return {}


def _whole(
    status: Status, accounts: Accounts, times: Mapping[ColorMonth, Mapping[str, float]], notes: Sequence[str]
) -> Whole:
    # Charts find their fonts once, and keep where they are beside the history: a home can be read-only, or missing.
    os.environ.setdefault("MPLCONFIGDIR", str(config.settings().state / "matplotlib"))
    from taxi_luigi.reports.html import overview, parts
    from taxi_luigi.reports.html.sections import section
    from taxi_luigi.reports.html.tables import tables_of

    tables: list[Tables] = [tables_of(color, accounts, times) for color in status.colors if not color.empty]
    by_color = {color.color: color for color in status.colors}
    now = datetime.now(UTC)
    return parts.Whole(
        # A page that lacks what could not be read is made anew by the next run, though nothing has changed.
        digest="incomplete" if accounts.incomplete else digest(status),
        headline=overview.headline(tables),
        below=overview.below(tables),
        tiles=overview.tiles(tables),
        notes=notes,
        overview=overview.figure(tables),
        where=overview.where(status),
        sections=[section(by_color[each.color], each, accounts, config.limits()) for each in tables],
        footer=(
            f"Made {now:%Y-%m-%d %H:%M} UTC on {socket.gethostname()} by taxi_luigi {release()}.",
            "Numbers are from the receipts in the clean files' footers, from markers and listings; no trip was read.",
            "Make it again: luigi --module taxi_luigi Report",
        ),
    )


def _render(whole: Whole) -> str:
    return templates.render(Path(__file__).with_name("page.html"), page=whole)
