"""Settings, stores and the source are made once, and again after a change of luigi.cfg or of the command line."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from luigi.cmdline_parser import CmdlineParser
from luigi.configuration import LuigiConfigParser

import taxi_luigi  # noqa: F401 the tasks that a command line may name
from taxi_luigi import config
from taxi_luigi.core.errors import ConfigError
from taxi_luigi.tlc.months import Month

MADE: dict[str, Callable[[], object]] = {
    "settings": config.settings,
    "source": config.source,
    "workspace": config.workspace,
    "lake": lambda: config.lake("local"),
    "warehouse": lambda: config.warehouse("duckdb"),
    "limits": config.limits,
    "recipe": lambda: config.recipe("green", Month(2021, 1)),
}


@pytest.fixture
def parser(monkeypatch: pytest.MonkeyPatch) -> LuigiConfigParser:
    """The configuration, empty."""
    parser = LuigiConfigParser()
    monkeypatch.setattr(LuigiConfigParser, "_instance", parser)
    return parser


def put(parser: LuigiConfigParser, section: str, key: str, value: str) -> None:
    if not parser.has_section(section):
        parser.add_section(section)
    parser.set(section, key, value)


@pytest.mark.parametrize("name", MADE)
def test_what_luigi_cfg_names_is_made_once(name: str, parser: LuigiConfigParser) -> None:
    assert MADE[name]() is MADE[name]()


def test_an_argument_that_is_left_out_is_its_default(parser: LuigiConfigParser) -> None:
    one = config.warehouse("duckdb")
    assert config.warehouse("duckdb", None) is one
    assert config.warehouse("duckdb", shard=None) is one
    assert config.warehouse(name="duckdb") is one


def test_a_value_that_is_set_later_counts(parser: LuigiConfigParser) -> None:
    put(parser, "taxi", "workspace", "/one")
    assert config.settings().workspace == "/one"
    assert config.workspace().url("") == config.workspace().url("")
    put(parser, "taxi", "workspace", "/two")
    assert config.settings().workspace == "/two"
    assert config.workspace().url("raw") == "/two/raw"


def test_a_flag_of_the_command_line_counts_as_long_as_luigi_has_it(parser: LuigiConfigParser) -> None:
    put(parser, "taxi", "workspace", "/one")
    before = config.settings()
    with CmdlineParser.global_instance(["LoadAllMonths", "--taxi-workspace", "/two"]):
        assert config.settings().workspace == "/two"
    assert config.settings() == before


def test_a_variable_that_a_value_refers_to_counts(parser: LuigiConfigParser, monkeypatch: pytest.MonkeyPatch) -> None:
    put(parser, "taxi", "workspace", "${WHERE}")
    for folder in ("/one", "/two"):
        monkeypatch.setenv("WHERE", folder)
        assert config.settings().workspace == folder


def test_an_error_is_raised_each_time(parser: LuigiConfigParser) -> None:
    put(parser, "taxi", "keep_raw", "perhaps")
    for _ in range(2):
        with pytest.raises(ConfigError, match="keep_raw is true or false"):
            config.settings()
    put(parser, "taxi", "keep_raw", "false")
    assert not config.settings().keep_raw
