"""Runs of one month that begin at the same moment, in one project: how each of them ended, and what it said.

`python -m tests.support.at_once [NUMBER [ROUNDS]]` is the long form of tests/pipeline/test_at_once.py, into a DuckDB
file, with and without `--force`: it prints every exit code, and the whole of what a run wrote that failed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from taxi_luigi.sample import write_samples
from taxi_luigi.tlc.months import Month
from tests.support.cdn import Cdn
from tests.support.project import Project, Run

ALL = ("LoadAllMonths", "--colors", "green", "--months", "2021-01")
LOAD = ("LoadMonth", "--color", "green", "--month", "2021-01", "--warehouse")


def at_once(project: Project, commands: Sequence[Sequence[str]], env: Mapping[str, str] | None = None) -> list[Run]:
    """Starts all of them before any is waited for; `--no-lock`, as Luigi's own lock lets one of equal words run."""
    started: list[subprocess.Popen[str]] = [project.start(*words, "--no-lock", env=env) for words in commands]
    said = [process.communicate(timeout=240)[0] for process in started]
    return [Run(process.returncode, text) for process, text in zip(started, said, strict=True)]


def main(number: int = 8, rounds: int = 1) -> int:
    """Returns how many runs failed."""
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        published = Path(folder) / "published"
        write_samples(published, ("green",), (Month(2021, 1),), 3_000, seed=1)
        with Cdn(published) as cdn:
            for words in ((*LOAD, "duckdb"), ALL, (*ALL, "--force"), (*ALL, "--refresh")):
                for turn in range(rounds):
                    project = Project(
                        Path(folder) / f"{len(words)}{words[-1]}{turn}", {"taxi": {"source": cdn.template}}
                    )
                    for again in range(2):
                        runs = at_once(project, [words] * number)
                        print(" ".join(words), f"round {turn} {'again' * again}:", *(run.rc for run in runs))
                        for run in runs:
                            if run.rc:
                                failed += 1
                                print(run.out)
    return failed


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
