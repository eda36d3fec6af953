"""Failures in one line instead of a traceback, and in our words instead of Luigi's.

Luigi logs whatever a task raised with its traceback, and a wrong month as "Uncaught exception in luigi". A filter on
its logger turns what we know (`TaxiError`, `OSError`, a wrong parameter, no luigid) into one line and leaves every
other exception, which is a defect, its traceback.
"""

from __future__ import annotations

import logging
import re
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from luigi.configuration.cfg_parser import InterpolationMissingEnvvarError
from luigi.parameter import ParameterException, UnconsumedParameterWarning
from luigi.rpc import RPCError
from luigi.task_register import TaskClassException

from taxi_luigi import streams
from taxi_luigi.errors import TaxiError
from taxi_luigi.logs.fields import of_task

_UNCAUGHT = "Uncaught exception in luigi"
_FAILED = "[pid %s] Worker %s failed    %s"
_NO_DATA = "Data for %s does not exist (yet?)"
_NO_ANSWER = "Failed connecting to remote scheduler %r"
_UNFULFILLED = ("Unfulfilled dependency at run time: ", "Unfulfilled dependencies at run time: ")
"""luigi 3.8.1's own words"""

_PACKAGE = str(Path(__file__).parents[1])

_PASSWORD = re.compile(r"://[^/\s:@]*:[^/\s]*@")
"""of a URL, with its user; a user alone is no secret"""


def install(logger: logging.Logger) -> None:
    """Called once, when the package is imported."""
    # Luigi reads [core] rpc_… itself, outside the class whose unread keys it warns of (3.8.1).
    warnings.filterwarnings("ignore", message=".*parameter 'rpc_.*", category=UnconsumedParameterWarning)
    logger.addFilter(one_line_each)
    # Luigi has no other place for what goes wrong before there is a task; a program that only imports us keeps its own
    if _is_our_command():
        sys.excepthook = _say_early_failure


def _is_our_command() -> bool:
    """Whether this process is a command of ours, or `luigi --module taxi_luigi`."""
    package = __name__.partition(".")[0]
    named = {f"--module={package}"} | ({package} if "--module" in sys.argv else set())
    return Path(sys.argv[0]).name in ("taxi-luigi", "cron_run.py") or not named.isdisjoint(sys.argv[1:])


def one_line(error: BaseException) -> str | None:
    """What to tell a person of a failure; None when it is a defect and its traceback is what helps."""
    if isinstance(error, TaxiError):
        return str(error)
    if isinstance(error, RPCError):
        status = getattr(getattr(error.sub_exception, "response", None), "status_code", None)
        if status in (401, 403):
            return f"luigid refuses us (HTTP {status}): check user and password in [core] scheduler_url"
        if status is not None:
            return f"luigid answers HTTP {status}: its log says why (data/luigid/log); run the same command again"
        return "luigid does not answer: start it with taxi-luigi luigid start, or add --local-scheduler"
    if isinstance(error, OSError):
        return f"{error.strerror or error}: {error.filename}" if error.filename else _without_passwords(str(error))
    if isinstance(error, ParameterException | TaskClassException):
        return " ".join(str(error).split())
    if isinstance(error, RuntimeError) and str(error).startswith(_UNFULFILLED):
        return _unfulfilled(str(error).partition(": ")[2])
    return None


def _unfulfilled(missing: str) -> str:
    """Of `TASK_ID (OUTPUT, OUTPUT), TASK_ID`: what was there when it was looked at, and is not any more."""
    what = ", ".join(re.findall(r"\(([^()]*)\)", missing)) or missing
    if missing.startswith("PublishedMonth_"):
        return f"{what}: it is no longer published"
    return f"{what}: another run replaced it meanwhile, or removed it; run the same command again"


class OneLine(logging.Filter):
    """Replaces the traceback of a failure that has a one-line text by that text, and Luigi's words for our tasks.

    Of runs of others that only import us, it leaves every line as it is.
    """

    in_a_run = False
    """whether one of ours goes on, or has ended with its command"""

    def filter(self, record: logging.LogRecord) -> bool:
        if not (self.in_a_run or _is_our_command() or _is_ours(record)):
            return True
        if record.msg == _NO_ANSWER:
            record.msg, record.args, record.exc_info = "luigid did not answer, and is asked again", None, None
        _in_our_words(record)
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        line = one_line(error) if error is not None else None
        if line is not None:
            said = "" if record.msg == _UNCAUGHT else f"{record.getMessage()}: "
            record.msg, record.args = "%s%s", (said, line)
            record.exc_info = record.exc_text = None
        _hide_passwords(record)
        return True


one_line_each = OneLine()


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether a line is of our code, or says what our code raised before there was a run."""
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    return record.pathname.startswith(_PACKAGE) or isinstance(error, TaxiError)


def _hide_passwords(record: logging.LogRecord) -> None:
    """Luigi logs the scheduler's address as it is, and requests' errors repeat it with the password (3.8.1, 2.34)."""
    try:
        said = record.getMessage()
    except (TypeError, ValueError):  # arguments that do not fit their text: the handlers say so
        return
    if _PASSWORD.search(said):
        record.msg, record.args = "%s", (_without_passwords(said),)
    if record.exc_info:
        # What formatters take in place of the traceback
        text = record.exc_text or logging.Formatter().formatException(record.exc_info)
        record.exc_text = _without_passwords(text)


def _without_passwords(text: str) -> str:
    return _PASSWORD.sub("://***@", text)


def _in_our_words(record: logging.LogRecord) -> None:
    """Of a task of ours, which has `facts`: without process numbers, worker names and task ids."""
    about = record.args[-1] if isinstance(record.args, tuple) and record.args else None
    facts = getattr(about, "facts", None)
    if facts is None or not isinstance(record.msg, str):
        return
    if record.msg == _FAILED:
        record.msg, record.args = "%s", (name(facts),)
    elif record.msg.startswith(_NO_DATA):
        asked = getattr(about, "address", "")
        record.msg, record.args = "%s %s is not published: %s", (facts["color"], facts["month"], asked)
    record.__dict__.update(of_task(facts))


def name(facts: Mapping[str, str]) -> str:
    """A task for people: `LoadMonth green 2024-01 postgres`; the local lake goes without saying."""
    store = "" if facts["store"] == "local" else facts["store"]
    return " ".join(filter(None, (facts["task"], facts["color"], facts["month"], store)))


def _say_early_failure(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> Any:
    """Luigi reads [core] and looks the task's name up outside its own error handling: Python would print tracebacks."""
    line = one_line(error) if isinstance(error, TaskClassException) else _unset(error)
    if line is None:
        return sys.__excepthook__(kind, error, trace)
    streams.say(f"ERROR: {line}")
    from luigi.retcodes import retcode

    raise SystemExit(retcode().unhandled_exception)


def _unset(error: BaseException) -> str | None:
    """What is missing, where a section of Luigi's own names an environment variable that is not set."""
    cause = error.__cause__
    if not isinstance(error, ValueError) or not isinstance(cause, InterpolationMissingEnvvarError):
        return None
    variable = str(cause).partition("variable ")[2].partition(". Section")[0]
    return f"[{cause.section}] {cause.option} cannot be read: the environment variable {variable} is not set"
