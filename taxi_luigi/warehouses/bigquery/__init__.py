"""The warehouse in a BigQuery dataset, from load jobs, listings and metadata alone: nothing that Google bills.

- warehouse.py: what every warehouse does, and what a run wants to know before
- replace_partition.py: one month's rows for another's; uploads.py: from a local file
- load_log.py: the table of markers, to which rows are only ever added
- jobs.py: load jobs that are begun once, however often they are asked for
- tables.py: columns, partitions and what they hold
- health.py: the checks before a run, partition expiration and location rules
- connection.py: the client, its retries and its failures
"""

from taxi_luigi.warehouses.bigquery.warehouse import BigQuery

__all__ = ["BigQuery"]
