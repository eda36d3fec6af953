"""The only reader of luigi.cfg: typed settings, and the source, lakes and warehouses that it names.

Everything else in the package is handed what it needs. A key that nobody reads and a value that means nothing are
one line each, before anything is started.
"""

from taxi_luigi.config.check import check, faults, known_keys
from taxi_luigi.config.files import find, project_folder
from taxi_luigi.config.flags import EmptyFlags
from taxi_luigi.config.flags import check as check_flags
from taxi_luigi.config.in_force import Setting, in_force
from taxi_luigi.config.overlap import check_overlap
from taxi_luigi.config.secret_values import remember as remember_secrets
from taxi_luigi.config.sections import Settings, check_version, clean_rules, limits, notices, recipe, settings
from taxi_luigi.config.stores import (
    clean_lake,
    lake,
    lake_for,
    lake_type,
    raw_month,
    source,
    takes_from_gcs,
    warehouse,
    workspace,
    writes_alone,
    written_folders,
    zones_file,
)

__all__ = [
    "EmptyFlags",
    "Setting",
    "Settings",
    "check",
    "check_flags",
    "check_overlap",
    "check_version",
    "clean_lake",
    "clean_rules",
    "faults",
    "find",
    "in_force",
    "known_keys",
    "lake",
    "lake_for",
    "lake_type",
    "limits",
    "notices",
    "project_folder",
    "raw_month",
    "recipe",
    "remember_secrets",
    "settings",
    "source",
    "takes_from_gcs",
    "warehouse",
    "workspace",
    "writes_alone",
    "written_folders",
    "zones_file",
]
