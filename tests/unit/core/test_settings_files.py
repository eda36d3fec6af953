"""Files of settings that cannot be read: one line, which names the place and shows nothing of what is written there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from taxi_luigi.core import settings_files
from taxi_luigi.core.settings_files import Unreadable


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, where no other file counts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LUIGI_CONFIG_PATH", raising=False)
    monkeypatch.setenv("TAXI_LUIGI_HOME", str(tmp_path))
    monkeypatch.setattr(settings_files, "MACHINES", tmp_path / "etc")
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    return tmp_path


def fault() -> str:
    with pytest.raises(Unreadable) as caught:
        settings_files.check()
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


BOM = b"\xef\xbb\xbf"
FAULTS = {
    b"[taxi]\nlake = local\n[core]\n[taxi]\nzones = hunter2\n": ", line 4: the section [taxi] is there twice; make",
    b"[taxi]\nlake = hunter2\nlake = local\n": ", line 3: the section [taxi] has this setting already",
    b"[lake.s3]\nbucket = b\nhunter2\n\nalso hunter2\n": ", line 3, line 5: a setting is KEY = VALUE in one line",
    b"zones = hunter2\n": ", line 1, stands before the first [section]",
    b"[taxi]\n# caf\xe9\nzones = hunter2\n": ", line 2, is not UTF-8: save the file as UTF-8",
    "[taxi]\nlake = local\n".encode(
        "utf-16-le"
    ): ", line 1, has a NUL byte, as UTF-16 has many: save the file as UTF-8",
    b"[taxi]\nlake = local\nzones = hunter2\0\n": ", line 3, has a NUL byte",
    BOM + b"[taxi]\nlake = local\n": " begins with a byte order mark (BOM): save it as UTF-8 without one",
}


@pytest.mark.parametrize("text", FAULTS)
@pytest.mark.parametrize("name", ["luigi.cfg", "config/luigi.cfg", "etc/luigi.cfg", "named.cfg"])
def test_a_file_that_cannot_be_read_is_named_with_the_line(
    here: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: bytes
) -> None:
    monkeypatch.setenv("LUIGI_CONFIG_PATH", "named.cfg")
    path = here / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text)
    assert fault().startswith(f"{path}{FAULTS[text]}")


def test_all_faults_of_all_files_are_found_in_their_order(here: Path) -> None:
    (here / "config").mkdir(exist_ok=True)
    (here / "config" / "luigi.cfg").write_bytes(b"\xff")
    (here / "luigi.cfg").write_text(
        "stray\n[a]\nb = 1\nb = 2\nhunter2\n[c]\n[a]\nb = 3\n[c]\nd = 1\nd = 2\n  e\nhunter2"
    )
    assert [line.removeprefix(f"{here}/").partition(": ")[0] for line in settings_files.faults()] == [
        "config/luigi.cfg, line 1, is not UTF-8",
        "luigi.cfg, line 1, stands before the first [section]",
        "luigi.cfg, line 4",
        "luigi.cfg, line 5, line 13",
        "luigi.cfg, line 7",
        "luigi.cfg, line 9",
        "luigi.cfg, line 11",
    ]
    assert fault().endswith(" (and 6 more: run taxi-luigi doctor)")


def test_a_file_that_cannot_be_opened_is_not_left_out(here: Path) -> None:
    """Luigi goes on without it, into another warehouse than the one it names."""
    (here / "luigi.cfg").mkdir()
    assert fault() == f"{here}/luigi.cfg cannot be read: Is a directory"


def test_letters_that_the_locale_cannot_read_are_noticed(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "luigi.cfg").write_text("[taxi]\nworkspace = /data/é\n", encoding="utf-8")
    settings_files.check()
    monkeypatch.setattr("locale.getencoding", lambda: "ascii")
    assert fault().startswith(f"{here}/luigi.cfg, line 2, is not ASCII: that is the locale's: set PYTHONUTF8=1")


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        (
            "LUIGI_CONFIG_PATH",
            "mine.toml",
            "LUIGI_CONFIG_PATH names {}/mine.toml, and settings are read from",
        ),
        ("LUIGI_CONFIG_PARSER", "toml", "LUIGI_CONFIG_PARSER is toml, and settings are read from cfg files alone"),
        ("TAXI_LUIGI_HOME", "nowhere", "TAXI_LUIGI_HOME names no folder: {}/nowhere"),
    ],
)
def test_a_variable_that_names_no_cfg_file_is_one_line(
    here: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, line: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert fault().startswith(line.format(here))


def test_files_that_are_not_there_are_no_fault(here: Path) -> None:
    (here / "luigi.cfg").symlink_to("config/luigi.cfg")
    settings_files.check()
