"""What the tasks of a run note for its end, each in its own process: an anonymous file that all of them inherit."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from typing import IO

from taxi_luigi.runs.drift import Remark
from taxi_luigi.runs.month_results import Outcome

Entry = Outcome | Remark


class Ledger:
    """Opened in the main process before any task has its own."""

    def __init__(self) -> None:
        self._file = _anonymous()

    def write(self, entry: Entry) -> None:
        """By one short write in append mode, which no two processes interleave."""
        self._file.write(json.dumps([type(entry).__name__, asdict(entry)]).encode() + b"\n")

    def reader(self) -> Callable[[], list[Entry]]:
        """Each call returns what was noted since the one before; the first, everything."""
        told = 0

        def fresh() -> list[Entry]:
            nonlocal told
            # Not by seek and read: the file's position is shared with every task's process.
            new = os.pread(self._file.fileno(), os.fstat(self._file.fileno()).st_size - told, told)
            told += len(new)
            return [_entry(line) for line in new.splitlines()]

        return fresh

    def close(self) -> None:
        """After the last reading."""
        self._file.close()


def _anonymous() -> IO[bytes]:
    """In memory where the system has that: a full /tmp is no reason for a task to fail."""
    if sys.platform != "linux":
        return tempfile.TemporaryFile(mode="ab+", buffering=0)
    file = os.fdopen(os.memfd_create("taxi_luigi"), "r+b", buffering=0)
    fcntl.fcntl(file, fcntl.F_SETFL, os.O_APPEND)
    return file


def _entry(line: bytes) -> Entry:
    kind, fields = json.loads(line)
    return Outcome(**fields) if kind == "Outcome" else Remark(**fields)
