"""The page of one run: a file of its owner's, with what the history and the log have, and nothing from elsewhere."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from taxi_luigi.core.errors import StorageError
from taxi_luigi.history import MonthResult, Recorder, Result, RunResult, State, TaskResult, find
from taxi_luigi.reports.html import run_page
from tests.support.run_results import run

BEGAN = "2026-11-21T06:00:03+00:00"
LOADED = MonthResult("green", "2026-07", Result.REFRESHED, 3_003, 77_000, 9.0, replaced="3,000 → 3,003 records")
BROKEN = MonthResult("yellow", "2026-07", Result.FAILED, seconds=1.0, why="DownloadMonth: <b>HTTP 503</b>")
MISSING = MonthResult("green", "2026-10", Result.NOT_PUBLISHED)


def recorded(folder: Path, result: RunResult) -> RunResult:
    recorder = Recorder(folder, result.run)
    recorder.begin(result.command, result.host, result.began, "0.1.0")
    recorder.task(TaskResult("DownloadMonth", "green", "2026-07", "", BEGAN, BEGAN, 3.0, bytes=77_000))
    recorder.task(TaskResult("LoadMonth", "green", "2026-07", "duckdb", BEGAN, BEGAN, 6.0, rows=3_003))
    recorder.task(TaskResult("DownloadMonth", "yellow", "2026-07", "", BEGAN, BEGAN, 1.0, error="<b>HTTP 503</b>"))
    recorder.end(result)
    return find(folder, result.run)


def test_a_run_is_a_page_of_its_owner(tmp_path: Path) -> None:
    result = run(LOADED, BROKEN, MISSING, exit_code=30, seconds=10.0, remarks=("green: left out <fee>",))
    (tmp_path / "logs").mkdir(parents=True)
    line = {"run": result.run, "time": BEGAN, "level": "WARNING", "message": "trying & again"}
    line |= {"task": "DownloadMonth", "color": "yellow", "month": "2026-07"}
    (tmp_path / "logs" / "2026-11-21.jsonl").write_text(json.dumps(line))
    path = run_page.write(tmp_path, recorded(tmp_path, result))
    assert path == tmp_path / "runs" / f"{result.run}.html"
    assert (oct(path.stat().st_mode & 0o777), oct(path.parent.stat().st_mode & 0o777)) == ("0o600", "0o700")
    text = path.read_text()
    assert ">1 month refreshed, 1 not published, 1 failed</h1>" in text
    assert "14 min 43" not in text
    assert "exit code 30 task failed on taxi-host" in text
    assert "3,000 → 3,003 records" in text
    assert "06:00:03 WARNING trying &amp; again" in text
    assert "&lt;b&gt;HTTP 503&lt;/b&gt;" in text
    assert "green: left out &lt;fee&gt;" in text
    assert '<i class="D" style="left:0.0%;width:30.0%" title="DownloadMonth: 3.0 s">' in text
    assert '<i class="L" style="left:0.0%;width:60.0%" title="LoadMonth duckdb: 6.0 s">' in text
    assert '<i class="x" style="left:0.0%;width:10.0%" title="DownloadMonth: 1.0 s, failed">' in text
    assert not re.search(r"<script|url\(|@import|https?://|(src|href)=|<b>HTTP", text)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("result", "headline"),
    [
        (run(), "Nothing to load"),
        (run(exit_code=40), "Failed: error"),
        (run(exit_code=143), "Failed: stopped"),
        (replace(run(exit_code=None), state=State.DID_NOT_END, ended="", seconds=None), "The run did not end"),
        (run(*[MISSING] * 2), "2 months not published"),
    ],
)
def test_the_headline_is_what_became_of_the_run(tmp_path: Path, result: RunResult, headline: str) -> None:
    assert f">{headline}</h1>" in run_page.write(tmp_path, result).read_text()


def test_the_newest_pages_are_kept_and_other_files_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_page, "KEPT", 2)
    mine = tmp_path / "runs" / "notes.html"
    for day in ("19", "20", "21", "18"):
        run_page.write(tmp_path, run(run=f"202611{day}T060003-4f2a"))
        mine.touch()
    names = sorted(path.name[:8] for path in mine.parent.iterdir())
    assert names == ["20261118", "20261121", "notes.ht"]


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    with pytest.raises(StorageError, match=r"^cannot write the page of the run: .*: /.*\.html$"):
        run_page.write(tmp_path, run())
