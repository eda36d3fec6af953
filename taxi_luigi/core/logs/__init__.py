"""The run's logger, and where its lines go: to the terminal (terminal.py), and all of them to a file (jsonl.py).

`log` is Luigi's own logger, so `[core] log_level` and `logging_conf_file` hold for our lines too. The file has fields
beside the text: the task by `about`, figures by `extra=figures(…)`, or by `extra=detail(…)` in lines that the terminal
has with DEBUG alone. How failures are shown is in failures.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from luigi.interface import core

from taxi_luigi.core.logs import failures, terminal
from taxi_luigi.core.logs.failures import failure_line
from taxi_luigi.core.logs.failures import name as task_name
from taxi_luigi.core.logs.jsonl import JsonLines, Once, about, detail, figures, lines_of, of_task

__all__ = [
    "Once",
    "about",
    "begin",
    "detail",
    "failure_line",
    "figures",
    "install",
    "last_error",
    "lines_of",
    "log",
    "of_task",
    "task_name",
    "whenever_a_task_ended",
]

log = logging.getLogger("luigi-interface")
"""Luigi's own logger."""

_ours = logging.getLogger("taxi_luigi")
"""The parent of the loggers of our modules that must not import Luigi."""


def install() -> None:
    """Install the filters of failures, once, at import: a wrong parameter fails before any task exists."""
    failures.install(log)


def begin(folder: Path, run: str, what: str = "", luigis_lines: bool = False) -> Callable[[], None]:
    """Send lines both ways from the beginning of a run, before any task, until the function that is returned is called.

    Handlers that a logging_conf_file configures stay as they are.

    Args:
        folder: of the file; it is made
        run: the id of the run, a field of each line
        what: the first line of the run in the file, INFO; none if ''
        luigis_lines: whether the terminal shows Luigi's own lines too, as of a run for another package's task
    """
    _errors.line, before = "", (log.level, _ours.level, _ours.propagate)
    failures.one_line_each.in_a_run = True
    terminals = [] if core().logging_conf_file else terminal.take_over(log, luigis_lines)
    if terminals:
        log.setLevel(min(log.level, logging.INFO))  # the file has Luigi's lines too
    file = JsonLines(folder, run, Once())
    file.remove_old()
    if what:
        file.handle(log.makeRecord(log.name, logging.INFO, __file__, 0, "%s", (what,), None))
    log.addHandler(file)
    for handler in (*terminals, file, _errors):
        handler.addFilter(failures.without_secrets)  # Luigi's logger has it, those below it that log to these have not
    for handler in (*terminals, file):
        _ours.addHandler(handler)
    log.addHandler(_errors)
    _ours.setLevel(log.level)
    _ours.propagate = not terminals

    def end() -> None:
        failures.one_line_each.in_a_run = False
        for handler in (file, _errors):
            log.removeHandler(handler)
        for each in (*terminals, file):
            _ours.removeHandler(each)
        terminal.give_back(terminals)
        log.setLevel(before[0])
        _ours.setLevel(before[1])
        _ours.propagate = before[2]

    return end


def whenever_a_task_ended(call: Callable[[], None]) -> Callable[[], None]:
    """Have it called in this process alone, the main one, after Luigi's line on each task that ended.

    It ends when the function that is returned is called.
    """
    informed = _Informed(call)
    log.addHandler(informed)
    return lambda: log.removeHandler(informed)


def last_error() -> str:
    """Return the last line that this process logged as an error since `begin`; '' when there was none."""
    return _errors.line


class _Errors(logging.Handler):
    """Keeps the last error."""

    line = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.line = record.getMessage()


_errors = _Errors(logging.ERROR)


class _Informed(logging.Handler):
    """Luigi has no event for it in the main process (3.8.1); there is this line."""

    def __init__(self, call: Callable[[], None]) -> None:
        super().__init__()
        self._call = call

    def emit(self, record: logging.LogRecord) -> Any:
        line = record.getMessage()
        if line.startswith("Informed scheduler that task") and not line.endswith("PENDING"):
            self._call()
