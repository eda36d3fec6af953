"""The tasks: what each month requires, and its outputs.

PublishedMonth          the month's file at the source
  └ DownloadMonth       → raw/yellow/yellow_tripdata_2024-01.parquet, with its receipt beside it
      └ CleanMonth      → clean/yellow/yellow_tripdata_2024-01.parquet, its receipt in the footer
          └ UploadMonth(lake)         → the same file in another lake
              └ LoadMonth(warehouse)  → rows in a table, with a marker
LoadZones(warehouse)    the taxi zones; its failing fails no month
UploadZones(lake)       → taxi_zones.parquet in a lake, where there is no warehouse
LoadAllMonths           all of these, over colors and months
Report                  → an HTML page that shows what is held; required by nothing
Idle                    nothing: what a worker names that helps with the tasks of others
"""

from taxi_luigi.runs.task import register
from taxi_luigi.tasks.load_all_months import Idle, LoadAllMonths
from taxi_luigi.tasks.month import CleanMonth, DownloadMonth, LoadMonth, PublishedMonth, UploadMonth
from taxi_luigi.tasks.report import Report
from taxi_luigi.tasks.zones import LoadZones, UploadZones

__all__ = [
    "CleanMonth",
    "DownloadMonth",
    "Idle",
    "LoadAllMonths",
    "LoadMonth",
    "LoadZones",
    "PublishedMonth",
    "Report",
    "UploadMonth",
    "UploadZones",
]

register(
    CleanMonth,
    DownloadMonth,
    Idle,
    LoadAllMonths,
    LoadMonth,
    LoadZones,
    PublishedMonth,
    Report,
    UploadMonth,
    UploadZones,
)
