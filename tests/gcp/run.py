"""scripts/check-gcp: the suites of stores, lakes and warehouses against Google Cloud, in places of their own.

Looks first at whether it can work; makes nothing outside those places; takes them away whatever happened.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from types import FrameType
from typing import Any, Self
from uuid import uuid4

from taxi_luigi.core.cloud import gcp
from taxi_luigi.core.errors import ConfigError, TaxiError
from taxi_luigi.warehouses.bigquery.health import compatible
from tests.support.google import EMULATORS, VARIABLE, Place

SUITES = [f"tests/contract/test_{name}.py" for name in ("stores", "targets", "lakes", "warehouses")] + ["tests/gcp"]

PATIENCE = 3600
"""seconds for one test: one that loads twenty times waits for forty of Google's jobs, each some seconds long"""


def main(arguments: list[str]) -> int:
    """Returns pytest's exit code; 1 when the check could not begin or clean up, 130 when it was stopped."""
    project, bucket, dataset, *for_pytest = arguments
    try:
        place = _place(project, bucket, dataset)
        _announce(place)
        return _check(place, for_pytest)
    except TaxiError as error:
        print(f"check-gcp: {error}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:  # before anything was made: _check has signals of its own
        return 128 + signal.SIGINT


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


def _announce(place: Place) -> None:
    emulators = {name: os.environ[name] for name in EMULATORS if os.environ.get(name)}
    for name, address in emulators.items():
        print(f"{name} is set: {address} is asked, so nothing of this shows what Google does")
    print(
        f"Makes, and takes away at the end, also after Ctrl-C:\n"
        f"  datasets {place.project}.{place.stem}_… in {place.location}\n"
        f"  objects  gs://{place.bucket}/{place.folder}/…\n"
        "Nothing else is touched. It costs some cents at most: about a thousand operations in Cloud Storage, and as\n"
        "many queries of 10 MB, of which a TiB is free each month; load jobs are free. Allow an hour.",
        flush=True,
    )


def _check(place: Place, arguments: list[str]) -> int:
    with _Signals() as signals:
        try:
            _try_a_dataset(place)
            code = signals.run(_command(arguments), {**os.environ, VARIABLE: place.as_text()})
        finally:
            _sweep(place)
    return signals.code or code


class _Signals:
    """Signals are for the child: the first is Ctrl-C to it, the next one kills it and what it began."""

    def __init__(self) -> None:
        self._seen: list[int] = []
        self._child: subprocess.Popen[bytes] | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._before[number] = signal.signal(number, self._heard)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def code(self) -> int:
        """What a shell calls a program that this signal ended; 0 without one."""
        return 128 + self._seen[0] if self._seen else 0

    def run(self, command: list[str], environment: dict[str, str]) -> int:
        """The exit code of a command that is not begun after a signal."""
        if self._seen:
            return self.code
        with subprocess.Popen(command, env=environment, start_new_session=True) as child:
            self._child = child
            if self._seen:  # while it was started
                self._pass_on()
            code = child.wait()
            self._child = None
        return code

    def _heard(self, number: int, _frame: FrameType | None) -> None:
        self._seen.append(number)
        self._pass_on()

    def _pass_on(self) -> None:
        if self._child is not None and self._child.poll() is None:
            with suppress(ProcessLookupError):  # it ended just now
                os.killpg(self._child.pid, signal.SIGINT if len(self._seen) == 1 else signal.SIGKILL)


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


def _command(arguments: list[str]) -> list[str]:
    options = ["-v", "-p", "no:cacheprovider", "-p", "tests.gcp.selection", "-o", f"timeout={PATIENCE}"]
    return [sys.executable, "-m", "pytest", *options, *SUITES, *arguments]


def _sweep(place: Place) -> None:
    """Raises ConfigError that names what is left."""
    what = f"datasets {place.project}.{place.stem}_… and objects gs://{place.bucket}/{place.folder}/…"
    with gcp.translating_errors(f"could not take away {what}", ConfigError):
        place.sweep()
    print(f"Taken away: {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
