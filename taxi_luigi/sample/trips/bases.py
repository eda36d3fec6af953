"""Made-up numbers of for-hire bases, in TLC's form B00000, with the spellings in which bases hand them in."""

from __future__ import annotations

from functools import cache

import numpy as np

from taxi_luigi.sample.trips.chunk import Array, codes

BASES = 900
_MISSPELLED = {0: 0.985, BASES: 0.013, 2 * BASES: 0.002}
"""as issued, filled up to 15 characters with blanks, in lower case: 1.3 % and 0.2 % of 1,000 real rows of 2020-04"""
JUNK = ("UBER", "1UBER")
"""what some write instead of an affiliated base"""


@cache
def spellings() -> tuple[str, ...]:
    """Every base as issued, then every one with blanks, then in lower case, then the junk."""
    numbers = np.random.default_rng(BASES).choice(3_500, BASES, replace=False)
    issued = [f"B{number:05}" for number in sorted(numbers.tolist())]
    return (*issued, *(base.ljust(15) for base in issued), *(base.lower() for base in issued), *JUNK)


def draw(random: np.random.Generator, size: int) -> Array:
    """Indexes of `spellings()`; a few bases have most trips."""
    weights = 1 / np.arange(3, BASES + 3) ** 0.9
    base = codes(random, size, dict(enumerate(weights.tolist())))
    return base + codes(random, size, _MISSPELLED)
