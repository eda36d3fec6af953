"""The base classes of all tasks: one-line errors, a result for each try, and nothing is done twice."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from textwrap import fill
from typing import Any, Self

import luigi

from taxi_luigi import config
from taxi_luigi.core import logs
from taxi_luigi.core.errors import Replaced, StorageError, replaced_meanwhile
from taxi_luigi.core.logs import failure_line, log
from taxi_luigi.core.redaction import redact
from taxi_luigi.core.text import cut, unwrapped
from taxi_luigi.history import Drift, TaskResult
from taxi_luigi.runs import current_run, notify, preflight, signals

_BOX = 66
"""letters in a line of the box in which luigid's page shows an error, which it does not wrap (3.8.1)"""

_ROUNDS = 5
"""times that a task works on a month which other runs replace all the time"""

_ours: list[type[luigi.Task]] = []

_LONGEST_ERROR = 4_000
"""characters of an error in history, mails and the report: drivers quote the data that they got"""


class PlainTask(config.EmptyFlags, luigi.Task):
    """A task that leaves out unset parameters where it is shown: a `force` or an `edition` that was not given."""

    def to_str_params(self, only_significant: bool = False, only_public: bool = False) -> dict[str, str]:
        """Return the parameters for luigid and other workers; one that is left out has its default."""
        texts = super().to_str_params(only_significant, only_public)
        return {name: text for name, text in texts.items() if getattr(self, name) not in ("", False)}

    plans = False
    """whether it decides what the run schedules, so that it is also prepared when another task requires it"""
    helps = False
    """whether a worker with `--assistant` has it as root, to do the tasks of other runs"""

    def prepare(self) -> None:
        """Called once on the root of a run, in the main process, before anything is scheduled.

        Raises: TaxiError, which ends the run
        """

    def scheduled(self) -> None:
        """Called when everything is scheduled: from now on `complete()` checks the stores, which may have changed."""

    def ended(self) -> None:
        """Called when the run is over, before Luigi calls `requires()` once more for its summary."""


class AwaitedTask(config.EmptyFlags, luigi.ExternalTask):
    """A file that others make. luigid keeps it, and all that requires it, as pending: its page shows why."""

    @property
    def log_fields(self) -> dict[str, str]:
        """`task`, `color`, `month` and `store`, for logs."""
        raise NotImplementedError

    @property
    def waits_for(self) -> str:
        """What is missing, for luigid's page."""
        raise NotImplementedError


class PipelineTask(PlainTask):
    """A task with one output, which it makes whole or not at all.

    A subclass has `requires`, `output`, `work` and `label`; `run` calls `work` and adds its result to the run.
    """

    store = ""
    """the lake or warehouse that the task fills, in tasks that fill one"""
    imports: tuple[str, ...] = ()
    """the modules that its work imports, beside those that are imported to plan a run"""
    _known: tuple[int, bool] | None = None
    """the process that knows whether it is complete, and whether it is"""
    _made = False
    """whether this process has just made it"""
    _began: float | None = None
    """by time.monotonic(), in the process that runs it"""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        check_settings()
        self.check_store()

    @property
    def task_module(self) -> str:
        """The package, for `--module` in the command that luigid's page shows beside an error."""
        module = str(super().task_module)
        package = __name__.partition(".")[0]
        return package if module.startswith(f"{package}.") else module

    def check_store(self) -> None:
        """Raise ConfigError for a store on the command line that luigi.cfg does not name."""

    def with_known_status(self, complete: bool) -> Self:
        """Answer `complete()` by this until everything is scheduled: the plan has just listed all stores.

        In this process alone: those of tasks are forked later, and another package's worker never calls `scheduled`.
        """
        self._known = os.getpid(), complete
        return self

    @property
    def known_status(self) -> bool | None:
        """The answer of `with_known_status`; None where the stores have to be asked."""
        return None if self._known is None or self._known[0] != os.getpid() else self._known[1]

    def prepare(self) -> None:
        complete = self.complete()
        if not complete:
            preflight.check({})
        self.with_known_status(complete)

    def scheduled(self) -> None:
        self._known = None

    def ended(self) -> None:
        """Forget what was known when another task yielded this one, which is after everything was scheduled."""
        self._known = None

    def complete(self) -> bool:
        if self.known_status is not None:
            return self.known_status
        with signals.stoppable():
            return bool(super().complete())

    def run(self) -> None:
        """Do the work, unless another run did it while this one waited; add the result to the run."""
        self._began = time.monotonic()
        self.scheduled()
        with logs.about(self.log_fields):
            result = self._work()
            if result is None:
                log.info("%s %s is there already", type(self).__name__, self.label, extra=logs.detail())
                current_run.add(replace(self.result(), elsewhere=True))
            else:
                self._made = True
                if not self.complete():
                    raise replaced_meanwhile(self.output())
                current_run.add(result)
        if signals.in_task_process():
            # Luigi checks the same again at once: `[worker] check_complete_on_run`
            self.with_known_status(complete=True)

    def _work(self) -> TaskResult | None:
        """Return the result of `work`, tried again when its input was replaced; None if another run has done it."""
        for left in reversed(range(_ROUNDS)):
            if self.complete():
                return None
            try:
                return self.work()
            except Replaced as error:
                if not left:
                    raise
                log.info("%s; trying again", str(error).partition(";")[0])
            except OSError as error:
                where = error.filename or config.settings().workspace
                raise StorageError(f"{error.strerror or error}: {where}") from error
        raise AssertionError("the last round returns or raises")

    @property
    def label(self) -> str:
        """The subject of the task for progress bars and log lines."""
        raise NotImplementedError

    @property
    def log_fields(self) -> dict[str, str]:
        """Fields of log lines and of the result: `task`, `color`, `month`, `store`; '' where it has none."""
        color, month = getattr(self, "color", ""), str(getattr(self, "month", ""))
        return {"task": type(self).__name__, "color": color, "month": month, "store": self.store}

    def work(self) -> TaskResult:
        """Make the output, whole, and return `self.result(…)`."""
        raise NotImplementedError

    def result(
        self, rows: int = 0, bytes: int = 0, replaced: str = "", error: str = "", drift: Drift | None = None
    ) -> TaskResult:
        """Return how the task ended, just now; the arguments are fields of TaskResult, the others are filled in."""
        seconds = 0.0 if self._began is None else time.monotonic() - self._began
        ended = datetime.now(UTC)
        return TaskResult(
            **self.log_fields,  # type: ignore[arg-type]  # texts, of the fields that are texts
            began=(ended - timedelta(seconds=seconds)).isoformat(timespec="seconds"),
            ended=ended.isoformat(timespec="seconds"),
            seconds=round(seconds, 3),
            rows=rows,
            bytes=bytes,
            error=cut(redact(error), _LONGEST_ERROR),
            replaced=replaced,
            drift=drift,
        )

    def on_failure(self, exception: BaseException) -> Any:
        line = failure_line(exception)
        current_run.add(self.result(error=line or unwrapped(f"{type(exception).__name__}: {exception}")))
        if line is None:
            return redact(str(super().on_failure(exception)))
        return fill(line, _BOX, break_long_words=False, break_on_hyphens=False)


@PipelineTask.event_handler(luigi.Event.PROCESS_FAILURE)  # type: ignore[untyped-decorator]
def _process_died(task: PipelineTask, message: str) -> None:
    """Add the result of a process that was killed; called in the main process."""
    exit_code = message.rpartition("with ")[2]
    _failed_here(task, f"its process died ({exit_code}); -9 is what a machine out of memory does")


@PipelineTask.event_handler(luigi.Event.TIMEOUT)  # type: ignore[untyped-decorator]
def _took_too_long(task: PipelineTask, message: str) -> None:
    """Add the result of a task that exceeded `[worker] timeout`; called in the main process."""
    seconds = message.rpartition(" after ")[2].partition(" ")[0]
    _failed_here(task, f"it was ended after {seconds} seconds, [worker] timeout in luigi.cfg")


def _failed_here(task: PipelineTask, why: str) -> None:
    """Log the error, and add the result, of a task whose process could not."""
    log.error("%s: %s", logs.task_name(task.log_fields), why, extra=logs.of_task(task.log_fields))
    current_run.add(task.result(error=why))


def register(*tasks: type[luigi.Task]) -> None:
    """Register the task families of the package; called once, when it is imported."""
    _ours.extend(tasks)


def families() -> dict[str, set[str]]:
    """Return our task families and their parameters, which luigi.cfg may set in sections of their names."""
    return {task.task_family: {name for name, _ in task.get_params()} for task in _ours}


def imports_of_all() -> set[str]:
    """Return the modules that the work of our tasks imports, without those of the warehouses.

    Those depend on the task's warehouse, so they are a property of its instances.
    """
    named = (getattr(task, "imports", ()) for task in _ours)
    return {name for names in named if isinstance(names, tuple) for name in names}


@config.kept
def check_settings() -> None:
    """Raise ConfigError for settings that are invalid; checked before any task is scheduled, once for the same ones."""
    config.check(families(), notify.check)
