"""What a person reads while it runs: one line per failure instead of a traceback, and the run's own logger.

Luigi logs whatever a task raised with its traceback, and a wrong month as "Uncaught exception in luigi". A filter on
its logger turns what we know (`TaxiError`, `OSError`, a wrong parameter, no luigid) into one line and leaves every
other exception, which is a defect, as it is.
"""

from __future__ import annotations

import logging
import sys
import warnings
from types import TracebackType
from typing import Any

from luigi.parameter import ParameterException, UnconsumedParameterWarning
from luigi.rpc import RPCError
from luigi.task_register import TaskClassException

from taxi_luigi.errors import TaxiError

log = logging.getLogger("luigi-interface")
"""Luigi's own logger: its [core] log_level and logging_conf_file hold for our lines too."""

_UNCAUGHT = "Uncaught exception in luigi"


def one_line(error: BaseException) -> str | None:
    """What to tell a person of a failure; None when it is a defect and its traceback is what helps."""
    if isinstance(error, TaxiError):
        return str(error)
    if isinstance(error, RPCError):
        return "luigid does not answer: start it with scripts/luigid start, or add --local-scheduler"
    if isinstance(error, OSError):
        return f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
    if isinstance(error, ParameterException | TaskClassException):
        return " ".join(str(error).split())
    return None


class OneLine(logging.Filter):
    """Replaces the traceback of a failure that has a one-line text by that text."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        line = one_line(error) if error is not None else None
        if line is not None:
            said = "" if record.msg == _UNCAUGHT else f"{record.getMessage()}: "
            record.msg, record.args = "%s%s", (said, line)
            record.exc_info = record.exc_text = None
        return True


def _say_unknown_task(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> Any:
    """Luigi looks the task's name up outside its own error handling, so Python itself would print the traceback."""
    line = one_line(error) if isinstance(error, TaskClassException) else None
    if line is None:
        return sys.__excepthook__(kind, error, trace)
    sys.stderr.write(f"ERROR: {line}\n")
    from luigi.retcodes import retcode

    raise SystemExit(retcode().unhandled_exception)


def install() -> None:
    """Called once, when the package is imported: a wrong parameter is met before any task exists."""
    # Luigi reads [core] rpc_… itself, outside the class whose unread keys it warns of (3.8.1).
    warnings.filterwarnings("ignore", message=".*parameter 'rpc_.*", category=UnconsumedParameterWarning)
    log.addFilter(OneLine())
    sys.excepthook = _say_unknown_task
