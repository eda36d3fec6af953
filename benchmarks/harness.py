"""Run ways of doing one thing as whole processes, turn by turn, and compare their times and memory.

Standard library only: a child's peak memory is never counted lower than what its parent held when it started it.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).parent.parent
OURS = "**taxi_luigi**"


@dataclass(frozen=True)
class Scope:
    """How much a part of the benchmarks does."""

    folder: Path
    """its own scratch folder, which is removed when the part has ended"""
    rounds: int | None
    """runs of the quick ways; None: as many as the part does by itself"""
    scale: float
    """multiplies rows and months"""
    peers: bool
    """whether other tools run too: pandas, polars, dlt"""

    def of(self, number: int) -> int:
        """Return a number of rows or months at this scale, at least 1."""
        return max(1, round(number * self.scale))


@dataclass(frozen=True)
class Way:
    """One way: a name for the table and the arguments of `python -m`. `rounds` less than all: it takes too long."""

    name: str
    arguments: tuple[str, ...]
    rounds: int | None = None
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One process with its descendants, from start to end."""

    seconds: float
    cpu: float
    """seconds of CPU, of the process and of the descendants that it waited for"""
    peak_mb: float
    """the largest resident memory of one process, as the operating system counted it (`wait4`)"""
    pss_mb: float
    """the largest sum of all processes' proportional set sizes; 0 where it was not sampled"""
    output: str

    @property
    def said(self) -> dict[str, Any]:
        """Return what the process printed as its last line, which is JSON (`said`)."""
        found: dict[str, Any] = json.loads(self.output.strip().splitlines()[-1])
        return found


def run(way: Way) -> Run:
    """Run a way once."""
    return spawn([sys.executable, "-m", *way.arguments], ROOT, {"PYTHONPATH": str(ROOT)} | way.environment)


def spawn(command: Sequence[str], folder: Path, environment: Mapping[str, str], sampled: bool = False) -> Run:
    """Run one process to its end.

    Args:
        command: the program and its arguments.
        folder: where it starts.
        environment: added to this process's.
        sampled: whether to sample its memory (PSS). That takes time from it: 13 ms for each sample of a process of
            560 MB (November 2026). So runs that are timed are not sampled.

    Raises:
        SystemExit: it ended with another exit code than 0.
    """
    began = perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, cwd=folder, env=os.environ | environment, stdout=output, stderr=output)
        try:
            with _sampling(process.pid) if sampled else contextlib.nullcontext([0]) as peak:
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
    return Run(seconds, usage.ru_utime + usage.ru_stime, kilobytes / 1024, peak[0] / 1024, text)


SAMPLES = 20
"""samples of memory a second"""


@contextlib.contextmanager
def _sampling(pid: int) -> Iterator[list[int]]:
    """Sample the memory of a process and its descendants until the block ends; yield a list with the peak in KB."""
    ended, peak = threading.Event(), [0]

    def sample() -> None:
        while not ended.wait(1 / SAMPLES):
            peak[0] = max(peak[0], tree_pss(pid))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()


def tree_pss(pid: int) -> int:
    """Return the proportional set size of a process and its descendants in KB, from Linux's smaps_rollup.

    A page that N processes share counts as 1/N in each, so the sum is the memory that they hold together.
    """
    total = 0
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
        for thread in Path(f"/proc/{pid}/task").iterdir():
            total += sum(tree_pss(int(child)) for child in (thread / "children").read_text().split())
    return total


def race(ways: Iterable[Way], rounds: int, before: Callable[[Way], None] = lambda way: None) -> dict[str, list[Run]]:
    """Run every way in turn, then all again: what disturbs the machine for a minute disturbs them all.

    All ways must print the same number of rows. `before` is called before each run, and not measured.
    """
    runs: dict[str, list[Run]] = {}
    for number in range(rounds):
        for way in ways:
            if way.rounds is None or number < way.rounds:
                before(way)
                runs.setdefault(way.name, []).append(run(way))
                show(way.name, runs[way.name][-1])
    rows = {name: {one.said["rows"] for one in of} for name, of in runs.items()}
    if len(set().union(*rows.values())) != 1:
        raise SystemExit(f"the ways did not do the same work: rows {rows}")
    return runs


def show(name: str, one: Run) -> None:
    """Write one line about a run that has ended to stderr."""
    memory = f"{one.pss_mb:.0f} MB (PSS)" if one.pss_mb else f"{one.peak_mb:.0f} MB"
    print(f"  {name}: {one.seconds:.2f} s, {one.cpu:.2f} s of CPU, {memory}", file=sys.stderr, flush=True)


Figure = Callable[[Run], float]


def process_seconds(one: Run) -> float:
    """Return the seconds of the whole process, from its start to its end."""
    return one.seconds


def work_seconds(one: Run) -> float:
    """Return the seconds without the start of Python and its imports.

    A run of taxi_luigi pays these once: it imports what its tasks need before it forks their processes
    (`import_once`, taxi_luigi/runs/worker.py), in one process for each task.
    """
    return float(one.said["seconds"])


def multiple(runs: Mapping[str, Sequence[Run]], name: str, to: str, figure: Figure = process_seconds) -> str:
    """Return how many times as much as another way one takes: the median and the range of the rounds in which both ran.

    A slow minute of the machine is in both: `1.14 (1.05–1.30)`. Of one round it is that round's ratio.
    """
    return spread([figure(a) / figure(b) for a, b in zip(runs[name], runs[to], strict=False)])


def spread(numbers: Sequence[float]) -> str:
    """Return the median of some numbers and, where they differ, their range."""
    middle, lowest, highest = (f"{f(numbers):.2f}" for f in (statistics.median, min, max))
    return middle if lowest == highest else f"{middle} ({lowest}–{highest})"


def median(runs: Iterable[Run], figure: Figure) -> float:
    """Return the median of one way's runs."""
    return statistics.median(figure(one) for one in runs)


def table(runs: Mapping[str, Sequence[Run]], floor: str) -> str:
    """Return a markdown table: process and work, each in seconds and in multiples of the floor and ours, and memory."""
    head = ["way"]
    for seconds in ("process", "work"):
        head += [f"{seconds} s", f"{seconds} × floor", f"{seconds} × ours"]
    rows = []
    for name, of in runs.items():
        cells = [name]
        for figure in (process_seconds, work_seconds):
            cells.append(f"{median(of, figure):.2f}")
            cells += (multiple(runs, name, to, figure) for to in (floor, OURS))
        rows.append([*cells, f"{max(one.peak_mb for one in of):.0f}", str(len(of))])
    return markdown([*head, "peak MB", "runs"], rows)


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a markdown table whose first column is text and whose others are figures."""
    lines = [f"| {' | '.join(head)} |", f"|---|{'--:|' * (len(head) - 1)}"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def said(rows: int, began: float, **more: Any) -> None:
    """Print what a way prints at its end: the rows it wrote and the seconds of its work, since `began`."""
    print(json.dumps({"rows": rows, "seconds": perf_counter() - began, **more}))


def machine() -> str:
    """Return one line on what the figures were measured with."""
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    version = ".".join(str(part) for part in sys.version_info[:3])
    return f"{os.cpu_count()} cores, {gigabytes:.0f} GiB, {sys.platform}, Python {version}"
