"""New York's taxi trips, from TLC's monthly files to a lake and a warehouse: the names for users.

On the command line, `luigi --module taxi_luigi LoadAllMonths`, or one task by its name; in a notebook, `read_trips`.
"""

from taxi_luigi.core import console, settings_files

console.exit_on_interrupt()
settings_files.check()

from taxi_luigi import config  # noqa: E402 Luigi reads its settings while it is imported
from taxi_luigi.core import logs  # noqa: E402

config.find()
config.remember_secrets()
logs.install()

from taxi_luigi.inventory import read_trips  # noqa: E402
from taxi_luigi.runs.worker import install  # noqa: E402
from taxi_luigi.tasks import (  # noqa: E402
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

install()
config.check_flags()
console.raise_on_interrupt()

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
    "read_trips",
]


def __getattr__(name: str) -> str:
    """`__version__`, of the installed package."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from taxi_luigi.core import release

    return release()
