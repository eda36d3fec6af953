"""The report of what is held, as one HTML page: made by the task Report, and again when something changed."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from typing import Any

import luigi

from taxi_luigi import config, history
from taxi_luigi.core.errors import ConfigError, StorageError
from taxi_luigi.core.logs import figures, log
from taxi_luigi.core.settings import absolute
from taxi_luigi.core.units import duration
from taxi_luigi.history import TaskResult
from taxi_luigi.inventory import Status, status
from taxi_luigi.reports import html as report
from taxi_luigi.runs.progress import Progress
from taxi_luigi.runs.task import PipelineTask
from taxi_luigi.storage import is_remote
from taxi_luigi.tasks.parameters import ColorsParameter, TextParameter
from taxi_luigi.tlc.datasets import DATASETS


class HeldColorsParameter(ColorsParameter):
    """As `colors` elsewhere; '' is all of which something is held."""

    def normalize(self, x: Any) -> tuple[str, ...]:
        nothing = not x.strip() if isinstance(x, str) else x in ([], ())
        return () if nothing else super().normalize(x)


class ReportTarget(luigi.Target):
    """The page at a path, made from just what the lakes, warehouses and the workspace hold of some colors now."""

    def __init__(self, path: Path, colors: tuple[str, ...]) -> None:
        self.page = report.Page(path)
        self._colors = colors
        self.status: Status | None = None
        """what the last `exists()` found, as `glance`"""
        self.glance = report.Glance()

    def exists(self) -> bool:
        try:
            withdrawn = history.withdrawn(config.settings().state)
        except StorageError as error:
            log.debug("withdrawn months are not known: %s", error)
            withdrawn = {}
        self.status = status(self._colors or tuple(DATASETS), date.today(), withdrawn)
        self.glance = report.glance(self.status)
        return self.page.shows(report.digest(self.status, self.glance))

    def __str__(self) -> str:
        return str(self.page.path)


class Report(PipelineTask):
    """One HTML page that shows what is held of each color and how it came there."""

    colors = HeldColorsParameter(default=(), description="record types, as yellow,green; empty: all that are held")
    path = TextParameter(default="data/report.html", description="the page, a file on this machine")
    priority = -20
    _made = False

    def check_store(self) -> None:
        if is_remote(self.path) or not self.path.strip():
            raise ConfigError(f"[Report] path is a file on this machine's own disk, not {self.path!r}")
        if absolute(self.path).is_dir():
            raise ConfigError(f"[Report] path is a folder, {absolute(self.path)}: name a file, as report.html in it")

    @property
    def label(self) -> str:
        return str(self.path)

    def prepare(self) -> None:
        """A place that does not serve is shown on the page."""

    def output(self) -> ReportTarget:
        return ReportTarget(absolute(self.path), self.colors)

    def complete(self) -> bool:
        """Asks every place. What changes while the page is made, or right after, is the next run's."""
        if not self._made:
            self._target = self.output()
            self._made = self._target.exists()
        return self._made

    def work(self) -> TaskResult:
        started, target = time.monotonic(), self._target
        assert target.status is not None, "complete() has just read it"
        for line in target.status.errors:
            log.warning("%s", line)
        with Progress(self, "reading receipts", "months") as progress:
            written = report.write(target.page, target.status, target.glance, progress, lambda: progress.now("drawing"))
            progress.ended(f"{written:,} bytes")
        self._made = True
        seconds = time.monotonic() - started
        log.info(
            "Wrote %s: %s bytes in %s; open it in a browser", target, f"{written:,}", duration(seconds),
            extra=figures(bytes=written, seconds=seconds),
        )  # fmt: skip
        return self.result(bytes=written)
