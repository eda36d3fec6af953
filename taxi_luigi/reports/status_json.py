"""The status as JSON; docs/json.md has the keys. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from taxi_luigi.history import RunResult
from taxi_luigi.inventory import Cell, ColorStatus, Holding, State, Status


def account(
    status: Status, runs: Sequence[RunResult], alerts: Sequence[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Return the status as an object; `runs` are the last ones, the newest first; `alerts` those of --check."""
    return {
        "colors": {color.color: _color(color) for color in status.colors},
        "silent": {place.key: str(place.error) for place in status.places if place.error is not None},
        "last_runs": [_run(run) for run in runs],
        "alerts": alerts,
    }


def _color(color: ColorStatus) -> dict[str, Any]:
    listed = [place for place in color.places if color.color not in place.errors]
    keys = [place.key for place in listed]
    known = {month: cell for month, cell in color.cells.items() if cell.state is not State.NOT_PUBLISHED}
    return {
        "months": {str(month): _month(cell, keys) for month, cell in known.items()},
        "totals": {place.key: asdict(color.total(place)) for place in listed},
    }


def _month(cell: Cell, keys: Sequence[str]) -> dict[str, Any]:
    return {
        "state": cell.state.value,
        "published_rows": cell.published_rows,
        "rows": cell.rows,
        "withdrawn": cell.withdrawn or None,
        "stale": cell.stale.value if cell.stale else None,
        "refused": cell.refused or None,
        "failure": cell.failure or None,
        "places": {key: _holding(cell.held.get(key)) for key in keys},
    }


def _holding(holding: Holding | None) -> dict[str, Any] | None:
    if holding is None:
        return None
    return {
        "bytes": holding.bytes,
        "rows": holding.rows,
        "edition": holding.edition or None,
        "loaded_at": holding.loaded_at or None,
    }


def _run(run: RunResult) -> dict[str, Any]:
    kept = ("run", "command", "host", "began", "ended", "exit_code", "already_there", "loaded", "failed")
    return {key: getattr(run, key) for key in kept}
