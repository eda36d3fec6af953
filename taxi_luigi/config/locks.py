"""The folder of Luigi's lock, by which a command runs once at a time: one per set of settings, owned by this user.

Luigi 3.8.1 takes the lock after it has made its factory of workers. It creates one level of the folder, and follows a
link in its place.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Hashable
from datetime import datetime
from pathlib import Path

import psutil
from luigi import lock

from taxi_luigi.core import redaction
from taxi_luigi.core.errors import ConfigError

_DECIDE = (
    "AWS_BATCH_JOB_ARRAY_INDEX",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_PROFILE",
    "BIGQUERY_EMULATOR_HOST",
    "CLOUD_RUN_TASK_INDEX",
    "JOB_COMPLETION_INDEX",
    "SLURM_ARRAY_TASK_ID",
    "STORAGE_EMULATOR_HOST",
)
"""variables by which a library finds a store, libpq's begin with PG, or by which `--shard auto` is a number"""


def folder(settings: Hashable, project: Path) -> Path:
    """Return the folder for runs with these settings; relative paths in them are relative to the project folder."""
    variables = sorted((name, text) for name, text in os.environ.items() if name in _DECIDE or name.startswith("PG"))
    digest = hashlib.sha256(repr((settings, project, variables)).encode(errors="surrogateescape")).hexdigest()
    return Path(tempfile.gettempdir()) / f"taxi_luigi-{os.getuid()}-locks-{digest[:16]}"


def check(folder: Path) -> None:
    """Raise ConfigError for a folder in /tmp that another user made: Luigi would write into its files (3.8.1)."""
    if folder.parent != Path(tempfile.gettempdir()):
        return
    if folder.is_symlink() or (folder.exists() and folder.stat().st_uid != os.getuid()):
        raise ConfigError(f"[core] lock_pid_dir: {folder} belongs to another user: remove it, or set another folder")


def make(folder: Path) -> None:
    """Create the folder for its owner alone, so that no other user can put one in its place. Raise ConfigError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    check(folder)


def holders(folder: Path) -> list[psutil.Process]:
    """Return the processes that hold the lock of this command line, without this one and its parents."""
    _, line, path = lock.get_info(str(folder))
    try:
        found = {int(text) for text in Path(path).read_text().split()}
    except (FileNotFoundError, ValueError):  # the file of a run that was killed while it wrote it
        return []
    here = psutil.Process()
    others = found - {process.pid for process in (here, *here.parents())}
    return [each for each in psutil.process_iter() if each.pid in others and lock.getpcmd(each.pid) == line]


def report_holder(holder: psutil.Process) -> None:
    """Name the holder on standard error: Luigi has no logging yet, and its own line has the process id alone."""
    try:
        since = f", since {datetime.fromtimestamp(holder.create_time()):%Y-%m-%d %H:%M:%S}"
    except psutil.NoSuchProcess:  # it has ended since
        since = ""
    _report(
        f"{redaction.shown_command(sys.argv[1:])}: the same command is running already{since} (process {holder.pid})"
    )


def _report(line: str) -> None:
    sys.stderr.write(f"ERROR: {line}\n")
