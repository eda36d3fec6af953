"""Which files of settings there are, in which order they count, and whether each can be read.

Luigi reads them while it is imported, prints a traceback for a file that it cannot parse, and leaves out one that it
may not open (3.8.1). So the package checks them before, and this module does not import Luigi.
"""

from __future__ import annotations

import codecs
import configparser
import locale
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from taxi_luigi.core import console
from taxi_luigi.core.errors import ConfigError

HOME = "TAXI_LUIGI_HOME"
"""names the project folder, for an install without a checkout"""
NAMED = "LUIGI_CONFIG_PATH"

PACKAGED = Path(__file__).parents[1] / "config" / "luigi.cfg"
"""the copy of config/luigi.cfg in the wheel: exit codes stay where the file of the checkout is lost or changed"""

MACHINES = Path("/etc/luigi")

UNUSABLE = 40
"""exit code; `[retcode] unhandled_exception` of our luigi.cfg, which cannot be read here"""

_CHECKOUT = Path(__file__).resolve().parents[2]


class Unreadable(ConfigError, ValueError):
    """A settings file cannot be read. Where importing the package raises it, it is caught as a ValueError."""


@dataclass(frozen=True)
class Layer:
    """One file of settings, which may not exist."""

    path: Path
    why: str
    """why it is read, as `taxi-luigi settings` shows it"""


def layers() -> list[Layer]:
    """Return the files above the packaged one, a later one wins: Luigi's own (3.8.1), the project's between them."""
    project = project_config()
    found = [Layer(MACHINES / name, "this machine's") for name in ("client.cfg", "luigi.cfg")]
    if project is not None:
        found.append(Layer(project, "the project's"))
    for name in ("client.cfg", "luigi.cfg"):
        path = Path.cwd() / name
        if project is None or not _same_file(path, project):  # in a checkout, luigi.cfg is a link to the project's
            found.append(Layer(path, "the working folder's"))
    named = os.environ.get(NAMED)
    if named:
        found.append(Layer(Path(named).absolute(), NAMED))
    return found


def project_config() -> Path | None:
    """Return config/luigi.cfg in the project folder; None where there is none."""
    path = project_folder() / "config" / "luigi.cfg"
    return path if path.is_file() else None


def project_folder() -> Path:
    """Return the folder of relative paths: TAXI_LUIGI_HOME, an editable install's checkout, or the working folder."""
    named = os.environ.get(HOME)
    if named:
        return Path(named).absolute()
    return _CHECKOUT if (_CHECKOUT / "config" / "luigi.cfg").is_file() else Path.cwd()


def _same_file(path: Path, project: Path) -> bool:
    return path.exists() and path.samefile(project)


def check() -> None:
    """Raise Unreadable for the first fault, with the number of the others; a command ends with that line alone.

    `taxi-luigi doctor`, which cannot begin either, lists all of them.
    """
    found = faults()
    if found:
        sys.excepthook = _say
        more = f" (and {len(found) - 1} more: run taxi-luigi doctor)" if len(found) > 1 else ""
        raise Unreadable(found[0] + more)


def faults() -> list[str]:
    """Return a line for each fault of the files, without their text, which may be a password."""
    wrong = _wrong_variable()
    return [wrong] if wrong else [line for layer in layers() for line in _faults(layer.path)]


def _say(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    doctor = Path(sys.argv[0]).name == "taxi-luigi" and sys.argv[1:2] == ["doctor"]
    for line in faults() if doctor else [str(error)]:
        console.write_error_line(f"ERROR: {line}")
    raise SystemExit(UNUSABLE)


def _wrong_variable() -> str | None:
    home, named = os.environ.get(HOME), os.environ.get(NAMED, "")
    if home and not Path(home).is_dir():
        return f"{HOME} names no folder: {Path(home).absolute()}"
    if os.environ.get("LUIGI_CONFIG_PARSER") == "toml":
        return "LUIGI_CONFIG_PARSER is toml, and settings are read from cfg files alone: unset it"
    if named.endswith(".toml"):
        return f"{NAMED} names {Path(named).absolute()}, and settings are read from cfg files alone, not from TOML"
    return None


def _faults(path: Path) -> list[str]:
    try:
        if not path.exists():
            return []
        found = path.read_bytes()
    except OSError as error:
        return [f"{path} cannot be read: {error.strerror}"]
    wrong = _wrong_bytes(path, found)
    return [wrong] if wrong else [f"{path}, {line}" for _, line in sorted(_faults_of_text(found.decode("utf-8")))]


def _wrong_bytes(path: Path, found: bytes) -> str | None:
    if found.startswith(codecs.BOM_UTF8):
        return f"{path} begins with a byte order mark (BOM): save it as UTF-8 without one"
    if b"\0" in found:
        where = found.count(10, 0, found.index(b"\0")) + 1
        return f"{path}, line {where}, has a NUL byte, as UTF-16 has many: save the file as UTF-8"
    luigis = "utf-8" if sys.flags.utf8_mode else locale.getencoding()
    cures = (("utf-8", "save the file as UTF-8"), (luigis, "that is the locale's: set PYTHONUTF8=1 in the environment"))
    for encoding, cure in cures:
        try:
            found.decode(encoding)
        except UnicodeDecodeError as error:
            return f"{path}, line {found.count(10, 0, error.start) + 1}, is not {encoding.upper()}: {cure}"
    return None


def parsed(text: str) -> configparser.RawConfigParser:
    """Return the sections and keys of one file, its values as they are written. Raises configparser.Error."""
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as Luigi's: keys keep their case
    parser.read_string(text)
    return parser


def _faults_of_text(text: str) -> Iterator[tuple[int, str]]:
    """Yield line number → fault. configparser ends at the first, so each is mended and the rest parsed again."""
    lines = text.split("\n")
    while True:
        try:
            parsed("\n".join(lines))
        except configparser.DuplicateSectionError as error:
            number = error.lineno or 1
            yield number, f"line {number}: the section [{error.section}] is there twice; make one of them"
            lines[number - 1] = f"[line {number}]"
        except configparser.DuplicateOptionError as error:
            number = error.lineno or 1
            yield number, f"line {number}: the section [{error.section}] has this setting already"
            lines[number - 1] = f"line {number} ="
        except configparser.MissingSectionHeaderError as error:
            yield error.lineno, f"line {error.lineno}, stands before the first [section]"
            lines[error.lineno - 1] = f"[line {error.lineno}]"
        except configparser.ParsingError as error:
            numbers = [number for number, _ in error.errors]
            named = ", ".join(f"line {number}" for number in numbers)
            yield numbers[0], f"{named}: a setting is KEY = VALUE in one line (one that goes on is indented)"
            for number in numbers:
                lines[number - 1] = ""
        else:
            return
