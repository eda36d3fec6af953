"""The page: its file, the digest of the data that it shows, and its rendering.

The page contains the digest of its data, by which later runs check whether it is current.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from taxi_luigi import config, history
from taxi_luigi.core import atomic_files, receipts, release
from taxi_luigi.core.errors import StorageError
from taxi_luigi.core.logs import log
from taxi_luigi.history import RunResult, State
from taxi_luigi.inventory import Status, alerts
from taxi_luigi.reports import templates

if TYPE_CHECKING:
    from taxi_luigi.inventory.accounts import Accounts, ColorMonth
    from taxi_luigi.reports.html.data import Tables
    from taxi_luigi.reports.html.parts import PageContent

_FORM = 4
"""The version of the page's form; raise it to have existing pages written again."""
_LOOKED_AT = 50
"""runs among which the last one for months is looked for"""
_MARK = re.compile(r'<meta name="taxi_luigi-holds" content="(\w+)">')
_RUNS = 5
"""last runs that are listed"""
_HEAD = 2_000
"""Characters of a page that are searched for its digest."""


class Page:
    """The report at a local path."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def shows(self, digest: str) -> bool:
        """Return whether the page exists and shows the data of a digest."""
        return self._mark() == digest

    def write(self, text: str) -> int:
        """Replace the page atomically; return its bytes.

        Raises: StorageError when that fails, and for an existing file that is not a report
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


@dataclass(frozen=True)
class Glance:
    """What the page begins with, beside unusual months: the last run, and what needs attention."""

    last: RunResult | None = None
    """of those that load months"""
    alerts: tuple[str, ...] = ()
    """months that failed, are overdue or have fewer records than published; one line each"""


def glance(status: Status) -> Glance:
    """Return what this machine's history says of the months; nothing where it cannot be read."""
    state, now = config.settings().state, datetime.now(UTC)
    try:
        last = next((run for run in history.last_runs(state, _LOOKED_AT) if run.months or run.already_there), None)
        found = alerts.of_months(status, history.last_results(state), now, None)
        return Glance(last, tuple(each.message for each in found if each.kind is not alerts.Kind.NO_ANSWER))
    except StorageError as error:
        log.debug("the report begins without runs: %s", error)
        return Glance()


def digest(status: Status, seen: Glance) -> str:
    """Return a digest of the held months, the places that can be reached, and the settings that the page shows."""
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
    begins = (seen.last and seen.last.run, seen.alerts)
    return receipts.digest(_FORM, release(), config.limits().fewest_rows, held, places, begins)


def write(
    page: Page, status: Status, seen: Glance, read: Callable[[int, int], None], drawing: Callable[[], None]
) -> int:
    """Write the page of the held months.

    Args:
        page: the file
        status: of all record types and places
        seen: what the page begins with
        read: called with (done, total) while the receipts are read
        drawing: called before the charts are drawn
    Returns: the page's bytes
    Raises: StorageError as Page.write
    """
    from taxi_luigi.inventory.accounts import read_accounts

    shown = [color for color in status.colors if not color.empty]
    accounts = read_accounts(shown, read)
    notes = [*status.errors, *(f"{key} cannot be read: {why}" for key, why in accounts.unreadable.items())]
    times = _times([*accounts.found, *accounts.missing], notes)
    drawing()
    return page.write(_render(_content(status, seen, accounts, times, notes, page.path.parent)))


def _times(months: Sequence[ColorMonth], notes: list[str]) -> Mapping[ColorMonth, Mapping[str, float]]:
    from taxi_luigi.reports.html.data import read_times

    try:
        return read_times(months)
    except StorageError as error:
        log.warning("%s; the report is made without times", error)
        notes.append(str(error))
        return {}


def _content(
    status: Status,
    seen: Glance,
    accounts: Accounts,
    times: Mapping[ColorMonth, Mapping[str, float]],
    notes: Sequence[str],
    folder: Path,
) -> PageContent:
    # matplotlib caches its list of fonts beside the history: a home can be read-only, or missing.
    os.environ.setdefault("MPLCONFIGDIR", str(config.settings().state / "matplotlib"))
    from taxi_luigi.reports.html import parts, sections
    from taxi_luigi.reports.html.data import tables_of

    tables: list[Tables] = [tables_of(color, accounts, times) for color in status.colors if not color.empty]
    by_color = {color.color: color for color in status.colors}
    now = datetime.now(UTC)
    return parts.PageContent(
        # The next run writes a page again that lacks data which could not be read, though nothing has changed.
        digest="incomplete" if accounts.incomplete else digest(status, seen),
        headline=sections.headline(tables),
        below=sections.below(tables),
        tiles=sections.tiles(tables),
        notes=notes,
        glance=sections.glance(seen.last, seen.alerts, tables),
        overview=sections.overview(tables),
        where=sections.places(status),
        sections=[sections.section(by_color[each.color], each, accounts, config.limits()) for each in tables],
        runs=_runs(folder),
        footer=(
            f"Made {now:%Y-%m-%d %H:%M} UTC on {socket.gethostname()} by taxi_luigi {release()}.",
            "Numbers are from the receipts in the clean files' footers, from markers and listings; no trip was read.",
            "Make it again: luigi --module taxi_luigi Report",
        ),
    )


def _runs(folder: Path) -> list[tuple[str, str]]:
    """Return the last runs, and the address of each one's page from a folder; the pages are written where needed."""
    from taxi_luigi.reports.html import run_page

    state, found = config.settings().state, []
    try:
        runs = history.last_runs(state, _RUNS)
    except StorageError:
        return []  # which the times of the months have reported
    for run in runs:
        if run.state is State.RUNNING:
            continue
        path = run_page.path_of(state, run)
        try:
            address = quote(os.path.relpath(path if path.exists() else run_page.write(state, run), folder))
        except StorageError as error:
            log.warning("%s", error)
            address = ""
        found.append((f"{run.began[:16].replace('T', ' ')} UTC, {run.exit}: {run.command}", address))
    return found


def _render(content: PageContent) -> str:
    return templates.render(Path(__file__).with_name("page.html"), page=content)
