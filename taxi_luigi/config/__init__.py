"""The only reader of luigi.cfg: typed settings, and the source, lakes and warehouses that it names.

Everything else in the package is handed what it needs. A key that nobody reads and a value that means nothing are
one line each, before anything is started.
"""

from taxi_luigi.config.files import find, project_folder
from taxi_luigi.config.sections import Settings, clean_rules, settings
from taxi_luigi.config.stores import check, known_keys, lake, source, warehouse, writes_alone, zones_file

__all__ = [
    "Settings",
    "check",
    "clean_rules",
    "find",
    "known_keys",
    "lake",
    "project_folder",
    "settings",
    "source",
    "warehouse",
    "writes_alone",
    "zones_file",
]
