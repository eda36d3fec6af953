"""Failures in one line instead of a traceback, and in our words instead of Luigi's.

Luigi logs every exception of a task with its traceback, and a wrong month as "Uncaught exception in luigi". A filter on
its logger makes one line of those that a user can cause or meet (`TaxiError`, `OSError`, a wrong parameter, no luigid).
Every other exception is a defect, and keeps its traceback.
"""

from __future__ import annotations

import configparser
import logging
import re
import sys
import traceback
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from luigi.configuration.cfg_parser import InterpolationMissingEnvvarError
from luigi.parameter import ParameterException, UnconsumedParameterWarning
from luigi.rpc import RPCError
from luigi.task_register import TaskClassException

from taxi_luigi.core import console
from taxi_luigi.core.errors import TaxiError
from taxi_luigi.core.logs.jsonl import of_task
from taxi_luigi.core.redaction import redact
from taxi_luigi.core.settings_files import UNUSABLE
from taxi_luigi.core.text import unwrapped

_UNCAUGHT = "Uncaught exception in luigi"
_FAILED = "[pid %s] Worker %s failed    %s"
_NO_DATA = "Data for %s does not exist (yet?)"
_NO_ANSWER = "Failed connecting to remote scheduler %r"
_UNFULFILLED = ("Unfulfilled dependency at run time: ", "Unfulfilled dependencies at run time: ")
_UNSCHEDULED = re.compile(
    r"(Will not run .+ due to error in \w+\(\) method:)\n.*^taxi_luigi\.core\.errors\.\w+: ([^\n]*)\s*\Z", re.M | re.S
)
_UNREADABLE = re.compile(r"(\w+)\[args=.*: Error when parsing the default value of '(\w+)'$", re.DOTALL)
"""the texts of Luigi 3.8.1"""

_PACKAGE = str(Path(__file__).parents[2])


def install(logger: logging.Logger) -> None:
    """Install the filters of failures; called once, when the package is imported."""
    # Luigi reads [core] rpc_… itself, outside the class whose unread keys it warns of (3.8.1).
    warnings.filterwarnings("ignore", message=".*parameter 'rpc_.*", category=UnconsumedParameterWarning)
    logger.addFilter(one_line_each)
    # Luigi has no other hook for what fails before there is a task; a program that only imports us keeps its own
    if _is_our_command():
        # Its warning of a key that it does not know quotes the value.
        plain = warnings.formatwarning
        warnings.formatwarning = lambda *args, **more: redact(plain(*args, **more))
        if logging.lastResort is not None:  # it prints warnings of libraries whose loggers have no handler
            logging.lastResort.addFilter(without_secrets)
        sys.excepthook = _say_early_failure


def _is_our_command() -> bool:
    """Whether this process is a command of ours, or `luigi --module taxi_luigi`."""
    package = __name__.partition(".")[0]
    named = {f"--module={package}"} | ({package} if "--module" in sys.argv else set())
    return Path(sys.argv[0]).name in ("taxi-luigi", "cron_run.py") or not named.isdisjoint(sys.argv[1:])


def failure_line(error: BaseException) -> str | None:
    """Return the line of a failure, without secrets; None for a defect, whose traceback helps."""
    line = _line(error)
    return None if line is None else redact(line)


def _line(error: BaseException) -> str | None:
    if isinstance(error, TaxiError):
        return str(error)
    if isinstance(error, RPCError):
        status = getattr(getattr(error.sub_exception, "response", None), "status_code", None)
        if status in (401, 403):
            return f"luigid refuses us (HTTP {status}): check user and password in [core] scheduler_url"
        if status is not None:
            return (
                f"luigid answers HTTP {status}: the reason is in its log (data/luigid/log); run the same command again"
            )
        return "luigid does not answer: start it with taxi-luigi luigid start, or add --local-scheduler"
    if isinstance(error, OSError):
        return f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
    if isinstance(error, ParameterException | TaskClassException):
        return unwrapped(error)
    if isinstance(error, ValueError | configparser.InterpolationError):
        found = _UNREADABLE.match(str(error))
        return unreadable(found[1], found[2], error.__cause__ or error) if found else _not_interpolated(error)
    if isinstance(error, RuntimeError) and str(error).startswith(_UNFULFILLED):
        return _unfulfilled(str(error).partition(": ")[2])
    return None


def _unfulfilled(missing: str) -> str:
    """Return the line for `TASK_ID (OUTPUT, OUTPUT), TASK_ID`, outputs that were there before and are not any more."""
    what = ", ".join(re.findall(r"\(([^()]*)\)", missing)) or missing
    if missing.startswith("PublishedMonth_"):
        return f"{what}: it is no longer published"
    return f"{what}: another run replaced it meanwhile, or removed it; run the same command again"


class OneLine(logging.Filter):
    """Replaces the traceback of a failure that has a one-line text by that text, and Luigi's words for our tasks.

    It leaves every line of a run that is not ours as it is: other programs import the package too.
    """

    in_a_run = False
    """whether a run of ours is under way, or has ended with its command"""

    def filter(self, record: logging.LogRecord) -> bool:
        unscheduled = _UNSCHEDULED.match(str(record.msg))
        if not (self.in_a_run or _is_our_command() or _is_ours(record) or unscheduled):
            return True
        if unscheduled:  # it has the traceback in its text
            record.msg, record.args = "%s %s", unscheduled.groups()
        if record.msg == _NO_ANSWER:
            record.msg, record.args, record.exc_info = "luigid did not answer; retrying", None, None
        _in_our_words(record)
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        line = failure_line(error) if error is not None else None
        if line is not None:
            before = "" if record.msg == _UNCAUGHT else f"{record.getMessage()}: "
            record.msg, record.args = "%s%s", (before, line)
            record.exc_info = record.exc_text = None
        return without_secrets(record)


one_line_each = OneLine()


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether a line is of our code, or about an error that our code raised before there was a run."""
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    return record.pathname.startswith(_PACKAGE) or isinstance(error, TaxiError)


def without_secrets(record: logging.LogRecord) -> bool:
    """A filter that keeps every line and masks the secrets in it and in its traceback.

    Luigi logs the scheduler's address as it is, and errors of libraries repeat addresses (3.8.1, requests 2.34).
    """
    try:
        message = record.getMessage()
    except (TypeError, ValueError):  # arguments that do not fit their text: the handlers report it
        return True
    if message != getattr(record, "masked", None):  # Luigi's lines pass here twice: at its logger, and at our handler
        shown = redact(message)
        if shown != message:
            record.msg, record.args = "%s", (shown,)
        record.__dict__["masked"] = shown
    if record.exc_info:
        # Formatters take it in place of the traceback
        record.exc_text = redact(record.exc_text or logging.Formatter().formatException(record.exc_info))
    return True


def _in_our_words(record: logging.LogRecord) -> None:
    """Rewrite a line about a task of ours, which has `log_fields`, without process numbers, worker and task ids."""
    about = record.args[-1] if isinstance(record.args, tuple) and record.args else None
    log_fields = getattr(about, "log_fields", None)
    if log_fields is None or not isinstance(record.msg, str):
        return
    if record.msg == _FAILED:
        record.msg, record.args = "%s", (name(log_fields),)
    elif record.msg.startswith(_NO_DATA):
        address = getattr(about, "address", "")
        record.msg, record.args = "%s %s is not published: %s", (log_fields["color"], log_fields["month"], address)
    record.__dict__.update(of_task(log_fields))


def name(log_fields: Mapping[str, str]) -> str:
    """Return a task's name for messages: `LoadMonth green 2024-01 postgres`; the local lake is left out."""
    store = "" if log_fields["store"] == "local" else log_fields["store"]
    return " ".join(filter(None, (log_fields["task"], log_fields["color"], log_fields["month"], store)))


def _say_early_failure(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> Any:
    """Print a failure before the first task in one line, and exit with Luigi's code for it.

    Luigi reads [core] and looks the task's name up outside its own error handling: Python would print tracebacks.
    """
    if console.is_our_interrupt(kind):
        raise SystemExit(console.INTERRUPT_CODE)
    line = failure_line(error) if isinstance(error, TaxiError | TaskClassException | ValueError) else None
    if line is None:
        console.write_error_line(redact("".join(traceback.format_exception(kind, error, trace))).rstrip("\n"))
        return None
    console.write_error_line(f"ERROR: {line}")
    from luigi.retcodes import retcode

    try:
        code = retcode().unhandled_exception
    except ValueError:  # it may be what cannot be read
        code = UNUSABLE
    raise SystemExit(code)


def unreadable(section: str, key: str, error: BaseException) -> str:
    """Return why a value of a section of Luigi's own, or of its flag, is invalid."""
    flag = f"{'' if section == 'core' else f'{section}_'}{key}".replace("_", "-")
    return _not_interpolated(error) or f"[{section}] {key}, or --{flag}: {' '.join(str(error).split())}"


def _not_interpolated(error: BaseException) -> str | None:
    """Return the line for a value with a variable that is not set or a stray percent sign; None for other errors."""
    cause = error if isinstance(error, configparser.InterpolationError) else error.__cause__
    return why_not_interpolated(cause) if isinstance(cause, configparser.InterpolationError) else None


def why_not_interpolated(error: configparser.InterpolationError) -> str:
    """Return the line for a value in which a variable is not set or a percent sign stands alone.

    The error's own text repeats part of the value, which may be a password from its percent sign on.
    """
    why = "a percent sign is written twice there"
    if isinstance(error, InterpolationMissingEnvvarError):
        why = f"the environment variable {str(error).partition('variable ')[2].partition('. Section')[0]} is not set"
    return f"[{error.section}] {error.option} cannot be read: {why}"
