"""What every task of ours has in common: one-line failures, and doing nothing twice."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from textwrap import fill
from typing import Any, Self

import luigi

from taxi_luigi import config
from taxi_luigi.core import logs
from taxi_luigi.core.errors import Replaced, StorageError, replaced_meanwhile
from taxi_luigi.core.logs import log, one_line
from taxi_luigi.core.redaction import redact
from taxi_luigi.core.text import cut
from taxi_luigi.runs import current_run, notify, preflight, signals
from taxi_luigi.runs.month_results import Made, Outcome

_BOX = 66
"""letters in a line of the box in which luigid's page shows an error, which it does not wrap (3.8.1)"""

_ROUNDS = 5
"""times that a task works on a month which other runs replace all the time"""

_ours: list[type[luigi.Task]] = []

_LONGEST_WHY = 4_000
"""characters of a failure that history, mails and the report are given: drivers quote what they were sent"""


class PlainTask(config.EmptyFlags, luigi.Task):
    """A task that is told of without the parameters that say nothing: a `force`, an `edition` that nobody asked for."""

    def to_str_params(self, only_significant: bool = False, only_public: bool = False) -> dict[str, str]:
        """As luigid, its page and other workers are told them; who leaves one out means the same."""
        told = super().to_str_params(only_significant, only_public)
        return {name: text for name, text in told.items() if getattr(self, name) not in ("", False)}

    plans = False
    """whether it decides what the run schedules, so that it is prepared as somebody else's requirement, too"""
    helps = False
    """whether a worker with `--assistant` names it to do the tasks of others"""

    def prepare(self) -> None:
        """Called once, in the process that schedules, where this is what the run is for, before anything is scheduled.

        Raises TaxiError where the run cannot serve, which ends it.
        """

    def scheduled(self) -> None:
        """From here on stores are asked what they hold: what was known while the run was scheduled may have changed."""

    def ended(self) -> None:
        """The run is over; Luigi still asks what the task required, for its summary."""


class PipelineTask(PlainTask):
    """A task with one output, which it makes whole or not at all."""

    store = ""
    """the lake or warehouse that the task fills, in tasks that fill one"""
    imports: tuple[str, ...] = ()
    """the modules that its work imports, beside those that are imported to plan a run"""
    _known: bool | None = None
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
        """What a person names in `--module`, and the command that luigid's page shows beside an error."""
        module = str(super().task_module)
        package = __name__.partition(".")[0]
        return package if module.startswith(f"{package}.") else module

    def check_store(self) -> None:
        """Raises ConfigError when the store named on the command line is none that luigi.cfg could mean."""

    def known(self, there: bool) -> Self:
        """Spares the question whether it is there, until all is scheduled: the wrapper has just asked."""
        self._known = there
        return self

    def prepare(self) -> None:
        there = self.complete()
        if not there:
            preflight.check({})
        self.known(there)

    def scheduled(self) -> None:
        self._known = None

    def complete(self) -> bool:
        if self._known is not None:
            return self._known
        with signals.stoppable():
            return bool(super().complete())

    def run(self) -> None:
        """Does the work, unless another run did it while this one waited."""
        self._began = time.monotonic()
        self.scheduled()
        with logs.about(self.log_fields):
            made = self._work()
            if made is None:
                log.info("%s %s is there already", type(self).__name__, self.label)
                current_run.note(replace(self.outcome(), elsewhere=True))
                return
            self._made = True
            if not self.complete():
                raise replaced_meanwhile(self.output())
            current_run.note(self.outcome(made))

    def _work(self) -> Made | None:
        """None when another run has done it. Works again when what it works on was replaced, a few times."""
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
        """What the task is about, for people."""
        raise NotImplementedError

    @property
    def log_fields(self) -> dict[str, str]:
        """What the task is about, for logs and history; '' where it is about none."""
        color, month = getattr(self, "color", ""), str(getattr(self, "month", ""))
        return {"task": type(self).__name__, "color": color, "month": month, "store": self.store}

    def work(self) -> Made:
        """Makes the output, whole."""
        raise NotImplementedError

    def outcome(self, made: Made = Made(), why: str = "") -> Outcome:  # noqa: B008 it is a value
        """How it ended, just now."""
        seconds = 0.0 if self._began is None else time.monotonic() - self._began
        began = (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="seconds")
        return Outcome(
            **self.log_fields,  # type: ignore[arg-type]  # texts, of the fields that are texts
            rows=made.rows,
            bytes=made.bytes,
            why=cut(redact(why), _LONGEST_WHY),
            seconds=round(seconds, 3),
            began=began,
            replaced=made.replaced,
        )

    def on_failure(self, exception: BaseException) -> Any:
        line = one_line(exception)
        current_run.note(self.outcome(why=line or " ".join(f"{type(exception).__name__}: {exception}".split())))
        if line is None:
            return redact(str(super().on_failure(exception)))
        return fill(line, _BOX, break_long_words=False, break_on_hyphens=False)


@PipelineTask.event_handler(luigi.Event.PROCESS_FAILURE)  # type: ignore[untyped-decorator]
def _process_died(task: PipelineTask, message: str) -> None:
    """Called in the main process: a process that was killed told nobody."""
    exit_code = message.rpartition("with ")[2]
    _failed_here(task, f"its process died ({exit_code}); -9 is what a machine out of memory does")


@PipelineTask.event_handler(luigi.Event.TIMEOUT)  # type: ignore[untyped-decorator]
def _took_too_long(task: PipelineTask, message: str) -> None:
    """Called in the main process, where somebody has set a `[worker] timeout`."""
    seconds = message.rpartition(" after ")[2].partition(" ")[0]
    _failed_here(task, f"it was ended after {seconds} seconds, [worker] timeout in luigi.cfg")


def _failed_here(task: PipelineTask, why: str) -> None:
    """Speaks for a task's process that could not."""
    log.error("%s: %s", logs.task_name(task.log_fields), why, extra=logs.of_task(task.log_fields))
    current_run.note(task.outcome(why=why))


def register(*tasks: type[luigi.Task]) -> None:
    """Names the task families of the package; called once, when it is imported."""
    _ours.extend(tasks)


def families() -> dict[str, set[str]]:
    """Our task families and their parameters, which luigi.cfg may set in sections of their names."""
    return {task.task_family: {name for name, _ in task.get_params()} for task in _ours}


def imports_of_all() -> set[str]:
    """The modules that the work of any of our tasks imports, but for those of the warehouses.

    Which those are, a task knows that names its warehouse: on the class it is a property.
    """
    named = (getattr(task, "imports", ()) for task in _ours)
    return {name for names in named if isinstance(names, tuple) for name in names}


@cache
def check_settings() -> None:
    """Raises ConfigError for a luigi.cfg that is invalid; looks once, before any task is scheduled."""
    config.check(families(), notify.check)
