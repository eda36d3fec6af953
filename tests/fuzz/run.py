"""The fuzz run itself, in a process that may crash, hang or fill memory: `python -m tests.fuzz.run FILES FOLDER SEED`.

Prints the number of files by outcome as JSON; a file that did not end as it must is left in FOLDER as `raw`, and how it
was made is on stderr. The same seed tries the same files.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import logging
import random
import resource
import sys
import threading
import warnings
from collections import Counter
from pathlib import Path

import hypothesis
import pyarrow as pa
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from taxi_luigi.transform.clean_settings import CleanRules
from taxi_luigi.transform.readers import csv_records
from taxi_luigi.transform.rules import RULES
from tests.fuzz.bases import Base, bases
from tests.fuzz.judge import outcome
from tests.fuzz.spoil import FILE, TABLE, TEXT, write_csv, write_parquet
from tests.support.memory import at_most

ADDRESS_SPACE = 6 << 30
GROWTH = 250 << 20
"""bytes of memory that one file may take, beside what the process has when it begins"""
PATIENCE = 600
"""seconds for one file before it counts as hanging. It takes some 15 ms, and up to 7.5 s of CPU where blocks have 256
bytes, which was more than 60 s beside twenty other processes on two cores (November 2026)."""

SEEDS = st.integers(0, 2**32 - 1)
RULE_SETS = [CleanRules(), CleanRules(frozenset(RULES), True), CleanRules(unknown_columns="fail")]


Ways = list[tuple[str, int]]
"""names of what is done, each with the seed of how"""

BASES = bases()


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, Ways, int, Ways]:
    """The name of a base, how its content is spoilt, the seed of how it is written, and how the file is spoilt then."""
    form = draw(st.sampled_from(["csv", "parquet"]))
    base = draw(st.sampled_from([name for name in BASES if name.endswith(form)]))
    ways = TEXT if form == "csv" else TABLE
    of_content = draw(st.lists(st.tuples(st.sampled_from(sorted(ways)), SEEDS), max_size=3))
    of_file = draw(st.lists(st.tuples(st.sampled_from(sorted(FILE)), SEEDS), max_size=1 if of_content else 2))
    return base, of_content, draw(SEEDS), of_file


def build(base: Base, of_content: Ways, seed: int, of_file: Ways) -> bytes:
    """The spoilt file."""
    content = base.content
    for way, each in of_content:
        if isinstance(content, bytes):
            content = TEXT[way](content, random.Random(each))
        else:
            content = TABLE[way](content, random.Random(each))
    rng = random.Random(seed)
    if isinstance(content, bytes):
        file = write_csv(content, rng)
    else:
        try:
            file = write_parquet(content, rng)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # no such parquet file can be written
            reject()
    for way, each in of_file:
        file = FILE[way](file, random.Random(each))
    return file


def fuzz(files: int, folder: Path, seed: int) -> Counter[str]:
    """Raises what hypothesis raises: the failure, and the smallest case found that has it."""
    outcomes: Counter[str] = Counter()
    raw = folder / "raw"

    @hypothesis.seed(seed)
    @settings(max_examples=files, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(cases(), st.sampled_from(RULE_SETS), st.sampled_from([csv_records.BLOCK, 4 << 10, 256]))
    def one(case: tuple[str, Ways, int, Ways], rules: CleanRules, block: int) -> None:
        base = BASES[case[0]]
        raw.write_bytes(build(base, *case[1:]))
        for left in ("clean", "rejects"):
            (folder / left).unlink(missing_ok=True)
        csv_records.BLOCK = block
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        try:
            with at_most(GROWTH):
                ended = outcome(raw, base.color, base.month, rules)
        finally:
            faulthandler.cancel_dump_traceback_later()
        assert threading.active_count() == 1, threading.enumerate()
        outcomes[f"{base.name.rpartition('.')[2]}: {ended}"] += 1

    one()
    return outcomes


def open_files(folder: Path) -> list[Path]:
    """What this process still has open there."""
    return [path for each in Path("/proc/self/fd").iterdir() if (path := each.resolve()).is_relative_to(folder)]


if __name__ == "__main__":
    faulthandler.enable()
    warnings.simplefilter("error")
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    logging.getLogger("luigi-interface").addHandler(logging.NullHandler())
    folder = Path(sys.argv[2]).resolve()
    counts = fuzz(int(sys.argv[1]), folder, int(sys.argv[3]))
    gc.collect()  # what a traceback held until now is no leak
    assert not open_files(folder), open_files(folder)
    print(json.dumps(dict(sorted(counts.items()))))
