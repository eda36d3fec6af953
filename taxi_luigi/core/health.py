"""The health check of a store: one record for each thing that was checked. Nothing here connects to anything."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from taxi_luigi.core.errors import ConfigError, TaxiError


class Status(Enum):
    """The result of a check, with the word that `taxi-luigi doctor` shows."""

    OK = "ok"
    ERROR = "wrong"
    """something must be changed first: a run cannot succeed"""
    UNREACHABLE = "no answer"
    """the server did not answer, and may do so later"""
    UNKNOWN = "unknown"
    """it cannot be checked without doing it: no reason to stop a run"""


@dataclass(frozen=True)
class Check:
    """The result of checking one thing of one place."""

    place: str
    """`lake gcs`, `warehouse bigquery`: the section of luigi.cfg, in words"""
    what: str
    """`credentials`, `bucket`, `dataset`, `permissions`, …"""
    status: Status
    message: str
    """one line; of an error: what is wrong, where, and what to do"""

    @classmethod
    def failed(cls, place: str, what: str, error: TaxiError) -> Check:
        """A check that raised: wrong configuration is an ERROR, any other failure UNREACHABLE."""
        status = Status.ERROR if isinstance(error, ConfigError) else Status.UNREACHABLE
        return cls(place, what, status, str(error))

    @property
    def failing(self) -> bool:
        """Whether the place cannot be used now."""
        return self.status in (Status.ERROR, Status.UNREACHABLE)
