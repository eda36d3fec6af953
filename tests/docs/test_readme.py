"""What README.md alone promises: its first commands are those that scripts run."""

from __future__ import annotations

from taxi_luigi.cli import quickstart
from tests.docs.documents import commands, text_of
from tests.support.project import ROOT

README = text_of(ROOT / "README.md")


def test_its_first_commands_are_the_pipeline_and_the_quickstart() -> None:
    first, second, *_ = commands(README)
    assert first.startswith("luigi --module taxi_luigi LoadAllMonths ")
    assert second == "scripts/quickstart"


def test_quickstart_and_readme_agree_on_real_files() -> None:
    assert f"luigi --module taxi_luigi {' '.join(quickstart.REAL)}" in commands(README)
