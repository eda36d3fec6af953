"""The ready profiles in config/: what each sets over luigi.cfg, and no more than that."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

import pytest
from luigi.configuration import LuigiConfigParser

from taxi_luigi import config
from taxi_luigi.core.errors import ConfigError
from taxi_luigi.runs import notify
from taxi_luigi.runs.task import families

FOLDER = Path(__file__).resolve().parents[3] / "config"
PROFILES: dict[str, dict[str, dict[str, str]]] = {
    "local": {"taxi": {"lake": "local", "warehouse": "duckdb"}, "core": {"local_scheduler": "true"}},
    "postgres": {"taxi": {"warehouse": "postgres"}, "warehouse.postgres": {"url": "${POSTGRES_URL}"}},
    "gcp": {
        "taxi": {"lake": "gcs", "warehouse": "bigquery"},
        "lake.gcs": {"bucket": "${GCS_BUCKET}"},
        "warehouse.bigquery": {"project": "${GOOGLE_CLOUD_PROJECT}"},
    },
    "quickstart": {
        "taxi": {
            "source": "data/sample/{color}_tripdata_{year}-{month:02}.parquet",
            "zones": "data/sample/taxi_zone_lookup.csv",
            "workspace": "data/quickstart",
            "lake": "local",
            "warehouse": "duckdb",
            "state": "data/quickstart/state",
        },
        "notify": {"urls": ""},
        "Report": {"path": "data/quickstart/report.html"},
        "warehouse.duckdb": {"path": "data/quickstart/warehouse.duckdb"},
    },
}
VALUES = {
    "POSTGRES_URL": "postgresql://taxi:a%40b@db.example.com/taxi?sslmode=verify-full",
    "GCS_BUCKET": "my-project-tlc",
    "GOOGLE_CLOUD_PROJECT": "my-project",
}


@pytest.fixture(params=PROFILES)
def profile(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """One of them, in force over luigi.cfg, with the variables that it names set."""
    name: str = request.param
    for variable, value in VALUES.items():
        monkeypatch.setenv(variable, value)
    layers = LuigiConfigParser()
    layers.read([FOLDER / "luigi.cfg", FOLDER / f"{name}.cfg"])
    monkeypatch.setattr(LuigiConfigParser, "_instance", layers)
    return name


def read(name: str) -> dict[str, dict[str, str]]:
    parser = ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(FOLDER / f"{name}.cfg")
    return {section: dict(parser[section]) for section in parser.sections()}


def test_there_are_no_others() -> None:
    assert {path.stem for path in FOLDER.glob("*.cfg")} == {"luigi", *PROFILES}


def test_a_profile_sets_what_it_describes_and_nothing_else(profile: str) -> None:
    assert read(profile) == PROFILES[profile]


def test_a_profile_sets_only_keys_that_exist(profile: str) -> None:
    """Luigi's own sections are read by Luigi: there, a key must be one of its class."""
    from luigi.interface import core

    known = config.known_keys() | families() | {"core": set(dict(core.get_params()))}
    for section, keys in read(profile).items():
        assert keys.keys() <= known[section], section


def test_a_profile_is_valid(profile: str) -> None:
    config.check(families(), notify.check)
    settings = config.settings()
    wanted = PROFILES[profile]["taxi"]
    assert settings.lakes == (wanted.get("lake", "local"),)
    assert settings.warehouses == (wanted.get("warehouse", "duckdb"),)


def test_a_variable_that_is_not_set_is_named_in_one_line(profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in re.findall(r"\$\{(\w+)\}", (FOLDER / f"{profile}.cfg").read_text()):
        with monkeypatch.context() as without:
            without.delenv(variable)
            with pytest.raises(ConfigError) as failed:
                config.check(families(), notify.check)
            assert str(failed.value).endswith(f"cannot be read: the environment variable {variable} is not set")


def test_a_profile_describes_its_purpose_and_its_use(profile: str) -> None:
    head = (FOLDER / f"{profile}.cfg").read_text().partition("\n\n")[0].splitlines()
    assert all(line.startswith("# ") for line in head)
    if profile == "quickstart":
        assert "#     taxi-luigi quickstart" in head
    else:
        command = next(line for line in head if "luigi --module taxi_luigi" in line)
        assert re.search(rf"LUIGI_CONFIG_PATH=\S*config/{profile}\.cfg", command)
    for variable in re.findall(r"\$\{(\w+)\}", (FOLDER / f"{profile}.cfg").read_text()):
        assert any(f"{variable}=" in line and "export" in line for line in head), variable
