"""The run of this process: its id, its plan, the results of its tasks, its own result and the lines of its end.

The process that schedules builds the result when its worker has ended, with or without an error (worker.py).
"""

from __future__ import annotations

import re
import secrets
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from luigi.cmdline_parser import CmdlineParser
from luigi.retcodes import retcode
from luigi.task import Task

from taxi_luigi import config, history
from taxi_luigi.core import console, logs, redaction, release
from taxi_luigi.core.errors import TaxiError
from taxi_luigi.core.logs import log, terminal
from taxi_luigi.core.redaction import redact
from taxi_luigi.core.text import several
from taxi_luigi.history import Result, RunResult, TaskResult
from taxi_luigi.inventory import Plan
from taxi_luigi.runs import cron_mail, drift, live, month_results, notify
from taxi_luigi.runs.month_results import ColorMonth
from taxi_luigi.runs.panel import Panel
from taxi_luigi.runs.task_results import TaskResults
from taxi_luigi.tlc.months import spans

PHASED_OUT = "SIGUSR1 came, after which no task was begun; run the same command again to finish"
"""the reason of a run that Luigi ended early and in order, as it does by that signal (3.8.1)"""

_run: _Run | None = None
"""the run of this process, which the processes of its tasks inherit"""


class _Run:
    """The state of a run in progress."""

    def __init__(self, root: Task, run: str) -> None:
        self.id, now = run, datetime.now(UTC)
        self.began, self.started = now.isoformat(timespec="seconds"), time.monotonic()
        self.host, self.command = socket.gethostname(), _command(root)
        self.settings, self.codes, self.state = config.settings(), retcode(), config.settings().state
        self.notices = config.notices()
        self.is_ours = type(root).__module__.startswith(f"{__name__.partition('.')[0]}.")
        """whether the root task is of this package: of others, nothing is known of what they did"""
        what = f"taxi_luigi {release()}: {self.command}"
        self.close_log = logs.begin(self.state / "logs", self.id, what, luigis_lines=not self.is_ours)
        self.tasks, self.record = TaskResults(), history.Recorder(self.state, self.id)
        self.plan: Plan | None = None
        """of all LoadAllMonths of the run; None without one"""
        self.unpublished: Collection[ColorMonth] = ()
        """the scheduled months that are not published"""
        self.exit_code: int | None = None
        self.done_by_others = False
        """what this run did not do"""
        self.forgotten = False
        """whether luigid was restarted in the meantime and no longer has the tasks"""
        self.error = ""
        """the exception that ended it, in one line"""
        self.close_panel: Callable[[], None] = lambda: None

    def result(self, tasks: list[TaskResult]) -> RunResult:
        """Return the result of the run from the results of its tasks."""
        there = self.plan.already_there if self.plan else {}
        result = RunResult(
            run=self.id,
            command=self.command,
            host=self.host,
            began=self.began,
            ended=history.now(),
            exit_code=self.exit_code,
            already_there=sum(map(len, there.values())),
            months=month_results.results(self.plan, tasks, self.done_by_others, self.unpublished),
            zones="; ".join(month_results.zones(tasks) + month_results.zone_failures(tasks)),
            remarks=tuple(map(redact, drift.warnings(tasks, self.settings.keep_raw))),
            fewer=tuple(map(redact, drift.fewer(tasks))),
            unusual=tuple(map(redact, drift.unusual(tasks))),
            version=release(),
            there={color: spans(months) for color, months in there.items()},
            seconds=round(time.monotonic() - self.started, 3),
        )
        return replace(result, error=redact(self._why(result)))

    def notes(self, tasks: list[TaskResult], result: RunResult) -> list[str]:
        """Return the lines of what was replaced, and of the zones."""
        replaced = month_results.few(month_results.replacements(result.months), self.id)
        return replaced + month_results.zones(tasks)

    def counts(self, result: RunResult) -> list[month_results.ColorCounts]:
        """Return the counts of each record type."""
        return [] if self.plan is None else month_results.counts(self.plan, result.months)

    def failures(self, tasks: list[TaskResult], result: RunResult) -> list[str]:
        """Return the last lines: what failed, and why the run got no further."""
        lines = month_results.failures(result.months) + month_results.zone_failures(tasks)
        if self.is_ours and all(each.elsewhere for each in tasks) and self.plan is None and self.exit_code == 0:
            lines.append(f"{self.command}: nothing to do")
        if self._not_ours:
            lines.append(result.error)
        return lines

    @property
    def _not_ours(self) -> str:
        """The reason for which this run did not get its tasks, if it ended so."""
        if self.exit_code == self.codes.already_running:
            return "another run has these months in hand"
        if self.exit_code == self.codes.not_run and self.error == PHASED_OUT:
            return PHASED_OUT
        if self.exit_code == self.codes.not_run and self.is_ours:
            forgotten = "luigid was restarted and has forgotten the tasks: run the same command again to finish"
            return forgotten if self.forgotten else "another worker has the tasks, and has not done them"
        return ""

    def _why(self, result: RunResult) -> str:
        """Return the error that ended the run, unless a month has it."""
        well = self.exit_code in (0, self.codes.missing_data)
        named = any(each.result is Result.FAILED for each in result.months)
        return "" if well or named else self._not_ours or self.error or logs.last_error()


def new_id() -> str:
    """Return the id of a run that begins now, UTC: `20261121T060003-4f2a`."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"


def start(root: Task, run: str) -> None:
    """Begin the run of the root task; called in the process that schedules, before anything is listed.

    Args:
        root: the task that was given, or that another package's task led to
        run: its id, by `new_id`
    """
    global _run
    _run = _Run(root, run)
    _run.record.begin(_run.command, _run.host, _run.began, release())


def _command(root: Task) -> str:
    """Return the run's command; of `luigi.build` and `luigi.run`, the command that would do the same."""
    parsed, words = CmdlineParser.get_instance(), sys.argv[1:]
    if parsed is None or parsed.known_args.root_task not in words:  # a program that calls luigi.run has its own words
        flags = root.to_str_params(only_public=True).items()
        return redaction.shown_command(
            [root.task_family, *(f"--{name.replace('_', '-')}={text}" for name, text in flags)]
        )
    shown = redaction.shown_command(words)
    if getattr(root, "shard", ""):
        shown = re.sub(r"(?<=--shard[ =])auto(/[0-9]+)?", str(root.shard), shown)
    # Luigi's mail of a failed task quotes the command line, which is not parsed again (3.8.1)
    sys.argv[1:] = redaction.masked_arguments(words)
    return shown


def begin(plan: Plan) -> None:
    """Keep the plan of a LoadAllMonths of this run, record it and log it."""
    if _run is None:
        return
    _run.plan = plan if _run.plan is None else _run.plan.joined(plan)
    _run.record.source(plan.withdrawn, plan.offered)
    for color, missing in plan.months.items():
        months = [str(month) for month in missing if month not in plan.not_published.get(color, [])]
        if months:
            log.info("%s: %d to load (%s)", color, len(months), several(months))


def follow(tasks: Mapping[str, Mapping[str, str]], unpublished: Collection[ColorMonth] = ()) -> None:
    """Log a line for each month when it is loaded, or show a panel of the run where there is a terminal.

    Called when everything is scheduled, before the first fork.

    Args:
        tasks: the id of each task that is to run → its `log_fields`
        unpublished: (color, month) of the scheduled months that are not there yet
    """
    if _run is None:
        return
    tasks = {name: each for name, each in tasks.items() if (each["color"], each["month"]) not in unpublished}
    months, fresh = month_results.ScheduledMonths(tasks.values()), _run.tasks.reader()
    shown = _run.is_ours and terminal.can_draw()

    def note() -> None:
        for result in fresh():
            if months.add(result):
                of_month = [*months.results[result.color, result.month].values()]
                log.info("%s", month_results.month_line(of_month), extra=_month_fields(of_month) | {"detail": shown})

    forget = logs.whenever_a_task_ended(note)
    panel = _panel(_run, tasks, unpublished) if shown else None

    def close() -> None:
        forget()
        if panel is not None:
            panel.close()

    _run.close_panel = close


def _panel(run: _Run, tasks: Mapping[str, Mapping[str, str]], unpublished: Collection[tuple[str, str]]) -> live.Live:
    months = month_results.ScheduledMonths(tasks.values())
    sizes, unit = month_results.sizes(months.steps, run.plan, run.settings.source)
    missing, there = Counter(color for color, _ in unpublished), {}
    if run.plan is not None:
        missing |= Counter({color: len(months) for color, months in run.plan.not_published.items()})
        there = {color: len(months) for color, months in run.plan.already_there.items()}
    panel = Panel(run.command, months, sizes, unit, missing, there)
    return live.Live(panel, run.started, run.tasks.reader(), tasks)


def add(result: TaskResult) -> None:
    """Keep the result of a task for the summary and in the history; outside a run, do nothing."""
    if _run is None:
        return
    _run.tasks.add(result)
    if not result.elsewhere:
        _run.record.task(result)


def did(task: str, color: str, month: str, store: str) -> bool:
    """Return whether the last try of a task of this run succeeded, in any process; arguments as of TaskResult."""
    results = [] if _run is None else _run.tasks.all()
    tries = [each for each in results if (each.task, each.color, each.month, each.store) == (task, color, month, store)]
    return bool(tries) and not tries[-1].error


def stopped(exit_code: int, why: str) -> None:
    """Record the end of the run; called in a thread, when the process is ended before `end` could be called."""
    if _run is not None:
        _run.exit_code, _run.error = exit_code, why
        _run.record.end(_run.result([]))
        terminal.clear()


def end(
    exit_code: int, error: str, done_by_others: bool, forgotten: bool, unpublished: Collection[ColorMonth] = ()
) -> None:
    """End the run: log its summary, record it, send its message; called where `start` was, when no task runs any more.

    Args:
        exit_code: of the `luigi` command
        error: of an exception that ended the run, in one line; '' where none did, or the log has its line
        done_by_others: whether other workers did what this one did not, so that all is done
        forgotten: whether luigid has forgotten the tasks meanwhile
        unpublished: the scheduled months that are not published
    """
    global _run
    run, _run = _run, None
    if run is None:
        return
    run.exit_code, run.error, run.done_by_others, run.forgotten = exit_code, error, done_by_others, forgotten
    run.unpublished = unpublished
    run.close_panel()
    terminal.clear()
    tasks = run.tasks.all()
    run.tasks.close()
    result = run.result(tasks)
    warnings = [*result.remarks, *month_results.few([*result.fewer, *result.unusual], run.id)]
    notes, counts, failures = run.notes(tasks, result), run.counts(result), run.failures(tasks, result)
    for line in warnings:
        log.warning("%s", line)
    for line in notes:
        log.info("%s", line)
    in_color = bool(tasks and counts) and run.is_ours and terminal.shows_summary()
    for line in (*map(str, counts), *failures):
        log.info("%s", line, extra={"detail": in_color})
    if in_color:
        live.print_summary(counts, failures)
    lines = (*map(str, counts), *failures, *notes)
    why = [result.error] if result.error and result.error not in lines else []
    cron_mail.leave((*why, *lines, *(f"WARNING: {line}" for line in warnings)))
    run.record.end(result)
    notify.send(result, run.notices, lambda: _page(run, result))
    notify.beat(result, run.notices, cron_mail.is_wanted())
    if not console.is_luigi():  # else Luigi has more to log, and its process ends with the run
        run.close_log()


def _month_fields(tasks: list[TaskResult]) -> dict[str, Any]:
    """Return `extra=` for the line of a month."""
    rows = max(each.rows for each in tasks)
    downloaded = sum(each.bytes for each in tasks if each.task == month_results.DOWNLOAD)
    sums = logs.figures(rows, downloaded, sum(each.seconds for each in tasks))
    return {"fields": {"color": tasks[0].color, "month": tasks[0].month} | sums["fields"]}


def _page(run: _Run, result: RunResult) -> str:
    """Write the page of the run; return its address, '' where that fails."""
    from taxi_luigi.reports.html import run_page

    try:
        return run_page.write(run.state, result).as_uri()
    except TaxiError as error:
        log.warning("%s", error)
        return ""
