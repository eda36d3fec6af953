"""The screenshot of luigid's page in the README, made anew: `python -m tests.support.visualizer docs/visualizer.png`.

Made-up months of 2024 come slowly from a server on this machine, and one of them fails. It takes a quarter of a minute.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from taxi_luigi.sample import write_samples
from taxi_luigi.tlc.months import Month, month_range
from tests.support.browser import page
from tests.support.cdn import Cdn, Drip, Status
from tests.support.luigid import Luigid
from tests.support.project import Project

_MONTHS = "2024-01..2024-03"
_FAILS = "yellow_tripdata_2024-02.parquet"
_SLOW = ("yellow_tripdata_2024-03.parquet", "green_tripdata_2024-03.parquet")


def take(image: Path, folder: Path) -> None:
    """Writes the PNG; what it needs is made in a folder, and left there."""
    months = month_range(Month(2024, 1), Month(2024, 3))
    write_samples(folder / "published", ("yellow", "green"), months, 200_000, seed=1)
    project = Project(folder / "project")
    with Cdn(folder / "published") as cdn, Luigid(folder / "luigid") as luigid:
        cdn.fault(_FAILS, *[Status(503)] * 3)
        for name in _SLOW:
            cdn.fault(name, Drip(200_000))
        project.configure(
            {"taxi": {"source": cdn.template}, "download": {"backoff": 0.05, "attempts": 3, "read_timeout": 60}}
        )
        command = ("LoadAllMonths", "--colors", "yellow,green", "--months", _MONTHS, "--workers", "4")
        process = project.start(*command, scheduler=luigid.url)
        cdn.wait(lambda: all(cdn.sent(name) > 1_000_000 for name in _SLOW))
        with page(f"{luigid.url}/static/visualiser/index.html") as shown:
            shown.wait("UPSTREAM_FAILED")
            shown.screenshot(image)
        process.terminate()
        process.communicate(timeout=30)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Makes the screenshot of luigid's page in the README.")
    parser.add_argument("image", type=Path, help="the PNG to write")
    with tempfile.TemporaryDirectory() as made:
        take(parser.parse_args().image, Path(made))
