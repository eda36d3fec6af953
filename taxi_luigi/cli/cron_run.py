"""`taxi-luigi cron-run` and scripts/cron-run: run luigi once, one run at a time, with its output in dated log files.

`taxi-luigi cron-run` replaces its process by this file, run by its path: the environment file must be read before Luigi
reads its settings, and a luigi.cfg that cannot be read must be in the log. So the top imports the standard library
alone.
"""

from __future__ import annotations

import argparse
import configparser
import contextlib
import ctypes
import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

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
"""the variable that holds the minutes to wait for another run, and their default; --wait comes before both"""

_HOME = "TAXI_LUIGI_HOME"
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_LAST_OUTPUT = 5.0
"""seconds of reading after luigi's end: after a kill -9, its tasks' processes can hold its output open"""
_TAIL = 16_384
"""bytes of luigi's output that are kept for the mail"""

_SET_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux's prctl(2)"""

_DATED = re.compile(r"cron-\d{4}-\d\d-\d\d\.log")


class Unusable(Exception):
    """Nothing can be started; the text is one line."""


class Stopped(SystemExit):
    """A signal came before luigi was started."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.name = signal.Signals(number).name


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the command to `taxi-luigi`. All options are parsed by `main`, --help too."""
    parser.prefix_chars = "\0"  # so that no word is an option here
    parser.add_argument("words", nargs=argparse.REMAINDER)
    parser.set_defaults(run=_become)


def _become(arguments: argparse.Namespace) -> NoReturn:
    from taxi_luigi.core import settings_files

    # -P: by its path, the file's folder would come first among those that Python imports from.
    words = [sys.executable, "-P", __file__, str(settings_files.project_folder()), *arguments.words]
    os.execv(sys.executable, words)  # noqa: S606 no shell is wanted


def main(argv: Sequence[str]) -> int:
    """Run luigi for the project folder `argv[0]`, with cron-run's options behind it; return the exit code."""
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
    """Add --refresh, which replaces the months that TLC has rewritten, unless the arguments have it."""
    given = any(each.partition("=")[0] == REFRESH for each in arguments)
    return arguments if given or TASK not in arguments else [*arguments, REFRESH]


def _days(text: str) -> int:
    if text.isdecimal() and int(text):
        return int(text)
    raise argparse.ArgumentTypeError("a number of days, 1 or more")


def minutes(text: str) -> float:
    """Parse `240` or `0.5`; 0: do not wait. Raise argparse.ArgumentTypeError."""
    if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text):
        return float(text)
    raise argparse.ArgumentTypeError("a number of minutes, 0 or more")


def _minutes() -> float:
    try:
        return minutes(os.environ.get(WAIT) or f"{MINUTES:g}")
    except argparse.ArgumentTypeError as error:
        raise Unusable(f"{WAIT} is not {error}") from None


def _enter(root: Path) -> Path:
    """Make the project folder the working folder, whose luigi.cfg is read, and TAXI_LUIGI_HOME."""
    root = Path(os.environ.get(_HOME) or root).absolute()
    try:
        os.chdir(root)
    except OSError as error:
        raise Unusable(f"the project folder cannot be entered: {error.strerror}: {root}") from error
    os.environ[_HOME] = str(root)
    return root


def _take_environment(root: Path, named: Path | None) -> dict[str, str]:
    """Put the environment file's values into this process's environment, over what is there; return them.

    A run by hand then has the same values as one of cron's.
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
        _complain(f"other users can read {path}: chmod 600 keeps them out")
    return found


def variables(text: str) -> dict[str, str]:
    """Parse an environment file: `KEY=value` lines, of which nothing is executed or replaced.

    Blank lines and those that begin with # are skipped; quotes around a value, and `export` before a key, are left out.
    Raises ValueError with the number of a line of another form, without its text, which may be a secret.
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
    """The day's log file. Lines that cannot be written there go to standard error, and the run goes on."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"cron-{date.today()}.log"
        self._descriptor: int | None = None
        self.on_stderr = False
        """whether part of the log had to go to standard error"""

    def line(self, text: str) -> None:
        """Append a line of cron-run's own."""
        self.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} cron-run: {text}\n".encode(errors="surrogateescape"))

    def write(self, chunk: bytes) -> None:
        """Append; after a failure each call tries again, because a full disk can have space again."""
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
            with contextlib.suppress(OSError):  # a pipe whose reader has gone; no other place is left
                os.write(2, chunk)

    def keep_newest(self, number: int) -> None:
        """Remove all but the newest files. They are counted: a clock that is wrong by months removes no more."""
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
    """Wait for the lock, then run luigi with what it needs to find luigid."""
    try:
        from taxi_luigi.cli import cron_lock
        from taxi_luigi.core import redaction  # the first import of Luigi, which reads its settings
    except (ImportError, ValueError) as error:  # taxi_luigi.core.settings_files.Unreadable is a ValueError
        raise Unusable(str(error)) from error
    arguments = with_refresh(options.arguments or list(DEFAULT))
    shown = redaction.shown_command(arguments)  # without its secrets
    wait = _minutes() if options.wait is None else options.wait
    path = cron_lock.lock_path(root)
    try:
        lock = cron_lock.take(path, words, shown, wait, log.line)
    except cron_lock.Busy as error:
        log.line(f"{error}: exit code {BUSY}")
        _complain(f"exit code {BUSY}: {error}")
        return BUSY
    except OSError as error:
        raise Unusable(f"cannot make sure that only one run is at work: {error.strerror}: {path}") from error
    log = Log(log.path.parent)  # of the day on which it gets the lock
    log.keep_newest(options.keep_logs)
    log.line(f"begins: {shown}")
    arguments += _lead_to_luigid(root, arguments, log)
    code, last_lines, output = _luigi(arguments, lock, path.with_suffix(".last"), signals, log)
    return _ended(code, last_lines, output, environment, log)


def _lead_to_luigid(root: Path, arguments: list[str], log: Log) -> list[str]:
    """Start luigid where it should run on this machine and does not; return the options by which luigi finds it."""
    from taxi_luigi.runs.scheduler_client import local_port

    try:
        port = local_port(arguments)
    except (configparser.Error, ValueError, OSError) as error:
        log.line(
            f"luigid was not looked for: luigi.cfg cannot be read ({type(error).__name__}); luigi's own line has more"
        )
        return []
    if port is None:
        return []
    found, line = _start_luigid(root, port)
    log.line(line)
    return [] if found == port else ["--scheduler-url", f"http://127.0.0.1:{found}"]


def _start_luigid(root: Path, port: int) -> tuple[int, str]:
    """Start luigid on this machine unless one runs.

    Returns: its port, another one than `port` where a stranger has that, and the line to log
    """
    command: list[str | Path] = [Path(sys.executable).with_name("taxi-luigi"), "luigid", "start", "--port", str(port)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)  # noqa: S603 a command of ours
        line = " ".join((done.stdout + done.stderr).decode(errors="replace").split())
        return port if done.returncode else int((root / "data" / "luigid" / "port").read_text()), line
    except (OSError, ValueError) as error:  # it has just been stopped: luigi reports that
        return port, f"luigid was not found: {error}"


def _luigi(
    arguments: Sequence[str], lock: int, last_lines: Path, signals: _Signals, log: Log
) -> tuple[int, bytes, bytes]:
    """Run luigi to its end, with its output in the log.

    Returns:
        Its exit code as a shell has it, the last lines of its summary, and the end of its output.
    """
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
        process = _start_luigi(arguments, lock, {LAST_LINES: str(last_lines)})
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


def _start_luigi(arguments: Sequence[str], lock: int, more: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start luigi with its output in one pipe and with `more` environment variables. Raises OSError.

    Its main process and those of its tasks hold the lock as well: when cron-run alone is killed, the next one waits
    until they have ended. Luigi then gets SIGTERM (Linux).
    """
    return subprocess.Popen(  # noqa: S603 no shell; the words are the user's own
        [Path(sys.executable).with_name("luigi"), "--module", "taxi_luigi", *arguments],
        env={**os.environ, **more},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
        pass_fds=[lock],
        preexec_fn=_ending_with(os.getpid()),
    )


def _ending_with(parent: int) -> Callable[[], None] | None:
    """Return what the child calls before it becomes luigi: request SIGTERM for its parent's death, or end after it."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # before the fork

    def arrange() -> None:
        prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(128 + signal.SIGTERM)

    return arrange


def _ended(code: int, summary: bytes, output: bytes, environment: dict[str, str], log: Log) -> int:
    """Log how the run ended; return cron-run's own exit code."""
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
    """The signals that end a run, passed on to luigi once it is started."""

    def __init__(self) -> None:
        self.starting = False
        self._early: list[int] = []
        self._process: subprocess.Popen[bytes] | None = None
        for each in _SIGNALS:
            signal.signal(each, self._handle)

    def pass_on_to(self, process: subprocess.Popen[bytes]) -> None:
        """Pass signals on from now on, and those that came while luigi was being started."""
        self._process = process
        for number in self._early:
            process.send_signal(number)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._process is not None:
            self._process.send_signal(number)
        elif self.starting:
            self._early.append(number)
        else:
            raise Stopped(number)


def _fill_standard_streams() -> None:
    """Open /dev/null for each closed standard stream: else the first file to be opened would take its number."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free


def _complain(line: str) -> None:
    """Print a line on standard error, which cron mails and systemd keeps."""
    _say(f"cron-run: {line}\n")


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # of a pipe, its reader can have gone
        os.write(2, text.encode(errors="surrogateescape"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
