"""How yellow and green spelled their codes: vendors and payments in words until 2014, flags in five ways.

The parquet of 2011 on has numbers, whatever the csv of the same months had.
"""

from __future__ import annotations

import numpy as np

from taxi_luigi.sample.trips.chunk import Array, Chunk, Made, Plain, codes
from taxi_luigi.tlc.months import Month

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


def words(chunk: Chunk, plain: Plain, block: Array) -> dict[str, Made]:
    """The columns of this month's file that are in words, in place of their numbers."""
    found = {"store_and_fwd_flag": _flags(chunk, plain, block), "request_source": _requests(chunk)}
    if chunk.color == "green" or chunk.month >= Month(2015 if chunk.form != "parquet" else 2011, 1):
        return found
    spelled = _PAYMENTS[min(chunk.month.year, 2011)]
    paid = (plain["vendorid"] - 1) * 5 + plain["payment_type"] - 1
    found["payment_type"] = Made(paid, words=tuple(word for vendor in spelled for word in vendor))
    found["vendorid"] = Made(plain["vendorid"], words=_VENDORS)
    return found


def _flags(chunk: Chunk, plain: Plain, block: Array) -> Made:
    """Store and forward. Until 2013 only vendor 1 says, in numbers until 2010."""
    flags, parquet, month = plain["store_and_fwd_flag"], chunk.form == "parquet", chunk.month
    if chunk.color == "green" or month >= Month(2014, 1):
        return Made(flags, block, ("N", "Y"))
    silent = plain["vendorid"] != 1
    if month >= Month(2011, 1):
        return Made(flags, silent, ("N", "Y"))
    if month < Month(2010, 1):
        # Nobody in 2009-01, vendor 1 in 2009-07: when it began is not known.
        return Made(flags, silent | (month < Month(2009, 4)))
    odd = codes(chunk.random("flags"), chunk.size, {0: 0.995, 2: 0.004, 3: 0.001})
    by_pandas = parquet and month in (Month(2010, 2), Month(2010, 3))
    no, yes = ("0.0", "1.0") if by_pandas else ("0", "1")
    return Made(np.maximum(flags, odd), silent, (no, yes, "*", "nan" if parquet else ""))


def _requests(chunk: Chunk) -> Made:
    shares = {0: 0.2, 1: 0.04, 2: 0.008, 3: 0.006, 4: 0.005, 5: 0.001}
    random = chunk.random("requests")
    return Made(codes(random, chunk.size, shares), random.random(chunk.size) < 0.74, _REQUESTS)
