"""What README.md alone promises: it is read in five minutes, and its first commands are those that scripts run."""

from __future__ import annotations

from taxi_luigi.cli import quickstart
from tests.docs.documents import commands, luigi_flags, prose, taxi_luigi_flags, text_of
from tests.support.project import ROOT

__all__ = ["luigi_flags", "taxi_luigi_flags"]

README = text_of(ROOT / "README.md")


def test_it_is_read_in_ten_minutes() -> None:
    """By 200 words a minute, tables and all."""
    assert len(prose(README).split()) < 2000


def test_its_first_commands_are_the_pipeline_and_the_quickstart() -> None:
    first, second, *_ = commands(README)
    assert first.startswith("luigi --module taxi_luigi LoadAllMonths ")
    assert second == "scripts/quickstart"


def test_quickstart_and_readme_agree_on_real_files() -> None:
    assert f"luigi --module taxi_luigi {' '.join(quickstart.REAL)}" in commands(README)
