"""The only reader of luigi.cfg: typed settings, and the source, lakes and warehouses that it names.

The rest of the package gets its settings as arguments or by these functions. An unknown key and an invalid value are an
error of one line each, before anything starts.

    sections.py       the sections with a fixed name, and their settings
    notifications.py  [notify]
    factories.py      the types of lakes and warehouses; builds the source and the stores
    validation.py     checks every section, key and value; overlap.py: that no place is inside another
    luigi_cfg.py      the texts of luigi.cfg; flags.py: of the command line
    effective.py      the settings in force, without secrets
    locks.py          Luigi's lock, one for each set of settings

The settings of a store, of downloads and of cleaning are declared where they are used, all by `core/settings.py`.
"""

from taxi_luigi.config.effective import EffectiveSetting, in_force, remember_secrets
from taxi_luigi.config.factories import (
    check_shard,
    clean_lake,
    lake,
    lake_for,
    lake_type,
    loads_from,
    per_shard,
    raw_month,
    single_writer,
    source,
    warehouse,
    warehouse_files,
    warehouse_of_month,
    workspace,
    written_folders,
    zones_file,
)
from taxi_luigi.config.flags import EmptyFlags
from taxi_luigi.config.flags import check as check_flags
from taxi_luigi.config.flags import known as known_flags
from taxi_luigi.config.flags import unknown as unknown_flag
from taxi_luigi.config.luigi_cfg import find, hold, kept, release
from taxi_luigi.config.overlap import check_overlap
from taxi_luigi.config.sections import (
    Settings,
    check_version,
    clean_rules,
    limits,
    monitor,
    net,
    notices,
    recipe,
    settings,
)
from taxi_luigi.config.validation import check, faults, known_keys
from taxi_luigi.core.settings import project_folder

__all__ = [
    "EffectiveSetting",
    "EmptyFlags",
    "Settings",
    "check",
    "check_flags",
    "check_overlap",
    "check_shard",
    "check_version",
    "clean_lake",
    "clean_rules",
    "faults",
    "find",
    "hold",
    "in_force",
    "kept",
    "known_flags",
    "known_keys",
    "lake",
    "lake_for",
    "lake_type",
    "limits",
    "loads_from",
    "monitor",
    "net",
    "notices",
    "per_shard",
    "project_folder",
    "raw_month",
    "recipe",
    "release",
    "remember_secrets",
    "settings",
    "single_writer",
    "source",
    "unknown_flag",
    "warehouse",
    "warehouse_files",
    "warehouse_of_month",
    "workspace",
    "written_folders",
    "zones_file",
]
