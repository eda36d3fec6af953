"""Makes the pictures of README.md again, from runs over made-up months: `python -m docs.pictures` in the checkout.

    panel.svg        the panel of a run with months in hand, one that failed and one that is not published
    status.svg       taxi-luigi status after it
    mail.png         the message that it sent
    report.png       the report over all months
    visualizer.png   luigid's page of a run with a month that failed

All come from the commands themselves, on a terminal of their own or in Chromium. The months come from a server on this
machine under another name, and the runs have another host's name, so that a picture shows nothing of where it was made.
It takes three minutes. `--to FOLDER` writes them there, and beside them what README.md has no room for: the report, the
run's page and the mail in a wide and a narrow window, light and dark.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from io import StringIO
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image
from rich.console import Console
from rich.text import Text

from taxi_luigi.sample import write_samples
from taxi_luigi.sample.files import write_month
from taxi_luigi.tlc.months import Month, month_range
from taxi_luigi.tlc.published import published_rows
from tests.support.browser import Page, page
from tests.support.cdn import Cdn, Drip, Status
from tests.support.luigid import Luigid
from tests.support.mailbox import Mailbox
from tests.support.project import Project
from tests.support.terminal import Terminal

FOLDER = Path(__file__).parent

COLORS = {"yellow": (2022, 20), "green": (2019, 1)}
"""record type → the year that its made-up months begin in, and TLC's rows for each of theirs"""
BEFORE, SHOWN = {"green": "2019..2022", "yellow": "2022"}, "2023"
"""the months of the first runs, and of the one that is shown"""
FAILS, NOT_PUBLISHED = "yellow_tripdata_2023-02.parquet", "green_tripdata_2023-12.parquet"
SLOW = 1_000_000
"""bytes a second of each download of the run that is shown"""
HOST, MIRROR = "taxi-1", "mirror.example.com"
NAMES = """\
import socket

_look_up = socket.getaddrinfo
socket.gethostname = lambda: {host!r}
socket.getaddrinfo = lambda host, port, *more, **named: (
    _look_up("127.0.0.1", {port}, *more, **named) if host == {mirror!r} else _look_up(host, port, *more, **named)
)
"""
"""what Python does first in each command: it has another host's name, and finds the server under another name, too"""
COLUMNS = 110

FONTS = "ui-monospace, Consolas, 'Liberation Mono', Menlo, monospace"


def svg(path: Path, written: str, title: str) -> None:
    """Write what a terminal shows as an SVG in fonts that a reader has; rich takes one from a server."""
    console = Console(
        record=True, width=COLUMNS, file=StringIO(), force_terminal=True, color_system="truecolor", highlight=False
    )
    for line in (*written.splitlines(), ""):  # of the last line, rich cuts the lower edge off
        console.print(Text.from_ansi(line), no_wrap=True, crop=True)
    drawn = console.export_svg(title=title, unique_id=path.stem)
    drawn = re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL).replace("Fira Code, monospace", FONTS)
    path.write_text(drawn, encoding="utf-8")


def frames(written: str) -> list[str]:
    """Return the frames of the panel (runs/live.py) in what was written to a terminal."""
    return [frame.replace("\x1b[K", "") for frame in re.findall(r"\r([^\r]+)\x1b\[J\x1b\[\d+A\r", written)]


def publish(folder: Path) -> None:
    """Write the made-up months."""
    folder.mkdir(parents=True)
    for color, (first, part) in COLORS.items():
        for month in month_range(Month(first, 1), Month(2023, 12)):
            rows = published_rows(color, month, "parquet")
            assert rows is not None, month
            write_month(folder, color, month, rows // part, seed=1)
    (folder / NOT_PUBLISHED).unlink()


def runs(to: Path, scratch: Path) -> None:
    """Take what the runs over the made-up months show: panel, status, mail and report."""
    publish(scratch / "published")
    project = Project(scratch / "project")
    with Cdn(scratch / "published") as cdn, Mailbox() as mailbox:
        (scratch / "names").mkdir()
        names = NAMES.format(host=HOST, mirror=MIRROR, port=urlsplit(cdn.url).port)
        (scratch / "names" / "sitecustomize.py").write_text(names)
        env = {"PYTHONPATH": str(scratch / "names"), "NO_PROXY": "*", "no_proxy": "*", "TERM": "xterm-256color"}
        project.configure(
            {
                "taxi": {"source": cdn.template.replace(cdn.url, f"http://{MIRROR}")},
                "download": {"backoff": 0.05, "attempts": 3},
                "core": {"local_scheduler": "true"},
                "Report": {"path": scratch / "report.html"},
            }
        )
        command = ("--module", "taxi_luigi", "LoadAllMonths", "--workers", "4", "--months")
        for color, months in BEFORE.items():
            done = project.command("luigi", *command, months, "--colors", color, env=env, timeout=600)
            assert done.rc == 0, done.out
        cdn.slow = SLOW
        cdn.fault(FAILS, *[Status(503)] * 3)
        mail = f"mailto://127.0.0.1:{mailbox.port}?from=taxi@example.com&to=you@example.com"
        project.configure({"notify": {"urls": mail}})
        terminal = Terminal(project, "luigi", *command, SHOWN, columns=COLUMNS + 1, env=env)
        code, written = terminal.end()
        assert code == 30, written
    found = [frame for frame in frames(written) if "✗" in frame]
    most = max(frame.count("\n") for frame in found)
    fullest = [frame for frame in found if frame.count("\n") == most]
    svg(to / "panel.svg", fullest[len(fullest) // 2], "luigi --module taxi_luigi")
    code, written = Terminal(project, "taxi-luigi", "status", columns=COLUMNS, env=env).end()
    assert code == 0, written
    svg(to / "status.svg", written.replace("\r", ""), "taxi-luigi status")
    [letter] = mailbox.mails
    body = letter.get_body(("html",))
    assert body is not None
    (scratch / "mail.html").write_text(body.get_content())
    done = project.run("Report", "--colors", "green", env=env)
    assert done.rc == 0, done.out
    with page("about:blank") as shown:
        shown.ask("Emulation.setScrollbarsHidden", hidden=True)
        for name, width, height in (("report", 1100, 810), ("mail", 760, 640)):
            shown.open((scratch / f"{name}.html").as_uri())
            shown.resize(width, height)
            take(shown, to / f"{name}.png")
        if to != FOLDER:
            looks(shown, to, scratch, max((project.state / "runs").iterdir()))


def take(shown: Page, picture: Path) -> None:
    """Write a PNG of 128 colors, a third of what Chromium writes."""
    shown.screenshot(picture)
    with Image.open(picture) as image:
        image.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(picture, optimize=True)


def looks(shown: Page, to: Path, scratch: Path, run: Path) -> None:
    """Take the pages as README.md does not show them."""
    pages = {"report": scratch / "report.html", "run": run, "mail": scratch / "mail.html"}
    for name, source in pages.items():
        for scheme in ("light", "dark"):
            shown.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            for size, width in (("wide", 1400), ("phone", 400)):
                shown.open(source.as_uri())
                shown.resize(width, 3000)
                shown.screenshot(to / f"{name}-{size}-{scheme}.png")


def visualizer(to: Path, scratch: Path) -> None:
    """Take luigid's page, of a run with two slow months and one that fails."""
    slow = ("yellow_tripdata_2023-03.parquet", "green_tripdata_2023-03.parquet")
    write_samples(scratch / "published", tuple(COLORS), month_range(Month(2023, 1), Month(2023, 3)), 200_000, seed=1)
    project = Project(scratch / "project")
    with Cdn(scratch / "published") as cdn, Luigid(scratch / "luigid") as luigid:
        cdn.fault(FAILS, *[Status(503)] * 3)
        for name in slow:
            cdn.fault(name, Drip(200_000))
        project.configure(
            {"taxi": {"source": cdn.template}, "download": {"backoff": 0.05, "attempts": 3, "read_timeout": 60}}
        )
        command = ("LoadAllMonths", "--colors", ",".join(COLORS), "--months", "2023-01..2023-03", "--workers", "4")
        process = project.start(*command, scheduler=luigid.url)
        cdn.wait(lambda: all(cdn.sent(name) > 1_000_000 for name in slow))
        with page(f"{luigid.url}/static/visualiser/index.html") as shown:
            rows = "[...document.querySelectorAll('#taskTable tbody tr')].map(row => row.textContent)"
            shown.wait_until(f"{rows}.some(row => row.includes('UPSTREAM_FAILED'))")
            take(shown, to / "visualizer.png")
        process.terminate()
        process.communicate(timeout=30)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Makes the pictures of README.md.")
    parser.add_argument("--to", type=Path, default=FOLDER, help="a folder; without it, docs/")
    where = parser.parse_args().to
    where.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="taxi-") as made:
        runs(where, Path(made))
        visualizer(where, Path(made) / "luigid")
