"""Pass a task's result from its own process to the main one, by an anonymous file that all processes inherit."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from typing import IO

from taxi_luigi.history import Drift, TaskResult


class TaskResults:
    """The results of a run's tasks so far. Made in the main process, before any task is forked."""

    def __init__(self) -> None:
        self._file = _anonymous()

    def add(self, result: TaskResult) -> None:
        """Append one, by a single short write in append mode, which no two processes interleave."""
        self._file.write(json.dumps(asdict(result)).encode() + b"\n")

    def all(self) -> list[TaskResult]:
        """Return those of all processes, in the order in which they were added."""
        return self.reader()()

    def reader(self) -> Callable[[], list[TaskResult]]:
        """Return a function that returns what was added since its last call; at the first, everything."""
        position = 0

        def new() -> list[TaskResult]:
            nonlocal position
            # Not by seek and read: the file's position is shared with every task's process.
            lines = os.pread(self._file.fileno(), os.fstat(self._file.fileno()).st_size - position, position)
            position += len(lines)
            return [_parse(line) for line in lines.splitlines()]

        return new

    def close(self) -> None:
        """Free the file; nothing is read after this."""
        self._file.close()


def _anonymous() -> IO[bytes]:
    """Return a file in memory where the system has such, so that a full /tmp fails no task."""
    if sys.platform != "linux":
        return tempfile.TemporaryFile(mode="ab+", buffering=0)
    file = os.fdopen(os.memfd_create("taxi_luigi"), "r+b", buffering=0)
    fcntl.fcntl(file, fcntl.F_SETFL, os.O_APPEND)
    return file


def _parse(line: bytes) -> TaskResult:
    fields = json.loads(line)
    drift = fields.pop("drift")
    return TaskResult(**fields, drift=None if drift is None else Drift(**drift))
