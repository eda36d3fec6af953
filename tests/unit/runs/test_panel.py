"""How the panel and the summary of a run look, at the widths of terminals."""

from __future__ import annotations

import os
import socket
from io import StringIO

import pytest
from rich.console import Console

from taxi_luigi.history import Result, TaskResult
from taxi_luigi.inventory import Plan, PlannedMonth
from taxi_luigi.runs import scheduler_client, shared_runs
from taxi_luigi.runs.month_results import ColorCounts, ScheduledMonths, sizes
from taxi_luigi.runs.panel import Panel, summary
from taxi_luigi.runs.progress import Channel, Step
from taxi_luigi.tlc.months import Month

STEPS = (("DownloadMonth", ""), ("CleanMonth", "local"), ("LoadMonth", "duckdb"))
WHY = "https://d37ci6vzurychx.cloudfront.net/trip-data/green_tripdata_2023-01.parquet: HTTP 503 Service Unavailable"


def key(color: str, month: int) -> tuple[str, str]:
    return color, f"2023-{month:02}"


def result(task: str, color: str, month: int, store: str = "", **more: object) -> TaskResult:
    return TaskResult(task, *key(color, month), store, **more)  # type: ignore[arg-type]


def load(panel: Panel, color: str, month: int) -> None:
    """Have all steps of a month succeed."""
    for task, store in STEPS:
        panel.end(result(task, color, month, store))


def panel_of(months: dict[tuple[str, str], int], unit: str = "rows") -> Panel:
    fields = [
        {"task": task, "color": color, "month": month, "store": store}
        for color, month in months
        for task, store in STEPS
    ]
    return Panel("LoadAllMonths --colors yellow,green --months 2023", ScheduledMonths(fields), months, unit)


@pytest.fixture
def panel() -> Panel:
    """A year of yellow and green: some months loaded, one failed, two in hand and one of another machine's."""
    months = {key("yellow", month): 3_000_000 for month in range(1, 13)}
    panel = panel_of(months | {key("green", month): 60_000 for month in range(1, 12)})
    panel.not_published = {"green": 1}
    panel.already_there = {"yellow": 2}
    for month in range(1, 6):
        load(panel, "yellow", month)
    panel.begin(Step("DownloadMonth", "green", "2023-01", "", "downloading"))
    panel.end(result("DownloadMonth", "green", 1, error=WHY))
    panel.begin(Step("LoadMonth", "yellow", "2023-06", "duckdb", "loading duckdb", 1_130_112, 3_403_766, "rows", 2.5))
    panel.begin(Step("DownloadMonth", "green", "2023-02", "", "downloading", 400_000, 1_600_000, "B", 0.4))
    panel.elsewhere = (Step("CleanMonth", "yellow", "2023-07", "local", "cleaning", host="worker-7", percent=62),)
    return panel


def shown(panel: Panel, width: int, height: int = 30, seconds: float = 83, letters: bool = False) -> list[str]:
    """The lines of the panel, without colors."""
    console = Console(file=StringIO(), width=width, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(panel.text(seconds, width, height, letters))
    lines = [line.rstrip() for line in capture.get().splitlines()]
    assert max(map(len, lines)) <= width
    return lines


def test_a_wide_terminal_has_amounts_and_speeds(panel: Panel) -> None:
    assert (
        shown(panel, 119)
        == """
LoadAllMonths --colors yellow,green --months 2023                                                               0:01:23
yellow 2023-06 loading duckdb       ━━━━━━━━━━━╸                        1,130,112 of 3,403,766 rows 33 % 452,045 rows/s
green 2023-02  downloading          ━━━━━━━━╸                                    400.0 kB of 1.6 MB 25 %       1.0 MB/s
yellow 2023-07 cleaning on worker-7 ━━━━━━━━━━━━━━━━━━━━━╸                                          62 %
yellow ✓ 5 loaded  7 to go  2 already there
green  ✓ 0 loaded  ✗ 1 failed  10 to go  1 not published
✗ green 2023-01 DownloadMonth: HTTP 503 Service Unavailable
total  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╸                                         16.0M of 36.6M rows 43 % 1 min 47 s left
""".strip().splitlines()
    )


def test_80_columns_have_shares_and_speeds(panel: Panel) -> None:
    assert (
        shown(panel, 79)
        == """
LoadAllMonths --colors yellow,green --months 2023                       0:01:23
yellow 2023-06 loading duckdb       ━━━━━━━╸                33 % 452,045 rows/s
green 2023-02  downloading          ━━━━━╸                  25 %       1.0 MB/s
yellow 2023-07 cleaning on worker-7 ━━━━━━━━━━━━━━          62 %
yellow ✓ 5 loaded  7 to go  2 already there
green  ✓ 0 loaded  ✗ 1 failed  10 to go  1 not published
✗ green 2023-01 DownloadMonth: HTTP 503 Service Unavailable
total  ━━━━━━━━━━━━━╸                  16.0M of 36.6M rows 43 % 1 min 47 s left
""".strip().splitlines()
    )


def test_40_columns_have_the_short_form(panel: Panel) -> None:
    assert (
        shown(panel, 39)
        == """
LoadAllMonths --colors yellow,… 0:01:23
yellow 2023-06 loading     ━━      33 %
green 2023-02  downloading ━╸      25 %
yellow 2023-07 worker-7    ━━━━    62 %
yellow ✓ 5  7 to go
green  ✓ 0  ✗ 1  10 to go
✗ green 2023-01 HTTP 503 Service Unava…
total  ━━━━╸       43 % 1 min 47 s left
""".strip().splitlines()
    )


def test_a_low_terminal_has_what_fits(panel: Panel) -> None:
    """The first line, the counts and the total stay; of the months in hand and the failures, the number of the rest."""
    for month in range(3, 12):
        panel.end(result("DownloadMonth", "green", month, error=WHY.replace("2023-01", f"2023-{month:02}")))
    assert [len(shown(panel, 79, height)) for height in (30, 12, 10, 8, 6)] == [12, 10, 9, 7, 5]
    head, step, more, *_, total = shown(panel, 79, 8)
    assert (head.split()[0], step[:14], more, total.split()[0]) == (
        "LoadAllMonths",
        "yellow 2023-06",
        "and 2 more",
        "total",
    )
    assert shown(panel, 79)[6:11] == [
        "✗ 6 more failed",
        *(f"✗ green 2023-{month:02} DownloadMonth: HTTP 503 Service Unavailable" for month in range(8, 12)),
    ]


def test_a_terminal_without_signs_has_letters(panel: Panel) -> None:
    lines = shown(panel, 79, letters=True)
    assert lines[4:7] == [
        "yellow + 5 loaded  7 to go  2 already there",
        "green  + 0 loaded  x 1 failed  10 to go  1 not published",
        "x green 2023-01 DownloadMonth: HTTP 503 Service Unavailable",
    ]


def test_a_month_that_failed_and_is_tried_again_is_no_failure(panel: Panel) -> None:
    assert panel.counts("green")["failed"] == 1
    load(panel, "green", 1)
    assert panel.counts("green") == {
        "loaded": 1, "failed": 0, "to go": 10, "not published": 1, "already there": 0,
    }  # fmt: skip
    assert "✗" not in "".join(shown(panel, 79))


def test_the_total_is_of_rows_and_without_what_failed() -> None:
    """A month of yellow is 50 times one of green; a third of a month is a third of its rows."""
    panel = panel_of({key("yellow", 1): 3_000_000, key("green", 1): 60_000})
    load(panel, "green", 1)
    assert panel.through == (60_000, 3_060_000)
    panel.end(result("DownloadMonth", "yellow", 1))
    assert panel.through == (1_060_000, 3_060_000)
    panel.begin(Step("CleanMonth", "yellow", "2023-01", "local", "cleaning", 1_500_000, 3_000_000, "rows", 1.0))
    assert panel.through == (1_560_000, 3_060_000)
    assert shown(panel, 79, seconds=4.0)[-1].endswith(" 1.56M of 3.06M rows 50 %"), "no estimate from so little"
    assert shown(panel, 79, seconds=60)[-1].endswith(" 50 % 58 s left")
    panel.end(result("CleanMonth", "yellow", 1, "local", error="it is damaged"))
    assert panel.through == (60_000, 60_000)
    assert shown(panel, 79, seconds=60)[-1].endswith("100 %")


def test_other_machines_months_count_when_they_are_done(panel: Panel) -> None:
    for task, store in STEPS:
        panel.end(result(task, "yellow", 7, store, elsewhere=True))
    panel.elsewhere = ()
    assert panel.counts("yellow")["loaded"] == 6
    assert "worker-7" not in "".join(shown(panel, 119))
    panel.end(result("DownloadMonth", "green", 1, elsewhere=True))
    assert panel.counts("green")["failed"] == 1, "what this run has seen itself stays"


def test_what_luigid_gave_to_other_machines_is_shown_as_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not what this process runs, and nothing that it did not schedule."""
    fields = {"task": "CleanMonth", "color": "green", "month": "2023-02", "store": "local"}
    ids = dict.fromkeys(("theirs", "mine", "done"), fields)
    me = f"Worker(salt=1, workers=1, host={socket.gethostname()}, username=u, pid={os.getpid()})"
    other = f"Worker(salt=2, workers=1, host=worker-7, username=u, pid={os.getpid()})"

    def running(worker: str) -> dict[str, object]:
        text = "cleaning: 131,072 of 1,369,769 rows\n131,072 rows/s"
        return {"worker_running": worker, "status_message": text, "progress_percentage": 9}

    answers = {
        "RUNNING": {"theirs": running(other), "mine": running(me), "of another run": running(other)},
        "DONE": {"done": {}, "of another run": {}},
    }
    monkeypatch.setattr(scheduler_client, "tasks", answers.__getitem__)
    assert shared_runs.steps_elsewhere(ids) == {
        "theirs": Step(**fields, doing="cleaning", host="worker-7", percent=9)  # type: ignore[arg-type]
    }
    assert shared_runs.done_elsewhere(ids) == [TaskResult("CleanMonth", "green", "2023-02", "local", elsewhere=True)]


def test_tasks_without_a_month_have_their_name(panel: Panel) -> None:
    alone = panel_of({})
    alone.begin(Step("LoadZones", "", "", "duckdb", "downloading the zones"))
    alone.begin(Step("Report", "", "", "", "reading receipts", 12, 48, "months", 2.0))
    assert [line.split() for line in shown(alone, 79)[1:]] == [
        ["LoadZones", "downloading", "the", "zones"],
        ["Report", "reading", "receipts", "━━━━━━━╸", "25", "%", "6", "months/s"],
    ]


def test_months_are_measured_in_rows_where_tlc_publishes_them_else_in_bytes() -> None:
    tlc = "https://d37ci6vzurychx.cloudfront.net/trip-data/{color}_tripdata_{year}-{month:02}.parquet"
    months = [("yellow", "2024-01"), ("green", "2024-01"), ("green", "2027-01")]
    rows, unit = sizes(months, None, tlc)
    assert (rows["yellow", "2024-01"], unit) == (2_964_624, "rows")
    assert rows["green", "2027-01"] == sizes([("green", "2026-08")], None, tlc)[0]["green", "2026-08"], "the last known"
    plan = Plan([PlannedMonth("green", Month(2024, 1), (), ("duckdb",), bytes=1_400_000)])
    assert sizes([("green", "2024-01")], plan, "/trips/{color}.parquet") == ({("green", "2024-01"): 1_400_000}, "B")
    assert sizes(months, plan, "/trips/{color}.parquet") == (dict.fromkeys(months, 1), "months")


def counts(color: str, there: int = 0, **months: tuple[list[str], int]) -> ColorCounts:
    named = {kind: months.get(kind.name.lower(), ([], 0)) for kind in Result}
    return ColorCounts(
        color,
        there,
        {kind: each for kind, (each, _) in named.items()},
        {kind: rows for kind, (_, rows) in named.items()},
    )


ENDS = [
    counts("yellow", loaded=([f"2023-{month:02}" for month in range(1, 12)], 37_123_456), failed=(["2023-12"], 0)),
    counts("green", 2, loaded=(["2023-01"], 68_211), not_published=(["2023-12"], 0)),
]


def ended(width: int, letters: bool = False) -> list[str]:
    console = Console(file=StringIO(), width=width, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(summary(ENDS, [f"yellow 2023-12 failed: DownloadMonth: {WHY}"], width, letters))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_the_summary_is_a_table_and_then_what_failed() -> None:
    assert (
        ended(99)
        == """\
           loaded  not published  failed        rows  already there
✗  yellow      11                      1  37,123,456
✓  green        1              1              68,211              2
✗ yellow 2023-12 failed: DownloadMonth:
https://d37ci6vzurychx.cloudfront.net/trip-data/green_tripdata_2023-01.parquet: HTTP 503 Service
Unavailable
""".splitlines()
    )


def test_40_columns_have_the_lines_of_the_log() -> None:
    assert (
        ended(39, letters=True)
        == """\
x yellow: 11 months loaded (37,123,456
rows), 0 already there, 1 failed
+ green: 1 month loaded (68,211 rows),
2 already there, 1 not published
(2023-12)
x yellow 2023-12 failed: DownloadMonth:
https://d37ci6vzurychx.cloudfront.net/t
rip-data/green_tripdata_2023-01.parquet
: HTTP 503 Service Unavailable
""".splitlines()
    )


def test_steps_pass_through_a_pipe_and_are_dropped_when_it_is_full() -> None:
    channel = Channel()
    steps = [
        Step("CleanMonth", "green", f"2023-{month:02}", "local", "cleaning", month, 12, "rows", 0.5) for month in (1, 2)
    ]
    for step in steps:
        channel.send(step)
    assert channel.received() == steps
    assert channel.received() == []
    for _ in range(5_000):
        channel.send(steps[0])
    received = channel.received()
    assert 100 < len(received) < 5_000
    assert set(received) == {steps[0]}, "each is whole"
    channel.close()
