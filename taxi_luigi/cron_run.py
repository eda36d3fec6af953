"""What scripts/cron-run does: luigi once, one run at a time, its output in dated log files.

Run by its path and not imported before: the environment file must be read before Luigi reads its settings, and a
luigi.cfg that cannot be read must be told in the log. So there is only the standard library at the top.
"""

from __future__ import annotations

import argparse
import configparser
import contextlib
import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from types import FrameType
from typing import IO

TASK, REFRESH = "LoadAllMonths", "--refresh"
DEFAULT = (TASK, "--months", "latest")
"""what luigi is told without arguments"""

NOT_PUBLISHED = 20
"""`[retcode] missing_data` in luigi.cfg: the only tasks of ours that Luigi calls missing are months at the source"""
BUSY = 11
"""exit code while another cron-run is at work"""
UNUSABLE = 40
"""exit code when nothing was started; the same as `[retcode] unhandled_exception`"""

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_LAST_WORDS = 5.0
"""seconds that we read on when luigi has ended: after a kill -9, its tasks' processes can hold its output open"""

_DATED = re.compile(r"cron-\d{4}-\d\d-\d\d\.log")


class Unusable(Exception):
    """Nothing can be started; the text is one line."""


def main(argv: Sequence[str]) -> int:
    """Runs luigi for the project folder `argv[0]`, with cron-run's options behind it, and returns the exit code."""
    root, options = Path(argv[0]), _options(argv[1:])
    try:
        remark = _take_environment(root, options.env_file)
        lock = take_lock(root / "data" / "cron-run.lock")
    except Unusable as error:
        _complain(str(error))
        return UNUSABLE
    log = Log(root / options.log_folder)
    if lock is None:
        log.line(f"another cron-run is at work: exit code {BUSY}")
        return BUSY
    log.keep_newest(options.keep_logs)
    arguments = with_refresh(options.arguments or list(DEFAULT))
    try:
        lead = _lead_to_luigid(root, arguments, log)
    except Unusable as error:
        log.line(f"nothing was started: {error}")
        _complain(str(error))
        return UNUSABLE
    if remark:
        _complain(remark)
        log.line(remark)
    code = _run(arguments + lead, lock, log)
    if code == NOT_PUBLISHED:
        log.line(f"ended: months are not published yet, which is exit code 0 here (luigi's {code})")
        return 0
    log.line(f"ended: exit code {code}")
    if code:
        _complain(f"exit code {code}: see {log.path}")
    return code


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="cron-run", description="Runs luigi as cron should; see scripts/cron-run.")
    parser.add_argument("--env-file", type=Path, help="KEY=value lines; without it, .env in the project folder")
    parser.add_argument("--log-folder", type=Path, default=Path("data/logs"), help="of the dated log files")
    parser.add_argument("--keep-logs", type=_days, default=60, metavar="N", help="log files, one a day, that are kept")
    parser.add_argument("arguments", nargs="*", help=f"luigi's, behind --; without them {' '.join(DEFAULT)}")
    return parser.parse_args(argv)


def with_refresh(arguments: list[str]) -> list[str]:
    """Months that TLC has rewritten are replaced, unless the arguments say themselves what is refreshed."""
    said = any(each.partition("=")[0] == REFRESH for each in arguments)
    return arguments if said or TASK not in arguments else [*arguments, REFRESH]


def _days(text: str) -> int:
    if text.isdecimal() and int(text):
        return int(text)
    raise argparse.ArgumentTypeError("a number of days, 1 or more")


def _take_environment(root: Path, named: Path | None) -> str:
    """Puts the environment file's values into ours, over what is there: a run by hand is as one of cron's.

    Returns a remark about who can read the file, or ''.
    """
    path = root / (named or ".env")
    try:
        text = path.read_text("utf-8-sig", errors="surrogateescape")
        mode = path.stat().st_mode
    except OSError as error:
        if isinstance(error, FileNotFoundError) and named is None:
            return ""
        raise Unusable(f"the environment file cannot be read: {error.strerror}: {path}") from error
    try:
        os.environ.update(variables(text))
    except ValueError as error:
        raise Unusable(f"{path}, {error}") from error
    return f"others than you can read {path}: take that from them with chmod 600" if mode & 0o077 else ""


def variables(text: str) -> dict[str, str]:
    """The values of an environment file: `KEY=value` lines, of which nothing is executed or replaced.

    Blank lines and those that begin with # are skipped; quotes around a value, and `export` before a key, are left out.
    Raises ValueError with the number of a line that is something else, and nothing of what is in it.
    """
    found = {}
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        key, equals, value = re.sub(r"^export\s+", "", stripped).partition("=")
        key, value = key.rstrip(), value.lstrip()
        if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key) or "\0" in value:
            raise ValueError(f"line {number}, is not KEY=value")
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        found[key] = value
    return found


def take_lock(path: Path) -> int | None:
    """The lock's descriptor, None when others have it. It is gone with the last process that has it open."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
    except OSError as error:
        raise Unusable(f"cannot make sure that only one run is at work: {error.strerror}: {path}") from error
    return descriptor


class Log:
    """The day's log file. What cannot be written there goes to standard error, and the run goes on."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"cron-{date.today()}.log"
        self._descriptor: int | None = None
        self._told = False

    def line(self, text: str) -> None:
        """A line of our own."""
        self.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} cron-run: {text}\n".encode(errors="surrogateescape"))

    def write(self, chunk: bytes) -> None:
        """Appends; each time anew after a failure, for a full disk can have room again."""
        try:
            if self._descriptor is None:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            while chunk:
                chunk = chunk[os.write(self._descriptor, chunk) :]
        except OSError as error:
            if not self._told:
                _complain(f"the log cannot be written, so here it is: {error.strerror}: {self.path}")
                self._told = True
            with contextlib.suppress(OSError):  # a pipe whose reader has gone; there is no other place left
                os.write(sys.stderr.fileno(), chunk)

    def keep_newest(self, number: int) -> None:
        """Removes all but the newest files. They are counted: a clock that is wrong by months removes no more."""
        dated = [path for path in self.path.parent.glob("cron-*.log") if _DATED.fullmatch(path.name)]
        older = sorted(path for path in dated if path != self.path)
        for path in older[: max(0, len(older) + 1 - number)]:
            try:
                path.unlink()
            except OSError as error:
                self.line(f"an old log file cannot be removed: {error.strerror}: {path}")


def _lead_to_luigid(root: Path, arguments: list[str], log: Log) -> list[str]:
    """Starts luigid where it should be on this machine and is not; returns what luigi must be told to find it."""
    try:
        from taxi_luigi.command import shown  # the first import of Luigi, which reads its settings
        from taxi_luigi.luigid import local_port
    except ValueError as error:  # taxi_luigi.settings_files.Unreadable, of a package that could not be imported
        raise Unusable(str(error)) from error
    log.line(f"begins: {shown(arguments)}")  # without its secrets
    try:
        port = local_port(arguments)
    except (configparser.Error, ValueError, OSError) as error:
        log.line(f"luigid was not looked for: luigi.cfg cannot be read ({type(error).__name__}); luigi says more")
        return []
    if port is None:
        return []
    command = [str(root / "scripts" / "luigid"), "start", "--port", str(port)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)  # noqa: S603 a script of ours
    log.line(" ".join((done.stdout + done.stderr).decode(errors="replace").split()))
    try:
        found = port if done.returncode else int((root / "data" / "luigid" / "port").read_text())
    except (OSError, ValueError):  # somebody has just stopped it: luigi says so
        return []
    return [] if found == port else ["--scheduler-url", f"http://127.0.0.1:{found}"]


def _run(arguments: list[str], lock: int, log: Log) -> int:
    """Luigi to its end, its output in the log; its exit code as a shell has it. Luigi's own processes hold the lock."""
    process = subprocess.Popen(  # noqa: S603 no shell; the words are the user's own
        [Path(sys.executable).parent / "luigi", "--module", "taxi_luigi", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
        pass_fds=[lock],
    )

    def pass_on(number: int, _frame: FrameType | None) -> None:
        process.send_signal(number)

    for each in _SIGNALS:
        signal.signal(each, pass_on)
    assert process.stdout is not None
    reader = threading.Thread(target=_copy, args=(process.stdout, log), daemon=True)
    reader.start()
    code = process.wait()
    reader.join(_LAST_WORDS)
    return 128 - code if code < 0 else code


def _copy(output: IO[bytes], log: Log) -> None:
    while chunk := output.read(65536):
        log.write(chunk)


def _complain(line: str) -> None:
    """On standard error, which cron mails and systemd keeps."""
    with contextlib.suppress(OSError):
        os.write(sys.stderr.fileno(), f"cron-run: {line}\n".encode(errors="surrogateescape"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
