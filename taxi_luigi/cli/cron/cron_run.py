"""What `taxi-luigi cron-run` and scripts/cron-run do: luigi once, one run at a time, its output in dated log files.

Run by its path and not imported before: the environment file must be read before Luigi reads its settings, and a
luigi.cfg that cannot be read must be in the log. So there is only the standard library at the top; what needs no Luigi
and is needed later is in cron/.
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
"""luigi's arguments where there are none"""

NOT_PUBLISHED = 20
"""`[retcode] missing_data` in luigi.cfg: the only tasks of ours that Luigi calls missing are months at the source"""
BUSY = 11
"""exit code when another cron-run was at work for longer than this one waits"""
UNUSABLE = 40
"""exit code when nothing was started; the same as `[retcode] unhandled_exception`"""

WAIT, MINUTES = "TAXI_LUIGI_CRON_WAIT", 240.0
"""the variable that says how long to wait where --wait does not, and what holds without both"""

_HOME = "TAXI_LUIGI_HOME"
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_LAST_OUTPUT = 5.0
"""seconds that we read on when luigi has ended: after a kill -9, its tasks' processes can hold its output open"""
_TAIL = 16_384
"""bytes of luigi's output that are kept for the mail"""

_DATED = re.compile(r"cron-\d{4}-\d\d-\d\d\.log")


class Unusable(Exception):
    """Nothing can be started; the text is one line."""


class Stopped(SystemExit):
    """A signal came before luigi was started."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.name = signal.Signals(number).name


def main(argv: Sequence[str]) -> int:
    """Runs luigi for the project folder `argv[0]`, with cron-run's options behind it, and returns the exit code."""
    _fill_standard_streams()
    signals, log = _Signals(), None
    options = _options(argv[1:])
    try:
        environment = _take_environment(Path(argv[0]), options.env_file)
        root = _enter(Path(argv[0]))
        log = Log(root / options.log_folder)
        return _run(root, options, argv[1:], environment, signals, log)
    except Unusable as error:
        if log is not None:
            log.line(f"nothing was started: {error}")
        _complain(str(error))
        return UNUSABLE
    except Stopped as stopped:
        why = f"stopped by {stopped.name} before luigi was started"
        if log is not None:
            log.line(f"{why}: exit code {stopped.code}")
        _complain(f"exit code {stopped.code}: {why}")
        raise


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="cron-run",
        description="Runs luigi as cron should: one run at a time, its output in a log file for each day.",
    )
    parser.add_argument("--env-file", type=Path, help="KEY=value lines; without it, .env in the project folder")
    parser.add_argument("--log-folder", type=Path, default=Path("data/logs"), help="of the dated log files")
    parser.add_argument("--keep-logs", type=_days, default=60, metavar="N", help="log files, one a day, that are kept")
    parser.add_argument(
        "--wait",
        type=minutes,
        metavar="MINUTES",
        help=f"for another cron-run at work, before this one ends with {BUSY}; without it, {WAIT} or {MINUTES:g}",
    )
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


def minutes(text: str) -> float:
    """`240`, `0.5`; 0 is not to wait."""
    if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text):
        return float(text)
    raise argparse.ArgumentTypeError("a number of minutes, 0 or more")


def _minutes() -> float:
    try:
        return minutes(os.environ.get(WAIT) or f"{MINUTES:g}")
    except argparse.ArgumentTypeError as error:
        raise Unusable(f"{WAIT} is not {error}") from None


def _enter(root: Path) -> Path:
    """Makes the project folder the working folder, whose luigi.cfg counts, and luigi's project folder too."""
    root = Path(os.environ.get(_HOME) or root).absolute()
    try:
        os.chdir(root)
    except OSError as error:
        raise Unusable(f"the project folder cannot be entered: {error.strerror}: {root}") from error
    os.environ[_HOME] = str(root)
    return root


def _take_environment(root: Path, named: Path | None) -> dict[str, str]:
    """Puts the environment file's values into ours, over what is there: a run by hand is as one of cron's.

    Returns them.
    """
    path = root / (named or ".env")
    try:
        text = path.read_text("utf-8-sig", errors="surrogateescape")
        mode = path.stat().st_mode
    except OSError as error:
        if isinstance(error, FileNotFoundError) and named is None:
            return {}
        raise Unusable(f"the environment file cannot be read: {error.strerror}: {path}") from error
    try:
        found = variables(text)
    except ValueError as error:
        raise Unusable(f"{path}, {error}") from error
    os.environ.update(found)
    if mode & 0o077:
        _complain(f"others than you can read {path}: take that from them with chmod 600")
    return found


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


class Log:
    """The day's log file. What cannot be written there goes to standard error, and the run goes on."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"cron-{date.today()}.log"
        self._descriptor: int | None = None
        self.on_stderr = False
        """whether something of it had to go there"""

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
            if not self.on_stderr:
                _complain(f"the log cannot be written, so here it is: {error.strerror}: {self.path}")
                self.on_stderr = True
            with contextlib.suppress(OSError):  # a pipe whose reader has gone; there is no other place left
                os.write(2, chunk)

    def keep_newest(self, number: int) -> None:
        """Removes all but the newest files. They are counted: a clock that is wrong by months removes no more."""
        dated = [path for path in self.path.parent.glob("cron-*.log") if _DATED.fullmatch(path.name)]
        older = sorted(path for path in dated if path != self.path)
        for path in older[: max(0, len(older) + 1 - number)]:
            try:
                path.unlink()
            except OSError as error:
                self.line(f"an old log file cannot be removed: {error.strerror}: {path}")


def _run(
    root: Path,
    options: argparse.Namespace,
    words: Sequence[str],
    environment: dict[str, str],
    signals: _Signals,
    log: Log,
) -> int:
    """Waits its turn and runs luigi, with what it needs to find luigid."""
    try:
        from taxi_luigi.cli.cron import turn
        from taxi_luigi.core import command_line  # the first import of Luigi, which reads its settings
    except (ImportError, ValueError) as error:  # taxi_luigi.core.settings_files.Unreadable is a ValueError
        raise Unusable(str(error)) from error
    arguments = with_refresh(options.arguments or list(DEFAULT))
    shown = command_line.shown(arguments)  # without its secrets
    wait = _minutes() if options.wait is None else options.wait
    path = turn.lock_path(root)
    try:
        lock = turn.take(path, words, shown, wait, log.line)
    except turn.Busy as error:
        log.line(f"{error}: exit code {BUSY}")
        _complain(f"exit code {BUSY}: {error}")
        return BUSY
    except OSError as error:
        raise Unusable(f"cannot make sure that only one run is at work: {error.strerror}: {path}") from error
    log = Log(log.path.parent)  # of the day on which it has its turn
    log.keep_newest(options.keep_logs)
    log.line(f"begins: {shown}")
    arguments += _lead_to_luigid(root, arguments, log)
    code, last_lines, output = _luigi(arguments, lock, path.with_suffix(".last"), signals, log)
    return _ended(code, last_lines, output, environment, log)


def _lead_to_luigid(root: Path, arguments: list[str], log: Log) -> list[str]:
    """Starts luigid where it should be on this machine and is not; returns what luigi needs to find it."""
    from taxi_luigi.cli.cron.process import start_luigid
    from taxi_luigi.runs.scheduler_client import local_port

    try:
        port = local_port(arguments)
    except (configparser.Error, ValueError, OSError) as error:
        log.line(f"luigid was not looked for: luigi.cfg cannot be read ({type(error).__name__}); luigi says more")
        return []
    if port is None:
        return []
    found, line = start_luigid(root, port)
    log.line(line)
    return [] if found == port else ["--scheduler-url", f"http://127.0.0.1:{found}"]


def _luigi(
    arguments: Sequence[str], lock: int, last_lines: Path, signals: _Signals, log: Log
) -> tuple[int, bytes, bytes]:
    """Luigi to its end, its output in the log.

    Returns: its exit code as a shell has it, the last lines of its summary, and the end of its output
    """
    from taxi_luigi.cli.cron.process import start_luigi
    from taxi_luigi.runs.cron_mail import LAST_LINES

    tail = bytearray()

    def copy(output: IO[bytes]) -> None:
        while chunk := output.read(65536):
            log.write(chunk)
            tail.extend(chunk)
            del tail[:-_TAIL]

    signals.starting = True
    try:
        last_lines.unlink(missing_ok=True)
        process = start_luigi(arguments, lock, {LAST_LINES: str(last_lines)})
    except OSError as error:
        raise Unusable(f"luigi cannot be started: {error.strerror}: {error.filename}") from error
    signals.pass_on_to(process)
    assert process.stdout is not None
    reader = threading.Thread(target=copy, args=(process.stdout,), daemon=True)
    reader.start()
    code = process.wait()
    reader.join(_LAST_OUTPUT)
    summary = b""
    with contextlib.suppress(OSError):
        summary = last_lines.read_bytes()
        last_lines.unlink()
    fcntl.flock(lock, fcntl.LOCK_UN)  # also for every process that has inherited it
    return 128 - code if code < 0 else code, summary, bytes(tail)


def _ended(code: int, summary: bytes, output: bytes, environment: dict[str, str], log: Log) -> int:
    """Says how, and returns cron-run's own exit code."""
    from taxi_luigi.runs import cron_mail

    if code == NOT_PUBLISHED:
        log.line(f"ended: months are not published yet, which is exit code 0 here (luigi's {code})")
        return 0
    log.line(f"ended: exit code {code}")
    if code:
        _complain(f"exit code {code}: see {log.path}")
        if not log.on_stderr:
            _say("".join(f"{line}\n" for line in cron_mail.lines(summary, output, environment)))
    return code


class _Signals:
    """Those that end a run: passed on to luigi, once that is started."""

    def __init__(self) -> None:
        self.starting = False
        self._early: list[int] = []
        self._process: subprocess.Popen[bytes] | None = None
        for each in _SIGNALS:
            signal.signal(each, self._came)

    def pass_on_to(self, process: subprocess.Popen[bytes]) -> None:
        """From now on, with those that came while it was started."""
        self._process = process
        for number in self._early:
            process.send_signal(number)

    def _came(self, number: int, _frame: FrameType | None) -> None:
        if self._process is not None:
            self._process.send_signal(number)
        elif self.starting:
            self._early.append(number)
        else:
            raise Stopped(number)


def _fill_standard_streams() -> None:
    """A stream that is closed would become the first file that we open, and what is written to one goes into it."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free


def _complain(line: str) -> None:
    """On standard error, which cron mails and systemd keeps."""
    _say(f"cron-run: {line}\n")


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # of a pipe, its reader can have gone
        os.write(2, text.encode(errors="surrogateescape"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
