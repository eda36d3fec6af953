"""A signal wherever the main process is: the run ends with its code, and the history has the same one and says why."""

from __future__ import annotations

import os
import signal

import pytest

from taxi_luigi.history import last_runs
from tests.support.project import Project

COMMAND = ("LoadAllMonths", "--colors", "green", "--months", "2021-01")

THEIRS = """
import os, signal, socket, threading, time
from contextlib import suppress

import duckdb
import psycopg2
import taxi_luigi
from taxi_luigi import history
from taxi_luigi.tasks import LoadAllMonths

WHERE, NUMBER = os.environ["WHERE"], int(os.environ["NUMBER"])
MAIN = os.getpid()


def stop():
    os.kill(os.getpid(), NUMBER)


def query():
    "Which takes minutes: DuckDB looks for signals meanwhile, and makes RuntimeError of what the handler raises."
    threading.Timer(0.3, stop).start()
    duckdb.connect().execute("SELECT count(*) FROM range(300000000000) a WHERE a.range % 7 = 3").fetchall()


class Dropped:
    def __del__(self):
        stop()
        time.sleep(0.1)


def dropped():
    "As in a destructor, where Python prints what the handler raises, and goes on."
    Dropped()
    time.sleep(60)


def caught():
    "As by code that goes on without a store that does not answer."
    with suppress(Exception):
        query()
    time.sleep(60)


def stuck():
    "As in libpq, which waits on for its server when a signal has come, and keeps Python from its handlers."
    threading.Timer(0.3, stop).start()
    with socket.create_server(("127.0.0.1", 0)) as server:
        psycopg2.connect(host="127.0.0.1", port=server.getsockname()[1], connect_timeout=60)


def before(cls, name, work):
    old, done = getattr(cls, name), []
    def new(*args, **kwargs):
        if os.getpid() == MAIN and not done:
            done.append(True)
            work()
        return old(*args, **kwargs)
    setattr(cls, name, new)


if WHERE == "the plan":
    before(LoadAllMonths, "prepare", query)
elif WHERE == "a plan that goes on without the store":
    before(LoadAllMonths, "prepare", caught)
elif WHERE == "a destructor":
    before(LoadAllMonths, "prepare", dropped)
elif WHERE == "a call that does not come back":
    before(LoadAllMonths, "prepare", stuck)
elif WHERE == "complete()":
    import taxi_luigi.tasks.targets
    before(taxi_luigi.tasks.targets.MarkerTarget, "exists", query)
elif WHERE == "the history":
    before(history.Recorder, "source", query)
elif WHERE == "the last question":
    from taxi_luigi.runs.worker import Worker
    before(Worker, "_settle", query)
"""


@pytest.mark.parametrize(
    ("where", "number"),
    [
        ("the plan", signal.SIGTERM),
        ("the plan", signal.SIGINT),
        ("the plan", signal.SIGHUP),
        ("a plan that goes on without the store", signal.SIGINT),
        ("a destructor", signal.SIGTERM),
        ("a call that does not come back", signal.SIGINT),
        ("complete()", signal.SIGHUP),
        ("the history", signal.SIGTERM),
        ("the last question", signal.SIGINT),
    ],
)
def test_a_signal_ends_the_run_with_its_code_also_where_a_library_makes_another_error_of_it(
    loading: Project, where: str, number: signal.Signals
) -> None:
    (loading.folder / "theirs.py").write_text(THEIRS)
    path = os.pathsep.join(filter(None, (str(loading.folder), os.environ.get("PYTHONPATH"))))
    task = ("LoadMonth", "--color", "green", "--month", "2021-01", "--warehouse", "duckdb")
    words = task if where == "complete()" else COMMAND
    done = loading.command(
        "luigi", "--module", "theirs", *words, "--local-scheduler",
        env={"PYTHONPATH": path, "WHERE": where, "NUMBER": str(int(number))}, timeout=60,
    )  # fmt: skip
    assert done.rc == 128 + number, done.out
    assert "Traceback" not in done.out or where == "a destructor", done.out
    assert loading.processes() == []
    [run] = last_runs(loading.state, None)
    assert (run.exit_code, run.error) == (128 + number, f"stopped by {number.name}")
