"""The one message of a run: a headline, errors and a table of months, as text and as an HTML page for a mail client.

Pure. Its text is of limited length. The page is mail.html, filled by Jinja, which escapes what comes from files and
servers.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from taxi_luigi.core.text import one_line
from taxi_luigi.core.units import duration, plural, size
from taxi_luigi.history import MonthResult, Result, RunResult
from taxi_luigi.reports import templates
from taxi_luigi.runs.notify import events

ROWS = 25
"""months that the table shows; the worst come first, and `taxi-luigi history` has all"""
_LINES = 15
"""lines of a section"""
_LONGEST = 400
"""characters of a line: a remark names five columns, an error a URL"""

_ORDER = (
    Result.FAILED,
    Result.NOT_FINISHED,
    Result.REFRESHED,
    Result.LOADED,
    Result.ELSEWHERE,
    Result.NOT_PUBLISHED,
)
BAD, GOOD, PLAIN = "bad", "good", "plain"
_TONES = {
    Result.FAILED: BAD,
    Result.NOT_FINISHED: BAD,
    Result.REFRESHED: GOOD,
    Result.LOADED: GOOD,
    Result.ELSEWHERE: PLAIN,
    Result.NOT_PUBLISHED: PLAIN,
}

_TEMPLATE = Path(__file__).with_name("mail.html")
_COLORS = {BAD: "#b3261e", GOOD: "#1a7f37", PLAIN: "#57606a"}
"""of the template's marks: each at least 5 : 1 against its white"""
_KINDS = {BAD: "failure", PLAIN: "warning", GOOD: "success"}


@dataclass(frozen=True)
class Message:
    """What is sent. Each service gets the text or the page, whichever it can show."""

    subject: str
    text: str
    html: str
    kind: str
    """failure, warning or success, as apprise names them"""


@dataclass(frozen=True)
class Section:
    """Lines under a title."""

    title: str
    lines: tuple[str, ...]
    tone: str
    """BAD, GOOD or PLAIN"""


@dataclass(frozen=True)
class Row:
    """A line of the table, cut where its result stands, and padded so that a fixed-width font shows columns."""

    before: str
    result: str
    after: str
    tone: str


@dataclass(frozen=True)
class Content:
    """The parts of a message, in this order."""

    subject: str
    """the headline with the host, for a list of messages"""
    headline: str
    tone: str
    """BAD when the run failed, PLAIN with anything unexpected, else GOOD"""
    summary: tuple[str, ...]
    sections: tuple[Section, ...]
    table: tuple[Row, ...]
    """the first is the header; empty when the run had no month"""
    more: int
    """months that the table leaves out"""
    footer: tuple[str, ...]
    page: str
    """address of the run's page; '' where there is none"""


def compose(result: RunResult, not_published_for: int, page: str = "") -> Message:
    """Return the message of a run.

    Args:
        result: of the run
        not_published_for: days after which a month is overdue
        page: address of the run's page on its machine; '' where there is none
    """
    shown = _content(result, not_published_for, page)
    page = templates.render(_TEMPLATE, shown=shown, colors=_COLORS)
    return Message(shown.subject, _text(shown), page, _KINDS[shown.tone])


def _text(shown: Content) -> str:
    """Return the text, the most important first, because services with a low limit cut the end off."""
    blocks = [list(shown.summary)]
    blocks += [[section.title, *(f"  {line}" for line in section.lines)] for section in shown.sections]
    table = [f"{row.before}{row.result}{row.after}" for row in shown.table]
    if shown.more:
        table.append(f"and {shown.more:,} more")
    blocks += [table, [*shown.footer, *([shown.page] if shown.page else [])]]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _content(result: RunResult, not_published_for: int, page: str) -> Content:
    late = events.overdue(result, not_published_for)
    went_wrong = [each for each in _sorted(result.months) if each.result is Result.FAILED]
    sections = (
        _section("Failed", [*filter(None, [result.error]), *(_failure(each) for each in went_wrong)], BAD),
        _section("Fewer records than TLC published", result.fewer, PLAIN),
        _section("Unlike the months before", result.unusual, PLAIN),
        _section("Unexpected in the published files", result.remarks, PLAIN),
        _section("Overdue", [_overdue(each) for each in late], PLAIN),
        _section("Replaced", [_replaced(each) for each in result.months if each.replaced], PLAIN),
    )
    months = _sorted(result.months)
    headline = _headline(result, late)
    return Content(
        subject=one_line(f"taxi_luigi: {headline} ({result.host})", _LONGEST),
        headline=headline,
        tone=BAD if result.has_failed else PLAIN if late or result.remarks or result.fewer or result.unusual else GOOD,
        summary=tuple(one_line(each, _LONGEST) for each in (_totals(result), result.zones) if each),
        sections=tuple(section for section in sections if section.lines),
        table=_table(months[:ROWS]) if months else (),
        more=len(months[ROWS:]),
        footer=tuple(one_line(each, _LONGEST) for each in _footer(result)),
        page=page,
    )


def _headline(result: RunResult, late: tuple[events.Overdue, ...]) -> str:
    counts = Counter(each.result for each in result.months)
    parts = [f"{counts[kind]} {kind.value}" for kind in _ORDER[:-1] if counts[kind]]
    if parts:
        number, _, rest = parts[0].partition(" ")
        parts[0] = f"{plural(int(number), 'month')} {rest}"
    if result.has_failed and not counts[Result.FAILED] and result.exit_code is not None:
        parts.insert(0, f"failed with exit code {result.exit_code}")
    if late:
        parts.append(f"{late[0].color} {late[0].month} overdue" if len(late) == 1 else f"{len(late)} overdue")
    if result.fewer:
        parts.append(f"{len(result.fewer)} with fewer records than published")
    if result.unusual:
        parts.append("unusual figures")
    if result.remarks:
        parts.append("unexpected columns or values")
    return ", ".join(parts) or "nothing to load"


def _totals(result: RunResult) -> str:
    downloaded = sum(each.bytes for each in result.months)
    not_published = sum(each.result is Result.NOT_PUBLISHED for each in result.months)
    parts = [f"{plural(result.rows, 'row')} loaded"] if result.rows else []
    parts += [f"{size(downloaded)} downloaded"] if downloaded else []
    parts += [f"{plural(result.already_there, 'month')} already there"] if result.already_there else []
    parts += [f"{not_published} not published"] if not_published else []
    return ", ".join([*parts, f"took {duration(result.seconds or 0)}"])


def _footer(result: RunResult) -> tuple[str, ...]:
    code = "" if result.exit_code is None else f", exit code {result.exit_code}"
    code += f", taxi_luigi {result.version}" if result.version else ""
    return (
        f"{result.command}",
        f"{_moment(result.began)} to {_moment(result.ended)} UTC on {result.host}{code}",
        f"taxi-luigi history {result.run}",
    )


def _failure(month: MonthResult) -> str:
    return f"{month.color} {month.month}: {month.why}"


def _replaced(month: MonthResult) -> str:
    return f"{month.color} {month.month}: {month.replaced}"


def _overdue(late: events.Overdue) -> str:
    return f"{late.color} {late.month} ended {late.days} days ago and is not published"


def _section(title: str, lines: list[str] | tuple[str, ...], tone: str) -> Section:
    shown = [one_line(each, _LONGEST) for each in lines[:_LINES]]
    more = [f"and {len(lines) - _LINES:,} more"] if len(lines) > _LINES else []
    return Section(title, (*shown, *more), tone)


def _table(months: list[MonthResult]) -> tuple[Row, ...]:
    cells = [("color", "month", "result", "rows", "download", "time"), *(_cells(each) for each in months)]
    tones = [PLAIN, *(_TONES[each.result] for each in months)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return tuple(_row(line, widths, tone) for line, tone in zip(cells, tones, strict=True))


def _row(cells: tuple[str, ...], widths: list[int], tone: str) -> Row:
    color, month, result, *numbers = cells
    after = "".join(f"  {text:>{width}}" for text, width in zip(numbers, widths[3:], strict=True)).rstrip()
    return Row(
        before=f"{color:<{widths[0]}}  {month:<{widths[1]}}  ",
        result=f"{result:<{widths[2]}}" if after else result,
        after=after,
        tone=tone,
    )


def _cells(month: MonthResult) -> tuple[str, ...]:
    rows = f"{month.rows:,}" if month.rows else ""
    downloaded, took = size(month.bytes) if month.bytes else "", duration(month.seconds) if month.seconds else ""
    return (month.color, month.month, month.result.value, rows, downloaded, took)


def _sorted(months: tuple[MonthResult, ...]) -> list[MonthResult]:
    """Sort the months, the worst first."""
    return sorted(months, key=lambda each: (_ORDER.index(each.result), each.color, each.month))


def _moment(text: str) -> str:
    return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S")
