"""What stores and warehouses of one cloud share: credentials, errors in one line, clients that no fork inherits.

Knows no months and no files; stores and warehouses know each other not at all, and meet here.
"""
