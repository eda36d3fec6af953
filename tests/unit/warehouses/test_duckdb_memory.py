"""How much memory DuckDB gets, on made-up machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from taxi_luigi.warehouses.duckdb_memory import available, limit

GB = 1_000_000_000
UNLIMITED_V1 = "9223372036854771712"


def machine(root: Path, files: dict[str, str]) -> Path:
    """Make a machine of 8 GiB."""
    for name, text in {"proc/meminfo": "MemTotal:        8388608 kB\nMemFree: 1 kB\n", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


@pytest.mark.parametrize(
    ("memory", "expected"),
    [(0, "256MB"), (2 * GB, "256MB"), (4 * GB - 1, "256MB"), (4 * GB, "512MB"), (64 * GB, "512MB")],
)
def test_less_than_4_gb_is_a_small_machine(memory: int, expected: str) -> None:
    assert limit(memory) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8 << 30),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/memory.max": "2000000000"}, 2 * GB),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/memory.max": "max"}, 8 << 30),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/memory.max": "64000000000"}, 8 << 30),
        (  # the limit of a slice holds for what is in it
            {
                "proc/self/cgroup": "0::/user.slice/run.scope",
                "sys/fs/cgroup/user.slice/memory.max": "3000000000",
                "sys/fs/cgroup/user.slice/run.scope/memory.max": "max",
            },
            3 * GB,
        ),
        (
            {
                "proc/self/cgroup": "0::/user.slice/run.scope",
                "sys/fs/cgroup/user.slice/memory.max": "max",
                "sys/fs/cgroup/user.slice/run.scope/memory.max": "1000000000",
            },
            GB,
        ),
        (  # a container of version 1, whose group is named as the host sees it
            {
                "proc/self/cgroup": "9:name=systemd:/docker/1f\n4:memory:/docker/1f\n3:cpu,cpuacct:/docker/1f",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "1500000000",
            },
            3 * GB // 2,
        ),
        (
            {
                "proc/self/cgroup": "5:cpuset,memory:/job",
                "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "2500000000",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": UNLIMITED_V1,
            },
            5 * GB // 2,
        ),
        (
            {"proc/self/cgroup": "4:memory:/\n0::/", "sys/fs/cgroup/memory/memory.limit_in_bytes": UNLIMITED_V1},
            8 << 30,
        ),
    ],
)
def test_the_smallest_limit_of_machine_and_control_groups_applies(
    tmp_path: Path, files: dict[str, str], expected: int
) -> None:
    assert available(machine(tmp_path, files)) == expected


def test_a_system_that_does_not_tell_counts_as_small(tmp_path: Path) -> None:
    assert limit(available(tmp_path)) == "256MB"


def test_this_machine_has_memory() -> None:
    assert available() > 100_000_000
