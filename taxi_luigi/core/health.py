"""What a look at a store before a run has found. Pure: nothing here asks anybody."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Status(Enum):
    """Whether a run may begin."""

    OK = "ok"
    ERROR = "wrong"
    """something must be changed first, so that a run cannot succeed"""
    UNREACHABLE = "no answer"
    """nobody answered; perhaps by the time of the run somebody does"""
    UNKNOWN = "unknown"
    """it cannot be asked without doing it: no reason not to try"""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    place: str
    """`lake gcs`, `warehouse bigquery`: the section of luigi.cfg, in words"""
    what: str
    """`credentials`, `bucket`, `dataset`, `permissions`, …"""
    verdict: Status
    line: str
    """what was found; of something wrong, in one line: what, where, and the cure"""
