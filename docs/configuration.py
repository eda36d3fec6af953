"""Writes docs/configuration.md, and our sections in config/luigi.cfg, from the settings as the code declares them.

    python docs/configuration.py

Tests hold that both are as this writes them. The sections of tasks and of Luigi itself are written by hand in
config/luigi.cfg, with a comment above each key; the page has them from there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill, wrap
from typing import Any

import taxi_luigi
from taxi_luigi.config.factories import STORES as TYPES
from taxi_luigi.config.factories import store_class
from taxi_luigi.config.sections import SECTIONS
from taxi_luigi.core import settings_files
from taxi_luigi.core.settings import declared
from taxi_luigi.runs.task import families

ROOT = Path(__file__).resolve().parents[1]
PAGE = Path(__file__).with_name("configuration.md")
MAIN = ROOT / "config" / "luigi.cfg"

INTRODUCTION = """\
# Configuration

Made by `docs/configuration.py` from the code and `config/luigi.cfg`; change those, not this page.

## Where settings come from

`config/luigi.cfg` has every key with a default that works without an account or a server. Leave it as it is: what is
yours goes into files of your own, which hold only what differs. The last of these that has a key wins:

1. the copy of `config/luigi.cfg` that is installed with the package, so that an install without a checkout has the same
   defaults and exit codes
2. `/etc/luigi/client.cfg` and `/etc/luigi/luigi.cfg`, for all users of a machine
3. `config/luigi.cfg` of the project: of the folder that the environment variable `TAXI_LUIGI_HOME` names, of the
   checkout, or of the folder where you start
4. `client.cfg` and `luigi.cfg` in the folder where you start. In the project folder, `luigi.cfg` is a link to
   `config/luigi.cfg`: what you write there changes the defaults
5. the file that the environment variable `LUIGI_CONFIG_PATH` names, which must be there; for cron, set it in `.env`
6. the command line, for the keys of `[taxi]`, `[clean]` and `[download]`: `--taxi-workspace /mnt/lake`,
   `--download-read-timeout 120`. These do not reach other machines ([operating.md](operating.md#several-machines)).

`taxi-luigi settings` prints every setting in force with the file that it comes from, its secrets masked.

What a file may have:

- It is in UTF-8 without a byte order mark, and in Luigi's cfg format, not TOML. A file that cannot be read ends a run
  before it begins, in one line.
- A value ends at the end of its line; what stands behind it belongs to it, so comments have lines of their own. A
  longer value goes on in lines that begin with blanks.
- `${NAME}` is the environment variable `NAME`. Passwords belong there: luigid's page shows the parameters of tasks.
- A percent sign is written twice.
- A flag without a value, `--clean-reject ''`, is an empty value, where the setting may be empty.
- A relative path is relative to the project folder, never to where you or cron start. `~` is your home.
- An unknown key or section, and an invalid value, end a run before it begins, in one line.
  `taxi-luigi doctor` also checks the servers.
- A comment above its first section may name the version that it is written for, as `# for taxi_luigi 0.2.0`: an
  earlier one names it in the line about a key that it does not read. `config/luigi.cfg` does so.

## Profiles

Layers over `config/luigi.cfg` that are ready to use. Copy one and change it, or name it as it is:
`LUIGI_CONFIG_PATH=config/local.cfg`. Each begins with its command.
"""

STORES = """\
## Lakes and warehouses

`[taxi] lake` and `[taxi] warehouse` name sections `[lake.NAME]` and `[warehouse.NAME]`. The `type` of a section
defaults to NAME. So a second PostgreSQL is

```ini
[taxi]
warehouse = postgres, analytics

[warehouse.analytics]
type = postgres
url = ${ANALYTICS_URL}
```

The lake `local` is the folder `clean/` of the workspace. Another folder, a mounted disk for instance, is a lake of its
own, of the type `local` with a `path`. The section of each type of cloud, as `[lake.gcs]`, also has how a workspace
there is reached.
"""

TASKS = """\
## Tasks

Each parameter of a task is an option on the command line (`--months 2024`), and a key in a section of the task's name.
`luigi --module taxi_luigi LoadAllMonths --help` has them too.
"""

ALL_TASKS = """\
All tasks and their parameters:

"""

LUIGI = """\
## Luigi's own sections

What the pipeline needs of Luigi, and why. All other keys are in
[Luigi's documentation](https://luigi.readthedocs.io/en/stable/configuration.html), and work as there.
"""

ENVIRONMENT = """\
## Environment variables

| variable | means |
|---|---|
| `LUIGI_CONFIG_PATH` | your own settings, above all other files |
| each `${NAME}` in a file | its value there |
| `PGHOST`, `PGUSER`, `PGPASSWORD`, … | libpq's, where `[warehouse.postgres] url` is empty; `~/.pgpass` works too |
| `GOOGLE_APPLICATION_CREDENTIALS` | a key file, where `credentials_file` is empty |
| `STORAGE_EMULATOR_HOST`, `BIGQUERY_EMULATOR_HOST` | Google's own way to name an emulator, where `endpoint` is empty |
| `AWS_PROFILE`, `AWS_ACCESS_KEY_ID`, `AWS_REGION`, … | as for the AWS command line |
| `AZURE_CLIENT_ID`, `AZURE_TENANT_ID`, `AZURE_CLIENT_SECRET`, … | a login to Azure, where `credential` is empty |
| `HTTPS_PROXY`, `NO_PROXY`, `REQUESTS_CA_BUNDLE`, … | of requests, for downloads |
| `TMPDIR` | the folder of the temporary copies of files in clouds |
"""


OURS = {
    "taxi": "What to load, from where to where.",
    "clean": "Which rows are taken out, and which months are refused. After a change of the first two, "
    "`--refresh` replaces what is held.",
    "download": "Retries, time limits and bandwidth of downloads.",
    "notify": "Where messages about a run go, and which.",
    "monitor": "What `taxi-luigi status --check` reports ([operating.md](operating.md#monitoring)).",
}
LUIGIS = ("core", "worker", "scheduler", "resources", "retcode")
TASKS_SET = ("LoadAllMonths", "Report")


BY_HAND = "# From here on by hand: tasks and Luigi.\n"
"""the line of config/luigi.cfg that follows the sections that are written from the code"""
STORE_COMMENT = """\
# Warehouses and lakes. The type of a section defaults to its name: [warehouse.analytics] needs type = postgres.
"""
LOCAL_COMMENT = """\
# A second folder, a mounted disk for instance, as a lake of its own:
# [lake.nas]
# type = local
# path = /mnt/nas/tlc
"""


@dataclass(frozen=True)
class Key:
    """One setting, as a table has it."""

    name: str
    default: str
    meaning: str
    """Markdown"""


def ours() -> dict[str, list[Key]]:
    """Section → its keys, as the code declares them: those of a fixed name, then one of each type of store."""
    found = {section: _keys(kinds) for section, kinds in SECTIONS.items()}
    for noun in ("warehouse", "lake"):
        found |= {f"{noun}.{kind}": _keys([store_class(noun, kind).Settings]) for kind in TYPES[noun]}
    return found


def _keys(kinds: Iterable[type]) -> list[Key]:
    return [Key(key, each.default, each.meaning) for kind in kinds for key, each in declared(kind).items()]


def luigi_cfg() -> str:
    """The text of config/luigi.cfg: its head and what is written by hand as they are, and between them our sections."""
    text = MAIN.read_text(encoding="utf-8")
    head, _, rest = text.partition("[taxi]\n")
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    first = f"# Settings of taxi_luigi {setup['metadata']['version']}, and Luigi's own as this pipeline needs them.\n"
    head = first + head.partition("\n")[2]
    _, _, by_hand = rest.partition(BY_HAND)
    sections = {name: keys for name, keys in ours().items() if name != "lake.local"}
    parts = [_section(name, keys) for name, keys in sections.items()]
    parts.insert(len(SECTIONS), STORE_COMMENT)
    return head + "\n".join([*parts, LOCAL_COMMENT, BY_HAND]).replace(f"{STORE_COMMENT}\n", STORE_COMMENT) + by_hand


def _section(name: str, keys: list[Key]) -> str:
    lines = [f"[{name}]"]
    for key in keys:
        meaning = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", key.meaning).replace("`", "")
        lines += [f"# {line}" for line in wrap(meaning, 118, break_long_words=False, break_on_hyphens=False)]
        lines.append(f"{key.name} = {key.default}".rstrip())
    return "\n".join(lines) + "\n"


def keys_of(path: Path) -> dict[str, list[Key]]:
    """Section → its keys in the order of a file, with the comments above them."""
    found: dict[str, list[Key]] = {}
    section = ""
    comment: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            comment.append(line[1:].strip())
        elif line.startswith("["):
            section, comment = line.strip("[]"), []
            found[section] = []
        elif "=" in line and section:
            name, _, value = line.partition("=")
            found[section].append(Key(name.strip(), value.strip(), " ".join(comment)))
            comment = []
        else:
            comment = []
    return found


def page() -> str:
    """All of docs/configuration.md."""
    by_hand, declared_keys = keys_of(MAIN), ours()
    parts = [INTRODUCTION, _profiles()]
    parts += [f"## [{name}]\n\n{meaning}\n\n{_table(declared_keys.pop(name))}" for name, meaning in OURS.items()]
    parts.append(STORES)
    kind = Key("type", "", "The type of the store; empty: the section's name.")
    title = {"lake.local": "### [lake.NAME], of type local"}  # the lake `local` itself takes no settings
    parts += [f"{title.get(name, f'### [{name}]')}\n\n{_table([*keys, kind])}" for name, keys in declared_keys.items()]
    parts.append(TASKS)
    for name in TASKS_SET:
        parts.append(f"### [{name}]\n\n{_table([*by_hand[name], *_other_options(name, by_hand[name])])}")
    parts += [ALL_TASKS + _tasks(), LUIGI]
    parts += [f"### [{name}]\n\n{_table(by_hand[name])}" for name in LUIGIS]
    return "\n".join([*parts, ENVIRONMENT])


def _table(keys: list[Key]) -> str:
    lines = ["| key | default | means |", "|---|---|---|"]
    lines += [f"| `{key.name}` | {key.default and f'`{key.default}`'} | {_escaped(key.meaning)} |" for key in keys]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("|", r"\|")


def _profiles() -> str:
    """The layers in config/, each with the comment that it begins with."""
    parts = []
    for path in sorted(MAIN.parent.glob("*.cfg")):
        if path != MAIN:
            head = re.match(r"(#.*\n)+", path.read_text(encoding="utf-8"))
            comment = head[0].partition("#    ")[0] if head else ""
            text = " ".join(line[1:] for line in comment.splitlines())
            sets = ", ".join(f"`[{section}] {key.name}`" for section, found in keys_of(path).items() for key in found)
            line = f"- [config/{path.name}](../config/{path.name}): {' '.join(text.split())} It sets {sets}."
            parts.append(fill(line, 138, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False))
    return "\n".join(parts) + "\n"


def _other_options(task: str, listed: list[Key]) -> list[Key]:
    known = {key.name for key in listed}
    return [each for each in _parameters(task) if each.name not in known]


def _parameters(task: str) -> list[Key]:
    found: list[tuple[str, Any]] = getattr(taxi_luigi, task).get_params()
    return [Key(name, "", str(each.description or "")) for name, each in found]


def _tasks() -> str:
    lines = ["| task | parameters |", "|---|---|"]
    for name in sorted(families()):
        found = "; ".join(
            f"`{key.name}`: {key.meaning}" if key.meaning else f"`{key.name}`" for key in _parameters(name)
        )
        lines.append(f"| `{name}` | {found or 'none'} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    MAIN.write_text(luigi_cfg(), encoding="utf-8")
    settings_files.PACKAGED.write_text(MAIN.read_text(encoding="utf-8"), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
