"""Ctrl-C while a command begins: exit code 130 without a traceback, before and after what a run's signals do.

Importing Luigi and pyarrow takes most of a second, in which Python would print where it was. Only under our commands:
elsewhere Ctrl-C stays what the program that imports us makes of it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

CODE = 128 + signal.SIGINT

_COMMANDS = ("luigi", "taxi-luigi")

_happened = False


def while_importing() -> None:
    """Until `imported`, Ctrl-C ends the process at once: nothing has been begun that would have to be cleaned up."""
    if _is_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def imported() -> None:
    """Ctrl-C raises KeyboardInterrupt again."""
    if _is_command() and signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, _raise)


def happened() -> bool:
    """Whether there was a Ctrl-C, of which a library that was at work, as DuckDB, may have made another error."""
    return _happened


def is_ours(kind: type[BaseException]) -> bool:
    """Whether an exception that nothing caught is a Ctrl-C of one of our commands."""
    return issubclass(kind, KeyboardInterrupt) and _is_command()


def _is_command() -> bool:
    here = threading.current_thread() is threading.main_thread()
    return here and Path(sys.argv[0] if sys.argv else "").name in _COMMANDS


def _raise(number: int, frame: FrameType | None) -> None:
    global _happened
    _happened = True
    signal.default_int_handler(number, frame)


def _leave(_number: int, _frame: FrameType | None) -> None:
    os._exit(CODE)
