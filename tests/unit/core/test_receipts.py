"""Receipts and editions."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_luigi.core.receipts import FOOTER_KEY, CleanReceipt, Edition, RawReceipt, SourceFingerprint, source_digest

RAW = RawReceipt("http://x/y.parquet", '"abc"', None, 10, "ff", "0123456789", "2026-11-21T00:00:00+00:00")
CLEAN = CleanReceipt(
    "0123456789-abcdef0123", "green", "2024-01", RAW, "parquet", {"VendorID": "int32"},
    {"new": {"type": "double", "nulls": 0.5}}, 10, 8, {"negative_total": 2}, {"negative_total": 2, "zero_distance": 1},
)  # fmt: skip
WORDS = st.text(alphabet="0123456789abcdefTZ", min_size=1, max_size=16)


@given(WORDS, WORDS, st.one_of(st.just(""), WORDS))
def test_an_edition_reads_back_what_it_wrote(source: str, recipe: str, stamp: str) -> None:
    edition = Edition(source, recipe, stamp)
    assert Edition.parse(str(edition)) == edition
    assert edition.for_raw.startswith(source)
    assert recipe not in edition.for_raw.split("-") or recipe in (source, stamp)


@given(st.lists(st.builds(SourceFingerprint, st.text(), st.text(), st.integers()), min_size=2, max_size=2, unique=True))
def test_another_fingerprint_of_a_source_is_another_edition(seen: list[SourceFingerprint]) -> None:
    assert source_digest(seen[0]) != source_digest(seen[1])


@pytest.mark.parametrize(
    ("held", "wanted", "serves", "any_force"),
    [
        ("s-r", "s-r", True, True),
        ("s-r-20260102T000000Z", "s-r", True, True),
        ("s-r-20260102T000000Z", "s-r-20260101T000000Z", True, True),
        ("s-r-20260101T000000Z", "s-r-20260102T000000Z", False, True),
        ("s-r", "s-r-20260102T000000Z", False, True),
        ("t-r-20260102T000000Z", "s-r-20260101T000000Z", False, False),
        ("s-q-20260102T000000Z", "s-r-20260101T000000Z", False, False),
    ],
)
def test_an_edition_serves_who_wanted_its_content_forced_no_later(
    held: str, wanted: str, serves: bool, any_force: bool
) -> None:
    assert Edition.parse(held).serves(Edition.parse(wanted)) is serves
    assert Edition.parse(held).serves(Edition.parse(wanted), any_force=True) is any_force


def test_what_a_clean_file_holds_is_the_same_whenever_it_was_forced() -> None:
    forced = replace(CLEAN, edition=f"{CLEAN.edition}-20260102T000000Z")
    assert CLEAN.summary.same_content(forced.summary)
    assert not CLEAN.summary.same_content(replace(CLEAN, edition="0123456789-fedcba3210").summary)
    assert not CLEAN.summary.same_content(replace(CLEAN, rows_kept=7).summary)


def test_receipts_read_back_what_they_wrote() -> None:
    assert RawReceipt.from_json(RAW.to_json()) == RAW
    assert CleanReceipt.from_json(CLEAN.to_json()) == CLEAN
    assert CLEAN.rows_rejected == 2


def test_a_receipt_of_before_the_encodings_were_kept_has_none() -> None:
    written = json.loads(replace(CLEAN, encodings={"lpep_pickup_datetime": "RLE_DICTIONARY"}).to_json())
    del written["encodings"]
    assert CleanReceipt.from_json(json.dumps(written)) == CLEAN


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"url": 1}', "null", "[" * 100_000, '{"a":' * 100_000], ids=range(7))
@pytest.mark.parametrize("kind", [RawReceipt, CleanReceipt])
def test_what_is_no_receipt_is_a_value_error(kind: type[RawReceipt] | type[CleanReceipt], text: str) -> None:
    with pytest.raises(ValueError):
        kind.from_json(text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rows_kept", None),
        ("rows_kept", "200"),
        ("rows_in", 1.5),
        ("rejected", []),
        ("rejected", {"no_pickup": "1"}),
        ("unmapped", {"unknown_code:payment_type": 3}),
        ("edition", None),
        ("left_out", {"x": "int32"}),
        ("sums", {"total_amount": "1.00"}),
        ("warnings", "many"),
        ("raw", {**json.loads(RAW.to_json()), "bytes": "7"}),
        ("raw", {**json.loads(RAW.to_json()), "etag": 7}),
    ],
)
def test_a_receipt_with_a_value_of_another_type_is_none(name: str, value: object) -> None:
    """It was taken for a receipt, and ended the load, and verify, with a traceback."""
    with pytest.raises(ValueError, match=r"not a (Clean|Raw)Receipt: its "):
        CleanReceipt.from_json(json.dumps(json.loads(CLEAN.to_json()) | {name: value}))


def test_a_clean_file_keeps_its_account_under_the_name_that_earlier_versions_gave_it() -> None:
    """Put together here, so that no search for names of modules changes it: files of before must stay ours."""
    assert ".".join(("taxi_luigi", "receipt")) == FOOTER_KEY
