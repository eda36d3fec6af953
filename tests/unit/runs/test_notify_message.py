"""What people read: the subject, the text and the page."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from taxi_luigi.history import MonthResult, Result, RunResult
from taxi_luigi.runs.notify.message import Message, compose
from tests.support.run_results import FAILED, LOADED, MISSING, REFRESHED, run

CHANGE = "3,054,318 → 3,054,321 records, total_amount 81,234,567.50 → 81,234,600.00"


def of(result: RunResult) -> Message:
    return compose(result, not_published_for=210)


class Page(HTMLParser):
    """What a browser would show of a page, and what it would fetch or run for it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words, self.tags, self.links = "", set[str](), list[str]()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [name for name, _ in attrs if name in ("src", "href", "background")]

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize(
    ("result", "subject"),
    [
        (run(), "nothing to load"),
        (run(LOADED), "1 month loaded"),
        (run(LOADED, FAILED, exit_code=30), "1 month failed, 1 loaded"),
        (run(*[FAILED] * 2, *[LOADED] * 3, REFRESHED, exit_code=30), "2 months failed, 1 refreshed, 3 loaded"),
        (run(LOADED, exit_code=143), "failed with exit code 143, 1 month loaded"),
        (run(exit_code=40), "failed with exit code 40"),
        (run(LOADED, MISSING), "1 month loaded"),
        (run(MonthResult("fhv", "2026-03", Result.NOT_PUBLISHED)), "fhv 2026-03 overdue"),
        (run(*[MonthResult("fhv", "2026-03", Result.NOT_PUBLISHED)] * 2), "2 overdue"),
        (run(LOADED, remarks=("green: …",)), "1 month loaded, unexpected columns or values"),
        (run(LOADED, fewer=("green: …",)), "1 month loaded, 1 with fewer records than published"),
        (run(LOADED, unusual=("green 2026-08 is …",)), "1 month loaded, unusual figures"),
        (run(fewer=("green: …", "fhv: …")), "2 with fewer records than published"),
        (run(MonthResult("fhv", "2026-03", Result.ELSEWHERE)), "1 month loaded by other workers"),
    ],
)
def test_the_subject_has_the_results(result: RunResult, subject: str) -> None:
    assert of(result).subject == f"taxi_luigi: {subject} (taxi-host)"


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        (run(LOADED), "success"),
        (run(FAILED), "failure"),
        (run(remarks=("…",)), "warning"),
        (run(LOADED, fewer=("…",)), "warning"),
        (run(replace(REFRESHED, replaced=CHANGE)), "success"),
        (run(exit_code=40), "failure"),
    ],
)
def test_the_kind_is_the_worst_that_happened(result: RunResult, kind: str) -> None:
    assert of(result).kind == kind


def test_the_text_has_the_result_of_each_month() -> None:
    remark = "green: left out columns that taxi_luigi does not know: fee (double, 0 % null) in 2026-08"
    late = MonthResult("fhv", "2026-03", Result.NOT_PUBLISHED)
    fewer = "green 2026-08 has 54,321 records, where TLC published 76,518"
    months = (LOADED, replace(REFRESHED, replaced=CHANGE), FAILED, late)
    text = of(
        run(*months, exit_code=30, version="1.2.3", remarks=(remark,), fewer=(fewer,), zones="zones: 265 rows")
    ).text
    assert (
        text
        == """\
3,108,642 rows loaded, 59.6 MB downloaded, 571 months already there, 1 not published, took 14 min 40 s
zones: 265 rows

Failed
  fhv 2026-07: DownloadMonth: the server answered 503

Fewer records than TLC published
  green 2026-08 has 54,321 records, where TLC published 76,518

Unexpected in the published files
  green: left out columns that taxi_luigi does not know: fee (double, 0 % null) in 2026-08

Overdue
  fhv 2026-03 ended 234 days ago and is not published

Replaced
  yellow 2026-06: 3,054,318 → 3,054,321 records, total_amount 81,234,567.50 → 81,234,600.00

color   month    result              rows  download        time
fhv     2026-07  failed
yellow  2026-06  refreshed      3,054,321   58.3 MB  1 min 14 s
green   2026-08  loaded            54,321    1.3 MB       4.2 s
fhv     2026-03  not published

LoadAllMonths --months latest
2026-11-21 06:00:03 to 2026-11-21 06:14:43 UTC on taxi-host, exit code 30, taxi_luigi 1.2.3
taxi-luigi history 20261121T060003-4f2a
"""
    )


def test_a_run_without_months_has_no_table() -> None:
    message = of(run(exit_code=None))
    assert message.text.splitlines()[0] == "571 months already there, took 14 min 40 s"
    assert "color" not in message.text
    assert "<pre" not in message.html
    assert "exit code" not in message.text


def test_the_page_has_the_words_of_the_text() -> None:
    refreshed = replace(REFRESHED, replaced=CHANGE)
    remarks, fewer = ("green: a <new> column",), ("green 2026-08 has 54,321 records, where TLC published 76,518",)
    message = of(run(LOADED, refreshed, FAILED, MISSING, exit_code=30, remarks=remarks, fewer=fewer))
    words = Page(message.html).words.splitlines()
    for line in message.text.splitlines():
        assert line.strip() in [each.strip() for each in words]


def test_the_page_fetches_nothing_and_runs_nothing() -> None:
    page = Page(of(run(LOADED, FAILED, remarks=("…",))).html)
    assert page.links == []
    assert not page.tags & {"script", "link", "style", "img", "iframe", "form", "svg", "object"}


def test_what_files_and_servers_say_is_shown_and_not_obeyed() -> None:
    evil = '</pre><script>alert(1)</script><img src=x onerror="alert(2)"> {{ 7 * 7 }} & "so on"'
    month = MonthResult(evil, evil, Result.LOADED)
    failed = MonthResult("fhv", "2026-07", Result.FAILED, why=evil)
    page = Page(of(run(month, failed, remarks=(evil,), command=evil, host=evil, zones=evil)).html)
    assert not page.tags & {"script", "img"}
    assert page.words.count(evil) >= 6


def test_a_line_end_or_a_code_for_terminals_breaks_no_line() -> None:
    failed = MonthResult("fhv", "2026-07", Result.FAILED, why="one\ntwo\r\nthree\x1b[2J\u202egnp.exe \ud800")
    message = of(run(failed, host="host\nBcc: everybody@example.com"))
    assert "fhv 2026-07: one two three [2J gnp.exe\n" in message.text
    assert message.subject == "taxi_luigi: 1 month failed (host Bcc: everybody@example.com)"
    assert all(letter.isprintable() for letter in message.text.replace("\n", ""))
    message.html.encode()


def test_a_long_run_shows_the_worst_months_and_counts_the_others() -> None:
    loaded = [
        MonthResult("green", f"{year}-{month:02}", Result.LOADED)
        for year in range(2014, 2026)
        for month in range(1, 13)
    ]
    message = of(run(*loaded, FAILED))
    for shown in (message.text, Page(message.html).words):
        assert "\nand 120 more\n" in shown
        assert "fhv    2026-07  failed" in shown
    assert message.subject == "taxi_luigi: 1 month failed, 144 loaded (taxi-host)"


def test_a_run_that_failed_without_a_month_has_the_cause() -> None:
    message = of(run(exit_code=40, error="luigid does not answer at http://localhost:8082"))
    for shown in (message.text, Page(message.html).words):
        assert "luigid does not answer at http://localhost:8082" in shown
    assert message.subject == "taxi_luigi: failed with exit code 40 (taxi-host)"


def test_a_run_in_which_everything_failed_is_still_a_mail_of_some_pages() -> None:
    why = "DownloadMonth: " + "x" * 5000
    failed = [
        MonthResult("green", f"{year}-{month:02}", Result.FAILED, why=why)
        for year in range(1960, 2026)
        for month in range(1, 13)
    ]
    message = of(run(*failed, remarks=tuple(f"{number} {why}" for number in range(100))))
    assert "and 777 more" in message.text
    assert "and 85 more" in message.text
    assert len(message.text) < 20_000
    assert len(message.html) < 20_000


def test_many_replaced_months_are_cut_and_counted() -> None:
    months = [replace(REFRESHED, month=f"2024-{month:02}", replaced=CHANGE) for month in range(1, 13)]
    text = of(run(*months, *(replace(each, color="green") for each in months))).text
    assert text.count(f": {CHANGE}") == 15
    assert "\n  and 9 more\n" in text
    assert "Replaced" not in of(run(LOADED, REFRESHED)).text
