"""`--shard` and the variables of the platforms: which shard a process is, and one line for each wrong use."""

from __future__ import annotations

import pytest

from taxi_luigi import LoadAllMonths
from taxi_luigi.core.errors import UsageError
from taxi_luigi.tasks.job_arrays import shard_here
from taxi_luigi.tlc.shards import Shard

BATCH = {"AWS_BATCH_JOB_ARRAY_INDEX": "2", "AWS_BATCH_JOB_ARRAY_SIZE": "8"}
RUN = {"CLOUD_RUN_TASK_INDEX": "0", "CLOUD_RUN_TASK_COUNT": "4"}
JOB = {"JOB_COMPLETION_INDEX": "2"}
SLURM = {
    "SLURM_ARRAY_TASK_ID": "9",
    "SLURM_ARRAY_TASK_MIN": "1",
    "SLURM_ARRAY_TASK_STEP": "4",
    "SLURM_ARRAY_TASK_COUNT": "3",
}


@pytest.mark.parametrize(
    ("environment", "count", "shard"),
    [
        (BATCH, None, Shard(3, 8)),
        (BATCH, 8, Shard(3, 8)),
        ({"AWS_BATCH_JOB_ARRAY_INDEX": "2"}, 5, Shard(3, 5)),
        (RUN, None, Shard(1, 4)),
        (JOB, 3, Shard(3, 3)),
        (SLURM, None, Shard(3, 3)),
        (SLURM | {"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_MAX": "9"}, 3, Shard(1, 3)),
    ],
)
def test_the_platform_s_index_is_a_shard(environment: dict[str, str], count: int | None, shard: Shard) -> None:
    assert shard_here({"HOME": "/", **environment}, count) == shard


@pytest.mark.parametrize(
    ("environment", "count", "why"),
    [
        ({}, None, "no platform has numbered this process"),
        ({"AWS_BATCH_JOB_ARRAY_SIZE": "8"}, 8, "no platform has numbered this process"),
        (JOB, None, r"Kubernetes has numbered .* give --shard auto/N"),
        (JOB, 2, "JOB_COMPLETION_INDEX=2 is no process of 2"),
        ({"JOB_COMPLETION_INDEX": ""}, 2, "JOB_COMPLETION_INDEX must be a number, not ''"),
        ({"JOB_COMPLETION_INDEX": "-1"}, 2, "JOB_COMPLETION_INDEX must be a number, not '-1'"),
        ({"JOB_COMPLETION_INDEX": "9" * 5000}, 2, "JOB_COMPLETION_INDEX must be a number"),
        (BATCH, 4, r"shard auto/4: AWS Batch has started 8 processes \(AWS_BATCH_JOB_ARRAY_SIZE\)"),
        (BATCH | {"AWS_BATCH_JOB_ARRAY_INDEX": "8"}, None, "INDEX=8, AWS_BATCH_JOB_ARRAY_SIZE=8 is no process"),
        (BATCH | {"AWS_BATCH_JOB_ARRAY_SIZE": "eight"}, None, "AWS_BATCH_JOB_ARRAY_SIZE must be a number, not 'eight'"),
        (RUN | {"CLOUD_RUN_TASK_COUNT": "0"}, None, "is no process"),
        (RUN | {"CLOUD_RUN_TASK_COUNT": "10001"}, None, "is no process of an array from 1 to 10,000"),
        (SLURM | {"SLURM_ARRAY_TASK_ID": "8"}, None, "SLURM_ARRAY_TASK_ID=8, .* is no process"),
        (SLURM | {"SLURM_ARRAY_TASK_ID": "0"}, None, "is no process"),
        (SLURM | {"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_MAX": "13"}, None, "TASK_MAX=13, .* is no process"),
        ({"SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_TASK_COUNT": "2"}, None, "SLURM_ARRAY_TASK_MIN must be a number"),
        (SLURM | JOB, None, r"Kubernetes \(JOB_COMPLETION_INDEX\) and Slurm \(SLURM_ARRAY_TASK_ID\)"),
    ],
)
def test_variables_that_name_no_shard_are_one_line(environment: dict[str, str], count: int | None, why: str) -> None:
    with pytest.raises(UsageError, match=why) as raised:
        shard_here(environment, count)
    assert "\n" not in str(raised.value)
    assert "--shard" in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "3", "3/", "/4", "0/4", "5/4", "-1/4", "+1/4", "1/0", "1/10001", "1/4/4", "1 / 4", "a/4", "1.0/4"),
        *("auto/", "auto/x", "auto/0", "auto/10001", "Auto", "١/٤", "1" * 5000 + "/4"),
    ],
)
def test_a_text_that_is_no_shard_is_one_line(text: str) -> None:
    with pytest.raises(UsageError, match="shard must be I/N"):
        LoadAllMonths.shard.parse(text)


@pytest.mark.parametrize("value", [None, 3, Shard, ("1", "4")])
def test_other_values_than_texts_are_one_line(value: object) -> None:
    with pytest.raises(UsageError, match="shard must be a text as 3/8"):
        LoadAllMonths.shard.normalize(value)
