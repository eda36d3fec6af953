"""What a value means does not depend on the values beside it, though columns are cast as wholes when they can be."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import example, given, settings
from hypothesis import strategies as st

from taxi_luigi.tlc.datasets import DATASETS, ColumnType
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.casting import read
from taxi_luigi.transform.clean import clean_month
from taxi_luigi.transform.clean_settings import CleanRules
from tests.fuzz.values import TEXTS as HARD
from tests.support.cleaned import RAW_RECEIPT

TEXTS = st.one_of(
    st.sampled_from(HARD),
    st.from_regex(r"\A[-+]?0?[0-9]{1,20}(\.[0-9]{0,3})?([eE]-?[0-9]{1,3})?\Z"),
    st.from_regex(r"\A20[0-9]{2}-[01][0-9]-[0-3][0-9]([ T][0-2][0-9](:[0-6][0-9]){0,2}(\.[0-9]{0,9})?)?Z?\Z"),
    st.text(" 0123456789.-+eExXinfaNT:", max_size=10),
)
COLUMN_TYPES: list[ColumnType] = ["int32", "int64", "double", "string", "timestamp[us]"]


def meaning(texts: list[str | None], wanted: ColumnType) -> list[tuple[Any, bool]]:
    values, lost = read(pa.array(texts, pa.string()), wanted)
    marks = [False] * len(texts) if lost is None else lost.to_pylist()
    plain = [None if value is None else repr(value) for value in values.to_pylist()]
    return list(zip(plain, marks, strict=True))


@given(st.lists(st.none() | TEXTS, min_size=1, max_size=6), st.sampled_from(COLUMN_TYPES))
@settings(max_examples=300, deadline=None)
@example(["0xffffffff", "no"], "int32")
@example(["1e999", "-inf"], "double")
@example(["2021-01-05 12", "no"], "timestamp[us]")
@example(["0000000000000000007", "no"], "int32")
@example(["9223372036854775807", "no"], "int64")
def test_a_text_means_the_same_alone_and_among_others(texts: list[str | None], wanted: ColumnType) -> None:
    assert meaning(texts, wanted) == [meaning([text], wanted)[0] for text in texts]


HEADER = (
    "VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,store_and_fwd_flag,payment_type,tip_amount"
)
GOOD = "1,2021-01-05 12:00:00,2021-01-05 12:09:00,1,N,1,2.5"


def cleaned(lines: list[str]) -> list[tuple[str, str]]:
    """Per line of a csv file its kept row, or its reason and raw text."""
    with tempfile.TemporaryDirectory() as folder:
        raw, clean, rejects = (Path(folder, name) for name in ("raw", "clean", "rejects"))
        raw.write_text("\n".join([HEADER, *lines, ""]))
        clean_month(
            DATASETS["yellow"], Month(2021, 1), raw, RAW_RECEIPT, "e-e", CleanRules(), clean, rejects,
            lambda done, total: None,
        )  # fmt: skip
        taken = pq.read_table(rejects).to_pylist() if rejects.exists() else []
        kept = iter(pq.read_table(clean).to_pylist())
    out = {row["record"]: (str(row["reason"]), str(row["raw"])) for row in taken}
    return [out.get(number) or ("kept", str(next(kept))) for number in range(1, len(lines) + 1)]


PLAIN = TEXTS.filter(lambda text: not set(text) & set('",\n\r'))


@given(st.tuples(st.integers(0, 6), PLAIN), st.tuples(st.integers(0, 6), PLAIN))
@settings(max_examples=60, deadline=None)
@example((3, "0x10"), (3, "many"))
@example((6, "inf"), (6, "none"))
@example((6, "-nan"), (6, "some"))
@example((6, "nan"), (6, "some"))
@example((3, "0000000000000000000007"), (3, "many"))
@example((1, "2021-01-05 12"), (1, "noon"))
@example((0, "CMT"), (0, "1.5"))
def test_a_row_is_cleaned_alike_whatever_stands_beside_it(one: tuple[int, str], other: tuple[int, str]) -> None:
    lines = []
    for place, text in (one, other):
        fields = GOOD.split(",")
        fields[place] = text
        lines.append(",".join(fields))
    coalesce = cleaned([GOOD, *lines])
    assert coalesce == [cleaned([GOOD])[0], cleaned([GOOD, lines[0]])[1], cleaned([GOOD, lines[1]])[1]]
