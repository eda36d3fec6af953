"""The shard of this process, where a platform has started it as one of N: `--shard auto` and `--shard auto/N`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from taxi_luigi.core.errors import UsageError
from taxi_luigi.core.text import cut
from taxi_luigi.tlc.shards import MOST, Shard


@dataclass(frozen=True)
class _Platform:
    """The environment variables by which a platform numbers its processes."""

    name: str
    index: str
    """set in processes of an array alone"""
    count: str = ""
    """'' for a platform that sets none"""
    first: str = ""
    """the index of the first process; '' where that is 0"""
    step: str = ""
    """what an index is above the one before; '' where that is 1"""
    last: str = ""
    """the index of the last process; '' where the count has it"""


_PLATFORMS = (
    _Platform("AWS Batch", "AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE"),
    _Platform("Cloud Run", "CLOUD_RUN_TASK_INDEX", "CLOUD_RUN_TASK_COUNT"),
    _Platform("Kubernetes", "JOB_COMPLETION_INDEX"),
    _Platform(
        "Slurm",
        "SLURM_ARRAY_TASK_ID",
        "SLURM_ARRAY_TASK_COUNT",
        "SLURM_ARRAY_TASK_MIN",
        "SLURM_ARRAY_TASK_STEP",
        "SLURM_ARRAY_TASK_MAX",
    ),
)


def shard_here(environment: Mapping[str, str], count: int | None = None) -> Shard:
    """Return the shard of the process that has an environment.

    Args:
        environment: name → value
        count: of all shards; None where the platform's is to be taken
    Raises:
        UsageError: no platform or several have numbered the process, the platform has no count or another one, or
            its variables are not those of an array with equal steps
    """
    found = [each for each in _PLATFORMS if each.index in environment]
    if not found:
        variables = ", ".join(each.index for each in _PLATFORMS)
        raise UsageError(f"shard auto: no platform has numbered this process ({variables}); give --shard I/N")
    if len(found) > 1:
        variables = " and ".join(f"{each.name} ({each.index})" for each in found)
        raise UsageError(f"shard auto: {variables} have numbered this process; give --shard I/N")
    (platform,) = found
    if count is None and platform.count not in environment:
        raise UsageError(
            f"shard auto: {platform.name} has numbered this process ({platform.index}), and not how many there are; "
            "give --shard auto/N with the job's number of processes"
        )
    there = _number(environment, platform.count) if platform.count in environment else count
    assert there is not None
    if count is not None and there != count:
        raise UsageError(
            f"shard auto/{count}: {platform.name} has started {there} processes ({platform.count}); give --shard auto, "
            f"or --shard I/{count} where a few of the {count} run again"
        )
    first = _number(environment, platform.first) if platform.first else 0
    step = _number(environment, platform.step) if platform.step else 1
    index = _number(environment, platform.index)
    number, rest = divmod(index - first, step or 1)
    # Of an array as 2,5, some of the processes that run again, the first index would pass for one of 1,2
    uneven = platform.last in environment and _number(environment, platform.last) != first + step * (there - 1)
    if not 1 <= there <= MOST or rest or not 0 <= number < there or uneven:
        variables = ", ".join(
            f"{name}={environment[name]}"
            for name in (platform.index, platform.first, platform.last, platform.step, platform.count)
            if name in environment
        )
        of_flag = "" if platform.count in environment else f" of {count}"
        raise UsageError(
            f"shard auto: {variables} is no process{of_flag} of an array from 1 to {MOST:,} with equal steps; "
            "give --shard I/N"
        )
    return Shard(number + 1, there)


def _number(environment: Mapping[str, str], name: str) -> int:
    text = environment.get(name, "")
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise UsageError(f"shard auto: {name} must be a number, not {cut(text)!r}; give --shard I/N")
    return int(text)
