"""What scripts/check-gcp and scripts/check-azure share: suites run against a cloud itself, in places of their own.

It is tried first whether they can work; nothing is made outside those places; they are taken away whatever happened.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any, Self

from taxi_luigi.core.errors import TaxiError


@dataclass(frozen=True)
class Suites:
    """What is run."""

    contract: Sequence[str]
    """suites for every kind of store or warehouse: tests/contract/test_NAME.py"""
    own: str
    """the folder with the tests of this cloud alone"""
    kinds: Sequence[str]
    """of stores and warehouses"""
    timeout: int
    """seconds for one test"""

    @property
    def paths(self) -> list[str]:
        """All of them."""
        return [*(f"tests/contract/test_{name}.py" for name in self.contract), self.own]

    def command(self, arguments: Sequence[str]) -> list[str]:
        """Pytest with these, and words of the caller's."""
        options = ["-v", "-p", "no:cacheprovider", "-o", f"timeout={self.timeout}"]
        options += ["-p", "tests.support.selection", "--kinds", ",".join(self.kinds), "--whole", self.own]
        return [sys.executable, "-m", "pytest", *options, *self.paths, *arguments]


@dataclass(frozen=True)
class Prepared:
    """A check that could begin."""

    announcement: str
    """what is made, and what it costs"""
    variables: Mapping[str, str]
    """for the tests' environment: where they may make what they like"""
    try_out: Callable[[], None]
    """makes the first of it; raises TaxiError where that is not allowed"""
    what: str
    """what is taken away at the end"""
    sweep: Callable[[], None]
    """takes it away; raises TaxiError that names what is left"""


def main(script: str, suites: Suites, prepare: Callable[[], Prepared], arguments: Sequence[str]) -> int:
    """Return pytest's exit code; 1 when the check could not begin or clean up, 130 when it was stopped."""
    try:
        prepared = prepare()
        print(prepared.announcement, flush=True)
        return _check(prepared, suites.command(arguments))
    except TaxiError as error:
        print(f"{script}: {error}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:  # before anything was made: _check has signals of its own
        return 128 + signal.SIGINT


def _check(prepared: Prepared, command: list[str]) -> int:
    with _Signals() as signals:
        try:
            prepared.try_out()
            code = signals.run(command, os.environ | prepared.variables)
        finally:
            prepared.sweep()
            print(f"Taken away: {prepared.what}", flush=True)
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
