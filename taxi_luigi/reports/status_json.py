"""The status as JSON, and the text that documents its keys. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from taxi_luigi.history import RunResult
from taxi_luigi.inventory import Cell, ColorStatus, Holding, State, Status

KEYS = """\
--json writes one object:
  colors     color → {months, totals}
  months     2024-01 → {state, published_rows, rows, withdrawn, stale, refused, failure, places}, without those not
             known to be published
  withdrawn  when a run of this machine found that the source no longer has what is held; else null
  stale      mapping changed, rules changed, schema changed: since what is held was cleaned; else null
  refused    of a month that is held: why the file that was to take its place was refused, in one line, as long as
             the same file would be refused again; else null
  failure    why the month's file was not taken at its last attempt, where it is not refused; else null
  state      everywhere, partly, different (another edition or row count in one of the stores), clean, raw,
             published, unknown (no store could be listed)
  places     raw, clean, "lake NAME", "warehouse NAME" → {bytes, rows, edition, loaded_at}, each null where the
             place does not show it; null where it does not have the month. Places that could not be listed are left out
  totals     the same places → {months, rows, bytes}
  silent     place → why it could not be listed, in one line
  last_runs  the newest first: {run, command, host, began, ended, exit_code, already_there, loaded, failed}; the last
             three are numbers of months
Keys may be added; those that are there keep their meaning."""


def account(status: Status, runs: Sequence[RunResult]) -> dict[str, Any]:
    """Return the status with the keys of KEYS; `runs` are the last ones, the newest first."""
    return {
        "colors": {color.color: _color(color) for color in status.colors},
        "silent": {place.key: str(place.error) for place in status.places if place.error is not None},
        "last_runs": [_run(run) for run in runs],
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
