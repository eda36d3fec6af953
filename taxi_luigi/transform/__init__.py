"""A raw file → a clean one: readers of parquet and csv, column mapping, casts, rules, rejects, the account.

Knows no Luigi, no settings and no store.
"""
