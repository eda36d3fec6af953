"""Which files of settings there are, in which order they count, and whether each can be read.

Knows no Luigi, which reads them while it is imported: what it cannot read, it says with a traceback, and a file that
may not be opened it leaves out (3.8.1). So the package looks first.
"""

from __future__ import annotations

import codecs
import configparser
import locale
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from taxi_luigi import streams
from taxi_luigi.errors import ConfigError

HOME = "TAXI_LUIGI_HOME"
"""names the project folder, for an install without a checkout"""
NAMED = "LUIGI_CONFIG_PATH"

PACKAGED = Path(__file__).with_name("config") / "luigi.cfg"
"""config/luigi.cfg as it travels in the wheel; a copy, so that neither a lost nor a changed file of the checkout takes
the exit codes with it"""

MACHINES = Path("/etc/luigi")

UNUSABLE = 40
"""exit code; `[retcode] unhandled_exception` of our luigi.cfg, which cannot be read here"""

_CHECKOUT = Path(__file__).resolve().parents[1]


class Unreadable(ConfigError, ValueError):
    """A settings file cannot be read. Where importing the package raises it, it is caught as a ValueError."""


@dataclass(frozen=True)
class Layer:
    """One file that counts, whether it is there or not."""

    path: Path
    why: str
    """why it is looked at, for people"""


def layers() -> list[Layer]:
    """The files above the packaged one; a later one wins. Luigi's own (3.8.1), and the project's between them."""
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
    """config/luigi.cfg in the project folder, where there is one."""
    path = project_folder() / "config" / "luigi.cfg"
    return path if path.is_file() else None


def project_folder() -> Path:
    """What relative paths are relative to: TAXI_LUIGI_HOME, an editable install's checkout, or the working folder."""
    named = os.environ.get(HOME)
    if named:
        return Path(named).absolute()
    return _CHECKOUT if (_CHECKOUT / "config" / "luigi.cfg").is_file() else Path.cwd()


def _same_file(path: Path, project: Path) -> bool:
    return path.exists() and path.samefile(project)


def check() -> None:
    """Raises Unreadable for the first file that cannot be read. A command ends with its line, and without traceback."""
    line = _wrong_variable() or next(filter(None, (_fault(layer.path) for layer in layers())), None)
    if line is not None:
        sys.excepthook = _say
        raise Unreadable(line)


def _say(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    streams.say(f"ERROR: {error}")
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


def _fault(path: Path) -> str | None:
    """What is wrong with a file, in one line without anything of its text, which may be a password."""
    try:
        if not path.exists():
            return None
        found = path.read_bytes()
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    if found.startswith(codecs.BOM_UTF8):
        return f"{path} begins with a byte order mark (BOM): save it as UTF-8 without one"
    luigis = "utf-8" if sys.flags.utf8_mode else locale.getencoding()
    cures = (("utf-8", "save the file as UTF-8"), (luigis, "that is the locale's: set PYTHONUTF8=1 in the environment"))
    for encoding, cure in cures:
        try:
            found.decode(encoding)
        except UnicodeDecodeError as error:
            return f"{path}, line {found.count(10, 0, error.start) + 1}, is not {encoding.upper()}: {cure}"
    return _fault_of_text(path, found.decode("utf-8"))


def parsed(text: str) -> configparser.RawConfigParser:
    """The sections and keys of one file, its values as they are written. Raises configparser.Error."""
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as Luigi's: keys keep their case
    parser.read_string(text)
    return parser


def _fault_of_text(path: Path, text: str) -> str | None:
    try:
        parsed(text)
    except configparser.DuplicateSectionError as error:
        return f"{path}, line {error.lineno}: the section [{error.section}] is there twice; make one of them"
    except configparser.DuplicateOptionError as error:
        return f"{path}, line {error.lineno}: the section [{error.section}] has this setting already"
    except configparser.MissingSectionHeaderError as error:
        return f"{path}, line {error.lineno}, stands before the first [section]"
    except configparser.ParsingError as error:
        lines = ", ".join(f"line {number}" for number, _ in error.errors)
        return f"{path}, {lines}: a setting is KEY = VALUE in one line (one that goes on is indented)"
    return None
