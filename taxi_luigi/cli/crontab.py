"""Our entries in the user's crontab: added, changed, listed and removed by name.

An entry of ours is one line that ends in `# taxi_luigi: NAME`, a comment to the shell that cron runs. Every other line
stays as it is, byte for byte: nothing here parses it.
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
"""times of two entries that are compared: of two that are due each month, 40 years; of two each minute, 16 hours"""

_OURS = re.compile(r"\s*(?P<entry>[^#\s].*?)\s+# taxi_luigi: (?P<name>\S+)\s*")
_ENTRY = re.compile(r"(?P<when>@\S+|\S+(?:\s+\S+){4})\s+(?P<command>\S.*)")
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_NOT_CRONS = re.compile(r"[^0-9A-Z*,/-]|(?<![A-Z])L|(?:^|,)[0-9A-Z]+/")
"""what cronsim reads and Debian's cron does not: L, LW, #; and 5/15, which that takes for 5"""


@dataclass(frozen=True)
class Entry:
    """One entry of ours."""

    name: str
    when: str
    """`0 6 * * *` or `@daily`"""
    command: str
    """as the crontab has it, percent signs escaped, without our mark"""

    def __str__(self) -> str:
        return f"{self.when} {self.command} # taxi_luigi: {self.name}"

    def words(self) -> list[str]:
        """Its command as the shell takes it apart; what a person wrote there may be no words of a shell."""
        text = self.command.replace(r"\%", "%")
        try:
            return shlex.split(text)
        except ValueError:
            return text.split()

    def settings(self) -> tuple[str, str]:
        """Its project folder and LUIGI_CONFIG_PATH: entries that have both in common take turns."""
        words = self.words()
        said: dict[str, str] = {}
        while words and (words[0] == "env" or "=" in words[0]):
            name, _, text = words.pop(0).partition("=")
            said[name] = text
        # Entries of earlier versions have scripts/cron-run of the project folder.
        program = Path(words[0]) if words else Path()
        return said.get(HOME, str(program.parent.parent)), said.get(NAMED, "")


def new_entry(name: str, when: str, words: Sequence[str]) -> Entry:
    """Of what a person typed; UsageError for a name, a time or a word that a crontab cannot hold."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"an entry's name has letters, digits, dots, - and _ only, not {name!r}")
    fields = unwrapped(when)
    if fields != AT_BOOT:
        _times(fields, datetime.now())
    for word in words:
        if re.search(r"[\\\x00-\x1f\x7f]", word):
            raise UsageError(f"a crontab holds no backslashes and line breaks: {word!r}")
    # To cron, % is the end of the line, also between quotes.
    return Entry(name, fields, shlex.join(words).replace("%", r"\%"))


def next_time(when: str, now: datetime) -> datetime | None:
    """When an entry is due next, by local time; None for `@reboot` and what only cron itself can read."""
    try:
        return next(_times(when, now), None)
    except UsageError:
        return None


def meeting(one: Entry, other: Entry, now: datetime) -> str | None:
    """When two entries that take turns are due at the same minute next, None if never."""
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
                raise CronSimError(f"cannot be: {field}")
        return CronSim(expression, now)
    except CronSimError as error:
        why = str(error)[:1].lower() + str(error)[1:]
        raise UsageError(
            f"{when!r} is no time for cron ({why}): minute, hour, day, month and weekday, as '0 6 * * *', or @daily"
        ) from None


def entries(tab: bytes) -> list[Entry]:
    """Those of ours; what a person has commented out is none. StorageError for one that somebody spoilt."""
    return [entry for entry in map(_ours, _lines(tab)) if entry is not None]


def with_entry(tab: bytes, entry: Entry) -> bytes:
    """The crontab with the entry, in the place of the one of that name, else at its end."""
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
    """The crontab without the entry; UsageError where there is none of that name."""
    lines, place = _lines(tab), _place(tab, name)
    if place is None:
        known = ", ".join(entry.name for entry in entries(tab))
        raise UsageError(f"no entry of ours in the crontab is named {name!r}: " + (known or "there are none"))
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
            f"the crontab has a line with our mark that is no entry; mend it with crontab -e: {text.strip()}"
        )
    return Entry(marked["name"], entry["when"], entry["command"])


def read() -> bytes:
    """The user's crontab; empty when there is none."""
    done = _crontab("-l")
    if done.returncode == 0:
        return done.stdout
    if b"no crontab for" in done.stderr:
        return b""
    raise StorageError(f"the crontab cannot be read: {_said(done)}")


def write(tab: bytes) -> None:
    """Replaces the user's crontab. The crontab program looks at all of it first; what it refuses changes nothing."""
    done = _crontab("-", tab)
    if done.returncode:
        raise StorageError(f"crontab refuses the change, and nothing has changed: {_said(done)}")


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


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    said = "; ".join(line.strip() for line in done.stderr.decode(errors="replace").splitlines() if line.strip())
    return said or f"exit code {done.returncode}"
