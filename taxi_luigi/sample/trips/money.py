"""What a yellow or green trip costs: the charges of each year by TLC's dictionaries, and the refunds."""

from __future__ import annotations

import numpy as np

from taxi_luigi.sample.trips.chunk import Array, Chunk, Plain, codes, of_year
from taxi_luigi.sample.zones import AIRPORTS
from taxi_luigi.tlc.months import Month

MTA_TAX = Month(2009, 11)
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


def charges(chunk: Chunk, plain: Plain, minutes: Array, block: Array) -> Plain:
    """Every charge in dollars, and their sum as the total. In the null block fares are agreed on, not metered."""
    month, size, yellow, random = chunk.month, chunk.size, chunk.color == "yellow", chunk.random("money")
    base, mile, minute, step = next((fare for first, fare in _FARES if month >= first), _FIRST_FARE)
    metered = mile * np.minimum(plain["trip_distance"], 60) + minute * minutes
    fare = np.round(base + np.where(block, metered, np.round(metered / step) * step), 2)
    toll = of_year(_TOLLS, month)
    parts = {
        "fare_amount": fare,
        "extra": codes(random, size, {0: 55, 5: 15, 10: 15, 25: 15 if month >= Month(2019, 2) else 0}) / 10,
        "mta_tax": codes(random, size, {5: 0.99, 0: 0.01}) / 10 * (month >= MTA_TAX),
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


def repeat(chunk: Chunk, plain: Plain, may: Array) -> None:
    """Turns some rows into the row before, and some into its refund: one trip, charges negative, told apart by no key.

    `may` is true for the rows that can be either.
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


def correct(chunk: Chunk, plain: Plain, block: Array) -> None:
    """From 2024 a tenth of yellow's rows of payment type 0 have a negative fare beside a positive total."""
    if chunk.color == "yellow" and chunk.month.year >= 2024:
        negative = block & (chunk.random("correct").random(chunk.size) < 0.1)
        plain["fare_amount"][negative] *= -1


def _is_charge(name: str) -> bool:
    return name == "extra" or name.endswith(("_amount", "_surcharge", "_fee", "_tax"))
