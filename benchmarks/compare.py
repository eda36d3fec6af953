"""All parts of the benchmarks, as markdown: `python -m benchmarks.compare --help`. Started by `benchmarks/run`."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
from collections.abc import Callable
from time import perf_counter

from benchmarks import harness, memory, nightly, pages, pipelines, report, rerun, shards, sizes, steps, tiny
from benchmarks.harness import Scope

WORK = harness.ROOT / "benchmarks" / "work"

PARTS: dict[str, tuple[str, Callable[[Scope], str]]] = {
    "pipelines-duckdb": (pages.DUCKDB, pipelines.to_duckdb),
    "pipelines-postgres": (pages.POSTGRES, pipelines.to_postgres),
    "clean": (pages.CLEAN, steps.clean),
    "csv": (pages.CSV, steps.csv),
    "fhvhv": (pages.FHVHV, steps.fhvhv),
    "duckdb": (pages.INTO_DUCKDB, steps.duckdb),
    "postgres": (pages.INTO_POSTGRES, steps.postgres),
    "upload": (pages.UPLOAD, steps.upload),
    "upload-azure": (pages.UPLOAD_AZURE, steps.upload_azure),
    "sizes": (pages.SIZES, sizes.table),
    "memory": (pages.MEMORY, memory.table),
    "tiny": (pages.TINY, tiny.tiny),
    "backfill": (pages.BACKFILL, tiny.backfill),
    "absent": (pages.ABSENT, tiny.absent),
    "rerun": (pages.RERUN, rerun.table),
    "nightly": (pages.NIGHT, nightly.table),
    "report": (pages.REPORT, report.table),
    "shards": (pages.SHARDS, shards.table),
}


def main() -> None:
    """Run the parts that the command line names, in order."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"one of {', '.join(PARTS)}; default: all of them")
    parser.add_argument("--rounds", type=int, help="runs of the quick ways (default: 3 to 9, by part)")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies rows and months (default: %(default)s)")
    parser.add_argument("--no-peers", action="store_true", help="leave out pandas, polars and dlt")
    parser.add_argument(
        "--write", action="store_true", help="write the results into benchmarks/README.md and README.md"
    )
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}: there are {', '.join(PARTS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # so that the server is ended too
    measured = pages.measured()
    for part in given.parts or PARTS:
        title, table = PARTS[part]
        folder = WORK / part
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        began = perf_counter()
        try:
            text = f"{table(Scope(folder, given.rounds, given.scale, not given.no_peers))}\n\n{measured}"
        finally:
            shutil.rmtree(folder)
        print(f"### {title}\n\n{text}\n", flush=True)
        if given.write:
            pages.write(title, text)
        print(f"{part}: {perf_counter() - began:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
