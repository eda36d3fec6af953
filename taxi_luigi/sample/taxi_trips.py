"""Made-up yellow and green trips, with TLC's known defects at about their known rates, by year.

Rates were counted in the public files. Columns have canonical names, without the tpep_ or lpep_ of the times; layouts
and files are other modules'. Charges follow TLC's dictionaries of each year. Codes are texts, as vendors wrote them,
until 2014 in csv and until 2010 in parquet.
"""

from __future__ import annotations

import numpy as np

from taxi_luigi.sample.chunk import (
    Array,
    Chunk,
    Made,
    Plain,
    codes,
    coordinates,
    of_year,
    pickups,
    spill,
    stray,
    zones,
)
from taxi_luigi.sample.zones import AIRPORTS
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
    """Return every column that any layout of yellow or green has."""
    block = chunk.positions() >= _block_from(chunk)
    plain = _who(chunk) | zones(chunk) | _passengers(chunk)
    plain["payment_type"] = np.where(block, 0, _payments(chunk))
    minutes = _when(chunk, plain, block)
    plain |= _charges(chunk, plain, minutes, block)
    if chunk.month <= Month(2016, 6):
        plain |= coordinates(chunk)
    _repeat(chunk, plain, ~block)
    _correct(chunk, plain, block)
    made = {name: Made(values, null) for name, values, null in _with_nulls(chunk, plain, block)}
    return made | _texts(chunk, plain, block)


def _block_from(chunk: Chunk) -> int:
    """Return the first row of the null block. The csv of 2019 has none of these rows."""
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
    """Add the times and the distance; return the minutes on the meter."""
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
    pickup = pickups(chunk, random, _block_from(chunk))
    # The null block has whole minutes only, as have vendor 2's trips until 2013.
    coarse = block | (plain["vendorid"] == 2) if yellow and chunk.month < Month(2014, 1) else block
    pickup[coarse] -= pickup[coarse] % 60
    seconds[coarse] -= seconds[coarse] % 60
    if chunk.month.year >= 2015:
        spill(chunk, random, pickup)
        stray(chunk, random, pickup)
    dropoff = pickup + seconds
    if chunk.month.year < 2015:
        # TLC corrected the pickups of these years when it published them again, but not the dropoffs.
        stray(chunk, random, dropoff)
    plain["pickup_datetime"], plain["dropoff_datetime"] = pickup.astype("M8[s]"), dropoff.astype("M8[s]")
    plain["trip_distance"] = miles
    minutes: Array = np.maximum(seconds, 0) / 60
    return minutes


def _with_nulls(chunk: Chunk, plain: Plain, block: Array) -> list[tuple[str, Array, Array | None]]:
    """Return the columns, each with the mask of its nulls."""
    month, all_null = chunk.month, np.ones(chunk.size, bool)
    nulls = dict.fromkeys(("passenger_count", "ratecodeid", "store_and_fwd_flag", "trip_type"), block)
    nulls["congestion_surcharge"] = block if month >= Month(2019, 2) else all_null
    nulls["airport_fee"] = block if month >= Month(2021, 4) else all_null
    nulls["ehail_fee"] = all_null
    if month < _MTA_TAX:
        nulls["mta_tax"] = all_null
    if month < Month(2010, 1):
        nulls["ratecodeid"] = all_null
    if chunk.color == "green" and month < Month(2014, 4):
        # Empty in 2014-01, filled in 2014-07: when it began is not known.
        nulls["trip_type"] = all_null
    if chunk.color == "green":
        nulls["payment_type"] = block
    if chunk.form != "parquet":
        # The csv's null block has neither vendor nor payment type, where parquet has 2 and 0.
        nulls["vendorid"] = nulls["payment_type"] = block
    columns = plain | {"ehail_fee": np.zeros(chunk.size), "__index_level_0__": _row_numbers(chunk)}
    return [(name, values, nulls.get(name)) for name, values in columns.items()]


def _row_numbers(chunk: Chunk) -> Array:
    """Return the row numbers of pandas, from before it dropped some rows."""
    numbers: Array = chunk.positions() * 1_001 // 1_000
    return numbers


_MTA_TAX = Month(2009, 11)
"""the first month of the tax: before it the column is empty"""

_FARES = ((Month(2023, 1), (3.0, 2.8, 0.35, 0.1)), (Month(2012, 9), (2.5, 2.0, 0.25, 0.5)))
"""from a month on: the base, per mile, per minute, and the steps in which the meter counts"""
_FIRST_FARE = (2.5, 2.0, 0.2, 0.4)
_TOLLS = {2009: 4.57, 2011: 4.8, 2013: 5.33, 2015: 5.54, 2017: 5.76, 2019: 6.12, 2021: 6.55, 2024: 6.94}
"""one bridge or tunnel"""
_AIRPORT_FEES = ((Month(2026, 4), 2.0), (Month(2025, 7), 1.75), (Month(2021, 4), 1.25))

# Shares of the trips that come twice in every column, and of the refunds, by year.
_TWICE = {2009: 2e-6, 2010: 0.0116, 2011: 2e-5, 2019: 4e-5}
_YELLOW_REFUNDS = {
    2009: 4e-5,
    2015: 5e-4,
    2019: 3e-3,
    2021: 5e-3,
    2022: 6e-3,
    2023: 9e-3,
    2024: 0.012,
    2025: 0.03,
    2026: 4e-3,
}
_GREEN_REFUNDS = {2013: 4e-5, 2015: 1e-3, 2019: 2e-3, 2022: 3e-3}


def _charges(chunk: Chunk, plain: Plain, minutes: Array, block: Array) -> Plain:
    """Return every charge in dollars, and their sum as the total. The null block's fares are agreed on, not metered."""
    month, size, yellow, random = chunk.month, chunk.size, chunk.color == "yellow", chunk.random("money")
    base, mile, minute, step = next((fare for first, fare in _FARES if month >= first), _FIRST_FARE)
    metered = mile * np.minimum(plain["trip_distance"], 60) + minute * minutes
    fare = np.round(base + np.where(block, metered, np.round(metered / step) * step), 2)
    toll = of_year(_TOLLS, month)
    parts = {
        "fare_amount": fare,
        "extra": codes(random, size, {0: 55, 5: 15, 10: 15, 25: 15 if month >= Month(2019, 2) else 0}) / 10,
        "mta_tax": codes(random, size, {5: 0.99, 0: 0.01}) / 10 * (month >= _MTA_TAX),
        "tip_amount": np.where(plain["payment_type"] == 1, np.round(fare * random.uniform(0, 0.35, size), 2), 0.0),
        "tolls_amount": codes(random, size, {0: 0.955, 1: 0.04, 2: 0.005}) * toll,
        "improvement_surcharge": np.full(size, 0.0 if month.year < 2015 else 1.0 if month >= Month(2023, 1) else 0.3),
        "congestion_surcharge": _congestion(month, random, size, yellow),
        "airport_fee": np.where(np.isin(plain["pulocationid"], AIRPORTS[1:]), _airport_fee(month), 0.0) * yellow,
        "cbd_congestion_fee": codes(random, size, {75: 0.7, 0: 0.3} if yellow else {75: 0.08, 0: 0.92}) / 100,
    }
    parts["cbd_congestion_fee"] *= month >= Month(2025, 1)
    parts["total_amount"] = np.round(sum(parts.values(), np.zeros(size)), 2)
    return parts


def _congestion(month: Month, random: np.random.Generator, size: int, yellow: bool) -> Array:
    shares = {250: 0.92, 0: 0.08} if yellow else {275: 0.27, 0: 0.73}
    return codes(random, size, shares) / 100 * (month >= Month(2019, 2))


def _airport_fee(month: Month) -> float:
    return next((fee for first, fee in _AIRPORT_FEES if month >= first), 0.0)


def _repeat(chunk: Chunk, plain: Plain, may: Array) -> None:
    """Turn some rows into copies of the row before, and some into its refund, with negative charges and no key.

    Args:
        may: true for the rows that can become either
    """
    random = chunk.random("repeat")
    odd = np.flatnonzero(may)[1::2]
    drawn = random.random(len(odd))
    rates = _GREEN_REFUNDS if chunk.color == "green" else _YELLOW_REFUNDS
    twice, refunds = 2 * of_year(_TWICE, chunk.month), 2 * of_year(rates, chunk.month)
    again, back = odd[drawn < twice], odd[(drawn >= twice) & (drawn < twice + refunds)]
    for name, values in plain.items():
        values[again] = values[again - 1]
        values[back] = 0 - values[back - 1] if _is_charge(name) else values[back - 1]
    plain["payment_type"][back] = plain["payment_type"][back - 1] = 4


def _correct(chunk: Chunk, plain: Plain, block: Array) -> None:
    """From 2024 on, make the fare of a tenth of yellow's rows of payment type 0 negative, beside a positive total."""
    if chunk.color == "yellow" and chunk.month.year >= 2024:
        negative = block & (chunk.random("correct").random(chunk.size) < 0.1)
        plain["fare_amount"][negative] *= -1


def _is_charge(name: str) -> bool:
    return name == "extra" or name.endswith(("_amount", "_surcharge", "_fee", "_tax"))


_VENDORS = ("", "CMT", "VTS", "DDS")

# By year, the payment types 1 to 5 in the words of each vendor; a later year has those of the last one listed.
_PAYMENTS = {
    2009: (
        ("Credit", "Cash", "No Charge", "Dispute", "NA "),
        ("Credit", "CASH", "No Charge", "Dispute", "NA "),
        ("CREDIT", "CASH", "No Charge", "Dispute", "NA "),
    ),
    2010: (
        ("Cre", "Cas", "No ", "Dis", "NA "),
        ("Cre", "CAS", "No ", "Dis", "NA "),
        ("CRE", "CAS", "No ", "Dis", "NA "),
    ),
    2011: (("CRD", "CSH", "NOC", "DIS", "UNK"),) * 3,
}
_REQUESTS = ("HV0003", "HV0005", "EH0004", "EH0010", "A", "CC")


def _texts(chunk: Chunk, plain: Plain, block: Array) -> dict[str, Made]:
    """Return the columns that this month's file has as texts, in place of their numbers."""
    found = {"store_and_fwd_flag": _flags(chunk, plain, block), "request_source": _requests(chunk)}
    if chunk.color == "green" or chunk.month >= Month(2015 if chunk.form != "parquet" else 2011, 1):
        return found
    names = _PAYMENTS[min(chunk.month.year, 2011)]
    paid = (plain["vendorid"] - 1) * 5 + plain["payment_type"] - 1
    found["payment_type"] = Made(paid, words=tuple(word for vendor in names for word in vendor))
    found["vendorid"] = Made(plain["vendorid"], words=_VENDORS)
    return found


def _flags(chunk: Chunk, plain: Plain, block: Array) -> Made:
    """Return the store-and-forward flags. Until 2013 only vendor 1 has them, as numbers until 2010."""
    flags, parquet, month = plain["store_and_fwd_flag"], chunk.form == "parquet", chunk.month
    if chunk.color == "green" or month >= Month(2014, 1):
        return Made(flags, block, ("N", "Y"))
    unset = plain["vendorid"] != 1
    if month >= Month(2011, 1):
        return Made(flags, unset, ("N", "Y"))
    if month < Month(2010, 1):
        # No vendor in 2009-01, vendor 1 in 2009-07: the month in which it began is not known.
        return Made(flags, unset | (month < Month(2009, 4)))
    odd = codes(chunk.random("flags"), chunk.size, {0: 0.995, 2: 0.004, 3: 0.001})
    by_pandas = parquet and month in (Month(2010, 2), Month(2010, 3))
    no, yes = ("0.0", "1.0") if by_pandas else ("0", "1")
    return Made(np.maximum(flags, odd), unset, (no, yes, "*", "nan" if parquet else ""))


def _requests(chunk: Chunk) -> Made:
    shares = {0: 0.2, 1: 0.04, 2: 0.008, 3: 0.006, 4: 0.005, 5: 0.001}
    random = chunk.random("requests")
    return Made(codes(random, chunk.size, shares), random.random(chunk.size) < 0.74, _REQUESTS)
