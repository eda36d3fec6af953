"""What a run of LoadAllMonths says at its end: per color, how many months were loaded, there, not published, failed; of
the zones, whether they were loaded; and what was found in the months that a person should know.

Tasks run in processes of their own, so each notes its outcome in one anonymous file that all of them inherit; the main
process reads it when it exits, however the run ended.
"""

from __future__ import annotations

import atexit
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from typing import IO

from taxi_luigi import config, others
from taxi_luigi.holdings import Backlog, Missing
from taxi_luigi.logs import log
from taxi_luigi.remarks import Remark, several, warnings

_ledger: IO[bytes] | None = None


@dataclass(frozen=True)
class Outcome:
    """How one task ended; `why` is '' when it succeeded, color and month are '' when it is about the zones."""

    color: str
    month: str
    task: str
    store: str = ""
    rows: int = 0
    why: str = ""


def begin(backlog: Backlog) -> None:
    """Opens the ledger, before any task has its own process, and promises the summary at exit."""
    global _ledger
    if _ledger is None:
        _ledger = tempfile.TemporaryFile(mode="ab+", buffering=0)  # noqa: SIM115 open as long as the process
        atexit.register(_tell, backlog, config.settings().keep_raw, os.getpid())


def note(entry: Outcome | Remark) -> None:
    """Records it by one short write in append mode, which no two processes interleave; in a task alone, nothing."""
    if _ledger is not None:
        _ledger.write(json.dumps([type(entry).__name__, asdict(entry)]).encode() + b"\n")


def _tell(backlog: Backlog, keep_raw: bool, main_process: int) -> None:
    if _ledger is None or os.getpid() != main_process:
        return
    _ledger.seek(0)
    entries = [json.loads(line) for line in _ledger.read().splitlines()]
    outcomes = [Outcome(**fields) for kind, fields in entries if kind == "Outcome"]
    for line in lines(backlog, outcomes, others.finished()):
        log.info("%s", line)
    remarks = [Remark(**fields) for kind, fields in entries if kind == "Remark"]
    for line in warnings(remarks, keep_raw):
        log.warning("%s", line)


def lines(backlog: Backlog, outcomes: list[Outcome], elsewhere: bool = False) -> list[str]:
    """The summary: a line per color, one per month that failed, and the zones'. A task's last outcome counts.

    With `elsewhere`, other workers have done what this one has not.
    """
    last = {(each.color, each.month, each.task, each.store): each for each in outcomes}
    by_month: dict[tuple[str, str], list[Outcome]] = {}
    for each in last.values():
        by_month.setdefault((each.color, each.month), []).append(each)
    colors = dict.fromkeys([*backlog.already_there, *(each.color for each in backlog.missing), *backlog.not_published])
    told, failures = [], []
    for color in colors:
        parts = _Parts(backlog, color, elsewhere)
        for missing in (each for each in backlog.missing if each.color == color):
            failures += parts.count(missing, by_month.get((color, str(missing.month)), []))
        told.append(str(parts))
    return told + failures + _zones([each for each in last.values() if not each.color])


def _zones(outcomes: list[Outcome]) -> list[str]:
    """Nothing where there was nothing to do."""
    done = [each for each in outcomes if not each.why]
    told = [f"zones: {done[0].rows:,} rows loaded into {', '.join(each.store for each in done)}"] if done else []
    return told + [f"zones failed: {each.task} {each.store}: {each.why}" for each in outcomes if each.why]


class _Parts:
    """The counts of one color."""

    def __init__(self, backlog: Backlog, color: str, elsewhere: bool) -> None:
        self._color = color
        self._there = len(backlog.already_there.get(color, []))
        self._not_published = [str(month) for month in backlog.not_published.get(color, [])]
        self._loaded = self._rows = self._failed = 0
        self._not_finished: list[str] = []
        self._elsewhere = elsewhere

    def count(self, missing: Missing, outcomes: list[Outcome]) -> list[str]:
        """Takes one month that was missing into the counts; returns the line of its failure, if any."""
        failed = [each for each in outcomes if each.why]
        stored = {each.store: each.rows for each in outcomes if each.store and not each.why}
        if failed:
            self._failed += 1
            first = failed[0]
            store = f" {first.store}" if first.store not in ("", "local") else ""
            return [f"{self._color} {missing.month} failed: {first.task}{store}: {first.why}"]
        if stored.keys() >= {*missing.lakes, *missing.warehouses}:
            self._loaded += 1
            self._rows += max(stored.values(), default=0)
        elif str(missing.month) not in self._not_published:
            self._not_finished.append(str(missing.month))
        return []

    def __str__(self) -> str:
        parts = [f"{_months(self._loaded)} loaded" + (f" ({self._rows:,} rows)" if self._loaded else "")]
        parts.append(f"{self._there} already there")
        if self._not_published:
            parts.append(f"{len(self._not_published)} not published ({several(self._not_published)})")
        if self._not_finished:
            what = "loaded by other workers" if self._elsewhere else "not finished"
            parts.append(f"{len(self._not_finished)} {what} ({several(self._not_finished)})")
        if self._failed:
            parts.append(f"{self._failed} failed")
        return f"{self._color}: {', '.join(parts)}"


def _months(count: int) -> str:
    return f"{count} month" if count == 1 else f"{count} months"
