"""The declaration of a setting: one field gives key, default, meaning, parser, and one line for an invalid value."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from taxi_luigi.config.factories import STORES, store_class
from taxi_luigi.config.sections import SECTIONS
from taxi_luigi.core import settings
from taxi_luigi.core.errors import ConfigError
from taxi_luigi.core.settings import Setting, declared, read, setting


@dataclass(frozen=True)
class Ferry:
    """A section."""

    boats: tuple[str, ...] = setting("barberi", "The boats.", settings.names, key="boat")
    wait: float = setting("60", "Seconds to wait.", settings.number)
    name: str = setting("", "Its name.")
    derived: int = 7


def test_a_section_has_the_keys_of_its_fields_in_their_order() -> None:
    found = declared(Ferry)
    assert list(found) == ["boat", "wait", "name"]
    assert found["wait"] == Setting("wait", "wait", "60", "Seconds to wait.", settings.number)


def test_a_key_that_is_not_there_has_its_default() -> None:
    assert read(Ferry, "ferry", {}) == Ferry() == Ferry(("barberi",), 60.0, "", 7)
    assert read(Ferry, "ferry", {"boat": "a, b", "wait": "0.5"}) == Ferry(("a", "b"), 0.5)


@pytest.mark.parametrize(
    ("parse", "text", "line"),
    [
        (settings.whole, "2.5", "must be a number, not '2.5'"),
        (settings.whole, "0", "must be more than 0, not '0'"),
        (settings.number, "nan", "must be more than 0, not 'nan'"),
        (settings.number, "1e30", "must be at most 1,000,000,000, not '1e30'"),
        (settings.share, "1.01", "is a share from 0 to 1, as 0.05 for 5 in 100, not '1.01'"),
        (settings.share, "many", "is a share from 0 to 1, as 0.05 for 5 in 100, not 'many'"),
        (settings.boolean, "yes", "is true or false, not 'yes'"),
        (settings.names, "a, b, a", "names something twice: 'a, b, a'"),
    ],
)
def test_an_invalid_value_is_one_line_with_section_and_key(parse: Callable[[str], Any], text: str, line: str) -> None:
    with pytest.raises(ConfigError) as error:
        Setting("key", "key", "", "", parse).value("section", text)
    assert str(error.value) == f"[section] key {line}"


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (settings.whole, "6", 6),
        (settings.share, "0", 0.0),
        (settings.boolean, "false", False),
        (settings.names, " a,, b ,", ("a", "b")),
        (settings.optional, "", None),
        (settings.optional_path, "", None),
        (settings.optional_path, "/a/../b", Path("/b")),
        (settings.absolute, "x", settings.project_folder() / "x"),
        (settings.absolute, "~/x", Path.home() / "x"),
    ],
)
def test_a_valid_value_is_typed(parse: Callable[[str], Any], text: str, value: object) -> None:
    assert parse(text) == value


@pytest.mark.parametrize("folder", [b"caf\xe9/data", b"/srv/\xff\xfe"])
def test_a_folder_whose_name_is_not_utf_8_is_an_error(folder: bytes) -> None:
    with pytest.raises(ConfigError) as error:
        Setting("path", "path", "", "", settings.absolute).value("lake.nas", os.fsdecode(folder))
    line = str(error.value)
    assert line.startswith("[lake.nas] path is /")
    assert "\\x" in line
    assert line.endswith(" and a name in it is not UTF-8: rename the folder, or set another path")
    assert line.isprintable()


def test_every_setting_has_its_meaning() -> None:
    stores = [store_class(noun, each).Settings for noun, types in STORES.items() for each in types]
    for section in (*(kind for kinds in SECTIONS.values() for kind in kinds), *stores):
        assert declared(section), section
        assert all(each.meaning for each in declared(section).values()), section


@pytest.mark.parametrize("kind", STORES["warehouse"])
def test_a_type_of_warehouse_has_its_properties_on_its_class(kind: str) -> None:
    found = store_class("warehouse", kind)
    assert isinstance(found.single_writer, bool)
    assert found.loads_from in ("", *STORES["lake"])
