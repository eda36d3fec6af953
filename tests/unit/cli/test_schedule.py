"""Entries in a crontab, as bytes; the crontab program where it is odd; and the environment file of cron-run."""

from __future__ import annotations

import argparse
import itertools
import os
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from luigi.configuration import LuigiConfigParser

from taxi_luigi.cli import crontab
from taxi_luigi.cli import schedule as cli_schedule
from taxi_luigi.cli.cron_run import DEFAULT, variables, with_refresh
from taxi_luigi.cli.crontab import Entry
from taxi_luigi.core.errors import ConfigError, StorageError, UsageError
from taxi_luigi.runs.scheduler_client import local_port

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 11, 21, 5, 59, 59)  # a Saturday
ODD = (
    b"# taxi_luigi: not an entry\n"
    b"MAILTO=me@example.org\nFOO = 'a b'\n\n"
    b"  0\t6 * * 1-5\t/bin/tool  --at %H   # note  \n"
    b"@reboot /bin/true\n@every_minute /bin/odd\n~ * * * * bsd\nthis is no crontab line\n"
    b"# 0 6 * * * /x/scripts/cron-run # taxi_luigi: nightly\n"
    b"1 2 3 4 5 /bin/dos\r\n"
    b"0 0 1 1 * echo \xff\xfe\n"
)
"""what others have in their crontabs, and what cron itself would refuse"""


def entry(name: str = "nightly", when: str = "0 6 * * *", *words: str) -> Entry:
    return crontab.new_entry(name, when, words or ("/x/scripts/cron-run",))


@pytest.mark.parametrize("tab", [b"", b"\n", ODD, ODD.removesuffix(b"\n"), b"X=1"], ids=range(5))
def test_lines_of_others_stay_byte_for_byte(tab: bytes) -> None:
    first = crontab.with_entry(tab, entry())
    both = crontab.with_entry(first, entry("hourly", "@hourly"))
    changed = crontab.with_entry(both, entry("nightly", "30 5 * * 1"))
    assert [each.when for each in crontab.entries(changed)] == ["30 5 * * 1", "@hourly"]
    lines = changed.split(b"\n")
    assert [line for line in lines if b"scripts/cron-run # taxi" not in line or line.startswith(b"#")] == (
        tab.removesuffix(b"\n").split(b"\n") if tab else []
    ) + [b""]
    without = crontab.without_entry(crontab.without_entry(changed, "hourly"), "nightly")
    # A last line without its end gets one: cron would not run it, and ours would be a part of it.
    assert without == (tab + b"\n" if tab and not tab.endswith(b"\n") else tab)


def test_a_changed_entry_stays_in_its_place() -> None:
    tab = b"a\n" + os.fsencode(f"{entry()}\n") + b"b\n"
    assert (
        crontab.with_entry(tab, entry("nightly", "@daily"))
        == b"a\n" + os.fsencode("@daily /x/scripts/cron-run # taxi_luigi: nightly\n") + b"b\n"
    )


def test_what_is_written_is_read_back() -> None:
    made = entry("a.b_C-1", " 0   6 * *  mon-fri ", "/x y/100%/cron-run", "--", "LoadAllMonths", "--months", "a # b")
    assert made.when == "0 6 * * mon-fri"
    assert made.command == r"'/x y/100\%/cron-run' -- LoadAllMonths --months 'a # b'"
    assert crontab.entries(crontab.with_entry(b"", made)) == [made]


def test_two_entries_of_one_name_are_not_chosen_between() -> None:
    line = os.fsencode(f"{entry()}\n")
    for change in (lambda tab: crontab.with_entry(tab, entry()), lambda tab: crontab.without_entry(tab, "nightly")):
        with pytest.raises(StorageError, match=r"2 entries named nightly: leave one of them, with crontab -e"):
            change(line + line)
    assert len(crontab.entries(line + line)) == 2


@pytest.mark.parametrize("line", [b"0 6 * * # taxi_luigi: a\n", b"A = 1 2 3 4 5 # taxi_luigi: a\n"])
def test_an_entry_that_somebody_spoilt_is_said(line: bytes) -> None:
    with pytest.raises(StorageError, match="marked as taxi_luigi's but is not an entry; correct it with crontab -e: "):
        crontab.entries(line)


def test_a_name_that_is_not_there_is_said_with_those_that_are() -> None:
    with pytest.raises(UsageError, match="named 'weekly': nightly"):
        crontab.without_entry(crontab.with_entry(b"", entry()), "weekly")
    with pytest.raises(UsageError, match="it has none"):
        crontab.without_entry(ODD, "nightly")


@pytest.mark.parametrize(
    ("when", "due"),
    [
        ("0 6 * * *", "2026-11-21 06:00"),
        ("*/15 7-8 * * *", "2026-11-21 07:00"),
        ("0 6 1 * mon", "2026-11-23 06:00"),
        ("0 6 * jan sun", "2027-01-03 06:00"),
        ("@daily", "2026-11-22 00:00"),
        ("@weekly", "2026-11-22 00:00"),
        ("0 6 29 2 *", "2028-02-29 06:00"),
    ],
)
def test_the_next_time_is_crons(when: str, due: str) -> None:
    assert entry("a", when).when == when
    assert f"{crontab.next_time(when, NOW):%Y-%m-%d %H:%M}" == due


def test_at_boot_has_no_next_time() -> None:
    assert entry("a", "@reboot").when == "@reboot"
    assert crontab.next_time("@reboot", NOW) is None
    assert crontab.next_time("~ * * * *", NOW) is None


@pytest.mark.parametrize(
    "when",
    ["", "0 6 * *", "0 6 * * * *", "60 6 * * *", "0 24 * * *", "0 6 31 2 *", "0 6 0 * *", "0 6 * * 8", "*/0 * * * *",
     "0 6 L * *", "0 6 LW * *", "0 6 * * 5L", "0 6 * * 1#2", "5/15 * * * *", "@often", "a b c d e", "0 6 * * *; rm",
     "0 6 * * fri-mon"],
)  # fmt: skip
def test_a_time_that_cron_does_not_know_is_one_line(when: str) -> None:
    with pytest.raises(UsageError, match="is not a time for cron") as raised:
        entry("a", when)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["", "a b", "a#", "ä", "a\n"])
def test_a_name_that_could_not_be_found_again_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="an entry's name has letters"):
        entry(name)


@pytest.mark.parametrize("word", ["a\nb", "a\\b", "a\0"])
def test_a_word_that_no_crontab_holds_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="a crontab entry cannot contain a backslash or a line break"):
        entry("a", "@daily", word)


def a_crontab(folder: Path, script: str) -> str:
    """A PATH whose crontab is this shell script; stands for the programs of other systems."""
    program = folder / "crontab"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_a_machine_without_crontab_is_an_error_that_names_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"apt-get install cron\), or use systemd: deploy/systemd"):
        crontab.read()


def test_an_error_of_crontab_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says = 'echo "You (x) are not allowed to use this program (crontab)" >&2; echo "See crontab(1)" >&2; exit 1'
    monkeypatch.setenv("PATH", a_crontab(tmp_path, says))
    with pytest.raises(StorageError, match=re.escape("cannot be read: You (x) are not allowed")) as raised:
        crontab.read()
    assert "\n" not in str(raised.value)
    with pytest.raises(StorageError, match="refuses the change, and nothing has changed: You"):
        crontab.write(b"")


def test_no_crontab_yet_is_an_empty_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", a_crontab(tmp_path, "echo no crontab for you >&2; exit 1"))
    assert crontab.read() == b""


def test_the_bytes_of_a_crontab_go_through_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", a_crontab(tmp_path, f'[ "$1" = -l ] && cat "{tmp_path}/tab" || cat >"{tmp_path}/tab"'))
    crontab.write(ODD)
    assert crontab.read() == (tmp_path / "tab").read_bytes() == ODD


@pytest.fixture
def a_tab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which a crontab program keeps the crontab, which is empty."""
    tab = tmp_path / "tab"
    tab.touch()
    monkeypatch.setenv("PATH", a_crontab(tmp_path, f'[ "$1" = -l ] && cat "{tab}" || cat >"{tab}"'))
    return tab


def command(*words: str) -> int:
    """`taxi-luigi schedule WORDS`."""
    parser = argparse.ArgumentParser()
    cli_schedule.add(parser)
    arguments = parser.parse_args(words)
    code: int = arguments.run(arguments)
    return code


def test_entries_are_added_listed_changed_and_removed(a_tab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_tab.write_bytes(ODD)
    assert command() == 0
    assert capsys.readouterr().out == "the crontab has no entry of taxi_luigi\n"
    assert command("@reboot", "--name", "up") == 0
    assert command("0 6 * * *", "--env-file", "my.env", "--", "LoadAllMonths", "--months", "latest") == 0
    assert command("0 7 * * *", "--", "LoadZones") == 0
    capsys.readouterr()
    assert command() == 0
    up, nightly = capsys.readouterr().out.splitlines()
    run = rf"env TAXI_LUIGI_HOME={re.escape(str(ROOT))} \S*/bin/taxi-luigi cron-run"
    assert re.fullmatch(rf"up: @reboot · at the next boot · {run}", up)
    assert re.fullmatch(rf"nightly: 0 7 \* \* \* · next \d{{4}}-\d\d-\d\d 07:00 · {run} -- LoadZones", nightly)
    assert command("--remove", "up") == command("--remove", "nightly") == 0
    assert a_tab.read_bytes() == ODD


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("@daily", "--", "LoadAll"), "'LoadAll' names no task: "),
        (("@daily", "--remove", "nightly"), "--remove takes an entry's name and nothing else"),
        (("daily",), "'daily' is not a time for cron"),
        (("@daily", "--", "LoadAllMonths", "--months", "2024-13"), "month must look like 2024-01, not '2024-13'"),
        (("@daily", "--", "LoadAllMonths", "--months", ""), "months must be 2024-01, 2024, "),
        (("@daily", "--", "LoadAllMonths", "--months=2024-02..2024-01"), "ends before it begins"),
        (("@daily", "--", "LoadAllMonths", "--LoadAllMonths-months", "x"), "months must be 2024-01, 2024, "),
        (("@daily", "--", "LoadAllMonths", "--colors", "purple"), "color must be one of yellow, "),
        (("@daily", "--", "LoadAllMonths", "--colors", ""), "color must be one of yellow, "),
        (("@daily", "--", "LoadAllMonths", "--refresh", "daily"), "refresh must be recent or all, not 'daily'"),
        (("@daily", "--", "LoadAllMonths", "--workers", "four"), "--workers: invalid literal for int()"),
        (("@daily", "--", "LoadAllMonths", "--colours", "green"), "unrecognized arguments: --colours green"),
        (("@daily", "--", "LoadAllMonths", "--months"), "argument --months: expected one argument"),
        (("@daily", "--", "LoadAllMonths", "--help"), "luigi would show its help"),
        (("@daily", "--", "--lock-pid-dir", "LoadZones", "LoadAll"), "No task LoadAll."),
    ],
)
def test_what_is_invalid_is_said_in_one_line_before_the_crontab_is_read(
    words: tuple[str, ...], says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no crontab
    with pytest.raises(UsageError, match=re.escape(says)) as raised:
        command(*words)
    assert "\n" not in str(raised.value)


def test_what_will_be_right_when_cron_starts_it_is_scheduled(a_tab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A month of the future, and settings that need the environment file."""
    monkeypatch.setattr(LuigiConfigParser, "_instance", LuigiConfigParser())
    LuigiConfigParser.instance().add_section("LoadAllMonths")
    LuigiConfigParser.instance().set("LoadAllMonths", "colors", "${COLORS}")
    assert command("@yearly", "--", "LoadAllMonths", "--months", "2999-01") == 0
    assert b"--months 2999-01 # taxi_luigi: nightly\n" in a_tab.read_bytes()


def test_an_entry_keeps_the_settings_of_the_one_who_schedules(
    a_tab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = tmp_path / "100% mine.cfg"
    named.touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LUIGI_CONFIG_PATH", named.name)
    assert command("@daily", "--wait", "30", "--log-folder", "logs", "--", "LoadZones") == 0
    [entry] = crontab.entries(a_tab.read_bytes())
    program = str(Path(sys.executable).with_name("taxi-luigi"))
    assert entry.words() == [
        "env", f"TAXI_LUIGI_HOME={ROOT}", f"LUIGI_CONFIG_PATH={named}", program, "cron-run",
        "--log-folder", f"{tmp_path}/logs", "--wait", "30", "--", "LoadZones",
    ]  # fmt: skip
    assert entry.settings() == (str(ROOT), str(named))


def test_a_file_of_settings_that_is_not_there_is_said_before_the_crontab_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUIGI_CONFIG_PATH", str(tmp_path / "none.cfg"))
    with pytest.raises(ConfigError, match=r"LUIGI_CONFIG_PATH names no file: .*/none\.cfg"):
        command("@daily")


def test_a_luigi_cfg_that_cron_will_not_read_is_warned_of(
    a_tab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "luigi.cfg").touch()
    monkeypatch.chdir(tmp_path)
    assert command("@daily") == 0
    warning = f"WARNING: cron-run works in {ROOT} and does not read {tmp_path}/luigi.cfg: name it by LUIGI_CONFIG_PATH"
    assert f"taxi-luigi: {warning}\n" in capsys.readouterr().err
    monkeypatch.setenv("LUIGI_CONFIG_PATH", str(tmp_path / "luigi.cfg"))
    assert command("@daily") == 0
    assert "does not read" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("one", "other", "when"),
    [
        ("0 6 * * *", "0 6 * * *", "2026-11-21 06:00"),
        ("@daily", "0 0 1 * *", "2026-12-01 00:00"),
        ("* * * * *", "0 6 * * 1", "2026-11-23 06:00"),
        ("0 6 29 2 *", "*/15 6 * * 2", "2028-02-29 06:00"),
        ("0 6 1 * *", "0 6 31 12 *", None),
        ("*/2 * * * *", "1-59/2 * * * *", None),
        ("0 6 * * *", "5 6 * * *", None),
        ("@reboot", "@reboot", "each boot"),
        ("@reboot", "* * * * *", None),
        ("~ * * * *", "* * * * *", None),
    ],
)
def test_two_entries_meet_when_both_are_due_in_one_minute(one: str, other: str, when: str | None) -> None:
    first, second = Entry("a", one, "/x/scripts/cron-run"), Entry("b", other, "/x/scripts/cron-run -- LoadZones")
    assert crontab.meeting(first, second, NOW) == crontab.meeting(second, first, NOW) == when


def test_entries_with_other_settings_take_no_turns() -> None:
    commands = [
        "/x/scripts/cron-run", "/y/scripts/cron-run", "env TAXI_LUIGI_HOME=/z /x/bin/taxi-luigi cron-run",
        "env TAXI_LUIGI_HOME=/x LUIGI_CONFIG_PATH=/a.cfg /x/bin/taxi-luigi cron-run", "'",
    ]  # fmt: skip
    found = [Entry(str(number), "@daily", text) for number, text in enumerate(commands)]
    pairs = itertools.combinations(found, 2)
    assert [(one.name, other.name) for one, other in pairs if crontab.meeting(one, other, NOW)] == []
    same = Entry("same", "0 0 * * *", "env TAXI_LUIGI_HOME=/x /y/bin/taxi-luigi cron-run -- LoadZones")
    assert crontab.meeting(found[0], same, NOW)


def test_entries_that_meet_are_warned_of_once_with_both_names(a_tab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_tab.write_bytes(os.fsencode(f"0 6 * * * {ROOT}/scripts/cron-run -- LoadAllMonths # taxi_luigi: nightly\n"))
    assert command("0 6 * * 1", "--name", "zones", "--", "LoadZones") == 0
    added = [line for line in capsys.readouterr().err.splitlines() if "WARNING" in line]
    assert command() == 0
    listed = [line for line in capsys.readouterr().err.splitlines() if "WARNING" in line]
    for [line], names in ((added, "zones and nightly"), (listed, "nightly and zones")):
        assert re.fullmatch(
            rf"taxi-luigi: WARNING: {names} are both due at \d{{4}}-\d\d-\d\d 06:00: the second waits for the first, "
            r"240 minutes at most unless --wait is given",
            line,
        )
    assert command("0 7 * * 1", "--name", "zones", "--", "LoadZones") == 0
    assert "WARNING" not in capsys.readouterr().err


def test_the_shell_gets_the_arguments_as_given() -> None:
    words = ["printf", "%s|", "it's", 'a "b" $HOME', "100 %"]
    command = entry("a", "@daily", *words).command
    as_cron_hands_it_on = command.replace(r"\%", "%")
    assert re.findall(r"(?<!\\)%", command) == []
    done = subprocess.run(["sh", "-c", f"{as_cron_hands_it_on} # taxi_luigi: a"], capture_output=True, text=True)
    assert done.stdout == 'it\'s|a "b" $HOME|100 %|'


def test_an_environment_file_is_values_and_no_program() -> None:
    text = "# secrets\r\n\nA=1\nexport B = 'two words' \nC=\"$A `x` # no comment\"\nD=\nE=a=b\nF='\nexportG=1\n"
    assert variables(text) == {
        "A": "1", "B": "two words", "C": "$A `x` # no comment", "D": "", "E": "a=b", "F": "'", "exportG": "1"
    }  # fmt: skip


@pytest.mark.parametrize("line", ["hunter2", "1A=x", "A B=x", "=x", "A=\0", "export"])
def test_a_line_that_is_no_value_is_named_and_not_shown(line: str) -> None:
    with pytest.raises(ValueError, match=r"^line 2, is not KEY=value$"):
        variables(f"A=1\n{line}\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (list(DEFAULT), [*DEFAULT, "--refresh"]),
        (["LoadAllMonths", "--refresh", "all"], ["LoadAllMonths", "--refresh", "all"]),
        (["LoadAllMonths", "--refresh=all"], ["LoadAllMonths", "--refresh=all"]),
        (["LoadZones", "--force"], ["LoadZones", "--force"]),
    ],
)
def test_months_are_refreshed_unless_something_else_is_said(arguments: list[str], said: list[str]) -> None:
    assert with_refresh(arguments) == said


@pytest.mark.parametrize(
    ("arguments", "port"),
    [
        ([], 8082),
        (["LoadAllMonths", "--scheduler-port", "99"], 99),
        (["--scheduler-host=127.0.0.1"], 8082),
        (["--scheduler-host", "luigi.example.org"], None),
        (["--scheduler-url", "http://localhost:99/"], 99),
        (["--scheduler-url", "http://localhost"], 80),
        (["--scheduler-url", "https://localhost:99"], None),
        (["--scheduler-url", "http://me:pw@localhost:99"], None),
        (["--scheduler-url", "http://localhost:99/luigi"], None),
        (["--local-scheduler"], None),
    ],
)
@pytest.mark.filterwarnings("ignore:.*parameter 'rpc_")  # Luigi's, see taxi_luigi/logs.py
def test_luigid_is_ours_to_start_only_on_this_machine(arguments: list[str], port: int | None) -> None:
    assert local_port(arguments) == port
