"""A raw file → a clean one: readers of parquet and csv, columns to the canonical schema, casts, rules, rejects, the account.

Knows no Luigi, no settings and no store.
"""
