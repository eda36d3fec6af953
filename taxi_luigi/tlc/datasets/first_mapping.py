"""The mapping by which months were cleaned whose edition does not name one: that of taxi_luigi 0.1.0 before 2026-12.

Frozen: a mapping that changes later is not entered here, for that is what makes those months stale. It was printed by

    python -c "from taxi_luigi.tlc.datasets import DATASETS as d, mapping; print({c: mapping.eras(d[c]) for c in d})"
"""

from __future__ import annotations

FIRST_MAPPING: dict[str, tuple[tuple[str, str], ...]] = {
    "yellow": (
        ("2009-01", "31f10528"),
        ("2010-01", "4cdae471"),
        ("2011-01", "d12ca066"),
        ("2015-01", "bd30e035"),
        ("2016-07", "25d5d716"),
        ("2025-01", "21446d52"),
        ("2026-06", "126727b1"),
    ),
    "green": (
        ("2013-08", "5f547ef1"),
        ("2014-01", "1d2969d9"),
        ("2016-07", "a81a71f0"),
        ("2025-01", "0f359e8e"),
        ("2026-06", "efdc16a7"),
    ),
    "fhv": (
        ("2015-01", "c3baa6ee"),
        ("2017-01", "35927764"),
        ("2018-01", "ea715c0a"),
        ("2019-01", "35927764"),
    ),
    "fhvhv": (
        ("2019-02", "36fd1975"),
        ("2021-06", "4cd6c4fa"),
        ("2025-01", "b4c3b231"),
    ),
}
"""Record type → first month of a time span and its digest as mapping.py made it, in order; the last has no end."""
