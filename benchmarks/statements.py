"""How long the server worked on each statement of a load, read from its own log: the load's code is not touched.

Works on a PostgreSQL log whose session had `log_min_duration_statement = 0`.
"""

from __future__ import annotations

import re
from statistics import median
from typing import TYPE_CHECKING

from psycopg2 import sql

from benchmarks.harness import OURS, Way, markdown, spread

if TYPE_CHECKING:
    from tests.support.postgres import Postgres

OPTIONS = {"PGOPTIONS": "-c log_min_duration_statement=0"}
"""Environment of a libpq client whose statements are to be timed."""

_TIMED = re.compile(r"duration: ([\d.]+) ms  (?:statement|execute [^:]*): *(.*)")


class Parts:
    """Listens to a server while ways run in turn, and keeps the parts of each run of those that asked to be timed."""

    def __init__(self, server: Postgres) -> None:
        self.of: dict[str, list[dict[str, float]]] = {}
        """way → for each of its runs, seconds of "copy", "index" and "rest" """
        self._server = server
        self._read = server.log.stat().st_size
        self._running: Way | None = None

    def start(self, way: Way) -> None:
        """A way is about to run: what the one before left in the server's memory is written out first."""
        self.stop()
        self._server.execute(sql.SQL("CHECKPOINT"))
        self._logged()
        self._running = way

    def stop(self) -> None:
        """The way that ran has ended."""
        if self._running is not None and self._running.environment == OPTIONS:
            self.of.setdefault(self._running.name, []).append(_parts(self._logged()))
        self._running = None

    def table(self, floor: str) -> str:
        """Return markdown: the statements of ours beside the floor's, with the median of the rounds' ratios."""
        rows = []
        for name in (floor, OURS):
            pairs = list(zip(self.of[name], self.of[floor], strict=True))
            cells = [name]
            for part in ("copy", "index", "rest"):
                cells.append(f"{median(own[part] for own, _ in pairs):.2f}")
            cells.insert(2, spread([own["copy"] / other["copy"] for own, other in pairs]))
            cells.append(spread([sum(own.values()) / sum(other.values()) for own, other in pairs]))
            rows.append(cells)
        return markdown(["way", "COPY s", "× floor", "index s", "swap, marker, counts s", "all × floor"], rows)

    def _logged(self) -> list[tuple[str, float]]:
        """(first line of the statement, seconds) of all that ended since the last call."""
        with self._server.log.open(errors="replace") as log:
            log.seek(self._read)
            text = log.read()
            self._read = log.tell()
        return [(match[2], float(match[1]) / 1000) for match in _TIMED.finditer(text)]


def _parts(statements: list[tuple[str, float]]) -> dict[str, float]:
    seconds = {"copy": 0.0, "index": 0.0, "rest": 0.0}
    for statement, took in statements:
        part = "copy" if statement.startswith("COPY ") else "index" if statement.startswith("CREATE INDEX ") else "rest"
        seconds[part] += took
    return seconds
