"""The last lines of a failed run for cron's mail, limited in number and without secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

from taxi_luigi.core import redaction
from taxi_luigi.core.logs import log

LAST_LINES = "TAXI_LUIGI_LAST_LINES"
"""the variable with the path of the file to which a run writes the last lines of its summary"""

_MOST, _LONGEST = 18, 400
"""lines, and characters of each: with the two that cron-run adds, a mail has 20"""
_UNSUMMARIZED = 8
"""lines of the output when luigi ended without a summary"""

_SECRET_NAME = re.compile(r"passw|pwd|secret|token|key|credential|url|dsn", re.IGNORECASE)
_NOISE = re.compile(r"(DEBUG|INFO)\b|\[?pid \d|={5}|\s*$")
"""lines of Luigi that are irrelevant to a failure"""
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


def is_wanted() -> bool:
    """Whether cron-run has started this run."""
    return bool(os.environ.get(LAST_LINES))


def leave(lines: Iterable[str]) -> None:
    """Write the last lines of a run for cron-run, if that has started it."""
    path = os.environ.get(LAST_LINES)
    if not path:
        return
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
    except OSError as error:
        log.warning("the lines for cron's mail cannot be written: %s: %s", error.strerror, path)


def lines(summary: bytes, output: bytes, environment: Mapping[str, str]) -> list[str]:
    """Return the lines to mail, at most 19.

    Args:
        summary: content of the file that LAST_LINES names; empty if the run was killed or did not start
        output: the end of luigi's output
        environment: variables of the environment file, whose passwords are masked
    """
    found = _lines(summary)
    if not found:  # or the disk was full
        found = [line for line in _lines(output) if not _NOISE.match(line)][-_UNSUMMARIZED:]
    more = len(found) - _MOST
    if more > 0:
        found = [*found[:_MOST], f"and {more} more lines in the log"]
    secrets = _secrets(environment)
    return [redaction.redact(redaction.without(line, secrets))[:_LONGEST] for line in found]


def _lines(text: bytes) -> list[str]:
    """Return the lines that are not empty; of one that a progress bar overwrote, the final text."""
    found = (line.rstrip().rpartition("\r")[2] for line in text.decode(errors="replace").split("\n"))
    return [line for line in (_CONTROL.sub("", line).rstrip() for line in found) if line]


def _secrets(environment: Mapping[str, str]) -> set[str]:
    """Return the values of variables named like passwords, and the secrets in URLs among them."""
    named = {value for name, value in environment.items() if _SECRET_NAME.search(name)}
    found = named.union(*map(redaction.secrets_of, named))
    return {secret for secret in found if len(secret) > 3}
