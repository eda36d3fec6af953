"""Downloads of a machine: no more at a time than allowed, and no faster together than allowed."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from taxi_luigi.core import atomic_files
from taxi_luigi.sources.http_download import Pace, Slots

HOLDER = """
import sys
from pathlib import Path
from taxi_luigi.sources.http_download import Slots
with Slots(Path(sys.argv[1])).one(9):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[bytes]:
    """Another process, with a slot."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_one_more_than_allowed_waits_until_a_process_that_has_a_slot_is_killed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "taxi_luigi")
    with holder(tmp_path) as first, holder(tmp_path) as second:
        waited: list[float] = []

        def sleep(seconds: float) -> None:
            waited.append(seconds)
            if len(waited) == 3:
                first.send_signal(signal.SIGKILL)
                first.wait()

        with Slots(tmp_path).one(2, sleep):
            assert Slots(tmp_path).held() == 2
        assert waited == [0.5] * 3
        assert [record.getMessage() for record in caplog.records] == [
            "Waiting for another download of this machine to end: [download] at_once = 2"
        ]
        second.kill()
    assert Slots(tmp_path).held() == 0


def test_who_allows_fewer_counts_those_who_allow_more(tmp_path: Path) -> None:
    class Waits(Exception):
        pass

    def sleep(_: float) -> None:
        raise Waits

    slots = Slots(tmp_path)
    with ExitStack() as stack:
        for number in range(3):
            assert slots.held() == number
            stack.enter_context(slots.one(6))
        with pytest.raises(Waits):
            stack.enter_context(slots.one(3, sleep))
        stack.enter_context(slots.one(4, sleep))
    assert slots.held() == 0
    assert len(list(tmp_path.glob("slot-*"))) == 4
    (tmp_path / "slot-0").unlink()
    with ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(slots.one(5, sleep))


def test_a_link_in_the_place_of_a_slot_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "slot-0").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"), Slots(tmp_path).one(1):
        pass
    assert not (tmp_path / "elsewhere").exists()


class Clock:
    """A time that passes by sleeping alone."""

    now = 1_000.0

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds


@pytest.mark.parametrize("sizes", [[10_000] * 50, [1] * 1_000, [512, 100_000, 3, 40_000]])
@pytest.mark.parametrize("others", [0, 4])
def test_a_download_takes_its_share_of_the_bandwidth_and_no_more(sizes: list[int], others: int) -> None:
    clock = Clock()
    pace = Pace(20_000, lambda: 1 + others, clock.read, clock.sleep)
    paused = sum(pace.arrived(size) for size in sizes)
    share = 20_000 / (1 + others)
    assert clock.now - 1_000 == pytest.approx(paused) == pytest.approx(sum(sizes) / share)


def test_what_others_leave_free_is_taken_within_a_second_and_a_stall_is_not_made_up_for() -> None:
    clock, held = Clock(), 2
    pace = Pace(1_000, lambda: held, clock.read, clock.sleep)
    assert pace.arrived(1_000) == pytest.approx(2)
    held = 1
    assert pace.arrived(1_000) == pytest.approx(1)
    clock.now += 60
    assert pace.arrived(1_000) == pytest.approx(1)


def test_no_bandwidth_is_no_limit() -> None:
    assert Pace(0, lambda: pytest.fail("counted for nothing")).arrived(10**9) == 0


def test_the_slots_of_all_runs_of_a_user_are_in_one_folder_that_is_the_users_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(atomic_files, "SCRATCH", tmp_path / "scratch")
    folder = atomic_files.private("downloads")
    assert folder == tmp_path / "scratch" / "downloads"
    assert folder.stat().st_mode & 0o077 == 0
    assert os.stat(folder.parent).st_mode & 0o077 == 0
