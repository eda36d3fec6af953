"""How a failure is put into words, and things that are said once."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import luigi.worker
import pytest
import requests
from luigi.rpc import RPCError

from taxi_luigi.core.errors import SourceError
from taxi_luigi.core.logs import Once, failure_line, failures
from taxi_luigi.core.logs.failures import OneLine, without_secrets
from taxi_luigi.core.logs.jsonl import about, fields_of, figures
from taxi_luigi.core.logs.terminal import is_luigis


class Task:
    """As far as the log needs one."""

    log_fields = {"task": "LoadMonth", "color": "green", "month": "2024-01", "store": "pg"}  # noqa: RUF012

    def __str__(self) -> str:
        return "LoadMonth(color=green)"


def said(text: str, *args: object, error: BaseException | None = None, in_a_run: bool = True) -> logging.LogRecord:
    """A line of Luigi's worker after our filter, in a run of ours."""
    trace = None
    if error is not None:
        try:
            raise error
        except type(error):
            trace = sys.exc_info()
    record = logging.LogRecord("luigi-interface", logging.ERROR, "/x/luigi/worker.py", 1, text, args, trace)
    each = OneLine()
    each.in_a_run = in_a_run
    assert each.filter(record)
    return record


FAILED = "[pid %s] Worker %s failed    %s"


def test_a_known_failure_of_a_task_is_one_line_that_names_it() -> None:
    record = said(FAILED, 7, "Worker(salt=1)", Task(), error=SourceError("the server is down"))
    assert (record.getMessage(), record.exc_info) == ("LoadMonth green 2024-01 pg: the server is down", None)
    assert fields_of(record) == Task.log_fields


def test_a_run_of_others_keeps_its_traceback_of_what_would_be_one_line_of_ours() -> None:
    record = said(FAILED, 7, "Worker(salt=1)", "TheirTask()", error=FileNotFoundError(2, "none", "x"), in_a_run=False)
    assert record.getMessage() == "[pid 7] Worker Worker(salt=1) failed    TheirTask()"
    assert record.exc_info


def test_what_our_code_raises_before_there_is_a_run_is_one_line() -> None:
    record = said("Uncaught exception in luigi", error=SourceError("no such color"), in_a_run=False)
    assert (record.getMessage(), record.exc_info) == ("no such color", None)


TRACE = 'Traceback (most recent call last):\n  File "x", line 1, in requires\n'
UNSCHEDULED = "Will not run TheirTask(n=1) or any dependencies due to error in deps() method:"


@pytest.mark.parametrize("in_a_run", [True, False])
def test_a_task_of_others_that_cannot_be_scheduled_for_what_our_code_raised_is_one_line(in_a_run: bool) -> None:
    trace = f"{TRACE}KeyError: 1\n\nDuring handling\n\n{TRACE}taxi_luigi.core.errors.UsageError: no such color\n"
    assert said(f"{UNSCHEDULED}\n{trace}", in_a_run=in_a_run).getMessage() == f"{UNSCHEDULED} no such color"


@pytest.mark.parametrize("last", ["KeyError: 1", f"taxi_luigi.core.errors.UsageError: x\n\n{TRACE}KeyError: 1"])
def test_a_defect_of_others_that_keeps_a_task_from_being_scheduled_keeps_its_traceback(last: str) -> None:
    text = f"{UNSCHEDULED}\n{TRACE}{last}\n"
    assert said(text).getMessage() == text


def test_a_defect_keeps_its_traceback_behind_the_name() -> None:
    record = said(FAILED, 7, "Worker(salt=1)", Task(), error=ZeroDivisionError())
    assert record.getMessage() == "LoadMonth green 2024-01 pg"
    assert record.exc_info


def test_a_task_of_somebody_elses_keeps_luigis_words() -> None:
    record = said(FAILED, 7, "Worker(salt=1)", "TheirTask()", error=ZeroDivisionError())
    assert record.getMessage() == "[pid 7] Worker Worker(salt=1) failed    TheirTask()"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RuntimeError("Unfulfilled dependency at run time: CleanMonth_x (/lake/x)"),
         "/lake/x: another run replaced it meanwhile, or removed it; run the same command again"),
        (RuntimeError("Unfulfilled dependencies at run time: A, B"),
         "A, B: another run replaced it meanwhile, or removed it; run the same command again"),
        (RuntimeError("Unfulfilled dependency at run time: PublishedMonth_x (http://x)"),
         "http://x: it is no longer published"),
        (RuntimeError("anything else"), None),
        (PermissionError(13, "Permission denied", "/x"), "Permission denied: /x"),
        (RPCError("x"), "luigid does not answer: start it with taxi-luigi luigid start, or add --local-scheduler"),
    ],
)  # fmt: skip
def test_the_line_of_an_error(error: BaseException, line: str | None) -> None:
    assert failure_line(error) == line


def test_the_lines_of_luigi_3_8_1_are_still_those_we_look_for() -> None:
    """The words are private to Luigi: another version may change them."""
    worker = Path(luigi.worker.__file__).read_text()
    for words in (FAILED, "Data for %s does not exist (yet?)", "Informed scheduler that task   %s   has status   %s"):
        assert f'"{words}' in worker
    assert "Unfulfilled %s at run time: %s" in worker
    assert "timed out after {} seconds" in worker
    for method in ("complete", "deps"):
        assert f'"Will not run {{task}} or any dependencies due to error in {method}() method:\\n{{tb}}"' in worker
    record = logging.LogRecord("x", logging.INFO, luigi.worker.__file__, 1, "x", (), None)
    assert is_luigis(record)
    assert not is_luigis(logging.LogRecord("x", logging.INFO, __file__, 1, "x", (), None))


def test_fields_are_those_of_the_task_and_of_the_line() -> None:
    record = logging.makeLogRecord(figures(rows=5, seconds=0.12345))
    assert fields_of(record) == {"rows": 5, "seconds": 0.123}
    with about(Task.log_fields), about({"task": "CleanMonth", "color": "green", "month": "", "store": ""}):
        assert fields_of(record) == {"task": "CleanMonth", "color": "green", "rows": 5, "seconds": 0.123}
    assert fields_of(logging.makeLogRecord({})) == {}


def test_only_the_first_of_several_processes_is_first() -> None:
    once = Once()
    child = os.fork()
    if child == 0:
        os._exit(0 if once.first() else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert once.happened
    assert not once.first()


@pytest.mark.parametrize(("status", "says"), [(401, "luigid refuses us (HTTP 401)"), (502, "luigid answers HTTP 502")])
def test_an_invalid_answer_of_luigid_has_another_line_than_none(status: int, says: str) -> None:
    response = requests.Response()
    response.status_code = status
    error = RPCError("Errors (3 attempts)", requests.HTTPError(response=response))
    assert str(failure_line(error)).startswith(says)
    assert str(failure_line(RPCError("no", requests.ConnectionError()))).startswith("luigid does not answer")


def test_a_line_that_passes_twice_is_masked_once_and_again_where_its_text_has_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    masked: list[str] = []

    def redact(text: str) -> str:
        masked.append(text)
        return text.replace("secret", "***")

    monkeypatch.setattr(failures, "redact", redact)
    record = logging.LogRecord("luigi-interface", logging.INFO, __file__, 1, "a %s", ("secret",), None)
    for _ in range(2):
        assert without_secrets(record)
    assert (record.getMessage(), masked) == ("a ***", ["a secret"])
    record.msg, record.args = "b %s", ("secret",)
    assert without_secrets(record)
    assert (record.getMessage(), masked) == ("b ***", ["a secret", "b secret"])
