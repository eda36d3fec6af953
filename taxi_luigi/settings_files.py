"""Which files of settings there are, and in which order they count. Knows no Luigi, which reads them at its import."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

HOME = "TAXI_LUIGI_HOME"
"""names the project folder, for an install without a checkout"""
NAMED = "LUIGI_CONFIG_PATH"

PACKAGED = Path(__file__).with_name("config") / "luigi.cfg"
"""config/luigi.cfg as it travels in the wheel; a copy, so that neither a lost nor a changed file of the checkout takes
the exit codes with it"""

MACHINES = Path("/etc/luigi")

_CHECKOUT = Path(__file__).resolve().parents[1]


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
