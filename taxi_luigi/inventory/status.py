"""`taxi-luigi status`: how far every month of every color is, from listings and markers alone.

month_state.py says what a month's state is, inventory.py asks where things are; reports/status_text.py prints it for
people, status_json.py for programs. No file is opened but the few small records of months that were not taken, and
the source is not asked:
what it has published is known up to the date of row_counts.csv only.
"""

from taxi_luigi.inventory.inventory import Status, look
from taxi_luigi.inventory.month_state import Cell, ColorStatus, Held, LastFailure, Place, State, color_status

__all__ = ["Cell", "ColorStatus", "Held", "LastFailure", "Place", "State", "Status", "color_status", "look"]
