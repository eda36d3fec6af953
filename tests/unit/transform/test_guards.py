"""Which months are refused, and in what words: what a file is, and what is held in its place."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from taxi_luigi.core.errors import Refusal
from taxi_luigi.core.receipts import DROPPED, FILE, OTHER_FORM, CleanReceipt, Failure
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform import guards
from taxi_luigi.transform.clean_settings import CleanRules, Limits, check_version
from taxi_luigi.transform.column_mapping import match
from taxi_luigi.transform.guards import HeldCounts
from tests.support.trips import clean_receipt

MONTH = Month(2018, 1)
TLC = "https://d37ci6vzurychx.cloudfront.net/trip-data/yellow_tripdata_2018-01.parquet"
PUBLISHED = 8_760_687
"""rows of yellow 2018-01 in TLC's parquet file"""


def receipt(rows: int, lost: int = 0, by_rule: int = 0, url: str = "/srv/file.parquet", **more: object) -> CleanReceipt:
    """Of a month of that many records, of which some cannot be stored, and a rule that is on took out others."""
    made = clean_receipt(DATASETS["yellow"], MONTH, rows, 1)
    rejected = {"unreadable:total_amount": lost, "negative_total": by_rule}
    return replace(
        made,
        rejected={reason: number for reason, number in rejected.items() if number},
        rows_kept=rows - lost - by_rule,
        rules={"negative_total": by_rule},
        raw=replace(made.raw, url=url),
        **more,  # type: ignore[arg-type]
    )


def check_file(made: CleanReceipt, limits: Limits = Limits()) -> None:  # noqa: B008 it is a value
    guards.check_file(made, limits, lambda: "so many cannot be stored", "the file")


def test_one_record_in_a_hundred_may_be_such_that_it_cannot_be_stored() -> None:
    check_file(receipt(10_000, lost=100))
    with pytest.raises(
        Refusal, match=r"^the file: so many cannot be stored\. That is more than \[clean\] most_rejected = 0\.01"
    ) as refused:
        check_file(receipt(10_000, lost=101))
    assert refused.value.check == "most_rejected"


def test_the_setting_that_a_refusal_names_takes_the_month() -> None:
    made = receipt(76_518, lost=76_359)
    with pytest.raises(Refusal) as refused:
        check_file(made)
    share = float(str(refused.value).rpartition("--clean-most-rejected ")[2])
    check_file(made, Limits(most_rejected=share))


def test_what_rules_take_out_does_not_count() -> None:
    check_file(receipt(1_000, by_rule=1_000))
    assert receipt(1_000, lost=10, by_rule=500).records == 990


def test_a_month_without_a_record_is_refused_whatever_the_limits() -> None:
    with pytest.raises(Refusal, match="holds no record"):
        check_file(receipt(0), Limits(most_rejected=1, missing_columns="warn", fewest_rows=0))


def replaced(made: CleanReceipt, held: HeldCounts, limits: Limits = Limits(), forced: bool = False) -> None:  # noqa: B008
    guards.check_replacement(made, held, limits, forced, "the file", "warehouse duckdb")


def test_a_replacement_has_nine_tenths_of_what_is_held() -> None:
    replaced(receipt(900), HeldCounts(1_000))
    with pytest.raises(Refusal, match=r"899 records, where warehouse duckdb holds 1,000") as refused:
        replaced(receipt(899), HeldCounts(1_000))
    assert (refused.value.check, refused.value.records) == ("fewest_rows", 899)


def test_records_are_compared_not_the_rows_that_rules_leave() -> None:
    replaced(receipt(1_000, by_rule=800), HeldCounts(1_000))
    with pytest.raises(Refusal, match="600 records"):
        replaced(receipt(600), HeldCounts(1_000))


def test_force_and_the_setting_take_a_shorter_month() -> None:
    replaced(receipt(3), HeldCounts(5_000), forced=True)
    with pytest.raises(Refusal) as refused:
        replaced(receipt(3), HeldCounts(5_000))
    share = float(str(refused.value).rpartition("--clean-fewest-rows ")[2])
    replaced(receipt(3), HeldCounts(5_000), Limits(fewest_rows=share))


def test_a_month_that_reaches_the_published_count_of_its_own_form_may_shrink() -> None:
    csv_rows = 9_500_000
    parquet = receipt(PUBLISHED * 9 // 10 + 1, url=TLC)
    replaced(parquet, HeldCounts(csv_rows))
    with pytest.raises(Refusal):
        replaced(
            replace(parquet, raw=replace(parquet.raw, url="/srv/yellow_tripdata_2018-01.parquet")), HeldCounts(csv_rows)
        )
    with pytest.raises(Refusal):
        replaced(replace(parquet, raw_format="csv"), HeldCounts(csv_rows))


def test_a_first_load_below_the_published_count_names_both_numbers_and_only_of_tlc() -> None:
    assert guards.fewer_than_published(receipt(60_000, url=TLC), Limits()) == (60_000, PUBLISHED)
    assert guards.fewer_than_published(receipt(PUBLISHED, url=TLC), Limits()) is None
    assert guards.fewer_than_published(receipt(60_000), Limits()) is None


@pytest.mark.parametrize("kind", [OTHER_FORM, DROPPED])
def test_a_column_of_the_other_form_is_missed_where_values_of_it_are_held(kind: str) -> None:
    made = receipt(1_000, missing={"airport_fee": kind})
    replaced(made, HeldCounts(1_000))
    replaced(made, HeldCounts(1_000, {}, frozenset({"total_amount"})))
    held = HeldCounts(1_000, {}, frozenset({"airport_fee"}))
    with pytest.raises(Refusal, match=r"lacks airport_fee, of which warehouse duckdb holds values") as refused:
        replaced(made, held)
    assert refused.value.check == "held_columns"
    replaced(made, held, Limits(missing_columns=frozenset({"airport_fee"})))
    replaced(made, held, Limits(missing_columns="warn"))


def test_the_flag_to_paste_keeps_the_columns_that_were_allowed_before() -> None:
    made, held = (
        receipt(1_000, missing={"airport_fee": OTHER_FORM}),
        HeldCounts(1_000, filled=frozenset({"airport_fee"})),
    )
    with pytest.raises(Refusal, match=r"--clean-missing-columns airport_fee,extra,mta_tax$"):
        replaced(made, held, Limits(missing_columns=frozenset({"mta_tax", "extra"})))
    schema = pa.schema([(name, pa.string()) for name in ("VendorID", "tpep_pickup_datetime", "tpep_dropoff_datetime")])
    layout = match(DATASETS["yellow"], MONTH, "csv", schema, "the file")
    with pytest.raises(Refusal) as refused:
        guards.check_columns(layout, Limits(missing_columns=frozenset({"extra"})), "the file")
    named = str(refused.value).rpartition("--clean-missing-columns ")[2]
    guards.check_columns(layout, Limits(missing_columns=frozenset(named.split(","))), "the file")


def test_one_record_is_one_record() -> None:
    with pytest.raises(Refusal, match=r"the file: 1 record, where"):
        replaced(receipt(1), HeldCounts(1_000))


def test_a_change_has_records_and_money_before_and_after() -> None:
    before, after = HeldCounts(5_000, {"total_amount": 81_234.5}), HeldCounts(5_003, {"total_amount": 81_300.0})
    assert guards.change(before, after, "yellow") == "5,000 → 5,003 records, total_amount 81,234.50 → 81,300.00"
    assert guards.change(HeldCounts(5_000), after, "yellow") == "5,000 → 5,003 records, total_amount – → 81,300.00"
    assert guards.change(HeldCounts(1), HeldCounts(2), "fhv") == "1 → 2 records"
    assert guards.change(None, after, "yellow") == ""


def test_zones_have_the_same_guard() -> None:
    guards.check_zones(265, 265, Limits(), "the list", "warehouse duckdb")
    guards.check_zones(10, 0, Limits(), "the list", "warehouse duckdb")
    with pytest.raises(Refusal, match=r"10 zones, where warehouse duckdb holds 265"):
        guards.check_zones(10, 265, Limits(), "the list", "warehouse duckdb")


def failure(check: str, records: int | None = None) -> Failure:
    return Failure(check, "why", "source", "recipe", "settings", records)


def test_a_refusal_holds_until_file_recipe_or_settings_change() -> None:
    refused = failure("most_rejected")
    assert guards.still_refused(refused, "source", "recipe", "settings")
    assert not guards.still_refused(refused, "other", "recipe", "settings")
    assert not guards.still_refused(refused, "source", "other", "settings")
    assert not guards.still_refused(refused, "source", "recipe", "other")
    assert not guards.still_refused(failure(FILE), "source", "recipe", "settings")


def test_a_refusal_for_what_was_held_ends_with_that() -> None:
    shrunk = failure("fewest_rows", records=500)
    assert guards.stands_against(shrunk, 1_000, Limits())
    assert not guards.stands_against(shrunk, 550, Limits())
    assert not guards.stands_against(shrunk, None, Limits())
    assert not guards.stands_against(failure("held_columns"), None, Limits())
    assert guards.stands_against(failure("missing_columns"), None, Limits())


def test_every_setting_that_can_refuse_changes_the_version_of_the_checks() -> None:
    plain = check_version(CleanRules(), Limits())
    changed = {
        check_version(CleanRules(unknown_columns="fail"), Limits()),
        check_version(CleanRules(), Limits(most_rejected=0.5)),
        check_version(CleanRules(), Limits(missing_columns="warn")),
        check_version(CleanRules(), Limits(missing_columns=frozenset({"extra"}))),
        check_version(CleanRules(), Limits(fewest_rows=0.5)),
    }
    assert len(changed) == 5
    assert plain not in changed
