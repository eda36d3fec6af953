"""What each place holds of each month, and what follows from it.

inventory.py    lists raw, clean, lakes and warehouses at the same time: place → color → month → Holding
plan.py         what a run has to do: missing, stale, refused and forced months
estimate.py     what the months of a plan need: rows, bytes, time
leftovers.py    raw files with the names of an earlier source
accounts.py     the footers of held clean files; imported by its name, as it needs pyarrow
month_state.py  the state of every month, for `taxi-luigi status` and the report
alerts.py       what a monitor reports of them, of runs and disks; imported by its name
verify.py       every month counted anew; imported by its name, as it needs pyarrow
read_trips.py   trips from the lake as a DataFrame

Changes nothing, except for `drop_spent`, which removes files that are not to be kept. Its output is in reports/.
"""

from taxi_luigi.inventory.inventory import (
    CLEAN,
    RAW,
    Holding,
    Inventory,
    Place,
    error_lines,
    lake_has,
    raw_has,
    raw_serves,
    serves,
    warehouse_has,
    warehouse_key,
)
from taxi_luigi.inventory.month_state import Cell, ColorStatus, LastFailure, State, Status, color_status, status
from taxi_luigi.inventory.plan import ColorMonth, Plan, PlannedMonth, drop_spent, held_everywhere, make_plan
from taxi_luigi.inventory.read_trips import read_trips
from taxi_luigi.transform.staleness import Reason

__all__ = [
    "CLEAN",
    "RAW",
    "Cell",
    "ColorMonth",
    "ColorStatus",
    "Holding",
    "Inventory",
    "LastFailure",
    "Place",
    "Plan",
    "PlannedMonth",
    "Reason",
    "State",
    "Status",
    "color_status",
    "drop_spent",
    "error_lines",
    "held_everywhere",
    "lake_has",
    "make_plan",
    "raw_has",
    "raw_serves",
    "read_trips",
    "serves",
    "status",
    "warehouse_has",
    "warehouse_key",
]
