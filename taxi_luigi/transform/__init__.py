"""Transform a raw file into a clean one: readers of parquet and csv, column mapping, casts, rules, rejects, receipt.

Independent of Luigi, of the settings and of every store.
"""
