"""Secrets in settings that are a little wrong: in nothing that a command says, keeps or sends.

A short form: each wrong setting is tried by one of the commands in turn. All of them by all commands:

    scripts/test tests/pipeline/test_wrong_secrets.py --all-commands
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support import secrets
from tests.support.project import Project
from tests.support.secrets import leaks, leaks_below

PEM = f"-----BEGIN PRIVATE KEY-----\\n{secrets.AWS_SECRET}\\n-----END PRIVATE KEY-----\\n"
KEY = '{"type": "service_account", "client_email": "x@y", "private_key": "' + PEM + '"}'

URLS = {
    "misspelt": "htps://robot:{}@127.0.0.1:1/",
    "capitals": "HTTPS://robot:{}@127.0.0.1:1/",
    "ftp": "ftp://robot:{}@127.0.0.1/",
    "one slash": "https:/robot:{}@127.0.0.1/",
    "no slash": "https:robot:{}@127.0.0.1/",
    "no scheme": "robot:{}@127.0.0.1/",
    "braces": "https://robot:{{x}}{}@127.0.0.1:1/",
    "an open brace": "https://robot:{{{}@127.0.0.1:1/",
    "a field": "https://robot:{{{}}}@127.0.0.1:1/",
    "a format": "https://robot:{{month:{}}}@127.0.0.1:1/",
    "an @": "https://robot:p@{}@127.0.0.1:1/",
    "a slash": "https://robot:p/{}@127.0.0.1:1/",
    "a hash": "https://robot:p#{}@127.0.0.1:1/",
    "a question mark": "https://robot:p?{}@127.0.0.1:1/",
    "a blank": "https://robot:p {}@127.0.0.1:1/",
    "a quote": "https://robot:p'\"{}@127.0.0.1:1/",
    "a percent sign": "https://robot:p%{}@127.0.0.1:1/",
    "coded": "https://robot:p%2F{}@127.0.0.1:1/",
    "no host": "https://robot:{}",
    "a query": "https://127.0.0.1:1/?sv=2021&sig={}&",
    "a fragment": "https://127.0.0.1:1/#token={}&",
    "a DSN": "host=127.0.0.1 port=1 user=robot password={} file=",
    "a connection string": "DefaultEndpointsProtocol=https;AccountName=robot;AccountKey={}==;x=",
}
FILE = "{color}_{year}-{month}.csv"

PLACES: dict[str, tuple[str, str]] = {
    "source": ("taxi", "source"),
    "zones": ("taxi", "zones"),
    "workspace": ("taxi", "workspace"),
    "postgres": ("warehouse.pg", "url"),
    "duckdb": ("warehouse.duckdb", "path"),
    "gcs": ("lake.gcs", "endpoint"),
    "s3": ("lake.s3", "endpoint_url"),
    "bigquery": ("warehouse.bq", "endpoint"),
    "scheduler": ("core", "scheduler_url"),
    "notify": ("notify", "urls"),
    "number": ("download", "attempts"),
    "bucket": ("lake.s3", "bucket"),
    "azure": ("lake.azure", "endpoint"),
    "credential": ("lake.azure", "credential"),
}
SAS = f"sv=2021&sp=rwdl&sig={secrets.AZURE_SAS}"
SECRETS = dict(zip(PLACES, secrets.SECRETS, strict=True))
NAMED = {
    "postgres": {"taxi": {"warehouse": "pg"}, "warehouse.pg": {"type": "postgres"}},
    "gcs": {"taxi": {"lake": "gcs"}, "lake.gcs": {"bucket": "b0"}},
    "s3": {"taxi": {"lake": "s3"}, "lake.s3": {"bucket": "b0"}},
    "bucket": {"taxi": {"lake": "s3"}},
    "azure": {"taxi": {"lake": "azure"}, "lake.azure": {"account": "a00", "container": "c00", "credential": SAS}},
    "credential": {"taxi": {"lake": "azure"}, "lake.azure": {"container": "c00", "endpoint": "https://127.0.0.1:1"}},
    "bigquery": {"taxi": {"warehouse": "bq"}, "warehouse.bq": {"project": "p"}},
}

KEYS = [
    ("gcs", "credentials_file", KEY),
    ("gcs", "credentials_file", PEM),
    ("gcs", "credentials_file", base64.b64encode(KEY.encode()).decode()),
    ("bigquery", "credentials_file", KEY),
    ("gcs", "bucket", KEY),
    ("source", "source", KEY),
    ("workspace", "workspace", KEY),
    ("postgres", "url", KEY),
    ("notify", "urls", KEY),
    ("scheduler", "scheduler_url", KEY),
    ("azure", "account", KEY),
    ("azure", "container", SAS),
    ("azure", "prefix", SAS),
    ("s3", "region", f"wJalrXUtnFEMI/K7MDENG/abc{secrets.AWS_SECRET}"),
]

COMMANDS: Sequence[tuple[str, ...]] = (
    ("luigi", "--module", "taxi_luigi", "LoadAllMonths", "--colors", "green", "--months", "2021-01", "--log-level",
     "DEBUG", "--local-scheduler"),
    ("taxi-luigi", "doctor"),
    ("taxi-luigi", "plan", "--colors", "green", "--months", "2021-01"),
    ("taxi-luigi", "settings"),
)  # fmt: skip


def wrong() -> Iterator[tuple[str, str, str, str]]:
    """What is wrong, and section, key and value: 14 secrets, each in five wrong forms, and keys in place of names."""
    names = list(URLS)
    for number, (place, (section, key)) in enumerate(PLACES.items()):
        every = 1 if place == "source" else 4  # the template of the source is looked at most closely
        for name in names[number % every :: every]:
            yield f"{place}: {name}", section, key, URLS[name].format(SECRETS[place]) + FILE * (place == "source")
    for place, key, value in KEYS:
        yield f"{place}: a key in {key}", PLACES[place][0], key, value


WRONG = list(wrong())


def configure(project: Project, what: str, section: str, key: str, in_variable: bool) -> dict[str, str]:
    """Writes the setting, as it is or as a variable; the environment that goes with it."""
    value = next(value for each, _, _, value in WRONG if each == what)
    project.configure(
        {
            "taxi": {"source": project.folder / "none" / FILE},
            "download": {"attempts": 1, "backoff": 0.01, "connect_timeout": 1},
            "lake.gcs": {"timeout": 0.2}, "warehouse.bq": {"type": "bigquery", "project": "p", "patience": 0.2},
        }
    )  # fmt: skip
    project.configure(NAMED.get(what.partition(":")[0], {}))
    project.configure({section: {key: "${WRONG}" if in_variable else value.replace("%", "%%").replace("\n", " ")}})
    more = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "hushAwsSecret11x", "AWS_MAX_ATTEMPTS": "1"}
    return {"WRONG": value, "NO_GCE_CHECK": "true", **more}


def check(project: Project, env: dict[str, str], words: tuple[str, ...]) -> None:
    done = project.command(words[0], *words[1:], env=env)
    assert leaks(done.out) == [], done.out
    assert "Traceback" not in done.out
    kept = [folder for folder in (project.state, project.workspace) if folder.exists()]
    assert leaks_below(*kept) == {}


@pytest.mark.parametrize("number", range(0, len(WRONG), 8))
def test_a_secret_in_a_setting_that_is_wrong_is_shown_nowhere(project: Project, number: int) -> None:
    what, section, key, _ = WRONG[number]
    env = configure(project, what, section, key, in_variable=number % 4 < 2)
    check(project, env, COMMANDS[number // 8 % len(COMMANDS)])
    history = project.command("taxi-luigi", "history", "--json", env=env)
    assert leaks(history.out) == []


def test_a_key_in_place_of_its_files_name_is_named_as_one(project: Project) -> None:
    what = "gcs: a key in credentials_file"
    env = configure(project, what, "lake.gcs", "credentials_file", in_variable=True)
    done = project.command("taxi-luigi", "plan", env=env)
    assert done.rc == 40
    [line] = done.out.splitlines()
    assert "[lake.gcs] credentials_file is a file's name, and its value looks like a key itself" in line


@pytest.mark.parametrize("more", [(), ("--json",)], ids=["text", "json"])
def test_a_plan_names_no_disk_by_a_secret_in_its_folder(project: Project, more: tuple[str, ...]) -> None:
    env = configure(project, "workspace: a connection string", "taxi", "workspace", in_variable=False)
    check(project, env, (*COMMANDS[2], *more))


def test_all_wrong_settings_by_all_commands(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The sweep, which takes ten minutes; without its option, none."""
    wanted = WRONG if request.config.getoption("--all-commands") else []
    failed = {}
    for number, (what, section, key, _) in enumerate(wanted):
        for form in (True, False):
            project = Project(tmp_path / f"{number}-{form}")
            env = configure(project, what, section, key, in_variable=form)
            for words in COMMANDS:
                try:
                    check(project, env, words)
                except AssertionError as error:
                    failed[f"{what}, {'variable' if form else 'file'}, {words[:2]}"] = str(error)[:600]
    assert failed == {}, json.dumps(failed, indent=1)
