"""What the tasks share: one-line failures, doing nothing twice, and the identity of those over one month."""

from __future__ import annotations

from functools import cache
from typing import Any, Self

import luigi

from taxi_luigi import config, files, luigid, process, summary
from taxi_luigi.datasets import DATASETS
from taxi_luigi.errors import StorageError
from taxi_luigi.logs import log, one_line
from taxi_luigi.parameters import ColorParameter, MonthParameter


class PipelineTask(luigi.Task):
    """A task with one output, which it makes whole or not at all."""

    store = ""
    """the lake or warehouse that the task fills, in tasks that fill one"""
    _known_missing = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        check_settings()
        self.check_store()

    def check_store(self) -> None:
        """Raises ConfigError when the store named on the command line is none that luigi.cfg could mean."""

    def known_missing(self) -> Self:
        """Spares the first question whether it is there: the wrapper has just asked the store for everything."""
        self._known_missing = True
        return self

    def complete(self) -> bool:
        begin_run()
        if self._known_missing:
            self._known_missing = False
            return False
        return bool(super().complete())

    def run(self) -> None:
        """Does the work, unless another run did it while this one waited."""
        if self.complete():
            log.info("%s %s is there already", type(self).__name__, self.subject)
            return
        try:
            rows = self.work()
        except OSError as error:
            where = error.filename or config.settings().workspace
            raise StorageError(f"{error.strerror or error}: {where}") from error
        summary.note(self.outcome(rows))

    @property
    def subject(self) -> str:
        """What the task is about, for people."""
        raise NotImplementedError

    def work(self) -> int:
        """Makes the output, whole; returns its rows, or 0 where rows do not count."""
        raise NotImplementedError

    def outcome(self, rows: int = 0, why: str = "") -> summary.Outcome:
        """What the summary is told of it."""
        raise NotImplementedError

    def on_failure(self, exception: BaseException) -> Any:
        line = one_line(exception)
        summary.note(self.outcome(why=line or f"{type(exception).__name__}: {exception}"))
        return line or super().on_failure(exception)


class MonthTask(PipelineTask):
    """One month of one color. `edition` is '' unless a certain edition is wanted in place of what is there."""

    color = ColorParameter(description=f"one of {', '.join(DATASETS)}")
    month = MonthParameter(description="the month in the name of TLC's file, as 2024-01")
    edition = luigi.Parameter(default="", description="set by LoadAllMonths --force")

    @property
    def subject(self) -> str:
        return f"{self.color} {self.month}"

    def outcome(self, rows: int = 0, why: str = "") -> summary.Outcome:
        return summary.Outcome(self.color, str(self.month), type(self).__name__, self.store, rows, why)


@PipelineTask.event_handler(luigi.Event.PROCESS_FAILURE)  # type: ignore[untyped-decorator]
def _process_died(task: PipelineTask, message: str) -> None:
    """Called in the main process: a process that was killed told nobody."""
    exit_code = message.rpartition("with ")[2]
    summary.note(task.outcome(why=f"its process died ({exit_code}); -9 is what a machine out of memory does"))


def begin_run() -> None:
    """Under the `luigi` command, once: takes over the signals and sweeps what a killed run left in the workspace."""
    if process.supervise():
        luigid.forget_the_dead()
        for path in files.sweep(config.settings().workspace):
            log.info("Removed %s, left by a run that was killed", path)


def families() -> dict[str, set[str]]:
    """Our task families and their parameters, which luigi.cfg may set in sections of their names."""
    from taxi_luigi import tasks

    classes = (getattr(tasks, name) for name in tasks.__all__)
    return {task.task_family: {name for name, _ in task.get_params()} for task in classes}


@cache
def check_settings() -> None:
    """Raises ConfigError for a luigi.cfg that cannot be meant; looks once, before any task is scheduled."""
    config.check(families())
