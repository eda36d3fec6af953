"""The process of a console command: its standard streams, which may be closed, and Ctrl-C.

Ctrl-C while a command begins gives exit code 130 without a traceback, before and after what a run's signals do.
Importing Luigi and pyarrow takes most of a second, in which Python would print a traceback. Only under our commands:
in other programs that import the package, Ctrl-C does what they set.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import FrameType

INTERRUPT_CODE = 128 + signal.SIGINT

_COMMANDS = ("luigi", "taxi-luigi")

_interrupted = False


def exit_on_interrupt() -> None:
    """Have Ctrl-C end the process at once, until `raise_on_interrupt`: nothing needs a clean-up yet."""
    if _is_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def raise_on_interrupt() -> None:
    """Have Ctrl-C raise KeyboardInterrupt again."""
    if _is_command() and signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, _raise)


def was_interrupted() -> bool:
    """Whether there was a Ctrl-C, which a library, as DuckDB, may have raised as an error of its own."""
    return _interrupted


def is_our_interrupt(kind: type[BaseException]) -> bool:
    """Whether an exception that nothing caught is a Ctrl-C of one of our commands."""
    return issubclass(kind, KeyboardInterrupt) and _is_command()


def is_luigi() -> bool:
    """Whether this process is the `luigi` command, and not a program that calls `luigi.run` or `luigi.build`."""
    path = Path(sys.argv[0] if sys.argv else "")
    return path.name == "luigi" or path.parts[-2:] == ("luigi", "__main__.py")


def _is_command() -> bool:
    here = threading.current_thread() is threading.main_thread()
    return here and Path(sys.argv[0] if sys.argv else "").name in _COMMANDS


def _raise(number: int, frame: FrameType | None) -> None:
    global _interrupted
    _interrupted = True
    signal.default_int_handler(number, frame)


def _leave(_number: int, _frame: FrameType | None) -> None:
    os._exit(INTERRUPT_CODE)


def repair_streams() -> None:
    """Open the standard streams that are closed (`2>&-`) on /dev/null.

    Python has None in their place, and the next file that any library opens would get the number of one, and what is
    written to it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            _open_on_nothing(number)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 it is open as long as the process lives


def write_error_line(line: str) -> None:
    """Write a line to stderr; a stderr that is closed or full is no error."""
    repair_streams()
    with suppress(OSError):
        sys.stderr.write(f"{line}\n")


def flush_streams() -> None:
    """Flush stdout and stderr; output whose reader has gone (`| head`, a closed terminal) is dropped.

    Python would try again as it ends, print an error, and change the exit code to 120.
    """
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            _open_on_nothing(number)


def _open_on_nothing(number: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    if nothing != number:
        os.dup2(nothing, number)
        os.close(nothing)
    os.set_inheritable(number, True)
