"""scripts/check-gcp: the suites of stores, lakes and warehouses against Google Cloud, in places of their own."""

from __future__ import annotations

import os
import sys
from functools import partial
from uuid import uuid4

from taxi_luigi.core.cloud import gcp
from taxi_luigi.core.errors import ConfigError
from taxi_luigi.warehouses.bigquery.health import compatible
from tests.support import cloud_check
from tests.support.google import EMULATORS, VARIABLE, Place

SUITES = cloud_check.Suites(
    contract=("stores", "targets", "lakes", "warehouses"),
    own="tests/gcp",
    kinds=("gcs", "bigquery"),
    timeout=3600,  # a test that loads twenty times waits for forty of Google's jobs, each some seconds long
)


def main(project: str, bucket: str, dataset: str, *for_pytest: str) -> int:
    """Returns the exit code."""
    return cloud_check.main("check-gcp", SUITES, partial(_prepared, project, bucket, dataset), for_pytest)


def _prepared(project: str, bucket: str, dataset: str) -> cloud_check.Prepared:
    place = _place(project, bucket, dataset)
    what = f"datasets {place.project}.{place.stem}_… and objects gs://{place.bucket}/{place.folder}/…"

    def sweep() -> None:
        with gcp.translating_errors(f"could not take away {what}", ConfigError):
            place.sweep()

    return cloud_check.Prepared(
        _announcement(place), {VARIABLE: place.as_text()}, partial(_try_a_dataset, place), what, sweep
    )


def _place(project: str, bucket: str, dataset: str) -> Place:
    """The place, in the dataset's location. Raises TaxiError for the first thing that keeps a check from working."""
    place = Place(project, bucket, dataset, "", uuid4().hex[:6])
    wrong = next(place.checks(), None)
    if wrong:
        raise ConfigError(wrong.message)
    warehouse, store = place.warehouse(dataset), place.fresh_store(place.folder)
    location, of_bucket = warehouse.location() or "", store.location() or ""
    if not compatible(of_bucket, location):
        raise ConfigError(f"gs://{bucket} is in {of_bucket}, {dataset} in {location}: name two that are together")
    return Place(project, bucket, dataset, location, place.token)


def _announcement(place: Place) -> str:
    emulators = {name: os.environ[name] for name in EMULATORS if os.environ.get(name)}
    lines = [
        f"{name} is set: {address} is asked, so nothing of this shows what Google does"
        for name, address in emulators.items()
    ]
    return "\n".join(
        [
            *lines,
            "Makes, and takes away at the end, also after Ctrl-C:",
            f"  datasets {place.project}.{place.stem}_… in {place.location}",
            f"  objects  gs://{place.bucket}/{place.folder}/…",
            "Nothing else is touched. It costs some cents at most: about a thousand operations in Cloud Storage, and",
            "as many queries of 10 MB, of which a TiB is free each month; load jobs are free. Allow an hour.",
        ]
    )


def _try_a_dataset(place: Place) -> None:
    """Raises ConfigError where none may be made, or where Google gives it an end that was not asked for."""
    with gcp.translating_errors(
        "making a throw-away dataset", ConfigError, f"roles/bigquery.user on the project {place.project}"
    ):
        name = place.fresh_dataset()
        with place.client() as client:
            expires = client.get_dataset(f"{place.project}.{name}").default_partition_expiration_ms
    if expires:
        raise ConfigError(
            f"{place.project} is a sandbox: Google deletes partitions after {int(expires) // 86_400_000} days, so the "
            "months of the tests cannot stay: switch billing on first"
        )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
