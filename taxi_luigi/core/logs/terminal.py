"""What the terminal shows of a run: our lines, and of Luigi's own only warnings and errors; with DEBUG all of them.

A line first clears the panel of the run, whose process leaves the cursor at its first character, in the same write.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

import luigi
from luigi.interface import core

CLEAR = "\r\x1b[J"
"""To the line's beginning, and clear to the screen's end: ECMA-48, which every terminal has that is not dumb."""

_LUIGIS_FORMAT = "%(levelname)s: %(message)s"
panel_shown = False
"""whether the run has a panel, which has the failures of tasks"""

_LUIGI = str(Path(luigi.__file__).parent)


def is_luigis(record: logging.LogRecord) -> bool:
    """Whether the line comes from Luigi rather than from us."""
    return record.pathname.startswith(_LUIGI)


def can_draw() -> bool:
    """Return whether stderr is a terminal that can show a panel; with DEBUG, it is to show lines."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and core().log_level != "DEBUG"


def shows_summary() -> bool:
    """Return whether stderr is a terminal that can show the summary of a run as a table, and is to show it."""
    return can_draw() and core().log_level == "INFO"


def take_over(logger: logging.Logger, luigis_lines: bool = False) -> list[logging.Handler]:
    """Set our format and filter on the handlers that Luigi itself installed (3.8.1), until `give_back`.

    Args:
        logger: Luigi's
        luigis_lines: whether they go on to show Luigi's lines, in its format
    Returns: these handlers, none if there are none
    """
    taken: list[logging.Handler] = []
    for handler in logger.handlers:
        if type(handler) is logging.StreamHandler and getattr(handler.formatter, "_fmt", "") == _LUIGIS_FORMAT:
            if not luigis_lines:
                handler.setFormatter(_Line(can_draw()))
            if handler.level > logging.DEBUG:
                handler.addFilter(_no_detail if luigis_lines else _not_noise)
            taken.append(handler)
    return taken


def give_back(taken: list[logging.Handler]) -> None:
    """Undo `take_over`."""
    for handler in taken:
        handler.setFormatter(logging.Formatter(_LUIGIS_FORMAT))
        for each in (_no_detail, _not_noise):
            handler.removeFilter(each)


def clear() -> None:
    """Remove the panel."""
    if can_draw():
        with suppress(OSError):  # the terminal was closed meanwhile, and the run goes on
            sys.stderr.write(CLEAR)
            sys.stderr.flush()


def _no_detail(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or not getattr(record, "detail", False)


def _not_noise(record: logging.LogRecord) -> bool:
    if (
        panel_shown
        and record.levelno == logging.ERROR
        and not record.exc_info
        and getattr(record, "fields", {}).get("task")
    ):
        return False
    return _no_detail(record) and (record.levelno >= logging.WARNING or not is_luigis(record))


class _Line(logging.Formatter):
    """The text, after its level when that is not INFO."""

    def __init__(self, clears: bool) -> None:
        super().__init__()
        self._before = CLEAR if clears else ""

    def format(self, record: logging.LogRecord) -> str:
        level = "" if record.levelno == logging.INFO else f"{record.levelname}: "
        return f"{self._before}{level}{super().format(record)}"
