"""The warehouse in a BigQuery dataset, from load jobs, listings and metadata alone: nothing that Google bills.

- warehouse.py: the operations of every warehouse, and the checks before a run
- replace_partition.py: replace one month's rows; uploads.py: from a local file
- load_log.py: the table of markers, to which rows are only ever added
- jobs.py: load jobs that run once, however often they are requested
- tables.py: columns, partitions and their row counts
- health.py: the checks before a run, partition expiration and location rules
- connection.py: the client, its retries and its errors
"""

from taxi_luigi.warehouses.bigquery.health import compatible
from taxi_luigi.warehouses.bigquery.warehouse import BigQuery

__all__ = ["BigQuery", "compatible"]
