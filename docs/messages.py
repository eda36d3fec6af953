"""Writes docs/messages.md from the errors and warnings in the code: `python docs/messages.py`; tested to be fresh."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill

from source_messages import Message, messages
from source_texts import HOLE

PAGE = Path(__file__).with_name("messages.md")

INTRODUCTION = f"""\
# Every message, and what to do

Made by `docs/messages.py` from the code; change that, not this page. Look for the words that you were shown: {HOLE}
stands for what differs (a path, a month, what a server said). Most messages end with what to do; above each list is
what holds for all of it.

How a message reaches you: a task that fails logs it, the run goes on with the other months and ends with exit code
30, and the last lines say which months failed. What is found before a task begins ends the run with 40, and nothing
was started. `taxi-luigi` prints `taxi-luigi: MESSAGE` and ends with 40. A line that begins with `WARNING` changes no
exit code. The codes are in [operating.md](operating.md#exit-codes). A traceback instead of a line is a defect of
ours: please report it, with `taxi-luigi history --json RUN`.

Behind each message is the kind of error, which is in `taxi_luigi/errors.py`; `log` is a line without an error,
`doctor` one of `taxi-luigi doctor` and of the look before a run, `script` one of the scripts before Python begins.
"""

Group = tuple[str, str, tuple[str, ...]]

GROUPS: tuple[Group, ...] = (
    (
        "What you typed",
        "Nothing was started. Correct the command and give it again; `--help` lists the options of "
        "`taxi-luigi`, and `luigi --module taxi_luigi LoadAllMonths --help` those of the run.",
        (
            "months.py",
            "parameters.py",
            "tasks/wrapper.py",
            "verify/__init__.py",
            "cli/",
            "sample/",
        ),
    ),
    (
        "Settings",
        "Nothing was started, or nothing that needs the setting. Correct it in your own file, the one that "
        "`LUIGI_CONFIG_PATH` names; [configuration.md](configuration.md) has every key, and `taxi-luigi "
        "doctor` tries them all.",
        (
            "config/",
            "clean_settings.py",
            "settings_files.py",
            "rules.py",
            "tasks/report.py",
        ),
    ),
    (
        "The source",
        "Waiting is tried first: `[download] attempts` times, with a pause that doubles. A message here means "
        "that this did not help. Months that were loaded are untouched. If the source is down, give the same "
        "command later; if it asks you to check a setting, that is `[taxi] source` or `[taxi] zones`. `not "
        "published` is no failure: TLC takes 50 to 180 days.",
        (
            "sources/download.py",
            "sources/environment.py",
            "sources/exchange.py",
            "sources/folder.py",
            "sources/packing.py",
            "sources/patience.py",
            "sources/single.py",
            "sources/slots.py",
            "sources/template.py",
            "sources/web.py",
        ),
    ),
    (
        "A file that is not what it should be",
        "Nothing of the month was published, and what was held of it before is still there. A file that is "
        "found wrong when it arrives is not kept: the same command fetches it again. One that was found wrong "
        "when it was cleaned is fetched again once the source has another, and at once with `--force`. A file "
        "that was refused is taken with the setting that the line names "
        "([A worse month](operating.md#a-worse-month)). If the second copy is the same, the "
        "publisher's file is like that: tell TLC, or report it here if the columns are new.",
        (
            "formats/",
            "clean/",
            "conform.py",
            "guards.py",
            "targets.py",
            "zones.py",
            "tasks/zones.py",
        ),
    ),
    (
        "Workspace, lakes and this machine's disk",
        "What is there stays whole: a file appears by one rename or one finished upload. Cure the cause, then "
        "give the same command again.",
        (
            "errors.py",
            "files.py",
            "found.py",
            "lakes.py",
            "stores/",
            "tasks/replacing.py",
            "tasks/stages.py",
            "reading.py",
            "sources/answers.py",
        ),
    ),
    (
        "Google and Amazon",
        "Credentials, roles and places. `taxi-luigi doctor` asks the same before a run; [gcp.md](gcp.md) has "
        "the roles.",
        (
            "cloud/",
            "preflight.py",
        ),
    ),
    (
        "DuckDB",
        "One process at a time can write to the file: close the notebook or shell that has it open. What was "
        "loaded is safe.",
        (
            "warehouses/database_file.py",
            "warehouses/duckdb.py",
        ),
    ),
    (
        "PostgreSQL",
        "The month's transaction was rolled back; readers see what they saw before.",
        (
            "warehouses/libpq.py",
            "warehouses/postgres.py",
            "warehouses/partitions.py",
            "warehouses/tables.py",
        ),
    ),
    (
        "BigQuery",
        "A load job that was begun goes on at Google's; the next run attaches to it and does not pay or load twice.",
        ("warehouses/bigquery/",),
    ),
    (
        "Every warehouse",
        "Nothing was committed. A table that taxi_luigi did not make is refused and never changed.",
        (
            "warehouses/copying.py",
            "warehouses/markers.py",
            "warehouses/zone_table.py",
        ),
    ),
    (
        "The scheduler, and how a run ends",
        "`scripts/luigid status` says whether luigid runs. What a run had done is kept; the same command does "
        "the rest.",
        (
            "logs/",
            "process.py",
        ),
    ),
    (
        "What a run or `taxi-luigi verify` found",
        "Nothing failed for it. Columns and texts that are not known: the raw file keeps them; where an entry for them "
        "goes is in [architecture.md](architecture.md#where-to-add). Counts that differ: load the month again with "
        "`--force`, and if they still differ, report it.",
        ("remarks.py", "summary.py", "verify/judge.py"),
    ),
    (
        "History, report and people to tell",
        "None of these makes a month fail: a run goes on without its history or its mail.",
        (
            "history/",
            "report/",
            "notify/",
        ),
    ),
    (
        "Cron and the scripts",
        "The scripts end with 1, `scripts/cron-run` with 40 or with luigi's code. Their other lines are in "
        "the log that is named.",
        (
            "schedule.py",
            "cron_run.py",
            "scripts/",
        ),
    ),
)
"""Title, what holds for all of it, and the files whose messages are in it: a name, or a folder with its slash."""


def group_of(module: str) -> Group:
    """Where the messages of a file are. Raises LookupError for a file that is in no group, or in two."""
    found = [
        group
        for group in GROUPS
        if any(module == name or (module.startswith(name) and name.endswith("/")) for name in group[2])
    ]
    if len(found) != 1:
        raise LookupError(f"{module} belongs to one group of GROUPS in docs/messages.py, not to {len(found)}")
    return found[0]


def page() -> str:
    """All of it, as Markdown."""
    grouped: dict[str, list[Message]] = {title: [] for title, _, _ in GROUPS}
    for message in messages():
        grouped[group_of(message.module)[0]].append(message)
    parts = [INTRODUCTION]
    for title, advice, _ in GROUPS:
        lines = [f"- `{each.text}` ({each.kind})" for each in grouped[title]]
        advice = fill(advice, 138, break_long_words=False, break_on_hyphens=False)
        parts.append(f"## {title}\n\n{advice}\n\n" + "\n".join(dict.fromkeys(lines)) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
