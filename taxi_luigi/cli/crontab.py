"""Add, change, list and remove entries of taxi_luigi in the user's crontab, by name.

Such an entry is one line that ends in `# taxi_luigi: NAME`, a comment in the shell that cron starts. All other lines
are kept byte for byte and are not parsed.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cronsim import CronSim, CronSimError

from taxi_luigi.core.errors import ConfigError, StorageError, UsageError
from taxi_luigi.core.settings_files import HOME, NAMED
from taxi_luigi.core.text import unwrapped

_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
AT_BOOT = "@reboot"

_LEAPS = 1_000
"""due times of two entries to compare: 40 years of monthly entries, 16 hours of entries each minute"""

_OURS = re.compile(r"\s*(?P<entry>[^#\s].*?)\s+# taxi_luigi: (?P<name>\S+)\s*")
_ENTRY = re.compile(r"(?P<when>@\S+|\S+(?:\s+\S+){4})\s+(?P<command>\S.*)")
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_NOT_CRONS = re.compile(r"[^0-9A-Z*,/-]|(?<![A-Z])L|(?:^|,)[0-9A-Z]+/")
"""syntax of cronsim that Debian's cron lacks: L, LW, #, and 5/15, which Debian's cron reads as 5"""


@dataclass(frozen=True)
class Entry:
    """One entry of taxi_luigi."""

    name: str
    when: str
    """`0 6 * * *` or `@daily`"""
    command: str
    """as in the crontab: percent signs escaped, without the mark"""

    def __str__(self) -> str:
        return f"{self.when} {self.command} # taxi_luigi: {self.name}"

    def words(self) -> list[str]:
        """Split the command as a shell would, or at white space where a user's edit is not valid shell syntax."""
        text = self.command.replace(r"\%", "%")
        try:
            return shlex.split(text)
        except ValueError:
            return text.split()

    def settings(self) -> tuple[str, str]:
        """Return the project folder and LUIGI_CONFIG_PATH; entries with the same two share a lock."""
        words = self.words()
        variables: dict[str, str] = {}
        while words and (words[0] == "env" or "=" in words[0]):
            name, _, text = words.pop(0).partition("=")
            variables[name] = text
        # Entries of earlier versions call scripts/cron-run in the project folder.
        program = Path(words[0]) if words else Path()
        return variables.get(HOME, str(program.parent.parent)), variables.get(NAMED, "")


def new_entry(name: str, when: str, words: Sequence[str]) -> Entry:
    """Make an entry.

    Args:
        name: letters, digits, dots, - and _
        when: five fields, or a nickname such as @daily
        words: the command, unquoted
    Raises:
        UsageError: the name or the time is invalid, or a word has a character that a crontab does not allow
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"an entry's name has letters, digits, dots, - and _ only, not {name!r}")
    fields = unwrapped(when)
    if fields != AT_BOOT:
        _times(fields, datetime.now())
    for word in words:
        if re.search(r"[\\\x00-\x1f\x7f]", word):
            raise UsageError(f"a crontab entry cannot contain a backslash or a line break: {word!r}")
    # cron reads % as the end of the line, also between quotes.
    return Entry(name, fields, shlex.join(words).replace("%", r"\%"))


def next_time(when: str, now: datetime) -> datetime | None:
    """Return when an entry is due next, in local time; None for `@reboot` and syntax that only cron supports."""
    try:
        return next(_times(when, now), None)
    except UsageError:
        return None


def meeting(one: Entry, other: Entry, now: datetime) -> str | None:
    """Return the next minute at which two entries with the same lock are both due, for messages; None: never."""
    if one.settings() != other.settings():
        return None
    if AT_BOOT in (one.when, other.when):
        return "each boot" if one.when == other.when else None
    first, second = next_time(one.when, now), next_time(other.when, now)
    for _ in range(_LEAPS):
        if first is None or second is None:
            return None
        if first == second:
            return f"{first:%Y-%m-%d %H:%M}"
        before = max(first, second) - timedelta(minutes=1)
        first, second = next_time(one.when, before), next_time(other.when, before)
    return None


def _times(when: str, now: datetime) -> CronSim:
    expression = _NICKNAMES.get(when, when).upper()
    try:
        fields = expression.split()
        if len(fields) != 5:
            raise CronSimError(f"has {len(fields)} of 5 fields")
        for field in fields:
            if _NOT_CRONS.search(field):
                raise CronSimError(f"invalid: {field}")
        return CronSim(expression, now)
    except CronSimError as error:
        why = str(error)[:1].lower() + str(error)[1:]
        raise UsageError(
            f"{when!r} is not a time for cron ({why}): minute, hour, day, month and weekday, as '0 6 * * *', or @daily"
        ) from None


def entries(tab: bytes) -> list[Entry]:
    """Return the entries of taxi_luigi, without those commented out. Raise StorageError for a malformed one."""
    return [entry for entry in map(_ours, _lines(tab)) if entry is not None]


def with_entry(tab: bytes, entry: Entry) -> bytes:
    """Return the crontab with the entry, in place of the one of the same name, else at the end."""
    lines, place = _lines(tab), _place(tab, entry.name)
    ours = os.fsencode(f"{entry}\n")
    if place is not None:
        lines[place] = ours
    else:
        if lines and not lines[-1].endswith(b"\n"):
            lines[-1] += b"\n"
        lines.append(ours)
    return b"".join(lines)


def without_entry(tab: bytes, name: str) -> bytes:
    """Return the crontab without the entry. Raise UsageError when there is none of that name."""
    lines, place = _lines(tab), _place(tab, name)
    if place is None:
        known = ", ".join(entry.name for entry in entries(tab))
        raise UsageError(f"the crontab has no entry of taxi_luigi named {name!r}: " + (known or "it has none"))
    return b"".join(lines[:place] + lines[place + 1 :])


def _lines(tab: bytes) -> list[bytes]:
    return re.findall(rb"[^\n]*\n|[^\n]+", tab)


def _place(tab: bytes, name: str) -> int | None:
    places = [place for place, line in enumerate(_lines(tab)) if (ours := _ours(line)) and ours.name == name]
    if len(places) > 1:
        raise StorageError(f"the crontab has {len(places)} entries named {name}: leave one of them, with crontab -e")
    return places[0] if places else None


def _ours(line: bytes) -> Entry | None:
    text = os.fsdecode(line)
    marked = _OURS.fullmatch(text)
    if marked is None:
        return None
    entry = _ENTRY.fullmatch(marked["entry"])
    if entry is None or "=" in entry["when"]:
        raise StorageError(
            "a line of the crontab is marked as taxi_luigi's but is not an entry; correct it with crontab -e: "
            f"{text.strip()}"
        )
    return Entry(marked["name"], entry["when"], entry["command"])


def read() -> bytes:
    """Return the user's crontab; empty when there is none. Raise StorageError when it cannot be read."""
    done = _crontab("-l")
    if done.returncode == 0:
        return done.stdout
    if b"no crontab for" in done.stderr:
        return b""
    raise StorageError(f"the crontab cannot be read: {_error_text(done)}")


def write(tab: bytes) -> None:
    """Replace the user's crontab. Raise StorageError when the crontab program refuses it, which changes nothing."""
    done = _crontab("-", tab)
    if done.returncode:
        raise StorageError(f"crontab refuses the change, and nothing has changed: {_error_text(done)}")


def _crontab(argument: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    program = shutil.which("crontab")
    if program is None:
        raise ConfigError(
            "there is no crontab program here: install cron (Debian: sudo apt-get install cron), or use systemd: "
            "deploy/systemd"
        )
    return subprocess.run(  # noqa: S603 crontab, with an option and the text of a file
        [program, argument], input=given, capture_output=True, env={**os.environ, "LC_ALL": "C"}
    )


def _error_text(done: subprocess.CompletedProcess[bytes]) -> str:
    text = "; ".join(line.strip() for line in done.stderr.decode(errors="replace").splitlines() if line.strip())
    return text or f"exit code {done.returncode}"
