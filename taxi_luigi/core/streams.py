"""The three standard streams of a process that somebody began without them, or that lost its reader on the way."""

from __future__ import annotations

import os
import sys
from contextlib import suppress


def repair() -> None:
    """Opens on nothing what is closed of them (`2>&-`): Python has None in such a one's place, and the next file that
    any library opens would get its number, and whatever is written to it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            _open_on_nothing(number)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 it is open as long as the process lives


def say(line: str) -> None:
    """Writes a line to stderr, where somebody is there to read it."""
    repair()
    with suppress(OSError):
        sys.stderr.write(f"{line}\n")


def settle() -> None:
    """Writes what is still to be written; where nobody reads any more (`| head`, a closed terminal), drops it.

    Python would try that again as it ends, say so, and change the exit code to 120.
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
