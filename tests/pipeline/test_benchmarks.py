"""Benchmarks: a short form of each part runs, its ways agree on the rows, and the pages get its figures."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from benchmarks import harness, memory, pages, sizes, tiny
from benchmarks.compare import PARTS
from benchmarks.harness import OURS, Run, Scope


@pytest.fixture
def _less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat no part's work for more lengths or record types: that is the same code again."""
    monkeypatch.setattr(memory, "LENGTHS", memory.LENGTHS[:1])
    monkeypatch.setattr(sizes, "MONTHS", {"green": sizes.MONTHS["green"]})
    monkeypatch.setattr(tiny, "COLORS", ("green", "fhvhv"))


@pytest.mark.usefixtures("_less")
@pytest.mark.parametrize("part", PARTS)
def test_a_short_form_of_each_part_runs(part: str, tmp_path: Path) -> None:
    _, table = PARTS[part]
    text = table(Scope(tmp_path, rounds=1, scale=0.0002, peers=False))
    head, rule, *rows = [line for line in text.splitlines() if line.startswith("|")]
    assert rows
    assert head.count("|") == rule.count("|") == rows[0].count("|")
    assert re.search(r"\d", rows[0].partition(" | ")[2])


def test_memory_and_cpu_of_descendants_are_counted(tmp_path: Path) -> None:
    held = "import os, time; os.fork() or (bytearray(80_000_000), [None for _ in range(20_000_000)]); os.wait()"
    code = f"import os\n{held.replace('; os.wait()', '')}\ntry: os.wait()\nexcept ChildProcessError: pass"
    one = harness.spawn([sys.executable, "-c", code], tmp_path, {}, sampled=True)
    alone = harness.spawn([sys.executable, "-c", "pass"], tmp_path, {}, sampled=False)
    assert one.pss_mb > 80
    assert one.cpu > alone.cpu
    assert alone.pss_mb == 0


def test_a_way_that_fails_ends_the_benchmark(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"exit code 3 of .*reason"):
        harness.spawn([sys.executable, "-c", "print('reason'); raise SystemExit(3)"], tmp_path, {})


def test_a_multiple_is_the_median_of_the_ratios_within_each_round() -> None:
    def runs(*seconds: float) -> list[Run]:
        return [Run(each, 0, 0, 0, "") for each in seconds]

    measured = {OURS: runs(2, 4, 9), "floor": runs(1, 1, 3), "slow": runs(8)}
    assert harness.multiple(measured, OURS, "floor") == "3.00 (2.00–4.00)"
    assert harness.multiple(measured, "slow", OURS) == "4.00"


def test_what_was_not_measured_is_left_out_until_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(pages, "README", tmp_path / "readme")
    monkeypatch.setattr(pages, "MADE", ((pages.README, "How fast", pages.how_fast),))
    pages.RESULTS.write_text("# Benchmarks\n\n## Results\n")
    pages.README.write_text("## How fast\n\nold\n\n## Limits\n")
    row = "| **taxi_luigi** | 1.40 |"
    pages.write(pages.CSV, f"| way | process × floor |\n|---|--:|\n{row}")
    pages.write(pages.CLEAN, f"| way | process × floor |\n|---|--:|\n{row.replace('1.40', '1.10 (1.00–1.20)')}")
    titles = re.findall("^### (.*)", pages.RESULTS.read_text(), re.MULTILINE)
    assert titles == [pages.CLEAN, pages.CSV]
    rows = re.findall(r"^\| (\S+) .* \| ([\d.]+ ×.*?) \|", pages.README.read_text(), re.MULTILINE)
    assert rows == [("parquet", "1.10 × (1.00–1.20)"), ("csv.gz", "1.40 ×")]
    assert pages.README.read_text().endswith("\n\n## Limits\n")


def test_a_result_replaces_its_section_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RESULTS", "README"):
        copy = tmp_path / name
        copy.write_text(getattr(pages, name).read_text(encoding="utf-8"), encoding="utf-8")
        monkeypatch.setattr(pages, name, copy)
    monkeypatch.setattr(pages, "MADE", ((pages.README, "How fast", pages.how_fast),))
    before, readme = pages.RESULTS.read_text(), pages.README.read_text()
    old = pages.cell(pages.CSV, OURS, "process × floor")
    section = before.partition(f"### {pages.CSV}\n\n")[2].partition("\n### ")[0]
    changed = section.replace(f" {old} ", " 77.70 (66.60–88.80) ")
    pages.write(pages.CSV, changed.rstrip("\n"))
    assert pages.RESULTS.read_text() == before.replace(section, changed)
    assert (
        "| csv.gz to clean parquet | pyarrow reads, nothing is kept | 77.70 × (66.60–88.80) |"
        in pages.README.read_text()
    )
    pages.write(pages.CSV, section.rstrip("\n"))
    assert (pages.RESULTS.read_text(), pages.README.read_text()) == (before, readme)
