"""Runs ways of doing one thing as whole processes, turn by turn, and puts their times and peak memory side by side.

Standard library only: a child's peak memory is never counted lower than what its parent held when it started it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Way:
    """One way: a name for the table and the arguments of `python -m`. `rounds` less than all: it takes too long."""

    name: str
    arguments: tuple[str, ...]
    rounds: int | None = None
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One process: seconds from start to end, peak resident memory in MB, and what it said of itself."""

    seconds: float
    peak_mb: float
    said: dict[str, Any]


def run(way: Way) -> Run:
    """Runs a way once. It must end well and print one line of JSON as its last, or the benchmark ends."""
    command = [sys.executable, "-m", *way.arguments]
    seconds, peak_mb, output = spawn(command, ROOT, {"PYTHONPATH": str(ROOT)} | way.environment)
    return Run(seconds, peak_mb, json.loads(output.strip().splitlines()[-1]))


def spawn(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[float, float, str]:
    """Runs one process to its good end: seconds, peak memory in MB as the system counted it, and its output."""
    began = perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, cwd=folder, env=os.environ | environment, stdout=output, stderr=output)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:  # Ctrl-C or SIGTERM: nothing of ours goes on running
            process.kill()
            raise
        seconds = perf_counter() - began
        output.seek(0)
        text = output.read()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"exit code {process.returncode} of {' '.join(command)}\n{text[-2000:]}")
    kilobytes = usage.ru_maxrss / 1024 if sys.platform == "darwin" else usage.ru_maxrss
    return seconds, kilobytes / 1024, text


def race(ways: Iterable[Way], rounds: int, before: Callable[[Way], None] = lambda way: None) -> dict[str, list[Run]]:
    """Runs every way in turn, then all again: what disturbs the machine for a minute disturbs them all.

    All ways must say the same number of rows. `before` is called before each run, and not measured.
    """
    runs: dict[str, list[Run]] = {}
    for number in range(rounds):
        for way in ways:
            if way.rounds is None or number < way.rounds:
                before(way)
                runs.setdefault(way.name, []).append(run(way))
                latest = runs[way.name][-1]
                print(f"  {way.name}: {latest.seconds:.2f} s, {latest.peak_mb:.0f} MB", file=sys.stderr, flush=True)
    rows = {name: {one.said["rows"] for one in of} for name, of in runs.items()}
    if len(set().union(*rows.values())) != 1:
        raise SystemExit(f"the ways did not do the same work: rows {rows}")
    return runs


Figure = Callable[[Run], float]


def process_seconds(one: Run) -> float:
    """The whole process, from its start to its end: what a person waits for."""
    return one.seconds


def work_seconds(one: Run) -> float:
    """Without the start of Python and its imports, which a worker pays once for all its months."""
    return float(one.said["seconds"])


def ratio(runs: dict[str, list[Run]], name: str, to: str, figure: Figure) -> float:
    """The median of the ratios of the rounds in which both ran: a slow minute is in both."""
    return statistics.median(figure(a) / figure(b) for a, b in zip(runs[name], runs[to], strict=False))


def median(runs: list[Run], figure: Figure) -> float:
    """Of one way's runs."""
    return statistics.median(figure(one) for one in runs)


def table(runs: dict[str, list[Run]], floor: str, ours: str) -> str:
    """A markdown table: seconds of process and work, both as multiples of the floor's and of ours, and peak memory."""
    head = "| {} s | × floor | × ours "
    lines = [f"| way {head.format('process')}{head.format('work')}| peak MB | runs |", f"|---|{'--:|' * 8}"]
    for name, of in runs.items():
        cells = [name]
        for figure in (process_seconds, work_seconds):
            cells.append(f"{median(of, figure):.2f}")
            cells += (f"{ratio(runs, name, to, figure):.2f}" for to in (floor, ours))
        cells += (f"{max(one.peak_mb for one in of):.0f}", str(len(of)))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def said(rows: int, began: float, **more: Any) -> None:
    """What a way prints at its end: the rows it wrote and the seconds of its work, from `perf_counter()` on."""
    print(json.dumps({"rows": rows, "seconds": perf_counter() - began, **more}))


def machine() -> str:
    """One line on what the figures were measured with."""
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    version = ".".join(str(part) for part in sys.version_info[:3])
    return f"{os.cpu_count()} cores, {gigabytes:.0f} GiB, {sys.platform}, Python {version}"
