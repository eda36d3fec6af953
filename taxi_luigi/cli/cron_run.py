"""`taxi-luigi cron-run`: becomes cron_run.py, in an interpreter that has not read Luigi's settings yet."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

from taxi_luigi.cli.cron import cron_run
from taxi_luigi.core import settings_files


def add(parser: argparse.ArgumentParser) -> None:
    """All words are cron_run.py's, also --help."""
    parser.prefix_chars = "\0"  # so that no word is an option here
    parser.add_argument("words", nargs=argparse.REMAINDER)
    parser.set_defaults(run=_become)


def _become(arguments: argparse.Namespace) -> NoReturn:
    # -P: by its path, the file's folder would come first among those that Python imports from.
    words = [sys.executable, "-P", cron_run.__file__, str(settings_files.project_folder()), *arguments.words]
    os.execv(sys.executable, words)  # noqa: S606 no shell is wanted
