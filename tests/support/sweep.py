"""Every request of a piece of work, each fault in its place, and the table of how the work went on.

`Between` stands before the server and does what is decided here. Which requests a piece of work sends is not written
down anywhere: it is done once with nothing going wrong, and the places are what was seen then.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import SimpleNamespace
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from azure.core.pipeline.transport import HttpTransport
from google.api_core.retry import exponential_sleep_generator

from taxi_luigi.core.errors import ConfigError, TaxiError
from taxi_luigi.warehouses.bigquery import connection, jobs, load_log, replace_partition, tables, uploads, warehouse
from tests.support.azure import ACCOUNT, refusal
from tests.support.between import Answered, Asked, Fault

ANSWER = 1.5
"""seconds to wait for an answer, which the emulators give within one, where a stall is to be noticed"""

_HASTE = 20
"""how many times shorter the pauses between two tries are"""


def _refusal(status: int, reason: str, **headers: str) -> Answered:
    """An error as Google writes it."""
    message = f"made up: {reason}"
    error = {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}
    return Answered(status, {"error": error}, headers)


@dataclass(frozen=True)
class Trouble:
    """What happens to one request, or with `stays` to it and its like for the rest of the run."""

    how: Answered | Fault
    stays: bool = False


GOOGLES: Mapping[str, Trouble] = {
    "429": Trouble(_refusal(429, "rateLimitExceeded")),
    "lost": Trouble(Fault.LOST),
    "503": Trouble(_refusal(503, "backendError")),
    "reset": Trouble(Fault.RESET),
    "503 stays": Trouble(_refusal(503, "backendError"), stays=True),
    "500": Trouble(_refusal(500, "internalError")),
    "stall": Trouble(Fault.STALL),
    # BigQuery's documented status for a rate that is too high
    "403 rate": Trouble(_refusal(403, "rateLimitExceeded")),
    "429 after": Trouble(_refusal(429, "rateLimitExceeded", **{"Retry-After": "1"})),
    # As a front end answers, which knows nothing of Google's form
    "503 bare": Trouble(Answered(503)),
    "resets stay": Trouble(Fault.RESET, stays=True),
    "stalls stay": Trouble(Fault.STALL, stays=True),
}
"""In an order in which neighbours differ: the short form of a sweep goes through them in turn."""

AZURES: Mapping[str, Trouble] = {
    "503": Trouble(refusal(503, "ServerBusy")),
    "lost": Trouble(Fault.LOST),
    "500": Trouble(refusal(500, "InternalError")),
    "reset": Trouble(Fault.RESET),
    "503 stays": Trouble(refusal(503, "ServerBusy"), stays=True),
    "500 slow": Trouble(refusal(500, "OperationTimedOut")),
    "stall": Trouble(Fault.STALL),
    "503 after": Trouble(refusal(503, "ServerBusy", Retry_After="1")),
    # As a front end answers, which knows nothing of Azure's form
    "503 bare": Trouble(Answered(503, b"")),
    "resets stay": Trouble(Fault.RESET, stays=True),
    "stalls stay": Trouble(Fault.STALL, stays=True),
}


@dataclass(frozen=True)
class Place:
    """A request of a piece of work: the n-th of its kind, counted from 1."""

    kind: str
    number: int

    def __str__(self) -> str:
        return self.kind if self.number == 1 else f"{self.kind}, time {self.number}"


def places(asked: Iterable[Asked]) -> list[Place]:
    """Where the requests of a run without faults stand, in their order."""
    seen: Counter[str] = Counter()
    found = []
    for each in asked:
        name = kind(each)
        seen[name] += 1
        # How often a running job is asked for is a matter of time
        if seen[name] == 1 or not name.startswith("look at the job"):
            found.append(Place(name, seen[name]))
    return found


def kind(asked: Asked) -> str:
    """What a request is for, the same in every run; a chunk that is sent again is the same one."""
    address = urlsplit(asked.path)
    path, query = unquote(address.path), parse_qs(address.query)
    if path.startswith(f"/{ACCOUNT}/"):
        return _kind_at_azure(asked.method, query)
    if asked.method == "PUT":
        sent = re.match(r"bytes (\d+)-", next(v for k, v in asked.headers.items() if k.lower() == "content-range"))
        return f"send the bytes from {int(sent[1]) >> 10 if sent else 0} KiB on"
    if path.startswith("/upload/storage"):
        return "begin to send the file" if query["uploadType"] == ["resumable"] else "send the file"
    if path.startswith("/storage"):
        return "look at the object"
    body = asked.body.decode("latin1")
    if path.endswith("/jobs"):
        if asked.method == "GET":
            return f"list {query['stateFilter'][0]} jobs"
        return (
            "begin to send the rows"
            if query.get("uploadType") == ["resumable"]
            else f"begin the job of {_subject(body)}"
        )
    if match := re.search(r"/jobs/(.+)", path):
        return f"look at the job of {_subject(match[1])}"
    if match := re.search(r"/tables/([^/]+)(/data)?$", path):
        return f"{'list' if match[2] else 'look at'} {match[1]}"
    if path.endswith("/tables"):
        made = re.search(r'"tableId": ?"(\w+)"', body)
        return f"make {made and made[1]}"
    return "look at the dataset"


def _kind_at_azure(method: str, query: dict[str, list[str]]) -> str:
    """Blocks are sent at once, and named by chance: which one is the first is no matter."""
    if method == "PUT":
        parts = {"": "send the file", "block": "send a block", "blocklist": "commit the blocks"}
        return parts[query.get("comp", [""])[0]]
    return {"HEAD": "look at the blob", "GET": "list"}[method]


def _subject(text: str) -> str:
    return "the marker" if "taxi_luigi_marker" in text else "the rows"


class At:
    """A rule for `Between`: trouble at one place, until `over`. What `also` says of a request goes before."""

    def __init__(self, place: Place, trouble: Trouble, also: Callable[[Asked], object] = lambda _asked: None) -> None:
        self.met = False
        self._place, self._trouble, self._also = place, trouble, also
        self._seen = 0
        self._over = False

    def __call__(self, asked: Asked) -> Answered | Fault | None:
        self._also(asked)
        if self._over or kind(asked) != self._place.kind:
            return None
        self._seen += 1
        if self._seen < self._place.number or (self.met and not self._trouble.stays):
            return None
        self.met = True
        return self._trouble.how

    def over(self) -> None:
        """From now on nothing goes wrong."""
        self._over = True


class Outcome(Enum):
    """How the work went on."""

    WENT_ON = "went on"
    RERUN = "one line, rerun"
    FAILED = "FAILED"


def outcome(work: Callable[[], object], rule: At, failure: type[TaxiError]) -> Outcome:
    """Does the work, and once more if it failed in one line, as a person would; anything else is an AssertionError."""
    failed = _failed(work)
    assert rule.met, "the request was never sent"
    if failed is None:
        return Outcome.WENT_ON
    line = str(failed)
    assert isinstance(failed, failure), repr(failed)
    assert not isinstance(failed, ConfigError), f"no setting is wrong: {line}"
    assert line, repr(failed)
    assert "\n" not in line, line
    assert "upload_id" not in line, line
    rule.over()
    work()
    return Outcome.RERUN


def _failed(work: Callable[[], object]) -> TaxiError | None:
    try:
        work()
    except TaxiError as error:
        return error
    return None


@dataclass
class Table:
    """Fault × place → outcome, and what was wrong where something failed."""

    title: str
    troubles: Mapping[str, Trouble] = field(default_factory=lambda: GOOGLES)
    rows: dict[Place, dict[str, Outcome]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def sweep(self, where: Iterable[Place], tries: int, one: Callable[[Place, Trouble], Outcome]) -> Self:
        """Tries so many faults at each place: with one at each, they take turns, from another one on in each table."""
        names = list(self.troubles)
        begin = sum(self.title.encode())
        for number, place in enumerate(where, begin):
            for name in [names[(number + more) % len(names)] for more in range(min(tries, len(names)))]:
                try:
                    result = one(place, self.troubles[name])
                except Exception as error:  # noqa: BLE001 the table is to be whole; `check` fails for it
                    result = Outcome.FAILED
                    self.failures.append(f"{place} × {name}: {type(error).__name__}: {error}")
                self.rows.setdefault(place, {})[name] = result
        return self

    def check(self) -> None:
        """Prints the table, and fails for what failed in it."""
        print(f"\n{self}")
        assert self.rows
        assert not self.failures, "\n".join([str(self), *self.failures])

    def __str__(self) -> str:
        return "\n".join([self.title, *self._lines()])

    def _lines(self) -> Iterator[str]:
        wide = max(len(str(place)) for place in self.rows)
        columns = [name for name in self.troubles if any(name in row for row in self.rows.values())]
        yield " | ".join([" " * wide, *(f"{name:15}" for name in columns)])
        for place, row in self.rows.items():
            cells = (row[name].value if name in row else "" for name in columns)
            yield " | ".join([f"{place!s:{wide}}", *(f"{cell:15}" for cell in cells)])


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clients pause for a twentieth between two tries, and BigQuery's requests may take ANSWER seconds.

    What is tried again, how often and until when stays the clients' own and ours.
    """

    def shorter(initial: float, maximum: float, **others: float) -> Iterator[float]:
        yield from exponential_sleep_generator(initial / _HASTE, maximum / _HASTE, **others)

    def sleep(seconds: float) -> None:
        time.sleep(seconds / _HASTE)

    monkeypatch.setattr("google.api_core.retry.retry_unary.exponential_sleep_generator", shorter)
    monkeypatch.setattr("google.resumable_media.requests._request_helpers.time", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(HttpTransport, "sleep", lambda _transport, seconds: sleep(seconds))
    # Else the client asks for the bucket in a thread of its own, whose answer nobody waits for (3.17, November 2026)
    monkeypatch.setenv("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
    for module in (connection, jobs, load_log, replace_partition, tables, warehouse):
        monkeypatch.setattr(module, "REQUEST", ANSWER)
    monkeypatch.setattr(uploads, "_TIMEOUT", (ANSWER, ANSWER))
