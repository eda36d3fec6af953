"""scripts/check-azure: the suites of stores and lakes against Azure, in a folder of their own."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from azure.core.exceptions import AzureError

from taxi_luigi.core.errors import ConfigError
from taxi_luigi.core.text import one_line
from taxi_luigi.storage.azure import AzureStore
from tests.support import cloud_check
from tests.support.azure_cloud import VARIABLE, Place

SUITES = cloud_check.Suites(contract=("stores", "targets", "lakes"), own="tests/azure", kinds=("azure",), timeout=1200)


def main(account: str, container: str, *for_pytest: str) -> int:
    """Returns the exit code."""
    return cloud_check.main("check-azure", SUITES, partial(_prepared, account, container), for_pytest)


def _prepared(account: str, container: str) -> cloud_check.Prepared:
    place = Place(account, container, uuid4().hex[:6])
    store = place.fresh_store(place.folder)
    if wrong := next((check for check in store.checks() if check.failing), None):
        raise ConfigError(wrong.message)
    what = f"blobs az://{container}/{place.folder}/… of the account {account}"
    emulated = f"{store.server} is asked, so nothing of this shows what Azure does\n" if place.is_emulator else ""

    def sweep() -> None:
        try:
            place.sweep()
        except AzureError as error:
            raise ConfigError(f"could not take away {what}: {one_line(str(error))}") from error

    return cloud_check.Prepared(
        f"{emulated}Makes, and takes away at the end, also after Ctrl-C:\n  {what}\n"
        "Nothing else is touched. It costs a cent or two at most: some thousand operations. Allow ten minutes.",
        {VARIABLE: place.as_text()},
        partial(_try_to_write, store),
        what,
        sweep,
    )


def _try_to_write(store: AzureStore) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "first")
        path.write_bytes(b"PAR1")
        store.put(path, "first", {})


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
