"""Puts the settings that Luigi does not find by itself below the user's own, and makes paths in luigi.cfg absolute."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from luigi.configuration import LuigiConfigParser, get_config

from taxi_luigi.config import locks
from taxi_luigi.config.kept import values
from taxi_luigi.core import settings_files


def find() -> None:
    """Completes Luigi's settings, when the package is imported: the project's file below the user's own, ours lowest.

    Luigi has read /etc/luigi, the working folder and LUIGI_CONFIG_PATH by then; cron starts elsewhere, and a wheel has
    no config/. So all files are read again in their order, as UTF-8 whatever the locale, and of the packaged one every
    key is set that no file has. Only a `luigi.configuration.add_config_path` after this reads /etc/luigi once more, and
    puts it above the project's file (3.8.1).
    """
    parser = get_config()
    parser.read([layer.path for layer in settings_files.layers()], encoding="utf-8")
    packaged = LuigiConfigParser()
    packaged.read(settings_files.PACKAGED, encoding="utf-8")
    for section in packaged.sections():
        for key, value in packaged.items(section, raw=True):
            if not parser.has_option(section, key):
                parser.set(section, key, value)
    if not parser.has_option("core", "lock_pid_dir"):
        # Luigi's own default, /tmp/luigi, belongs to the first user who ran it, and is one for all settings (3.8.1).
        parser.set("core", "lock_pid_dir", str(locks.folder(values(), settings_files.project_folder())))


@cache
def project_folder() -> Path:
    """What relative paths are relative to, in this process."""
    return settings_files.project_folder()


def absolute(text: str) -> Path:
    """A path from luigi.cfg: `~` is the user's home, a relative one lies in the project folder."""
    return (project_folder() / Path(text).expanduser()).resolve()
