"""The one message of a run: its subject, and the report as text and as an HTML page for a mail client. Pure.

The page is mail.html, filled by Jinja, which escapes whatever comes from files and servers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from taxi_luigi.history import RunResult
from taxi_luigi.reports import templates
from taxi_luigi.runs.notify import report

_TEMPLATE = Path(__file__).with_name("mail.html")
_COLORS = {report.BAD: "#b3261e", report.GOOD: "#1a7f37", report.PLAIN: "#57606a"}
"""of the template's marks: each at least 5 : 1 against its white"""
_KINDS = {report.BAD: "failure", report.PLAIN: "warning", report.GOOD: "success"}


@dataclass(frozen=True)
class Message:
    """What is sent. Each service gets the text or the page, whichever it can show."""

    subject: str
    text: str
    html: str
    kind: str
    """failure, warning or success, as apprise names them"""


def compose(result: RunResult, not_published_for: int) -> Message:
    """Return the message of a run; months are overdue after `not_published_for` days."""
    shown = report.of(result, not_published_for)
    return Message(
        subject=shown.subject,
        text=_text(shown),
        html=_page(shown),
        kind=_KINDS[shown.tone],
    )


def _text(shown: report.Report) -> str:
    """Return the text, the most important first, because services with a low limit cut the end off."""
    blocks = [list(shown.summary)]
    blocks += [[section.title, *(f"  {line}" for line in section.lines)] for section in shown.sections]
    table = [f"{row.before}{row.result}{row.after}" for row in shown.table]
    if shown.more:
        table.append(f"and {shown.more:,} more")
    blocks += [table, list(shown.footer)]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _page(shown: report.Report) -> str:
    return templates.render(_TEMPLATE, shown=shown, colors=_COLORS)
