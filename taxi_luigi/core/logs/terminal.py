"""What the terminal shows of a run: our lines, and of Luigi's own only warnings and errors; with DEBUG all of them.

A line first clears what a progress bar, of whichever process, left on the terminal's last line, in the same write.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

import luigi
from luigi.interface import core

CLEAR = "\r\x1b[K"
"""To the line's beginning, and clear to its end: ECMA-48, which every terminal has that is not dumb."""

_LUIGIS_FORMAT = "%(levelname)s: %(message)s"
_LUIGI = str(Path(luigi.__file__).parent)


def is_luigis(record: logging.LogRecord) -> bool:
    """Whether the line comes from Luigi rather than from us."""
    return record.pathname.startswith(_LUIGI)


def can_draw() -> bool:
    """Return whether stderr is a terminal that can show a progress bar."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def take_over(logger: logging.Logger) -> list[logging.Handler]:
    """Set our format on the handlers that Luigi itself installed (3.8.1); return them, none if there are none."""
    taken: list[logging.Handler] = []
    for handler in logger.handlers:
        if type(handler) is logging.StreamHandler and getattr(handler.formatter, "_fmt", "") == _LUIGIS_FORMAT:
            handler.setFormatter(_Line(can_draw()))
            if core().log_level != "DEBUG":
                handler.addFilter(_not_noise)
            taken.append(handler)
    return taken


def give_back(taken: list[logging.Handler]) -> None:
    """Undo `take_over`."""
    for handler in taken:
        handler.setFormatter(logging.Formatter(_LUIGIS_FORMAT))
        handler.removeFilter(_not_noise)


def clear() -> None:
    """Remove what a progress bar left on the line whose process was killed."""
    if can_draw():
        with suppress(OSError):  # the terminal was closed meanwhile, and the run goes on
            sys.stderr.write(CLEAR)
            sys.stderr.flush()


def _not_noise(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or not (is_luigis(record) or getattr(record, "detail", False))


class _Line(logging.Formatter):
    """The text, after its level when that is not INFO."""

    def __init__(self, clears: bool) -> None:
        super().__init__()
        self._before = CLEAR if clears else ""

    def format(self, record: logging.LogRecord) -> str:
        level = "" if record.levelno == logging.INFO else f"{record.levelname}: "
        return f"{self._before}{level}{super().format(record)}"
