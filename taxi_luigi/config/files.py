"""Where luigi.cfg is found, and the project folder that relative paths are relative to."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path

from luigi.configuration import LuigiConfigParser

_CHECKOUT = Path(__file__).resolve().parents[2]


def find() -> None:
    """Puts the project's config/luigi.cfg below the user's own files, once; called when the package is imported.

    Luigi looks only at /etc/luigi, the working folder and LUIGI_CONFIG_PATH; cron starts in none of them. The list of
    paths is a private attribute of luigi 3.8, whose add_config_path() would put ours above the user's.
    """
    project = project_config()
    if project is None:
        return
    paths = [path for path in LuigiConfigParser._config_paths if not _same_file(path, project)]
    paths.insert(2, str(project))
    LuigiConfigParser._config_paths = paths
    LuigiConfigParser.reload()
    parser = LuigiConfigParser.instance()
    if not parser.has_option("core", "lock_pid_dir"):
        # Luigi's own default, /tmp/luigi, belongs to the first user who ran it (3.8.1).
        parser.set("core", "lock_pid_dir", str(Path(tempfile.gettempdir()) / f"luigi-{os.getuid()}"))


def project_config() -> Path | None:
    """config/luigi.cfg beside an editable install, else in the working folder."""
    candidates = (_CHECKOUT / "config" / "luigi.cfg", Path.cwd() / "config" / "luigi.cfg")
    return next((path for path in candidates if path.is_file()), None)


def _same_file(path: str, project: Path) -> bool:
    return Path(path).exists() and Path(path).samefile(project)


@cache
def project_folder() -> Path:
    """What relative paths are relative to: the parent of config/, or the working folder where there is none."""
    project = project_config()
    return project.parent.parent if project else Path.cwd()


def absolute(text: str) -> Path:
    """A path from luigi.cfg: `~` is the user's home, a relative one lies in the project folder."""
    return (project_folder() / Path(text).expanduser()).resolve()
