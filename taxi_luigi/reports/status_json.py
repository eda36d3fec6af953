"""The status as programs read it, and the text that promises them its keys. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from taxi_luigi.history import Run
from taxi_luigi.inventory.inventory import Status
from taxi_luigi.inventory.month_state import Cell, ColorStatus, State

KEYS = """\
--json writes one object:
  colors     color → {months, totals}
  months     2024-01 → {state, published_rows, rows, withdrawn, stale, refused, failure, places}, without those not
             known to be published
  withdrawn  when a run of this machine noticed that the source has no more what is held; else null
  stale      mapping changed, rules changed, schema changed: since what is held was cleaned; else null
  refused    of a month that is held: why the file that was to take its place was refused, in one line, as long as
             the same file would be refused again; else null
  failure    why the month's file was not taken at its last attempt, where it is not refused; else null
  state      everywhere, partly, different (another edition or row count in one of the stores), clean, raw,
             published, unknown (no store has answered)
  places     raw, clean, "lake NAME", "warehouse NAME" → {bytes, rows, edition, loaded_at}, each null where the
             place does not tell; null where it has not the month. Places that could not be asked are left out
  totals     the same places → {months, rows, bytes}
  silent     place → why it could not be asked, in one line
  last_runs  the newest first: {run, command, host, began, ended, exit_code, already_there, loaded, failed}; the last
             three are numbers of months
Keys may be added; those that are there keep their meaning."""


def account(status: Status, runs: Sequence[Run]) -> dict[str, Any]:
    """What KEYS says."""
    return {
        "colors": {color.color: _color(color) for color in status.colors},
        "silent": {place.key: place.silent for place in status.silent},
        "last_runs": [_run(run) for run in runs],
    }


def _color(color: ColorStatus) -> dict[str, Any]:
    answered = [place for place in color.places if not place.silent]
    keys = [place.key for place in answered]
    known = {month: cell for month, cell in color.cells.items() if cell.state is not State.NOT_PUBLISHED}
    return {
        "months": {str(month): _month(cell, keys) for month, cell in known.items()},
        "totals": {place.key: asdict(color.total(place)) for place in answered},
    }


def _month(cell: Cell, keys: Sequence[str]) -> dict[str, Any]:
    places = {key: asdict(cell.held[key]) if key in cell.held else None for key in keys}
    return {
        "state": cell.state.value,
        "published_rows": cell.published_rows,
        "rows": cell.rows,
        "withdrawn": cell.withdrawn or None,
        "stale": cell.stale.value if cell.stale else None,
        "refused": cell.refused or None,
        "failure": cell.failure or None,
        "places": {
            key: held and {name: None if value == "" else value for name, value in held.items()}
            for key, held in places.items()
        },
    }


def _run(run: Run) -> dict[str, Any]:
    kept = ("run", "command", "host", "began", "ended", "exit_code", "already_there", "loaded", "failed")
    return {key: getattr(run, key) for key in kept}
