"""`taxi-luigi settings`: every setting in force, and where it comes from."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from typing import Any

from taxi_luigi import config
from taxi_luigi.cli.output import add_json, make_console, print_json
from taxi_luigi.core import settings_files

_WIDE = 10_000
"""columns of a table in a file or a pipe"""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and help of the command."""
    parser.description = (
        "Show which settings files are read, in their order, and every setting in force with the file that it comes "
        "from, as written there: ${NAME} stays, and secrets are masked. An empty one that depends on this machine has "
        "the value that applies here, from: machine. Of Luigi's own keys, those that a file has. "
        "Nothing is checked; doctor does that."
    )
    add_json(parser)
    parser.set_defaults(run=_settings)


def _settings(arguments: argparse.Namespace) -> int:
    files: list[dict[str, Any]] = [{"path": str(settings_files.PACKAGED), "what": "packaged", "read": True}]
    files += [
        {"path": str(layer.path), "what": layer.why, "read": layer.path.is_file()} for layer in settings_files.layers()
    ]
    found = config.in_force()
    if arguments.json:
        project = str(config.project_folder())
        print_json({"project": project, "files": files, "settings": [asdict(each) for each in found]})
    else:
        _print(files, found)
    return 0


def _print(files: list[dict[str, Any]], found: list[config.EffectiveSetting]) -> None:
    from rich.table import Table
    from rich.text import Text

    console = make_console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
    read = Table("file; a later one wins", "what", "", box=None, pad_edge=False)
    for file in files:
        read.add_row(Text(file["path"], overflow="fold"), file["what"], "read" if file["read"] else "not there")
    console.print(read)
    console.print(f"relative paths are relative to {config.project_folder()}\n", markup=False)
    settings = Table("setting", "value", "from", box=None, pad_edge=False)
    for each in found:
        name = Text(f"[{each.section}] {each.key}", overflow="fold")
        settings.add_row(name, Text(each.value, overflow="fold"), Text(each.source, overflow="fold"))
    console.print(settings)
