"""luigi.cfg: which file wins, and one line for what is invalid."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from luigi.cmdline_parser import CmdlineParser
from luigi.configuration import LuigiConfigParser, get_config

from taxi_luigi import config
from taxi_luigi.cli import quickstart
from taxi_luigi.config.effective import masked
from taxi_luigi.core import release, settings_files
from taxi_luigi.core.errors import ConfigError, UsageError
from taxi_luigi.runs import notify
from taxi_luigi.runs.task import families
from taxi_luigi.storage import LAKES
from taxi_luigi.warehouses import duckdb_memory

Settings = dict[str, dict[str, str]]
VERSION = release()


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Settings], None]]:
    """Makes some sections the whole of the configuration."""

    def use(sections: Settings) -> None:
        parser = LuigiConfigParser()
        for section, keys in sections.items():
            parser.read_string("\n".join([f"[{section}]", *(f"{key} = {value}" for key, value in keys.items())]))
        monkeypatch.setattr(LuigiConfigParser, "_instance", parser)

    return use


def check() -> None:
    config.check(families(), notify.check)


def test_the_defaults_need_no_file(given: Callable[[Settings], None]) -> None:
    given({})
    check()
    settings = config.settings()
    assert settings.lakes == ("local",)
    assert settings.warehouses == ("duckdb",)
    assert settings.workspace == str(config.project_folder() / "data")


def test_every_key_of_the_shipped_file_is_known_and_every_known_key_is_in_it() -> None:
    parser = LuigiConfigParser()
    parser.read(Path(config.__file__).parents[2] / "config" / "luigi.cfg")
    shipped = {section: set(parser.options(section)) for section in parser.sections()}
    for section, keys in config.known_keys().items():
        if section in ("taxi", "clean", "download", "notify", "monitor"):
            assert shipped[section] == keys
        elif section in shipped:
            assert shipped[section] == keys - {"type"}


@pytest.mark.parametrize(
    ("comment", "ends"),
    [
        ("", f"; this is taxi_luigi {VERSION}, and a later version may read it"),
        ("# for taxi_luigi 99.1\n", f" is written for taxi_luigi 99.1, and this is {VERSION}: install that version"),
        (f"# for taxi_luigi {VERSION}\n", "zones"),
    ],
)
def test_a_key_of_a_later_version_is_named_with_that_version_where_the_file_names_it(
    given: Callable[[Settings], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, comment: str, ends: str
) -> None:
    file = tmp_path / "mine.cfg"
    file.write_text(f"{comment}[taxi]\nlineage = on\n# taxi_luigi 100 is no version of this file\n")
    monkeypatch.setenv("LUIGI_CONFIG_PATH", str(file))
    given({"taxi": {"lineage": "on"}})
    with pytest.raises(ConfigError, match=r"^\[taxi\] has no setting 'lineage'; its settings are ") as caught:
        check()
    assert str(caught.value).endswith(ends)


def test_a_section_is_a_store_of_its_type_whatever_its_name(given: Callable[[Settings], None], tmp_path: Path) -> None:
    given({
        "taxi": {"warehouse": "analytics", "lake": "nas"},
        "warehouse.analytics": {"type": "duckdb", "path": str(tmp_path / "x.duckdb")},
        "lake.nas": {"type": "local", "path": str(tmp_path)},
    })  # fmt: skip
    check()
    assert config.lake("nas").list("green") == {}
    assert config.single_writer("analytics")


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"taxi": {"workspce": "x"}}, "[taxi] has no setting 'workspce'"),
        ({"taxy": {"workspace": "x"}}, "unknown section [taxy] in luigi.cfg; did you mean [taxi]?"),
        ({"taxi": {"keep_raw": "yes"}}, "[taxi] keep_raw is true or false, not 'yes'"),
        ({"taxi": {"lake": "", "warehouse": ""}}, "[taxi] lake and warehouse are both empty"),
        ({"taxi": {"warehouse": "duckdb, duckdb"}}, "[taxi] warehouse names something twice"),
        ({"taxi": {"keep_clean": "false"}}, "leave local out of lake first"),
        ({"taxi": {"source": ""}}, "[taxi] source is empty; it is a URL or a path such as"),
        ({"taxi": {"workspace": ""}}, "[taxi] workspace is empty: name a folder, as in the default, data"),
        ({"taxi": {"state": " "}}, "[taxi] state is empty: name a folder, as in the default, data"),
        ({"taxi": {"warehouse": "duck"}}, "no warehouse is named 'duck': the names are duckdb, postgres, bigquery,"),
        ({"taxi": {"zones": "ftp://x/zones.csv"}}, "[taxi] zones = ftp://x/zones.csv: ftp:// is not supported"),
        ({"taxi": {"zones": "http:///zones.csv"}}, "[taxi] zones = http:///zones.csv: has no host"),
        ({"taxi": {"lake": "nfs"}}, f"no lake is named 'nfs': the names are {', '.join(LAKES)}, and those of"),
        ({"taxi": {"lake": "gcs"}}, "[lake.gcs] bucket is missing: the name of a bucket"),
        ({"taxi": {"lake": "s3"}, "lake.s3": {"bucket": "s3://b"}}, "[lake.s3] bucket must be the name of a bucket al"),
        ({"taxi": {"lake": "gcs"}, "lake.gcs": {"bucket": "b1", "timeout": "1m"}}, "[lake.gcs] timeout must be a numb"),
        ({"taxi": {"workspace": "gs://b1/x"}}, "[taxi] lake = local is the workspace's clean/ folder, and the workspa"),
        ({"taxi": {"workspace": "gs:///x", "lake": ""}}, "[taxi] workspace gs:///x: names no bucket"),
        ({"taxi": {"workspace": "az://No/x", "lake": ""}}, "[taxi] workspace az://No/x: the container must be"),
        ({"taxi": {"workspace": "az://trips/x/../y", "lake": ""}}, "workspace az://trips/x/../y: the prefix must be a"),
        ({"taxi": {"workspace": "s3://trips/x\\y", "lake": ""}}, "the prefix must be a folder's name without . or .."),
        ({"taxi": {"lake": "gcs"}, "lake.gcs": {"bucket": "b1", "prefix": ".."}}, "[lake.gcs] prefix must be a folder"),
        ({"taxi": {"lake": "s3"}, "lake.s3": {"bucket": "b1", "prefix": "./a"}}, "[lake.s3] prefix must be a folder"),
        ({"taxi": {"lake": "azure"}, "lake.azure": {"container": "abc", "prefix": "a\x01"}}, "[lake.azure] prefix mus"),
        ({"taxi": {"workspace": "az://trips/x", "lake": ""}}, "[lake.azure] account is missing: the name of"),
        ({"taxi": {"lake": "azure"}, "lake.azure": {"account": "taxi"}}, "[lake.azure] container is missing: the name"),
        ({"taxi": {"state": "gs://b/x"}}, "[taxi] state"),
        ({"taxi": {"warehouse": "bigquery"}}, "[warehouse.bigquery] project is missing: the project that the tables"),
        ({"taxi": {"lake": "nas"}, "lake.nas": {"type": "local"}}, "[lake.nas] path is missing"),
        ({"taxi": {"lake": "nas"}, "lake.nas": {"type": "nfs"}}, "[lake.nas] type is 'nfs'; the types of lake are"),
        ({"lake.local": {"path": "/mnt/nas"}}, "[lake.local] is the workspace's clean/ and takes no settings"),
        ({"taxi": {"source": "folder/{color}.parquet"}}, "[taxi] source"),
        ({"taxi": {"source": "http://x/{colour}_{year}-{month}.parquet"}}, "{colour}"),
        ({"warehouse.duckdb": {"paht": "x"}}, "[warehouse.duckdb] has no setting 'paht'"),
        ({"warehouse.duckdb": {"path": "md:taxi?motherduck_token=x"}}, "[warehouse.duckdb] path begins with md:, and"),
        ({"warehouse.duckdb": {"path": "motherduck:taxi"}}, "[warehouse.duckdb] path begins with motherduck:, and"),
        ({"warehouse.duckdb": {"path": ":memory:"}}, "[warehouse.duckdb] path begins with :memory:, and must"),
        ({"warehouse.duckdb": {"path": ":memory:taxi"}}, "[warehouse.duckdb] path begins with :memory:, and must be"),
        ({"warehouse.duckdb": {"path": "s3://b/w.duckdb"}}, "[warehouse.duckdb] path begins with s3:, and must be a"),
        ({"warehouse.duckdb": {"path": "file:w.duckdb"}}, "[warehouse.duckdb] path begins with file:, and must be a"),
        ({"warehouse.duckdb": {"path": "/srv/w.duckdb?mode=x"}}, "[warehouse.duckdb] path must not have ? in it"),
        ({"warehouse.duckdb": {"path": "/srv/what?/w.duckdb"}}, "[warehouse.duckdb] path must not have ? in it"),
        ({"warehouse.duckdb": {"path": "/srv/a\\b.duckdb"}}, "[warehouse.duckdb] path must not have \\ in it"),
        ({"warehouse.duckdb": {"wait": "soon"}}, "[warehouse.duckdb] wait must be a number, not 'soon'"),
        ({"download": {"attempts": "0"}}, "[download] attempts must be more than 0"),
        ({"download": {"at_once": "0"}}, "[download] at_once must be more than 0, not '0'"),
        ({"download": {"at_once": "two"}}, "[download] at_once must be a number, not 'two'"),
        ({"download": {"bandwidth": "fast"}}, "[download] bandwidth must be a number, not 'fast'"),
        ({"download": {"bandwidth": "999"}}, "[download] bandwidth is 999 bytes a second: set 1,000 or more"),
        ({"download": {"bandwidth": "4000", "lowest_speed": "5000"}}, "set 5,000 or more, as lowest_speed is 5000"),
        ({"download": {"lowest_speed": "0"}}, "[download] lowest_speed must be more than 0"),
        ({"download": {"lowest_speed": "inf"}}, "[download] lowest_speed must be at most 1,000,000,000"),
        ({"download": {"read_timeout": "1e30"}}, "[download] read_timeout must be at most 1,000,000,000"),
        ({"download": {"parallel": "2.5"}}, "[download] parallel must be a number, not '2.5'"),
        ({"clean": {"reject": "no_passenger"}}, "[clean] reject: there is no rule 'no_passenger'; there are no_pass"),
        ({"clean": {"fill_missing_passengers": "1"}}, "[clean] fill_missing_passengers is 0 or empty"),
        ({"clean": {"unknown_columns": "drop"}}, "[clean] unknown_columns is warn or fail"),
        ({"LoadAllMonths": {"month": "2024"}}, "[LoadAllMonths] has no setting 'month'"),
    ],
)  # fmt: skip
def test_what_is_invalid_is_one_line(given: Callable[[Settings], None], sections: Settings, message: str) -> None:
    given(sections)
    with pytest.raises(ConfigError) as caught:
        check()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_environment_variable_that_is_not_set_is_named(
    given: Callable[[Settings], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOT_SET_ANYWHERE", raising=False)
    given({"taxi": {"warehouse": "postgres"}, "warehouse.postgres": {"url": "${NOT_SET_ANYWHERE}"}})
    with pytest.raises(ConfigError, match=r"\[warehouse.postgres\] url .*NOT_SET_ANYWHERE"):
        check()


@pytest.mark.parametrize("url", ["postgresql://me:hush%40@host/x", "postgresql://me:%(hush)s@host/x"])
def test_a_percent_sign_that_is_not_doubled_is_named_and_the_value_not_shown(
    given: Callable[[Settings], None], url: str
) -> None:
    given({"taxi": {"warehouse": "postgres"}, "warehouse.postgres": {"url": url}})
    with pytest.raises(ConfigError) as caught:
        check()
    assert str(caught.value) == "[warehouse.postgres] url cannot be read: a percent sign is written twice there"
    given({"taxi": {"zones": url}})
    with pytest.raises(ConfigError) as caught:
        check()
    assert str(caught.value) == "[taxi] zones cannot be read: a percent sign is written twice there"


def test_all_values_that_cannot_be_interpolated_are_listed_without_their_text(
    given: Callable[[Settings], None],
) -> None:
    """Luigi's own sections, too, whose error repeats the value from its percent sign on."""
    given({
        "core": {"scheduler_url": "http://me:p%hush@host/"},
        "worker": {"keep_alive": "%(hush)s"},
        "resources": {"cores": "%hush"},
        "notify": {"urls": "slack://a/%hush", "heartbeat": "https://h/${NOT_SET_ANYWHERE}"},
        "clean": {"reject": "%hush", "most_rejected": "hush"},
        "download": {"attempts": "many"},
    })  # fmt: skip
    found = config.faults(families(), notify.check)
    twice = "cannot be read: a percent sign is written twice there"
    named = ["[core] scheduler_url", "[worker] keep_alive", "[resources] cores", "[notify] urls", "[clean] reject"]
    assert {f"{each} {twice}" for each in named} <= set(found)
    assert "[notify] heartbeat cannot be read: the environment variable NOT_SET_ANYWHERE is not set" in found
    assert "[download] attempts must be a number, not 'many'" in found
    assert not any("%" in line for line in found)


def test_a_section_for_all_sections_is_named(given: Callable[[Settings], None]) -> None:
    given({"DEFAULT": {"root": "/data"}})
    with pytest.raises(ConfigError, match=r"^\[DEFAULT\] in luigi.cfg would give root to every section"):
        check()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", ""),
        ("https://me:p@host/a{b}.csv?key=1", "https://me:p@host/a{b}.csv?key=1"),
        ("file:///a%%20b/z.csv", "/a b/z.csv"),
        ("/a/{color}.csv", "/a/{color}.csv"),
        ("data/zones.csv", str(config.project_folder() / "data" / "zones.csv")),
    ],
)
def test_zones_are_at_one_address_in_the_project_folder_if_it_is_relative(
    given: Callable[[Settings], None], text: str, address: str
) -> None:
    given({"taxi": {"zones": text}})
    check()
    assert config.settings().zones == address


def seen_from(folder: Path, **variables: str) -> str:
    """The `[taxi] lake` and `[core] log_level` that a fresh process sees."""
    code = (
        "import taxi_luigi, luigi.configuration as c; p = c.get_config()\n"
        "print(p.get('taxi', 'lake'), p.get('core', 'log_level'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_the_projects_file_is_found_from_any_folder_below_the_users_own(tmp_path: Path) -> None:
    assert seen_from(tmp_path) == "local INFO"
    (tmp_path / "luigi.cfg").write_text("[taxi]\nlake = here\n")
    assert seen_from(tmp_path) == "here INFO"
    named = tmp_path / "named.cfg"
    named.write_text("[taxi]\nlake = named\n")
    assert seen_from(tmp_path, LUIGI_CONFIG_PATH=str(named)) == "named INFO"


def lake_by(*files: Path) -> str:
    """Writes each file with a lake of its number, and returns the one that counts when the package is imported."""
    for number, path in enumerate(files):
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"[taxi]\nlake = {number}\n")
    config.find()
    return get_config().get("taxi", "lake")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that was installed from a wheel, and started in an empty folder: here/; /etc/luigi is etc/."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.delenv("LUIGI_CONFIG_PATH", raising=False)
    monkeypatch.delenv("TAXI_LUIGI_HOME", raising=False)
    monkeypatch.setattr(settings_files, "MACHINES", tmp_path / "etc")
    monkeypatch.setattr(settings_files, "_CHECKOUT", tmp_path / "site-packages")
    monkeypatch.setattr(LuigiConfigParser, "_instance", LuigiConfigParser())
    return tmp_path


def test_without_any_file_the_packaged_one_counts(elsewhere: Path) -> None:
    assert lake_by() == "local"
    assert get_config().get("retcode", "task_failed") == "30"
    assert get_config().get("resources", "download") == "6"


def test_a_key_that_a_file_of_ones_own_sets_is_not_set_again(elsewhere: Path) -> None:
    (elsewhere / "here" / "luigi.cfg").write_text("[retcode]\ntask_failed = 3\n[core]\nlog-level = ERROR\n")
    config.find()
    assert get_config().get("retcode", "task_failed") == "3"
    assert get_config().get("retcode", "missing_data") == "20"
    assert "log_level" not in get_config().options("core")


def test_the_machines_file_wins_over_the_packaged_one(elsewhere: Path) -> None:
    assert lake_by(elsewhere / "etc" / "luigi.cfg") == "0"


def test_the_working_folders_config_wins_over_the_machines(elsewhere: Path) -> None:
    assert lake_by(elsewhere / "etc" / "luigi.cfg", elsewhere / "here" / "config" / "luigi.cfg") == "1"


def test_the_checkouts_config_wins_over_the_machines_and_hides_that_of_the_working_folder(elsewhere: Path) -> None:
    files = ("here/config/luigi.cfg", "etc/luigi.cfg", "site-packages/config/luigi.cfg")
    (elsewhere / "site-packages").mkdir()
    assert lake_by(*(elsewhere / each for each in files)) == "2"


def test_the_config_of_the_named_project_hides_that_of_the_checkout(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / "site-packages").mkdir()
    (elsewhere / "project").mkdir()
    monkeypatch.setenv("TAXI_LUIGI_HOME", str(elsewhere / "project"))
    files = ("site-packages/config/luigi.cfg", "etc/luigi.cfg", "project/config/luigi.cfg")
    assert lake_by(*(elsewhere / each for each in files)) == "2"
    assert settings_files.project_folder() == elsewhere / "project"


def test_the_file_in_the_working_folder_wins_over_the_projects(elsewhere: Path) -> None:
    assert lake_by(elsewhere / "here" / "config" / "luigi.cfg", elsewhere / "here" / "luigi.cfg") == "1"


def test_the_named_file_wins_over_that_in_the_working_folder(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUIGI_CONFIG_PATH", "../named.cfg")
    assert lake_by(elsewhere / "here" / "luigi.cfg", elsewhere / "named.cfg") == "1"


def test_a_flag_wins_over_the_named_file(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUIGI_CONFIG_PATH", str(elsewhere / "named.cfg"))
    assert lake_by(elsewhere / "named.cfg") == "0"
    with CmdlineParser.global_instance(["LoadAllMonths", "--taxi-lake", "nas"]):
        assert config.settings().lakes == ("nas",)


@pytest.mark.parametrize("packaged", [settings_files.PACKAGED, quickstart.SETTINGS], ids=lambda path: path.name)
def test_a_packaged_file_is_a_copy_of_the_one_in_config(packaged: Path) -> None:
    ours = packaged.parents[2] / "config" / packaged.name
    assert packaged.read_text("utf-8") == ours.read_text("utf-8"), f"cp {ours} {packaged}"


def test_a_client_cfg_in_the_project_folder_wins_over_the_link_there(tmp_path: Path) -> None:
    (tmp_path / "luigi.cfg").symlink_to(Path(config.__file__).parents[2] / "config" / "luigi.cfg")
    (tmp_path / "client.cfg").write_text("[core]\nlog_level = ERROR\n")
    assert seen_from(tmp_path) == "local ERROR"


def test_an_empty_flag_is_an_empty_value_over_what_the_file_has(given: Callable[[Settings], None]) -> None:
    given({"taxi": {"zones": "zones.csv", "warehouse": "duckdb"}, "clean": {"reject": "no_passengers"}})
    flags = ("--taxi-zones", "", "--taxi-warehouse", "", "--clean-reject=")
    with CmdlineParser.global_instance(["LoadAllMonths", *flags]):
        check()
        assert config.settings().zones == ""
        assert config.settings().warehouses == ()
        assert config.settings().lakes == ("local",)
        assert config.clean_rules().reject == frozenset()
    assert config.settings().warehouses == ("duckdb",)


def make(parser: CmdlineParser) -> None:
    """The task that the words name, once for the first time: settings are looked at once in a process."""
    parser.get_task_obj()
    check()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("LoadAllMonths --months=", "months must be 2024-01, 2024, 2024-01..2024-06,"),
        ("LoadAllMonths --LoadAllMonths-months=", "months must be 2024-01, 2024, 2024-01..2024-06,"),
        ("LoadAllMonths --colors=", "color must be one of yellow, green, fhv, fhvhv, not ''"),
        ("CleanMonth --color green --month=", "month must look like 2024-01, not ''"),
        ("LoadMonth --color green --month 2024-01 --warehouse=", "no warehouse is named '': the names are"),
        ("LoadAllMonths --taxi-workspace=", "[taxi] workspace is empty"),
        ("LoadAllMonths --download-attempts=", "[download] attempts must be a number, not ''"),
    ],
)
def test_an_empty_flag_that_can_mean_nothing_is_one_line(
    given: Callable[[Settings], None], words: str, message: str
) -> None:
    given({})
    with CmdlineParser.global_instance(words.split()) as parser, pytest.raises((ConfigError, UsageError)) as caught:
        make(parser)
    assert str(caught.value).startswith(message)


def test_an_empty_flag_of_a_task_is_its_empty_value_where_it_has_one(given: Callable[[Settings], None]) -> None:
    given({"LoadAllMonths": {"refresh": "all"}, "Report": {"colors": "green"}})
    for words in ("LoadAllMonths --refresh=", "Report --colors="):
        with CmdlineParser.global_instance(words.split()) as parser:
            task = parser.get_task_obj()
            assert not (task.refresh if "--refresh" in words else task.colors)


def test_every_setting_in_force_names_the_file_it_comes_from(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUIGI_CONFIG_PATH", str(elsewhere / "named.cfg"))
    here = elsewhere / "here" / "luigi.cfg"
    here.write_text(
        "[taxi]\nlake = nas\nzones =\n[warehouse.analytics]\ntype = postgres\nurl = ${URL}\n"
        "[warehouse.small]\ntype = duckdb\nmemory_limit = 100MB\n"
    )
    monkeypatch.setattr(duckdb_memory, "available", lambda: 2 << 30)
    (elsewhere / "named.cfg").write_text("[taxi]\nlake = gcs\n[warehouse.postgres]\nwait = 5\n")
    config.find()
    found = {(each.section, each.key): (each.value, each.source) for each in config.in_force()}
    assert found["taxi", "lake"] == ("gcs", str(elsewhere / "named.cfg"))
    assert found["taxi", "zones"] == ("", str(here))
    assert found["taxi", "warehouse"] == ("duckdb", "packaged")
    assert found["warehouse.analytics", "url"] == ("${URL}", str(here))
    assert found["warehouse.analytics", "wait"] == ("600", "default")
    assert found["core", "lock_pid_dir"][1] == "default"
    assert found["warehouse.duckdb", "memory_limit"] == ("256MB", "machine")
    assert found["warehouse.small", "memory_limit"] == ("100MB", str(here))
    for section, keys in config.known_keys().items():
        assert section == "lake.local" or {(section, key) for key in keys - {"type"}} <= found.keys()


@pytest.mark.parametrize(
    ("noun", "kind", "needed"),
    [
        ("warehouse", "duckdb", {}),
        ("warehouse", "postgres", {}),
        ("warehouse", "bigquery", {"project": "p"}),
        ("lake", "gcs", {"bucket": "b0"}),
        ("lake", "s3", {"bucket": "b0"}),
        ("lake", "azure", {"account": "taxi", "container": "trips"}),
    ],
)
def test_the_defaults_of_a_store_in_the_code_are_those_of_the_packaged_file(
    given: Callable[[Settings], None], noun: str, kind: str, needed: dict[str, str]
) -> None:
    section = f"{noun}.{kind}"
    packaged = settings_files.parsed(settings_files.PACKAGED.read_text("utf-8"))[section]
    built = []
    for keys in (needed, {**packaged, **needed}):
        given({section: keys})
        store = config.warehouse(kind) if noun == "warehouse" else config.lake(kind).store
        built.append({name: value for name, value in vars(store).items() if isinstance(value, str | float | Path)})
    assert built[0] == built[1]
    assert len(built[0]) > 1


SECRET = "hunter2"
SHOWN = {
    ("taxi", "source", f"https://me:{SECRET}@host/a.csv?sig={SECRET}#{SECRET}"): "https://***@host/a.csv?***",
    ("taxi", "source", f"htps://me:{SECRET}@host/a.csv"): "htps://***@host/a.csv",
    ("taxi", "source", f"  HTTPS:/me:{SECRET}@host/a.csv"): "HTTPS:/***@host/a.csv",
    ("taxi", "source", f"me:{SECRET}@host/a.csv"): "***@host/a.csv",
    ("warehouse.postgres", "url", f"postgresql://me:a/{SECRET}@b,{SECRET} {{x}}@host/db"): "postgresql://***@host/db",
    ("warehouse.postgres", "url", f"host=db password={SECRET} x"): "host=db password=***",
    ("warehouse.postgres", "url", "${POSTGRES_URL}"): "${POSTGRES_URL}",
    ("lake.gcs", "credentials_file", '{"type": "x",\n "private_key": "hunter2"}'): "***",
    ("lake.gcs", "credentials_file", f"-----BEGIN PRIVATE KEY----- {SECRET}"): "***",
    ("lake.gcs", "credentials_file", "/srv/key.json"): "/srv/key.json",
    ("lake.azure", "credential", f"AccountName=taxi;AccountKey={SECRET}"): "***",
    ("lake.azure", "credential", "${AZURE_STORAGE_KEY}"): "${AZURE_STORAGE_KEY}",
    ("smtp", "password", SECRET): "***",
    ("smtp", "password", "${SMTP}"): "${SMTP}",
    ("mine", "api_key", SECRET): "***",
    ("taxi", "keep_raw", "true"): "true",
    ("notify", "urls", f"slack://{SECRET}/x, ${{MAIL}} {SECRET}"): "slack://***, ${MAIL}, ***",
    ("notify", "urls", ""): "",
    ("notify", "heartbeat", f"https://hc-ping.com/{SECRET}"): "https://***",
    ("notify", "heartbeat", "${PING}"): "${PING}",
    ("notify", "color_urls", f"green=slack://{SECRET}/x fhv=${{MAIL}} {SECRET}"): "green=slack://***, fhv=${MAIL}, ***",
}


@pytest.mark.parametrize(("section", "key", "value"), SHOWN)
def test_a_setting_is_shown_without_its_secrets(section: str, key: str, value: str) -> None:
    assert masked(section, key, value) == SHOWN[section, key, value]
