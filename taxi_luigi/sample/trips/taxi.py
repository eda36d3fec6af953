"""Made-up yellow and green trips, with TLC's known defects at about their known rates, by year.

Rates are those counted in the public files. Layouts and files are not known here: columns come by canonical name,
without the tpep_ or lpep_ of the times.
"""

from __future__ import annotations

import numpy as np

from taxi_luigi.sample.trips import clock, spellings
from taxi_luigi.sample.trips.chunk import Array, Chunk, Made, Plain, codes, of_year
from taxi_luigi.sample.trips.money import MTA_TAX, charges, correct, repeat
from taxi_luigi.sample.trips.places import coordinates, zones
from taxi_luigi.tlc.months import Month

# Share of rows without passengers, rate, flag and surcharge ("null block", at the file's end), by year.
_YELLOW_BLOCK = {
    2009: 0,
    2019: 0.004,
    2020: 0.033,
    2021: 0.05,
    2022: 0.035,
    2023: 0.04,
    2024: 0.09,
    2025: 0.2,
    2026: 0.27,
}
_GREEN_BLOCK = {2009: 0, 2019: 0.06, 2020: 0.26, 2021: 0.40, 2022: 0.13, 2023: 0.065, 2025: 0.12}
_BY_CARD = {2009: 0.2, 2010: 0.3, 2011: 0.45, 2012: 0.5, 2013: 0.54, 2014: 0.58, 2015: 0.63, 2019: 0.73}
_JUNK_RATES = {0: 5e-4, 7: 2e-6, 8: 1e-5, 28: 2e-6, 208: 2e-6}
_HAND_TYPED = {208: 1e-6, 255: 5e-7}
"""passengers of a few trips until 2014"""


def taxi_trips(chunk: Chunk) -> dict[str, Made]:
    """Every column that any layout of yellow or green has."""
    block = chunk.positions() >= _block_from(chunk)
    plain = _who(chunk) | zones(chunk) | _passengers(chunk)
    plain["payment_type"] = np.where(block, 0, _payments(chunk))
    minutes = _when(chunk, plain, block)
    plain |= charges(chunk, plain, minutes, block)
    if chunk.month <= Month(2016, 6):
        plain |= coordinates(chunk)
    repeat(chunk, plain, ~block)
    correct(chunk, plain, block)
    made = {name: Made(values, null) for name, values, null in _with_nulls(chunk, plain, block)}
    return made | spellings.words(chunk, plain, block)


def _block_from(chunk: Chunk) -> int:
    """The first row of the null block. The csv of 2019 has none of these rows."""
    if chunk.form != "parquet" and chunk.month < Month(2020, 1):
        return chunk.rows
    return chunk.rows - round(
        chunk.rows * of_year(_GREEN_BLOCK if chunk.color == "green" else _YELLOW_BLOCK, chunk.month)
    )


def _who(chunk: Chunk) -> Plain:
    if chunk.color == "green":
        vendors = {1: 0.12, 2: 0.88}
    elif chunk.month < Month(2011, 1):
        vendors = {1: 0.46, 2: 0.47, 3: 0.07}
    elif chunk.month < Month(2018, 1):
        vendors = {1: 0.49, 2: 0.51}
    else:
        vendors = {1: 0.25, 2: 0.745, 6: 0.0005} | ({4: 0.008, 5: 1e-6} if chunk.month < Month(2020, 1) else {})
    if chunk.color == "yellow" and chunk.month >= Month(2025, 3):
        vendors[7] = 0.014
    return {"vendorid": codes(chunk.random("who"), chunk.size, vendors)}


def _passengers(chunk: Chunk) -> Plain:
    random, old = chunk.random("passengers"), chunk.month < Month(2015, 1)
    counts = {1: 0.75, 2: 0.14, 3: 0.04, 4: 0.02, 5: 0.02, 6: 0.015, 0: 0.0155, 7: 2e-6, 8: 2e-6, 9: 1e-6}
    rates = {1: 0.945, 2: 0.032, 3: 0.003, 4: 0.002, 5: 0.012, 6: 1e-5, 99: 0.006}
    return {
        "passenger_count": codes(random, chunk.size, counts | (_HAND_TYPED if old else {})),
        "ratecodeid": codes(random, chunk.size, rates | (_JUNK_RATES if old else {})),
        "store_and_fwd_flag": codes(random, chunk.size, {0: 0.993, 1: 0.007}),
        "trip_type": codes(random, chunk.size, {1: 0.965, 2: 0.035}),
    }


def _payments(chunk: Chunk) -> Array:
    card = of_year(_BY_CARD, chunk.month)
    shares = {1: card, 2: 0.98 - card, 3: 0.01, 4: 0.01, 5: 5e-4 if chunk.month < Month(2015, 1) else 1e-6}
    return codes(chunk.random("payments"), chunk.size, shares)


def _when(chunk: Chunk, plain: Plain, block: Array) -> Array:
    """Adds the times and the distance, and returns the minutes that the meter ran."""
    random, yellow = chunk.random("when"), chunk.color == "yellow"
    miles = np.round(np.exp(random.normal(0.55, 0.8, chunk.size)), 2)
    seconds = (180 + miles * 215 * np.exp(random.normal(0, 0.35, chunk.size))).astype(np.int64)
    seconds[plain["vendorid"] == 7] = 0
    backward = random.random(chunk.size) < 0.0003
    seconds[backward] = -random.integers(0, 3600, backward.sum())
    miles[random.random(chunk.size) < (0.017 if yellow else 0.034)] = 0
    absurd = random.random(chunk.size) < 4e-5
    miles[absurd] = np.round(random.uniform(1_000, 250_000, absurd.sum()), 2)
    # Vendor 1 measures tenths of a mile.
    miles = np.where(plain["vendorid"] == 1, np.round(miles, 1), miles)
    pickup = clock.pickups(chunk, random, _block_from(chunk))
    # Whole minutes are all that is known of the null block, and of vendor 2's trips until 2013.
    coarse = block | (plain["vendorid"] == 2) if yellow and chunk.month < Month(2014, 1) else block
    pickup[coarse] -= pickup[coarse] % 60
    seconds[coarse] -= seconds[coarse] % 60
    if chunk.month.year >= 2015:
        clock.spill(chunk, random, pickup)
        clock.stray(chunk, random, pickup)
    dropoff = pickup + seconds
    if chunk.month.year < 2015:
        # The pickups of these years were put right when they were published again, the dropoffs were not.
        clock.stray(chunk, random, dropoff)
    plain["pickup_datetime"], plain["dropoff_datetime"] = pickup.astype("M8[s]"), dropoff.astype("M8[s]")
    plain["trip_distance"] = miles
    minutes: Array = np.maximum(seconds, 0) / 60
    return minutes


def _with_nulls(chunk: Chunk, plain: Plain, block: Array) -> list[tuple[str, Array, Array | None]]:
    """The columns, each with where it is null."""
    month, all_null = chunk.month, np.ones(chunk.size, bool)
    nulls = dict.fromkeys(("passenger_count", "ratecodeid", "store_and_fwd_flag", "trip_type"), block)
    nulls["congestion_surcharge"] = block if month >= Month(2019, 2) else all_null
    nulls["airport_fee"] = block if month >= Month(2021, 4) else all_null
    nulls["ehail_fee"] = all_null
    if month < MTA_TAX:
        nulls["mta_tax"] = all_null
    if month < Month(2010, 1):
        nulls["ratecodeid"] = all_null
    if chunk.color == "green" and month < Month(2014, 4):
        # Empty in 2014-01, filled in 2014-07: when it began is not known.
        nulls["trip_type"] = all_null
    if chunk.color == "green":
        nulls["payment_type"] = block
    if chunk.form != "parquet":
        # The csv's null block has neither vendor nor payment type, where parquet says 2 and 0.
        nulls["vendorid"] = nulls["payment_type"] = block
    columns = plain | {"ehail_fee": np.zeros(chunk.size), "__index_level_0__": _row_numbers(chunk)}
    return [(name, values, nulls.get(name)) for name, values in columns.items()]


def _row_numbers(chunk: Chunk) -> Array:
    """What pandas numbered the rows before it dropped some of them."""
    numbers: Array = chunk.positions() * 1_001 // 1_000
    return numbers
