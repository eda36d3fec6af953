"""Each line of a run as JSON, in a file per day that all runs and their processes append to.

Beside its text a line has fields: the task that this process runs, and the line's own figures. A file that cannot be
written, on a full disk for instance, is reported once in a run and costs nothing else.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import mmap
import os
import socket
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from taxi_luigi.core.logs.terminal import is_luigis

KEPT = 60
"""Files, a day each, that are kept. Counted, not dated: a clock that is wrong for a night removes one, not all."""

_HOST = socket.gethostname()

_task: dict[str, str] = {}


@contextlib.contextmanager
def about(task: Mapping[str, str]) -> Iterator[None]:
    """Give every line that this process logs in the block the fields of a task: `task`, `color`, `month`, `store`."""
    global _task
    before, _task = _task, dict(task)
    try:
        yield
    finally:
        _task = before


def figures(rows: int = 0, bytes: int = 0, seconds: float = 0.0) -> dict[str, Any]:
    """Return `extra=` for a log line, whose JSON gets the fields rows, bytes and seconds, without those that are 0."""
    return {"fields": {"rows": rows, "bytes": bytes, "seconds": round(seconds, 3)}}


def detail(rows: int = 0, bytes: int = 0, seconds: float = 0.0) -> dict[str, Any]:
    """Return `extra=` for a line that the terminal has with DEBUG alone, as the month's own line adds it up."""
    return figures(rows, bytes, seconds) | {"detail": True}


def of_task(task: Mapping[str, str]) -> dict[str, Any]:
    """Return `extra=` for a line about a task that this process does not run."""
    return {"fields": dict(task)}


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return the fields of a line, of its task and its own, without empty ones."""
    return {name: value for name, value in (_task | getattr(record, "fields", {})).items() if value}


def lines_of(folder: Path, run: str, first: str, last: str) -> tuple[list[dict[str, Any]], str]:
    """Read the lines of a run.

    Args:
        folder: of the files
        run: its id
        first: the day on which it began, UTC, `2026-11-21`
        last: the day on which it ended
    Returns: the fields of each line, and which file is not there or cannot be read, in one line; '' where none is
    """
    found, note = [], ""
    for path in _files(folder, first, last):
        try:
            with path.open("rb") as file:
                found += [
                    line for line in (_fields(each) for each in file if run.encode() in each) if line["run"] == run
                ]
        except OSError as error:
            note = note or f"the log of this run cannot be read: {error.strerror}: {path}"
    return found, note or ("" if found else f"the log has no line of this run: {folder}")


def _files(folder: Path, first: str, last: str) -> list[Path]:
    """Return the files of the days, and that of the first also where there is none."""
    days = {path.stem for path in folder.glob("*.jsonl") if first <= path.stem <= last}
    return [folder / f"{day}.jsonl" for day in sorted({first, *days})]


def _fields(line: bytes) -> dict[str, Any]:
    """Return the fields of a line; of one that is damaged, none but an empty `run`."""
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    return {"run": "", **(found if isinstance(found, dict) else {})}


class Once:
    """A flag that the processes of a run share, for what is reported once in a run.

    Made in the main process before any task has its own. Two processes at one instant may both be first.
    """

    def __init__(self) -> None:
        self._flag = mmap.mmap(-1, 1)

    @property
    def happened(self) -> bool:
        """Whether `first` was called."""
        return self._flag[0] != 0

    def first(self) -> bool:
        """Return True to the first caller."""
        was = self.happened
        self._flag[0] = 1
        return not was


class JsonLines(logging.Handler):
    """`{folder}/2026-11-21.jsonl`, by the day in UTC; only its owner can read it.

    Opened for each line: it costs 20 µs, there are a few lines a second at most, and nothing is held over a fork,
    midnight or a removed file. A line is one write in append mode, which no two processes interleave.
    """

    def __init__(self, folder: Path, run: str, once: Once) -> None:
        super().__init__()
        self._folder, self._run, self._once = folder, run, once

    def remove_old(self) -> None:
        """Keep the newest files; make the folder."""
        with contextlib.suppress(OSError):  # what is wrong with the folder is reported at the first line
            _check_no_link(self._folder)
            for folder in (self._folder.parent, self._folder):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in sorted(self._folder.glob("[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9].jsonl"))[:-KEPT]:
                path.unlink(missing_ok=True)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = json.dumps(self._line(record), ensure_ascii=False, default=str)
        except (TypeError, ValueError):
            self.handleError(record)  # arguments that do not fit their text: a defect, and never a failure of the run
            return
        path = self._folder / f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%d}.jsonl"
        try:
            _check_no_link(self._folder)
            _append(path, line.encode(errors="backslashreplace") + b"\n")
        except OSError as error:
            if self._once.first():
                record = logging.LogRecord(
                    record.name, logging.WARNING, __file__, 0,
                    "the log file %s cannot be written: %s; the run goes on without it",
                    (path, error.strerror), None,
                )  # fmt: skip
                logging.getLogger(record.name).handle(record)

    def _line(self, record: logging.LogRecord) -> dict[str, Any]:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname,
            "message": record.getMessage(),
            "run": self._run,
            **fields_of(record),
            "pid": record.process,
            "host": _HOST,
        }
        if is_luigis(record):
            line["by"] = "luigi"
        if record.exc_info:
            line["traceback"] = record.exc_text or logging.Formatter().formatException(record.exc_info)
        return line


def _check_no_link(folder: Path) -> None:
    """Raise OSError for a link, by which another user could have us write, and remove files, elsewhere."""
    if folder.is_symlink():
        raise OSError(errno.ELOOP, "its folder is a link; remove that")


def _append(path: Path, line: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        written = os.write(file, line)
        if written < len(line):  # the disk is full: half a line would spoil the next one, too
            os.ftruncate(file, os.lseek(file, 0, os.SEEK_CUR) - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(file)
